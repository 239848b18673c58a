"""The same three passes over many parts, by processes of this machine or by a Dask cluster.

A large run is cut into parts of fixed size, each a few files in a folder beside the results. A task
names files, never carries data; workers load the trained parts from disk and keep them. What a task
writes is named after everything that it was made from, and counts once its marker (its last file)
stands: so a run that was broken off goes on where it stopped, with the same bytes. The folder may
be any that fsspec knows; what is found between the passes is `pipeline`'s affair.
"""

import hashlib
import io
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from painpoints import bundle, redact
from painpoints.classify import Classified, Priors, Vectors
from painpoints.config import RankSettings, ReportSettings, Settings, TopicSettings
from painpoints.errors import RunError, SettingsError
from painpoints.labeller import Told
from painpoints.parts import Parts, Reader, Reading, Rows, Sample, Whole, sampled, share
from painpoints.topics import TopicModel

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

LEAST_PARTS = 3
"""Fewer parts than this are not worth the start of workers: one process reads them as a whole."""

ENGINES = ("local", "dask")

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Of each worker: there are as many of them as cores, and sums do not depend on the machine."""


@dataclass(frozen=True, slots=True)
class Task:
    """One pass over one part: what to do, and the names of files in `folder`.

    settings: in force, as JSON.
    source:   stem of what it reads.
    target:   stem of what it writes; `target.json` stands once all of it does.
    found:    file with what was found between the passes, if the pass needs it.
    """

    what: str
    settings: str
    folder: str
    source: str
    target: str
    found: str = ""


def perform(task: Task) -> dict[str, Any]:
    """Do one task, in whatever process, and return what its marker says.

    On one thread: sums taken by several end in other last bits, and results must not tell how they
    were made.
    """
    from threadpoolctl import threadpool_limits

    store = Store(task.folder)
    with threadpool_limits(limits=1):
        said = {"mask": _mask, "read": _read, "label": _label}[task.what](store, task)
    store.write_json(f"{task.target}.json", said)
    return said


@lru_cache(maxsize=1)
def _reader(settings: str) -> Reader:
    """Return the reader of this process, loaded once."""
    return Reader(Settings.model_validate_json(settings))


def _mask(store: "Store", task: Task) -> dict[str, Any]:
    masked = _reader(task.settings).mask(store.read_table(f"{task.source}.parquet"))
    store.write_table(f"{task.target}.parquet", masked.feedback)
    return {
        "rows": masked.feedback.height,
        "counts": dict(masked.counts),
        "before": dict(masked.before),
        "values": masked.values,
    }


def _read(store: "Store", task: Task) -> dict[str, Any]:
    found = store.read_json(task.found)
    numbers = {(kind, number): whole for kind, number, whole in found["numbers"]}
    feedback = redact.renumbered(store.read_table(f"{task.source}.parquet"), numbers)
    reading = _reader(task.settings).read(feedback, _silent)
    rows = sampled(reading.mentions, found["share"])
    store.write_table(f"{task.target}.feedback.parquet", feedback)
    store.write_table(f"{task.target}.mentions.parquet", reading.mentions)
    store.write_array(f"{task.target}.vectors.npy", reading.vectors)
    store.write_array(f"{task.target}.sample.npy", rows)
    for label, given in reading.given.items():
        store.write_array(f"{task.target}.{label}.npy", given)
    return {
        "rows": feedback.height,
        "mentions": reading.mentions.height,
        "labels": list(reading.given),
    }


def _label(store: "Store", task: Task) -> dict[str, Any]:
    arrays = store.read_arrays(task.found)
    priors = json.loads(str(arrays.pop("priors")))
    feedback, reading = store.read_reading(task.source)
    reader = _reader(task.settings)
    placed = reader.place(feedback, reading, priors, TopicModel.from_arrays(arrays))
    store.write_table(f"{task.target}.parquet", placed.mentions)
    return {
        "rows": feedback.height,
        "conflicts": dict(placed.conflicts),
        "unmapped": dict(placed.unmapped),
    }


def _silent(step: str, done: int, total: int) -> None:
    """Tell nobody."""


class Store:
    """A folder of tables and arrays, local or any other that fsspec knows."""

    def __init__(self, folder: str) -> None:
        from fsspec.core import url_to_fs

        self._fs: AbstractFileSystem
        self._fs, self._root = url_to_fs(folder)

    def make(self) -> None:
        """Make the folder, for its owner's eyes alone where the place knows owners."""
        self._fs.makedirs(self._root, exist_ok=True)
        if self._fs.protocol[0] == "file":
            Path(self._root).chmod(0o700)

    def clear(self) -> None:
        """Remove the folder with all that is in it."""
        if self._fs.exists(self._root):
            self._fs.rm(self._root, recursive=True)

    def has(self, name: str) -> bool:
        """Return whether there is such a file."""
        return bool(self._fs.exists(self._path(name)))

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the run's owner alone."""
        self._fs.pipe_file(self._path(name), content)

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        if self.has(name):
            self._fs.rm_file(self._path(name))

    def write_json(self, name: str, content: Any) -> None:
        """Write plain values."""
        self.write(name, json.dumps(content).encode())

    def read_json(self, name: str) -> Any:
        """Return plain values."""
        return json.loads(self._fs.cat_file(self._path(name)))

    def read_marker(self, name: str) -> dict[str, Any] | None:
        """Return what a finished task said; None if it is not there or was cut off."""
        if not self.has(name):
            return None
        try:
            said = self.read_json(name)
        except ValueError:
            return None
        return said if isinstance(said, dict) else None

    def write_table(self, name: str, frame: pl.DataFrame) -> None:
        """Write a table as Parquet."""
        with self._fs.open(self._path(name), "wb") as file:
            frame.write_parquet(file, compression="lz4")

    def read_table(self, name: str) -> pl.DataFrame:
        """Return a table."""
        with self._fs.open(self._path(name), "rb") as file:
            return pl.read_parquet(file)

    def write_array(self, name: str, array: np.ndarray[Any, Any]) -> None:
        """Write one array."""
        with self._fs.open(self._path(name), "wb") as file:
            np.save(file, array, allow_pickle=False)

    def read_array(self, name: str) -> np.ndarray[Any, Any]:
        """Return one array; on a local disk it is read where it lies."""
        local = Path(self._path(name))
        if local.is_file():
            found: np.ndarray[Any, Any] = np.load(local, mmap_mode="r", allow_pickle=False)
            return found
        with self._fs.open(self._path(name), "rb") as file:
            return np.asarray(np.load(file, allow_pickle=False))

    def read_arrays(self, name: str) -> dict[str, np.ndarray[Any, Any]]:
        """Return the arrays of an .npz file."""
        with np.load(io.BytesIO(self._fs.cat_file(self._path(name))), allow_pickle=False) as found:
            return dict(found)

    def read_reading(self, stem: str) -> tuple[pl.DataFrame, Reading]:
        """Return the feedback of a part and what was read of it."""
        labels = self.read_json(f"{stem}.json")["labels"]
        reading = Reading(
            self.read_table(f"{stem}.mentions.parquet"),
            self.read_array(f"{stem}.vectors.npy"),
            {label: self.read_array(f"{stem}.{label}.npy") for label in labels},
        )
        return self.read_table(f"{stem}.feedback.parquet"), reading

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


class Engine(Protocol):
    """Who performs tasks."""

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
        """Perform every task, and yield each with what it said as it is done.

        Raises:
            RunError: workers were lost for good; what is done is kept.
        """

    def close(self) -> None:
        """End the workers, or leave them, and give their memory back."""


class Processes:
    """As many processes of this machine as it has cores, one thread each; one is this process."""

    def __init__(self, workers: int) -> None:
        import joblib

        self._n = workers or joblib.cpu_count()

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
        """Perform every task, and yield each with what it said as it is done."""
        import joblib
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        with _environment(ONE_THREAD), joblib.parallel_config("loky", inner_max_num_threads=1):
            pool = joblib.Parallel(self._n, return_as="generator_unordered", batch_size=1)
            found = pool(joblib.delayed(_performed)(task) for task in tasks)
        try:
            for done in found:  # noqa: UP028 - `yield from` would close `found` before its time
                yield done
        except TerminatedWorkerError as error:
            raise RunError(
                "a worker process was killed, most likely for want of memory; --workers 1 needs "
                "less, and --resume goes on from here"
            ) from error
        finally:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # that tasks under way are given up
                found.close()

    def close(self) -> None:
        """End the processes, and give their memory back."""
        if self._n == 1:
            return
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)


class Dask:
    """The workers of a Dask cluster: one that runs, or one of this machine for this run."""

    def __init__(self, scheduler: str | None, workers: int) -> None:
        """Connect to the scheduler, or start a cluster on the loopback address.

        Raises:
            RunError: Dask is not installed, or the scheduler does not answer.
        """
        try:
            import dask
            from distributed import Client, LocalCluster
        except ImportError as error:
            raise RunError("Dask is not installed; pip install 'painpoints[dask]'") from error
        import joblib

        self._closing = ExitStack()
        setup = {
            "distributed.scheduler.allowed-failures": 10,
            "distributed.nanny.pre-spawn-environ": ONE_THREAD,
        }
        self._closing.enter_context(dask.config.set(setup))
        try:
            where = scheduler or self._closing.enter_context(
                LocalCluster(
                    n_workers=workers or joblib.cpu_count(),
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address=None,
                )
            )
            self._client = self._closing.enter_context(Client(where))
        except (OSError, TimeoutError) as error:
            self._closing.close()
            raise RunError(
                f"the Dask scheduler {scheduler} does not answer: {error}; is it running there?"
            ) from error

    def run(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
        """Perform every task, and yield each with what it said as it is done."""
        from distributed import as_completed
        from distributed.client import FutureCancelledError
        from distributed.scheduler import KilledWorker

        futures = self._client.map(_performed, tasks, pure=False, retries=3)
        try:
            for future in as_completed(futures):
                yield future.result()
        except (KilledWorker, FutureCancelledError, OSError) as error:
            raise RunError(
                f"the Dask cluster lost the work ({type(error).__name__}); --resume goes on from here"
            ) from error

    def close(self) -> None:
        """Leave the cluster, and end it if it was started for this run."""
        self._closing.close()


def _performed(task: Task) -> tuple[Task, dict[str, Any]]:
    return task, perform(task)


@contextmanager
def _environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Set variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class PartFiles:
    """The `Parts` of a large run: files in a folder, worked through by an engine."""

    def __init__(
        self, reader: Reader, feedback: pl.DataFrame, tell: Told, folder: str, engine: Engine
    ) -> None:
        self._feedback = feedback
        self._tell = tell
        self._folder = folder
        self._store = Store(folder)
        self._engine = engine
        self._settings = _portable(reader.settings)
        self._made_by = _digest(self._settings, reader.versions, version("painpoints"))
        self._starts = range(0, feedback.height, reader.settings.scale.part_rows)
        self._stems: list[str] = []
        self._numbers: list[redact.Numbers] = []
        self._ends = np.zeros(0, np.int64)

    def mask(self, after: Mapping[str, int]) -> tuple[pl.DataFrame, Mapping[str, int]]:
        """Return all feedback without personal data, and how much of each kind was masked."""
        tasks = []
        for number, start in enumerate(self._starts):
            content = _parquet(self._feedback[start : start + self._starts.step])
            made_of = _digest(self._made_by, hashlib.sha256(content).hexdigest())
            source, target = _stem(number, "raw", made_of), _stem(number, "mask", made_of)
            if self._store.read_marker(f"{target}.json") is None:
                self._store.write(f"{source}.parquet", content)
            tasks.append(self._task("mask", source, target))
        said = self._perform("redact", tasks)
        for task in tasks:
            self._store.remove(f"{task.source}.parquet")
        _, *numbers = redact.numbering(
            [after, *(s["before"] for s in said)], [(), *(_pairs(s["values"]) for s in said)]
        )
        self._feedback, self._numbers = self._renumbered(tasks, numbers), numbers
        self._stems = [task.target for task in tasks]
        counts = {kind: sum(s["counts"][kind] for s in said) for kind in said[0]["counts"]}
        return self._feedback, counts

    def _renumbered(self, tasks: Sequence[Task], numbers: Sequence[redact.Numbers]) -> pl.DataFrame:
        masked = (self._store.read_table(f"{task.target}.parquet") for task in tasks)
        return pl.concat(
            [redact.renumbered(m, n) for m, n in zip(masked, numbers, strict=True)], rechunk=True
        )

    def read(self) -> Sample:
        """Cut all feedback into mentions, read them, and return the sample."""
        self._tell("segment", 0, 0)
        chosen = share(self._feedback.height)
        tasks = []
        for number, (source, numbers) in enumerate(zip(self._stems, self._numbers, strict=True)):
            found = {"share": chosen, "numbers": [(*key, n) for key, n in numbers.items()]}
            target = _stem(number, "read", _digest(source, found))
            self._store.write_json(f"{target}.found", found)
            tasks.append(self._task("read", source, target, f"{target}.found"))
        said = self._perform("encode", tasks)
        self._stems = [task.target for task in tasks]
        self._ends = np.cumsum([s["mentions"] for s in said])
        return self._sample()

    def _sample(self) -> Sample:
        """Return the sample of all parts."""
        rows, feedback, readings = [], [], []
        for stem, start in zip(self._stems, [0, *self._ends[:-1]], strict=True):
            own = np.asarray(self._store.read_array(f"{stem}.sample.npy"))
            said, reading = self._store.read_reading(stem)
            chosen = reading.at(own)
            rows.append(own + start)
            feedback.append(said.join(chosen.mentions, on="feedback_id", how="semi"))
            readings.append(chosen)
        together = Reading(
            pl.concat([r.mentions for r in readings], rechunk=True),
            np.concatenate([r.vectors for r in readings]),
            {
                label: np.concatenate([r.given[label] for r in readings])
                for label in readings[0].given
            },
        )
        return Sample(np.concatenate(rows), pl.concat(feedback, rechunk=True), together)

    def label(self, priors: Priors, model: TopicModel) -> Classified:
        """Return all mentions with labels and topics."""
        arrays: dict[str, Any] = model.to_arrays() | {"priors": np.array(json.dumps(priors))}
        content = io.BytesIO()
        np.savez(content, **arrays)
        made_of = _digest({name: array.tobytes().hex() for name, array in arrays.items()})
        found = f"model-{made_of}.npz"
        self._store.write(found, content.getvalue())
        tasks = [
            self._task("label", stem, _stem(number, "label", _digest(stem, made_of)), found)
            for number, stem in enumerate(self._stems)
        ]
        said = self._perform("topics", tasks)
        self._engine.close()
        placed = [self._store.read_table(f"{task.target}.parquet") for task in tasks]
        return Classified(
            mentions=pl.concat(placed, rechunk=True),
            priors=priors,
            conflicts=_summed([s["conflicts"] for s in said]),
            unmapped=_summed([s["unmapped"] for s in said]),
        )

    def vectors(self, rows: Rows) -> Vectors:
        """Return the vectors of these mentions."""
        part = np.searchsorted(self._ends, rows, side="right")
        starts = np.array([0, *self._ends[:-1]])
        blocks = []
        for number in np.unique(part) if part.size else (0,):  # no row has a width too
            vectors = self._store.read_array(f"{self._stems[number]}.vectors.npy")
            blocks.append(vectors[rows[part == number] - starts[number]])
        return np.concatenate(blocks)

    def _task(self, what: str, source: str, target: str, found: str = "") -> Task:
        return Task(what, self._settings, self._folder, source, target, found)

    def _perform(self, step: str, tasks: Sequence[Task]) -> list[dict[str, Any]]:
        """Perform the tasks that are not done yet; return what all of them said, in order."""
        said = {task.target: self._store.read_marker(f"{task.target}.json") for task in tasks}
        left = [task for task in tasks if said[task.target] is None]
        total = self._starts.stop
        done = sum(found["rows"] for found in said.values() if found is not None)
        self._tell(step, done, total)
        for task, found in self._engine.run(left) if left else ():
            said[task.target] = found
            done += found["rows"]
            self._tell(step, done, total)
        return [found for found in said.values() if found is not None]


def _portable(settings: Settings) -> str:
    """Return as JSON what a part is worked through by.

    The folder of own models is as seen from any working folder; what is decided between the passes
    or after them is left out, so that changing it spoils no part.
    """
    own = bundle.own_models(settings.models)
    later = {"topics": TopicSettings(), "rank": RankSettings(), "report": ReportSettings()}
    portable = settings.model_copy(update={"models": own and own.resolve(), **later})
    return portable.model_dump_json()


def _parquet(frame: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.write_parquet(content, compression="lz4")
    return content.getvalue()


def _digest(*made_of: Any) -> str:
    plain = json.dumps(made_of, sort_keys=True, default=dict)
    return hashlib.blake2b(plain.encode(), digest_size=10).hexdigest()


def _stem(number: int, what: str, made_of: str) -> str:
    return f"{number:05d}-{what}-{made_of}"


def _pairs(values: Sequence[Sequence[str]]) -> list[tuple[str, str]]:
    return [(kind, value) for kind, value in values]


def _summed(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    names = dict.fromkeys(name for found in counts for name in found)
    return {name: sum(found.get(name, 0) for found in counts) for name in names}


@dataclass(frozen=True, slots=True)
class How:
    """How a large run is worked through.

    engine:    local (processes of this machine) or dask.
    scheduler: address of a running Dask cluster; None starts one on this machine.
    workers:   processes; 0 for as many as cores.
    resume:    go on with the parts of a run that was broken off.
    parts:     folder, or URL that fsspec knows, for the parts; all workers must see it. None takes
               a hidden folder beside the results.
    """

    engine: str = "local"
    scheduler: str | None = None
    workers: int = 0
    resume: bool = False
    parts: str | None = None

    def start(self) -> "Processes | Dask":
        """Return the engine, started."""
        return (
            Dask(self.scheduler, self.workers) if self.engine == "dask" else Processes(self.workers)
        )


class Workshop:
    """Where the parts of one run are worked through; opened by `workshop`.

    folder: of the parts, as fsspec names it.
    begun:  whether the run is so large that it was cut.
    """

    def __init__(self, folder: str, how: How) -> None:
        self.folder = folder
        self.begun = False
        self._how = how
        self._closing = ExitStack()

    def __call__(self, reader: Reader, feedback: pl.DataFrame, tell: Told) -> Parts:
        """Return the parts of a run: files for a large one, else the whole in memory."""
        if feedback.height < LEAST_PARTS * reader.settings.scale.part_rows:
            return Whole(reader, feedback, tell)
        self.begun = True
        Store(self.folder).make()
        engine = self._how.start()
        self._closing.callback(engine.close)
        return PartFiles(reader, feedback, tell, self.folder, engine)

    def close(self) -> None:
        """End the workers; the files stay."""
        self._closing.close()


def parts_folder(out: Path, among: str | None = None) -> str:
    """Return the folder for the parts of a run saved in `out`: beside it, or in the folder `among`.

    It is the run's alone, emptied and removed with all that is in it; what else `among` holds stays.
    """
    name = f".{out.name}.parts"
    return str((out.parent / name).resolve()) if among is None else f"{among.rstrip('/')}/{name}"


@contextmanager
def workshop(out: Path, how: How) -> Iterator[Workshop]:
    """Yield what says in how many parts a run is worked through that will be saved in `out`.

    The parts lie in their folder until the block ends well. Those of a run that was broken off are
    gone on with to `resume`, else removed.

    Raises:
        SettingsError: there is no such engine.
    """
    if how.engine not in ENGINES:
        raise SettingsError(f"--engine {how.engine}: it is one of {', '.join(ENGINES)}")
    folder = how.parts or parts_folder(out)
    if not how.resume:
        Store(folder).clear()
    opened = Workshop(folder, how)
    with closing(opened):
        yield opened
    Store(folder).clear()
