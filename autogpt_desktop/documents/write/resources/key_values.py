"""The texts of Java's .properties and of Apple's .strings, by their places."""

from __future__ import annotations

import re

from autogpt_desktop.documents.write.resources.message import Piece, Quote

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_KEY = re.compile(r"[ \t\f]*+(?:[^\s=:\\]|\\.)*+[ \t\f]*+[=:]?[ \t\f]*+", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_STRINGS = re.compile(
    r"""\s++|//[^\r\n]*+|/\*(?:[^*]|\*(?!/))*+\*/|(?P<string>"(?:[^"\\]|\\.)*+")|(?P<word>[\w.$/-]++)"""
    r"""|(?P<sign>[=;])""",
    re.DOTALL,
)
_APPLE = re.compile(r"\\(?:[Uu]([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ARGUMENT = re.compile(r"\{\d{1,3}")
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}


def properties(source: str) -> list[Piece]:
    """What stands behind the first ``=``, ``:`` or blank of a line; a backslash goes on in the next line."""
    unicode = not source.isascii() and not all(ord(character) < 256 for character in source)
    found: list[Piece] = []
    at = 0
    while at < len(source):
        start, is_comment = at, False
        while line := _LINE.match(source, at):
            body = line[0].rstrip("\r\n")
            is_comment = is_comment or (at == start and body.lstrip(" \t\f\ufeff")[:1] in ("#", "!", ""))
            at, end = line.end(), at + len(body)
            if is_comment or at >= len(source) or not _is_open(body):
                break
        key = None if is_comment else _KEY.match(source, start)
        if key is None:
            continue
        raw = source[key.end() : end]
        text = _ESCAPE.sub(_character, _joined(raw))
        with_arguments = bool(_ARGUMENT.search(text))
        text = text.replace("''", "'") if with_arguments else text
        found.append(Piece(key.end(), end, text, _property(unicode, with_arguments)))
    return found


def _is_open(body: str) -> bool:
    """Does a line go on in the next?"""
    return (len(body) - len(body.rstrip("\\"))) % 2 == 1


def _joined(raw: str) -> str:
    lines = re.split(r"\r\n?|\n", raw)
    joined = ""
    for number, line in enumerate(lines):
        line = line.lstrip(" \t\f") if number else line
        joined += line[:-1] if number < len(lines) - 1 else line
    return joined


def _character(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _LETTERS.get(found[2], found[2])


def _property(unicode: bool, with_arguments: bool) -> Quote:
    """``unicode``: the file says other letters as they are, not as numbers. ``with_arguments``: an
    apostrophe quotes there, and is written twice."""

    def quote(text: str) -> str:
        text = text.replace("'", "''") if with_arguments else text
        text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
        text = "\\" + text if text.startswith(" ") else text
        return text if unicode else "".join(one if one.isascii() else _numbers(one) for one in text)

    return quote


def _numbers(character: str) -> str:
    data = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{data[at]:02X}{data[at + 1]:02X}" for at in range(0, len(data), 2))


def strings(source: str) -> list[Piece]:
    """``"key" = "value";``. Raises ValueError with the line that is something else."""
    found: list[Piece] = []
    at, is_value = 0, False
    while at < len(source):
        token = _STRINGS.match(source, at) or (re.compile("\ufeff").match(source) if at == 0 else None)
        if token is None:
            raise ValueError(str(source.count("\n", 0, at) + 1))
        at = token.end()
        if token.re is not _STRINGS:
            continue
        if token["sign"]:
            is_value = token["sign"] == "="
        elif token["string"] and is_value:
            text = _APPLE.sub(_character, token["string"][1:-1])
            found.append(Piece(token.start(), at, text, _apple))
    return found


def _apple(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{text}"'
