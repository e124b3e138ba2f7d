"""What says something in Markdown beside its lines of text: blocks of HTML, titles of link definitions."""

from __future__ import annotations

import re
from collections.abc import Mapping

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.html.page import Markup
from autogpt_desktop.documents.write.html.tokens import Attribute
from autogpt_desktop.documents.write.inline_marks import Segment
from autogpt_desktop.documents.write.markdown.marks import Words, with_title
from autogpt_desktop.documents.write.markdown.parser import Prose

_HEAD = re.compile(  # a comment, or a lone tag in the first line: it makes the block one
    r"[ ]{0,3}(?:<!--(?:[^-]|-(?!->))*+-->"
    r"|</?(?:a|abbr|b|bdo|big|cite|em|font|i|ins|mark|q|small|span|strong|sub|sup|u)"
    r"(?:\s[^<>\n]*+)?>[ \t]*+\r?\n)",
    re.IGNORECASE,
)
_NO_MARKUP = re.compile(r"\s*<(?:\?|!(?!--))")
_LABEL = re.compile(r"\s*\[(?:[^\[\]\\]|\\.)*+\]:")


class RawHtml:
    """A block of HTML."""

    def __init__(self, prose: Prose, bilingual: str = "") -> None:
        self.prose = prose
        head = _HEAD.match(prose.content)
        at = head.end() if head else 0
        pieces = [prose.content[:at], prose.content[at:]]
        self._pieces = (
            []
            if _NO_MARKUP.match(prose.content)
            else [Markup(piece, bilingual=bilingual) for piece in pieces if piece]
        )

    def units(self) -> list[Segment | Attribute]:
        return [unit for piece in self._pieces for unit in piece.units]

    def written(self, made: Mapping[int, TranslatedText], phrases: Mapping[str, str]) -> str:
        return self.prose.placed("".join(piece.written(made, phrases) for piece in self._pieces))


class Definition:
    """``[label]: address "title"``."""

    def __init__(self, prose: Prose) -> None:
        self.prose = prose
        label = _LABEL.match(prose.content)
        self._source = with_title(prose.content, label.end()) if label else (prose.content,)

    def units(self) -> list[Words]:
        return [piece for piece in self._source if isinstance(piece, Words) and piece.has_letters]

    def written(self, made: Mapping[int, TranslatedText], _phrases: Mapping[str, str]) -> str:
        found = []
        for piece in self._source:
            new = made.get(id(piece))
            if isinstance(piece, str):
                found.append(piece)
            else:
                found.append(piece.raw if new is None or new.text == piece.text else piece.written(new.text))
        return self.prose.placed("".join(found))
