"""The analyst's round: a run, its queue filled in, a version trained, promoted, used, rolled back."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from painpoints import bundle, cli, runs
from painpoints.config import load
from painpoints.errors import ModelError
from painpoints.pipeline import Analyser, Analysis
from painpoints_training import registry, retrain

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "data" / "fixtures" / "demo" / "lakeside_broadband_nps.csv"
STAGES = """
[[stages]]
name = "choosing"
title = "Choosing"
description = "The customer compares offers, prices and plans before signing a contract."
[[stages]]
name = "getting_online"
title = "Getting online"
description = "The engineer comes, the router arrives and is activated, the line is connected."
[[stages]]
name = "living_with_it"
title = "Living with it"
description = "The internet is fast or slow, drops out, the monthly bill and direct debit."
[[stages]]
name = "asking_for_help"
title = "Asking for help"
description = "The customer calls support, waits on hold, complains or wants money back."
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of own models, whose vectors are made once."""
    folder = tmp_path_factory.mktemp("round") / "models"
    folder.mkdir()
    return folder


def _analyser(models: Path) -> Analyser:
    return Analyser(load(None, {"quality": "fast", "models": models, "rank": {"n_bootstrap": 20}}))


def _analysis(models: Path) -> Analysis:
    return _analyser(models).analyse([DEMO])


@pytest.fixture(scope="module")
def run(models: Path) -> Path:
    """Return the folder of a run with the shipped models."""
    out = models.parent / "run"
    runs.save(_analysis(models), out)
    return out


def _cli(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        cli.main([str(argument) for argument in arguments])
    return int(left.value.code or 0)


def _filled(queue: Path, out: Path) -> Path:
    """Do what an analyst does: agree with the guesses, but call every engineer's visit delivery.

    Feelings that the models are unsure of are neutral; the other labels stay blank then.
    """
    rows = pl.read_csv(queue, infer_schema=False)
    visits = pl.col("text").str.contains("(?i)engineer|technician")
    guessed = {
        label: pl.col(f"guess_{label}").replace("unsure", None)
        for label in ("stage", "touchpoint", "sentiment", "type", "severity")
    }
    filled = rows.with_columns(**guessed).with_columns(
        stage=pl.when(visits).then(pl.lit("delivery")).otherwise("stage"),
        sentiment=pl.col("sentiment").fill_null("neutral"),
    )
    filled.write_csv(out)
    return out


def test_the_whole_round(
    run: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Queue, fill in, train, compare, promote, analyse with it, roll back: each step by its command."""
    here = ("--models", models, "--quality", "fast")
    assert _cli("queue", run, "-o", tmp_path / "queue.csv", "-n", 120) == 0
    labels = _filled(tmp_path / "queue.csv", tmp_path / "labels.csv")
    assert pl.read_csv(labels, infer_schema=False).height == 120
    assert _cli("train", labels, *here, "--name", "visits", "--margin", 1) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"models promote visits --quality fast --models {models}" in told
    assert _cli("models", "compare", "visits", *here) == 0
    shipped = _analyser(models)
    assert shipped.parts["classifier-fast"] != "visits"
    before = shipped.score([DEMO])
    assert _cli("models", "promote", "visits", *here) == 0
    promoted = _analyser(models)
    assert promoted.parts["classifier-fast"] == "visits"
    visits = pl.col("text").str.contains("(?i)engineer|technician")
    shares = [
        (table.filter(visits)["stage"] == "delivery").mean()
        for table in (before, promoted.score([DEMO]))
    ]
    assert shares[1] > shares[0]
    assert _cli("models", "rollback", *here) == 0
    assert _analyser(models).score([DEMO]).equals(before)


def test_own_stages_from_descriptions_alone_shape_the_map(models: Path, tmp_path: Path) -> None:
    """Once promoted, by a person, the map has the own stages; every mention is in one, none, or unsure."""
    file = tmp_path / "stages.toml"
    file.write_text(STAGES, encoding="utf-8")
    outcome = retrain.retrain(
        retrain.Request(stages=file, quality="fast", models=models, name="journey", promote=True)
    )
    assert not outcome.promoted
    assert "judged on 0 labelled mentions" in outcome.unjudged
    registry.promote("classifier-fast", models, "journey")
    found = _analysis(models)
    registry.rollback("classifier-fast", models)
    names = [view.stage.name for view in found.journey.stages]
    assert names == ["choosing", "getting_online", "living_with_it", "asking_for_help"]
    assert set(found.tables.mentions["stage"]) <= {*names, "none", "unsure"}
    titled = {view.stage.name: view.stage.title for view in found.journey.stages}
    assert titled["getting_online"] == "Getting online"
    hub = found.tables.mentions.filter(pl.col("text").str.contains("(?i)router.*activat"))
    assert (hub["stage"] == "getting_online").mean() > 0.5


def test_training_twice_from_the_same_labels(run: Path, models: Path, tmp_path: Path) -> None:
    """The heads are the same bytes; rows that the version in force has seen judge nothing."""
    _cli("queue", run, "-o", tmp_path / "queue.csv", "-n", 40)
    labels = _filled(tmp_path / "queue.csv", tmp_path / "labels.csv")
    columns = pl.read_csv(labels, infer_schema=False).select("text", "verbatim", "sentiment")
    columns.write_csv(labels)
    request = retrain.Request(labels=(labels,), quality="fast", models=models)
    first = retrain.retrain(replace(request, force=True))
    second = retrain.retrain(request)
    registry.rollback("classifier-fast", models)
    files = [bundle.read_manifest(one.folder)["files"] for one in (first, second)]
    assert files[0]["heads.joblib"] == files[1]["heads.joblib"]
    assert first.promoted
    assert [one for one in first.compared if one.on == "own rows"]
    assert not [one for one in second.compared if one.on == "own rows"]
    assert second.own["sentiment"].n > 0


def test_nothing_that_was_learnt_is_lost_in_silence(
    run: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A label without rows is told and held back; what was learnt is not asked or judged again."""
    here = ("--models", models, "--quality", "fast")
    queue = ("queue", run, "--models", models, "-n", 30, "-o")
    assert _cli(*queue, tmp_path / "queue.csv") == 0
    labels = _filled(tmp_path / "queue.csv", tmp_path / "labels.csv")
    assert _cli(*queue, labels) == 2
    assert "holds 30 rows with labels" in capsys.readouterr().err
    assert _cli("train", labels, *here, "--name", "all", "--force") == 0
    less = tmp_path / "less.csv"
    pl.read_csv(labels, infer_schema=False).head(20).select("text", "sentiment").write_csv(less)
    capsys.readouterr()
    assert _cli("train", less, *here, "--name", "less", "--promote", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert not told["promoted"]
    assert {one.split(":")[0] for one in told["lost"]} == {
        "stage",
        "touchpoint",
        "type",
        "severity",
    }
    assert any("sentiment: 10 of the 30 rows" in one for one in told["findings"])
    assert _cli("models", "promote", "less", *here) == 2
    assert _cli("evaluate", labels, *here) == 2
    assert "nothing is left to judge" in capsys.readouterr().err
    assert _cli(*queue, tmp_path / "next.csv") == 0
    texts = [set(pl.read_csv(tmp_path / name)["text"]) for name in ("queue.csv", "next.csv")]
    registry.rollback("classifier-fast", models)
    assert not texts[0] & texts[1]


def test_two_trainings_at_once_have_names_of_their_own(models: Path, tmp_path: Path) -> None:
    """Whichever ends second takes the next name; no minutes of work are lost."""
    file = tmp_path / "stages.toml"
    file.write_text(STAGES, encoding="utf-8")
    request = retrain.Request(stages=file, quality="fast", models=models)
    first = []

    def meanwhile(step: str, done: int = 0, total: int = 0) -> None:
        assert done <= total
        if step == "fit" and not first:
            first.append(retrain.retrain(request))

    second = retrain.retrain(request, meanwhile)
    assert second.version != first[0].version
    assert bundle.read_manifest(second.folder)["version"] == second.version


def test_problems_stop_before_anything_is_written(models: Path, tmp_path: Path) -> None:
    """A stranger among the labels ends with exit code 2 and no version."""
    labels = tmp_path / "labels.csv"
    labels.write_text("text,stage\nthe van came late,delivry\n", encoding="utf-8")
    before = sorted((models / "classifier-fast").glob("*"))
    assert _cli("train", labels, "--models", models, "--quality", "fast") == 2
    assert sorted((models / "classifier-fast").glob("*")) == before


def test_a_file_is_judged_by_a_command(
    tmp_path: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Any of the five labels may be there; the figures are those of the shipped version."""
    file = tmp_path / "labelled.csv"
    rows = ["I love it,positive", "It broke after a day,negative", "the staff were rude,negative"]
    file.write_text("\n".join(["text,sentiment", *rows]), encoding="utf-8")
    here = ("--models", models, "--quality", "fast")
    assert _cli("evaluate", file, *here, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["n"], list(told["figures"])) == ("shipped", 3, ["sentiment"])
    assert told["figures"]["sentiment"]["accuracy"] == 1.0


def test_a_damaged_version_in_force_stops_a_run(models: Path, tmp_path: Path) -> None:
    """Nothing falls back in silence: the run says which file was changed."""
    file = tmp_path / "stages.toml"
    file.write_text(STAGES, encoding="utf-8")
    outcome = retrain.retrain(
        retrain.Request(stages=file, quality="fast", models=models, force=True)
    )
    heads = outcome.folder / "heads.joblib"
    heads.write_bytes(heads.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"heads\.joblib was changed"):
        Analyser(load(None, {"quality": "fast", "models": models}))
    registry.rollback("classifier-fast", models)
    assert bundle.current("classifier-fast", models) == bundle.newest("classifier-fast")
