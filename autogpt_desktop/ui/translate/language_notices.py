"""Notices about languages: the text is in the target already, in an unknown one, in another than chosen."""

from __future__ import annotations

from PySide6.QtCore import QObject

from autogpt_desktop import i18n
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.translate.live import Found
from autogpt_desktop.ui.translate.labels import language_name, unknown_text
from autogpt_desktop.ui.translate.language_row import AUTO
from autogpt_desktop.ui.translate.live_translation import LiveTranslation
from autogpt_desktop.ui.translate.view import TranslateView


class LanguageNotices(QObject):
    """Topics of the notice bar: "target", "language" and "doubt"."""

    def __init__(self, view: TranslateView, live: LiveTranslation) -> None:
        super().__init__(view)
        self._languages, self._notice, self._live = view.languages, view.notice, live

    def clear(self) -> None:
        """What was said of a text and its language is over."""
        self._notice.clear("language")
        self._notice.clear("doubt")

    def show_target(self) -> None:
        """A target that the model does not know is named before anything is translated into it."""
        target = self._languages.target
        if target not in self._languages.known:
            text = i18n.message("notice.language-unknown", language=language_name(target))
            self._notice.show_notice("target", text, icon="warning")
        elif not self._languages.stated:
            text = tr("This model does not say which languages it knows. Check its work.")
            self._notice.show_notice("target", text)
        else:
            self._notice.clear("target")

    def show_found(self, found: Found) -> None:
        """The language of the text was detected."""
        row, name = self._languages, language_name(found.language)
        if found.language == row.target:
            other = row.other_language()
            self._notice.show_notice(
                "language",
                tr("This text is in {language} already.", language=name),
                action=tr("Translate into {language}", language=language_name(other)),
                do=lambda: row.set_pair(row.source, other),
            )
        elif not found.known:
            ask = found.language not in self._live.anyway and row.source == AUTO
            self._notice.show_notice(
                "language", unknown_text(found.language), icon="warning",
                action=tr("Translate all the same") if ask else "",
                do=lambda: self._translate_anyway(found.language),
            )  # fmt: skip
        else:
            self._notice.clear("language")

    def show_doubt(self, language: str) -> None:
        """The text seems to be in ``language``, not in the chosen one; "": no doubt any more."""
        if not language:
            self._notice.clear("doubt")
            return
        row, name = self._languages, language_name(language)
        target = row.source if language == row.target else row.target
        self._notice.show_notice(
            "doubt",
            tr("This text seems to be in {language}.", language=name),
            action=tr("Translate from {language}", language=name),
            do=lambda: row.set_pair(language, target),
        )

    def _translate_anyway(self, language: str) -> None:
        self._live.anyway.add(language)
        self._live.run()
