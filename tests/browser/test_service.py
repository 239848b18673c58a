"""The service's own pages in a browser: sign in, upload, confirm the columns, follow, see the map."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
import polars as pl
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from painpoints_api import jobs, keys
from painpoints_api.engine import PackagedEngine
from painpoints_api.records import Job
from tests.api.listening import listening
from tests.api.test_api import Api
from tests.api.test_training import work_on
from tests.browser.watched import Watched, grave

EVIL = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title='taken'\">"
OPEN = pytest.mark.parametrize("served", [False], indirect=True, ids=["open"])


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


def choose_file(page: Page, name: str, content: str) -> None:
    """Choose a file to analyse."""
    page.wait_for_load_state("load")  # a file chosen before the page listens is not heard
    page.get_by_label("Drop exports here, or choose files").set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": content.encode()}
    )


def test_from_a_file_to_its_map(served: Served, sample_html: str) -> None:
    """A file is dropped, its columns are confirmed, the analysis is followed, its map is seen."""
    enter(served, "read", "analyse")
    page = served.page
    content = "Comment,Region,Other\n" + "".join(
        f"The delivery was late and nobody called,{EVIL if n == 0 else 'North'},The app is slow\n"
        for n in range(12)
    )
    choose_file(page, f"{EVIL}.csv", content)
    expect(page.get_by_label("Comment is taken for")).to_have_value("verbatim")
    assert grave(page) == []
    page.get_by_label("Other is taken for").select_option("unused")
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_label("Other is taken for")).to_have_value("unused")
    expect(page.locator("#said")).to_contain_text("Is each column")
    page.get_by_label("Title").fill(f"May {EVIL}")
    page.get_by_role("button", name="Analyse").click()
    expect(page.locator("#said")).to_contain_text("Waits for its turn")
    analysis_id = page.url.rsplit("/", 1)[1]

    served.api.finish(analysis_id)
    expect(page.locator("#said")).to_contain_text("Done")
    expect(page.get_by_role("button", name="Parcel arrives late").first).to_be_visible()
    assert grave(page) == []
    run = next(served.api.settings.data.glob("runs/*/index-1/report.html"))
    run.write_text(sample_html, encoding="utf-8")
    page.get_by_role("link", name="Report").click()
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
    expect(served.page.locator("#said")).to_contain_text("Failed: no row holds an answer")
    served.page.goto(f"{served.address}/analyses/an_nothing")
    expect(served.page.locator("#said")).to_contain_text("no such analysis")


@pytest.mark.parametrize("served", [False], indirect=True, ids=["open"])
def test_a_cancel_removes_nothing(served: Served) -> None:
    """However often and however late it is clicked, it cancels once, and what is done stays."""
    page, paths = served.page, []
    for _ in range(2):
        body = {"rows": [{"a": "x"}]}
        sent = httpx.post(f"{served.address}/v1/analyses", json=body, timeout=60)
        paths.append(f"/analyses/{sent.json()['id']}")
    page.goto(f"{served.address}{paths[0]}")
    page.get_by_role("button", name="Cancel").dblclick()
    expect(page.locator("#said")).to_contain_text("Cancelled")
    told = [url for url in served.watched.requests if url.endswith(f"{paths[0]}/cancel")]
    assert len(told) == 1
    page.goto(f"{served.address}{paths[1]}")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    served.api.finish(paths[1].rsplit("/", 1)[1])
    expect(page.locator("#said")).to_contain_text("Done")
    page.evaluate("document.getElementById('cancel').click()")
    expect(page.locator("#said")).to_contain_text("has ended: it is done")
    assert [httpx.get(f"{served.address}/v1{path}").status_code for path in paths] == [200, 200]


@pytest.mark.parametrize("served", [True], indirect=True, ids=["keyed"])
def test_sessions_end(served: Served) -> None:
    """Signing out, and revoking the key, end what the browser may see."""
    enter(served, "read")
    served.page.get_by_role("button", name="Sign out").click()
    expect(served.page).to_have_url(f"{served.address}/sign-in")
    served.page.goto(f"{served.address}/analyses")
    expect(served.page).to_have_url(f"{served.address}/sign-in")
    assert grave(served.page) == []
    key_id = enter(served, "read")
    served.page.goto(
        "about:blank"
    )  # the list asks by itself, and would lead to the sign-in on its own
    with served.api.database.write() as session:
        keys.revoke(session, key_id)
    served.page.goto(served.address)
    expect(served.page).to_have_url(f"{served.address}/sign-in")


# -- the columns of an upload ------------------------------------------------------------------

SURVEY = "Comment,Region,Other\n" + "The delivery was late,North,The app is slow\n" * 12


@OPEN
def test_a_choice_made_while_columns_are_read_stands(served: Served) -> None:
    """Whichever answer comes late, it leaves the roles chosen meanwhile, and the focus, alone."""
    page, late = served.page, list[Route]()
    other, region = (
        page.get_by_label("Other is taken for"),
        page.get_by_label("Region is taken for"),
    )
    again, said = page.get_by_role("button", name="Check again"), page.locator("#said")

    def hold(asked: Route) -> None:
        late.append(asked)

    def release() -> None:
        with page.expect_response("**/uploads/check"):
            late.pop().continue_()
        page.wait_for_timeout(200)  # an answer that is to change nothing cannot be waited for
        expect(said).to_contain_text("Is each column")

    page.goto(served.address)
    choose_file(page, "survey.csv", SURVEY)
    expect(said).to_contain_text("Is each column")
    page.route("**/uploads/check", hold, times=2)
    with page.expect_request("**/uploads/check"):
        again.click()
    other.select_option("channel")
    other.focus()
    release()
    expect(other).to_have_value("channel")
    expect(other).to_be_focused()
    with page.expect_request("**/uploads/check"):
        again.click()
    region.select_option("touchpoint")
    again.click()
    expect(page.locator("tr", has=region)).to_contain_text("named in [columns]")
    release()
    expect(region).to_have_value("touchpoint")
    page.get_by_role("button", name="Analyse").click()
    expect(said).to_contain_text("Waits for its turn")
    (asked,) = told(served, "/analyses")["items"]
    assert asked["settings"]["columns"] == {"channel": "Other", "touchpoint": "Region"}


@OPEN
def test_columns_of_other_files_are_drawn_anew(served: Served) -> None:
    """What was chosen for one file says nothing of the next, though it be called the same."""
    page = served.page
    page.goto(served.address)
    choose_file(page, "survey.csv", SURVEY)
    page.get_by_label("Other is taken for").select_option("channel")
    choose_file(
        page, "survey.csv", "Comment,Other\n" + "Nobody called me back,The app is slow\n" * 9
    )
    expect(page.locator("caption")).to_contain_text("9 rows")
    expect(page.get_by_label("Region is taken for")).to_have_count(0)
    expect(page.get_by_label("Other is taken for")).to_have_value("unused")


@OPEN
def test_the_files_sent_last_are_analysed(served: Served) -> None:
    """Files that were sent before others and arrive after them change nothing."""
    page, late = served.page, list[Route]()

    def hold(asked: Route) -> None:
        late.append(asked)

    page.goto(served.address)
    page.route("**/v1/uploads", hold, times=1)
    with page.expect_request("**/v1/uploads"):
        choose_file(page, "slow.csv", SURVEY)
    choose_file(page, "quick.csv", "Comment,Other\n" + "Nobody called me back,app\n" * 9)
    expect(page.locator("caption")).to_contain_text("9 rows")
    with page.expect_response("**/v1/uploads"):
        late.pop().continue_()
    page.wait_for_timeout(200)  # an answer that is to change nothing cannot be waited for
    expect(page.locator("caption")).to_contain_text("quick.csv: ")
    expect(page.get_by_label("Title")).to_have_value("quick.csv")
    page.route("**/v1/uploads", lambda asked: asked.fulfill(status=500), times=1)
    choose_file(page, "lost.csv", SURVEY)
    expect(page.get_by_role("button", name="Analyse")).to_be_enabled()
    expect(page.locator("#said")).not_to_contain_text("Is each column")
    expect(page.locator("caption")).to_contain_text("quick.csv: ")


# -- the map of an analysis, live ----------------------------------------------------------------


def analysed(served: Served, *, title: str = "Survey", evil: bool = False, **run: int) -> str:
    """Let an analysis of invented answers be done; return its id."""
    header = served.api.key("admin") if served.api.settings.keys_needed else {}
    body = {"title": title, "rows": [{"comment": "late"}]}
    sent = httpx.post(f"{served.address}/v1/analyses", json=body, headers=header, timeout=60)
    analysis_id: str = sent.json()["id"]
    served.api.finish(analysis_id, **run)
    if evil:
        table = next(served.api.settings.data.glob("runs/*/index-1/feedback.parquet"))
        said = pl.col("verbatim") + f" {EVIL}"
        pl.read_parquet(table).with_columns(verbatim=said).write_parquet(table)
    return analysis_id


def told(served: Served, path: str, **query: str) -> Any:
    """Return what the API answers."""
    answer = httpx.get(f"{served.address}/v1{path}", params=query, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def show_map(served: Served, analysis_id: str) -> Page:
    """Open an analysis and wait for its map."""
    served.page.goto(f"{served.address}/analyses/{analysis_id}")
    expect(served.page.get_by_role("heading", name="Delivery")).to_be_visible()
    return served.page


def people(page: Page, stage: str) -> str:
    """Return how many people the map says speak of a stage."""
    shown = page.locator(".stage", has=page.get_by_role("heading", name=stage, exact=True))
    return shown.locator(".people b").inner_text()


@OPEN
def test_filters_are_live(served: Served) -> None:
    """Each filter changes the map to what the API says of that slice; the address keeps it."""
    analysis_id = analysed(served)
    page = show_map(served, analysis_id)
    whole = people(page, "Delivery")
    for label, value, query in (
        ("Channel", "app", {"channel": "app"}),
        ("Touchpoint", "delivery", {"touchpoint": "delivery"}),
        ("Plan", "pro", {"segment.plan": "pro"}),
        ("Score from", "3", {"score_min": "3"}),
        ("From", "2026-03-01", {"since": "2026-03-01"}),
        ("to and with", "2026-03-31", {"until": "2026-04-01"}),
        ("Text", "parcel", {"q": "parcel"}),
    ):
        field = page.locator("#filters").get_by_label(label, exact=True)
        listed = field.evaluate("node => node.tagName") == "SELECT"
        (field.select_option if listed else field.fill)(value)
        rows = told(served, f"/analyses/{analysis_id}/stages", **query)["items"]
        (wanted,) = [row["n_people"] for row in rows if row["stage"] == "delivery"]
        n_mentions = f"{sum(row['n_mentions'] for row in rows):,}"
        expect(page.locator("#slice")).to_contain_text(f"{n_mentions}\u00a0mentions")
        assert people(page, "Delivery") == str(wanted) != whole
        page.reload()
        expect(page.locator("#slice")).to_contain_text(n_mentions)
        (name, sent) = next(iter(query.items()))
        href = page.get_by_role("link", name="CSV of the slice").get_attribute("href")
        assert f"{name}={sent}" in str(href)
        page.get_by_role("button", name="Reset").click()
        expect(page.locator("#slice")).to_be_empty()
        assert people(page, "Delivery") == whole
    page.get_by_label("Text").fill("nobody ever said this")
    expect(page.locator("#apart")).to_have_text("Nobody passes these filters.")
    page.goto(f"{served.address}/analyses/{analysis_id}?utm_source=mail&channel=app")
    expect(page.locator("#slice")).to_contain_text("Slice: Channel: app. ")


@OPEN
def test_a_topic_is_renamed_where_it_stands(served: Served) -> None:
    """By keyboard alone: open a finding, rename it, see it in the map; its quotes run nothing."""
    analysis_id = analysed(served, evil=True)
    page = show_map(served, analysis_id)
    page.get_by_role("button", name="Parcel arrives late").first.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Parcel arrives late")).to_be_focused()
    expect(page.locator("blockquote").first).to_contain_text("<script>")
    assert grave(page) == []
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.type(f"Late {EVIL}")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Rename Parcel arrives late")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type(f"Late {EVIL}"[:190])
    page.keyboard.press("Enter")
    expect(page.locator("#panel-said")).to_contain_text("Renamed")
    expect(page.locator("#map").get_by_text("Late <script>").first).to_be_attached()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Late <script>").first).to_be_focused()
    topics = told(served, f"/analyses/{analysis_id}/topics")["items"]
    assert [one["label"][:13] for one in topics].count("Late <script>") == 1
    assert served.page.title() == "painpoints: Survey"
    assert served.watched.complaints == []


@OPEN
def test_a_label_is_corrected_in_two_clicks(served: Served) -> None:
    """A click on a label, a click on the right one; it is kept and shown again later."""
    page = show_map(served, analysed(served))
    page.get_by_role("button", name="Parcel arrives late").first.click()
    quote = page.locator(".quote").first
    quote.get_by_role("button", name="Stage Delivery").click()
    quote.get_by_role("button", name="Support", exact=True).click()
    expect(quote.get_by_role("status")).to_have_text("Stage corrected to Support")
    expect(quote.get_by_role("button", name="Stage Support")).to_be_focused()
    assert grave(page) == []
    (kept,) = told(served, "/labels")["items"]
    assert (kept["field"], kept["before"], kept["after"]) == ("stage", "delivery", "support")
    page.reload()
    page.get_by_role("button", name="Parcel arrives late").first.click()
    expect(page.get_by_role("button", name="Stage Support").first).to_be_visible()
    quote.get_by_role("button", name="Type").click()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_visible()
    expect(quote.locator(".options")).to_be_hidden()


@OPEN
def test_the_queue_is_worked_by_keyboard(served: Served) -> None:
    """Keys alone label, confirm, leave and go back; what they say is what is kept."""
    analysis_id = analysed(served)
    wanted = told(served, "/queue", limit="3")["items"]
    page = served.page
    page.goto(f"{served.address}/queue?analysis={analysis_id}")
    card = page.locator("#card")
    expect(card).to_be_focused()
    expect(card.locator("mark")).to_have_text(wanted[0]["text"])
    assert grave(page) == []
    page.keyboard.press("7")
    expect(page.locator("#said")).to_contain_text("Stage: Support. 1\u00a0label given")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("1")
    expect(page.locator("#said")).to_contain_text("Sentiment: Negative. 2\u00a0labels")
    page.keyboard.press("Enter")
    expect(card.locator("mark")).to_have_text(wanted[1]["text"])
    page.keyboard.press("ArrowDown")
    expect(card).to_contain_text("3 of")
    page.keyboard.press("ArrowUp")
    expect(card).to_contain_text("2 of")
    page.keyboard.press("z")
    given = {(one["mention_id"], one["field"], one["after"]) for one in told(served, "/labels")["items"]}  # fmt: skip
    first = wanted[0]["mention_id"]
    confirmed = {(first, "type", wanted[0]["type"])} if wanted[0]["type"] != "unsure" else set()
    assert given == {(first, "stage", "support"), (first, "sentiment", "negative")} | confirmed
    page.reload()
    expect(card.locator("mark")).to_have_text(wanted[1]["text"])


@OPEN
def test_nothing_that_is_not_there_is_written_as_a_word(served: Served) -> None:
    """Where a mention has no question, the queue does not say "null", nor does any panel."""
    analysis_id = analysed(served)
    table = next(served.api.settings.data.glob("runs/*/index-1/feedback.parquet"))
    asked = pl.lit(None, pl.String).alias("question")
    pl.read_parquet(table).with_columns(asked).write_parquet(table)
    page = served.page
    page.goto(f"{served.address}/queue?analysis={analysis_id}")
    expect(page.locator("#card mark")).to_be_visible()
    words = page.locator("#card").inner_text().split()
    assert not {"null", "undefined", "false"} & set(words)


@OPEN
def test_corrections_become_a_version_on_the_page(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A correction is learnt from, the version is judged, promoted and left again, by clicks."""
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("PAINPOINTS_MODELS", str(tmp_path / "models"))
    page = served.page
    analysed(served)
    page.goto(f"{served.address}/queue")
    expect(page.locator("#versions")).to_contain_text("shipped")
    page.get_by_label("Classifier", exact=True).select_option("fast")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#trained")).to_contain_text("no corrected labels yet")
    expect(page.locator("#card")).to_be_visible()  # a key pressed before there is a card is lost
    page.locator("#card").press("7")
    expect(page.locator("#said")).to_contain_text("Stage: Support")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.locator("#trained")).to_contain_text("Waits for its turn")
    work_on(served.api, told(served, "/retrain")["items"][0]["id"])
    expect(page.locator("#trained")).to_contain_text("from 1\u00a0corrected text")
    expect(page.locator("#judged")).to_contain_text("shipped corpus")
    assert grave(page) == []
    page.get_by_role("button", name="Promote own-1 of classifier-fast").click()
    expect(page.locator("#trained")).to_contain_text("own-1 is in force")
    page.get_by_role("button", name="Roll back own-1 of classifier-fast").click()
    expect(page.locator("#trained")).to_contain_text("own-1 is no longer in force")
    page.reload()
    expect(page.locator("#judged")).to_contain_text("shipped corpus")


@OPEN
def test_an_analysis_is_followed_in_the_list_and_removed(served: Served) -> None:
    """The list follows what is under way; an ended analysis is removed by two clicks, not one."""
    sent = httpx.post(f"{served.address}/v1/analyses", json={"rows": [{"a": "x"}]}, timeout=60)
    analysis_id = sent.json()["id"]
    page = served.page
    page.goto(served.address)
    expect(page.locator("#list tbody tr")).to_contain_text("queued")
    page.locator("#list tbody a").hover()
    page.mouse.down()  # a click that begins before the row is told anew ends on the same link
    served.api.finish(analysis_id)
    expect(page.locator("#list tbody tr")).to_contain_text("done")
    page.mouse.up()
    expect(page.get_by_role("heading", name="Delivery")).to_be_visible()
    page.get_by_role("button", name="Remove this analysis").click()
    page.get_by_role("button", name="Keep it").click()
    assert told(served, f"/analyses/{analysis_id}")["state"] == "done"
    page.get_by_role("button", name="Remove this analysis").click()
    page.get_by_role("button", name="Remove it with all it found").click()
    expect(page.locator("#none")).to_be_visible()
    assert told(served, "/analyses")["items"] == []


@OPEN
def test_an_analysis_says_how_far_it_is(served: Served) -> None:
    """What is under way is told in words, with how many steps there are."""
    sent = httpx.post(f"{served.address}/v1/analyses", json={"rows": [{"a": "x"}]}, timeout=60)
    claim = jobs.claim(served.api.database, "me", lease_s=600)
    assert claim is not None
    jobs.say_progress(served.api.database, claim, "redact", 30, 120)
    page = served.page
    page.goto(f"{served.address}/analyses/{sent.json()['id']}")
    expect(page.locator("#said")).to_have_text(
        "Under way: step 4 of 12, masking personal data (30 of 120)"
    )
    assert page.locator("#progress").evaluate("bar => bar.value") == pytest.approx(3.25 / 12)
    assert page.get_by_role("button", name="Remove this analysis").is_hidden()


@OPEN
def test_topics_are_decided_on_their_page(served: Served) -> None:
    """Renaming, owner, merging, watching and hiding are kept, and the map follows."""
    analysis_id = analysed(served)
    page = served.page
    page.goto(f"{served.address}/analyses/{analysis_id}/topics")
    page.get_by_label("Owner of App crashes").fill("Team App")
    page.keyboard.press("Tab")
    expect(page.locator("#said")).to_have_text("Owner kept.")
    page.get_by_label("Watched App crashes").check()
    expect(page.locator("#said")).to_have_text("Watched.")
    page.get_by_label("Hidden Long wait on the phone").check()
    expect(page.locator("#said")).to_have_text("Hidden.")
    assert grave(page) == []
    page.get_by_label("Dark mode wanted counts for").select_option(label="App crashes")
    expect(page.locator("#said")).to_contain_text("Merged")
    page.get_by_role("button", name="Rename App crashes").click()
    page.get_by_label("New name of the topic").fill("App breaks")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#said")).to_contain_text("Renamed")
    kept = {t["found_label"]: t for t in told(served, f"/analyses/{analysis_id}/topics")["items"]}
    app = kept["App crashes"]
    assert (app["label"], app["owner"], app["watched"]) == ("App breaks", "Team App", True)
    assert kept["Dark mode wanted"]["merged_into"] == app["topic_id"]
    page = show_map(served, analysis_id)
    expect(page.get_by_role("button", name="App breaks").first).to_be_visible()
    expect(page.get_by_text("Long wait on the phone")).to_have_count(0)


@OPEN
def test_what_is_open_outlives_the_counts(served: Served) -> None:
    """Counts that come late after a merge leave an open field, its words and its focus alone."""
    analysis_id, page, late = analysed(served), served.page, list[Route]()

    def hold(asked: Route) -> None:
        late.append(asked)

    page.goto(f"{served.address}/analyses/{analysis_id}/topics")
    row = page.locator("#topics tr", has=page.get_by_label("Hidden App crashes"))
    mentions = row.locator(".number")
    before = mentions.inner_text()
    page.route("**/topics", hold, times=1)
    page.get_by_label("Dark mode wanted counts for").select_option(label="App crashes")
    expect(page.locator("#said")).to_contain_text("Merged")
    page.get_by_role("button", name="Rename App crashes").click()
    field = page.get_by_label("New name of the topic")
    field.fill("App breaks")
    (counts,) = late
    counts.continue_()
    expect(mentions).not_to_have_text(before)
    expect(field).to_be_focused()
    expect(field).to_have_value("App breaks")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Rename App breaks")).to_be_focused()
    expect(page.get_by_label("Owner of App breaks")).to_be_visible()


@OPEN
def test_a_topic_is_split_by_words(served: Served) -> None:
    """Parts are named and told by words, counted before they are kept, and put together again."""
    analysis_id = analysed(served)
    page = served.page
    page.goto(f"{served.address}/analyses/{analysis_id}/topics")
    row = page.locator("#topics tr", has=page.get_by_text("Parcel arrives late")).first
    row.get_by_text("Split it").click()
    row.get_by_label("Name of part 1").fill("Late by weeks")
    row.get_by_label("Words of part 1").fill("week")
    row.get_by_label("Name of part 2").fill(EVIL[:150])
    word = row.locator(".choices .chip").first
    expect(word).to_be_visible()
    row.get_by_label("Words of part 2").focus()
    word.click()
    parts = row.locator(".part .soft")
    wanted = told(served, f"/analyses/{analysis_id}/topics/t04/split", words="week")["parts"][0]
    assert wanted > 0
    expect(parts.first).to_have_text(f"{wanted}\u00a0mentions")
    assert grave(page) == []
    row.get_by_role("button", name="Split", exact=True).click()
    expect(page.locator("#said")).to_contain_text("Split; counts follow")
    expect(page.locator("#topics")).to_contain_text("Part: holds week")
    expect(row.get_by_text("Split it")).to_be_focused()
    row.get_by_text("Split it").click()
    expect(row.get_by_role("button", name="Put it together again")).to_be_visible()
    kept = {t["topic_id"]: t for t in told(served, f"/analyses/{analysis_id}/topics")["items"]}
    assert kept["t04~1"]["n_mentions"] == wanted
    page = show_map(served, analysis_id)
    page.get_by_role("button", name="Late by weeks").first.click()
    expect(page.locator("blockquote").first).to_contain_text("week")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Parcel arrives late").first.click()
    page.get_by_text("Owner, merge, split, hide").click()
    page.get_by_text("Split it").click()
    page.get_by_role("button", name="Put it together again").click()
    expect(page.get_by_role("button", name="Late by weeks")).to_have_count(0)
    assert served.page.title() == "painpoints: Survey"


@OPEN
def test_two_analyses_are_compared(served: Served) -> None:
    """The page shows what the API says of two analyses; verdicts can be chosen."""
    before, now = analysed(served, title="May", n_people=12), analysed(served, title="June")
    page = served.page
    page.goto(f"{served.address}/analyses/{now}/compare")
    expect(page.get_by_label("Compared with")).to_have_value(before)
    wanted = told(served, f"/analyses/{now}/compare", **{"with": before})["items"]
    for verdict in ("rising", "new", "falling", "gone", "unchanged"):
        n = sum(one["verdict"] == verdict for one in wanted)
        name = f"{verdict.capitalize()} {n}"
        expect(page.get_by_role("button", name=name, exact=True)).to_be_visible()
    new = [one for one in wanted if one["verdict"] == "new"]
    assert 0 < len(new) < len(wanted)
    expect(page.locator("#changes tbody tr")).to_have_count(len(new))
    page.get_by_role("button", name="Unchanged").click()
    expect(page.locator("#changes tbody tr")).to_have_count(len(wanted))
    assert grave(page) == []


@OPEN
def test_what_if_changes_the_order(served: Served) -> None:
    """Less effort for one pain point moves it up by the stated formula."""
    page = show_map(served, analysed(served))
    rows = page.locator("#what-if tbody tr")
    last = rows.last.locator(".finding b").inner_text()
    page.get_by_label(f"Effort of {last}").last.fill("1")
    page.keyboard.press("Tab")
    moved = rows.filter(has=page.locator(".soft", has_text="▲")).first
    expect(moved.locator(".finding b")).to_have_text(last)


@OPEN
def test_fixes_are_entered_and_judged(served: Served) -> None:
    """A fix is entered by the form, its verdict is the API's, and it can be removed."""
    analysis_id = analysed(served)
    page = show_map(served, analysis_id)
    expect(page.locator("#fixes")).to_contain_text("No fix has been entered yet")
    page.get_by_text("Enter a fix").click()
    page.get_by_label("What was done").fill("Second courier")
    page.get_by_label("About").select_option(label="Parcel arrives late")
    page.get_by_label("Since").fill("2026-04-01")
    page.get_by_label("Hoped-for change").fill("-5")
    page.get_by_role("button", name="Enter", exact=True).click()
    expect(page.locator("#fixed")).to_contain_text("Entered")
    (wanted,) = told(served, f"/analyses/{analysis_id}/fixes")["items"]
    assert (wanted["fix"]["expected"], wanted["fix"]["stage"]) == (-0.05, None)
    expect(page.locator("#fixes tbody tr")).to_contain_text(wanted["reason"])
    assert grave(page) == []
    page.get_by_role("button", name="Remove Second courier").click()
    expect(page.locator("#fixes")).to_contain_text("No fix has been entered yet")
    assert told(served, "/fixes")["items"] == []


@OPEN
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone(served: Served, browser: Browser, scheme: Literal["light", "dark"]) -> None:  # fmt: skip
    """At 390 pixels nothing is wider than the screen, and axe finds nothing serious."""
    before, now = analysed(served, title="May"), analysed(served, title="June", seed=3)
    assert before
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    base = f"{served.address}/analyses"
    for address, ready in (
        (base, "#list tbody tr"),
        (f"{base}/{now}", ".stage"),
        (f"{base}/{now}/topics", "#topics tbody tr"),
        (f"{base}/{now}/compare", "#verdicts .chip"),
        (f"{served.address}/queue", "#card .options"),
    ):
        page.goto(address)
        page.wait_for_selector(ready)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert (address, wide <= 390, grave(page)) == (address, True, [])
        if address.endswith("/topics"):  # every field is on the screen, none beside it
            box = page.get_by_label("Hidden App crashes").bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= 390
    page.goto(f"{base}/{now}")
    box = page.locator("#what-if input").last.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 390
    page.get_by_role("button", name="Parcel arrives late").first.click()
    page.wait_for_selector(".quote")
    assert page.evaluate("document.querySelector('#panel').scrollWidth") <= 390
    context.close()


@pytest.mark.parametrize("served", [True], indirect=True, ids=["keyed"])
def test_who_may_only_read_is_offered_no_changes(served: Served) -> None:
    """A key without the scope label sees everything and is not invited to change it."""
    analysis_id = analysed(served)
    enter(served, "read")
    page = show_map(served, analysis_id)
    page.get_by_role("button", name="Parcel arrives late").first.click()
    expect(page.locator(".quote").first).to_be_visible()
    expect(page.get_by_role("button", name="Rename")).to_have_count(0)
    expect(page.get_by_role("button", name="Remove this analysis")).to_be_hidden()
    assert "null" not in page.locator("#panel").inner_text().split()
    expect(page.locator(".quote .chip").first).to_be_disabled()
    page.goto(f"{served.address}/queue")
    expect(page.locator("#said")).to_contain_text("lacks the scope label")
    expect(page.get_by_role("button", name="The rest is right")).to_be_disabled()
