"""XML read as what stands in the file: each piece knows its bytes, so that all others stay as they are.

No tree is made: what is written is the source with some of its pieces replaced.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape

from autogpt_desktop.documents.read.formats.archive import DEEPEST
from autogpt_desktop.documents.read.formats.parts import Unreadable

LARGEST = 64 << 20  # bytes of a part
_BLOCK = 64 << 10
_DECLARED = re.compile(rb"""\A<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([A-Za-z][\w.-]{0,40})["']""")
_ENCODINGS = re.compile(
    r"utf-?8|us-ascii|iso-8859-\d{1,2}|windows-125\d|gb2312|gbk|gb18030|big5|shift_jis|euc-(?:jp|kr)|koi8-[ru]"
)
_UTF16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_NO_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


class Event(NamedTuple):
    """``kind``: "start", "end", "text" or "other" (comments, instructions). ``space``: the namespace."""

    kind: str
    space: str
    name: str
    attributes: dict[str, str]  # without their prefixes
    start: int
    end: int
    text: str


class XmlSource:
    """``data``: the file in UTF-8; all places count its bytes. Raises Unreadable."""

    def __init__(self, data: bytes, doctype: bool = False) -> None:
        """``doctype``: one that names a DTD and holds nothing of its own is let pass."""
        if len(data) > LARGEST:
            raise Unreadable("document-memory")
        self._doctype = doctype
        self._mark, self._encoding = b"", "utf-8"
        if data.startswith(codecs.BOM_UTF8):
            self._mark = codecs.BOM_UTF8
        for mark, name in _UTF16:
            if data.startswith(mark):
                self._mark, self._encoding = mark, name
        declared = _DECLARED.match(data)
        if declared and not self._mark:
            self._encoding = declared[1].decode("ascii").lower()
            if not _ENCODINGS.fullmatch(self._encoding):
                raise Unreadable("document-damaged")
        body = data[len(self._mark) :]
        try:
            text = body.decode(self._encoding)
            self.data = body if self._encoding == "utf-8" else text.encode("utf-8")
        except (UnicodeError, LookupError) as error:
            raise Unreadable("document-damaged") from error

    def slice(self, start: int, end: int) -> str:
        return self.data[start:end].decode("utf-8")

    def encoded(self, text: str) -> bytes:
        """In the file's own encoding; what that lacks as numbers."""
        return self._mark + text.encode(self._encoding, errors="xmlcharrefreplace")

    def events(self) -> Iterator[Event]:
        """What stands in the file, in order; the pieces are all of it."""
        waiting: list[tuple[str, str, dict[str, str], int, str]] = []
        parser = self._parser(waiting)
        at, pending = 0, None
        try:
            while at <= len(self.data):
                last = at + _BLOCK > len(self.data)
                parser.Parse(self.data[at : at + _BLOCK], last)
                at += _BLOCK
                for one in waiting:
                    if pending is not None:
                        yield _event(pending, one[3])
                    pending = one
                waiting.clear()
                if last:
                    break
        except expat.ExpatError as error:
            unsafe = error.code in (
                expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY],
                expat.errors.codes[expat.errors.XML_ERROR_RECURSIVE_ENTITY_REF],
            )
            raise Unreadable("document-unsafe" if unsafe else "document-damaged") from error
        if pending is not None:
            yield _event(pending, len(self.data))

    def _parser(self, found: list[tuple[str, str, dict[str, str], int, str]]) -> Any:
        parser: Any = expat.ParserCreate("utf-8", "}")
        depth = 0

        def start(name: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            if depth > DEEPEST:
                raise Unreadable("document-nested", most=DEEPEST)
            found.append(("start", name, attributes, parser.CurrentByteIndex, ""))

        def end(name: str) -> None:
            nonlocal depth
            depth -= 1
            found.append(("end", name, {}, parser.CurrentByteIndex, ""))

        def text(data: str) -> None:
            found.append(("text", "", {}, parser.CurrentByteIndex, data))

        def other(data: str) -> None:
            found.append(("other", "", {}, parser.CurrentByteIndex, ""))

        def doctype(name: str, system: str | None, public: str | None, has_subset: int) -> None:
            if has_subset or not self._doctype:
                raise Unreadable("document-unsafe")
            other("")

        def doctype_end() -> None:
            pass

        parser.StartElementHandler, parser.EndElementHandler = start, end
        parser.CharacterDataHandler, parser.DefaultHandler = text, other
        parser.StartDoctypeDeclHandler, parser.EndDoctypeDeclHandler = doctype, doctype_end
        return parser


def _event(one: tuple[str, str, dict[str, str], int, str], end: int) -> Event:
    kind, whole, given, start, text = one
    space, _, name = whole.rpartition("}")
    attributes = {key.rpartition("}")[2]: value for key, value in given.items()}
    attributes |= {key: value for key, value in given.items() if "}" not in key}
    return Event(kind, space, name, attributes, start, end, text)


def escaped(text: str) -> str:
    """Text as XML has it; characters that XML has not are left out."""
    return escape(_NO_CHARACTERS.sub("", text))


def with_attribute(tag: str, name: str, value: str) -> str:
    """A start tag with another value for an attribute, by the name that the file has for it."""
    pattern = re.compile(rf"""(\s{re.escape(name)}\s*=\s*)(?:"[^"]*"|'[^']*')""")
    if pattern.search(tag):
        return pattern.sub(lambda found: f'{found[1]}"{value}"', tag, count=1)
    return re.sub(r"\A<[^\s/>]+", lambda found: f'{found[0]} {name}="{value}"', tag)


def prefix(tag: str) -> str:
    """What the file writes before an element's name: "a:" of ``<a:p>``."""
    found = re.match(r"</?([^\s/>:]+:)?", tag)
    return (found[1] or "") if found else ""


def children(events: list[Event]) -> Iterator[list[Event]]:
    """The events of each child of the element whose events these are; texts and comments alone."""
    depth, begun = 0, 1
    for at, event in enumerate(events[1:-1], start=1):
        depth += {"start": 1, "end": -1}.get(event.kind, 0)
        if not depth:
            yield events[begun : at + 1]
            begun = at + 1
