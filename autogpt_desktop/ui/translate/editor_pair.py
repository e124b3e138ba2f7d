"""Source and translation, side by side or one above the other: they scroll and light up together."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QSplitter, QVBoxLayout, QWidget

from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.events import Progress
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.editors import Mark, SentenceEdit, SourceEdit, TargetEdit, look
from autogpt_desktop.ui.translate.labels import flag_text
from autogpt_desktop.ui.translate.sentence_map import Edit, SentenceMap, Span
from autogpt_desktop.ui.translate.target_words import TargetWords, terms_in, words_between
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import (
    ElidedLabel,
    button,
    icon_button,
    label,
    name_button,
    set_property,
)
from autogpt_desktop.ui.widgets.info_button import InfoButton

STACKED = 640  # px below which one editor stands above the other
UNSURE = 0.25  # a sentence that is less likely to be of use is underlined


class EditorPane(QFrame):
    """An editor with a line of progress above and a row of small things below."""

    def __init__(self, edit: SentenceEdit) -> None:
        super().__init__()
        self.setObjectName("pane")
        self.edit = edit
        edit.setParent(self)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 1)
        self.foot = QHBoxLayout()
        self.foot.setContentsMargins(12, 0, 6, 6)
        self.foot.setSpacing(2)
        column = QVBoxLayout(self)
        column.setContentsMargins(2, 2, 2, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addWidget(edit, 1)
        column.addLayout(self.foot)
        self.setMinimumSize(160, 96)

    def show_focus(self, focused: bool) -> None:
        set_property(self, "focused", "true" if focused else "false")

    def show_progress(self, progress: Progress | None) -> None:
        """None: nothing is going on; the line stays where it is, empty."""
        if progress is None:
            self.bar.setRange(0, 1)
            self.bar.reset()
        elif progress.total:
            self.bar.setRange(0, progress.total)
            self.bar.setValue(progress.done)
        else:
            self.bar.setRange(0, 0)


class EditorPair(QWidget):
    """Both editors and what they know of each other."""

    sentence_clicked = Signal(int)  # number of the pair
    words_clicked = Signal(int, object)  # number of the pair, and TargetWords of its translation
    copy_requested = Signal()
    clear_requested = Signal()
    stop_requested = Signal()
    review_requested = Signal()  # the list of sentences to look at again
    facts_shown = Signal()

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self.map = SentenceMap()
        self.glossary = Glossary()
        self._lit = -1  # the pair that is lit up
        self._word = (False, -1)  # whether it was pointed at in the source, and where: that word is lit more
        self._held = -1  # the one whose alternatives are shown
        self._held_words: TargetWords | None = None  # what of it is to be said differently
        self._syncing = False
        self.source, self.target = SourceEdit(context), TargetEdit(context)
        self.target.tip_at = self._tip
        self.left, self.right = EditorPane(self.source), EditorPane(self.target)
        set_property(self.right, "side", "target")
        self.count = ElidedLabel(size="small", tone="muted")
        self.clear_button = icon_button("close")
        self.state = ElidedLabel(size="small", tone="muted")
        self.facts = label(size="small", tone="muted")
        self.info_button = InfoButton(self.facts)
        self.review_count = button(kind="quiet")
        self.review_count.setIcon(icons.icon("warning", "warning"))
        self.stop_button = icon_button("stop")
        self.copy_button = icon_button("copy")
        for made in (self.clear_button, self.stop_button, self.copy_button):
            made.setIconSize(QSize(16, 16))
            made.setFixedSize(28, 28)
        self.left.foot.addWidget(self.count, 1)
        self.left.foot.addWidget(self.clear_button)
        self.right.foot.addWidget(self.info_button)
        self.right.foot.addWidget(self.facts)
        self.right.foot.addWidget(self.state, 1)
        for widget in (self.review_count, self.stop_button, self.copy_button):
            self.right.foot.addWidget(widget)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setHandleWidth(8)
        self.splitter.setObjectName("gap")
        self.splitter.setChildrenCollapsible(False)
        for place, pane in enumerate((self.left, self.right)):
            self.splitter.addWidget(pane)
            self.splitter.setStretchFactor(place, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.splitter)
        self._mark_timer = QTimer(self)
        self._mark_timer.setSingleShot(True)
        self._mark_timer.setInterval(30)
        self._mark_timer.timeout.connect(self.show_marks)
        self._connect()
        self.retranslate()

    def _connect(self) -> None:
        self.source.pointed.connect(self._on_source_pointed)
        self.target.pointed.connect(self._on_target_pointed)
        self.source.cursorPositionChanged.connect(self._on_source_caret)
        self.target.cursorPositionChanged.connect(self._on_target_caret)
        self.source.verticalScrollBar().valueChanged.connect(self._on_source_scrolled)
        self.target.verticalScrollBar().valueChanged.connect(self._on_target_scrolled)
        self.target.sentence_clicked.connect(self._on_clicked)
        self.target.words_clicked.connect(self._on_words_clicked)
        self.review_count.clicked.connect(self.review_requested)
        self.copy_button.clicked.connect(self.copy_requested)
        self.clear_button.clicked.connect(self.clear_requested)
        self.stop_button.clicked.connect(self.stop_requested)
        self._context.theme_changed.connect(self._marks_soon)
        self._context.models_listed.connect(self._show_model)
        self._context.panels.role_changed.connect(self._show_model)

    def retranslate(self) -> None:
        self.source.setAccessibleName(tr("Text to translate"))
        self.source.setPlaceholderText(tr("Write or paste a text, or drop files"))
        self.target.setAccessibleName(tr("Translation"))
        self.target.setAccessibleDescription(
            tr("Enter shows other ways to say a sentence, or selected words")
        )
        name_button(self.clear_button, tr("Clear the text"))
        name_button(self.copy_button, tr("Copy the translation"), "Ctrl+Shift+C")
        name_button(self.stop_button, tr("Stop translating"), "Esc")
        self.left.bar.setAccessibleName(tr("Progress"))
        self.right.bar.setAccessibleName(tr("Progress of the translation"))
        self.info_button.name(tr("How it was translated"))
        self._show_model()
        self.show_facts()

    # --- changes ----------------------------------------------------------------------------

    def apply(self, edits: list[Edit]) -> None:
        """Make changes of the map visible."""
        if edits:
            self._syncing = True
            self.target.apply(edits)
            self._syncing = False
        self._marks_soon()
        self.show_facts()

    def hold(self, index: int, words: TargetWords | None = None) -> None:
        """Keep a pair lit, and words of its translation more; -1: none."""
        self._held, self._held_words = index, words
        self.show_marks()

    def set_glossary(self, glossary: Glossary) -> None:
        self.glossary = glossary
        self._marks_soon()

    def _show_model(self) -> None:
        """Which model translates, and who chose it; or which packs."""
        working = self._context.panels.working.get("translate")
        if working is not None:
            self.info_button.set_facts(working.title)
            return
        model = self._context.model_for("translate")
        how = (
            tr("chosen by you")
            if "translate" in self._context.settings.roles
            else tr("chosen by the app, of those that are here")
        )
        self.info_button.set_facts(f"{model.title} · {how}" if model is not None else "")

    def flagged(self) -> list[int]:
        return [index for index, pair in enumerate(self.map.pairs) if pair.flags]

    def show_facts(self) -> None:
        """How long the text is, and how many sentences should be looked at."""
        size = self.source.document().characterCount() - 1
        self.count.set_text(tr("{n} characters", n=f"{size:,}") if size else "")
        self.clear_button.setVisible(size > 0)
        self.copy_button.setEnabled(self.target.document().characterCount() > 1)
        flagged = len(self.flagged())
        self.review_count.setVisible(flagged > 0)
        self.review_count.setText(tr("{n} to check", n=flagged))
        name_button(self.review_count, tr("{n} sentences to look at again", n=flagged), "Ctrl+F8")
        self.facts_shown.emit()

    # --- together ---------------------------------------------------------------------------

    def _on_source_pointed(self, place: int) -> None:
        if place >= 0:
            self._light(self.map.at_source(place), place, True)
        else:
            self._light_caret()

    def _on_target_pointed(self, place: int) -> None:
        if place >= 0:
            self._light(self.map.at_target(place), place, False)
        else:
            self._light_caret()

    def _on_source_caret(self) -> None:
        if self.source.hasFocus():
            self._light_caret()

    def _on_target_caret(self) -> None:
        if self.target.hasFocus():
            self._light_caret()

    def _light_caret(self) -> None:
        """What somebody reads with the keys; nothing while they write."""
        place = self.target.textCursor().position() if self.target.hasFocus() else -1
        self._light(self.map.at_target(place) if place >= 0 else -1, place, False)

    def _light(self, index: int, place: int, in_source: bool) -> None:
        before = self._lit, self._linked()
        self._lit, self._word = index, (in_source, place)
        if (index, self._linked()) != before:
            self.show_marks()

    def _linked(self) -> tuple[list[Span], list[Span]]:
        """The word that is pointed at, and its counterpart."""
        in_source, place = self._word
        if place < 0 or not 0 <= self._lit < len(self.map.pairs):
            return [], []
        return self.map.linked_words(self._lit, place, in_source)

    def _on_source_scrolled(self) -> None:
        self._follow(self.source, self.target)

    def _on_target_scrolled(self) -> None:
        self._follow(self.target, self.source)

    def _follow(self, leader: SentenceEdit, other: SentenceEdit) -> None:
        """The sentence at the top of one stands at the top of the other; ends meet ends."""
        self._marks_soon()
        if self._syncing or not self.map.pairs:
            return
        bar, others = leader.verticalScrollBar(), other.verticalScrollBar()
        if bar.value() == bar.minimum():
            value = others.minimum()
        elif bar.value() == bar.maximum():
            value = others.maximum()
        else:
            place = leader.place_of_line(bar.value())
            value = other.line_of(self._counterpart(place, leader is self.source))
        self._syncing = True
        others.setValue(value)
        self._syncing = False

    def _counterpart(self, place: int, from_source: bool) -> int:
        """About the same place in the other editor: as far into the same sentence."""
        pairs = self.map.pairs
        if from_source:
            index = next((i for i in range(len(pairs)) if pairs[i].end >= place), len(pairs) - 1)
        else:
            index = min(self.map.from_target(place), len(pairs) - 1)
        spans = self.map.source_span(index), self.map.target_span(index)
        (start, end), (start2, end2) = spans if from_source else spans[::-1]
        share = (place - start) / (end - start) if end > start else 0.0
        return start2 + round(min(max(share, 0.0), 1.0) * (end2 - start2))

    # --- marks ------------------------------------------------------------------------------

    def _marks_soon(self) -> None:
        if not self._mark_timer.isActive():
            self._mark_timer.start()

    def show_marks(self) -> None:
        """Underline and light up what is in sight."""
        context, pairs = self._context, self.map.pairs
        lit = look(background=context.color("accent_soft"))
        word = look(background=context.color("selection"))
        unsure = look(underline=context.color("muted"))
        wrong = look(underline=context.color("warning"), wave=True)
        term = look(underline=context.color("accent"))
        source_marks: list[Mark] = []
        target_marks: list[Mark] = []
        signs: list[int] = []
        for index in dict.fromkeys((self._held, self._lit)):
            if 0 <= index < len(pairs):
                source_marks.append((*self.map.source_span(index), lit))
                target_marks.append((*self.map.target_span(index), lit))
        for marks, spans in zip((source_marks, target_marks), self._linked(), strict=True):
            marks += [(*span, word) for span in spans]
        if self._held_words is not None:
            target_marks.append((self._held_words.start, self._held_words.end, word))
        first, last = self.target.visible_range()
        for index in range(self.map.from_target(first), len(pairs)):
            start, end = self.map.target_span(index)
            if start > last:
                break
            pair = pairs[index]
            if pair.flags:
                target_marks.append((start, end, wrong))
                signs.append(start)
            elif pair.confidence < UNSURE and not pair.chosen:
                target_marks.append((start, end, unsure))
            for at, size in terms_in(self.glossary, pair):
                target_marks.append((start + at, start + at + size, term))
        self.source.show_marks(source_marks)
        self.target.show_marks(target_marks)
        self.target.gutter.show_places(signs)

    def _tip(self, place: int) -> str:
        index = self.map.at_target(place)
        if index < 0:
            return ""
        pair = self.map.pairs[index]
        lines = [flag_text(flag) for flag in pair.flags]
        missing = self.glossary.missing(pair.source, pair.text) if "glossary" in pair.flags else []
        lines += [f"{one.source} → {one.target}" for one in missing]
        if not pair.flags and pair.confidence < UNSURE and not pair.chosen:
            lines.append(tr("Uncertain: compare it with the original."))
        lines += [
            tr("Glossary: {term}", term=f"{one.source} → {one.target}")
            for one in self.glossary.found(pair.source)
            if one not in missing
        ]
        return "\n".join(lines)

    def _on_clicked(self, place: int) -> None:
        index = self.map.at_target(place)
        if index >= 0:
            self.sentence_clicked.emit(index)

    def _on_words_clicked(self, start: int, end: int) -> None:
        index = self.map.at_target(start)
        words = words_between(self.map, index, start, end) if index >= 0 else None
        if words is not None:
            self.words_clicked.emit(index, words)
        else:
            self._on_clicked(start)

    def next_flagged(self) -> None:
        """Go to the next sentence that should be looked at, and around."""
        self._step(1)

    def previous_flagged(self) -> None:
        self._step(-1)

    def _step(self, step: int) -> None:
        flagged = self.flagged()
        if not flagged:
            return
        now = self.map.from_target(self.target.textCursor().position()) if self.target.hasFocus() else -1
        ahead = [index for index in flagged if (index > now if step > 0 else index < now)]
        self.go_to((ahead or flagged)[0 if step > 0 else -1])

    def go_to(self, index: int) -> None:
        """To a sentence of the translation, with other ways to say it."""
        start, _ = self.map.target_span(index)
        cursor = QTextCursor(self.target.document())
        cursor.setPosition(start)
        self.target.setFocus()
        self.target.setTextCursor(cursor)
        self.target.reveal(start)
        self.sentence_clicked.emit(index)

    def place_of(self, index: int, words: TargetWords | None = None) -> QPoint:
        """Where the end of a translated sentence, or of words, is on the screen: where its popup belongs."""
        start, end = (words.start, words.end) if words is not None else self.map.target_span(index)
        self.target.reveal(start)
        left, below = self.target.rect_of(start).left(), self.target.rect_of(end).bottom()
        if self.target.rect_of(end).top() > self.target.rect_of(start).top():
            left = self.target.rect_of(self.target.place_of_line(self.target.line_of(end))).left()
        place = QPoint(left, min(below, self.target.viewport().height()))
        return self.target.viewport().mapToGlobal(place)

    # --- Qt ---------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        stacked = event.size().width() < STACKED
        orientation = Qt.Orientation.Vertical if stacked else Qt.Orientation.Horizontal
        if self.splitter.orientation() != orientation:
            self.splitter.setOrientation(orientation)
            self.splitter.setSizes([1000, 1000])
        self._marks_soon()
