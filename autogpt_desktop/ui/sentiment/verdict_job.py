"""The job behind a verdict: a text is scored, then its words are weighed, and the field is marked."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.tasks.sentiment.own_labels import Labeled, label_text
from autogpt_desktop.tasks.sentiment.sentiment import Explained, Scored, explain, look, sentiment
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.sentiment.corrections import CorrectionList
from autogpt_desktop.ui.sentiment.marked_text import MarkedText
from autogpt_desktop.ui.sentiment.scheme import SENTIMENT, Scheme
from autogpt_desktop.ui.sentiment.verdict import Verdict

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels
    from autogpt_desktop.ui.context import AppContext

QUICK = 700  # bytes of a text whose words are weighed unasked: each word left out is one more reading


class VerdictJob(QObject):
    """Scores one text: its verdict and sentences first, then its words. A newer one replaces it."""

    failed = Signal(object)
    ended = Signal()  # the text has its verdict

    def __init__(
        self, context: AppContext, corrections: CorrectionList, field: MarkedText, verdict: Verdict
    ) -> None:
        super().__init__(field)
        self.field, self.verdict = field, verdict
        self.scheme = SENTIMENT
        self.two_way = False
        self.text = ""
        self._corrections = corrections
        self._weighs = self._explained = False
        verdict.explain_requested.connect(self.weigh)
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_event)
        self._job.ended.connect(self._on_end)

    def set_scheme(self, scheme: Scheme) -> None:
        """Other labels: what was judged is forgotten."""
        self.stop()
        self.scheme = scheme
        self.verdict.set_scheme(scheme)

    def start(self, text: str, two_way: bool) -> None:
        """Score ``text``, which is what the field holds, and weigh its words where that is quick."""
        self.text, self.two_way = text, two_way
        self.verdict.explain_button.hide()
        self.verdict.state.setText(tr("Reading…"))
        if self.scheme.is_own:
            self._submit_own()
        else:
            self._submit(score=True, weigh=len(text.encode()) <= QUICK)

    def weigh(self) -> None:
        """Weigh the words of a long text too."""
        if self.text:
            self.verdict.explain_button.hide()
            self.verdict.state.setText(tr("Weighing the words…"))
            self._submit(score=False, weigh=True)

    def _submit_own(self) -> None:
        text, scheme = self.text, self.scheme

        def job(models: JobModels, cancel: Event) -> Iterator[object]:
            return label_text(models, scheme.model, scheme.labels, text, cancel.is_set)

        self._weighs = False
        self._job.start(job, title=tr("Labels of a text"), role=scheme.role)

    def _submit(self, score: bool, weigh: bool) -> None:
        text, two_way, corrections = self.text, self.two_way, self._corrections

        def job(models: JobModels, cancel: Event) -> Iterator[object]:
            stored, stop = corrections.get(), cancel.is_set
            if score:
                yield from look(
                    models, text, words=weigh, two_way=two_way, corrections=stored, cancelled=stop
                )
            else:
                yield from explain(models, text, two_way=two_way, corrections=stored, cancelled=stop)

        self._weighs = weigh
        self._job.start(job, title=tr("Sentiment of a text"), role="sentiment")

    def cancel(self) -> bool:
        """Stop the work and keep what is there; False where nothing runs that a user has asked for."""
        if not self.text or not self._job.running:
            return False
        self._job.cancel()
        return True

    def warm_up(self) -> None:
        """Load the model before there is a text, behind everything else."""
        if self._job.running:
            return
        scheme = self.scheme

        def job(models: JobModels, cancel: Event) -> Iterator[object]:
            if scheme.is_own:
                return scheme.judge(models, None, cancel.is_set)
            return sentiment(models, [], cancelled=cancel.is_set)

        self._job.start(job, title=tr("Preparing Sentiment"), role=scheme.role, lane="background")

    def stop(self) -> None:
        """Forget the text."""
        self._job.detach()
        self.text = ""
        self.field.unmark()
        self.verdict.clear()
        self.verdict.state.clear()

    @property
    def running(self) -> bool:
        return self._job.running

    def _on_event(self, event: object) -> None:
        if isinstance(event, Labeled):
            self.verdict.show_scored(event, False, "")
        elif isinstance(event, Scored):
            self._explained = False
            self.verdict.show_scored(event, self.two_way, self._corrections.label_of(self.text))
            if self.field.text() == self.text:
                self.field.mark(event.sentences, self.two_way)
            self.verdict.state.setText(tr("Weighing the words…") if event.label and self._weighs else "")
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
        can_explain = isinstance(scored, Scored) and bool(scored.label) and not self._explained
        self.verdict.explain_button.setVisible(bool(self.text) and can_explain)
        if state == "done" and self.text and scored is not None and scored.label:
            self.ended.emit()
        if state == "failed" and self.text:  # of warming up nobody has asked for
            self.failed.emit(error)
