"""Ours beside two plain baselines on the same held-out mentions, in one table.

The baselines learn from the same labelled rows: TF-IDF with logistic regression, and the full
MiniLM, frozen, with logistic regression. Figures are those of `painpoints.evaluate`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.feature_extraction.text import TfidfVectorizer

from painpoints.classify import LABELS, Classifier, Priors, Probabilities, contexts
from painpoints.encode import Vectors
from painpoints.evaluate import Figures, evaluate, figures
from painpoints.tables import FEEDBACK, MENTIONS
from painpoints_training.corpus import survey_question
from painpoints_training.heads import logistic


def tables_of(file: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return labelled mentions of real feedback as MENTIONS (to "segment") and FEEDBACK."""
    rows = pl.read_parquet(file)
    mentions = rows.select(
        pl.col("id").alias("mention_id"), pl.col("id").alias("feedback_id"), "start", "end", "text"
    )
    questions = [survey_question(domain) for domain in rows["domain"]]
    facts = {"feedback_id": rows["id"], "verbatim": rows["verbatim"], "question": questions}
    empty = {name: [None] * rows.height for name in FEEDBACK.schema()}
    feedback = pl.DataFrame({**empty, **facts}, schema=FEEDBACK.schema())
    return mentions.cast(pl.Schema(MENTIONS.schema(upto="segment"))), feedback


Read = Callable[[Sequence[str], Sequence[str]], Mapping[str, Probabilities]]
"""Mentions and their contexts -> for each label (n, classes), under the deployment's priors."""


def ours(
    file: Path, read: Read, classifier: Classifier, priors: Priors | None = None
) -> dict[str, Figures]:
    """Return our figures on the file.

    Args:
        file: labelled mentions of real feedback.
        read: whose probabilities are judged.
        classifier: that makes labels of them.
        priors: of single texts; None takes the file for one run.
    """
    mentions, feedback = tables_of(file)
    given = read(mentions["text"].to_list(), contexts(mentions, feedback))
    found = classifier.label(mentions, feedback, given, priors=priors).mentions
    return evaluate(pl.read_parquet(file, columns=list(LABELS)), found)


def words_baseline(train: pl.DataFrame, test: pl.DataFrame, seed: int) -> dict[str, Figures]:
    """Return the figures of TF-IDF of one and two words with logistic regression."""
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    seen = vectorizer.fit_transform(train["text"])
    return _fitted(train, seen, test, vectorizer.transform(test["text"]), seed=seed, strength=5.0)


def vectors_baseline(
    train: pl.DataFrame, seen: Vectors, test: pl.DataFrame, unseen: Vectors, *, seed: int
) -> dict[str, Figures]:
    """Return the figures of frozen vectors with logistic regression."""
    return _fitted(train, seen, test, unseen, seed=seed, strength=10.0)


def _fitted(
    train: pl.DataFrame, seen: Any, test: pl.DataFrame, unseen: Any, *, seed: int, strength: float
) -> dict[str, Figures]:
    found = {}
    for label in LABELS:
        if label not in test.columns or not test[label].count():
            continue
        taught, known = (rows[label].is_not_null().to_numpy() for rows in (train, test))
        truth = train[label].drop_nulls().to_numpy().astype(str)
        given = logistic(seed, strength).fit(seen[taught], truth).predict_proba(unseen[known])
        answer = [str(name) for name in np.unique(truth)[given.argmax(axis=1)]]
        right = test[label].drop_nulls().to_list()
        found[label] = figures(label, right, answer, given.max(axis=1))
    return found


def confusions(truth: pl.Series, answer: pl.Series, most: int = 12) -> pl.DataFrame:
    """Return the commonest mistakes: truth, answer, count."""
    both = pl.DataFrame({"truth": truth.cast(pl.String), "answer": answer.cast(pl.String)})
    wrong = both.filter(pl.col("truth") != pl.col("answer"))
    return wrong.group_by("truth", "answer").len().sort("len", descending=True).head(most)


def rounded(found: Mapping[str, Figures]) -> dict[str, float]:
    """Return the few figures that a manifest records."""
    plain: dict[str, float] = {}
    for label, one in found.items():
        plain[f"{label} macro-F1"] = round(one.macro_f1, 3)
        plain[f"{label} accuracy"] = round(one.accuracy, 3)
        plain[f"{label} ECE"] = round(one.ece, 3)
    plain["severity quadratic kappa"] = round(found["severity"].kappa, 3)
    return plain
