"""The fast encoder: one vector a token, averaged.

Each token starts as the vector that the accurate encoder gives it when it stands alone (as
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
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from sklearn.decomposition import PCA
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from painpoints.classify import Vectors
from painpoints.encode import Encoder
from painpoints_training.teach import Student, Teacher
from painpoints_training.vocabulary import spoken

DIMS = 256
DROPPED = 0.3
"""Share of a text's tokens that are not read while learning, so that no text is known by heart."""

SIF = 1e-3
"""Weight of a token that occurs with probability p is SIF / (SIF + p) (Arora et al. 2017)."""


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
    """Token vectors, averaged to unit vectors."""

    def __init__(self, body: nn.EmbeddingBag, tokenizer: Tokenizer) -> None:
        super().__init__(body, body.embedding_dim)
        self.tokenizer = tokenizer

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Return unit vectors (n, dim)."""
        read = self.tokenizer.encode_batch(list(texts), add_special_tokens=False)
        ids = [_some(one.ids) if self.training else one.ids for one in read]
        starts = torch.tensor([0, *np.cumsum([len(one) for one in ids])[:-1].tolist()])
        flat = torch.tensor([token for one in ids for token in one], dtype=torch.long)
        return functional.normalize(self.body(flat, starts), dim=-1)


def _some(ids: list[int]) -> list[int]:
    """Return the tokens that are not dropped; all of them rather than none."""
    kept = (torch.rand(len(ids)) >= DROPPED).tolist()
    return [token for token, stays in zip(ids, kept, strict=True) if stays] or ids


def averaged(
    teacher: Encoder, turned: Projection, tokenizer: Tokenizer, texts: Sequence[str]
) -> Averaged:
    """Return the fast encoder as it starts; `texts` tell how common each token is."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    names = [name for name, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    alone = turned.unit(teacher.encode([spoken(name) for name in names]))
    weighted = alone * _rarity(tokenizer, texts)[:, None]
    start = torch.from_numpy(weighted.astype(np.float32))
    return Averaged(nn.EmbeddingBag.from_pretrained(start, freeze=False), tokenizer)


def _rarity(tokenizer: Tokenizer, texts: Sequence[str]) -> NDArray[np.float64]:
    counts = np.ones(tokenizer.get_vocab_size())
    for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False):
        np.add.at(counts, encoding.ids, 1)
    return np.asarray(SIF / (SIF + counts / counts.sum()))


def turned_teacher(texts: Sequence[str], vectors: Vectors, turned: Projection) -> Teacher:
    """Return the teacher's vectors by text, in the fast encoder's dimensions."""
    return dict(zip(texts, turned.unit(vectors), strict=True))


def save(student: Averaged, folder: Path) -> None:
    """Write the encoder in half precision: `Encoder.load` reads it back in single."""
    body: Any = student.body
    halved = body.weight.detach().to(torch.float16)
    module = StaticEmbedding(student.tokenizer, embedding_weights=halved)
    folder.mkdir(parents=True, exist_ok=True)
    SentenceTransformer(modules=[module], device="cpu").save(str(folder), create_model_card=False)
