"""The job of an analysis: gather the uploads, analyse them, index the run, make it seen.

The last is one transaction that names the run's folder, ends the job and announces the result:
before it nothing of the run is visible, after it all of it is.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from painpoints.errors import InputError
from painpoints_api import jobs, slices, uploads, webhooks
from painpoints_api.database import patiently
from painpoints_api.ranking import Decided
from painpoints_api.records import Analysis, TopicEdit, Upload
from painpoints_api.work import Work, job_folder

if TYPE_CHECKING:
    from painpoints_api.engine import Engine

KIND = "analysis"
_PATIENCE_S = 300.0


def analyse(work: Work) -> str:
    """Do the whole job; return the name of the folder that is to be kept."""
    engine: Engine = work.settings.engine(work.settings.settings_file)
    analysis, files = _asked(work)
    gathered = work.step(
        "gather",
        {f.id: f.sha256 for f in files},
        lambda folder: uploads.lay_out(work.settings, files, folder),
    )
    inputs = sorted(gathered.iterdir())
    earlier = _earlier(work, analysis)
    made_of = {
        "inputs": work.sha256("gather"),
        "engine": engine.fingerprint(analysis.settings),
        "continues": None if earlier is None else f"{analysis.continues}/{earlier.name}",
    }
    analysed = work.step(
        "analyse",
        made_of,
        lambda folder: engine.analyse(
            inputs,
            analysis.settings,
            folder,
            work.say,
            continues=earlier,
            parts=work.unfinished("parts"),
        ),
    )
    made_of = {"analyse": work.sha256("analyse"), "index": slices.VERSION}
    indexed = work.step("index", made_of, lambda folder: _index(analysed, folder, work))
    news = patiently(lambda: _news(work, indexed), seconds=_PATIENCE_S)
    patiently(lambda: _publish(work, analysis.id, indexed, news), seconds=_PATIENCE_S)
    return indexed.name


def _asked(work: Work) -> tuple[Analysis, list[Upload]]:
    with work.database.read() as session:
        analysis = session.get_one(Analysis, work.claim.payload["analysis_id"])
        found = {
            row.id: row
            for row in session.scalars(select(Upload).where(Upload.id.in_(analysis.upload_ids)))
        }
    gone = [upload_id for upload_id in analysis.upload_ids if upload_id not in found]
    if gone:
        raise InputError(f"uploads were removed before they were analysed: {', '.join(gone)}")
    return analysis, [found[upload_id] for upload_id in analysis.upload_ids]


def _earlier(work: Work, analysis: Analysis) -> Path | None:
    """Return the run whose topics are to be kept.

    Raises:
        InputError: when it was removed since the analysis was asked for.
    """
    if analysis.continues is None:
        return None
    with work.database.read() as session:
        other = session.get(Analysis, analysis.continues)
    if other is None or other.run is None:
        raise InputError(
            "the analysis whose topics were to be kept was removed; ask again, with `continues`"
        )
    return job_folder(work.settings, other.job_id) / other.run


def _index(analysed: Path, folder: Path, work: Work) -> None:
    """Lay the run out anew, with the table that slices are read from."""
    for path in analysed.iterdir():
        uploads.link(path, folder / path.name)
    slices.build(folder, memory_mb=work.settings.query_memory_mb)


def _news(work: Work, indexed: Path) -> list[webhooks.News]:
    """Return what is to be told of the run, as analysts name, merge, hide and watch its topics."""
    with work.database.read() as session:
        mine = select(TopicEdit).where(TopicEdit.project_id == work.claim.project_id)
        decided = Decided({edit.topic_id: edit for edit in session.scalars(mine)})
    with slices.opened(indexed, memory_mb=work.settings.query_memory_mb) as asked:
        return webhooks.news(asked, indexed, decided)


def _publish(work: Work, analysis_id: str, indexed: Path, news: list[webhooks.News]) -> None:
    with work.database.write() as session:
        jobs.finish(session, work.claim)
        analysis = session.get_one(Analysis, analysis_id)
        analysis.run = indexed.name
        analysis.counts = _counts(indexed)
        webhooks.announce(session, analysis, news)


def _counts(run: Path) -> dict[str, Any]:
    """Return the few numbers that a list of analyses shows."""
    journey = json.loads((run / "journey_map.json").read_text(encoding="utf-8"))
    names = ("n_feedback", "n_people", "n_mentions", "left_out", "without_topic", "no_stage")
    return {name: journey.get(name) for name in names}
