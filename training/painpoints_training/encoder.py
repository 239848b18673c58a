"""The accurate encoder: a small transformer tuned so that one vector serves labels and topics.

Three layers of MiniLM over a pruned vocabulary, the piece vectors kept as they are. What it learns
from is said in `teach`; here are its shape and its file.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedTokenizerFast

from painpoints_training.teach import Student
from painpoints_training.vocabulary import SPECIAL, Pruned

LAYERS = (0, 3, 5)
"""Of the six of MiniLM: of the choices tried the one nearest to it after a few steps."""

MAX_TOKENS = 64


class Small(Student):
    """MiniLM with fewer layers and pieces, mean pooling, unit vectors."""

    def __init__(self, body: nn.Module, tokenizer: Tokenizer, dim: int) -> None:
        super().__init__(body, dim)
        self.tokenizer = tokenizer

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Return unit vectors (n, dim)."""
        ids = [one.ids for one in self.tokenizer.encode_batch(list(texts))]
        length = max(map(len, ids))
        tokens = torch.tensor([one + [0] * (length - len(one)) for one in ids])
        mask = (torch.arange(length) < torch.tensor([len(one) for one in ids])[:, None]).long()
        states = self.body(input_ids=tokens, attention_mask=mask).last_hidden_state
        pooled = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return functional.normalize(pooled, dim=-1)


def small(base: Path, pruned: Pruned, layers: Sequence[int] = LAYERS) -> Small:
    """Return MiniLM with only `layers` and the pieces of `pruned`, its piece vectors frozen."""
    model = SentenceTransformer(str(base), device="cpu")[0].auto_model
    model.encoder.layer = nn.ModuleList([model.encoder.layer[n] for n in layers])
    model.config.num_hidden_layers = len(layers)
    fewer_pieces(model, pruned)
    pruned.tokenizer.enable_truncation(MAX_TOKENS)
    return Small(model, pruned.tokenizer, model.config.hidden_size)


def fewer_pieces(model: Any, pruned: Pruned) -> None:
    """Leave the model the vectors of the pieces of `pruned` alone, frozen."""
    words = model.embeddings.word_embeddings.weight.detach()[list(pruned.kept)]
    embedding = nn.Embedding(words.shape[0], words.shape[1], padding_idx=0)
    embedding.weight = nn.Parameter(words, requires_grad=False)
    model.embeddings.word_embeddings = embedding
    model.config.vocab_size = len(pruned.kept)


def freeze_lowest(student: Small) -> None:
    """Keep the lowest layer as it is: it reads words, not feedback, and a third of the time is saved."""
    transformer: Any = student.body
    transformer.embeddings.requires_grad_(requires_grad=False)
    transformer.encoder.layer[0].requires_grad_(requires_grad=False)


def save(student: Small, folder: Path) -> None:
    """Write the encoder without its heads, in half precision, as sentence-transformers reads it."""
    special = {f"{name.strip('[]').lower()}_token": name for name in SPECIAL}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=student.tokenizer,
        model_max_length=MAX_TOKENS,
        do_lower_case=True,
        **special,
    )
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as plain:
        transformer: Any = student.body
        transformer.save_pretrained(plain)
        tokenizer.save_pretrained(plain)
        body = Transformer(plain, max_seq_length=MAX_TOKENS)
    body.auto_model.half()
    pooled = Pooling(body.get_embedding_dimension(), "mean")
    SentenceTransformer(modules=[body, pooled, Normalize()], device="cpu").save(
        str(folder), create_model_card=False
    )
