"""The folder of own models: its versions, which is in force, and how that changes.

A version is a sealed folder that is never changed, but for a card that notes a promotion by force.
Which one is in force stands in one small file per part, replaced whole: a run sees the version
before or the one after, nothing between.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from painpoints import bundle
from painpoints.encode import part_names
from painpoints.errors import InputError, ModelError, PainpointsError
from painpoints.writers import write_json
from painpoints_training import comparing

PARTS = ("classifier-accurate", "classifier-fast")
"""Parts that analysts train; the others are only shipped."""

CARD = "MODEL_CARD.md"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a part; `name` is `shipped` or that of an own one."""

    part: str
    name: str
    folder: Path
    in_force: bool
    manifest: Mapping[str, Any]


def versions(part: str, models: Path) -> list[Version]:
    """Return the shipped version and the own ones, oldest first.

    Raises:
        ModelError: a manifest or the pointer is damaged.
    """
    own = models if models.is_dir() else None
    shipped = bundle.shipped(part, own)
    stack = () if own is None else bundle.promoted(part, own)
    now = stack[-1] if stack else bundle.SHIPPED
    folders = (
        [] if own is None else [f for f in (own / part).glob("*") if bundle.is_version(f.name)]
    )
    found = [(bundle.SHIPPED, shipped)] + [(f.name, f) for f in folders if f.is_dir()]
    listed = [Version(part, n, f, n == now, _manifest(n, f)) for n, f in found]
    return sorted(listed, key=lambda one: (one.name != bundle.SHIPPED, _made(one), one.name))


def _manifest(name: str, folder: Path) -> Mapping[str, Any]:
    try:
        return bundle.read_manifest(folder)
    except ModelError as error:
        if name == bundle.SHIPPED:
            raise
        raise ModelError(
            f"{error} Until {folder} is deleted or put back, no version can be told from another."
        ) from error


def _made(version: Version) -> str:
    return str(version.manifest.get("created_at", ""))


def find(part: str, models: Path, name: str) -> Version:
    """Return the version `name`.

    Raises:
        InputError: there is none of that name.
    """
    known = versions(part, models)
    for one in known:
        if one.name == name:
            return one
    names = ", ".join(one.name for one in known)
    told = f"there is no version {name} of {part} in {models}; there are {names}"
    for other in PARTS:
        if other != part and bundle.is_version(name) and (models / other / name).is_dir():
            told += (
                f". One of that name is of {other}: --quality {other.removeprefix('classifier-')}"
            )
    raise InputError(told)


def in_force(part: str, models: Path) -> Version:
    """Return the version that runs take.

    Raises:
        ModelError: it is missing.
    """
    for one in versions(part, models):
        if one.in_force:
            return one
    name = bundle.promoted(part, models)[-1]
    raise ModelError(
        f"version {name} of {part} is in force, but {models / part / name} is gone; put it back, "
        "or leave it with `painpoints models rollback`"
    )


def free_name(part: str, models: Path, wanted: str | None) -> str:
    """Return `wanted` if it can be used, else the next of own-1, own-2, ...

    Raises:
        InputError: the name is taken, or cannot be a name.
    """
    taken = {folder.name for folder in (models / part).glob("*")}
    if wanted is None:
        numbers = (f"own-{number}" for number in range(1, len(taken) + 2))
        return next(name for name in numbers if name not in taken)
    if not bundle.is_version(wanted):
        raise InputError(
            f"name {wanted!r}: lower-case letters, digits, dots and dashes; not a number alone"
        )
    if wanted in taken:
        raise InputError(f"there is a version {wanted} of {part} already; choose another name")
    return wanted


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
        ModelError: it is damaged, or stands on another encoder.
    """
    version = find(part, models, name)
    if version.in_force:
        raise InputError(f"{name} is in force already")
    if name == bundle.SHIPPED:
        _point(part, models, (), {"promoted": name})
        return []
    usable(version, models)
    fallen = falls_below(version, in_force(part, models))
    if fallen and not force:
        raise InputError(
            f"{name} is not promoted, it would fall by more than the margin: {'; '.join(fallen)}. "
            "Add labels where it fell, or promote it with --force, which its card will say"
        )
    if fallen:
        note_force(version.folder, fallen)
    stack = (*bundle.promoted(part, models), name)
    _point(part, models, stack, {"promoted": name, "forced": fallen})
    return fallen


def usable(version: Version, models: Path) -> bundle.Part:
    """Return the version verified, its heads read once.

    Raises:
        ModelError: it is damaged, foreign, or stands on another encoder.
    """
    own = models if models.is_dir() else None
    part = bundle.verify(version.folder)
    if bundle.HEADS in part.artefacts:
        part.artefact(bundle.HEADS)
    if version.part in PARTS:
        names = part_names(version.part.removeprefix("classifier-"))
        encoders = [bundle.verify(bundle.current(name, own)) for name in names]
        bundle.refuse_mismatch(part, encoders)
    return part


def falls_below(version: Version, now: Version) -> list[str]:
    """Return the falls against the version in force, in words.

    Measured against it at training, or else, where both were measured on the same guard, by that.
    """
    told = version.manifest
    stale = outdated(version)
    if stale:
        return [stale]
    if told["against"] == now.name:
        return comparing.falls([comparing.Compared(**one) for one in told["compared"]])
    before, after = told["control"], told["metrics"]["guard"]
    if now.name != bundle.SHIPPED:
        if now.manifest["guard"] != told["guard"] or now.manifest["stages"] != told["stages"]:
            return [f"it was measured against {told['against']}, in force is {now.name}: train it again"]  # fmt: skip
        before = now.manifest["metrics"]["guard"]
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


def rollback(part: str, models: Path, name: str | None = None) -> str:
    """Go back to the version that was in force before, and return its name.

    name: of the version to leave; whichever is in force if None.

    Raises:
        InputError: the shipped version is in force, or another than `name`.
    """
    stack = bundle.promoted(part, models) if models.is_dir() else ()
    if not stack:
        raise InputError(f"the shipped {part} is in force; there is nothing to go back from")
    if name not in {None, stack[-1]}:
        raise InputError(f"{name} of {part} is not in force, {stack[-1]} is")
    _point(part, models, stack[:-1], {"rolled_back": stack[-1]})
    return stack[-2] if stack[:-1] else bundle.SHIPPED


def _point(part: str, models: Path, stack: tuple[str, ...], act: Mapping[str, Any]) -> None:
    file = models / part / bundle.POINTER
    log = json.loads(file.read_bytes()).get("log", []) if file.exists() else []
    log.append({"at": datetime.now(UTC).isoformat(timespec="seconds"), **act})
    write_json({"promoted": list(stack), "log": log}, file)


def note_force(folder: Path, fallen: list[str]) -> None:
    """Write into the version's card that it was promoted although it fell, and seal it again."""
    manifest = bundle.read_manifest(folder)
    page = (folder / CARD).read_text(encoding="utf-8")
    at = datetime.now(UTC).date().isoformat()
    lines = ["", "## Promoted by force", "", f"On {at}, although it falls:", ""]
    text = page + "\n".join([*lines, *[f"* {one}" for one in fallen], ""])
    facts = {k: v for k, v in manifest.items() if k not in {"format", "versions", "files"}}
    with new_version(folder.parent.name, folder.parents[1], f"{folder.name}.forced") as copy:
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        (copy / CARD).write_text(text, encoding="utf-8")
        bundle.write_manifest(copy, {**facts, "forced": [*manifest.get("forced", []), *fallen]})
    forced, old = folder.with_name(f"{folder.name}.forced"), folder.with_name(f".{folder.name}.old")
    folder.rename(old)
    forced.rename(folder)
    shutil.rmtree(old)


def problems(models: Path) -> dict[str, str]:
    """Return for each part on this machine, shipped and own, what is wrong with it; "" if nothing."""
    own = models if models.is_dir() else None
    found: dict[str, str] = {}
    for root in filter(None, (bundle.models_folder(), own)):
        for file in sorted(root.glob(f"*/*/{bundle.MANIFEST}")):
            found[str(file.parent)] = _problem(file.parent, models)
        for pointer in sorted(root.glob(f"*/{bundle.POINTER}")):
            found[str(pointer)] = _pointer_problem(pointer.parent.name, models)
    return found


def _problem(folder: Path, models: Path) -> str:
    try:
        manifest = bundle.read_manifest(folder)
        usable(Version(folder.parent.name, folder.name, folder, in_force=False, manifest=manifest), models)  # fmt: skip
    except PainpointsError as error:
        return str(error)
    return ""


def _pointer_problem(part: str, models: Path) -> str:
    try:
        in_force(part, models)
    except PainpointsError as error:
        return str(error)
    return ""
