"""The figure: valid SVG and PNG for any map, the same bytes every time, nothing fetched."""

import struct
import xml.etree.ElementTree as ET
import zlib
from dataclasses import replace

import pytest
from tests.sample_map import IMAGE, SCRIPT, STAGES, counted, evidence, sample

from painpoints.report import figures


def texts(drawn: str) -> str:
    """Return all letters of an SVG, which must be well-formed."""
    return " ".join(ET.fromstring(drawn).itertext())  # noqa: S314 - drawn by ourselves


@pytest.fixture(scope="module")
def drawn() -> str:
    """Return the figure of the sample map."""
    return figures.svg(sample(2000)[0])


def test_the_figure_tells_the_map(drawn: str) -> None:
    """Headline, stages, numbers and top pain points stand in the SVG as text."""
    said = texts(drawn)
    assert "What hurts most: " in said
    for stage in STAGES:
        assert stage.title in said
    assert "Router arrives late" in said
    assert "NPS" in said


def test_the_same_map_gives_the_same_bytes(drawn: str) -> None:
    """Drawing twice gives the same SVG and the same PNG."""
    assert figures.svg(sample(2000)[0]) == drawn
    assert figures.raster(drawn) == figures.raster(drawn)


def test_png_is_whole(drawn: str) -> None:
    """The PNG is two pixels to the unit and every chunk of it carries the right check sum."""
    picture = figures.raster(drawn)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    at, kinds = 8, []
    while at < len(picture):
        n, kind = struct.unpack(">I4s", picture[at : at + 8])
        content = picture[at + 4 : at + 8 + n]
        assert struct.unpack(">I", picture[at + 8 + n : at + 12 + n])[0] == zlib.crc32(content)
        kinds.append(kind)
        at += 12 + n
    assert kinds[0] == b"IHDR"
    assert kinds[-2:] == [b"IDAT", b"IEND"]
    width = struct.unpack(">I", picture[16:20])[0]
    assert width == round(2 * float(ET.fromstring(drawn).attrib["width"]))  # noqa: S314 - our own


def test_texts_stay_text() -> None:
    """Markup, control characters and other alphabets in labels add no element to the SVG."""
    journey, _ = sample(800)
    view = journey.stages[3]
    nasty = replace(view.pain_points[0], label=f"{SCRIPT} {IMAGE}\x00\x0b الراوتر")
    stage = replace(
        view, pain_points=(nasty, *view.pain_points[1:]), stage=replace(view.stage, title="<b>&")
    )
    drawn = figures.svg(replace(journey, title=SCRIPT, stages=(*journey.stages[:3], stage)))
    tags = {node.tag.rpartition("}")[2] for node in ET.fromstring(drawn).iter()}  # noqa: S314 - our own
    assert tags <= {
        "svg",
        "g",
        "path",
        "text",
        "rect",
        "line",
        "defs",
        "clipPath",
        "tspan",
        "title",
    }
    assert "<b>&" in texts(drawn)


def test_an_empty_map_is_drawn() -> None:
    """A map without any mention says so instead of failing."""
    assert "No feedback could be analysed." in texts(figures.svg(counted(())))


def test_one_stage_is_drawn_wide() -> None:
    """A map of one stage has its numbers and room for its title."""
    rows = [row for row in evidence(800) if row.stage == "use"]
    said = texts(figures.svg(counted(rows, STAGES[5:6])))
    assert "Use" in said
    assert "Connection drops in the evening" in said


def test_too_few_people_stand_beside_the_curve(drawn: str) -> None:
    """A stage of too few people shows its n in place of a value, and no pain point is ranked."""
    said = texts(drawn)
    assert "too few to rank (n " in said


def test_nothing_may_be_fetched() -> None:
    """The specification holds its data; it points at no place to load from."""
    told = str(figures.spec(sample(60)[0]))
    assert "'url'" not in told
