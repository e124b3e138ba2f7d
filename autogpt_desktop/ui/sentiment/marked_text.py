"""A text in which sentences are tinted by their sentiment and words underlined by what they carried."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QBrush, QHelpEvent, QPainter, QPaintEvent, QPen, QTextBlock, QTextCharFormat
from PySide6.QtWidgets import QTextEdit, QToolTip

from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.sentiment.sentiment import SentenceScore, WordWeight
from autogpt_desktop.ui.sentiment.labels import LABELS, shares_text
from autogpt_desktop.ui.widgets.basic import plain_tooltip
from autogpt_desktop.ui.widgets.text_field import TextField
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

WEAK = 0.22  # of the strongest word's weight; weaker ones are not underlined
LEAST = 0.25  # log-odds; weaker ones say nothing


def label_of(sentence: SentenceScore) -> tuple[str, float]:
    """A sentence's label and its probability."""
    shares = (sentence.positive, sentence.neutral, sentence.negative)
    at = max(range(3), key=shares.__getitem__)
    return LABELS[at], shares[at]


def utf16_places(text: str) -> list[int]:
    """Where Qt counts each character; [] where it counts as Python does."""
    if text.isascii() or max(text, default="") <= "\uffff":
        return []
    places, at = [], 0
    for character in text:
        places.append(at)
        at += 2 if character > "\uffff" else 1
    places.append(at)
    return places


class MarkedText(TextField):
    """A text field whose marks are thrown away as soon as its text changes."""

    def __init__(self, context: AppContext, panel_key: str) -> None:
        super().__init__(context, panel_key)
        self.sentences: tuple[SentenceScore, ...] = ()
        self.words: tuple[WordWeight, ...] = ()
        self._two_way = False
        self._places: list[int] = []
        self._text = ""  # that the marks belong to
        self.textChanged.connect(self._on_changed)
        context.theme_changed.connect(self._show_marks)

    def mark(self, sentences: tuple[SentenceScore, ...], two_way: bool) -> None:
        """Tint the sentences of the text as it is now."""
        self._text = self.text()
        self._places = utf16_places(self._text)
        self.sentences, self.words, self._two_way = sentences, (), two_way
        self._show_marks()

    def mark_words(self, words: tuple[WordWeight, ...]) -> None:
        """Underline the words that carried the decision."""
        strongest = max((abs(word.weight) for word in words), default=0.0)
        least = max(LEAST, WEAK * strongest)
        self.words = tuple(word for word in words if abs(word.weight) >= least)
        self.viewport().update()

    def unmark(self) -> None:
        if self.sentences or self.words:
            self.sentences, self.words = (), ()
            self._show_marks()

    def _on_changed(self) -> None:
        if (self.sentences or self.words) and self.text() != self._text:
            self.unmark()

    def _place(self, at: int) -> int:
        return self._places[at] if self._places else at

    def _show_marks(self) -> None:
        """One sentence alone has the verdict below it; from two on each has its tint."""
        selections = []
        length = self.document().characterCount() - 1
        for sentence in self.sentences if len(self.sentences) > 1 else ():
            label, share = label_of(sentence)
            if label == "neutral" or self._place(sentence.end) > length:
                continue
            tint = theme().color(label)
            strength = 0.08 + 0.14 * max(0.0, share - 0.4) + (0.08 if theme().is_dark else 0.0)
            tint.setAlphaF(strength)
            selections.append(self._selection(sentence, QBrush(tint)))
            if label == "negative":  # hatched too: not everybody sees the colors apart
                tint.setAlphaF(1.5 * strength)
                selections.append(self._selection(sentence, QBrush(tint, Qt.BrushStyle.BDiagPattern)))
        self.setExtraSelections(selections)
        self.viewport().update()

    def _selection(self, sentence: SentenceScore, brush: QBrush) -> QTextEdit.ExtraSelection:
        form = QTextCharFormat()
        form.setBackground(brush)
        cursor = self.textCursor()
        cursor.setPosition(self._place(sentence.start))
        cursor.setPosition(self._place(sentence.end), cursor.MoveMode.KeepAnchor)
        selection = QTextEdit.ExtraSelection()
        selection.format = form
        selection.cursor = cursor
        return selection

    # --- Qt ---------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.words:
            return
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        strongest = max(abs(word.weight) for word in self.words)
        starts = [self._place(word.start) for word in self.words]
        block, offset = self.firstVisibleBlock(), self.contentOffset()
        while block.isValid():
            area = self.blockBoundingGeometry(block).translated(offset)
            if area.top() > event.rect().bottom():
                break
            first = max(0, bisect_right(starts, block.position()) - 1)
            for word, start in zip(self.words[first:], starts[first:], strict=True):
                if start >= block.position() + block.length():
                    break
                self._underline(painter, block, area.topLeft(), word, abs(word.weight) / strongest)
            block = block.next()
        painter.end()

    def _underline(
        self, painter: QPainter, block: QTextBlock, origin: QPointF, word: WordWeight, strength: float
    ) -> None:
        """Thicker for stronger words; whole for positive ones, broken for negative ones."""
        start, end = (self._place(at) - block.position() for at in (word.start, word.end))
        label = "positive" if word.weight > 0 else "negative"
        width = 1.2 + 2.8 * strength
        pen = QPen(theme().color(label), width)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        if label == "negative":
            pen.setDashPattern([max(1.0, 4.0 / width), max(0.6, 2.0 / width)])
        painter.setPen(pen)
        layout = block.layout()
        for number in range(layout.lineCount()):
            line = layout.lineAt(number)
            low, high = max(start, line.textStart()), min(end, line.textStart() + line.textLength())
            if low >= high:
                continue
            left, right = (line.cursorToX(at)[0] for at in (low, high))  # type: ignore[index]
            y = origin.y() + line.y() + line.ascent() + 2.5 + width / 2
            painter.drawLine(QPointF(origin.x() + left, y), QPointF(origin.x() + right, y))

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = self.tip_at(event.pos())
            QToolTip.showText(event.globalPos(), plain_tooltip(text), self.viewport())
            return True
        return super().viewportEvent(event)

    def tip_at(self, place: QPoint) -> str:
        """What is known of the word and the sentence there."""
        at = self.cursorForPosition(place).position()
        lines = []
        for word in self.words:
            if self._place(word.start) <= at <= self._place(word.end):
                lines.append(word_text(self._text[word.start : word.end], word.weight))
                break
        for sentence in self.sentences:
            if self._place(sentence.start) <= at <= self._place(sentence.end):
                shares = (sentence.positive, sentence.neutral, sentence.negative)
                lines.append(tr("Sentence: {shares}", shares=shares_text(shares, self._two_way)))
                break
        return "\n".join(lines)


def word_text(word: str, weight: float) -> str:
    """A word and what it did."""
    if weight > 0:
        return tr("“{word}” speaks for positive ({weight})", word=word, weight=f"{weight:+.1f}")
    return tr("“{word}” speaks for negative ({weight})", word=word, weight=f"{weight:+.1f}")
