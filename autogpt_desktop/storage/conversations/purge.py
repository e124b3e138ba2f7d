"""Removing deleted conversations for good, in small steps so that the window stays alive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from autogpt_desktop.database import MEMORY, known_errors
from autogpt_desktop.storage.conversations.connection import Store
from autogpt_desktop.storage.conversations.schema import ERRORS, scrub_copies

ROWS = 50  # messages a step
PAGES = 64  # of the search index a step
SUBTREE = (
    "WITH RECURSIVE tree (id) AS"
    " (SELECT ? UNION SELECT m.id FROM messages m JOIN tree ON m.parent_id = tree.id)"
)


def deleted(store: Store, older_than: float) -> tuple[list[int], list[int], list[int]]:
    """What a purge would remove: conversations, messages, and conversations that lose some messages."""
    before = 2**63 - 1 if older_than <= 0 else time.time_ns() - int(older_than * 1e9)
    condition = "deleted != 0 AND deleted <= ?"
    gone = [row[0] for row in store.rows(f"SELECT id FROM conversations WHERE {condition}", before)]
    roots = store.rows(f"SELECT id, conversation_id FROM messages WHERE {condition}", before)
    doomed: set[int] = set()
    for conversation_id in gone:
        rows = store.rows("SELECT id FROM messages WHERE conversation_id = ?", conversation_id)
        doomed.update(row[0] for row in rows)
    for root, _ in roots:
        if root not in doomed:
            doomed.update(row[0] for row in store.rows(f"{SUBTREE} SELECT id FROM tree", root))
    # An answer stands behind its question: from the end, each step leaves a whole tree.
    return gone, sorted(doomed, reverse=True), sorted({root[1] for root in roots} - {*gone})


def purge_steps(store: Store, gone: list[int], doomed: list[int]) -> Iterator[None]:
    """Overwrite these rows in the tables, the search index, the log and the migrations' copies.

    Each step is a transaction of some milliseconds. What a crash leaves over is still marked as
    deleted, or noted in ``unfinished``, and the next purge goes on with it.
    """
    for start in range(0, len(doomed), ROWS):
        with store.write() as db:
            for message_id in doomed[start : start + ROWS]:
                store.unindex(message_id)
                db.execute("DELETE FROM messages WHERE id = ?", (message_id,))
                db.execute("DELETE FROM drafts WHERE conversation_id = ?", (-message_id,))
            db.execute("INSERT OR IGNORE INTO unfinished (task) VALUES ('purge')")
        yield
    if gone:
        with store.write() as db:
            for conversation_id in gone:
                db.execute("DELETE FROM drafts WHERE conversation_id = ?", (conversation_id,))
                db.execute("DELETE FROM trash WHERE conversation_id = ?", (conversation_id,))
                db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))
            db.execute("INSERT OR IGNORE INTO unfinished (task) VALUES ('purge')")
        yield
    if not store.rows("SELECT 1 FROM unfinished WHERE task = 'purge'"):
        return
    # Old segments of the index keep words that were taken out until they are merged into one:
    # https://www.sqlite.org/fts5.html#the_merge_command (a negative number begins, others go on).
    pages = -PAGES
    while True:
        before = store.db.total_changes
        with store.write() as db:
            db.execute("INSERT INTO search (search, rank) VALUES ('merge', ?)", (pages,))
        if store.db.total_changes - before < 2:
            break
        pages = PAGES
        yield
    if store.file != MEMORY:
        scrub_copies(Path(store.file), gone, doomed)
    with store.write() as db:
        db.execute("DELETE FROM unfinished WHERE task = 'purge'")
    with known_errors(store.file, ERRORS):
        store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
