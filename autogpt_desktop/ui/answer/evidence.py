"""Evidence: what an answer is taken from, a card for each passage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDesktopServices,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
)
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.answer.html import passage_html
from autogpt_desktop.ui.answer.text_label import KEY, TextLabel
from autogpt_desktop.ui.answer.turn import QuestionTurn, page_text
from autogpt_desktop.ui.widgets.basic import (
    ElidedLabel,
    hairline,
    label,
    plain_tooltip,
    set_property,
    set_tone,
)
from autogpt_desktop.ui.widgets.send_menu import add_send_actions

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

SHOWN = 320  # characters of a passage on its card
SHOWN_SMALL = 170  # where cards stand between question and next question


class EvidenceCard(QWidget):
    """One passage. A click, or Enter, opens it."""

    opened = Signal(int)  # number of the place, from 0

    def __init__(self, context: AppContext, turn: QuestionTurn, number: int) -> None:
        super().__init__()
        self.context, self.turn, self.number = context, turn, number
        self.setObjectName("row")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("state", "plain")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        passage = turn.places[number].passage
        self.badge = label(f"[{number + 1}]", size="small", tone="muted")
        self.title = ElidedLabel(passage.title or passage.path.name, size="small")
        self.page = label(page_text(passage.page), size="small", tone="muted")
        self.text = TextLabel(context)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self.text.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.badge)
        head.addWidget(self.title, 1)
        head.addWidget(self.page)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.text)

    def refresh(self, small: bool) -> None:
        """The turn has its answer by now, or the look is another one."""
        turn, passage = self.turn, self.turn.places[self.number].passage
        phrase, sentence = turn.span(self.number), turn.sentence(self.number)
        most = SHOWN_SMALL if small else SHOWN
        self.text.set_html(passage_html(passage.text, sentence, phrase, most), size=1.0)
        cited = self.number in turn.cited()
        set_tone(self.badge, "accent" if cited else "muted")
        place = ", ".join(part for part in (passage.title, page_text(passage.page)) if part)
        self.setAccessibleName(f"{self.number + 1}: {place}")
        self.setAccessibleDescription(self.text.plain_text())
        self.setToolTip(plain_tooltip(str(passage.path)))

    def make_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(self.context.icon("eye"), tr("Open")).triggered.connect(self._open)
        menu.addAction(tr("Open in its own app")).triggered.connect(self._open_outside)
        menu.addAction(self.context.icon("copy"), tr("Copy the passage")).triggered.connect(self._copy)
        add_send_actions(menu, self.context, KEY, self._text)
        return menu

    def _text(self) -> str:
        return self.turn.places[self.number].passage.text

    def _open(self) -> None:
        self.opened.emit(self.number)

    def _open_outside(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.turn.places[self.number].passage.path)))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text())

    # --- Qt ---------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        event.accept()  # or the release would not come here

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        inside = self.rect().contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and inside:
            self._open()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._open()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.make_menu()
        menu.exec(event.globalPos())
        menu.deleteLater()


class EvidenceList(QWidget):
    """The cards of one turn, the most relevant first."""

    opened = Signal(int)

    def __init__(self, context: AppContext, turn: QuestionTurn) -> None:
        super().__init__()
        self.small = False
        self.cards = [EvidenceCard(context, turn, number) for number in range(len(turn.places))]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for card in self.cards:
            card.opened.connect(self.opened)
            if card.number:
                column.addWidget(hairline())
            column.addWidget(card)
        self.refresh()

    def refresh(self) -> None:
        for card in self.cards:
            card.refresh(self.small)

    def mark(self, number: int) -> None:
        """The card whose document is open; -1: none."""
        for card in self.cards:
            set_property(card, "state", "chosen" if card.number == number else "plain")
