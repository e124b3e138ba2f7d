"""What stands beside the conversation: evidence, an open document, or the text that is asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.answer.evidence import EvidenceList
from autogpt_desktop.ui.widgets.basic import label
from autogpt_desktop.ui.widgets.scroll_page import ScrollPage

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class EvidencePane(QWidget):
    """The cards of one turn at a time."""

    def __init__(self, _context: AppContext) -> None:
        super().__init__()
        self.current: EvidenceList | None = None
        self.title = label(size="small", tone="muted")
        page = ScrollPage()
        self._cards = QVBoxLayout(page)
        self._cards.setContentsMargins(8, 0, 8, 16)
        self._cards.addStretch(1)
        self.scroll_area = QScrollArea()
        self.scroll_area.setWidgetResizable(True)
        self.scroll_area.setFrameShape(QFrame.Shape.NoFrame)
        self.scroll_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.scroll_area.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its cards are the stops
        self.scroll_area.setWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.title.setContentsMargins(20, 12, 20, 0)
        column.addWidget(self.title)
        column.addWidget(self.scroll_area, 1)

    def show_cards(self, cards: EvidenceList | None) -> None:
        if self.current is not None and self.current is not cards and self.isAncestorOf(self.current):
            self.current.hide()
        changed = cards is not self.current
        self.current = cards
        if cards is not None:
            if not self.isAncestorOf(cards):
                self._cards.insertWidget(0, cards)
            cards.show()
            if changed:
                self.scroll_area.verticalScrollBar().setValue(0)
        self.retranslate()

    def clear(self) -> None:
        """The conversation is left: what stands here goes with it."""
        self.show_cards(None)
        for cards in self.findChildren(EvidenceList):
            self._cards.removeWidget(cards)
            cards.deleteLater()

    def retranslate(self) -> None:
        count = len(self.current.cards) if self.current is not None else 0
        self.title.setText(tr("Evidence: {n}", n=count))
        self.title.setVisible(count > 0)


class SidePane(QStackedWidget):
    """``evidence``, ``document`` or ``pasted``, one of them in front."""

    def __init__(self, context: AppContext, document: QWidget, pasted: QWidget) -> None:
        super().__init__()
        self.evidence = EvidencePane(context)
        self.document, self.pasted = document, pasted
        self.setMinimumWidth(260)
        for widget in (self.evidence, document, pasted):
            self.addWidget(widget)
