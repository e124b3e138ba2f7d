"""The head of a document: its title, its pages and passages, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import (
    ElidedLabel,
    button,
    icon_button,
    label,
    name_button,
    tab_order,
)
from autogpt_desktop.ui.widgets.boxes import ComboBox


class DocumentToolbar(QWidget):
    """The buttons; what they do is the document view's."""

    def __init__(self) -> None:
        super().__init__()
        self.title = ElidedLabel(size="heading")
        self.ask_button = button(kind="quiet", icon="answer")
        self.find_button = icon_button("search")
        self.more_button = icon_button("more")
        self.close_button = icon_button("close")
        self.pages = ComboBox()
        self.pages.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.pages.setMinimumContentsLength(7)
        self.up = icon_button("chevron-up")
        self.passage = label(size="small", tone="muted")
        self.down = icon_button("chevron-down")
        self.page_view_button = icon_button("eye")
        self.page_view_button.setCheckable(True)
        head = QHBoxLayout()
        head.setContentsMargins(16, 8, 8, 0)
        head.setSpacing(4)
        head.addWidget(self.title, 1)
        for made in (self.ask_button, self.find_button, self.more_button, self.close_button):
            head.addWidget(made)
        tools = QHBoxLayout()
        tools.setContentsMargins(14, 0, 8, 0)
        tools.setSpacing(4)
        tools.addWidget(self.pages)
        for widget in (self.up, self.passage, self.down):
            tools.addWidget(widget)
        tools.addStretch(1)
        tools.addWidget(self.page_view_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addLayout(tools)

    def order_tabs(self, *behind: QWidget) -> None:
        """The Tab key goes through the buttons, then to ``behind``."""
        tab_order(
            self.ask_button, self.find_button, self.more_button, self.close_button, self.pages, self.up,
            self.down, self.page_view_button, *behind,
        )  # fmt: skip

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
        for widget in (self.up, self.passage, self.down):
            widget.setVisible(count > 1)
        self.passage.setText(tr("{n} of {count}", n=number + 1, count=count))
        self.passage.setAccessibleName(tr("Passage {n} of {count}", n=number + 1, count=count))

    def retranslate(self) -> None:
        name_button(self.close_button, tr("Close the document"), "Esc")
        name_button(self.find_button, tr("Find in this document"), "Ctrl+F")
        name_button(self.more_button, tr("More"))
        name_button(self.up, tr("Previous passage"))
        name_button(self.down, tr("Next passage"))
        self.pages.setAccessibleName(tr("Go to a page"))
        name_button(self.page_view_button, tr("Show the page as it looks"))
        self.ask_button.setText(tr("Ask about this"))
