"""The files in place of the editors: chosen, dropped, left unfinished by the last run, or a long text."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.glossaries import Glossaries
from autogpt_desktop.tasks.translate.folders import look_into
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.files_view import FilesView
from autogpt_desktop.ui.translate.live_translation import LiveTranslation
from autogpt_desktop.ui.translate.pair_models import PairModels
from autogpt_desktop.ui.translate.review import Review
from autogpt_desktop.ui.translate.view import TranslateView

ABOUT_TEXT = ("language", "doubt", "paste", "error")  # notices that say nothing of files


class FilesMode(QObject):
    """``closed``: the user wants to go back to the text."""

    closed = Signal()

    def __init__(
        self,
        context: AppContext,
        view: TranslateView,
        live: LiveTranslation,
        glossaries: Glossaries,
        models: PairModels,
        review: Review,
    ) -> None:
        super().__init__(view)
        self.files: FilesView | None = None  # made when first shown
        self._context, self._view, self._live = context, view, live
        self._glossaries, self._models, self._review = glossaries, models, review
        view.files_dropped.connect(self.add)
        view.pages.currentChanged.connect(self._on_page)
        view.pair.source.paste_refused.connect(self._on_paste_refused)
        view.pair.source.files_dropped.connect(self.add)
        view.pair.target.files_dropped.connect(self.add)

    @property
    def is_shown(self) -> bool:
        """The files stand in place of the editors."""
        return self.files is not None and self._view.pages.currentWidget() is self.files

    def show(self) -> FilesView:
        """The files in place of the editors."""
        if self.files is None:
            self.files = FilesView(self._context, self._view.languages, self._glossaries, self._models)
            self.files.closed.connect(self.closed)
            self.files.review_requested.connect(self._review.show_file)
            self.files.removed.connect(self._review.forget)
        self._view.show_files_page(self.files)
        self.files.focus_first()
        return self.files

    def toggle(self) -> None:
        if self.is_shown:
            self._view.show_text_page()
            self._view.focus_text()
        else:
            self.show()

    def open_page(self) -> None:
        """What was shown when the app was closed, or when its model went."""
        if self._context.settings.translate_page == "files":
            self.show()
        else:
            self._view.show_text_page()
            self._offer_unfinished()

    def add(self, files: list[Path]) -> None:
        """Queue files, and those of folders."""
        if not self._view.is_ready():
            return
        found = look_into(files)
        if found.files or found.skipped:
            self.show().add(*found)
        elif files:
            self._context.toast(tr("There is no file in it that can be translated."), error=True)

    def translate_pasted(self) -> None:
        """The text that was too long for the editor becomes a file, and that is translated."""
        source = self._view.pair.source
        text, source.refused = source.refused, ""
        if text:
            self.show().add_text(text)

    def retranslate(self) -> None:
        if self.files is not None:
            self.files.retranslate()

    def shutdown(self) -> None:
        if self.files is not None:
            self.files.shutdown()

    def _on_page(self) -> None:
        """Files or the text: it is what the next start shows, and only what is shown is translated."""
        self._live.suspend(self.is_shown)
        self._view.notice.set_away(*(ABOUT_TEXT if self.is_shown else ()))
        page = "files" if self.is_shown else "text"
        if self._view.is_ready() and self._context.settings.translate_page != page:
            self._context.settings.translate_page = page
            self._context.save_settings()

    def _offer_unfinished(self) -> None:
        """Files that were not finished when the app was closed wait until they are asked for."""
        if count := len(self._context.settings.translate_files):
            self._view.notice.show_notice(
                "files", tr("Files whose translation is not finished: {n}", n=count),
                action=tr("Show them"), do=self._show_unfinished,
            )  # fmt: skip

    def _show_unfinished(self) -> None:
        self.show()

    def _on_paste_refused(self, size: int) -> None:
        text = tr("This text is too long to work on here ({n} characters).", n=f"{size:,}")
        action = tr("Translate it as a file")
        self._view.notice.show_notice("paste", text, action=action, do=self.translate_pasted)
