"""Text out of Qt's editors as it was typed: ``toPlainText`` makes blanks of no-break spaces."""

from __future__ import annotations

from PySide6.QtCore import QMimeData
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

_ENDS = str.maketrans({"\u2028": "\n", "\u2029": "\n", "\ufdd0": "\n", "\ufdd1": "\n"})


def raw_text(edit: QPlainTextEdit | QTextEdit) -> str:
    """All of it, with plain line ends."""
    return edit.document().toRawText().translate(_ENDS)


def selected_text(cursor: QTextCursor) -> str:
    """What is selected, with plain line ends."""
    return cursor.selectedText().translate(_ENDS)


def selection_data(edit: QPlainTextEdit) -> QMimeData:
    """What is copied."""
    data = QMimeData()
    data.setText(selected_text(edit.textCursor()))
    return data
