"""Live translation: what is typed is translated a moment later, and only what changed anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.storage.glossaries import Glossaries
from autogpt_desktop.tasks.translate.live import Doubt, Found, LiveMemory, Offered, live, warm
from autogpt_desktop.tasks.translate.translate import Translated
from autogpt_desktop.tasks.translate.translator import Link
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.panel_titles import job_title
from autogpt_desktop.ui.translate.editor_pair import EditorPair
from autogpt_desktop.ui.translate.language_row import AUTO, LanguageRow
from autogpt_desktop.ui.translate.pair_models import PairModels
from autogpt_desktop.ui.translate.sentence_map import Edit, SentencePair

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels

PAUSE_MS = 300  # after the last key
LONGEST_MS = 1200  # somebody who never pauses sees something too
SHOW_MS = 50
SLOW_MS = 400  # what takes longer shows its progress
IDLE_MS = 1500  # then a short text is translated more carefully
IDLE_CHARACTERS = 1000

# text, confidence, flags, chosen by the user, links
Override = tuple[str, float, tuple[str, ...], bool, tuple[Link, ...]]


class LiveTranslation(QObject):
    """The translation of what stands in the source editor."""

    found = Signal(object)  # Found
    doubted = Signal(str)  # the language that a text seems to be in, instead of the chosen one
    started = Signal()
    finished = Signal(bool)  # whether all of the text is translated
    failed = Signal(object)  # KnownError

    def __init__(
        self,
        context: AppContext,
        pair: EditorPair,
        row: LanguageRow,
        glossaries: Glossaries,
        models: PairModels,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._models = models
        self._context, self._pair, self._row, self._glossaries = context, pair, row, glossaries
        self.memory = LiveMemory()
        self.overrides: dict[tuple[str, str, str], Override] = {}
        self.anyway: set[str] = set()  # languages to translate from though the model does not know them
        self.complete = False  # what is shown is the translation of all that is written
        self._quality = "quick"
        self._pending: list[Translated] = []
        self._last: Result | None = None
        self._language = ""  # of the run
        self._warmed = ("", "")  # the pair whose examples were read
        self._first_change = 0.0
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_event)
        self._job.ended.connect(self._on_ended)
        self._warm = PanelJob(context, self)
        self._warm.yielded.connect(self._on_warm)
        self._pause = self._timer(PAUSE_MS, self.run)
        self._show = self._timer(SHOW_MS, self._flush)
        self._idle = self._timer(IDLE_MS, self._improve)
        self._slow = self._timer(SLOW_MS, self._on_slow)
        self._held = False
        self._suspended, self._stale = False, False
        self._swapped = ("", "")  # by the last swap: the text now, and the one before
        self._again = False  # typed on while a translation that takes no time was under way
        pair.source.document().contentsChange.connect(self._on_change)

    def _timer(self, milliseconds: int, slot: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(slot)
        return timer

    @property
    def running(self) -> bool:
        """A translation that somebody waits for is under way."""
        return self._job.running and self._quality != "idle"

    @property
    def language(self) -> str:
        """The source language of what is shown."""
        return self._language

    def warm_up(self) -> None:
        """Load the model and read the examples of the pair, before anything is typed."""
        source, target = self._row.language or self._likely(), self._row.target
        if (source, target) == self._warmed:
            return
        self._warmed = source, target
        known, packs, choose = self._models.known(), self._models.packs(), self._models.chooser()

        def job(models: JobModels, cancel: Event) -> Iterator[object]:
            yield from warm(models, source, target, known, cancel.is_set, choose, packs)

        self._warm.start(job, title=tr("Getting ready to translate"), role="translate", lane="background")

    def swap_text(self) -> None:
        """What the user swaps the languages for: the translation becomes the text. Swapped back before that
        is translated, the text is the one that it was."""
        text, other = self._pair.source.text(), self._pair.target.text()
        if not self.complete and text == self._swapped[0]:
            other = self._swapped[1]
        if other.strip():
            self._swapped = (other, text)
            self._pair.source.replace_text(other)

    def run(self, quality: str = "quick") -> None:
        """Translate what is written now; ``quality``: "quick", "best", or "idle": best, and nobody waits."""
        if self._suspended:
            self._stale = True
            return
        edit = self._pair.source
        if edit.composing:
            self._pause.start()
            return
        self._pause.stop()
        self._idle.stop()
        self._first_change = 0.0
        text = edit.text()
        if not text.strip():
            self._empty()
            return
        self._quality, self._pending, self._last = quality, [], None
        self._pair.apply(self._pair.map.begin(text))
        source, target, memory = self._row.source, self._row.target, self.memory
        before, terms = self._row.found or self._likely(), self._glossaries.terms
        known, packs, choose = self._models.known(), self._models.packs(), self._models.chooser()
        anyway = frozenset(self.anyway)
        careful = "quick" if quality == "quick" else "best"

        def job(models: JobModels, cancel: Event) -> Iterator[object]:
            yield from live(
                models, text, source, target,
                terms=lambda language: terms(language, target), quality=careful, memory=memory,
                before=before, known=known, packs=packs, anyway=anyway, choose=choose,
                cancelled=cancel.is_set,
            )  # fmt: skip

        self._language = "" if source == AUTO else source
        lane = "background" if quality == "idle" else "interactive"
        self._job.start(job, title=job_title("translate", text), role="translate", lane=lane)
        if quality != "idle":
            self.complete = False
            self._slow.start()

    def suspend(self, suspended: bool) -> None:
        """While the text is not shown nothing is translated; what was due then is, once it is shown again."""
        if suspended == self._suspended:
            return
        due = self._job.running or self._pause.isActive()
        if suspended and due:
            self.stop()
        self._idle.stop()
        self._suspended, stale = suspended, self._stale
        self._stale = suspended and due
        if stale and not suspended:
            self.run()

    def stop(self) -> None:
        """Leave it as far as it is."""
        stopped = self.running
        self._pause.stop()
        self._idle.stop()
        self._flush()
        self._job.detach()
        self._end(False)
        if stopped:
            self._pair.state.set_text(tr("Stopped. Ctrl+Enter goes on."))

    def hold(self, held: bool) -> None:
        """While somebody chooses among other ways to say a sentence, nothing changes under their hands."""
        self._held = held
        if not held:
            self._flush()

    def override(
        self,
        index: int,
        text: str,
        confidence: float,
        flags: tuple[str, ...],
        chosen: bool,
        links: Sequence[Link] = (),
    ) -> None:
        """Another translation of a sentence, kept for as long as the sentence is there."""
        pair = self._pair.map.pairs[index]
        edit = self._pair.map.replace(index, text, confidence, flags, links)
        pair.chosen = chosen
        key = self._language, self._row.target, pair.source
        self.overrides[key] = text, confidence, flags, chosen, pair.links
        self._pair.apply([edit])

    def mark(self, sentence: str, text: str, flags: tuple[str, ...]) -> bool:
        """Something is wrong with a translation that the user wrote, or nothing. False: it is gone."""
        key = self._language, self._row.target, sentence
        known = self.overrides.get(key)
        if known is None or known[0] != text:
            return False
        self.overrides[key] = (*known[:2], flags, *known[3:])
        for pair in self._pair.map.pairs:
            if (pair.source, pair.text) == (sentence, text):
                pair.flags = flags
        self._pair.apply([])
        return True

    def show_saved(self, text: str, translation: str, sentences: str, language: str) -> bool:
        """Show a translation as it was kept, without asking the model. False: it has to be asked."""
        self._pair.source.replace_text(text)
        self.stop()
        target = self._pair.map.target_size()
        edit = self._pair.map.load(sentences, text, translation)
        if edit is None:
            self._pair.apply([Edit(0, target, "")])
            return False
        self._language = language
        for pair in self._pair.map.pairs:
            if pair.chosen:
                key = language, self._row.target, pair.source
                self.overrides[key] = pair.text, pair.confidence, pair.flags, True, pair.links
        self._pair.apply([edit])
        self._end(True)
        return True

    def restore_model_text(self, index: int) -> None:
        """What the model said first, instead of what was chosen."""
        pair = self._pair.map.pairs[index]
        self.overrides.pop((self._language, self._row.target, pair.source), None)
        self.run()

    def shutdown(self) -> None:
        for timer in (self._pause, self._show, self._idle, self._slow):
            timer.stop()
        self._job.detach()
        self._warm.detach()

    # --- slots ------------------------------------------------------------------------------

    def _on_change(self, at: int, removed: int, added: int) -> None:
        if removed == added == 0:
            return
        self._pair.map.source_changed(at, removed, added)
        self.complete = False
        self._idle.stop()
        now = time.monotonic()
        self._first_change = self._first_change or now
        waited = (now - self._first_change) * 1000
        if self._immediate():
            self._run_or_again()
        else:
            self._pause.start(max(0, min(PAUSE_MS, round(LONGEST_MS - waited))))
        if self._pair.source.document().isEmpty():
            self._empty()

    def _immediate(self) -> bool:
        """Every key translates: what does it is loaded, and takes no time."""
        source = self._row.language
        return bool(source) and self._models.immediate(source, self._row.target)

    def _run_or_again(self) -> None:
        """Now, or as soon as what is under way is done: it is not given up at every key, or somebody who
        types fast would see nothing."""
        if self._job.running and self._quality == "quick":
            self._again = True
        else:
            self._pause.start(0)

    def _empty(self) -> None:
        self._job.detach()
        self._pause.stop()
        self._pending, self._last, self._first_change = [], None, 0.0
        edit = self._pair.map.clear()
        self._pair.apply([edit] if edit.end else [])
        self._row.set_found("")
        self._end(True)

    def _on_event(self, event: object) -> None:
        if isinstance(event, Found):
            self._on_found(event)
        elif isinstance(event, Doubt):
            self.doubted.emit(event.language)
        elif isinstance(event, Offered):
            self._row.set_known(event.languages, event.stated)
        elif isinstance(event, Translated):
            self._pending.append(event)
            if not self._show.isActive():
                self._show.start()
        elif isinstance(event, Result):
            self._last = event
        elif isinstance(event, Progress) and self._quality != "idle" and not self._slow.isActive():
            self._pair.right.show_progress(event)
            text = message(event.stage)
            self._pair.state.set_text(f"{text} {event.done:,} / {event.total:,}" if event.total > 1 else text)
        elif isinstance(event, Notice):
            self._pair.state.set_text(message(event.key, **event.values))

    def _on_slow(self) -> None:
        self._pair.right.show_progress(Progress("stage.translating"))
        self.started.emit()

    def _on_found(self, found: Found) -> None:
        self._language = found.language
        if self._row.source == AUTO:
            self._row.set_found(found.language)
        self.found.emit(found)

    def _flush(self) -> None:
        """Show what came, twenty times a second at most."""
        if self._held:
            return
        results, self._pending = self._pending, []
        edits = self._pair.map.add(results, self._finish) if results else []
        if edits:
            self._pair.apply(edits)

    def _finish(self, pair: SentencePair) -> None:
        other = self.overrides.get((self._language, self._row.target, pair.source))
        if other is not None:
            pair.text, pair.confidence, pair.flags, pair.chosen, pair.links = other

    def _on_ended(self, state: str, error: BaseException | None) -> None:
        if self._held:
            self._held = False  # the end is not waited for; the popup closes by itself
        self._flush()
        if state == "done":
            after = self._last.value.after if self._last is not None else ""
            if self._last is None:  # it is in that language already, or in an unknown one
                self._pair.apply(self._pair.map.begin(self._pair.source.text()))
            self._pair.apply(self._pair.map.end(after))
        quick = self._quality == "quick"
        again, self._again = self._again, False
        if again and state == "done":
            self._pause.start(0)
        self._end(state == "done" and not self._pause.isActive())
        if error is not None:
            if isinstance(error, KnownError):
                self.failed.emit(error)
            else:
                self._context.show_error(error)
        elif self.complete and quick and len(self._pair.source.text()) <= IDLE_CHARACTERS:
            self._idle.start()

    def _end(self, complete: bool) -> None:
        self._slow.stop()
        self._pair.right.show_progress(None)
        self._pair.state.set_text("")
        self.complete = complete
        self.finished.emit(complete)

    def _improve(self) -> None:
        if self._pair.map.pairs and not self._held and not self._pair.target.textCursor().hasSelection():
            self.run("idle")

    def _on_warm(self, event: object) -> None:
        if isinstance(event, Offered):
            self._row.set_known(event.languages, event.stated)

    def _likely(self) -> str:
        """The language that somebody probably writes in, before anything tells."""
        codes = [code for code in self._row.recent if code != self._row.target]
        return codes[0] if codes else ""
