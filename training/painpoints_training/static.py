"""The fast encoder: one vector a token, averaged.

Each token starts as the vector that the teacher gives it when it stands alone (as model2vec
does), reduced by PCA and weighted down by how common it is.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import StaticEmbedding
from sklearn.decomposition import PCA
from tokenizers import Tokenizer

DIMS = 256
SIF = 1e-3
"""Weight of a token that occurs with probability p is SIF / (SIF + p) (Arora et al. 2017)."""


def distil(teacher: SentenceTransformer, tokenizer: Tokenizer, texts: list[str]) -> StaticEmbedding:
    """Return a static encoder over the pieces of `tokenizer`; `texts` tell how common they are."""
    names = [name for name, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    alone = teacher.encode(
        [name.removeprefix("##") for name in names], batch_size=256, show_progress_bar=False
    )
    reduced = PCA(DIMS, random_state=0).fit_transform(np.asarray(alone, dtype=np.float32))
    weighted = reduced * _rarity(tokenizer, texts)[:, None]
    return StaticEmbedding(tokenizer, embedding_weights=weighted.astype(np.float32))


def _rarity(tokenizer: Tokenizer, texts: list[str]) -> NDArray[np.float64]:
    counts = np.ones(tokenizer.get_vocab_size())
    for encoding in tokenizer.encode_batch(texts, add_special_tokens=False):
        np.add.at(counts, encoding.ids, 1)
    return np.asarray(SIF / (SIF + counts / counts.sum()))


def save(static: StaticEmbedding, folder: Path) -> None:
    """Write the encoder in half precision: `Encoder.load` reads it back in single."""
    halved = StaticEmbedding(
        static.tokenizer, embedding_weights=static.embedding.weight.detach().to(torch.float16)
    )
    folder.mkdir(parents=True, exist_ok=True)
    SentenceTransformer(modules=[halved], device="cpu").save(str(folder), create_model_card=False)
