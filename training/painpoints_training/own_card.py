"""The manifest and the card of a version that an analyst trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from painpoints import bundle
from painpoints.evaluate import Figures
from painpoints_training import comparing
from painpoints_training.comparing import Compared

CARD = "MODEL_CARD.md"
SEEN = (
    "The shipped encoder and heads learnt from the whole shipped corpus, so the figures on its held-out "
    "part tell what the new rows changed, not how good the model is on feedback it has never met. "
    "For that, hand a labelled file of your own to `painpoints evaluate`."
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a reader must know of an own version before trusting it.

    base, encoders: part, version and identity of what it was trained from and stands on.
    n_rows:   own rows that know each label.
    n_own:    own rows in all.
    taught:   keys of the rows that know each label, so that a later step knows what was seen.
    guard:    identity of the part of the corpus that was held out.
    control:  figures there of the shipped heads refitted without the own rows.
    lost:     what the version `against` had learnt and this one has not.
    unjudged: why nobody can say how good own stages are; "" where they were judged.
    """

    part: str
    version: str
    seed: int
    created_at: str
    base: Mapping[str, str]
    encoders: Sequence[Mapping[str, str]]
    data: Mapping[str, str]
    sources: Mapping[str, str]
    stages: Sequence[Mapping[str, Any]]
    n_rows: Mapping[str, int]
    n_own: int
    taught: Mapping[str, Sequence[str]]
    guard: str
    own_figures: Mapping[str, Figures]
    guard_figures: Mapping[str, Figures]
    held_out_figures: Mapping[str, Figures]
    control: Mapping[str, Mapping[str, float]]
    against: str
    compared: Sequence[Compared]
    lost: Sequence[str]
    unjudged: str
    margin: float
    matters: Sequence[str]
    findings: Sequence[str]


def seal(folder: Path, facts: Facts) -> None:
    """Write MODEL_CARD.md and, over all files, manifest.json."""
    (folder / CARD).write_text(_page(facts), encoding="utf-8")
    bundle.write_manifest(
        folder,
        {
            "part": facts.part,
            "version": facts.version,
            "seed": facts.seed,
            "made_by": "painpoints train",
            "created_at": facts.created_at,
            "base": dict(facts.base),
            "encoders": [dict(one) for one in facts.encoders],
            "data": dict(facts.data),
            "sources": {**facts.sources, "own labels": _licence(facts)},
            "stages": [dict(stage) for stage in facts.stages],
            "n_rows": dict(facts.n_rows),
            "n_own": facts.n_own,
            "taught": {label: list(keys) for label, keys in facts.taught.items()},
            "guard": facts.guard,
            "metrics": {
                "own": comparing.plain(facts.own_figures),
                "guard": comparing.plain(facts.guard_figures),
                "held_out": comparing.plain(facts.held_out_figures),
            },
            "control": {label: dict(row) for label, row in facts.control.items()},
            "against": facts.against,
            "compared": [one.to_dict() for one in facts.compared],
            "lost": list(facts.lost),
            "margin": facts.margin,
            "matters": list(facts.matters),
        },
    )


def _licence(facts: Facts) -> str:
    return f"{facts.n_own:,} rows of {', '.join(facts.data)}; yours, shared with nobody"


def _page(facts: Facts) -> str:
    base = facts.base
    stands_on = " and ".join(
        dict.fromkeys(f"{one['part']} {one['version']}" for one in facts.encoders)
    )
    lines = [
        f"# {facts.part} {facts.version}",
        "",
        (
            f"Heads refitted by `painpoints train` from {base['part']} {base['version']} on "
            f"{stands_on}, {facts.created_at[:10]}, seed {facts.seed}."
        ),
        "",
        "## Learnt from",
        "",
        *[f"* {label}: {n:,} own rows" for label, n in facts.n_rows.items() if n],
        *[f"* {name}, sha256 {told[:16]}..." for name, told in facts.data.items()],
        *_stages(facts),
        "",
        "## Figures",
        "",
        *_figures("Own rows, cross-validated", facts.own_figures),
        *_figures("Shipped corpus, part held out of the trial", facts.guard_figures),
        *_figures("Held-out file", facts.held_out_figures),
        f"## Against {facts.against}",
        "",
        *_compared(facts),
        "",
        *_verdict(facts),
        "",
        "## Limits",
        "",
        "* English only.",
        "* Labels without own rows keep the shipped head as it was.",
        f"* {SEEN}",
        *[f"* {told}" for told in facts.findings],
        "",
        "## Sources",
        "",
        *[f"* {name}: {told}" for name, told in facts.sources.items()],
        f"* own labels: {_licence(facts)}",
        "",
    ]
    return "\n".join(lines)


def _stages(facts: Facts) -> list[str]:
    return [f"* stage {s['name']}: {s['description'] or '(no description)'}" for s in facts.stages]


def _figures(title: str, found: Mapping[str, Figures]) -> list[str]:
    if not found:
        return []
    rows = [
        f"| {label} | {one.n:,} | {one.accuracy:.3f} | {one.macro_f1:.3f} | {one.kappa:.3f} | {one.ece:.3f} |"
        for label, one in found.items()
    ]
    head = ["| label | n | accuracy | macro-F1 | kappa | ECE |", "|---|---:|---:|---:|---:|---:|"]
    return [f"{title}:", "", *head, *rows, ""]


def _compared(facts: Facts) -> list[str]:
    rows = [
        f"| {one.label} | {one.on} | {one.measure} | {one.n:,} | "
        f"{'' if one.before is None else f'{one.before:.3f}'} | {one.after:.3f} |"
        for one in facts.compared
    ]
    return ["| label | on | figure | n | before | now |", "|---|---|---|---:|---:|---:|", *rows]


def _verdict(facts: Facts) -> list[str]:
    fallen = comparing.falls(facts.compared)
    lost = [f"Loses {one}." for one in facts.lost]
    unjudged = [f"Not judged enough: {facts.unjudged}."] if facts.unjudged else []
    if not fallen:
        return [f"No label that matters falls by more than {facts.margin:g}.", *lost, *unjudged]
    named = [f"Falls by more than {facts.margin:g}:", "", *[f"* {one}" for one in fallen], ""]
    return [*named, *lost, *unjudged]
