"""Second opinions: who is asked, how two answers are weighed, and that a pair is read the same in any company."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from painpoints import bundle
from painpoints.classify import LABELS, Classifier, Probabilities
from painpoints.cross_encoder import (
    BATCH,
    DOUBTED,
    EXTREMISED,
    WEIGHT,
    CrossEncoder,
    SecondOpinion,
    in_doubt,
)
from painpoints.encode import SCALE, Pair, Vectors, reading_pairs
from painpoints.errors import ModelError, TrainingDataError
from painpoints_training import corpus, cross_encoder

CLASSES = ("no", "yes")
SURE, UNSURE = [0.97, 0.03], [0.55, 0.45]
SURELY, UNSURELY = -3.5, -0.2
"""What makes the heads below say so."""


def _heads(bias: float = 0.0, steep: float = 0.0, **own: tuple[str, ...]) -> Classifier:
    """Return heads that say yes the more, the larger the first number of both vectors is.

    steep: how much surer of it that of the severity is.
    """
    fitted = {}
    for label in LABELS:
        model = LogisticRegression()
        model.classes_ = np.array(own.get(label, CLASSES))
        model.coef_ = np.array([[0.0, 0.0], [1.0, 1.0]], np.float32)
        model.coef_ *= 1.0 + steep * 5 * (label == "severity")
        model.intercept_ = np.array([0.0, bias])
        even = np.array([0.5, 0.5])
        fitted[label] = {
            "model": model,
            "prior": even,
            "natural": even,
            "temperature": 1.0,
            "min_prob": 0.0,
        }
    return Classifier({"heads": fitted})


class _Lengths:
    """Reads how long a mention and its context are; remembers what it was asked."""

    def __init__(self) -> None:
        self.batches: list[list[Pair]] = []

    def __call__(self, pairs: Sequence[Pair]) -> tuple[Vectors, Vectors]:
        self.batches.append(list(pairs))
        sizes = np.array([[len(mention), len(around)] for mention, around in pairs], np.float32)
        return sizes[:, :1] / 10, sizes[:, 1:] / 10


def _given(rows: Sequence[Sequence[float]], **other: Any) -> dict[str, Probabilities]:
    same = {label: np.array(rows, np.float32) for label in LABELS}
    return same | {label: np.array(found, np.float32) for label, found in other.items()}


def test_each_distinct_pair_is_read_once_and_found_again() -> None:
    """Pairs are read by length, in batches; the answers stand where the pairs stood."""
    reads = _Lengths()
    pairs = [("x" * (n % 40), "y" * (n % 19)) for n in range(800)]
    told: list[tuple[int, int]] = []
    found = CrossEncoder(reads, _heads()).probabilities(pairs, lambda *how: told.append(how))
    asked = [pair for batch in reads.batches for pair in batch]
    assert len(asked) == len(set(pairs))
    assert max(map(len, reads.batches)) == BATCH
    assert told[0] == (0, len(asked))
    expected = [1 / (1 + np.exp(-(len(a) + len(b)) / 10)) for a, b in pairs]
    np.testing.assert_allclose(found["stage"][:, 1], expected, atol=1e-6)


def _weighed(
    values: Sequence[float], classifier: Classifier, other: CrossEncoder, shipped: Classifier
) -> dict[str, Probabilities]:
    vectors = np.array(values, np.float32)[:, None]
    pairs = [("a", str(value)) for value in values]
    return SecondOpinion(other, shipped).weigh(classifier, vectors, vectors * 0, pairs)


def _undecided(pairs: Sequence[Pair]) -> tuple[Vectors, Vectors]:
    return (np.zeros((len(pairs), 1), np.float32),) * 2


def test_nobody_is_asked_about_what_is_sure() -> None:
    """A sure answer stands to the last bit, and costs nothing."""
    reads = _Lengths()
    heads = _heads()
    found = _weighed([SURELY, SURELY], heads, CrossEncoder(reads, _heads()), heads)
    vectors = np.full((2, 1), SURELY, np.float32)
    assert (found["stage"] == heads.probabilities(vectors, vectors * 0)["stage"]).all()
    assert reads.batches == []


def test_no_mention_is_no_doubt() -> None:
    """An export without a mention asks nothing."""
    assert len(in_doubt({label: np.zeros((0, 2), np.float32) for label in LABELS})) == 0


@pytest.mark.parametrize("label", DOUBTED)
def test_one_doubtful_label_alone_does_not_ask(label: str) -> None:
    """The doubts of all labels are weighed together."""
    assert len(in_doubt(_given([SURE], **{label: [UNSURE]}))) == 0


def test_severity_is_never_what_is_doubted() -> None:
    """A degree is always a little in doubt."""
    assert len(in_doubt(_given([SURE], severity=[[0.5, 0.5]]))) == 0
    assert in_doubt(_given([SURE, UNSURE])).tolist() == [1]


def test_two_opinions_are_weighed() -> None:
    """The cross-encoder's counts by its weight; only the doubtful row moves."""
    heads = _heads()
    found = _weighed([SURELY, UNSURELY], heads, CrossEncoder(_undecided, _heads()), heads)
    for label in LABELS:
        alone = 1 / (1 + np.exp(-np.array([SURELY, UNSURELY * (1 - WEIGHT) * EXTREMISED])))
        np.testing.assert_allclose(found[label][:, 1], alone, atol=1e-6)


def test_what_an_analyst_taught_counts_in_full() -> None:
    """What the classifier in force says otherwise than the shipped one is not drowned."""
    taught = _heads(bias=0.8)
    found = _weighed([UNSURELY], taught, CrossEncoder(_undecided, _heads()), _heads())
    expected = 1 / (1 + np.exp(-(UNSURELY * (1 - WEIGHT) * EXTREMISED + 0.8)))
    np.testing.assert_allclose(found["stage"][0, 1], expected, atol=1e-6)


def test_what_is_ruled_out_stays_out() -> None:
    """A class of probability 0 makes nothing of the others, though the rest is in doubt."""
    heads = _heads(steep=200.0)
    found = _weighed([UNSURELY], heads, CrossEncoder(_undecided, _heads()), heads)
    assert heads.probabilities(*[np.array([[UNSURELY]], np.float32)] * 2)["severity"].min() == 0.0
    assert found["severity"][0] == pytest.approx([1.0, 0.0])
    assert all(np.isfinite(one).all() for one in found.values())


def test_own_classes_keep_their_own_answer() -> None:
    """Stages that an analyst trained are nothing that the cross-encoder knows."""
    own = _heads(stage=("booking", "stay"))
    found = _weighed([UNSURELY], own, CrossEncoder(_undecided, _heads()), _heads())
    alone = own.probabilities(*[np.array([[UNSURELY / 2]], np.float32)] * 2)
    assert found["stage"] == pytest.approx(alone["stage"])
    assert found["type"] != pytest.approx(alone["type"])


@pytest.fixture(scope="module")
def shipped() -> CrossEncoder:
    """Return the shipped cross-encoder."""
    return CrossEncoder.load(bundle.verify(bundle.newest("cross-encoder")))


PAIRS = [
    ("I waited an hour", "I waited an hour for my table. The waiter shrugged."),
    ("I waited an hour", "I waited an hour for the parcel to come. It never did."),
    ("ok", "ok"),
    ("it broke " * 200, "it broke " * 300),
    ("", ""),
    *((f"It took {n} days", f"It took {n} days." + " Nobody called." * n) for n in range(20)),
]


def test_a_pair_is_read_the_same_in_any_company(shipped: CrossEncoder) -> None:
    """Alone or among others, in any order, the probabilities agree."""
    together = shipped.probabilities(PAIRS)
    backwards = shipped.probabilities(PAIRS[::-1])
    for label in LABELS:
        alone = np.vstack([shipped.probabilities([pair])[label] for pair in PAIRS])
        np.testing.assert_allclose(alone, together[label], atol=1e-4)
        np.testing.assert_allclose(backwards[label][::-1], together[label], atol=1e-4)
        np.testing.assert_allclose(together[label].sum(axis=1), 1.0, atol=1e-5)


def test_the_context_tells_what_was_waited_for(shipped: CrossEncoder) -> None:
    """The same mention is of delivery rather where the words around it speak of a parcel."""
    found = shipped.probabilities(PAIRS[:2])["stage"]
    delivery = shipped.classes("stage").index("delivery")
    assert found[1, delivery] > found[0, delivery] + 0.2


def test_a_sealed_one_is_taught_on_from_where_it_stands(shipped: CrossEncoder) -> None:
    """Before its first step it answers as it did, with the same temperatures; its word pieces rest."""
    part = bundle.verify(bundle.newest("cross-encoder"))
    student, cooled = cross_encoder.resumed(part)
    fitted = part.artefact(bundle.HEADS)["heads"]
    again = {
        label: {**fitted[label], "model": head["model"], "temperature": cooled[label]}
        for label, head in _artefact(student).items()
    }
    read = reading_pairs(student.eval().body, student.tokenizer)
    found = CrossEncoder(read, Classifier({"heads": again})).probabilities(PAIRS)
    for label, asked in shipped.probabilities(PAIRS).items():
        np.testing.assert_allclose(found[label], asked, atol=1e-5)
    resting = {name for name, one in student.body.named_parameters() if not one.requires_grad}
    assert {name.split(".")[0] for name in resting} == {"embeddings"}


def test_the_mean_of_sealed_ones_lies_between_them(tmp_path: Path) -> None:
    """Every weight, those of the heads too, is the mean of the two; other word pieces have none."""
    part = bundle.verify(bundle.newest("cross-encoder"))
    other, _ = cross_encoder.resumed(part)
    with torch.no_grad():
        for weights in other.parameters():
            weights.add_(0.5)
    made = [_sealed(other, tmp_path / "1"), part]
    student, cooled = cross_encoder.mean(made)
    low, high = (cross_encoder.resumed(one)[0].state_dict() for one in made)
    for name, weights in student.state_dict().items():
        torch.testing.assert_close(weights, (low[name] + high[name]) / 2)
    assert cooled == cross_encoder.resumed(part)[1]
    other.tokenizer.add_tokens(["unheard"])
    with pytest.raises(TrainingDataError, match="other word pieces"):
        cross_encoder.mean([_sealed(other, tmp_path / "2"), part])


def _sealed(student: cross_encoder.Cross, folder: Path) -> bundle.Part:
    rows = corpus.own_mentions().head(50)
    fitted = cross_encoder.artefact(student, rows, dict.fromkeys(LABELS, 1.0))
    cross_encoder.save(student, fitted, folder)
    bundle.write_manifest(folder, {"part": "cross-encoder", "version": int(folder.name)})
    return bundle.verify(folder)


def _artefact(student: cross_encoder.Cross) -> Mapping[str, Any]:
    rows = corpus.own_mentions().head(50)
    heads: Mapping[str, Any] = cross_encoder.artefact(student, rows, dict.fromkeys(LABELS, 1.0))[
        "heads"
    ]
    return heads


def test_eight_bits_keep_each_row_to_half_a_step() -> None:
    """A row of small weights beside one of large ones loses no more of itself than that one does."""
    rows = torch.randn(4, 50, generator=torch.manual_seed(0)) * torch.tensor(
        [[9.0], [1.0], [0.01], [0.0]]
    )
    stored = cross_encoder._in_eight_bits("w", rows)
    back = stored["w"].float() * stored["w" + SCALE]
    assert stored["w"].dtype == torch.int8
    assert ((back - rows).abs() <= rows.abs().amax(1, keepdim=True) / 127 / 2 + 1e-9).all()


@pytest.mark.parametrize("tokenizer", [None, "", "{"])
def test_a_damaged_model_says_what_to_do(tmp_path: Path, tokenizer: str | None) -> None:
    """A tokenizer that is gone or cut off is refused with the remedy."""
    part = bundle.verify(bundle.newest("cross-encoder"))
    for file in part.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "tokenizer.json").unlink()
    if tokenizer is not None:
        (tmp_path / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    with pytest.raises(ModelError, match="make models"):
        CrossEncoder.load(bundle.Part(tmp_path, part.manifest, part.artefacts))
