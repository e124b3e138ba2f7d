"""The top of the Sentiment panel: text or table, and what can be done with what was judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QMenu, QToolButton, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.sentiment.corrections import CorrectionList
from autogpt_desktop.ui.sentiment.label_choice import LabelChoice
from autogpt_desktop.ui.sentiment.labels import LABELS, word
from autogpt_desktop.ui.sentiment.scheme import Scheme
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.action_row import ActionRow, action_button, name_action
from autogpt_desktop.ui.widgets.segmented import SegmentedChoice
from autogpt_desktop.ui.widgets.send_menu import add_send_actions

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

TEXT, TABLE = "text", "table"


class SentimentBar(QWidget):
    """The buttons; what they do is the panel's. ``text_to_send`` is asked when Send is opened."""

    def __init__(
        self, context: AppContext, key: str, corrections: CorrectionList, text_to_send: Callable[[], str]
    ) -> None:
        super().__init__()
        self._context, self._key, self._corrections = context, key, corrections
        self._text_to_send = text_to_send
        self.modes = SegmentedChoice((TEXT, TABLE))
        self.text_button, self.table_button = self.modes.buttons.values()
        self.choice = LabelChoice(context)
        self.two_way = QCheckBox()
        self.open_button, self.history_button = action_button("folder"), action_button("history")
        self.export_button, self.corrections_button = action_button("export"), action_button("edit")
        self.send_button = action_button("send")
        for made in (self.export_button, self.corrections_button, self.send_button):
            made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
            made.setMenu(QMenu(made))
        self.corrections_button.menu().aboutToShow.connect(self._fill_corrections)
        self.send_button.menu().aboutToShow.connect(self._fill_send)
        self.actions_row = ActionRow(
            (
                self.open_button,
                self.export_button,
                self.history_button,
                self.corrections_button,
                self.send_button,
            )
        )
        self._first, self._second = QHBoxLayout(), QHBoxLayout()
        rows = QVBoxLayout(self)
        rows.setContentsMargins(8, 4, 8, 4)
        rows.setSpacing(4)
        for row in (self._first, self._second):
            row.setSpacing(4)
            rows.addLayout(row)
        self._first.addWidget(self.modes)
        self._first.addWidget(self.choice)
        self._first.addStretch(1)
        self._first.addWidget(self.two_way)
        self._first.addWidget(self.actions_row)
        self._slim = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """In a slim column how texts are judged has a row of its own, rather than being cut off."""
        parts = [made.sizeHint().width() for made in (self.modes, self.choice, self.two_way)]
        parts.append(self.actions_row.minimumSizeHint().width())
        slim = self.width() < sum(parts) + 8 + 8 + 4 * len(parts)
        if slim == self._slim:
            return
        self._slim = slim
        row = self._second if slim else self._first
        row.insertWidget(0 if slim else 1, self.choice)
        row.insertWidget(1 if slim else 3, self.two_way)
        row.setStretch(0, 1 if slim else 0)
        self.choice.layout().setContentsMargins(0 if slim else 8, 0, 0, 0)  # type: ignore[union-attr]

    def show_model(self, has_model: bool) -> None:
        """Without a model nothing can be judged; what was judged can be looked at."""
        for widget in (self.text_button, self.table_button, self.two_way, self.open_button):
            widget.setEnabled(has_model)

    def show_scheme(self, scheme: Scheme) -> None:
        """Own labels know no neutral that could be left out, and are not corrected text by text."""
        self.two_way.setVisible(not scheme.is_own)
        self._arrange()
        self.actions_row.offer(self.corrections_button, not scheme.is_own)

    def show_corrections(self) -> None:
        """How many there are."""
        number = self._corrections.count
        name_action(
            self.corrections_button,
            tr("Corrections: {n}", n=f"{number:,}") if number else tr("Corrections"),
            tr("Corrections"),
        )

    def show_progress(self, share: float | None) -> None:
        """How far the table is that is being judged; None: none is."""
        table = tr("Table") if share is None else tr("Table · {n} %", n=int(share * 100))
        self.modes.set_texts(tr("What is judged"), {TEXT: tr("Text"), TABLE: table})

    def retranslate(self) -> None:
        self.choice.retranslate()
        self.two_way.setText(tr("Leave neutral out"))
        self.two_way.setToolTip(tr("Judge positive or negative alone"))
        name_action(self.open_button, tr("Open…"), tr("Open a table or a document"), "Ctrl+Shift+O")
        name_action(self.history_button, tr("History"), tr("What was judged"), "Ctrl+H")
        name_action(self.send_button, tr("Send"), tr("Send to another panel"))
        name_action(self.export_button, tr("Export"), shortcut="Ctrl+Shift+E")
        self.show_corrections()
        self.actions_row.retranslate()
        self._arrange()

    def _fill_corrections(self) -> None:
        menu, corrections = self.corrections_button.menu(), self._corrections
        menu.clear()
        counts = corrections.counts()
        parts = [f"{word(each)} {counts[each]:,}" for each in LABELS if counts.get(each)]
        if not corrections.count:
            text = tr("No corrections yet: say of a text what it really is")
        elif corrections.moves:
            text = tr("{parts}: they adjust every verdict", parts=", ".join(parts))
        else:
            text = tr("{parts}: with a positive and a negative one they adjust every verdict",
                      parts=", ".join(parts))  # fmt: skip
        menu.addAction(text).setEnabled(False)
        menu.addSeparator()
        undo = menu.addAction(icons.icon("undo"), tr("Take the latest back"))
        undo.triggered.connect(corrections.undo)
        clear = menu.addAction(icons.icon("delete"), tr("Clear all"))
        clear.triggered.connect(corrections.clear)
        for action in (undo, clear):
            action.setEnabled(corrections.count > 0)

    def _fill_send(self) -> None:
        menu = self.send_button.menu()
        menu.clear()
        add_send_actions(menu, self._context, self._key, self._text_to_send)
