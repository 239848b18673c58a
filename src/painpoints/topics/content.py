"""Which mentions can have a topic at all, by their words; and the words that tell no subject."""

import re

import polars as pl

from painpoints.domain import NO_STAGE, MentionType, Reason

WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?")
_NO_ANSWER_WORDS = (
    "did not answer | don't know | dont know | i don't know | idk | n/a | na | nil | no | no "
    "answer | no comment | no comments | none | nope | not applicable | not sure | not that i can "
    "think of | nothing | nothing at all | nothing comes to mind | nothing else | nothing really "
    "| nothing to add | unsure"
)
_NO_ANSWER = frozenset(_NO_ANSWER_WORDS.split(" | "))
_FILLER_WORDS = (
    "a about absolutely again ah all alright also always am amazing an and any anymore anything "
    "anyway are as at awesome awful bad best bit brilliant but by bye can cheers cool could day "
    "dear did disappointing do does done especially evening ever every everyone everything "
    "excellent exceptional extremely fab fabulous fantastic far fine for from gentleman gentlemen "
    "good goodbye great had happy has have hello here hey hi hope horrible how i i'd i'll i'm "
    "i've if in is it it's its just kind lot lots lovely ma'am madam many me mine more morning "
    "most much my nice no not nothing now of oh ok okay on one only or other our out outstanding "
    "over overall perfect perfectly please poor pretty quite really regards right satisfied sir "
    "so some sorry still such super superb sure terrible thank thank-you thanks that that's thats "
    "the their them there they things this those to too top totally truly u up us very was we "
    "well were what will wonderful worst would wow yeah yep yes you your yours"
)
_FILLER = frozenset(_FILLER_WORDS.split())
_WHOLE_WORDS = (
    "app application applications apps bank banking banks brand company firm mobile organisation "
    "organization platform provider system useless rubbish trash garbage disappointed hate "
    "ever seen used using use encountered experience experienced"
)
_WHOLE = frozenset(_WHOLE_WORDS.split())
"""Words for all that a company offers, and blunt verdicts: beside filler they tell no subject."""
_STOP_WORDS = (
    "after again although because been before being can't couldn't didn't doesn't don't each few "
    "get getting going got he her him his however into made make may might off one own really "
    "said same she should since someone something still than then though too two until upon "
    "wasn't went when where which while who whom why with won't wouldn't"
)
STOP = _FILLER | frozenset(_STOP_WORDS.split())
"""Words that say nothing of a subject: never terms of a topic."""


def left_out(mentions: pl.DataFrame) -> list[str | None]:
    """Return for each mention why it cannot have a topic, or None where it can.

    Judged by its words; the stage, touchpoint and type found by `classify` add to it where the
    table has them (a short mention of no stage, no touchpoint and no purpose has no content).
    """
    by_text = {text: _reason_of(text) for text in mentions["text"].unique()}
    reasons = [by_text[text] for text in mentions["text"]]
    if not {"stage", "touchpoint", "type"} <= set(mentions.columns):
        return reasons
    idle = mentions.select(
        (pl.col("stage") == NO_STAGE)
        & (pl.col("touchpoint") == NO_STAGE)
        & (pl.col("type") == MentionType.OTHER.value)
        & (pl.col("text").str.count_matches(r"\s+") < 5)
    ).to_series()
    return [
        r or (Reason.NO_CONTENT.value if i else None) for r, i in zip(reasons, idle, strict=True)
    ]


def _reason_of(text: str) -> str | None:
    plain = text.strip().lower()
    words = WORD.findall(plain)
    if not plain:
        return Reason.EMPTY.value
    if plain.strip(" .!?,;:-") in _NO_ANSWER:
        return Reason.NO_ANSWER.value
    if sum(map(len, words)) < 3:
        return Reason.TOO_SHORT.value
    if all(word.replace("\u2019", "'") in _FILLER for word in words):
        return Reason.NO_CONTENT.value
    return None


def is_bare(text: str) -> bool:
    """Tell a verdict on the whole that names no subject: "worst app ever", "great"."""
    return set(WORD.findall(text.lower())) <= _FILLER | _WHOLE
