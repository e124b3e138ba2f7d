"""What the Questions panel is made of and where it stands, wide and narrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from autogpt_desktop.catalog.roles import made_for
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.answer.chat_model import LEAST_BYTES
from autogpt_desktop.ui.answer.ask_bar import AskBar
from autogpt_desktop.ui.answer.collections.bar import CollectionsBar
from autogpt_desktop.ui.answer.collections.scope import Scope
from autogpt_desktop.ui.answer.conversation_view import ConversationView
from autogpt_desktop.ui.answer.document.pasted_text import PastedText
from autogpt_desktop.ui.answer.document.side_pane import SidePane
from autogpt_desktop.ui.answer.document.view import DocumentView
from autogpt_desktop.ui.answer.empty_state import EmptyState
from autogpt_desktop.ui.answer.header import TEXT, Header
from autogpt_desktop.ui.answer.text_label import KEY
from autogpt_desktop.ui.models.offer import ModelOffer
from autogpt_desktop.ui.widgets.basic import button, hairline, tab_order
from autogpt_desktop.ui.widgets.draft_keeper import DraftKeeper
from autogpt_desktop.ui.widgets.reading_style import chat_style
from autogpt_desktop.ui.widgets.text_field import local_files

if TYPE_CHECKING:
    from autogpt_desktop.ui.answer.turn import Turn
    from autogpt_desktop.ui.context import AppContext

WIDE_FROM = 760  # px from which evidence and documents stand beside the conversation


class AnswerLayout(QWidget):
    """The widgets, in their places. ``current`` is the turn whose evidence is looked at."""

    dropped = Signal(list)  # of Path

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.current: Turn | None = None
        self._wide = True
        self._reading = False  # a document is open
        self.header = Header()
        self.collections = CollectionsBar(context)
        self.empty = EmptyState(context)
        self.conversation = ConversationView(context)
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
        self.middle.addWidget(self.conversation)
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
            head.history_button, head.new_button, self.empty.add_button, self.conversation,
            line.field, line.button, self.scope.files_button, self.scope.whole_box, self.pasted.field,
            self.pasted.clear_button, self.document.find_button,
        )  # fmt: skip

    def restore_drafts(self) -> None:
        """What was not asked yet when the app was closed, and the text to ask about."""
        failed = self.context.show_error
        self.drafts = (
            DraftKeeper("question", self.ask_bar.field, failed, self),
            DraftKeeper("pasted", self.pasted.field, failed, self),
        )
        question, pasted = (draft.restored for draft in self.drafts)
        self.pasted.set_text(pasted)
        if pasted and self.context.settings.ask_about == TEXT:
            self.header.set_mode(TEXT)
        if question:
            self.ask_bar.set_text(question)
        for field in (self.ask_bar.field, self.pasted.field):
            field.document().clearUndoRedoStacks()

    def keep_drafts(self) -> None:
        for draft in self.drafts:
            draft.keep()

    # --- who stands where ---------------------------------------------------------------------

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
        self.conversation.set_inline(not wide and not self.pasting)
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
            self.pages.setCurrentWidget(self.offer_page)
        elif self._reading and not wide:
            self.pages.setCurrentWidget(self.document)
        else:
            self.pages.setCurrentWidget(self.split)

    def is_ready(self) -> bool:
        """There is a model that is made for answers, a large one, or one that the person wants."""
        model = self.context.model_for("answer")
        if model is None:
            return False
        chosen = self._anyway or "answer" in self.context.settings.roles
        made = any(entry.name == model.name for entry in made_for("answer"))
        return chosen or made or model.size >= LEAST_BYTES or model.kind != "decoder"

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
        view = self.conversation.view_of(self.current) if self.current is not None else None
        has_evidence = view is not None and bool(view.turn.places)
        beside = self._wide and not self.pasting
        if beside:
            self.side.evidence.show_cards(view.made_evidence() if view and has_evidence else None)
            if view is not None:
                view.order_cards()
        self.conversation.set_current(self.current if not self.pasting else None)
        was_hidden = self.side.isHidden()
        if self.pasting:
            self.side.setCurrentWidget(self.pasted)
        elif beside and self._reading:
            self.side.setCurrentWidget(self.document)
        else:
            self.side.setCurrentWidget(self.side.evidence)
        self.side.setVisible(self.pasting or (beside and (self._reading or has_evidence)))
        if was_hidden and not self.side.isHidden():
            self._share()

    def _share(self) -> None:
        """The first time something stands beside the conversation, or it turned."""
        if self.split.orientation() == Qt.Orientation.Vertical:
            self.split.setSizes([self.height() * 2 // 5, self.height() * 3 // 5])
        else:
            self.split.setSizes([self.width() * 11 // 20, self.width() * 9 // 20])

    def show_current(self, turn: Turn | None) -> None:
        self.current = turn
        self._show_side()

    def open_reading(self, reading: bool) -> None:
        """Show the document, or take it away."""
        self._reading = reading
        self.arrange()

    @property
    def reading(self) -> bool:
        return self._reading

    def restyle(self) -> None:
        self.ask_bar.setMaximumWidth(chat_style(self.context).column_width + 32)
        self.ask_bar.restyle()
        self.conversation.restyle()

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
        self.dropped.emit(local_files(event.mimeData()))

    @staticmethod
    def shortcut_rows() -> tuple[str, list[tuple[str, str]]]:
        return tr("Questions"), [
            ("Enter", tr("Ask")),
            ("Esc", tr("Stop, or close the document")),
            ("↑", tr("Take up the last question again (in an empty field)")),
            ("Ctrl+N", tr("New conversation")),
            ("Ctrl+K", tr("Earlier questions")),
            ("Ctrl+R", tr("Ask again")),
            ("Ctrl+Shift+C", tr("Copy the answer with its sources")),
            ("Alt+1 … Alt+5", tr("Open a passage of the evidence")),
            ("Alt+↑ / Alt+↓", tr("Previous or next question")),
            ("Ctrl+E", tr("Files or pasted text")),
            ("Ctrl+L", tr("Go to the question field")),
        ]
