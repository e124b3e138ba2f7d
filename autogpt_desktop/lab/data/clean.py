"""Texts made fit to learn from: no control characters, no broken ones, no lines that stand everywhere."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\ufeff\ufffd\ufff9-\ufffb]"
)
_SPACES = re.compile(r"(?<![ \t\u00a0])[ \t\u00a0]++(?=\n|\Z)")
_EMPTY_LINES = re.compile(r"\n{4,}+")
_SURROGATES = re.compile("[\ud800-\udfff]")

MOST_BROKEN = 0.05  # share of characters that could not be decoded: more, and it is no text
_BOILERPLATE_DOCUMENTS = 10  # fewer tell nothing about what stands everywhere
_BOILERPLATE_SHARE = 0.3  # of the documents
_BOILERPLATE_LENGTH = 20  # characters: shorter lines may be brackets, names, numbers


def clean(text: str) -> str:
    """The same text in NFC, with one kind of line end, without what cannot be seen. "" for what is broken."""
    text = _SURROGATES.sub("\ufffd", text)
    if text.count("\ufffd") > MOST_BROKEN * len(text):
        return ""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    text = unicodedata.normalize("NFC", _CONTROL.sub("", text))
    return _EMPTY_LINES.sub("\n\n\n", _SPACES.sub("", text)).strip("\n")


def boilerplate(texts: Sequence[str]) -> frozenset[str]:
    """Lines that stand in a good part of the documents, such as a site's menu or a book's license."""
    if len(texts) < _BOILERPLATE_DOCUMENTS:
        return frozenset()
    counted = Counter[int]()  # hashes: the lines themselves would be all texts once more
    for text in texts:
        counted.update({hash(line) for line in _lines(text)})
    least = _BOILERPLATE_SHARE * len(texts)
    common = {number for number, times in counted.items() if times >= least}
    found = set[str]()
    for text in texts if common else ():
        found |= {line for line in _lines(text) if hash(line) in common}
    return frozenset(found)


def _lines(text: str) -> set[str]:
    stripped = (line.strip() for line in text.split("\n"))
    return {line for line in stripped if len(line) >= _BOILERPLATE_LENGTH}


def without_lines(text: str, lines: frozenset[str]) -> str:
    """The text without these lines."""
    if not lines:
        return text
    return "\n".join(line for line in text.split("\n") if line.strip() not in lines).strip("\n")
