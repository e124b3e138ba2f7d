"""A DOCX that holds both languages: translated paragraphs under the originals, or beside them in a table."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lxml import etree

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.docx.builder import BEHIND_BIDI, Builder, insert, mirrored
from autogpt_desktop.documents.write.docx.paragraph import Paragraph
from autogpt_desktop.documents.write.docx.runs import W, name_of

_ONCE = frozenset(  # what a document has once, or shows once: it stays with the original
    {
        *("bookmarkStart", "bookmarkEnd", "commentRangeStart", "commentRangeEnd", "commentReference"),
        *("permStart", "permEnd", "footnoteReference", "endnoteReference", "footnoteRef", "endnoteRef"),
        *("annotationRef", "drawing", "pict", "object", "moveFrom", "moveFromRangeStart", "moveFromRangeEnd"),
        *("moveToRangeStart", "moveToRangeEnd", "del", "separator", "continuationSeparator"),
        *("sdt", "ins", "moveTo", "smartTag", "customXml"),  # of these only what is in them is copied
    }
)
_FIELD = frozenset({"fldChar", "instrText", "delInstrText"})
_NOT_TWICE = ("sectPr", "pageBreakBefore", "framePr", "numPr", "pPrChange")
_BEHIND_NUMBER = BEHIND_BIDI | {
    *("suppressLineNumbers", "pBdr", "shd", "tabs", "suppressAutoHyphens", "kinsoku", "wordWrap"),
    *("overflowPunct", "topLinePunct", "autoSpaceDE", "autoSpaceDN", "bidi"),
}
_BEHIND_INDENT = BEHIND_BIDI - {"adjustRightInd", "snapToGrid", "spacing", "ind"}
_TEXT_WIDTH = 9026  # twentieths of a point between the margins of A4, where a file does not say


class Twins:
    """Writes a translated paragraph under each original, or in a table beside it."""

    def __init__(self, language: str, numbering: Any = None, styles: Any = None) -> None:
        """``numbering`` and ``styles``: the document's, which say how far its lists are indented."""
        self._language = language
        self._levels = dict(_levels(numbering))
        self._styles = {} if styles is None else {each.get(f"{W}styleId"): each for each in styles}

    def write(
        self,
        paragraphs: Sequence[Paragraph],
        made: Mapping[int, TranslatedText],
        phrases: Mapping[str, str],
        beside: bool,
    ) -> None:
        """``made``: translations by the id of their segment."""
        pairs: list[tuple[Any, Any]] = []
        for paragraph in paragraphs:
            if not paragraph.is_changed(made):
                continue
            old, new = paragraph.element, self._empty_twin(paragraph.element)
            whole = _has_whole_fields(old)
            copied = _is_copied if whole else _is_copied_without_fields
            paragraph.build(Builder(new, paragraph.base, self._language, copied), made, phrases)
            mirrored(new, self._language)
            parent = old.getparent()
            if beside and whole and name_of(parent) == "body" and not _ends_page(old):
                pairs.append((old, new))
            else:
                _move_ends(old, new)
                old.addnext(new)
        _put_beside(pairs)

    def _empty_twin(self, paragraph: Any) -> Any:
        """A paragraph that looks like the other, but has no number, and begins no page."""
        new = etree.Element(f"{W}p", nsmap=paragraph.nsmap)
        properties = paragraph.find(f"{W}pPr")
        if properties is None:
            return new
        twin = copy.deepcopy(properties)
        level = self._level(properties)
        for name in _NOT_TWICE:
            for child in twin.findall(f"{W}{name}"):
                twin.remove(child)
        for change in ("ins", "del", "moveFrom", "moveTo", "rPrChange"):  # of the paragraph's mark
            for child in twin.findall(f"{W}rPr/{W}{change}"):
                child.getparent().remove(child)
        if level is not None:
            number = etree.Element(f"{W}numPr")
            etree.SubElement(number, f"{W}numId", {f"{W}val": "0"})
            insert(twin, number, _BEHIND_NUMBER)
            own = twin.find(f"{W}ind")
            indent = {**level, **({} if own is None else own.attrib)}
            for key in ("hanging", "hangingChars", "firstLineChars"):
                indent.pop(f"{W}{key}", None)
            if own is not None:
                twin.remove(own)
            insert(twin, etree.Element(f"{W}ind", {**indent, f"{W}firstLine": "0"}), _BEHIND_INDENT)
        new.append(twin)
        return new

    def _level(self, properties: Any) -> Mapping[str, str] | None:
        """How a paragraph of a list is indented by its list; None for one that is in none."""
        style, seen = _value(properties, "pStyle"), {""}
        while True:
            number = None if properties is None else properties.find(f"{W}numPr")
            if number is not None:
                key = (_value(number, "numId"), _value(number, "ilvl") or "0")
                return None if key[0] == "0" else self._levels.get(key, {})
            if style in seen or style not in self._styles:
                return None
            seen.add(style)
            properties = self._styles[style].find(f"{W}pPr")
            style = _value(self._styles[style], "basedOn")


def _value(element: Any, name: str) -> str:
    found = element.find(f"{W}{name}")
    return "" if found is None else str(found.get(f"{W}val", ""))


def _levels(numbering: Any) -> Iterator[tuple[tuple[str, ...], Mapping[str, str]]]:
    """(list, level) and how it is indented."""
    if numbering is None:
        return
    kinds = {each.get(f"{W}abstractNumId"): each for each in numbering.findall(f"{W}abstractNum")}
    for number in numbering.findall(f"{W}num"):
        kind = number.find(f"{W}abstractNumId")
        found = None if kind is None else kinds.get(kind.get(f"{W}val"))
        for level in () if found is None else found.findall(f"{W}lvl"):
            indent = level.find(f"{W}pPr/{W}ind")
            key = (number.get(f"{W}numId", ""), level.get(f"{W}ilvl", "0"))
            yield key, {} if indent is None else dict(indent.attrib)


def _is_copied(element: Any) -> bool:
    name = name_of(element)
    if not name:  # of another namespace: a formula is text, an alternative is a picture or a box
        return isinstance(element.tag, str) and "/math" in element.tag
    return name not in _ONCE and not (name == "br" and element.get(f"{W}type") in ("page", "column"))


def _is_copied_without_fields(element: Any) -> bool:
    return name_of(element) not in _FIELD and _is_copied(element)


def _has_whole_fields(paragraph: Any) -> bool:
    depth = 0
    for each in paragraph.iter(f"{W}fldChar"):
        depth += {"begin": 1, "end": -1}.get(each.get(f"{W}fldCharType", ""), 0)
        if depth < 0:
            return False
    return depth == 0


def _page_breaks(paragraph: Any) -> list[Any]:
    return [each for each in paragraph.iter(f"{W}br") if each.get(f"{W}type") in ("page", "column")]


def _ends_page(paragraph: Any) -> bool:
    return bool(_page_breaks(paragraph)) or paragraph.find(f"{W}pPr/{W}sectPr") is not None


def _move_ends(old: Any, new: Any) -> None:
    """What ends a page or a section behind the original's text comes behind the translation."""
    for element in reversed([*old.iter(f"{W}t", f"{W}br")]):
        if name_of(element) == "t" and element.text:
            break
        if element.get(f"{W}type") in ("page", "column"):
            element.getparent().remove(element)
            run = etree.SubElement(new, f"{W}r")
            run.append(element)
    section = old.find(f"{W}pPr/{W}sectPr")
    if section is not None:
        new.find(f"{W}pPr").append(section)


def _put_beside(pairs: Sequence[tuple[Any, Any]]) -> None:
    """Each pair becomes a row; those that follow each other are one table."""
    if not pairs:
        return
    widths = _widths(pairs[0][0].getparent())
    table: Any = None
    last: Any = None
    for old, new in pairs:
        if table is None or last is None or last.getnext() is not old:
            table = _table(widths[old], old.nsmap)
            before = old.getprevious()
            if before is not None and name_of(before) == "tbl":  # they would be one table
                old.addprevious(etree.Element(f"{W}p"))
            old.addprevious(table)
        row = etree.SubElement(table, f"{W}tr")
        half = widths[old] // 2
        last = table
        for element in (old, new):
            cell = etree.SubElement(row, f"{W}tc")
            size = etree.SubElement(etree.SubElement(cell, f"{W}tcPr"), f"{W}tcW")
            size.set(f"{W}w", str(half))
            size.set(f"{W}type", "dxa")
            cell.append(element)
        behind = table.getnext()
        if behind is None or name_of(behind) in ("tbl", "sectPr"):
            table.addnext(etree.Element(f"{W}p"))


def _table(width: int, names: Mapping[str | None, str]) -> Any:
    table = etree.Element(f"{W}tbl", nsmap=names)
    properties = etree.SubElement(table, f"{W}tblPr")
    etree.SubElement(properties, f"{W}tblW", {f"{W}w": str(width), f"{W}type": "dxa"})
    etree.SubElement(properties, f"{W}tblLayout", {f"{W}type": "fixed"})
    grid = etree.SubElement(table, f"{W}tblGrid")
    for _ in range(2):
        etree.SubElement(grid, f"{W}gridCol", {f"{W}w": str(width // 2)})
    return table


def _widths(body: Any) -> dict[Any, int]:
    """Between the margins of the page that each paragraph of the body stands on."""
    found: dict[Any, int] = {}
    width = _TEXT_WIDTH
    for child in reversed(body):
        if name_of(child) == "sectPr":
            width = _width(child)
        elif (section := child.find(f"{W}pPr/{W}sectPr")) is not None:
            width = _width(section)
        found[child] = width
    return found


def _width(section: Any) -> int:
    def number(path: str, name: str, usual: int) -> int:
        element = section.find(path)
        value = "" if element is None else element.get(f"{W}{name}", "")
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 7 else usual

    margins = f"{W}pgMar"
    whole = number(f"{W}pgSz", "w", 11906) - number(margins, "left", 1440) - number(margins, "right", 1440)
    columns = max(number(f"{W}cols", "num", 1), 1)
    width = (whole - (columns - 1) * number(f"{W}cols", "space", 720)) // columns
    return width if width > 1000 else _TEXT_WIDTH
