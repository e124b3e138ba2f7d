"""Find words in a document, also in the parts of it that are not laid out."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import icon_button, label, name_button, name_field

if TYPE_CHECKING:
    from autogpt_desktop.ui.answer.document.text import DocumentText

SLICE = 0.008  # seconds of looking for words before the window gets its turn
STRETCH = 200_000  # characters that are looked through at a time
OVER = 1_000  # of the next stretch, for words that stand across its edge
MOST = 10_000  # places that are counted


class DocumentFindBar(QWidget):
    """A field, how many places there are, up and down. Hidden until ``open``."""

    query_changed = Signal(str)  # words to look for; empty: none any more
    stepped = Signal(int)  # 1: to the next place, -1: to the one before
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.field = QLineEdit()
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self.query_changed)
        self.count = label(size="small", tone="muted")
        self.count.setMinimumWidth(80)
        self.up = icon_button("chevron-up")
        self.up.clicked.connect(self._previous)
        self.down = icon_button("chevron-down")
        self.down.clicked.connect(self._next)
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.close_bar)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 8, 4)
        row.setSpacing(8)
        row.addWidget(self.field, 1)
        for widget in (self.count, self.up, self.down, self.close_button):
            row.addWidget(widget)
        self.retranslate()
        self.show_count(-1, 0)
        self.hide()

    def open(self, words: str = "") -> None:
        self.show()
        if words:
            self.field.setText(words)
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()
        self.query_changed.emit(self.field.text())

    def close_bar(self) -> None:
        if not self.isHidden():
            self.hide()
            self.query_changed.emit("")
            self.closed.emit()

    def show_count(self, at: int, count: int, *, counting: bool = False, capped: bool = False) -> None:
        """The place that is shown, from 0, and how many there are; ``capped``: at least."""
        if not self.field.text():
            text = ""
        elif not count:
            text = "…" if counting else tr("Not found")
        else:
            text = tr("{n} of {count}", n=f"{at + 1:,}", count=f"{count:,}" + ("+" if capped else ""))
        self.count.setText(text)
        self.count.setAccessibleName(text)
        for widget in (self.up, self.down):
            widget.setEnabled(count > 0)

    def retranslate(self) -> None:
        name_field(self.field, tr("Find in this document"))
        name_button(self.up, tr("Previous place"), "Shift+F3")
        name_button(self.down, tr("Next place"), "F3")
        name_button(self.close_button, tr("Close"), "Esc")

    def _previous(self) -> None:
        self.stepped.emit(-1)

    def _next(self) -> None:
        self.stepped.emit(1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.stepped.emit(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        else:
            super().keyPressEvent(event)


class DocumentFinder(QObject):
    """Looks for the words of a FindRow in a DocumentText, a stretch at a time."""

    def __init__(self, text: DocumentText, row: DocumentFindBar, parent: QObject) -> None:
        super().__init__(parent)
        self._text, self._row = text, row
        self.places: list[tuple[int, int]] = []
        self.at = -1  # the place that is shown
        self._pattern: re.Pattern[str] | None = None
        self._done = 0  # characters that were looked through
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._search)
        row.query_changed.connect(self._start)
        row.stepped.connect(self._step)

    def next(self) -> None:
        self._step(1)

    def previous(self) -> None:
        self._step(-1)

    def _start(self, words: str) -> None:
        """White space between the words may be a line's end in the document."""
        self.places, self.at, self._done = [], -1, 0
        parts = words.split()
        self._pattern = re.compile(r"\s+".join(map(re.escape, parts)), re.IGNORECASE) if parts else None
        if self._pattern is not None and self._text.rows is not None:
            self._timer.start()
        else:
            self._timer.stop()
            self._text.set_found((), None)
        self.show_count()

    def _search(self) -> None:
        rows, pattern = self._text.rows, self._pattern
        if rows is None or pattern is None:
            self._timer.stop()
            return
        text, until = rows.text, time.perf_counter() + SLICE
        while self._done < len(text) and len(self.places) < MOST and time.perf_counter() < until:
            stop = self._done + STRETCH
            for match in pattern.finditer(text, self._done, min(len(text), stop + OVER)):
                if match.start() >= stop:
                    break
                self.places.append(match.span())
                stop = max(stop, match.end())
            self._done = stop
        ended = self._done >= len(text) or len(self.places) >= MOST
        if ended:
            self._timer.stop()
            del self.places[MOST:]
        if self.at < 0 and self.places:
            seen = self._text.top_offset()
            below = next((at for at, span in enumerate(self.places) if span[0] >= seen), -1)
            self.at = max(below, 0) if ended else below
        if ended or self.at >= 0:
            self._text.set_found(self.places, self.places[self.at] if self.at >= 0 else None)
        self.show_count()

    def _step(self, step: int) -> None:
        if self.places:
            self.at = (self.at + step) % len(self.places)
            self._text.set_found(self.places, self.places[self.at])
            self.show_count()

    def show_count(self) -> None:
        counting, capped = self._timer.isActive(), len(self.places) >= MOST
        self._row.show_count(max(self.at, 0), len(self.places), counting=counting, capped=capped)
