"""A second opinion on mentions whose labels are in doubt, by a model that reads them in context.

The classifier labels a mention by two vectors, its own and its surroundings'. The cross-encoder
reads both in one input, so that every word sees the others: it is right more often and takes four
times as long. So it is asked only where the classifier doubts; the answer is then a weighted
geometric mean of both (docs/decisions/0038). Whether a mention is in doubt depends on
nothing but the mention: the same text gets the same labels in every run.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from painpoints import bundle
from painpoints.classify import LABELS, Classifier, Probabilities
from painpoints.encode import Vectors
from painpoints.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from torch import Tensor

Pair = tuple[str, str]
"""A mention, and what stands around it, the mention among it."""

Read = Callable[[Sequence[Pair]], tuple[Vectors, Vectors]]
"""Pairs -> mean states of the mentions' tokens and of all, (n, dim) each."""

MAX_TOKENS = 96
"""Of mention and context together; what is beyond is not read."""

SCALE = "|scale"
"""Ends the name of what a matrix of whole numbers is multiplied by, row by row."""

BATCH = 16
TOLD_EVERY = 512

DOUBTED = ("stage", "touchpoint", "sentiment", "type")
"""Labels whose doubts count; severity is a degree, and always a little in doubt."""

DOUBT = 0.25
"""Mean over `DOUBTED` of what their likeliest answers lack to 1, from which a mention is in doubt."""


WEIGHT = 2 / 3
"""Of the cross-encoder's answer beside the classifier's."""


class CrossEncoder:
    """What reads mentions in their context; `CrossEncoder.load` is the way to one."""

    def __init__(self, read: Read, heads: Classifier) -> None:
        """Take what reads pairs into states of the mentions and of all, and the heads on both."""
        self._read = read
        self._heads = heads

    @classmethod
    def load(cls, part: bundle.Part) -> "CrossEncoder":
        """Load a verified part, on the CPU, from disk alone.

        Raises:
            ModelError: the part holds no model that can be read.
        """
        heads = Classifier(part.artefact("heads.joblib"))
        try:
            return cls(reader(part.folder), heads)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            raise ModelError(
                f"model {part.folder} cannot be loaded: {error}. Rebuild it with `make models`."
            ) from error

    def classes(self, label: str) -> tuple[str, ...]:
        """Return the classes of a label in the order of its probabilities."""
        return self._heads.classes(label)

    def probabilities(
        self, pairs: Sequence[Pair], tell: Callable[[int, int], None] | None = None
    ) -> dict[str, Probabilities]:
        """Return for each label (n, classes) under the deployment's priors, row-aligned.

        Each distinct pair is read once, with others of about its length.

        Args:
            pairs: mentions with their contexts.
            tell: is told how many of how many distinct ones are read.
        """
        distinct = sorted(set(pairs), key=lambda pair: (len(pair[0]) + len(pair[1]), pair))
        found = []
        for start in range(0, len(distinct), BATCH):
            if tell is not None and start % TOLD_EVERY == 0:
                tell(start, len(distinct))
            found.append(self._heads.probabilities(*self._read(distinct[start : start + BATCH])))
        place = {pair: row for row, pair in enumerate(distinct)}
        rows = [place[pair] for pair in pairs]
        return {label: np.concatenate([one[label] for one in found])[rows] for label in LABELS}


def in_doubt(given: Mapping[str, Probabilities]) -> NDArray[np.int64]:
    """Return the rows of the mentions whose labels are in doubt, (n,)."""
    lack = np.mean([1.0 - given[label].max(axis=1) for label in DOUBTED], axis=0)
    return np.flatnonzero(lack >= DOUBT)


def second_opinion(
    given: Mapping[str, Probabilities],
    pairs: Sequence[Pair],
    classifier: Classifier,
    other: CrossEncoder,
    tell: Callable[[int, int], None] | None = None,
) -> dict[str, Probabilities]:
    """Return the probabilities of `classifier`, weighed with the other's where in doubt.

    A label for which `classifier` has classes of its own keeps what it gave.

    Args:
        given: for each label (n, classes), of `classifier`.
        pairs: the mentions with their contexts, row-aligned.
        classifier: that gave them.
        other: that is asked.
        tell: is told how many of how many distinct mentions in doubt are read.
    """
    rows = in_doubt(given)
    if not len(rows):
        return dict(given)
    asked = other.probabilities([pairs[row] for row in rows], tell)
    weighed = dict(given)
    for label in LABELS:
        if classifier.classes(label) == other.classes(label):
            weighed[label] = given[label].copy()
            weighed[label][rows] = _weighed(given[label][rows], asked[label])
    return weighed


def _weighed(one: Probabilities, other: Probabilities) -> Probabilities:
    product = one ** (1 - WEIGHT) * other**WEIGHT
    weighed: Probabilities = product / product.sum(axis=1, keepdims=True)
    return weighed


def reader(folder: Path) -> Read:
    """Return what reads pairs with the model in `folder`.

    Its weights lie there in eight bits, each row of a matrix with a scale of its own, and are used
    in single precision.
    """
    import torch
    from safetensors.torch import load_file
    from tokenizers import Tokenizer
    from transformers import BertConfig, BertModel

    tokenizer = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
    stored = load_file(folder / "model.safetensors")
    scales = {name: stored.pop(name) for name in list(stored) if name.endswith(SCALE)}
    weights = {
        name: tensor.float() * scales[name + SCALE] if name + SCALE in scales else tensor.float()
        for name, tensor in stored.items()
    }
    body = BertModel(BertConfig.from_json_file(folder / "config.json"), add_pooling_layer=False)
    body.load_state_dict(weights)
    body.eval()

    def read(pairs: Sequence[Pair]) -> tuple[Vectors, Vectors]:
        with torch.inference_mode():
            mentions, wholes = states(body, tokenizer, pairs)
        return mentions.numpy(), wholes.numpy()

    return read


def states(body: Any, tokenizer: "Tokenizer", pairs: Sequence[Pair]) -> tuple["Tensor", "Tensor"]:
    """Return the mean state of each mention's tokens, and of all, (n, dim) each.

    The input is "[CLS] mention [SEP] context [SEP]"; a context that says no more than its mention
    is left away.
    """
    import torch

    read = [_tokens(tokenizer, *pair) for pair in pairs]
    length = max(len(one.ids) for one in read)
    padded = [[0] * (length - len(one.ids)) for one in read]
    ids = torch.tensor([one.ids + rest for one, rest in zip(read, padded, strict=True)])
    sides = torch.tensor([one.type_ids + rest for one, rest in zip(read, padded, strict=True)])
    sizes = torch.tensor([len(one.ids) for one in read])
    there = (torch.arange(length) < sizes[:, None]).long()
    found = body(input_ids=ids, attention_mask=there, token_type_ids=sides).last_hidden_state
    return _mean(found, there * (1 - sides)), _mean(found, there)


def _tokens(tokenizer: "Tokenizer", mention: str, context: str) -> "Encoding":
    return tokenizer.encode(mention, None if context == mention else context)


def _mean(found: "Tensor", among: "Tensor") -> "Tensor":
    return (found * among[..., None]).sum(1) / among.sum(1, keepdim=True).clamp(min=1)
