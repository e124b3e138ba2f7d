"""Rules that Markdown in use has beyond CommonMark: blocks between ``:::``, formulas, notes, templates."""

from __future__ import annotations

import re
from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote.index import footnote_def

BlockRule = Callable[[StateBlock, int, int, bool], bool]
InlineRule = Callable[[StateInline, bool], bool]

_DEFINITION = re.compile(r"\[(?!\^)(?:[^\[\]\\]|\\.){1,500}+\]:[ \t]*\S")
_OPTION = re.compile(r":[\w-]{1,60}:")
_NOTE = re.compile(r"\[\^[^\[\]\s]{1,200}\]")
_FORMULA = re.compile(r"\$(?=[^\s$])[^$\n]{0,1000}(?<=[^\s\\])\$(?!\d)")  # "$5 and $6" is none
_DISPLAYED = re.compile(r"\$\$[^$]{1,1000}\$\$")
_TEMPLATE = re.compile(r"\{\{[^{}\n]{0,300}\}\}|\{%[^{}\n]{0,300}%\}")
_ENDS_PARAGRAPH = ["paragraph", "reference", "blockquote", "list"]


def add_rules(markdown: MarkdownIt) -> None:
    """The rules of this module, of footnotes and of definition lists, for reading only."""
    block, inline = markdown.block.ruler, markdown.inline.ruler
    block.before("fence", "colon_fence", _colon_fence, {"alt": [*_ENDS_PARAGRAPH]})
    block.before("fence", "formula", _formula_block, {"alt": [*_ENDS_PARAGRAPH]})
    block.before("reference", "footnote", footnote_def, {"alt": ["paragraph", "reference", "blockquote"]})
    block.after("reference", "definition", _definition, {"alt": ["paragraph", "blockquote"]})
    deflist_plugin(markdown)
    inline.before("escape", "formula", _formula)
    inline.before("escape", "template", _template)
    inline.before("link", "inline_note", _inline_note)
    inline.before("link", "note", _note)


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _colon_fence(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A line of ``:::`` and what it says stays; what stands between two of them is read as all else."""
    if state.is_code_block(first) or not state.src.startswith(
        ":::", state.bMarks[first] + state.tShift[first]
    ):
        return False
    if not silent:
        state.line = first + 1
        if _line(state, first).lstrip(":").lstrip().startswith("{"):  # a directive has options
            while state.line < last and _OPTION.match(_line(state, state.line)):
                state.line += 1
        state.push("colon_fence", "", 0).map = [first, state.line]
    return True


def _formula_block(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """Lines between ``$$`` at a line's beginning and at a line's end."""
    begin = _line(state, first)
    if not begin.startswith("$$") or state.is_code_block(first) or "$$" in begin[2:].rstrip()[:-2]:
        return False
    end = first
    if len(begin.rstrip()) < 4 or not begin.rstrip().endswith("$$"):
        if state.env.get("open_formula") == last:  # a line further up found no end either
            return False
        end = first + 1
        while (
            end < last
            and state.sCount[end] >= state.blkIndent
            and not _line(state, end).rstrip().endswith("$$")
        ):
            end += 1
        if end >= last or state.sCount[end] < state.blkIndent:
            state.env["open_formula"] = last
            return False
    if not silent:
        state.line = end + 1
        state.push("formula", "", 0).map = [first, state.line]
    return True


def _definition(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """``[label]: address`` is one also right behind a paragraph, where CommonMark sees text."""
    if state.is_code_block(first) or not _DEFINITION.match(
        state.src, state.bMarks[first] + state.tShift[first], state.eMarks[first]
    ):
        return False
    if not silent:
        state.line = first + 1
        state.push("definition", "", 0).map = [first, state.line]
    return True


def _matches(pattern: re.Pattern[str], state: StateInline, silent: bool, kind: str) -> bool:
    found = pattern.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push(kind, "", 0).content = found[0]
    state.pos = found.end()
    return True


def _formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "$":
        return False
    return _matches(_DISPLAYED, state, silent, "formula") or _matches(_FORMULA, state, silent, "formula")


def _template(state: StateInline, silent: bool) -> bool:
    return state.src[state.pos] == "{" and _matches(_TEMPLATE, state, silent, "template")


def _note(state: StateInline, silent: bool) -> bool:
    return state.src[state.pos] == "[" and _matches(_NOTE, state, silent, "note")


def _inline_note(state: StateInline, silent: bool) -> bool:
    """``^[a note]``: its text is read as all else."""
    start, last = state.pos, state.posMax
    if not state.src.startswith("^[", start):
        return False
    end = state.md.helpers.parseLinkLabel(state, start + 1, False)
    if end < 0:
        return False
    if not silent:
        state.pos, state.posMax = start + 2, end
        state.push("inline_note_open", "", 1)
        state.md.inline.tokenize(state)
        state.push("inline_note_close", "", -1)
    state.pos, state.posMax = end + 1, last
    return True
