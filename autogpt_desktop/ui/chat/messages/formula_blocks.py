"""Formulas between lines of ``$$``, of ``\\[`` and ``\\]``, or of an environment of LaTeX: nothing in them is
Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock

_ENVIRONMENTS = (
    "align",
    "aligned",
    "equation",
    "gather",
    "gathered",
    "multline",
    "alignat",
    "cases",
    "split",
)
CLOSERS = {"$$": "$$", r"\[": r"\]"} | {
    rf"\begin{{{name}{star}}}": rf"\end{{{name}{star}}}" for name in _ENVIRONMENTS for star in ("", "*")
}
_MOST_LINES = 60
_MOST = 4_000  # characters: a formula that is longer is none
_BEHIND = re.compile(r"[\s.,;:。，；：、]*+")  # what may stand behind one in its last line


def add_formula_blocks(markdown: MarkdownIt) -> None:
    """Tokens ``math_block`` with the whole source, and ``meta["open"]`` where its end has not come yet."""
    ends = ["paragraph", "reference", "blockquote", "list"]  # what it may interrupt
    markdown.block.ruler.before("fence", "math_block", _formula_block, {"alt": ends})
    tokenize = markdown.block.tokenize

    def bounded(state: StateBlock, start: int, end: int) -> None:
        """``env["end"]``: of what is being read; paragraphs ask for lines behind it too."""
        before, state.env["end"] = state.env.get("end", end), end
        tokenize(state, start, end)
        state.env["end"] = before

    setattr(markdown.block, "tokenize", bounded)  # noqa: B010  a rule is not told where a quotation ends


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """``env["undecided"]``: the first line of a formula that the last line, which is not whole, rules out."""
    opening = _line(state, start).strip()
    end = min(end, state.env["end"])
    closer = CLOSERS.get(opening)
    indent = min(state.blkIndent, state.sCount[start])  # below that of an item, behind which it stands
    if closer is None or start >= end or state.is_code_block(start) or 4 <= indent < state.blkIndent:
        return False
    last, closed, seen = _last_line(state, start, end, closer, indent)
    whole = len(state.bMarks) - 1  # lines of all the text, of which a quotation is a part
    if not closed and last >= 0 and end < whole:  # it could only come behind all of the text by now
        last, seen = -1, end
    content = state.getLines(start, last + 1, state.blkIndent, False) if last >= 0 else ""
    source = content.strip()
    if (
        last < 0
        or len(content) > _MOST
        or (closed and not source[len(opening) : source.rindex(closer)].strip())
    ):
        if seen >= whole - 1 and not state.src.endswith("\n"):
            state.env["undecided"] = min(start, state.env.get("undecided", start))
        return False
    if silent:
        return True
    state.line = last + 1
    token = state.push("math_block", "", 0)
    token.content, token.map, token.markup = source, [start, state.line], opening
    token.meta["open"] = not closed
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _last_line(state: StateBlock, start: int, end: int, closer: str, indent: int) -> tuple[int, bool, int]:
    """The last line of the formula, -1: it is none; whether that closes it; the last one that was seen."""
    for number in range(start + 1, min(end, start + _MOST_LINES)):
        if state.sCount[number] < indent and not state.isEmpty(number):
            return -1, False, number  # what it stands in has ended
        text = _line(state, number)
        at = text.find(closer)
        if at >= 0:
            closed = _BEHIND.fullmatch(text, at + len(closer)) is not None
            return (number if closed else -1), closed, number
    return (end - 1 if end < start + _MOST_LINES else -1), False, min(end, start + _MOST_LINES) - 1
