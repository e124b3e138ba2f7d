"""The widgets of the Questions panel and their places, wide and narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from autogpt_desktop.catalog.roles import made_for
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.answer.chat_model import MIN_CHAT_BYTES
from autogpt_desktop.ui.answer.ask_bar import AskBar
from autogpt_desktop.ui.answer.collections.bar import CollectionsBar
from autogpt_desktop.ui.answer.collections.scope import Scope
from autogpt_desktop.ui.answer.conversation_view import ConversationView
from autogpt_desktop.ui.answer.document.pasted_text import PastedText
from autogpt_desktop.ui.answer.document.side_pane import SidePane
from autogpt_desktop.ui.answer.document.view import DocumentView
from autogpt_desktop.ui.answer.empty_state import AnswerEmptyState
from autogpt_desktop.ui.answer.header import TEXT, AnswerHeader
from autogpt_desktop.ui.answer.text_label import KEY
from autogpt_desktop.ui.models.offer import ModelOffer
from autogpt_desktop.ui.widgets.basic import button, hairline, tab_order
from autogpt_desktop.ui.widgets.focus import show_page
from autogpt_desktop.ui.widgets.reading_style import chat_style
from autogpt_desktop.ui.widgets.text_field import local_files

if TYPE_CHECKING:
    from autogpt_desktop.ui.answer.turn import QuestionTurn
    from autogpt_desktop.ui.context import AppContext

WIDE_FROM = 760  # px from which evidence and documents stand beside the conversation


class AnswerView(QWidget):
    """``current`` is the turn whose evidence is shown; ``reading``: a document is open."""

    files_dropped = Signal(list)  # of Path

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.current: QuestionTurn | None = None
        self._wide = True
        self.reading = False
        self.header = AnswerHeader()
        self.collections = CollectionsBar(context)
        self.empty = AnswerEmptyState(context)
        self.conversation_view = ConversationView(context)
        self.ask_bar = AskBar(context)
        self.scope = Scope(context, self.collections)
        self.ask_bar.tools.addWidget(self.scope)
        self.document = DocumentView(context)
        self.pasted = PastedText(context, KEY)
        self.side = SidePane(context, self.document, self.pasted)
        self.offer = ModelOffer(context, context.downloads, "answer")
        self.anyway_button = button(kind="quiet")
        self.anyway_button.clicked.connect(self._use_anyway)
        self._anyway = False
        self._build()
        self.setAcceptDrops(True)
        context.zoom_changed.connect(self.restyle)
        context.theme_changed.connect(self.restyle)

    def _build(self) -> None:
        self.middle = QStackedWidget()
        self.middle.addWidget(self.empty)
        self.middle.addWidget(self.conversation_view)
        foot = QHBoxLayout()
        foot.setContentsMargins(16, 4, 16, 12)
        foot.addStretch(1)
        foot.addWidget(self.ask_bar, 1000)
        foot.addStretch(1)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.middle, 1)
        column.addLayout(foot)
        left.setMinimumWidth(280)
        self.split = QSplitter(Qt.Orientation.Horizontal)
        self.split.setHandleWidth(1)
        self.split.setChildrenCollapsible(False)
        self.split.addWidget(left)
        self.split.addWidget(self.side)
        self.offer_page = QWidget()
        offering = QVBoxLayout(self.offer_page)
        offering.setContentsMargins(24, 24, 24, 24)
        offering.addStretch(1)
        offering.addWidget(self.offer)
        offering.addSpacing(8)
        offering.addWidget(self.anyway_button, 0, Qt.AlignmentFlag.AlignHCenter)
        offering.addStretch(1)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.split)
        self.pages.addWidget(self.offer_page)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.header)
        whole.addWidget(hairline())
        whole.addWidget(self.pages, 1)
        self.restyle()

    def order_tabs(self) -> None:
        """From the top to the bottom, then what stands beside; turns put themselves behind their list."""
        head, bar, line = self.header, self.collections, self.ask_bar
        tab_order(
            head.files, head.text, bar.choose_button, bar.action_button, bar.files_button,
            head.history_button, head.new_button, self.empty.add_button, self.conversation_view,
            line.field, line.button, self.scope.files_button, self.scope.whole_box, self.pasted.field,
            self.pasted.clear_button, self.document.toolbar.ask_button,
        )  # fmt: skip

    # --- places -------------------------------------------------------------------------------

    @property
    def pasting(self) -> bool:
        """A pasted text is asked about, not files."""
        return self.header.mode == TEXT

    def arrange(self) -> None:
        """Everything in its place for the mode, the width, and what is open."""
        wide = self._wide
        self.header.place(self.collections, wide and not self.pasting)
        self.collections.setVisible(not self.pasting)
        self._place_document(wide)
        self.conversation_view.set_inline(not wide and not self.pasting)
        upright = self.pasting and not wide
        self.split.setOrientation(Qt.Orientation.Vertical if upright else Qt.Orientation.Horizontal)
        at = 0 if upright else 1
        if self.split.indexOf(self.side) != at:
            self.split.insertWidget(at, self.side)
        self._show_side()
        model = self.context.model_for("answer")
        self.anyway_button.setVisible(model is not None)
        if model is not None:
            self.anyway_button.setText(tr("Answer with {model} for now", model=model.title))
        if not self.is_ready():
            show_page(self.pages, self.offer_page)
        elif self.reading and not wide:
            show_page(self.pages, self.document)
        else:
            show_page(self.pages, self.split)

    def is_ready(self) -> bool:
        """There is a model that is made for answers, a large one, or one that the user wants."""
        model = self.context.model_for("answer")
        if model is None:
            return False
        chosen = self._anyway or "answer" in self.context.settings.roles
        made = any(entry.name == model.name for entry in made_for("answer"))
        return chosen or made or model.size >= MIN_CHAT_BYTES or model.kind != "decoder"

    def _use_anyway(self) -> None:
        self._anyway = True
        self.arrange()
        self.ask_bar.field.setFocus()

    def _place_document(self, wide: bool) -> None:
        """Beside the conversation, or over it."""
        if wide and self.side.indexOf(self.document) < 0:
            self.side.addWidget(self.document)
        elif not wide and self.pages.indexOf(self.document) < 0:
            self.pages.addWidget(self.document)

    def _show_side(self) -> None:
        view = self.conversation_view.view_of(self.current) if self.current is not None else None
        has_evidence = view is not None and bool(view.turn.places)
        beside = self._wide and not self.pasting
        if beside:
            self.side.evidence.show_cards(view.made_evidence() if view and has_evidence else None)
            if view is not None:
                view.order_cards()
        self.conversation_view.set_current(self.current if not self.pasting else None)
        was_hidden = self.side.isHidden()
        if self.pasting:
            show_page(self.side, self.pasted)
        elif beside and self.reading:
            show_page(self.side, self.document)
        else:
            show_page(self.side, self.side.evidence)
        self.side.setVisible(self.pasting or (beside and (self.reading or has_evidence)))
        if was_hidden and not self.side.isHidden():
            self._share()

    def _share(self) -> None:
        """The first time something stands beside the conversation, or it turned."""
        if self.split.orientation() == Qt.Orientation.Vertical:
            self.split.setSizes([self.height() * 2 // 5, self.height() * 3 // 5])
        else:
            self.split.setSizes([self.width() * 11 // 20, self.width() * 9 // 20])

    def show_current(self, turn: QuestionTurn | None) -> None:
        self.current = turn
        self._show_side()

    def begin_turn(self, turn: QuestionTurn) -> None:
        """A question was asked: show it, and unless it waits, in place of what was there."""
        if self.conversation_view.view_of(turn) is None:
            self.conversation_view.add(turn)
        show_page(self.middle, self.conversation_view)
        self.ask_bar.set_busy(True)
        if turn.state == "waiting":
            return
        if self._wide:
            self.reading = False
        self.show_current(turn)
        self.pasted.mark([], -1)

    def clear(self) -> None:
        """No turns, no evidence, no marks."""
        self.show_current(None)
        self.side.evidence.clear()
        self.conversation_view.clear()
        self.pasted.mark([], -1)
        self.ask_bar.set_busy(False)

    def set_reading(self, reading: bool) -> None:
        """Show the document, or take it away."""
        self.reading = reading
        self.arrange()

    def show_document(self) -> None:
        """Where it covers the conversation it takes the focus too."""
        self.set_reading(True)
        if self.pages.currentWidget() is self.document:
            self.document.text.setFocus()

    def focus_input(self) -> None:
        if self.pages.currentWidget() is self.offer_page:
            self.offer.fetch_button.setFocus()  # Enter begins what is needed most
        elif self.pages.currentWidget() is self.document:
            self.document.text.setFocus()
        else:
            self.ask_bar.field.setFocus()

    def retranslate(self) -> None:
        self.header.retranslate()
        self.empty.retranslate()
        self.pasted.retranslate()
        self.side.evidence.retranslate()
        self.scope.retranslate()
        self.scope.setVisible(not self.pasting)
        self.ask_bar.set_placeholder(tr("Ask about this text") if self.pasting else tr("Ask these files"))
        self.conversation_view.restyle()

    def restyle(self) -> None:
        self.ask_bar.setMaximumWidth(chat_style(self.context).column_width + 32)
        self.ask_bar.restyle()
        self.conversation_view.restyle()

    # --- Qt ---------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        wide = event.size().width() >= WIDE_FROM
        if wide != self._wide:
            self._wide = wide
            self.arrange()
            if not self.side.isHidden():
                self._share()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if local_files(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.files_dropped.emit(local_files(event.mimeData()))
