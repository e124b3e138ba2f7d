"""The head of a document: its title, its pages and passages, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.action_row import ActionRow, action_button, name_action
from autogpt_desktop.ui.widgets.basic import ElidedLabel, icon_button, label, name_button, tab_order
from autogpt_desktop.ui.widgets.boxes import ComboBox
from autogpt_desktop.ui.widgets.segmented import SegmentedChoice

TEXT, PAGE = "text", "page"  # a PDF is read as text, or as its pages look
GAP = 4


class DocumentToolbar(QWidget):
    """The buttons; what they do is the document view's. ``mode_chosen`` carries TEXT or PAGE."""

    mode_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.title = ElidedLabel(size="heading")
        self.ask_button, self.find_button = action_button("answer"), action_button("search")
        self.open_button, self.send_button = action_button("folder"), action_button("send")
        for made in (self.open_button, self.send_button):
            made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            made.setMenu(QMenu(made))
        self.actions_row = ActionRow((self.ask_button, self.find_button, self.open_button, self.send_button))
        self.close_button = icon_button("close")
        self.modes = SegmentedChoice((TEXT, PAGE))
        self.modes.chosen.connect(self.mode_chosen)
        self.pages = ComboBox()
        self.pages.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.pages.setMinimumContentsLength(7)
        self.up = icon_button("chevron-up")
        self.passage = label(size="small", tone="muted")
        self.down = icon_button("chevron-down")
        self.steps = QWidget()
        steps = QHBoxLayout(self.steps)
        steps.setContentsMargins(0, 0, 0, 0)
        steps.setSpacing(GAP)
        for widget in (self.up, self.passage, self.down):
            steps.addWidget(widget)
        self._head, self._tools, self._below = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        self._head.setContentsMargins(16, 8, 8, 0)
        self._tools.setContentsMargins(14, 0, 8, 0)
        self._below.setContentsMargins(14, 0, 8, 0)
        for row in (self._head, self._tools, self._below):
            row.setSpacing(GAP)
        self._head.addWidget(self.title, 1)
        self._head.addWidget(self.actions_row)
        self._head.addWidget(self.close_button)
        self._tools.addWidget(self.modes)
        self._tools.addWidget(self.pages)
        self._tools.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for row in (self._head, self._tools, self._below):
            column.addLayout(row)
        self._tools.addWidget(self.steps)

    def order_tabs(self, *behind: QWidget) -> None:
        """The Tab key goes through the buttons, then to ``behind``."""
        tab_order(
            *self.actions_row.buttons, self.actions_row.more, self.close_button,
            *self.modes.buttons.values(), self.pages, self.up, self.down, *behind,
        )  # fmt: skip

    @property
    def shows_pages(self) -> bool:
        """The user wants pages as they look."""
        return self.modes.choice == PAGE

    def offer_ask(self, offered: bool) -> None:
        """Text is selected that can be asked about."""
        self.actions_row.offer(self.ask_button, offered)
        self._arrange()

    def fill_pages(self, pages: Sequence[tuple[str, int]]) -> None:
        """The titles of the pages, and the offsets of the text where they begin."""
        self.pages.clear()
        for title, offset in pages:
            self.pages.addItem(title, offset)
        self.pages.setVisible(bool(pages))

    def show_page(self, title: str) -> None:
        """The page that is seen."""
        at = self.pages.findText(title)
        if at >= 0:
            self.pages.setCurrentIndex(at)

    def show_passage(self, number: int, count: int) -> None:
        """Which passage of how many is shown, from 0; one alone needs no buttons."""
        self.steps.setVisible(count > 1)
        self.passage.setText(tr("Passage {n} of {count}", n=number + 1, count=count))
        self._arrange()

    def retranslate(self) -> None:
        name_button(self.close_button, tr("Close the document"), "Esc")
        name_action(self.ask_button, tr("Ask about this"))
        name_action(self.find_button, tr("Find"), tr("Find in this document"), "Ctrl+F")
        name_action(self.open_button, tr("Open"), tr("Open the file or its folder"))
        name_action(self.send_button, tr("Send"), tr("Send to another panel"))
        self.actions_row.retranslate()
        name_button(self.up, tr("Previous passage"))
        name_button(self.down, tr("Next passage"))
        self.pages.setAccessibleName(tr("Go to a page"))
        texts = {TEXT: tr("Text"), PAGE: tr("Page")}
        self.modes.set_texts(tr("How the document is shown"), texts)

    def _arrange(self) -> None:
        """The title keeps half of its row; passages have a row of their own where there is no room."""
        self.actions_row.setMaximumWidth(self.actions_row.width_for(self.width() // 2))
        beside = [each for each in (self.modes, self.pages, self.steps) if not each.isHidden()]
        needed = sum(each.sizeHint().width() + GAP for each in beside) + 22
        row, other = (self._tools, self._below) if needed <= self.width() else (self._below, self._tools)
        if row.indexOf(self.steps) < 0:
            other.removeWidget(self.steps)
            row.addWidget(self.steps, 0, Qt.AlignmentFlag.AlignLeft)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()
