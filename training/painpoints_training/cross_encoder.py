"""The cross-encoder: all of MiniLM over mention and context in one input, and a head per label.

Here it is taught, calibrated and written to its file; when it is asked is said in
`painpoints.cross_encoder`.
"""

import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from safetensors.torch import save as as_bytes
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from torch import Tensor, nn

from painpoints import bundle
from painpoints.classify import LABELS, Classifier
from painpoints.cross_encoder import CrossEncoder
from painpoints.encode import (
    PAIR_TOKENS,
    SCALE,
    Pair,
    pair_model,
    pair_states,
    plain_torch,
    reading_pairs,
)
from painpoints.errors import TrainingDataError
from painpoints_training import anchored, heads, teach
from painpoints_training.corpus import CLASSES
from painpoints_training.encoder import fewer_pieces
from painpoints_training.refit import as_model
from painpoints_training.vocabulary import Pruned

State = Mapping[str, NDArray[np.generic]]
"""The weights of a model, by name."""

N_FROZEN = 2
"""Lowest layers kept as they are, beside the vectors of word pieces, until it is taught on."""

ALONE = 0.2
"""Share of the rows whose context is hidden while learning: many mentions come without one."""

MAX_CHARS = 350
"""Of a context that count when rows of about equal length are put together."""


class Cross(teach.Taught):
    """A cross-encoder in the making."""

    def __init__(self, body: nn.Module, tokenizer: Tokenizer, dim: int) -> None:
        super().__init__(body, dim)
        self.tokenizer = tokenizer

    def forward(self, pairs: Sequence[Pair]) -> dict[str, Tensor]:
        """Return each label's logits (n, classes) of mentions in their contexts."""
        return self.of_heads(torch.cat(pair_states(self.body, self.tokenizer, pairs), 1))


def cross(base: Path, pruned: Pruned, seed: int) -> Cross:
    """Return MiniLM with the pieces of `pruned` and fresh heads, its lowest part frozen."""
    torch.manual_seed(seed)
    model = SentenceTransformer(str(base), device="cpu")[0].auto_model
    fewer_pieces(model, pruned)
    model.pooler = None
    pruned.tokenizer.enable_truncation(PAIR_TOKENS)
    return _frozen(Cross(model, pruned.tokenizer, model.config.hidden_size), N_FROZEN)


def resumed(part: bundle.Part) -> tuple[Cross, dict[str, float]]:
    """Return a sealed cross-encoder to be taught on, and the temperature of each label.

    It keeps its word pieces: what new rows say in others is read in smaller ones. All its layers
    learn: after several passes it is less the rows than the layers that bound it.
    """
    body, tokenizer = pair_model(part.folder)
    student = Cross(body, tokenizer, body.config.hidden_size)
    fitted = part.artefact(bundle.HEADS)["heads"]
    with torch.no_grad():
        for label in LABELS:
            model: Any = fitted[label]["model"]
            layer: Any = student.heads[f"of_{label}"]
            rows = [list(model.classes_).index(name) for name in CLASSES[label]]
            layer.weight.copy_(torch.from_numpy(model.coef_[rows]))
            layer.bias.copy_(torch.from_numpy(model.intercept_[rows]))
    return _frozen(student, 0), {label: fitted[label]["temperature"] for label in LABELS}


def mean(parts: Sequence[bundle.Part]) -> tuple[Cross, dict[str, float]]:
    """Return the mean of the weights of sealed cross-encoders, and the temperatures of the last.

    They are passes of one training: a mean of its later weights lies nearer to the middle of what it
    circles (Izmailov et al. 2018, averaging weights leads to wider optima).

    Raises:
        TrainingDataError: they have other word pieces, so are not of one training.
    """
    taken = [resumed(part) for part in parts]
    student, cooled = taken[-1]
    if len({one.tokenizer.to_str() for one, _ in taken}) > 1:
        raise TrainingDataError(
            "these cross-encoders have other word pieces: no mean is made of them"
        )
    states = [one.state_dict() for one, _ in taken]
    student.load_state_dict({name: _mean([state[name] for state in states]) for name in states[0]})
    return student, cooled


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(tensors)).double().mean(0).to(tensors[0].dtype)


def _frozen(student: Cross, n_layers: int) -> Cross:
    """Return it with the vectors of word pieces and its lowest layers kept as they are."""
    body: Any = student.body
    body.embeddings.requires_grad_(requires_grad=False)
    for layer in body.encoder.layer[:n_layers]:
        layer.requires_grad_(requires_grad=False)
    return student


def side_by_side(
    base: Path, pruned: Pruned, plan: teach.Plan, lots: Sequence[pl.DataFrame]
) -> list[Cross]:
    """Return a cross-encoder taught the labels of each lot of rows, all at the same time.

    Each has a process and one thread, so that it learns the same however many cores there are.
    """
    with ProcessPoolExecutor(len(lots), mp_context=get_context("spawn")) as processes:
        learn = partial(_learnt, base, pruned, plan)
        return [
            _with_state(cross(base, pruned, plan.seed), of) for of in processes.map(learn, lots)
        ]


def _learnt(base: Path, pruned: Pruned, plan: teach.Plan, rows: pl.DataFrame) -> State:
    plain_torch().set_num_threads(1)
    student = cross(base, pruned, plan.seed)
    tune(student, rows, plan)
    return {name: tensor.numpy() for name, tensor in student.state_dict().items()}


def _with_state(student: Cross, state: State) -> Cross:
    student.load_state_dict({name: torch.from_numpy(of) for name, of in state.items()})
    return student.eval()


def tune(student: Cross, rows: pl.DataFrame, plan: teach.Plan) -> list[float]:
    """Teach it the labels of rows of `corpus.SCHEMA`; return every step's loss."""
    rng = random.Random(plan.seed)  # noqa: S311 - a sample, no secret
    torch.manual_seed(plan.seed)
    batches = teach.row_batches(list(rows.iter_rows(named=True)), plan, rng, _length)

    def loss(batch: Sequence[teach.Row]) -> Tensor:
        return teach.label_loss(student([_seen(row, rng) for row in batch]), batch)

    return teach.descend(student, batches, loss, plan)


def _length(row: teach.Row) -> int:
    mention, around = _pair(row)
    return len(mention) + (0 if mention == around else min(len(around), MAX_CHARS))


def _seen(row: teach.Row, rng: random.Random) -> Pair:
    """Return what is read of a row: typed hastily now and then, its context hidden at times."""
    mention, around = _pair(row)
    hidden = mention == around or rng.random() < ALONE
    rough = teach.roughened(mention, rng)
    return rough, rough if hidden else around


def _pair(row: teach.Row) -> Pair:
    return row["text"] or "", row["context"] or ""


def artefact(
    student: Cross, rows: pl.DataFrame, temperatures: Mapping[str, float]
) -> dict[str, Any]:
    """Return the heads as `painpoints.classify.Classifier` takes them, classes in sorted order.

    Args:
        student: taught on `rows`.
        rows: of `corpus.SCHEMA`.
        temperatures: of each label, from `calibrate`.
    """
    return {"heads": {label: _head(label, student, rows, temperatures[label]) for label in LABELS}}


def _head(label: str, student: Cross, rows: pl.DataFrame, temperature: float) -> dict[str, Any]:
    layer: Any = student.heads[f"of_{label}"]
    order = sorted(range(len(CLASSES[label])), key=CLASSES[label].__getitem__)
    classes = [str(CLASSES[label][place]) for place in order]
    weights, bias = (tensor.detach().numpy()[order] for tensor in (layer.weight, layer.bias))
    prior = heads.frequencies(rows[label].drop_nulls().to_numpy().astype(str), classes)
    return {
        "model": as_model(anchored.Linear(weights, bias), classes),
        "prior": prior,
        "natural": heads.deployment_prior(rows, label, classes, prior),
        "temperature": temperature,
        "min_prob": heads.MIN_PROB[label],
    }


def _in_eight_bits(name: str, matrix: Tensor) -> dict[str, Tensor]:
    """Return whole numbers of -127 to 127 and what each row of them is to be multiplied by."""
    scale = matrix.abs().amax(dim=1, keepdim=True).clamp(min=1e-9) / 127
    return {name: (matrix / scale).round().to(torch.int8), name + SCALE: scale}


def calibrate(trial: Cross, rows: pl.DataFrame, held: pl.DataFrame) -> dict[str, float]:
    """Return for each label the temperature with the least log loss on sources left out.

    Args:
        trial: taught on `rows`.
        rows: of `corpus.SCHEMA`.
        held: rows of other sources.
    """
    plain = Classifier(artefact(trial, rows, dict.fromkeys(LABELS, 1.0)))
    ready = CrossEncoder(reading_pairs(trial.body, trial.tokenizer), plain)
    given = ready.probabilities(held.select("text", "context").rows())
    return {
        label: heads.temperature(given[label], heads.places(held[label], plain.classes(label)))
        for label in LABELS
    }


def save(student: Cross, fitted: Mapping[str, Any], folder: Path) -> None:
    """Write the model, its matrices in eight bits, its tokenizer, and the heads."""
    folder.mkdir(parents=True, exist_ok=True)
    body: Any = student.body
    body.config.to_json_file(folder / "config.json")
    stored: dict[str, Tensor] = {}
    for name, tensor in body.state_dict().items():
        stored |= _in_eight_bits(name, tensor) if tensor.dim() == 2 else {name: tensor.half()}
    (folder / "model.safetensors").write_bytes(as_bytes(stored))
    student.tokenizer.save(str(folder / "tokenizer.json"))
    joblib.dump(fitted, folder / bundle.HEADS)
