"""What is being written: the text of a message that is not sent, and its files."""

from __future__ import annotations

import json
from dataclasses import dataclass

from autogpt_desktop.ui.chat.attachments import Attachment, prompt_text

_KEY = "autogpt-desktop-draft"  # a draft that has attachments is stored as JSON


@dataclass(frozen=True)
class Draft:
    """A message before it is sent."""

    text: str = ""
    attachments: tuple[Attachment, ...] = ()

    def is_empty(self) -> bool:
        return not self.attachments and not self.text.strip()

    def stripped(self) -> Draft:
        return Draft(self.text.strip(), self.attachments)

    def prompt(self) -> str:
        """As the model will read it."""
        return prompt_text(self.text, self.attachments)

    def encode(self) -> str:
        """As the history stores it."""
        if not self.attachments:
            return self.text
        items = [item.as_dict() for item in self.attachments]
        return json.dumps({_KEY: self.text, "attachments": items}, ensure_ascii=False)

    @classmethod
    def decode(cls, stored: str) -> Draft:
        if not stored.startswith(f'{{"{_KEY}": '):
            return cls(stored)
        try:
            values = json.loads(stored)
            items = [Attachment.of(item) for item in values["attachments"]]
            return cls(values[_KEY] + "", tuple(items))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return cls(stored)  # somebody wrote just that
