"""PO and POT (gettext) that are translated: msgid to msgstr; every other line stays.

What was translated stays; what is empty, "fuzzy" or in another language than the wanted one is made anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.base import NO_PHRASES, encoded, read_text, write_file
from autogpt_desktop.documents.write.inline_marks import texts_of
from autogpt_desktop.documents.write.resources.message import Message
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice

_LARGEST = 16 << 20  # characters
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_KEYWORD = re.compile(r"(msgctxt|msgid_plural|msgid|msgstr(?:\[(\d{1,2})\])?)[ \t]*+(?=\")")
_STRING = re.compile(r'"((?:[^"\\\r\n]|\\.)*+)"[ \t]*+')
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_FUZZY = re.compile(r",\s*fuzzy\b")
_NPLURALS = re.compile(r"nplurals\s*=\s*(\d)")
# How many forms a language has and which a number takes, as gettext's manual lists them; the form of
# one is the first but in Arabic, where it is the second.
_TWO, _FRENCH = "nplurals=2; plural=(n != 1);", "nplurals=2; plural=(n > 1);"
_ONE = "nplurals=1; plural=0;"
_SLAVIC = (
    "nplurals=3; plural=(n%10==1 && n%100!=11 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
)
_POLISH = "nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);"
_CZECH = "nplurals=3; plural=(n==1) ? 0 : (n>=2 && n<=4) ? 1 : 2;"
_ARABIC = (
    "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);"
)
_PLURALS = {
    **dict.fromkeys(("zh", "zh-Hant", "ja", "ko", "th", "vi", "id", "ms"), _ONE),
    **dict.fromkeys(("ru", "uk", "be", "sr", "hr", "bs"), _SLAVIC),
    "fr": _FRENCH, "pl": _POLISH, "cs": _CZECH, "sk": _CZECH, "ar": _ARABIC,
}  # fmt: skip


@dataclass(eq=False)
class _Entry:
    """Lines of the file; the numbers of those that change."""

    first: int
    texts: dict[str, str] = field(default_factory=dict)
    strings: list[int] = field(default_factory=list)  # lines of msgstr
    flags: list[int] = field(default_factory=list)
    previous: list[int] = field(default_factory=list)  # what a fuzzy one was the translation of
    forms: list[Message] = field(default_factory=list)  # of one, of several


class Catalog:
    """``documents.write.base.Blocks`` of a PO file. Raises KnownError as ``open_blocks``."""

    wrapped = False
    notices: tuple[Notice, ...] = ()

    def __init__(self, path: Path, limits: Limits) -> None:
        source, self._encoding = read_text(path, limits)
        if len(source) > _LARGEST:
            raise KnownError("document-too-large", name=path.name, limit=f"{_LARGEST >> 20} MB")
        self.suffix = ".po"
        self._lines = [found[0] for found in _LINE.finditer(source) if found[0]]
        try:
            self._entries = _entries(self._lines)
        except ValueError as error:
            raise KnownError("translate-resource", name=path.name, line=str(error)) from error
        for entry in self._entries:
            ids = [entry.texts.get("msgid", ""), *(entry.texts.get(key, "") for key in ("msgid_plural",))]
            if ids[0] and entry.strings:
                entry.forms = [Message(text) for text in ids if text]
        messages = chain.from_iterable(entry.forms for entry in self._entries)
        self._units = [*chain.from_iterable(message.segments for message in messages)]
        self.texts, self.phrases = texts_of(self._units, path)

    def write(
        self,
        translated: Sequence[TranslatedText],
        out: Path,
        language: str = "",
        phrases: Mapping[str, str] = NO_PHRASES,
    ) -> None:
        """As ``Blocks.write``; the header names the language and its plural forms."""
        made = dict(zip(map(id, self._units), translated, strict=True))
        head = next((entry for entry in self._entries if entry.texts.get("msgid") == ""), None)
        header = head.texts.get("msgstr", "") if head else ""
        before = re.search(r"^Language:[ \t]*([A-Za-z]*)", header, re.MULTILINE)
        is_same = not language or bool(before and before[1].lower() in (language, ""))
        rule = _PLURALS.get(language, _TWO)
        found = _NPLURALS.search(header)
        if found and is_same and before and before[1]:
            rule = ""  # what the file says
        count = int((_NPLURALS.search(rule) or found or ["", "2"])[1])
        lines = [*self._lines]
        for entry in self._entries:
            if entry is head and language:
                _replace(lines, entry.strings, _strings("msgstr", _headed(header, language, rule), lines[0]))
                _without_fuzzy(lines, entry)
            elif entry.forms and (entry.flags or not is_same or not _is_done(entry)):
                texts = [form.written(made, phrases) for form in entry.forms]
                _replace(lines, entry.strings, _written(entry, texts, language, count, lines[0]))
                _without_fuzzy(lines, entry)
        write_file(out, encoded("".join(lines), "utf-8" if language else self._encoding))


def _is_done(entry: _Entry) -> bool:
    said = [text for key, text in entry.texts.items() if key.startswith("msgstr")]
    return bool(said) and all(said)


def _entries(lines: Sequence[str]) -> list[_Entry]:
    """Raises ValueError with the line that is none of a PO file."""
    found: list[_Entry] = []
    entry, key = _Entry(0), ""
    for number, line in enumerate(lines):
        bare = line.strip("\ufeff \t\r\n")
        if bare.startswith("#") or not bare:
            if bare.startswith("#~"):
                continue
            if key.startswith("msgstr"):
                found.append(entry)
                entry, key = _Entry(number), ""
            if bare.startswith("#,") and _FUZZY.search(bare):
                entry.flags.append(number)
            elif bare.startswith("#|"):
                entry.previous.append(number)
            continue
        keyword = _KEYWORD.match(bare)
        if keyword:
            if key.startswith("msgstr") and not keyword[1].startswith("msgstr"):
                found.append(entry)
                entry = _Entry(number)
            key = keyword[1]
            entry.texts[key] = ""
            bare = bare[keyword.end() :]
        string = _STRING.fullmatch(bare)
        if string is None or not key:
            raise ValueError(str(number + 1))
        entry.texts[key] += _ESCAPE.sub(_character, string[1])
        if key.startswith("msgstr"):
            entry.strings.append(number)
    return [*found, entry] if entry.texts else found


def _character(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    return chr(int(code, 8)) if code[0] in "01234567" else _LETTERS.get(code, code)


def _headed(header: str, language: str, rule: str) -> str:
    for name, value in (("Language", language), ("Plural-Forms", rule)):
        if not value:
            continue
        line = f"{name}: {value}\n"
        pattern = re.compile(rf"^{name}:[^\n]*\n?", re.MULTILINE)
        found = pattern.search(header)
        header = header[: found.start()] + line + header[found.end() :] if found else header + line
    return re.sub(r"charset=[\w-]+", "charset=UTF-8", header)


def _written(entry: _Entry, texts: Sequence[str], language: str, count: int, sample: str) -> list[str]:
    if "msgid_plural" not in entry.texts:
        return _strings("msgstr", texts[0], sample)
    one = 1 if language == "ar" else 0
    lines: list[str] = []
    for number in range(count):
        text = texts[0] if number == one and count > 1 else texts[-1]
        lines += _strings(f"msgstr[{number}]", text, sample)
    return lines


def _strings(key: str, text: str, sample: str) -> list[str]:
    """As gettext's tools write it: a text of several lines has each in a line of its own."""
    end = "\r\n" if sample.endswith("\r\n") else "\n"
    pieces = [piece for piece in re.split(r"(?<=\n)", text) if piece]
    quoted = [_quoted(piece) for piece in pieces] or ['""']
    if len(quoted) == 1:
        return [f"{key} {quoted[0]}{end}"]
    return [f'{key} ""{end}', *(f"{one}{end}" for one in quoted)]


def _quoted(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    for letter, character in _LETTERS.items():
        text = text.replace(character, f"\\{letter}")
    return f'"{text}"'


def _replace(lines: list[str], places: Sequence[int], new: Sequence[str]) -> None:
    """Empty strings stand for lines that are gone, so that the numbers of others stay."""
    if not places:
        return
    at_end = lines[places[-1]].endswith(("\n", "\r"))
    for place in places:
        lines[place] = ""
    lines[places[0]] = "".join(new) if at_end else "".join(new).rstrip("\r\n")


def _without_fuzzy(lines: list[str], entry: _Entry) -> None:
    for place in entry.previous:
        lines[place] = ""
    for place in entry.flags:
        line = _FUZZY.sub("", lines[place], count=1)
        lines[place] = "" if line.strip() == "#" else line
