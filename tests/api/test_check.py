"""Uploads looked at before they are analysed: what is recognised, within bounds."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.api.test_api import Api, is_problem

from painpoints_api import uploads
from painpoints_api.engine import PackagedEngine
from painpoints_api.settings import ServiceSettings

FIXTURES = Path(__file__).parents[2] / "data" / "fixtures"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """Yield the service with the engine that reads for real."""
    opened = Api(tmp_path, engine=PackagedEngine, warm_models=False)
    with opened.client:
        yield opened


def sent(api: Api, name: str, content: bytes) -> str:
    """Send a file; return its id."""
    answer = api.client.post("/v1/uploads", files=[("files", (name, content))])
    assert answer.status_code == 201, answer.text
    upload_id: str = answer.json()["items"][0]["id"]
    return upload_id


def test_columns_are_told_with_reasons(api: Api) -> None:
    """The check says which column is what, and takes what the caller knows better."""
    upload_id = sent(api, "gym.csv", (FIXTURES / "surveymonkey_gym.csv").read_bytes())
    (source,) = api.client.post("/v1/uploads/check", json={"upload_ids": [upload_id]}).json()[
        "sources"
    ]
    assert (source["source"], source["layout"]) == ("gym.csv", "surveymonkey")
    roles = {one["role"]: one for one in source["mapping"]}
    assert roles["verbatim"]["reason"]
    wanted = {"upload_ids": [upload_id], "columns": {"verbatim": ["Anything else, please tell us"]}}
    (source,) = api.client.post("/v1/uploads/check", json=wanted).json()["sources"]
    said = [one for one in source["mapping"] if one["role"] == "verbatim"]
    assert [one["by"] for one in said] == ["settings"]


def test_the_settings_file_holds_for_uploads(tmp_path: Path) -> None:
    """What the file named by `--settings` says of reading is heeded; the caller knows better still."""
    file = tmp_path / "own.toml"
    file.write_text("[columns]\nverbatim = ['Other']\n", encoding="utf-8")
    api = Api(tmp_path, engine=PackagedEngine, warm_models=False, settings_file=file)
    with api.client as client:
        wanted = {"upload_ids": [sent(api, "a.csv", b"Comment,Other\nlate again,slow app\n")]}
        for columns, column in (({}, "Other"), ({"verbatim": ["Comment"]}, "Comment")):
            told = client.post("/v1/uploads/check", json={**wanted, "columns": columns}).json()
            mapped = told["sources"][0]["mapping"]
            assert [m["column"] for m in mapped if m["role"] == "verbatim"] == [column]
        file.write_text("seed = -1\n", encoding="utf-8")
        is_problem(client.post("/v1/uploads/check", json=wanted), 422)
        is_problem(client.post("/v1/analyses", json={"rows": [{"a": "x"}]}), 422)


def test_unusable_files_are_told_without_paths(api: Api) -> None:
    """What cannot be read is a problem with the file's own name, and no folder of the server."""
    upload_id = sent(api, "broken.xlsx", b"PK\x03\x04 not a workbook")
    answer = api.client.post("/v1/uploads/check", json={"upload_ids": [upload_id]})
    assert "broken.xlsx" in is_problem(answer, 422)["detail"]
    assert str(api.settings.data) not in answer.text
    assert list((api.settings.data / "checks").iterdir()) == []


def test_reading_is_bounded(tmp_path: Path) -> None:
    """A file that takes too long to read is given up, and what is told is bounded."""
    api = Api(tmp_path, check_s=20.0)
    with api.client as client:
        good, bad = sent(api, "a.csv", b"fine\n"), sent(api, "b.csv", b"break\n")
        told = client.post("/v1/uploads/check", json={"upload_ids": [good]}).json()
        assert len(told["rejected"]) == 100
        answer = client.post("/v1/uploads/check", json={"upload_ids": [bad]})
        assert is_problem(answer, 422)["detail"] == "b.csv: not a table"
    slow = Api(tmp_path, check_s=2.0)
    with slow.client as client:
        spinning = sent(slow, "c.csv", b"spin\n")
        answer = client.post("/v1/uploads/check", json={"upload_ids": [spinning]})
        is_problem(answer, 422)


def test_other_projects_uploads_are_not_looked_at(tmp_path: Path) -> None:
    """An upload of another project is not there; nor one that was never sent."""
    api = Api(tmp_path, require_key=True)
    with api.client as client:
        mine, other = api.key("analyse", project="a"), api.key("analyse", project="b")
        files = [("files", ("a.csv", b"x\n"))]
        upload_id = client.post("/v1/uploads", files=files, headers=mine).json()["items"][0]["id"]
        for wanted in ([upload_id], ["up_1"], [upload_id, upload_id]):
            body = {"upload_ids": wanted}
            is_problem(client.post("/v1/uploads/check", json=body, headers=other), 404)


@pytest.mark.parametrize(
    "names",
    [("a (3).csv", "a.csv", "a.csv"), ("A.csv", "a.csv", "a.CSV"), ("Straße.csv", "STRASSE.csv")],
)  # fmt: skip
def test_files_of_one_name_lie_side_by_side(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Each has a name of its own, on a disk that knows no case too, and all keep their bytes."""
    settings = ServiceSettings(data=tmp_path)
    told = [f"comment\n{number}\n".encode() for number in range(len(names))]
    held = [
        uploads.store(settings, "p1", name, io.BytesIO(content))
        for name, content in zip(names, told, strict=True)
    ]
    folder = tmp_path / "side-by-side"
    folder.mkdir()
    uploads.lay_out(settings, held, folder)
    laid = sorted(folder.iterdir(), key=lambda place: place.read_bytes())
    assert [place.read_bytes() for place in laid] == told
    assert len({place.name.casefold() for place in laid}) == len(names)
    assert [uploads.path(settings, one).read_bytes() for one in held] == told


@pytest.mark.parametrize("linked", [True, False])
def test_a_link_overwrites_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, linked: bool
) -> None:
    """A copy is made where there are no links, but never over what is there."""
    first, second, target = (tmp_path / name for name in ("first", "second", "target"))
    first.write_bytes(b"1")
    second.write_bytes(b"2")
    if not linked:
        monkeypatch.setattr(Path, "hardlink_to", _refuse)
    uploads.link(first, target)
    with pytest.raises(FileExistsError):
        uploads.link(second, target)
    assert (target.read_bytes(), first.read_bytes()) == (b"1", b"1")


def _refuse(*_: Path) -> None:
    raise PermissionError
