"""How much a second worker helps: the passes over parts on a Dask cluster of one worker, and of two.

python -m tests.benchmark.distributed [verbatims]

Each pass is made after the workers have loaded their models, so the start of the cluster does not count.
"""

import sys
import tempfile
from pathlib import Path
from time import perf_counter

import polars as pl

from painpoints import readers
from painpoints.config import load
from painpoints.distribute import Dask, PartFiles
from painpoints.parts import Reader
from tests.benchmark.volume import write_export


def main() -> None:
    """Print seconds of masking and reading by one worker and by two, and their ratio."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    reader = Reader(load(None, {"quality": "fast", "scale": {"part_rows": 2_500}}))
    with tempfile.TemporaryDirectory() as folder:
        feedback = readers.read([write_export(Path(folder) / "export.csv", n)]).feedback
        seconds = {k: _passes(reader, feedback, Path(folder) / str(k), k) for k in (1, 2)}
    print(
        f"{n:,} verbatims, masked and read: {seconds[1]:.1f} s by one worker, {seconds[2]:.1f} s by"
    )
    print(f"two: {seconds[1] / seconds[2]:.2f} times as quick")


def _passes(reader: Reader, feedback: pl.DataFrame, folder: Path, workers: int) -> float:
    engine = Dask(None, workers)
    for name, rows in (("warm", feedback.head(5_000 * workers)), ("whole", feedback)):
        own = folder / name
        own.mkdir(parents=True)
        began = perf_counter()
        parts = PartFiles(reader, rows, _silent, str(own), engine)
        parts.mask({})
        parts.read()
        took = perf_counter() - began
    engine.close()
    return took


def _silent(step: str, done: int, total: int) -> None:
    """Tell nobody."""


if __name__ == "__main__":
    main()
