"""Conversations on disk: a tree of messages each, searchable, undoable, exportable.

``History`` belongs to the thread that made it (the GUI thread). Every change is one transaction:
after ``kill -9`` the database holds all that was committed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from autogpt_desktop import paths
from autogpt_desktop.database import MEMORY, clean
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations import export
from autogpt_desktop.storage.conversations.connection import Store, new_id, to_column
from autogpt_desktop.storage.conversations.export import file_name
from autogpt_desktop.storage.conversations.purge import SUBTREE, deleted, purge_steps
from autogpt_desktop.storage.conversations.schema import set_aside
from autogpt_desktop.storage.conversations.search import match_expression, snippet, title_from
from autogpt_desktop.storage.conversations.tree import insert_tree, read_tree
from autogpt_desktop.storage.conversations.types import ROLES, STATES, TRASH_DAYS, Conversation, Message, Undo

__all__ = [
    "Conversation", "History", "Message", "TemporaryHistory", "Undo", "file_name", "set_aside", "title_from",
]  # fmt: skip

_CONVERSATION = (
    "SELECT c.id, c.title, c.system_prompt, c.sampling, c.preset, c.model, c.pinned, c.created, c.updated,"
    " coalesce(d.text, '') FROM conversations c LEFT JOIN drafts d ON d.conversation_id = c.id"
)
_LISTED = "c.deleted = 0 AND c.id NOT IN (SELECT conversation_id FROM trash)"


class History(Store):
    """The conversations of one user. Every method may raise the KnownErrors of ``conversations.schema``."""

    def __init__(self, path: Path | str | None = None, *, busy_ms: int = 1000) -> None:
        """Open (or begin) a database; answers that a crash cut off become "interrupted".

        ``busy_ms``: how long to wait for another program's lock. Raises KnownError: history-newer,
        history-locked, history-corrupt, history-readonly, history-io, disk-full.
        """
        super().__init__(path if path is not None else paths.data_dir() / "history.db", busy_ms)
        self.on_purge: list[Callable[[list[int]], None]] = []  # called with conversation ids
        self._last_token = 0

    # Conversations

    def conversations(self, query: str = "", limit: int | None = None, offset: int = 0) -> list[Conversation]:
        """Pinned ones first, then by last change; with a query those whose title or a message match."""
        order = f"WHERE {_LISTED} ORDER BY c.pinned DESC, c.updated DESC, c.id DESC"
        if not query.strip():
            rows = self.rows(
                f"{_CONVERSATION} {order} LIMIT ? OFFSET ?", -1 if limit is None else limit, offset
            )
            with self.reading():
                return [_conversation(row) for row in rows]
        found = self._matching_messages(query)
        words = query.casefold().split()
        ids = []
        for row in self.rows(f"SELECT c.id, c.title FROM conversations c {order}"):
            with self.reading():
                title = row[1].casefold()
            if row[0] in found or all(word in title for word in words):
                ids.append(row[0])
        ids = ids[offset:] if limit is None else ids[offset : offset + limit]
        return [self._found(conversation_id, found.get(conversation_id), query) for conversation_id in ids]

    def _matching_messages(self, query: str) -> dict[int, int]:
        """conversation id → its newest message that matches."""
        expression = match_expression(query)
        if expression:
            # CROSS JOIN keeps the order: the index first, then a look into one slim index of ours.
            source = "search CROSS JOIN messages m INDEXED BY messages_lookup ON m.id = search.rowid"
            condition, value = "search MATCH ?", expression
        else:  # no letter in it, such as "->" or an emoji: nothing the index knows
            source, condition, value = "messages m", "instr(m.text, ?) > 0", query.strip()
        rows = self.rows(
            f"SELECT m.conversation_id, max(m.id) FROM {source} WHERE {condition} AND m.deleted = 0"
            " GROUP BY m.conversation_id",
            value,
        )
        return dict(rows)

    def _found(self, conversation_id: int, message_id: int | None, query: str) -> Conversation:
        row = self.rows(f"{_CONVERSATION} WHERE c.id = ?", conversation_id)[0]
        with self.reading():
            if message_id is None:
                return _conversation(row)
            text = self.rows("SELECT text FROM messages WHERE id = ?", message_id)[0][0]
            excerpt, spans = snippet(text, query)
            return _conversation(row, snippet=excerpt, snippet_matches=spans, match_id=message_id)

    def get(self, conversation_id: int) -> Conversation:
        """Raises KnownError("conversation-missing") for one that is deleted or never was."""
        rows = self.rows(f"{_CONVERSATION} WHERE c.id = ? AND {_LISTED}", conversation_id)
        if not rows:
            raise KnownError("conversation-missing")
        with self.reading():
            return _conversation(rows[0])

    def has(self, conversation_id: int) -> bool:
        query = f"SELECT 1 FROM conversations c WHERE c.id = ? AND {_LISTED}"
        return bool(self.rows(query, conversation_id))

    def create(
        self,
        title: str = "",
        system_prompt: str = "",
        sampling: dict[str, Any] | None = None,
        preset: str = "",
        model: str = "",
    ) -> int:
        now = time.time()
        with self.write() as db:
            cursor = db.execute(
                "INSERT INTO conversations (title, system_prompt, sampling, preset, model, created, updated)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (clean(title), clean(system_prompt), to_column(sampling or {}), preset, model, now, now),
            )
        return new_id(cursor)

    def update(
        self,
        conversation_id: int,
        *,
        title: str | None = None,
        system_prompt: str | None = None,
        sampling: dict[str, Any] | None = None,
        preset: str | None = None,
        pinned: bool | None = None,
        model: str | None = None,
        draft: str | None = None,
    ) -> None:
        """Change what is given; the place in the list stays (but for ``pinned``)."""
        changes: dict[str, Any] = {
            "title": None if title is None else clean(title),
            "system_prompt": None if system_prompt is None else clean(system_prompt),
            "sampling": None if sampling is None else to_column(sampling),
            "preset": preset,
            "pinned": None if pinned is None else int(pinned),
            "model": model,
        }
        changes = {name: value for name, value in changes.items() if value is not None}
        with self.write() as db:
            if changes:
                names = ", ".join(f"{name} = ?" for name in changes)
                db.execute(
                    f"UPDATE conversations SET {names} WHERE id = ?", (*changes.values(), conversation_id)
                )
            if draft is not None:
                self.set_draft_row(conversation_id, draft)

    def draft(self, conversation_id: int | None) -> str:
        """What was typed and not sent; None: in the conversation that does not exist yet; less than 0: in
        the message of that id, which was edited.
        """
        rows = self.rows("SELECT text FROM drafts WHERE conversation_id = ?", conversation_id or 0)
        return rows[0][0] if rows else ""

    def set_draft(self, conversation_id: int | None, text: str) -> None:
        with self.write():
            self.set_draft_row(conversation_id or 0, text)

    # Messages

    def path(self, conversation_id: int) -> list[Message]:
        """The branch that is shown, from the first message to the last."""
        with self.reading():
            return self._path(conversation_id)

    def _path(self, conversation_id: int) -> list[Message]:
        rows = self.rows(
            "SELECT id, parent_id, active_child, role, text, state, created, model, stats, attachments"
            " FROM messages WHERE conversation_id = ? AND deleted = 0 ORDER BY id",
            conversation_id,
        )
        children: dict[int | None, list[Any]] = {}
        for row in rows:
            children.setdefault(row[1], []).append(row)
        active = self.rows("SELECT active_child FROM conversations WHERE id = ?", conversation_id)
        branch: list[Message] = []
        parent, chosen = None, active[0][0] if active else None
        while siblings := children.get(parent):
            ids = [row[0] for row in siblings]
            index = ids.index(chosen) if chosen in ids else len(ids) - 1
            parent, _, chosen, role, text, state, created, model, stats, attachments = siblings[index]
            branch.append(
                Message(
                    id=parent,
                    conversation_id=conversation_id,
                    parent_id=siblings[index][1],
                    role=role,
                    text=text,
                    state=state,
                    created=created,
                    model=model,
                    stats={} if stats == "{}" else json.loads(stats),
                    attachments=() if attachments == "[]" else tuple(json.loads(attachments)),
                    sibling_index=index,
                    sibling_count=len(ids),
                )
            )
        return branch

    def add_message(
        self,
        conversation_id: int,
        parent_id: int | None,
        role: str,
        text: str,
        state: str = "complete",
        model: str = "",
        attachments: Iterable[dict[str, Any]] = (),
    ) -> int:
        """Add a message behind ``parent_id`` (None: at the beginning); its branch is then the one shown."""
        if role not in ROLES or state not in STATES:
            raise ValueError(f"unknown role or state: {role!r}, {state!r}")
        if not self.has(conversation_id):
            raise KnownError("conversation-missing")
        now, text = time.time(), clean(text)
        with self.write() as db:
            if parent_id is not None and self.place(parent_id)[0] != conversation_id:
                raise ValueError(f"message {parent_id} is not in conversation {conversation_id}")
            cursor = db.execute(
                "INSERT INTO messages"
                " (conversation_id, parent_id, role, state, created, model, text, attachments)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (conversation_id, parent_id, role, state, now, model, text, to_column(list(attachments))),
            )
            message_id = new_id(cursor)
            self.point(conversation_id, parent_id, message_id)
            db.execute("UPDATE conversations SET updated = ? WHERE id = ?", (now, conversation_id))
            if state != "streaming":
                self.index(message_id, text)
        return message_id

    def set_text(
        self, message_id: int, text: str, state: str | None = None, stats: dict[str, Any] | None = None
    ) -> bool:
        """Replace a message's text, and its state and figures where given. Committed on return.

        Cheap while the message streams (the search index follows when it ends). False: the message
        was purged meanwhile.
        """
        if state is not None and state not in STATES:
            raise ValueError(f"unknown state {state!r}")
        text = clean(text)
        with self.write() as db:
            query = "SELECT state, indexed, conversation_id FROM messages WHERE id = ?"
            row = db.execute(query, (message_id,)).fetchone()
            if row is None:
                return False
            state = state or row[0]
            if row[1]:
                self.unindex(message_id)
            db.execute("UPDATE messages SET text = ?, state = ? WHERE id = ?", (text, state, message_id))
            if stats is not None:
                db.execute("UPDATE messages SET stats = ? WHERE id = ?", (to_column(stats), message_id))
            if state != "streaming":
                self.index(message_id, text)
                db.execute("UPDATE conversations SET updated = ? WHERE id = ?", (time.time(), row[2]))
        return True

    def siblings(self, message_id: int) -> list[int]:
        """The ids of all branches at this message's place, itself among them, oldest first."""
        conversation_id, parent_id = self.place(message_id)
        rows = self.rows(
            "SELECT id FROM messages"
            " WHERE conversation_id = ? AND parent_id IS ? AND deleted = 0 ORDER BY id",
            conversation_id,
            parent_id,
        )
        return [row[0] for row in rows]

    def select_sibling(self, message_id: int, step: int) -> int:
        """Show the branch ``step`` places after this one (negative: before); returns its message."""
        ids = self.siblings(message_id)
        at = ids.index(message_id) if message_id in ids else 0
        chosen = ids[min(max(at + step, 0), len(ids) - 1)] if ids else message_id
        with self.write():
            self.point(*self.place(chosen), chosen)
        return chosen

    def select(self, message_id: int) -> None:
        """Show the branch that this message is on, for example one that a search found."""
        with self.write():
            here: int | None = message_id
            while here is not None:
                conversation_id, parent_id = self.place(here)
                self.point(conversation_id, parent_id, here)
                here = parent_id

    # The trash

    def trash(self, conversation_id: int) -> None:
        """Out of the list and of what is found, into the trash."""
        with self.write() as db:
            query = "INSERT OR IGNORE INTO trash (conversation_id, since) VALUES (?, ?)"
            db.execute(query, (conversation_id, time.time()))

    def restore(self, conversation_id: int) -> bool:
        """From the trash back into the list; False: it is not there."""
        with self.write() as db:
            query = "DELETE FROM trash WHERE conversation_id = ?"
            return db.execute(query, (conversation_id,)).rowcount > 0

    def trashed(self) -> list[tuple[Conversation, float]]:
        """What is in the trash and since when (seconds since 1970), the latest first."""
        since = dict(self.rows("SELECT conversation_id, since FROM trash"))
        rows = self.rows(f"{_CONVERSATION} JOIN trash t ON t.conversation_id = c.id WHERE c.deleted = 0")
        with self.reading():
            found = [(_conversation(row), float(since[row[0]])) for row in rows]
        return sorted(found, key=lambda item: (item[1], item[0].id), reverse=True)

    def expire_trash(self, older_than: float = TRASH_DAYS * 86_400) -> int:
        """Delete what has been in the trash for so many seconds; ``purge_deleted`` then removes it."""
        with self.write() as db:
            return db.execute(
                "UPDATE conversations SET deleted = ? WHERE deleted = 0"
                " AND id IN (SELECT conversation_id FROM trash WHERE since <= ?)",
                (self._token(), time.time() - older_than),
            ).rowcount

    # Deleting

    def delete(self, conversation_id: int) -> Undo:
        """Hide a conversation until ``undo`` or ``purge_deleted``."""
        token = self._token()
        with self.write() as db:
            db.execute(
                "UPDATE conversations SET deleted = ? WHERE id = ? AND deleted = 0", (token, conversation_id)
            )
        return Undo(token, conversation_id)

    def delete_message(self, message_id: int) -> Undo:
        """Hide a message and all that follows it."""
        token = self._token()
        conversation_id, _ = self.place(message_id)
        with self.write() as db:
            db.execute(
                f"{SUBTREE} UPDATE messages SET deleted = ? WHERE id IN tree AND deleted = 0",
                (message_id, token),
            )
        return Undo(token, conversation_id, message_id)

    def undo(self, undo: Undo) -> bool:
        """Bring back what was deleted; False: it was purged."""
        with self.write() as db:
            count = 0
            for table in ("conversations", "messages"):
                count += db.execute(
                    f"UPDATE {table} SET deleted = 0 WHERE deleted = ?", (undo.token,)
                ).rowcount
        return count > 0

    def purge_deleted(self, older_than: float = 0) -> int:
        """Remove for good what was deleted at least ``older_than`` seconds ago; how many messages.

        The text is overwritten in the database, the search index, the log, and the copies that
        migrations left; ``on_purge`` hooks are told the conversations to forget saved state of.
        """
        before = self.db.execute("SELECT count(*) FROM messages").fetchone()[0]
        for _ in self.purge_steps(older_than):
            pass
        return before - self.db.execute("SELECT count(*) FROM messages").fetchone()[0]

    def purge_steps(self, older_than: float = 0) -> Iterator[None]:
        """The same in steps of some milliseconds, for a timer: ``next`` it until it ends.

        Also finishes a purge that was cut short, so run one some time after each start.
        """
        gone, doomed, touched = deleted(self, older_than)
        # A saved state is a cache: should the purge fail behind the hooks, it is only made again.
        if gone or touched:
            for hook in self.on_purge:
                hook([*gone, *touched])
        yield from purge_steps(self, gone, doomed)

    def _token(self) -> int:
        self._last_token = max(time.time_ns(), self._last_token + 1)
        return self._last_token

    # Files

    def export(self, conversation_id: int, format: str) -> str:
        """The conversation as "md" or "txt" (the branch shown) or "json" (all, to import again)."""
        if format == "json":
            return export.to_json([read_tree(self, self.get(conversation_id))])
        write = {"md": export.to_markdown, "txt": export.to_text}[format]
        return write(self.get(conversation_id), self.path(conversation_id))

    def export_all(self) -> str:
        """Every conversation as one JSON text."""
        return export.to_json([read_tree(self, item) for item in reversed(self.conversations())])

    def import_json(self, text: str) -> list[int]:
        """Add the conversations of an exported JSON text, all or none; their new ids.

        Raises KnownError: import-too-large, import-not-ours, import-newer, import-damaged.
        """
        trees = export.from_json(text)
        with self.write():
            return [insert_tree(self, tree) for tree in trees]


class TemporaryHistory(History):
    """The same in memory: nothing of it is ever written."""

    def __init__(self) -> None:
        super().__init__(MEMORY)


def _conversation(row: Sequence[Any], **search: Any) -> Conversation:
    return Conversation(
        id=row[0],
        title=row[1],
        system_prompt=row[2],
        sampling=json.loads(row[3]),
        preset=row[4],
        model=row[5],
        pinned=bool(row[6]),
        created=row[7],
        updated=row[8],
        draft=row[9],
        **search,
    )
