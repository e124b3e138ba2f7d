"""What files, models and people name things is shown letter by letter, never as HTML."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6 import QtGui
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocumentFragment
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.chat.attachment_chip import Chip
from autogpt_desktop.ui.chat.attachments import Attachment
from autogpt_desktop.ui.chat.messages.rich_text import CodeHeader
from autogpt_desktop.ui.widgets.basic import ElidedLabel, name_button, plain_tooltip
from tests.syntax import nodes

UI = Path(__file__).parents[3] / "autogpt_desktop" / "ui"
HOSTILE = "Minutes <img src='picture.png'> of\n  the <b>meeting</b> &lt;"


def shown(tooltip: str) -> str:
    """The letters that a tooltip shows."""
    if not QtGui.Qt.mightBeRichText(tooltip):
        return tooltip
    assert "<img" not in tooltip
    return QTextDocumentFragment.fromHtml(tooltip).toPlainText()


@pytest.mark.parametrize(
    "text", [HOSTILE, "<b>", "a & b", "&lt;", "1 < 2", "/home/<i>me</i>/x.txt", "<!-- -->", ""]
)
def test_a_tooltip_shows_its_letters(text: str) -> None:
    assert shown(plain_tooltip(text)) == text


def test_what_is_foreign_is_plain(qtbot: QtBot) -> None:
    chip = Chip(Attachment(HOSTILE, HOSTILE))
    button = QPushButton()
    name_button(button, HOSTILE)
    line = ElidedLabel(HOSTILE)
    line.resize(50, 20)
    line.set_text(HOSTILE)
    header = CodeHeader(chip)
    header.show_code("<b>html</b>", "")
    for widget in (chip, button, line):
        qtbot.addWidget(widget)
        assert shown(widget.toolTip()) == HOSTILE
    for one in (chip.label, line, header.label):
        assert one.textFormat() == Qt.TextFormat.PlainText


def plain(node: ast.expr) -> bool:
    """Whether this can hold nothing foreign, or is made plain."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "tr":
            return not node.keywords and all(isinstance(one, ast.Constant) for one in node.args)
        return node.func.id == "plain_tooltip"
    if isinstance(node, ast.IfExp):
        return plain(node.body) and plain(node.orelse)
    if isinstance(node, ast.BinOp):
        return plain(node.left) and plain(node.right)
    return isinstance(node, ast.Constant)


def tooltips(file: Path) -> Iterator[ast.expr]:
    for node in nodes(file, "setToolTip", "showText", "ToolTipRole"):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "setToolTip":
                yield node.args[0]
            elif node.func.attr == "showText":
                yield node.args[1]
        elif isinstance(node, ast.If) and "ToolTipRole" in ast.unparse(node.test):
            for line in node.body:
                if isinstance(line, ast.Return) and line.value is not None:
                    yield line.value


@pytest.mark.slow
def test_every_tooltip_is_plain() -> None:
    found = 0
    for file in UI.rglob("*.py"):
        for text in tooltips(file):
            found += 1
            assert plain(text), f"{file.name}:{text.lineno}: give it to plain_tooltip()"
    assert found > 40


def test_labels_that_hold_a_text_say_how_it_is_read() -> None:
    """A bare QLabel guesses; ``label()`` does not."""
    for file in UI.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if "QLabel(" in text.replace("(QLabel)", ""):
            assert "setPixmap(" in text or "setTextFormat(" in text, file.name


def test_a_line_that_is_cut_keeps_its_text_through_a_change_of_size(qtbot: QtBot) -> None:
    line = ElidedLabel()
    qtbot.addWidget(line)
    line.resize(300, 20)
    line.show()
    line.setText("A title that was set as one sets any label")
    line.resize(80, 20)
    assert line.text().endswith("…")
    line.resize(600, 20)
    assert line.text() == "A title that was set as one sets any label"
