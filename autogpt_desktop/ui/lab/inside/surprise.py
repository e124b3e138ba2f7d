"""A text with a color for how much each token of it surprised the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QHelpEvent, QTextCharFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QToolTip

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.lab.inside.likely import visible
from autogpt_desktop.ui.widgets.basic import plain_tooltip
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.tasks.look_inside import ReadToken

FULL = 14.0  # bits that have the full color: one of 16,000 tokens by chance
_STRONGEST = 190  # opacity of 255, so that the text can still be read


def shade(bits: float | None) -> QColor:
    """The color behind a token."""
    color = theme().color("negative")
    color.setAlpha(int(_STRONGEST * min((bits or 0.0) / FULL, 1.0)))
    return color


class SurpriseText(QPlainTextEdit):
    """Read only; the figure of a token is its tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setMouseTracking(True)
        self.tokens: tuple[ReadToken, ...] = ()
        self._spans: list[tuple[int, str, float | None]] = []  # end, text, bits

    def show_tokens(self, tokens: tuple[ReadToken, ...]) -> None:
        """What was read, token by token; a character of several tokens has the sum of theirs."""
        self.tokens, self._spans = tokens, []
        self.clear()
        cursor = QTextCursor(self.document())
        waiting: float | None = None
        for token in tokens:
            if token.bits is not None:
                waiting = (waiting or 0.0) + token.bits
            if not token.text:
                continue
            form = QTextCharFormat()
            form.setBackground(shade(waiting))
            cursor.insertText(token.text, form)
            self._spans.append((cursor.position(), token.text, waiting))
            waiting = None
        self.verticalScrollBar().setValue(0)

    def restyle(self) -> None:
        bar = self.verticalScrollBar()
        place = bar.value()
        self.show_tokens(self.tokens)
        bar.setValue(place)

    def span_at(self, place: QPoint) -> tuple[str, float | None] | None:
        """The token under a place of the viewport, and its bits."""
        cursor = self.cursorForPosition(place)
        if not self.cursorRect(cursor).adjusted(-12, 0, 24, 0).contains(place):
            return None
        at = cursor.position()
        return next(((text, bits) for end, text, bits in self._spans if at < end), None)

    def viewportEvent(self, event: object) -> bool:
        if isinstance(event, QHelpEvent):
            span = self.span_at(event.pos())
            if span is None:
                QToolTip.hideText()
                return True
            text, bits = span
            if bits is None:
                told = tr("“{token}”: the first, which nothing stands before", token=visible(text))
            else:
                told = tr("“{token}”: {bits} bits, probability {share} %", token=visible(text),
                          bits=f"{bits:.1f}", share=f"{100 * 2**-bits:.3g}")  # fmt: skip
            QToolTip.showText(event.globalPos(), plain_tooltip(told), self.viewport())
            return True
        return super().viewportEvent(event)  # type: ignore[arg-type]
