"""A small window over all others: what is selected anywhere, and its translation."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QClipboard, QCloseEvent, QCursor, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.language_names import name_of_language
from autogpt_desktop.storage.glossaries import Glossaries
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.live import Found
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.editor_pair import EditorPair
from autogpt_desktop.ui.translate.labels import unknown_text
from autogpt_desktop.ui.translate.language_row import AUTO, LanguageRow, last_pair
from autogpt_desktop.ui.translate.live_translation import LiveTranslation
from autogpt_desktop.ui.translate.notice_bar import NoticeBar
from autogpt_desktop.ui.translate.pair_models import PairModels, is_ready
from autogpt_desktop.ui.translate.way_button import conversion_text
from autogpt_desktop.ui.widgets.basic import ElidedLabel, bring_to_front, button, name_button, tab_order
from autogpt_desktop.ui.widgets.icons import app_icon
from autogpt_desktop.ui.widgets.text_field import PASTE_LIMIT

SIZE = 460, 440  # px: two short paragraphs, one above the other
COPIED_MS = 1500


class QuickTranslate(QWidget):
    """``open`` shows it with what is selected. It translates as the Translate panel does, with the same
    models, and keeps nothing but the pair of languages."""

    panel_requested = Signal(str, str, str)  # source, target, text: go on in the Translate panel

    def __init__(self, context: AppContext) -> None:
        super().__init__(None, Qt.WindowType.Window | Qt.WindowType.WindowStaysOnTopHint)
        self.context = context
        self._awaits_text = False
        self._placed = False  # from then on it comes back where the user left it
        self.setObjectName("page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowIcon(app_icon())
        self.setMinimumSize(360, 320)
        self.resize(*SIZE)
        self.languages = LanguageRow(tuple(LANGUAGES), *last_pair(context.settings))
        self.notice = NoticeBar()
        self.pair = EditorPair(context)
        self.pair.copy_button.hide()  # there is a larger one
        self.models = PairModels(context, self)
        self._glossaries = Glossaries()
        self.live = LiveTranslation(context, self.pair, self.languages, self._glossaries, self.models, self)
        self.open_button = button(kind="quiet")
        self.copy_button = button(kind="primary")
        self.note = ElidedLabel(size="small", tone="muted")
        self.note.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self._copied = QTimer(self)
        self._copied.setSingleShot(True)
        self._copied.setInterval(COPIED_MS)
        self._copied.timeout.connect(self._name_copy)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.open_button)
        foot.addWidget(self.note)
        foot.addStretch(1)
        foot.addWidget(self.copy_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        column.addWidget(self.languages)
        column.addWidget(self.notice)
        column.addWidget(self.pair, 1)
        column.addLayout(foot)
        self._connect()
        self._order_tabs()
        self.retranslate()
        self._on_models()

    def _connect(self) -> None:
        pair, live = self.pair, self.live
        self.languages.changed.connect(self._on_languages)
        self.languages.changed.connect(self._show_note)
        self.models.changed.connect(self._show_note)
        self.languages.swap_requested.connect(self.swap)
        self.open_button.clicked.connect(self.open_panel)
        self.copy_button.clicked.connect(self.copy)
        pair.copy_requested.connect(self.copy)
        pair.clear_requested.connect(self._clear)
        pair.stop_requested.connect(live.stop)
        pair.review_requested.connect(self.open_panel)
        pair.facts_shown.connect(self._show_buttons)
        pair.source.paste_refused.connect(self._refuse)
        live.found.connect(self._on_found)
        live.started.connect(self._show_running)
        live.finished.connect(self._on_finished)
        live.failed.connect(self._on_failed)
        self.context.language_changed.connect(self.retranslate)
        self.context.models_listed.connect(self._on_models)
        for keys, slot in (
            ("Esc", self.close),
            ("Ctrl+W", self.close),
            ("Ctrl+Shift+C", self.copy),
            ("Ctrl+Shift+S", self.swap),
            ("Ctrl+Return", self._translate_now),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(slot)

    def _order_tabs(self) -> None:
        row, pair = self.languages, self.pair
        tab_order(
            row.source_box, row.swap_button, row.target_box, self.notice.action, self.notice.close_button,
            pair.source, pair.clear_button, pair.target, pair.info_button,
            pair.review_count, pair.stop_button, self.open_button, self.copy_button,
        )  # fmt: skip

    def retranslate(self) -> None:
        self.setWindowTitle(tr("Quick translation"))
        self.languages.retranslate()
        self.pair.retranslate()
        self.open_button.setText(tr("Open in Translate"))
        self._name_copy()
        self._show_note()

    def _show_note(self) -> None:
        """Where one script of Chinese is made of the other, that it is."""
        text = conversion_text(self.models, self.languages.language, self.languages.target)
        self.note.setVisible(bool(text))
        self.note.set_text(text)

    # --- opening and closing ------------------------------------------------------------------

    def open(self, source: str = "", target: str = "") -> None:
        """Show it in front, with what is selected or was copied. "": the languages that were used last."""
        saved_source, saved_target, recent = last_pair(self.context.settings)
        self.languages.recent = recent
        source = source if source == AUTO or name_of_language(source) else saved_source
        target = target if name_of_language(target) else saved_target
        with QSignalBlocker(self.languages):
            self.languages.set_pair(source, target)
        self._show_note()
        self._show_glossary()
        text = selected_text()
        # some desktops tell what was copied only to the window with the focus
        self._awaits_text = not text.strip()
        if text.strip():
            self.show_text(text)
        if not self._placed:
            self._placed = True
            screen = QGuiApplication.screenAt(QCursor.pos()) or QGuiApplication.primaryScreen()
            self.move(screen.availableGeometry().center() - self.rect().center())
        bring_to_front(self)
        self.focus_input()

    def show_text(self, text: str) -> None:
        """Translate it."""
        text = text.strip("\r\n")
        self.notice.clear()
        if len(text) > PASTE_LIMIT:
            self._refuse(len(text))
        elif text != self.pair.source.text() and self.pair.source.replace_text(text) and self.ready:
            self.live.run()
        self._on_models()

    def focus_input(self) -> None:
        """Where one writes, or what is to be done first."""
        (self.pair.source if self.ready else self.notice.action).setFocus()

    def open_panel(self) -> None:
        """Go on in the Translate panel, with the same text and languages."""
        row = self.languages
        self.panel_requested.emit(row.source, row.target, self.pair.source.text())
        self.close()

    def shutdown(self) -> None:
        """The app ends."""
        self.close()
        self.live.shutdown()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.live.stop()
        super().closeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow() and self._awaits_text:
            self._awaits_text = False
            if (text := selected_text()).strip():
                self.show_text(text)

    # --- actions ------------------------------------------------------------------------------

    def copy(self) -> None:
        text = self.pair.target.text()
        if text.strip():
            QGuiApplication.clipboard().setText(text)
            self.copy_button.setText(tr("Copied"))
            self._copied.start()

    def swap(self) -> None:
        """The languages, and the translation becomes the text."""
        row, language = self.languages, self.languages.language
        if not language or language not in row.offered:
            return
        self.live.swap_text()
        row.set_pair(row.target, language)

    def _clear(self) -> None:
        self.pair.source.replace_text("")
        self.focus_input()

    def _translate_now(self) -> None:
        if self.pair.source.text().strip() and self.ready:
            self.live.run("best")

    # --- languages and models -----------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """There is something that translates."""
        return is_ready(self.context)

    def _on_models(self) -> None:
        ready = self.ready
        for widget in (self.languages, self.pair):
            widget.setEnabled(ready)
        if ready:
            self.notice.clear("model")
            self.languages.set_offered(self.models.languages())
            self.languages.set_known(*self.models.offered())
        else:
            self.notice.show_notice(
                "model", tr("Nothing here translates yet: a model has to be fetched first."),
                icon="warning", action=tr("Choose one"), do=self.open_panel,
            )  # fmt: skip
        self._show_buttons()

    def _on_languages(self) -> None:
        """The user has chosen: it is remembered, as in the panel."""
        row, settings = self.languages, self.context.settings
        settings.translate_pair, settings.translate_recent = [row.source, row.target], list(row.recent)
        self.context.save_settings()
        self.notice.clear()
        self._on_models()
        self._show_glossary()
        if self.pair.source.text().strip() and self.ready:
            self.live.run()

    def _on_found(self, found: Found) -> None:
        row = self.languages
        if found.language == row.target:
            # a text in the language that one reads is wanted in the other one; the choice stays
            with QSignalBlocker(row):
                row.set_pair(AUTO, row.other_language())
            self.live.run()
            return
        if found.known:
            self.notice.clear("language")
        else:
            self.notice.show_notice("language", unknown_text(found.language), icon="warning")
        self._show_glossary()

    def _show_glossary(self) -> None:
        language, target = self.languages.language, self.languages.target
        known = bool(language) and language != target
        try:
            self.pair.set_glossary(self._glossaries.glossary(language, target) if known else Glossary())
        except KnownError as error:
            self.show_problem(error)

    def show_problem(self, error: KnownError) -> None:
        """Here, as there may be no other window."""
        self.notice.show_notice("problem", i18n.message(error), icon="warning")

    # --- what happens -------------------------------------------------------------------------

    def _refuse(self, size: int) -> None:
        text = tr("This text is too long to work on here ({n} characters).", n=f"{size:,}")
        self.notice.show_notice("long", text, icon="warning")

    def _on_failed(self, error: KnownError) -> None:
        self.notice.show_notice(
            "error", i18n.message(error), icon="warning", action=tr("Try again"), do=self._translate_now
        )

    def _show_running(self) -> None:
        self.pair.stop_button.setVisible(self.live.running)

    def _on_finished(self, complete: bool) -> None:
        self._show_running()
        if complete:
            self.notice.clear("error")

    def _show_buttons(self) -> None:
        self.pair.copy_button.hide()
        self.copy_button.setEnabled(self.pair.target.document().characterCount() > 1)

    def _name_copy(self) -> None:
        self.copy_button.setText(tr("Copy"))
        name_button(self.copy_button, tr("Copy the translation"), "Ctrl+Shift+C")


def selected_text() -> str:
    """What is selected in any window, where the desktop tells (X11), else what was copied last."""
    clipboard = QGuiApplication.clipboard()
    if clipboard.supportsSelection():
        selected = clipboard.text(QClipboard.Mode.Selection)
        if selected.strip():
            return selected
    return clipboard.text(QClipboard.Mode.Clipboard)
