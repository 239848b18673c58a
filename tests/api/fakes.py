"""An engine for the tests: quick, and it waits at each step for as long as a test wants.

Control is a folder named by FAKE_ENGINE_CONTROL: every step begun is a line of `<folder>/log`; while
`<folder>/hold-<step>` exists the step waits; `<folder>/do-<step>` names a mischief to do there.
"""

import errno
import functools
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from painpoints.errors import InputError, RunError, UnreadableError
from painpoints_api import analysing, slices, uploads
from painpoints_api.engine import OnStep

if TYPE_CHECKING:
    import polars as pl

PIPELINE = ("read", "label", "write")
TRIED = "tried.txt"
_FULL = {
    "disk": OSError(errno.ENOSPC, "No space left on device"),
    "disk told": RunError("a table cannot be written: No space left on device"),
}


class FakeEngine:
    """Stands in for the engine; opens further points to wait at in the job around it."""

    def __init__(self, settings_file: Path | None = None) -> None:
        del settings_file
        if hasattr(sys.modules["__main__"], "tidy"):  # in the process of a job
            _wait_before(uploads, "file_sha256", "gather")
            _wait_before(slices, "build", "index")
            _wait_before(analysing, "_publish", "publish")
            _wait_before(sys.modules["__main__"], "tidy", "tidy")

    def fingerprint(self, settings: Mapping[str, Any]) -> str:
        """Return the settings, and a version that a test may change."""
        return json.dumps([dict(settings), os.environ.get("FAKE_ENGINE_CONTROL_VERSION", "1")])

    def fits(self, run: Path, settings: Mapping[str, Any]) -> bool:
        """Return that a run goes on from those of the same quality."""
        if not run.exists():
            return False
        told = json.loads((run / "run.json").read_text(encoding="utf-8"))
        return bool(told.get("quality") == settings.get("quality"))

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
        """Write a run of invented feedback, as many people as the inputs have lines.

        The run tells with how many dots it was tried: one is added in `parts` each time.
        """
        if continues is not None and not (continues / "slices.parquet").exists():
            raise InputError("the run that this one continues is not whole")
        assert parts is not None, "a job must be able to go on"
        parts.mkdir(exist_ok=True)
        with (parts / TRIED).open("a", encoding="utf-8") as tried:
            tried.write(".")
        n_people = 0
        for step in PIPELINE:
            on_step(step, 0, 0)
            begin(step)
            if step == "read":
                n_people = sum(path.read_bytes().count(b"\n") for path in inputs)
            if step == "write":
                write_run(folder, n_people=n_people, title=settings.get("title", ""))
                shutil.copy(parts / TRIED, folder / TRIED)

    def recognise(self, inputs: Sequence[Path], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the names of the inputs; "break" in one breaks it, "spin" never ends."""
        told = [path.read_text(encoding="utf-8") for path in inputs]
        if any("break" in text for text in told):
            raise InputError(f"{inputs[0]}: not a table")
        while any("spin" in text for text in told):
            pass
        source = {"layout": "table", "title": "Table", "format": "csv", "encoding": "utf-8"}
        counts = {"n_rows": 1, "n_feedback": 1, "n_rejected": 0, "survey": "none"}
        mapped = {"role": "verbatim", "column": json.dumps(dict(settings)), "reason": "", "by": ""}
        rest = {
            "delimiter": ",",
            "score_max": None,
            "mapping": [mapped],
            "notes": [],
            "sha256": None,
        }
        sources = [{"source": path.name, **source, **counts, **rest} for path in inputs]
        rejected = [{"row": row} for row in range(200)]
        return {"sources": sources, "quality": {}, "rejected": rejected, "skipped": []}

    def scorer(self, run: Path | None, quality: str | None = None) -> "FakeScorer":
        """Return something that labels all texts the same."""
        del run, quality
        return FakeScorer()

    def models(self) -> list[dict[str, Any]]:
        """Return one invented part."""
        return [{"part": "fake", "version": "1"}]

    def in_force(self) -> tuple[str, ...]:
        """Return that it is always the same."""
        return ("fake/1",)


class FakeScorer:
    """Labels every text as one mention."""

    def score(self, texts: Sequence[Mapping[str, str | None]]) -> list[dict[str, Any]]:
        """Return one mention a text, of the stage that is known of it."""
        told = [str(text["verbatim"]) for text in texts]
        if "break" in told:
            raise InputError("a text breaks the engine")
        if "bug" in told:
            raise ValueError("my card is 4111 1111 1111 1111")
        return [
            {
                "text_index": index,
                "start": 0,
                "end": len(text),
                "text": text,
                "stage": texts[index].get("stage") or "use",
                "stage_prob": 0.9,
                "touchpoint": "app",
                "touchpoint_prob": 0.8,
                "sentiment": "negative",
                "sentiment_prob": 0.7,
                "type": "pain_point",
                "type_prob": 0.7,
                "severity": 2,
                "severity_prob": 0.6,
                "topic_id": None,
                "topic_prob": None,
                "reason": "novel",
            }
            for index, text in enumerate(told)
        ]


def _wait_before(module: ModuleType, name: str, step: str) -> None:
    """Let a function of the job begin only once a test lets it."""
    function = getattr(module, name)

    @functools.wraps(function)
    def waiting(*arguments: Any, **named: Any) -> Any:
        begin(step)
        return function(*arguments, **named)

    setattr(module, name, waiting)


def begin(step: str) -> None:
    """Say that a step begins, do the mischief asked for, wait while told to."""
    control = os.environ.get("FAKE_ENGINE_CONTROL")
    if control is None:
        return
    folder = Path(control)
    with (folder / "log").open("a", encoding="utf-8") as log:
        log.write(f"{step} {os.getpid()} {os.getppid()}\n")
    mischief = folder / f"do-{step}"
    if mischief.exists():
        _do(mischief.read_text(encoding="utf-8"))
    while (folder / f"hold-{step}").exists():
        time.sleep(0.01)


def _do(mischief: str) -> None:
    if mischief == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif mischief in _FULL:
        raise _FULL[mischief]
    elif mischief == "memory":
        hoard = []
        while True:
            hoard.append(bytearray(50_000_000))
    elif mischief == "input":
        raise UnreadableError("a file cannot be read")
    elif mischief == "bug":
        raise ValueError("my card is 4111 1111 1111 1111")
    elif mischief == "spin":
        while True:
            pass
    elif mischief == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def write_run(
    folder: Path, *, n_people: int, title: str = "", seed: int = 0, min_people: int = 5
) -> None:
    """Write a run folder of invented feedback: tables, map, and one file of each report."""
    from tests.synthetic import frames

    from painpoints import tables
    from painpoints.domain import STAGES

    made = frames(n_people, seed=seed)
    made.feedback.write_parquet(folder / "feedback.parquet")
    made.mentions.write_parquet(folder / "mentions.parquet")
    made.topics.write_parquet(folder / "topics.parquet")
    tables.DRIVERS.empty().write_parquet(folder / "drivers.parquet")
    findings(made.mentions, made.topics).write_parquet(folder / "findings.parquet")
    journey = {
        "title": title,
        "n_feedback": made.feedback.height,
        "n_people": made.feedback["person_id"].n_unique(),
        "n_mentions": made.mentions.height,
        "stages": [{"stage": {"name": name}} for name in STAGES],
        "filters": {"channel": ["app", "phone", "store", "web"]},
    }
    (folder / "journey_map.json").write_text(json.dumps(journey), encoding="utf-8")
    (folder / "report.html").write_text("<!doctype html><title>map</title>", encoding="utf-8")
    (folder / "journey_map.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "journey_map.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    facts = {"settings": {"rank": {"min_people": min_people}}}
    (folder / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    (folder / "quality.json").write_text("{}", encoding="utf-8")


def findings(mentions: "pl.DataFrame", topics: "pl.DataFrame") -> "pl.DataFrame":
    """Return one finding for each stage and topic, ranked by its mentions."""
    import polars as pl

    from painpoints import tables

    known = mentions.filter(~pl.col("stage").is_in(["none", "unsure"])).drop_nulls("topic_id")
    counted = (
        known.group_by("stage", "topic_id")
        .agg(
            n_mentions=pl.len().cast(pl.Int64),
            reach=pl.col("feedback_id").n_unique().cast(pl.Int64),
            severity=pl.col("severity").mean().cast(pl.Float64),
            type=pl.col("type").mode().sort().first(),
            touchpoint=pl.col("touchpoint").mode().sort().first(),
            evidence_ids=pl.col("mention_id").sort().head(20),
        )
        .join(topics.select("topic_id", "label"), on="topic_id")
        .with_columns(
            kind=pl.when(pl.col("type") == "pain_point")
            .then(pl.lit("pain_point"))
            .otherwise(pl.lit("opportunity"))
        )
        .sort("stage", "n_mentions", "topic_id", descending=[False, True, False])
        .with_columns(
            finding_id=pl.concat_str("kind", "stage", "topic_id", separator="-"),
            rank=pl.int_range(1, pl.len() + 1).over("stage", "kind"),
            priority=pl.col("reach") * pl.col("severity"),
            priority_formula=pl.lit("reach x severity"),
            why=pl.lit("often told"),
            opportunity=pl.when(pl.col("kind") == "opportunity").then(pl.lit("asked_for")),
        )
    )
    schema = tables.FINDINGS.schema()
    filled = counted.with_columns(
        *(
            pl.lit(0.0 if name.startswith("share") else None).alias(name)
            for name in schema
            if name not in counted.columns
        )
    )
    return tables.check(
        tables.FINDINGS, filled.select(pl.col(name).cast(kind) for name, kind in schema.items())
    )
