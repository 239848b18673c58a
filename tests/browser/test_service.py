"""The service's own pages in a browser: sign in, upload, confirm the columns, follow, see the map."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from painpoints_api import keys
from painpoints_api.engine import PackagedEngine
from painpoints_api.records import Job
from tests.api.listening import listening
from tests.api.test_api import Api
from tests.browser.watched import Watched

EVIL = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">"


@dataclass
class Served:
    """A service that listens, its inside, and a page of a browser."""

    api: Api
    address: str
    page: Page
    watched: Watched


@pytest.fixture(params=[False, True], ids=["open", "keyed"])
def served(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[Served]:
    """Yield a running service, open to this machine or asking for keys."""
    api = Api(tmp_path, engine=PackagedEngine, warm_models=False, require_key=request.param)
    with listening(api.client.app) as port:
        context = browser.new_context()
        context.set_default_timeout(60_000)
        page = context.new_page()
        yield Served(api, f"http://127.0.0.1:{port}", page, Watched(page))
        context.close()


def enter(served: Served, *scopes: str) -> str:
    """Open the start page, sign in where that is asked for; return the key's id."""
    served.page.goto(served.address)
    if not served.api.settings.keys_needed:
        return ""
    expect(served.page).to_have_url(f"{served.address}/sign-in")
    key = served.api.key(*scopes)["Authorization"].removeprefix("Bearer ")
    served.page.get_by_label("API key").fill("pp_wrong_key")
    served.page.get_by_role("button", name="Sign in").click()
    expect(served.page.get_by_role("alert")).to_contain_text("not known")
    served.page.get_by_label("API key").fill(key)
    served.page.get_by_role("button", name="Sign in").click()
    expect(served.page).to_have_url(f"{served.address}/analyses")
    return key.split("_")[1]


def serious(page: Page) -> list[str]:
    """Return what axe finds serious or worse."""
    found = Axe().run(page).response["violations"]
    return [one["id"] for one in found if one["impact"] in {"serious", "critical"}]


def test_from_a_file_to_its_map(served: Served, sample_html: str) -> None:
    """A file is dropped, its columns are confirmed, the analysis is followed, its map is seen."""
    enter(served, "read", "analyse")
    page = served.page
    content = "Comment,Region,Other\n" + "".join(
        f"The delivery was late and nobody called,{EVIL if n == 0 else 'North'},The app is slow\n"
        for n in range(12)
    )
    page.get_by_label("Drop exports here, or choose files").set_input_files(
        {"name": f"{EVIL}.csv", "mimeType": "text/csv", "buffer": content.encode()}
    )
    expect(page.get_by_label("Comment is taken for")).to_have_value("verbatim")
    assert serious(page) == []
    page.get_by_label("Other is taken for").select_option("unused")
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_label("Other is taken for")).to_have_value("unused")
    expect(page.get_by_role("status")).to_contain_text("Is each column")
    page.get_by_label("Title").fill(f"May {EVIL}")
    page.get_by_role("button", name="Analyse").click()
    expect(page.get_by_role("status")).to_contain_text("Waits for its turn")
    analysis_id = page.url.rsplit("/", 1)[1]

    served.api.finish(analysis_id)
    expect(page.get_by_role("status")).to_contain_text("Done")
    expect(page.get_by_role("cell", name="Parcel arrives late")).to_be_visible()
    assert serious(page) == []
    run = next(served.api.settings.data.glob("runs/*/index-1/report.html"))
    run.write_text(sample_html, encoding="utf-8")
    page.get_by_role("link", name="Journey map").click()
    page.wait_for_selector("#filters:not([hidden])", state="attached")
    assert page.evaluate("window.origin") == "null"

    page.goto(served.address)
    expect(page.get_by_role("link", name="May <script>")).to_be_visible()
    assert "taken" not in page.title()
    asked = {url.removeprefix(served.address) for url in served.watched.requests}
    assert all(url.startswith("/") for url in asked), asked
    wanted = [told for told in served.watched.complaints if "401" not in told]
    assert wanted == []


def test_a_failed_analysis_says_why(served: Served) -> None:
    """What cannot be analysed says so on its page; what is not there is told as such."""
    enter(served, "read", "analyse")
    header, body = served.api.key("admin"), {"rows": [{"a": "x"}]}
    sent = httpx.post(f"{served.address}/v1/analyses", json=body, headers=header, timeout=60)
    asked = sent.json()
    with served.api.database.write() as session:
        job = session.query(Job).one()
        job.status, job.problem = "failed", "no row holds an answer"
    served.page.goto(f"{served.address}/analyses/{asked['id']}")
    expect(served.page.get_by_role("status")).to_contain_text("Failed: no row holds an answer")
    served.page.goto(f"{served.address}/analyses/an_nothing")
    expect(served.page.get_by_role("status")).to_contain_text("no such analysis")


@pytest.mark.parametrize("served", [True], indirect=True, ids=["keyed"])
def test_sessions_end(served: Served) -> None:
    """Signing out, and revoking the key, end what the browser may see."""
    enter(served, "read")
    served.page.get_by_role("button", name="Sign out").click()
    served.page.goto(f"{served.address}/analyses")
    expect(served.page).to_have_url(f"{served.address}/sign-in")
    assert serious(served.page) == []
    key_id = enter(served, "read")
    with served.api.database.write() as session:
        keys.revoke(session, key_id)
    served.page.goto(served.address)
    expect(served.page).to_have_url(f"{served.address}/sign-in")
