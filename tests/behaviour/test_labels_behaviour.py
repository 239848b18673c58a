"""What the shipped classifiers must get right, said in sentences of our own.

Invariance: case, typing errors, company names change nothing. Direction: a negation flips the
feeling. Minimum: plain sentences of each stage are told apart. Both qualities are held; where
`fast` may be weaker its bar is lower, and says so here.
"""

from collections.abc import Callable, Sequence

import polars as pl
import pytest

from painpoints import bundle
from painpoints.classify import Classifier, contexts
from painpoints.labeller import companions
from painpoints.tables import FEEDBACK, MENTIONS

Label = Callable[..., pl.DataFrame]


@pytest.fixture(scope="module", params=["fast", "accurate"])
def quality(request: pytest.FixtureRequest) -> str:
    """Return each quality in turn."""
    return str(request.param)


@pytest.fixture(scope="module")
def label(quality: str) -> Label:
    """Return a function that labels texts, each its own verbatim, as the API labels them."""
    part = bundle.verify(bundle.newest(f"classifier-{quality}"))
    classifier = Classifier(part.artefact("heads.joblib"))
    labeller = companions(quality, None).load(classifier)

    def run(texts: Sequence[str], question: str | None = None) -> pl.DataFrame:
        mentions, feedback = _tables(texts, question)
        _, given = labeller.read(texts, contexts(mentions, feedback))
        return classifier.label(mentions, feedback, given, priors=classifier.priors).mentions

    return run


def _tables(texts: Sequence[str], question: str | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    ids = [str(number) for number in range(len(texts))]
    empty = {name: [None] * len(texts) for name in FEEDBACK.schema()}
    facts = {"feedback_id": ids, "verbatim": texts, "question": [question] * len(texts)}
    mentions = {
        "mention_id": ids,
        "feedback_id": ids,
        "start": [0] * len(texts),
        "end": [len(text) for text in texts],
        "text": texts,
    }
    return (
        pl.DataFrame(mentions, schema=MENTIONS.schema(upto="segment")),
        pl.DataFrame({**empty, **facts}, schema=FEEDBACK.schema()),
    )


STAGES = {
    "awareness": [
        "I saw your advert on the bus this morning",
        "they keep sending me junk mail I never asked for",
        "heard about you on the radio",
    ],
    "consideration": [
        "cheaper at your competitor down the road",
        "could not find out which plan includes roaming",
        "compared a few quotes before deciding",
    ],
    "purchase": [
        "my card was declined three times at the checkout",
        "booking online was easy",
        "the discount code did not work when I placed the order",
    ],
    "delivery": [
        "the parcel arrived two days late",
        "still waiting for my order to be delivered",
        "the box was damaged when it arrived",
    ],
    "onboarding": [
        "setting up the router took hours",
        "still waiting for my login to be activated",
        "registering an account was quick",
    ],
    "use": [
        "the app crashes when I open a photo",
        "the room was dirty and noisy",
        "the food was cold",
    ],
    "support": [
        "I was on hold for an hour and nobody answered",
        "still no refund after six weeks",
        "the agent on the phone solved my problem",
    ],
    "loyalty": [
        "I am cancelling my subscription",
        "will never buy from you again",
        "I would recommend you to all my friends",
    ],
}
"""Three plain sentences of each stage."""

LEAST_RIGHT = {"fast": 16, "accurate": 20}
"""Of the twenty-four above."""


def test_plain_sentences_of_each_stage(label: Label, quality: str) -> None:
    """Most plain sentences get their stage, and every stage is found at least once."""
    truth = [stage for stage, texts in STAGES.items() for _ in texts]
    given = label([text for texts in STAGES.values() for text in texts])["stage"].to_list()
    right = [t for t, g in zip(truth, given, strict=True) if t == g]
    assert len(right) >= LEAST_RIGHT[quality], list(zip(truth, given, strict=True))


@pytest.mark.parametrize(
    ("text", "sentiment", "kind"),
    [
        ("the staff were friendly and helpful", "positive", "praise"),
        ("the staff were rude and unhelpful", "negative", "pain_point"),
        ("what time do you open on Sundays?", "neutral", "question"),
        ("please add a dark mode to the app", "neutral", "request"),
        ("terrible service, total waste of money", "negative", "pain_point"),
        ("excellent, could not be happier", "positive", "praise"),
    ],
)
def test_feeling_and_type_of_plain_sentences(
    label: Label, text: str, sentiment: str, kind: str
) -> None:
    """Plain praise, complaint, question and wish are what they are."""
    found = label([text])
    assert (found["sentiment"][0], found["type"][0]) == (sentiment, kind)


def test_case_changes_nothing(label: Label) -> None:
    """Capitals and small letters give the same labels."""
    texts = [text for texts in STAGES.values() for text in texts]
    columns = ["stage", "touchpoint", "sentiment", "type", "severity"]
    shouted = label([text.upper() for text in texts]).select(columns)
    assert shouted.equals(label([text.lower() for text in texts]).select(columns))


def test_company_names_change_nothing(label: Label) -> None:
    """Who the company is does not matter to stage and feeling."""
    names = ["Telvio", "Hillside", "Brightwater", "Norbank", "Quillon"]
    texts = [f"{name} never answers the phone, I was on hold for an hour" for name in names]
    found = label(texts)
    assert found["stage"].n_unique() == 1
    assert found["sentiment"].n_unique() == 1


def test_a_typing_error_rarely_changes_the_feeling(label: Label) -> None:
    """A swapped pair of letters leaves the sentiment of at least four texts in six."""
    pairs = {
        "the delivery was late again": "the delievry was late again",
        "lovely friendly staff": "lovely freindly staff",
        "the app keeps crashing": "the app keeps crahsing",
        "very happy with the room": "very hapyp with the room",
        "nobody answered my complaint": "nobody answered my compliant",
        "terrible experience at checkout": "terribel experience at checkout",
    }
    before, after = label(list(pairs))["sentiment"], label(list(pairs.values()))["sentiment"]
    assert (before == after).sum() >= 4


def test_negation_turns_the_feeling(label: Label, quality: str) -> None:
    """A negated praise is no praise; `fast`, blind to order, must see two of four."""
    pairs = [
        ("the mechanic was courteous", "the mechanic was not courteous"),
        ("I am pleased with my order", "I am not at all pleased with my order"),
        ("the lecture was interesting", "the lecture wasn't interesting"),
        ("I would choose them again", "I would never choose them again"),
    ]
    good = label([praise for praise, _ in pairs])["sentiment"]
    bad = label([negated for _, negated in pairs])["sentiment"]
    turned = sum(g == "positive" and b == "negative" for g, b in zip(good, bad, strict=True))
    assert turned >= {"fast": 2, "accurate": 3}[quality]


@pytest.mark.parametrize("text", ["Nothing", "nothing really", "N/A", "Nothing at all."])
def test_nothing_to_improve_is_no_complaint(label: Label, text: str) -> None:
    """'Nothing' to 'what could we improve?' tells no pain."""
    found = label([text], question="What could we improve?")
    assert found["type"][0] != "pain_point"
    assert found["severity"][0] == 0


def test_worse_is_more_severe(label: Label) -> None:
    """Fraud and being locked out weigh more than a small annoyance, praise nothing."""
    found = label(
        [
            "someone stole 900 pounds from my account and the bank will not help",
            "the coffee was a little cold",
            "lovely helpful staff",
        ]
    )["severity"].to_list()
    assert found[0] >= 2
    assert found[0] > found[1]
    assert found[2] == 0
