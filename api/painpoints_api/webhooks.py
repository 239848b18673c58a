"""Telling others what happened: each event is signed and sent by a job until it is received."""

import contextlib
import hashlib
import hmac
import http.client
import ipaddress
import json
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from painpoints.errors import InputError
from painpoints_api import jobs
from painpoints_api.ranking import Decided, labels
from painpoints_api.records import Analysis, Delivery, Webhook, new_id, now
from painpoints_api.slices import Slices
from painpoints_api.work import TryAgainError, Work

KIND = "delivery"
FINISHED, EMERGING, DETRACTOR = "analysis.finished", "issue.emerging", "topic.detractor"
SIGNATURE = "Painpoints-Signature"
_MAX_ATTEMPTS = 8
_TOLD = ("finding_id", "stage", "label", "topic_id", "reach", "trend", "trend_before", "trend_now")
_TIMEOUT_S, _WHOLE_S = 10.0, 20.0
"""Without a byte, and of all that is said once connected."""


@dataclass(frozen=True, slots=True)
class News:
    """Something worth telling; `source` tells it apart from others of the same analysis."""

    event: str
    source: str
    detail: dict[str, Any]


def announce(session: Session, analysis: Analysis, news: Sequence[News]) -> None:
    """Put news on their way to every webhook of the project that wants them, once each."""
    wanting = session.scalars(
        select(Webhook).where(Webhook.project_id == analysis.project_id)
    ).all()
    for one in news:
        body = {"event": one.event, "analysis_id": analysis.id, "title": analysis.title}
        source = f"{analysis.id}/{one.event}/{hashlib.sha256(one.source.encode()).hexdigest()}"
        for webhook in wanting:
            if one.event in webhook.events:
                _put(session, webhook, one.event, source, {**body, **one.detail})


def news(slices: Slices, run: Path, decided: Decided) -> list[News]:
    """Return what a finished run has to tell: that it is there, what emerges, who is unhappy."""
    watched = [topic_id for topic_id, edit in decided.topics.items() if edit.watched]
    unhappy = [
        News(DETRACTOR, row["topic_id"], row)
        for row in slices.detractors(run, watched, decided.edits)
    ]
    return [News(FINISHED, "", {}), *_emerging(slices, run, decided), *unhappy]


def _emerging(slices: Slices, run: Path, decided: Decided) -> list[News]:
    """Return what emerges, under the names and topics that it counts for; nothing that is hidden."""
    edits, names = decided.edits, labels(slices, run, decided)
    told = []
    for row in slices.findings(run):
        emerges = row["kind"] == "pain_point" and row["trend"] in {"new", "rising"}
        topic_id = edits.merged.get(row["topic_id"], row["topic_id"])
        if emerges and edits.hidden.isdisjoint({row["topic_id"], topic_id}):
            named = {"topic_id": topic_id, "label": names.get(topic_id, row["label"])}
            detail = {name: row[name] for name in _TOLD} | named
            told.append(News(EMERGING, row["finding_id"], detail))
    return told


def _put(session: Session, webhook: Webhook, event: str, source: str, body: dict[str, Any]) -> None:
    delivery_id = new_id("dl")
    job = jobs.put(
        session, webhook.project_id, KIND, {"delivery_id": delivery_id}, max_attempts=_MAX_ATTEMPTS
    )
    session.add(
        Delivery(
            id=delivery_id,
            project_id=webhook.project_id,
            webhook_id=webhook.id,
            job_id=job.id,
            event=event,
            source=source,
            body={"id": delivery_id, **body},
        )
    )


def deliver(work: Work) -> None:
    """Send one event; what is not received is tried again later.

    Raises:
        TryAgainError: when the receiver is away or does not answer with 2xx.
        InputError: when the receiver's address is not allowed.
    """
    work.say("send")
    delivery_id = work.claim.payload["delivery_id"]
    with work.database.read() as session:
        delivery = session.get(Delivery, delivery_id)
        webhook = session.get(Webhook, delivery.webhook_id) if delivery is not None else None
    if delivery is None or webhook is None:
        raise InputError("the webhook was removed")
    body = json.dumps(delivery.body, sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        "Painpoints-Event": delivery.event,
        SIGNATURE: sign(webhook.secret, body, at=int(time.time())),
    }
    status = _post(webhook.url, body, headers, private=work.settings.webhooks_to_private)
    if not 200 <= status < 300:
        raise TryAgainError(f"the receiver answered {status}")
    with work.database.write() as session:
        sent = session.get_one(Delivery, delivery_id)
        sent.status_code, sent.delivered_at = status, now()
        jobs.finish(session, work.claim)


def sign(secret: str, body: bytes, *, at: int) -> str:
    """Return the signature header: `t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>" in hex>`."""
    told = str(at).encode() + b"." + body
    return f"t={at},v1={hmac.new(secret.encode(), told, hashlib.sha256).hexdigest()}"


def check_url(url: str, *, private: bool) -> None:
    """Check that a webhook may be sent to `url`, as far as its text tells.

    Raises:
        InputError: when it is no https address (http is allowed where private addresses are).
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise InputError("url is not an address") from error
    if not re.fullmatch(r"[\x21-\x7e]+", url):
        raise InputError("url must be of ASCII without spaces: %20 in paths, xn-- in hosts")
    schemes = ("https", "http") if private else ("https",)
    if parts.scheme not in schemes or not host or parts.username or port == 0:
        raise InputError(f"url must be an address that begins with {' or '.join(schemes)}://")


def _post(url: str, body: bytes, headers: dict[str, str], *, private: bool) -> int:
    """Send `body`; the address that is checked is the one connected to."""
    check_url(url, private=private)
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        address = _resolve(host, port, private=private)
        connection = _connect(parts.scheme, host, port, address)
        with contextlib.closing(connection), _ending(connection.sock):
            connection.request("POST", path, body=body, headers=headers)
            return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise TryAgainError(f"the receiver was not reached ({type(error).__name__})") from error


@contextlib.contextmanager
def _ending(opened: socket.socket) -> Iterator[None]:
    """End a connection that lasts longer than `_WHOLE_S`, whatever still drips in."""
    timer = threading.Timer(_WHOLE_S, _shut, (opened,))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _shut(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended just now
        socket.socket.shutdown(opened, socket.SHUT_RDWR)  # not TLS's own: another thread reads it


def _resolve(host: str, port: int, *, private: bool) -> str:
    found = {info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    addresses = sorted(str(address) for address in found)
    allowed = [a for a in addresses if private or ipaddress.ip_address(a).is_global]
    if not allowed:
        raise InputError("the webhook's host is an address of a private network")
    return allowed[0]


def _connect(scheme: str, host: str, port: int, address: str) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    plain = socket.create_connection((address, port), timeout=_TIMEOUT_S)
    if scheme == "https":
        connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    else:
        connection.sock = plain
    return connection
