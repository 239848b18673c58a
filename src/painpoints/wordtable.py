"""Texts -> the mean of the vectors of their word pieces and of pairs of neighbours: the fast encoder.

A mean of words is blind to their order, so common pairs of neighbouring pieces ("no help", "set up")
have a vector beside those of the pieces. It needs neither torch nor sentence-transformers
(docs/decisions/0037); how the vectors are learnt is left to `training/`.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TABLE, TOKENIZER = "table.safetensors", "tokenizer.json"
"""The files of a saved table."""

BLOCK = 2_048
"""Texts read at once."""


def read_tokenizer(folder: Path) -> "Tokenizer":
    """Return the tokenizer in `folder`.

    Raises:
        OSError, ValueError: the file is missing or damaged.
    """
    from tokenizers import Tokenizer

    spec = (folder / TOKENIZER).read_text(encoding="utf-8")
    try:
        return Tokenizer.from_str(spec)
    except Exception as error:  # it raises nothing narrower
        raise ValueError(f"{TOKENIZER}: {error}") from error


class Vocabulary:
    """Word pieces, and the pairs of neighbours among them that count as one piece more.

    Pieces are numbered as by the tokenizer, from 0 without a gap; pairs come after them.
    """

    def __init__(self, tokenizer: "Tokenizer", pairs: NDArray[np.int32]) -> None:
        """Take the tokenizer, which from now on cuts and pads nothing, and pairs of pieces (n, 2).

        Raises:
            ValueError: a pair stands there twice, or the pairs are not in ascending order.
        """
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer = tokenizer
        self.pairs = pairs
        self.n_pieces = tokenizer.get_vocab_size()
        self._known = self.keys(pairs[:, 0], pairs[:, 1])
        if (np.diff(self._known) <= 0).any():
            raise ValueError("pairs of pieces are not in ascending order")

    def __len__(self) -> int:
        """Return how many pieces and pairs there are."""
        return self.n_pieces + len(self.pairs)

    def read(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what the texts hold, pieces and pairs in the order of their first piece.

        Returns:
            The numbers of all texts, one after another, (k,); and where those of each text start,
            (n + 1,), the last being k.
        """
        pieces, starts = self.pieces(texts)
        both = np.stack([pieces, self._pairs_at(pieces, starts)], axis=1).ravel()
        there = both >= 0
        return both[there], np.concatenate([[0], np.cumsum(there)])[2 * starts]

    def pieces(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what `read` does, without pairs."""
        read = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        each = [one.ids for one in read]
        starts = np.cumsum([0, *map(len, each)])
        return np.fromiter(chain.from_iterable(each), np.int64, starts[-1]), starts

    def keys(self, first: NDArray[np.integer], second: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return a number for each pair of pieces, in the order of pairs."""
        return np.asarray(first.astype(np.int64) * self.n_pieces + second)

    def _pairs_at(self, pieces: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of the pair that each piece makes with the next one, -1 for none."""
        if not len(pieces) or not len(self._known):
            return np.full(len(pieces), -1)
        keys = self.keys(pieces, np.roll(pieces, -1))
        place = np.minimum(np.searchsorted(self._known, keys), len(self._known) - 1)
        found = np.where(self._known[place] == keys, place + self.n_pieces, -1)
        found[starts[starts > 0] - 1] = -1  # the last of a text has no next one
        return found


class WordTable:
    """A vector for each piece and pair; `WordTable.load` is the way to one."""

    def __init__(self, vocabulary: Vocabulary, vectors: NDArray[np.float32]) -> None:
        """Take vectors (len(vocabulary), dim).

        Raises:
            ValueError: there are more or fewer of them, or one holds what is no number.
        """
        if vectors.ndim != 2 or len(vectors) != len(vocabulary):
            raise ValueError(f"vectors {vectors.shape} for {len(vocabulary)} pieces and pairs")
        if not np.isfinite(vectors).all():
            raise ValueError("a vector holds what is no number")
        self.vocabulary = vocabulary
        self.vectors = vectors

    @classmethod
    def load(cls, folder: Path) -> "WordTable":
        """Load what `save` wrote.

        Raises:
            OSError, ValueError, KeyError: a file is missing or damaged.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            stored = load_file(folder / TABLE)
        except SafetensorError as error:
            raise ValueError(f"{TABLE}: {error}") from error
        vocabulary = Vocabulary(read_tokenizer(folder), stored["pairs"].reshape(-1, 2))
        return cls(vocabulary, stored["vectors"] * stored["scale"])

    def save(self, folder: Path) -> None:
        """Write vectors in eight bits, each with a scale of its own, and the tokenizer."""
        from safetensors.numpy import save

        folder.mkdir(parents=True, exist_ok=True)
        scale = np.abs(self.vectors).max(axis=1, keepdims=True, initial=1e-9) / np.float32(127)
        whole = np.rint(self.vectors / scale).astype(np.int8)
        pairs = np.ascontiguousarray(self.vocabulary.pairs)
        stored = save({"vectors": whole, "scale": scale, "pairs": pairs})
        (folder / TABLE).write_bytes(stored)
        self.vocabulary.tokenizer.save(str(folder / TOKENIZER))

    def read(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return unit vectors (n, dim); a text without a piece has the zero vector."""
        blocks = range(0, len(texts), BLOCK)
        nothing = np.zeros((0, self.vectors.shape[1]), np.float32)
        return np.concatenate(
            [nothing, *(self._read_block(texts[at : at + BLOCK]) for at in blocks)]
        )

    def _read_block(self, texts: Sequence[str]) -> NDArray[np.float32]:
        from scipy.sparse import csr_matrix

        numbers, starts = self.vocabulary.read(texts)
        ones = np.ones(len(numbers), np.float32)
        sums = csr_matrix((ones, numbers, starts), (len(texts), len(self.vectors))) @ self.vectors
        lengths = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums / np.where(lengths > 0, lengths, 1), dtype=np.float32)
