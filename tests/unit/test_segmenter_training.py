import random
from dataclasses import replace
from pathlib import Path

import pytest
import spacy

from painpoints import bundle
from painpoints_training.segmentation import Marked, boundary_f1, exact_f1
from painpoints_training.segmenter import HANDS, Sentence, chunks, roughen, to_doc, write

PLAIN = Sentence(
    tokens=("Nobody", "came", ",", "sadly", "."),
    spaces=(True, False, True, False, True),
    tags=("NN", "VBD", ",", "RB", "."),
    pos=("PRON", "VERB", "PUNCT", "ADV", "PUNCT"),
    lemmas=("nobody", "come", ",", "sadly", "."),
    deps=("nsubj", "ROOT", "punct", "advmod", "punct"),
    heads=(1, 1, 3, 1, 1),
    entities=("O", "O", "O", "O", "O"),
)


def test_dropping_marks_keeps_the_tree() -> None:
    """Without its marks a sentence has the same words, arcs and blanks between words."""
    bare = PLAIN.keep([t not in {",", "."} for t in PLAIN.tokens])
    assert bare.tokens == ("Nobody", "came", "sadly")
    assert bare.heads == (1, 1, 1)
    assert bare.spaces == (True, True, True)


@pytest.mark.parametrize("hand", [hand for _, hand in HANDS if hand is not None])
def test_every_hand_writes_the_same_words(hand: object) -> None:
    """However a sentence is typed, its words, heads and lemmas belong together."""
    written = hand(PLAIN)  # type: ignore[operator] # a table of functions and None
    assert len(written.tokens) == len(written.heads) == len(written.lemmas)
    assert max(written.heads) < len(written.tokens)
    assert written.tokens[0].lower() == "nobody"


def test_roughening_follows_the_seed() -> None:
    """The same seed types the same text."""
    seeded = [random.Random(s) for s in [*range(20), *range(20)]]  # noqa: S311 - order, no secret
    typed = [roughen([PLAIN], rng) for rng in seeded]
    assert typed[:20] == typed[20:]
    assert any(chunk != [PLAIN] for chunk in typed)


def test_chunks_lose_no_sentence() -> None:
    """Runs of sentences put together are the document."""
    document = [replace(PLAIN, lemmas=(str(i), *PLAIN.lemmas[1:])) for i in range(17)]
    rng = random.Random(3)  # noqa: S311 - order, no secret
    assert [s for c in chunks([document], rng) for s in c] == document


def test_a_run_of_trees_stays_apart() -> None:
    """Sentences side by side keep their own roots."""
    import spacy

    doc = to_doc(spacy.blank("en").vocab, [PLAIN, PLAIN])
    assert [t.i for t in doc if t.dep_ == "ROOT"] == [1, 6]
    assert doc.text == "Nobody came, sadly. Nobody came, sadly. "


def test_scores_of_mentions() -> None:
    """Marks at the edges do not count, a missing boundary does."""
    marked = [Marked("good food, but slow", ((0, 9), (15, 19)))]
    assert exact_f1(marked, [[(0, 10), (11, 19)]]) == 1
    assert exact_f1(marked, [[(0, 19)]]) == 0
    assert boundary_f1([marked[0].mentions], [[(0, 9), (11, 19)]]) == 1
    assert boundary_f1([marked[0].mentions], [[(0, 19)]]) == 0


def test_the_part_is_written_where_nothing_was(tmp_path: Path) -> None:
    """The folder is made with its parents, and its name is the version of manifest and card."""
    (tmp_path / "data.parquet").write_bytes(b"treebank")
    metrics = {split: {"las": 0.5} for split in ("dev", "test")}
    out = tmp_path / "models" / "segmenter" / "7"
    write(spacy.blank("en"), out, tmp_path, metrics, epochs=1, seed=0)
    assert bundle.verify(out).manifest["version"] == 7
    assert "# segmenter 7" in (out / "MODEL_CARD.md").read_text(encoding="utf-8")
