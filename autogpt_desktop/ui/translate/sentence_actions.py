"""What can be done with one sentence of the translation: other ways to say it, another try, a copy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.translate.translate import Alternative, translate
from autogpt_desktop.tasks.translate.translator import Link, kept_links
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.translate.alternatives import AlternativesCard
from autogpt_desktop.ui.translate.live_translation import LiveTranslation
from autogpt_desktop.ui.translate.pair_models import PairModels
from autogpt_desktop.ui.translate.rereading import Rereading
from autogpt_desktop.ui.translate.sentence_map import utf16_length
from autogpt_desktop.ui.translate.target_words import TargetWords
from autogpt_desktop.ui.translate.view import TranslateView

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels


class SentenceActions(QObject):
    """``card`` is open while the user chooses; its sentence may move meanwhile, and is found by its text."""

    changed = Signal()  # a sentence was chosen: to be saved

    def __init__(
        self,
        context: AppContext,
        view: TranslateView,
        live: LiveTranslation,
        models: PairModels,
        panel: QWidget,
    ) -> None:
        super().__init__(panel)
        self._models = models
        self._context, self._live, self._panel = context, live, panel
        self._pair, self._languages = view.pair, view.languages
        self.card: AlternativesCard | None = None
        self._sentence = ""  # of the card
        self._unsaved: dict[tuple[str, str], str] = {}  # written and left, by sentence and translation
        self._retried = ""  # the sentence that is tried again
        self._rereading = Rereading(context, models, self)
        self._rereading.read.connect(self._on_reread)
        self._retry_job = PanelJob(context, self)
        self._retry_job.yielded.connect(self._on_retried)
        self._retry_job.ended.connect(self._on_retry_ended)

    def show_alternatives(self, index: int, words: TargetWords | None = None) -> None:
        """Other ways to say a sentence of the translation, or to go on from ``words`` of it."""
        self.close_card()
        sentence = self._pair.map.pairs[index]
        language = self._live.language
        if not any(map(str.isalpha, sentence.source)) or language not in self._models.languages():
            return
        card = AlternativesCard(
            self._context, sentence, language, self._languages.target, self._pair.glossary, self._panel,
            self._models.chooser(), words,
        )  # fmt: skip
        self.card, self._sentence = card, sentence.source
        card.chosen.connect(self._on_chosen)
        written = (sentence.source, sentence.text)
        card.unsaved = self._unsaved.pop(written, "")
        card.left.connect(partial(self._on_left, written))
        card.edited.connect(self._on_edited)
        card.model_text_requested.connect(self._on_model_text_requested)
        card.copy_requested.connect(self._on_copy_requested)
        card.retry_requested.connect(self._on_retry_requested)
        card.sentence_requested.connect(self._on_sentence_requested)
        card.dismissed.connect(self._on_card_dismissed)
        self._live.hold(True)
        self._pair.hold(index, words)
        card.open_at(self._pair.place_of(index, words))

    def close_card(self) -> None:
        if self.card is not None:
            self.card.dismiss()

    def shutdown(self) -> None:
        self._rereading.shutdown()
        self._retry_job.detach()

    def _index_of(self, sentence: str) -> int:
        """Where a sentence is now; -1: gone."""
        pairs = self._pair.map.pairs
        return next((index for index, pair in enumerate(pairs) if pair.source == sentence), -1)

    # --- the card ---------------------------------------------------------------------------

    def _on_card_dismissed(self) -> None:
        self.card = None
        self._pair.hold(-1)
        self._live.hold(False)

    def _on_left(self, written: tuple[str, str], text: str) -> None:
        if text:
            self._unsaved[written] = text

    def _on_chosen(self, one: Alternative) -> None:
        index = self._index_of(self._sentence)
        if index >= 0:
            lead = len(one.text) - len(one.text.lstrip())
            links = [Link(a, b, c - lead, d - lead) for a, b, c, d in one.links]
            self._live.override(index, one.text.strip(), one.confidence, one.flags, True, links)
            self.changed.emit()

    def _on_edited(self, text: str) -> None:
        """It stands there at once; what is wrong with it, if anything, is marked soon."""
        index = self._index_of(self._sentence)
        if index < 0:
            return
        pair = self._pair.map.pairs[index]
        plain = utf16_length(pair.source + pair.text + text) == len(pair.source + pair.text + text)
        links = kept_links(pair.links, pair.text, text) if plain else ()
        self._live.override(index, text, 1.0, (), True, links)
        self._rereading.add(
            pair.source, text, self._live.language, self._languages.target, self._pair.glossary
        )
        self.changed.emit()

    def _on_reread(self, sentence: str, text: str, flags: tuple[str, ...]) -> None:
        if self._live.mark(sentence, text, flags):
            self.changed.emit()

    def _on_sentence_requested(self) -> None:
        index = self._index_of(self._sentence)
        if index >= 0:
            self.show_alternatives(index)

    def _on_model_text_requested(self) -> None:
        index = self._index_of(self._sentence)
        if index >= 0:
            self._live.restore_model_text(index)

    def _on_copy_requested(self) -> None:
        index = self._index_of(self._sentence)
        if index >= 0:
            QGuiApplication.clipboard().setText(self._pair.map.pairs[index].text)
            self._context.toast(tr("Sentence copied"))

    # --- another try ------------------------------------------------------------------------

    def _on_retry_requested(self) -> None:
        """One sentence again, with more candidates, whatever was remembered."""
        text, source, target = self._sentence, self._live.language, self._languages.target
        glossary, known, choose = self._pair.glossary, self._models.packs(), self._models.chooser()

        def job(models: JobModels, cancel: Event) -> Iterator[object]:
            yield from translate(
                models, text, source, target,
                glossary=glossary, quality="best", known=known, choose=choose, cancelled=cancel.is_set,
            )  # fmt: skip

        self._retried = text
        self._pair.state.set_text(tr("Trying again…"))
        self._retry_job.start(job, title=tr("Translating"), role="translate")

    def _on_retried(self, event: object) -> None:
        if not isinstance(event, Result):
            return
        index = self._index_of(self._retried)
        if index < 0:
            return
        before, result = self._pair.map.pairs[index], event.value
        same = result.text == before.text and result.flags == before.flags
        self._live.override(index, result.text, result.confidence, result.flags, False, result.links)
        if same:
            self._context.toast(tr("The second try came out the same. Other ways to say it may help."))

    def _on_retry_ended(self, _state: str, error: BaseException | None) -> None:
        self._pair.state.set_text("")
        if error is not None:
            self._context.show_error(error)
