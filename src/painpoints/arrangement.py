"""The five tables of a run become the journey map; an earlier run is arranged anew the same way.

Asks each step that reads tables alone (scores, changes, targets, fixes, segments, paths, what
emerges) for its part, and puts the parts together. What makes the tables is `pipeline`'s affair.
Says which stages the journey has, too, and which would be none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from painpoints import (
    efforts,
    emerging,
    findings,
    fixes,
    journeymap,
    journeys,
    persona_groups,
    personas,
    readers,
    scores,
    timelines,
    trends,
)
from painpoints.config import Settings, StageSettings
from painpoints.domain import (
    ALL,
    NO_STAGE,
    STAGES,
    UNSURE,
    UNTOLD,
    FixVerdict,
    JourneyMap,
    SegmentView,
    Stage,
    StageView,
    Timeline,
    Watch,
)
from painpoints.errors import RunError, SettingsError

RESERVED = {
    NO_STAGE: "says that a mention has no stage",
    UNSURE: "says that a mention has no stage",
    ALL: "stands for the whole journey",
}
"""Names that no stage can have."""


@dataclass(frozen=True, slots=True)
class Tables:
    """The five tables of a run, as `painpoints.tables` describes them."""

    feedback: pl.DataFrame
    mentions: pl.DataFrame
    topics: pl.DataFrame
    drivers: pl.DataFrame
    findings: pl.DataFrame

    def by_name(self) -> dict[str, pl.DataFrame]:
        """Return the tables by the names of their files."""
        return {name: getattr(self, name) for name in self.__slots__}


def arrange(whole: Tables, settings: Settings) -> JourneyMap:
    """Return the journey map of the five tables; an earlier run is arranged anew the same way."""
    feedback, mentions = whole.feedback, whole.mentions
    rank = settings.rank
    few = rank.min_people
    periods = trends.choose(feedback, period=rank.period)
    members = findings.members(mentions)
    journey = journeymap.build(
        feedback,
        mentions,
        whole.topics,
        whole.findings,
        stages=stages(settings),
        title=settings.report.title,
        scores=scores.by_stage(feedback, mentions, min_people=few),
        changes=trends.changes(feedback, mentions, periods, min_people=few),
        period=periods.now if periods else None,
        previous_period=periods.before if periods else None,
        min_people=few,
    )
    return replace(
        journey,
        stages=_with_targets(journey, settings),
        fixes=_fixes(whole, settings),
        segments=_segments(whole, members, settings),
        personas=persona_groups.find(feedback, mentions, whole.topics, seed=settings.seed),
        paths=journeys.follow(
            feedback, mentions, [s.name for s in stages(settings)], min_people=few
        ),
        emerging=_emerging(whole, settings, trends.with_history(feedback, periods)),
        efforts_unmatched=_efforts_unmatched(whole, settings),
        timeline=_timeline(whole, members, trends.with_history(feedback, periods) or periods),
        scores_by={
            "touchpoint": scores.by_touchpoint(feedback, mentions, min_people=few),
            "channel": scores.by_group(feedback, "channel", min_people=few),
        },
    )


def _with_targets(journey: JourneyMap, settings: Settings) -> tuple[StageView, ...]:
    """Return the stages with what the settings expect of their first score.

    Raises:
        SettingsError: a target is of no stage of the journey.
    """
    targets = settings.journey.targets
    names = [view.stage.name for view in journey.stages]
    unknown = sorted(set(targets) - set(names))
    if unknown:
        raise SettingsError(
            f"journey.targets: {', '.join(unknown)}: no such stage; there are {', '.join(names)}"
        )
    return tuple(
        replace(view, target=targets[view.stage.name] / (100 if _is_share(view) else 1))
        if view.stage.name in targets
        else view
        for view in journey.stages
    )


def _is_share(view: StageView) -> bool:
    """Return whether the stage's first score is a share 0..1, which people read as percent."""
    return bool(view.scores) and view.scores[0].measure.endswith("_share")


def _segments(whole: Tables, members: pl.DataFrame, settings: Settings) -> tuple[SegmentView, ...]:
    claims = whole.findings.select(
        pl.coalesce("opportunity", "kind").replace({"remove_pain": "pain_point"}),
        "stage",
        "topic_id",
        "label",
    )
    named = whole.topics.select("topic_id", "label")
    return personas.compare(
        whole.feedback,
        members,
        {("", "", topic): label for topic, label in named.iter_rows()}
        | {(kind, stage, topic): label for kind, stage, topic, label in claims.iter_rows()},
        min_people=settings.rank.min_people,
    )


def _timeline(
    whole: Tables, members: pl.DataFrame, periods: trends.Periods | None
) -> Timeline | None:
    if periods is None:
        return None
    return timelines.follow(
        whole.feedback,
        members,
        whole.findings,
        unit=periods.unit,
        every=periods.every,
        now_to=periods.now_to,
    )


def _efforts_unmatched(whole: Tables, settings: Settings) -> tuple[str, ...]:
    """Return the judged efforts that no finding bears; none where an earlier run's table is gone."""
    path = settings.rank.feasibility
    if path is None or not path.is_file():
        return ()
    return efforts.unmatched(whole.findings, whole.topics, readers.read_feasibility(path))


def _fixes(whole: Tables, settings: Settings) -> tuple[FixVerdict, ...]:
    path = settings.rank.fixes
    if path is None:
        return ()
    return fixes.judge(
        whole.feedback,
        whole.mentions,
        whole.topics,
        readers.read_fixes(path),
        min_people=settings.rank.min_people,
    )


def _emerging(whole: Tables, settings: Settings, periods: trends.Periods | None) -> Watch | None:
    if periods is None:
        return None
    return emerging.watch(
        whole.feedback,
        whole.mentions,
        dict(whole.topics.select("topic_id", "label").iter_rows()),
        unit=periods.unit,
        every=periods.every,
        period=periods.now,
        now_to=periods.now_to,
        min_people=settings.rank.min_people,
        seed=settings.seed,
    )


def stages(settings: Settings) -> tuple[Stage, ...]:
    """Return the journey in force: the settings' own stages, else the default eight."""
    own = settings.journey.stages
    if not own:
        return tuple(Stage(name, name.capitalize()) for name in STAGES)
    return tuple(
        Stage(s.name, s.title or s.name.capitalize(), s.description, s.aliases) for s in own
    )


def refuse_odd_stages(settings: Settings, trained: Sequence[str] = ()) -> None:
    """Refuse own stages by which mentions would be lost or counted twice.

    Raises:
        SettingsError: with everything that `odd_stages` finds.
    """
    problems = odd_stages(settings.journey.stages, trained)
    if problems:
        raise SettingsError(f"journey.stages: {'; '.join(problems)}")


def odd_stages(own: Sequence[StageSettings], trained: Sequence[str] = ()) -> list[str]:
    """Return what is wrong with the names of own stages, and with what they cover.

    trained: the stages that the classifier knows; they can be covered beside the default ones.
    """
    names = [stage.name for stage in own]
    covered = [(stage.name, name) for stage in own for name in stage.covers]
    known = [name for name in dict.fromkeys((*STAGES, *trained)) if name not in UNTOLD]
    return [
        *(f"name {name!r} {RESERVED[name]}; choose another" for name in names if name in RESERVED),
        *(f"name {name!r} stands there twice" for name in _doubled(names)),
        *(
            f"{stage} covers {name!r}, which is none of {', '.join(known)}"
            for stage, name in covered
            if name not in known
        ),
        *(f"{name} is covered twice" for name in _doubled([name for _, name in covered])),
    ]


def _doubled(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def refuse_different_stages(before: Sequence[Stage], now: Sequence[Stage]) -> None:
    """Refuse two runs whose mentions are told of different journeys.

    Raises:
        RunError: the names of their stages differ.
    """
    names = [tuple(stage.name for stage in each) for each in (before, now)]
    if names[0] != names[1]:
        raise RunError(
            f"the runs have different stages ({len(names[0])} and {len(names[1])}, "
            f"{len(set(names[0]) & set(names[1]))} of them shared); analyse both with the same settings"
        )
