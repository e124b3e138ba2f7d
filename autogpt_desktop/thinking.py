"""What reasoning models think before they answer: ``<think>…</think>`` at the beginning of their text."""

from __future__ import annotations

import re
from typing import NamedTuple

OPENING, CLOSING = "<think>", "</think>"
TAGS = (OPENING, CLOSING)


class Parts(NamedTuple):
    """A model's text."""

    thought: str
    answer: str
    thinks: bool  # the thought is not closed: the answer has not begun


_OPENED = re.compile(r"\s*+<think>")


def split_thinking(text: str) -> Parts:
    """Its thought, if it begins with one, and its answer."""
    opened = _OPENED.match(text)
    if opened is None:
        return Parts("", text, False)
    end = text.find(CLOSING, opened.end())
    if end < 0:
        return Parts(text[opened.end() :].strip(), "", True)
    return Parts(text[opened.end() : end].strip(), text[end + len(CLOSING) :].lstrip(), False)


def without_thinking(text: str) -> str:
    """The answer alone."""
    return split_thinking(text).answer


def begins_thinking(prompt: str) -> bool:
    """Does a prompt end in an opened thought, so that the model's text begins within it?"""
    return prompt.rstrip().endswith(OPENING)


class AnswerStream:
    """Passes on what does not belong to the thought, as it comes."""

    def __init__(self) -> None:
        self.text = ""  # all of it
        self._passed = 0

    @property
    def thinks(self) -> bool:
        return split_thinking(self.text).thinks

    def push(self, piece: str) -> str:
        """What may be shown by now."""
        self.text += piece
        start = self.text.lstrip()[: len(OPENING)]
        if self._passed == 0 and (not start or (start != OPENING and OPENING.startswith(start))):
            return ""  # it may become a thought
        return self._rest()

    def finish(self) -> str:
        """What was held back and is none."""
        return self._rest()

    def _rest(self) -> str:
        answer = without_thinking(self.text)
        piece, self._passed = answer[self._passed :], len(answer)
        return piece
