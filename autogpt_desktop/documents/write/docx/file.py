"""DOCX that is translated: the text of every paragraph is replaced where it stands, all else stays.

The file is ECMA-376 WordprocessingML: runs with the same properties are one piece of text; links, fields,
bookmarks, pictures and notes are carried along (``inline_marks``). Parts without text stay the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from lxml import etree

from autogpt_desktop.documents.read.formats.archive import Archive, broken_xml
from autogpt_desktop.documents.read.formats.parts import Unreadable
from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.base import NO_PHRASES, write_file
from autogpt_desktop.documents.write.docx.bilingual import Twins
from autogpt_desktop.documents.write.docx.builder import mirrored
from autogpt_desktop.documents.write.docx.paragraph import Paragraph
from autogpt_desktop.documents.write.docx.runs import W, name_of
from autogpt_desktop.documents.write.inline_marks import Segment, texts_of
from autogpt_desktop.documents.write.package import open_archive, repacked
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice

_LARGEST = 64 << 20  # bytes of a part's XML; as a tree it takes ten times as much
_PARTS = frozenset({"header", "footer", "footnotes", "endnotes"})
# ISO 29500 Strict names the same elements otherwise.
_STRICT = re.compile(
    rb"""(xmlns(?::\w+)?\s*=\s*["'])http://purl\.oclc\.org/ooxml/wordprocessingml/main(?=["'])"""
)
_USUAL = re.compile(rb"""(xmlns(?::\w+)?\s*=\s*["'])""" + re.escape(W[1:-1].encode()) + rb"""(?=["'])""")
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


class Word:
    """``documents.write.base.Blocks`` of a DOCX file. Raises KnownError as ``open_blocks``."""

    suffix, wrapped = ".docx", False
    notices: tuple[Notice, ...] = ()

    def __init__(self, path: Path, limits: Limits, comments: bool = False, bilingual: str = "") -> None:
        """``comments``: those that people wrote beside the text too. ``bilingual``: as ``open_blocks``."""
        self._bilingual = bilingual
        try:
            self._data, archive = open_archive(path, limits)
            self._strict = bool(_STRICT.search(next(archive.blocks(_main(archive)), b"")))
            self._trees = dict(_trees(archive, comments))
            lists = dict(_parts(archive, {"numbering", "styles"})) if bilingual else {}
        except Unreadable as error:
            raise KnownError(error.key, name=path.name, **error.values) from error
        self._lists = {name_of(root): root for root in lists.values()}
        if not self._trees:
            raise KnownError("document-kind", name=path.name)
        elements = [element for tree in self._trees.values() for element in tree.iter(f"{W}p")]
        self._paragraphs = [paragraph for paragraph in map(Paragraph, elements) if paragraph.texts]
        self._segments: list[Segment] = []
        self._echoes: dict[int, Segment] = {}  # segments of what old programs show in place of a text box
        shown: dict[str, Segment] = {}
        for paragraph in self._paragraphs:
            is_echo = next(paragraph.element.iterancestors(_FALLBACK), None) is not None
            for segment in paragraph.texts:
                if is_echo and segment.text in shown:
                    self._echoes[id(segment)] = shown[segment.text]
                else:
                    shown[segment.text] = segment
                    self._segments.append(segment)
        self.texts, self.phrases = texts_of(self._segments, path)

    def write(
        self,
        translated: Sequence[TranslatedText],
        out: Path,
        language: str = "",
        phrases: Mapping[str, str] = NO_PHRASES,
    ) -> None:
        """As ``Blocks.write``; paragraphs and runs learn the language and the direction."""
        made = dict(zip(map(id, self._segments), translated, strict=True))
        made |= {echo: made[id(segment)] for echo, segment in self._echoes.items()}
        if self._bilingual:
            twins = Twins(language, self._lists.get("numbering"), self._lists.get("styles"))
            twins.write(self._paragraphs, made, phrases, self._bilingual == "beside")
        else:
            self._replace(made, language, phrases)
        write_file(out, repacked(self._data, dict(self._changed())))

    def _replace(self, made: Mapping[int, TranslatedText], language: str, phrases: Mapping[str, str]) -> None:
        for paragraph in self._paragraphs:
            paragraph.write(made, language, phrases)
        for tree in self._trees.values() if language else ():
            for element in tree.iter(f"{W}p", f"{W}tbl", f"{W}sectPr"):
                mirrored(element, language)

    def _changed(self) -> Iterator[tuple[str, bytes]]:
        for name, tree in self._trees.items():
            data = etree.tostring(tree, xml_declaration=True, encoding="UTF-8", standalone=True)
            if self._strict:
                data = _USUAL.sub(rb"\1http://purl.oclc.org/ooxml/wordprocessingml/main", data)
            yield name, data


def _main(archive: Archive) -> str:
    return next(
        (place for kind, place in archive.relations("").values() if kind == "officeDocument"),
        "word/document.xml",
    )


def _trees(archive: Archive, comments: bool) -> Iterator[tuple[str, Any]]:
    """Name and XML of the parts that people read: the body, headers, footers, notes, perhaps comments."""
    main = _main(archive)
    yield from _parsed(archive, [main])
    yield from _parts(archive, _PARTS | {"comments"} if comments else _PARTS)


def _parts(archive: Archive, kinds: Set[str]) -> Iterator[tuple[str, Any]]:
    """Name and XML of the main part's relations of some kinds."""
    main = _main(archive)
    places = {place for kind, place in archive.relations(main).values() if kind in kinds}
    return _parsed(archive, sorted(places - {main}))


def _parsed(archive: Archive, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        if name not in archive:
            continue
        if archive.names[name].file_size > _LARGEST:
            raise Unreadable("document-memory")
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        try:
            root = etree.fromstring(_STRICT.sub(rb"\1" + W[1:-1].encode(), archive.read(name)), parser)
        except etree.XMLSyntaxError as error:
            raise broken_xml(error) from error
        if root.getroottree().docinfo.doctype:
            raise Unreadable("document-unsafe")
        if root.tag.startswith(W):
            yield name, root
