"""Webhooks: what is told, once each, signed, and again until it is received."""

import contextlib
import hashlib
import hmac
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from tests.api.fakes import write_run
from tests.api.site import Site, wait_for

from painpoints.errors import InputError
from painpoints_api import database as databases
from painpoints_api import slices, webhooks
from painpoints_api.database import Database
from painpoints_api.ranking import Decided
from painpoints_api.records import Delivery, Job, TopicEdit, Webhook
from painpoints_api.work import TryAgainError

EVENTS = ["analysis.finished", "issue.emerging", "topic.detractor"]
WATCHED = {"watched": True}


def decided(**edits: dict[str, Any]) -> Decided:
    """Return decisions about topics."""
    return Decided({name: TopicEdit(topic_id=name, **edit) for name, edit in edits.items()})


class Receiver(HTTPServer):
    """Takes in what is sent; answers 503 as often as `n_failures` says, then 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.n_failures = 0


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((dict(self.headers.items()), body))
        fails = len(self.server.received) <= self.server.n_failures
        self.send_response(503 if fails else 204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver that is listening."""
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Yield a site whose webhooks may go to this machine."""
    url = f"sqlite:///{tmp_path / 'data' / 'painpoints.db'}"
    database = Database(url)
    databases.upgrade(database)
    with Site.opened(tmp_path, url, database, webhooks_to_private=True) as opened:
        yield opened
    database.close()


def test_finished_analysis_is_told_until_received(site: Site, receiver: Receiver) -> None:
    """The event arrives signed, again after a refusal, and the delivery is noted as done."""
    receiver.n_failures = 1
    with site.database.write() as session:
        session.add(
            Webhook(
                id="wh1",
                project_id="p1",
                url=f"http://127.0.0.1:{receiver.server_port}/hook?x=1",
                events=["analysis.finished"],
                secret="s3cret",  # noqa: S106 - of a test
            )
        )
    job_id = site.ask()
    site.start_worker()
    site.ended(job_id)

    def delivered() -> Delivery | None:
        with site.database.read() as session:
            return session.scalars(
                select(Delivery).where(Delivery.delivered_at.is_not(None))
            ).one_or_none()

    delivery = wait_for(delivered, what="the delivery")
    assert delivery.status_code == 204
    assert len(receiver.received) == 2
    headers, body = receiver.received[1]
    at, given = (part.split("=")[1] for part in headers["Painpoints-Signature"].split(","))
    wanted = hmac.new(b"s3cret", f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    assert given == wanted
    told = json.loads(body)
    assert (told["event"], told["analysis_id"]) == (
        "analysis.finished",
        site.analysis(job_id).id,
    )
    assert told["id"] == delivery.id


def put(site: Site, port: int) -> Delivery:
    """Put an event on its way to a port of this machine."""
    url = f"http://127.0.0.1:{port}/"
    webhook = Webhook(id=f"wh{port}", project_id="p1", url=url, events=EVENTS, secret="x")  # noqa: S106 - of a test
    with site.database.write() as session:
        session.add(webhook)
        webhooks._put(session, webhook, EVENTS[0], "x", {})
        return session.scalars(select(Delivery).where(Delivery.webhook_id == webhook.id)).one()


def test_deliveries_and_analyses_do_not_wait_for_each_other(site: Site, receiver: Receiver) -> None:
    """News arrive while an analysis takes long, and an analysis is done while a receiver does."""
    site.hold("read")
    site.ask()
    worker = site.start_worker()
    site.begun("read")
    put(site, receiver.server_port)
    wait_for(lambda: receiver.received, what="the news")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        slow = put(site, silent.getsockname()[1])
        with silent.accept()[0]:
            children = psutil.Process(worker.pid).children()
            newest = max(children, key=lambda child: child.create_time())
            site.kill(newest.pid, signal.SIGSTOP)
            site.release("read")
            site.ended(site.ask())
            assert site.job(slow.job_id).status == "running"


def test_news_of_a_run(tmp_path: Path) -> None:
    """Emerging pains are told each, and watched topics of which unhappy people speak."""
    run = tmp_path / "run"
    run.mkdir()
    write_run(run, n_people=200)
    found = pl.read_parquet(run / "findings.parquet")
    pain = found.filter(kind="pain_point")["finding_id"][0]
    found.with_columns(
        trend=pl.when(finding_id=pl.lit(pain)).then(pl.lit("rising")).otherwise(pl.lit("unchanged"))
    ).write_parquet(run / "findings.parquet")
    slices.build(run, memory_mb=300)
    with slices.opened(run, memory_mb=300) as opened:
        news = webhooks.news(opened, run, decided(t04=WATCHED, nothing=WATCHED))
        part = {"topic_id": "t04~1", "label": "Weeks", "words": ["week"]}
        split = decided(**{"t04": {"parts": [part]}, "t04~1": WATCHED})
        of_part = webhooks.news(opened, run, split)[-1]
        merged = {"t01": {"merged_into": "t04"}, "t07": {"merged_into": "t04", **WATCHED}}
        (both,) = webhooks.news(opened, run, decided(t04=WATCHED, **merged))[2:]
        assert webhooks.news(opened, run, decided(**merged))[2:] == [both]
    assert [(one.event, one.source) for one in news] == [
        ("analysis.finished", ""),
        ("issue.emerging", pain),
        ("topic.detractor", "t04"),
    ]
    of_any = pl.read_parquet(run / "slices.parquet").filter(pl.col("score") <= 6)
    unhappy = of_any.filter(topic_id="t04")
    assert news[2].detail["n_people"] == unhappy["person"].n_unique() > 0
    json.dumps([one.detail for one in news])
    weeks = unhappy.filter(pl.col("text").str.contains(r"(?i)\bweek"))
    joined = of_any.filter(pl.col("topic_id").is_in(["t01", "t04", "t07"]))
    assert both.source == "t04"
    assert both.detail["n_people"] == joined["person"].n_unique() > news[2].detail["n_people"]
    assert of_part.source == "t04~1"
    assert 0 < of_part.detail["n_people"] == weeks["person"].n_unique() < news[2].detail["n_people"]


def test_what_emerges_is_told_as_analysts_see_it(tmp_path: Path) -> None:
    """An issue has the name and the topic that it counts for; what is hidden is not told."""
    run = tmp_path / "run"
    run.mkdir()
    write_run(run, n_people=200)
    found = pl.read_parquet(run / "findings.parquet")
    found.with_columns(trend=pl.lit("rising")).write_parquet(run / "findings.parquet")
    slices.build(run, memory_mb=300)

    def emerging(**edits: dict[str, Any]) -> set[tuple[str, str]]:
        news = webhooks.news(opened, run, decided(**edits))
        told = [one.detail for one in news if one.event == "issue.emerging"]
        return {(detail["topic_id"], detail["label"]) for detail in told}

    with slices.opened(run, memory_mb=300) as opened:
        as_found = dict(emerging())
        assert as_found.keys() > {"t01", "t04"}
        assert dict(emerging(t04={"label": "Late"})) == as_found | {"t04": "Late"}
        assert dict(emerging(t04={"hidden": True})).keys() == as_found.keys() - {"t04"}
        left = {topic_id: label for topic_id, label in as_found.items() if topic_id != "t01"}
        into = {"merged_into": "t04"}
        assert dict(emerging(t01=into)) == left
        assert dict(emerging(t01=into, t04={"label": "Late"})) == left | {"t04": "Late"}
        assert emerging(t01=into, t04={"hidden": True}) == {*left.items()} - {("t04", left["t04"])}


def test_long_news_are_told_apart(site: Site) -> None:
    """What begins alike is still told each, and the same once, however long its name."""
    with site.database.write() as session:
        session.add(
            Webhook(id="wh1", project_id="p1", url="http://127.0.0.1:9/", events=EVENTS, secret="x")  # noqa: S106 - of a test
        )
    analysis = site.analysis(site.ask())
    long = [webhooks.News("issue.emerging", f"{'x' * 300}{n}", {}) for n in range(2)]
    with site.database.write() as session:
        webhooks.announce(session, analysis, long)
    with pytest.raises(IntegrityError), site.database.write() as session:
        webhooks.announce(session, analysis, long[:1])
    with site.database.read() as session:
        assert len(session.scalars(select(Delivery)).all()) == 2


def test_only_wanted_events_are_sent(site: Site) -> None:
    """A webhook hears of the events that it asked for, and only of its project's."""
    with site.database.write() as session:
        for number, events in enumerate((["analysis.finished"], ["topic.detractor"], EVENTS)):
            session.add(
                Webhook(
                    id=f"wh{number}",
                    project_id="p1",
                    url="http://127.0.0.1:9/",
                    events=events,
                    secret="x",  # noqa: S106 - of a test
                )
            )
        session.add(TopicEdit(project_id="p1", topic_id="t04", watched=True, edited_by="me"))
    job_id = site.ask(200)
    site.start_worker()
    site.ended(job_id)
    with site.database.read() as session:
        sent = {(row.webhook_id, row.event) for row in session.scalars(select(Delivery))}
        kinds = set(session.scalars(select(Job.kind)))
    assert sent == {
        ("wh0", "analysis.finished"),
        ("wh1", "topic.detractor"),
        ("wh2", "analysis.finished"),
        ("wh2", "topic.detractor"),
    }
    assert kinds == {"analysis", "delivery"}


def test_private_networks_are_not_reached() -> None:
    """The address behind a name is checked when it is connected to, not only its text."""
    for host in ("localhost", "127.0.0.1"):
        with pytest.raises(InputError, match="private"):
            webhooks._post(f"https://{host}/x", b"{}", {}, private=False)


@pytest.mark.parametrize("drop", [b"x", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_receiver_that_drips_is_left(drop: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery is bounded as a whole, however often a byte of the answer comes."""
    monkeypatch.setattr(webhooks, "_WHOLE_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_drip, args=(listening, drop))
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        since = time.monotonic()
        with pytest.raises(TryAgainError, match="not reached"):
            webhooks._post(url, b"{}", {}, private=True)
        assert time.monotonic() - since < 10
        thread.join()


def _drip(listening: socket.socket, drop: bytes) -> None:
    """Answer one connection bit by bit, until it ends or for a long time."""
    connection, _ = listening.accept()
    with connection, contextlib.suppress(OSError):
        for _ in range(400):
            connection.sendall(drop)
            time.sleep(0.05)


@pytest.mark.parametrize("body", [b"{}", b""])
def test_signature_covers_time_and_body(body: bytes) -> None:
    """Another time, body or secret gives another signature."""
    signed = webhooks.sign("a", body, at=1)
    assert signed.startswith("t=1,v1=")
    others = (webhooks.sign("a", body, at=2), webhooks.sign("a", body + b"x", at=1))
    assert signed.split("v1=")[1] not in {o.split("v1=")[1] for o in others}
    assert signed != webhooks.sign("b", body, at=1)
