"""What the Translate panel is made of and how it is arranged; what it does is in ``ui.translate_panel``."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import current_language, tr
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.translate_glossaries import Glossaries
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.model_offer import ModelOffer
from autogpt_desktop.ui.translate.language_row import AUTO, LanguageRow
from autogpt_desktop.ui.translate.live import Live
from autogpt_desktop.ui.translate.note import Note
from autogpt_desktop.ui.translate.pair import EditorPair

KEEP_MS = 2000  # a translation that stands so long goes into the history


class TranslateLayout(QWidget):
    """The widgets, in their places."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.glossaries = Glossaries()
        source, target, recent = _languages(context)
        self.languages = LanguageRow(tuple(LANGUAGES), source, target, recent)
        self.note = Note()
        self.pair = EditorPair(context)
        self.live = Live(context, self.pair, self.languages, self.glossaries, self)
        self.offer = ModelOffer(context, context.downloads, "translate")
        self.pages = QStackedWidget()
        self.pages.addWidget(self.pair)
        self._offer_page = QWidget()
        center = QVBoxLayout(self._offer_page)
        center.addStretch(1)
        center.addWidget(self.offer)
        center.addStretch(2)
        self.pages.addWidget(self._offer_page)
        self._top = QWidget()
        top = QHBoxLayout(self._top)
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(8)
        top.addWidget(self.languages, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self._top)
        column.addWidget(self.note)
        column.addWidget(self.pages, 1)
        self._keep = QTimer(self)
        self._keep.setSingleShot(True)
        self._keep.setInterval(KEEP_MS)
        context.language_changed.connect(self.retranslate)
        self.show_ready()

    def retranslate(self) -> None:
        self.languages.retranslate()
        self.pair.retranslate()
        self.note.clear()

    def is_ready(self) -> bool:
        """There is a model that translates."""
        return self.context.model_for("translate") is not None

    def show_ready(self) -> None:
        """The editors, or what is needed for them."""
        ready = self.is_ready()
        self._top.setEnabled(ready)
        if not ready:
            self.pages.setCurrentWidget(self._offer_page)
        elif self.pages.currentWidget() is self._offer_page:
            self.pages.setCurrentWidget(self.pair)

    def show_text_page(self) -> None:
        if self.is_ready():
            self.pages.setCurrentWidget(self.pair)

    def show_pair(self) -> None:
        """What belongs to the pair of languages: the glossary."""
        language, target = self.languages.language, self.languages.target
        if not language or language == AUTO:
            return
        try:
            self.pair.set_glossary(self.glossaries.glossary(language, target))
        except KnownError as error:
            self.context.show_error(error)

    def keep_soon(self) -> None:
        """The translation is to be kept once it stands for a moment."""
        self._keep.start()

    @staticmethod
    def shortcut_rows() -> tuple[str, list[tuple[str, str]]]:
        return tr("Translate"), [
            ("Ctrl+Enter", tr("Translate now, and more carefully")),
            ("Ctrl+Shift+S", tr("Swap the languages and the texts")),
            ("Ctrl+Shift+C", tr("Copy the translation")),
            ("Ctrl+L", tr("Go to the text")),
            ("Ctrl+T", tr("Go to the translation")),
            ("Ctrl+Shift+L", tr("Choose the languages")),
            ("Enter", tr("Other ways to say a sentence (in the translation)")),
            ("F8 / Shift+F8", tr("Next or previous sentence to look at again")),
            ("Esc", tr("Stop translating")),
        ]


def _languages(context: AppContext) -> tuple[str, str, list[str]]:
    """The pair that was used last; at first, from whatever it is into the window's language."""
    settings = context.settings
    recent = [code for code in settings.translate_recent if code in LANGUAGES]
    pair = settings.translate_pair
    if len(pair) == 2 and pair[0] in (AUTO, *LANGUAGES) and pair[1] in LANGUAGES and pair[0] != pair[1]:
        return pair[0], pair[1], recent
    return AUTO, "zh" if current_language() == "zh_CN" else "en", recent
