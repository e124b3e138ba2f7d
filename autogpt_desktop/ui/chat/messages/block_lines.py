"""Tokens of Markdown blocks to the lines that a message shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autogpt_desktop.ui.chat.messages.highlight import CodeColors
from autogpt_desktop.ui.chat.messages.lines import Code, Item, Line, Row, Run, Runs
from autogpt_desktop.ui.chat.messages.markdown_parse import image_text

if TYPE_CHECKING:
    from markdown_it.token import Token

HEADER = 30  # px above a code block for its label and copy button
PAD = 14  # px inside a code block
LINE = "\u2028"  # a line break inside one block
OBJECT = "\ufffc"  # the character that a formula is drawn at, before its source


_TASK = re.compile(r"\[([ xX])\]\s")


@dataclass
class OpenList:
    """A list that is being written."""

    number: int
    ordered: bool
    start: int
    items: int = 0  # so far
    item_begins: bool = False


@dataclass
class Counts:
    """Code blocks, lists and tables so far."""

    code: int = 0
    lists: int = 0
    tables: int = 0

    def copy(self) -> Counts:
        return replace(self)


@dataclass(frozen=True)
class Mark:
    """Where an item of a top-level list or a row of a table begins."""

    line: int  # of the source
    at: int  # lines of the message before it
    number: int  # of the row
    counts: Counts
    list: OpenList | None = None  # as it was before the item


class BlockLines:
    """Writes blocks as lines: ``lines`` grows."""

    def __init__(self, gap: float, dark: bool, lines: list[Line | Row], counts: Counts) -> None:
        self.gap, self.dark = gap, dark
        self.lines, self.counts = lines, counts
        self.colors: dict[int, CodeColors] = {}  # by the number of the code block
        self.most: int | None = None  # characters of a code block that are colored at once

    def add(self, tokens: list[Token], going_on: OpenList | None = None, skip_rows: int = 0) -> list[Mark]:
        """The lines of one top-level block, and where its items or rows begin.

        ``going_on``: the list that it is part of. ``skip_rows``: those of a table that stand already.
        """
        quotes = 0
        lists: list[OpenList] = []
        marks: list[Mark] = []
        gap = self.gap
        index = 0
        while index < len(tokens):
            token = tokens[index]
            kind = token.type
            if kind == "blockquote_open":
                quotes += 1
            elif kind == "blockquote_close":
                quotes -= 1
            elif kind in ("bullet_list_open", "ordered_list_open"):
                continued = replace(going_on) if going_on and not index else None
                lists.append(continued or self._new_list(token))
            elif kind in ("bullet_list_close", "ordered_list_close"):
                lists.pop()
            elif kind == "list_item_open":
                if token.level == 1 and token.map:
                    list_ = replace(lists[-1], item_begins=False)
                    marks.append(Mark(token.map[0], len(self.lines), 0, self.counts.copy(), list_))
                lists[-1].item_begins = True
                if tokens[index + 1].type == "list_item_close":  # an item with nothing in it yet
                    self._paragraph((), gap * 0.4, quotes, lists)
            elif kind == "paragraph_open":
                self._paragraph(inline_runs(tokens[index + 1]), gap * 0.5 if lists else gap, quotes, lists)
            elif kind == "heading_open":
                level = int(token.tag[1])
                top = gap * (1.8 if level < 3 else 1.4)
                self.lines.append(Line(inline_runs(tokens[index + 1]), top, quotes, heading=level))
            elif kind in ("fence", "code_block"):
                self._fence(token, quotes, lists)
            elif kind == "hr":
                self.lines.append(Line((), gap * 1.5, quotes, rule=True))
            elif kind == "table_open":
                end = next(i for i in range(index, len(tokens)) if tokens[i].type == "table_close")
                rows = self._table(tokens[index:end], skip_rows)
                marks = [] if index else rows
                index = end
            index += 1
        return marks

    def _new_list(self, token: Token) -> OpenList:
        start = token.attrGet("start")
        self.counts.lists += 1
        return OpenList(self.counts.lists, token.type[0] == "o", 1 if start is None else int(start))

    def _paragraph(self, runs: Runs, gap: float, quotes: int, lists: list[OpenList]) -> None:
        if not (lists and lists[-1].item_begins):
            self.lines.append(Line(runs, gap, quotes, len(lists)))
            return
        level = lists[-1]
        level.item_begins = False
        task = _TASK.match(runs[0].text) if runs and not any(runs[0][1:]) else None
        checked = task[1] != " " if task else None
        if task:
            rest = runs[0]._replace(text=runs[0].text[task.end() :])
            runs = (Run(task[0], hidden=True), rest, *runs[1:])
        item = Item(level.number, level.items, level.ordered, level.start, len(lists), checked)
        level.items += 1
        self.lines.append(Line(runs, gap, quotes, item=item))

    def _fence(self, token: Token, quotes: int, lists: list[OpenList]) -> None:
        code = token.content.removesuffix("\n").split("\n")
        if token.type == "fence" and _is_unclosed(token) and not token.content.strip():
            self.empty_fence(token.markup + token.info, quotes, len(lists))
            return
        self.code(code, fence_language(token.info), self.counts.code, 0, quotes, len(lists))
        self.counts.code += 1

    def empty_fence(self, opening: str, quotes: int = 0, indent: int = 0) -> None:
        """A fence in which nothing stands and which nobody closed is no box, only what was written."""
        self.lines.append(Line((Run(opening),), self.gap, quotes, indent))

    def code(
        self, code: list[str], language: str, number: int, first: int = 0, quotes: int = 0, indent: int = 0
    ) -> int:
        """The lines of a code block from number ``first`` on; how many of them stay as they are."""
        colors = self.colors.get(number)
        if colors is None or (colors.language, colors.dark) != (language, self.dark):
            colors = self.colors[number] = CodeColors(language, self.dark)
        runs = colors.runs(code, self.most)
        top = self.gap + HEADER + PAD
        for at in range(first, len(code)):
            place = Code(number, language, at == 0, at == len(code) - 1)
            self.lines.append(Line(runs[at], 0.0 if at else top, quotes, indent, code=place))
        return max(0, min(colors.final, len(code) - 2))

    def _table(self, tokens: list[Token], skip_rows: int) -> list[Mark]:
        marks: list[Mark] = []
        if not skip_rows:
            self.counts.tables += 1
        number, cells, aligns = max(0, skip_rows - 1), list[Runs](), list[str]()
        for index, token in enumerate(tokens):
            if token.type == "tr_open":
                source_line = token.map
            elif token.type in ("th_open", "td_open"):
                cells.append(inline_runs(tokens[index + 1]))
                aligns.append(str(token.attrGet("style") or "").rpartition(":")[2].strip() or "left")
            elif token.type == "tr_close":
                if number >= skip_rows:
                    if number and source_line:
                        marks.append(Mark(source_line[0], len(self.lines), number, self.counts))
                    row = Row(self.counts.tables, number, tuple(cells), tuple(aligns), self.gap)
                    self.lines.append(row)
                number, cells, aligns = number + 1, [], []
        return marks


def fence_language(info: str) -> str:
    """The first word behind the mark of a fence."""
    words = info.split(maxsplit=1)
    return words[0][:24] if words else ""


def _is_unclosed(fence: Token) -> bool:
    first, end = fence.map or (0, 0)
    content = fence.content
    return end - first - 1 <= content.count("\n") + (content[-1:] not in ("", "\n"))


def inline_runs(token: Token) -> Runs:
    """The runs of a paragraph, a heading or a cell."""
    runs: list[Run] = []
    stack, raised = [Run("")], 0
    for child in token.children or ():
        form = stack[-1]._replace(raised=raised)
        match child.type:
            case "strong_open":
                stack.append(form._replace(bold=True))
            case "em_open":
                stack.append(form._replace(italic=True))
            case "s_open":
                stack.append(form._replace(strike=True))
            case "link_open":
                stack.append(form._replace(href=str(child.attrGet("href") or "")))
            case "strong_close" | "em_close" | "s_close" | "link_close":
                stack.pop()
            case "sub_open" | "sup_open":
                raised = 1 if child.type == "sup_open" else -1
            case "sub_close" | "sup_close":
                raised = 0
            case "formula":
                source = " ".join(child.content.split())
                _add(runs, form._replace(text=OBJECT, formula=source))
                _add(runs, form._replace(text=source, formula=source, hidden=True))
            case "code_inline":
                _add(runs, form._replace(text=child.content, mono=True))
            case "softbreak" | "hardbreak":
                _add(runs, form._replace(text=LINE))
            case "image":
                _add(runs, form._replace(text=image_text(child), muted=True))
            case _:
                _add(runs, form._replace(text=child.content))
    return tuple(runs)


_CONTROLS = dict.fromkeys(map(ord, "\n\r\u2029"), LINE) | dict.fromkeys((0, 0xFDD0, 0xFDD1, 0xFFFC), "\ufffd")


def _add(runs: list[Run], run: Run) -> None:
    if not run.formula or run.hidden:
        run = run._replace(text=run.text.translate(_CONTROLS))  # entities may stand for anything
    if runs and runs[-1][1:] == run[1:]:
        runs[-1] = run._replace(text=runs[-1].text + run.text)
    elif run.text:
        runs.append(run)
