"""Markdown to a QTextDocument, with no HTML in between.

markdown-it-py parses, a cursor writes. HTML in the text stays text, images become their
description and address, links are formats that a click has to confirm, and nothing is ever loaded.
While an answer streams only its last top-level block is parsed and written again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QFont,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextLength,
    QTextList,
    QTextListFormat,
    QTextTableCell,
    QTextTableCellFormat,
    QTextTableFormat,
)

from autogpt_desktop.ui.chat.messages.highlight import highlight
from autogpt_desktop.ui.chat.messages.markdown_parse import clean, groups, image_text, is_plain, parser
from autogpt_desktop.ui.widgets.reading_style import ChatStyle

if TYPE_CHECKING:
    from markdown_it.token import Token

CODE = QTextFormat.Property.UserProperty + 1  # int: number of the code block
LANGUAGE = CODE + 1  # str: its language
QUOTES = CODE + 2  # int: depth of block quotes
RULE = CODE + 3  # bool: a thematic break
HEADER = 30  # px above a code block for its label and copy button
PAD = 14  # px inside a code block
STEP = 18  # px of one block-quote level
INDENT = 26  # px of one list level
LINE = "\u2028"  # a line break inside one block


_ALIGN = {"right": Qt.AlignmentFlag.AlignRight, "center": Qt.AlignmentFlag.AlignHCenter}


@dataclass
class _List:
    """A list that is being written."""

    ordered: bool
    start: int
    item_begins: bool = False
    target: QTextList | None = None  # from its first item on


class MarkdownWriter:
    """Writes Markdown into ``document``, whole or as it grows."""

    def __init__(self, document: QTextDocument, style: ChatStyle) -> None:
        self.document = document
        self.restyle(style)
        self._reset()

    def restyle(self, style: ChatStyle) -> None:
        """Formats for a new theme or zoom; takes effect with the next ``write``."""
        self.style = style
        self.document.setDefaultFont(style.font)
        self.document.setIndentWidth(INDENT)
        self.document.setDocumentMargin(0)

    def write(self, text: str) -> None:
        """Replace everything."""
        self._reset()
        self.grow(text)

    def write_plain(self, text: str) -> None:
        """Replace everything with text that is not Markdown."""
        self._reset()
        cursor = QTextCursor(self.document)
        cursor.setBlockFormat(self._block())
        cursor.setCharFormat(self._char())
        cursor.insertText(clean(text).replace("\n", LINE) if len(text) < 2000 else clean(text))
        self._frame_code()

    def grow(self, text: str) -> None:
        """``text`` begins with what was written before: write its last block and what follows it."""
        text = clean(text)
        if is_plain(text):
            self.write_plain(text)
            return
        tail = text[self._done :]
        blocks = list(groups(parser().parse(tail, self._references)))
        cursor = self._remove_tail()
        cursor.beginEditBlock()
        for index, tokens in enumerate(blocks):
            if index == len(blocks) - 1:
                self._tail = (cursor.position(), self._count, self._fresh)
                first_line = tokens[0].map[0] if tokens[0].map else 0
                self._done += _offset(tail, first_line)
            self._write_group(cursor, tokens)
        cursor.endEditBlock()
        self._frame_code()

    def _frame_code(self) -> None:
        """Room at the ends for the frame of code: margins of the outermost blocks count for nothing."""
        root = self.document.rootFrame()
        form = root.frameFormat()
        first, last = self.document.begin().blockFormat(), self.document.lastBlock().blockFormat()
        top = HEADER + PAD if first.hasProperty(CODE) else 0
        bottom = PAD + 2 if last.hasProperty(CODE) else 0
        if (form.topMargin(), form.bottomMargin()) != (top, bottom):
            form.setTopMargin(top)
            form.setBottomMargin(bottom)
            root.setFrameFormat(form)

    # -- state

    def _reset(self) -> None:
        self.document.clear()
        self._done = 0  # characters of the source that are finished
        self._count = 0  # code blocks so far
        self._fresh = True  # the cursor's block is empty and may be used
        self._references: dict[str, Any] = {}
        self._tail = (0, 0, True)

    def _remove_tail(self) -> QTextCursor:
        position, self._count, self._fresh = self._tail
        cursor = QTextCursor(self.document)
        cursor.setPosition(position)
        if position == 0:
            self.document.clear()
            return QTextCursor(self.document)
        before = cursor.blockFormat()
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        if self._fresh:
            cursor.setBlockFormat(QTextBlockFormat())
        elif cursor.blockFormat() != before:
            cursor.setBlockFormat(before)
        return cursor

    # -- formats

    def _char(self) -> QTextCharFormat:
        form = QTextCharFormat()
        form.setFont(self.style.font)
        form.setForeground(self.style.text)
        return form

    def _mono(self) -> QTextCharFormat:
        form = QTextCharFormat()
        form.setFont(self.style.mono)
        form.setForeground(self.style.text)
        return form

    def _block(self, top: float = 0, quotes: int = 0, indent: int = 0) -> QTextBlockFormat:
        form = QTextBlockFormat()
        form.setLineHeight(130, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        form.setTopMargin(top)
        form.setIndent(indent)
        if quotes:
            form.setLeftMargin(quotes * STEP)
            form.setProperty(QUOTES, quotes)
        return form

    def _start(self, cursor: QTextCursor, form: QTextBlockFormat) -> None:
        if self._fresh:
            if cursor.position() == 0:
                form.setTopMargin(0)
            cursor.setBlockFormat(form)
            cursor.setBlockCharFormat(self._char())
            self._fresh = False
        else:
            cursor.insertBlock(form, self._char())

    # -- blocks

    def _write_group(self, cursor: QTextCursor, tokens: list[Token]) -> None:
        quotes = 0
        lists: list[_List] = []
        gap = self.style.font.pixelSize() * 0.8
        index = 0
        while index < len(tokens):
            token = tokens[index]
            kind = token.type
            inner = gap * 0.5 if lists else gap
            if kind == "blockquote_open":
                quotes += 1
            elif kind == "blockquote_close":
                quotes -= 1
            elif kind in ("bullet_list_open", "ordered_list_open"):
                lists.append(_List(kind[0] == "o", int(token.attrGet("start") or 1)))
            elif kind in ("bullet_list_close", "ordered_list_close"):
                lists.pop()
            elif kind == "list_item_open":
                lists[-1].item_begins = True
                if tokens[index + 1].type == "list_item_close":  # an item with nothing in it yet
                    self._paragraph(cursor, gap * 0.4, quotes, lists)
            elif kind == "paragraph_open":
                self._paragraph(cursor, inner, quotes, lists)
                self._inline(cursor, tokens[index + 1], self._char())
            elif kind == "heading_open":
                self._heading(cursor, int(token.tag[1]), tokens[index + 1], quotes, gap)
            elif kind in ("fence", "code_block"):
                self._code(cursor, token, quotes, len(lists), gap)
            elif kind == "hr":
                form = self._block(gap * 1.5, quotes)
                form.setProperty(RULE, True)
                form.setLineHeight(8, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
                self._start(cursor, form)
            elif kind == "table_open":
                end = next(i for i in range(index, len(tokens)) if tokens[i].type == "table_close")
                self._table(cursor, tokens[index:end], gap)
                index = end
            index += 1

    def _paragraph(self, cursor: QTextCursor, gap: float, quotes: int, lists: list[_List]) -> None:
        form = self._block(gap, quotes, len(lists))
        if not (lists and lists[-1].item_begins):
            self._start(cursor, form)
            return
        level = lists[-1]
        level.item_begins = False
        form.setIndent(0)  # the list format brings it
        self._start(cursor, form)
        if level.target is None:
            list_format = QTextListFormat()
            bullets = (QTextListFormat.Style.ListDisc, QTextListFormat.Style.ListCircle)
            bullet = bullets[len(lists) > 1]
            list_format.setStyle(QTextListFormat.Style.ListDecimal if level.ordered else bullet)
            list_format.setIndent(len(lists))
            list_format.setStart(level.start)
            level.target = cursor.createList(list_format)
        else:
            level.target.add(cursor.block())

    def _heading(self, cursor: QTextCursor, level: int, inline: Token, quotes: int, gap: float) -> None:
        form = self._block(gap * (1.8 if level < 3 else 1.4), quotes)
        form.setHeadingLevel(level)
        self._start(cursor, form)
        char = self._char()
        font = QFont(self.style.font)
        font.setPixelSize(round(font.pixelSize() * {1: 1.35, 2: 1.2}.get(level, 1.0)))
        font.setWeight(QFont.Weight.DemiBold)
        char.setFont(font)
        self._inline(cursor, inline, char)

    def _code(self, cursor: QTextCursor, token: Token, quotes: int, indent: int, gap: float) -> None:
        language = token.info.strip().split(maxsplit=1)[0][:24] if token.info.strip() else ""
        form = self._block(gap + HEADER + PAD, quotes, indent)
        form.setLeftMargin(form.leftMargin() + PAD + 2)
        form.setRightMargin(PAD)
        form.setBottomMargin(PAD + gap)
        form.setProperty(CODE, self._count)
        form.setProperty(LANGUAGE, language)
        self._count += 1
        self._start(cursor, form)
        code = token.content.removesuffix("\n")
        base = self._mono()
        for piece, color, italic in highlight(code, language, self.style.dark):
            char = QTextCharFormat(base)
            if color:
                char.setForeground(color)
            char.setFontItalic(italic)
            cursor.insertText(piece.replace("\n", LINE), char)

    def _table(self, cursor: QTextCursor, tokens: list[Token], gap: float) -> None:
        rows: list[list[tuple[Token, str, bool]]] = []
        for index, token in enumerate(tokens):
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                rows[-1].append((tokens[index + 1], str(token.attrGet("style") or ""), token.tag == "th"))
        thin = self._block(0)  # the block before a table cannot be avoided, only be made small
        thin.setLineHeight(1, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        self._start(cursor, thin)
        form = QTextTableFormat()
        form.setBorder(0)
        form.setCellPadding(0)
        form.setCellSpacing(0)
        form.setTopMargin(gap)
        form.setBottomMargin(gap * 1.2)
        form.setBorderCollapse(True)
        form.setHeaderRowCount(1)
        columns = max(len(row) for row in rows)
        form.setColumnWidthConstraints(
            [QTextLength(QTextLength.Type.VariableLength, 0) for _ in range(columns)]
        )
        table = cursor.insertTable(len(rows), columns, form)
        for y, row in enumerate(rows):
            for x, (inline, align, head) in enumerate(row):
                self._cell(table.cellAt(y, x), inline, align, head, x == 0)
        cursor.setPosition(table.lastPosition() + 1)
        after = self._block(0)
        after.setLineHeight(1, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor.setBlockFormat(after)
        self._fresh = True

    def _cell(self, cell: QTextTableCell, inline: Token, align: str, head: bool, first: bool) -> None:
        form = QTextTableCellFormat()
        form.setLeftPadding(0 if first else 10)
        form.setRightPadding(10)
        form.setTopPadding(5)
        form.setBottomPadding(5)
        form.setBottomBorder(1)
        form.setBottomBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        form.setBottomBorderBrush(self.style.muted if head else self.style.border)
        cell.setFormat(form)
        cursor = cell.firstCursorPosition()
        block = self._block()
        block.setAlignment(_ALIGN.get(align.rpartition(":")[2].strip(), Qt.AlignmentFlag.AlignLeft))
        cursor.setBlockFormat(block)
        char = self._char()
        if head:
            char.setFontWeight(QFont.Weight.DemiBold)
        self._inline(cursor, inline, char)

    # -- inline

    def _inline(self, cursor: QTextCursor, token: Token, base: QTextCharFormat) -> None:
        stack = [base]
        for child in token.children or ():
            form = stack[-1]
            match child.type:
                case "strong_open" | "em_open" | "s_open" | "link_open":
                    stack.append(self._marked(form, child))
                case "strong_close" | "em_close" | "s_close" | "link_close":
                    stack.pop()
                case "code_inline":
                    char = QTextCharFormat(form)
                    char.setFont(self.style.mono)
                    char.setFontWeight(form.fontWeight())
                    char.setBackground(self.style.code_bg)
                    cursor.insertText(child.content, char)
                case "softbreak" | "hardbreak":
                    cursor.insertText(LINE, form)
                case "image":
                    char = QTextCharFormat(form)
                    char.setForeground(self.style.muted)
                    cursor.insertText(image_text(child), char)
                case _:
                    cursor.insertText(child.content, form)

    def _marked(self, form: QTextCharFormat, token: Token) -> QTextCharFormat:
        char = QTextCharFormat(form)
        if token.type == "strong_open":
            char.setFontWeight(QFont.Weight.Bold)
        elif token.type == "em_open":
            char.setFontItalic(True)
        elif token.type == "s_open":
            char.setFontStrikeOut(True)
        else:
            char.setAnchor(True)
            char.setAnchorHref(str(token.attrGet("href") or ""))
            char.setForeground(self.style.accent)
            char.setFontUnderline(True)
        return char


def _offset(text: str, line: int) -> int:
    """Where line number ``line`` begins."""
    place = 0
    for _ in range(line):
        place = text.index("\n", place) + 1
    return place
