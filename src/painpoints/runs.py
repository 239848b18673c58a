"""The run folder: what an analysis leaves behind, written whole or not at all, and read again.

A run is written beside its place and then renamed, so nobody meets half of one. What the tables
and the reports look like is said in `writers` and `report`; here is only what makes them a run.
"""

import json
import platform
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from painpoints import journeymap, report, tables, writers
from painpoints.arrangement import Tables, arrange, stages
from painpoints.config import Settings
from painpoints.errors import InputError, RunError, TableError
from painpoints.pipeline import Analysis, Earlier
from painpoints.topics import TopicModel

if TYPE_CHECKING:
    from painpoints.domain import JourneyMap

FORMAT = 1
RUN = "run.json"
FIXES = "fixes.csv"
"""The register that the fixes were judged by, kept with the run."""
NOVEL = "novel.csv"
"""Of an update: the mentions added that no topic holds."""
LINEAGE = "lineage.csv"
"""Of a run that continues another: what became of each topic."""
DESCENT = {"old_id": pl.String, "topic_id": pl.String, "verdict": pl.String, "cosine": pl.Float64}
TOPIC_MODEL = "topic_model.npz"
RECORDED = ("painpoints", "bertopic", "numpy", "polars", "scikit-learn", "spacy", "torch")


def refuse_foreign(out: Path) -> None:
    """Check, before the work begins, that `out` may be written: new, empty, or a run of ours.

    Raises:
        InputError: it is a file, a folder that holds something else, or one that nothing can take
            the place of.
    """
    place = out.resolve()
    if place.is_mount():
        raise InputError(f"{out} is a mount point, which cannot be replaced; {_within(out)}")
    if Path.cwd().is_relative_to(place):
        raise InputError(f"{out} is the folder you work in, and is replaced; {_within(out)}")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder for the results")
    if out.is_dir() and any(out.iterdir()) and not (out / RUN).is_file():
        raise InputError(f"{out} holds other files and no {RUN}; name a new or an empty folder")


def _within(out: Path) -> str:
    return f"name a folder in it, such as {out / 'run'}"


def refuse_within(out: Path, files: Iterable[Path]) -> None:
    """Check, before the work begins, that none of the files is lost when `out` is replaced.

    The register of fixes is none of them where the run keeps it under the name that it has.

    Raises:
        InputError: naming the first that is.
    """
    place = out.resolve()
    for file in files:
        within = file.resolve().is_relative_to(place)
        if within and file.resolve() != place / FIXES:
            raise InputError(
                f"{file} lies in {out}, which is replaced as a whole: move it out first, or name "
                "another folder for the results"
            )


def refuse_ending(table: Path) -> None:
    """Check, before the work begins, that a table can be written in the form that its ending names.

    Raises:
        InputError: it cannot.
    """
    if table.suffix not in writers.ENDINGS:
        raise InputError(f"{table.name}: tables are written as {', '.join(writers.ENDINGS)}")


def save(analysis: Analysis, out: Path) -> list[Path]:
    """Write the run into the folder `out`, in place of an earlier run there; return its files.

    Raises:
        InputError: `out` holds something that is not a run.
        RunError: the disk or the rights do not allow it; an earlier run is left as it was.
    """
    refuse_foreign(out)
    with _replacing(out) as folder:
        names = [path.name for path in _write(analysis, folder)]
    return [out / name for name in names]


def _write(analysis: Analysis, folder: Path) -> list[Path]:
    whole, journey, intake = analysis.tables, analysis.journey, analysis.intake
    written = _tell(whole, journey, analysis.settings, folder)
    written += writers.write_tables(whole.by_name(), folder)
    written.append(writers.write_json(quality(analysis), folder / "quality.json"))
    if analysis.drift is not None:
        novel = whole.mentions.filter(pl.col("mention_id").is_in(list(analysis.drift.novel_ids)))
        columns = ("mention_id", "feedback_id", "text", "stage", "sentiment", "type")
        written.append(writers.write_table(novel.select(columns), folder / NOVEL))
    if analysis.lineage:
        lines = pl.DataFrame([asdict(line) for line in analysis.lineage], schema=DESCENT)
        written.append(writers.write_table(lines, folder / LINEAGE))
    if intake.rejected.height:
        written.append(writers.write_table(intake.rejected, folder / "rejected.csv"))
    written.append(folder / TOPIC_MODEL)
    arrays: dict[str, Any] = analysis.topic_model.to_arrays()
    np.savez_compressed(folder / TOPIC_MODEL, **arrays)
    written.append(writers.write_json(facts(analysis), folder / RUN))
    return written


def _tell(whole: Tables, journey: "JourneyMap", settings: Settings, folder: Path) -> list[Path]:
    """Write all that tells of the map: its reports, the map itself, the register it judges by."""
    written = _draw(whole, journey, settings, folder)
    written.append(writers.write_json(journeymap.to_dict(journey), folder / "journey_map.json"))
    if settings.rank.fixes is not None:
        written += writers.write_files({FIXES: settings.rank.fixes.read_bytes()}, folder)
    return written


def _draw(whole: Tables, journey: "JourneyMap", settings: Settings, folder: Path) -> list[Path]:
    evidence = journeymap.evidence(
        whole.feedback,
        whole.mentions,
        whole.findings,
        max_evidence=settings.report.max_evidence,
        seed=settings.seed,
    )
    drawn = report.draw(
        journey, evidence, n_evidence_total=whole.mentions.height, top=settings.report.top
    )
    return writers.write_files(drawn, folder)


def quality(analysis: Analysis) -> dict[str, Any]:
    """Return what was read, mapped, masked, left out and why, as plain values."""
    journey, classified = analysis.journey, analysis.classified
    return {
        **analysis.intake.to_dict(),
        "masked": dict(analysis.masked),
        "left_out": dict(journey.left_out),
        "without_topic": dict(journey.without_topic),
        "without_stage": dict(journey.no_stage),
        "metadata_conflicts": dict(classified.conflicts),
        "metadata_not_understood": dict(classified.unmapped),
        **({} if analysis.drift is None else {"drift": journeymap.plain(analysis.drift)}),
    }


def facts(analysis: Analysis) -> dict[str, Any]:
    """Return what made this run: versions, seed, settings, inputs, counts, seconds per step."""
    journey = analysis.journey
    return {
        "format": FORMAT,
        "versions": {name: version(name) for name in RECORDED},
        "python": platform.python_version(),
        "parts": dict(analysis.parts),
        "seed": analysis.settings.seed,
        "settings": analysis.settings.model_dump(mode="json", exclude={"redact": {"salt"}}),
        "inputs": [*analysis.earlier, *(source.to_dict() for source in analysis.intake.sources)],
        "priors": {label: dict(prior) for label, prior in analysis.classified.priors.items()},
        "counts": {
            "feedback": journey.n_feedback,
            "people": journey.n_people,
            "mentions": journey.n_mentions,
            "topics": len(journey.topics),
            "findings": analysis.tables.findings.height,
            "rejected": analysis.intake.rejected.height,
        },
        "seconds": dict(analysis.seconds),
    }


def load_facts(run: Path) -> dict[str, Any]:
    """Return the `run.json` of a run, without settings that there were when it was made, and are no more.

    Raises:
        RunError: there is no run, or it was written in another format.
    """
    try:
        found = json.loads((run / RUN).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{run} is no run: {RUN} is missing") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{run / RUN} cannot be read; analyse the input again") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise RunError(f"{run} was written in another format than {FORMAT}; analyse it again")
    told = found.get("settings", {})
    return found | {"settings": {key: told[key] for key in Settings.model_fields if key in told}}


def load_tables(run: Path) -> Tables:
    """Return the five tables of a run, checked.

    Raises:
        RunError: a table is missing, damaged, or not as `docs/tables.md` says.
    """
    return Tables(**{table.name: _load_table(run, table) for table in tables.TABLES})


def _load_table(run: Path, table: tables.Table) -> pl.DataFrame:
    path = run / f"{table.name}.parquet"
    try:
        return tables.check(table, pl.read_parquet(path, glob=False))
    except (OSError, pl.exceptions.PolarsError, TableError) as error:
        raise RunError(f"{path} cannot be read: {error}; analyse the input again") from error


def load_topic_model(run: Path) -> TopicModel:
    """Return the frozen topics of a run.

    Raises:
        RunError: the file is missing or damaged.
    """
    path = run / TOPIC_MODEL
    load_facts(run)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return TopicModel.from_arrays(dict(arrays))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise RunError(f"{path} cannot be read; analyse the input again") from error


def quality_of(run: Path) -> str:
    """Return the quality by which a run was made.

    Raises:
        RunError: the run is missing or damaged.
    """
    return str(load_facts(run)["settings"]["quality"])


def load_earlier(run: Path) -> Earlier:
    """Return a run as far as another needs it that adds to it.

    Raises:
        RunError: the run is missing or damaged, or was made before runs recorded their inputs' hashes.
    """
    told = load_facts(run)
    if any(not source.get("sha256") for source in told["inputs"]):
        raise RunError(f"{run} does not say what its inputs were; analyse them again")
    return Earlier(
        tables=load_tables(run),
        topic_model=load_topic_model(run),
        priors=told["priors"],
        inputs=tuple(told["inputs"]),
        parts=told["parts"],
        stages=stages(Settings.model_validate(told["settings"])),
    )


def redraw(run: Path, out: Path, settings: Settings) -> list[Path]:
    """Draw the reports of the run anew, with the title and limits of `settings`.

    The numbers stay those of the run: ranking and reading keep the run's own settings; only a
    register of fixes may be named anew, to be judged on the run's data. Drawn into the run itself,
    its map and its register are those of the reports.

    Raises:
        InputError: `out` holds files that another wrote.
        RunError: the run is missing or damaged, or `out` cannot be written.
    """
    inside = out.resolve() == run.resolve()
    if not inside:
        _refuse_others(out)
    own = Settings.model_validate(load_facts(run)["settings"])
    titled = settings.report.model_dump(exclude_unset=True)
    register = settings.rank.fixes or (run / FIXES if (run / FIXES).is_file() else None)
    drawn = own.model_copy(
        update={
            "report": own.report.model_copy(update=titled),
            "rank": own.rank.model_copy(update={"fixes": register}),
        }
    )
    whole = load_tables(run)
    write = _tell if inside else _draw
    return write(whole, arrange(whole, drawn), drawn, out)


def _refuse_others(out: Path) -> None:
    """Check that reports drawn into `out` replace at most the reports drawn there before.

    Reports are drawn together, so files of only some of their names are somebody else's.

    Raises:
        InputError: they would replace other files.
    """
    if (out / RUN).exists():
        raise InputError(f"{out} is another run, with its own reports; name another folder")
    there = [name for name in report.FILES if (out / name).exists()]
    if there and len(there) < len(report.FILES):
        raise InputError(
            f"{out} holds {', '.join(there)} of something else; move it away, or name another folder"
        )


def write_table(frame: pl.DataFrame, path: Path) -> Path:
    """Write one table in the form its ending names."""
    return writers.write_table(frame, path)


def summary(analysis: Analysis, written: Sequence[Path]) -> dict[str, Any]:
    """Return what a script wants to know of a run at once."""
    return {
        "written": [str(path) for path in written],
        "counts": facts(analysis)["counts"],
        "journey_map": journeymap.to_dict(analysis.journey),
    }


@contextmanager
def _replacing(out: Path) -> Iterator[Path]:
    """Yield a new folder beside `out` that takes its place when the block ends well.

    Where `out` is a link, the folder that it leads to is replaced.
    """
    out = out.resolve()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise RunError(f"{out} cannot be written: {error.strerror or error}") from error
    try:
        yield unfinished
        unfinished.chmod(0o755)
        _swap(unfinished, out)
    except OSError as error:
        raise RunError(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _swap(new: Path, out: Path) -> None:
    """Put `new` in the place of `out`; what was there is gone once the new one stands."""
    if not out.exists():
        new.rename(out)
        return
    old = new.with_name(new.name + ".old")
    out.rename(old)
    new.rename(out)
    shutil.rmtree(old)
