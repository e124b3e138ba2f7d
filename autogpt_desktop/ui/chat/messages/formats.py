"""How lines and runs look in a QTextDocument."""

from __future__ import annotations

from math import ceil

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFormat,
    QTextListFormat,
)

from autogpt_desktop.ui.chat.messages.block_lines import HEADER, PAD
from autogpt_desktop.ui.chat.messages.formulas import FormulaObject
from autogpt_desktop.ui.chat.messages.lines import Item, Line, Row, Run, Runs
from autogpt_desktop.ui.chat.messages.runs import LINE
from autogpt_desktop.ui.widgets.reading_style import ChatStyle

CODE = QTextFormat.Property.UserProperty + 1  # int: number of the code block
LANGUAGE = CODE + 1  # str: its language
QUOTES = CODE + 2  # int: depth of block quotes
RULE = CODE + 3  # bool: a thematic break
JOINED = CODE + 4  # bool: the block goes on with the line above
BARS = CODE + 5  # str: where the bars of the block quotes stand, px from the left
STEP = 18  # px of one block-quote level
_FIXED = QTextBlockFormat.LineHeightTypes.FixedHeight.value
_PROPORTIONAL = QTextBlockFormat.LineHeightTypes.ProportionalHeight.value


class Formats:
    """Formats of one style, each made once."""

    def __init__(self, style: ChatStyle, formulas: FormulaObject) -> None:
        self.style, self.formulas = style, formulas
        self.gap = style.font.pixelSize() * 0.8  # px between paragraphs
        self.indent = 2 * style.font.pixelSize()  # px of one list level: numbers of two digits have room
        self._digit = ceil(QFontMetricsF(style.font).horizontalAdvance("0"))
        self._chars: dict[tuple[object, ...], QTextCharFormat] = {}

    def char(self, run: Run, *, heading: int = 0, code: bool = False, bold: bool = False) -> QTextCharFormat:
        """Of a run in a heading, in a line of a code block, or in a table's header (``bold``)."""
        key = (run[1:], heading, code, bold)
        if key not in self._chars:
            self._chars[key] = self._char(run, heading, code, bold)
        return self._chars[key]

    def _char(self, run: Run, heading: int, code: bool, bold: bool) -> QTextCharFormat:
        style = self.style
        char = QTextCharFormat()
        font = QFont(style.mono if code or run.mono else style.font)
        if heading and not run.mono:
            font.setPixelSize(round(font.pixelSize() * {1: 1.35, 2: 1.2}.get(heading, 1.0)))
        if heading or bold:
            font.setWeight(QFont.Weight.DemiBold)
        if run.bold:
            font.setWeight(QFont.Weight.Bold)
        char.setFont(font)
        char.setForeground(style.muted if run.muted else style.text)
        if run.italic:
            char.setFontItalic(True)
        if run.strike:
            char.setFontStrikeOut(True)
        if run.color:
            char.setForeground(QColor(run.color))
        if run.href:
            char.setAnchor(True)
            char.setAnchorHref(run.href)
            char.setForeground(style.accent)
            char.setFontUnderline(True)
        if run.mono:
            char.setBackground(style.code_bg)
        if run.raised:
            super_, sub = (
                QTextCharFormat.VerticalAlignment.AlignSuperScript,
                QTextCharFormat.VerticalAlignment.AlignSubScript,
            )
            char.setVerticalAlignment(super_ if run.raised > 0 else sub)
        if run.hidden:
            font.setPixelSize(1)
            font.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 1)  # 0 would count for 100
            char.setFont(font)
            char.setForeground(Qt.GlobalColor.transparent)
        return char

    def insert(
        self, cursor: QTextCursor, runs: Runs, *, heading: int = 0, code: bool = False, bold: bool = False
    ) -> None:
        """Write runs at a cursor. A formula that is drawn hides its source, which stays to be copied."""
        for run in runs:
            char = self.char(run, heading=heading, code=code, bold=bold)
            if not run.formula:
                cursor.insertText(run.text, char)
                continue
            shown = self.char(run._replace(hidden=False, formula=""), heading=heading, bold=bold)
            drawn = self.formulas.format(run.formula, shown)
            if run.hidden:
                cursor.insertText(run.text, char if drawn else shown)
            else:
                cursor.insertText(run.text, drawn or self.formulas.empty(shown))

    def block(self, line: Line, *, first: bool = False) -> QTextBlockFormat:
        """Of a line; the ``first`` of a message has nothing above it."""
        form = self.paragraph()
        form.setTopMargin(0 if first else line.top)
        if line.item and line.item.checked is not None:
            marks = QTextBlockFormat.MarkerType
            form.setMarker(marks.Checked if line.item.checked else marks.Unchecked)
        form.setIndent(0 if line.item else line.indent)  # the list format brings its own
        form.setLeftMargin(self.left(line))
        if line.quotes:
            form.setRightMargin(len(line.quotes) * STEP)  # where the bars of Arabic and Hebrew stand
            form.setProperty(QUOTES, len(line.quotes))
            form.setProperty(BARS, self.bars(line))
        if line.heading:
            form.setHeadingLevel(line.heading)
        if line.joined:
            form.setProperty(JOINED, True)
        if line.rule:
            form.setProperty(RULE, True)
            form.setLineHeight(8, _FIXED)
            form.setBottomMargin(self.gap)
        if line.code:
            form.setLeftMargin(form.leftMargin() + PAD + 2)
            form.setRightMargin(PAD)
            form.setBottomMargin(PAD + self.gap if line.code.last else 0)
            form.setProperty(CODE, line.code.number)
            form.setProperty(LANGUAGE, line.code.language)
        return form

    def paragraph(self) -> QTextBlockFormat:
        form = QTextBlockFormat()
        form.setLineHeight(130, _PROPORTIONAL)
        return form

    def thin(self, row: Line | Row | None) -> QTextBlockFormat:
        """Of the block before or behind the table of ``row``, which cannot be avoided, only be made small."""
        form = QTextBlockFormat()
        form.setLineHeight(1, _FIXED)
        if isinstance(row, Row) and row.quotes:
            form.setProperty(BARS, self.bars(row))
        return form

    def left(self, line: Line | Row) -> int:
        """Px before it, beside those of the lists that it stands in."""
        return len(line.quotes) * STEP + line.digits * self._digit

    def bars(self, line: Line | Row) -> str:
        """Where the bars of quotations stand beside it."""
        digits = line.digits * self._digit
        places = [depth * STEP + lists * self.indent for depth, lists in enumerate(line.quotes)]
        return ",".join(
            str(place + (digits if lists else 0)) for place, lists in zip(places, line.quotes, strict=True)
        )

    def list(self, item: Item) -> QTextListFormat:
        """Of the list that begins with ``item``."""
        form = QTextListFormat()
        bullets = (QTextListFormat.Style.ListDisc, QTextListFormat.Style.ListCircle)
        form.setStyle(QTextListFormat.Style.ListDecimal if item.ordered else bullets[item.depth > 1])
        form.setIndent(item.depth)
        form.setStart(item.start + item.number)
        return form


def is_thin(block: QTextBlock) -> bool:
    """Does it only stand before or behind a table?"""
    form = block.blockFormat()
    return block.length() == 1 and form.lineHeightType() == _FIXED and form.lineHeight() == 1


__all__ = [
    "BARS",
    "CODE",
    "HEADER",
    "JOINED",
    "LANGUAGE",
    "LINE",
    "PAD",
    "QUOTES",
    "RULE",
    "STEP",
    "Formats",
    "is_thin",
]
