"""The API: what it answers, to whom, and what it refuses; on a run of invented feedback."""

import asyncio
import errno
import io
import itertools
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import polars as pl
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError
from starlette.formparsers import MultiPartParser
from tests.api.fakes import FakeEngine, FakeScorer, write_run
from tests.api.listening import listening

from painpoints_api import child, jobs, keys, service, slices, webhooks
from painpoints_api import database as databases
from painpoints_api.app import create
from painpoints_api.callers import Caller
from painpoints_api.database import Database
from painpoints_api.paging import cursor
from painpoints_api.records import (
    Analysis,
    Audit,
    Delivery,
    Job,
    LabelCorrection,
    Project,
    TopicEdit,
    now,
)
from painpoints_api.routes import topics as topic_routes
from painpoints_api.routes.analyses import _looked, read_analysis
from painpoints_api.service import Answers
from painpoints_api.settings import ServiceSettings
from painpoints_api.work import Work, job_folder

HOST = {"Host": "127.0.0.1"}


class Api:
    """The service in this process, with as many keys as a test makes."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        chosen: dict[str, Any] = {"data": folder / "data", "engine": FakeEngine, **settings}
        self.settings = ServiceSettings(**chosen)
        self.client = TestClient(create(self.settings), base_url="http://127.0.0.1")
        self.beside: Database | None = None

    @property
    def database(self) -> Database:
        """Open the service's database beside it."""
        self.beside = self.beside or Database(self.settings.database_url)
        return self.beside

    def key(self, *scopes: str, project: str = "default", **more: Any) -> dict[str, str]:
        """Make a key; return the header that carries it."""
        with self.database.write() as session:
            made = {"expires_at": None, **more}
            row, key = keys.create(session, "test", scopes=scopes, projects=[project], **made)
            assert row.id
        return {"Authorization": f"Bearer {key}"}

    def finish(self, analysis_id: str, *, n_people: int = 300, **run: Any) -> None:
        """Let an analysis be done, with a run of invented feedback."""
        with self.database.write() as session:
            analysis = session.get_one(Analysis, analysis_id)
            job = session.get_one(Job, analysis.job_id)
            folder = job_folder(self.settings, job.id) / "index-1"
            folder.mkdir(parents=True)
            write_run(folder, n_people=n_people, title=analysis.title, **run)
            slices.build(folder, memory_mb=300)
            analysis.run, job.status, job.ended_at = folder.name, "done", now()

    def analysed(self, **more: Any) -> str:
        """Return the id of an analysis that is done."""
        asked = self.client.post("/v1/analyses", json={"rows": [{"comment": "late"}]})
        assert asked.status_code == 202, asked.text
        analysis_id: str = asked.json()["id"]
        self.finish(analysis_id, **more)
        return analysis_id


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """Yield the service as one finds it on one's own machine: no key needed."""
    opened = Api(tmp_path)
    with opened.client:
        yield opened


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[Api]:
    """Yield the service as others reach it: every request needs a key."""
    opened = Api(tmp_path, require_key=True, requests_per_minute=30)
    with opened.client:
        yield opened


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, str]]:
    """Yield a client and the id of a finished analysis, for tests that only read."""
    opened = Api(tmp_path_factory.mktemp("done"))
    with opened.client:
        yield opened.client, f"/v1/analyses/{opened.analysed()}"


def is_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Check that an answer is a problem document; return it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["status"] == status
    assert told["title"]
    return told


# -- asking for analyses -----------------------------------------------------------------------


def test_rows_become_a_queued_analysis(api: Api) -> None:
    """Rows as JSON are kept as a file and queued; the answer says where to look."""
    wanted = {"title": "Q2", "rows": [{"comment": "late", "nps": 3}], "columns": {"score": "nps"}}
    answer = api.client.post("/v1/analyses", json=wanted)
    assert answer.status_code == 202
    told = answer.json()
    assert (told["state"], told["title"]) == ("queued", "Q2")
    assert told["settings"] == {"report": {"title": "Q2"}, "columns": {"score": "nps"}}
    assert api.client.get(answer.headers["location"]).json() == told


def test_files_become_a_queued_analysis(api: Api) -> None:
    """Files as a form are kept under ids of ours, whatever their names say."""
    files = [
        ("files", ("../../etc/passwd.csv", b"comment\nlate\n")),
        ("files", ("b.csv.gz", b"x" * 10)),
    ]
    options = json.dumps({"quality": "accurate"})
    answer = api.client.post("/v1/analyses", files=files, data={"options": options})
    assert answer.status_code == 202, answer.text
    stored = sorted((api.settings.data / "uploads").rglob("*.*"))
    assert [path.suffixes[-1] for path in stored] == [".csv", ".gz"] or len(stored) == 2
    names = [item["file_name"] for item in api.client.get("/v1/uploads").json()["items"]]
    assert sorted(names) == ["b.csv.gz", "passwd.csv"]


def test_uploads_are_analysed_later(api: Api) -> None:
    """A file sent earlier is analysed by its id; it cannot be removed while that waits."""
    sent = api.client.post("/v1/uploads", files=[("files", ("a.csv", b"comment\nlate\n"))])
    assert sent.status_code == 201, sent.text
    upload_id = sent.json()["items"][0]["id"]
    answer = api.client.post("/v1/analyses", json={"upload_ids": [upload_id]})
    assert answer.json()["upload_ids"] == [upload_id]
    is_problem(api.client.delete(f"/v1/uploads/{upload_id}"), 409)
    api.client.delete(f"/v1/analyses/{answer.json()['id']}")
    assert api.client.delete(f"/v1/uploads/{upload_id}").status_code == 204
    assert not list((api.settings.data / "uploads").rglob("*.csv"))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"rows": []}, 422),
        ({"rows": [{"a": 1}], "upload_ids": ["up_1"]}, 422),
        ({"upload_ids": ["up_1"]}, 404),
        ({"rows": [{"a": 1}], "unknown": 1}, 422),
        ({"rows": [{"a": 1}], "columns": {"verbatims": "x"}}, 422),
        ({"rows": [{"a": {"b": 1}}]}, 422),
        ({"rows": [{"a": 1}], "models": "/etc"}, 422),
        ({"rows": [{"a": 1}], "title": "a\nb"}, 422),
    ],
)
def test_unusable_requests_are_refused(api: Api, body: dict[str, Any], status: int) -> None:
    """What cannot be done is refused with a reason, and nothing of it is kept."""
    is_problem(api.client.post("/v1/analyses", json=body), status)
    assert api.client.get("/v1/analyses").json()["items"] == []
    assert not list((api.settings.data / "uploads").rglob("*.*"))


def test_names_of_stages_are_plain(api: Api) -> None:
    """A stage's name stands in ids and paths: letters of any script, digits, few signs, not too many."""
    for name in ("Check-in & Lobby v1.0", "Lieferung_2", "ご利用"):
        wanted = {"rows": [{"a": "x"}], "journey": [{"name": name, "covers": ["use"]}]}
        assert api.client.post("/v1/analyses", json=wanted).status_code == 202, name
    for name in ("Check-in / Lobby", "a:b", "..", " ", "", "x\ny", "x" * 61):
        wanted = {"rows": [{"a": "x"}], "journey": [{"name": name, "covers": ["use"]}]}
        assert "body.journey.0.name" in is_problem(api.client.post("/v1/analyses", json=wanted), 422)["detail"]  # fmt: skip


def test_findings_of_any_stage_are_opened(api: Api) -> None:
    """Stages of a settings file may be named as one likes, with a slash too."""
    base = f"/v1/analyses/{api.analysed()}"
    table = next(api.settings.data.glob("runs/*/index-1/slices.parquet"))
    named = pl.col("stage").replace({"use": "in/out"})
    pl.read_parquet(table).with_columns(named).write_parquet(table)
    items = api.client.get(f"{base}/findings", params={"stage": "in/out"}).json()["items"]
    assert items
    listed = api.client.get(f"{base}/stages/in%2Fout/pain-points", params={"stage": "in/out"})
    assert listed.json()["items"] == [one for one in items if one["kind"] == "pain_point"]
    path = f"{base}/findings/{quote(items[0]['finding_id'], safe='')}"
    assert api.client.get(path, params={"stage": "in/out"}).json() == items[0]
    told = api.client.get(f"{path}/mentions", params={"stage": "in/out", "limit": 200}).json()
    assert len(told["items"]) == items[0]["n_mentions"]


def test_problems_do_not_repeat_what_was_sent(api: Api) -> None:
    """A refused value may be a customer's text, so it is not told back."""
    answer = api.client.post("/v1/analyses", json={"rows": [{"a": ["my secret"]}], "seed": "my x"})
    assert "my" not in is_problem(answer, 422)["detail"]


def test_unknown_and_empty_files_are_refused(api: Api) -> None:
    """A file of no known kind or without content is refused; files beside it are not kept."""
    for bad in (("a.exe", b"MZ"), ("a.csv", b""), ("noending", b"x")):
        files = [("files", ("good.csv", b"comment\nlate\n")), ("files", bad)]
        is_problem(api.client.post("/v1/analyses", files=files), 422)
    assert not list((api.settings.data / "uploads").rglob("*.*"))


def test_same_request_key_is_done_once(api: Api) -> None:
    """A request sent again with its Idempotency-Key gets the first answer; another one is refused."""
    wanted = {"rows": [{"comment": "late"}]}
    first = api.client.post("/v1/analyses", json=wanted, headers={"Idempotency-Key": "k1"})
    again = api.client.post("/v1/analyses", json=wanted, headers={"Idempotency-Key": "k1"})
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(api.client.get("/v1/analyses").json()["items"]) == 1
    assert len(list((api.settings.data / "uploads").rglob("*.jsonl"))) == 1
    other = {"rows": [{"comment": "other"}]}
    is_problem(api.client.post("/v1/analyses", json=other, headers={"Idempotency-Key": "k1"}), 422)


def test_list_pages_by_cursor(api: Api) -> None:
    """Pages join to the whole list, newest first, without a gap or a repeat."""
    ids = [
        api.client.post("/v1/analyses", json={"rows": [{"a": str(n)}]}).json()["id"]
        for n in range(5)
    ]
    seen: list[str] = []
    after: str | None = None
    while True:
        query = {"limit": 2, **({"after": after} if after else {})}
        page = api.client.get("/v1/analyses", params=query).json()
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == sorted(ids, reverse=True)
    is_problem(api.client.get("/v1/analyses", params={"after": "WzFd"}), 422)


def test_cancel_then_remove(api: Api) -> None:
    """Deleting ends what waits, then removes what ended; after that it is not there."""
    analysis_id = api.client.post("/v1/analyses", json={"rows": [{"a": "x"}]}).json()["id"]
    cancelled = api.client.delete(f"/v1/analyses/{analysis_id}")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert api.client.delete(f"/v1/analyses/{analysis_id}").status_code == 204
    is_problem(api.client.get(f"/v1/analyses/{analysis_id}"), 404)
    is_problem(api.client.delete(f"/v1/analyses/{analysis_id}"), 404)


def test_a_cancel_removes_nothing(keyed: Api) -> None:
    """What is queued or running is cancelled; what has ended is refused, and all of it stays."""
    header, reader = keyed.key("analyse", "read"), keyed.key("read")

    def cancel(analysis_id: str) -> httpx.Response:
        return keyed.client.post(f"/v1/analyses/{analysis_id}/cancel", headers=header)

    def asked() -> str:
        sent = keyed.client.post("/v1/analyses", json={"rows": [{"a": "x"}]}, headers=header)
        return str(sent.json()["id"])

    waiting = asked()
    is_problem(keyed.client.post(f"/v1/analyses/{waiting}/cancel", headers=reader), 403)
    is_problem(keyed.client.post(f"/v1/analyses/{waiting}/cancel", headers=keyed.key("admin", project="b")), 404)  # fmt: skip
    told = cancel(waiting)
    assert (told.status_code, told.json()["state"]) == (200, "cancelled")
    assert "cancelled" in is_problem(cancel(waiting), 409)["detail"]
    running = asked()
    claim = jobs.claim(keyed.database, "me", lease_s=600)
    assert claim is not None
    assert [cancel(running).json()["state"] for _ in range(2)] == ["running", "running"]
    assert jobs.keep(keyed.database, claim, lease_s=600)
    done = asked()
    keyed.finish(done)
    is_problem(cancel(done), 409)
    assert keyed.client.get(f"/v1/analyses/{done}/stages", headers=header).status_code == 200
    acts = keyed.client.get("/v1/audit", headers=keyed.key("admin")).json()["items"]
    assert [act["action"] for act in acts].count("analysis.cancel") == 3


def test_removed_analysis_leaves_no_files(api: Api) -> None:
    """Removing a finished analysis removes its run."""
    analysis_id = api.analysed()
    assert list((api.settings.data / "runs").rglob("*.parquet"))
    assert api.client.delete(f"/v1/analyses/{analysis_id}").status_code == 204
    assert not list((api.settings.data / "runs").rglob("*.parquet"))


def test_unfinished_analysis_has_no_results(api: Api) -> None:
    """Results of what is not finished are refused as such, not shown in part."""
    analysis_id = api.client.post("/v1/analyses", json={"rows": [{"a": "x"}]}).json()["id"]
    for path in ("journey-map", "stages", "topics", "mentions", "exports/csv"):
        is_problem(api.client.get(f"/v1/analyses/{analysis_id}/{path}"), 409)


def test_queue_is_bounded(tmp_path: Path) -> None:
    """A project cannot have more waiting analyses than its quota."""
    api = Api(tmp_path, quota_queued=2)
    with api.client:
        for _ in range(2):
            assert api.client.post("/v1/analyses", json={"rows": [{"a": "x"}]}).status_code == 202
        answer = api.client.post("/v1/analyses", json={"rows": [{"a": "x"}]})
        is_problem(answer, 429)
        assert answer.headers["retry-after"]


def test_bytes_are_bounded(tmp_path: Path) -> None:
    """Too large bodies are refused, told or chunked; quotas of rows and bytes hold."""
    api = Api(
        tmp_path, max_upload_bytes=20_000, max_body_bytes=5_000, quota_bytes=8_000, max_rows=10
    )
    with api.client as client:
        is_problem(client.post("/v1/analyses", json={"rows": [{"a": "x" * 6_000}]}), 413)
        is_problem(client.post("/v1/analyses", json={"rows": [{"a": "x"}] * 11}), 413)
        big = [("files", ("a.csv", b"x" * 30_000))]
        is_problem(client.post("/v1/analyses", files=big), 413)
        chunks = (b"x" * 1000 for _ in range(40))
        is_problem(
            client.post(
                "/v1/analyses", content=chunks, headers={"Content-Type": "application/json"}
            ),
            413,
        )
        over = [("files", ("a.csv", b"x" * 9_000))]
        is_problem(client.post("/v1/uploads", files=over), 413)
        assert client.get("/v1/uploads").json()["items"] == []
        rows = {"rows": [{"a": "x" * 3_000}]}
        told = [client.post("/v1/analyses", json=rows) for _ in range(3)]
        assert [answer.status_code for answer in told] == [202, 202, 413]
        assert len(list((api.settings.data / "uploads").rglob("*.jsonl"))) == 2


def test_only_files_may_be_large(tmp_path: Path) -> None:
    """A large body is taken where files are, whatever another one says of itself; a key is short."""
    api = Api(tmp_path, max_upload_bytes=20_000, max_body_bytes=5_000)
    as_form = {"Content-Type": "multipart/form-data; boundary=x"}
    with api.client as client:
        for path in ("/v1/score", "/v1/labels", "/v1/retrain", "/v1/uploads/check", "/sign-in"):
            is_problem(client.post(path, content=b"x" * 6_000, headers=as_form), 413)
        is_problem(client.post("/sign-in", data={"key": "x" * 4_500}), 413)
        for path, status in (("/v1/uploads", 201), ("/v1/analyses", 202)):
            files = [("files", ("a.csv", b"x" * 9_000))]
            assert client.post(path, files=files).status_code == status


def test_only_texts_may_be_long(api: Api) -> None:
    """What carries no rows, texts or files is short, however large those may be."""
    body = {"note": "x" * 1_500_000}
    for path in ("/v1/labels", "/v1/fixes", "/v1/uploads/check", "/v1/webhooks"):
        is_problem(api.client.post(path, json=body), 413)
    rows = {"rows": [{"comment": "x" * 1_500_000}]}
    assert api.client.post("/v1/analyses", json=rows).status_code == 202


def test_many_faults_are_told_in_few_words(api: Api) -> None:
    """A body of nothing but faults is refused shortly: some of them, and how many more there are."""
    for path, body in (
        ("/v1/score", {"texts": [1] * 60_000}),
        ("/v1/analyses", {"rows": [1] * 60_000}),
        ("/v1/analyses", {"rows": [{f"a{n}": [] for n in range(20_000)}]}),
    ):
        told = is_problem(api.client.post(path, json=body), 422)
        assert len(json.dumps(told)) < 2_000
        assert told["errors"]
    unknown = {f"a{n}": 1 for n in range(90)}
    told = is_problem(api.client.post("/v1/score", json={"texts": [{"text": "a"}], **unknown}), 422)
    assert len(told["errors"]) == 50
    assert told["detail"].endswith("and 40 more")


def test_a_flood_of_fields_is_refused_at_once(api: Api) -> None:
    """Unknown fields without end are counted, wherever they stand, and not told of one by one."""
    flood = {f"a{n}": 1 for n in range(50_000)}
    row = {"rows": [{"comment": "b"}]}
    for path, body in (
        ("/v1/score", {"texts": [{"text": "a"}], **flood}),
        ("/v1/score", {"texts": [{"text": "a", **flood}]}),
        ("/v1/analyses", {**row, **flood}),
        ("/v1/analyses", {**row, "columns": flood}),
        ("/v1/analyses", {**row, "journey": [{"name": "stay", **flood}]}),
    ):
        told = is_problem(api.client.post(path, json=body), 422)
        assert len(told["errors"]) == 1
        assert "more than 100 fields" in told["detail"]


@pytest.mark.parametrize("path", ["/v1/uploads", "/v1/analyses"])
def test_files_are_read_only_where_they_may_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Who may not send files, or has no room for them, is refused before they lie on any disk."""

    async def unread(_: MultiPartParser) -> None:
        raise AssertionError("the files were read")

    monkeypatch.setattr(MultiPartParser, "parse", unread)
    files = [("files", ("a.csv", b"x" * 9_000))]
    for settings, scope, status in (
        ({}, "read", 403),
        ({"quota_bytes": 8_000}, "analyse", 413),
        ({"min_free_bytes": 10**18}, "analyse", 507),
    ):
        api = Api(tmp_path / str(status), require_key=True, warm_models=False, **settings)
        with api.client as client:
            is_problem(client.post(path, files=files, headers=api.key(scope)), status)


def test_nearly_full_disk_takes_nothing(tmp_path: Path) -> None:
    """Files are refused before the disk is full."""
    api = Api(tmp_path, min_free_bytes=10**18)
    with api.client as client:
        is_problem(client.post("/v1/uploads", files=[("files", ("a.csv", b"a\nb\n"))]), 507)
        is_problem(client.post("/v1/analyses", json={"rows": [{"a": "x"}]}), 507)
        assert client.get("/readyz").json()["parts"]["disk"] == "fails: nearly full"


def test_events_tell_until_the_end(api: Api) -> None:
    """The stream says where the analysis stands and ends with it."""
    analysis_id = api.analysed()
    with api.client.stream("GET", f"/v1/analyses/{analysis_id}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    assert json.loads(lines[-1].removeprefix("data: "))["state"] == "done"


# -- keys --------------------------------------------------------------------------------------


def test_without_a_key_nothing_is_told(keyed: Api) -> None:
    """Every endpoint but health asks for a key, in words of the standard."""
    for path in ("/v1/analyses", "/v1/analyses/an_1", "/v1/queue", "/metrics", "/v1/audit"):
        answer = keyed.client.get(path)
        is_problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert keyed.client.get("/healthz").status_code == 200


def test_wrong_expired_and_revoked_keys_are_refused(keyed: Api) -> None:
    """Only a known key in its time opens anything."""
    good = keyed.key("read")
    assert keyed.client.get("/v1/analyses", headers=good).status_code == 200
    bearer = good["Authorization"]
    expired = keyed.key("read", expires_at=now() - timedelta(seconds=1))
    revoked = keyed.key("read")
    with keyed.database.write() as session:
        assert keys.revoke(session, revoked["Authorization"].split("_")[1])
    bad = (bearer[:-1] + ("a" if bearer[-1] != "a" else "b"), "Bearer pp_x_y", "Bearer nonsense")
    for header in ({"Authorization": value} for value in bad):
        is_problem(keyed.client.get("/v1/analyses", headers=header), 401)
    for header in (expired, revoked):
        is_problem(keyed.client.get("/v1/analyses", headers=header), 401)


def test_successors_of_a_key_live_as_long_as_it_was_to(keyed: Api) -> None:
    """A key rotated twice has two successors of its own lifetime, or of none; it ends once."""
    for lifetime in (timedelta(days=9), None):
        ends = None if lifetime is None else now() + lifetime
        header = keyed.key("read", expires_at=ends)
        key_id = header["Authorization"].split("_")[1]
        for keep in (timedelta(hours=1), timedelta(hours=24)):
            with keyed.database.write() as session:
                rotated = keys.rotate(session, key_id, keep=keep)
            assert rotated is not None
            made = rotated[0].expires_at
            assert (made is None) == (ends is None)
            assert made is None or ends is None or abs(made - ends) < timedelta(minutes=1)
        with keyed.database.read() as session:
            (told,) = (key for key in keys.listed(session) if key["id"] == key_id)
        assert told["state"] == "valid"
        assert told["expires_at"] < now() + timedelta(hours=2)
        assert keyed.client.get("/v1/analyses", headers=header).status_code == 200
        with keyed.database.write() as session:
            assert keys.revoke(session, key_id)
        is_problem(keyed.client.get("/v1/analyses", headers=header), 401)


def test_scopes_hold(keyed: Api) -> None:
    """A key does what its scopes say and nothing else; admin does all."""
    reader, scorer, admin = keyed.key("read"), keyed.key("score"), keyed.key("admin")
    text = {"texts": [{"text": "it crashes"}]}
    rows = {"rows": [{"a": "x"}]}
    is_problem(keyed.client.post("/v1/score", json=text, headers=reader), 403)
    is_problem(keyed.client.post("/v1/analyses", json=rows, headers=reader), 403)
    is_problem(keyed.client.get("/v1/analyses", headers=scorer), 403)
    is_problem(keyed.client.get("/v1/webhooks", headers=scorer), 403)
    assert keyed.client.post("/v1/score", json=text, headers=scorer).status_code == 200
    for path in ("/v1/analyses", "/v1/webhooks", "/metrics"):
        assert keyed.client.get(path, headers=admin).status_code == 200
    assert keyed.client.post("/v1/analyses", json=rows, headers=admin).status_code == 202


def test_other_projects_things_are_not_there(keyed: Api) -> None:
    """What belongs to another project is answered as if it did not exist, everywhere."""
    mine, other = keyed.key("admin", project="a"), keyed.key("admin", project="b")
    asked = keyed.client.post("/v1/analyses", json={"rows": [{"a": "x"}]}, headers=mine)
    analysis_id, upload_id = asked.json()["id"], asked.json()["upload_ids"][0]
    keyed.finish(analysis_id)
    base = f"/v1/analyses/{analysis_id}"
    for path in ("", "/stages", "/topics", "/mentions", "/exports/csv", "/events", "/journey-map"):
        is_problem(keyed.client.get(base + path, headers=other), 404)
    is_problem(keyed.client.delete(base, headers=other), 404)
    is_problem(keyed.client.delete(f"/v1/uploads/{upload_id}", headers=other), 404)
    is_problem(keyed.client.patch("/v1/topics/t04", json={"label": "x"}, headers=other), 404)
    body = {"upload_ids": [upload_id]}
    is_problem(keyed.client.post("/v1/analyses", json=body, headers=other), 404)
    label = {"analysis_id": analysis_id, "mention_id": "f1#1", "field": "stage", "label": "use"}
    is_problem(keyed.client.post("/v1/labels", json=label, headers=other), 404)
    assert keyed.client.get("/v1/analyses", headers=other).json()["items"] == []
    is_problem(keyed.client.get("/v1/analyses", headers={**other, "Painpoints-Project": "a"}), 404)


def test_too_many_requests_wait(keyed: Api) -> None:
    """A key may ask so often a minute; then it is told when to come back."""
    header = keyed.key("read")
    answers = [keyed.client.get("/v1/analyses", headers=header) for _ in range(32)]
    assert [a.status_code for a in answers].count(200) == 30
    is_problem(answers[-1], 429)
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert keyed.client.get("/v1/analyses", headers=keyed.key("read")).status_code == 200


def test_keys_are_kept_as_hashes(keyed: Api) -> None:
    """Neither a key nor its secret is in the database."""
    secret = keyed.key("read")["Authorization"].split("_", 2)[2]
    assert secret.encode() not in (keyed.settings.data / "painpoints.db").read_bytes()


def test_other_sites_pages_are_refused(api: Api) -> None:
    """A page elsewhere can neither name us otherwise nor post to us."""
    is_problem(api.client.get("/v1/analyses", headers={"Host": "evil.example"}), 400)
    is_problem(
        api.client.post("/v1/analyses", json={}, headers={"Origin": "http://evil.example"}), 403
    )
    is_problem(api.client.post("/v1/analyses", json={}, headers={"Origin": "http://["}), 403)
    own = {"Origin": "http://127.0.0.1"}
    rows = {"rows": [{"a": "x"}]}
    assert api.client.post("/v1/analyses", json=rows, headers=own).status_code == 202


# -- results -----------------------------------------------------------------------------------


def ranked(done: tuple[TestClient, str], stage: str, **cut: Any) -> list[dict[str, Any]]:
    """Return the pain points of a stage."""
    client, base = done
    answer = client.get(f"{base}/stages/{stage}/pain-points", params=cut)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_whole_run_is_ranked_by_the_engine(done: tuple[TestClient, str]) -> None:
    """Without filters the findings are those of the run."""
    items = ranked(done, "delivery")
    assert [item["basis"] for item in items] == ["run"] * len(items)
    assert items[0]["label"] == "Parcel arrives late"


def test_slice_counts_reconcile(done: tuple[TestClient, str]) -> None:
    """The channels' slices together hold as many mentions as all channels in one slice."""
    channels = ("app", "web", "phone", "store")
    whole = {i["finding_id"]: i["n_mentions"] for i in ranked(done, "delivery", channel=channels)}
    parts: dict[str, int] = {}
    for channel in channels:
        for item in ranked(done, "delivery", channel=channel):
            assert item["basis"] == "slice"
            parts[item["finding_id"]] = parts.get(item["finding_id"], 0) + item["n_mentions"]
    assert parts == whole


def test_slice_counts_people_once(done: tuple[TestClient, str]) -> None:
    """Reach counts people, not mentions, and its share is of the people of slice and stage."""
    client, base = done
    for item in ranked(done, "use", **{"segment.plan": "pro"}):
        mentions = client.get(
            f"{base}/findings/{item['finding_id']}/mentions",
            params={"segment.plan": "pro", "limit": 200},
        ).json()["items"]
        assert len(mentions) == item["n_mentions"]
        assert len({m["person"] for m in mentions}) == item["reach"]
        assert {m["segments"]["plan"] for m in mentions} == {"pro"}
        assert item["share"]["low"] <= item["share"]["value"] <= item["share"]["high"]


def test_slices_are_ranked_by_as_many_people_as_the_run(api: Api) -> None:
    """From how many people on a slice is ranked is what its run was made by, whoever said so."""
    for least in (5, 12):
        path = f"/v1/analyses/{api.analysed(min_people=least)}/findings"
        items = api.client.get(path, params={"channel": "app"}).json()["items"]
        assert {item["rank"] is not None for item in items} == {True, False}
        assert all((item["reach"] >= least) == (item["rank"] is not None) for item in items)


@pytest.mark.parametrize(
    ("cut", "holds"),
    [
        ({"channel": "app"}, lambda m: m["channel"] == "app"),
        ({"channel": ["app", "web"]}, lambda m: m["channel"] in {"app", "web"}),
        ({"touchpoint": "app"}, lambda m: m["touchpoint"] == "app"),
        ({"sentiment": "negative"}, lambda m: m["sentiment"] == "negative"),
        ({"score_min": 9}, lambda m: m["score"] >= 9),
        ({"score_max": 6}, lambda m: m["score"] <= 6),
        ({"since": "2026-03-01"}, lambda m: m["created_at"] >= "2026-03-01"),
        ({"until": "2026-03-01T00:00:00+02:00"}, lambda m: m["created_at"] < "2026-02-28T22"),
        ({"q": "CRASHES"}, lambda m: "crashes" in m["text"]),
        ({"q": "100% _ ' \" ; --"}, lambda _: False),
        ({"person": "p3"}, lambda m: m["person"] == "p3"),
        ({"segment.plan": "pro"}, lambda m: m["segments"]["plan"] == "pro"),
    ],
)
def test_filters_cut(done: tuple[TestClient, str], cut: dict[str, Any], holds: Any) -> None:
    """A slice holds exactly the mentions that its filter describes."""
    client, base = done
    everything = all_mentions(client, base)
    found = all_mentions(client, base, **cut)
    wanted = {m["mention_id"] for m in everything if holds(m)}
    assert {m["mention_id"] for m in found} == wanted


def all_mentions(client: TestClient, base: str, **cut: Any) -> list[dict[str, Any]]:
    """Return all mentions of a slice, page by page."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        query = {**cut, "limit": 200, **({"after": after} if after else {})}
        answer = client.get(f"{base}/mentions", params=query)
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        after = answer.json()["next"]
        if after is None:
            return found


def test_quotes_are_exact(done: tuple[TestClient, str]) -> None:
    """Every mention stands in its verbatim where it says; pages neither repeat nor miss one."""
    client, base = done
    found = all_mentions(client, base)
    assert all(m["verbatim"][m["start"] : m["end"]] == m["text"] for m in found)
    ids = [m["mention_id"] for m in found]
    assert len(ids) == len(set(ids))
    assert len(ids) == client.get(f"{base}/journey-map").json()["n_mentions"]


def test_unknown_names_are_refused(done: tuple[TestClient, str]) -> None:
    """Names of segments, stages, formats and findings come from lists, not from requests."""
    client, base = done
    quoted = {"segment.plan\" = '' OR 1=1 --": "x"}
    is_problem(client.get(f"{base}/mentions", params=quoted), 422)
    is_problem(client.get(f"{base}/stages/none'--/pain-points"), 404)
    is_problem(client.get(f"{base}/exports/exe"), 422)
    is_problem(client.get(f"{base}/exports/..%2f..%2fpainpoints.db"), 404)
    is_problem(client.get(f"{base}/findings/x"), 404)
    is_problem(client.get(f"{base}/mentions", params={"q": "a\x00b"}), 422)
    is_problem(client.get("/v1/analyses/..%2f..%2fetc/stages"), 404)


def test_unknown_parameters_are_refused(done: tuple[TestClient, str]) -> None:
    """A filter that is misspelt, or that a list does not take, is named, not left out unseen."""
    client, base = done
    for path, name in (("mentions?chanel=web&limit=1", "chanel"), ("journey-map?channel=web", "channel"), ("topics?segment.plan=pro", "segment.plan"), ("filters?q=late", "q"), ("stages?limit=1", "limit"), ("exports/csv?segment=pro", "segment")):  # fmt: skip
        (told,) = is_problem(client.get(f"{base}/{path}"), 422)["errors"]
        assert told["at"] == f"query.{name}", path
    told = is_problem(client.get("/v1/queue?analysis=x&x=1"), 422)["errors"]
    assert [one["at"] for one in told] == ["query.analysis", "query.x"]
    assert "analysis_id, limit" in told[0]["what"]
    assert client.get(f"{base}/mentions?segment.plan=pro&channel=web").status_code == 200
    assert client.get("/healthz?x=1").status_code == 200


def test_stages_add_up(done: tuple[TestClient, str]) -> None:
    """Every mention is of one stage or of none, and they are all there."""
    client, base = done
    stages = client.get(f"{base}/stages").json()["items"]
    journey = client.get(f"{base}/journey-map").json()
    assert sum(s["n_mentions"] for s in stages) == journey["n_mentions"]
    assert all(-1 <= s["net_sentiment"] <= 1 for s in stages)


def test_choices_are_what_the_run_holds(done: tuple[TestClient, str]) -> None:
    """What a run can be cut by are the values of its mentions, each of which cuts to some."""
    client, base = done
    told, found = client.get(f"{base}/filters").json(), all_mentions(client, base)
    for name in ("channel", "touchpoint", "survey"):
        assert set(told[name]) == {m[name] for m in found}
    assert told["segments"] == {"plan": sorted({m["segments"]["plan"] for m in found})}
    scores = [m["score"] for m in found]
    assert (told["score_low"], told["score_high"]) == (min(scores), max(scores))
    moments = [m["created_at"] for m in found]
    assert (told["first_at"], told["last_at"]) == (min(moments), max(moments))
    assert told["more"] == []
    assert set(told["labels"]) == {"stage", "touchpoint", "sentiment", "type", "severity"}


def test_too_many_choices_are_told(api: Api) -> None:
    """Of a column with very many values the commonest are listed, and that there are more."""
    base = f"/v1/analyses/{api.analysed()}"
    table = next(api.settings.data.glob("runs/*/index-1/slices.parquet"))
    plan = pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("zz")).otherwise(pl.col("mention_id"))  # fmt: skip
    pl.read_parquet(table).with_columns(segment_plan=plan).write_parquet(table)
    told = api.client.get(f"{base}/filters").json()
    assert (len(told["segments"]["plan"]), told["more"]) == (200, ["plan"])
    assert "zz" in told["segments"]["plan"]


def test_findings_of_all_stages_at_once(done: tuple[TestClient, str]) -> None:
    """The list of findings is that of every stage and kind, each cut to the first so many."""
    client, base = done
    for query in ({}, {"channel": "app"}):
        for kind, path in (("pain_point", "pain-points"), ("opportunity", "opportunities")):
            asked = {**query, "kind": kind, "limit": 2}
            found = client.get(f"{base}/findings", params=asked).json()["items"]
            alone = [
                one
                for stage in client.get(f"{base}/filters").json()["stages"]
                for one in client.get(
                    f"{base}/stages/{stage['name']}/{path}", params={**query, "limit": 2}
                ).json()["items"]
            ]
            assert sorted(found, key=str) == sorted(alone, key=str)
            assert found


def test_the_queue_shows_mentions_in_their_verbatims(api: Api) -> None:
    """What is to be labelled comes with all that was said, and stands in it where it says."""
    api.analysed()
    items = api.client.get("/v1/queue").json()["items"]
    assert items
    assert all(one["verbatim"][one["start"] : one["end"]] == one["text"] for one in items)


def test_nothing_changed_is_told_so(api: Api) -> None:
    """With its ETag a result is not sent again, until an analyst changes something."""
    base = f"/v1/analyses/{api.analysed()}"
    for path in ("/stages", "/topics", "/journey-map", "/mentions?channel=app"):
        tag = api.client.get(base + path).headers["etag"]
        again = api.client.get(base + path, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
    tag = api.client.get(f"{base}/topics").headers["etag"]
    api.client.patch("/v1/topics/t04", json={"label": "Late parcels"})
    changed = api.client.get(f"{base}/topics", headers={"If-None-Match": tag})
    assert changed.status_code == 200


def test_another_version_tells_it_anew(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier program told is no answer of this one, though nothing was decided since."""
    path = f"/v1/analyses/{api.analysed()}/stages"
    tag = {"If-None-Match": api.client.get(path).headers["etag"]}
    assert api.client.get(path, headers=tag).status_code == 304
    monkeypatch.setattr(service, "_VERSION", "99")
    assert api.client.get(path, headers=tag).status_code == 200


def test_answers_are_held_until_something_changes(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked before is answered without asking the run again, until an analyst edits."""
    analysis_id = api.analysed()
    path = f"/v1/analyses/{analysis_id}/stages/delivery/pain-points?channel=app"
    first = api.client.get(path)
    with monkeypatch.context() as patched:
        patched.delattr(slices.Slices, "groups")
        again = api.client.get(path)
    assert (again.content, again.headers["etag"]) == (first.content, first.headers["etag"])
    assert again.headers["content-type"] == "application/json"
    api.client.patch("/v1/topics/t04", json={"label": "Late parcels"})
    changed = api.client.get(path)
    assert "Late parcels" in changed.text
    assert "Late parcels" not in first.text
    api.client.delete(f"/v1/analyses/{analysis_id}")
    is_problem(api.client.get(path), 404)


def test_answers_are_repeated_to_who_may_read_them(keyed: Api) -> None:
    """What is held goes to the same project's readers only, counts for their rate, ends with a key."""
    reader, other = keyed.key("read"), keyed.key("read", project="b")
    scorer = keyed.key("score")
    asked = keyed.client.post("/v1/analyses", json={"rows": [{"a": "x"}]}, headers=keyed.key("analyse"))  # fmt: skip
    path = f"/v1/analyses/{asked.json()['id']}/stages"
    keyed.finish(asked.json()["id"])
    first = keyed.client.get(path, headers=reader)
    again = keyed.client.get(path, headers=reader)
    assert (again.status_code, again.content) == (200, first.content)
    tagged = {"If-None-Match": first.headers["etag"]}
    assert keyed.client.get(path, headers={**reader, **tagged}).status_code == 304
    is_problem(keyed.client.get(path, headers={**other, **tagged}), 404)
    is_problem(keyed.client.get(path, headers={**scorer, **tagged}), 403)
    is_problem(keyed.client.get(path, headers=tagged), 401)
    named = {"Painpoints-Project": "b"}
    is_problem(keyed.client.get(path, headers={**reader, **tagged, **named}), 404)
    statuses = [keyed.client.get(path, headers=reader).status_code for _ in range(30)]
    assert set(statuses) == {200, 429}
    fresh = keyed.key("read")
    assert [keyed.client.get(path, headers=fresh).status_code for _ in range(2)] == [200, 200]
    with keyed.database.write() as session:
        keys.revoke(session, fresh["Authorization"].split("_")[1])
    is_problem(keyed.client.get(path, headers=fresh), 401)
    told = keyed.client.get("/metrics", headers=keyed.key("admin")).text
    assert 'route="/v1/analyses/{analysis_id}/stages",status="304"' in told


def test_what_another_process_writes_is_noticed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A held answer is repeated without the database for a second, then its state is looked at."""
    path = f"/v1/analyses/{api.analysed()}/topics"
    first = api.client.get(path).content
    with monkeypatch.context() as patched:
        patched.delattr(Database, "read")
        assert api.client.get(path).content == first
    with api.database.write() as session:
        project = session.scalars(select(Project)).one()
        session.add(TopicEdit(project_id=project.id, topic_id="t04", label="Late!", edited_by="x"))
        project.edits += 1
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + 1.1)
    assert "Late!" in api.client.get(path).text


def test_an_analysis_removed_while_it_is_read_is_gone(api: Api) -> None:
    """Files that vanish between look-up and reading are told as 404, on every path, not as a fault."""
    analysis_id = api.analysed()
    api.client.post("/v1/fixes", json={"topic": "t04", "date": "2026-04-01"})
    base = f"/v1/analyses/{analysis_id}"
    assert api.client.get(f"{base}/stages").status_code == 200
    shutil.rmtree(next(api.settings.data.glob("runs/*")))
    for path in ("/stages?q=late", "/journey-map", "/findings", "/findings/x", "/mentions", "/topics", "/filters", "/fixes", "/stages/use/pain-points", "/exports/csv", "/exports/xlsx", "/exports/parquet"):  # fmt: skip
        is_problem(api.client.get(base + path), 404)
    is_problem(api.client.get(f"/analyses/{analysis_id}/map"), 404)
    is_problem(api.client.get("/v1/queue"), 404)
    label = {"analysis_id": analysis_id, "mention_id": "m", "field": "stage", "label": "use"}
    is_problem(api.client.post("/v1/labels", json=label), 404)
    is_problem(api.client.patch("/v1/topics/t04", json={"label": "x"}), 404)
    wanted = {"analysis_id": analysis_id, "texts": [{"text": "late"}]}
    is_problem(api.client.post("/v1/score", json=wanted), 404)


def test_a_run_without_its_feedback_is_gone(api: Api) -> None:
    """A run of which only one table is missing is told as gone too."""
    base = f"/v1/analyses/{api.analysed()}"
    next(api.settings.data.glob("runs/*/*/feedback.parquet")).unlink()
    is_problem(api.client.get(f"{base}/mentions"), 404)


@pytest.mark.parametrize(
    "values",
    [(10**45, "x"), (2**63, "x"), (-(2**63) - 1, "x"), (1, 2), (True, "x"), (1.0, "x"), ({},), ()],
)
def test_made_up_cursors_are_refused(done: tuple[TestClient, str], values: tuple[Any, ...]) -> None:
    """Only what may be a place of ours is looked for."""
    client, base = done
    is_problem(client.get(f"{base}/mentions", params={"after": cursor(*values)}), 422)


def test_a_database_that_is_away_is_told(keyed: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every path says when to come again, and by which id it is in the log."""

    def away(*_: Any) -> None:
        raise OperationalError("SELECT secret", {"key": "secret"}, Exception("no connection"))

    header = keyed.key("admin")
    monkeypatch.setattr(keys, "look_up", away)
    text = {"texts": [{"text": "it crashes"}]}
    for answer in (
        *(keyed.client.get(path, headers=header) for path in ("/v1/uploads", "/v1/analyses", "/v1/analyses/an_1", "/v1/analyses/an_1/stages")),
        keyed.client.post("/v1/score", json=text, headers=header),
    ):  # fmt: skip
        is_problem(answer, 503)
        assert answer.headers["retry-after"]
        assert answer.headers["x-request-id"]


def test_held_answers_are_bounded() -> None:
    """The answers that were not asked for longest make room; one that is too large is not held."""
    held = Answers(1)
    for number in range(4):
        held.keep(str(number), b"x" * 300_000)
        assert held.get("0")
    assert [held.get(str(number)) is not None for number in range(4)] == [True, False, True, True]
    held.keep("large", b"x" * 2_000_000)
    assert held.get("large") is None


def test_compare_tells_what_changed(api: Api) -> None:
    """Two analyses of the same are unchanged; findings of only one of them are new or gone."""
    first, same, small = api.analysed(), api.analysed(), api.analysed(n_people=12, seed=3)
    answer = api.client.get(f"/v1/analyses/{same}/compare", params={"with": first}).json()
    assert {item["verdict"] for item in answer["items"]} == {"unchanged"}
    other = api.client.get(f"/v1/analyses/{small}/compare", params={"with": first}).json()
    assert "gone" in {item["verdict"] for item in other["items"]}
    is_problem(api.client.get(f"/v1/analyses/{same}/compare", params={"with": "an_0"}), 404)


def test_exports_hold_the_slice(done: tuple[TestClient, str]) -> None:
    """CSV and Parquet hold the mentions of the slice; the reports are the run's own."""
    client, base = done
    wanted = {m["mention_id"] for m in all_mentions(client, base, channel="app")}
    told = client.get(f"{base}/exports/csv", params={"channel": "app"})
    assert set(pl.read_csv(told.content)["mention_id"]) == wanted
    told = client.get(f"{base}/exports/parquet", params={"channel": "app"})
    assert set(pl.read_parquet(io.BytesIO(told.content))["mention_id"]) == wanted
    assert client.get(f"{base}/exports/svg").content.startswith(b"<svg")
    is_problem(client.get(f"{base}/exports/svg", params={"channel": "app"}), 422)
    is_problem(client.get(f"{base}/exports/xlsx"), 404)


@pytest.mark.parametrize("wanted", ["bytes=999999999-", "bytes=zz-", "bytes=0-9"])
def test_an_export_leaves_no_file_behind(
    done: tuple[TestClient, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    """A Parquet export is sent whole, whatever part of it is asked for, and is nowhere afterwards."""
    client, base = done
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told = client.get(f"{base}/exports/parquet", headers={"Range": wanted})
    assert told.status_code == 200
    assert int(told.headers["content-length"]) == len(told.content)
    assert pl.read_parquet(io.BytesIO(told.content)).height > 0
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_fails_leaves_no_file_behind(
    done: tuple[TestClient, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written of a Parquet export goes when the disk is full."""

    def write(_: pl.DataFrame, file: Any, **__: Any) -> None:
        file.write(b"PAR1")
        raise OSError(errno.ENOSPC, "No space left on device")

    client, base = done
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(pl.DataFrame, "write_parquet", write)
    with pytest.raises(OSError, match="No space left"):
        client.get(f"{base}/exports/parquet")
    assert list(tmp_path.iterdir()) == []


def test_csv_starts_no_formula(tmp_path: Path) -> None:
    """Text that a spreadsheet would run is made harmless on its way out."""
    run = tmp_path / "run"
    run.mkdir()
    write_run(run, n_people=5)
    evil = pl.read_parquet(run / "mentions.parquet").with_columns(text=pl.lit("=cmd|' /C calc'!A0"))
    evil.write_parquet(run / "mentions.parquet")
    slices.build(run, memory_mb=300)
    opened = slices.Slices(tmp_path, memory_mb=300, seconds=5, spill=tmp_path / "spill")
    from painpoints_api.exports import _lines

    batches = opened.batches(run, slices.Filters())
    names, _ = next(batches)
    told = b"".join(_lines(names, batches, {})).decode()
    opened.close()
    assert "'=cmd" in told
    assert ",=cmd" not in told
    assert ',"=cmd' not in told


# -- teaching ----------------------------------------------------------------------------------


def test_followers_share_a_look(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many follow an analysis at once, the database is asked once; who leaves spoils none."""
    analysis_id = api.analysed()
    service = api.client.app_state["service"]
    caller = Caller("local", service.local_project, frozenset({"read"}), "r")
    n_looks = 0

    def counted(*arguments: Any) -> Any:
        nonlocal n_looks
        n_looks += 1
        time.sleep(0.05)
        return read_analysis(*arguments)

    monkeypatch.setattr("painpoints_api.routes.analyses.read_analysis", counted)

    async def following() -> list[Any]:
        looks = [asyncio.ensure_future(_looked(service, caller, analysis_id)) for _ in range(30)]
        await asyncio.sleep(0.01)
        looks[0].cancel()
        found = await asyncio.gather(*looks[1:])
        await asyncio.sleep(0.3)
        return [*found, await _looked(service, caller, analysis_id)]

    found = asyncio.run(following())
    assert {one.state for one in found} == {"done"}
    assert (len(found), n_looks) == (30, 2)


def test_names_and_owners_outlive_an_analysis(api: Api) -> None:
    """A topic's new name and owner stand in every analysis of the project, also later ones."""
    first = api.analysed()
    edit = {"label": "Late parcels", "owner": "Logistics"}
    assert api.client.patch("/v1/topics/t04", json=edit).status_code == 200
    second = api.analysed(seed=1)
    for analysis_id in (first, second):
        for cut in ({}, {"channel": "app"}):
            items = api.client.get(
                f"/v1/analyses/{analysis_id}/stages/delivery/pain-points", params=cut
            ).json()["items"]
            (late,) = (item for item in items if item["topic_id"] == "t04")
            assert (late["label"], late["owner"]) == ("Late parcels", "Logistics")
    topics = api.client.get(f"/v1/analyses/{second}/topics").json()["items"]
    assert {"Late parcels"} == {t["label"] for t in topics if t["topic_id"] == "t04"}
    back = api.client.patch("/v1/topics/t04", json={"label": None}).json()
    assert (back["label"], back["owner"]) == (None, "Logistics")


def test_a_new_analysis_goes_on_from_the_latest(api: Api) -> None:
    """Topics keep their ids from the newest analysis read the same way, unless said otherwise."""

    def asked(**more: Any) -> httpx.Response:
        return api.client.post("/v1/analyses", json={"rows": [{"comment": "late"}], **more})

    assert asked().json()["continues"] is None
    first, second = api.analysed(), api.analysed(seed=1)
    assert asked().json()["continues"] == second
    assert asked(continues="none").json()["continues"] is None
    assert asked(continues=first).json()["continues"] == first
    assert asked(quality="fast").json()["continues"] is None
    is_problem(asked(continues=first, quality="fast"), 422)
    is_problem(asked(continues="an_0"), 404)
    waiting = asked().json()["id"]
    is_problem(asked(continues=waiting), 409)
    shutil.rmtree(next((api.settings.data / "runs").glob(f"{_job_of(api, second)}/index-1")))
    assert asked().json()["continues"] == first


def _job_of(api: Api, analysis_id: str) -> str:
    with api.database.read() as session:
        return session.get_one(Analysis, analysis_id).job_id


def test_what_others_go_on_from_is_not_removed(api: Api) -> None:
    """An analysis stays as long as one that is queued or running is to keep its topics."""
    path = f"/v1/analyses/{api.analysed()}"
    asked = api.client.post("/v1/analyses", json={"rows": [{"comment": "late"}]}).json()
    assert "keeps its topics" in is_problem(api.client.delete(path), 409)["detail"]
    assert api.client.get(f"{path}/stages").status_code == 200
    api.client.post(f"/v1/analyses/{asked['id']}/cancel")
    assert api.client.delete(path).status_code == 204


def test_what_it_goes_on_from_may_be_gone(api: Api) -> None:
    """A run that is not there when it is needed fails the analysis by name, and hides nothing."""
    first = api.analysed()
    asked = api.client.post("/v1/analyses", json={"rows": [{"comment": "late"}]}).json()
    with api.database.write() as session:
        session.get_one(Analysis, first).run = None
    claim = jobs.claim(api.database, "me", lease_s=600)
    assert claim is not None
    assert child._do(Work(api.settings, api.database, claim)) == child.SETTLED
    told = api.client.get(f"/v1/analyses/{asked['id']}").json()
    assert told["state"] == "failed"
    assert "was removed" in told["problem"]


def test_merged_topics_count_as_one(api: Api) -> None:
    """Merged topics are one finding whose mentions are those of both; undone, they are two."""
    base = f"/v1/analyses/{api.analysed()}"
    cut = {"sentiment": ["negative", "neutral", "positive"]}

    def n_mentions() -> dict[str, int]:
        items = api.client.get(f"{base}/stages/use/pain-points", params=cut).json()["items"]
        items += api.client.get(f"{base}/stages/delivery/pain-points", params=cut).json()["items"]
        found: dict[str, int] = {}
        for item in items:
            found[item["topic_id"]] = found.get(item["topic_id"], 0) + item["n_mentions"]
        return found

    before = n_mentions()
    assert api.client.patch("/v1/topics/t07", json={"merged_into": "t04"}).status_code == 200
    merged = n_mentions()
    assert "t07" not in merged
    assert sum(merged.values()) == sum(before.values())
    topics = {t["topic_id"]: t for t in api.client.get(f"{base}/topics").json()["items"]}
    for asked in ("t04", "t07"):  # what is asked of a merged topic is asked of what it counts for
        only = {"topic_id": asked}
        items = api.client.get(f"{base}/stages", params=only).json()["items"]
        assert sum(one["n_mentions"] for one in items) == topics["t04"]["n_mentions"]
        quotes = all_mentions(api.client, base, **only)
        assert {one["topic_id"] for one in quotes} == {"t04"}
        assert len(quotes) == topics["t04"]["n_mentions"]
        for where in ({}, only, {"channel": "app"}):
            path = f"{base}/findings/pain_point:use:t04"
            finding = api.client.get(path, params=where).json()
            mentions = api.client.get(f"{path}/mentions", params={**where, "limit": 200}).json()
            assert finding["n_mentions"] == len(mentions["items"]) > 0
    csv = pl.read_csv(api.client.get(f"{base}/exports/csv", params={"topic_id": "t04"}).content)
    assert csv.height == topics["t04"]["n_mentions"]
    assert set(csv["topic_label"]) == {topics["t04"]["label"]}
    is_problem(api.client.patch("/v1/topics/t04", json={"merged_into": "t07"}), 409)
    is_problem(api.client.patch("/v1/topics/t04", json={"merged_into": "t04"}), 409)
    is_problem(api.client.patch("/v1/topics/t04", json={"merged_into": "nothing"}), 404)
    api.client.patch("/v1/topics/t07", json={"merged_into": None})
    assert n_mentions() == before


PARTS = [{"label": "Late parcels", "words": ["parcel", "Came"]}, {"label": "Rest of it", "words": ["never said"]}]  # fmt: skip


def test_split_topics_count_apart(api: Api) -> None:
    """A split topic's mentions are told by words into parts, and nowhere is one lost or double."""
    base = f"/v1/analyses/{api.analysed()}"
    before = {t["topic_id"]: t for t in api.client.get(f"{base}/topics").json()["items"]}
    told = all_mentions(api.client, base, topic_id="t04")
    texts = {one["mention_id"]: one["text"] for one in told}
    word = min(w for text in texts.values() for w in text.lower().split() if len(w) > 3)
    look = api.client.get(f"{base}/topics/t04/split", params={"words": [f"{word}, nix", "nix"]})
    mine = {m for m, text in texts.items() if re.search(rf"(^|[^a-z0-9]){word}", text.lower())}
    assert 0 < len(mine) < len(texts)
    assert look.json()["n_mentions"] == len(texts) == before["t04"]["n_mentions"]
    assert (look.json()["parts"], look.json()["n_left"]) == ([len(mine), 0], len(texts) - len(mine))
    assert look.json()["words"]

    wanted = [{"label": "One", "words": [word.upper(), "nix"]}, {"label": "Two", "words": ["nix"]}]
    kept = api.client.patch("/v1/topics/t04", json={"parts": wanted})
    assert [one["topic_id"] for one in kept.json()["parts"]] == ["t04~1", "t04~2"]
    after = {t["topic_id"]: t for t in api.client.get(f"{base}/topics").json()["items"]}
    counts = [after[one]["n_mentions"] for one in ("t04~1", "t04~2", "t04")]
    assert counts == [len(mine), 0, len(texts) - len(mine)]
    assert (after["t04~1"]["label"], after["t04~1"]["parent_id"]) == ("One", "t04")
    shown = {m["mention_id"] for m in all_mentions(api.client, base, topic_id="t04~1")}
    assert shown == mine
    claims = {f["finding_id"]: f for f in api.client.get(f"{base}/findings", params={"limit": 200}).json()["items"]}  # fmt: skip
    for topic in ("t04~1", "t04"):
        found = [one for name, one in claims.items() if name.startswith("pain_point:") and name.endswith(f":{topic}")]  # fmt: skip
        assert found
        for one in found:
            quotes = api.client.get(f"{base}/findings/{one['finding_id']}/mentions?limit=200").json()["items"]  # fmt: skip
            assert len(quotes) == one["n_mentions"]
            assert {q["mention_id"] in mine for q in quotes} == {topic == "t04~1"}
    csv = api.client.get(f"{base}/exports/csv").text
    assert ",One\r\n" in csv
    assert f",{before['t07']['label']}\r\n" in csv


def test_a_part_is_a_topic_of_its_own(api: Api) -> None:
    """A part is renamed, owned, merged and hidden by its id, outlives analyses, and is undone."""
    first = api.analysed()
    is_problem(api.client.patch("/v1/topics/t04~1", json={"label": "x"}), 404)
    api.client.patch("/v1/topics/t04", json={"parts": PARTS})
    edit = {"label": "Late", "owner": "Logistics"}
    assert api.client.patch("/v1/topics/t04~1", json=edit).status_code == 200
    is_problem(api.client.patch("/v1/topics/t04~1", json={"parts": PARTS}), 409)
    second = api.analysed(seed=1)
    for analysis_id in (first, second):
        path = f"/v1/analyses/{analysis_id}"
        items = api.client.get(f"{path}/stages/delivery/pain-points").json()["items"]
        (late,) = (item for item in items if item["topic_id"] == "t04~1")
        assert (late["label"], late["owner"]) == ("Late", "Logistics")
        assert api.client.get(f"{path}/findings/{late['finding_id']}").json() == late
    api.client.patch("/v1/topics/t07", json={"merged_into": "t04~1"})
    api.client.patch("/v1/topics/t04~2", json={"hidden": True})
    is_kept = [{**PARTS[0], "topic_id": "t04~1"}, {"label": "Third", "words": ["late"]}]
    kept = api.client.patch("/v1/topics/t04", json={"parts": is_kept}).json()["parts"]
    assert [one["topic_id"] for one in kept] == ["t04~1", "t04~3"]
    foreign = [{**PARTS[0], "topic_id": "t07~1"}]
    is_problem(api.client.patch("/v1/topics/t04", json={"parts": foreign}), 422)
    for wrong in ([], [{"label": "x", "words": []}], [{"label": "x", "words": ["--"]}]):
        is_problem(api.client.patch("/v1/topics/t04", json={"parts": wrong}), 422)
    assert api.client.patch("/v1/topics/t04", json={"parts": None}).json()["parts"] is None
    topics = {t["topic_id"]: t for t in api.client.get(f"/v1/analyses/{first}/topics").json()["items"]}  # fmt: skip
    assert not [one for one in topics if "~" in one]
    assert topics["t07"]["merged_into"] is None
    whole = api.client.get(f"/v1/analyses/{first}/findings").json()["items"]
    assert {one["basis"] for one in whole} == {"run"}


def test_numbers_of_parts_are_not_given_again(api: Api) -> None:
    """What was decided or kept by the id of a part that is gone is never another part's."""
    api.analysed()

    def split(*parts: dict[str, Any]) -> list[str]:
        told = api.client.patch("/v1/topics/t04", json={"parts": list(parts)}).json()["parts"]
        return [one["topic_id"] for one in told]

    assert split(*PARTS) == ["t04~1", "t04~2"]
    first = {**PARTS[0], "topic_id": "t04~1"}
    assert split(first) == ["t04~1"]
    assert split(first, PARTS[1]) == ["t04~1", "t04~3"]
    api.client.patch("/v1/topics/t04", json={"parts": None})
    assert split(*PARTS) == ["t04~4", "t04~5"]


def test_topics_are_edited_although_runs_are_gone(api: Api) -> None:
    """A run that is missing hides none of the others' topics; what was decided can be decided anew."""
    for analysis_id in (api.analysed(), api.analysed()):
        assert api.client.patch("/v1/topics/t04", json={"label": "Late"}).status_code == 200
        shutil.rmtree(job_folder(api.settings, _job_of(api, analysis_id)))
    assert api.client.patch("/v1/topics/t04", json={"label": None}).json()["label"] is None
    is_problem(api.client.patch("/v1/topics/t07", json={"label": "x"}), 404)


def test_edits_of_topics_wait_for_each_other(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First edits at once, on both kinds of database, lose nothing and lead into no circle."""
    monkeypatch.setattr(topic_routes, "now", lambda: time.sleep(0.3) or now())
    api = Api(tmp_path, database=url)
    databases.upgrade(api.database)
    with api.client:
        api.analysed()
    with listening(api.client.app) as port, ThreadPoolExecutor() as pool:

        def edit(topic_id: str, **wanted: str) -> Future[httpx.Response]:
            path = f"http://127.0.0.1:{port}/v1/topics/{topic_id}"
            return pool.submit(httpx.patch, path, json=wanted, timeout=60)

        both = [edit("t04", merged_into="t07"), edit("t07", merged_into="t04")]
        assert sorted(one.result().status_code for one in both) == [200, 409]
        for one in [edit("t01", label="Late"), edit("t01", owner="Logistics")]:
            assert one.result().status_code == 200
        kept = edit("t01", label="Later").result().json()
        assert (kept["label"], kept["owner"]) == ("Later", "Logistics")
    api.database.close()


def test_broader_topics_are_not_split(api: Api) -> None:
    """A topic that only gathers others has no mentions to tell apart, and says so."""
    base = f"/v1/analyses/{api.analysed()}"
    table = next(api.settings.data.glob("runs/*/index-1/topics.parquet"))
    topics = pl.read_parquet(table)
    above = topics.head(1).with_columns(topic_id=pl.lit("p01"), parent_id=pl.lit(None, pl.String))
    below = topics.with_columns(parent_id=pl.when(topic_id="t04").then(pl.lit("p01")))
    pl.concat([above, below]).write_parquet(table)
    is_problem(api.client.patch("/v1/topics/p01", json={"parts": PARTS}), 409)
    is_problem(api.client.get(f"{base}/topics/p01/split"), 409)
    assert api.client.patch("/v1/topics/p01", json={"label": "Broad"}).status_code == 200
    assert api.client.patch("/v1/topics/t04", json={"parts": PARTS}).status_code == 200


def test_words_of_parts_are_only_words(api: Api) -> None:
    """What looks like a pattern is letters; none of them takes time or finds everything."""
    base = f"/v1/analyses/{api.analysed()}"
    for words in (".*", "(a+)+$", "[", "\\", "$run", "'; DROP TABLE x"):
        parts = [{"label": "x", "words": [f"zz {words}"]}, {"label": "y", "words": ["zz", words + "zz"]}]  # fmt: skip
        assert api.client.patch("/v1/topics/t04", json={"parts": parts}).status_code == 200
        items = {t["topic_id"]: t for t in api.client.get(f"{base}/topics").json()["items"]}
        assert [items[p]["n_mentions"] for p in items if p.startswith("t04~")] == [0, 0]


def _merge(api: Api, topic_id: str, *, into: str) -> None:
    """Merge topics of which a run may lack one, as edits made by another run would stand."""
    with api.database.write() as session:
        project_id = session.scalars(select(Analysis.project_id)).one()
        told = {"project_id": project_id, "topic_id": topic_id, "edited_by": "me"}
        session.add(TopicEdit(**told, merged_into=into))
        session.execute(update(Project).values(edits=Project.edits + 1))


def test_edits_of_other_topics_leave_a_run_as_it_was_ranked(api: Api) -> None:
    """Effects and rank ranges are not lost to merges of topics that a run does not have."""
    base = f"/v1/analyses/{api.analysed()}"
    _merge(api, "elsewhere", into="t04")
    assert {one["basis"] for one in api.client.get(f"{base}/findings").json()["items"]} == {"run"}


def test_hidden_topics_are_not_ranked(api: Api) -> None:
    """A hidden topic is in no ranking, of the run or of a slice."""
    base = f"/v1/analyses/{api.analysed()}"
    api.client.patch("/v1/topics/t04", json={"hidden": True})
    for cut in ({}, {"channel": "app"}):
        items = api.client.get(f"{base}/stages/delivery/pain-points", params=cut).json()["items"]
        assert "t04" not in {item["topic_id"] for item in items}


def test_corrections_are_kept_and_shown(api: Api) -> None:
    """A corrected label is kept with what it was, author and reason, and leaves the queue."""
    analysis_id = api.analysed()
    queue = api.client.get("/v1/queue").json()["items"]
    first = queue[0]
    label = {
        "analysis_id": analysis_id,
        "mention_id": first["mention_id"],
        "field": "stage",
        "label": "support",
        "author": "Ada",
        "reason": "it is about the hotline",
    }
    made = api.client.post("/v1/labels", json=label)
    assert made.status_code == 201, made.text
    assert (made.json()["before"], made.json()["after"]) == (first["stage"], "support")
    assert api.client.get("/v1/labels").json()["items"] == [made.json()]
    left = [item["mention_id"] for item in api.client.get("/v1/queue").json()["items"]]
    assert first["mention_id"] not in left
    shown = all_mentions(api.client, f"/v1/analyses/{analysis_id}")
    (mention,) = (m for m in shown if m["mention_id"] == first["mention_id"])
    assert mention["corrections"] == {"stage": "support"}
    with api.database.read() as session:
        assert session.scalars(select(LabelCorrection.mention_text)).one() == first["text"]
    is_problem(api.client.post("/v1/labels", json={**label, "mention_id": "x"}), 404)
    for field, unknown in (("sentiment", "angry"), ("stage", "paying"), ("touchpoint", "till 4"), ("topic", "t99")):  # fmt: skip
        wrong = {**label, "field": field, "label": unknown}
        is_problem(api.client.post("/v1/labels", json=wrong), 422)
    for field, known in (("touchpoint", "app"), ("topic", "t04")):
        right = {**label, "field": field, "label": known}
        assert api.client.post("/v1/labels", json=right).status_code == 201, field


def test_the_queue_asks_for_each_text_once(api: Api) -> None:
    """Mentions that say the same words are one item, gone as soon as one of them is corrected."""
    analysis_id = api.analysed()
    items = api.client.get("/v1/queue", params={"limit": 200}).json()["items"]
    texts = [" ".join(one["text"].lower().split()) for one in items]
    assert len(texts) == len(set(texts)) > 1
    label = {"analysis_id": analysis_id, "mention_id": items[0]["mention_id"]}
    label |= {"field": "stage", "label": "support"}
    assert api.client.post("/v1/labels", json=label).status_code == 201
    left = api.client.get("/v1/queue", params={"limit": 200}).json()["items"]
    assert [one["text"] for one in left] == [one["text"] for one in items[1:]]


def test_the_queue_knows_a_text_by_whatever_spaces(api: Api) -> None:
    """No text is asked for again because another has other spaces or capitals than ASCII knows."""
    analysis_id = api.analysed(n_people=40)
    table = next(api.settings.data.glob("runs/*/index-1/slices.parquet"))
    frame = pl.read_parquet(table)
    spaces = [c for c in map(chr, range(0x3001)) if c.isspace()]
    told = itertools.cycle(f"{c}ΛΆΘΟΣ{c} Παντού{c}" for c in spaces)
    texts = pl.Series("text", list(itertools.islice(told, frame.height)))
    frame.with_columns(texts, reason=pl.lit("novel")).write_parquet(table)
    (item,) = api.client.get("/v1/queue").json()["items"]
    label = {"analysis_id": analysis_id, "mention_id": item["mention_id"]}
    label |= {"field": "stage", "label": "support"}
    assert api.client.post("/v1/labels", json=label).status_code == 201
    assert api.client.get("/v1/queue").json()["items"] == []


def test_a_full_disk_is_told(api: Api) -> None:
    """What cannot be kept because the disk is full is refused as such, and nothing else breaks."""
    held = api.client.app_state["service"].database._engine
    (n_pages,) = held.raw_connection().cursor().execute("PRAGMA page_count").fetchone()
    bound = f"PRAGMA max_page_count = {n_pages + 2}"
    event.listen(held, "connect", lambda connection, _: connection.execute(bound))
    held.dispose()
    fix = {"name": "x", "topic": "t", "date": "2026-01-01", "note": "x" * 2000}
    told = [api.client.post("/v1/fixes", json=fix) for _ in range(12)]
    assert told[0].status_code == 201
    is_problem(told[-1], 507)
    assert api.client.get("/v1/fixes").status_code == 200


# -- scoring -----------------------------------------------------------------------------------


def test_texts_are_labelled_at_once(api: Api) -> None:
    """Each mention says which text it is of, by number and by the id that was sent."""
    texts = {"texts": [{"text": "it crashes", "id": "a"}, {"text": "great"}]}
    mentions = api.client.post("/v1/score", json=texts).json()["mentions"]
    assert [(m["text_index"], m["text_id"]) for m in mentions] == [(0, "a"), (1, None)]


def test_scored_texts_count_for_what_analysts_decided(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A text's topic is the part that its words tell, or what the topic was merged into."""
    label = FakeScorer.score
    monkeypatch.setattr(FakeScorer, "score", lambda *told: [{**row, "topic_id": "t07"} for row in label(*told)])  # fmt: skip
    wanted = {"analysis_id": api.analysed(), "texts": [{"text": "never said"}, {"text": "late"}]}
    api.client.patch("/v1/topics/t07", json={"merged_into": "t04", "parts": PARTS})
    told = api.client.post("/v1/score", json=wanted).json()["mentions"]
    assert [(one["topic_id"], one["topic_label"]) for one in told] == [
        ("t07~2", "Rest of it"),
        ("t04", "Parcel arrives late"),
    ]


def test_what_a_run_lacks_is_called_by_what_was_merged_into_it(api: Api) -> None:
    """The end of a merge that this run never found has a name all the same, in maps and files."""
    base = f"/v1/analyses/{api.analysed()}"
    _merge(api, "t04", into="elsewhere")
    names = {f["topic_id"]: f["label"] for f in api.client.get(f"{base}/findings").json()["items"]}
    assert names["elsewhere"] == "Parcel arrives late"
    told = api.client.get(f"{base}/exports/csv", params={"topic_id": "elsewhere"})
    assert set(pl.read_csv(told.content)["topic_label"]) == {"Parcel arrives late"}


def test_too_much_to_score_is_refused(tmp_path: Path) -> None:
    """Texts are bounded in number and length."""
    api = Api(tmp_path, max_texts=2, max_text_chars=10)
    with api.client as client:
        is_problem(client.post("/v1/score", json={"texts": [{"text": "a"}] * 3}), 413)
        is_problem(client.post("/v1/score", json={"texts": [{"text": "a" * 11}]}), 413)
        is_problem(client.post("/v1/score", json={"texts": []}), 422)


# -- operations --------------------------------------------------------------------------------


def test_health_readiness_and_figures(api: Api) -> None:
    """The process says that it lives, what fails, and counts by route, never by name or text."""
    assert api.client.get("/healthz").json()["status"] == "ok"
    assert api.client.get("/readyz").json() == {
        "ready": True,
        "parts": {"database": "ok", "disk": "ok", "models": "ok"},
    }
    api.analysed()
    api.client.get("/v1/analyses/an_secret?q=secret")
    figures = api.client.get("/metrics").text
    assert 'painpoints_jobs{kind="analysis",status="done"} 1.0' in figures
    assert 'route="/v1/analyses/{analysis_id}"' in figures
    assert "secret" not in figures


def test_every_answer_has_an_id_and_safe_headers(api: Api) -> None:
    """A request's id is ours unless it is harmless; answers are not sniffed, framed or stored."""
    given = api.client.get("/v1/analyses", headers={"X-Request-ID": "abc-1"})
    assert given.headers["x-request-id"] == "abc-1"
    forged = api.client.get("/nothing", headers={"X-Request-ID": "a b{}"})
    assert forged.headers["x-request-id"].startswith("req_")
    assert is_problem(forged, 404)["instance"] == forged.headers["x-request-id"]
    assert given.headers["x-content-type-options"] == "nosniff"
    assert given.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in given.headers["content-security-policy"]
    broken = TestClient(
        api.client.app, base_url="http://127.0.0.1", raise_server_exceptions=False
    ).post("/v1/score", json={"texts": [{"text": "bug"}]})
    assert is_problem(broken, 500)["instance"] == broken.headers["x-request-id"]
    assert broken.headers["x-content-type-options"] == "nosniff"
    wrong = api.client.put("/v1/analyses")
    is_problem(wrong, 405)
    assert wrong.headers["allow"] == "GET, HEAD, POST"


def test_watchers_may_ask_for_heads(api: Api) -> None:
    """HEAD tells what GET would, without its body, and is counted by its route."""
    asked = api.client.head("/healthz")
    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-length"] == str(len(api.client.get("/healthz").content))
    is_sent = api.client.head(f"/v1/analyses/{api.analysed()}/exports/xlsx")
    assert (is_sent.status_code, is_sent.content) == (404, b"")
    figures = api.client.get("/metrics").text
    assert 'method="HEAD",route="/healthz",status="200"' in figures
    assert api.client.head("/v1/uploads/check").status_code == 405


def test_people_are_told_by_a_page_that_there_is_none(api: Api) -> None:
    """A browser gets a page where there is none; programs, and all of /v1, get a problem."""
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = api.client.get("/nothing", headers=browser)
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such page" in page.text
    is_problem(api.client.get("/v1/nothing", headers=browser), 404)
    is_problem(api.client.get("/nothing"), 404)


def test_audit_tells_who_did_what(keyed: Api) -> None:
    """Every change is in the audit log with its actor and request; keys and texts are not."""
    header = keyed.key("admin")
    rows = {"rows": [{"comment": "very private"}]}
    asked = keyed.client.post("/v1/analyses", json=rows, headers={**header, "X-Request-ID": "r-7"})
    (act,) = keyed.client.get("/v1/audit", headers=header).json()["items"]
    key_id = header["Authorization"].split("_")[1]
    assert (act["actor"], act["action"], act["request_id"]) == (
        f"key:{key_id}",
        "analysis.create",
        "r-7",
    )
    assert act["target"] == asked.json()["id"]
    with keyed.database.read() as session:
        told = str([vars(row) for row in session.scalars(select(Audit))])
    assert "private" not in told


def test_logs_tell_no_text_and_no_key(keyed: Api, capfd: pytest.CaptureFixture[str]) -> None:
    """What is logged of a request is its route, status and time."""
    from painpoints_api import logs

    logs.set_up()
    header = keyed.key("admin")
    keyed.client.post("/v1/score", json={"texts": [{"text": "my secret pain"}]}, headers=header)
    keyed.client.get("/v1/analyses/x/mentions", params={"q": "secret\nforged"}, headers=header)
    told = capfd.readouterr().err
    assert '"route": "/v1/score"' in told
    assert "secret" not in told
    assert header["Authorization"].split("_", 2)[2] not in told


def test_description_is_complete(api: Api) -> None:
    """OpenAPI describes every route, each with its problems and a summary."""
    described = api.client.get("/openapi.json").json()
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation["summary"], path
            if path.startswith("/v1/"):
                assert "401" in operation["responses"], path
    json.dumps(described)


# -- webhooks ----------------------------------------------------------------------------------


def test_webhooks_are_made_listed_removed(api: Api) -> None:
    """A webhook's secret is shown when it is made, and never again."""
    wanted = {"url": "https://example.com/hook", "events": ["analysis.finished"]}
    made = api.client.post("/v1/webhooks", json=wanted).json()
    assert len(made["secret"]) > 30
    (listed,) = api.client.get("/v1/webhooks").json()["items"]
    assert listed == {k: v for k, v in made.items() if k != "secret"}
    assert api.client.delete(f"/v1/webhooks/{made['id']}").status_code == 204
    is_problem(api.client.delete(f"/v1/webhooks/{made['id']}"), 404)


def test_webhooks_tell_what_was_not_received(api: Api) -> None:
    """The newest failure stands beside its webhook, tried again or given up; success is none."""
    wanted = {"url": "https://example.com/hook", "events": ["analysis.finished"]}
    ids = [api.client.post("/v1/webhooks", json=wanted).json()["id"] for _ in range(2)]
    asked = api.client.post("/v1/analyses", json={"rows": [{"a": "x"}]}).json()
    problems = ["refused", "the receiver answered 503", None]
    with api.database.write() as session:
        analysis = session.get_one(Analysis, asked["id"])
        for source in ("a", "b", "c"):
            webhooks.announce(session, analysis, [webhooks.News("analysis.finished", source, {})])
        sent = select(Job).join(Delivery).where(Delivery.webhook_id == ids[0])
        for job, problem in zip(session.scalars(sent.order_by(Delivery.id)), problems, strict=True):
            job.status, job.problem = "failed" if problem else "done", problem
    first, second = api.client.get("/v1/webhooks").json()["items"]
    assert first["failure"].pop("created_at")
    told = {"event": "analysis.finished", "state": "failed", "problem": problems[1]}
    assert first["failure"] == told
    assert second["failure"] is None


@pytest.mark.parametrize(
    "url",
    ["http://example.com/x", "ftp://example.com", "https://", "https://u:p@example.com/", "file:///etc/passwd", "https://[::1", "https://example.com/a b", "https://exa mple.com/", "https://bücher.example/", "https://example.com/ü", "https://a..b/", f"https://{'a' * 64}.example/"],
)  # fmt: skip
def test_webhooks_go_only_to_https(api: Api, url: str) -> None:
    """Addresses that are no plain https ones are refused."""
    wanted = {"url": url, "events": ["analysis.finished"]}
    is_problem(api.client.post("/v1/webhooks", json=wanted), 422)
