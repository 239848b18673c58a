"""Sessions of the page: a cookie is worth what its key is worth, and cannot be made up."""

import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.api.test_api import Api, is_problem

from painpoints_api import keys, sessions


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """Yield the service, asking for keys."""
    opened = Api(tmp_path, require_key=True)
    with opened.client:
        yield opened


def sign_in(api: Api, *scopes: str) -> tuple[str, str]:
    """Sign in by a new key; return the cookie and the key's id."""
    key = api.key(*scopes)["Authorization"].removeprefix("Bearer ")
    answer = api.client.post("/sign-in", data={"key": key}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/analyses")
    assert {"HttpOnly", "SameSite=lax"} <= set(answer.headers["set-cookie"].split("; "))
    cookie = answer.cookies[sessions.COOKIE]
    api.client.cookies.clear()
    assert key.split("_", 2)[2] not in cookie
    return cookie, key.split("_")[1]


def asked(api: Api, cookie: str, path: str = "/v1/analyses") -> httpx.Response:
    """Ask with a cookie."""
    return api.client.get(path, headers={"Cookie": f"{sessions.COOKIE}={cookie}"})


def test_a_session_may_what_its_key_may(api: Api) -> None:
    """It has the scopes of its key and no others, and ends with it."""
    cookie, key_id = sign_in(api, "read")
    assert asked(api, cookie).status_code == 200
    is_problem(asked(api, cookie, "/v1/audit"), 403)
    with api.database.write() as session:
        keys.revoke(session, key_id)
    is_problem(asked(api, cookie), 401)


def test_cookies_cannot_be_made_up(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cookie with another key, time or signature, or of another service, opens nothing."""
    cookie, key_id = sign_in(api, "read")
    _, other = sign_in(api, "admin")
    _, ends, signed = cookie.split(".")
    bad = (
        f"{other}.{ends}.{signed}",
        f"{key_id}.{int(ends) + 60}.{signed}",
        f"{key_id}.{ends}.{signed[:-1]}x",
        f"{key_id}.{ends}.",
        f"{key_id}.x.{signed}",
        f"{key_id}.{'9' * 5_000}.{signed}",
        f"..{key_id}",
        "nonsense",
    )
    for made in bad:
        is_problem(asked(api, made), 401)
    assert asked(api, cookie).status_code == 200
    later = time.time() + sessions.LASTS_S + 1
    monkeypatch.setattr(sessions.time, "time", lambda: later)
    is_problem(asked(api, cookie), 401)


def test_the_secret_is_kept_for_its_owner(tmp_path: Path) -> None:
    """It is made once, and no other user of the machine can read it."""
    first = sessions.secret(tmp_path)
    assert sessions.secret(tmp_path) == first
    (place,) = tmp_path.iterdir()
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert len(first) == 32


def test_strangers_are_sent_to_sign_in(api: Api) -> None:
    """Pages are not shown without a session; wrong keys are told, and not endlessly."""
    for path in ("/", "/analyses", "/analyses/an_1"):
        answer = api.client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    is_problem(api.client.get("/analyses/an_1/map"), 401)
    is_problem(api.client.get("/assets/..%2fpage.html.j2"), 404)
    is_problem(api.client.get("/assets/page.html.j2"), 404)
    told = {api.client.post("/sign-in", data={"key": "pp_a_b"}).status_code for _ in range(61)}
    assert told == {401, 429}


def test_other_sites_cannot_use_a_session(api: Api) -> None:
    """A page elsewhere that sends the cookie along is refused."""
    cookie, _ = sign_in(api, "admin")
    header = {"Cookie": f"{sessions.COOKIE}={cookie}", "Origin": "http://evil.example"}
    is_problem(api.client.post("/v1/analyses", json={"rows": [{"a": "x"}]}, headers=header), 403)


def test_pages_allow_no_inline_script(api: Api) -> None:
    """The policy of our pages lets nothing run but our file; the map's shuts it in."""
    policy = api.client.get("/sign-in").headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    cookie, _ = sign_in(api, "admin")
    own = {"Cookie": f"{sessions.COOKIE}={cookie}"}
    rows = {"rows": [{"a": "x"}]}
    analysis_id = api.client.post("/v1/analyses", json=rows, headers=own).json()["id"]
    api.finish(analysis_id)
    policy = asked(api, cookie, f"/analyses/{analysis_id}/map").headers["content-security-policy"]
    assert policy.startswith("sandbox")
    assert "allow-same-origin" not in policy
