"""Markdown read: tokens of its blocks, and what a message says without its marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from autogpt_desktop.documents.text.markdown_nesting import keep_deep_text
from autogpt_desktop.ui.chat.messages.formula_blocks import add_formula_blocks
from autogpt_desktop.ui.chat.messages.inline_rules import add_rules
from autogpt_desktop.ui.chat.messages.segments import add_segments

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

PLAIN_ABOVE = 100_000  # characters: longer texts are shown as they are
_LINKS = 5_000  # opening brackets: with more the parser takes a second
_MOST = 500_000  # the same, code among them
_FENCED = re.compile(r"^```[^`\n]*+\n(?:(?!```).*+\n)*+", re.MULTILINE)
_LINES = 20_000  # the same, where each may be a block of its own
_LABEL = re.compile(r"\[((?:[^\\\[\]]|\\.){1,300}+)\]", re.DOTALL)
_MARKUP = re.compile(r"[*_`#\[\]<>|~\\&!$]|^[^\S\n]*+(?:[-+]|\d++[.)])\s|^ {4}|^[-=]{2,}", re.MULTILINE)


@cache
def parser() -> MarkdownIt:
    """CommonMark with tables, strikethrough and ``inline_rules``; HTML off."""
    from markdown_it import MarkdownIt  # with the first message, not before the window

    markdown = MarkdownIt("commonmark", {"html": False, "inline_definitions": True}).enable(
        ["table", "strikethrough"]
    )
    keep_deep_text(markdown)
    add_rules(markdown)
    add_segments(markdown)
    add_formula_blocks(markdown)
    return markdown


def clean(text: str) -> str:
    """Line ends as Markdown wants them; characters that a document uses for itself removed."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    for bad, good in _BAD.items():
        if bad in text:  # much quicker than to translate every character
            text = text.replace(bad, good)
    return text


_BAD = {"\0": "\ufffd", "\u2029": "\n", "\ufdd0": "", "\ufdd1": "", "\ufffc": ""}


def is_plain(text: str) -> bool:
    """Shown as it is: parsing it would hold the window up. Fenced code is hardly parsed and may be longer."""
    if text.count("[") > _LINKS or text.count("\n") > _LINES or len(text) > _MOST:
        return True
    return len(text) > PLAIN_ABOVE and len(text) - sum(map(len, _FENCED.findall(text))) > PLAIN_ABOVE


def groups(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens of each top-level block."""
    start = 0
    for index, token in enumerate(tokens):
        if token.level == 0 and token.nesting <= 0:
            yield tokens[start : index + 1]
            start = index + 1


def labels(text: str) -> Iterator[str]:
    """What in brackets may name the address of a link that stands elsewhere, as the parser keeps it."""
    from markdown_it.common.utils import normalizeReference

    return (normalizeReference(match[1]) for match in _LABEL.finditer(text))


def plain_text(text: str) -> str:
    """What a rendered message reads as, for finding in it; one line a block."""
    text = clean(text)
    if is_plain(text) or not _MARKUP.search(text):
        return text
    lines = []
    for token in parser().parse(text):
        if token.type == "inline":
            lines.append("".join(_inline_text(child) for child in token.children or ()))
        elif token.type in ("fence", "code_block", "math_block"):
            lines.append(token.content.rstrip("\n"))
    return "\n".join(lines)


def _inline_text(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return "\n"
    return image_text(token) if token.type == "image" else token.content


def image_text(token: Token) -> str:
    return f"{token.content} ({token.attrGet('src') or ''})".strip()
