"""Single texts: labelled at once, by the models that analyses use."""

from typing import TYPE_CHECKING

from fastapi import APIRouter

from painpoints_api.callers import ScoreCaller
from painpoints_api.problems import ProblemError, documented
from painpoints_api.ranking import labels as named
from painpoints_api.routes.results import open_run
from painpoints_api.schemas import ScoredMention, ScoreIn, ScoreOut
from painpoints_api.service import Serving
from painpoints_api.splits import TopicPart, part_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

router = APIRouter(prefix="/v1", tags=["scoring"])


@router.post("/score", responses=documented(401, 403, 404, 409, 413, 422, 429, 503))
def score(service: Serving, caller: ScoreCaller, asked: ScoreIn) -> ScoreOut:
    """Label the mentions of texts; personal data is masked in what comes back. Nothing is kept."""
    limits = service.settings
    if len(asked.texts) > limits.max_texts:
        raise ProblemError(413, f"{len(asked.texts):,} texts, {limits.max_texts:,} allowed")
    longest = max(len(one.text) for one in asked.texts)
    if longest > limits.max_text_chars:
        raise ProblemError(
            413, f"a text of {longest:,} characters, {limits.max_text_chars:,} allowed"
        )
    run, labels = None, dict[str, str]()
    parts: Mapping[str, Sequence[TopicPart]] = {}
    if asked.analysis_id is not None:
        found = open_run(service, caller, asked.analysis_id)
        run = found.run
        labels = named(service.slices, run, found.decided)
        parts = found.decided.edits.parts
    mentions = service.scorers.score([one.known() for one in asked.texts], run)
    for row in mentions if parts else ():
        row["topic_id"] = part_of(parts, row.get("topic_id") or "", row["text"]) or None
    return ScoreOut(
        mentions=[
            ScoredMention(
                **{name: row.get(name) for name in ScoredMention.model_fields if name in row},
                text_id=asked.texts[row["text_index"]].id,
                topic_label=labels.get(row.get("topic_id") or ""),
                **{name: None for name in _TOPIC_FIELDS if name not in row},
            )
            for row in mentions
        ]
    )


_TOPIC_FIELDS = ("topic_id", "topic_prob", "reason")
