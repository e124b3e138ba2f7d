"""HTML: what a browser would show as text, and nothing of what it would run."""

from __future__ import annotations

import re

from lxml import etree

from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable
from autogpt_desktop.documents.text.encoding import decode

_UNSEEN = (
    "script style noscript template iframe object embed svg math canvas audio video head select textarea"
)
_BLOCK = (
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure"
    " footer form h1 h2 h3 h4 h5 h6 header hgroup hr html main menu nav ol p pre section summary table ul"
    " caption"
)
_NEVER, _BLOCKS = frozenset(_UNSEEN.split()), frozenset(_BLOCK.split())
# What pages call themselves, and what browsers take them for (WHATWG, Encoding).
# A page whose own words can be read as ASCII is not in UTF-16, whatever they say.
_REALLY = {
    "gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252", "shift_jis": "cp932",
    **dict.fromkeys(("utf-16", "utf-16le", "utf-16be", "utf-16-le", "utf-16-be", "utf-32", "utf-7"), "utf-8"),
}  # fmt: skip
_SPACE = re.compile(r"[ \t\n\r\f]+")
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.I)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)


def read_html(data: bytes, parts: Parts) -> None:
    """The text of a page, its title, block by block."""
    decoded = decode_html(data)
    if decoded is None:
        raise Unreadable("document-kind")
    add_html(decoded[0], parts)


def decode_html(data: bytes) -> tuple[str, str] | None:
    """A page's text and encoding, which it says itself or shows; None where it is no text."""
    said = _CHARSET.search(data[:4096])
    if said and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        name = said[1].decode("ascii").lower()
        name = _REALLY.get(name, name)
        try:
            return data.decode(name), name
        except (LookupError, UnicodeDecodeError):
            pass  # a page that says the wrong thing: look at its bytes
    return decode(data)


def add_html(text: str, parts: Parts) -> str:
    """Add a page's text to ``parts``; the text of its first heading, if there is one."""
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        root = etree.fromstring(text.encode("utf-8", errors="replace"), parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable("document-damaged") from error
    if root is None:
        return ""
    title = root.find(".//title")
    if title is not None and title.text and not parts.title:
        parts.title = " ".join(title.text.split())[:300]
    out = _Lines(parts)
    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        tag = element.tag if isinstance(element.tag, str) else ""
        if event == "end":
            out.leave(tag)
            out.text(element.tail)
            continue
        if (
            not tag
            or tag in _NEVER
            or element.get("hidden") is not None
            or _HIDDEN.search(element.get("style", ""))
        ):
            walker.skip_subtree()  # its end still comes, and with it what stands behind it
            continue
        out.enter(tag)
        out.text(element.text)
    out.finish()
    return out.heading


class _Lines:
    """Text with its white space as a browser shows it."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.heading = ""
        self._line: list[str] = []
        self._written = False  # whether the line has more than white space
        self._gap = 0  # line breaks that are due before the next text
        self._pre = 0
        self._heading: list[str] | None = None
        self._begun = False

    def enter(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._flush(2)
        elif tag in {"li", "tr"}:
            self._flush(1)
            if tag == "li":
                self._line.append("- ")
                self._written = True
        elif tag == "br":
            self._flush(1)
        elif tag in {"td", "th"} and self._written:
            self._line.append(" | ")
        if tag == "pre":
            self._pre += 1
        if tag in {"h1", "h2", "h3"} and not self.heading:
            self._heading = []

    def leave(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._flush(2)
        elif tag in {"li", "tr"}:
            self._flush(1)
        if tag == "pre":
            self._pre = max(0, self._pre - 1)
        if tag in {"h1", "h2", "h3"} and self._heading is not None:
            self.heading = " ".join("".join(self._heading).split())
            self._heading = None

    def text(self, text: str | None) -> None:
        if not text:
            return
        if self._heading is not None:
            self._heading.append(text)
        self._written = self._written or not text.isspace()
        if not self._pre:
            self._line.append(_SPACE.sub(" ", text))
            return
        for number, line in enumerate(text.split("\n")):
            if number:
                self._flush(1, keep=True)
            self._line.append(line)
            self._written = self._written or bool(line.strip())

    def _flush(self, gap: int, keep: bool = False) -> None:
        """End the line that is open; ``gap`` line breaks come before the next one."""
        line = "".join(self._line)
        line = line.rstrip() if keep or self._pre else re.sub("  +", " ", line).strip(" ")
        self._line.clear()
        self._written = False
        if line and line != "-":
            self.parts.add("\n" * (self._gap if self._begun else 0) + line)
            self._begun = True
            self._gap = gap
        else:
            self._gap = max(self._gap, gap) if not keep else min(2, self._gap + 1)

    def finish(self) -> None:
        self._flush(2)
        if self._begun:
            self.parts.add("\n")
