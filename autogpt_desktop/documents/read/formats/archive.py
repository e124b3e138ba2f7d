"""ZIP archives (DOCX, PPTX, XLSX, EPUB) and the XML in them, from people who may mean harm."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import unquote

from lxml import etree

from autogpt_desktop.documents.read.formats.parts import Unreadable
from autogpt_desktop.documents.types import Limits

DEEPEST = 256  # elements in one another, as libxml2 has it
_BLOCK = 64 << 10
_MEMBERS = 20_000
_RATIO = 200  # real XML packs to a twentieth at best; a bomb to a thousandth


OPENDOCUMENT = b"application/vnd.oasis.opendocument."  # what its kinds begin with


class Archive:
    """An archive whose members say, before one is unpacked, that they fit the limits.

    ``zipfile`` never unpacks more of a member than its entry says, so the sum can be relied on.
    """

    def __init__(self, data: bytes | BinaryIO, limits: Limits) -> None:
        try:
            self.zip = zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else data)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise Unreadable("document-damaged") from error
        members = self.zip.infolist()
        total = sum(member.file_size for member in members)
        packed = sum(member.compress_size for member in members)
        if total > limits.unpacked_bytes or len(members) > _MEMBERS:
            raise Unreadable("document-bomb")
        if total > 32 << 20 and total > _RATIO * max(packed, 1):
            raise Unreadable("document-bomb")
        if any(member.flag_bits & 1 for member in members):
            raise Unreadable("document-encrypted")
        self.names = {member.filename: member for member in members}

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def blocks(self, name: str) -> Iterator[bytes]:
        """A member's bytes, piece by piece. Raises Unreadable("document-damaged")."""
        if name not in self.names:
            raise Unreadable("document-damaged")
        try:
            with self.zip.open(self.names[name]) as file:
                while block := file.read(_BLOCK):
                    yield block
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
        ) as error:
            raise Unreadable("document-damaged") from error

    def read(self, name: str) -> bytes:
        return b"".join(self.blocks(name))

    def parse(self, name: str, target: Any) -> Any:
        """Send a member's XML through ``target`` (start, end, data), which keeps what it wants."""
        return parse_xml(self.blocks(name), target)

    def relations(self, name: str) -> dict[str, tuple[str, str]]:
        """id → (kind, member) of a part's relations in an office file."""
        folder, file = posixpath.split(name)
        member = f"{folder}/_rels/{file}.rels" if folder else f"_rels/{file}.rels"
        if member not in self:
            return {}
        target = Collect({"Relationship"})
        self.parse(member, target)
        found = {}
        for _, attributes, _ in target.found:
            if attributes.get("TargetMode") == "External":
                continue
            place = resolve(name, attributes.get("Target", ""))
            found[attributes.get("Id", "")] = (attributes.get("Type", "").rsplit("/", 1)[-1], place)
        return found


def check_workbook(file: BinaryIO, limits: Limits) -> None:
    """Refuse what a parser would walk into: bombs, passwords, entities. The file stands at its beginning."""
    head = file.read(8)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable(
            "document-encrypted" if encrypted_office(head + file.read()) else "document-old-office"
        )
    archive = Archive(file, limits)
    for name in archive.names:
        if name.endswith((".xml", ".rels")):
            beginning = next(archive.blocks(name), b"").replace(b"\0", b"")  # also of UTF-16
            if b"<!DOCTYPE" in beginning or b"<!ENTITY" in beginning:
                raise Unreadable("document-unsafe")
    if main_part(archive) not in archive:
        raise Unreadable("document-kind")
    file.seek(0)


def is_opendocument(archive: Archive, kind: bytes = b"") -> bool:
    """By what the archive says of itself. ``kind``: "text", "spreadsheet" …; any where none is named."""
    return "mimetype" in archive and archive.read("mimetype").strip().startswith(OPENDOCUMENT + kind)


def repeat_count(text: str) -> int:
    """How often something of OpenDocument stands there; 1 where nothing is said."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1


def main_part(archive: Archive) -> str:
    """The part of a workbook that names its sheets; some programs call it otherwise than Excel does."""
    places = [place for kind, place in archive.relations("").values() if kind == "officeDocument"]
    return next((place for place in places if place.startswith("xl/")), "xl/workbook.xml")


def encrypted_office(data: bytes) -> bool:
    """Whether a compound file ([MS-CFB]) is an office file with a password ([MS-OFFCRYPTO])."""
    return "EncryptedPackage".encode("utf-16-le") in data


def resolve(base: str, target: str) -> str:
    """The member that a link in the member ``base`` names."""
    target = unquote(target.split("#")[0])
    if target.startswith("/"):
        return posixpath.normpath(target.lstrip("/"))
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), target))


def parse_xml(blocks: Iterator[bytes], target: Any) -> Any:
    """Parse a stream without a tree. Office XML has no document type; one that has is refused."""
    parser = etree.XMLParser(
        target=_Guard(target), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        for block in blocks:
            parser.feed(block)
        return parser.close()
    except etree.XMLSyntaxError as error:
        if "entity" in str(error).lower() or "amplification" in str(error).lower():
            raise Unreadable("document-unsafe") from error
        raise broken_xml(error) from error


def broken_xml(error: Exception) -> Unreadable:
    """Why libxml2 gave up: what is nested too deeply for it is no damage."""
    if isinstance(error, etree.XMLSyntaxError) and "depth" in str(error).lower():
        return Unreadable("document-nested", most=DEEPEST)
    return Unreadable("document-damaged")


def _name(key: str) -> str:
    """An attribute's name; those that link to another part keep their usual prefix: "r:id" is not "id"."""
    space, _, name = key.rpartition("}")
    return f"r:{name}" if space.endswith("/relationships") else name


class _Guard:
    """Passes a parser's events on, names without their namespace, and refuses a document type."""

    def __init__(self, target: Any) -> None:
        self._start, self._end, self._data, self._close = target.start, target.end, target.data, target.close

    def doctype(self, name: str, public: str, system: str) -> None:
        raise Unreadable("document-unsafe")

    def start(self, tag: str, attributes: Any) -> None:
        names = {_name(key): value for key, value in attributes.items()}
        self._start(tag.rpartition("}")[2], names)

    def end(self, tag: str) -> None:
        self._end(tag.rpartition("}")[2])

    def data(self, text: str) -> None:
        self._data(text)

    def comment(self, text: str) -> None:
        pass

    def pi(self, target: str, data: str | None = None) -> None:
        pass

    def close(self) -> Any:
        return self._close()


class Collect:
    """Keeps the elements of some names: ``found`` has (name, attributes, text), at most ``most``."""

    def __init__(self, names: set[str], most: int = 100_000) -> None:
        self._names, self._most = names, most
        self.found: list[tuple[str, dict[str, str], str]] = []
        self._open: list[tuple[str, dict[str, str], list[str]]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in self._names:
            self._open.append((tag, attributes, []))

    def data(self, text: str) -> None:
        if self._open:
            self._open[-1][2].append(text)

    def end(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            name, attributes, texts = self._open.pop()
            if len(self.found) < self._most:
                self.found.append((name, attributes, "".join(texts)))

    def close(self) -> None:
        pass
