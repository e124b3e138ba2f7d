"""HTML: what a browser would show as text, and nothing of what it would run."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from typing import Any

from lxml import etree

from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable
from autogpt_desktop.documents.read.formats.table_text import TableGrid
from autogpt_desktop.documents.text.encoding import decode, fits, marked

_UNSEEN = (
    "script style noscript template iframe object embed svg math canvas audio video head select textarea"
    " rt rp"
)
_BLOCK = (
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure"
    " footer form h1 h2 h3 h4 h5 h6 header hgroup hr html main menu nav ol p pre section summary table ul"
    " caption"
)
_NEVER, _BLOCKS = frozenset(_UNSEEN.split()), frozenset(_BLOCK.split())
# What pages call themselves, and what browsers take them for (WHATWG, Encoding).
_REALLY = {
    "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "ks_c_5601-1987": "cp949", "euc-kr": "cp949",
    **dict.fromkeys(("iso-8859-1", "latin1", "us-ascii", "ascii"), "cp1252"),
}  # fmt: skip
_CELLS = frozenset({"td", "th"})
_SPANS = ("colspan", "rowspan")
_LIST = "article blockquote dl figure form h1 h2 h3 h4 h5 h6 ol pre section ul"
_STRUCTURE = frozenset(_LIST.split())  # what no cell of a table of data has
_MOST_EVENTS = 3_000_000  # of a table, until its end is there
_LONGEST_STYLE = 2_000  # characters of an attribute that are looked at
# Python's that no page is in, and UTF-7, in which what looks harmless is not
_NO_PAGE = frozenset(
    {"utf-7", "idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"}
)
_CERTAIN = 4  # characters beyond ASCII that are valid UTF-8: no other encoding writes so many so by chance
_SPACE = re.compile(r"[ \t\n\r\f]+")
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]{2,40})", re.I)
_XML_CHARSET = re.compile(rb"""\s{0,20}<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9_:.-]{2,40})""")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)


def read_html(data: bytes, parts: Parts) -> None:
    """The text of a page, its title, block by block."""
    decoded = decode_html(data)
    if decoded is None:
        raise Unreadable("document-kind")
    add_html(decoded[0], parts)


def decode_html(data: bytes) -> tuple[str, str] | None:
    """A page's text and encoding; None where it is no text.

    What the page says of itself is believed where the bytes agree: a mark at the beginning says more.
    """
    said = _XML_CHARSET.match(data[:400]) or _CHARSET.search(data[:4096])
    if said and not marked(data)[0]:
        name = _declared(data, said)
        if name and not _is_utf8(data, name):
            try:
                return data.decode(name), name
            except UnicodeDecodeError:
                pass  # a page that says the wrong thing: look at its bytes
    return decode(data)


def _declared(data: bytes, said: re.Match[bytes]) -> str:
    """The encoding that a declaration names; "" where it could not be read in that one itself."""
    name = said[1].decode("ascii").lower()
    try:
        codec = codecs.lookup(_REALLY.get(name, name))
        own = data[: said.end()].decode(codec.name, errors="replace")
    except LookupError:  # not known, or no encoding of text
        return ""
    reads_itself = said[1].decode("ascii") in own  # UTF-16 and EBCDIC do not read ASCII
    return _REALLY.get(name, name) if reads_itself and codec.name.replace("_", "-") not in _NO_PAGE else ""


def _is_utf8(data: bytes, name: str) -> bool:
    """Are the bytes UTF-8 where something else was said?"""
    if data.isascii() or codecs.lookup(name).name == "utf-8" or not fits(data, "utf-8"):
        return False
    several = sum(byte >= 0xC0 for byte in data[: 1 << 20]) >= _CERTAIN
    one_byte_each = len(bytes(range(0x80, 0x100)).decode(name, "replace")) == 0x80
    return several or one_byte_each


def add_html(text: str, parts: Parts) -> str:
    """Add a page's text to ``parts``; the text of its first heading, if there is one."""
    page = _Page(_Lines(parts))
    # events instead of a tree: of a tag with very many attributes libxml2 makes a list that it walks for each
    parser = etree.HTMLParser(
        target=page, encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=False
    )
    try:
        parser.feed(text.encode("utf-8", errors="replace"))
        parser.close()
    except etree.XMLSyntaxError as error:
        raise Unreadable("document-damaged") from error
    title = " ".join("".join(page.title).split())[:300]
    parts.title = parts.title or title
    return page.out.heading


Event = tuple[str, str, Any]  # "start", tag, attributes · "end", tag, None · "text", the text, None


class _Page:
    """Takes a parser's events. A table is held back until its end tells what it is: one of data, whose
    headings go beside the cells, or one that only lays the page out."""

    def __init__(self, out: _Lines) -> None:
        self.out = out
        self.title: list[str] = []
        self._path: list[str] = []  # the open elements
        self._hidden = 0  # how many were open when what is not shown began; 0: all is shown
        self._in_title = False
        self._table: list[Event] = []  # what came since a table began
        self._tables = 0  # open tables

    # -- the parser's events

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._path.append(tag)
        if tag == "title" and not self.title:
            self._in_title = True
        if self._hidden:
            return
        if (
            tag in _NEVER
            or attributes.get("hidden") is not None
            or _HIDDEN.search(attributes.get("style", "")[:_LONGEST_STYLE])
        ):
            self._hidden = len(self._path)
            return
        spans = {key: attributes[key] for key in _SPANS if key in attributes} if tag in _CELLS else None
        self._handle(("start", tag, spans))

    def data(self, text: str) -> None:
        if self._in_title:
            self.title.append(text)
        if not self._hidden:
            self._handle(("text", text, None))

    def end(self, tag: str) -> None:
        self._in_title = self._in_title and tag != "title"
        if tag not in self._path:
            return
        while self._path:
            closed = self._path.pop()
            if len(self._path) < self._hidden:
                self._hidden = 0
            elif not self._hidden:
                self._handle(("end", closed, None))
            if closed == tag:
                break

    def comment(self, text: str) -> None:
        pass

    def pi(self, target: str, data: str | None = None) -> None:
        pass

    def close(self) -> None:
        while self._path:
            self.end(self._path[-1])
        self._let_go()
        self.out.finish()

    # -- tables

    def _handle(self, event: Event) -> None:
        kind, what, _ = event
        if kind == "start" and what == "table":
            self._tables += 1
        if not self._tables:
            self.out.take(event)
            return
        self._table.append(event)
        if kind == "end" and what == "table":
            self._tables -= 1
        if not self._tables or len(self._table) > _MOST_EVENTS:
            self._let_go()

    def _let_go(self) -> None:
        """Pass on what was held back; of tables in one another the innermost are those of data."""
        held, self._table = self._table, []
        begun: list[int] = []
        last = 0
        for at, (kind, what, _) in enumerate(held):
            if kind == "start" and what == "table":
                begun.append(at)
            elif kind == "end" and what == "table" and begun:
                first = begun.pop()
                if first >= last and (lines := _data_lines(held[first : at + 1])):
                    self._pass_on(held[last:first])
                    self.out.table(lines)
                    last = at + 1
                begun = []  # those around it are there for the layout
        self._pass_on(held[last:])

    def _pass_on(self, events: Sequence[Event]) -> None:
        for event in events:
            self.out.take(event)


def _data_lines(events: Sequence[Event]) -> list[str]:
    """The rows of a table of data as lines; nothing for one with paragraphs or lists in its cells."""
    grid = TableGrid()
    above: list[str] = []  # the caption
    cell: list[str] = []
    spans: Mapping[str, str] | None = None  # of the open cell
    place = ""  # "" outside of cells and captions
    paragraphs, in_head = 0, False

    def close() -> None:
        nonlocal place
        if place == "caption":
            above.append(" ".join("".join(cell).split()))
        elif place:
            across, down = (_number(spans or {}, key) for key in _SPANS)
            grid.add("".join(cell), across, down, heading=place == "th" and grid.marked >= len(grid.rows))
        cell.clear()
        place = ""

    def mark(tag: str) -> None:
        """A row is one of headings that has nothing else, and none but such rows above it."""
        row = len(grid.rows)
        if in_head or (tag == "th" and grid.marked == row - 1):
            grid.marked = row
        elif tag == "td" and grid.marked == row:
            grid.marked = row - 1
            grid.names_at_left = row == 1  # a heading of the row

    for kind, what, attributes in events:
        if kind == "text":
            cell.append(what if place else "")
        elif kind == "start" and what in {"td", "th", "caption"}:
            close()
            if what != "caption" and not grid.rows:
                grid.start_row()
            place, spans, paragraphs = what, attributes, 0
            if what != "caption":
                mark(what)
        elif kind == "end" and what in {"td", "th", "caption"}:
            close()
        elif what == "thead":
            in_head = kind == "start"
        elif kind == "start" and what == "tr":
            close()
            grid.start_row()
        elif kind == "start" and what in {"br", "p", "div"}:
            cell.append(" ")
            paragraphs += what == "p"
            if paragraphs > 1:
                return []
        elif kind == "start" and place and what in _STRUCTURE:
            return []
    close()
    if not any(len(row) > 1 for row in grid.rows) or len(grid.rows) > _MOST_EVENTS:
        return []
    return [line for line in [*above, *grid.lines()] if line]


def _number(attributes: Mapping[str, str], key: str) -> int:
    """How many columns or rows a cell says it covers; 0 rows mean all that follow."""
    text = attributes.get(key, "1").strip()[:6]
    if not text.isascii() or not text.isdigit():
        return 1
    return int(text) or (1 if key == "colspan" else 65_534)


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

    def take(self, event: Event) -> None:
        """An element that begins or ends, or a text."""
        kind, what, _ = event
        if kind == "text":
            self.text(what)
        elif kind == "start":
            self.enter(what)
        else:
            self.leave(what)

    def table(self, lines: Sequence[str]) -> None:
        """Lines of their own, each a paragraph."""
        for line in lines:
            self._flush(2)
            self._line.append(line)
        self._flush(2)

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
