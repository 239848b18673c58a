"""Compare two runs on disk: what changed between them, and the files that say so.

Both runs' mentions are assigned anew by one frozen model each topic, so that what is compared is
what customers said. What a change is, is said in `mapdiff` and `trends`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from painpoints import (
    bundle,
    findings,
    journeymap,
    mapdiff,
    report,
    runs,
    tables,
    topics,
    trends,
    writers,
)
from painpoints.arrangement import Tables, refuse_different_stages, stages
from painpoints.config import Settings
from painpoints.domain import Lineage, MapDiff
from painpoints.encode import Encoder
from painpoints.errors import InputError, ModelError, RunError
from painpoints.topics import TopicModel


def diff(before: Path, now: Path) -> tuple[MapDiff, dict[str, str]]:
    """Compare two runs; return the diff and the quotes behind it, by run and mention id.

    Raises:
        InputError: the later run holds nothing that the earlier one does not hold.
        RunError: a run is missing or damaged, or the two rest on different stages or encoders.
    """
    facts_ = runs.load_facts(before), runs.load_facts(now)
    settings = Settings.model_validate(facts_[1]["settings"])
    known = stages(settings)
    refuse_different_stages(stages(Settings.model_validate(facts_[0]["settings"])), known)
    old, new = runs.load_tables(before), runs.load_tables(now)
    models, lineage, renamed = _lineage(before, now, old, new)
    sides = mapdiff.join((old.feedback, old.mentions), (new.feedback, new.mentions))
    if not sides.feedback["late"].any():
        raise InputError(
            f"{now} holds no feedback that {before} does not hold; name the later run second"
        )
    labels = _labels(old.topics) | _labels(
        new.topics.with_columns(pl.col("topic_id").replace(renamed))
    )
    few = settings.rank.min_people
    changes, false = mapdiff.compare(
        sides,
        _members(sides.mentions, models, _encoder(settings, *facts_)),
        labels,
        lineage,
        min_people=few,
        seed=settings.seed,
    )
    compared = trends.between(
        sides.feedback,
        sides.mentions,
        min_people=few,
    )
    named = {tables.people_known(each.feedback) for each in (old, new)}
    found = MapDiff(
        before=before.resolve().name,
        now=now.resolve().name,
        span_before=_days(old.feedback),
        span_now=_days(new.feedback),
        people_known=named == {True},
        titles={stage.name: stage.title for stage in known},
        n_before=_n_heard(sides.feedback, late=False),
        n_now=_n_heard(sides.feedback, late=True),
        n_shared=sides.n_shared,
        n_people_both=sides.n_people_both,
        changes=changes,
        stages=compared,
        lineage=lineage,
        churn=_churn(new.mentions["topic_id"].drop_nulls().replace(renamed), lineage),
        q=0.05,
        expected_false_alarms=false,
        test=mapdiff.TEST,
        remarks=(*_remarks(*facts_), *mapdiff.mix(sides.feedback), *_half_named(named)),
    )
    return found, dict(sides.mentions.select("mention_id", "text").iter_rows())


def _lineage(
    before: Path, now: Path, old: Tables, new: Tables
) -> tuple[tuple[TopicModel, TopicModel], tuple[Lineage, ...], dict[str, str]]:
    """Return both models under the earlier ids, what became of each topic, and the ids' change."""
    models = runs.load_topic_model(before), runs.load_topic_model(now)
    try:
        matched, descents = topics.match(*models)
    except ModelError as error:
        raise RunError(f"{before} and {now} rest on different encoders: {error}") from error
    renamed = dict(zip(models[1].topic_ids, matched.topic_ids, strict=True))
    was, now_is = _labels(old.topics), _labels(new.topics)
    now_is = {renamed.get(topic, topic): label for topic, label in now_is.items()}
    lineage = tuple(
        Lineage(
            d.old_id,
            d.topic_id,
            d.verdict,
            d.cosine,
            was.get(d.old_id or ""),
            now_is.get(d.topic_id or ""),
        )
        for d in descents
    )
    return (models[0], matched), lineage, renamed


def _encoder(settings: Settings, before: dict[str, Any], now: dict[str, Any]) -> Encoder:
    """Return the encoder that made both runs.

    Raises:
        RunError: it is not the one that is installed.
    """
    name = f"encoder-{settings.quality}"
    part = bundle.verify(bundle.current(name, settings.models))
    there = str(part.manifest["version"])
    wanted = {before["parts"].get(name), now["parts"].get(name)}
    if wanted != {there}:
        made = ", ".join(sorted(map(str, wanted)))
        raise RunError(
            f"the runs were made by {name} {made}, installed is {there}; analyse both inputs again"
        )
    return Encoder.load(part.folder)


def _members(
    mentions: pl.DataFrame, models: tuple[TopicModel, TopicModel], encoder: Encoder
) -> pl.DataFrame:
    """Return the groups of both runs' mentions, each topic assigned by one model for both.

    The later run's model, and for topics that it no longer has the earlier one's.
    """
    old, new = models
    texts = mentions["text"].unique(maintain_order=True)
    place = dict(zip(texts.to_list(), range(texts.len()), strict=True))
    vectors = encoder.encode(texts.to_list())[[place[text] for text in mentions["text"]]]
    bare = mentions.drop("topic_id", "topic_prob", "reason")
    gone = sorted(set(old.topic_ids) - set(new.topic_ids))
    former = findings.members(old.assign(bare, vectors)).filter(pl.col("topic_id").is_in(gone))
    return pl.concat([findings.members(new.assign(bare, vectors)), former])


def _labels(table: pl.DataFrame) -> dict[str, str]:
    return dict(table.select("topic_id", "label").iter_rows())


def _days(feedback: pl.DataFrame) -> tuple[Any, Any]:
    return feedback["created_at"].min(), feedback["created_at"].max()


def _n_heard(feedback: pl.DataFrame, *, late: bool) -> int:
    heard = feedback.filter(pl.col("reason").is_null(), late=late)
    return int(heard.select(tables.person().n_unique()).item())


def _churn(known: pl.Series, lineage: Sequence[Lineage]) -> float:
    """Return the share of the mentions with a topic whose topic is not kept."""
    kept = [line.topic_id for line in lineage if line.verdict == "kept" and line.topic_id]
    return 1 - float(known.is_in(kept).sum()) / known.len() if known.len() else 0.0


def _remarks(before: dict[str, Any], now: dict[str, Any]) -> tuple[str, ...]:
    """Return what differs in how the runs were made."""
    parts = sorted(
        name
        for name in before["parts"].keys() | now["parts"].keys()
        if before["parts"].get(name) != now["parts"].get(name)
    )
    if not parts:
        return ()
    told = ", ".join(parts)
    return (f"The runs were made by different versions of {told}, which may change labels.",)


def _half_named(named: set[bool]) -> tuple[str, ...]:
    """Return a remark where one run names its people and the other does not."""
    if len(named) == 1:
        return ()
    return (
        "Only one of the runs names people: it counts each of them once, the other each answer.",
    )


def save(found: MapDiff, quotes: Mapping[str, str], out: Path) -> list[Path]:
    """Write diff.html, diff.md and diff.json into the folder `out`; return their paths.

    Raises:
        RunError: the disk or the rights do not allow it.
    """
    written = writers.write_files(report.draw_diff(found, quotes), out)
    return [*written, writers.write_json(journeymap.plain(found), out / "diff.json")]
