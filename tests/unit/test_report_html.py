"""The page as a file: self-contained, inert data, a policy that fits its own script."""

import json
import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from tests.sample_map import IMAGE, SCRIPT, counted, sample

from painpoints.report import html

JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)  # fmt: skip


class Parts(HTMLParser):
    """Collects what stands inside script and style, and every tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the tag."""
        self.tags.append((tag, dict(attrs)))
        if tag in self.inside:
            self.inside[tag].append("")

    def handle_data(self, data: str) -> None:
        """Remember text of script and style."""
        tag = self.tags[-1][0] if self.tags else ""
        if tag in self.inside and self.cdata_elem == tag:
            self.inside[tag][-1] += data


def parsed(text: str) -> Parts:
    """Return the parts of the page."""
    parts = Parts()
    parts.feed(text)
    parts.close()
    return parts


@given(JSON_LIKE)
def test_the_data_block_is_inert_and_exact(value: object) -> None:
    """No text can end the data block, and reading it gives the values back."""
    block = html.data_block({"value": value})
    assert not set("<>&") & set(block)
    assert json.loads(block) == {"value": value}


def test_numbers_unknown_to_json_become_null() -> None:
    """NaN and infinity never reach the page."""
    assert json.loads(html.data_block({"x": [float("nan"), float("inf"), 1.5]})) == {
        "x": [None, None, 1.5]
    }


def test_the_policy_names_the_hash_of_this_very_script() -> None:
    """Only the page's own script and style may run, each by its hash; nothing loads."""
    journey, rows = sample(60)
    parts = parsed(html.page(journey, rows, n_evidence_total=len(rows)))
    policy = next(a["content"] for t, a in parts.tags if t == "meta" and "http-equiv" in a)
    assert policy is not None
    data, script = parts.inside["script"]
    for content, kind in ((script, "script-src"), (parts.inside["style"][0], "style-src")):
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert json.loads(data)["version"] == 1


def test_the_page_asks_for_nothing() -> None:
    """No tag of the page points outside of it, and none carries a handler or a style."""
    journey, rows = sample(60)
    for tag, attributes in parsed(html.page(journey, rows, n_evidence_total=len(rows))).tags:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}
        assert not {"src", "action", "style"} & set(attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")


def test_texts_in_the_frame_are_escaped() -> None:
    """Title, labels, reasons and conventions of any content add no tag to the page."""
    journey, rows = sample(200)
    plain = parsed(html.page(journey, rows, n_evidence_total=len(rows)))
    stage = replace(journey.stages[0], stage=replace(journey.stages[0].stage, title=SCRIPT))
    nasty = replace(
        journey,
        title=SCRIPT + IMAGE,
        period=IMAGE,
        previous_period=SCRIPT,
        left_out=dict.fromkeys([SCRIPT, *list(journey.left_out)[1:]], 3),
        conventions=dict.fromkeys([IMAGE, *list(journey.conventions)[1:]], SCRIPT),
        stages=(stage, *journey.stages[1:]),
    )
    planted = parsed(html.page(nasty, rows, n_evidence_total=len(rows)))
    assert [tag for tag, _ in planted.tags] == [tag for tag, _ in plain.tags]


def test_the_page_without_data_is_small() -> None:
    """Frame, style and script weigh under 150 kB, far below the bound of 600."""
    assert len(html.page(counted(()), (), n_evidence_total=0).encode()) < 150_000


def test_the_page_is_the_same_every_time() -> None:
    """The same map gives the same page, letter by letter."""
    journey, rows = sample(60)
    first = html.page(journey, rows, n_evidence_total=len(rows))
    assert first == html.page(journey, rows, n_evidence_total=len(rows))


def test_a_cap_is_said() -> None:
    """Where not all mentions travel, the page says how many of how many do."""
    journey, rows = sample(60)
    text = html.page(journey, rows, n_evidence_total=12_345)
    assert f"{len(rows)} of 12,345 mentions travel with this page" in text
    assert "travel with this page" not in re.sub(
        r"<script.*?</script>",
        "",
        html.page(journey, rows, n_evidence_total=len(rows)),
        flags=re.DOTALL,
    )


def test_slices_rank_from_the_minimum_of_the_analysis() -> None:
    """The page is told from how many people on groups are ranked, whatever sizes there are."""
    journey, rows = sample(60)
    for least in (1, 10):
        text = html.page(replace(journey, min_people=least), rows, n_evidence_total=len(rows))
        assert json.loads(parsed(text).inside["script"][0])["map"]["min_people"] == least
