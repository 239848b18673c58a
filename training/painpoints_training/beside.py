"""One version beside another: by what was measured when they were trained, or on a labelled file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from painpoints import bundle
from painpoints.classify import LABELS
from painpoints.config import ReadSettings
from painpoints.errors import InputError
from painpoints_training import comparing, evaluating, registry
from painpoints_training.comparing import Compared
from painpoints_training.labelled import PLAIN
from painpoints_training.retrain import OnStep

STEPS = (*evaluating.STEPS, *(f"{step} again" for step in evaluating.STEPS))
"""Of a comparison on a file: one version after the other."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which versions; `other` is the one in force for None, `on` a labelled file to judge both on."""

    quality: Literal["fast", "accurate"]
    models: Path
    version: str
    other: str | None
    on: Path | None
    read: ReadSettings = PLAIN


@dataclass(frozen=True, slots=True)
class Beside:
    """Two versions, label by label: `before` of each is the other's figure."""

    part: str
    version: str
    other: str
    compared: tuple[Compared, ...]
    fallen: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        rows = [one.to_dict() for one in self.compared]
        return {"part": self.part, "version": self.version, "other": self.other, "compared": rows, "fallen": list(self.fallen)}  # fmt: skip


def compared(wish: Wish, on_step: OnStep) -> Beside:
    """Set the versions beside each other.

    Raises:
        InputError: there is no such version, or nothing was measured on both alike.
    """
    part = f"classifier-{wish.quality}"
    version = registry.find(part, wish.models, wish.version)
    if wish.other is None:
        other = registry.in_force(part, wish.models)
    else:
        other = registry.find(part, wish.models, wish.other)
    if other.name == version.name:
        told = "is in force" if wish.other is None else "is both that were named"
        raise InputError(f"{version.name} {told}; name the version to compare it with")
    if wish.on is None:
        rows = _recorded(version, other)
    else:
        rows = _measured(wish, wish.on, version, other, on_step)
    return Beside(part, version.name, other.name, tuple(rows), tuple(comparing.falls(rows)))


def _measured(
    wish: Wish, on: Path, version: registry.Version, other: registry.Version, on_step: OnStep
) -> list[Compared]:
    """Return figures on the rows of a file that neither has learnt from."""

    def again(step: str, done: int = 0, total: int = 0) -> None:
        on_step(f"{step} again", done, total)

    before, after = (
        evaluating.Wish(on, wish.quality, wish.models, one.name, two.name, read=wish.read)
        for one, two in ((other, version), (version, other))
    )
    return _beside(
        on.name,
        comparing.plain(evaluating.judged(before, on_step).figures),
        comparing.plain(evaluating.judged(after, again).figures),
        version,
    )


def _recorded(version: registry.Version, other: registry.Version) -> list[Compared]:
    """Return what stands in the manifests; own rows only where they were measured against `other`."""
    for one in (version, other):
        registry.refuse_foreign(one)
        stale = registry.outdated(one)
        if stale:
            raise InputError(f"{stale}, or compare them with --on LABELLED")
    mine = version.manifest
    if mine.get("against") == other.name:
        return [Compared(**one) for one in mine["compared"]]
    if version.name == bundle.SHIPPED:
        before, after = other.manifest["metrics"]["guard"], other.manifest["control"]
        return _beside(comparing.GUARD, before, after, version)
    before = mine["control"]
    if other.name != bundle.SHIPPED:
        theirs = other.manifest
        if theirs["guard"] != mine["guard"]:
            raise InputError(
                f"{version.name} and {other.name} were measured on different rows; compare them "
                "with --on LABELLED"
            )
        before = theirs["metrics"]["guard"]
    return _beside(comparing.GUARD, before, mine["metrics"]["guard"], version)


def _beside(
    on: str,
    before: Mapping[str, Mapping[str, float]],
    after: Mapping[str, Mapping[str, float]],
    version: registry.Version,
) -> list[Compared]:
    margin = float(version.manifest.get("margin", comparing.MARGIN))
    matters = version.manifest.get("matters", LABELS)
    return comparing.compare(on, before, after, margin=margin, matters=matters)
