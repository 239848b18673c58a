"""A page that remembers everything that it asked for and complained about."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


class Watched:
    """A page, with the requests it made and the messages of its console."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text))

    def is_clean(self) -> bool:
        """Return whether it asked for itself alone and nothing complained."""
        return len(self.requests) == 1 and not self.complaints

    def table(self, caption: str) -> list[dict[str, str]]:
        """Return the cells of the table with this caption by the titles of their columns."""
        rows: list[dict[str, str]] = self.page.evaluate(
            """caption => {
                const table = [...document.querySelectorAll("table")].find((t) => t.caption?.textContent === caption);
                const head = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
                return [...table.tBodies[0].rows].map((row) => Object.fromEntries([...row.cells].map((cell, i) => [head[i], cell.textContent])));
            }""",
            caption,
        )
        return rows

    def choose(self, label: str, value: str) -> None:
        """Set a filter, by its label, and wait until the page has recounted."""
        field = self.page.locator("#filters").get_by_label(label, exact=True)
        if field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
        self.page.wait_for_function(
            "value => [...new URLSearchParams(location.hash.slice(1)).values()].includes(value)",
            arg=value,
        )


def grave(page: Page) -> list[tuple[str, str, str]]:
    """Return what axe finds serious or critical once all stands still: rule, element and why.

    What still slides in is half transparent, and paler than any reader will see it.
    """
    page.evaluate(
        """() => Promise.all(document.getAnimations()
            .filter((one) => one.effect.getComputedTiming().endTime < Infinity)
            .map((one) => one.finished.catch(() => null)))"""
    )
    found = Axe().run(page).response["violations"]
    return [
        (one["id"], one["nodes"][0]["html"][:160], one["nodes"][0]["failureSummary"])
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]
