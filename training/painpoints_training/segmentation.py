"""Judge how verbatims are cut: both ways against marked mentions, and against each other.

    python -m painpoints_training.segmentation --model models/segmenter/1 --marked training/corpus/segmentation.jsonl

Marked files are JSONL with `verbatim` and `mentions`, each mention [start, end] or its exact
text. Exact F1 wants both ends right once marks and conjunctions at the edges are trimmed;
boundary F1 asks only where one mention gives way to the next, a word's length of play allowed.
Rules were bettered on the even lines of a file; the odd lines are what is reported.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from painpoints.segment import Segmenter
from painpoints.segment.sentences import Span, trim

PLAY = 6
"""Characters by which a boundary may be off in the relaxed figure ("but ", ", and ")."""


@dataclass(frozen=True, slots=True)
class Marked:
    """One verbatim with its mentions as a person marked them."""

    verbatim: str
    mentions: tuple[Span, ...]


def read_marked(file: Path) -> list[Marked]:
    """Return the marked verbatims of a JSONL file, one-sided texts only (no transcripts)."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [_marked(row) for row in rows if "Agent:" not in row["verbatim"]]


def _marked(row: dict[str, object]) -> Marked:
    text = str(row["verbatim"])
    spans: list[Span] = []
    for mention in row["mentions"]:  # type: ignore[attr-defined] # JSON of a known shape
        if isinstance(mention, dict):
            start = text.find(mention["text"], spans[-1][1] if spans else 0)
            spans.append((start, start + len(mention["text"])))
        else:
            spans.append((mention[0], mention[1]))
    return Marked(text, tuple(spans))


def bare(text: str, span: Span) -> Span:
    """Return the span without the marks and conjunctions at its edges."""
    start, end = trim(text, *span)
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return start, end


def f1(n_hit: int, n_found: int, n_true: int) -> float:
    """Return the harmonic mean of precision and recall, 1 where there was nothing to find."""
    return 2 * n_hit / (n_found + n_true) if n_found + n_true else 1.0


def exact_f1(marked: Sequence[Marked], found: Sequence[Sequence[Span]]) -> float:
    """Return the F1 of mentions whose two ends are both right."""
    pairs = [
        ({bare(m.verbatim, s) for s in m.mentions}, {bare(m.verbatim, s) for s in spans})
        for m, spans in zip(marked, found, strict=True)
    ]
    hits = sum(len(true & got) for true, got in pairs)
    return f1(hits, sum(len(got) for _, got in pairs), sum(len(true) for true, _ in pairs))


def boundary_f1(true: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]) -> float:
    """Return the F1 of the places where a mention begins, the first of a verbatim left out."""
    n_hit = n_found = n_true = 0
    for spans, got in zip(true, found, strict=True):
        wanted = [s for s, _ in spans][1:]
        starts = [s for s, _ in got][1:]
        n_hit += sum(any(abs(s - w) <= PLAY for s in starts) for w in wanted)
        n_found += len(starts)
        n_true += len(wanted)
    return f1(n_hit, n_found, n_true)


def figures(
    marked: Sequence[Marked], cut: Callable[[list[str]], list[list[Span]]]
) -> dict[str, float]:
    """Return exact and boundary F1 of one way of cutting."""
    found = cut([m.verbatim for m in marked])
    return {
        "exact_f1": round(exact_f1(marked, found), 3),
        "boundary_f1": round(boundary_f1([m.mentions for m in marked], found), 3),
    }


def main() -> None:
    """Print the figures of both ways on each file, and how far they agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, required=True, help="folder of the segmenter")
    parser.add_argument("--marked", type=Path, nargs="+", required=True, help="JSONL files")
    wish = parser.parse_args()
    ways = {way: Segmenter.load(wish.model, parse=way == "parsed") for way in ("fast", "parsed")}
    for file in wish.marked:
        marked = read_marked(file)
        for half, rows in (("tuned", marked[::2]), ("held out", marked[1::2])):
            for way, segmenter in ways.items():
                print(file.name, half, len(rows), way, figures(rows, segmenter.spans), flush=True)
        texts = [m.verbatim for m in marked]
        agreement = boundary_f1(ways["parsed"].spans(texts), ways["fast"].spans(texts))
        print(file.name, "fast against parsed, boundary F1", round(agreement, 3))


if __name__ == "__main__":
    main()
