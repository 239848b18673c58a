"""Find the language of each verbatim with py3langid; texts that are plainly English skip it.

py3langid reads about 2,000 short texts a second, so English is told first by words that no
neighbouring language shares; the figures are in docs/decisions/0012. Texts too short to tell are
`und`, which counts as covered.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import polars as pl

MIN_LETTERS = 15
MIN_PROB = 0.9
UNDETERMINED = "und"

_SAID = pl.col("v").fill_null("").str.slice(0, 300)
_ENGLISH = (
    r"(?i)\b(the|and|they|with|have|were|this|that|my|you|very|been|when|would|could|should|it|"
    r"because|which|there|their|from|just|really|after|your|our|i'm|don't|didn't|can't|for|"
    r"not|but|has|more|get|too|never|always|good|great|staff)\b"
)
_NAMES = {
    "english": "en", "german": "de", "deutsch": "de", "french": "fr", "français": "fr",
    "spanish": "es", "español": "es", "italian": "it", "portuguese": "pt", "dutch": "nl",
    "polish": "pl", "arabic": "ar", "chinese": "zh", "japanese": "ja", "russian": "ru",
    "swedish": "sv", "turkish": "tr", "welsh": "cy", "eng": "en", "ger": "de", "deu": "de",
    "fra": "fr", "fre": "fr", "spa": "es", "ita": "it", "por": "pt", "ara": "ar",
}  # fmt: skip


def find_languages(verbatims: pl.Series) -> pl.Series:
    """Return ISO 639-1 codes per verbatim, `und` where it is too short or doubtful."""
    judged = verbatims.to_frame("v").select(_SAID, _by_words())
    guess = judged["language"]
    at = guess.is_null().arg_true()
    if at.len():
        open_texts = judged["v"].gather(at).to_list()
        distinct = list(dict.fromkeys(open_texts))
        found = dict(zip(distinct, _identify(distinct), strict=True))
        guess = guess.scatter(at, [found[text] for text in open_texts])
    return guess


@cache
def _by_words() -> pl.Expr:
    """Return what the words of the column v tell; built once, as single texts come often."""
    n_english = _SAID.str.count_matches(_ENGLISH)
    n_words = _SAID.str.count_matches(r"[\p{L}']+")
    return (
        pl.when(_SAID.str.count_matches(r"\p{L}") < MIN_LETTERS)
        .then(pl.lit(UNDETERMINED))
        .when((n_english >= 2) & (n_english * 7 >= n_words))
        .then(pl.lit("en"))
        .otherwise(None)
        .alias("language")
    )


def language_codes(cells: pl.Series) -> pl.Series:
    """Return ISO 639-1 codes of what exports write: "en-US", "EN", "English"; blank stays null."""
    lower = cells.str.to_lowercase().str.strip_chars()
    named = lower.replace_strict(_NAMES, default=None, return_dtype=pl.String)
    return named.fill_null(lower.str.extract(r"^([a-z]{2,3})(?:[-_ ].*)?$", 1))


def _identify(texts: Sequence[str]) -> list[str]:
    identifier = _load()
    return [_one(identifier, text) for text in texts]


def _one(identifier: Any, text: str) -> str:
    code, prob = identifier.classify(text)
    return str(code) if prob >= MIN_PROB or _is_foreign_script(text) else UNDETERMINED


def _is_foreign_script(text: str) -> bool:
    """Tell text most of whose letters are not Latin: its script alone says it is not English."""
    letters = [c for c in text if c.isalpha()]
    return sum(c > "\u024f" for c in letters) > len(letters) / 2


@cache
def _load() -> Any:
    """Load the identifier once per process: a second or two, 70 MB."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
