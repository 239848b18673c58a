"""Personal data that its own form gives away: where it stands in a text, and which value it is.

E-mail, URL, IBAN (mod 97), card (Luhn), IP, phone, handle. Every detector looks around a sign that
is cheap to find (an @, a slash, a run of digits) within bounds, so that no text, however made,
takes more than linear time. What is masked and what stays: docs/decisions/0017.
"""

import ipaddress
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

PLACEHOLDER = re.compile(r"\[(?P<kind>[A-Z]{2,10})_(?P<number>\d{1,9})\]")
KINDS = ("url", "email", "iban", "card", "ip", "phone", "number", "handle", "name")
"""Every kind, that of the wider claim first: where two overlap, the first names the whole."""

MAX_NUMBER_RUN = 400
"""A longer run of digits and separators is masked as a whole instead of being searched."""

SIGNS = ("@", "://", "www.", "::", "(at", "( at", "[at", "[ at", "dot")
PATH = re.compile(r"\.[a-z]{2,6}/")
MANY_DIGITS = re.compile(r"\d(?:\W{0,3}\d){6}|\d\.\d{1,3}\.\d|(?:[0-9a-f]{1,4}:){3}")

LOCAL_BACKWARDS = re.compile(r"[\w.%+'\-]{1,64}")
DOMAIN = re.compile(r"(?:[^\W_](?:[\w\-]{0,61}[^\W_])?\.){1,6}[^\W\d_]{2,24}")
SPELT_AT = re.compile(
    r"[\w.%+\-]{1,64}\s?(?:[(\[]\s?at\s?[)\]]|\sat\s)\s?[\w\-]{1,63}"
    r"(?:\s?(?:[(\[]\s?dot\s?[)\]]|\sdot\s|\.)\s?[\w\-]{1,63}){1,3}",
    re.IGNORECASE,
)
SPELT_SIGN = re.compile(r"[(\[]\s?(?:at|dot)\s?[)\]]|\sdot\s", re.IGNORECASE)
LINK = re.compile(r"(?:[a-z][a-z0-9+.\-]{1,10}://|www\.)[^\s<>\"]{1,2000}", re.IGNORECASE)
PLAIN_HOST = re.compile(r"(?:https?://)?[a-z0-9.\-]{1,253}/?", re.IGNORECASE)
BARE_PATH = re.compile(
    r"\.(?:com|org|net|info|biz|io|ly|gl|gd|co|uk|us|eu|de|fr|es|nl|ca|au|app|dev|page|link|shop"
    r"|store|online|site|be|me|ms|tv)/[^\s<>\"]{1,2000}",
    re.IGNORECASE,
)
HOST_BACKWARDS = re.compile(r"[\w.\-]{1,253}")
SENTENCE_END = ".,;:!?)]}'\u2019\u201d\u00bb"
IBAN_START = re.compile(
    r"(?<![A-Za-z0-9])(?=([A-Za-z]{2}\d{2}[ \-]?[A-Za-z0-9][A-Za-z0-9 \-]{9,42}))"
)
IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: ("NO",),
        16: ("BE",),
        18: ("DK", "FI", "FK", "FO", "GL", "NL", "SD"),
        19: ("MK", "SI"),
        20: ("AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK"),
        21: ("CH", "HR", "LI", "LV"),
        22: ("BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA"),
        23: ("AE", "GI", "IL", "IQ", "OM", "SO", "TL"),
        24: ("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"),
        25: ("LY", "PT", "ST"),
        26: ("IS", "TR"),
        27: ("BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"),
        28: ("AL", "AZ", "BY", "CY", "DO", "GT", "HN", "HU", "LB", "NI", "PL", "SV"),
        29: ("BR", "EG", "PS", "QA", "UA"),
        30: ("JO", "KW", "MU", "YE"),
        31: ("MT", "SC"),
        32: ("LC",),
        33: ("RU",),
    }.items()
    for country in countries
}
"""Letters and digits of an IBAN by country, from the registry of ISO 13616."""

NUMBER_RUN = re.compile(r"[+(]{0,3}\d[\d\s()+./\-\u00a0\u2010-\u2015]{5,}\d")
CARD_LIKE = re.compile(r"\d+(?:[ \-\u00a0]\d+)*")
DIGITS = re.compile(r"\d+")
IP4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)")
IP6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?![\w:])")
BEFORE_VERSION = re.compile(
    r"(?:\bv|\bver(?:sion)?|\bbuild|\brelease|\bupdated?|\bfirmware|\bios|\bandroid|\bapp|\bpatch"
    r"|\bdriver|\bsoftware|\bbeta|\balpha)[\s:=(\-]{0,3}(?:is |to |of )?$",
    re.IGNORECASE,
)
BEFORE_IP = re.compile(r"\bip\b.{0,20}$|\baddress\b.{0,8}$", re.IGNORECASE)
PHONE_US = re.compile(
    r"(?<![\d\-.])(?:\(\d{3}\)\s?\d{3}[\-. ]|\d{3}[\-.]\d{3}[\-.])\d{4}(?![\d\-]|\.\d)"
)
PHONE_SAID = re.compile(
    r"\b(?:phone|tel|telephone|mobile|cell|whatsapp|call|ring|text|reach)\b[^\w\n$\u00a3\u20ac]{0,3}"
    r"(?:(?:no|nr|num|number|is|me|us|at|on|back|to|it|s|my)\b[^\w\n$\u00a3\u20ac]{1,3}){0,4}"
    r"(?P<number>[+(]{0,2}\d[\d ()\-]{6,18}\d)(?![\d%]|[.,]\d)",
    re.IGNORECASE,
)
HANDLE = re.compile(r"(?<![\w@/.])@(?=\d*[A-Za-z_])\w{2,30}")
SERVICE_HANDLE = re.compile(
    r"@(?:(?:Ask|Team)_?(?=[A-Z])\w+|\w{2,}?(?i:_?(?:support|help|helps|care|cares|service|official)))$"
)


@dataclass(frozen=True, slots=True)
class Found:
    """One value in a text: its characters, its kind, and what makes it the same value elsewhere."""

    start: int
    end: int
    kind: str
    key: str


def find(text: str, region: str, names: Sequence[Found] = ()) -> list[Found]:
    """Return the personal data in a text, in order, none overlapping another.

    region: of phone numbers without a country code, e.g. "GB".
    names:  found by others in the same text.
    """
    if not _worth_a_look(text):
        return _united(text, names) if names else []
    found = [*_urls(text), *_emails(text), *_ibans(text), *_ips(text), *_handles(text)]
    return _united(text, [*found, *_numbers(text, region), *names])


def _worth_a_look(text: str) -> bool:
    """Return whether a text has any sign without which nothing here can be found.

    Ordered by cost: most texts hold no digit and no sign at all.
    """
    small = text.lower()
    if any(sign in small for sign in SIGNS) or PATH.search(small):
        return True
    return any(d in small for d in "0123456789") and MANY_DIGITS.search(small) is not None


def _united(text: str, found: Sequence[Found]) -> list[Found]:
    """Return `found` in order, what overlaps taken together, placeholders left alone."""
    whole: list[Found] = []
    for one in sorted(_beside_placeholders(text, found), key=lambda f: (f.start, -f.end)):
        if whole and one.start < whole[-1].end:
            whole[-1] = _together(text, whole[-1], one)
        else:
            whole.append(one)
    return whole


def _beside_placeholders(text: str, found: Sequence[Found]) -> Iterator[Found]:
    """Yield what touches no placeholder; of a link around one, what stands before it."""
    taken = [m.span() for m in PLACEHOLDER.finditer(text)] if "[" in text else []
    ends = [end for _, end in taken]
    for one in found:
        next_taken = bisect_right(ends, one.start)
        touched = next_taken < len(taken) and taken[next_taken][0] < one.end
        if not touched and one.start < one.end:
            yield one
        elif touched and one.kind == "url" and one.start < taken[next_taken][0]:
            end = taken[next_taken][0]
            yield Found(one.start, end, "url", text[one.start : end])


def _together(text: str, first: Found, second: Found) -> Found:
    if first.end >= second.end and KINDS.index(first.kind) <= KINDS.index(second.kind):
        return first
    end = max(first.end, second.end)
    best = min(first, second, key=lambda f: KINDS.index(f.kind))
    same = best.start == first.start and best.end == end
    key = best.key if same else text[first.start : end].casefold()
    return Found(first.start, end, best.kind, key)


def _urls(text: str) -> Iterator[Found]:
    """Yield links that say more than a host: a path or a query may name the customer."""
    for match in LINK.finditer(text):
        end = match.start() + len(match[0].rstrip(SENTENCE_END))
        if not PLAIN_HOST.fullmatch(text, match.start(), end):
            yield Found(match.start(), end, "url", text[match.start() : end])
    for match in BARE_PATH.finditer(text):
        host = HOST_BACKWARDS.match(text[max(0, match.start() - 253) : match.start()][::-1])
        end = match.start() + len(match[0].rstrip(SENTENCE_END))
        if host and not match[0].rstrip(SENTENCE_END).endswith("/"):
            start = match.start() - len(host[0])
            yield Found(start, end, "url", text[start:end])


def _emails(text: str) -> Iterator[Found]:
    at = text.find("@")
    while at >= 0:
        local = LOCAL_BACKWARDS.match(text[max(0, at - 64) : at][::-1])
        domain = DOMAIN.match(text, at + 1)
        if local and domain:
            start = at - len(local[0].rstrip("'"))
            yield Found(start, domain.end(), "email", text[start : domain.end()].casefold())
        at = text.find("@", at + 1)
    if SPELT_SIGN.search(text):
        for match in SPELT_AT.finditer(text):
            if SPELT_SIGN.search(match[0]):
                key = re.sub(r"\W+", " ", match[0]).casefold()
                yield Found(match.start(), match.end(), "email", key)


def _ibans(text: str) -> Iterator[Found]:
    for match in IBAN_START.finditer(text):
        end = _iban_end(match[1])
        if end:
            value = re.sub(r"[ \-]", "", match[1][:end]).upper()
            yield Found(match.start(), match.start() + end, "iban", value)


def _iban_end(candidate: str) -> int:
    """Return where the valid IBAN at the beginning of `candidate` ends; 0 for none."""
    length = IBAN_LENGTHS.get(candidate[:2].upper(), 0)
    places = [i for i, c in enumerate(candidate) if c.isalnum()][:length]
    if not length or len(places) < length:
        return 0
    end = places[-1] + 1
    at_border = end == len(candidate) or not candidate[end].isalnum()
    return end if at_border and _is_iban("".join(candidate[i] for i in places)) else 0


def _is_iban(value: str) -> bool:
    """Return whether letters and digits pass the check of ISO 13616 (ISO 7064, mod 97-10)."""
    return int("".join(str(int(c, 36)) for c in value[4:] + value[:4])) % 97 == 1


def _ips(text: str) -> Iterator[Found]:
    for match in IP4.finditer(text):
        if _is_ip(match[0]) and not _is_version(text, match):
            yield Found(match.start(), match.end(), "ip", match[0])
    if text.count(":") < 2:
        return
    for match in IP6.finditer(text):
        said = match[0] if match[0].endswith("::") else match[0].removesuffix(":")
        if len(said) >= 6 and _is_ip(said):
            yield Found(match.start(), match.start() + len(said), "ip", said.casefold())


def _is_ip(candidate: str) -> bool:
    try:
        ipaddress.ip_address(candidate)
    except ValueError:
        return False
    return True


def _is_version(text: str, match: re.Match[str]) -> bool:
    """Return whether four numbers are a version: said before them, or all of them small."""
    before = text[max(0, match.start() - 30) : match.start()]
    parts = [int(part) for part in match[0].split(".")]
    if parts[0] < 100 and BEFORE_VERSION.search(before):
        return True
    return max(parts) < 20 and parts[0] != 10 and not BEFORE_IP.search(before)


def _handles(text: str) -> Iterator[Found]:
    """Yield handles of people; those that a company's service desk carries are context."""
    for match in HANDLE.finditer(text):
        if not SERVICE_HANDLE.match(match[0]):
            yield Found(match.start(), match.end(), "handle", match[0].casefold())


def _numbers(text: str, region: str) -> Iterator[Found]:
    for match in NUMBER_RUN.finditer(text):
        n_digits = sum(map(str.isdigit, match[0]))
        if len(match[0]) > MAX_NUMBER_RUN:
            yield Found(match.start(), match.end(), "number", match[0])
        elif n_digits >= 7:
            yield from _cards(match)
            yield from _phones(text, match, region)
    for pattern in (PHONE_US, PHONE_SAID):
        for match in pattern.finditer(text):
            start, end = match.span("number" if "number" in match.groupdict() else 0)
            yield Found(start, end, "phone", "".join(DIGITS.findall(text[start:end])))


def _cards(run: re.Match[str]) -> Iterator[Found]:
    """Yield card numbers: 13 to 19 digits, parted as on a card, that pass Luhn's check."""
    for line in CARD_LIKE.finditer(run[0]):
        groups = list(DIGITS.finditer(line[0]))
        offset = run.start() + line.start()
        first = 0
        while first < len(groups):
            last = _card_end([g[0] for g in groups[first : first + 19]])
            if last is not None:
                start, end = groups[first].start(), groups[first + last].end()
                key = "".join(DIGITS.findall(line[0][start:end]))
                yield Found(offset + start, offset + end, "card", key)
            first += 1 if last is None else last + 1


def _card_end(groups: list[str]) -> int | None:
    """Return the last of the groups that make a card number together, from the first on."""
    digits = ""
    for last, group in enumerate(groups):
        digits += group
        if len(digits) > 19:
            return None
        sizes = {len(g) for g in groups[:last]}
        as_printed = not sizes or min(sizes) >= 4 or sizes == {1}
        if len(digits) >= 13 and as_printed and digits[0] in "23456" and _passes_luhn(digits):
            return last
    return None


def _passes_luhn(digits: str) -> bool:
    """Return whether digits pass the check of ISO/IEC 7812-1, annex B (Luhn)."""
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return len(set(digits)) > 1 and sum(d - 9 * (d > 9) for d in doubled) % 10 == 0


def _phones(text: str, run: re.Match[str], region: str) -> Iterator[Found]:
    """Yield numbers that are valid by the numbering plans of the world."""
    first = max(0, run.start() - 1)
    for start, end, key in _valid_numbers(text[first : run.end() + 1], region):
        yield Found(first + start, first + end, "phone", key)


@lru_cache(maxsize=8192)
def _valid_numbers(near: str, region: str) -> tuple[tuple[int, int, str], ...]:
    """Return start, end and the international form of the phone numbers in a run of digits."""
    import phonenumbers

    leniency = phonenumbers.Leniency.VALID
    found = [
        (m.start, m.end, m.number)
        for m in phonenumbers.PhoneNumberMatcher(near, region, leniency=leniency)
    ]
    found += [
        (start, end, number)
        for start, end in _dialled(near)
        if (number := _as_phone(near[start:end], region))
    ]
    return tuple((s, e, f"+{n.country_code}{n.national_number}") for s, e, n in found)


def _dialled(near: str) -> Iterator[tuple[int, int]]:
    """Yield what in a run of digits begins as numbers are dialled, with 0 or +.

    The matcher takes "12 020 7946 0958" as one number that does not exist.
    """
    groups = [m.span() for m in DIGITS.finditer(near)]
    for first, (start, _) in enumerate(groups):
        plus = near[max(0, start - 1) : start] == "+"
        if near[start] != "0" and not plus:
            continue
        for _, end in reversed(groups[first : first + 8]):
            if 7 <= sum(map(str.isdigit, near[start:end])) <= 15:
                yield start - plus, end


def _as_phone(said: str, region: str) -> Any:
    """Return a valid phone number as the library reads it, or None."""
    import phonenumbers

    try:
        number = phonenumbers.parse(said, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None
