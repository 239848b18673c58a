"""Topics: found whatever the order and the copies, frozen, and given by one function."""

import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from painpoints import topics
from painpoints.config import TopicSettings
from painpoints.errors import ModelError, TableError
from painpoints.tables import TIME
from painpoints.topics import clustering, content, finding
from painpoints.topics import model as frozen

SUBJECTS = (
    ("app", "crashes", "screen"),
    ("parcel", "late", "driver"),
    ("refund", "missing", "bank"),
    ("room", "dirty", "towel"),
    ("staff", "friendly", "smile"),
    ("price", "high", "discount"),
)
DIM = 32


def feedback_on(n_each: int, *, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """Return invented mentions on six subjects, and vectors around one direction per subject."""
    rng = np.random.default_rng(seed)
    middles = np.linalg.qr(rng.normal(size=(DIM, len(SUBJECTS))))[0].T
    texts, rows = [], []
    for number, words in enumerate(SUBJECTS):
        for copy in range(n_each):
            texts.append(
                f"the {words[0]} was {words[1 + copy % 2]} on visit {chr(97 + copy % 26)}{copy}"
            )
            rows.append(middles[number] + 0.08 * rng.normal(size=DIM))
    vectors = np.array(rows, dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    frame = pl.DataFrame({"text": texts}).with_columns(
        mention_id=pl.format("m{}", pl.int_range(pl.len())),
        feedback_id=pl.format("f{}", pl.int_range(pl.len())),
    )
    return frame, vectors


def fit(mentions: pl.DataFrame, vectors: np.ndarray, **given: object) -> topics.TopicModel:
    """Fit with the shipped settings."""
    return topics.fit(mentions, vectors, settings=TopicSettings(**given))


@pytest.fixture(scope="module")
def found() -> tuple[pl.DataFrame, np.ndarray, topics.TopicModel]:
    """Six subjects of twenty mentions each, and their topics."""
    mentions, vectors = feedback_on(20)
    return mentions, vectors, fit(mentions, vectors)


def test_subjects_become_topics(found: tuple[pl.DataFrame, np.ndarray, topics.TopicModel]) -> None:
    """Six plain subjects give six topics, each wholly of one subject."""
    mentions, vectors, model = found
    assigned = model.assign(mentions, vectors).with_columns(subject=pl.int_range(pl.len()) // 20)
    assert len(model.topic_ids) == len(SUBJECTS)
    known = assigned.drop_nulls("topic_id")
    assert known.group_by("topic_id").agg(pl.col("subject").n_unique())["subject"].max() == 1


def test_terms_are_words_of_the_subject(
    found: tuple[pl.DataFrame, np.ndarray, topics.TopicModel],
) -> None:
    """The first terms of a topic come from its own subject."""
    _, _, model = found
    assert all(any(set(words) >= set(terms[:2]) for words in SUBJECTS) for terms in model.terms)


@pytest.mark.parametrize("n_each", [20, 400])
def test_row_order_and_copies_do_not_matter_to_fit(n_each: int) -> None:
    """Shuffled rows give the same model; so do copies of a text, few rows or many."""
    mentions, vectors = feedback_on(n_each)
    order = np.random.default_rng(1).permutation(mentions.height)
    model, again = fit(mentions, vectors), fit(mentions[order], vectors[order])
    assert model.topic_ids == again.topic_ids
    assert np.array_equal(model.grid, again.grid)
    assert model.terms == again.terms


def test_assign_is_the_same_alone_in_any_order_and_after_save_and_load(
    found: tuple[pl.DataFrame, np.ndarray, topics.TopicModel],
) -> None:
    """Batch, single, permuted and reloaded answers are equal to the last bit."""
    mentions, vectors, model = found
    whole = model.assign(mentions, vectors)
    order = np.random.default_rng(2).permutation(mentions.height)
    assert model.assign(mentions[order], vectors[order]).equals(whole[order])
    alone = [model.assign(mentions[i], vectors[i : i + 1]) for i in range(0, mentions.height, 7)]
    assert pl.concat(alone).equals(whole[list(range(0, mentions.height, 7))])
    loaded = topics.TopicModel.from_arrays(model.to_arrays())
    assert loaded.assign(mentions, vectors).equals(whole)
    assert (loaded.topic_ids, loaded.parent_ids, loaded.terms) == (
        model.topic_ids,
        model.parent_ids,
        model.terms,
    )


@given(n=st.integers(1, 40), seed=st.integers(0, 2**16))
@hypothesis_settings(max_examples=30, deadline=None)
def test_nearest_does_not_depend_on_company(n: int, seed: int) -> None:
    """Cosines are bit-equal for a row alone and in a batch, for random vectors too."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    grid = np.rint(vectors[: max(1, n // 3)] * frozen.SCALE).astype(np.int16)
    center = np.full(384, 0.01, dtype=np.float32)
    index, cosine = frozen.nearest(vectors, grid, center)
    one, near = frozen.nearest(vectors[-1:], grid, center)
    assert (index[-1], cosine[-1]) == (one[0], near[0])


def test_every_mention_has_a_topic_or_a_reason(
    found: tuple[pl.DataFrame, np.ndarray, topics.TopicModel],
) -> None:
    """No row is dropped, none has both or neither, and few of the training texts are novel."""
    mentions, vectors, model = found
    assigned = model.assign(mentions, vectors)
    assert assigned.height == mentions.height
    assert (assigned["topic_id"].is_null() == assigned["reason"].is_not_null()).all()
    assert (assigned["topic_prob"].is_null() == assigned["topic_id"].is_null()).all()
    assert assigned["reason"].is_not_null().mean() <= 0.1


def test_what_is_like_nothing_is_novel(
    found: tuple[pl.DataFrame, np.ndarray, topics.TopicModel],
) -> None:
    """A vector that points away from every topic is novel."""
    mentions, _, model = found
    away = -model.centroids.sum(axis=0, keepdims=True)
    away /= np.linalg.norm(away)
    assert model.assign(mentions[:1], away)["reason"].to_list() == ["novel"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("  ", "empty"),
        ("N/A", "no_answer"),
        ("Nothing.", "no_answer"),
        ("!?", "too_short"),
        ("ok", "too_short"),
        ("Thanks very much!", "no_content"),
        ("It was excellent", "no_content"),
        ("Very good service", None),
        ("parking", None),
    ],
)
def test_words_without_a_subject_have_their_reason(text: str, reason: str | None) -> None:
    """Greetings, bare verdicts and non-answers are told apart from content."""
    assert content.left_out(pl.DataFrame({"text": [text]})) == [reason]


def test_no_stage_no_touchpoint_no_purpose_has_no_content() -> None:
    """What classify finds adds to the words: a short mention of nothing has no content."""
    columns = {
        "text": ["see my last letter"] * 2,
        "touchpoint": ["none"] * 2,
        "type": ["other"] * 2,
    }
    mentions = pl.DataFrame({**columns, "stage": ["none", "use"]})
    assert content.left_out(mentions) == ["no_content", None]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7])
def test_few_mentions_do_not_fail(n: int) -> None:
    """Nothing in gives no topic and the same columns; one to seven mentions give an answer."""
    mentions, vectors = feedback_on(2)
    model = fit(mentions[:n], vectors[:n])
    assigned = model.assign(mentions[:n], vectors[:n])
    assert assigned.schema == {
        **mentions.schema,
        "topic_id": pl.String,
        "topic_prob": pl.Float32,
        "reason": pl.String,
    }
    assert assigned["reason"].null_count() == n


@pytest.mark.parametrize(
    "texts",
    [
        ("Because he said so", "She made me", "When getting going"),
        ("Это не так", "Нет света", "ça"),
    ],
)
def test_texts_without_a_word_for_a_term_are_one_topic(texts: tuple[str, ...]) -> None:
    """Stop words alone, or no letter that BERTopic reads, still have a place."""
    mentions, vectors = feedback_on(1)
    mentions = mentions[: len(texts)].with_columns(text=pl.Series(texts))
    assert content.left_out(mentions).count(None) >= 2
    model = fit(mentions, vectors[: len(texts)])
    assert model.terms == ((),)


def test_the_sample_is_the_same_in_any_order_and_keeps_every_stage() -> None:
    """Above max_sample the texts are drawn by their own hash, in proportion to stage and type."""
    mentions, vectors = feedback_on(50)
    mentions = mentions.with_columns(
        stage=pl.Series(["use", "support"] * 150), type=pl.lit("pain_point")
    )
    order = np.random.default_rng(3).permutation(mentions.height)
    one, two = (finding._distinct(m, 100) for m in (mentions, mentions[order]))
    assert one["text"].to_list() == two["text"].to_list()
    assert one.height == 100
    assert one["stage"].value_counts().sort("stage")["count"].to_list() == [50, 50]
    assert len(fit(mentions, vectors, max_sample=120).topic_ids) == len(SUBJECTS)


def test_table_counts_reconcile(found: tuple[pl.DataFrame, np.ndarray, topics.TopicModel]) -> None:
    """Mentions of the topics add up; a parent has the mentions of its children."""
    mentions, vectors, model = found
    assigned = model.assign(mentions, vectors)
    dates = mentions.select("feedback_id", created_at=pl.lit(None, dtype=TIME))
    table = model.table(assigned, dates)
    children = table.filter(pl.col("topic_id").str.starts_with("t"))
    assert children["n_mentions"].sum() == assigned["topic_id"].drop_nulls().len()
    parents = table.filter(pl.col("topic_id").str.starts_with("p"))
    below = children.drop_nulls("parent_id").group_by("parent_id").agg(pl.col("n_mentions").sum())
    assert dict(parents.select("topic_id", "n_mentions").iter_rows()) == dict(below.iter_rows())


def test_ids_survive_a_refit_and_the_lineage_says_what_changed() -> None:
    """Nine tenths of the data keep their ids; a subject that goes is retired, one that comes is new."""
    mentions, vectors = feedback_on(15)
    old = fit(mentions[:75], vectors[:75])
    kept = np.array([i for i in range(15, 90) if i % 10])
    new, lineage = topics.match(old, fit(mentions[kept], vectors[kept]))
    verdicts = sorted(line.verdict for line in lineage)
    assert verdicts == ["kept"] * 4 + ["new", "retired"]
    both = np.arange(15, 75)
    before = old.assign(mentions[both], vectors[both])["topic_id"]
    after = new.assign(mentions[both], vectors[both])["topic_id"]
    assert (before == after).mean() > 0.9


def test_a_model_matched_with_itself_is_kept_whole(
    found: tuple[pl.DataFrame, np.ndarray, topics.TopicModel],
) -> None:
    """The same data again changes no id."""
    _, _, model = found
    again, lineage = topics.match(model, model)
    assert again.topic_ids == model.topic_ids
    assert {line.verdict for line in lineage} == {"kept"}


def test_an_unchanged_topic_keeps_its_id_whatever_lies_beside_it() -> None:
    """The same centroid keeps its id, though swapped ids would be more alike in sum."""

    def turned(ids: tuple[str, ...], *degrees: float) -> topics.TopicModel:
        angles = np.radians(degrees)
        rows = np.column_stack([np.cos(angles), np.sin(angles)])
        return topics.TopicModel(
            topic_ids=ids,
            parent_ids=(None,) * len(ids),
            center=np.zeros(2, np.float32),
            grid=np.rint(rows * frozen.SCALE).astype(np.int16),
            thresholds=np.zeros(len(ids), np.float32),
            terms=((),) * len(ids),
        )

    new, lineage = topics.match(turned(("t1", "t2"), 0, -26), turned(("t3", "t4"), 0, 26))
    assert new.topic_ids == ("t1", "t4")
    assert [(line.old_id, line.topic_id, line.verdict) for line in lineage] == [
        ("t1", "t1", "kept"),
        ("t1", "t4", "split"),
        ("t2", "t1", "merged"),
    ]


def test_foreign_vectors_and_broken_arrays_are_refused(
    found: tuple[pl.DataFrame, np.ndarray, topics.TopicModel],
) -> None:
    """Another encoder, another length, or missing arrays give a clear error."""
    mentions, vectors, model = found
    with pytest.raises(ModelError, match="dimensions"):
        model.assign(mentions, vectors[:, :8])
    with pytest.raises(TableError, match="vectors"):
        model.assign(mentions, vectors[:-1])
    arrays = model.to_arrays()
    with pytest.raises(ModelError, match="missing"):
        topics.TopicModel.from_arrays({k: v for k, v in arrays.items() if k != "grid"})
    with pytest.raises(ModelError, match="length"):
        topics.TopicModel.from_arrays({**arrays, "thresholds": arrays["thresholds"][:-1]})


def test_a_loose_topic_is_cut_and_a_tight_one_is_not() -> None:
    """What gathers several subjects is told as several; what has one subject stays one."""
    _, vectors = feedback_on(20)
    tight = np.repeat(np.arange(len(SUBJECTS)), 20)
    assert np.array_equal(clustering._apart(vectors, tight, 5), tight)
    cut = clustering._apart(vectors, np.where(tight < 5, 0, 1), 5)
    subjects = [set(cut[start : start + 20].tolist()) for start in range(0, 120, 20)]
    assert all(len(found) == 1 for found in subjects)
    assert len(set.union(*subjects)) == len(SUBJECTS)
    assert clustering._apart(vectors, np.where(tight < 5, 0, 1), 100).max() == 1


@pytest.mark.parametrize(
    ("text", "sentiment", "sign"),
    [
        ("Worst app ever!", "negative", -1),
        ("Very good bank", "positive", 1),
        ("this app", "neutral", 0),
        ("Worst parking ever", "negative", 0),
    ],
)
def test_bare_verdicts_on_the_whole_are_told(text: str, sentiment: str, sign: int) -> None:
    """Blame or praise without a subject is bare; a subject makes it a topic."""
    told = finding._bare(pl.DataFrame({"text": [text], "sentiment": [sentiment]}))
    assert told is not None
    assert told.tolist() == [sign]


def test_topics_of_bare_blame_are_one() -> None:
    """Two ways to say that all is bad become one topic; with subjects, or praise, they stay two."""
    rng = np.random.default_rng(0)
    middles = np.array([[1.0, 0.4, 0.0], [1.0, -0.4, 0.0]]) @ np.eye(3, DIM)
    labels = np.repeat([0, 1], 30)
    vectors = middles[labels] + 0.05 * rng.normal(size=(60, DIM))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    blame = np.where(np.arange(60) % 3 == 0, -1, 0)
    assert clustering._joined(vectors, labels, np.zeros(60, np.int64)).max() == 1
    assert clustering._joined(vectors, labels, np.where(labels == 1, -blame, blame)).max() == 1
    assert clustering._joined(vectors, labels, blame).max() == 0


def test_bertopic_comes_without_what_is_not_asked_of_it() -> None:
    """Finding topics loads no UMAP, plotly or torch; a transformer can still be loaded afterwards."""
    code = """
import sys
import numpy as np, polars as pl
from painpoints import bundle, topics
from painpoints.config import TopicSettings
from painpoints.encode import Encoder
texts = [f"{word} number {n} is late" for word in ("bus", "train", "parcel") for n in range(12)]
vectors = np.random.default_rng(0).normal(size=(36, 8)).astype(np.float32)
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
topics.fit(pl.DataFrame({"text": texts}), vectors, settings=TopicSettings())
assert not {"umap", "plotly", "torch", "transformers"} & set(sys.modules)
assert Encoder.load(bundle.newest("encoder-accurate")).encode(["late"]).any()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
