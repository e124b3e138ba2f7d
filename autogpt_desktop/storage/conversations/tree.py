"""Whole conversations, every branch, out of the database and into it."""

from __future__ import annotations

import json
from collections.abc import Sequence

from autogpt_desktop.database import clean
from autogpt_desktop.storage.conversations.connection import Store, new_id, to_column
from autogpt_desktop.storage.conversations.export import Tree, TreeMessage
from autogpt_desktop.storage.conversations.types import Conversation


def read_tree(store: Store, conversation: Conversation) -> Tree:
    """The conversation with all its branches; messages point to places in the list, not to ids."""
    rows = store.rows(
        "SELECT id, parent_id, active_child, role, text, state, created, model, stats, attachments"
        " FROM messages WHERE conversation_id = ? AND deleted = 0 ORDER BY id",
        conversation.id,
    )
    places: dict[int, int] = {}
    kept: list[tuple] = []
    for row in rows:
        if row[1] is None or row[1] in places:  # a message behind a deleted one is out of sight
            places[row[0]] = len(kept)
            kept.append(row)
    messages = [
        TreeMessage(
            parent=places.get(parent),
            active_child=places.get(active_child),
            role=role,
            text=text,
            state=state,
            created=created,
            model=model,
            stats=json.loads(stats),
            attachments=json.loads(attachments),
        )
        for _, parent, active_child, role, text, state, created, model, stats, attachments in kept
    ]
    active = store.rows("SELECT active_child FROM conversations WHERE id = ?", conversation.id)[0][0]
    return Tree(
        title=conversation.title,
        system_prompt=conversation.system_prompt,
        sampling=conversation.sampling,
        preset=conversation.preset,
        model=conversation.model,
        pinned=conversation.pinned,
        created=conversation.created,
        updated=conversation.updated,
        draft=conversation.draft,
        active_child=places.get(active),
        messages=messages,
    )


class TreeWriter:
    """Adds a conversation, then its messages, some at a time; both inside transactions.

    ``deleted``: 0, or the token that it is hidden under.
    """

    def __init__(self, store: Store, tree: Tree, *, deleted: int = 0) -> None:
        texts = (tree.title, tree.system_prompt, to_column(tree.sampling), tree.preset, tree.model)
        cursor = store.db.execute(
            "INSERT INTO conversations"
            " (title, system_prompt, sampling, preset, model, pinned, created, updated, deleted)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*map(clean, texts), int(tree.pinned), tree.created, tree.updated, deleted),
        )
        self.id = new_id(cursor)
        self._store = store
        self._ids: list[int] = []
        self._active: dict[int | None, int | None] = {None: tree.active_child}  # by place in the list
        store.set_draft_row(self.id, tree.draft)

    def add(self, messages: Sequence[TreeMessage]) -> None:
        """What stands behind those that were added before."""
        store = self._store
        for message in messages:
            text = clean(message.text)
            parent = None if message.parent is None else self._ids[message.parent]
            values = {
                "conversation_id": self.id,
                "parent_id": parent,
                "role": message.role,
                "state": message.state,
                "created": message.created,
                "model": clean(message.model),
                "stats": to_column(message.stats),
                "text": text,
                "attachments": to_column(message.attachments),
            }
            cursor = store.db.execute(
                f"INSERT INTO messages ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
                tuple(values.values()),
            )
            number, place = new_id(cursor), len(self._ids)
            self._ids.append(number)
            store.index(number, text)
            self._active[place] = message.active_child
            if self._active[message.parent] == place:
                store.point(self.id, parent, number)


def insert_tree(store: Store, tree: Tree) -> int:
    """Add a whole conversation; inside a transaction. Returns its new id."""
    writer = TreeWriter(store, tree)
    writer.add(tree.messages)
    return writer.id
