"""Building all parts: what is sealed is kept, what stands on something new is made anew."""

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from painpoints import bundle
from painpoints.encode import Encoders
from painpoints.errors import TrainingDataError
from painpoints_training import build, corpus, cross_encoder, teach


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Parts are sealed without training; the list tells in which order."""
    order: list[str] = []

    def seal_only(part: str, _material: object, wish: build.Wish) -> Mapping[str, Any]:
        folder = wish.out / part / str(wish.version)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights.txt").write_text(part)
        bundle.write_manifest(folder, {"part": part, "version": wish.version})
        order.append(part)
        return {}

    monkeypatch.setattr(build, "_build_part", seal_only)
    monkeypatch.setattr(build, "gather", lambda _data, _seed: None)
    return order


def _wish(out: Path, **more: Any) -> build.Wish:
    return build.Wish(data=out, out=out, seed=0, version=4, trials=out / "trials", **more)


def test_a_second_build_has_nothing_to_do(
    tmp_path: Path, built: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """All parts are built in order, once; the second time says so."""
    assert build.build(_wish(tmp_path)) == list(build.PARTS) == built
    assert build.build(_wish(tmp_path)) == []
    assert "nothing to do" in capsys.readouterr().out


def test_a_build_goes_on_where_it_was_cut_off(tmp_path: Path, built: list[str]) -> None:
    """A part without a manifest, or changed since, is built again, with what stands on it."""
    build.build(_wish(tmp_path))
    built.clear()
    (tmp_path / "segmenter" / "4" / bundle.MANIFEST).unlink()
    build.build(_wish(tmp_path))
    assert built == ["segmenter"]
    built.clear()
    (tmp_path / "encoder-fast" / "4" / "weights.txt").write_text("damaged")
    build.build(_wish(tmp_path))
    assert built == ["encoder-fast", "classifier-accurate", "classifier-fast"]


def test_one_part_brings_what_it_stands_on(tmp_path: Path, built: list[str]) -> None:
    """The fast heads need what their encoder learns from, and no accurate heads."""
    build.build(_wish(tmp_path, parts=("classifier-fast",)))
    assert built == ["cross-encoder", "encoder-accurate", "encoder-fast", "classifier-fast"]


@pytest.fixture
def cross_encoders(tmp_path: Path) -> Path:
    """Two cross-encoders: 3 that began with MiniLM, 4 that began with it."""
    begun: dict[str, Any] = {}
    for version in (3, 4):
        folder = tmp_path / "cross-encoder" / str(version)
        folder.mkdir(parents=True)
        (folder / "weights.txt").write_text(str(version))
        bundle.write_manifest(folder, {"part": "cross-encoder", "version": version, **begun})
        begun = {"begun_with": [bundle.named(bundle.verify(folder))]}
    return tmp_path


def test_what_was_taught_on_says_what_it_began_with(cross_encoders: Path) -> None:
    """Gone on with by the same command it stands; begun with another, or itself, it is refused."""
    wish = partial(_wish, cross_encoders, parts=("cross-encoder",))
    assert build.build(wish(onward=3)) == []
    shutil.copytree(cross_encoders / "cross-encoder" / "3", cross_encoders / "cross-encoder" / "2")
    (cross_encoders / "cross-encoder" / "2" / "weights.txt").write_text("2")
    bundle.write_manifest(
        cross_encoders / "cross-encoder" / "2", {"part": "cross-encoder", "version": 2}
    )
    with pytest.raises(TrainingDataError, match="not begun with 2"):
        build.build(wish(onward=2))
    with pytest.raises(TrainingDataError, match="not begun with 2, 3"):
        build.build(wish(mean=(2, 3)))
    for itself in ({"onward": 4}, {"mean": (3, 4)}):
        with pytest.raises(TrainingDataError, match="with itself"):
            build.build(wish(**itself))


def test_one_pass_more_from_the_weights_that_stand(
    cross_encoders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Onward, the sealed one is resumed, taught once with a seed of its own, and keeps its temperatures."""
    asked: list[Any] = []
    rows = corpus.own_mentions().head(5)
    material = build.Material(labelled=rows, intents={}, pool=[], measured=[])
    begun = bundle.verify(cross_encoders / "cross-encoder" / "3")
    cooled = {"stage": 1.5}

    def resumed(part: bundle.Part) -> tuple[str, dict[str, float]]:
        asked.append(part)
        return "student", cooled

    def tune(student: str, given: pl.DataFrame, plan: teach.Plan) -> None:
        asked.append((student, given.height, plan.epochs, plan.seed))

    def saved(student: str, _material: object, kept: object, _out: object) -> str:
        asked.append((student, kept))
        return "heads"

    monkeypatch.setattr(cross_encoder, "resumed", resumed)
    monkeypatch.setattr(cross_encoder, "tune", tune)
    monkeypatch.setattr(build, "_saved", saved)
    assert build.build_cross_encoder(material, cross_encoders, 10, begun) == "heads"
    assert asked == [begun, ("student", 5, 1, 10 + 3), ("student", cooled)]


def test_to_teach_on_what_is_not_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A version that was never built is named before anything is learnt."""
    (tmp_path / "labels").mkdir()
    monkeypatch.setattr(build, "gather", lambda _data, _seed: object())
    given = ["--data", str(tmp_path), "--out", str(tmp_path), "--part", "cross-encoder"]
    monkeypatch.setattr("sys.argv", ["build", *given, "--onward", "7"])
    with pytest.raises(SystemExit) as ended:
        build.main()
    assert ended.value.code == 1
    assert str(tmp_path / "cross-encoder" / "7") in capsys.readouterr().err


def test_own_corpus_makes_no_segmenter(tmp_path: Path, built: list[str]) -> None:
    """Without the public sets there is no treebank; asked for by name that is an error."""
    wish = build.Wish(data=None, out=tmp_path, seed=0, version=1)
    build.build(wish)
    assert "segmenter" not in built
    alone = build.Wish(data=None, out=tmp_path, seed=0, version=1, parts=("segmenter",))
    with pytest.raises(TrainingDataError, match="treebank"):
        build.build(alone)


def test_heads_without_their_trial_say_what_to_do(tmp_path: Path) -> None:
    """Temperatures are fitted with trial encoders; where they are gone the remedy is told."""
    with pytest.raises(TrainingDataError, match="remove that part's version 4"):
        build.trial_encoders("accurate", _wish(tmp_path))


def test_trials_are_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial of the quality reads mentions, that of the fast encoder their contexts."""
    for quality in ("accurate", "fast"):
        (tmp_path / "trials" / "4" / quality).mkdir(parents=True)
    monkeypatch.setattr(Encoders, "load", lambda *folders: [one.name for one in folders])
    assert build.trial_encoders("accurate", _wish(tmp_path)) == ["accurate", "fast"]
    assert build.trial_encoders("fast", _wish(tmp_path)) == ["fast", "fast"]


@pytest.mark.usefixtures("built")
def test_the_next_version_is_above_all_parts(tmp_path: Path) -> None:
    """Numbers go on from the highest that is sealed; an own version's name is no number."""
    assert build.next_version(tmp_path) == 1
    build.build(_wish(tmp_path))
    bundle.write_manifest(tmp_path / "segmenter" / "4", {"part": "segmenter", "version": 4})
    assert build.next_version(tmp_path) == 5


def test_a_wrong_folder_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder without the sets is refused before anything is read; the error names it, however long."""
    monkeypatch.setattr(
        "sys.argv", ["build", "--data", str(tmp_path / "no"), "--out", str(tmp_path)]
    )
    with pytest.raises(SystemExit) as ended:
        build.main()
    assert ended.value.code == 2
    assert str(tmp_path / "no") in capsys.readouterr().err
