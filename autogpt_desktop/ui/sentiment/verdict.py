"""The verdict on one text: its label, its probabilities, the words that carried it, what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.tasks.sentiment.measure import EMPTY, LANGUAGE, LONG, MOST_CHARACTERS
from autogpt_desktop.tasks.sentiment.sentiment import Explained, Scored, WordWeight, explain, look, sentiment
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.sentiment.corrections import CorrectionList
from autogpt_desktop.ui.sentiment.labels import LABELS, ShareBar, face, percent, word
from autogpt_desktop.ui.sentiment.marked_text import MarkedText
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import ToolButton, button, label, languages_text
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

QUICK = 700  # bytes of a text whose words are weighed unasked: each word left out is one more reading
TOLD = 6  # words that are named below the bar


class CorrectButton(ToolButton):
    """A menu that says what a text really is. ``chosen``: a label, or "" to take that back."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.own = ""  # what the person said before
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIcon(icons.icon("edit", "accent"))
        self.setMenu(QMenu(self))
        self.menu().aboutToShow.connect(self._fill)
        self.retranslate()

    def retranslate(self) -> None:
        self.setText(tr("Correct"))
        self.setToolTip(tr("Say what it really is: later texts are judged by it too"))
        self.setAccessibleName(tr("Correct"))

    def _fill(self) -> None:
        self.menu().clear()
        fill_correct_menu(self.menu(), self.own, self.chosen.emit)


def fill_correct_menu(menu: QMenu, own: str, choose: Any) -> None:
    """The three labels, and back to the model's if a person gave one."""
    for each in LABELS:
        action = menu.addAction(icons.icon(face(each), each), word(each))
        action.setCheckable(True)
        action.setChecked(each == own)
        action.triggered.connect(partial(_choose, choose, each))
    if own:
        menu.addSeparator()
        action = menu.addAction(icons.icon("undo"), tr("Take my correction back"))
        action.triggered.connect(partial(_choose, choose, ""))


def _choose(choose: Any, label_: str, _checked: bool = False) -> None:
    choose(label_)


class Verdict(QWidget):
    """``corrected`` carries the label that a person chose, "" to take it back."""

    corrected = Signal(str)
    explain_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.scored: Scored | None = None
        self._two_way = False
        self._own = ""
        self._words: list[tuple[str, float]] = []
        self._picture = QLabel()
        self.title = label(size="heading")
        self.state = label(size="small", tone="muted")
        self.correct = CorrectButton()
        self.correct.chosen.connect(self.corrected)
        self.explain_button = button(kind="quiet")
        self.explain_button.clicked.connect(self.explain_requested)
        self.bar = ShareBar()
        self.words = label(size="small", wrap=True)
        self.note = label(size="small", tone="warning", wrap=True)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._picture)
        head.addWidget(self.title)
        head.addWidget(self.state)
        head.addStretch(1)
        head.addWidget(self.explain_button)
        head.addWidget(self.correct)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.bar)
        column.addWidget(self.words)
        column.addWidget(self.note)
        self.clear()

    def clear(self) -> None:
        self.scored, self._words = None, []
        self.explain_button.hide()
        self._show()

    def show_scored(self, scored: Scored, two_way: bool, own: str) -> None:
        self.scored, self._two_way, self._own = scored, two_way, own
        self._words = []
        self._show()

    def show_own(self, own: str) -> None:
        """The person's own label, "" where there is none."""
        self._own = own
        self._show()

    def show_words(self, text: str, words: tuple[WordWeight, ...]) -> None:
        """The words that did most, the strongest first, each once."""
        strongest: dict[str, float] = {}
        for each in sorted(words, key=lambda one: -abs(one.weight)):
            strongest.setdefault(text[each.start : each.end], each.weight)
        self._words = list(strongest.items())[:TOLD]
        self._show_words()

    def retranslate(self) -> None:
        self.correct.retranslate()
        self.explain_button.setText(tr("Which words decided?"))
        self._show()

    def restyle(self) -> None:
        self.bar.restyle()
        self._show()

    def _show(self) -> None:
        scored = self.scored
        known = scored is not None and bool(scored.label)
        for part in (self.bar, self.correct, self._picture):
            part.setVisible(known)
        self.correct.own = self._own
        self.title.setVisible(scored is not None)
        self.note.hide()
        if scored is not None:
            self._show_title(scored)
            self.bar.show_shares((scored.positive, scored.neutral, scored.negative), self._two_way)
            note = flags_text(scored)
            self.note.setText(note)
            self.note.setVisible(bool(note))
        self._show_words()

    def _show_title(self, scored: Scored) -> None:
        shown = self._own or scored.label
        if not shown:
            self.title.setText(tr("There is no text here"))
            return
        text = tr("You say: {label}", label=word(shown)) if self._own else word(shown)
        if not self._own:
            text += f" · {percent(getattr(scored, shown))}"
        self.title.setText(text)
        self.title.setStyleSheet(f"color: {theme().hex(shown)};")
        picture = icons.icon(face(shown), shown).pixmap(QSize(24, 24), self.devicePixelRatioF())
        self._picture.setPixmap(picture)

    def _show_words(self) -> None:
        told = [(found, weight) for found, weight in self._words if abs(weight) >= 0.1]
        self.words.setVisible(bool(told) and self.scored is not None)
        if told:
            signed = [(found, f"{weight:+.1f}".replace("-", "−")) for found, weight in told]
            listed = " · ".join(f"\u2066\u2068{found}\u2069 {weight}\u2069" for found, weight in signed)
            self.words.setText(tr("Words that decided: {words}", words=listed))


def flags_text(scored: Scored) -> str:
    """What a person should know of how far to trust the verdict."""
    notes = []
    if LANGUAGE in scored.flags and scored.language:
        language = languages_text((scored.language,))
        notes.append(
            tr("This seems to be {language}, which the model does not know: do not rely on it.",
               language=language)
        )  # fmt: skip
    if LONG in scored.flags:
        notes.append(tr("The text is long: {n} characters of it, evenly chosen, were read.",
                        n=f"{MOST_CHARACTERS:,}"))  # fmt: skip
    if EMPTY in scored.flags:
        notes.append("")
    return "\n".join(filter(None, notes))


class Look(QObject):
    """Looks at one text closely: its verdict and sentences first, then its words. A newer one replaces it."""

    failed = Signal(object)
    scored = Signal(object)  # Scored

    def __init__(
        self, context: AppContext, corrections: CorrectionList, field: MarkedText, verdict: Verdict
    ) -> None:
        super().__init__(field)
        self.field, self.verdict = field, verdict
        self.two_way = False
        self.text = ""
        self._corrections = corrections
        self._weighs = self._explained = False
        verdict.explain_requested.connect(self.weigh)
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_event)
        self._job.ended.connect(self._on_end)

    def look(self, text: str, two_way: bool) -> None:
        """Score ``text``, which is what the field holds, and weigh its words where that is quick."""
        self.text, self.two_way = text, two_way
        self.verdict.explain_button.hide()
        self.verdict.state.setText(tr("Reading…"))
        self._submit(score=True, weigh=len(text.encode()) <= QUICK)

    def weigh(self) -> None:
        """Weigh the words of a long text too."""
        if self.text:
            self.verdict.explain_button.hide()
            self.verdict.state.setText(tr("Weighing the words…"))
            self._submit(score=False, weigh=True)

    def _submit(self, score: bool, weigh: bool) -> None:
        text, two_way, corrections = self.text, self.two_way, self._corrections

        def job(models: Any, cancel: Event) -> Iterator[Any]:
            kept, stop = corrections.get(), cancel.is_set
            if score:
                yield from look(models, text, words=weigh, two_way=two_way, corrections=kept, cancelled=stop)
            else:
                yield from explain(models, text, two_way=two_way, corrections=kept, cancelled=stop)

        self._weighs = weigh
        self._job.start(job, title=tr("Sentiment of a text"), role="sentiment")

    def cancel(self) -> bool:
        """Stop the work and keep what is there; False where nothing runs."""
        running = self._job.running
        self._job.cancel()
        return running

    def warm_up(self) -> None:
        """Load the model before there is a text, behind everything else."""
        if not self._job.running:
            self._job.start(
                lambda models, cancel: sentiment(models, [], cancelled=cancel.is_set),
                title=tr("Preparing Sentiment"),
                role="sentiment",
                lane="background",
            )

    def stop(self) -> None:
        """Forget the text."""
        self._job.drop()
        self.text = ""
        self.field.unmark()
        self.verdict.clear()
        self.verdict.state.clear()

    @property
    def running(self) -> bool:
        return self._job.running

    def _on_event(self, event: object) -> None:
        if isinstance(event, Scored):
            self._explained = False
            self.verdict.show_scored(event, self.two_way, self._corrections.label_of(self.text))
            if self.field.text() == self.text:
                self.field.mark(event.sentences, self.two_way)
            self.verdict.state.setText(tr("Weighing the words…") if event.label and self._weighs else "")
            self.scored.emit(event)
        elif isinstance(event, Explained):
            self._explained = True
            if self.field.text() == self.text:
                self.field.mark_words(event.words)
            self.verdict.show_words(self.text, event.words)
        elif isinstance(event, Progress) and event.stage != "stage.scoring":
            self.verdict.state.setText(message(event.stage))
        elif isinstance(event, Notice):
            self.verdict.state.setText(message(event.key, **event.values))

    def _on_end(self, state: str, error: object) -> None:
        self.verdict.state.clear()
        scored = self.verdict.scored
        self.verdict.explain_button.setVisible(
            bool(self.text) and scored is not None and bool(scored.label) and not self._explained
        )
        if state == "failed" and self.text:  # of warming up nobody has asked for
            self.failed.emit(error)
