"""New heads from the shipped ones and an analyst's rows, each label by itself.

A label that the analyst's rows say nothing of keeps its head to the last bit. One that they speak
of is fitted anew on rehearsal and own rows, held by the shipped weights. Own stages begin as the
vectors of what they say of themselves. The figures behind the constants: docs/decisions/0080.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from painpoints.classify import LABELS, Vectors
from painpoints.config import StageSettings
from painpoints.domain import NO_STAGE
from painpoints_training import anchored
from painpoints_training.heads import MIN_PROB
from painpoints_training.own_stages import covered
from painpoints_training.shipped import Rows

OWN_WEIGHT = 10.0
"""How much an own row counts against one of the corpus, at most."""

HOLD = 10.0
"""Of the shipped weights; weaker moves labels in which the analyst's rows are few."""

STAGE_HOLD = 1.0
"""Of a description's vector: it is a guess, and rows soon know better."""

SHARPNESS = 10.0
"""Length that a description's vector gets as weights, on the mention and on its context."""

SAID_WEIGHT = 20.0
"""What all that a stage says of itself counts together, in rows of the corpus."""

NOTHING = 0.25
"""What none counts of that, or of an own stage's rows: its examples from the corpus are plain ones."""

MAX_COVERED = 300
"""Rows of the corpus taken for one own stage, or for none."""


@dataclass(frozen=True, slots=True)
class Journey:
    """Own stages with the features of what each says of itself, as `Rows` has them."""

    stages: tuple[StageSettings, ...]
    said: tuple[Vectors, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the stages, and none."""
        return (*(stage.name for stage in self.stages), NO_STAGE)


def refit(
    shipped: Mapping[str, Any],
    rehearsal: Rows,
    own: Rows,
    *,
    labels: Sequence[str],
    journey: Journey | None,
) -> dict[str, Any]:
    """Return the artefact of new heads, as `painpoints.classify.Classifier` takes it.

    Args:
        shipped: the artefact of the shipped heads.
        rehearsal: rows of the corpus.
        own: the analyst's rows; may be none, for what the corpus alone gives.
        labels: which heads are fitted anew; the others stay.
        journey: own stages, in place of the default ones.
    """
    heads = {}
    for label in LABELS:
        head = shipped["heads"][label]
        if label == "stage" and journey is not None:
            heads[label] = _own_stages(journey, rehearsal, own)
        elif label in labels:
            heads[label] = _held(label, head, rehearsal, own)
        else:
            heads[label] = dict(head)
    return {"heads": heads}


def _held(label: str, head: Mapping[str, Any], rehearsal: Rows, own: Rows) -> dict[str, Any]:
    classes = [str(name) for name in head["model"].classes_]
    new, old = _of(label, classes, own), _of(label, classes, rehearsal)
    weight = float(np.clip(len(old[1]) / max(len(new[1]), 1), 1.0, OWN_WEIGHT))
    truth = np.concatenate([old[1], new[1]])
    weights = np.concatenate([np.ones(len(old[1])), np.full(len(new[1]), weight)])
    anchor = anchored.Linear(
        head["model"].coef_.astype(np.float64), head["model"].intercept_.astype(np.float64)
    )
    features = np.vstack([old[0], new[0]])
    fitted = anchored.fit(features, truth, weights, anchor, strength=HOLD)
    return {**head, "model": as_model(fitted, classes), "prior": _share(truth, weights, classes)}


def _own_stages(journey: Journey, rehearsal: Rows, own: Rows) -> dict[str, Any]:
    classes = list(journey.classes)
    blocks = [_said(journey), _covered(journey, rehearsal), _own(journey, own)]
    features = np.vstack([block[0] for block in blocks])
    truth = np.concatenate([block[1] for block in blocks])
    weights = np.concatenate([block[2] for block in blocks])
    nothing = classes.index(NO_STAGE)
    told = weights[truth != nothing].sum() / len(journey.stages)
    weights[truth == nothing] *= NOTHING * max(told, SAID_WEIGHT) / weights[truth == nothing].sum()
    centres = [said.mean(axis=0) for said in journey.said]
    centres.append(features[truth == nothing].mean(axis=0))
    start = SHARPNESS * np.stack([_to_unit(centre, own.dim) for centre in centres])
    anchor = anchored.Linear(start.astype(np.float64), np.zeros(len(classes)))
    fitted = anchored.fit(features, truth, weights, anchor, strength=STAGE_HOLD)
    prior = _share(truth, weights, classes)
    return {
        "model": as_model(fitted, classes),
        "prior": prior,
        "natural": prior,
        "temperature": 1.0,
        "min_prob": MIN_PROB["stage"],
    }


Block = tuple[Vectors, NDArray[np.int64], NDArray[np.float64]]
"""Features, the right class of each row, and how much it counts."""


def _said(journey: Journey) -> Block:
    counts = [len(said) for said in journey.said]
    truth = np.repeat(np.arange(len(counts)), counts)
    weights = np.concatenate([np.full(n, SAID_WEIGHT / n) for n in counts])
    return np.vstack(journey.said), truth, weights


def _covered(journey: Journey, rehearsal: Rows) -> Block:
    """Return rows of the corpus: those of the default stages that own ones cover, and none."""
    owner = covered(journey.stages)
    names = [owner.get(name) for name in rehearsal.frame["stage"]]
    meant = pl.Series([NO_STAGE if s == NO_STAGE else n for s, n in zip(rehearsal.frame["stage"], names, strict=True)], dtype=pl.String)  # fmt: skip
    found = [
        np.flatnonzero(meant.eq_missing(name).to_numpy())[:MAX_COVERED] for name in journey.classes
    ]
    truth = np.repeat(np.arange(len(found)), [len(places) for places in found])
    return rehearsal.features[np.concatenate(found)], truth, np.ones(len(truth))


def _own(journey: Journey, own: Rows) -> Block:
    features, truth = _of("stage", journey.classes, own)
    return features, truth, np.full(len(truth), OWN_WEIGHT)


def _of(label: str, classes: Sequence[str], rows: Rows) -> tuple[Vectors, NDArray[np.int64]]:
    """Return the features and classes of the rows that know the label."""
    place = {name: number for number, name in enumerate(classes)}
    numbers = np.array([place.get(name, -1) for name in rows.frame[label]], dtype=np.int64)
    return rows.features[numbers >= 0], numbers[numbers >= 0]


def _to_unit(centre: Vectors, dim: int) -> Vectors:
    """Return a vector of both parts, each of length 1."""
    halves = [half / max(float(np.linalg.norm(half)), 1e-9) for half in np.split(centre, [dim])]
    return np.concatenate(halves)


def _share(
    truth: NDArray[np.int64], weights: NDArray[np.float64], classes: Sequence[str]
) -> NDArray[np.float64]:
    """Return how often each class was fitted on, smoothed by one row."""
    counts = np.bincount(truth, weights=weights, minlength=len(classes)) + 1.0
    return np.asarray(counts / counts.sum())


def as_model(linear: anchored.Linear, classes: Sequence[str]) -> LogisticRegression:
    """Return the head as the scikit-learn estimator that parts hold."""
    model = LogisticRegression()
    model.classes_ = np.array(list(classes))
    model.coef_ = linear.weights.astype(np.float32)
    model.intercept_ = linear.bias.astype(np.float32)
    model.n_features_in_ = linear.weights.shape[1]
    model.n_iter_ = np.zeros(1, dtype=np.int32)
    return model
