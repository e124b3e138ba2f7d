"""Markdown that is nested deeper than its parser goes: it stays as text there, instead of being dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_OPENS = ("blockquote", "list", "deflist", "footnote", "code")  # indented code: what is too deep is indented
_MOST = 2  # levels that one of them adds


def keep_deep_text(markdown: MarkdownIt) -> None:
    """Below ``maxNesting`` quotes and items begin no block: their lines are paragraphs, marks and all."""
    ruler = markdown.block.ruler
    for rule in ruler.__rules__:
        if rule.name in _OPENS:
            ruler.at(rule.name, _above(rule.fn), {"alt": [*rule.alt]})


def is_deep(level: int, most: int) -> bool:
    """Is a block at ``level`` too deep to hold others? ``most``: the parser's ``maxNesting``."""
    return level + _MOST >= most


def _above(rule: Callable[..., bool]) -> Callable[..., bool]:
    def run(state: Any, first: int, last: int, silent: bool) -> bool:
        if is_deep(state.level, state.md.options.maxNesting):
            return False
        return rule(state, first, last, silent)

    return run
