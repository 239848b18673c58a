"""Message bodies to plain text: HTML through the standard parser, quoted replies left out.

An e-mail thread quotes what was said before; the quotation would count the agent's words as the
customer's, and the customer's twice.
"""

import re
from html.parser import HTMLParser

BLOCKS = frozenset({
    "p", "div", "br", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "section", "article", "pre",
})  # fmt: skip
SILENT = frozenset({
    "script", "style", "head", "title", "template",
})  # fmt: skip
VOID = frozenset({
    "br", "hr", "img", "input", "meta", "link", "area", "base", "col", "embed", "source",
    "track", "wbr",
})  # fmt: skip
QUOTE_CLASS = re.compile(
    r"gmail_quote|yahoo_quoted|moz-cite-prefix|zmail_extra|OutlookMessageHeader"
)
QUOTE_START = re.compile(
    r"^(?:On\b.{4,200}\bwrote:|-{3,}\s*(?:Original|Forwarded) Message\s*-{3,}|_{20,})\s*$",
    re.MULTILINE | re.IGNORECASE,
)
LOOKS_LIKE_HTML = re.compile(
    r"<(?:/?[a-z][a-z0-9]{0,10})(?:\s[^<>]{0,400})?/?>|&(?:[a-z]{2,8}|#\d{2,5});", re.IGNORECASE
)


class _TextOfHtml(HTMLParser):
    """Collects the text outside of scripts and quotations."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.hidden_by: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in BLOCKS:
            self.pieces.append("\n")
        quoted = tag == "blockquote" or QUOTE_CLASS.search(dict(attrs).get("class") or "")
        if tag not in VOID and (self.hidden_by or tag in SILENT or quoted):
            self.hidden_by.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.hidden_by:
            while self.hidden_by.pop() != tag:
                pass
        if tag in BLOCKS:
            self.pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden_by:
            self.pieces.append(data)


def text_of(body: str) -> str:
    """Return the plain text of an HTML or plain body, without the replies that it quotes."""
    if not LOOKS_LIKE_HTML.search(body):
        return without_quotes(body)
    parser = _TextOfHtml()
    parser.feed(body)
    parser.close()
    return without_quotes("".join(parser.pieces))


def without_quotes(text: str) -> str:
    """Return `text` up to the reply it quotes; lines that begin with > left out."""
    match = QUOTE_START.search(text)
    kept = text[: match.start()] if match and text[: match.start()].strip() else text
    lines = (" ".join(line.split()) for line in kept.splitlines() if not line.startswith(">"))
    return "\n".join(line for line in lines if line)
