"""`make bench`: how long and how much memory the main job takes, beside floors of the same run.

python -m tests.benchmark             10,000 verbatims
python -m tests.benchmark 1000 10000  other sizes
"""

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

_FLOOR = """
import sys, time, csv
began = time.perf_counter()
texts = [row[-1] for row in csv.reader(open(sys.argv[1], encoding="utf-8"))][1:]
read = time.perf_counter() - began
from painpoints import bundle
from painpoints.encode import Encoder
encoder = Encoder.load(bundle.part("encoder-fast"))
began = time.perf_counter()
encoder.encode(texts)
print(read, time.perf_counter() - began)
"""


def main(sizes: list[int]) -> None:
    """Print one table row per size."""
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, painpoints {version('painpoints')}"
    )
    print(
        f"{'verbatims':>10} {'seconds':>8} {'peak MB':>8} {'csv floor':>10} {'encode floor':>13} {'ratio':>6}"
    )
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            export = write_export(Path(folder) / f"{size}.csv", size)
            seconds, peak, steps = analyse(export, Path(folder) / f"out{size}")
            read, encode = floor(export)
            ratio = seconds / (read + encode)
            print(
                f"{size:>10,} {seconds:>8.1f} {peak:>8.0f} {read:>10.2f} {encode:>13.2f} {ratio:>6.1f}"
            )
            print("           " + ", ".join(f"{name} {took:.1f}" for name, took in steps.items()))


def analyse(export: Path, out: Path) -> tuple[float, float, dict[str, float]]:
    """Run the main job cold in its own process; return wall seconds, peak MB, seconds per step."""
    command = [sys.executable, "-m", "painpoints", "analyze", str(export), "-o", str(out), "--json"]
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


def floor(export: Path) -> tuple[float, float]:
    """Return the seconds of the bare parse and of the bare encoder over the same texts."""
    done = subprocess.run(
        [sys.executable, "-c", _FLOOR, str(export)], capture_output=True, text=True, check=True
    )
    read, encode = done.stdout.split()
    return float(read), float(encode)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]] or [10_000])
