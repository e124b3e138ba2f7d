"""What is typed or pasted leaves Qt's editors as it is, no-break spaces too."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.widgets.composer_text import ComposerText
from autogpt_desktop.ui.widgets.raw_text import raw_text
from autogpt_desktop.ui.widgets.text_field import TextField
from tests.syntax import nodes
from tests.ui.chat.kit import AppContext

UI = Path(__file__).parents[3] / "autogpt_desktop" / "ui"
TEXT = "5\u00a0km\u202fhier :\n«\u00a0oui\u00a0» 😀\n\n\tend\u3000"
# what users do not write: a traceback, labels with HTML
NOT_TYPED = {"bug_dialog.py", "text_label.py", "rich_text.py"}


@pytest.mark.parametrize("kind", [QPlainTextEdit, QTextEdit])
def test_raw_text(qtbot: QtBot, kind: type[QPlainTextEdit | QTextEdit]) -> None:
    edit = kind()
    qtbot.addWidget(edit)
    edit.setPlainText(TEXT)
    assert raw_text(edit) == TEXT
    edit.setPlainText("")
    assert raw_text(edit) == ""


def test_fields_give_and_copy_what_was_typed(qtbot: QtBot, chat_context: AppContext) -> None:
    field = TextField(chat_context, "translate")
    composer = ComposerText(chat_context, field)
    qtbot.addWidget(field)
    for edit in (field, composer):
        edit.setPlainText(TEXT)
        assert edit.text() == TEXT
        edit.selectAll()
        assert edit.createMimeDataFromSelection().text() == TEXT


def test_no_panel_takes_text_from_an_editor_another_way() -> None:
    places = [
        path.name
        for path in UI.rglob("*.py")
        for node in nodes(path, "toPlainText")
        if isinstance(node, ast.Attribute) and node.attr == "toPlainText"
    ]
    assert set(places) <= NOT_TYPED


def test_what_is_on_the_clipboard_is_made_by_qt() -> None:
    """One with a Python half ends the process when the clipboard goes."""
    for path in UI.rglob("*.py"):
        for node in nodes(path, "QMimeData"):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id != "QMimeData", path


QUITS = """
from PySide6.QtWidgets import QApplication, QPlainTextEdit
from autogpt_desktop.ui.widgets.raw_text import selection_data

app = QApplication([])

class Field(QPlainTextEdit):
    def createMimeDataFromSelection(self):
        return selection_data(self)

field = Field("copied")
field.selectAll()
field.copy()
print(app.clipboard().text())
"""


@pytest.mark.slow
def test_an_application_ends_well_after_something_was_copied() -> None:
    """Other platforms delete what is on the clipboard earlier; this one after the interpreter."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", QUITS], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "copied\n")
