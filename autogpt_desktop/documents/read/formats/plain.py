"""Plain text, Markdown and source code: as they stand, but for tables."""

from __future__ import annotations

import re

from autogpt_desktop.documents.read.formats.markdown_tables import tables_as_lines
from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable, clean
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
    is_markdown = suffix in {".md", ".markdown"}
    parts.add(tables_as_lines(clean(text)) if is_markdown else text)
    if is_markdown and (heading := _HEADING.search(parts.text()[:2000])):
        parts.title = heading[1].strip("# ")[:300]
