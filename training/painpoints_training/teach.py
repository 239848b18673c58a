"""What encoders are taught by: labels, contrast between intents, nearness to a teacher.

Three losses are added up: the labels of mentions (one linear head each, on the mention beside its
context), intents told apart by contrast within the batch, and cosine distance to the vectors of a
larger encoder, which keeps the general sense of similarity. The heads are thrown away afterwards:
`heads` fits calibrated ones on the finished vectors. What a student looks like inside is left to
`encoder` and `static`.
"""

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from painpoints.classify import LABELS, Vectors
from painpoints_training.corpus import CLASSES

Batch = TypeVar("Batch")
Row = Mapping[str, Any]
"""`text`, `context`, and for each label its class, or the probability of each of `CLASSES`, or None."""

Teacher = Mapping[str, NDArray[np.float32]]
"""A larger encoder's unit vector of a text."""

TEMPERATURE = 0.07
"""Of the contrast between intents (Khosla et al. 2020, supervised contrastive learning)."""

SMOOTHING = 0.05
"""Share of a label's weight spread over the other classes: the labels are not all right."""

LOSS_WEIGHTS: Mapping[str, float] = {
    "stage": 1.0, "touchpoint": 1.0, "sentiment": 0.7, "type": 0.7, "severity": 0.5,
    "contrast": 0.5, "teacher": 2.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Teaching:
    """What an encoder learns from.

    rows:    mentions with labels; one that is None teaches nothing.
    intents: texts of each intent.
    teacher: of any texts; those without a vector are not drawn to one.
    """

    rows: Sequence[Row]
    intents: Mapping[str, Sequence[str]]
    teacher: Teacher


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to learn.

    rate, head_rate: highest learning rates; up over the first twentieth, then down to zero.
    """

    epochs: float
    rate: float
    head_rate: float
    seed: int
    n_rows: int = 32
    n_intents: int = 16


class Taught(nn.Module):
    """A body that reads, and a linear head per label that teaches it."""

    def __init__(self, body: nn.Module, dim: int) -> None:
        super().__init__()
        self.body = body
        self.heads = nn.ModuleDict(
            {f"of_{name}": nn.Linear(2 * dim, len(CLASSES[name])) for name in LABELS}
        )

    def of_heads(self, features: Tensor) -> dict[str, Tensor]:
        """Return each label's logits (n, classes) of features (n, 2 * dim)."""
        noisy = functional.dropout(features, 0.1, self.training)
        return {name: self.heads[f"of_{name}"](noisy) for name in LABELS}


class Student(Taught, ABC):
    """An encoder in the making: its body gives unit vectors."""

    def __init__(self, body: nn.Module, dim: int) -> None:
        super().__init__(body, dim)
        self.scale = float(np.sqrt(dim))

    @abstractmethod
    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Return unit vectors (n, dim)."""

    def logits(self, mentions: Tensor, contexts: Tensor) -> dict[str, Tensor]:
        """Return each label's logits (n, classes)."""
        return self.of_heads(torch.cat([mentions, contexts], 1) * self.scale)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return finished vectors, without teaching."""
        with torch.inference_mode():
            parts = [self.vectors(texts[n : n + 64]).numpy() for n in range(0, len(texts), 64)]
        return np.vstack(parts)


def imitate(student: Student, teacher: Teacher, plan: Plan) -> list[float]:
    """Teach the student a teacher's vectors; return the loss of every step."""
    rng = random.Random(plan.seed)  # noqa: S311 - a sample, no secret
    torch.manual_seed(plan.seed)
    size = int(len(teacher) * min(plan.epochs, 1.0))
    texts = rng.sample(sorted(teacher), size) * max(1, round(plan.epochs))
    batches = _bucketed(texts, plan.n_rows, rng)
    return descend(student, batches, lambda b: _apart(student.vectors(b), b, teacher), plan)


def tune(student: Student, teaching: Teaching, plan: Plan) -> list[float]:
    """Teach the student labels, intents and the teacher together; return every step's loss."""
    rng = random.Random(plan.seed)  # noqa: S311 - a sample, no secret
    torch.manual_seed(plan.seed)
    batches = row_batches(teaching.rows, plan, rng, lambda row: len(row["text"] or ""))

    def loss(rows: Sequence[Row]) -> Tensor:
        total = _label_loss(student, rows, teaching.teacher, rng)
        if not teaching.intents or rng.random() < 0.5:
            return total
        return total + _intent_loss(student, teaching, plan.n_intents, rng)

    return descend(student, batches, loss, plan)


def descend(
    student: Taught, batches: list[Batch], loss: Callable[[Batch], Tensor], plan: Plan
) -> list[float]:
    """Take a step down the loss of every batch; return the losses."""
    body = [p for p in student.body.parameters() if p.requires_grad]
    heads = {"params": student.heads.parameters(), "lr": plan.head_rate}
    optimizer = torch.optim.AdamW([{"params": body, "lr": plan.rate}, heads], weight_decay=0.01)
    pace = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: _pace(n, len(batches)))
    student.train()
    history, began = [], time.monotonic()
    for step, batch in enumerate(batches, start=1):
        optimizer.zero_grad()
        value = loss(batch)
        torch.autograd.backward(value)
        nn.utils.clip_grad_norm_(body, 1.0)
        optimizer.step()
        pace.step()
        history.append(float(value.detach()))
        if step % 50 == 0:
            _report(history, len(batches), time.monotonic() - began)
    student.eval()
    return history


def _pace(step: int, n_steps: int) -> float:
    """Return the share of the highest learning rate that `step` has."""
    warm = max(1, n_steps // 20)
    return min((step + 1) / warm, max(0.0, (n_steps - step) / (n_steps - warm + 1)))


def _report(history: list[float], n_steps: int, seconds: float) -> None:
    done = len(history)
    recent = np.mean(history[-50:])
    print(f"step {done} of {n_steps}: loss {recent:.3f}, {seconds / done:.2f} s each", flush=True)


def _bucketed(texts: Sequence[str], size: int, rng: random.Random) -> list[list[str]]:
    """Return batches of about equal length, in random order."""
    ordered = sorted(texts, key=lambda text: len(text) + rng.random() * 20)
    batches = [ordered[n : n + size] for n in range(0, len(ordered), size)]
    rng.shuffle(batches)
    return batches


def row_batches(
    rows: Sequence[Row], plan: Plan, rng: random.Random, length: Callable[[Row], int]
) -> list[list[Row]]:
    """Return batches of rows of about equal length, in random order, as often as the plan says."""
    batches: list[list[Row]] = []
    for _ in range(int(np.ceil(plan.epochs))):
        ordered = sorted(rows, key=lambda row: length(row) + rng.random() * 15)
        one = [ordered[n : n + plan.n_rows] for n in range(0, len(ordered), plan.n_rows)]
        rng.shuffle(one)
        batches += one
    return batches[: int(len(rows) / plan.n_rows * plan.epochs)]


def _label_loss(
    student: Student,
    rows: Sequence[Row],
    teacher: Teacher,
    rng: random.Random,
) -> Tensor:
    clean = [row["text"] or "" for row in rows]
    mentions = student.vectors([roughened(text, rng) for text in clean])
    contexts = _context_vectors(student, rows, mentions, rng)
    near = LOSS_WEIGHTS["teacher"] * _apart(mentions, clean, teacher)
    return near + label_loss(student.logits(mentions, contexts), rows)


def label_loss(logits: Mapping[str, Tensor], rows: Sequence[Row]) -> Tensor:
    """Return the weighted log loss of all labels; one that is None costs nothing."""
    total = torch.zeros(())
    for name, given in logits.items():
        known = [n for n, row in enumerate(rows) if row[name] is not None]
        if known:
            wanted = torch.tensor([_wanted(name, rows[n][name]) for n in known])
            total = total + LOSS_WEIGHTS[name] * functional.cross_entropy(given[known], wanted)
    return total


def _wanted(label: str, told: str | Sequence[float]) -> Sequence[float]:
    """Return the probability wanted of each class; where one is told, it is smoothed."""
    if not isinstance(told, str):
        return told
    wanted = [SMOOTHING / len(CLASSES[label])] * len(CLASSES[label])
    wanted[CLASSES[label].index(told)] += 1 - SMOOTHING
    return wanted


def _context_vectors(
    student: Student,
    rows: Sequence[Row],
    mentions: Tensor,
    rng: random.Random,
) -> Tensor:
    """Encode the contexts of four in ten rows that have one; for the rest the mention stands in."""
    longer = [
        n for n, row in enumerate(rows) if row["context"] != row["text"] and rng.random() < 0.4
    ]
    if not longer:
        return mentions
    around = student.vectors([rows[n]["context"] or "" for n in longer])
    return mentions.index_copy(0, torch.tensor(longer), around)


def _intent_loss(
    student: Student, teaching: Teaching, n_intents: int, rng: random.Random
) -> Tensor:
    """Contrast two texts of each of some intents; all other texts of the batch are negatives."""
    names = rng.sample(sorted(teaching.intents), n_intents)
    texts = [text for name in names for text in rng.sample(list(teaching.intents[name]), 2)]
    vectors = student.vectors(texts)
    alike = vectors @ vectors.T / TEMPERATURE
    alike = alike.masked_fill(torch.eye(len(texts), dtype=torch.bool), -1e4)
    partner = torch.arange(len(texts)) ^ 1
    contrast = functional.cross_entropy(alike, partner)
    near = _apart(vectors, texts, teaching.teacher)
    return LOSS_WEIGHTS["contrast"] * contrast + LOSS_WEIGHTS["teacher"] * near


def _apart(vectors: Tensor, texts: Sequence[str], teacher: Teacher) -> Tensor:
    """Return the mean cosine distance to the teacher over the texts it has encoded."""
    known = [n for n, text in enumerate(texts) if text in teacher]
    if not known:
        return torch.zeros(())
    wanted = torch.from_numpy(np.stack([teacher[texts[n]] for n in known]).astype(np.float32))
    return (1.0 - (vectors[known] * wanted).sum(1)).mean()


def roughened(text: str, rng: random.Random) -> str:
    """Return the text as a hurried customer would have typed it, three times in ten."""
    drawn = rng.random()
    if drawn > 0.3 or len(text) < 8:
        return text
    if drawn > 0.2:
        return text.rstrip(".!? ")
    if drawn > 0.15:
        return text.replace("'", "").replace(",", "")
    place = rng.randrange(1, len(text) - 2)
    if drawn > 0.07:
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    return text[:place] + text[place + 1 :]
