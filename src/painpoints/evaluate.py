"""How good the labels are, on any labelled table: F1, agreement, calibration, abstention.

Compares answers with the truth and prints nothing. Where the answers come from - the shipped
models, another version, an analyst's own - is the caller's business.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from painpoints.domain import UNSURE
from painpoints.errors import InputError

LABELS = ("stage", "touchpoint", "sentiment", "type", "severity")
LEVELS = ("0", "1", "2", "3")
"""Of severity, in their order: those that do not occur still lie between those that do."""
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
N_BINS = 10


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """One class: precision, recall and F1 (0..1), and how often it is true."""

    name: str
    precision: float
    recall: float
    f1: float
    n: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one label.

    accuracy:   share of right answers, "unsure" counted as wrong.
    macro_f1:   mean F1 of the classes that occur in the truth.
    kappa:      Cohen's kappa; for severity with quadratic weights, of the answers that are sure.
    ece:        expected calibration error over ten bins of equal width (Guo et al. 2017).
    unsure:     share answered "unsure"; they are in `accuracy`, not in `accuracy_when_sure`.
    coverage:   (share answered, accuracy among them), the surest first.
    reliability: (mean probability, share right, number) of each filled bin.
    """

    label: str
    n: int
    accuracy: float
    macro_f1: float
    kappa: float
    ece: float
    unsure: float
    accuracy_when_sure: float
    coverage: tuple[tuple[float, float], ...]
    reliability: tuple[tuple[float, float, int], ...]
    classes: tuple[ClassFigures, ...]


def figures(label: str, truth: Sequence[str], answer: Sequence[str], prob: NDArray[Any]) -> Figures:
    """Compare answers with the truth.

    Args:
        label: which label it is; "severity" is ordered, its classes are `LEVELS`.
        truth: (n,) right classes.
        answer: (n,) given classes, "unsure" allowed.
        prob: (n,) probability of the answer, 0..1.

    Raises:
        InputError: there is nothing to compare, the lengths differ, or a severity is no level.
    """
    if not truth or len(truth) != len(answer) or len(truth) != len(prob):
        raise InputError(
            f"label {label}: {len(truth)} true and {len(answer)} given answers with {len(prob)} "
            "probabilities; they must be as many as each other, and at least one"
        )
    odd = {*truth, *answer} - {*LEVELS, UNSURE} if label == "severity" else set()
    if odd:
        raise InputError(
            f"label severity: {', '.join(sorted(map(str, odd)))} is none of the levels {', '.join(LEVELS)}"
        )
    right = np.array([t == a for t, a in zip(truth, answer, strict=True)])
    sure = np.array([a != UNSURE for a in answer])
    bins = _reliability(right[sure], np.asarray(prob, dtype=np.float64)[sure])
    classes = tuple(_class_figures(name, truth, answer) for name in sorted(set(truth)))
    return Figures(
        label=label,
        n=len(truth),
        accuracy=float(right.mean()),
        macro_f1=float(np.mean([one.f1 for one in classes])),
        kappa=_kappa(label, truth, answer),
        ece=_ece(bins),
        unsure=float(1.0 - sure.mean()),
        accuracy_when_sure=float(right[sure].mean()) if sure.any() else 0.0,
        coverage=_coverage(right, np.asarray(prob, dtype=np.float64)),
        reliability=bins,
        classes=classes,
    )


def evaluate(labelled: pl.DataFrame, mentions: pl.DataFrame) -> dict[str, Figures]:
    """Compare classified mentions with the truth, label by label.

    Args:
        labelled: one row a mention, some of the five labels as columns; null where not known.
        mentions: MENTIONS as far as "classify", row-aligned with `labelled`.

    Raises:
        InputError: the tables differ in length, or `labelled` has none of the labels.
    """
    present = [label for label in LABELS if label in labelled.columns]
    if labelled.height != mentions.height or not present:
        raise InputError(
            f"{labelled.height} labelled rows with labels {', '.join(present) or '(none)'} cannot "
            f"be compared with {mentions.height} classified mentions; "
            f"the labels are the columns {', '.join(LABELS)}"
        )
    return {label: _of_label(label, labelled[label], mentions) for label in present}


def _of_label(label: str, truth: pl.Series, mentions: pl.DataFrame) -> Figures:
    known = truth.is_not_null()
    return figures(
        label,
        truth.filter(known).cast(pl.String).to_list(),
        mentions[label].filter(known).cast(pl.String).to_list(),
        mentions[f"{label}_prob"].filter(known).to_numpy(),
    )


def table(columns: Mapping[str, Mapping[str, Figures]]) -> str:
    """Return the figures of several models side by side, as a Markdown table.

    Args:
        columns: for each model its figures by label.
    """
    names = list(columns)
    head = ["label", "figure", *names]
    lines = [head, ["---"] * 2 + ["---:"] * len(names)]
    for label in LABELS:
        for title, value in _ROWS.items():
            if title == "quadratic kappa" and label != "severity":
                continue
            lines.append(
                [label, title, *[_cell(columns[name].get(label), value) for name in names]]
            )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


_ROWS = {
    "macro-F1": "macro_f1",
    "accuracy": "accuracy",
    "quadratic kappa": "kappa",
    "ECE": "ece",
    "unsure": "unsure",
    "accuracy when sure": "accuracy_when_sure",
}


def _cell(figure: Figures | None, name: str) -> str:
    return "" if figure is None else f"{getattr(figure, name):.3f}"


def _class_figures(name: str, truth: Sequence[str], answer: Sequence[str]) -> ClassFigures:
    hits = sum(t == a == name for t, a in zip(truth, answer, strict=True))
    n, given = sum(t == name for t in truth), sum(a == name for a in answer)
    precision, recall = hits / given if given else 0.0, hits / n if n else 0.0
    both = precision + recall
    f1 = 2 * precision * recall / both if both else 0.0
    return ClassFigures(name=name, precision=precision, recall=recall, f1=f1, n=n)


def _kappa(label: str, truth: Sequence[str], answer: Sequence[str]) -> float:
    from sklearn.metrics import cohen_kappa_score

    if list(truth) == list(answer):
        return 1.0
    if label != "severity":
        return float(cohen_kappa_score(list(truth), list(answer)))
    sure = [pair for pair in zip(truth, answer, strict=True) if UNSURE not in pair]
    if all(t == a for t, a in sure):
        return 1.0 if sure else 0.0
    given = zip(*sure, strict=True)
    return float(cohen_kappa_score(*given, labels=LEVELS, weights="quadratic"))


def _reliability(right: NDArray[Any], prob: NDArray[Any]) -> tuple[tuple[float, float, int], ...]:
    place = np.minimum((prob * N_BINS).astype(int), N_BINS - 1)
    filled = [place == number for number in range(N_BINS) if (place == number).any()]
    return tuple((float(prob[b].mean()), float(right[b].mean()), int(b.sum())) for b in filled)


def _ece(bins: Sequence[tuple[float, float, int]]) -> float:
    total = sum(n for _, _, n in bins)
    return sum(n * abs(said - was) for said, was, n in bins) / total if total else 0.0


def _coverage(right: NDArray[Any], prob: NDArray[Any]) -> tuple[tuple[float, float], ...]:
    surest = right[np.argsort(-prob, kind="stable")]
    sizes = {share: max(1, round(share * len(right))) for share in COVERAGES}
    return tuple((share, float(surest[:size].mean())) for share, size in sizes.items())
