"""Files that are translated and keep their form: texts out, translated texts in, a new file.

``open_blocks`` cuts a file into texts; the ``Blocks`` then writes a copy with other texts in their place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from autogpt_desktop.documents.types import Limits
from autogpt_desktop.documents.write.base import Blocks, Skeleton, read_text
from autogpt_desktop.errors import KnownError

_SPACE = re.compile(r"\s+")


def check_kind(path: Path) -> None:
    """Raises KnownError("translate-kind") for a file whose name says that it cannot be translated."""
    if path.suffix.lower() not in _KINDS:
        raise KnownError("translate-kind", name=path.name)


def check_bilingual(path: Path, way: str) -> None:
    """``way``: as ``open_blocks`` has it.

    Raises KnownError for a file that cannot hold both languages: "translate-bilingual-kind",
    "translate-beside-kind".
    """
    possible = bilingual_way(path, way)
    if not possible:
        raise KnownError("translate-bilingual-kind", name=path.name)
    if possible != way:
        raise KnownError("translate-beside-kind", name=path.name)


def bilingual_way(path: Path, way: str) -> str:
    """``way`` where this kind of file can hold both languages so, else "under" or ""."""
    suffix = path.suffix.lower()
    if suffix not in _BILINGUAL:
        return ""
    return "under" if suffix in _UNDER_ONLY and way else way


def open_blocks(
    path: Path, limits: Limits | None = None, comments: bool = False, bilingual: str = ""
) -> Blocks:
    """A file's texts. Raises KnownError: document-missing, -unreadable, -too-large, -kind.

    ``comments``: with the comments of DOCX and OpenDocument files, and the notes of slides.
    ``bilingual``: "under" or "beside": what is written has the original too, and the translation there.
    Raises KnownError as ``check_bilingual`` for a kind that cannot.
    """
    check_kind(path)
    suffix = path.suffix.lower()
    if bilingual:
        check_bilingual(path, bilingual)
        more = {"comments": comments} if suffix in _WITH_COMMENTS else {}
        return _BILINGUAL[suffix](path, limits or Limits(), bilingual=bilingual, **more)
    if comments and suffix in _WITH_COMMENTS:
        return _WITH_COMMENTS[suffix](path, limits or Limits(), True)
    return _KINDS[suffix](path, limits or Limits())


def plain(path: Path, limits: Limits, bilingual: str = "") -> Blocks:
    """TXT: paragraphs; what stands between them stays."""
    text, encoding = read_text(path, limits)
    return Skeleton(paragraphs(text), path.suffix, encoding, bool(bilingual))


def paragraphs(text: str) -> list[tuple[bool, str]]:
    parts, at = [], 0
    for first, last in _gaps(text):
        parts += [(True, text[at:first]), (False, text[first:last])]
        at = last
    return [*parts, (True, text[at:])]


def _gaps(text: str) -> Iterator[tuple[int, int]]:
    """What stands between paragraphs: white space with an empty line in it, or a form feed."""
    for space in _SPACE.finditer(text):
        if space[0].count("\n") > 1:
            yield space.span()
        else:
            for at in range(*space.span()):
                if text[at] == "\f":
                    yield at, at + 1


def subtitles(path: Path, limits: Limits, bilingual: str = "") -> Blocks:
    from autogpt_desktop.documents.write.subtitles.file import Subtitles

    return Subtitles(path, limits, bilingual)


def markdown(path: Path, limits: Limits, bilingual: str = "") -> Blocks:
    from autogpt_desktop.documents.write.markdown.file import MarkdownFile

    return MarkdownFile(path, limits, bilingual)


def as_text(path: Path, limits: Limits, bilingual: str = "") -> Blocks:
    """The text of any file that ``documents.read.reader`` knows; the result is TXT."""
    from autogpt_desktop.documents.read.reader import Reader

    reader = Reader()
    try:
        document = reader.read(path, limits)
    finally:
        reader.close()
    return Skeleton(paragraphs(document.text), ".txt", under=bool(bilingual))


def html(path: Path, limits: Limits, bilingual: str = "") -> Blocks:
    from autogpt_desktop.documents.write.html.page import Page

    return Page(path, limits, bilingual)


def docx(path: Path, limits: Limits, comments: bool = False, bilingual: str = "") -> Blocks:
    from autogpt_desktop.documents.write.docx.file import Word

    return Word(path, limits, comments, bilingual)


def pptx(path: Path, limits: Limits, comments: bool = False) -> Blocks:
    from autogpt_desktop.documents.write.pptx import pptx

    return pptx(path, limits, comments)


def xlsx(path: Path, limits: Limits, comments: bool = False) -> Blocks:
    from autogpt_desktop.documents.write.xlsx import xlsx

    return xlsx(path, limits, comments)


def opendocument(path: Path, limits: Limits, comments: bool = False) -> Blocks:
    from autogpt_desktop.documents.write.opendocument import opendocument

    return opendocument(path, limits, comments)


def epub(path: Path, limits: Limits, bilingual: str = "") -> Blocks:
    from autogpt_desktop.documents.write.epub import epub

    return epub(path, limits, bilingual)


def xliff(path: Path, limits: Limits) -> Blocks:
    from autogpt_desktop.documents.write.xliff import Xliff

    return Xliff(path, limits)


def gettext(path: Path, limits: Limits) -> Blocks:
    from autogpt_desktop.documents.write.resources.po import Catalog

    return Catalog(path, limits)


def resources(path: Path, limits: Limits) -> Blocks:
    from autogpt_desktop.documents.write.resources.file import Resources

    return Resources(path, limits)


_WITH_COMMENTS = {
    ".docx": docx,
    ".pptx": pptx,
    ".xlsx": xlsx,
    **dict.fromkeys((".odt", ".odp", ".ods"), opendocument),
}
_BILINGUAL: dict[str, Callable[..., Blocks]] = {
    ".docx": docx,
    **dict.fromkeys((".srt", ".vtt", ".ass", ".ssa"), subtitles),
    **dict.fromkeys((".html", ".htm", ".xhtml"), html),
    ".epub": epub,
    **dict.fromkeys((".txt", ".text", ".log"), plain),
    **dict.fromkeys((".md", ".markdown"), markdown),
    ".pdf": as_text,
}
_UNDER_ONLY = frozenset({".txt", ".text", ".log", ".md", ".markdown", ".pdf"})  # they have lines, no columns
_KINDS: dict[str, Callable[[Path, Limits], Blocks]] = {
    **dict.fromkeys((".txt", ".text", ".log"), plain),
    **dict.fromkeys((".srt", ".vtt", ".ass", ".ssa"), subtitles),
    **dict.fromkeys((".md", ".markdown"), markdown),
    **dict.fromkeys((".html", ".htm", ".xhtml"), html),
    ".docx": docx,
    ".pptx": pptx,
    ".xlsx": xlsx,
    **dict.fromkeys((".odt", ".odp", ".ods"), opendocument),
    ".epub": epub,
    **dict.fromkeys((".po", ".pot"), gettext),
    **dict.fromkeys((".xlf", ".xliff"), xliff),
    **dict.fromkeys((".json", ".arb", ".yaml", ".yml", ".properties", ".strings"), resources),
    ".pdf": as_text,
}
SUFFIXES = tuple(_KINDS)  # of files that can be translated
