"""`make bench-api`: how quick the service is, under load from a second process.

python -m tests.benchmark.service                  a run of 1,000,000 mentions
python -m tests.benchmark.service 100000           of another size

The server is one process on one core (the last one); the load comes from this process, on raw
connections that are kept open, so that it is not the load that is measured.
"""

import argparse
import http.client
import itertools
import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlencode

import numpy as np

SECONDS = 5.0
TEXTS = (
    "The app crashes whenever I open a photo",
    "Delivery took three weeks and nobody answered my mails",
    "Friendly staff, but the queue at the till is far too long",
    "I wish I could pay by invoice",
    "Set-up was easy and it simply works",
)


def main(n_mentions: int) -> None:
    """Print a table of figures."""
    print(f"{_machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"load average before: {os.getloadavg()[0]:.1f}\n")
    print("| what | connections | requests/s | p50 ms | p95 ms | p99 ms | CPU ms/request |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for quality in ("fast", "accurate"):
            _floor(f"floor: one text without HTTP, {quality}", _ALONE, quality)
            with _server(Path(folder) / quality, quality) as server:
                for connections in (1, 16):
                    _tell(f"floor: /healthz beside {quality}", server, connections, _alive)
                for connections in (1, 16):
                    _tell(f"/score, one text, {quality}", server, connections, _score)
                _tell(f"/score, 32 texts, {quality}", server, 1, _score_many)
                print(f"| memory after that, {quality} | | {_peak_mb(server[1]):,.0f} MB | | | | |")
        data = Path(folder) / "slices"
        analysis_id = _lay_out(data, n_mentions)
        _floor("floor: mentions of a slice counted without HTTP", _COUNTED, str(data))
        with _server(data, None) as server:
            base = f"/v1/analyses/{analysis_id}"
            _tell(
                "journey map, not changed (304)",
                server,
                4,
                _unchanged(server[0], f"{base}/journey-map"),
            )
            _tell("journey map", server, 4, lambda _n: ("GET", f"{base}/journey-map", b"", {}))
            _tell(
                "/stages, whole run, asked again",
                server,
                4,
                lambda _n: ("GET", f"{base}/stages", b"", {}),
            )
            for name, path in (
                ("pain points", f"{base}/stages/delivery/pain-points"),
                ("stages", f"{base}/stages"),
                ("mentions", f"{base}/mentions"),
            ):
                _tell(f"slice: {name}", server, 1, _slice(path))
            _tell("slice: pain points", server, 4, _slice(f"{base}/stages/use/pain-points"))
            print(
                f"| memory after that, {n_mentions:,} mentions | | {_peak_mb(server[1]):,.0f} MB | | | |"
            )


_ALONE = """
from painpoints_api.engine import PackagedEngine
scorer = PackagedEngine().scorer(None, sys.argv[1])
def ask(n):
    scorer.score([{"verbatim": f"The app crashes whenever I open a photo, order {n}"}])
"""
_COUNTED = """
from pathlib import Path
from painpoints_api import slices
run = next(Path(sys.argv[1]).glob("runs/*/index-1"))
held = slices.opened(run, memory_mb=500)
opened = held.__enter__()
def ask(n):
    where, values = opened._where(run, slices.Filters(score_min=n / 100), slices.Edits())
    sql = f"SELECT count(*) FROM read_parquet($run) AS s WHERE {where}"
    opened._rows(sql, {"run": str(run / slices.TABLE), **values})
"""
_TIMED = """
import sys, time
import numpy as np
{asking}
for n in range(20):
    ask(n)
times, used = [], time.process_time()
while sum(times) < {ms}:
    since = time.perf_counter()
    ask(len(times))
    times.append((time.perf_counter() - since) * 1e3)
used = (time.process_time() - used) * 1e3 / len(times)
p50, p95, p99 = np.percentile(times, (50, 95, 99))
print(f"| {{1e3 * len(times) / sum(times):,.0f}} | {{p50:.1f}} | {{p95:.1f}} | {{p99:.1f}} | {{used:.1f}} |")
"""


def _floor(what: str, asking: str, argument: str) -> None:
    """Print a row of what the same work costs in a process of its own, on the server's core."""
    core = max(os.sched_getaffinity(0))
    program = _TIMED.format(asking=asking, ms=SECONDS * 1e3)
    done = subprocess.run(
        ["taskset", "-c", str(core), sys.executable, "-c", program, argument],
        env={**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    print(f"| {what} | 1 {done.stdout.strip()}", flush=True)


def _alive(_number: int) -> "Request":
    return "GET", "/healthz", b"", {}


def _machine() -> str:
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    found = re.search(r"model name\s*: (.*)", told)
    return found.group(1) if found else platform.machine()


# -- the server --------------------------------------------------------------------------------


@contextmanager
def _server(data: Path, quality: str | None) -> Iterator[tuple[int, int]]:
    """Start a server and wait until it is ready; yield its port and process id."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    environment |= (
        {"PAINPOINTS_SERVE_SCORE_QUALITY": quality}
        if quality
        else {"PAINPOINTS_SERVE_WARM_MODELS": "false"}
    )
    core = max(os.sched_getaffinity(0))
    command = [
        sys.executable,
        "-m",
        "painpoints",
        "serve",
        "--port",
        "0",
        "--workers",
        "0",
        "--data",
        str(data),
    ]
    server = subprocess.Popen(
        ["taskset", "-c", str(core), *command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    told = re.search(r":(\d+)$", server.stdout.readline().strip())
    assert told is not None
    port = int(told.group(1))
    try:
        while (
            _ask(
                http.client.HTTPConnection("127.0.0.1", port, timeout=60),
                ("GET", "/readyz", b"", {}),
            )
            != 200
        ):
            threading.Event().wait(0.2)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait()


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")


def _peak_mb(pid: int) -> float:
    told = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"VmHWM:\s+(\d+) kB", told)
    assert found is not None
    return int(found.group(1)) / 1e3


def _lay_out(data: Path, n_mentions: int) -> str:
    """Write a run of invented feedback as if it had been analysed; return the analysis' id."""
    from painpoints_api import database as databases
    from painpoints_api import keys, slices
    from painpoints_api.database import Database
    from painpoints_api.records import Analysis, Job, new_id, now
    from painpoints_api.service import LOCAL_PROJECT
    from tests.api.fakes import write_run

    data.mkdir(parents=True)
    database = Database(f"sqlite:///{data / 'painpoints.db'}")
    databases.upgrade(database)
    job_id, analysis_id = new_id("job"), new_id("an")
    folder = data / "runs" / job_id / "index-1"
    folder.mkdir(parents=True)
    since = perf_counter()
    write_run(folder, n_people=int(n_mentions / 2))
    laid = perf_counter()
    slices.build(folder, memory_mb=500)
    with database.write() as session:
        project = keys.project(session, LOCAL_PROJECT)
        session.add(
            Job(
                id=job_id,
                project_id=project.id,
                kind="analysis",
                payload={},
                max_attempts=1,
                status="done",
                ended_at=now(),
            )
        )
        session.flush()
        session.add(
            Analysis(
                id=analysis_id,
                project_id=project.id,
                job_id=job_id,
                title="bench",
                settings={},
                upload_ids=[],
                run="index-1",
                counts={},
            )
        )
    database.close()
    size = (folder / slices.TABLE).stat().st_size / 1e6
    print(
        f"| (invented in {laid - since:.0f} s; table for slices made in {perf_counter() - laid:.1f} s, {size:.0f} MB) | | | | | |"
    )
    return analysis_id


# -- the load ----------------------------------------------------------------------------------

Request = tuple[str, str, bytes, dict[str, str]]


def _ask(connection: http.client.HTTPConnection, request: Request) -> int:
    method, path, body, headers = request
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _tell(
    what: str, server: tuple[int, int], connections: int, request: Callable[[int], Request]
) -> None:
    """Print a row: ask over so many connections for a while."""
    port, pid = server
    numbers = itertools.count()
    times: list[float] = []
    _ask(http.client.HTTPConnection("127.0.0.1", port, timeout=60), request(next(numbers)))
    began, used = perf_counter(), _cpu_ms(pid)

    def asking() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while perf_counter() - began < SECONDS:
            since = perf_counter()
            status = _ask(connection, request(next(numbers)))
            times.append((perf_counter() - since) * 1e3)
            assert status in {200, 304}, status
        connection.close()

    threads = [threading.Thread(target=asking) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, each = perf_counter() - began, (_cpu_ms(pid) - used) / len(times)
    p50, p95, p99 = np.percentile(times, (50, 95, 99))
    print(
        f"| {what} | {connections} | {len(times) / seconds:,.0f} | {p50:.1f} | {p95:.1f} | {p99:.1f} | {each:.1f} |",
        flush=True,
    )


def _score(number: int) -> Request:
    text = f"{TEXTS[number % len(TEXTS)]}, order {number}"
    return _post("/v1/score", {"texts": [{"text": text}]})


def _score_many(number: int) -> Request:
    texts = [f"{TEXTS[n % len(TEXTS)]}, order {number} of {n}" for n in range(32)]
    return _post("/v1/score", {"texts": [{"text": text} for text in texts]})


def _post(path: str, body: Any) -> Request:
    return "POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"}


def _unchanged(port: int, path: str) -> Callable[[int], Request]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    tag = answer.headers["ETag"]
    return lambda _number: ("GET", path, b"", {"If-None-Match": tag})


def _slice(path: str) -> Callable[[int], Request]:
    """Ask for a slice that was not asked for before."""
    dice = random.Random(0)

    def request(_number: int) -> Request:
        cut: list[tuple[str, str]] = [("score_min", f"{dice.uniform(0, 4):.6f}")]
        cut += [
            ("channel", channel) for channel in dice.sample(["app", "web", "phone", "store"], 2)
        ]
        if dice.random() < 0.5:
            cut.append(("segment.plan", "pro"))
        if dice.random() < 0.3:
            cut.append(("since", "2026-02-01"))
        return "GET", f"{path}?{urlencode(cut)}", b"", {}

    return request


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How quick the service is, under load.")
    parser.add_argument("mentions", nargs="?", type=int, default=1_000_000, help="of the run")
    main(parser.parse_args().mentions)
