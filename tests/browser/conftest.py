"""Headless Chromium for the tests of the page; one browser for all of them.

The browser is the system's: Debian's package `chromium`, or what TEST_CHROMIUM names.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from painpoints.report import page as drawn_page
from tests.browser.watched import Watched
from tests.sample_map import sample

expect.set_options(timeout=60_000)  # a busy machine takes seconds for what an idle one does at once

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return where Chromium lies; without it the test fails and says what to install."""
    found = os.environ.get("TEST_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None or not Path(found).exists():
        pytest.fail(
            "no Chromium to test the page with: install it (Debian: apt-get install chromium),"
            " or set TEST_CHROMIUM to its path, or leave these tests out by -m 'not browser'"
        )
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """Return the running browser."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def sample_html() -> str:
    """Return the page of the sample map."""
    journey, rows = sample(2000)
    return drawn_page(journey, rows, n_evidence_total=len(rows))


Opener = Callable[..., Watched]


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Return a function that opens a page from its text, as a file, and watches it."""
    opened: list[Page] = []

    def open_(
        html: str, *, address: str = "", width: int = 1440, height: int = 900, scheme: str = "light"
    ) -> Watched:
        file = tmp_path / f"page{len(opened)}.html"
        file.write_text(html, encoding="utf-8")
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        context.set_default_timeout(60_000)
        page = context.new_page()
        opened.append(page)
        watched = Watched(page)
        page.goto(file.as_uri() + address)
        page.wait_for_selector("#filters:not([hidden]), #map-view > *", state="attached")
        return watched

    yield open_
    for page in opened:
        page.context.close()
