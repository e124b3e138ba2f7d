"""What the context menus of the editors offer beside Qt's own entries."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMenu

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.translate.sentence_actions import SentenceActions
from autogpt_desktop.ui.translate.view import TranslateView

LONGEST_TERM = 80  # characters that are offered as a term of the glossary


class EditorMenus:
    """Each method adds to the menu of one editor."""

    def __init__(
        self, view: TranslateView, sentences: SentenceActions, add_term: Callable[[str], None]
    ) -> None:
        self._view, self._sentences, self._add_term = view, sentences, add_term

    def add_to_target(self, menu: QMenu) -> None:
        pair = self._view.pair
        index = pair.map.at_target(pair.target.menu_place) if pair.target.menu_place >= 0 else -1
        if index >= 0:
            menu.addSeparator()
            action = menu.addAction(self._view.context.icon("translate"), tr("Other ways to say it"))
            action.triggered.connect(lambda: self._sentences.show_alternatives(index))

    def add_to_source(self, menu: QMenu) -> None:
        words = " ".join(self._view.pair.source.textCursor().selectedText().split())
        if words and len(words) <= LONGEST_TERM and self._view.languages.language:
            menu.addSeparator()
            action = menu.addAction(self._view.context.icon("glossary"), tr("Add to the glossary…"))
            action.triggered.connect(lambda: self._add_term(words))
