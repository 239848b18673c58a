"""The job of a training: the project's corrections as a table, and the analysts' own command on it.

The service does not know how training is done: it calls `painpoints train` and `painpoints models`,
the same that an analyst calls, and tells what they tell.
"""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from painpoints.errors import InputError
from painpoints_api import jobs
from painpoints_api.database import patiently
from painpoints_api.discreet import without_paths
from painpoints_api.records import Job, LabelCorrection
from painpoints_api.work import Work

KIND = "training"
FIELDS = ("stage", "touchpoint", "sentiment", "type", "severity")
_TOLD = ("part", "version", "against", "findings", "own", "compared", "fallen")
_PATIENCE_S = 300.0


def train(work: Work) -> None:
    """Train a version from the corrections of the job's project; it waits to be promoted.

    Raises:
        InputError: when there are no corrections, or the command refuses them.
    """
    work.say("gather")
    with work.database.read() as session:
        rows = corrections(session, work.claim.project_id)
    if not rows:
        raise InputError("this project has no corrected labels yet; see /v1/labels")
    work.folder.mkdir(parents=True, exist_ok=True)
    labels = work.folder / f"labels-{work.claim.token}.csv"
    with labels.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, ("text", *FIELDS), restval="")
        table.writeheader()
        table.writerows(rows)
    work.say("train", 0, len(rows))
    quality = work.claim.payload["quality"]
    arguments = ["train", str(labels), *(["--quality", quality] if quality else [])]
    told = command(arguments, settings=work.settings.settings_file)
    result = {name: told.get(name) for name in _TOLD} | {"n_rows": len(rows)}
    patiently(lambda: _finish(work, result), seconds=_PATIENCE_S)


def _finish(work: Work, result: dict[str, Any]) -> None:
    with work.database.write() as session:
        jobs.finish(session, work.claim)
        session.get_one(Job, work.claim.job_id).result = result


def corrections(session: Session, project_id: str) -> list[dict[str, str]]:
    """Return a project's corrected texts, each with the newest label of each field.

    Mentions that say the same count as one: with two labels the training would refuse them all.
    """
    query = (
        select(LabelCorrection)
        .where(LabelCorrection.project_id == project_id, LabelCorrection.field.in_(FIELDS))
        .order_by(LabelCorrection.id)
    )
    rows: dict[str, dict[str, str]] = {}
    for one in session.scalars(query):
        rows.setdefault(_alike(one.mention_text), {"text": one.mention_text})[one.field] = one.after
    return list(rows.values())


def _alike(text: str) -> str:
    """Return what texts have in common that differ in case and spaces only, as the training sees it."""
    return " ".join(text.lower().split())


def command(
    arguments: Sequence[str], *, settings: Path | None, seconds: float | None = None
) -> Any:
    """Run one of the analysts' commands by a settings file; return what it prints as JSON.

    Raises:
        InputError: with what the command says, when it refuses or takes longer than `seconds`.
    """
    return json.loads(order([*arguments, "--json"], settings=settings, seconds=seconds))


def order(
    arguments: Sequence[str], *, settings: Path | None, seconds: float | None = None
) -> bytes:
    """Run one of the analysts' commands by a settings file; return what it prints.

    Raises:
        InputError: with what the command says, when it refuses or takes longer than `seconds`.
    """
    by = [] if settings is None else ["--settings", str(settings)]
    try:
        done = subprocess.run(  # noqa: S603 - our own command; names of versions are of a pattern
            [sys.executable, "-m", "painpoints", *arguments, *by],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"it took longer than {seconds:g} s; ask again") from error
    if done.returncode != 0:
        said = " ".join(done.stderr.decode("utf-8", "replace").split())
        found = _findings(done.stdout)
        told = without_paths(f"{said[-1000:]}{found}", Path.cwd())
        raise InputError(told or "the command broke")
    return done.stdout


def _findings(printed: bytes) -> str:
    """Return what is wrong with the labels, as a refused command prints it; they quote no text."""
    try:
        found = json.loads(printed)["findings"]
    except (ValueError, KeyError, TypeError):
        return ""
    return ": " + "; ".join(re.sub(r"^labels-\d+\.csv: ", "", str(one)) for one in found[:10])
