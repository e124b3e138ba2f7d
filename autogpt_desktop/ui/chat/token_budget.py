"""How much of the model's context a conversation and what is being written take, in tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import Message
    from autogpt_desktop.ui.chat.composer import Composer
    from autogpt_desktop.ui.chat.conversation import Conversation
    from autogpt_desktop.ui.chat.draft import Draft
    from autogpt_desktop.ui.chat.header import ContextMeter
    from autogpt_desktop.ui.context import AppContext


_NARROW = bytes(byte for byte in range(256) if not 0xE3 <= byte <= 0xF4)  # begins nothing from U+3000 on


@lru_cache(maxsize=16)  # what is attached is counted with every key
def estimate_tokens(text: str) -> int:
    """Roughly how many tokens a text is: four Latin letters or one other character each."""
    if text.isascii():
        return (len(text) + 3) // 4
    leading = text.encode("utf-8", "surrogatepass").translate(None, _NARROW)  # a byte of each wide character
    return len(leading) + (len(text) - len(leading) + 3) // 4


def used_tokens(messages: Sequence[Message]) -> int:
    """Exact up to the last answer, estimated behind it."""
    used = 0
    for item in reversed(messages):
        if item.stats.get("context_used"):
            return used + int(item.stats["context_used"])
        used += estimate_tokens(item.text)
    return used


class TokenBudget(QObject):
    """Shows the context in ``meter``, and in the composer that a draft is longer than all of it."""

    def __init__(
        self, context: AppContext, conversation: Conversation, composer: Composer, meter: ContextMeter
    ) -> None:
        super().__init__(composer)
        self.context = context
        self._conversation, self._composer, self._meter = conversation, composer, meter
        self._warned = False
        composer.edited.connect(self.show)
        conversation.messages_changed.connect(self.show)
        context.model_changed.connect(self.show)
        context.language_changed.connect(self.show)

    def length(self) -> int:
        """Of the context; 0: not known yet."""
        model = self.context.model()
        if model is not None:
            return model.context_length
        known = [item.stats.get("context_length", 0) for item in self._conversation.messages]
        return next((length for length in reversed(known) if length), 0)

    def check(self, draft: Draft) -> None:
        """Raise KnownError message-too-long: the engine counts exactly; this far off needs no asking."""
        length = self.length()
        tokens = estimate_tokens(draft.prompt())
        if length and tokens > 2 * length:
            raise KnownError("message-too-long", tokens=f"{tokens:,}", context=f"{length:,}")

    def show(self) -> None:
        used, length = used_tokens(self._conversation.messages), self.length()
        attached = sum(estimate_tokens(item.text) for item in self._composer.attachments)
        draft = estimate_tokens(self._composer.text()) + attached
        # what does not fit is left out by the engine, oldest first
        self._meter.show_values(min(used, length) if length else used, draft, length)
        if length and draft > length:
            self._warned = True
            self._composer.set_notice(
                tr(
                    "This is about {tokens} tokens, and the model reads {length} at once. Shorten it first.",
                    tokens=f"{draft:,}",
                    length=f"{length:,}",
                )
            )
        elif self._warned:
            self._warned = False
            self._composer.set_notice("")
