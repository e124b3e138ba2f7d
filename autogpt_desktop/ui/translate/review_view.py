"""The sentences that should be looked at again, in a list beside the editors or the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.labels import flag_text
from autogpt_desktop.ui.translate.side_panel import SidePanel
from autogpt_desktop.ui.widgets.basic import button, label
from autogpt_desktop.ui.widgets.text_field import TextField

_AROUND = 160  # characters of the paragraph that are shown on each side of a sentence
_BESIDE, _ABOVE = 36, 18  # px beside and above an item's text, by the style sheet
_SHOWN = 120  # characters of a sentence in the list


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A sentence, its translation, and why it should be looked at."""

    source: str
    text: str
    flags: tuple[str, ...]
    paragraph: str = ""  # that it stands in, of a file, and where it does: [start:end]
    start: int = 0
    end: int = 0
    number: int = 0  # of the paragraph, and of how many
    total: int = 0

    @property
    def why(self) -> str:
        return "\n".join(flag_text(flag) for flag in self.flags)


class ReviewView(SidePanel):
    """A click on a sentence goes to it. Those of a file can be corrected here."""

    chosen = Signal(int)  # number in the list
    corrected = Signal(int, str)

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.items: list[ReviewItem] = []
        self._name = ""  # of the file
        self._typed: dict[tuple[object, ...], str] = {}  # corrections that are not saved
        self._key: tuple[object, ...] | None = None  # of the sentence in the field
        self.hint = label(size="small", tone="muted", wrap=True)
        self.list = _SentenceList()
        self.list.setObjectName("review")
        self.list.setWordWrap(True)
        self.list.setSpacing(1)
        self.list.setVerticalScrollMode(QListWidget.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self._on_chosen)
        self.list.itemActivated.connect(self._on_chosen)
        self.list.currentRowChanged.connect(self._show_sentence)
        self.place = label(size="small", tone="muted")
        self.original = label(wrap=True)
        self.original.setTextFormat(Qt.TextFormat.RichText)
        self.original.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.edit = TextField(context, "translate")
        self.edit.setMaximumHeight(140)
        self.edit.textChanged.connect(self._on_typed)
        self.save_button = button()
        self.save_button.clicked.connect(self._save)
        self._detail = QWidget()
        detail = QVBoxLayout(self._detail)
        detail.setContentsMargins(0, 0, 0, 0)
        detail.setSpacing(8)
        detail.addWidget(self.place)
        detail.addWidget(self.original)
        detail.addWidget(self.edit)
        detail.addWidget(self.save_button, 0, Qt.AlignmentFlag.AlignRight)
        self.column.addWidget(self.hint)
        self.column.addWidget(self.list, 1)
        self.column.addWidget(self._detail)
        self._show_sentence(-1)
        self.retranslate()

    def retranslate(self) -> None:
        super().retranslate()
        self.title.setText(tr("To look at again"))
        self.list.setAccessibleName(tr("Sentences to look at again"))
        self.edit.setAccessibleName(tr("Translation"))
        self.save_button.setText(tr("Save the correction"))
        self._show_hint()

    def show_items(self, items: Sequence[ReviewItem], name: str = "") -> None:
        """``name``: the file that the sentences are of; "" for the text in the editor."""
        row = self.list.currentRow()
        self.items, self._name = [*items], name
        self.list.clear()
        for one in self.items:
            source = " ".join(one.source.split())
            shown = source if len(source) <= _SHOWN else f"{source[:_SHOWN].rstrip()}…"
            QListWidgetItem(f"{shown}\n{one.why}", self.list)
        self.list.fit()
        if self.items and name:
            self.list.setCurrentRow(min(max(row, 0), len(self.items) - 1))
        self._show_sentence(self.list.currentRow())
        self._show_hint()

    def focus_first(self) -> None:
        (self.list if self.items else self.close_button).setFocus()

    def _show_hint(self) -> None:
        if not self.items:
            text = tr("No sentence needs another look.")
        elif self._name:
            text = tr("{name}: choose a sentence to compare and correct it.", name=self._name)
        else:
            text = tr("Choose a sentence to go to it.")
        self.hint.setText(text)

    def _show_sentence(self, row: int) -> None:
        self._detail.setVisible(bool(self._name) and 0 <= row < len(self.items))
        if 0 <= row < len(self.items):
            item = self.items[row]
            place = tr("Paragraph {n} of {total}", n=f"{item.number:,}", total=f"{item.total:,}")
            self.place.setText(place if item.number else "")
            self.original.setText(in_paragraph(item))
            self.original.setAccessibleName(item.source)
            key = (self._name, item.number, item.start, item.source)
            if self._typed.get(key, "").strip() == item.text:
                self._typed.pop(key, None)
            self._key = None
            self.edit.setPlainText(self._typed.get(key, item.text))
            self._key = key

    def _on_typed(self) -> None:
        if self._key is not None:  # it stands there again when its sentence is shown again
            self._typed[self._key] = self.edit.text()

    def _on_chosen(self, item: QListWidgetItem) -> None:
        self.chosen.emit(self.list.row(item))

    def _save(self) -> None:
        row, text = self.list.currentRow(), self.edit.text().strip()
        if 0 <= row < len(self.items) and text:
            self.corrected.emit(row, text)


class _SentenceList(QListWidget):
    """Each sentence and its reasons, in as many lines as they need: Qt forgets the room around a text."""

    def fit(self) -> None:
        room = self.viewport().width() - _BESIDE
        wrap = Qt.TextFlag.TextWordWrap
        for row in range(self.count()):
            item = self.item(row)
            rect = self.fontMetrics().boundingRect(0, 0, max(60, room), 10_000, wrap, item.text())
            item.setSizeHint(QSize(max(60, room), rect.height() + _ABOVE))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self.fit()


def in_paragraph(item: ReviewItem) -> str:
    """The sentence as HTML, with what stands around it in its paragraph."""
    before, after = item.paragraph[: item.start], item.paragraph[item.end :]
    if not before.strip() and not after.strip():
        return _as_html(item.source)
    first = f"…{before[-_AROUND:]}" if len(before) > _AROUND else before
    last = f"{after[:_AROUND]}…" if len(after) > _AROUND else after
    return f"{_as_html(first)}<b>{_as_html(item.paragraph[item.start : item.end])}</b>{_as_html(last)}"


def _as_html(text: str) -> str:
    return escape(text).replace("\n", "<br>")
