"""The questions and answers, one below the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.answer.turn import QuestionTurn
from autogpt_desktop.ui.answer.turn_view import TurnView
from autogpt_desktop.ui.widgets.basic import hairline, tab_order
from autogpt_desktop.ui.widgets.reading_style import chat_style
from autogpt_desktop.ui.widgets.scroll_page import ScrollPage

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


HOLD = 200  # ms in which everything has its new height after a change of size


class ConversationView(QScrollArea):
    """Follows the newest turn while it grows, until somebody scrolls; its question stays in sight."""

    opened = Signal(object, int)  # Turn, number of the place
    chosen = Signal(object)
    retried = Signal(object)
    cancelled = Signal(object)

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.views: list[TurnView] = []
        self.inline = False
        self._follows = False
        self._held: tuple[TurnView, float] | None = None  # on top while all is laid out anew
        self._lines: list[QFrame] = []
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._page = ScrollPage()
        self._page.installEventFilter(self)
        self._column = QVBoxLayout(self._page)
        self._column.setContentsMargins(0, 0, 0, 16)
        self._column.setSpacing(0)
        self._column.addStretch(1)
        self.setWidget(self._page)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(0)
        self._settle.timeout.connect(self._follow)
        self._release = QTimer(self)
        self._release.setSingleShot(True)
        self._release.setInterval(HOLD)
        self._release.timeout.connect(self._let_go)
        self.verticalScrollBar().sliderPressed.connect(self._stop_following)
        self.restyle()

    def add(self, turn: QuestionTurn) -> TurnView:
        """A new turn at the end; the one before folds its evidence."""
        view = TurnView(self.context, turn)
        view.opened.connect(self.opened)
        view.chosen.connect(self.chosen)
        view.retried.connect(self.retried)
        view.cancelled.connect(self.cancelled)
        if turn.state != "waiting":
            for before in self.views:
                before.expand(False)
        at = self._column.count() - 1
        if self.views:
            line = hairline()
            self._lines.append(line)
            self._column.insertWidget(at, line)
            at += 1
        view.inline = self.inline
        self._column.insertWidget(at, view)
        tab_order(self.views[-1].stops()[-1] if self.views else self, *view.stops())
        self.views.append(view)
        self._follows = True
        self._settle.start()
        return view

    def clear(self) -> None:
        self._held = None
        for widget in [*self.views, *self._lines]:
            self._column.removeWidget(widget)
            widget.hide()
            widget.deleteLater()
        self.views, self._lines = [], []

    def remove(self, turn: QuestionTurn) -> None:
        """Take the last turn out."""
        self._held = None
        view = self.views.pop()
        assert view.turn is turn
        gone: list[QWidget] = [view, *([self._lines.pop()] if self._lines else [])]
        if view.evidence is not None and not view.isAncestorOf(view.evidence):
            gone.append(view.evidence)
        for widget in gone:
            self._column.removeWidget(widget)
            widget.hide()
            widget.deleteLater()

    def view_of(self, turn: QuestionTurn) -> TurnView | None:
        return next((view for view in self.views if view.turn is turn), None)

    def set_inline(self, inline: bool) -> None:
        """Whether each turn's evidence stands below its answer."""
        self.inline = inline
        for view in self.views:
            view.set_inline(inline)

    def set_current(self, turn: QuestionTurn | None) -> None:
        """Mark the turn whose evidence is beside the conversation, where there are several."""
        several = len(self.views) > 1 and not self.inline
        for view in self.views:
            view.set_current(several and view.turn is turn)

    def refresh(self) -> None:
        for view in self.views:
            view.refresh()

    def restyle(self) -> None:
        """Lines of text that are pleasant to read, whatever the width of the window; the place is kept."""
        self._hold()
        self._page.setMaximumWidth(chat_style(self.context).column_width + 64)
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.setAccessibleName(tr("Questions and answers"))
        self.refresh()

    def scroll_to(self, turn: QuestionTurn) -> None:
        view = self.view_of(turn)
        if view is not None:
            self._follows = False
            self.verticalScrollBar().setValue(view.y())

    # --- following ----------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.LayoutRequest, QEvent.Type.Resize) and (self._follows or self._held):
            self._settle.start()
        return super().eventFilter(watched, event)

    def _follow(self) -> None:
        """The end in sight, but never at the price of the last question; or what was read before."""
        if self._held is not None:
            view, share = self._held
            self.verticalScrollBar().setValue(round(view.y() + share * view.height()))
        elif self._follows and self.views:
            last = self.views[-1]
            end = last.geometry().bottom() + 16 - self.viewport().height()
            self.verticalScrollBar().setValue(min(last.y(), max(0, end)))

    def _hold(self) -> None:
        """What is on top is to stay there, as far into its turn as now."""
        top = self.verticalScrollBar().value()
        view = next((view for view in self.views if view.geometry().bottom() > top), None)
        if view is not None and not self._follows and self._held is None:
            self._held = view, (top - view.y()) / max(1, view.height())
        self._release.start()
        self._settle.start()

    def _let_go(self) -> None:
        self._held = None

    def _stop_following(self) -> None:
        self._follows = False
        self._held = None

    def wheelEvent(self, event: QWheelEvent) -> None:
        self._stop_following()
        super().wheelEvent(event)
