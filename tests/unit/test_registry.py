"""The folder of own models: what is in force changes in one step, and only as the judges allow."""

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest

from painpoints import bundle
from painpoints.classify import LABELS
from painpoints.errors import InputError, ModelError
from painpoints_training import beside, comparing, refit, registry, shown
from painpoints_training.anchored import Linear

PART = "classifier-fast"


def _compared(after: float) -> list[dict[str, Any]]:
    return [
        one.to_dict()
        for one in comparing.compare(
            comparing.GUARD, _plain(0.8), _plain(after), margin=0.02, matters=("stage",)
        )
    ]


def _plain(value: float) -> dict[str, dict[str, float]]:
    return {"stage": {"n": 500, "accuracy": value, "macro-F1": value, "kappa": value, "ECE": 0.0}}


def make(models: Path, name: str, *, after: float = 0.9, against: str = "shipped") -> Path:
    """Seal a version that scores `after`, where `against` scored 0.8."""
    encoder = bundle.verify(bundle.newest("encoder-fast"))
    model = refit.as_model(Linear(np.ones((3, 4)), np.zeros(3)), ["a", "b", "none"])
    even = np.full(3, 1 / 3)
    head = {"model": model, "prior": even, "natural": even, "temperature": 1.0, "min_prob": 0.4}
    with registry.new_version(PART, models, name) as folder:
        joblib.dump({"heads": dict.fromkeys(LABELS, head)}, folder / "heads.joblib")
        (folder / registry.CARD).write_text(f"# {name}\n", encoding="utf-8")
        bundle.write_manifest(
            folder,
            {
                "part": PART,
                "version": name,
                "created_at": f"2026-01-01T00:00:{len(name):02}",
                "encoders": [bundle.named(encoder)] * 2,
                "stages": [],
                "own_rows": [],
                "guard": "g",
                "metrics": {"guard": _plain(after)},
                "control": _plain(0.8),
                "against": against,
                "compared": _compared(after),
                "margin": 0.02,
                "matters": ["stage"],
            },
        )
    return models / PART / name


def test_promote_and_roll_back_step_by_step(tmp_path: Path) -> None:
    """Each promotion can be taken back, the last first, down to the shipped version."""
    make(tmp_path, "own-1")
    make(tmp_path, "own-2")
    assert registry.in_force(PART, tmp_path).name == "shipped"
    registry.promote(PART, tmp_path, "own-1")
    registry.promote(PART, tmp_path, "own-2")
    assert bundle.current(PART, tmp_path) == tmp_path / PART / "own-2"
    assert registry.rollback(PART, tmp_path) == "own-1"
    assert registry.rollback(PART, tmp_path) == "shipped"
    assert bundle.current(PART, tmp_path) == bundle.newest(PART)
    with pytest.raises(InputError, match="nothing to go back from"):
        registry.rollback(PART, tmp_path)
    acts = json.loads((tmp_path / PART / bundle.POINTER).read_text())["log"]
    assert [next(key for key in act if key != "at") for act in acts] == [
        *["promoted"] * 2,
        *["rolled_back"] * 2,
    ]


def _promoted(models: Path, *names: str) -> None:
    """Make versions, each a little better than the last, and bring one after the other into force."""
    for place, name in enumerate(names):
        make(models, name, after=0.9 + place / 100)
        registry.promote(PART, models, name)


def _on_another_encoder(folder: Path) -> None:
    manifest = bundle.read_manifest(folder)
    other = {"part": "encoder-fast", "version": "0", "identity": "of before"}
    bundle.write_manifest(folder, {**manifest, "encoders": [other] * 2})


def _acts(models: Path) -> list[dict[str, Any]]:
    acts: list[dict[str, Any]] = json.loads((models / PART / bundle.POINTER).read_text())["log"]
    return acts


def test_rolling_back_skips_what_cannot_be_used(tmp_path: Path) -> None:
    """What is gone, damaged, or stands on another encoder is told and never put into force."""
    _promoted(tmp_path, "whole", "gone", "damaged", "stale", "last")
    shutil.rmtree(tmp_path / PART / "gone")
    (tmp_path / PART / "damaged" / "heads.joblib").write_bytes(b"cut")
    _on_another_encoder(tmp_path / PART / "stale")
    told: list[str] = []
    assert registry.rollback(PART, tmp_path, tell=told.append) == "whole"
    assert bundle.current(PART, tmp_path) == tmp_path / PART / "whole"
    skipped = ("stale is skipped: .*trained on", "damaged is skipped: .*was changed", "gone is skipped: .*cannot be read")  # fmt: skip
    assert all(re.match(one, said) for one, said in zip(skipped, told, strict=True))
    assert _acts(tmp_path)[-1]["skipped"] == ["stale", "damaged", "gone"]
    assert registry.rollback(PART, tmp_path) == "shipped"


def test_the_shipped_version_is_the_last_resort(tmp_path: Path) -> None:
    """Where no earlier version can be used, the shipped one is in force again."""
    _promoted(tmp_path, "own-1", "own-2")
    shutil.rmtree(tmp_path / PART / "own-1")
    assert registry.rollback(PART, tmp_path) == "shipped"
    assert bundle.current(PART, tmp_path) == bundle.newest(PART)


def test_another_version_of_the_same_name_is_not_gone_back_to(tmp_path: Path) -> None:
    """What lies where a promoted version lay is another one, however whole; a forced card is not."""
    make(tmp_path, "own-1", after=0.7)
    registry.promote(PART, tmp_path, "own-1", force=True)
    _promoted(tmp_path, "own-2", "own-3")
    heads = tmp_path / PART / "own-2" / "heads.joblib"
    joblib.dump({**joblib.load(heads), "other": True}, heads)
    bundle.write_manifest(heads.parent, bundle.read_manifest(heads.parent))
    told: list[str] = []
    assert registry.rollback(PART, tmp_path, tell=told.append) == "own-1"
    assert len(told) == 1
    assert "own-2 holds another version than the one that was promoted" in told[0]


def test_the_version_that_is_left_is_not_gone_back_to(tmp_path: Path) -> None:
    """When what lies between is gone, a version promoted twice is still left."""
    _promoted(tmp_path, "own-1", "own-2")
    registry.promote(PART, tmp_path, "own-1", force=True)
    shutil.rmtree(tmp_path / PART / "own-2")
    assert registry.rollback(PART, tmp_path, "own-1") == "shipped"


def test_a_damaged_encoder_is_no_reason_to_skip(tmp_path: Path) -> None:
    """No version is to blame for an encoder that is damaged: nothing is left until it is mended."""
    _promoted(tmp_path, "own-1", "own-2")
    encoder = shutil.copytree(bundle.newest("encoder-fast"), tmp_path / "encoder-fast" / "1")
    (encoder / registry.CARD).unlink()
    with pytest.raises(ModelError, match=r"MODEL_CARD\.md is missing.*Reinstall"):
        registry.rollback(PART, tmp_path)
    assert registry.in_force(PART, tmp_path).name == "own-2"


def test_going_back_to_the_shipped_for_good(tmp_path: Path) -> None:
    """`shipped` can be promoted like any version."""
    make(tmp_path, "own-1")
    registry.promote(PART, tmp_path, "own-1")
    registry.promote(PART, tmp_path, "shipped")
    assert registry.in_force(PART, tmp_path).name == "shipped"


def test_a_version_that_falls_is_refused(tmp_path: Path) -> None:
    """The refusal says what fell from where to where; with force its card and manifest say it."""
    folder = make(tmp_path, "own-1", after=0.7)
    with pytest.raises(InputError, match=r"0\.800 -> 0\.700.*--force"):
        registry.promote(PART, tmp_path, "own-1")
    assert registry.in_force(PART, tmp_path).name == "shipped"
    assert registry.promote(PART, tmp_path, "own-1", force=True)
    assert registry.in_force(PART, tmp_path).name == "own-1"
    assert "Promoted by force" in (folder / registry.CARD).read_text()
    assert bundle.verify(folder).manifest["forced"]
    assert sorted(p.name for p in folder.parent.iterdir()) == [bundle.POINTER, "own-1"]


def test_a_version_is_judged_against_what_is_in_force_now(tmp_path: Path) -> None:
    """What was better than the shipped may be worse than what was promoted since."""
    make(tmp_path, "own-1", after=0.9)
    make(tmp_path, "own-2", after=0.85)
    registry.promote(PART, tmp_path, "own-1")
    with pytest.raises(InputError, match=r"0\.900 -> 0\.850"):
        registry.promote(PART, tmp_path, "own-2")


def _told(folder: Path, **facts: Any) -> Path:
    """Seal a version anew with other facts; those that are None are left out."""
    manifest = {**bundle.read_manifest(folder), **facts}
    bundle.write_manifest(folder, {name: one for name, one in manifest.items() if one is not None})
    return folder


@pytest.mark.parametrize("on", [comparing.OWN, comparing.HELD_OUT])
def test_a_fall_on_own_rows_counts_whatever_is_in_force_now(tmp_path: Path, on: str) -> None:
    """A version that was refused is not promoted because another has come into force since."""
    _promoted(tmp_path, "own-1")
    fall = comparing.compare(on, _plain(0.8), _plain(0.6), margin=0.02, matters=("stage",))
    _told(make(tmp_path, "own-2", after=0.95), compared=[one.to_dict() for one in fall])
    with pytest.raises(InputError, match=f"on {on}: 0.800 -> 0.600 .*against shipped"):
        registry.promote(PART, tmp_path, "own-2")


def test_what_the_version_in_force_has_learnt_is_not_lost_in_silence(tmp_path: Path) -> None:
    """A version measured against another one is held back for labels that only this one learnt."""
    own = make(tmp_path, "own-1")
    _told(own, taught={"stage": ["a", "b"], "type": ["a"], "severity": []})
    registry.promote(PART, tmp_path, "own-1")
    _told(make(tmp_path, "own-2", after=0.95), taught={"stage": ["c"], "type": []})
    with pytest.raises(
        InputError, match=r"much: type: none of the 1 rows that own-1 [a-z ]+\. Add"
    ):
        registry.promote(PART, tmp_path, "own-2")
    assert registry.promote(PART, tmp_path, "own-2", force=True)


def test_a_promotion_by_force_that_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it stops, no other version appears, and this one is whole or told as damaged."""
    folder = make(tmp_path, "own-1", after=0.7)
    facts = bundle.read_manifest(folder)
    true_replace, n_left = Path.replace, iter((1, 0))

    def cut(file: Path, target: Path) -> Path:
        if next(n_left):
            return true_replace(file, target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", cut)
        with pytest.raises(KeyboardInterrupt):
            registry.promote(PART, tmp_path, "own-1", force=True)
    assert [one.name for one in folder.parent.iterdir()] == ["own-1"]
    with pytest.raises(ModelError, match=r"MODEL_CARD\.md was changed.*delete its folder"):
        registry.promote(PART, tmp_path, "own-1", force=True)
    (folder / registry.CARD).write_text("# own-1\n", encoding="utf-8")
    assert registry.promote(PART, tmp_path, "own-1", force=True)
    sealed = bundle.verify(folder).manifest
    assert {**sealed, "files": 0} == {**facts, "forced": sealed["forced"], "files": 0}


def test_leftovers_of_before_do_not_block_a_promotion_by_force(tmp_path: Path) -> None:
    """What an earlier release left beside a version when it was cut off is in nobody's way."""
    folder = make(tmp_path, "own-1", after=0.7)
    for name in (".own-1.old", "own-1.forced"):
        shutil.copytree(folder, folder.with_name(name))
    assert registry.promote(PART, tmp_path, "own-1", force=True)
    assert bundle.verify(folder).manifest["forced"]


@pytest.mark.parametrize("heads", [None, {"x": 1}, [1], {"heads": {"stage": 1}}, {"heads": {}}])
def test_a_version_without_heads_is_never_promoted(tmp_path: Path, heads: Any) -> None:
    """It is found out before a run takes it, with the way out."""
    folder = make(tmp_path, "own-1")
    if heads is None:
        (folder / bundle.HEADS).unlink()
    else:
        joblib.dump(heads, folder / bundle.HEADS)
    _told(folder)
    told = r"heads\.joblib (holds no heads|is not there)\. .*delete its folder"
    with pytest.raises(ModelError, match=told):
        registry.promote(PART, tmp_path, "own-1", force=True)
    assert re.search(told, registry.problems(tmp_path)[str(folder)])


def test_a_version_of_somebody_else_is_told(tmp_path: Path) -> None:
    """One that says nothing of how it was judged is neither promoted nor compared."""
    folder = _told(make(tmp_path, "own-1"), control=None, margin=None)
    told = (
        r"own-1 was not written by `painpoints train`: .* no control, margin\. .*delete its folder"
    )
    with pytest.raises(ModelError, match=told):
        registry.promote(PART, tmp_path, "own-1", force=True)
    with pytest.raises(ModelError, match=told):
        beside.compared(beside.Wish("fast", tmp_path, "own-1", None, None), _silent)
    assert re.search(told, registry.problems(tmp_path)[str(folder)])


@pytest.mark.parametrize("card", [None, b"\xff\xfe"])
@pytest.mark.parametrize("sealed", ["before", "after"])
def test_a_card_that_cannot_be_shown(tmp_path: Path, card: bytes | None, sealed: str) -> None:
    """A card that is missing or no text is told with the way out, also where it was sealed so."""
    file = make(tmp_path, "own-1") / registry.CARD
    file.unlink() if card is None else file.write_bytes(card)
    if sealed == "after":
        _told(file.parent)
    version = registry.find(PART, tmp_path, "own-1")
    with pytest.raises(ModelError, match=r"MODEL_CARD\.md .*or delete its folder"):
        shown.card(version, as_json=False)
    shown.card(version, as_json=True)


def test_a_card_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What stands in it is printed."""
    make(tmp_path, "own-1")
    shown.card(registry.find(PART, tmp_path, "own-1"), as_json=False)
    assert capsys.readouterr().out.strip() == "# own-1"


def test_a_version_is_not_compared_with_itself(tmp_path: Path) -> None:
    """The message says whether it was named twice or is the one in force."""
    _promoted(tmp_path, "own-1", "own-2")
    for version, other, told in (("own-1", "own-1", "is both"), ("own-2", None, "is in force")):
        with pytest.raises(InputError, match=f"{version} {told}.*; name the version"):
            beside.compared(beside.Wish("fast", tmp_path, version, other, None), _silent)


def test_a_version_of_before_an_update_is_told_and_held_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What it was measured against is no longer shipped: neither promoted nor compared unasked."""
    folder = make(tmp_path, "own-1")
    manifest = bundle.read_manifest(folder)
    base = bundle.named(bundle.verify(bundle.newest(PART)))
    bundle.write_manifest(folder, {**manifest, "base": base})
    assert registry.outdated(registry.find(PART, tmp_path, "own-1")) == ""
    bundle.write_manifest(
        folder, {**manifest, "base": {**base, "version": "0", "identity": "of before"}}
    )
    told = r"own-1 was trained from classifier-fast 0, shipped is \d+ now: train it again"
    with pytest.raises(InputError, match=told):
        registry.promote(PART, tmp_path, "own-1")
    with pytest.raises(InputError, match=told + ".*--on LABELLED"):
        beside.compared(beside.Wish("fast", tmp_path, "own-1", None, None), _silent)
    shown.versions(registry.versions(PART, tmp_path), as_json=False)
    assert re.search(told, capsys.readouterr().err)
    assert registry.promote(PART, tmp_path, "own-1", force=True)


def test_a_version_of_the_other_quality_is_pointed_to(tmp_path: Path) -> None:
    """Who forgot --quality is told which one has a version of that name."""
    make(tmp_path, "own-1")
    with pytest.raises(InputError, match="of classifier-fast: --quality fast"):
        registry.promote("classifier-accurate", tmp_path, "own-1")


def _broken(folder: Path, text: str | None) -> None:
    """Cut off a version's manifest, or take it away."""
    file = folder / bundle.MANIFEST
    if text is None:
        file.unlink()
    else:
        file.write_text(text)


@pytest.mark.parametrize("text", [None, '{"format"'])
def test_a_broken_version_stops_only_who_asks_for_it(
    tmp_path: Path, text: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside one without a manifest the others are listed, promoted and left as ever."""
    _promoted(tmp_path, "own-1")
    _broken(make(tmp_path, "own-2"), text)
    make(tmp_path, "own-3", after=0.95)
    for ask in (registry.find, registry.promote):
        with pytest.raises(ModelError, match=r"own-2: manifest\.json .*or delete its folder\."):
            ask(PART, tmp_path, "own-2")
    shown.versions(registry.versions(PART, tmp_path), as_json=False)
    listed = capsys.readouterr()
    assert re.search(r"own-2 +broken", listed.out)
    assert "delete its folder" in listed.err
    shown.versions(registry.versions(PART, tmp_path), as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert {row["version"] for row in rows if row["broken"]} == {"own-2"}
    registry.promote(PART, tmp_path, "own-3")
    assert registry.rollback(PART, tmp_path) == "own-1"


@pytest.mark.parametrize("text", [None, '{"format"'])
def test_a_broken_version_in_force_is_to_be_left(tmp_path: Path, text: str | None) -> None:
    """It is listed as in force, refused with the way out, and the way out works."""
    _promoted(tmp_path, "own-1", "own-2")
    _broken(tmp_path / PART / "own-2", text)
    assert registry.current(PART, tmp_path).problem
    with pytest.raises(ModelError, match="leave it with `painpoints models rollback`"):
        registry.in_force(PART, tmp_path)
    assert registry.rollback(PART, tmp_path) == "own-1"
    with pytest.raises(ModelError, match="or delete its folder"):
        registry.find(PART, tmp_path, "own-2")


def test_a_version_in_force_that_is_gone_is_listed(tmp_path: Path) -> None:
    """Its name stands among the versions, so that it can be seen and left."""
    _promoted(tmp_path, "own-1")
    shutil.rmtree(tmp_path / PART / "own-1")
    listed = registry.versions(PART, tmp_path)
    assert [(one.name, one.in_force, bool(one.problem)) for one in listed] == [
        ("shipped", False, False),
        ("own-1", True, True),
    ]
    assert registry.rollback(PART, tmp_path) == "shipped"


def test_a_new_version_needs_nothing_of_one_that_cannot_be_used(tmp_path: Path) -> None:
    """After an update of the encoder it is judged against the shipped one, said, and promoted."""
    _promoted(tmp_path, "own-1")
    now, why = registry.judged_against(PART, tmp_path)
    assert (now.name, why) == ("own-1", "")
    _on_another_encoder(tmp_path / PART / "own-1")
    now, why = registry.judged_against(PART, tmp_path)
    assert now.name == "shipped"
    assert re.match("own-1 is in force and cannot be used.*shipped instead: .*trained on", why)
    make(tmp_path, "own-2", after=0.85)
    registry.promote(PART, tmp_path, "own-2")
    assert _acts(tmp_path)[-1]["against"] == "shipped"
    assert registry.rollback(PART, tmp_path) == "shipped"


def test_a_damaged_version_is_never_promoted(tmp_path: Path) -> None:
    """One changed byte, and the version is refused with the remedy; force does not help."""
    folder = make(tmp_path, "own-1")
    (folder / "heads.joblib").write_bytes(b"\x80\x04cos\nsystem\n")
    with pytest.raises(ModelError, match=r"heads\.joblib was changed"):
        registry.promote(PART, tmp_path, "own-1", force=True)
    assert registry.in_force(PART, tmp_path).name == "shipped"


class _Evil:
    """Runs a command when it is unpickled, unless somebody stops it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        """Ask the unpickler to call os.mkdir."""
        return os.mkdir, (str(self.mark),)


def test_a_foreign_pickle_is_never_promoted_and_never_run(tmp_path: Path) -> None:
    """Heads swapped for code are refused even when the manifest was sealed over them."""
    folder = make(tmp_path, "own-1")
    joblib.dump(_Evil(tmp_path / "ran"), folder / "heads.joblib")
    facts = bundle.read_manifest(folder)
    bundle.write_manifest(
        folder, {k: v for k, v in facts.items() if k not in {"files", "versions"}}
    )
    with pytest.raises(ModelError, match=r"mkdir is not allowed.*delete its folder"):
        registry.promote(PART, tmp_path, "own-1", force=True)
    assert not (tmp_path / "ran").exists()
    assert registry.in_force(PART, tmp_path).name == "shipped"


def test_another_scikit_learn_is_never_promoted(tmp_path: Path) -> None:
    """A version written by another scikit-learn names the one to install."""
    folder = make(tmp_path, "own-1")
    manifest = bundle.read_manifest(folder)
    manifest["versions"]["scikit-learn"] = "1.2.3"
    (folder / bundle.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(ModelError, match=r"install scikit-learn==1\.2\.3 or retrain"):
        registry.promote(PART, tmp_path, "own-1")


def test_names_are_free_plain_and_no_paths(tmp_path: Path) -> None:
    """Names count on; a taken one, a number alone and a path are refused."""
    assert registry.free_name(PART, tmp_path, None) == "own-1"
    make(tmp_path, "own-1")
    assert registry.free_name(PART, tmp_path, None) == "own-2"
    assert registry.free_name(PART, tmp_path, "spring-2026") == "spring-2026"
    for wanted in ("own-1", "7", "../up", "shipped", "Two Words", ""):
        with pytest.raises(InputError):
            registry.free_name(PART, tmp_path, wanted)


def test_names_of_versions_once_in_force_stay_taken(tmp_path: Path) -> None:
    """Who deletes a version cannot give its name to another: rolling back would take it for that."""
    _promoted(tmp_path, "own-1", "spring")
    registry.rollback(PART, tmp_path)
    for name in ("own-1", "spring"):
        shutil.rmtree(tmp_path / PART / name)
        with pytest.raises(InputError, match=f"another version {name} .*choose another name"):
            registry.free_name(PART, tmp_path, name)
    assert registry.free_name(PART, tmp_path, None) == "own-2"
    (tmp_path / PART / bundle.POINTER).write_text('{"promoted": ["own-2"]}')
    assert registry.free_name(PART, tmp_path, None) == "own-1"
    with pytest.raises(InputError, match="choose another name"):
        registry.free_name(PART, tmp_path, "own-2")


def test_an_unfinished_version_leaves_nothing(tmp_path: Path) -> None:
    """When writing fails midway there is no version and no rest of one."""
    with pytest.raises(RuntimeError, match="power"), registry.new_version(PART, tmp_path, "own-1"):
        raise RuntimeError("power cut")
    assert list((tmp_path / PART).iterdir()) == []


def test_verify_tells_every_broken_part(tmp_path: Path) -> None:
    """Whole parts have no problem; broken ones and a pointer to nothing each have theirs."""
    make(tmp_path, "own-1")
    broken = make(tmp_path, "own-2")
    (broken / "heads.joblib").unlink()
    _broken(make(tmp_path, "own-3"), None)
    (tmp_path / PART / bundle.POINTER).write_text('{"promoted": ["own-9"]}')
    found = {Path(name).name: problem for name, problem in registry.problems(tmp_path).items()}
    assert found["own-1"] == ""
    assert "heads.joblib is missing" in found["own-2"]
    assert "manifest.json cannot be read" in found["own-3"]
    assert "own-9" in found[bundle.POINTER]


def test_versions_are_compared_by_their_records(tmp_path: Path) -> None:
    """Any two versions stand beside each other on the guard, the shipped one included."""
    make(tmp_path, "own-1", after=0.9)
    make(tmp_path, "own-2", after=0.85)
    pairs = {("own-2", "own-1"): (0.9, 0.85), ("shipped", "own-1"): (0.9, 0.8), ("own-1", "shipped"): (0.8, 0.9)}  # fmt: skip
    for (version, other), figures in pairs.items():
        found = beside.compared(beside.Wish("fast", tmp_path, version, other, None), _silent)
        assert [(one.before, one.after) for one in found.compared] == [figures]
    with pytest.raises(InputError, match="no version own-7"):
        beside.compared(beside.Wish("fast", tmp_path, "own-7", None, None), _silent)


def _silent(step: str, done: int = 0, total: int = 0) -> None:
    """Tell nobody."""
