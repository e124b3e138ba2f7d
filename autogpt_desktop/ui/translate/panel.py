"""The Translate panel: languages above, the text and its translation below, live."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QMenu

from autogpt_desktop import i18n
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.live import Found
from autogpt_desktop.tasks.translate.translate import Alternative, offered, states, translate
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.translate.alternatives import AlternativesCard
from autogpt_desktop.ui.translate.files_view import with_folders
from autogpt_desktop.ui.translate.labels import language_name, unknown_text
from autogpt_desktop.ui.translate.language_row import AUTO
from autogpt_desktop.ui.translate.layout import TranslateLayout
from autogpt_desktop.ui.widgets.text_field import local_files

LONGEST_TERM = 80  # characters that are offered as a term of the glossary


class TranslatePanel(TranslateLayout):
    """What the Translate panel does; what it is made of is in ``ui.translate.layout``."""

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self.card: AlternativesCard | None = None
        self._retried = ""  # the sentence that is tried again
        self._retry_job = PanelJob(context, self)
        self._retry_job.yielded.connect(self._on_retried)
        self._retry_job.ended.connect(self._on_retry_ended)
        self._warmed = False
        self.languages.changed.connect(self._on_languages)
        self.languages.swap_requested.connect(self.swap)
        self.languages.known_changed.connect(self._on_known)
        self.live.found.connect(self._on_found)
        self.live.doubted.connect(self._on_doubted)
        self.live.started.connect(self._show_running)
        self.live.finished.connect(self._on_finished)
        self.live.failed.connect(self._on_failed)
        self.pair.sentence_clicked.connect(self.show_alternatives)
        self.pair.copy_requested.connect(self.copy_translation)
        self.pair.clear_requested.connect(self.clear)
        self.pair.stop_requested.connect(self.live.stop)
        self.pair.source.paste_refused.connect(self._on_paste_refused)
        self.pair.source.files_dropped.connect(self._on_files)
        self.pair.target.files_dropped.connect(self._on_files)
        self.setAcceptDrops(True)
        self.pair.source.menu_extras.append(self._source_menu)
        self.pair.target.menu_extras.append(self._target_menu)
        context.add_panel_shortcuts(
            self,
            {
                "Ctrl+Return": self.translate_now,
                "Ctrl+Enter": self.translate_now,
                "Ctrl+Shift+S": self.swap,
                "Ctrl+Shift+C": self.copy_translation,
                "Ctrl+G": self.toggle_glossary,
                "Ctrl+H": self.toggle_history,
                "Ctrl+Shift+O": self.toggle_files,
                "Ctrl+L": self.focus_input,
                "Ctrl+Shift+L": self._focus_languages,
                "Ctrl+T": self._focus_target,
                "F8": self.pair.next_flagged,
                "Shift+F8": self.pair.previous_flagged,
            },
        )
        context.add_shortcuts(self.shortcut_rows)
        context.models_listed.connect(self._on_models)
        self._show_running()
        self._on_languages_set()
        self.offer_unfinished()
        self.restore_text()

    # --- what a panel does ------------------------------------------------------------------

    def receive_text(self, text: str) -> None:
        """Another panel's text takes the place of what was here, which Ctrl+Z brings back."""
        self.show_text_page()
        self.begin_new()
        if self.pair.source.replace_text(text.strip("\n")) and self.is_ready():
            self.live.run()
        self.focus_input()

    def focus_input(self) -> None:
        if self.is_ready():
            self.show_text_page()
            self.pair.source.setFocus()
        else:
            self.offer.fetch_button.setFocus()

    def shutdown(self) -> None:
        """The window closes."""
        if self.card is not None:
            self.card.leave()
        self.draft.keep()
        if self._keep.isActive():
            self.save_now()
        self.live.shutdown()
        self._retry_job.detach()
        if self.files is not None:
            self.files.shutdown()
        self.history.close()

    # --- actions ----------------------------------------------------------------------------

    def translate_now(self) -> None:
        """At once, and more carefully than while somebody types."""
        if not self.pair.source.document().isEmpty():
            self.live.run("best")

    def swap(self) -> None:
        """The languages, and the translation becomes the text."""
        row = self.languages
        language = row.language
        if not language or language not in row.offered:
            return
        self.begin_new()
        text = self.pair.target.text()
        row.blockSignals(True)
        row.set_pair(row.target, language)
        row.blockSignals(False)
        self._on_languages_set()
        if text.strip():
            self.pair.source.replace_text(text)
        self.live.run()

    def copy_translation(self) -> None:
        text = self.pair.target.text()
        if text.strip():
            QGuiApplication.clipboard().setText(text)
            self.context.toast(tr("Translation copied"))

    def clear(self) -> None:
        """With Undo."""
        text = self.pair.source.text()
        if not text:
            return
        self.begin_new()
        self.pair.source.replace_text("")
        self.pair.source.setFocus()

        def undo() -> None:
            self.pair.source.replace_text(text)

        if text.strip():
            self.context.toast(tr("Text cleared"), undo=undo)

    def show_alternatives(self, index: int) -> None:
        """Other ways to say a sentence of the translation."""
        if self.card is not None:
            self.card.leave()
        one = self.pair.map.pairs[index]
        language = self.live.language
        if not any(map(str.isalpha, one.source)) or language not in LANGUAGES:
            return
        glossary = self.pair.glossary
        card = AlternativesCard(self.context, one, language, self.languages.target, glossary, self)
        self.card, self._card_sentence = card, one.source
        card.chosen.connect(self._on_chosen)
        card.model_text_requested.connect(self._on_model_text_requested)
        card.copy_requested.connect(self._on_copy_sentence)
        card.retry_requested.connect(self._retry)
        card.left.connect(self._on_card_left)
        self.live.hold(True)
        self.pair.hold(index)
        card.open_at(self.pair.place_of(index))

    # --- slots ------------------------------------------------------------------------------

    def _on_card_left(self) -> None:
        self.card = None
        self.pair.hold(-1)
        self.live.hold(False)

    def _sentence(self) -> int:
        """Where the sentence of the card is now; -1: gone."""
        pairs = self.pair.map.pairs
        return next((i for i, pair in enumerate(pairs) if pair.source == self._card_sentence), -1)

    def _on_chosen(self, one: Alternative) -> None:
        index = self._sentence()
        if index >= 0:
            self.live.override(index, one.text.strip(), one.confidence, one.flags, True)
            self.save_soon()

    def _on_model_text_requested(self) -> None:
        index = self._sentence()
        if index >= 0:
            self.live.restore_model_text(index)

    def _on_copy_sentence(self) -> None:
        index = self._sentence()
        if index >= 0:
            QGuiApplication.clipboard().setText(self.pair.map.pairs[index].text)
            self.context.toast(tr("Sentence copied"))

    def _retry(self) -> None:
        """One sentence again, with more candidates, whatever was remembered."""
        text, source, target = self._card_sentence, self.live.language, self.languages.target
        glossary = self.pair.glossary

        def job(models: Any, cancel: Event) -> Iterator[Any]:
            yield from translate(
                models, text, source, target, glossary=glossary, quality="best", cancelled=cancel.is_set
            )

        self._retried = text
        self.pair.state.set_text(tr("Trying again…"))
        self._retry_job.start(job, title=tr("Translating"), role="translate")

    def _on_retried(self, event: object) -> None:
        if not isinstance(event, Result):
            return
        pairs = self.pair.map.pairs
        index = next((i for i, pair in enumerate(pairs) if pair.source == self._retried), -1)
        if index < 0:
            return
        made = event.value
        same = made.text == pairs[index].text and made.flags == pairs[index].flags
        self.live.override(index, made.text, made.confidence, made.flags, False)
        if same:
            self.context.toast(tr("The second try came out the same. Other ways to say it may help."))

    def _on_retry_ended(self, _state: str, error: BaseException | None) -> None:
        self.pair.state.set_text("")
        if error is not None:
            self.context.show_error(error)

    def _on_languages(self) -> None:
        self._on_languages_set()
        if not self.pair.source.document().isEmpty():
            self.live.run()
        elif self.isVisible():
            self.live.warm_up()

    def _on_languages_set(self) -> None:
        """Remember the pair; a notice about the one before goes."""
        row, settings = self.languages, self.context.settings
        if settings.translate_pair != [row.source, row.target] or settings.translate_recent != row.recent:
            settings.translate_pair, settings.translate_recent = [row.source, row.target], list(row.recent)
            self.context.save_settings()
        self.notice.clear("language")
        self.notice.clear("doubt")
        self._on_known()
        self.show_pair()

    def _on_known(self) -> None:
        """A target that the model does not know is named before anything is translated into it."""
        target = self.languages.target
        if target not in self.languages.known:
            text = i18n.message("notice.language-unknown", language=language_name(target))
            self.notice.say("target", text, icon="warning")
        elif not self.languages.stated:
            self.notice.say("target", tr("This model does not say which languages it knows. Check its work."))
        else:
            self.notice.clear("target")

    def _on_found(self, found: Found) -> None:
        name = language_name(found.language)
        if found.language == self.languages.target:
            other = self.languages.other_language()
            if not self.languages.recent:  # nobody has chosen a language yet
                self.languages.set_pair(self.languages.source, other)
                return
            self.notice.say(
                "language",
                tr("This text is in {language} already.", language=name),
                action=tr("Translate into {language}", language=language_name(other)),
                do=lambda: self.languages.set_pair(self.languages.source, other),
            )
        elif not found.known:
            ask = found.language not in self.live.anyway and self.languages.source == AUTO
            self.notice.say(
                "language", unknown_text(found.language), icon="warning",
                action=tr("Translate all the same") if ask else "",
                do=lambda: self._translate_anyway(found.language),
            )  # fmt: skip
        else:
            self.notice.clear("language")
        self.show_pair()

    def _translate_anyway(self, language: str) -> None:
        self.live.anyway.add(language)
        self.live.run()

    def _on_doubted(self, language: str) -> None:
        if not language:
            self.notice.clear("doubt")
            return
        row, name = self.languages, language_name(language)
        target = row.source if language == row.target else row.target
        self.notice.say(
            "doubt",
            tr("This text seems to be in {language}.", language=name),
            action=tr("Translate from {language}", language=name),
            do=lambda: row.set_pair(language, target),
        )

    def _show_running(self) -> None:
        self.pair.stop_button.setVisible(self.live.running)

    def _on_finished(self, complete: bool) -> None:
        self._show_running()
        if complete:
            self.notice.clear("error")
            if self.pair.source.document().isEmpty():
                self.notice.clear("language")
                self.notice.clear("doubt")
            self.save_soon()

    def _on_failed(self, error: KnownError) -> None:
        self.notice.say(
            "error", i18n.message(error), icon="warning", action=tr("Try again"), do=self.translate_now
        )

    def _on_models(self) -> None:
        self.show_ready()
        model = self.context.model_for("translate")
        if model is not None:
            self.languages.set_known(offered(model.languages), states(model.languages))
        if self.is_ready() and self.isVisible():
            self.live.warm_up()

    def _on_paste_refused(self, size: int) -> None:
        text = tr("This text is too long to work on here ({n} characters).", n=f"{size:,}")
        self.notice.say("paste", text, action=tr("Translate it as a file"), do=self.translate_pasted)

    def translate_pasted(self) -> None:
        """The text that was too long for the editor becomes a file, and that is translated."""
        text, self.pair.source.refused = self.pair.source.refused, ""
        if text:
            self.show_files().add_text(text)

    def _on_files(self, files: list[Path]) -> None:
        if self.is_ready():
            self.show_files().add(with_folders(files))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if local_files(event.mimeData()) and self.is_ready():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self._on_files(local_files(event.mimeData()))
        event.acceptProposedAction()

    def _target_menu(self, menu: QMenu) -> None:
        place = self.pair.target.menu_place
        index = self.pair.map.at_target(place) if place >= 0 else -1
        if index >= 0:
            menu.addSeparator()
            action = menu.addAction(self.context.icon("translate"), tr("Other ways to say it"))
            action.triggered.connect(lambda: self.show_alternatives(index))

    def _source_menu(self, menu: QMenu) -> None:
        words = " ".join(self.pair.source.textCursor().selection().toPlainText().split())
        if words and len(words) <= LONGEST_TERM and self.languages.language:
            menu.addSeparator()
            action = menu.addAction(self.context.icon("glossary"), tr("Add to the glossary…"))
            action.triggered.connect(lambda: self.add_term(words))

    def add_term(self, words: str) -> None:
        """Begin a term of the glossary with words of the text."""
        self.show_side("glossary")
        self.glossary_view().add(words)

    def _focus_languages(self) -> None:
        self.languages.source_box.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _focus_target(self) -> None:
        self.show_text_page()
        self.pair.target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # --- Qt ---------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self.live.running:
            self.live.stop()
        else:
            self.focus_input()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._warmed and self.is_ready():
            self._warmed = True
            if self.live.complete or self.pair.source.document().isEmpty():
                self.live.warm_up()
            else:
                self.live.run()
