"""The verdict on one text: its label, its probabilities, the words that carried it, what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QToolButton, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.sentiment.judges import Verdict as Judged
from autogpt_desktop.tasks.sentiment.measure import EMPTY, LANGUAGE, LONG, MOST_CHARACTERS
from autogpt_desktop.tasks.sentiment.sentiment import WordWeight
from autogpt_desktop.ui.sentiment.labels import LABELS, face, percent, word
from autogpt_desktop.ui.sentiment.scheme import SENTIMENT, Scheme
from autogpt_desktop.ui.sentiment.share_bar import ShareBar
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import ToolButton, button, label, languages_text
from autogpt_desktop.ui.widgets.theme import theme

MOST_WORDS = 6  # words that are named below the bar


class CorrectButton(ToolButton):
    """A menu that says what a text really is. ``chosen``: a label, or "" to take that back."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.corrected_label = ""  # what the user said before
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
        fill_correct_menu(self.menu(), self.corrected_label, self.chosen.emit)


def fill_correct_menu(menu: QMenu, corrected_label: str, choose: Callable[[str], object]) -> None:
    """The three labels, and back to the model's if a user gave one."""
    for each in LABELS:
        action = menu.addAction(icons.icon(face(each), each), word(each))
        action.setCheckable(True)
        action.setChecked(each == corrected_label)
        action.triggered.connect(partial(_choose, choose, each))
    if corrected_label:
        menu.addSeparator()
        action = menu.addAction(icons.icon("undo"), tr("Take my correction back"))
        action.triggered.connect(partial(_choose, choose, ""))


def _choose(choose: Callable[[str], object], label_: str, _checked: bool = False) -> None:
    choose(label_)


class Verdict(QWidget):
    """``corrected`` carries the label that a user chose, "" to take it back."""

    corrected = Signal(str)
    explain_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.scored: Judged | None = None
        self.scheme = SENTIMENT
        self._two_way = False
        self._corrected_label = ""
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

    def set_scheme(self, scheme: Scheme) -> None:
        """Other labels: what is shown goes."""
        self.scheme = scheme
        self.clear()

    def show_scored(self, scored: Judged, two_way: bool, corrected_label: str) -> None:
        self.scored, self._two_way, self._corrected_label = scored, two_way, corrected_label
        self._words = []
        self._show()

    def show_corrected_label(self, corrected_label: str) -> None:
        """The user's own label, "" where there is none."""
        self._corrected_label = corrected_label
        self._show()

    def show_words(self, text: str, words: tuple[WordWeight, ...]) -> None:
        """The words that did most, the strongest first, each once."""
        strongest: dict[str, float] = {}
        for each in sorted(words, key=lambda one: -abs(one.weight)):
            strongest.setdefault(text[each.start : each.end], each.weight)
        self._words = list(strongest.items())[:MOST_WORDS]
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
        for part in (self.bar, self._picture):
            part.setVisible(known)
        self.correct.setVisible(known and not self.scheme.is_own)
        self.correct.corrected_label = self._corrected_label
        self.title.setVisible(scored is not None)
        self.note.hide()
        if scored is not None:
            self._show_title(scored)
            self.bar.show_shares(scored.shares, self._two_way, self.scheme)
            note = flags_text(scored)
            self.note.setText(note)
            self.note.setVisible(bool(note))
        self._show_words()

    def _show_title(self, scored: Judged) -> None:
        shown = self._corrected_label or scored.label
        if not shown:
            self.title.setText(tr("There is no text here"))
            return
        name = self.scheme.word(shown)
        if self._corrected_label:
            self.title.setText(tr("You say: {label}", label=name))
        else:
            self.title.setText(f"{name} · {percent(max(scored.shares))}")
        color = theme().color("text") if self.scheme.is_own else self.scheme.color(shown)
        self.title.setStyleSheet(f"color: {color.name()};")
        self._picture.setPixmap(self.scheme.pixmap(shown, QSize(24, 24), self.devicePixelRatioF()))

    def _show_words(self) -> None:
        strong = [(found, weight) for found, weight in self._words if abs(weight) >= 0.1]
        self.words.setVisible(bool(strong) and self.scored is not None)
        if strong:
            signed = [(found, f"{weight:+.1f}".replace("-", "−")) for found, weight in strong]
            listed = " · ".join(f"\u2066\u2068{found}\u2069 {weight}\u2069" for found, weight in signed)
            self.words.setText(tr("Words that decided: {words}", words=listed))


def flags_text(scored: Judged) -> str:
    """What a user should know of how far to trust the verdict."""
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
