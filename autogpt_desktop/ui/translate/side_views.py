"""What stands beside the editors when asked for: the glossary, the history, sentences to look at again."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.storage.glossaries import Glossaries
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.glossary_view import GlossaryView
from autogpt_desktop.ui.translate.history_view import HistoryView
from autogpt_desktop.ui.translate.review import Review
from autogpt_desktop.ui.translate.saver import TranslationSaver
from autogpt_desktop.ui.translate.side_panel import SidePanel
from autogpt_desktop.ui.translate.view import GLOSSARY, HISTORY, TranslateView

REVIEW = "review"


class SideViews(QObject):
    """Makes each when it is first shown. ``opened`` carries an entry of the history."""

    opened = Signal(int)
    glossary_changed = Signal()

    def __init__(
        self,
        context: AppContext,
        view: TranslateView,
        glossaries: Glossaries,
        saver: TranslationSaver,
        review: Review,
    ) -> None:
        super().__init__(view)
        self._context, self._view = context, view
        self._glossaries, self._saver, self._review = glossaries, saver, review
        saver.saved.connect(self._on_saved)
        review.wanted.connect(self._show_review)

    def show(self, name: str) -> None:
        """GLOSSARY, HISTORY, REVIEW, or "" for none."""
        if name and name not in self._view.sides:
            self._view.add_side(name, self._make(name))
        self._view.show_side(name)
        if name == HISTORY:
            self.history().reload()

    def toggle_glossary(self) -> None:
        self._toggle(GLOSSARY)

    def toggle_history(self) -> None:
        self._toggle(HISTORY)

    def toggle_review(self) -> None:
        """The sentences of the text; those of a file are shown from its line."""
        if self._view.side == REVIEW:
            self.show("")
        elif self._view.pages.currentWidget() is self._view.pair:
            self._review.show_text()

    def history(self) -> HistoryView:
        view = self._view.sides[HISTORY]
        assert isinstance(view, HistoryView)
        return view

    def glossary(self) -> GlossaryView:
        view = self._view.sides[GLOSSARY]
        assert isinstance(view, GlossaryView)
        return view

    def show_pair(self, language: str, target: str) -> None:
        """The glossary, where it is shown, is the one of these languages."""
        if GLOSSARY in self._view.sides:
            self.glossary().show_pair(language, target)

    def add_term(self, words: str) -> None:
        """Begin a term of the glossary with words of the text."""
        self.show(GLOSSARY)
        self.glossary().add(words)

    def _toggle(self, name: str) -> None:
        self.show("" if self._view.side == name else name)

    def _show_review(self) -> None:
        self.show(REVIEW)

    def _make(self, name: str) -> SidePanel:
        if name == REVIEW:
            return self._review.make_list()
        if name == HISTORY:
            history = HistoryView(self._context, self._saver.history)
            history.opened.connect(self.opened)
            history.keep.toggled.connect(self._saver.draft.keep)
            return history
        glossary = GlossaryView(self._context, self._glossaries)
        glossary.show_pair(self._view.languages.language, self._view.languages.target)
        glossary.changed.connect(self.glossary_changed)
        return glossary

    def _on_saved(self) -> None:
        if self._view.side == HISTORY:
            self.history().reload()
