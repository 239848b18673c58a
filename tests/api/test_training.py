"""Teaching over HTTP: corrections become a version, which is promoted and rolled back by right."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.api.test_api import Api, is_problem

from painpoints import bundle
from painpoints.errors import InputError
from painpoints_api import child, jobs, training
from painpoints_api.records import Analysis, Job, LabelCorrection, new_id
from painpoints_api.work import Work
from painpoints_training import registry

TEXTS = ("the hotline never answers", "nobody picks up the phone", "support kept me waiting", "an hour on hold for nothing", "the agent hung up on me", "no reply from support for days")  # fmt: skip


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Yield the service, asking for keys, with own models in a folder of the test."""
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("PAINPOINTS_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    opened = Api(tmp_path, require_key=True, warm_models=False)
    with opened.client:
        yield opened


def teach(api: Api, header: dict[str, str], *, texts: tuple[str, ...] = TEXTS) -> str:
    """Let texts of an analysis be corrected, some twice; return the analysis' id."""
    rows = {"rows": [{"a": "x"}]}
    analysis_id: str = api.client.post("/v1/analyses", json=rows, headers=header).json()["id"]
    with api.database.write() as session:
        project_id = session.get_one(Analysis, analysis_id).project_id
        for number, text in enumerate(texts):
            for field, label in (("stage", "use"), ("stage", "support"), ("type", "pain_point")):
                session.add(
                    LabelCorrection(
                        id=new_id("lb"),
                        project_id=project_id,
                        analysis_id=analysis_id,
                        mention_id=f"m{number}",
                        mention_text=text,
                        field=field,
                        after=label,
                        author="me",
                    )
                )
                session.flush()
    return analysis_id


def work_on(api: Api, training_id: str) -> None:
    """Do the job of a training here, as its process would."""
    while True:
        claim = jobs.claim(api.database, "me", lease_s=600)
        assert claim is not None
        if claim.job_id == training_id:
            break
    assert child._do(Work(api.settings, api.database, claim)) == child.SETTLED


def test_from_corrections_to_a_version_in_force(api: Api) -> None:
    """Corrections are trained from, judged, promoted by who may, and left again."""
    labeller, boss = api.key("label", "read", "analyse"), api.key("promote", "label", "score")
    is_problem(api.client.post("/v1/retrain", json={}, headers=labeller), 409)
    teach(api, labeller)
    asked = api.client.post("/v1/retrain", json={"quality": "fast"}, headers=labeller)
    assert asked.status_code == 202, asked.text
    is_problem(api.client.post("/v1/retrain", json={"quality": "fast"}, headers=labeller), 409)
    work_on(api, asked.json()["id"])
    told = api.client.get(asked.headers["location"], headers=labeller).json()
    assert (told["state"], told["problem"]) == ("done", None)
    assert told["result"]["n_rows"] == len(TEXTS)
    assert not (api.settings.data / "runs" / asked.json()["id"]).exists()

    version = told["result"]["version"]
    path = f"/v1/models/{version}"
    wanted = {"quality": "fast", "force": True}
    is_problem(api.client.post(f"{path}/promote", json=wanted, headers=labeller), 403)
    is_problem(api.client.post(f"{path}/rollback", json={"quality": "fast"}, headers=boss), 409)
    promoted = api.client.post(f"{path}/promote", json=wanted, headers=boss)
    assert promoted.status_code == 200, promoted.text
    assert [one["version"] for one in promoted.json()["items"] if one["in_force"] and one["part"] == "classifier-fast"] == [version]  # fmt: skip
    left = api.client.post(f"{path}/rollback", json={"quality": "fast"}, headers=boss)
    assert not any(one["version"] == version and one["in_force"] for one in left.json()["items"])
    acts = api.client.get("/v1/audit", headers=api.key("admin")).json()["items"]
    assert [act["action"] for act in acts if act["action"].startswith("model.")] == [
        "model.rollback",
        "model.promote",
        "model.retrain",
    ]


def test_trainings_of_others_are_not_there(api: Api) -> None:
    """A training belongs to its project; its corrections are only that project's."""
    mine, other = api.key("label", "read", "analyse", project="a"), api.key("admin", project="b")
    teach(api, mine)
    asked = api.client.post("/v1/retrain", json={}, headers=mine).json()
    is_problem(api.client.get(f"/v1/retrain/{asked['id']}", headers=other), 404)
    listed = [api.client.get("/v1/retrain", headers=who).json()["items"] for who in (mine, other)]
    assert [[one["id"] for one in items] for items in listed] == [[asked["id"]], []]
    is_problem(api.client.post("/v1/retrain", json={}, headers=other), 409)


def test_a_training_that_is_refused_says_why(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command refuses is the training's problem, without paths or texts."""
    header = api.key("label", "read", "analyse")
    teach(api, header, texts=TEXTS[:1])
    asked = api.client.post("/v1/retrain", json={"quality": "fast"}, headers=header).json()
    monkeypatch.setenv("PAINPOINTS_MODELS", str(api.settings.data / "nowhere" / "models"))
    monkeypatch.setenv("PAINPOINTS_SEED", "-1")
    work_on(api, asked["id"])
    with api.database.read() as session:
        job = session.get_one(Job, asked["id"])
    assert job.status == "failed"
    assert job.problem is not None
    assert "seed" in job.problem
    assert str(api.settings.data) not in job.problem
    assert TEXTS[0] not in job.problem


def test_corrections_that_disagree_do_not_stop_a_training(api: Api) -> None:
    """Mentions of the same words with two labels are one row, by the newest label."""
    header = api.key("label", "read", "analyse")
    teach(api, header, texts=("The hotline  never answers", "the hotline never answers"))
    with api.database.write() as session:
        last = session.scalars(select(LabelCorrection).order_by(LabelCorrection.id.desc())).all()
        for row in last[:2]:
            row.after = "onboarding" if row.field == "stage" else row.after
        project_id = last[0].project_id
    with api.database.read() as session:
        (row,) = training.corrections(session, project_id)
    assert (row["stage"], row["type"]) == ("onboarding", "pain_point")


def test_a_refused_training_says_what_is_to_be_mended(api: Api) -> None:
    """Which label is wrong is told, not only that one is."""
    header = api.key("label", "read", "analyse")
    teach(api, header, texts=TEXTS[:2])
    with api.database.write() as session:
        for row in session.scalars(select(LabelCorrection).where(LabelCorrection.field == "stage")):
            row.after = "paying"
    asked = api.client.post("/v1/retrain", json={"quality": "fast"}, headers=header).json()
    work_on(api, asked["id"])
    (told,) = api.client.get("/v1/retrain", headers=header).json()["items"]
    assert told["state"] == "failed"
    assert "stage 'paying' is none of awareness" in told["problem"]
    assert ".csv" not in told["problem"]


def test_names_of_versions_are_plain(api: Api) -> None:
    """A version's name cannot be an option or a path."""
    boss = api.key("promote")
    for name in ("--force", "..%2f..%2fetc", "A B", "x" * 60):
        answer = api.client.post(f"/v1/models/{name}/promote", json={}, headers=boss)
        assert answer.status_code in {404, 422}, name
    with pytest.raises(InputError):
        training.command(["models", "show", "nothing-like-it"], settings=None)


def own(models: Path, part: str, *names: str) -> None:
    """Lay versions of a classifier into the folder of own models, the last one in force."""
    judged = {**dict.fromkeys(registry.JUDGED_BY, ()), "against": bundle.SHIPPED}
    for name in names:
        folder = shutil.copytree(bundle.shipped(part, None), models / part / name)
        bundle.write_manifest(folder, judged | bundle.read_manifest(folder))
    registry._point(part, models, names, {})


def test_only_the_version_that_is_named_is_left(api: Api, tmp_path: Path) -> None:
    """What is in force in the other classifier, or no longer, is not left, nor another in its place."""
    own(tmp_path / "models", "classifier-fast", "own-1")
    own(tmp_path / "models", "classifier-accurate", "own-1", "own-2")
    boss = api.key("promote")

    def left(version: str, **wanted: Any) -> Any:
        return api.client.post(f"/v1/models/{version}/rollback", json=wanted, headers=boss)

    is_problem(left("own-1", quality="accurate"), 409)
    is_problem(left("own-1"), 409)  # accurate, as the settings say
    items = left("own-2").json()["items"]
    is_problem(left("own-2"), 409)
    assert {(one["part"], one["version"]) for one in items if one["in_force"]} == {
        ("classifier-fast", "own-1"),
        ("classifier-accurate", "own-1"),
    }
    with pytest.raises(InputError, match="own-2 of classifier-accurate is not in force"):
        training.order(["models", "rollback", "own-2"], settings=None)


def test_trainings_heed_the_settings_file(tmp_path: Path) -> None:
    """What `--settings` named holds for the commands that train, list and promote."""
    file = tmp_path / "own.toml"
    file.touch()
    api = Api(tmp_path, require_key=True, warm_models=False, settings_file=file)
    with api.client:
        header = api.key("label", "read", "analyse")
        teach(api, header, texts=TEXTS[:1])
        asked = api.client.post("/v1/retrain", json={"quality": "fast"}, headers=header).json()
        file.write_text("seed = -1\n", encoding="utf-8")
        work_on(api, asked["id"])
        told = api.client.get(f"/v1/retrain/{asked['id']}", headers=header).json()
        assert (told["state"], "seed" in told["problem"]) == ("failed", True)
        listed = api.client.get("/v1/models/versions", headers=header)
        assert "seed" in is_problem(listed, 422)["detail"]
