"""The page in a real browser: what a reader sees, clicks, filters and prints."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect

from painpoints.domain import Change
from painpoints.report import diff
from painpoints.report import page as drawn_page
from painpoints.report.sections import sections
from tests.browser.watched import Watched, grave
from tests.sample_map import IMAGE, NASTY, SCRIPT, STAGES, counted, evidence, sample
from tests.unit.test_report_diff import FOUND
from tests.unit.test_report_sections import by_name
from tests.unit.test_report_sections import told as told_map

Opener = Callable[..., Watched]


def test_it_opens_offline_without_complaint(show: Opener, sample_html: str) -> None:
    """The page asks for nothing but itself, and no rule of its policy is broken."""
    seen = show(sample_html)
    expect(seen.page.locator("#claim")).to_have_text(
        "What hurts most: Router arrives late, in Delivery."
    )
    assert seen.page.locator("article.stage").count() == 8
    assert seen.is_clean()


def test_the_map_counts_answers_where_people_are_not_known(show: Opener) -> None:
    """The row of voices is called what is counted in it."""
    journey, rows = sample(300)
    for known, head in ((True, "People"), (False, "Answers")):
        page = show(
            drawn_page(replace(journey, people_known=known), rows, n_evidence_total=300)
        ).page
        expect(page.locator(".lane-label.lane-voices b")).to_have_text(head)


def nasty_page() -> str:
    """Return a page with scripts in every text that comes from outside."""
    bad = SCRIPT + IMAGE
    rows = tuple(
        replace(
            row,
            verbatim=bad + row.verbatim[row.start : row.end] + bad,
            start=len(bad),
            end=len(bad) + row.end - row.start,
            source=bad,
            channel=bad if i % 2 else IMAGE,
            question=bad,
            touchpoint=bad,
            segments={f"plan{bad}": bad, "__proto__": "x", "region": IMAGE},
        )
        for i, row in enumerate(evidence(300))
    )
    nasty = counted(rows)
    stages = tuple(
        replace(
            view,
            stage=replace(view.stage, title=f"{view.stage.title}{bad}", description=bad),
            pain_points=tuple(
                replace(f, label=bad, why=bad, priority_formula=bad) for f in view.pain_points
            ),
            opportunities=tuple(replace(f, label=bad, opportunity=bad) for f in view.opportunities),
            listed_apart=tuple(replace(f, label=bad) for f in view.listed_apart),
        )
        for view in nasty.stages
    )
    nasty = replace(
        nasty, title=bad, period=bad, previous_period=bad, stages=stages,
        conventions={bad: bad}, left_out={bad: 3}, filters={bad: (bad, "x")},
    )  # fmt: skip
    return drawn_page(nasty, rows, n_evidence_total=len(rows))


def test_no_text_runs(show: Opener) -> None:
    """Scripts in quotes, labels, segments, channels and titles stay text wherever they show."""
    seen = show(nasty_page())
    page = seen.page
    for selector in (
        "[data-stage=delivery] .stage-open",
        ".card",
        "[data-stage=use] .tally",
        "button.point >> nth=3",
    ):
        page.locator(selector).first.click()
        expect(page.locator("dialog[open] blockquote").first).to_contain_text("<script>")
        page.keyboard.press("Escape")
    page.locator("#as-table").click()
    seen.choose("Text", "<script>")
    page.locator("#filter-channel").select_option(index=1)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_timeout(100)
    assert page.evaluate("window.pwned") is None
    assert page.locator("img, main script, dialog script").count() == 0
    assert seen.is_clean()


def test_nasty_texts_are_quoted_to_the_letter(show: Opener, sample_html: str) -> None:
    """Markup, Arabic, emoji, formulas and odd separators are marked exactly as they were said."""
    seen = show(sample_html)
    rows = evidence(len(NASTY))
    firsts = {row.feedback_id: row for row in reversed(rows)}
    for said, row in zip(NASTY, [firsts[key] for key in sorted(firsts)], strict=True):
        if row.stage == "none":
            continue
        seen.page.goto(seen.page.url.partition("#")[0] + f"#stage={row.stage}")
        seen.page.reload()
        seen.page.locator("dialog input[type=search]").fill(said)
        marks = seen.page.locator("dialog mark").evaluate_all(
            "nodes => nodes.map((n) => n.textContent)"
        )
        assert row.verbatim[row.start : row.end] in marks
    assert seen.page.evaluate("window.pwned") is None


def test_a_finding_leads_to_its_quotes(show: Opener, sample_html: str) -> None:
    """Enter on a finding opens its evidence; the address leads there again; Escape closes it."""
    journey, rows = sample(2000)
    top = journey.stages[3].pain_points[0]
    quotes = {
        row.verbatim[row.start : row.end] for row in rows if row.mention_id in top.evidence_ids
    }
    seen = show(sample_html)
    card = seen.page.locator(f".card[data-finding='{top.finding_id}']")
    card.focus()
    seen.page.keyboard.press("Enter")
    expect(seen.page.locator("#panel-title")).to_have_text(top.label)
    expect(seen.page.locator("dialog")).to_contain_text(f"Quotes 1 to 12 of {top.n_mentions}")
    told = seen.page.locator("dialog mark").evaluate_all("nodes => nodes.map((n) => n.textContent)")
    assert len(told) == 12
    assert set(told) <= quotes
    address = seen.page.url.partition("#")[2]
    seen.page.keyboard.press("Escape")
    expect(seen.page.locator("dialog")).not_to_be_visible()
    expect(card).to_be_focused()
    expect(seen.page).not_to_have_url(re.compile("#"))
    again = show(sample_html, address=f"#{address}")
    expect(again.page.locator("#panel-title")).to_have_text(top.label)
    assert again.is_clean()


def test_quotes_are_paged_and_searched(show: Opener, sample_html: str) -> None:
    """Pages follow each other, a search keeps only what has the words, an order is kept."""
    seen = show(sample_html, address="#stage=support")
    page = seen.page
    first = page.locator("dialog blockquote").first.text_content()
    page.get_by_role("button", name="Later").click()
    assert page.locator("dialog blockquote").first.text_content() != first
    page.get_by_label("Search in these quotes").fill("refund")
    told = page.locator("dialog blockquote").all_text_contents()
    assert told
    assert all("refund" in text.lower() for text in told)
    page.get_by_label("Search in these quotes").fill("")
    page.get_by_label("Order of the quotes").select_option("lowest")
    scores = [
        int(m.group(1))
        for text in page.locator(".said").all_text_contents()
        if (m := re.search(r"NPS (\d+)", text))
    ]
    assert scores == sorted(scores)


def test_a_long_answer_is_folded_around_the_mention(show: Opener, sample_html: str) -> None:
    """Of a long answer the surroundings of the mention show, and one click shows all of it."""
    row = next(row for row in evidence(12) if row.feedback_id == "NF-00012")
    seen = show(sample_html, address=f"#stage={row.stage}")
    page = seen.page
    page.get_by_label("Search in these quotes").fill("And on day 66 we rang")
    quote = page.locator("dialog blockquote").first
    assert len(quote.text_content() or "") < 800
    page.get_by_role("button", name="Show the whole answer").first.click()
    assert quote.text_content() == row.verbatim


def test_filters_recount_from_the_mentions(show: Opener, sample_html: str) -> None:
    """A slice shows the people and mentions that counting the evidence by hand gives."""
    _, rows = sample(2000)
    seen = show(sample_html)
    seen.choose("Plan", "Pro")
    seen.choose("Channel", "phone")
    kept = [row for row in rows if row.segments["plan"] == "Pro" and row.channel == "phone"]
    expect(seen.page.locator("#status")).to_contain_text(
        f"computed from {len(kept)} of {len(rows):,} mentions"
    )
    told = {row["Stage"]: row for row in seen.table("Stages of the journey")}
    for stage in STAGES:
        here = [row for row in kept if row.stage == stage.name]
        assert told[stage.title]["Mentions"] == str(len(here))
        assert told[stage.title]["People"] == str(len({row.person for row in here}))
    seen.page.locator("#filter-reset").click()
    expect(seen.page.locator("#status")).to_have_text("")
    assert "#" not in seen.page.url


def test_a_slice_does_not_show_the_change_of_the_whole(show: Opener) -> None:
    """The line against the period before is the whole map's, and goes while a filter is on."""
    journey, rows = sample(400)
    fell = Change(-56.0, -53.0, 0.01, "z", "rising", "nps")
    html = drawn_page(replace(journey, changes=(fell,)), rows, n_evidence_total=len(rows))
    seen = show(html)
    line = seen.page.locator("#changes")
    expect(line).to_be_visible()
    seen.choose("Plan", "Pro")
    expect(line).to_be_hidden()
    seen.page.locator("#filter-reset").click()
    expect(line).to_be_visible()


def test_clear_outruns_a_search_being_typed(show: Opener, sample_html: str) -> None:
    """What was typed a moment before Clear does not come back."""
    seen = show(sample_html)
    seen.page.evaluate(
        """async () => {
            const search = document.getElementById("filter-text");
            search.value = "router";
            search.dispatchEvent(new Event("input"));
            document.getElementById("filter-reset").click();
            await new Promise((later) => setTimeout(later, 400));
        }"""
    )
    expect(seen.page.locator("#filter-text")).to_have_value("")
    expect(seen.page.locator("#status")).to_have_text("")
    assert "#" not in seen.page.url


def test_filters_travel_in_the_address(show: Opener, sample_html: str) -> None:
    """The address of a filtered view opens the same view."""
    seen = show(sample_html)
    seen.choose("Region", "Islands")
    seen.choose("Score", "low")
    seen.choose("From", "2026-02-01")
    seen.choose("Text", "router")
    again = show(sample_html, address="#" + seen.page.url.partition("#")[2])
    assert (
        again.page.locator("#status").text_content() == seen.page.locator("#status").text_content()
    )
    assert again.table("Stages of the journey") == seen.table("Stages of the journey")


def test_small_groups_are_named_not_ranked(show: Opener, sample_html: str) -> None:
    """In a small slice findings of too few people are listed apart, with their number."""
    seen = show(sample_html)
    seen.choose("Plan", "Pro")
    seen.choose("Region", "Town")
    seen.choose("Channel", "store")
    expect(seen.page.locator("#apart")).to_be_visible()
    reach = [int(row["People"]) for row in seen.table("Told by too few people to rank")]
    ranked = seen.page.locator("#findings-view tbody tr")
    assert max(reach) < 5
    assert ranked.count() < len(reach)


def test_a_capped_page_says_so(show: Opener) -> None:
    """Where only some mentions travel, a filtered view says of how many it is computed."""
    journey, rows = sample(300)
    seen = show(drawn_page(journey, rows, n_evidence_total=99_000))
    seen.choose("Plan", "Basic")
    expect(seen.page.locator("#status")).to_contain_text(
        f"({len(rows)} of the 99,000 mentions travel with this page)"
    )


def test_tables_sort_by_any_column(show: Opener, sample_html: str) -> None:
    """A click on a column's head sorts by it, a second one the other way, and says so."""
    seen = show(sample_html)
    seen.page.locator("#as-table").click()
    people = seen.page.locator("#table-view th", has_text="People").first
    for order, down in (("descending", True), ("ascending", False)):
        people.locator("button").click()
        expect(people).to_have_attribute("aria-sort", order)
        told = [int(row["People"]) for row in seen.table("Stages of the journey")]
        assert told == sorted(told, reverse=down)


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (1440, "dark"), (390, "light")])
def test_it_is_accessible(show: Opener, sample_html: str, width: int, scheme: str) -> None:
    """Axe finds nothing serious or critical, on the map, in the tables and in the evidence."""
    seen = show(sample_html, width=width, scheme=scheme)
    assert grave(seen.page) == []
    for chosen, shown in (
        ("#as-table", "#table-view"),
        ("#as-map", "#map-view"),
        (".card", "dialog[open]"),
    ):
        seen.page.locator(chosen).locator("visible=true").first.click()
        expect(seen.page.locator(shown)).to_be_visible()
        assert grave(seen.page) == []


def test_a_phone_never_scrolls_sideways(show: Opener, sample_html: str) -> None:
    """At 390 px the page is as wide as the screen; the stage that hurts most stands open."""
    seen = show(sample_html, width=390, height=844)
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert seen.page.locator("article.open").get_attribute("data-stage") == "delivery"
    seen.page.get_by_role("button", name="Support: show the details").click()
    expect(seen.page.locator("article[data-stage=support] .card").first).to_be_visible()
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_figure_of_changes_stays_readable_on_a_phone(browser: Browser) -> None:
    """Its texts keep their size and it scrolls within its frame; the page does not."""
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_content(diff.diff_page(FOUND, {}))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    names = page.locator(".dumbbells .name")
    assert names.first.evaluate("node => node.getBoundingClientRect().height") >= 9
    page.close()


def test_the_theme_can_be_chosen(show: Opener, sample_html: str) -> None:
    """The button turns a light page dark whatever the system says."""
    page = show(sample_html).page
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    expect(page.locator("#theme")).to_have_text("Light")


def test_it_prints_on_landscape_pages(show: Opener, sample_html: str) -> None:
    """The PDF is A4 landscape; quotes are appended only when asked for."""
    page = show(sample_html).page

    def n_pages() -> tuple[int, bytes]:
        pdf = page.pdf(prefer_css_page_size=True)
        return len(re.findall(rb"/Type\s*/Page\b", pdf)), pdf

    few, pdf = n_pages()
    box = re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert box is not None
    assert (round(float(box[1])), round(float(box[2]))) == (842, 595)
    page.locator("#with-quotes").check()
    assert few < n_pages()[0]


@pytest.mark.parametrize("n_stages", [1, 8])
def test_an_empty_map_is_a_page(show: Opener, n_stages: int) -> None:
    """Without any mention the page says so, and no filter pretends to be of use."""
    seen = show(drawn_page(counted((), STAGES[:n_stages]), (), n_evidence_total=0))
    expect(seen.page.locator("#claim")).to_have_text("No feedback could be analysed.")
    expect(seen.page.locator("#filters")).not_to_be_visible()
    assert seen.page.locator("article.stage").count() == n_stages
    assert seen.is_clean()


def test_one_stage_is_a_map(show: Opener) -> None:
    """A journey of one stage has its numbers, its findings and its evidence."""
    rows = [row for row in evidence(600) if row.stage == "use"]
    seen = show(drawn_page(counted(rows, STAGES[5:6]), rows, n_evidence_total=len(rows)))
    seen.page.locator(".card").first.click()
    expect(seen.page.locator("dialog mark").first).to_be_visible()
    assert seen.is_clean()


def test_a_gap_stays_a_gap(show: Opener) -> None:
    """The curve leaves out stages of which nobody speaks; a change of score is no percentage."""
    rows = [row for row in evidence(1500) if row.stage not in {"delivery", "awareness"}]
    journey = counted(rows)
    stages = tuple(
        replace(view, change=Change(-56.0, -53.0, 1.0, "z", "unchanged", "nps"))
        for view in journey.stages
    )
    seen = show(drawn_page(replace(journey, stages=stages), rows, n_evidence_total=len(rows)))
    assert seen.page.locator(".emotion path.line").count() == 2
    expect(seen.page.locator(".change").first).to_contain_text("−56 → −53 NPS")


def test_sections_open_their_evidence(show: Opener) -> None:
    """What stands below the map is drawn with its figures; a row opens exactly its mentions."""
    journey, rows = told_map()
    seen = show(drawn_page(journey, rows, n_evidence_total=len(rows)))
    for section in sections(journey):
        place = seen.page.locator(f"#{section.name}")
        expect(place.locator("h2")).to_have_text(section.title)
        expect(place.locator(".lead-line")).to_have_text(section.lead)
        if section.figure:
            assert place.locator("svg").count() >= 1
    emerging = by_name(journey)["emerging"]
    seen.page.locator("#emerging tbody .link").first.click()
    n = len(emerging.sets["emerging:0"][1])
    expect(seen.page.locator("#panel")).to_contain_text(f"Quotes 1 to {n} of {n}")
    assert "set=emerging" in seen.page.url
    assert seen.is_clean()
