"""Look inside: what the chat model expects next, what surprised it, what its tokens look at; as one types."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks import look_inside
from autogpt_desktop.tasks.look_inside import Attention, Reading
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.lab.inside.attention_view import MEAN, AttentionView
from autogpt_desktop.ui.lab.inside.likely import LikelyTokens
from autogpt_desktop.ui.lab.inside.surprise import SurpriseText
from autogpt_desktop.ui.models.offer import ModelOffer
from autogpt_desktop.ui.widgets.basic import label
from autogpt_desktop.ui.widgets.boxes import ComboBox
from autogpt_desktop.ui.widgets.segmented import SegmentedChoice
from autogpt_desktop.ui.widgets.text_field import TextField

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels
    from autogpt_desktop.ui.context import AppContext

NEXT, SURPRISE, ATTENTION = "next", "surprise", "attention"
SOON = 250  # milliseconds behind the last key


class InsidePage(QWidget):
    """``failed`` carries an exception."""

    failed = Signal(object)

    def __init__(self, context: AppContext, panel_key: str) -> None:
        super().__init__()
        self._context = context
        self.reading: Reading | None = None
        self.attention: Attention | None = None
        self.field = TextField(context, panel_key)
        self.field.setMinimumHeight(72)
        self.field.textChanged.connect(self._on_changed)
        self.modes = SegmentedChoice((NEXT, SURPRISE, ATTENTION))
        self.modes.chosen.connect(self._on_mode)
        self.state = label(size="small", tone="muted", wrap=True)
        self.likely = LikelyTokens()
        self.likely.pressed.connect(self._write)
        self.surprise = SurpriseText()
        self.figures = label(size="small", tone="muted", wrap=True)
        self.map = AttentionView()
        self.layer, self.head = ComboBox(), ComboBox()
        for box in (self.layer, self.head):
            box.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToContents)
        self.layer.currentIndexChanged.connect(self._on_layer)
        self.head.currentIndexChanged.connect(self._show_map)
        self.offer = ModelOffer(context, context.downloads, "chat")
        self.pages = QStackedWidget()
        for page in (self._next_page(), self._surprise_page(), self._attention_page()):
            self.pages.addWidget(page)
        below = QWidget()
        column = QVBoxLayout(below)
        column.setContentsMargins(0, 8, 0, 0)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.modes)
        row.addWidget(self.state, 1)
        column.addLayout(row)
        column.addWidget(self.offer)
        column.addWidget(self.pages, 1)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.field)
        splitter.addWidget(below)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([110, 400])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 8, 16, 16)
        outer.addWidget(splitter)
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_event)
        self._job.ended.connect(self._on_end)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SOON)
        self._timer.timeout.connect(self.look)
        context.models_listed.connect(self._on_models)
        self.retranslate()

    def _next_page(self) -> QWidget:
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.likely)
        column.addStretch(1)
        inner.setMaximumWidth(720)
        area.setWidget(inner)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        return area

    def _surprise_page(self) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.figures)
        column.addWidget(self.surprise, 1)
        return page

    def _attention_page(self) -> QWidget:
        page = QWidget()
        row = QHBoxLayout()
        row.setSpacing(8)
        self._layer_label, self._head_label = label(size="small"), label(size="small")
        for name, box in ((self._layer_label, self.layer), (self._head_label, self.head)):
            name.setBuddy(box)
            row.addWidget(name)
            row.addWidget(box)
        row.addStretch(1)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.map, 1)
        return page

    def retranslate(self) -> None:
        self.field.setPlaceholderText(tr("Write something. The model says what it expects next as you type."))
        self.field.setAccessibleName(tr("Text to look at"))
        self.modes.set_texts(
            tr("What is looked at"),
            {NEXT: tr("Next token"), SURPRISE: tr("Surprise"), ATTENTION: tr("Attention")},
        )
        self.surprise.setAccessibleName(tr("The text, colored by surprise"))
        self._layer_label.setText(tr("Layer"))
        self._head_label.setText(tr("Head"))
        self.layer.setAccessibleName(tr("Layer"))
        self.head.setAccessibleName(tr("Head"))
        if self.head.count():
            self.head.setItemText(0, tr("All (mean)"))
        self._show_figures()

    def restyle(self) -> None:
        self.likely.restyle()
        self.surprise.restyle()
        self.map.update()

    def focus_input(self) -> None:
        self.field.setFocus()

    def set_text(self, text: str) -> None:
        self.field.replace_text(text)

    def stop(self) -> bool:
        """Esc: False where nothing runs."""
        running = self._job.running
        self._job.cancel()
        return running

    def shutdown(self) -> None:
        self._timer.stop()
        self._job.detach()

    # --- the job

    def look(self) -> None:
        """Read the text as it is now."""
        if self.field.composing:
            self._timer.start()
            return
        text, mode = self.field.text(), self.modes.choice
        if self._context.model_for("chat") is None or (not text and mode != NEXT):
            self._clear()
            return
        layer = max(0, self.layer.currentIndex())

        def job(models: JobModels, cancel: Event) -> Iterator[object]:
            if mode == ATTENTION:
                yield from look_inside.attend(models, text, layer, cancel.is_set)
            else:
                yield from look_inside.read(models, text, cancel.is_set)

        self._job.start(job, title=tr("Looking inside the model"), role="chat")

    def _clear(self) -> None:
        self._job.detach()
        self.reading = self.attention = None
        self.likely.show_tokens(())
        self.surprise.show_tokens(())
        self.map.show_attention(None, MEAN)
        self.state.clear()
        self._show_figures()

    def _on_event(self, event: object) -> None:
        if isinstance(event, Reading):
            self.reading = event
            self.likely.show_tokens(event.likely)
            self.surprise.show_tokens(event.tokens)
            self._show_cut(event.cut, look_inside.MOST_TOKENS)
            self._show_figures()
        elif isinstance(event, Attention):
            self._show_attention(event)

    def _on_end(self, state: str, error: object) -> None:
        if state == "failed":
            self._clear()
            if isinstance(error, KnownError) and error.key == "prompt-empty":
                return  # this model begins with no token of its own: there is nothing to expect yet
            self.failed.emit(error)

    def _show_cut(self, cut: bool, most: int) -> None:
        self.state.setText(tr("Only the first {n} tokens were read.", n=f"{most:,}") if cut else "")

    def _show_attention(self, event: Attention) -> None:
        self.attention = event
        layers = [str(number + 1) for number in range(event.layers)]
        heads = [tr("All (mean)"), *(str(number + 1) for number in range(len(event.maps) - 1))]
        for box, names in ((self.layer, layers), (self.head, heads)):
            if box.count() != len(names):  # another model
                box.blockSignals(True)
                box.clear()
                box.addItems(names)
                box.blockSignals(False)
        self._show_cut(event.cut, look_inside.MOST_ATTENTION)
        self._show_map()

    def _show_map(self, _index: int = 0) -> None:
        self.map.show_attention(self.attention, self.head.currentIndex())

    def _show_figures(self) -> None:
        reading = self.reading
        if reading is None or not reading.counted:
            self.figures.setText(tr("The stronger the color, the less the model expected it."))
            return
        self.figures.setText(
            tr("Perplexity {perplexity} · {bits} bits a token · {byte} bits a byte · {n} tokens. "
               "The stronger the color, the less the model expected it.",
               perplexity=f"{reading.perplexity:.2f}", bits=f"{reading.bits / reading.counted:.2f}",
               byte=f"{reading.bits_per_byte:.2f}", n=f"{len(reading.tokens):,}")
        )  # fmt: skip

    # --- slots

    def _on_changed(self) -> None:
        self._timer.start()

    def _on_mode(self, mode: str) -> None:
        self.pages.setCurrentIndex((NEXT, SURPRISE, ATTENTION).index(mode))
        self.look()

    def _on_layer(self, _index: int) -> None:
        self.look()

    def _on_models(self) -> None:
        if self.isVisible() and self.field.text():
            self._timer.start()

    def _write(self, text: str) -> None:
        """The token that was pressed comes behind the text."""
        if "\\x" in text:  # a part of a character
            return
        cursor = self.field.textCursor()
        cursor.movePosition(cursor.MoveOperation.End)
        cursor.insertText(text)
        self.field.setTextCursor(cursor)
        self.field.setFocus()
