"""One question with its answer, as it stands in the conversation."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.ui.answer.evidence import EvidenceList
from autogpt_desktop.ui.answer.html import CITE, answer_html
from autogpt_desktop.ui.answer.text_label import KEY, TextLabel
from autogpt_desktop.ui.answer.turn import DETAILS, LANGUAGE, QuestionTurn, confidence_text, not_found_text
from autogpt_desktop.ui.widgets.basic import button, label, plain_tooltip, set_property, tab_order
from autogpt_desktop.ui.widgets.info_button import InfoButton
from autogpt_desktop.ui.widgets.reading_style import QuietButton
from autogpt_desktop.ui.widgets.send_menu import send_menu

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

MISSING = "notice.file-missing"


class TurnView(QWidget):
    """``inline``: the evidence stands below the answer here, and not beside the conversation."""

    opened = Signal(object, int)  # Turn, number of the place
    chosen = Signal(object)  # Turn: it was clicked, or has the focus
    retried = Signal(object)
    cancelled = Signal(object)  # Turn: it waits, and is taken back

    def __init__(self, context: AppContext, turn: QuestionTurn) -> None:
        super().__init__()
        self.context, self.turn = context, turn
        self.evidence: EvidenceList | None = None
        self.inline = False
        self.setObjectName("turn")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.question = TextLabel(context)
        self.question.whole = lambda: turn.question
        self.read_as = label(size="small", tone="muted", wrap=True)
        self.status = label(size="small", tone="muted")
        self.busy = QProgressBar()
        self.busy.setRange(0, 0)
        self.busy.setTextVisible(False)
        self.busy.setFixedWidth(64)
        self.cancel_button = QuietButton("close")
        self.cancel_button.clicked.connect(self._cancel)
        self.answer = TextLabel(context, links=True)
        self.answer.whole = turn.answer_text
        self.answer.linkActivated.connect(self._on_link)
        self.refusal = TextLabel(context)
        self.hint = label(size="small", tone="muted", wrap=True)
        self.languages = label(size="small", tone="muted", wrap=True)
        self.details = label(size="small", tone="muted", wrap=True)
        self.notices = label(size="small", tone="warning", wrap=True)
        self.error = label(tone="danger", wrap=True)
        self.confidence = label(size="small", tone="muted")
        self.copy_button = QuietButton("copy")
        self.copy_button.clicked.connect(self.copy)
        self.retry_button = QuietButton("regenerate")
        self.retry_button.clicked.connect(self._retry)
        self.again_button = button(icon="regenerate")  # of a question that has no answer
        self.again_button.clicked.connect(self._retry)
        self.info_button = InfoButton(self.details)  # what the models did
        self.more_button = QuietButton("more")
        self.more_button.clicked.connect(self._show_more_menu)
        self.places_button = button(kind="quiet")
        self.places_button.setCheckable(True)
        self.places_button.toggled.connect(self._show_places)
        for text in (self.question, self.answer, self.refusal):
            text.installEventFilter(self)
        self._lay_out()
        self.refresh()

    def _lay_out(self) -> None:
        working = QHBoxLayout()
        working.setSpacing(8)
        working.addWidget(self.busy)
        working.addWidget(self.status)
        working.addWidget(self.cancel_button)
        working.addStretch(1)
        actions = QHBoxLayout()
        actions.setSpacing(4)
        for made in (self.copy_button, self.retry_button, self.info_button, self.more_button):
            actions.addWidget(made)
        actions.insertWidget(0, self.again_button)
        actions.addSpacing(4)
        actions.addWidget(self.confidence)
        actions.addStretch(1)
        actions.addWidget(self.places_button)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(16, 12, 16, 8)
        self._column.setSpacing(8)
        for widget in (self.question, self.read_as):
            self._column.addWidget(widget)
        self._column.addLayout(working)
        for widget in (self.answer, self.refusal, self.hint, self.error, self.languages, self.notices):
            self._column.addWidget(widget)
        self._column.addLayout(actions)
        self._column.addWidget(self.details)

    # --- what it shows ----------------------------------------------------------------------

    def refresh(self) -> None:
        """The turn has changed, or the look or the language of the window."""
        turn, running = self.turn, self.turn.state == "running"
        waiting = turn.state == "waiting"
        asked = escape(turn.question).replace("\n", "<br>")
        self.question.set_html(f"<span style='font-weight:600'>{asked}</span>", size=1.2)
        _set_text(self.read_as, tr("Read as: {question}", question=turn.read_as) if turn.read_as else "")
        self.busy.setVisible(running)
        self.status.setVisible(running or waiting)
        self.status.setText(tr("Waits for the question before it") if waiting else turn.status)
        self.cancel_button.setVisible(waiting)
        self.cancel_button.name(tr("Take back this question"))
        written = turn.answered or (bool(turn.text.strip()) and turn.finding is None)
        self.answer.setVisible(written)
        if written:
            self.answer.set_html(answer_html(turn))
        refused = turn.finding is not None and not turn.answered
        self.refusal.setVisible(refused)
        if refused:
            self.refusal.set_html(escape(not_found_text(turn.source)))
        _set_text(self.hint, self._hint(refused))
        _set_text(self.error, self._error())
        _set_text(self.languages, self._notices_text(lambda key: key in LANGUAGE and key not in DETAILS))
        self.info_button.set_facts(self._notices_text(lambda key: key in DETAILS))
        _set_text(self.notices, self._notices_text(lambda key: key not in LANGUAGE))
        sure = turn.finding.answered.confidence if turn.finding is not None and turn.answered else -1.0
        _set_text(self.confidence, confidence_text(sure) if sure >= 0 else "")
        self.confidence.setToolTip(
            plain_tooltip(tr("About {n} % sure that the text answers the question", n=round(100 * sure)))
        )
        for made in (self.copy_button, self.more_button):
            made.setVisible(turn.finding is not None or bool(turn.text))
        unanswered = turn.state in ("stopped", "failed")
        self.again_button.setVisible(unanswered)
        self.again_button.setText(tr("Ask again"))
        self.retry_button.setVisible(not running and not waiting and not unanswered)
        self._refresh_places()
        self.copy_button.name(tr("Copy the answer with its sources"), "Ctrl+Shift+C")
        self.retry_button.name(tr("Ask again"), "Ctrl+R")
        self.info_button.name(tr("How it was asked"))
        self.more_button.name(tr("More"))
        self.setAccessibleName(turn.question)

    def _hint(self, refused: bool) -> str:
        turn = self.turn
        if turn.state == "stopped":
            return tr("Stopped.")
        if refused and turn.places and turn.source:
            return tr("The passages that come closest are shown as evidence.")
        return ""

    def _notices_text(self, wanted: Callable[[str], bool]) -> str:
        """The notices with keys of a kind."""
        notices = [one for one in self.turn.notices if wanted(one.key)]
        gone = list(dict.fromkeys(str(one.values["file"]) for one in notices if one.key == MISSING))
        texts = dict.fromkeys(
            message(one.key, **one.values) for one in notices if one.key != MISSING or len(gone) == 1
        )
        if len(gone) > 1:  # a moved folder has many, and one sentence says as much
            files = ", ".join(f"“{name}”" for name in gone)
            texts[message("notice.files-missing", files=files)] = None
        return "\n".join(texts)

    def _error(self) -> str:
        error = self.turn.error
        if self.turn.state != "failed":
            return ""
        return message(error) if isinstance(error, KnownError) else message("error.answer-failed")

    def _refresh_places(self) -> None:
        turn = self.turn
        count = len(turn.places)
        self.places_button.setVisible(self.inline and count > 0)
        self.places_button.setText(tr("Evidence: {n}", n=count))
        if self.evidence is not None:
            self.evidence.small = self.inline
            self.evidence.refresh()

    def stops(self) -> list[QWidget]:
        """Where the Tab key comes by, in order."""
        cards = self.evidence.cards if self.evidence is not None else []
        buttons = (
            self.again_button, self.copy_button, self.retry_button, self.info_button, self.more_button,
            self.places_button,
        )  # fmt: skip
        return [self.cancel_button, self.answer, *buttons, *cards]

    def made_evidence(self) -> EvidenceList:
        """The turn's cards, made when they are first looked at."""
        if self.evidence is None:
            self.evidence = EvidenceList(self.context, self.turn)
            self.evidence.opened.connect(self._open)
            self._refresh_places()
        return self.evidence

    def order_cards(self) -> None:
        """The cards stand in the window now, here or beside: the Tab key reaches them from here."""
        if self.evidence is not None:
            tab_order(self.places_button, *self.evidence.cards)

    def set_inline(self, inline: bool) -> None:
        """Whether the evidence stands in here; the caller takes it elsewhere otherwise."""
        if inline != self.inline:
            self.inline = inline
            self._refresh_places()
        if inline:
            self._show_places(self.places_button.isChecked())

    def expand(self, expanded: bool) -> None:
        """Show the evidence below the answer, where it stands in here."""
        self.places_button.setChecked(expanded)

    def set_current(self, current: bool) -> None:
        """Its evidence is what stands beside the conversation."""
        set_property(self, "state", "current" if current else "plain")

    def _show_places(self, shown: bool) -> None:
        if not self.inline or not self.turn.places:
            return
        if shown:
            cards = self.made_evidence()
            if cards.parentWidget() is not self:
                self._column.addWidget(cards)
                self.order_cards()
            cards.show()
        elif self.evidence is not None and self.evidence.parentWidget() is self:
            self.evidence.hide()

    # --- what people do ---------------------------------------------------------------------

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.turn.as_text())
        self.context.toast(tr("The answer was copied with its sources."))

    def _cancel(self) -> None:
        self.cancelled.emit(self.turn)

    def _retry(self) -> None:
        self.retried.emit(self.turn)

    def _show_more_menu(self) -> None:
        menu = send_menu(self.context, KEY, self.turn.answer_text, self)
        menu.exec(self.more_button.mapToGlobal(self.more_button.rect().bottomLeft()))
        menu.deleteLater()

    def _on_link(self, address: str) -> None:
        if address.startswith(CITE):
            self._open(int(address.removeprefix(CITE)))

    def _open(self, number: int) -> None:
        self.opened.emit(self.turn, number)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.chosen.emit(self.turn)
        super().mousePressEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Texts that can be selected keep the press to themselves."""
        if event.type() == QEvent.Type.MouseButtonPress:
            self.chosen.emit(self.turn)
        return super().eventFilter(watched, event)


def _set_text(shown: QLabel, text: str) -> None:
    shown.setText(text)
    shown.setVisible(bool(text))
