"""The register of fixes over HTTP: entered, listed, removed, and judged by each analysis."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select
from tests.api.test_api import Api, is_problem

from painpoints_api.records import Audit
from painpoints_api.work import job_folder

FIX = {"name": "Second courier", "topic": "Parcel arrives late", "date": "2026-04-01", "owner": "Logistics", "expected": -0.05}  # fmt: skip


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """Yield the service on one's own machine."""
    opened = Api(tmp_path)
    with opened.client:
        yield opened


def enter(api: Api, **fix: Any) -> dict[str, Any]:
    """Enter a fix; return it as the register has it."""
    answer = api.client.post("/v1/fixes", json={**FIX, **fix})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def verdict(api: Api, analysis_id: str) -> dict[str, Any]:
    """Return the only verdict of an analysis."""
    answer = api.client.get(f"/v1/analyses/{analysis_id}/fixes")
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()["items"]
    return dict(one)


def silenced(api: Api, topic_id: str, *, plan: str | None = None) -> str:
    """Let an analysis be done in which a topic is told no more after the first of April."""
    analysis_id = api.analysed(n_people=2000)
    run = next(job_folder(api.settings, "").glob("*/index-1"))
    feedback = pl.read_parquet(run / "feedback.parquet")
    late = pl.col("created_at") >= pl.datetime(2026, 4, 1, time_zone="UTC")
    got = late if plan is None else late & (pl.col("segment_plan") == plan)
    after = feedback.filter(got)["feedback_id"]
    mentions = pl.read_parquet(run / "mentions.parquet")
    gone = (pl.col("topic_id") == topic_id) & pl.col("feedback_id").is_in(after.implode())
    mentions.filter(~gone).write_parquet(run / "mentions.parquet")
    return analysis_id


def test_a_fix_that_worked(api: Api) -> None:
    """A pain told no more since the day of its fix: it worked, with interval, series, evidence."""
    fix = enter(api)
    told = verdict(api, silenced(api, "t04"))
    assert (told["verdict"], told["fix"]) == ("worked", fix)
    assert told["before"]["value"] > 0.05 > told["after"]["value"] == 0
    assert told["effect"]["low"] < told["effect"]["value"] < told["effect"]["high"] < 0
    assert told["series"]
    assert told["evidence_before"]
    assert told["evidence_after"] == []


def test_a_fix_for_a_segment_is_held_against_the_others(api: Api) -> None:
    """Who did not get it is the comparison; what happened to all alike is not its doing."""
    enter(api, segment="plan=pro")
    told = verdict(api, silenced(api, "t04", plan="pro"))
    assert told["verdict"] == "worked"
    assert "difference in differences" in told["method"]
    assert told["control_after"]["value"] > 0.05


def test_names_that_analysts_gave_are_understood(api: Api) -> None:
    """A fix may name a topic as it was renamed, and counts what was merged into it."""
    analysis_id = silenced(api, "t04")
    api.client.patch("/v1/topics/t04", json={"label": "Late parcels"})
    api.client.patch("/v1/topics/t01", json={"merged_into": "t04"})
    enter(api, topic=" late PARCELS ")
    told = verdict(api, analysis_id)
    alone = told["before"]["value"]
    assert told["verdict"] in {"worked", "no_evidence"}
    assert told["after"]["value"] > 0
    api.client.patch("/v1/topics/t01", json={"merged_into": None})
    assert verdict(api, analysis_id)["before"]["value"] < alone


@pytest.mark.parametrize("topic", ["t01", "queues", "as found"])
def test_a_fix_of_what_was_merged_is_judged_by_its_target(api: Api, topic: str) -> None:
    """A topic that counts for another is still found by id and names, and judged with it."""
    analysis_id = api.analysed()
    topics = api.client.get(f"/v1/analyses/{analysis_id}/topics").json()["items"]
    (found,) = (one["label"] for one in topics if one["topic_id"] == "t01")
    api.client.patch("/v1/topics/t01", json={"label": "Queues", "merged_into": "t04"})
    enter(api, topic="t04")
    enter(api, topic=found if topic == "as found" else topic)
    ours, theirs = api.client.get(f"/v1/analyses/{analysis_id}/fixes").json()["items"]
    assert ours["before"]["value"] > 0
    assert theirs["before"] == ours["before"]


def test_a_fix_may_be_for_a_part_of_a_topic(api: Api) -> None:
    """A part is judged by its own mentions, by id or name; its topic still by those of all parts."""
    analysis_id = api.analysed()
    enter(api, topic="t04")
    whole = verdict(api, analysis_id)
    parts = [{"label": "Weeks late", "words": ["week"]}, {"label": "Nothing", "words": ["zzz"]}]
    api.client.patch("/v1/topics/t04", json={"parts": parts})
    assert verdict(api, analysis_id)["before"] == whole["before"]
    api.client.delete(f"/v1/fixes/{api.client.get('/v1/fixes').json()['items'][0]['id']}")
    told = []
    for name in ("t04~1", "weeks LATE"):
        kept = enter(api, topic=name)
        told.append(verdict(api, analysis_id)["before"])
        api.client.delete(f"/v1/fixes/{kept['id']}")
    assert told[0] == told[1]
    assert 0 < told[0]["value"] < whole["before"]["value"]


def test_what_cannot_be_judged_says_why(api: Api) -> None:
    """No such topic, no such segment, nobody heard since: told as such, not as a failure."""
    analysis_id = api.analysed()
    for fix, wanted, reason in (
        ({"topic": "No such topic"}, "unknown", "no topic has this id or name"),
        ({"segment": "colour=red"}, "unknown", "no such segment column"),
        ({"topic": None, "stage": "nowhere"}, "unknown", "no mention is of this stage"),
        ({"date": "9999-12-31"}, "too_early", "people heard before"),
        ({"date": "0001-01-01"}, "too_early", "people heard before"),
    ):
        kept = enter(api, **fix)
        told = verdict(api, analysis_id)
        assert (told["verdict"], reason in told["reason"]) == (wanted, True), told["reason"]
        assert api.client.delete(f"/v1/fixes/{kept['id']}").status_code == 204
    assert api.client.get(f"/v1/analyses/{analysis_id}/fixes").json() == {"items": []}


@pytest.mark.parametrize(
    "bad",
    [
        {"topic": None},
        {"date": None},
        {"date": "tomorrow"},
        {"date": "2026-02-30"},
        {"segment": "pro"},
        {"segment": "=pro"},
        {"expected": -5},
        {"expected": "nan"},
        {"name": "a\nb"},
        {"topic": "x" * 201},
        {"note": "x" * 2001},
        {"unknown": 1},
    ],
)
def test_unusable_fixes_are_refused(api: Api, bad: dict[str, Any]) -> None:
    """What cannot be judged ever is refused with a reason, and not kept."""
    is_problem(api.client.post("/v1/fixes", json={**FIX, **bad}), 422)
    assert api.client.get("/v1/fixes").json()["items"] == []


def test_the_register_is_kept_and_changes_are_told(api: Api) -> None:
    """Lists page, a repeated request enters once, removing ends it, all stands in the audit log."""
    once = {"Idempotency-Key": "k1"}
    first = api.client.post("/v1/fixes", json=FIX, headers=once)
    again = api.client.post("/v1/fixes", json=FIX, headers=once)
    assert again.json() == first.json()
    second = enter(api, name="Other")
    page = api.client.get("/v1/fixes", params={"limit": 1}).json()
    assert [one["id"] for one in page["items"]] == [second["id"]]
    rest = api.client.get("/v1/fixes", params={"after": page["next"]}).json()
    assert [one["id"] for one in rest["items"]] == [first.json()["id"]]
    assert api.client.delete(f"/v1/fixes/{second['id']}").status_code == 204
    is_problem(api.client.delete(f"/v1/fixes/{second['id']}"), 404)
    with api.database.read() as session:
        actions = session.scalars(select(Audit.action).where(Audit.action.startswith("fix."))).all()
    assert sorted(actions) == ["fix.create", "fix.create", "fix.remove"]


def test_a_register_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project's register does not grow for ever."""
    monkeypatch.setattr("painpoints_api.routes.fixes._MOST", 2)
    enter(api)
    enter(api)
    is_problem(api.client.post("/v1/fixes", json=FIX), 409)


def test_registers_belong_to_projects(tmp_path: Path) -> None:
    """Another project's fixes are not seen, not removed, not judged; writing needs its scope."""
    api = Api(tmp_path, require_key=True)
    with api.client:
        writer, reader = api.key("label", "read"), api.key("read")
        other = api.key("label", "read", "analyse", project="b")
        fix = api.client.post("/v1/fixes", json=FIX, headers=writer).json()
        is_problem(api.client.post("/v1/fixes", json=FIX, headers=reader), 403)
        is_problem(api.client.delete(f"/v1/fixes/{fix['id']}", headers=reader), 403)
        is_problem(api.client.delete(f"/v1/fixes/{fix['id']}", headers=other), 404)
        assert api.client.get("/v1/fixes", headers=other).json()["items"] == []
        asked = api.client.post("/v1/analyses", json={"rows": [{"a": "x"}]}, headers=other)
        theirs = f"/v1/analyses/{asked.json()['id']}/fixes"
        is_problem(api.client.get(theirs, headers=other), 409)
        api.finish(asked.json()["id"])
        assert api.client.get(theirs, headers=other).json() == {"items": []}
        is_problem(api.client.get(theirs, headers=reader), 404)
        assert [one["id"] for one in api.client.get("/v1/fixes", headers=reader).json()["items"]] == [fix["id"]]  # fmt: skip


def test_nothing_changed_until_the_register_does(api: Api) -> None:
    """Verdicts carry an ETag that holds until a fix is entered."""
    path = f"/v1/analyses/{api.analysed()}/fixes"
    tag = {"If-None-Match": api.client.get(path).headers["etag"]}
    assert api.client.get(path, headers=tag).status_code == 304
    enter(api)
    assert len(api.client.get(path, headers=tag).json()["items"]) == 1
