"""The mentions of a run that an analyst should label next: unsure, frequent, influential, diverse.

A mention scores by how unsure its labels are, times how many people its topic reaches, times what
hangs on it; then mentions are taken one by one, each discounted by how like it is to those already
taken. Texts that are labelled already are not asked for again. The columns are those that
`painpoints train` reads; what the classifier guesses stands beside them under `guess_`.
"""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from painpoints import bundle, runs
from painpoints.arrangement import Tables
from painpoints.classify import LABELS
from painpoints.encode import Encoder, Vectors
from painpoints.errors import InputError
from painpoints.tables import person
from painpoints_training import registry, taught
from painpoints_training.retrain import OnStep

STEPS = ("read", "score", "encode", "choose", "write")
MAX_CANDIDATES = 3_000
"""Mentions of the highest score among which diverse ones are sought."""

UNCERTAIN = {"stage": 2.0, "touchpoint": 1.0, "sentiment": 1.0, "type": 1.0, "severity": 0.5}
"""Weight of each label's doubt: the stage arranges the map."""

LEAST = 0.25
"""What reach and influence leave of a score at least, so that doubt alone can be enough."""


def queue(run: Path, n: int, models: Path | None, on_step: OnStep, done: pl.Series) -> pl.DataFrame:
    """Return the `n` mentions to label next, the most useful first.

    Args:
        run: folder of an analysis.
        n: how many.
        models: folder of own models; what the versions in force have learnt is not asked again.
        on_step: is told how far it is.
        done: texts that are labelled and not trained from yet; they are not asked again.

    Raises:
        RunError: the run is missing or damaged.
        InputError: it has no mention, or none that is not labelled.
    """
    on_step("read")
    whole = runs.load_tables(run)
    if not whole.mentions.height:
        raise InputError(f"{run} has no mention to label")
    on_step("score")
    scored = _scored(whole, _done(models, done))
    if not scored.height:
        raise InputError(f"every mention of {run} is labelled already")
    on_step("encode")
    coder = Encoder.load(bundle.verify(bundle.current("encoder-fast", models)).folder)
    vectors = coder.encode(scored["text"].to_list())
    on_step("choose")
    chosen = scored[spread(scored["score"].to_numpy(), vectors, n)]
    return _columns(chosen, whole)


def refuse_filled(out: Path) -> None:
    """Check that writing to `out` loses no labels.

    Raises:
        InputError: a file is there that holds labels, or that is no queue.
    """
    if not out.exists():
        return
    try:
        rows = pl.read_parquet(out) if out.suffix == ".parquet" else pl.read_csv(out, infer_schema=False)  # fmt: skip
        labels = rows.select(LABELS).cast(pl.String)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{out} is there already and is no queue; name another file") from error
    n = labels.filter(pl.any_horizontal(pl.all().str.len_chars() > 0)).height
    if n:
        raise InputError(f"{out} holds {n:,} rows with labels; name another file with --out")


def _done(models: Path | None, texts: pl.Series) -> pl.Series:
    """Return the keys of texts that are labelled: of these, and what versions in force learnt."""
    own = bundle.own_models(models)
    versions = [] if own is None else [registry.current(part, own) for part in registry.PARTS]
    learnt = {key for one in versions for keys in taught.learnt(one).values() for key in keys}
    return pl.Series([*sorted(learnt), *taught.keys(texts)], dtype=pl.String)


def _scored(whole: Tables, done: pl.Series) -> pl.DataFrame:
    """Return one mention of each text that is not `done`, by score; at most `MAX_CANDIDATES`."""
    reach = _reach(whole)
    influence = _influence(whole)
    doubt = sum(w * (1.0 - pl.col(f"{n}_prob")) for n, w in UNCERTAIN.items()) / sum(UNCERTAIN.values())  # fmt: skip
    scored = (
        whole.mentions.join(reach, on="topic_id", how="left")
        .join(influence, on="topic_id", how="left")
        .with_columns(
            doubt=doubt, reach=pl.col("reach").fill_null(0.0), influence=pl.col("influence").fill_null(0.0)
        )
        .with_columns(score=pl.col("doubt") * _damped("reach") * _damped("influence"))
    )  # fmt: skip
    new = scored.filter(~taught.keys(scored["text"]).is_in(done.implode()))
    best = new.sort("score", "mention_id", descending=[True, False])
    return best.unique("text", maintain_order=True, keep="first").head(MAX_CANDIDATES)


def _damped(name: str) -> pl.Expr:
    return LEAST + (1.0 - LEAST) * pl.col(name)


def _reach(whole: Tables) -> pl.DataFrame:
    """Return how many people each topic reaches, 0..1 on a log scale."""
    people = whole.feedback.select("feedback_id", person().alias("who"))
    counted = whole.mentions.join(people, on="feedback_id").group_by("topic_id").agg(
        pl.col("who").n_unique().log1p().alias("reach")
    )  # fmt: skip
    topics = counted.filter(pl.col("topic_id").is_not_null())
    return topics.with_columns(pl.col("reach") / pl.col("reach").max())


def _influence(whole: Tables) -> pl.DataFrame:
    """Return what hangs on each topic, 0..1: its effect on the score, else its pains' severity."""
    moved = whole.drivers.group_by("topic_id").agg(pl.col("impact").abs().max().alias("moved"))
    hurt = whole.mentions.filter(pl.col("topic_id").is_not_null()).group_by("topic_id").agg(
        (pl.col("severity").cast(pl.Float64).mean() / 3).alias("hurt")
    )  # fmt: skip
    both = hurt.join(moved, on="topic_id", how="left")
    top = both["moved"].max()
    share = pl.col("moved") / pl.lit(float(str(top)) if top else 1.0)
    return both.select("topic_id", influence=pl.max_horizontal(share.fill_null(0.0), "hurt"))


def spread(score: NDArray[np.float64], vectors: Vectors, n: int) -> list[int]:
    """Return the places of `n` rows of high score that are unlike each other.

    Greedy: each time the row of the highest score times what the nearest of those taken leaves of
    it (Carbonell & Goldstein 1998, with a product in place of the sum).

    Args:
        score: (rows,) at least 0.
        vectors: (rows, dim), unit rows.
        n: how many; all rows if there are fewer.
    """
    nearest = np.zeros(len(score), dtype=np.float64)
    free = np.ones(len(score), dtype=bool)
    taken: list[int] = []
    while len(taken) < min(n, len(score)):
        worth = np.where(free, (score + 1e-9) * (1.0 - nearest), -1.0)
        place = int(worth.argmax())
        taken.append(place)
        free[place] = False
        alike = np.clip(vectors @ vectors[place], 0.0, 0.999)
        nearest = np.maximum(nearest, alike)
    return taken


def _columns(chosen: pl.DataFrame, whole: Tables) -> pl.DataFrame:
    """Return the columns that `painpoints train` takes, then the guesses and why."""
    around = whole.feedback.select("feedback_id", "verbatim", "question")
    named = whole.topics.select("topic_id", pl.col("label").alias("topic"))
    told = chosen.join(around, on="feedback_id", how="left", maintain_order="left").join(
        named, on="topic_id", how="left", maintain_order="left"
    )
    return told.select(
        "text",
        *(pl.lit(None, pl.String).alias(label) for label in LABELS),
        *(pl.col(label).cast(pl.String).alias(f"guess_{label}") for label in LABELS),
        pl.col("doubt").round(3),
        pl.col("reach").round(3),
        pl.col("influence").round(3),
        "topic",
        "question",
        "verbatim",
        "start",
        "end",
        "mention_id",
    )
