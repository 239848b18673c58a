"""The fast encoder: one vector a word piece, one a common pair of them, averaged.

Each piece starts as the vector that the accurate encoder gives it when it stands alone (as
model2vec does), turned by the PCA of whole texts and weighted down by how common it is. Then all
of them are fitted to the accurate encoder's vectors of texts, and to labels and intents as in
`teach`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor, nn
from torch.nn import functional

from painpoints.classify import Vectors
from painpoints.encode import Encoder
from painpoints.wordtable import Vocabulary, WordTable
from painpoints_training.teach import Student, Teacher
from painpoints_training.vocabulary import spoken

DIMS = 256
DROPPED = 0.3
"""Share of a text's pieces and pairs that are not read while learning, so that no text is known by heart."""

SIF = 1e-3
"""Weight of a piece that occurs with probability p is SIF / (SIF + p) (Arora et al. 2017)."""


@dataclass(frozen=True, slots=True)
class Projection:
    """The accurate encoder's vectors in as many dimensions as the fast one has."""

    pca: PCA

    def unit(self, vectors: Vectors) -> Vectors:
        """Return (n, DIMS) unit vectors."""
        turned = vectors @ self.pca.components_.T
        return np.asarray(turned / np.linalg.norm(turned, axis=1, keepdims=True), dtype=np.float32)


def projection(vectors: Vectors, *, seed: int) -> Projection:
    """Return the directions in which the vectors of texts differ most."""
    return Projection(PCA(DIMS, random_state=seed).fit(vectors))


class Averaged(Student):
    """Vectors of word pieces and pairs, averaged to unit vectors."""

    def __init__(self, body: nn.EmbeddingBag, vocabulary: Vocabulary) -> None:
        super().__init__(body, body.embedding_dim)
        self.vocabulary = vocabulary

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Return unit vectors (n, dim)."""
        numbers, starts = self.vocabulary.read(texts)
        if self.training:
            numbers, starts = _some(numbers, starts)
        bags = self.body(torch.from_numpy(numbers), torch.from_numpy(starts[:-1]))
        return functional.normalize(bags, dim=-1)


def _some(
    numbers: NDArray[np.int64], starts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pieces and pairs that are not dropped; of a text all of them rather than none."""
    sizes = np.diff(starts)
    text = np.repeat(np.arange(len(sizes)), sizes)
    stays = torch.rand(len(numbers)).numpy() >= DROPPED
    stays |= (np.bincount(text[stays], minlength=len(sizes)) == 0)[text]
    return numbers[stays], np.concatenate([[0], np.cumsum(stays)])[starts]


def averaged(
    teacher: Encoder, turned: Projection, vocabulary: Vocabulary, texts: Sequence[str]
) -> Averaged:
    """Return the fast encoder as it starts; `texts` tell how common each piece is.

    A pair starts with nothing to add to its pieces.
    """
    pieces = vocabulary.tokenizer.get_vocab()
    names = sorted(pieces, key=pieces.__getitem__)
    alone = turned.unit(teacher.encode([spoken(name) for name in names]))
    start = np.zeros((len(vocabulary), DIMS), np.float32)
    start[: len(names)] = alone * _rarity(vocabulary, texts, len(names))[:, None]
    return Averaged(
        nn.EmbeddingBag.from_pretrained(torch.from_numpy(start), freeze=False), vocabulary
    )


def _rarity(vocabulary: Vocabulary, texts: Sequence[str], n_pieces: int) -> NDArray[np.float64]:
    counts = 1.0 + np.bincount(vocabulary.read(texts)[0], minlength=n_pieces)[:n_pieces]
    return np.asarray(SIF / (SIF + counts / counts.sum()))


def turned_teacher(texts: Sequence[str], vectors: Vectors, turned: Projection) -> Teacher:
    """Return the teacher's vectors by text, in the fast encoder's dimensions."""
    return dict(zip(texts, turned.unit(vectors), strict=True))


def save(student: Averaged, folder: Path) -> None:
    """Write the encoder: `Encoder.load` reads it back."""
    body: Any = student.body
    WordTable(student.vocabulary, body.weight.detach().numpy()).save(folder)
