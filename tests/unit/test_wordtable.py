"""The fast encoder's table: pieces and pairs are read, saved and averaged as they should be."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from torch import nn

from painpoints import wordtable
from painpoints.encode import Encoder
from painpoints.errors import ModelError
from painpoints.wordtable import Vocabulary, WordTable
from painpoints_training import static, vocabulary

WORDS = ("[UNK]", "no", "help", "at", "all", "hold")
NO_HELP, AT_ALL = 6, 7


def _tokenizer() -> Tokenizer:
    """Return one that would cut, pad, and put [UNK] around every text, if it were let."""
    tokenizer = Tokenizer(
        WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]")  # noqa: S106 - a word
    )
    tokenizer.pre_tokenizer = Whitespace()
    around = "[UNK]:0 $A:0 [UNK]:0"
    tokenizer.post_processor = TemplateProcessing(single=around, special_tokens=[("[UNK]", 0)])
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=9)
    return tokenizer


@pytest.fixture
def words() -> Vocabulary:
    """Return six words and two pairs of them."""
    return Vocabulary(_tokenizer(), np.array([[1, 2], [3, 4]], np.int32))


def test_pairs_stand_beside_their_pieces(words: Vocabulary) -> None:
    """A pair is read where its pieces are neighbours in that order, and never across two texts."""
    numbers, starts = words.read(["no help at all", "help no", "all", "", "no", "help at all"])
    found = [numbers[a:b].tolist() for a, b in pairwise(starts)]
    assert found == [[1, NO_HELP, 2, 3, AT_ALL, 4], [2, 1], [4], [], [1], [2, 3, AT_ALL, 4]]


def test_without_pairs_there_are_pieces(words: Vocabulary) -> None:
    """A table of pieces alone reads them alone; no text at all is no trouble."""
    plain = Vocabulary(_tokenizer(), np.zeros((0, 2), np.int32))
    assert plain.read(["no help"])[0].tolist() == [1, 2]
    for one in (plain, words):
        assert [part.tolist() for part in one.read([])] == [[], [0]]
        assert [part.tolist() for part in one.read(["", ""])] == [[], [0, 0, 0]]


def test_the_mean_of_a_text_is_of_pieces_and_pairs(words: Vocabulary) -> None:
    """Unit rows in the direction of the sum; what has no piece points nowhere."""
    vectors = np.random.default_rng(0).normal(size=(len(words), 4)).astype(np.float32)
    table = WordTable(words, vectors)
    wanted = vectors[[1, NO_HELP, 2]].sum(axis=0)
    found = table.read(["no help", ""])
    np.testing.assert_allclose(found[0], wanted / np.linalg.norm(wanted), atol=1e-6)
    assert not found[1].any()


def test_texts_are_read_block_by_block(words: Vocabulary, monkeypatch: pytest.MonkeyPatch) -> None:
    """More texts than are read at once stand in their order, none left out; no text is no row."""
    vectors = np.random.default_rng(0).normal(size=(len(words), 4)).astype(np.float32)
    table = WordTable(words, vectors)
    texts = ["no help", "all", "hold", "", "help at all"]
    alone = np.vstack([table.read([text]) for text in texts])
    monkeypatch.setattr(wordtable, "BLOCK", 2)
    assert (table.read(texts) == alone).all()
    assert table.read([]).shape == (0, 4)


def test_a_table_is_read_back_to_half_a_step(words: Vocabulary, tmp_path: Path) -> None:
    """Eight bits a number, a scale a row: a row of small numbers loses no more of itself than a large one."""
    vectors = np.random.default_rng(0).normal(size=(len(words), 4)).astype(np.float32)
    vectors *= np.array([0, 1, 9, 0.01, 1, 1, 1, 1], np.float32)[:, None]
    WordTable(words, vectors).save(tmp_path)
    back = WordTable.load(tmp_path)
    assert (back.vocabulary.pairs == words.pairs).all()
    step = np.abs(vectors).max(axis=1, keepdims=True) / 127
    assert (np.abs(back.vectors - vectors) <= step / 2 + 1e-9).all()
    found = Encoder.load(tmp_path).encode(["no help", "hold"])
    np.testing.assert_allclose(
        found, WordTable(words, vectors).read(["no help", "hold"]), atol=0.01
    )


def test_a_student_is_saved_as_it_reads(words: Vocabulary, tmp_path: Path) -> None:
    """What was taught is what is loaded; while it learns, it does not see everything."""
    torch.manual_seed(0)
    student = static.Averaged(nn.EmbeddingBag(len(words), 8), words)
    texts = ["no help at all", "hold", "", "help no"]
    reads = student.eval().encode(texts)
    static.save(student, tmp_path)
    np.testing.assert_allclose(Encoder.load(tmp_path).encode(texts), reads, atol=0.02)
    taught = [student.train().vectors(texts).detach().numpy() for _ in range(5)]
    assert not np.allclose(taught, reads, atol=0.02)


def test_a_pair_begins_with_nothing_to_add(words: Vocabulary) -> None:
    """Before it learns, the student says what its pieces say, the rarer the louder."""
    pieces = np.random.default_rng(0).normal(size=(len(WORDS), 300)).astype(np.float32)
    teacher = Encoder(lambda texts: pieces[[WORDS.index(text) for text in texts]], 300)
    turned = static.projection(np.random.default_rng(1).normal(size=(300, 300)), seed=0)
    student = static.averaged(teacher, turned, words, ["all hold"] * 40 + ["hold no help"])
    body: Any = student.body
    weights = body.weight.detach().numpy()
    assert not weights[NO_HELP:].any()
    lengths = np.linalg.norm(weights[: len(WORDS)], axis=1)
    assert lengths[WORDS.index("hold")] < lengths[WORDS.index("all")] < lengths[WORDS.index("no")]


def _damaged(folder: Path, what: str) -> None:
    table = load_file(folder / wordtable.TABLE)
    if what == "table cut off":
        (folder / wordtable.TABLE).write_bytes((folder / wordtable.TABLE).read_bytes()[:40])
    elif what == "tokenizer cut off":
        (folder / wordtable.TOKENIZER).write_text("{", encoding="utf-8")
    elif what == "tokenizer gone":
        (folder / wordtable.TOKENIZER).unlink()
    elif what == "row gone":
        save_file({**table, "vectors": table["vectors"][1:]}, folder / wordtable.TABLE)
    elif what == "pairs upside down":
        upside_down = np.ascontiguousarray(table["pairs"][::-1])
        save_file({**table, "pairs": upside_down}, folder / wordtable.TABLE)
    else:
        save_file({**table, "scale": table["scale"] * np.nan}, folder / wordtable.TABLE)


@pytest.mark.parametrize(
    "what",
    [
        "table cut off",
        "tokenizer cut off",
        "tokenizer gone",
        "row gone",
        "pairs upside down",
        "nan",
    ],
)
def test_a_damaged_table_says_what_to_do(words: Vocabulary, tmp_path: Path, what: str) -> None:
    """Half a model, a damaged one or one of two others is a ModelError that names the remedy."""
    WordTable(words, np.ones((len(words), 4), np.float32)).save(tmp_path)
    _damaged(tmp_path, what)
    with pytest.raises(ModelError, match="make models"):
        Encoder.load(tmp_path)


def test_the_fast_encoder_needs_no_torch() -> None:
    """The shipped one is loaded and read without it: that is seconds of every small run."""
    code = (
        "import sys; from painpoints import bundle; from painpoints.encode import Encoder; "
        "print(Encoder.load(bundle.newest('encoder-fast')).encode(['late']).shape, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False"


def test_the_commonest_pairs_get_a_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said often enough, the commonest first, in the order that the table wants."""
    texts = ["no help at all"] * 4 + ["", "hold no help"] * 6 + ["at hold"] * 3
    found = vocabulary.with_pairs(_tokenizer(), texts)
    assert found.pairs.tolist() == [[1, 2], [2, 3], [3, 4], [5, 1]]
    monkeypatch.setattr(vocabulary, "N_PAIRS", 2)
    assert vocabulary.with_pairs(_tokenizer(), texts).pairs.tolist() == [[1, 2], [5, 1]]
