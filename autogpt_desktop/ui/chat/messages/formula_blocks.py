"""Formulas between lines of ``$$``, or of ``\\[`` and ``\\]``: nothing in them is Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock

_CLOSERS = {"$$": "$$", r"\[": r"\]"}
_MOST_LINES = 60
_MOST = 4_000  # characters: a formula that is longer is none
_BEHIND = re.compile(r"[\s.,;:。，；：、]*+")  # what may stand behind one in its last line


def add_formula_blocks(markdown: MarkdownIt) -> None:
    """Tokens ``math_block`` with the whole source, and ``meta["open"]`` where its end has not come yet."""
    ends = ["paragraph", "reference", "blockquote", "list"]  # what it may interrupt
    markdown.block.ruler.before("fence", "math_block", _formula_block, {"alt": ends})


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    opening = _line(state, start).strip()
    closer = _CLOSERS.get(opening)
    if closer is None or state.is_code_block(start):
        return False
    last = _last_line(state, start, end, closer)
    closed = last >= 0
    if not closed:  # it may still come, behind what is all of the text by now
        if end < state.lineMax or -last >= _MOST_LINES:
            return False
        last = end - 1
    content = state.getLines(start, last + 1, state.blkIndent, False)
    source = content.strip()
    if len(content) > _MOST or (closed and not source[2 : source.rindex(closer)].strip()):
        return False
    if silent:
        return True
    state.line = last + 1
    token = state.push("math_block", "", 0)
    token.content, token.map, token.markup = content.strip(), [start, state.line], opening
    token.meta["open"] = not closed
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _last_line(state: StateBlock, start: int, end: int, closer: str) -> int:
    """The line that closes the formula, below 0: none of so many does."""
    for number in range(start + 1, min(end, start + _MOST_LINES)):
        if state.sCount[number] < state.blkIndent and not state.isEmpty(number):
            return -_MOST_LINES  # what it stands in has ended
        text = _line(state, number)
        at = text.find(closer)
        if at >= 0:
            return number if _BEHIND.fullmatch(text, at + 2) else -_MOST_LINES
    return -(min(end, start + _MOST_LINES) - start)
