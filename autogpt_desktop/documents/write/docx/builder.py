"""A paragraph of WordprocessingML that is built anew from tokens."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from lxml import etree

from autogpt_desktop.documents.write.base import LANGUAGE_TAGS, RIGHT_TO_LEFT
from autogpt_desktop.documents.write.docx.runs import SPACE, Container, Format, Inner, Payload, W, name_of
from autogpt_desktop.documents.write.inline_marks import Close, Open, Text, Token

_LANGUAGE_KINDS = dict.fromkeys(RIGHT_TO_LEFT, "bidi")
_LANGUAGE_KINDS |= dict.fromkeys(("zh", "zh-Hant", "ja", "ko"), "eastAsia")
# What may come behind the elements that are put in here, as the schema's sequences have it.
_BEHIND_RTL = frozenset({"cs", "em", "lang", "eastAsianLayout", "specVanish", "oMath", "rPrChange"})
_BEHIND_LANG = _BEHIND_RTL - {"cs", "em", "lang"}
BEHIND_BIDI = frozenset(
    {
        *("adjustRightInd", "snapToGrid", "spacing", "ind", "contextualSpacing", "mirrorIndents"),
        *("suppressOverlap", "jc", "textDirection", "textAlignment", "textboxTightWrap", "outlineLvl"),
        *("divId", "cnfStyle", "rPr", "sectPr", "pPrChange"),
    }
)
_BEHIND_COLUMNS = frozenset(
    {
        *("tblStyleRowBandSize", "tblStyleColBandSize", "tblW", "jc", "tblCellSpacing", "tblInd"),
        *("tblBorders", "shd", "tblLayout", "tblCellMar", "tblLook", "tblCaption", "tblDescription"),
        "tblPrChange",
    }
)
_BEHIND_PAGES = frozenset({"rtlGutter", "docGrid", "printerSettings", "sectPrChange"})
# element → what says that it runs from right to left, the child that holds it, what comes behind that
_MIRRORED: dict[str, tuple[str, str | None, frozenset[str]]] = {
    "p": ("bidi", "pPr", BEHIND_BIDI),
    "tbl": ("bidiVisual", "tblPr", _BEHIND_COLUMNS),
    "sectPr": ("bidi", None, _BEHIND_PAGES),
}
_COMPLEX = {"b": "bCs", "i": "iCs", "sz": "szCs"}  # the same for Arabic and Hebrew letters


class Builder:
    """Fills the paragraph anew."""

    def __init__(
        self, paragraph: Any, base: Format, language: str, copied: Callable[[Any], bool] | None = None
    ) -> None:
        """``copied``: elements are copied, and only those that it says, rather than moved here."""
        self.paragraph, self.language, self._copied = paragraph, language, copied
        self.stack = [etree.Element("new")]
        self.formats = [base]

    def add(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            if isinstance(token, Text):
                self._text(token)
            elif isinstance(token, Open):
                self._open(token.payload)
            elif isinstance(token, Close):
                self._close(token)
            elif isinstance(token.payload, Open | Close):  # one that is an edge
                self.add([token.payload])
            else:
                self._elements(token.payload)

    def done(self) -> None:
        kept = [child for child in self.paragraph if name_of(child) == "pPr"]
        tail = [child for child in self.paragraph if not isinstance(child.tag, str)]  # comments
        self.paragraph[:] = [*kept, *self.stack[0], *tail]

    def _text(self, token: Text) -> None:
        if not token.text:
            return
        form = token.raw if isinstance(token.raw, Format) else self.formats[-1]
        run = etree.SubElement(self.stack[-1], f"{W}r")
        properties = _spoken(form.properties, self.language)
        if properties is not None:
            run.append(properties)
        text = etree.SubElement(run, f"{W}t")
        text.text = " ".join(token.text.split("\n"))
        text.set(SPACE, "preserve")

    def _open(self, payload: Payload) -> None:
        if isinstance(payload, Format):
            self.formats.append(payload)
        elif isinstance(payload, Container):
            stays = self._copied is None or self._copied(payload.element)
            self.stack.append(_emptied(payload.element, self.stack[-1]) if stays else self.stack[-1])
        else:
            self._elements(payload)

    def _close(self, token: Close) -> None:
        if isinstance(token.opened.payload, Format):
            self.formats.pop()
        elif isinstance(token.opened.payload, Container):
            self.stack.pop()
        else:
            self._elements(token.payload)

    def _elements(self, pieces: Sequence[Any]) -> None:
        for piece in pieces:
            element = piece.element if isinstance(piece, Inner) else piece
            if self._copied is not None:
                if not self._copied(element):
                    continue
                element = copy.deepcopy(element)
            if not isinstance(piece, Inner):
                self.stack[-1].append(element)
                continue
            run = etree.SubElement(self.stack[-1], f"{W}r")
            if piece.format.properties is not None:
                run.append(copy.deepcopy(piece.format.properties))
            run.append(element)


def _emptied(element: Any, parent: Any) -> Any:
    """A copy of a container without what stands in it, in ``parent``; where its content goes."""
    new = etree.SubElement(parent, element.tag, dict(element.attrib), element.nsmap)
    if name_of(element) != "sdt":
        return new
    for child in element:
        if name_of(child) != "sdtContent":
            new.append(copy.deepcopy(child))
            continue
        inner = etree.SubElement(new, child.tag, dict(child.attrib))
    return inner


def _spoken(properties: Any, language: str) -> Any:
    """A copy of a run's properties that names the language its text is in now."""
    if language not in LANGUAGE_TAGS:
        return copy.deepcopy(properties)
    new = etree.Element(f"{W}rPr") if properties is None else copy.deepcopy(properties)
    for child in list(new):
        if name_of(child) in ("lang", "rtl"):
            new.remove(child)
    if language in RIGHT_TO_LEFT:
        for child in list(new):
            other = _COMPLEX.get(name_of(child))
            if other and new.find(f"{W}{other}") is None:
                twin = etree.Element(f"{W}{other}", dict(child.attrib))
                child.addnext(twin)
        insert(new, etree.Element(f"{W}rtl"), _BEHIND_RTL)
    kind = _LANGUAGE_KINDS.get(language, "val")
    insert(new, etree.Element(f"{W}lang", {f"{W}{kind}": LANGUAGE_TAGS[language]}), _BEHIND_LANG)
    return new


def mirrored(element: Any, language: str) -> None:
    """Let a paragraph, the columns of a table, or the pages of a section run from right to left in Arabic,
    Hebrew and their like, else from left to right."""
    kind = name_of(element)
    name, holder, behind = _MIRRORED[kind]
    properties = element if holder is None else element.find(f"{W}{holder}")
    found = None if properties is None else properties.find(f"{W}{name}")
    if language not in RIGHT_TO_LEFT:
        if found is not None:
            properties.remove(found)
        return
    if properties is None:
        properties = etree.Element(f"{W}{holder}")
        element.insert(0, properties)
    if found is not None:
        found.attrib.pop(f"{W}val", None)  # it may say "off"
    else:
        insert(properties, etree.Element(f"{W}{name}"), behind)


def insert(parent: Any, element: Any, behind: frozenset[str]) -> None:
    """Put an element before the first whose name is in ``behind``."""
    for at, child in enumerate(parent):
        if name_of(child) in behind:
            parent.insert(at, element)
            return
    parent.append(element)
