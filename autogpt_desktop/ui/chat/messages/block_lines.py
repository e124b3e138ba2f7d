"""Tokens of Markdown blocks to the lines that a message shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from autogpt_desktop.ui.chat.messages.highlight import CodeColors
from autogpt_desktop.ui.chat.messages.lines import Code, Item, Line, Quotes, Row, Run, Runs
from autogpt_desktop.ui.chat.messages.runs import (
    LINE,
    OBJECT,
    formula_runs,
    inline_runs,
    segment_runs,
    task_runs,
)
from autogpt_desktop.ui.chat.messages.segments import lines_for_end

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["HEADER", "LINE", "OBJECT", "PAD", "BlockLines", "Counts", "fence_language", "inline_runs"]

HEADER = 30  # px above a code block for its label and copy button
PAD = 14  # px inside a code block


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


class Open(NamedTuple):
    """A quotation or an item of a list that is open."""

    line: int  # of the source
    mark: str  # ">", or that of the item
    empty: bool = False  # an item in which nothing stood


Kind = Literal["between", "paragraph", "heading", "table", "fence", "code_block"]


@dataclass(frozen=True)
class Mark:
    """A place of the source behind which reading can be resumed."""

    kind: Kind
    line: int  # of the source
    at: int  # lines of the message before it
    counts: Counts
    opens: tuple[Open, ...]
    lists: tuple[OpenList, ...]  # those of ``opens``, as they were
    rows: int = 0  # of the table, or lines of the code, that stand
    table: int = 0  # its first line, or that of the code
    rest: str = ""  # of the line, where a paragraph is cut within one
    level: int = 0  # of the heading that is cut
    whole: int = 1  # lines from there on that have to be whole, so that it is settled


class Nest:
    """What is open while the tokens of a block are read."""

    def __init__(self, resumed: list[OpenList]) -> None:
        self.resumed = resumed  # lists that stand already, the innermost first
        self.opens: list[Open] = []
        self.lists: list[OpenList] = []
        self.items: list[Open | None] = []  # of each of ``lists`` the item before

    @property
    def quotes(self) -> Quotes:
        """The quotations that are open."""
        lists, quotes = 0, list[int]()
        for each in self.opens:
            if each.mark == ">":
                quotes.append(lists)
            else:
                lists += 1
        return tuple(quotes)

    @property
    def digits(self) -> int:
        """By how many the numbers of the items that are open are longer than two, all together."""
        last = (each.start + each.items - (not each.item_begins) for each in self.lists if each.ordered)
        return sum(max(0, len(str(number)) - 2) for number in last)


_BEGIN = frozenset({
    "blockquote_open", "bullet_list_open", "ordered_list_open", "paragraph_open", "heading_open", "fence",
    "code_block", "hr", "table_open", "math_block", "definition",
})  # fmt: skip


class BlockLines:
    """Writes blocks as lines: ``lines`` grows."""

    def __init__(self, gap: float, dark: bool, lines: list[Line | Row], counts: Counts) -> None:
        self.gap, self.dark = gap, dark
        self.lines, self.counts = lines, counts
        self.colors: dict[int, CodeColors] = {}  # by the number of the code block
        self.most: int | None = None  # characters of a code block that are colored at once
        self.marks: list[Mark] = []  # of the blocks since it was emptied
        self.sources: dict[int, tuple[str, ...]] = {}  # of lines with a bracket; of a row its cells
        self.late_heading = 0  # where a heading ends whose beginning was settled as a paragraph
        self._nest = Nest([])
        self._code: dict[int, list[str]] = {}  # lines of the code blocks, by their numbers

    def add(
        self, tokens: list[Token], settled: int = 0, lists: Sequence[OpenList] = (), rows: int = 0
    ) -> None:
        """The lines of one top-level block; ``marks`` are where it can be resumed.

        The first ``settled`` lines of the source stand for lines that are here already: what begins in them
        is not written, but open. ``lists`` are those, as they were; ``rows`` of a table, or so many lines of
        code, stand already.
        """
        self._nest = nest = Nest(list(map(replace, reversed(lists))))
        gap = self.gap
        index = 0
        while index < len(tokens):
            token = tokens[index]
            kind = token.type
            stands = token.map is not None and token.map[0] < settled
            if not stands and token.map and kind in _BEGIN and not token.meta.get("open"):
                self._mark("between", token.map[0], whole=_lines_that_tell(token))
            if kind == "blockquote_open":
                if not stands:  # its bar has no room beside the mark of an item
                    self._begin_bare()
                nest.opens.append(Open(token.map[0] if token.map else 0, ">"))
            elif kind == "blockquote_close":
                nest.opens.pop()
            elif kind in ("bullet_list_open", "ordered_list_open"):
                nest.lists.append(nest.resumed.pop() if stands and nest.resumed else self._new_list(token))
                nest.items.append(None)
            elif kind in ("bullet_list_close", "ordered_list_close"):
                nest.lists.pop()
                nest.items.pop()
            elif kind == "list_item_open":
                self._begin_item(token, stands)
            elif kind == "list_item_close":
                if nest.lists[-1].item_begins:  # nothing to be seen in it, or not yet
                    self._paragraph((), gap * 0.4)
                nest.items[-1] = nest.opens.pop()._replace(empty=tokens[index - 1].type == "list_item_open")
            elif kind == "paragraph_open":
                self._paragraph_of(tokens[index + 1], stands)
            elif kind == "heading_open":
                if stands and token.markup[0] != "#":  # a paragraph that is settled turned out to be one
                    self.late_heading = token.map[1] if token.map else 0
                    self._paragraph_of(tokens[index + 1], stands)
                else:
                    self._heading(token, tokens[index + 1], stands)
            elif kind == "math_block":
                self._paragraph(formula_runs(token), gap * 0.5 if nest.lists else gap)
            elif kind in ("fence", "code_block"):
                self._fence(token, nest.quotes, nest.lists, rows if stands else 0)
            elif kind == "hr":
                self._begin_bare()
                self.lines.append(Line((), gap, nest.quotes, len(nest.lists), rule=True, digits=nest.digits))
            elif kind == "table_open":
                end = next(i for i in range(index, len(tokens)) if tokens[i].type == "table_close")
                if not stands:
                    self._begin_bare()
                self._table(tokens[index:end], rows if stands else 0)
                index = end
            index += 1

    def _mark(self, kind: Kind, line: int, **more: Any) -> None:
        """Reading may be resumed at a line, unless a container begins in it."""
        nest = self._nest
        within = all(each.line < line for each in nest.opens)
        if kind == "between" and nest.lists and nest.lists[-1].item_begins:
            within = False  # of an item nothing stands that could be resumed: addresses of links alone
        if within or kind in ("paragraph", "heading"):
            lists = tuple(map(replace, nest.lists))
            at, counts = len(self.lines), self.counts.copy()
            self.marks.append(Mark(kind, line, at, counts, tuple(nest.opens), lists, **more))

    def _begin_item(self, token: Token, stands: bool) -> None:
        nest, line = self._nest, token.map[0] if token.map else 0
        before = nest.items[-1]
        if not stands and before is not None:  # behind the item before, which stands for the list
            nest.lists[-1].item_begins = False
            nest.opens.append(before)
            self._mark("between", line)
            nest.opens.pop()
        nest.opens.append(Open(line, f"{token.info}{token.markup}"))
        if not stands:
            nest.lists[-1].item_begins = True

    def _paragraph_of(self, inline: Token, stands: bool) -> None:
        """A paragraph in its segments; of one that ``stands`` already what was found behind that."""
        if stands and not inline.meta.get("resumed"):
            return
        nest = self._nest
        gap = self.gap * 0.5 if nest.lists else self.gap
        content, begin = inline.content, 0
        for number, (at, runs) in enumerate(segment_runs(inline)):
            rest = "x" if inline.meta.get("joined") else ""
            if number:
                rest = "" if content[at - 1] == "\n" else content[at:].partition("\n")[0]
                line, lines = (
                    inline.meta["line"] + content.count("\n", 0, at),
                    lines_for_end(content, begin, at),
                )
                self._mark("paragraph", line, rest=rest, whole=lines if rest else max(lines, 1))
                begin = at
            self._note_source(inline.meta["pieces"][number])
            if number or stands:
                if runs:
                    depth, digits = len(nest.lists), nest.digits
                    line = Line(runs, 0.0, nest.quotes, depth, digits=digits, joined=bool(rest))
                    self.lines.append(line)
            else:
                self._paragraph(runs, gap)

    def _heading(self, opening: Token, inline: Token, stands: bool) -> None:
        level = int(opening.tag[1])
        top = self.gap * (1.8 if level < 3 else 1.4)
        item = None if stands else self._new_item()
        if item:
            top = self.gap
        for number, (at, runs) in enumerate(segment_runs(inline)):
            inner = number > 0 or stands
            if number and opening.markup[0] == "#":
                rest, line = inline.content[at:], inline.meta["line"]
                self._mark("heading", line, rest=rest, whole=0, level=level)
            indent = 0 if item and not inner else len(self._nest.lists)
            self._note_source(inline.meta["pieces"][number])
            quotes, digits = self._nest.quotes, self._nest.digits
            form = Line(runs, 0.0 if inner else top, quotes, indent, level, digits=digits, joined=inner)
            self.lines.append(form if inner else form._replace(item=item))

    def _new_list(self, token: Token) -> OpenList:
        start = token.attrGet("start")
        self.counts.lists += 1
        return OpenList(self.counts.lists, token.type[0] == "o", 1 if start is None else int(start))

    def _paragraph(self, runs: Runs, gap: float) -> None:
        quotes, lists = self._nest.quotes, self._nest.lists
        item = self._new_item()
        if item is None:
            self.lines.append(Line(runs, gap, quotes, len(lists), digits=self._nest.digits))
            return
        runs, checked = task_runs(runs)
        digits = self._nest.digits
        self.lines.append(Line(runs, gap, quotes, item=item._replace(checked=checked), digits=digits))

    def _note_source(self, *pieces: str) -> None:
        """Of the line that is written next: it may have a link whose address comes later."""
        if any("[" in piece for piece in pieces):
            self.sources[len(self.lines)] = pieces

    def _new_item(self) -> Item | None:
        """That which a line begins, if it does."""
        lists = self._nest.lists
        if not (lists and lists[-1].item_begins):
            return None
        level = lists[-1]
        level.item_begins = False
        level.items += 1
        return Item(level.number, level.items - 1, level.ordered, level.start, len(lists))

    def _begin_bare(self) -> bool:
        """The mark of an item that begins with something that has no text of its own to stand beside."""
        begins = bool(self._nest.lists) and self._nest.lists[-1].item_begins
        if begins:
            self._paragraph((), self.gap)
        return begins

    def _fence(self, token: Token, quotes: Quotes, lists: list[OpenList], skip: int) -> None:
        """A block of code, of which ``skip`` lines stand already."""
        code = token.content.removesuffix("\n").split("\n")
        first = token.map[0] if token.map else 0
        begin = first + 1 - skip  # the line of the source that the first of the code would have
        if token.type == "code_block":
            begin -= not skip  # there a line of its own stands for what is settled
            code = code[1:] if skip else code
        if skip:
            code = self._code[self.counts.code][:skip] + (
                [] if token.type == "fence" and not token.content else code
            )
        elif token.type == "fence" and _is_unclosed(token) and not token.content.strip():
            self.empty_fence(token.markup + token.info, quotes, len(lists))
            return
        lift = 1.95 * self.gap + 11 if not skip and self._begin_bare() else 0.0  # beside the mark, not below
        number, at, counts = self.counts.code, len(self.lines), self.counts.copy()
        settled = self.code(code, fence_language(token.info), number, skip, quotes, len(lists), lift)
        self._code[number] = code
        self.counts.code += 1
        if settled > skip and (self._nest.opens or token.type == "code_block"):
            kind: Kind = "fence" if token.type == "fence" else "code_block"
            nest = self._nest
            opens, levels = tuple(nest.opens), tuple(map(replace, nest.lists))
            line, at = begin + settled, at + settled - skip
            self.marks.append(Mark(kind, line, at, counts, opens, levels, rows=settled, table=first))

    def _digits(self, indent: int) -> int:
        """Of a line of code, which may stand in no list though one was read last."""
        return self._nest.digits if indent else 0

    def empty_fence(self, opening: str, quotes: Quotes = (), indent: int = 0) -> None:
        """A fence in which nothing stands and which nobody closed is no box, only what was written."""
        self.lines.append(Line((Run(opening),), self.gap, quotes, indent, digits=self._digits(indent)))

    def code(
        self,
        code: list[str],
        language: str,
        number: int,
        first: int = 0,
        quotes: Quotes = (),
        indent: int = 0,
        lift: float = 0.0,
    ) -> int:
        """The lines of a code block from number ``first`` on; how many of them stay as they are.

        ``lift``: px that it stands higher.
        """
        colors = self.colors.get(number)
        if colors is None or (colors.language, colors.dark) != (language, self.dark):
            colors = self.colors[number] = CodeColors(language, self.dark)
        runs = colors.runs(code, self.most)
        top = HEADER + PAD - lift if lift else self.gap + HEADER + PAD
        for at in range(first, len(code)):
            place = Code(number, language, at == 0, at == len(code) - 1)
            lift = 0.0 if at else top
            self.lines.append(Line(runs[at], lift, quotes, indent, code=place, digits=self._digits(indent)))
        return max(0, min(colors.final, len(code) - 2))

    def _table(self, tokens: list[Token], skip_rows: int) -> None:
        first = tokens[0].map[0] if tokens[0].map else 0
        if not skip_rows:
            self.counts.tables += 1
        number, cells, aligns = max(0, skip_rows - 1), list[Runs](), list[str]()
        pieces: list[str] = []
        for index, token in enumerate(tokens):
            if token.type == "tr_open":
                source_line = token.map
            elif token.type in ("th_open", "td_open"):
                cells.append(inline_runs(tokens[index + 1]))
                pieces.append("".join(tokens[index + 1].meta["pieces"]))
                aligns.append(str(token.attrGet("style") or "").rpartition(":")[2].strip() or "left")
            elif token.type == "tr_close":
                if number >= skip_rows:
                    if number and source_line:
                        self._mark("table", source_line[0], rows=number, table=first)
                    self._note_source(*pieces)
                    nest = self._nest
                    row = Row(
                        self.counts.tables,
                        number,
                        tuple(cells),
                        tuple(aligns),
                        self.gap,
                        nest.quotes,
                        len(nest.lists),
                    )
                    self.lines.append(row)
                number, cells, aligns, pieces = number + 1, [], [], []


def fence_language(info: str) -> str:
    """The first word behind the mark of a fence."""
    words = info.split(maxsplit=1)
    return words[0][:24] if words else ""


def _is_unclosed(fence: Token) -> bool:
    first, end = fence.map or (0, 0)
    content = fence.content
    return end - first - 1 <= content.count("\n") + (content[-1:] not in ("", "\n"))


def _lines_that_tell(token: Token) -> int:
    """Of a block, that it is one: a table's second, a formula's last."""
    if token.type == "math_block" and token.map:
        return token.map[1] - token.map[0]
    return 2 if token.type == "table_open" else 1
