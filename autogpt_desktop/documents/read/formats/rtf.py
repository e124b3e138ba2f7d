"""RTF (Rich Text Format 1.9.1): text, tables, notes, headers; pictures, styles and fields' codes stay out."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from autogpt_desktop.documents.read.formats.parts import Parts
from autogpt_desktop.documents.read.formats.table_text import TableGrid

_TOKEN = re.compile(
    r"\\([A-Za-z]{1,32})(-?\d{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\([^A-Za-z])|([{}])|[\r\n]+"
    r"|([^\\{}\r\n]{1,4000})"
)
# Character sets of fonts as Python's code pages
_CHARSETS = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030", 136: "cp950", 161: "cp1253",
    162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
    238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_CHARACTERS = {
    "line": "\n", "tab": "\t", "emdash": "—", "endash": "–", "emspace": " ", "enspace": " ", "qmspace": " ",
    "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”",
}  # fmt: skip
_SYMBOLS = {"~": "\xa0", "_": "‑", "-": "", "{": "{", "}": "}", "\\": "\\", "\r": "\n", "\n": "\n"}
# Groups without words for people
_SILENT = (
    "colortbl stylesheet pict objdata themedata colorschememapping datastore xmlnstbl listtable filetbl"
    " revtbl listoverridetable rsidtbl generator fldinst bkmkstart bkmkend latentstyles nonshppict sn sv"
    " atnid atnauthor atndate atnref atrfstart atrfend atnparent atnicn panose falt fontemb ftnsep ftnsepc"
    " aftnsep aftnsepc ftncn aftncn pgdsctbl pntxta pntxtb pnseclvl fldtype datafield formfield template"
    " userprops docvar wgrffmtfilter mmathPr objclass objname blipuid xe tc rxe txe company operator author"
    " keywords comment doccomm hlinkbase category manager subject creatim revtim printim buptim"
)
_UNREAD = frozenset(_SILENT.split())
_ASIDE = frozenset({"footnote", "annotation", "shptxt"})  # behind the paragraph
_ONCE = frozenset(["header", "headerl", "headerr", "headerf", "footer", "footerl", "footerr", "footerf"])
_KNOWN_STARRED = _ASIDE | {"shpinst"}


@dataclass(frozen=True, slots=True)
class _Group:
    """What a brace brings back."""

    kind: str = ""  # "" the body, "font", "title", "unread", or where its text goes
    codec: str = "cp1252"
    fallback: int = 1  # characters behind \u that say the same for old readers
    deleted: bool = False


def read_rtf(data: bytes, parts: Parts) -> None:
    reader = _Reader()
    for kind, text in reader.paragraphs(data.decode("latin-1")):
        if kind == "title":
            parts.title = parts.title or text.strip()[:300]
        else:
            parts.add(text)


class _Reader:
    def __init__(self) -> None:
        self._group = _Group()
        self._stack: list[_Group] = []
        self._base = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = 0  # that the font table speaks of
        self._bytes = bytearray()  # in the group's code page
        self._texts: dict[str, list[str]] = {"": []}
        self._aside: list[str] = []  # notes that are due
        self._once: set[str] = set()
        self._table: TableGrid | None = None
        self._cells: list[str] = []
        self._in_table = False
        self._ready: list[tuple[str, str]] = []

    def paragraphs(self, text: str) -> Iterator[tuple[str, str]]:
        at, skip = 0, 0  # characters behind \u that are to be left out
        while found := _TOKEN.match(text, at):
            at = found.end()
            word, number, code, symbol, brace, plain = found.groups()
            if word == "bin" and number:
                at += max(0, int(number))
            elif word == "u" and number:
                self._flush()
                self._put(chr(int(number) % 0x10000))
                skip = self._group.fallback
                continue
            elif word:
                self._word(word, int(number) if number else None)
            elif code:
                if skip:
                    skip -= 1
                    continue
                self._bytes.append(int(code, 16))
            elif plain:
                left = plain[skip:]
                skip = max(0, skip - len(plain))
                self._bytes += left.encode("latin-1")
                if skip:
                    continue
            elif brace:
                self._flush()
                self._brace(brace)
            elif symbol == "*":
                following = _TOKEN.match(text, at)
                if following is None or following[1] not in _KNOWN_STARRED:
                    self._group = replace(self._group, kind="unread")
            elif symbol:
                self._flush()
                self._put(_SYMBOLS.get(symbol, ""))
            skip = 0
            yield from self._ready
            self._ready = []
        self._flush()
        self._paragraph()
        self._end_table()
        yield from self._ready

    def _flush(self) -> None:
        """The bytes so far as text: two bytes of one character may come in different tokens."""
        if self._bytes:
            self._put(self._bytes.decode(self._group.codec, errors="replace"))
            self._bytes.clear()

    def _put(self, text: str) -> None:
        group = self._group
        if group.kind not in ("unread", "font") and not group.deleted:
            self._texts.setdefault(group.kind, []).append(text)

    def _taken(self, kind: str) -> str:
        text = "".join(self._texts.pop(kind, []))
        # numbers of \u are halves of characters beyond the first plane
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", errors="replace").strip()

    def _brace(self, brace: str) -> None:
        if brace == "{":
            if len(self._stack) < 10_000:
                self._stack.append(self._group)
            return
        before, self._group = self._group, self._stack.pop() if self._stack else _Group()
        if before.kind == self._group.kind:
            return
        if before.kind == "title":
            self._ready.append(("title", self._taken("title")))
        elif before.kind in _ASIDE or before.kind in _ONCE:
            text = self._taken(before.kind)
            if before.kind in _ASIDE:
                self._aside += [text] if text else []
            elif text and text not in self._once:
                self._once.add(text)
                self._ready.append(("", text + "\n\n"))

    def _word(self, word: str, number: int | None) -> None:
        self._flush()
        group = self._group
        if group.kind == "unread":
            return
        if word == "fonttbl":
            self._group = replace(group, kind="font")
        elif word in _UNREAD:
            self._group = replace(group, kind="unread")
        elif word == "info":
            self._group = replace(group, kind="info")
        elif word == "title" and group.kind == "info":
            self._group = replace(group, kind="title")
        elif word in _ASIDE or word in _ONCE:
            self._group = replace(group, kind=word)
        elif word in ("f", "fcharset", "ansicpg", "uc", "deleted", "mac", "pc", "pca"):
            self._property(word, number)
        elif word in _CHARACTERS:
            self._put(_CHARACTERS[word])
        elif group.kind == "":
            self._structure(word)
        elif word in ("par", "sect", "cell", "row"):
            self._put(" ")

    def _property(self, word: str, number: int | None) -> None:
        group = self._group
        if word == "uc":
            self._group = replace(group, fallback=max(0, min(number or 0, 64)))
        elif word == "deleted":
            self._group = replace(group, deleted=number != 0)
        elif word == "fcharset":
            self._fonts[self._font] = _CHARSETS.get(number or 0, self._base)
        elif word == "f":
            self._font = number or 0
            if group.kind != "font":
                self._group = replace(group, codec=self._fonts.get(self._font, self._base))
        else:
            names = {"ansicpg": f"cp{number}", "mac": "mac_roman", "pc": "cp437", "pca": "cp850"}
            self._base = _known("utf-8" if number == 65001 else names[word])
            self._group = replace(group, codec=self._base)

    def _structure(self, word: str) -> None:
        """Paragraphs and tables of the body."""
        if word in ("par", "sect", "page"):
            if self._in_table:
                self._put(" ")
            else:
                self._paragraph()
        elif word == "pard":
            self._in_table = False
        elif word == "intbl":
            self._in_table = True
        elif word == "nestcell":
            self._put(" ")
        elif word == "cell":
            self._cells.append(self._taken(""))
        elif word == "row":
            self._table = self._table or TableGrid()
            self._table.start_row()
            for cell in self._cells:
                self._table.add(cell)
            self._cells = []
        elif word == "trhdr" and (self._table is None or self._table.marked == len(self._table.rows)):
            self._table = self._table or TableGrid()
            self._table.marked += 1

    def _paragraph(self) -> None:
        text = self._taken("")
        if text:
            self._end_table()
            self._ready.append(("", text + "\n\n"))
        self._notes()

    def _notes(self) -> None:
        if self._table is None:
            self._ready += [("", note + "\n\n") for note in self._aside]
            self._aside = []

    def _end_table(self) -> None:
        if self._table is not None:
            self._ready += [("", line + "\n\n") for line in self._table.lines()]
            self._table = None
            self._notes()


def _known(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"
