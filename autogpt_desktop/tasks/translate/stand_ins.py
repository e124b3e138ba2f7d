"""Codes in place of placeholders, code, addresses, words of an unknown script: an encoder–decoder copies
codes, and spoils or loses these.

Its vocabulary may not even have a brace. Of 162 parts in 80 sentences (en–pt, pt–en, packs of Firefox) as
many came out whole as "XZ731", 161 as "X1", 159 as "731"; names are rewritten where the script is another.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autogpt_desktop.documents.text.scripts import CJK
from autogpt_desktop.tasks.translate.checks import PROTECTED

Link = tuple[int, int, int, int]
Links = Sequence[Link]

_PREFIXES = ("XZ", "Q")  # of the first try, and of the second
_MOST = 40  # in one sentence; one with more is hardly prose
_NAMES = re.compile(  # of files, options and variables
    r"(?<![\w.@/-])(?:[\w-]{1,80}\.){1,5}(?:avi|bat|bin|bmp|cfg|conf|cpp|css|csv|docx?|epub|exe|gif|gz|html?|ini"
    r"|jar|jpe?g|json|js|log|md|mkv|mov|mp[34]|od[pst]|pdf|png|po|pptx?|py|rar|rtf|sh|sql|srt|svg|tar|tiff?|toml"
    r"|ts|tsv|txt|vtt|wav|webp|xlsx?|xml|ya?ml|zip)(?![\w-])"
    r"|(?<![\w-])--[a-z][a-z0-9-]{1,40}(?![\w-])|(?<![\w-])[a-z][a-z0-9]{0,30}(?:_[a-z0-9]{1,30}){1,6}(?![\w-])",
    re.IGNORECASE,
)
_ORDINAL = r"(?:(?:st|nd|rd|th)(?![^\W_]))?"  # put behind a code as behind a number
_GLUE = rf"(?:(?![{CJK}])[^\W_])"  # "px" of "{width}px" goes with it
_MARKUP = re.compile(r"</?[A-Za-z]|<!--|&|\]\(")  # tags stand around words, not in place of one


@dataclass(frozen=True, slots=True)
class _Part:
    code: str
    start: int  # in the sentence
    end: int
    masked: int  # where its code begins in the masked one


class StandIns:
    """``text`` is a sentence with codes in it; ``restored`` puts back what they stand for."""

    def __init__(self, sentence: str, trial: int = 0, unknown: Sequence[tuple[int, int]] = ()) -> None:
        """``trial`` 1: other codes, where the first did not come through. ``unknown``: characters that the
        model has no word for, as of another script."""
        self._sentence = sentence
        pieces, at, size = [], 0, 0
        self._parts: list[_Part] = []
        for start, end in _spans(sentence, unknown):
            pieces.append(sentence[at:start])
            size += start - at
            code = self._code(len(self._parts), _PREFIXES[trial])
            self._parts.append(_Part(code, start, end, size))
            pieces.append(code)
            size += len(code)
            at = end
        self.text = "".join([*pieces, sentence[at:]])

    def _code(self, number: int, prefix: str) -> str:
        """One that does not stand in the sentence."""
        value = 731 + 179 * number  # far apart: neighbours would be taken for each other
        while (code := f"{prefix}{100 + value % 900}") in self._sentence:
            value += 1
        return code

    def __bool__(self) -> bool:
        return bool(self._parts)

    def masked(self, prefix: str) -> str:
        """What a translation begins with, with codes in place of the parts in it."""
        for part in self._parts:
            prefix = prefix.replace(self._sentence[part.start : part.end], part.code, 1)
        return prefix

    def restored(self, text: str, links: Links = ()) -> tuple[str, tuple[Link, ...]]:
        """A translation of ``self.text`` and its links, as one of the sentence. Each part comes once."""
        sources = [(part.masked, part.masked + len(part.code), part.start, part.end) for part in self._parts]
        spans = [
            (start, end, self._sentence[part.start : part.end]) for start, end, part in self._found(text)
        ]
        return _replaced(text, links, spans, sources)

    def hidden(self, text: str, links: Links = ()) -> tuple[str, tuple[Link, ...]]:
        """A translation of the sentence and its links, as one of ``self.text``: with codes for the parts."""
        sources = [(part.start, part.end, part.masked, part.masked + len(part.code)) for part in self._parts]
        spans: list[tuple[int, int, str]] = []
        for part in self._parts:
            said = self._sentence[part.start : part.end]
            at = text.find(said)
            while at >= 0 and any(at < end and start < at + len(said) for start, end, _ in spans):
                at = text.find(said, at + 1)
            if at >= 0:
                spans.append((at, at + len(said), part.code))
        return _replaced(text, links, spans, sources)

    def _found(self, text: str) -> Iterator[tuple[int, int, _Part]]:
        for part in self._parts:
            letters = r"[ \u00a0.-]?".join(part.code)
            match = re.search(rf"(?<![A-Za-z0-9]){letters}(?![0-9]){_ORDINAL}", text, re.IGNORECASE)
            if match:
                yield *match.span(), part


def _replaced(
    text: str, links: Links, spans: Sequence[tuple[int, int, str]], sources: Sequence[Link]
) -> tuple[str, tuple[Link, ...]]:
    """``text`` with other words at ``spans``, and its links. ``sources``: what moved in the source, from and
    to."""
    pieces, at, size = list[str](), 0, 0
    moved: list[Link] = []  # characters in ``text``, and after
    for start, end, said in sorted(spans):
        pieces += [text[at:start], said]
        size += start - at
        moved.append((start, end, size, size + len(said)))
        size += len(said)
        at = end
    whole = "".join([*pieces, text[at:]])
    changed = ((*_shifted(link[0], link[1], sources), *_shifted(link[2], link[3], moved)) for link in links)
    return whole, tuple(dict.fromkeys(changed))


def _spans(sentence: str, unknown: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What codes stand for, with letters that are glued to it."""
    found: list[tuple[int, int]] = []
    matches = [match.span() for match in PROTECTED.finditer(sentence) if not _MARKUP.match(match[0])]
    matches += [match.span() for match in _NAMES.finditer(sentence)]
    matches += [span for span in unknown if any(map(_is_content, sentence[slice(*span)]))]
    for start, end in sorted(matches):
        if found and start < found[-1][1]:
            continue
        while start > (found[-1][1] if found else 0) and re.match(_GLUE, sentence[start - 1]):
            start -= 1
        while end < len(sentence) and re.match(_GLUE, sentence[end]):
            end += 1
        if found and found[-1][1] == start:  # "{a}{b}" is one
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return found if len(found) <= _MOST else []


def _is_content(sign: str) -> bool:
    """A letter, a digit, a picture: no punctuation, which a model leaves out or puts otherwise."""
    return sign.isalnum() or (sign > "\x7f" and unicodedata.category(sign)[0] == "S")


def _shifted(start: int, end: int, moved: Sequence[tuple[int, int, int, int]]) -> tuple[int, int]:
    """A span of a text in which others were replaced: (start, end) of each before and after."""
    return _place(start, moved, 2), _place(end, moved, 3)


def _place(at: int, moved: Sequence[tuple[int, int, int, int]], edge: int) -> int:
    """Where a place is after; one inside a code goes to its begin (``edge`` 2) or its end (3)."""
    shift = 0
    for span in moved:
        if span[0] < at < span[1] or at == span[edge - 2]:
            return span[edge]
        if span[1] <= at:
            shift = span[3] - span[1]
    return at + shift
