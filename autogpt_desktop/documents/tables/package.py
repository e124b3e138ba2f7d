"""The parts of a workbook that is copied: which stay, which are left out, and what names them."""

from __future__ import annotations

import posixpath
from typing import Any

from lxml import etree

from autogpt_desktop.documents.read.formats.archive import main_part, resolve
from autogpt_desktop.documents.tables.workbook import Workbook

_TYPES = "[Content_Types].xml"
_PLAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_MACROS = "application/vnd.ms-excel.sheet.macroEnabled.main+xml"
_OF_ROWS = frozenset({"comments", "table", "threadedComment", "vmlDrawing"})  # name rows by their numbers


class Package:
    """``dropped``: parts that are not copied. ``is_filtered``: rows of the sheet are left out."""

    def __init__(self, book: Workbook, sheet: str, is_filtered: bool, suffix: str) -> None:
        self._archive, self._suffix = book.archive, suffix
        main = main_part(book.archive)
        self._main, self.dropped = main, set[str]()
        if suffix == ".xlsx":
            self.dropped |= {name for name in book.archive.names if _is_macro(name)}
        if is_filtered:
            of_book = book.archive.relations(main).values()
            of_sheet = book.archive.relations(book.sheets[sheet]).values()
            self.dropped |= {place for kind, place in of_book if kind == "calcChain"}
            self.dropped |= {place for kind, place in of_sheet if kind in _OF_ROWS}

    def changed(self, name: str) -> bytes | None:
        """A part that names others, without those that are left out; None: it stays as it is."""
        if name == _TYPES:
            return self._types()
        if self.dropped and name.endswith(".rels"):
            return self._relations(name)
        return None

    def _types(self) -> bytes | None:
        root = self._parsed(_TYPES)
        wanted = _MACROS if self._suffix == ".xlsm" else _PLAIN
        changed = False
        for element in list(root):
            part = element.get("PartName", "").lstrip("/")
            if part in self.dropped:
                root.remove(element)
                changed = True
            elif part == self._main and element.get("ContentType") in {_PLAIN, _MACROS} - {wanted}:
                element.set("ContentType", wanted)
                changed = True
        return _xml(root) if changed else None

    def _relations(self, name: str) -> bytes | None:
        folder, file = posixpath.split(name)
        owner = posixpath.join(posixpath.dirname(folder), file.removesuffix(".rels"))
        root = self._parsed(name)
        gone = [
            each for each in root
            if each.get("TargetMode") != "External" and resolve(owner, each.get("Target", "")) in self.dropped
        ]  # fmt: skip
        for each in gone:
            root.remove(each)
        return _xml(root) if gone else None

    def _parsed(self, name: str) -> Any:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        return etree.fromstring(self._archive.read(name), parser)


def _is_macro(name: str) -> bool:
    folder, file = posixpath.split(name)
    return folder in ("xl", "xl/_rels") and file.lower().startswith(("vbaproject", "vbadata"))


def _xml(root: Any) -> bytes:
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True, standalone=True))
