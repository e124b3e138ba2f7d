"""A text or a list that is written or pasted: judged as it changes, in the field itself or line by line."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.sentiment.sources import lines_of, looks_like_list
from autogpt_desktop.ui.models.offer import ModelOffer
from autogpt_desktop.ui.sentiment.corrections import CorrectionList
from autogpt_desktop.ui.sentiment.marked_text import MarkedText
from autogpt_desktop.ui.sentiment.run_control import FINISHED
from autogpt_desktop.ui.sentiment.run_view import RunView
from autogpt_desktop.ui.sentiment.scheme import Scheme
from autogpt_desktop.ui.sentiment.verdict import Verdict
from autogpt_desktop.ui.sentiment.verdict_job import VerdictJob
from autogpt_desktop.ui.widgets.basic import button
from autogpt_desktop.ui.widgets.draft_keeper import DraftKeeper
from autogpt_desktop.ui.widgets.segmented import SegmentedChoice

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

WHOLE, LINES = "whole", "lines"  # what is judged: all of the text, or each line
SOON, LATER = 300, 900  # milliseconds behind the last key: of short texts, of long ones and lists
LONG = 4_000  # characters
LINES_SHOWN = 5  # of a list, above its rows


class TextPage(QWidget):
    """``corrected`` carries a text and the label that a user gave it, "" to take it back."""

    corrected = Signal(str, str)
    failed = Signal(object)
    changed = Signal()
    open_requested = Signal()
    judged = Signal()  # the text or the list has its verdicts
    left = Signal()  # another text takes the place of this one, or none

    def __init__(self, context: AppContext, corrections: CorrectionList, panel_key: str) -> None:
        super().__init__()
        self.two_way = False
        self._corrections = corrections
        self._chosen: bool | None = None  # the user's: each line on its own
        self._count = 0  # lines that the field holds
        self._lines: list[str] = []  # that are judged or shown
        self.field = MarkedText(context, panel_key)
        self.field.setMinimumHeight(72)
        self.field.paste_refused.connect(self._on_refused)
        self.field.textChanged.connect(self._on_changed)
        self._modes = SegmentedChoice((WHOLE, LINES))
        self.whole_button, self.lines_button = self._modes.buttons[WHOLE], self._modes.buttons[LINES]
        self._modes.hide()
        self._modes.chosen.connect(self._on_mode)
        self.open_button = button(icon="folder")
        self.open_button.clicked.connect(self.open_requested)
        self._offer_place = QWidget()  # hides with the first letter, the offer itself once its model is here
        place = QVBoxLayout(self._offer_place)
        place.setContentsMargins(0, 8, 0, 0)
        self.offer = ModelOffer(context, context.downloads, "sentiment")
        place.addWidget(self.offer)
        self.verdict = Verdict()
        self.verdict.corrected.connect(self._on_corrected)
        self.job = VerdictJob(context, corrections, self.field, self.verdict)
        self.job.failed.connect(self.failed)
        self.job.ended.connect(self.judged)
        self.run_view = RunView(context, corrections, panel_key)
        self.run_view.corrected.connect(self.corrected)
        self.run_view.failed.connect(self.failed)
        self.run_view.changed.connect(self._on_run)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 8)
        column.setSpacing(8)
        column.addWidget(self.field, 1)
        column.addWidget(self._modes)
        column.addWidget(self.verdict)
        column.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._offer_place)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(upper)
        self.splitter.addWidget(self.run_view)
        self.splitter.setStretchFactor(1, 1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.splitter)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.judge)
        corrections.changed.connect(self._on_corrections)
        enabled = partial(getattr, context.settings, "keep_verdicts")
        self.draft = DraftKeeper("sentiment", self.field, self.failed.emit, self, enabled)
        if self.draft.restored:
            self.field.replace_text(self.draft.restored)
            self.field.document().clearUndoRedoStacks()
        self.retranslate()
        self._show()

    def retranslate(self) -> None:
        self.field.setPlaceholderText(
            tr("Write or paste a text, or a list with one text a line. It is judged as you type.")
        )
        self.field.setAccessibleName(tr("Text to judge"))
        self._name_modes()
        self.open_button.setText(tr("Open a table or a document…"))
        self.verdict.retranslate()
        self.run_view.retranslate()
        self._show()

    def restyle(self) -> None:
        self.verdict.restyle()
        self.run_view.restyle()

    # --- what the panel asks ----------------------------------------------------------------

    def set_text(self, text: str) -> bool:
        """Judge another text; False if it is too long for a field."""
        self.left.emit()
        self._chosen = None
        return self.field.replace_text(text)

    def open_text(self, text: str, as_list: bool) -> None:
        """One that was judged before, in the same way."""
        if self.set_text(text):
            self._chosen = as_list
            self.judge()

    def outcome(self) -> tuple[float, ...]:
        """What came out for the text that stands here: the probabilities of the labels, or how many lines
        each has. () as long as it is not judged.
        """
        control, scored = self.run_view.control, self.verdict.scored
        if self.is_list:
            done = control.state == FINISHED and self._lines == lines_of(self.field.text())
            return control.outcome() if done else ()
        if scored is None or not scored.label or self.job.text != self.field.text():
            return ()
        return scored.shares

    def set_two_way(self, two_way: bool) -> None:
        self.two_way = two_way
        if self.scheme.is_own:
            return
        if self.is_list:
            self.run_view.set_two_way(two_way)
        else:
            self.judge()

    @property
    def scheme(self) -> Scheme:
        """The labels that texts get."""
        return self.job.scheme

    def set_scheme(self, scheme: Scheme) -> None:
        """Judge by other labels."""
        self.left.emit()
        self.job.set_scheme(scheme)
        self.run_view.set_scheme(scheme)
        self.judge_again()

    def judge_again(self) -> None:
        """Another model plays the role."""
        self._lines = []
        if self.field.text().strip():
            self.judge()

    def stop(self) -> bool:
        """Esc: stop what runs; False where nothing does."""
        return self.run_view.control.stop() or self.job.cancel()

    @property
    def is_list(self) -> bool:
        """Each line is judged on its own."""
        return self.lines_button.isChecked() and not self._modes.isHidden()

    def judge(self) -> None:
        """The text as it is now, soon after the last key."""
        self._timer.stop()
        if self.field.composing:
            self._timer.start(SOON)
            return
        text = self.field.text()
        self._choose_mode(text)
        if not text.strip():
            self.job.stop()
            self._close_run()
            self.left.emit()
        elif self.is_list:
            self.job.stop()
            lines = lines_of(text)
            if lines != self._lines or self.run_view.control.table_run is None:
                self._lines = lines
                self.run_view.start_list(lines, self.two_way)
        else:
            self._close_run()
            self.job.start(text, self.two_way)
        self._show()

    # --- inside -----------------------------------------------------------------------------

    def _close_run(self) -> None:
        self._lines = []
        if self.run_view.control.table_run is not None:
            self.run_view.close_run()

    def _choose_mode(self, text: str) -> None:
        """Lines on their own where it looks like a list, unless the user has said otherwise."""
        if not text.strip():
            self._chosen = None
        count = len(lines_of(text)) if "\n" in text else 0
        self._modes.setVisible(count > 1)
        if count != self._count:
            self._count = count
            self._name_modes()
        as_list = count > 1 and (looks_like_list(text) if self._chosen is None else self._chosen)
        self._modes.set_choice(LINES if as_list else WHOLE)

    def _name_modes(self) -> None:
        lines = tr("Each line on its own ({n})", n=f"{self._count:,}")
        self._modes.set_texts(tr("How the text is judged"), {WHOLE: tr("One text"), LINES: lines})

    def _on_run(self) -> None:
        if self.run_view.control.state == FINISHED:
            self.judged.emit()
        self.changed.emit()

    def _on_mode(self, mode: str) -> None:
        self._chosen = mode == LINES
        self.judge()

    def _on_changed(self) -> None:
        length = self.field.document().characterCount()
        self._timer.start(LATER if length > LONG or self.is_list else SOON)
        if length <= 1:
            self.judge()
        self._show()

    def _on_refused(self, length: int) -> None:
        self.failed.emit(KnownError("sentiment-paste-long", n=f"{length:,}"))

    def _on_corrected(self, chosen: str) -> None:
        self.corrected.emit(self.job.text, chosen)

    def _share(self) -> None:
        """Rows get most of the room, the list that they are of some lines."""
        lines = min(self._count, LINES_SHOWN) + 1
        wanted = max(self.field.minimumHeight(), lines * self.field.fontMetrics().lineSpacing() + 24)
        upper = wanted + self._modes.sizeHint().height() + 16
        self.splitter.setSizes([upper, max(upper, self.height() - upper)])

    def _on_corrections(self) -> None:
        if not self.is_list and self.job.text and not self.scheme.is_own:
            self.verdict.show_corrected_label(self._corrections.label_of(self.job.text))
            self.judge()

    def _show(self) -> None:
        empty = self.field.document().isEmpty()
        self.open_button.setVisible(empty)
        self._offer_place.setVisible(empty and not self.scheme.is_own)
        self.verdict.setVisible(not empty and not self.is_list)
        has_rows = self.is_list and not empty
        if has_rows and self.run_view.isHidden():
            self._share()
        self.run_view.setVisible(has_rows)
        self.changed.emit()
