"""What a message shows, line by line: plain values, to compare two states of a growing answer."""

from __future__ import annotations

from typing import NamedTuple


class Run(NamedTuple):
    """Text in one format."""

    text: str
    bold: bool = False
    italic: bool = False
    strike: bool = False
    mono: bool = False  # code within text
    muted: bool = False
    href: str = ""
    color: str = ""  # of highlighted code
    raised: int = 0  # 1: superscript, -1: subscript
    formula: str = ""  # its source, which ``text`` stands for
    hidden: bool = False  # there for copies and screen readers, but not to be seen


Runs = tuple[Run, ...]


class Code(NamedTuple):
    """Where a line of a code block stands."""

    number: int  # of the code block
    language: str
    first: bool
    last: bool


class Item(NamedTuple):
    """The list item that a line begins."""

    list: int  # number of the list
    number: int  # within the list, from 0
    ordered: bool
    start: int
    depth: int
    checked: bool | None = None  # of a task


Quotes = tuple[int, ...]  # of each block quote, from the outermost on, how many lists it stands in


class Line(NamedTuple):
    """One block of the document."""

    runs: Runs
    top: float = 0.0  # px above
    quotes: Quotes = ()
    indent: int = 0  # depth of lists
    heading: int = 0
    rule: bool = False
    code: Code | None = None
    item: Item | None = None
    digits: int = 0  # by which the numbers of the items that it stands in are longer than two
    joined: bool = False  # goes on with the line above, which was too long


class Row(NamedTuple):
    """One row of a table."""

    table: int  # number of the table
    number: int  # within the table; 0: its header
    cells: tuple[Runs, ...]
    aligns: tuple[str, ...]  # "left", "center", "right"
    top: float
    quotes: Quotes = ()
    indent: int = 0  # depth of lists
    digits: int = 0  # as of a line


def same_start(old: Runs, new: Runs) -> tuple[int, Runs]:
    """How many characters two lines have in common, and what the new one has behind them."""
    characters = 0
    for index, run in enumerate(new):
        if index >= len(old) or run[1:] != old[index][1:]:
            return characters, new[index:]
        before = old[index].text
        if run.text != before:
            if run.text.startswith(before):
                return characters + units(before), (
                    run._replace(text=run.text[len(before) :]),
                    *new[index + 1 :],
                )
            return characters, new[index:]
        characters += units(before)
    return characters, ()


def units(text: str) -> int:
    """Its length as Qt counts: characters beyond U+FFFF are two."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
