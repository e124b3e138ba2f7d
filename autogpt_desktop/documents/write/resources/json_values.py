"""The texts of a JSON file, by their places. Comments and commas too many, which programs allow, stay."""

from __future__ import annotations

import json
import re

from autogpt_desktop.documents.write.resources.message import Piece, Quote

_TOKEN = re.compile(
    r"""[\s\ufeff]++|//[^\r\n]*+|/\*(?:[^*]|\*(?!/))*+\*/|(?P<string>"(?:[^"\\\x00-\x1f]|\\[^\r\n])*+")"""
    r"""|(?P<sign>[{}\[\],:])|(?P<other>[-+\w.]++)"""
)
_ASCII = re.compile(r"\\u[0-9A-Fa-f]{4}")


def json_values(source: str) -> list[Piece]:
    """Raises ValueError with where it is no JSON."""
    found: list[Piece] = []
    around: list[str] = []
    expects_key = False
    keys: list[str] = []
    about = 0  # keys around that begin with "@"
    values = 0
    only_ascii = source.isascii() and bool(_ASCII.search(source))
    at = 0
    while at < len(source):
        token = _TOKEN.match(source, at)
        if token is None:
            raise ValueError(_place(source, at))
        at = token.end()
        sign = token["sign"]
        if sign in ("{", "["):
            around.append(sign)
            keys.append("")
            expects_key = sign == "{"
            values += 1
        elif sign in ("}", "]"):
            if not around or around.pop() != {"}": "{", "]": "["}[sign]:
                raise ValueError(_place(source, token.start()))
            about -= keys.pop().startswith("@")
            expects_key = False
        elif sign == ",":
            expects_key = bool(around) and around[-1] == "{"
        elif sign == ":":
            expects_key = False
        elif token["string"]:
            try:
                text = json.loads(token["string"])
            except ValueError as error:
                raise ValueError(_place(source, token.start())) from error
            if expects_key:
                about += text.startswith("@") - keys[-1].startswith("@")
                keys[-1] = text
            elif not about:  # ARB: what is said about messages
                values += 1
                found.append(Piece(token.start(), at, text, _quote(only_ascii)))
        elif token["other"]:
            values += 1
    if around or not values:
        raise ValueError(_place(source, len(source)))
    return found


def _quote(only_ascii: bool) -> Quote:
    return lambda text: json.dumps(text, ensure_ascii=only_ascii)


def _place(source: str, at: int) -> str:
    return f"{source.count(chr(10), 0, at) + 1}"
