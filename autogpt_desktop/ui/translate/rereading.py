"""What users wrote instead of a model is read by one too: in the background, a moment after the last key."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.translate.reread import reread
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.translate.pair_models import PairModels

if TYPE_CHECKING:
    from autogpt_desktop.documents.text.glossary import Glossary
    from autogpt_desktop.engine.model_pool import JobModels

PAUSE_MS = 500
Key = tuple[str, str]  # a sentence, and its translation


class Rereading(QObject):
    """``read`` carries the sentence, its translation, and what is wrong with it: of all that waited, in the
    order in which it came."""

    read = Signal(str, str, tuple)

    def __init__(self, context: AppContext, models: PairModels, parent: QObject) -> None:
        super().__init__(parent)
        self._context, self._models = context, models
        self._waiting: dict[Key, None] = {}
        self._asked: list[Key] = []
        self._languages = "", ""
        self._glossary: Glossary | None = None
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self._run)
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_event)
        self._job.ended.connect(self._on_ended)

    @property
    def running(self) -> bool:
        return self._job.running or self._pause.isActive()

    def add(self, sentence: str, text: str, source: str, target: str, glossary: Glossary | None) -> None:
        """Read a translation soon. Another pair of languages: what waited is forgotten."""
        if (source, target) != self._languages:
            self._waiting.clear()
        self._languages, self._glossary = (source, target), glossary
        self._waiting[sentence, text] = None
        self._pause.start()

    def shutdown(self) -> None:
        self._pause.stop()
        self._job.detach()

    def _run(self) -> None:
        self._asked = [*self._waiting]
        pairs, (source, target), glossary = self._asked, self._languages, self._glossary
        judge_of = self._models.judge_chooser()
        language_model = self._context.model_for("translate") is not None

        def job(models: JobModels, cancel: Event) -> Iterator[object]:
            yield from reread(
                models, pairs, source, target,
                judge_of=judge_of, language_model=language_model, glossary=glossary, cancelled=cancel.is_set,
            )  # fmt: skip

        self._job.start(job, title=tr("Reading what was changed"), role="translate", lane="background")

    def _on_event(self, event: object) -> None:
        if not isinstance(event, Result):
            return
        for key, flags in zip(self._asked, event.value, strict=True):
            self._waiting.pop(key, None)
            self.read.emit(*key, tuple(flags))

    def _on_ended(self, _state: str, error: BaseException | None) -> None:
        if error is not None:
            self._waiting.clear()
            self._context.show_error(error)
