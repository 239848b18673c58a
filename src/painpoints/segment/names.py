"""Find persons' names to mask: what the pipeline calls a person, and what the wording gives away.

Precision comes first: a brand or a place must survive. So a single word that only the pipeline
takes for a person counts if it is a common first name or the wording speaks of a person.
Masking itself is left to `redact`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from painpoints.segment.sentences import Span

BATCH = 256

_FIRST = """
aaron abigail adam adrian agnes ahmed aidan aisha alan alana albert alejandro alex alexander
alexandra alfie ali alice alicia alison amanda amber amelia amina amir amy aoife ana anders andre andrea
andrew andy angela angelica anil anita ann anna anne annette annie anthony antonio anya archie arjun
arthur asha ashley audrey aurora barbara barry beatrice becky ben benjamin bernard beth bethany betty
beverley bill billy bob bobby bonnie brad bradley brandon brenda brendan brian bridget bruce bryan
caitlin callum cameron carl carla carlos carmen caroline carolyn catherine cathy cecilia
charles charlie charlotte chantelle cheryl chloe chris christian christina christine christopher
ciara claire clara clare colin colleen connor conor craig cynthia daisy damian dan dana daniel
daniela danielle danny darren dave david dawn dean deborah debbie debra declan deepak denise dennis
derek diana diane diego dmitri dominic donald donna doreen doris dorothy doug douglas duncan dylan
ed eddie edith edward eileen elaine eleanor elena eli elias elijah elizabeth ella ellen ellie emily
emma eric erica erik erin esther ethan eva evan eve evelyn fatima felicity felix fernando finn fiona
francesca francis frank fraser fred freddie freya gareth gary gavin gemma geoff george
gerald geraldine gillian gina giovanni giulia glen glenn gloria gordon graham greg gregory gwen
hamza hannah harold harriet harry hasan hassan heather helen helena henry howard hugh hugo ian
ibrahim imran ingrid irene iris isaac isabel isabella isla ivan jack jackie jacob jacqueline jade
jake james jamie jan jane janet janice jason jasmine javier jay jean jeff jeffrey jen jenna jennifer
jenny jeremy jerry jess jesse jessica jill jim jimmy jo joan joanna joanne joe joel johan johanna
john johnny jon jonas jonathan jorge jose joseph josh joshua joyce juan judith judy julia
julian julie juliet justin karen karim karl kate katherine kathleen kathryn kathy katie kayla
keith kelly ken kenneth kerry kevin khalid kieran kim kimberley kirsty kumar kyle lara lars laura
lauren laurence layla leah leanne lee leila len leo leonard lesley leslie lewis liam lily linda
lindsay lisa liz lizzie logan lorna lorraine louis louise luca lucas lucia lucy luis luke lydia lynn
lynne madeleine maggie mandy manuel marcus marek margaret maria marian marie marina mario marion
mark marta martha martin martina mary matt matthew maureen max megan mehmet melanie melissa mia
michael michelle miguel mike mila milly miriam mohamed mohammad mohammed moira molly monica monika
muhammad murray nadia nancy naomi natalia natalie natasha nathan neil nell nia niamh nicholas
nick nicky nicola nicole nigel nikita nina noah noel nora norma norman olga oliver olivia omar oscar
osman owen pablo paige pam pamela pat patricia patrick paul paula pauline pedro peggy penny pete
peter phil philip phillip phoebe pierre piotr polly priya rachel raj rajesh ralph ravi ray raymond
rebecca reece reza rhys ricardo richard rick rita rob robert roberta rodney roger roland ron
ronald rory rosa rosemary rosie ross roy ruby russell ruth ryan sabrina sadie sally sam samantha
samir samuel sandra sanjay sara sarah sasha saskia scott sean sebastian sergei shane shannon sharon
shaun sheila shirley sian simon sinead siobhan sofia sonia sophia sophie stacey stan stanley stefan
stella stephanie stephen steve steven stewart stuart sue sunil susan susie suzanne sven sylvia tamara
tania tanya tara ted teresa terence terry theo theresa thomas tim timothy tina toby todd tom tommy
tony tracey tracy trevor trisha ursula valerie vanessa vera veronica vicky victor vijay
vikram vincent vivian wanda warren wayne wesley william yasmin yolanda yousef
yusuf yvonne zac zach zainab zara zoe
"""
FIRST_NAMES = frozenset(_FIRST.split())
"""Common first names, written by hand; those that are common words or brands are not in it."""

_ALSO_WORDS = frozenset(
    {"amber", "bill", "dawn", "frank", "guy", "mark", "max", "pat", "penny", "ruby"}
)
"""First names that are words as well: "Bill was wrong" blames no Bill."""
_OF_THINGS = re.compile(
    r"(?:^|[.!?;:\n\u2026\"\u201c(\u2022*-])\s*$"
    r"|\b(?i:the|a|an|my|our|your|his|her|their|this|that|these|every|each|last|first|next|monthly|final"
    r"|phone|water|energy|gas|electric|electricity|hotel|medical|tax)\s$"
)
"""What stands before such a word where it is no name: the start of a sentence, or what counts things."""
_DOES = (
    "who|helped|answered|sorted|told|listened|explained|apologi[sz]ed|greeted|served|welcomed|promised"
    "|offered|knew|rang|phoned|fixed|said|called|gave"
)
_WORKS_AT = "reception|support|sales|desk|team|accounts|billing|service|store|shop"
_IS_LIKE = (
    "helpful|unhelpful|rude|polite|friendly|kind|patient|lovely|amazing|brilliant|fantastic|great"
    "|wonderful|excellent|professional|knowledgeable|courteous|understanding|caring|attentive|star|gem"
    "|legend|nice|superb|outstanding|delight|pleasure|sweet|dismissive|condescending|abrupt"
)
_VERY = "so|very|really|extremely|absolutely|always|such|an?|incredibly|just|super|the|most"
_OF_PERSONS = re.compile(
    r"(?:['\u2019]s)?"
    rf"(?:,\s+(?:the|my|our|who|from|an?)\b|\s+[A-Z][a-z]|\s+(?:{_DOES})\b"
    rf"|\s+(?:in|from|at|on)\s+(?:[a-z]+\s)?(?:{_WORKS_AT})\b"
    rf"|\s+(?:was|is)\s+(?:(?:{_VERY})\s+)*(?:{_IS_LIKE})\b)"
)
"""What stands after it where it is one all the same."""
_UPPER = "A-Z" + "".join(one for one in map(chr, range(0xC0, 0x250)) if one.isupper())
_LOWER = "a-z" + "".join(one for one in map(chr, range(0xC0, 0x250)) if one.islower())
_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f])"
_CAPITALISED = rf"[{_UPPER}][{_LOWER}]{_LETTER}*(?!{_LETTER})"
_NAME = rf"(?:[{_UPPER}]['\u2019])?{_CAPITALISED}(?:['\u2019-]{_CAPITALISED})?"
_LAST = rf"(?:(?:van|von|de|del|della|der|den|di|da|la|le|bin|al|el)\s){{0,2}}{_NAME}"
_FULL = rf"{_LAST}(?:\s(?:[{_UPPER}]\.?\s)?{_LAST}){{0,3}}"
_TITLED = re.compile(
    rf"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Dame|Nurse|Sister|Doctor|Professor|Rev)\b\.?\s+(?P<name>{_FULL})"
)
_STATED = re.compile(
    r"\b(?i:my name is|my name's|this is|name of|named|called|spoke (?:to|with)|speak (?:to|with)|spoken to"
    r"|talked (?:to|with)|dealt with by|served by|helped by|assisted by|thanks to|thank you(?: to)?|ask for"
    r"|regards|sincerely|cheers|signed|i am|i'm|attn|dear|hi|hello)"
    rf",?\s+(?P<name>{_FULL})"
)
_SIGNED = re.compile(
    rf"\b(?i:regards|sincerely|faithfully|yours truly),?\s+(?P<name>(?:[A-Z]\.\s?)*{_FULL})\s*[.!]?\s*$"
)
_BEHAVED = re.compile(
    rf"(?<![\w-])(?<!\bat )(?<!\bin )(?<!\bto )(?<!\bnear )(?P<name>{_NAME})(?=\s+(?:was|is|were|from|in|at|on|who|helped|answered|sorted|told|said|"
    r"listened|explained|called|rang|fixed|went|took|made|did|has|had|at reception|really|couldn't)\b|[,.!]|$)"
)
_PEOPLE = (
    r"\b(?i:agent|advisor|adviser|rep|representative|manager|driver|engineer|technician|waiter|waitress"
    r"|receptionist|nurse|assistant|colleague|consultant|midwife|teacher|instructor|stylist|husband|wife"
    r"|son|daughter|lady|guy|man|woman|girl|lad|gentleman|named|called)\s*,?\s*"
)
_PERSONAL = re.compile(rf"{_PEOPLE}$")
_PERSONAL_NAME = re.compile(rf"{_PEOPLE}[A-Z][a-z]")
_CAPITAL = re.compile(r"\b[A-Z][a-z]+")
_SURE = re.compile(r"(?i:my name|name of|named|spoke|speak|talked|served|helped|dealt|assisted)")
"""What stands before names only, whether they are common or not."""
_ADDRESSED = (
    "doc team all everyone staff customer service services support sir madam there manager reception mum dad god "
    "head office branch store shop desk company sales billing technical tech help line helpline centre center "
    "accounts complaints department bank gas energy coffee"
)
_NOT_NAMES = frozenset(_ADDRESSED.split())


_BRANDS = re.compile(
    r"(?i:john lewis|james cook|john deere|ted baker|thomas cook|jack wills|jack daniels?|jo malone|tommy hilfiger"
    r"|michael kors|ralph lauren|paul smith|marc jacobs|kate spade|laura ashley|karen millen|harry potter"
    r"|charlotte tilbury|charles tyrwhitt|russell & bromley|hugo boss|martha stewart|sally hansen"
    r"|dr\.? martens|dr\.? pepper|dr\.? oetker|miss selfridge|mr\.? kipling|mr\.? porter|mr\.? muscle"
    r"|charlie hebdo|max mara|bobbi brown|jimmy choo|danny meyer|ben & jerry|aunt bessie|uncle ben)\b"
)
"""Brands that look like persons."""


_PLACE = re.compile(
    r"(?:['\u2019]s?)?(?:\s[A-Z][\w'\u2019]*|\s(?:de|of|and|&))*?\s(?:Hospital|Airport|Street|Road|School|Station|House"
    r"|Hall|Cent(?:re|er)|Ward|Clinic|Park|Court|Terminal|Square|Bank|Hotel|Lounge|Unit|Suite|University"
    r"|College|Stadium|Surgery|Theatre|Museum|Avenue|Lane|Bridge|Island|Bay|Wing|Inn|Stores?|Insurance)\b"
)
"""What follows the name of a person that has become the name of a place."""


def names(load: Callable[[], Any], texts: Sequence[str]) -> list[list[Span]]:
    """Return the spans of persons' names in each text, in order and apart.

    load: returns the pipeline; it is asked for where a text may hold a name that needs it.
    """
    known = [_holds_first_name(text) for text in texts]
    shapes = [list(_by_wording(text, known=name)) for text, name in zip(texts, known, strict=True)]
    wanted = [i for i, text in enumerate(texts) if known[i] or _PERSONAL_NAME.search(text)]
    if wanted:
        nlp = load()
        with nlp.select_pipes(enable=["ner"]):
            docs = nlp.pipe((texts[i] for i in wanted), batch_size=BATCH)
            for i, doc in zip(wanted, docs, strict=True):
                shapes[i].extend(_by_pipeline(texts[i], doc))
    return [
        _everywhere(text, [span for span in _apart(spans) if not _is_brand_or_place(text, span)])
        for text, spans in zip(texts, shapes, strict=True)
    ]


def _everywhere(text: str, spans: list[Span]) -> list[Span]:
    """Return the spans with those of the same names elsewhere in the text."""
    said = {text[start:end] for start, end in spans}
    again = (re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in said)
    return _apart([*spans, *(found.span() for one in again for found in one)])


def _holds_first_name(text: str) -> bool:
    return any(word.lower() in FIRST_NAMES for word in _CAPITAL.findall(text))


def _is_brand_or_place(text: str, span: Span) -> bool:
    return _BRANDS.match(text, span[0]) is not None or _PLACE.match(text, span[1]) is not None


def _by_wording(text: str, *, known: bool) -> Iterable[Span]:
    """Yield what the words around it make a name; `known`: the text holds a common first name."""
    for pattern in (_TITLED, _SIGNED):
        for found in pattern.finditer(text):
            if _BRANDS.match(text, found.start()) is None:
                yield found.start("name"), found.end("name")
    for found in _STATED.finditer(text) if known or _SURE.search(text) else ():
        sure = _SURE.match(found.group()) is not None
        if _is_first_name(found["name"]) or (
            sure and _NOT_NAMES.isdisjoint(found["name"].lower().split())
        ):
            yield found.start("name"), found.end("name")
    for found in _BEHAVED.finditer(text) if known else ():
        if _is_first_name(found["name"]) and not _is_thing(text, *found.span("name")):
            yield found.start("name"), found.end("name")


def _is_first_name(name: str) -> bool:
    return re.split(r"[\s'\u2019-]", name.lower())[0] in FIRST_NAMES


def _by_pipeline(text: str, doc: Any) -> Iterable[Span]:
    for entity in doc.ents:
        if entity.label_ == "PERSON" and _is_believed(text, entity.start_char, entity.text):
            yield entity.start_char, entity.end_char


def _is_believed(text: str, start: int, name: str) -> bool:
    words = name.split()
    if not all(word[0].isupper() and word[1:].islower() for word in words if word.isalpha()):
        return False
    if _PERSONAL.search(text, 0, start) is not None:
        return True
    return _is_first_name(name) and not _is_thing(text, start, start + len(name))


def _is_thing(text: str, start: int, end: int) -> bool:
    """Return whether a first name is no more than the word that it is, too: "Mark the road clearly"."""
    return (
        text[start:end].lower() in _ALSO_WORDS
        and _OF_THINGS.search(text, 0, start) is not None
        and _OF_PERSONS.match(text, end) is None
    )


def _apart(spans: list[Span]) -> list[Span]:
    """Join spans that overlap, in order."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined
