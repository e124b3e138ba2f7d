"""A table inside a document as text: headings beside the cells, so that a passage can be understood alone."""

from __future__ import annotations

from collections.abc import Sequence

_LOOK = 200  # rows that tell whether the first one names the columns
_LONGEST_NAME = 60  # characters of a heading that is not marked as one
_MOST_SPAN = 1_000  # columns that one cell may cover
_MOST_CELLS = 500_000  # of a table, those that are covered among them

Row = tuple[str, ...]


class TableGrid:
    """The cells of a table as they come, with those that cover several columns or rows."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self.marked = 0  # rows at the beginning that the document calls headings
        self.names_at_left = False  # it calls the first column headings, and no row
        self.has_names = False
        self._down: dict[int, tuple[int, str]] = {}  # column: rows still covered from above, and the text
        self._cells = 0

    def start_row(self) -> None:
        self.rows.append([])
        self._fill()

    def add(self, text: str, across: int = 1, down: int = 1, *, heading: bool = False) -> None:
        """The next cell. A heading's text stands over all the columns that it covers."""
        if not self.rows:
            self.start_row()
        row = self.rows[-1]
        for number in range(self._room(across)):
            shown = text if heading or not number else ""
            if down > 1:
                self._down[len(row)] = (min(down, 100_000) - 1, shown)
            row.append(shown)
        self._fill()

    def add_from_above(self, across: int = 1) -> None:
        """The next cell is one with the cell above it."""
        if not self.rows:
            self.start_row()
        row = self.rows[-1]
        above = self.rows[-2] if len(self.rows) > 1 else []
        for _ in range(self._room(across)):
            row.append(above[len(row)] if len(row) < len(above) else "")

    def _room(self, across: int) -> int:
        """How many columns a cell gets that asks for some: one at least."""
        across = max(1, min(across, _MOST_SPAN))
        self._cells += across
        return across if self._cells <= _MOST_CELLS else 1

    def _fill(self) -> None:
        row = self.rows[-1]
        while len(row) in self._down and self._cells <= _MOST_CELLS:
            left, text = self._down.pop(len(row))
            if left > 1:
                self._down[len(row)] = (left - 1, text)
            row.append(text)
            self._cells += 1

    def lines(self) -> list[str]:
        """A line for each row: "heading: cell; heading: cell", or "cell | cell" without headings."""
        return [line for _, line in self.numbered_lines()]

    def numbered_lines(self) -> list[tuple[int, str]]:
        """The same, each with the number of its row, from 1; ``has_names`` says then whether there are
        headings."""
        rows = [(at, tuple(" ".join(cell.split()) for cell in row)) for at, row in enumerate(self.rows, 1)]
        rows = [(at, row) for at, row in rows if any(row)]
        marked = sum(at <= self.marked for at, _ in rows)
        lines = []
        while not marked and len(rows) > 1 and len(rows[0][1]) > 1 and sum(map(bool, rows[0][1])) == 1:
            lines.append((rows[0][0], _without_names(rows.pop(0)[1])))  # a title over all columns
        if 1 < marked < len(rows):  # "Rain" below "May": one row of headings
            width = max(len(row) for _, row in rows)
            above = [row + ("",) * (width - len(row)) for _, row in rows[:marked]]
            names = (" ".join(dict.fromkeys(filter(None, cells))) for cells in zip(*above, strict=True))
            rows = [(rows[0][0], tuple(names)), *rows[marked:]]
        guessed = not marked and not self.names_at_left and _names_columns([row for _, row in rows[:_LOOK]])
        self.has_names = len(rows) > 1 and bool(marked or guessed)
        if not self.has_names:
            return lines + [(at, _without_names(row)) for at, row in rows]
        (at, names_row), below = rows[0], rows[1:]
        filled = {column for _, row in below for column, cell in enumerate(row) if cell}
        # perhaps they are no headings, or one would not be seen
        unseen = any(name and column not in filled for column, name in enumerate(names_row))
        if unseen or (guessed and len(names_row) == 2):
            lines.append((at, _without_names(names_row)))
        return lines + [(at, _with_names(names_row, row)) for at, row in below]


def _names_columns(rows: Sequence[Row]) -> bool:
    """Whether the first row names the columns: short, unlike what stands below. Not where names stand at
    the left and all kinds of values at the right."""
    width = max(map(len, rows), default=0)
    if len(rows) < (3 if width == 2 else 2):
        return False
    first, below = rows[0], rows[1:]
    if width < 2 or len(first) < width or not all(first[1:]) or len(set(first)) < width:
        return False
    if any(len(name) > _LONGEST_NAME or name.endswith((":", "：")) for name in first):
        return False
    columns = [[row[at] for row in below if at < len(row) and row[at]] for at in range(width)]
    if any(name in cells for name, cells in zip(first, columns, strict=True)):
        return False
    if any(_has_digit(name) and any(map(_has_digit, cells))
           for name, cells in zip(first, columns, strict=True)):  # fmt: skip
        return False  # "3 May" over "7 June": the first row of a list
    over_numbers = any(
        not _has_digit(name) and cells and all(map(_has_digit, cells))
        for name, cells in zip(first, columns, strict=True)
    )
    return over_numbers or width > 2


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _with_names(names: Row, row: Row) -> str:
    names += ("",) * (len(row) - len(names))
    pairs = zip(names, row, strict=False)
    return "; ".join(f"{name.rstrip(':：')}: {cell}" if name else cell for name, cell in pairs if cell)


def _without_names(row: Row) -> str:
    return " | ".join(cell for cell in row if cell)
