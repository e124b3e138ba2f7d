"""Says so when the model was not made for the language that is being written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from autogpt_desktop.documents.text.languages import guess_without_model, is_supported
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import languages_text

if TYPE_CHECKING:
    from autogpt_desktop.ui.chat.banner import LanguageBanner
    from autogpt_desktop.ui.chat.composer import Composer
    from autogpt_desktop.ui.chat.conversation import Conversation
    from autogpt_desktop.ui.context import AppContext


class LanguageWarning(QObject):
    """Looks at what is in the composer, else at the last question."""

    def __init__(
        self, context: AppContext, conversation: Conversation, composer: Composer, banner: LanguageBanner
    ) -> None:
        super().__init__(banner)
        self.context = context
        self._conversation, self._composer, self._banner = conversation, composer, banner
        composer.changed.connect(self.check)
        conversation.messages_changed.connect(self.check)
        context.model_changed.connect(self.check)
        context.language_changed.connect(self.check)

    def check(self) -> None:
        model = self.context.model() or self.context.chosen_model()
        text = self._composer.text()
        if not text.strip():
            question = self._conversation.last_of("user")
            text = question.text if question else ""
        language = guess_without_model(text)
        if model is None or is_supported(language, tuple(model.languages)):
            self._banner.show_text("")
            return
        self._banner.show_text(
            tr(
                "{model} was made for {languages}. Its answers in {language} may be poor.",
                model=model.title,
                languages=languages_text(tuple(model.languages)),
                language=languages_text((language,)),
            )
        )
