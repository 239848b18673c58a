"""Cut verbatims into mentions (spans on one subject), and read names and phrases off them.

Two ways with one interface: `parse=True` asks the dependency parser where a clause with a
subject of its own begins; `parse=False` decides by rules over word lists, for large runs.
`sentences` finds what no mention reaches across, `clauses` and `parse` cut inside a sentence.
Which mentions say anything is left to the classifier and the topics.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from painpoints.errors import ModelError
from painpoints.segment import clauses, names, parse, phrases
from painpoints.segment.phrases import Phrase
from painpoints.segment.sentences import Span, mentions, sentences
from painpoints.tables import MENTIONS

__all__ = ["Phrase", "Segmenter", "Span", "cut_fast"]

CUSTOMER = "customer"

Turns = list[dict[str, Any]] | None


@dataclass(frozen=True, slots=True)
class Segmenter:
    """Cuts feedback into mentions; made by `load` alone.

    folder: of the spaCy pipeline, read on first use.
    parse:  whether clauses are found by the parser.
    """

    folder: Path
    parse: bool

    @classmethod
    def load(cls, folder: Path, *, parse: bool = True) -> "Segmenter":
        """Return the segmenter whose pipeline lies in `folder`.

        Raises:
            ModelError: if there is no pipeline.
        """
        if not (folder / "meta.json").is_file():
            raise ModelError(
                f"no segmenter in {folder}: meta.json is missing; train or reinstall it"
            )
        return cls(folder, parse)

    def segment(self, feedback: pl.DataFrame) -> pl.DataFrame:
        """Return the mentions of all feedback without a reason, in order of the rows.

        Of a transcript only the customer's turns are read. Each distinct text is cut once.
        """
        read = feedback.filter(pl.col("reason").is_null())
        ids, texts = read["feedback_id"].to_list(), read["verbatim"].to_list()
        spoken = [
            _spoken(t, turns) for t, turns in zip(texts, read["turns"].to_list(), strict=True)
        ]
        parts = [
            text[start:end]
            for text, spans in zip(texts, spoken, strict=True)
            for start, end in spans
        ]
        distinct = list(dict.fromkeys(parts))
        cut = dict(zip(distinct, self.spans(distinct), strict=True))
        return _frame(ids, texts, spoken, cut)

    def spans(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return each text's mentions as (start, end), in order and apart."""
        if not self.parse:
            return [cut_fast(text) for text in texts]
        return parse.cut(parse.pipeline(self.folder), texts)

    def names(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return the spans of persons' names in each text, for masking."""
        return names.names(lambda: parse.pipeline(self.folder), texts)

    def phrases(self, texts: Sequence[str]) -> list[list[Phrase]]:
        """Return short phrases of each mention's text, the most telling first, for labels."""
        return phrases.phrases(parse.pipeline(self.folder), texts)


def cut_fast(text: str) -> list[Span]:
    """Return the mentions of one text by rules alone."""
    pieces = [piece for start, end in sentences(text) for piece in clauses.cut(text, start, end)]
    return mentions(text, clauses.shorten(text, pieces))


def _spoken(text: str, turns: Turns) -> list[Span]:
    if turns is None:
        return [(0, len(text))]
    return [(t["start"], t["end"]) for t in turns if t["role"] == CUSTOMER]


def _frame(
    ids: list[str], texts: list[str], spoken: list[list[Span]], cut: dict[str, list[Span]]
) -> pl.DataFrame:
    mention_ids, feedback_ids, starts, ends, quotes = [], [], [], [], []
    for feedback_id, text, spans in zip(ids, texts, spoken, strict=True):
        found = [(a + s, a + e) for a, b in spans for s, e in cut[text[a:b]]]
        for k, (start, end) in enumerate(found):
            mention_ids.append(f"{feedback_id}.{k}")
            feedback_ids.append(feedback_id)
            starts.append(start)
            ends.append(end)
            quotes.append(text[start:end])
    columns = (mention_ids, feedback_ids, starts, ends, quotes)
    schema = MENTIONS.schema(upto="segment")
    return pl.DataFrame(dict(zip(schema, columns, strict=True)), schema=schema)
