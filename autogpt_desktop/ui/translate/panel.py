"""The Translate panel: languages above, the text and its translation below, live."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.glossaries import Glossaries
from autogpt_desktop.tasks.translate.live import Found
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models.add_language import AddLanguageCard
from autogpt_desktop.ui.translate.editor_menus import EditorMenus
from autogpt_desktop.ui.translate.files_mode import FilesMode
from autogpt_desktop.ui.translate.language_notices import LanguageNotices
from autogpt_desktop.ui.translate.language_row import last_pair
from autogpt_desktop.ui.translate.live_translation import LiveTranslation
from autogpt_desktop.ui.translate.pair_models import PairModels
from autogpt_desktop.ui.translate.pair_offer import TOPIC, PairOffer
from autogpt_desktop.ui.translate.review import Review
from autogpt_desktop.ui.translate.saver import TranslationSaver
from autogpt_desktop.ui.translate.sentence_actions import SentenceActions
from autogpt_desktop.ui.translate.side_views import SideViews
from autogpt_desktop.ui.translate.view import FILES, TEXT, TranslateView, shortcut_rows
from autogpt_desktop.ui.translate.way_button import WayButton


class TranslatePanel(QWidget):
    """A ``view`` of the widgets, ``live``, which fills it, and what works with the translation."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.glossaries = Glossaries()
        self.view = TranslateView(context, *last_pair(context.settings))
        self.models = PairModels(context, self)
        self.live = LiveTranslation(
            context, self.view.pair, self.view.languages, self.glossaries, self.models, self
        )
        self.notices = LanguageNotices(self.view, self.live)
        self.offer = PairOffer(context, self.view, self.models)
        self.way = WayButton(context, self.models, self.view.languages)
        for place, made in enumerate((self.offer.button, self.way.button, self.way.note)):
            self.view.pair.right.foot.insertWidget(1 + place, made)
        self.sentences = SentenceActions(context, self.view, self.live, self.models, self)
        self.saver = TranslationSaver(context, self.view, self.live)
        self.review = Review(context, self.view, self.models)
        self.sides = SideViews(context, self.view, self.glossaries, self.saver, self.review)
        self.files_mode = FilesMode(context, self.view, self.live, self.glossaries, self.models, self.review)
        self.menus = EditorMenus(self.view, self.sentences, self.sides.add_term)
        self._warmed = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        if self.models.packs():
            self._set_offered()
        self._connect()
        self._add_shortcuts()
        self._show_running()
        self._on_languages_set()
        if self.view.is_ready():
            self.files_mode.open_page()
        self.saver.restore()

    def _connect(self) -> None:
        view, pair, live = self.view, self.view.pair, self.live
        view.languages.changed.connect(self._on_languages)
        view.languages.swap_requested.connect(self.swap)
        view.languages.more_requested.connect(self.add_language)
        self.models.changed.connect(self._on_languages_changed)
        view.languages.known_changed.connect(self._show_target)
        view.modes.chosen.connect(self._on_mode)
        view.model_came.connect(self._on_model_came)
        view.anyway_chosen.connect(live.warm_up)
        self.files_mode.closed.connect(self.focus_text)
        self.sides.opened.connect(self.open_entry)
        self.sides.glossary_changed.connect(self._on_glossary)
        live.found.connect(self._on_found)
        live.doubted.connect(self.notices.show_doubt)
        live.started.connect(self._show_running)
        live.finished.connect(self._on_finished)
        live.failed.connect(self._on_failed)
        pair.sentence_clicked.connect(self.sentences.show_alternatives)
        pair.words_clicked.connect(self.sentences.show_alternatives)
        pair.copy_requested.connect(self.copy_translation)
        pair.clear_requested.connect(self.clear)
        pair.stop_requested.connect(live.stop)
        pair.source.menu_extras.append(self.menus.add_to_source)
        pair.target.menu_extras.append(self.menus.add_to_target)
        self.sentences.changed.connect(self.saver.save_soon)
        self.context.language_changed.connect(self.retranslate)
        self.context.models_listed.connect(self._on_models)

    def _add_shortcuts(self) -> None:
        self.context.add_panel_shortcuts(
            self,
            {
                "Ctrl+Return": self.translate_now,
                "Ctrl+Enter": self.translate_now,
                "Ctrl+Shift+S": self.swap,
                "Ctrl+Shift+C": self.copy_translation,
                "Ctrl+G": self.sides.toggle_glossary,
                "Ctrl+H": self.sides.toggle_history,
                "Ctrl+Shift+O": self.files_mode.toggle,
                "Ctrl+L": self.focus_text,
                "Ctrl+Shift+L": self._focus_languages,
                "Ctrl+T": self._focus_target,
                "F8": self.view.pair.next_flagged,
                "Shift+F8": self.view.pair.previous_flagged,
                "Ctrl+F8": self.sides.toggle_review,
            },
        )
        self.context.add_shortcuts(shortcut_rows)

    # --- what the window asks ---------------------------------------------------------------

    def receive_text(self, text: str) -> None:
        """Another panel's text takes the place of what was here, which Ctrl+Z brings back."""
        self.view.show_text_page()
        self.saver.begin_new()
        if self.view.pair.source.replace_text(text.strip("\n")) and self.view.is_ready():
            self.live.run()
        self.focus_input()

    def open_text(self, source: str, target: str, text: str) -> None:
        """A text of the quick translation, in its languages."""
        with QSignalBlocker(self.view.languages):
            self.view.languages.set_pair(source, target)
        self._on_languages_set()
        if text.strip():
            self.receive_text(text)

    def focus_input(self) -> None:
        """Where one types or reads on the page that the user left."""
        if not self.view.is_ready():
            self.view.offer.fetch_button.setFocus()
        elif self.files_mode.is_shown and self.files_mode.files is not None:
            self.files_mode.files.focus_first()
        else:
            self.focus_text()

    def focus_text(self) -> None:
        """To the text, whatever is shown in its place."""
        if self.view.is_ready():
            self.view.show_text_page()
            self.view.pair.source.setFocus()

    def kept_clear(self) -> list[QWidget]:
        return [self.view.top, self.view.notice]

    def retranslate(self) -> None:
        self.view.retranslate()
        self.way.show_way()
        self.files_mode.retranslate()

    def shutdown(self) -> None:
        """The window closes."""
        self.sentences.close_card()
        self.saver.finish()
        self.live.shutdown()
        self.sentences.shutdown()
        self.review.shutdown()
        self.files_mode.shutdown()
        self.saver.history.close()

    # --- actions ----------------------------------------------------------------------------

    def translate_now(self) -> None:
        """At once, and more carefully than while somebody types."""
        if not self.view.pair.source.document().isEmpty():
            self.live.run("best")

    def swap(self) -> None:
        """The languages, and the translation becomes the text."""
        row, pair = self.view.languages, self.view.pair
        language = row.language
        if not language or language not in row.offered:
            return
        text = "" if self.files_mode.is_shown else pair.target.text()  # what is not shown stays as it is
        if not self.files_mode.is_shown:
            self.saver.begin_new()
        with QSignalBlocker(row):
            row.set_pair(row.target, language)
        self._on_languages_set()
        if text.strip():
            pair.source.replace_text(text)
        self.live.run()

    def copy_translation(self) -> None:
        text = self.view.pair.target.text()
        if text.strip():
            QGuiApplication.clipboard().setText(text)
            self.context.toast(tr("Translation copied"))

    def clear(self) -> None:
        """With Undo."""
        source = self.view.pair.source
        text = source.text()
        if not text:
            return
        self.saver.begin_new()
        source.replace_text("")
        source.setFocus()

        def undo() -> None:
            source.replace_text(text)

        if text.strip():
            self.context.toast(tr("Text cleared"), undo=undo)

    # --- languages --------------------------------------------------------------------------

    def _on_languages(self) -> None:
        self._on_languages_set()
        if not self.view.pair.source.document().isEmpty():
            self.live.run()
        elif self.isVisible():
            self.live.warm_up()

    def _on_languages_set(self) -> None:
        """Remember the pair; a notice about the one before goes."""
        row, settings = self.view.languages, self.context.settings
        if settings.translate_pair != [row.source, row.target] or settings.translate_recent != row.recent:
            settings.translate_pair, settings.translate_recent = [row.source, row.target], list(row.recent)
            self.context.save_settings(by_user=False)
        self.notices.clear()
        self._show_target()
        self._show_glossary()

    def _show_glossary(self) -> None:
        """That of the pair of languages."""
        language, target = self.view.languages.language, self.view.languages.target
        self.sides.show_pair(language, target)
        try:
            known = bool(language) and language != target
            self.view.pair.set_glossary(self.glossaries.glossary(language, target) if known else Glossary())
        except KnownError as error:
            self.context.show_error(error)

    def _on_found(self, found: Found) -> None:
        row = self.view.languages
        if found.language == row.target and not row.recent:  # nobody has chosen a language yet
            row.set_pair(row.source, row.other_language())
            return
        self.notices.show_found(found)
        self.way.show_way()
        self.offer.show_offer()
        self._show_glossary()

    def _show_target(self) -> None:
        """What the language model knows matters where it translates."""
        row = self.view.languages
        if row.language and self.models.way(row.language, row.target).models:
            self.view.notice.clear("target")
        elif self.view.notice.topic != TOPIC:  # what is being fetched, or could not be, is told first
            self.notices.show_target()
        self.offer.show_offer()

    def add_language(self) -> None:
        """The list of languages that can be added."""
        AddLanguageCard(self.context, self.context.downloads, self.window()).open()

    def _on_languages_changed(self) -> None:
        """Another model translates the pair now, perhaps."""
        if self.view.is_ready() and not self.view.pair.source.document().isEmpty():
            self.live.run()

    def _set_offered(self) -> None:
        """The languages of what is installed."""
        self.view.languages.set_offered(self.models.languages())
        self.view.languages.set_known(*self.models.offered())

    def _on_models(self) -> None:
        self.view.show_ready()
        self._set_offered()
        if self.view.is_ready() and self.isVisible():
            self.live.warm_up()

    # --- the translation --------------------------------------------------------------------

    def _show_running(self) -> None:
        self.view.pair.stop_button.setVisible(self.live.running)

    def _on_finished(self, complete: bool) -> None:
        self._show_running()
        if complete:
            self.view.notice.clear("error")
            if self.view.pair.source.document().isEmpty():
                self.notices.clear()
            self.saver.save_soon()

    def _on_failed(self, error: KnownError) -> None:
        text = i18n.message(error)
        self.view.notice.show_notice(
            "error", text, icon="warning", action=tr("Try again"), do=self.translate_now
        )

    def _on_model_came(self) -> None:
        self.files_mode.open_page()
        if not self.files_mode.is_shown and not self.view.pair.source.document().isEmpty():
            self.live.run()

    # --- beside the editors -----------------------------------------------------------------

    def _on_mode(self, mode: str) -> None:
        if mode == FILES:
            self.files_mode.show()
        elif mode == TEXT:
            self.view.show_side("")
            self.view.show_text_page()
            self.view.focus_text()
        else:
            self.sides.show(mode)

    def _on_glossary(self) -> None:
        self._show_glossary()
        self.live.run()

    def open_entry(self, number: int) -> None:
        """A translation of the history, as it was; it is not asked of the model again."""
        entry = self.saver.entry(number)
        if entry is None:
            return
        self.saver.begin_new()
        self.view.show_text_page()
        with QSignalBlocker(self.view.languages):
            self.view.languages.set_pair(entry.source, entry.target)
        self._show_glossary()
        if not self.live.show_saved(entry.text, entry.translation, entry.sentences, entry.source):
            self.live.run()
        self.saver.set_entry(number)

    # --- keys ---------------------------------------------------------------------------

    def _focus_languages(self) -> None:
        self.view.languages.source_box.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _focus_target(self) -> None:
        self.view.show_text_page()
        self.view.pair.target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # --- Qt ---------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self.live.running:
            self.live.stop()
        elif self.view.side:  # as in the other panels: stop, then close what was opened, then the text
            self.view.show_side("")
        else:
            self.focus_text()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._warmed and self.view.is_ready():
            self._warmed = True
            if self.live.complete or self.view.pair.source.document().isEmpty():
                self.live.warm_up()
            else:
                self.live.run()
