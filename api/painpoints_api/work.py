"""The work on one job: its folder, its steps, its progress. What the steps do is not known here.

A step writes into an empty folder, which is renamed and hashed when it is whole, and only then
recorded. A job that starts again takes over every step whose record has the same fingerprint and
whose folder still has the same hash; folder names carry the claim's token, so that two claimants
never write to one place.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from painpoints_api import jobs
from painpoints_api.database import Database, is_passing, patiently
from painpoints_api.jobs import Claim, Step
from painpoints_api.settings import ServiceSettings

_PATIENCE_S = 300.0  # how long a write of the job waits for a database that is away
_PROGRESS_S = 0.5  # progress within a step is recorded at most this often


class TryAgainError(Exception):
    """A step did not succeed, but may later; the message is shown, so it quotes no customer."""


class Work:
    """One claimed job under way."""

    def __init__(self, settings: ServiceSettings, database: Database, claim: Claim) -> None:
        self.settings = settings
        self.database = database
        self.claim = claim
        self.at = "start"
        self._said = 0.0
        self._ready = patiently(lambda: jobs.steps(database, claim.job_id), seconds=_PATIENCE_S)

    @property
    def folder(self) -> Path:
        """Return where the job keeps its files."""
        return job_folder(self.settings, self.claim.job_id)

    def step(self, name: str, made_of: Mapping[str, Any], make: Callable[[Path], None]) -> Path:
        """Return the folder of a step's output; `make` fills it unless it is there already.

        Raises:
            LeaseLostError: when the job is another's by now.
        """
        self.say(name)
        wanted = _fingerprint(name, made_of)
        known = self._ready.get(name)
        if known is not None and known.fingerprint == wanted and self._is_whole(known):
            return self.folder / known.output
        return self._make(name, wanted, make)

    def _is_whole(self, step: Step) -> bool:
        folder = self.folder / step.output
        return folder.is_dir() and tree_sha256(folder) == step.output_sha256

    def _make(self, name: str, wanted: str, make: Callable[[Path], None]) -> Path:
        since = time.monotonic()
        output = f"{name}-{self.claim.token}"
        rough = self.folder / f"{output}.tmp"
        shutil.rmtree(rough, ignore_errors=True)
        rough.mkdir(parents=True)
        make(rough)
        step = Step(wanted, output, tree_sha256(rough))
        shutil.rmtree(self.folder / output, ignore_errors=True)
        rough.replace(self.folder / output)
        seconds = time.monotonic() - since
        patiently(
            lambda: jobs.step_ready(self.database, self.claim, name, step, seconds=seconds),
            seconds=_PATIENCE_S,
        )
        self._ready[name] = step
        return self.folder / output

    def sha256(self, name: str) -> str:
        """Return the hash of a ready step's output, for the fingerprint of the next."""
        return self._ready[name].output_sha256

    def unfinished(self, name: str) -> Path:
        """Return the folder of what a step has done so far, for a later attempt to go on from.

        That of an earlier attempt is renamed, so whoever was at it has nowhere left to write.
        """
        own = self.folder / f"{name}-{self.claim.token}"
        for earlier in self.folder.glob(f"{name}-*"):
            if earlier != own:
                shutil.rmtree(own, ignore_errors=True)
                earlier.replace(own)
        return own

    def say(self, step: str, done: int = 0, total: int = 0) -> None:
        """Record what is under way; a database that is away is not waited for.

        Raises:
            LeaseLostError: when the job is another's by now.
        """
        moment = time.monotonic()
        if step == self.at and moment - self._said < _PROGRESS_S:
            return
        self.at, self._said = step, moment
        try:
            jobs.say_progress(self.database, self.claim, step, done, total)
        except DBAPIError as error:
            if not is_passing(error):
                raise


def job_folder(settings: ServiceSettings, job_id: str) -> Path:
    """Return where a job keeps its files."""
    return settings.data.absolute() / "runs" / job_id


def tidy(settings: ServiceSettings, job_id: str, *, keep: str | None) -> None:
    """Remove an ended job's files, all but the folder named `keep`."""
    folder = job_folder(settings, job_id)
    if keep is None:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name != keep:
            shutil.rmtree(path, ignore_errors=True)


def tree_sha256(folder: Path) -> str:
    """Return one hash of all files under `folder`, their names and bytes."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(os.fsencode(path.relative_to(folder)) + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _fingerprint(name: str, made_of: Mapping[str, Any]) -> str:
    told = json.dumps([name, made_of], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()
