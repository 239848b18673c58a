"""The one file that calls the engine: inputs and settings in, a run folder or labels out.

The rest of the service knows only `Engine`. Everything heavy is imported when first used, so
that a server that only reads runs loads no model.
"""

import contextlib
import dataclasses
import errno
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from painpoints.errors import InputError, ModelError, RunError
from painpoints_api.splits import topic_of

if TYPE_CHECKING:
    from painpoints.config import Settings
    from painpoints.domain import FixVerdict
    from painpoints.pipeline import Analyser, Spread
    from painpoints.topics import TopicModel

OnStep = Callable[[str, int, int], None]
"""Called with a step's name as it begins, then with how many of how many are ready."""

Known = Mapping[str, str | None]
"""What is known of a text: `verbatim`, and question, channel, touchpoint, stage, language if told."""


class Scorer(Protocol):
    """Loaded models that label texts."""

    def score(self, texts: Sequence[Known]) -> list[dict[str, Any]]:
        """Return the mentions of all texts; `text_index` says which text each is of."""


class Engine(Protocol):
    """What the service needs of an engine."""

    def fingerprint(self, settings: Mapping[str, Any]) -> str:
        """Return what an analysis depends on besides its inputs: program, models, settings."""

    def fits(self, run: Path, settings: Mapping[str, Any]) -> bool:
        """Return whether an analysis by `settings` can keep the topics of `run`: the same encoder."""

    def analyse(
        self,
        inputs: Sequence[Path],
        settings: Mapping[str, Any],
        folder: Path,
        on_step: OnStep,
        *,
        continues: Path | None = None,
        parts: Path | None = None,
    ) -> None:
        """Analyse `inputs` and write the whole run into the empty `folder`.

        continues: a run whose topics keep their ids and names where they go on.
        parts: where a large run leaves its parts; those found there are gone on from. None keeps
            everything in memory.

        Raises:
            PainpointsError: when inputs or settings cannot be used.
        """

    def recognise(self, inputs: Sequence[Path], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return what was recognised in `inputs`: layouts, columns with reasons, problems."""

    def scorer(self, run: Path | None, quality: str | None = None) -> Scorer:
        """Load the models, and the topics of `run` if there is one: then by the run's settings.

        Raises:
            InputError: when the run was made by other models than are in use.
        """

    def models(self) -> list[dict[str, Any]]:
        """Return the trained parts in use: part, version, files with their hashes."""

    def in_force(self) -> tuple[str, ...]:
        """Return what tells the models in force from others, at little cost; loads nothing."""


class PackagedEngine:
    """The engine of this installation; models are held once for all that is scored by them."""

    def __init__(self, settings_file: Path | None = None) -> None:
        self._file = settings_file
        self._held: dict[tuple[str, ...], Analyser] = {}
        self._both: tuple[Settings, ...] = ()

    def fingerprint(self, settings: Mapping[str, Any]) -> str:
        """Return a hash of program version, model manifests and settings in force."""
        chosen = _settings(self._file, settings)
        told = {
            "program": version("painpoints"),
            "settings": chosen.model_dump(mode="json"),
            "models": _manifests(chosen),
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def fits(self, run: Path, settings: Mapping[str, Any]) -> bool:
        """Return whether the run's encoders are those in force for these settings."""
        from painpoints import runs
        from painpoints.pipeline import same_parts

        chosen = _settings(self._file, settings)
        in_force = {str(part["part"]): str(part["version"]) for part in _manifests(chosen)}
        try:
            made_by = {name: str(v) for name, v in runs.load_facts(run)["parts"].items()}
        except (RunError, KeyError):
            return False
        return same_parts(made_by, in_force, "encoder-")

    def analyse(
        self,
        inputs: Sequence[Path],
        settings: Mapping[str, Any],
        folder: Path,
        on_step: OnStep,
        *,
        continues: Path | None = None,
        parts: Path | None = None,
    ) -> None:
        """Run the pipeline in this process, which alone is under the job's limits; save its run."""
        from painpoints import runs
        from painpoints.distribute import How, workshop
        from painpoints.parts import Whole
        from painpoints.pipeline import Analyser

        def tell(step: str, done: int = 0, total: int = 0) -> None:
            on_step(step, done, total)

        earlier = None if continues is None else runs.load_earlier(continues)
        analyser = Analyser(_settings(self._file, settings), on_step=tell)
        with contextlib.ExitStack() as opened:
            spread: Spread = Whole
            if parts is not None:
                here = How(workers=1, resume=True, parts=str(parts))
                spread = opened.enter_context(workshop(folder, here))
            analysis = analyser.analyse(inputs, spread=spread, continues=earlier)
            on_step("write", 0, 0)
            try:
                runs.save(analysis, folder)
            except RunError as error:
                raise _passing(error) from error

    def recognise(self, inputs: Sequence[Path], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Read the inputs and return what was recognised, without their rows."""
        from painpoints import readers

        chosen = _settings(self._file, settings)
        found: dict[str, Any] = readers.read(inputs, chosen.read, chosen.columns).to_dict()
        return found

    def scorer(self, run: Path | None, quality: str | None = None) -> Scorer:
        """Load the models for single texts."""
        from painpoints import runs
        from painpoints.pipeline import same_parts

        if run is None:
            return _LoadedScorer(self._analyser({"quality": quality}), None)
        facts = runs.load_facts(run)
        settings = {**facts["settings"], "models": None}
        held = self._analyser({"quality": settings["quality"]})
        if not same_parts(facts["parts"], held.parts, "encoder-"):
            raise InputError("the analysis was made by another encoder than is in use; repeat it")
        under = held.under(_settings(self._file, settings))
        return _LoadedScorer(under, runs.load_topic_model(run))

    def _analyser(self, settings: Mapping[str, Any]) -> "Analyser":
        """Return an analyser by the models in force; it is held for all that need these models."""
        from painpoints.pipeline import Analyser

        chosen = _settings(self._file, settings)
        in_force = (chosen.quality, *map(str, _folders(chosen)))
        if in_force not in self._held:
            self._held = {key: held for key, held in self._held.items() if key[0] != in_force[0]}
            self._held[in_force] = Analyser(chosen)
        return self._held[in_force]

    def models(self) -> list[dict[str, Any]]:
        """Return the version of each part in force, as its manifest describes it."""
        return _manifests(_settings(self._file, {}))

    def in_force(self) -> tuple[str, ...]:
        """Return the folders of the parts of both qualities, as far as they are there."""
        if not self._both:
            both = ("fast", "accurate")
            self._both = tuple(_settings(self._file, {"quality": quality}) for quality in both)
        found: list[str] = []
        for chosen in self._both:
            with contextlib.suppress(ModelError):  # told by who asks for that quality
                found += map(str, _folders(chosen))
        return tuple(found)


def _manifests(settings: "Settings") -> list[dict[str, Any]]:
    from painpoints import bundle

    return [bundle.read_manifest(folder) for folder in _folders(settings)]


def _folders(settings: "Settings") -> list[Path]:
    """Return where the parts lie that are in force."""
    from painpoints import bundle
    from painpoints.labeller import part_names

    quality = settings.quality
    parts = ("segmenter", f"classifier-{quality}", *part_names(quality))
    return [bundle.current(part, settings.models) for part in parts]


class _LoadedScorer:
    """An analyser that is held ready."""

    def __init__(self, analyser: "Analyser", topics: "TopicModel | None") -> None:
        self._analyser = analyser
        self._topics = topics

    def score(self, texts: Sequence[Known]) -> list[dict[str, Any]]:
        """Return the mentions of all texts."""
        mentions = self._analyser.score_texts(texts, topic_model=self._topics)
        return [
            {"text_index": int(row.pop("feedback_id")), **row}
            for row in mentions.drop("mention_id").to_dicts()
        ]


def touchpoints() -> tuple[str, ...]:
    """Return the touchpoints that the engine knows."""
    from painpoints.domain import TOUCHPOINTS

    return TOUCHPOINTS


def check_settings(settings_file: Path | None, settings: Mapping[str, Any]) -> None:
    """Check the settings of an analysis before it is queued.

    Raises:
        SettingsError: with every problem at once.
    """
    from painpoints.arrangement import refuse_odd_stages

    chosen = _settings(settings_file, settings)
    if chosen.journey.stages:
        manifests = _manifests(chosen)
        trained = [stage["name"] for part in manifests for stage in part.get("stages", ())]
        refuse_odd_stages(chosen, trained)


def quality(settings_file: Path | None) -> str:
    """Return the quality meant where none is said."""
    return _settings(settings_file, {}).quality


def claims(run: Path, target: Path) -> None:
    """Write which mention belongs to which ranked group: columns mention_id and claim."""
    import polars as pl

    from painpoints import findings

    mentions = pl.read_parquet(
        run / "mentions.parquet",
        columns=["mention_id", "feedback_id", "text", "stage", "sentiment", "type", "topic_id"],
        glob=False,
    )
    grouped = findings.members(mentions)
    grouped.select("mention_id", claim=pl.col("kind")).write_parquet(target, compression="zstd")


def judge_fixes(
    run: Path,
    fixes: Sequence[Mapping[str, Any]],
    merged: Mapping[str, str],
    in_parts: Mapping[str, str],
    parts: Mapping[str, str],
    *,
    min_people: int,
) -> list[dict[str, Any]]:
    """Return what each fix did by the answers of a run, as `painpoints.domain.FixVerdict` has it.

    merged:   topic -> the one it counts for; a fix may still name it, by id or name.
    in_parts: mention -> the part of its topic that it counts for.
    parts:    part -> its name; a part's id begins with its topic's, a fix of which is for all of it.
    """
    import polars as pl

    from painpoints import fixes as steps

    if not fixes:
        return []
    known = pl.read_parquet_schema(run / "feedback.parquet")
    needed = ("feedback_id", "person_id", "row", "source", "channel", "created_at", "reason")
    columns = [name for name in known if name in needed or name.startswith("segment_")]
    feedback = pl.read_parquet(run / "feedback.parquet", columns=columns, glob=False)
    mentions = pl.read_parquet(
        run / "mentions.parquet",
        columns=[
            "mention_id",
            "feedback_id",
            "stage",
            "touchpoint",
            "sentiment",
            "type",
            "topic_id",
        ],
        glob=False,
    )
    moved = pl.DataFrame(
        {"mention_id": list(in_parts), "part": list(in_parts.values())},
        schema={"mention_id": pl.String, "part": pl.String},
    )
    counted = pl.coalesce("part", "topic_id").replace(dict(merged))
    mentions = mentions.join(moved, on="mention_id", how="left", maintain_order="left")
    mentions = mentions.with_columns(topic_id=counted).drop("part")
    topics = pl.read_parquet(run / "topics.parquet", glob=False)
    more: list[tuple[str, str | None, str | None]]
    more = [(one, topic_of(one), label) for one, label in parts.items()]
    labels = dict(topics.select("topic_id", "label").iter_rows()) | dict(parts)
    for one, target in merged.items():
        more += [(target, None, one), (target, None, labels.get(one))]
    schema = dict.fromkeys(("topic_id", "parent_id", "label"), pl.String)
    topics = pl.concat([topics, pl.DataFrame(more, schema, orient="row")], how="diagonal")
    verdicts = steps.judge(feedback, mentions, topics, fixes, min_people=min_people)
    return [_verdict(one) for one in verdicts]


def _verdict(one: "FixVerdict") -> dict[str, Any]:
    """Return a verdict without what the register says itself."""
    told = dataclasses.asdict(one)
    return {
        k: v for k, v in told.items() if k not in {"name", "segment", "date", "owner", "expected"}
    }


def wilson(k: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of `k` in `n`."""
    import numpy as np

    from painpoints import stats

    low, high = stats.wilson(np.array([k]), np.array([n]))
    return float(low[0]), float(high[0])


def _settings(file: Path | None, flags: Mapping[str, Any]) -> "Settings":
    from painpoints.config import load

    return load(file, flags)


def _passing(error: RunError) -> Exception:
    """Return the system's own error where trying again may help, such as a full disk."""
    cause = error.__cause__
    full = isinstance(cause, OSError) and cause.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO}
    return cause if full and isinstance(cause, OSError) else error
