"""The place where one writes is as tall as its text: every line of it can be read, or it scrolls."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.answer.panel import AnswerPanel
from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.widgets.composer_text import ComposerText

TEXTS = {
    "empty": "",
    "english": "The quick brown fox jumps over the lazy dog and reads a book at home. " * 3,
    "chinese": "我的祖父以两百万英镑卖掉了磨坊。那是悲伤的一天。" * 4,
    "mixed": "The 磨坊 was sold 以两百万 pounds. " * 4,
    "lines": "\n".join(f"第 {n} 行" for n in range(4)),
    "word": "x" * 200,
    "long": "The quick brown fox jumps over the lazy dog. 那是悲伤的一天。\n" * 80,
}


def assert_readable(field: ComposerText, most: int) -> None:
    """All of it is in sight where it has few lines, else the cursor is."""
    height, lines = 0.0, 0
    block = field.document().begin()
    while block.isValid():
        height += field.blockBoundingRect(block).height()
        lines += block.layout().lineCount()
        block = block.next()
    seen = field.viewport().height()
    if lines <= most:
        assert height <= seen
        assert field.verticalScrollBar().maximum() == 0
    else:
        assert field.verticalScrollBar().isVisible()
    cursor = field.cursorRect()
    assert cursor.top() >= 0
    assert cursor.bottom() <= seen
    box = field.parentWidget()
    assert box is not None
    assert box.rect().contains(field.geometry())


@pytest.mark.slow
@pytest.mark.parametrize("width", [300, 600, 1100])
@pytest.mark.parametrize("zoom", [1.0, 1.5])
def test_a_text_from_another_panel_is_not_cut_off(
    panel: ChatPanel, qtbot: QtBot, width: int, zoom: float
) -> None:
    panel.resize(width, 700)
    panel.context.set_zoom(zoom)
    for text in TEXTS.values():
        panel.composer.clear()
        panel.receive_text(text)
        QApplication.processEvents()
        assert_readable(panel.composer.edit, 9)
        panel.composer.set_text(text)
        QApplication.processEvents()
        assert_readable(panel.composer.edit, 9)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(TEXTS))
def test_nor_where_it_comes_before_the_column_opens(panel: ChatPanel, qtbot: QtBot, name: str) -> None:
    panel.hide()
    panel.resize(900, 600)
    panel.receive_text(TEXTS[name])
    panel.resize(420, 600)
    panel.show()
    QApplication.processEvents()
    assert_readable(panel.composer.edit, 9)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in TEXTS if name != "long"])
def test_a_question_is_not_cut_off(answer_panel: AnswerPanel, qtbot: QtBot, name: str) -> None:
    bar = answer_panel.view.ask_bar
    for width in (1100, 420):
        answer_panel.resize(width, 700)
        bar.field.setPlainText(TEXTS[name])
        bar.field.moveCursor(bar.field.textCursor().MoveOperation.End)
        QApplication.processEvents()
        assert_readable(bar.field, 5)
