"""The folder of own models: its versions, which is in force, and how that changes.

A version is a sealed folder that is never changed, but for a card that notes a promotion by force.
Which one is in force stands in one small file per part, replaced whole: a run sees the version
before or the one after, nothing between.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from painpoints import bundle
from painpoints.classify import Classifier
from painpoints.encode import part_names
from painpoints.errors import InputError, ModelError, PainpointsError
from painpoints.writers import write_files, write_json
from painpoints_training import comparing

PARTS = ("classifier-accurate", "classifier-fast")
"""Parts that analysts train; the others are only shipped."""

CARD = "MODEL_CARD.md"

JUDGED_BY = (
    *("encoders", "stages", "guard", "metrics", "control"),
    *("against", "compared", "margin", "matters"),
)
"""What every manifest that `own_card` seals has, and without which no version can be judged."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a part.

    name:     `shipped`, or that of an own one.
    manifest: empty if the version is broken.
    problem:  why no manifest of it can be read, with the way out; "" if one can.
    """

    part: str
    name: str
    folder: Path
    in_force: bool
    manifest: Mapping[str, Any]
    problem: str = ""


def versions(part: str, models: Path) -> list[Version]:
    """Return the shipped version and the own ones, oldest first; of all, one is in force.

    A broken own version is among them, also one in force whose folder is gone.

    Raises:
        ModelError: the shipped version or the pointer is damaged.
    """
    stack = bundle.promoted(part, models)
    folder = bundle.shipped(part, models)
    shipped = Version(part, bundle.SHIPPED, folder, not stack, bundle.read_manifest(folder))
    folders = {one for one in (models / part).glob("*") if bundle.is_version(one.name)}
    names = {one.name for one in folders if one.is_dir()} | set(stack[-1:])
    own = [_own(models / part / name, in_force=name in stack[-1:]) for name in names]
    return [shipped, *sorted(own, key=lambda one: (_made(one), one.name))]


def _own(folder: Path, *, in_force: bool) -> Version:
    part, name = folder.parent.name, folder.name
    try:
        return Version(part, name, folder, in_force, bundle.read_manifest(folder))
    except ModelError as error:
        return Version(part, name, folder, in_force, {}, str(error))


def _made(version: Version) -> str:
    return str(version.manifest.get("created_at", ""))


def find(part: str, models: Path, name: str) -> Version:
    """Return the version `name`.

    Raises:
        InputError: there is none of that name.
        ModelError: it is broken.
    """
    known = versions(part, models)
    for one in known:
        if one.name == name:
            return _whole(one)
    names = ", ".join(one.name for one in known)
    told = f"there is no version {name} of {part} in {models}; there are {names}"
    for other in PARTS:
        if other != part and bundle.is_version(name) and (models / other / name).is_dir():
            told += (
                f". One of that name is of {other}: --quality {other.removeprefix('classifier-')}"
            )
    raise InputError(told)


def _whole(version: Version) -> Version:
    if version.problem:
        raise ModelError(version.problem)
    return version


def current(part: str, models: Path) -> Version:
    """Return the version that runs take, broken or not."""
    return next(one for one in versions(part, models) if one.in_force)


def in_force(part: str, models: Path) -> Version:
    """Return the version that runs take.

    Raises:
        ModelError: it is missing or broken.
    """
    return _whole(current(part, models))


def judged_against(part: str, models: Path) -> tuple[Version, str]:
    """Return the version that a new one is judged against, and why it is not the one in force.

    That is the one in force, or the shipped one where that cannot be used, as after an update of
    the encoders: a new version is the way out, so it must not need the old one.
    """
    now = current(part, models)
    problem = "" if now.name == bundle.SHIPPED else _problem(now.folder, models)
    if not problem:
        return now, ""
    why = f"{now.name} is in force and cannot be used; judged against shipped instead: {problem}"
    return find(part, models, bundle.SHIPPED), why


def free_name(part: str, models: Path, wanted: str | None) -> str:
    """Return `wanted` if it can be used, else the next of own-1, own-2, ...

    Names that were ever in force stay taken: rolling back would take a new version for the old.

    Raises:
        InputError: the name is taken, or cannot be a name.
        ModelError: the pointer is damaged.
    """
    here = {folder.name for folder in (models / part).glob("*")}
    before = _ever_in_force(part, models)
    if wanted is None:
        numbers = (f"own-{number}" for number in count(1))
        return next(name for name in numbers if name not in here | before)
    if not bundle.is_version(wanted):
        raise InputError(
            f"name {wanted!r}: lower-case letters, digits, dots and dashes; not a number alone"
        )
    if wanted in here:
        raise InputError(f"there is a version {wanted} of {part} already; choose another name")
    if wanted in before:
        raise InputError(
            f"another version {wanted} of {part} was in force once, and rolling back would take the "
            "new one for it; choose another name"
        )
    return wanted


def _ever_in_force(part: str, models: Path) -> set[str]:
    stack, log = bundle.promoted(part, models), _log(part, models)
    told = {act[key] for act in log for key in ("promoted", "rolled_back") if key in act}
    return told | set(stack)


@contextmanager
def new_version(part: str, models: Path, name: str) -> Iterator[Path]:
    """Yield a folder to write into; it becomes the version when the block ends well."""
    root = models / part
    try:
        root.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=root))
    except OSError as error:
        raise ModelError(f"{root} cannot be written: {error.strerror}") from error
    try:
        yield unfinished
        unfinished.chmod(0o755)
        unfinished.rename(root / name)
    except OSError as error:
        raise ModelError(f"{root / name} cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


# -- promote and roll back ---------------------------------------------------------------------


def promote(part: str, models: Path, name: str, *, force: bool = False) -> list[str]:
    """Bring a version into force, and return what was forced: the falls it has all the same.

    Raises:
        InputError: there is no such version, or it falls below the one in force.
        ModelError: it is broken, damaged, or stands on another encoder.
    """
    version = find(part, models, name)
    if version.in_force:
        raise InputError(f"{name} is in force already")
    if name == bundle.SHIPPED:
        _point(part, models, (), {"promoted": name})
        return []
    identity = bundle.identity(usable(version, models))
    now, _ = judged_against(part, models)
    fallen = falls_below(version, now)
    if fallen and not force:
        raise InputError(
            f"{name} is not promoted, against {now.name} it would fall or lose too much: "
            f"{'; '.join(fallen)}. "
            "Add labels where it fell, or promote it with --force, which its card will say"
        )
    if fallen:
        note_force(version.folder, fallen)
    stack = (*bundle.promoted(part, models), name)
    act = {"promoted": name, "identity": identity, "against": now.name, "forced": fallen}
    _point(part, models, stack, act)
    return fallen


def usable(version: Version, models: Path) -> bundle.Part:
    """Return the version verified, its heads read once.

    Raises:
        ModelError: it is damaged, foreign, or stands on another encoder.
    """
    part = bundle.verify(version.folder)
    if version.part in PARTS:
        refuse_foreign(replace(version, manifest=part.manifest))
        _refuse_no_heads(part)
        bundle.refuse_mismatch(part, _encoders(version.part, models))
    elif bundle.HEADS in part.artefacts:
        part.artefact(bundle.HEADS)
    return part


def refuse_foreign(version: Version) -> None:
    """Check that an own version says of itself what it is judged by.

    Raises:
        ModelError: it does not, so `painpoints train` has not written it.
    """
    if not bundle.is_version(version.folder.name):
        return
    missing = [name for name in JUDGED_BY if name not in version.manifest]
    missing += [CARD] * (CARD not in version.manifest["files"])
    if missing:
        raise ModelError(
            f"model {version.folder} was not written by `painpoints train`: "
            f"{bundle.MANIFEST} has no {', '.join(missing)}. {bundle.remedy(version.folder)}"
        )


def _refuse_no_heads(part: bundle.Part) -> None:
    """Check that there are heads of all labels, before a run is told to take them."""
    told = f"model {part.folder}: {bundle.HEADS}"
    if bundle.HEADS not in part.artefacts:
        raise ModelError(f"{told} is not there. {bundle.remedy(part.folder)}")
    heads = part.artefact(bundle.HEADS)
    try:
        Classifier(heads)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ModelError(f"{told} holds no heads. {bundle.remedy(part.folder)}") from error


def _encoders(part: str, models: Path) -> list[bundle.Part]:
    own = models if models.is_dir() else None
    names = part_names(part.removeprefix("classifier-"))
    return [bundle.verify(bundle.current(name, own)) for name in names]


def falls_below(version: Version, now: Version) -> list[str]:
    """Return the falls against the version in force, in words, and what would be lost with it.

    Measured against it at training, or else, where both were measured on the same guard, by that:
    by the better of the one in force and the shipped one. What it fell on rows of its own then
    counts as well, since nothing later was measured there.
    """
    told = version.manifest
    stale = outdated(version)
    if stale:
        return [stale]
    if told["against"] == now.name:
        compared = [comparing.Compared(**one) for one in told["compared"]]
        return [*told.get("lost", ()), *comparing.falls(compared)]
    return [*_recorded(told), *_forgotten(told, now), *_on_guard(told, now)]


def _recorded(told: Mapping[str, Any]) -> list[str]:
    """Return the falls on rows that only the training has seen, against whatever was in force then."""
    compared = [comparing.Compared(**one) for one in told["compared"]]
    own = [one for one in compared if one.on in {comparing.OWN, comparing.HELD_OUT}]
    return [f"{one}, against {told['against']}" for one in comparing.falls(own)]


def _forgotten(told: Mapping[str, Any], now: Version) -> list[str]:
    """Return the labels that the version in force has learnt, and the other one from no row."""
    here, known = told.get("taught", {}), now.manifest.get("taught", {})
    return [
        f"{label}: none of the {len(keys):,} rows that {now.name} learnt from is there"
        for label, keys in known.items()
        if keys and not here.get(label)
    ]


def _on_guard(told: Mapping[str, Any], now: Version) -> list[str]:
    """Return the falls on the guard, where both were measured on the same."""
    before, after = told["control"], told["metrics"]["guard"]
    if now.name != bundle.SHIPPED:
        if now.manifest["guard"] != told["guard"] or now.manifest["stages"] != told["stages"]:
            return [f"it was measured against {told['against']}, in force is {now.name}: train it again"]  # fmt: skip
        before = comparing.better(now.manifest["metrics"]["guard"], before)
    margin, matters = told["margin"], told["matters"]
    found = comparing.compare(comparing.GUARD, before, after, margin=margin, matters=matters)
    return comparing.falls(found)


def outdated(version: Version) -> str:
    """Return that a version was trained from shipped heads of before an update; "" if it was not.

    It still answers, but its figures were measured against heads that are no longer shipped.
    """
    base = version.manifest.get("base")
    if base is None:
        return ""
    models = version.folder.parents[1]
    shipped = bundle.read_manifest(bundle.shipped(version.part, models))
    if base["identity"] == bundle.identity(bundle.Part(models, shipped, {})):
        return ""
    return (
        f"{version.name} was trained from {base['part']} {base['version']}, shipped is "
        f"{shipped['version']} now: train it again from the same labels"
    )


def _nobody(told: str) -> None:
    """Tell nobody."""


def rollback(
    part: str, models: Path, name: str | None = None, tell: Callable[[str], None] = _nobody
) -> str:
    """Go back to the nearest version that was in force before and can be used; return its name.

    Where there is none, that is the shipped one.

    name: of the version to leave; whichever is in force if None.
    tell: is told each version that is skipped, and why.

    Raises:
        InputError: the shipped version is in force, or another than `name`.
        ModelError: the pointer or an encoder is damaged; nothing was changed.
    """
    stack = bundle.promoted(part, models)
    if not stack:
        raise InputError(f"the shipped {part} is in force; there is nothing to go back from")
    left, before = stack[-1], stack[:-1]
    if name not in {None, left}:
        raise InputError(f"{name} of {part} is not in force, {left} is")
    _encoders(part, models)  # if one is damaged, that is no fault of the versions
    skipped: dict[str, str] = {}
    while before and (why := _lost(part, models, before[-1], left)):
        skipped[before[-1]] = why
        before = before[:-1]
    _point(part, models, before, {"rolled_back": left, "skipped": [*skipped]})
    for one, why in skipped.items():
        tell(f"{one} is skipped: {why}")
    return before[-1] if before else bundle.SHIPPED


def _lost(part: str, models: Path, name: str, left: str) -> str:
    """Return why a version that was in force cannot come back for `left`; "" if it can."""
    if name == left:
        return "it is the one to be left"
    folder = models / part / name
    problem = _problem(folder, models)
    if problem:
        return problem
    promoted = {act.get("promoted"): act.get("identity") for act in _log(part, models)}.get(name)
    if promoted in {None, bundle.identity(bundle.verify(folder))}:
        return ""
    return f"{folder} holds another version than the one that was promoted"


def _log(part: str, models: Path) -> list[dict[str, Any]]:
    """Return what was promoted and rolled back, in order; of the pointer `bundle` has read."""
    file = models / part / bundle.POINTER
    log: list[dict[str, Any]] = (
        json.loads(file.read_bytes()).get("log", []) if file.exists() else []
    )
    return log


def _point(part: str, models: Path, stack: tuple[str, ...], act: Mapping[str, Any]) -> None:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    log = [*_log(part, models), {"at": at, **act}]
    write_json({"promoted": list(stack), "log": log}, models / part / bundle.POINTER)


def note_force(folder: Path, fallen: list[str]) -> None:
    """Write into the version's card that it was promoted although it fell, and seal it again.

    Cut off between card and manifest, the card is told as changed; no other file is touched.
    """
    manifest = bundle.read_manifest(folder)
    at = datetime.now(UTC).date().isoformat()
    lines = ["", "## Promoted by force", "", f"On {at}, although it falls:", ""]
    added = "\n".join([*lines, *[f"* {one}" for one in fallen], ""])
    page = (folder / CARD).read_bytes() + added.encode()
    files = {**manifest["files"], CARD: bundle.sealed(page)}
    told = {**manifest, "forced": [*manifest.get("forced", []), *fallen], "files": files}
    text = json.dumps(told, indent=1, ensure_ascii=False) + "\n"
    write_files({CARD: page, bundle.MANIFEST: text.encode()}, folder)


def problems(models: Path) -> dict[str, str]:
    """Return for each part on this machine, shipped and own, what is wrong with it; "" if nothing."""
    own = models if models.is_dir() else None
    found: dict[str, str] = {}
    for root in filter(None, (bundle.models_folder(), own)):
        for folder in sorted(root.glob("[!.]*/[!.]*/")):
            found[str(folder)] = _problem(folder, models)
        for pointer in sorted(root.glob(f"*/{bundle.POINTER}")):
            found[str(pointer)] = _pointer_problem(pointer.parent.name, models)
    return found


def _problem(folder: Path, models: Path) -> str:
    version = Version(folder.parent.name, folder.name, folder, in_force=False, manifest={})
    try:
        usable(version, models)
    except PainpointsError as error:
        return str(error)
    return ""


def _pointer_problem(part: str, models: Path) -> str:
    try:
        in_force(part, models)
    except PainpointsError as error:
        return str(error)
    return ""
