"""What sentiment is asked of: a list in a text, a file of lines, a table and the column with the texts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

from autogpt_desktop.documents.files import check, file_error
from autogpt_desktop.documents.tables import (
    OTHER_TABLES,
    TABLES,
    Row,
    Table,
    UnsavedFormula,
    open_table,
    result_of,
)
from autogpt_desktop.documents.tables import TableOptions as TableOptions
from autogpt_desktop.documents.text.encoding import find_encoding
from autogpt_desktop.documents.text.scripts import WIDE, count_letters
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular, open_regular_text

LINES = frozenset({".txt", ".text", ".log", ".lst"})  # files of a text a line
MOST_TEXT = 900_000  # characters of a document that is looked at as one text
SHOWN = 40  # rows of a preview
_LOOK = 200  # rows that tell which column has the texts
_LARGEST = 2 << 30  # bytes, of a file of lines
_LONGEST = 1 << 20  # characters, of one line
_WIDE = re.compile(f"[{WIDE}]")
_MARK = re.compile(r"^\s*+(?:[-*•–·]|\(?\d{1,4}[.)、．])\s+")
_CLOSED = re.compile(r"[.!?…。！？；;:：\"'”’»）)\]》」』]\s*$")
_NAMES = re.compile(
    r"texts?|review|comment|feedback|message|body|content|opinion|sentence|tweet|post|answer|description"
    r"|评论|评价|内容|文本|正文|留言|意见|反馈|描述|句子|评语",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Preview:
    """A table before it is run: its first rows, and the column that seems to hold the texts."""

    table: Table
    rows: tuple[Row, ...]
    column: int
    has_more: bool
    formulas: frozenset[int] = frozenset()  # columns with formulas whose results the file does not hold


def lines_of(text: str) -> list[str]:
    """The texts of a list: its lines without marks in front (-, 3.), empty ones left out."""
    return [found for line in text.splitlines() if (found := _MARK.sub("", line, 1).strip())]


def looks_like_list(text: str) -> bool:
    """Whether each line is a text of its own, rather than lines or paragraphs of one text.

    Three lines at least. A list's lines begin anew (no small letter behind a line without an end) and
    are no long paragraphs.
    """
    lines = [line.strip() for line in text[:200_000].splitlines() if line.strip()][:500]
    if len(lines) < 3:
        return False
    if sum(bool(_MARK.match(line + " ")) for line in lines) > 0.7 * len(lines):
        return True
    lengths = sorted(map(len, lines))
    if lengths[len(lines) // 2] > 400:
        return False
    broken = sum(
        not _CLOSED.search(before) and (after[:1].islower() or (len(before) > 55 and len(after) > 3))
        for before, after in pairwise(lines)
    )
    if broken > 0.4 * (len(lines) - 1):
        return False
    paragraphs = len(re.findall(r"\n\s*\n", text.strip()))
    return not (paragraphs >= (len(lines) - 1) / 2 and lengths[len(lines) // 2] > 160)


def list_table(lines: Sequence[str], name: str) -> tuple[Table, str]:
    """A pasted list as a table with one column called ``name``, and its digest."""

    def rows() -> Iterator[Row | None]:
        for line in lines:
            yield (line,)

    digest = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
    return Table(Path(), (name,), rows), digest


def preview(path: Path, sheet: str = "", column: str = "") -> Preview:
    """``previewing`` in one go."""
    return result_of(previewing(path, TableOptions(sheet), column))


def previewing(
    path: Path, options: TableOptions | None = None, column: str = ""
) -> Generator[None, None, Preview]:
    """Open a table or a file of lines, in steps; without a ``column`` of that name it is guessed.

    Left before its end it ends what is being read. Raises KnownError: what ``documents.tables.open_table``
    raises.
    """
    if is_table(path):
        table = yield from open_table(path, options)
    else:
        table = _lines_table(path, None if options is None else options.header_row)
    rows: list[Row] = []
    for row in table.steps():
        if row is None:
            yield
            continue
        rows.append(row)
        if len(rows) == _LOOK:
            break
    chosen = table.columns.index(column) if column in table.columns else guess_column(table.columns, rows)
    formulas = {at for row in rows for at, cell in enumerate(row) if isinstance(cell, UnsavedFormula)}
    return Preview(table, tuple(rows[:SHOWN]), chosen, len(rows) > SHOWN, frozenset(formulas))


def is_table(path: Path) -> bool:
    """Whether a file is to be opened as a table, by its name; of some the reader says what to do."""
    return path.suffix.lower() in TABLES | OTHER_TABLES


def open_file(path: Path) -> Preview | str:
    """``opening_file`` in one go."""
    return result_of(opening_file(path))


def opening_file(path: Path) -> Generator[None, None, Preview | str]:
    """A table or a list with a text a line as a Preview, any other document as its text, in steps.

    Raises KnownError: what ``previewing`` and ``documents.read.reader.read`` raise, sentiment-text-long.
    """
    if is_table(path):
        return (yield from previewing(path))
    if path.suffix.lower() in LINES and check(path, Limits(file_bytes=_LARGEST)).st_size:
        found = yield from previewing(path)
        with open_regular_text(path, found.table.encoding, "replace") as file:
            head = file.read(_LOOK * 1000)
        if looks_like_list(head) or path.stat().st_size > MOST_TEXT:
            return found
    from autogpt_desktop.documents.read.reader import reading

    document = yield from reading(path, None, urgent=True)
    text = document.text
    if len(text) > MOST_TEXT:
        raise KnownError("sentiment-text-long", name=path.name, limit=f"{MOST_TEXT:,}")
    return text


def guess_column(columns: Row, rows: Sequence[Row]) -> int:
    """The number of the column that reads most like texts of people; a telling name helps."""

    def likeness(at: int) -> float:
        cells = [row[at] for row in rows if at < len(row) and row[at].strip()]
        if not cells:
            return 0.0
        points = 0.0
        for cell in cells:
            head = cell[:300]
            letters = count_letters(head)
            words = 1 + head.count(" ") + len(_WIDE.findall(head)) // 2
            points += min(letters, 240) * min(1.0, words / 4) * (0.1 if "://" in head else 1.0)
        points *= (0.2 + 0.8 * len(set(cells)) / len(cells)) / max(1, len(rows))
        return points * (2.0 if _NAMES.search(columns[at]) else 1.0)

    return max(range(len(columns)), key=likeness)


def _lines_table(path: Path, header_row: int | None = None) -> Table:
    """A file of lines as a table with one column; empty lines are left out."""
    limits = Limits(file_bytes=_LARGEST)
    if check(path, limits).st_size == 0:
        raise KnownError("document-empty", name=path.name)
    try:
        with open_regular(path) as file:
            encoding = find_encoding(file.read(1 << 20), complete=False)
    except OSError as error:
        raise file_error(path, error) from error
    if encoding is None:
        raise KnownError("document-kind", name=path.name)

    def rows() -> Iterator[Row]:
        try:
            with open_regular_text(path, encoding, "replace") as text:
                while line := text.readline(_LONGEST):
                    if found := _MARK.sub("", line, 1).strip():
                        yield (found,)
        except OSError as error:
            raise file_error(path, error) from error

    first = list(islice(rows(), _LOOK))
    if not first:
        raise KnownError("document-empty", name=path.name)
    named = bool(_NAMES.fullmatch(first[0][0])) and len(first) > 1
    header = named if header_row is None else header_row > 0
    name = first[0][0] if header else "Column 1"
    return Table(path, (name,), rows, header_row=int(header), encoding=encoding)
