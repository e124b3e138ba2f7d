"""What a document is shown with, and how that is arranged; what it does is in ``document_view``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from autogpt_desktop.ui.answer.document.find_bar import DocumentFindBar, DocumentFinder
from autogpt_desktop.ui.answer.document.page_view import PageView
from autogpt_desktop.ui.answer.document.problem import DocumentProblem
from autogpt_desktop.ui.answer.document.text import DocumentText
from autogpt_desktop.ui.widgets.basic import ElidedLabel, button, icon_button, label, tab_order

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class DocumentLayout(QWidget):
    """The widgets, in their places."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self._make()
        self._arrange()

    def _make(self) -> None:
        self.title = ElidedLabel(size="heading")
        self.close_button = icon_button("close")
        self.pages = QComboBox()
        self.pages.setMaxVisibleItems(20)
        self.pages.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.pages.setMinimumContentsLength(7)
        self.look_button = icon_button("eye")
        self.look_button.setCheckable(True)
        self.look = PageView(self.context)
        self.look.hide()
        self.up = icon_button("chevron-up")
        self.passage = label(size="small", tone="muted")
        self.down = icon_button("chevron-down")
        self.ask_button = button(kind="quiet", icon="answer")
        self.find_button = icon_button("search")
        self.more_button = icon_button("more")
        self.find_bar = DocumentFindBar()
        self.notice = label(size="small", tone="warning", wrap=True)
        self.busy = QProgressBar()
        self.busy.setTextVisible(False)
        self.busy.setRange(0, 0)
        keep = self.busy.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self.busy.setSizePolicy(keep)
        self.busy.hide()
        self._slow = QTimer(self)  # what opens at once needs no bar
        self._slow.setSingleShot(True)
        self._slow.setInterval(200)
        self._slow.timeout.connect(self.busy.show)
        self.text = DocumentText(self.context)
        self.text.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.finder = DocumentFinder(self.text, self.find_bar, self)
        self.problem = DocumentProblem()

    def _arrange(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(16, 8, 8, 0)
        head.setSpacing(4)
        head.addWidget(self.title, 1)
        for widget in (self.ask_button, self.find_button, self.more_button, self.close_button):
            head.addWidget(widget)
        tools = QHBoxLayout()
        tools.setContentsMargins(14, 0, 8, 0)
        tools.setSpacing(4)
        tools.addWidget(self.pages)
        for widget in (self.up, self.passage, self.down):
            tools.addWidget(widget)
        tools.addStretch(1)
        tools.addWidget(self.look_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addLayout(tools)
        column.addWidget(self.find_bar)
        self.notice.setContentsMargins(16, 0, 16, 0)
        column.addWidget(self.notice)
        column.addWidget(self.busy)
        column.addWidget(self.text, 1)
        column.addWidget(self.look, 1)
        column.addWidget(self.problem, 1)
        self.notice.hide()
        tab_order(
            self.ask_button, self.find_button, self.more_button, self.close_button, self.pages, self.up,
            self.down, self.look_button, self.find_bar.field, self.text, self.look,
            self.problem.again_button, self.problem.own_app_button,
        )  # fmt: skip
