"""Text files that go with a message: reading them, their words in the prompt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import check_regular, read_regular
from autogpt_desktop.ui.widgets.basic import size_text

MAX_FILE_BYTES = 2_000_000


@dataclass(frozen=True)
class Attachment:
    """A named text."""

    name: str
    text: str

    @classmethod
    def of(cls, value: Attachment | Mapping[str, Any]) -> Attachment:
        """From what the history keeps."""
        if isinstance(value, Attachment):
            return value
        return cls(str(value.get("name", "")), str(value.get("text", "")))

    def as_dict(self) -> dict[str, str]:
        return {"name": self.name, "text": self.text}


def read_attachment(path: Path) -> Attachment:
    """The text of a file. KnownError: attachment-unreadable, -too-large, -not-text, -empty."""
    try:
        if check_regular(path).st_size > MAX_FILE_BYTES:
            raise KnownError("attachment-too-large", name=path.name, limit=size_text(MAX_FILE_BYTES))
        data = read_regular(path)
    except OSError as error:
        raise KnownError("attachment-unreadable", name=path.name) from error
    text = decode_text(data)
    if text is None:
        raise KnownError("attachment-not-text", name=path.name)
    if not text.strip():
        raise KnownError("attachment-empty", name=path.name)
    return Attachment(path.name, text)


def decode_text(data: bytes) -> str | None:
    """Bytes as text by their mark, UTF-8, UTF-16, GB 18030 or Windows-1252; None: not text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\0" in data:
        even, odd = data[:4096:2].count(0), data[1:4096:2].count(0)  # where the zero halves stand
        encodings = ["utf-16-be" if even > odd else "utf-16-le"]
    else:
        encodings = ["utf-8-sig", "gb18030", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        control = sum(1 for character in text[:20_000] if character < " " and character not in "\t\n\r\f")
        if "\0" not in text and control * 100 <= min(len(text), 20_000):
            return text.replace("\r\n", "\n").replace("\r", "\n")
    return None


def prompt_text(text: str, attachments: Iterable[Attachment | Mapping[str, Any]]) -> str:
    """A message and its files as the model reads them, each file in a fence it cannot close."""
    parts = []
    for value in attachments:
        item = Attachment.of(value)
        longest = max((len(run) for run in re.findall("`+", item.text)), default=0)
        fence = "`" * max(3, longest + 1)
        parts.append(f"{item.name}:\n{fence}\n{item.text}\n{fence}")
    return "\n\n".join([*parts, text] if text else parts)
