"""What trains the models: labels are known, pruning reads the same, temperatures cool."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

from painpoints.classify import LABELS
from painpoints.errors import TrainingDataError
from painpoints_training import corpus, heads
from painpoints_training.asked import QUESTIONS, asked
from painpoints_training.contrasts import contrasts
from painpoints_training.measured import measured
from painpoints_training.vocabulary import SPECIAL, prune


def test_own_corpus_is_labelled_by_the_page() -> None:
    """Every mention of the project's corpus has the five labels, all of them known."""
    rows = corpus.training_mentions(None)
    assert rows.height > 18_000
    assert rows.select(LABELS).null_count().sum_horizontal().item() == 0


def test_contexts_hold_their_mentions() -> None:
    """The mention of a corpus row is within its context, as it will be when it is classified."""
    rows = corpus.own_mentions()
    assert all(
        text.strip() in around for text, around in rows.select("text", "context").iter_rows()
    )


def _labelled(folder: Path, texts: pl.DataFrame, label: str) -> pl.DataFrame:
    """Return what is read of one label of a public set that holds these texts."""
    (folder / "somewhere").mkdir(exist_ok=True)
    texts.write_parquet(folder / "somewhere" / "data.parquet")
    header = "set,id,start,end,stage,touchpoint,sentiment,type,severity"
    (folder / "labels.csv").write_text(f"{header}\nsomewhere,{label}\n", encoding="utf-8")
    return corpus.own_labels(folder, folder / "labels.csv")


def test_own_labels_find_their_texts(tmp_path: Path) -> None:
    """A label finds its mention in the public set; a text that is gone is an error that says how many."""
    texts = pl.DataFrame({"id": [1, 2], "text": ["Lost it. Never came back.", "Fine."]})
    found = _labelled(tmp_path, texts, "1,9,25,delivery,delivery,negative,pain_point,2")
    assert found["text"].to_list() == ["Never came back."]
    assert found["context"].to_list() == ["Lost it. Never came back."]
    with pytest.raises(TrainingDataError, match="1 texts"):
        _labelled(tmp_path, texts, "7,0,4,use,product,neutral,other,0")


def test_a_sentence_is_read_in_its_document(tmp_path: Path) -> None:
    """Where a set holds sentences of documents, the context of one is what stands around it."""
    rows = [("a1", "a", "We waited."), ("b1", "b", "Lovely."), ("a2", "a", "It was cold.")]
    texts = pl.DataFrame(rows, schema=["id", "doc_id", "text"], orient="row")
    found = _labelled(tmp_path, texts, "a2,0,12,use,product,negative,pain_point,1")
    assert found["text"].to_list() == ["It was cold."]
    assert found["context"].to_list() == ["We waited. It was cold."]


def test_measured_mentions_find_what_the_customer_said(tmp_path: Path) -> None:
    """Places count in the customer's own words where a set has them; a text that is gone is told."""
    (tmp_path / "talks").mkdir()
    said = {
        "id": [7],
        "text": ["agent: Hello. customer: It broke."],
        "customer_text": ["It broke."],
    }
    pl.DataFrame(said).write_parquet(tmp_path / "talks" / "data.parquet")
    file = tmp_path / "measured.csv"
    header = "source,id,start,end,sampling,stage,touchpoint,sentiment,type,severity"
    label = "0,8,random,use,product,negative,pain_point,2"
    file.write_text(f"{header}\ntalks,7,{label}\n", encoding="utf-8")
    assert measured(tmp_path, file)["text"].to_list() == ["It broke"]
    file.write_text(f"{header}\ntalks,8,{label}\n", encoding="utf-8")
    with pytest.raises(TrainingDataError, match="1 texts"):
        measured(tmp_path, file)


def test_general_questions_stand_before_answers_that_had_none() -> None:
    """Rows come again behind a question; those that answered one already do not."""
    rows = corpus.own_mentions()
    found = asked(rows, 500, seed=0)
    assert found.height == 500
    assert found.select("text", *LABELS).join(rows, on=["text", *LABELS], how="semi").height == 500
    assert all(
        any(context.startswith(question) for question in QUESTIONS) and text.strip() in context
        for text, context in found.select("text", "context").iter_rows()
    )
    assert asked(
        found.filter(pl.col("context").str.contains("?", literal=True)), 5, seed=0
    ).is_empty()


def test_unknown_label_is_told_with_its_count() -> None:
    """A label outside the list is named, with how many rows carry it."""
    rows = corpus.own_mentions().head(3).with_columns(stage=pl.lit("checkout"))
    with pytest.raises(TrainingDataError, match="stage 'checkout' in 3 rows"):
        corpus.checked(rows)


def test_contrasts_come_in_both_feelings() -> None:
    """The pairs are labelled by known classes, all texts differ, both sides are many."""
    rows = corpus.checked(contrasts())
    assert rows.select("text", "context").n_unique() == rows.height
    counts = dict(rows["sentiment"].value_counts().iter_rows())
    assert min(counts["positive"], counts["negative"]) > 300


def _tokenizer() -> Tokenizer:
    words = [*SPECIAL, "late", "par", "##cel", "the", "was", "zebra", "##s", "é", "a", "p", "##a"]
    pieces = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(WordPiece(pieces, unk_token=SPECIAL[1]))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def test_pruning_reads_the_same() -> None:
    """Texts that were pruned for are cut into the same pieces; what nobody needs is gone."""
    whole = _tokenizer()
    pruned = prune(whole, ["the parcel was late"])
    assert pruned.tokenizer.encode("the parcel was late").tokens == (
        whole.encode("the parcel was late").tokens
    )
    assert "zebra" not in pruned.tokenizer.get_vocab()
    names = sorted(pruned.tokenizer.get_vocab().items(), key=lambda item: item[1])
    old = whole.get_vocab()
    assert tuple(old[name] for name, _ in names) == pruned.kept


def test_overconfident_probabilities_are_cooled() -> None:
    """Probabilities sharper than the truth get a temperature above 1, modest ones below."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, size=2000)
    said = np.where(rng.random(2000) < 0.7, truth, 1 - truth)
    sharp = np.where(np.eye(2)[said] > 0, 0.99, 0.01)
    modest = np.where(np.eye(2)[said] > 0, 0.55, 0.45)
    assert heads.temperature(sharp, truth) > 1.5
    assert heads.temperature(modest, truth) < 0.8


def test_deployment_prior_lies_between() -> None:
    """It lies between the labels fitted on and those drawn at random from real sources."""
    rows = pl.DataFrame({"natural": [True] * 100, "stage": ["use"] * 90 + ["support"] * 10})
    prior = np.array([0.5, 0.5])
    found = heads.deployment_prior(rows, "stage", ["support", "use"], prior)
    assert found.sum() == pytest.approx(1.0)
    assert 0.5 < found[1] < 0.9
