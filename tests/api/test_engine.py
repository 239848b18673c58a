"""The engine as the service calls it: real models, a small run, labels with that run's topics."""

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from tests.api.fakes import write_run
from tests.synthetic import frames

from painpoints.errors import InputError, SettingsError
from painpoints_api import slices
from painpoints_api.engine import PackagedEngine, check_settings, claims, judge_fixes

JOURNEY = {"stages": [{"name": "buying", "covers": ["purchase", "delivery"]}, {"name": "after", "covers": ["use", "support"]}]}  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> PackagedEngine:
    """Return the engine, for all tests: its models are loaded once."""
    return PackagedEngine()


@pytest.fixture(scope="module")
def run(engine: PackagedEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Analyse invented answers by fast models and an own journey; return the run's folder."""
    folder = tmp_path_factory.mktemp("run")
    answers = frames(80, seed=1).feedback.select("verbatim", "person_id", "score")
    answers.write_csv(folder / "answers.csv")
    out = folder / "out"
    out.mkdir()
    steps: list[str] = []
    settings = {"quality": "fast", "journey": JOURNEY, "rank": {"n_bootstrap": 20}}
    engine.analyse(
        [folder / "answers.csv"], settings, out, lambda step, _done, _total: steps.append(step)
    )
    assert steps[0] == "read"
    assert steps[-1] == "write"
    return out


def test_a_run_has_all_that_slices_need(run: Path) -> None:
    """The run that the engine writes can be laid out for slices, mention by mention."""
    slices.build(run, memory_mb=300)
    with slices.opened(run, memory_mb=300) as opened:
        rows = opened.stages(run, slices.Filters())
    journey = json.loads((run / "journey_map.json").read_text(encoding="utf-8"))
    assert sum(row["n_mentions"] for row in rows) == journey["n_mentions"]
    assert {row["stage"] for row in rows} <= {"buying", "after", "none", "unsure"}


def test_a_run_is_read_from_its_own_folder(tmp_path: Path) -> None:
    """A folder named like a pattern is no pattern: what it would match is another run."""
    told = {}
    for name, n_people in (("same", 60), ("run1", 20), ("run[1]", 60)):
        run = tmp_path / name
        run.mkdir()
        write_run(run, n_people=n_people)
        claims(run, tmp_path / "claims.parquet")
        known = dict.fromkeys(("stage", "touchpoint", "segment", "owner", "expected", "note"))
        fix = {**known, "topic": "t04", "date": datetime(2026, 4, 1, tzinfo=UTC), "name": "mended"}
        verdicts = judge_fixes(run, [fix], {}, {}, {}, min_people=5)
        told[name] = pl.read_parquet(tmp_path / "claims.parquet").rows(), verdicts
    assert told["run[1]"] == told["same"]
    assert all(mine != other for mine, other in zip(told["same"], told["run1"], strict=True))


def test_topics_outlive_new_answers(engine: PackagedEngine, run: Path, tmp_path: Path) -> None:
    """Other answers, analysed as going on from a run, tell of its topics under the same ids."""
    settings = {"quality": "fast", "journey": JOURNEY, "rank": {"n_bootstrap": 20}}
    assert engine.fits(run, settings)
    assert not engine.fits(run, {"quality": "accurate"})
    answers = frames(80, seed=2).feedback.select("verbatim", "person_id", "score")
    answers.write_csv(tmp_path / "answers.csv")
    ids = {}
    for name, earlier in (("anew", None), ("on", run)):
        (tmp_path / name).mkdir()
        engine.analyse([tmp_path / "answers.csv"], settings, tmp_path / name, lambda *_: None, continues=earlier)  # fmt: skip
        ids[name] = set(pl.read_parquet(tmp_path / name / "topics.parquet")["topic_id"])
    before = set(pl.read_parquet(run / "topics.parquet")["topic_id"])
    assert len(ids["on"] & before) > len(ids["anew"] & before)


def test_an_analysis_goes_on_from_its_parts(engine: PackagedEngine, tmp_path: Path) -> None:
    """One that was broken off while reading is gone on with, and ends as one that was not."""
    answers = frames(350, seed=3).feedback.select("verbatim", "person_id", "score")
    answers.write_csv(tmp_path / "answers.csv")
    settings = {"quality": "fast", "rank": {"n_bootstrap": 20}, "scale": {"part_rows": 100}}

    def analyse(out: Path, parts: Path, *, breaks: bool) -> list[int]:
        """Return how many answers were read each time that the reading told of it."""
        told: list[int] = []

        def on_step(step: str, done: int, _total: int) -> None:
            told.extend([done] if step == "encode" else [])
            if breaks and step == "encode" and done:
                raise KeyboardInterrupt

        out.mkdir()
        engine.analyse([tmp_path / "answers.csv"], settings, out, on_step, parts=parts)
        return told

    parts = tmp_path / "parts"
    with pytest.raises(KeyboardInterrupt):
        analyse(tmp_path / "broken", parts, breaks=True)
    assert analyse(tmp_path / "on", parts, breaks=False)[0] == 100
    assert analyse(tmp_path / "anew", tmp_path / "other", breaks=False)[0] == 0
    assert not any(parts.glob("*"))
    on, anew = (pl.read_parquet(tmp_path / run / "mentions.parquet") for run in ("on", "anew"))
    assert on.equals(anew)


def test_texts_get_the_topics_and_the_journey_of_a_run(engine: PackagedEngine, run: Path) -> None:
    """A text is labelled as the run's own mentions are: its models, its journey, its topics."""
    (mention,) = engine.scorer(run).score([{"verbatim": "the parcel came two weeks late"}])
    assert mention["stage"] in {"buying", "after", "none", "unsure"}
    assert "topic_id" in mention
    (plain,) = engine.scorer(None, "fast").score([{"verbatim": "the parcel came two weeks late"}])
    assert plain["stage"] not in {"buying", "after"}


def test_what_is_known_wins(engine: PackagedEngine) -> None:
    """A stage that the caller knows is taken as known, and not guessed."""
    known = {"verbatim": "nobody answers the phone", "stage": "delivery", "channel": "app"}
    mentions = engine.scorer(None, "fast").score([known])
    assert {(m["stage"], m["stage_source"]) for m in mentions} == {("delivery", "metadata")}


def test_the_settings_file_holds(engine: PackagedEngine, run: Path, tmp_path: Path) -> None:
    """What is masked, and what a run depends on, is as the settings file says."""
    file = tmp_path / "own.toml"
    file.write_text("quality = 'fast'\n[redact]\nnames = false\n", encoding="utf-8")
    own = PackagedEngine(file)
    assert own.fingerprint({}) != engine.fingerprint({"quality": "fast"})
    assert own.fits(run, {})
    (tmp_path / "out").mkdir()
    said = [f"Mr Jonathan Smith was late {n}" for n in range(4)]
    pl.DataFrame({"verbatim": said}).write_csv(tmp_path / "answers.csv")
    own.analyse([tmp_path / "answers.csv"], {}, tmp_path / "out", lambda *_: None)
    kept = pl.read_parquet(tmp_path / "out" / "feedback.parquet")["verbatim"].to_list()
    assert kept == said


def test_a_journey_that_loses_mentions_is_refused_before_it_is_queued() -> None:
    """Stages that stand there twice, or cover what is no stage, are told to who asks."""
    check_settings(None, {"journey": JOURNEY})
    with pytest.raises(SettingsError, match=r"'b' stands there twice; b covers 'usee'"):
        check_settings(
            None, {"journey": {"stages": [{"name": "b"}, {"name": "b", "covers": ["usee"]}]}}
        )


def test_a_run_of_other_models_is_refused(engine: PackagedEngine, run: Path) -> None:
    """Topics are not assigned by vectors of other models than they were found with."""
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    facts["parts"] = {**facts["parts"], "encoder-fast": "0"}
    (run / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(InputError, match="repeat it"):
        engine.scorer(run)
