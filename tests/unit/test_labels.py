"""Labels: unique, in the members' own words, readable, never against the members' feeling."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from painpoints.errors import TableError
from painpoints.labels import Namer, wording

TEXTS = {
    "t1": [
        "the app crashes when opening photos",
        "app crashes when opening photos again",
        "my app crashes every morning",
        "since the update the app crashes when opening photos",
    ],
    "t2": [
        "the waiting time at the desk was long",
        "long waiting time at reception",
        "waiting time of two hours",
    ],
    "t3": ["the driver was very kind", "such a kind driver", "kind driver brought it upstairs"],
    "t4": ["no complaints at all", "I have no complaints", "no complaints from me"],
}
FEELING = {"t1": "negative", "t2": "negative", "t3": "positive", "t4": "positive"}


@dataclass(frozen=True)
class Found:
    """A phrase as `segment` finds it."""

    text: str
    kind: str = "thing"


@pytest.fixture
def corpus() -> tuple[pl.DataFrame, np.ndarray]:
    """Four invented topics with one direction each."""
    rows = [(t, text, FEELING[t]) for t, texts in TEXTS.items() for text in texts]
    mentions = pl.DataFrame(rows, schema=["topic_id", "text", "sentiment"], orient="row")
    mentions = mentions.with_columns(mention_id=pl.format("m{}", pl.int_range(pl.len())))
    rng = np.random.default_rng(0)
    index = {t: i for i, t in enumerate(TEXTS)}
    vectors = np.eye(8)[[index[t] for t in mentions["topic_id"]]]
    vectors = vectors + 0.05 * rng.normal(size=vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return mentions, vectors.astype(np.float32)


def named(mentions: pl.DataFrame, vectors: np.ndarray, **given: object) -> dict[str, str]:
    """Return topic to label."""
    reading = {key: given.pop(key) for key in ("phrases", "listen") if key in given}
    table = Namer(mentions, vectors, **reading).topics(**given)
    return dict(table.select("topic_id", "label").iter_rows())


def words(text: str) -> set[str]:
    """Return the words of a text in lower case."""
    return {word.strip(",.").lower() for word in text.split()}


def test_labels_say_subject_and_trouble(corpus: tuple[pl.DataFrame, np.ndarray]) -> None:
    """A name is a phrase of the members, not a list of terms."""
    names = named(*corpus)
    assert names["t1"].startswith("App crashes")
    assert "aiting time" in names["t2"]
    assert names["t3"] == "Kind driver"


def test_words_of_a_label_occur_in_its_members(corpus: tuple[pl.DataFrame, np.ndarray]) -> None:
    """Every word of a label and every term stands in a member."""
    for row in Namer(*corpus).topics().iter_rows(named=True):
        members = set().union(*(words(text) for text in TEXTS[row["topic_id"]]))
        assert words(row["label"]) <= members
        assert set(row["terms"]) <= members | {word.removesuffix("s") for word in members}


def test_a_negation_is_never_cut_off(corpus: tuple[pl.DataFrame, np.ndarray]) -> None:
    """People without complaints are not named "Complaints", whoever found the phrase."""
    assert named(*corpus)["t4"].startswith("No complaints")
    found = named(*corpus, phrases=lambda texts: [[Found("complaints")] for _ in texts])
    assert found["t4"].startswith("No complaints")


def test_labels_are_unique_for_twins(corpus: tuple[pl.DataFrame, np.ndarray]) -> None:
    """Two topics with the very same texts still get two names."""
    mentions, vectors = corpus
    twin = mentions.with_columns(
        topic_id=pl.lit("u") + pl.col("topic_id"), mention_id=pl.lit("u") + pl.col("mention_id")
    )
    names = named(pl.concat([mentions, twin]), np.concatenate([vectors, vectors]))
    assert len({name.lower() for name in names.values()}) == 8


def test_row_order_does_not_matter(corpus: tuple[pl.DataFrame, np.ndarray]) -> None:
    """Shuffled mentions give the same names, terms and exemplars."""
    mentions, vectors = corpus
    order = np.random.default_rng(1).permutation(mentions.height)
    one = Namer(mentions, vectors).topics().sort("topic_id")
    assert Namer(mentions[order], vectors[order]).topics().sort("topic_id").equals(one)


def test_exemplars_are_distinct_members(corpus: tuple[pl.DataFrame, np.ndarray]) -> None:
    """Exemplars belong to the topic and no two say the same."""
    mentions, vectors = corpus
    text_of = dict(mentions.select("mention_id", "text").iter_rows())
    for row in Namer(mentions, vectors).topics().iter_rows(named=True):
        shown = [text_of[m] for m in row["exemplar_ids"]]
        assert len(set(shown)) == len(shown) > 0
        assert set(shown) <= set(TEXTS[row["topic_id"]])


def test_parents_and_kept_names(corpus: tuple[pl.DataFrame, np.ndarray]) -> None:
    """A parent is named from its children's mentions; a kept name stays and is given once."""
    parents = {"t1": "p1", "t2": "p1", "t3": None, "t4": None}
    names = named(*corpus, parents=parents, kept={"t2": "Queues at the desk"})
    assert names["t2"] == "Queues at the desk"
    assert words(names["p1"]) <= set().union(*(words(x) for t in ("t1", "t2") for x in TEXTS[t]))
    assert len(set(names.values())) == 5


def test_no_rude_word_no_mask_no_number_in_a_label() -> None:
    """What a board should not read, and what is true of one customer only, is in no label."""
    texts = ["crap service by [NAME_1] at 14 today", "crap slow service by [NAME_1] at 15"]
    mentions = pl.DataFrame({"mention_id": ["a", "b"], "topic_id": ["t", "t"], "text": texts})
    (label,) = named(mentions, np.ones((2, 1), np.float32)).values()
    assert not words(label) & {"crap", "name", "14", "15", "by"}
    assert "ervice" in label


def test_groups_are_named_by_the_the_trouble_of_the_group(
    corpus: tuple[pl.DataFrame, np.ndarray],
) -> None:
    """A finding is named from its own mentions; unknown mentions and empty groups are refused."""
    mentions, vectors = corpus
    pains = {"one": ["m0", "m1", "m3"], "two": ["m4", "m5", "m6"]}
    names = Namer(mentions, vectors).groups(pains)
    assert names["one"].startswith("App crashes")
    assert "aiting" in names["two"]
    assert Namer(mentions, vectors).groups(pains, taken=[names["one"]])["one"] != names["one"]
    with pytest.raises(TableError, match="unknown"):
        Namer(mentions, vectors).groups({"x": ["nobody"]})
    with pytest.raises(TableError, match="empty"):
        Namer(mentions, vectors).groups({"x": []})


def test_nothing_in_nothing_out() -> None:
    """No mentions give no topics, in the same columns."""
    empty = pl.DataFrame(schema={"mention_id": pl.String, "topic_id": pl.String, "text": pl.String})
    namer = Namer(empty, np.zeros((0, 4), np.float32))
    table = namer.topics()
    assert table.columns == ["topic_id", "label", "terms", "exemplar_ids"]
    assert table.height == 0
    assert namer.groups({}) == {}


def test_words_without_content_still_give_a_name() -> None:
    """A topic whose texts are all small words is named, and differently from its twin."""
    mentions = pl.DataFrame(
        {"mention_id": ["a", "b"], "topic_id": ["t", "u"], "text": ["it is what it is"] * 2}
    )
    names = named(mentions, np.ones((2, 1), np.float32))
    assert all(names.values())
    assert len(set(names.values())) == 2


def test_vectors_of_other_mentions_are_refused(corpus: tuple[pl.DataFrame, np.ndarray]) -> None:
    """Lengths must fit."""
    mentions, vectors = corpus
    with pytest.raises(TableError, match="vectors"):
        Namer(mentions, vectors[:-1]).topics()


def test_what_happens_is_told_before_what_it_happens_to() -> None:
    """Of two phrases that say the same of a topic, the one with its verb is the name."""
    texts = ["router never starts", "the router never starts here", "my router never starts"] * 3
    texts += ["friendly staff in the shop", "a lovely shop with friendly staff"] * 4
    mentions = pl.DataFrame(
        {
            "mention_id": [f"m{n}" for n in range(len(texts))],
            "text": texts,
            "topic_id": ["router" if "router" in text else "shop" for text in texts],
        }
    )
    vectors = np.array([[1.0, 0.0] if "router" in t else [0.0, 1.0] for t in texts], np.float32)

    def find(asked: Sequence[str]) -> list[list[Found]]:
        said = [Found("router never starts", "trouble"), Found("router")]
        return [said if "router" in text else [] for text in asked]

    found = Namer(mentions, vectors, find).topics()
    assert found.filter(topic_id="router")["label"].item() == "Router never starts"


LOGIN = (
    "time login",
    "so many time login",
    "time login again",
    "I can't log in",
    "still can't log in here",
)


def test_a_name_is_understood_alone() -> None:
    """Read by itself, the name lies where its group lies, though a vaguer phrase is commoner."""
    texts = [*LOGIN, "friendly staff", "lovely friendly staff"]
    mentions = pl.DataFrame(
        {
            "mention_id": [f"m{n}" for n in range(len(texts))],
            "topic_id": ["login"] * len(LOGIN) + ["staff"] * 2,
            "text": texts,
            "sentiment": ["negative"] * len(LOGIN) + ["positive"] * 2,
        }
    )

    def listen(asked: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        sides = [(float("log" in t), 0.5 * ("time" in t), float("staff" in t)) for t in asked]
        feelings = np.full((len(asked), 3), 1 / 3, np.float32)
        return np.array([[a or 0.3, b, c] for a, b, c in sides], np.float32), feelings

    vectors = np.repeat(np.array([[1, 0, 0], [0, 0, 1]], np.float32), [len(LOGIN), 2], axis=0)
    assert named(mentions, vectors)["login"] == "Time login"
    assert named(mentions, vectors, listen=listen)["login"] == "Can't log in"


def beside_staff(texts: Sequence[str], feeling: str) -> tuple[pl.DataFrame, np.ndarray]:
    """Return the texts as the topic "t", and praise of the staff as another."""
    everything = [*texts, *["kind staff"] * 4]
    mentions = pl.DataFrame(
        {
            "mention_id": [f"m{n}" for n in range(len(everything))],
            "topic_id": ["t"] * len(texts) + ["staff"] * 4,
            "text": everything,
            "sentiment": [feeling] * len(texts) + ["positive"] * 4,
        }
    )
    return mentions, np.repeat(np.eye(2, dtype=np.float32), [len(texts), 4], axis=0)


def test_a_name_denies_only_what_its_members_deny() -> None:
    """One who says that it was not crowded names no group that complains that it was."""
    denial, complaint = ["lounge was not crowded"] * 3, ["crowded lounge"] * 2
    crowded = ["so crowded on friday", "crowded all day", "it was crowded", "overcrowded today"] * 2
    for more, denies in ((crowded, False), (denial, True)):
        name = named(*beside_staff([*denial, *complaint, *more], "negative"))["t"]
        assert ("not" in name) == denies, name


def test_a_name_sounds_as_its_group_feels() -> None:
    """Of two phrases that say as much, the one that sounds like a complaint names the complaint."""
    corpus = beside_staff(["soup of today", "soup was cold"] * 3, "negative")

    def listen(asked: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        sounds = [(1, 0, 0) if wanted in text else (0, 0, 1) for text in asked]
        return np.tile(np.float32([1, 0]), (len(asked), 1)), np.array(sounds, np.float32)

    for wanted in ("cold", "today"):
        assert wanted in named(*corpus, listen=listen)["t"]


def test_a_negated_phrase_is_not_told_as_its_opposite() -> None:
    """What cannot be done is a phrase of its own, never a spelling of what can be done."""
    texts = ["pay by card"] * 5 + ["can't pay by card"]
    pieces = {text: key for t in texts for text, key, _ in wording.pieces(t, {})}
    assert pieces["pay by card"] != pieces["can't pay by card"]


def test_a_name_denies_once_and_differs_in_more_than_an_article() -> None:
    """No name has "no not"; "the nights are worst" is no other name than "nights are worst"."""
    read = [text for text, _, _ in wording.pieces("the book is no not enough", {})]
    assert read
    assert not any("no not" in text for text in read)
    assert wording.fold("The nights are the worst") == wording.fold("Nights are  worst")
    assert wording.fold("The") == "the"


def test_what_goes_on_is_said_with_it() -> None:
    """It is no name "putting leaflets" where they are to stop, or where it does not stop."""
    phrases = {"please stop putting leaflets": [("putting leaflets", 1.7)]}
    cut = {text for text, _, _ in wording.pieces("please stop putting leaflets", phrases)}
    assert "stop putting leaflets" in cut
    assert not any(text.startswith("putting") for text in cut)
    kept = {text for text, _, _ in wording.pieces("the wifi kept dropping out", {})}
    assert "wifi kept dropping out" in kept
    assert "dropping out" not in kept


def test_what_is_easy_is_said_with_it() -> None:
    """A name has no "not easy" cut off from "to find"; where nothing follows it may be one."""
    phrases = {"the lounge is not easy to find": [("lounge is not easy", 1.7)]}
    cut = {text for text, _, _ in wording.pieces("the lounge is not easy to find", phrases)}
    assert "lounge is not easy to find" in cut
    assert not any(text.endswith("easy") for text in cut)
    assert "lounge is not easy" in {t for t, _, _ in wording.pieces("the lounge is not easy", {})}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("the website is easy to use", "website is easy to use"),
        ("hard to use", "hard to use"),
        ("the exit is hard to find", "exit is hard to find"),
        ("it is impossible to get through", "impossible"),
        ("staff work hard to help everyone", "staff work hard"),
    ],
)
def test_what_is_easy_keeps_a_name(said: str, name: str) -> None:
    """Where no name can close with the verb, or the verb is no more than "use", one stands all the same."""
    assert name in {text for text, _, _ in wording.pieces(said, {})}


@pytest.mark.parametrize(
    ("said", "names", "no_names"),
    [
        ("the sofa did not look like the picture", ["sofa"], ["sofa did not look", "did not look"]),
        ("we asked the porter twice", ["porter twice"], ["asked the porter"]),
        ("ended up in the wrong queue", ["wrong queue"], ["ended up"]),
        ("worse over the past few years", [], ["past few years", "worse over the past"]),
        ("never on time", ["never on time"], []),
        ("glad", [], ["glad"]),
    ],
)
def test_a_name_says_what_happened(said: str, names: list[str], no_names: list[str]) -> None:
    """No name only says when it was or who was asked, or breaks off before it says what."""
    read = {text for text, _, _ in wording.pieces(said, {})}
    assert read.issuperset(names)
    assert read.isdisjoint(no_names)


def test_a_typing_error_is_no_name() -> None:
    """A word that one member spells otherwise than several do does not stand in the headline."""
    texts = ["points never showwed up", "my points never showed", "points showed late"]
    mentions, vectors = beside_staff(
        [*texts, "where are my points", "points are missing"], "negative"
    )
    corpus = Namer(mentions, vectors)._corpus
    assert "showed" in corpus.known
    assert "showwed" not in corpus.known
    assert "missing" in corpus.known
    assert wording.word("SAID").spoken == "said"
    assert wording.word("ATM").spoken == "ATM"


def test_a_group_goes_by_a_name_that_one_of_it_says() -> None:
    """Whether a topic's name fits a finding is told by the words of its mentions."""
    mentions, vectors = beside_staff(
        ["skipped a week and was charged", "deal was charged"], "negative"
    )
    namer = Namer(mentions, vectors)
    assert not namer.said("Deal and was charged", ["m0"])
    assert namer.said("Deal and was charged", ["m0", "m1"])
