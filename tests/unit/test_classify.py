"""Labels of mentions: metadata wins, priors adapt, own journeys add up, batch equals single."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from painpoints import classify, tables
from painpoints.classify import (
    LABELS,
    MIN_RUN,
    N_COUNTED,
    Classified,
    Classifier,
    context,
    contexts,
    dense_features,
    run_prior,
)
from painpoints.config import StageSettings
from painpoints.domain import STAGES, TOUCHPOINTS

DIM = 6
CLASSES = {
    "stage": ("delivery", "none", "support", "use"),
    "touchpoint": ("general", "none", "product", "staff"),
    "sentiment": ("negative", "neutral", "positive"),
    "type": ("other", "pain_point", "praise", "question", "request"),
    "severity": ("0", "1", "2", "3"),
}


def _head(label: str, rng: np.random.Generator, min_prob: float) -> dict[str, Any]:
    names = CLASSES[label]
    truth = [names[n % len(names)] for n in range(80)]
    corners = np.eye(DIM)[[n % len(names) for n in range(80)]] + rng.normal(size=(80, DIM)) / 9
    features = dense_features(*[corners.astype(np.float32)] * 2)
    share = np.full(len(names), 1 / len(names))
    model = LogisticRegression(C=100.0).fit(features, truth)
    return {
        "model": model,
        "prior": share,
        "natural": share,
        "temperature": 1.0,
        "min_prob": min_prob,
    }


def _classifier(min_prob: float = 0.0) -> Classifier:
    rng = np.random.default_rng(1)
    return Classifier({"heads": {label: _head(label, rng, min_prob) for label in LABELS}})


def _inputs(n: int, **known: Any) -> tuple[pl.DataFrame, pl.DataFrame, np.ndarray]:
    """Return mentions, feedback and vectors, the n-th pointing at the n-th class."""
    ids = [f"f{number}" for number in range(n)]
    facts = {name: [None] * n for name in tables.FEEDBACK.schema()}
    facts |= {"feedback_id": ids, "verbatim": ["it broke"] * n}
    facts |= {name: list(values) for name, values in known.items()}
    feedback = pl.DataFrame(facts, schema=tables.FEEDBACK.schema())
    mentions = pl.DataFrame(
        {
            "mention_id": [f"{one}.0" for one in ids],
            "feedback_id": ids,
            "start": [0] * n,
            "end": [8] * n,
            "text": ["it broke"] * n,
        },
        schema=tables.MENTIONS.schema(upto="segment"),
    )
    return mentions, feedback, np.eye(DIM, dtype=np.float32)[np.arange(n) % 4]


def _labelled(
    classifier: Classifier,
    mentions: pl.DataFrame,
    feedback: pl.DataFrame,
    vectors: np.ndarray,
    **more: Any,
) -> Classified:
    """Return the mentions labelled by their vectors, which stand for their contexts too."""
    given = classifier.probabilities(vectors, vectors)
    return classifier.label(mentions, feedback, given, **more)


def _run(n: int, classifier: Classifier | None = None, **known: Any) -> Classified:
    return _labelled(classifier or _classifier(), *_inputs(n, **known))


def test_result_is_a_mentions_table() -> None:
    """Every column of the table is there with its type, and the rows are those given."""
    found = _run(9).mentions
    tables.check(tables.MENTIONS, found, upto="classify")
    assert found["mention_id"].to_list() == [f"f{number}.0" for number in range(9)]


def test_nothing_in_nothing_out() -> None:
    """No mentions give an empty table of the same schema."""
    found = _run(0).mentions
    assert found.height == 0
    assert found.schema == tables.MENTIONS.schema(upto="classify")


def test_permutation_in_permutation_out() -> None:
    """Shuffling the mentions shuffles the answers and changes none."""
    mentions, feedback, vectors = _inputs(12)
    order = np.random.default_rng(0).permutation(12)
    plain = _labelled(_classifier(), mentions, feedback, vectors).mentions
    shuffled = _labelled(_classifier(), mentions[order], feedback, vectors[order])
    assert shuffled.mentions.sort("mention_id").equals(plain.sort("mention_id"))


def test_metadata_wins_and_conflicts_are_counted() -> None:
    """A stage known from the export replaces the text's, and disagreement is counted."""
    known = ["Use", "after-sales", None, "no such stage"]
    found = _run(4, stage=known)
    assert found.mentions["stage"][0] == "use"
    assert found.mentions["stage_source"].to_list() == ["metadata", "metadata", "text", "text"]
    assert found.mentions["stage"][1] == "support"
    assert found.conflicts["stage"] == 1
    assert found.unmapped["stage"] == 1


def test_touchpoint_metadata_wins() -> None:
    """A touchpoint known from the export replaces the text's."""
    found = _run(2, touchpoint=["Customer Service", None]).mentions
    assert found["touchpoint"].to_list() == ["customer_service", "none"]
    assert found["touchpoint_prob"][0] == 1.0


def test_unlikely_answers_are_unsure() -> None:
    """Under a least probability nothing reaches, every answer is unsure; severity still counts."""
    found = _run(4, _classifier(min_prob=1.01)).mentions
    for label in ("stage", "touchpoint", "sentiment", "type"):
        assert set(found[label]) == {"unsure"}
    assert found["severity"].is_between(0, 3).all()


def test_severity_follows_the_type() -> None:
    """Praise, questions and plain facts have no severity; a pain point has at least 1."""
    found = _run(40).mentions
    calm = found.filter(pl.col("type").is_in(["praise", "question", "other"]))
    pain = found.filter(pl.col("type") == "pain_point")
    assert calm.height
    assert pain.height
    assert (calm["severity"] == 0).all()
    assert (pain["severity"] >= 1).all()


def test_own_journey_sums_what_it_covers() -> None:
    """An own stage gets the probability of all it covers; the rest is none."""
    own = (StageSettings(name="trip", covers=("delivery", "use")), StageSettings(name="support"))
    mentions, feedback, vectors = _inputs(4)
    classifier = _classifier()
    found = _labelled(classifier, mentions, feedback, vectors, stages=own).mentions
    assert found["stage"].to_list() == ["trip", "none", "support", "trip"]


def test_a_run_adapts_and_single_texts_do_not() -> None:
    """In a run where one stage rules, its prior rises; few mentions keep the deployment's."""
    mentions, feedback, _ = _inputs(MIN_RUN)
    vectors = np.tile(np.eye(DIM, dtype=np.float32)[3], (MIN_RUN, 1))
    classifier = _classifier()
    run = _labelled(classifier, mentions, feedback, vectors)
    assert run.priors["stage"]["use"] > classifier.priors["stage"]["use"] + 0.1
    few = _labelled(classifier, mentions[:5], feedback, vectors[:5])
    assert few.priors == classifier.priors


def test_recorded_priors_give_the_run_again() -> None:
    """A single mention scored with a run's priors has the answer that it had in the run."""
    mentions, feedback, vectors = _inputs(MIN_RUN)
    classifier = _classifier()
    run = _labelled(classifier, mentions, feedback, vectors)
    one = _labelled(classifier, mentions[7:8], feedback, vectors[7:8], priors=run.priors)
    for label in LABELS:
        assert one.mentions[label][0] == run.mentions[label][7]
        assert one.mentions[f"{label}_prob"][0] == pytest.approx(run.mentions[f"{label}_prob"][7])


@given(st.integers(min_value=0, max_value=10_000))
def test_run_prior_is_a_distribution(seed: int) -> None:
    """The re-estimated prior is positive and sums to 1, whatever the probabilities."""
    rng = np.random.default_rng(seed)
    given_probabilities = rng.dirichlet(np.full(4, 0.3), size=MIN_RUN)
    found = run_prior(given_probabilities, np.array([0.4, 0.3, 0.2, 0.1]))
    assert found.sum() == pytest.approx(1.0)
    assert (found > 0).all()


def test_a_large_run_s_prior_is_the_same_in_any_order() -> None:
    """Two questions in turn, above the rows that are counted, are both heard."""
    said = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], np.float32)
    natural = np.array([0.4, 0.2, 0.4])
    in_turn = np.tile(said, (N_COUNTED // 2 + 1, 1))
    found = run_prior(in_turn, natural)
    np.testing.assert_allclose(
        found, run_prior(np.repeat(said, N_COUNTED // 2 + 1, axis=0), natural)
    )
    assert found[0] == pytest.approx(found[2], abs=1e-3)


def test_even_run_keeps_an_even_prior() -> None:
    """Where the run looks as expected, the prior stays."""
    even = np.tile(np.eye(4), (MIN_RUN // 4, 1)) * 0.9 + 0.025
    found = run_prior(even, np.full(4, 0.25))
    np.testing.assert_allclose(found, 0.25, atol=1e-6)


def test_context_is_question_and_whole_words() -> None:
    """The window never cuts a word, holds the mention, and starts with the question."""
    verbatim = "word " * 100 + "the lift was out of order " + "tail " * 100
    start = verbatim.index("the lift")
    found = context("What went wrong?", verbatim, start, start + 25)
    assert found.startswith("What went wrong? word")
    assert "the lift was out of order" in found
    assert len(found) < 400
    assert set(found.split()) <= set(verbatim.split()) | {"What", "went", "wrong?"}


@given(st.text(max_size=600), st.integers(0, 600), st.integers(0, 600))
def test_context_holds_the_mention(verbatim: str, start: int, length: int) -> None:
    """Whatever the text, the mention itself is within its context."""
    start = min(start, len(verbatim))
    end = min(start + length, len(verbatim))
    assert verbatim[start:end].strip() in context(None, verbatim, start, end)


def test_mention_that_is_its_verbatim_has_itself_as_context() -> None:
    """A verbatim of one mention is not encoded twice."""
    mentions, feedback, _ = _inputs(3)
    assert contexts(mentions, feedback) == ["it broke"] * 3


def test_label_names_are_those_of_the_domain() -> None:
    """The shipped classifier answers with the stages and touchpoints of the domain alone."""
    assert set(CLASSES["stage"]) <= {*STAGES, "none"}
    assert set(CLASSES["touchpoint"]) <= set(TOUCHPOINTS)


def test_severity_leans_to_the_graver_where_two_are_as_likely() -> None:
    """A pain that may well be critical is not told as major; one that hardly is stays minor."""
    given = np.array([[0.0, 0.20, 0.38, 0.42], [0.0, 0.65, 0.30, 0.05]])
    place = np.zeros(2, int)
    kinds = classify._Answer(("pain_point",), place, np.ones(2, np.float32), place)
    assert classify._severity(given, kinds).place.tolist() == [3, 1]


def test_severity_is_expected_among_what_the_type_allows() -> None:
    """A pain that is either none or grave is told as grave: that it is none, its type has ruled out."""
    unsure = np.array([[0.55, 0.05, 0.40, 0.0]] * 3)
    names, place = ("pain_point", "praise", "request"), np.arange(3)
    kinds = classify._Answer(names, place, np.ones(3, np.float32), place)
    assert classify._severity(unsure, kinds).place.tolist() == [2, 0, 0]
