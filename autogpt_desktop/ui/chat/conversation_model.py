"""The conversations of the user's history as entries of the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.history_model import HistoryItem

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import Conversation, History


def shown_title(title: str) -> str:
    return title or tr("New chat")


def conversation_items(history: Callable[[], History]) -> Callable[[str, int, int], Sequence[HistoryItem]]:
    """What a HistoryList reads; the value of each entry is its Conversation."""

    def read(query: str, limit: int, offset: int) -> list[HistoryItem]:
        return [_item(one) for one in history().conversations(query, limit=limit, offset=offset)]

    return read


def _item(one: Conversation) -> HistoryItem:
    return HistoryItem(
        one.id, shown_title(one.title), one.updated, pinned=one.pinned,
        snippet=one.snippet, matches=tuple(one.snippet_matches), value=one,
    )  # fmt: skip
