"""What is kept of a translation: the text that stands in the editor, and the history of finished ones."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.translations import Kept, TranslateHistory
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.language_row import AUTO
from autogpt_desktop.ui.translate.live_translation import LiveTranslation
from autogpt_desktop.ui.translate.view import TranslateView
from autogpt_desktop.ui.widgets.draft_keeper import DraftKeeper
from autogpt_desktop.ui.widgets.kept_history import goes_on

SAVE_MS = 2000  # a translation that stands so long goes into the history


class TranslationSaver(QObject):
    """Saves to ``history`` and opens what is in it; ``draft`` keeps the text over a restart."""

    saved = Signal()  # the history has a new or a changed entry

    def __init__(self, context: AppContext, view: TranslateView, live: LiveTranslation) -> None:
        super().__init__(view)
        self._context, self._view, self._live = context, view, live
        self.history = TranslateHistory()
        self._entry = 0  # of the history, which what is written now replaces
        self._kept = ""  # the text of that entry
        self._told = False  # that it cannot be saved
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_MS)
        self._timer.timeout.connect(self.save_now)
        enabled = partial(getattr, context.settings, "keep_translations")
        self.draft = DraftKeeper("translate", view.pair.source, context.show_error, self, enabled)

    def save_soon(self) -> None:
        """The translation is saved once it stands for a moment."""
        if self._view.pair.source.document().isEmpty():
            self.begin_new()
        else:
            self._timer.start()

    def begin_new(self) -> None:
        """What follows is another text: the one before is saved as it is."""
        if self._timer.isActive():
            self.save_now()
        self._entry = 0

    def save_now(self) -> None:
        self._timer.stop()
        pair, live = self._view.pair, self._live
        text, translation = pair.source.text(), pair.target.text()
        if not (self._context.settings.keep_translations and live.complete and translation.strip()):
            return
        try:
            source, target = live.language, self._view.languages.target
            sentences = pair.map.dump()
            if not goes_on(self._kept, text):
                self._entry = 0
            self._kept = text
            self._entry = self.history.keep(source, target, text, translation, sentences, self._entry)
        except KnownError as error:  # said once, and tried again: a lock goes by itself
            if not self._told:
                self._context.show_error(error)
            self._told = True
            self._timer.start()
        else:
            self._told = False
            self.saved.emit()

    def entry(self, number: int) -> Kept | None:
        """A translation of the history; None: it is gone, or cannot be read, which is told."""
        try:
            return self.history.get(number)
        except KnownError as error:
            self._context.show_error(error)
            return None

    def set_entry(self, number: int) -> None:
        """What is shown is this one: what is written now replaces it, and nothing is left to save."""
        self._timer.stop()
        self._entry, self._kept = number, self._view.pair.source.text()

    def restore(self) -> None:
        """What stood in the editor when the app was closed; with its translation, if that was saved."""
        text, row, source = self.draft.restored, self._view.languages, self._view.pair.source
        if not text:
            return
        try:
            entry = self.history.find(text, "" if row.source == AUTO else row.source, row.target)
        except KnownError:  # the text comes back without it, and is translated again
            entry = None
        live = self._live
        if entry is not None and live.show_saved(text, entry.translation, entry.sentences, entry.source):
            self._entry, self._kept = entry.id, text
            if row.source == AUTO:
                row.set_found(entry.source)
        else:
            source.replace_text(text)
            live.stop()  # until the panel is shown
        self._timer.stop()
        source.document().clearUndoRedoStacks()

    def finish(self) -> None:
        """The window closes: what waits to be saved is saved now."""
        self.draft.keep()
        if self._timer.isActive():
            self.save_now()
