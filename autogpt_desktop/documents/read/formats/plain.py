"""Plain text, Markdown and source code: as they stand."""

from __future__ import annotations

import re

from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable
from autogpt_desktop.documents.text.encoding import decode

_HEADING = re.compile(r"\A(?:---\n.*?\n---\n)?\s*#{1,2}[ \t]+(.+)")


def read_plain(data: bytes, suffix: str, parts: Parts) -> None:
    """Raises Unreadable("document-kind") for what is not text."""
    decoded = decode(data)
    if decoded is None:
        raise Unreadable("document-kind")
    text, encoding = decoded
    if "\ufffd" in text and not encoding.startswith("utf-16"):
        parts.notices.append(("notice.document-characters-lost", {"encoding": encoding}))
    parts.add(text)
    if suffix in {".md", ".markdown"} and (heading := _HEADING.search(parts.text()[:2000])):
        parts.title = heading[1].strip("# ")[:300]
