"""Markdown to a QTextDocument, with no HTML in between.

markdown-it-py parses (``growing``), a cursor writes. HTML in the text stays text, images become their
description and address, links are formats that a click has to confirm, and nothing is ever loaded.
While an answer streams only the lines that change are written again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from PySide6.QtGui import (
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextList,
)

from autogpt_desktop.ui.chat.messages.block_lines import HEADER, PAD
from autogpt_desktop.ui.chat.messages.formats import CODE, LANGUAGE, QUOTES, RULE, STEP, Formats
from autogpt_desktop.ui.chat.messages.formulas import TYPE, FormulaObject, formulas
from autogpt_desktop.ui.chat.messages.growing import GrowingLines
from autogpt_desktop.ui.chat.messages.highlight import PLAIN_ABOVE
from autogpt_desktop.ui.chat.messages.lines import Item, Line, Row, Run, Runs, same_start
from autogpt_desktop.ui.chat.messages.markdown_parse import clean, is_plain
from autogpt_desktop.ui.chat.messages.runs import FILLER, LINE
from autogpt_desktop.ui.chat.messages.tables import BAR, PIECE, TableWriter
from autogpt_desktop.ui.widgets.reading_style import ChatStyle

__all__ = ["CODE", "HEADER", "LANGUAGE", "LINE", "PAD", "QUOTES", "RULE", "STEP", "MarkdownWriter"]

_LONG = 2_000  # characters of plain text that are a block for each line
_PIECE = 3_000  # characters of code that are colored in a few milliseconds
_LIST = 25  # items of one QTextList, which marks all of them as changed for each new one


class _Place(NamedTuple):
    """Where the document ended before a line was written."""

    position: int
    fresh: bool  # its last block was empty and was used


@dataclass(frozen=True)
class CodeBlock:
    """A code block of the message by its first and last line."""

    number: int
    language: str
    first: int
    last: int


class MarkdownWriter:
    """Writes Markdown into ``document``, whole or as it grows."""

    def __init__(self, document: QTextDocument, style: ChatStyle) -> None:
        self.document = document
        self._source: str | None = None  # Markdown that stands; None: what stands is plain
        self._most: int | None = None  # characters of a code block that are colored by now; None: all
        self._plain = ""  # plain text that stands
        self._formulas = FormulaObject(document)
        document.documentLayout().registerHandler(TYPE, self._formulas)
        self.restyle(style)

    def restyle(self, style: ChatStyle) -> None:
        """Formats for a new theme or zoom; takes effect with the next ``write``."""
        self.style = style
        self._formats = Formats(style, self._formulas)
        self.tables = TableWriter(self._formats)
        self.document.setDefaultFont(style.font)
        self.document.setIndentWidth(self._formats.indent)
        self.document.setDocumentMargin(0)
        self._reset()

    def write(self, text: str) -> None:
        """Replace everything but what stands there already; ``color_more`` colors the rest of long code."""
        text = clean(text)
        stands = self._plain if is_plain(text) else self._source
        # an answer ends a little behind its last repaint: what stands is not written again for that
        goes_on = bool(stands) and text.startswith(stands or "")
        if not goes_on:
            self._reset()
            self._most = PLAIN_ABOVE
        self._write(text, grows=goes_on, whole=True)

    def write_plain(self, text: str) -> None:
        """Replace everything with text that is not Markdown."""
        self._reset()
        self._write_plain(clean(text))

    def grow_plain(self, text: str) -> None:
        """As ``write_plain``, but what stands already is not written again."""
        self._write_plain(clean(text), grows=True)

    def grow(self, text: str) -> None:
        """``text`` begins with what was written before: write what follows it."""
        self._most = None
        self._write(clean(text), grows=True)

    def _write(self, text: str, *, grows: bool = False, whole: bool = False) -> None:
        if is_plain(text):
            self._write_plain(text, grows=grows)
            return
        if self._source is None or not text.startswith(self._source):
            self._reset()
        self._source = text
        self._apply(self._growing.lines, self._growing.grow(text, self._most, whole=whole))

    def _write_plain(self, text: str, *, grows: bool = False) -> None:
        before = self._plain
        if self._source is not None or not (grows and text.startswith(before)):
            self._reset()
            before = ""
        most = _LONG if grows else len(text) + 1
        if len(before) < _LONG:  # it stands in one block
            lines, kept = _plain_lines(text, most), 0
        else:  # all but its last line stays
            last = before.rfind("\n") + 1
            kept = len(self._written) - len(_pieces(before[last:], most))
            lines = [*self._written[:kept], *_rows(text[last:], most)]
        self._apply(lines, kept)
        self._plain = text

    # -- code

    def code_blocks(self) -> list[CodeBlock]:
        """Those of the message, in order."""
        return list(self._code.values())

    def code_block(self, number: int) -> CodeBlock:
        """One of them by its number."""
        return self._code[number]

    def code_text(self, code: CodeBlock) -> str:
        """What stands in a code block."""
        lines = self._written[code.first : code.last + 1]
        return "\n".join("".join(run.text for run in line.runs) for line in lines if isinstance(line, Line))

    def block_of(self, line: int) -> QTextBlock:
        """The block of line number ``line``, which is no row."""
        place = self._places[line]
        return self.document.findBlock(place.position + (not place.fresh))

    def color_more(self) -> bool:
        """Color a piece of code that was too long to be colored at once; False: there is none left."""
        if self._source is None or self._most is None:
            return False
        self._most += _PIECE
        if not self._growing.recolor(self._most):
            self._most = None
        self._apply(self._growing.lines, 0)
        return self._most is not None

    def draw_formulas(self) -> bool:
        """Write those lines again whose formulas have been drawn by now; False: there are none."""
        known = formulas()
        ready = [at for at in self._undrawn if any(map(known.find, _formulas_of(self._written[at])))]
        if not ready:
            return False
        waits = {at for at in ready if any(map(known.is_waiting, _formulas_of(self._written[at])))}
        self._undrawn.difference_update(set(ready) - waits)
        cursor = QTextCursor(self.document)
        cursor.beginEditBlock()
        for at in ready:
            line = self._written[at]
            if isinstance(line, Row):
                self.tables.change(None, line)
            else:
                cursor.setPosition(self.block_of(at).position())
                cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
                cursor.removeSelectedText()
                self._insert(cursor, line, line.runs)
        cursor.endEditBlock()
        return True

    # -- state

    def _reset(self) -> None:
        self.document.clear()
        self._source = self._most = None
        self._plain = ""
        self._growing = GrowingLines(self._formats.gap, self.style.dark)
        self._written: list[Line | Row] = []
        self._places: list[_Place] = []
        self._lists: dict[tuple[int, int], tuple[int, QTextList]] = {}  # their first lines with them
        self._code: dict[int, CodeBlock] = {}
        self._undrawn: set[int] = set()  # lines with a formula that may still be drawn
        self.tables.forget(0)
        self._fresh = True  # the last block is empty and may be used

    # -- lines

    def _apply(self, lines: Sequence[Line | Row], kept: int) -> None:
        """Make the document show ``lines``, of which the first ``kept`` stand already."""
        written = self._written
        at, end = kept, min(len(written), len(lines))
        while at < end and written[at] == lines[at]:
            at += 1
        if at == len(written) == len(lines):
            return
        moved = 0  # characters that what follows stands further down
        cursor = QTextCursor(self.document)
        cursor.beginEditBlock()
        changed = at
        while at < len(written):
            if moved:
                self._places[at] = self._places[at]._replace(position=self._places[at].position + moved)
            if at >= len(lines) or written[at] != lines[at]:
                if at > changed + 1:  # or all between them would be laid out again
                    cursor.endEditBlock()
                    cursor.beginEditBlock()
                size, changed = self.document.characterCount(), at
                if at >= len(lines) or not self._change(at, lines[at]):
                    self._truncate(at)
                moved += self.document.characterCount() - size
            at += 1
        if len(lines) > len(written) > changed + 1:
            cursor.endEditBlock()
            cursor.beginEditBlock()
        for line in lines[len(written) :]:
            self._put(line)
        self._frame_code()
        cursor.endEditBlock()

    def _change(self, at: int, line: Line | Row) -> bool:
        """Let line number ``at`` become ``line`` where it stands, which keeps what is selected in it."""
        old = self._written[at]
        if isinstance(old, Row) and isinstance(line, Row):
            if old._replace(cells=()) != line._replace(cells=()) or len(old.cells) != len(line.cells):
                return False
            self.tables.change(old, line)
            self._written[at] = line
            self._note(at, line)
            return True
        if isinstance(old, Row) or isinstance(line, Row):
            return False
        if old.item != line.item or old.heading != line.heading or _code_block(old) != _code_block(line):
            return False
        block = self.block_of(at)
        if old.runs != line.runs:
            same, rest = same_start(old.runs, line.runs)
            cursor = QTextCursor(block)
            cursor.setPosition(block.position() + same)
            cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
            self._insert(cursor, line, rest if line.runs else self._filler(at))
        if old._replace(runs=()) != line._replace(runs=()):
            cursor = QTextCursor(block)
            form = self._block_format(at, line)
            form.setObjectIndex(block.blockFormat().objectIndex())
            cursor.setBlockFormat(form)
        self._written[at] = line
        self._note(at, line)
        return True

    def _put(self, line: Line | Row) -> None:
        """One more line at the end."""
        at = len(self._written)
        cursor = QTextCursor(self.document)
        cursor.movePosition(QTextCursor.MoveOperation.End)
        self._places.append(_Place(cursor.position(), self._fresh))
        self._written.append(line)
        if isinstance(line, Row):
            self._note(at, line)
            if line.number % PIECE:
                self.tables.append(line)
                return
            self._start(cursor, self._formats.thin(line), self._formats.char(Run("", hidden=True)))
            self.tables.begin(cursor, line, at)
            cursor.setBlockFormat(self._formats.thin(line))
            self._fresh = True
            return
        chars = self._formats.char(Run(""), code=line.code is not None)
        self._start(cursor, self._block_format(at, line), chars)
        if line.item:
            self._join_list(cursor, line.item, at)
        self._insert(cursor, line, line.runs or self._filler(at))
        self._note(at, line)

    def _filler(self, at: int) -> Runs:
        """For an empty line: behind a table Qt would put it beside the last row."""
        return (Run(FILLER, hidden=True),) if at and isinstance(self._written[at - 1], Row) else ()

    def _truncate(self, at: int) -> None:
        """Take away the lines from number ``at`` on."""
        if at >= len(self._written):
            return
        place, line = self._places[at], self._written[at]
        cursor = QTextCursor(self.document)
        if at == 0:
            self.document.clear()
            self._fresh = True
        elif isinstance(line, Row) and line.number % PIECE:
            piece = self.tables.piece(line)
            self._remove_from(cursor, piece.lastPosition() + 1)
            cursor.setBlockFormat(self._formats.thin(line))
            piece.removeRows(line.number % PIECE, piece.rows() - line.number % PIECE)
            self._fresh = True
        else:
            self._remove_from(cursor, place.position)
            if place.fresh:
                cursor.setBlockFormat(self._formats.thin(self._written[at - 1]))
            self._fresh = place.fresh
        self._undrawn.difference_update(range(at, len(self._written)))
        del self._written[at:], self._places[at:]
        self.tables.forget(at)
        while self._lists and self._lists[last := next(reversed(self._lists))][0] >= at:
            del self._lists[last]
        while self._code and self._code[number := next(reversed(self._code))].first >= at:
            del self._code[number]
        if self._code and self._code[number].last >= at:
            self._code[number] = replace(self._code[number], last=at - 1)

        if self._written and isinstance(row := self._written[-1], Row):
            self.tables.leave(row, 0)

    def _remove_from(self, cursor: QTextCursor, position: int) -> None:
        cursor.setPosition(position)
        empty = cursor.block().length() == 1
        if empty:  # Qt would remove the empty block, with its list, instead of the one behind it
            cursor.insertText("x")
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        if empty:
            cursor.deletePreviousChar()

    def _start(self, cursor: QTextCursor, form: QTextBlockFormat, char: QTextCharFormat) -> None:
        if self._fresh:
            cursor.setBlockFormat(form)
            cursor.setBlockCharFormat(char)
            self._fresh = False
        else:
            cursor.insertBlock(form, char)

    def _block_format(self, at: int, line: Line) -> QTextBlockFormat:
        form = self._formats.block(line, first=at == 0)
        row = self._written[at - 1] if at else None
        if isinstance(row, Row):
            self.tables.leave(row, max(form.topMargin(), 1.8 * self._formats.gap))
            form.setTopMargin(0)
        return form

    def _join_list(self, cursor: QTextCursor, item: Item, at: int) -> None:
        key = (item.list, item.number // _LIST)
        if key in self._lists:
            self._lists[key][1].add(cursor.block())
        else:
            self._lists[key] = (at, cursor.createList(self._formats.list(item)))

    def _insert(self, cursor: QTextCursor, line: Line, runs: Runs) -> None:
        self._formats.insert(cursor, runs, heading=line.heading, code=line.code is not None)

    def _note(self, at: int, line: Line | Row) -> None:
        if any(formulas().find(source) is None for source in _formulas_of(line)):
            self._undrawn.add(at)
        if isinstance(line, Line) and line.code:
            known = self._code.get(line.code.number)
            first, last = (known.first, max(known.last, at)) if known else (at, at)
            self._code[line.code.number] = CodeBlock(line.code.number, line.code.language, first, last)

    def _frame_code(self) -> None:
        """Room above for the frame of code: the margin of the first block counts for nothing."""
        root = self.document.rootFrame()
        top = HEADER + PAD if self.document.begin().blockFormat().hasProperty(CODE) else 0
        if root.frameFormat().topMargin() != top:
            form = root.frameFormat()
            form.setTopMargin(top)
            root.setFrameFormat(form)

    @property
    def below(self) -> int:
        """Px below the document, for the frame of code or the bar of a table: as a margin of the document
        they would have all of it laid out again."""
        if self.document.lastBlock().blockFormat().hasProperty(CODE):
            return PAD + 2
        return BAR if self._fresh and self._written else 0


def _plain_lines(text: str, most: int) -> Sequence[Line | Row]:
    """Of text that is no Markdown. Where it is long each line is a block, and one above ``most`` several."""
    return _rows(text, most) if len(text) >= _LONG else _pieces(text.replace("\n", LINE), most)


def _rows(text: str, most: int) -> list[Line]:
    return [line for row in text.split("\n") for line in _pieces(row, most)]


def _pieces(row: str, most: int) -> list[Line]:
    pieces = [row[at : at + most] for at in range(0, len(row), most)] or [""]
    return [Line((Run(piece),) if piece else (), joined=at > 0) for at, piece in enumerate(pieces)]


def _code_block(line: Line) -> tuple[int, str] | None:
    return (line.code.number, line.code.language) if line.code else None


def _formulas_of(line: Line | Row) -> list[str]:
    rows = (line.runs,) if isinstance(line, Line) else line.cells
    return [run.formula for runs in rows for run in runs if run.formula and not run.hidden]
