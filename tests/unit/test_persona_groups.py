"""Personas found in the data: planted ones come out, noise has none, and it is said why."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import adjusted_rand_score
from tests.synthetic import PLANS, Frames, frames

from painpoints import persona_groups
from painpoints.domain import Personas

KINDS = (("t01", "t02", "t12"), ("t04", "t05", "t10"), ("t07", "t08", "t09"))
"""The subjects of three planted kinds of people."""


@dataclass(frozen=True, slots=True)
class Planted:
    """Tables in which each person is of a kind, and which."""

    made: Frames
    kind: dict[str, int]


def planted(n: int = 600, *, seed: int = 0, loyal: float = 0.9) -> Planted:
    """People who tell three things each, `loyal` of them from the subjects of their own kind.

    The last kind scores 3 points less, and is on the plan `pro` more often.
    """
    made = frames(n, seed=seed, repeat=0)
    rng = np.random.default_rng(seed)
    people = made.feedback["feedback_id"].to_list()
    kinds = rng.integers(3, size=n)
    every = [plan.topic_id for plan in PLANS]
    rows = [
        (f"{who}#{j}", who, str(rng.choice(KINDS[kind] if rng.random() < loyal else every)))
        for who, kind in zip(people, kinds, strict=True)
        for j in range(3)
    ]
    mentions = pl.DataFrame(rows, schema=["mention_id", "feedback_id", "topic_id"], orient="row")
    sad = pl.Series(kinds == 2)
    pro = pl.Series(rng.random(n) < np.where(kinds == 2, 0.7, 0.2))
    feedback = made.feedback.with_columns(
        score=pl.when(sad).then((pl.col("score") - 3).clip(0)).otherwise("score"),
        segment_plan=pl.when(pro).then(pl.lit("pro")).otherwise(pl.lit("basic")),
    )
    who = made.feedback["person_id"].to_list()
    return Planted(
        Frames(feedback, mentions, made.topics), dict(zip(who, kinds.tolist(), strict=True))
    )


def found(made: Frames, **how: object) -> Personas:
    """The look at these tables."""
    return persona_groups.find(made.feedback, made.mentions, made.topics, **how)


def test_planted_kinds_of_people_come_out() -> None:
    """Three kinds are three personas, named by their own subjects, with scores and segments."""
    look = found(planted().made)
    assert (look.verdict, len(look.found)) == ("found", 3)
    assert look.p_value is not None
    assert look.p_value <= 0.05
    assert look.stability is not None
    assert look.stability >= 0.8
    own = [{trait.key for trait in persona.subjects} for persona in look.found]
    assert sorted(map(sorted, own)) == sorted(map(sorted, KINDS))
    sad = next(p for p in look.found if "t07" in {t.key for t in p.subjects})
    assert sad.score.high < sad.rest.low
    assert sad.name.endswith(", scoring lower")
    assert [t.name for t in sad.segments] == ["plan: pro"]
    assert len({p.name for p in look.found}) == 3
    assert sum(p.n_people for p in look.found) == look.n_people


def test_finer_groups_that_are_not_clear_leave_the_clear_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three groups nearly as stable as two, but under what is asked, do not undo the two."""
    known = {2: 0.81, 3: 0.79}
    monkeypatch.setattr(
        persona_groups, "_stability", lambda _x, model, _rng: known.get(model.n_clusters, 0.0)
    )
    look = found(planted(loyal=1.0).made)
    assert len(look.found) == 2, look.reason


def test_people_are_placed_with_their_kind() -> None:
    """The groups are the planted ones, but for the few whose words could be of either."""
    given = planted(loyal=0.95)
    made = given.made
    heard = made.feedback.with_columns(who=pl.col("person_id"))
    rows = persona_groups._rows(heard, made.mentions, made.topics)
    told = persona_groups._told(rows, None, 0)
    rng = np.random.default_rng(0)
    p, numbers = persona_groups._tested(told, rng)
    assert p == pytest.approx(0.05)
    model, stability, _ = persona_groups._clearest(told, numbers, rng)
    assert model is not None
    assert (model.n_clusters, stability > 0.8) == (3, True)
    wanted = [given.kind[who] for who in told.people]
    assert adjusted_rand_score(wanted, model.labels_) > 0.8


@pytest.mark.parametrize("survey", ["nps", "none"])
def test_noise_has_no_personas(survey: str) -> None:
    """Where each thing is told by chance, none are found, though subjects pull on the score."""
    looks = [found(frames(900, seed=seed, survey=survey)) for seed in range(4)]
    assert [look.verdict for look in looks].count("found") == 0
    assert all(look.n_people >= 200 for look in looks)
    assert all(look.reason and not look.found for look in looks)


def test_the_test_alarms_rarely_on_noise() -> None:
    """In data without groups p is 5 % or less at most twice in ten, also for scores of two values."""
    p = [found(frames(750, seed=200 + seed, survey="csat")).p_value for seed in range(10)]
    known = np.array([each for each in p if each is not None])
    assert known.size == 10
    assert (known <= 0.05).sum() <= 2
    assert known.min() < 0.9


def test_too_few_people_are_said_to_be_too_few() -> None:
    """Below 200 people who tell two subjects nothing is looked for; also where nobody is heard."""
    for n in (0, 1, 60):
        look = found(frames(n))
        assert (look.verdict, look.found, look.p_value) == ("too_few", (), None)
        assert "it takes 200" in look.reason
        assert look.n_heard == n


def test_answers_of_nobody_named_are_not_called_people() -> None:
    """Reason and method speak of answers, which are what was counted."""
    made = frames(60)
    unnamed = made.feedback.with_columns(person_id=pl.lit(None, pl.String))
    look = persona_groups.find(unnamed, made.mentions, made.topics)
    assert look.reason.endswith("answers tell 2 subjects or more; it takes 200")
    assert "people" not in look.method


def test_the_score_is_that_of_the_run() -> None:
    """Most answers are CSAT without a text, so personas score CSAT, though who wrote gave NPS."""
    wrote, silent = frames(50).feedback, frames(90, survey="csat").feedback
    silent = silent.with_columns(
        pl.format("s{}", "person_id").alias("person_id"), reason=pl.lit("empty")
    )
    both = pl.concat(
        [wrote, silent.with_columns(pl.format("s{}", "feedback_id").alias("feedback_id"))]
    )
    assert found(Frames(both, frames(50).mentions, frames(50).topics)).survey == "csat"


@pytest.mark.parametrize("n_subjects", [2, 3])
@pytest.mark.parametrize("survey", ["nps", "none"])
def test_few_subjects_have_no_personas(n_subjects: int, survey: str) -> None:
    """People who all tell two things, or two of three, are no groups; nothing warns."""
    made = frames(400, survey=survey, repeat=0)
    rows = [
        (f"{who}#{j}", who, PLANS[(i + j) % n_subjects].topic_id)
        for i, who in enumerate(made.feedback["feedback_id"])
        for j in range(2)
    ]
    mentions = pl.DataFrame(rows, schema=["mention_id", "feedback_id", "topic_id"], orient="row")
    look = found(Frames(made.feedback, mentions, made.topics))
    assert (look.found, look.n_people, bool(look.reason)) == ((), 400, True)


def test_evidence_is_of_the_group_and_subject() -> None:
    """The mentions behind a trait tell that subject; counts and shares are of the group."""
    made = planted().made
    subject = dict(made.mentions.select("mention_id", "topic_id").iter_rows())
    for persona in found(made).found:
        for trait in persona.subjects:
            assert {subject[i] for i in trait.evidence_ids} == {trait.key}
            assert trait.share_here == pytest.approx(trait.here / persona.n_people)
            assert trait.share_here - trait.share_elsewhere >= 0.1
            assert trait.p_value is None


def test_rows_in_any_order_give_the_same_personas() -> None:
    """The look depends on the people, not on the order in which they stand."""
    made = planted(400).made
    mixed = Frames(
        made.feedback.sample(fraction=1, shuffle=True, seed=1),
        made.mentions.sample(fraction=1, shuffle=True, seed=2),
        made.topics,
    )
    assert found(mixed) == found(made)


def test_without_scores_personas_are_of_subjects_alone() -> None:
    """No score is made up, and no name speaks of one."""
    made = planted().made
    silent = made.feedback.with_columns(score=pl.lit(None, pl.Float64), survey=pl.lit("none"))
    look = found(Frames(silent, made.mentions, made.topics))
    assert (look.verdict, look.survey) == ("found", None)
    assert all(p.score.value is None and "scoring" not in p.name for p in look.found)


def test_dealing_keeps_every_sum() -> None:
    """People tell as many subjects and subjects are told as often; who tells what is another."""
    rng = np.random.default_rng(0)
    told = rng.random((300, 12)) < 0.3
    anew = persona_groups.dealt(told, rng)
    assert (anew.sum(axis=0) == told.sum(axis=0)).all()
    assert (anew.sum(axis=1) == told.sum(axis=1)).all()
    assert (anew != told).mean() > 0.1
