"""Texts -> unit vectors, pairs of them -> states. The one file that knows sentence-transformers and torch.

Two kinds of encoder stand behind the same three calls: a table of words (`wordtable`, very quick)
and a small transformer. Which one it is says the folder; what the vectors are good for is left to
the steps that use them. Labels are read off two vectors: the mention's by the encoder of the
quality, and by the table of words that of the text around it, whose order matters little
(docs/decisions/0036). A third model reads a mention and its context in one input; when it
is asked is said in `cross_encoder`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from painpoints import wordtable
from painpoints.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer
    from torch import Tensor

Vectors = NDArray[np.float32]

Pair = tuple[str, str]
"""A mention, and what stands around it, the mention among it."""

ReadPairs = Callable[[Sequence[Pair]], tuple[Vectors, Vectors]]
"""Pairs -> mean states of the mentions' tokens and of all tokens, (n, dim) each."""

MAX_CHARS = 2_000
"""Characters of a text that are read; a transformer reads its first 64 tokens of them."""

PAIR_TOKENS = 96
"""Of a pair; what is beyond is not read."""

SCALE = "|scale"
"""Ends the name of what the whole numbers of a stored matrix are multiplied by, row by row."""

BATCH, PAIRS = 64, 16
"""Texts, and pairs of them, that are read together."""
TOLD_EVERY = 2_048
"""Texts after which it is told how far the work is."""


class Encoder:
    """An encoder ready for use; `Encoder.load` is the way to one."""

    def __init__(self, read: Callable[[list[str]], Vectors], dim: int) -> None:
        """Take what reads texts into unit rows, (n, dim)."""
        self._read = read
        self.dim = dim

    @classmethod
    def load(cls, folder: Path) -> "Encoder":
        """Load the word table or sentence-transformers model in `folder`, on the CPU, from disk alone.

        Raises:
            ModelError: the folder holds no model that can be read.
        """
        try:
            if (folder / wordtable.TABLE).is_file():
                table = wordtable.WordTable.load(folder)
                return cls(table.read, table.vectors.shape[1])
            return cls(*_transformer(folder))
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise ModelError(
                f"encoder {folder} cannot be loaded: {error}. Rebuild it with `make models`."
            ) from error

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, float32 (n, dim), in the order of `texts`.

        Each distinct text is encoded once, so equal texts have equal vectors to the last bit; a
        text encoded in another batch agrees within 1e-5. A text with nothing to read has the zero
        vector.
        """
        distinct = list(dict.fromkeys(text[:MAX_CHARS] for text in texts))
        if not distinct:
            return np.zeros((0, self.dim), dtype=np.float32)
        place = {text: row for row, text in enumerate(distinct)}
        vectors = self._read(distinct)
        vectors[[not text.strip() for text in distinct]] = 0.0
        return vectors[[place[text[:MAX_CHARS]] for text in texts]]


def plain_torch() -> Any:
    """Return torch without oneDNN, which keeps the weights again for every length of text it meets.

    That is 150 MB, and it is no quicker than what torch does without it.
    """
    import torch

    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]  # a property, typed as its maker
    return torch


def _transformer(folder: Path) -> tuple[Callable[[list[str]], Vectors], int]:
    """Return what reads texts with any model of sentence-transformers, and its vectors' length."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    plain_torch()
    disable_progress_bar()
    model = SentenceTransformer(
        str(folder),
        device="cpu",
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"dtype": "float32"},
    )
    model = model.float().eval()

    def read(texts: list[str]) -> Vectors:
        vectors = model.encode(
            texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return np.nan_to_num(np.asarray(vectors, dtype=np.float32))

    return read, int(model.get_embedding_dimension())


def part_names(quality: str) -> tuple[str, str]:
    """Return the parts that read mentions and what stands around them."""
    return f"encoder-{quality}", "encoder-fast"


class Encoders:
    """What reads mentions, and what reads the text around them."""

    def __init__(self, mentions: Encoder, contexts: Encoder) -> None:
        self.mentions = mentions
        self.contexts = contexts

    @classmethod
    def load(cls, mentions: Path, contexts: Path) -> "Encoders":
        """Load the two parts, once if they are the same.

        Raises:
            ModelError: a folder holds no model that can be read.
        """
        first = Encoder.load(mentions)
        return cls(first, first if contexts == mentions else Encoder.load(contexts))

    def read(
        self,
        texts: Sequence[str],
        contexts: Sequence[str],
        tell: Callable[[int, int], None] | None = None,
    ) -> tuple[Vectors, Vectors]:
        """Return the vectors of mentions, (n, dim), and of their contexts, row-aligned.

        Args:
            texts: of the mentions.
            contexts: what stands around each, the mention among it.
            tell: is told how many of how many distinct mentions are read.
        """
        distinct = list(dict.fromkeys(texts))
        blocks = [np.zeros((0, self.mentions.dim), np.float32)]
        for start in range(0, len(distinct), TOLD_EVERY):
            if tell is not None:
                tell(start, len(distinct))
            blocks.append(self.mentions.encode(distinct[start : start + TOLD_EVERY]))
        place = {text: row for row, text in enumerate(distinct)}
        own = np.concatenate(blocks)[[place[text] for text in texts]]
        return own, self.contexts.encode(contexts)


def pair_reader(folder: Path) -> ReadPairs:
    """Return what reads pairs with the model in `folder`.

    Its weights lie there in eight bits, each row of a matrix with a scale of its own, and are used
    in single precision.

    Raises:
        ModelError: the folder holds no model that can be read.
    """
    plain_torch()
    try:
        return reading_pairs(*pair_model(folder))
    except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
        raise ModelError(
            f"model {folder} cannot be loaded: {error}. Rebuild it with `make models`."
        ) from error


def reading_pairs(body: Any, tokenizer: "Tokenizer") -> ReadPairs:
    """Return what reads pairs with a transformer that is at hand, each with others of its length."""
    import torch

    def read(pairs: Sequence[Pair]) -> tuple[Vectors, Vectors]:
        tokens = [_tokens(tokenizer, *pair) for pair in pairs]
        by_length = np.argsort([len(one.ids) for one in tokens], kind="stable")
        batches = [by_length[start : start + PAIRS] for start in range(0, len(pairs), PAIRS)]
        with torch.inference_mode():
            states = [_states(body, [tokens[row] for row in rows]) for rows in batches]
        place = np.argsort(by_length)
        mentions, wholes = (torch.cat(one).numpy()[place] for one in zip(*states, strict=True))
        return mentions, wholes

    return read


def pair_model(folder: Path) -> tuple[Any, "Tokenizer"]:
    """Return the transformer in `folder`, in single precision, and its tokenizer."""
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    tokenizer = wordtable.read_tokenizer(folder)
    stored = load_file(folder / "model.safetensors")
    scales = {name: stored.pop(name) for name in list(stored) if name.endswith(SCALE)}
    weights = {
        name: tensor.float() * scales[name + SCALE] if name + SCALE in scales else tensor.float()
        for name, tensor in stored.items()
    }
    body = BertModel(BertConfig.from_json_file(folder / "config.json"), add_pooling_layer=False)
    body.load_state_dict(weights)
    return body.eval(), tokenizer


def pair_states(
    body: Any, tokenizer: "Tokenizer", pairs: Sequence[Pair]
) -> tuple["Tensor", "Tensor"]:
    """Return the mean state of each mention's tokens, and of all, (n, dim) each.

    The input is "[CLS] mention [SEP] context [SEP]"; a context that says no more than its mention
    is left away.
    """
    return _states(body, [_tokens(tokenizer, *pair) for pair in pairs])


def _states(body: Any, read: Sequence["Encoding"]) -> tuple["Tensor", "Tensor"]:
    import torch

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
