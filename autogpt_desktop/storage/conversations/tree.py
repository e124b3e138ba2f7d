"""Whole conversations, every branch, out of the database and into it."""

from __future__ import annotations

import json

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


def insert_tree(store: Store, tree: Tree) -> int:
    """Add a conversation; inside a transaction. Returns its new id."""
    texts = (tree.title, tree.system_prompt, to_column(tree.sampling), tree.preset, tree.model)
    cursor = store.db.execute(
        "INSERT INTO conversations"
        " (title, system_prompt, sampling, preset, model, pinned, created, updated)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*map(clean, texts), int(tree.pinned), tree.created, tree.updated),
    )
    conversation_id = new_id(cursor)
    ids: list[int] = []
    for message in tree.messages:
        text = clean(message.text)
        values = {
            "conversation_id": conversation_id,
            "parent_id": None if message.parent is None else ids[message.parent],
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
        ids.append(new_id(cursor))
        store.index(ids[-1], text)
    for place, message in enumerate(tree.messages):
        if message.active_child is not None:
            store.point(conversation_id, ids[place], ids[message.active_child])
    if tree.active_child is not None:
        store.point(conversation_id, None, ids[tree.active_child])
    store.set_draft_row(conversation_id, tree.draft)
    return conversation_id
