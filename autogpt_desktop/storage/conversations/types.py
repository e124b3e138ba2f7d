"""What the history hands out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TRASH_DAYS = 30  # that a conversation stays in the trash
ROLES = ("system", "user", "assistant")
STATES = ("complete", "streaming", "stopped", "interrupted", "error")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation's tree, as seen on the branch that is shown."""

    id: int
    conversation_id: int
    parent_id: int | None
    role: str  # of ROLES
    text: str
    state: str  # of STATES; "interrupted": the app ended while it was being written
    created: float  # seconds since 1970
    model: str = ""
    stats: dict[str, Any] = field(default_factory=dict)
    attachments: tuple[dict[str, Any], ...] = ()  # JSON values as the panel gave them
    sibling_index: int = 0  # from 0, among the branches that start at the same parent
    sibling_count: int = 1


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation without its messages; the last three fields belong to a search."""

    id: int
    title: str
    system_prompt: str
    sampling: dict[str, Any]
    preset: str
    model: str
    pinned: bool
    created: float
    updated: float
    draft: str = ""
    snippet: str = ""  # an excerpt of the newest message that matches; "": the title matches
    snippet_matches: tuple[tuple[int, int], ...] = ()  # start and end in the snippet
    match_id: int | None = None  # that message, for History.select


@dataclass(frozen=True, slots=True)
class Undo:
    """Takes one deletion back, until it is purged."""

    token: int
    conversation_id: int
    message_id: int | None = None
