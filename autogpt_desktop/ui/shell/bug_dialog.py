"""What the user sees when the program has a bug: an apology, the traceback, a copy button."""

from __future__ import annotations

import platform
import sys
import threading
import traceback
from collections.abc import Callable
from types import TracebackType

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import button, label


class BugDialog(QDialog):
    """Not modal; one for all bugs of a run, the newest traceback below the others."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.resize(640, 400)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 16)
        column.setSpacing(16)
        self._title = label(size="heading")
        self._text = label(wrap=True)
        self._traceback = QPlainTextEdit()
        self._traceback.setObjectName("traceback")
        self._traceback.setReadOnly(True)
        self._traceback.setTabChangesFocus(True)
        self._traceback.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.copy_button = button(kind="primary", icon="copy")
        self.copy_button.clicked.connect(self._copy)
        self._close = button()
        self._close.clicked.connect(self.close)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._close)
        row.addWidget(self.copy_button)
        column.addWidget(self._title)
        column.addWidget(self._text)
        column.addWidget(self._traceback, 1)
        column.addLayout(row)
        self.retranslate()

    def retranslate(self) -> None:
        self.setWindowTitle(tr("Something went wrong"))
        self._title.setText(tr("AutoGPT Desktop has made a mistake"))
        self._text.setText(
            tr(
                "Your conversations are saved. You can go on; if it happens again, restart the application "
                "and send this text to the developers. It was not sent to anyone."
            )
        )
        self._traceback.setAccessibleName(tr("Details for the developers"))
        self.copy_button.setText(tr("Copy the details"))
        self._close.setText(tr("Close"))

    def add(self, text: str) -> None:
        """Show one more traceback."""
        if not self._traceback.toPlainText():
            text = f"{_versions()}\n\n{text}"
        self._traceback.appendPlainText(text)
        self.show()
        self.raise_()

    def text(self) -> str:
        return self._traceback.toPlainText()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text())
        self.copy_button.setText(tr("Copied"))


class BugCatcher(QObject):
    """Brings uncaught exceptions of slots and of other threads to one BugDialog; known errors to ``known``,
    which shows a sentence: a disk may be full wherever something is saved."""

    caught = Signal(str)
    caught_known = Signal(object)

    def __init__(self, parent: QWidget, known: Callable[[KnownError], object]) -> None:
        super().__init__(parent)
        self.dialog: BugDialog | None = None
        self._window = parent
        self.caught.connect(self._show)
        self.caught_known.connect(known)

    def install(self) -> None:
        sys.excepthook = self.catch
        threading.excepthook = self._catch_in_thread

    def catch(self, kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._window.close()
            return
        if isinstance(error, KnownError):
            self.caught_known.emit(error)
            return
        text = "".join(traceback.format_exception(kind, error, where))
        print(text, file=sys.stderr)
        self.caught.emit(text)  # queued when it comes from another thread

    def _catch_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.catch(args.exc_type, args.exc_value, args.exc_traceback)

    def _show(self, text: str) -> None:
        if self.dialog is None:
            self.dialog = BugDialog(self._window)
        self.dialog.add(text)


def _versions() -> str:
    from PySide6 import __version__ as qt_version

    return f"Python {platform.python_version()}, Qt {qt_version}, {platform.platform()}"
