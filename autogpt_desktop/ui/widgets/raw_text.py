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


def copied_data(text: str, html: str = "") -> QMimeData:
    """What is put on the clipboard.

    It is made by Qt, not by Python: the clipboard deletes it when the application ends, and one with a
    Python half would then be taken apart by an interpreter that is gone.
    """
    data = QTextEdit().createMimeDataFromSelection()
    if html:
        data.setHtml(html)
    data.setText(text)
    return data


def selection_data(edit: QPlainTextEdit) -> QMimeData:
    """What is copied."""
    return copied_data(selected_text(edit.textCursor()))
