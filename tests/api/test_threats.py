"""The threat table of the operations page, row by row: each attack is made, through the API.

What other files attack already is not attacked again: oversized and chunked bodies, quotas, keys
that are wrong, expired or revoked, other projects' things (`test_api.py`), sessions
(`test_sessions.py`), poison jobs (`test_worker_failures.py`), private networks (`test_webhooks.py`).
"""

import csv
import gzip
import io
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest
from tests.api.fakes import write_run
from tests.api.test_api import Api, is_problem

from painpoints_api import slices
from painpoints_api.database import Database
from painpoints_api.engine import PackagedEngine
from painpoints_api.records import Analysis, Job, now
from painpoints_api.work import job_folder

SCRIPT = "<script>alert(1)</script>"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "=cmd|' /C calc'!A0")  # noqa: RUF001 - full-width
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@pytest.fixture
def api(tmp_path: Path, url: str, database: Database) -> Iterator[Api]:
    """Yield the service on each kind of database in turn."""
    opened = Api(tmp_path, database=url, warm_models=False)
    opened.beside = database
    with opened.client:
        yield opened


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Api]:
    """Yield the service with the engine that reads for real, within tight bounds."""
    opened = Api(
        tmp_path, engine=PackagedEngine, warm_models=False, job_memory_mb=1500, check_s=60.0
    )
    with opened.client:
        yield opened


def workbook(sheet: str, **more: str) -> bytes:
    """Return a workbook of one sheet, written by hand."""
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="{TYPES}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {MAIN} xmlns:r="{TYPES}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="{TYPES}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": sheet,
        **more,
    }
    told = io.BytesIO()
    with zipfile.ZipFile(told, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in parts.items():
            packed.writestr(name, text)
    return told.getvalue()


def sheet(rows: str, *, before: str = "") -> str:
    """Return the XML of a sheet."""
    return f"{before}<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>"


def cell(place: str, text: str) -> str:
    """Return the XML of a cell."""
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


ENTITY = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
LAUGHS = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
HEAD = f'<row r="1">{cell("A1", "Comment")}</row>'


CORNERS = (
    f'<row r="1">{cell("A1", "Comment")}</row><row r="1048576">{cell("XFD1048576", "x")}</row>'
)
FILES: dict[str, Callable[[], bytes]] = {
    "bomb.xlsx": lambda: workbook(sheet(HEAD + " " * 300_000_000)),
    "sparse.xlsx": lambda: workbook(sheet(CORNERS)),
    "wide.xlsx": lambda: workbook(sheet(f'<row r="1">{"<c/>" * 20_000}</row>')),
    "entity.xlsx": lambda: workbook(sheet(f'<row r="1">{cell("A1", "&e;")}</row>', before=ENTITY)),
    "laughs.xlsx": lambda: workbook(sheet(f'<row r="1">{cell("A1", "&c;")}</row>', before=LAUGHS)),
    "program.csv": lambda: b"MZ\x90\x00" + bytes(range(256)) * 40,
    "picture.jsonl": lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40,
    "no.parquet": lambda: b"PAR1" + b"\x00" * 2000 + b"PAR1",
    "zipped.csv": lambda: workbook(sheet(HEAD)),
    "deep.json": lambda: b"[" * 200_000 + b"]" * 200_000,
    "line.csv.gz": lambda: gzip.compress(b"Comment\n" + b"a" * 400_000_000, compresslevel=1),
}
"""Files that are made to hurt whoever reads them."""


@pytest.mark.parametrize("name", FILES)
def test_files_made_to_hurt_are_refused(reading: Api, name: str) -> None:
    """Bombs, sparse sheets, entities, lies about the kind: a problem in words, and all goes on."""
    sent = reading.client.post("/v1/uploads", files=[("files", (name, FILES[name]()))])
    upload_id = sent.json()["items"][0]["id"]
    since = time.monotonic()
    answer = reading.client.post("/v1/uploads/check", json={"upload_ids": [upload_id]})
    assert time.monotonic() - since < 90
    told = is_problem(answer, 422)["detail"]
    assert "root:" not in told
    assert str(reading.settings.data) not in told
    assert reading.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "name",
    ["../../up.csv", "..\\..\\up.csv", "/etc/cron.d/up.csv", "C:\\up.csv", "a\x00b.csv", "\u202evsc.csv", "x" * 5000 + ".csv", ".csv", "..csv", "con.csv", "a\r\nb.csv", f"{SCRIPT}.csv", "%2e%2e%2fup.csv"],
)  # fmt: skip
def test_names_of_files_lead_nowhere(api: Api, name: str) -> None:
    """Whatever a file is called, it lies under its id; its name holds nothing that acts."""
    answer = api.client.post("/v1/analyses", files=[("files", (name, b"comment\nlate\n"))])
    assert answer.status_code in {202, 400, 422}, answer.text
    places = [path for path in api.settings.data.rglob("*.csv*") if path.is_file()]
    assert all(path.parent.parent == api.settings.data / "uploads" for path in places)
    for item in api.client.get("/v1/uploads").json()["items"]:
        assert not set(item["file_name"]) & set("\x00\r\n/\\\u202e")
        assert len(item["file_name"]) <= 300


@pytest.mark.parametrize("letter", ["x", "ü", "数", "𠮷"])
def test_names_of_files_may_be_long(api: Api, letter: str) -> None:
    """A name of any length and script, longer than a title or than file systems allow, is cut."""
    files = [("files", (f"{letter * 400}.csv", b"comment\nlate\n"))]
    asked = api.client.post("/v1/analyses", files=files)
    assert asked.status_code == 202, asked.text
    assert len(asked.json()["title"]) == 200
    body = {"upload_ids": asked.json()["upload_ids"]}
    (source,) = api.client.post("/v1/uploads/check", json=body).json()["sources"]
    assert source["source"].startswith(letter * 50)
    assert source["source"].endswith(".csv")


def evil_run(api: Api) -> str:
    """Return a finished analysis whose texts are formulas and scripts; and so is a topic's name."""
    asked = api.client.post("/v1/analyses", json={"rows": [{"a": "x"}], "title": SCRIPT}).json()
    with api.database.write() as session:
        analysis = session.get_one(Analysis, asked["id"])
        job = session.get_one(Job, analysis.job_id)
        folder = job_folder(api.settings, job.id) / "index-1"
        folder.mkdir(parents=True)
        write_run(folder, n_people=40)
        mentions = pl.read_parquet(folder / "mentions.parquet")
        texts = [(*FORMULAS, SCRIPT)[n % (len(FORMULAS) + 1)] for n in range(mentions.height)]
        mentions.with_columns(text=pl.Series(texts)).write_parquet(folder / "mentions.parquet")
        slices.build(folder, memory_mb=300)
        analysis.run, job.status, job.ended_at = folder.name, "done", now()
    named = api.client.patch("/v1/topics/t04", json={"label": "=HYPERLINK(A1)"})
    assert named.status_code == 200
    return f"/v1/analyses/{asked['id']}"


def test_exports_start_no_formula(api: Api) -> None:
    """No cell of a CSV begins with what a spreadsheet would run, of texts or of given names."""
    told = api.client.get(f"{evil_run(api)}/exports/csv").text
    rows = list(csv.reader(io.StringIO(told.removeprefix("\ufeff"), newline="")))
    cells = [text for row in rows for text in row if text]
    starts = [text for text in cells if text.strip(" \t\r\n")[:1] in set("=+@＝") or text[:1] in "\t\r"]  # noqa: RUF001 - full-width  # fmt: skip
    assert starts == []
    assert "'=HYPERLINK(A1)" in cells


def test_scripts_stay_text(api: Api) -> None:
    """What customers and analysts wrote is only ever told as JSON that is not sniffed."""
    base = evil_run(api)
    api.client.patch("/v1/topics/t07", json={"label": SCRIPT, "owner": SCRIPT})
    for path in ("", "/mentions", "/topics", "/stages/use/pain-points", "/journey-map"):
        answer = api.client.get(base + path)
        assert answer.headers["content-type"] == "application/json", path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "script" not in answer.headers["content-security-policy"]
    assert SCRIPT in api.client.get(f"{base}/topics").json()["items"][0]["label"] + SCRIPT
    for form in ("html", "svg"):
        answer = api.client.get(f"{base}/exports/{form}")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert "default-src 'none'" in answer.headers["content-security-policy"]


INJECTIONS = (
    "' OR '1'='1", "x'; DROP TABLE analysis; --", "') UNION SELECT * FROM api_key --", "$run", "?",
    "\\'; COPY (SELECT 1) TO '/tmp/x' --", "read_parquet('/etc/passwd')", "%", "_", '"', "{}", "\u0000",
)  # fmt: skip


def test_filters_inject_nothing(api: Api) -> None:
    """Text of SQL in any parameter finds nothing and changes nothing."""
    base = f"/v1/analyses/{api.analysed(n_people=40)}"
    whole = api.client.get(f"{base}/stages").json()
    for name in ("stage", "topic_id", "person", "q", "segment.plan", "since", "score_min", "after"):
        for text in INJECTIONS if name in {"q", "person"} else INJECTIONS[:3] + INJECTIONS[-1:]:
            answer = api.client.get(f"{base}/mentions", params={name: text})
            assert answer.status_code in {200, 400, 422}, (name, text, answer.text)
            if answer.status_code == 200:
                assert answer.json()["items"] == [], (name, text)
    for text in (quote(text, safe="") for text in INJECTIONS):
        for path in (f"/v1/analyses/{text}", f"{base}/findings/{text}", f"{base}/stages/{text}/pain-points", f"{base}/compare?with={text}", f"/v1/queue?analysis_id={text}"):  # fmt: skip
            assert api.client.get(path).status_code in {400, 404, 422}, path
        edit = api.client.patch(f"/v1/topics/{text}", json={"label": "x"})
        assert edit.status_code in {400, 404, 405, 422}, text
    assert api.client.get(f"{base}/stages").json() == whole
    assert len(api.client.get("/v1/analyses").json()["items"]) == 1


def test_patterns_in_a_search_are_letters(api: Api) -> None:
    """A search finds its very letters, so no pattern can keep it busy."""
    base = f"/v1/analyses/{api.analysed(n_people=40)}"
    for pattern in (
        "(a+)+$",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(x+x+)+y",
        "[[:alpha:]]*{99}",
        "%" * 200,
    ):
        since = time.monotonic()
        found = api.client.get(f"{base}/mentions", params={"q": pattern})
        assert (found.status_code, found.json()["items"]) == (200, [])
        assert time.monotonic() - since < 10


ODD = ("\ud800", "\x00", "\u202e", "a" * 10_000)


@pytest.mark.parametrize("text", ODD, ids=["surrogate", "nul", "override", "long"])
def test_odd_text_is_taken_or_refused(api: Api, text: str) -> None:
    """Lone surrogates, NUL and the like end in no error of ours, wherever they stand."""
    analysis_id = api.analysed(n_people=40)
    (mention,) = api.client.get(f"/v1/analyses/{analysis_id}/mentions?limit=1").json()["items"]
    label = {"analysis_id": analysis_id, "mention_id": mention["mention_id"], "field": "stage", "label": "use"}  # fmt: skip
    asked: list[tuple[str, dict[str, Any]]] = [
        ("/v1/analyses", {"rows": [{"comment": text}]}),
        ("/v1/analyses", {"rows": [{text: "comment"}]}),
        ("/v1/analyses", {"rows": [{"a": "b"}], "title": f"t{text}"}),
        ("/v1/analyses", {"rows": [{"a": "b"}], "columns": {"verbatim": [text], "score": text}}),
        ("/v1/analyses", {"upload_ids": [text]}),
        ("/v1/uploads/check", {"upload_ids": [text]}),
        ("/v1/score", {"texts": [{"text": f"slow {text}", "id": f"i{text}", "question": text}]}),
        ("/v1/labels", {**label, "reason": text}),
        ("/v1/labels", {**label, "author": f"a{text}"}),
        ("/v1/labels", {**label, "label": f"l{text}"}),
        ("/v1/labels", {**label, "mention_id": f"m{text}"}),
        ("/v1/webhooks", {"url": f"https://example.com/{text}", "events": ["analysis.finished"]}),
    ]
    for path, body in asked:
        answer = api.client.post(
            path, content=json.dumps(body), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code < 500, (path, body.keys(), answer.text)
    edit = api.client.patch("/v1/topics/t04", content=json.dumps({"label": text, "owner": text}))
    assert edit.status_code < 500
    assert api.client.get("/v1/analyses").status_code == 200
    assert api.client.get("/v1/labels").status_code == 200


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"texts":' * 50_000, b'{"texts": [{"text": ' + b"9" * 6000 + b"}]}", b"\xff\xfe", b"", b"null", b'{"seed": 1e999}', b'{"texts": [{"text": "a", "text": "b"}], "texts": 1}', b'{"a": NaN}'],
    ids=["deep list", "deep object", "long number", "no text", "empty", "null", "infinite", "twice", "nan"],
)  # fmt: skip
def test_odd_json_is_refused(api: Api, body: bytes) -> None:
    """Deep, endless and broken JSON is a problem of the sender's."""
    for path in ("/v1/score", "/v1/analyses", "/v1/labels", "/v1/uploads/check", "/v1/webhooks"):
        answer = api.client.post(path, content=body, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500, (path, answer.status_code, answer.text[:200])
        assert answer.headers["content-type"] == "application/problem+json"


def test_what_may_not_be_set_is_refused(api: Api) -> None:
    """Nobody sets by a request what is the service's own: ids, states, paths, other settings."""
    for more in (
        {"id": "an_1"}, {"state": "done"}, {"run": "../x"}, {"project_id": "p"}, {"models": "/etc"},
        {"rank": {"feasibility": "/etc/passwd"}}, {"redact": {"names": False}}, {"serve": {}},
        {"threads": 99}, {"topics": {"max_sample": 10**9}},
    ):  # fmt: skip
        answer = api.client.post("/v1/analyses", json={"rows": [{"a": "x"}], **more})
        is_problem(answer, 422)
    is_problem(api.client.patch("/v1/topics/t04", json={"edited_by": "me"}), 422)


def test_logs_are_one_line_each(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing that is sent begins a line of the log, or stands in one."""
    from painpoints_api import logs

    logs.set_up()
    forged = 'x\n{"event": "forged"}'
    api.client.get(f"/v1/analyses/{quote(forged, safe='')}")
    api.client.get("/v1/analyses", params={"after": forged}, headers={"X-Request-ID": "a\tforged"})
    api.client.post("/v1/analyses", json={"rows": [{"a": "x"}], "title": forged})
    api.client.get("/nothing/forged", headers={"Painpoints-Project": "forged"})
    api.client.post("/sign-in", data={"key": forged})
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) >= 5
    assert all(json.loads(line)["event"] == "request" for line in lines)
    assert not any("forged" in line for line in lines)
