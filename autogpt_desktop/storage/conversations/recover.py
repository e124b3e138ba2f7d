"""A history that is damaged: the file is set aside, and what can still be read begins a new one."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from autogpt_desktop import database, paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations.connection import Store
from autogpt_desktop.storage.conversations.schema import set_aside
from autogpt_desktop.storage.conversations.store import History
from autogpt_desktop.storage.conversations.types import ROLES, STATES

_FARTHEST = 1 << 20  # ids that are skipped at a time behind a page that cannot be read
_SUFFIX = ".recover"  # of the copy whose header is mended
Row = dict[str, Any]


def start_anew(path: Path | None = None) -> tuple[History, KnownError]:
    """A new history in place of a damaged one, and what to tell: history-recovered.

    Raises KnownError: what opening a new one raises, and where the damaged file cannot be moved.
    """
    path = path or paths.data_dir() / "history.db"
    kept = set_aside(path)
    history = History(path)
    try:
        count = recover(kept, history)
    except BaseException:
        history.close()
        raise
    return history, KnownError("history-recovered", path=str(kept), n=count)


def recover(damaged: Path, store: Store) -> int:
    """Copy what can be read into an empty history; how many messages. The damaged file is not changed."""
    copy = damaged.with_name(damaged.name + _SUFFIX)
    try:
        _copy_mended(damaged, copy)
        tables = {name: _rows(copy, name) for name in ("conversations", "messages", "drafts", "trash")}
    except OSError:
        return 0  # a disk that is full or cannot be read: the new history is empty, the old file is there
    finally:
        for ending in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                copy.with_name(copy.name + ending).unlink(missing_ok=True)
    with store.write() as db:
        count = _insert(db, tables["conversations"], tables["messages"], tables["drafts"])
        for row in tables["trash"]:
            number, since = row.get("conversation_id"), _number(row.get("since"))
            if _is_id(number) and since:
                db.execute("REPLACE INTO trash (conversation_id, since) VALUES (?, ?)", (number, since))
    store.recover()  # the search index
    return count


def _copy_mended(damaged: Path, copy: Path) -> None:
    """A copy with those fields of the header right that have one value only in files of ours.

    https://www.sqlite.org/fileformat.html
    """
    database.make_file(copy)
    shutil.copyfile(damaged, copy)
    log = damaged.with_name(damaged.name + "-wal")
    if log.exists():
        shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
    with open(copy, "r+b") as file:
        header = bytearray(file.read(100))
        if len(header) < 100:
            return
        header[:16] = b"SQLite format 3\0"
        size = int.from_bytes(header[16:18], "big")
        if size != 1 and (size < 512 or size & (size - 1)):
            header[16:18] = (4096).to_bytes(2, "big")
        header[18:20] = b"\x02\x02"  # with a log
        header[20:24] = bytes((0, 64, 32, 32))
        header[44:48] = (4).to_bytes(4, "big")  # schema format
        header[56:60] = (1).to_bytes(4, "big")  # UTF-8
        file.seek(0)
        file.write(header)


def _rows(file: Path, table: str) -> list[Row]:
    """The rows of a table that can be read, from both its ends towards the damage."""
    found: dict[Any, Row] = {}
    with suppress(sqlite3.Error), closing(database.connect(file)) as db:
        db.text_factory = lambda data: data.decode("utf-8", "replace")
        with suppress(sqlite3.Error):
            db.execute("PRAGMA writable_schema = ON")  # a schema with a damaged line is read all the same
        for order, sign, beyond in (("ASC", 1, -1), ("DESC", -1, 2**62)):
            at, step = beyond, 0
            while step <= _FARTHEST:
                compare = ">" if sign > 0 else "<"
                query = f"SELECT rowid, * FROM {table} WHERE rowid {compare} ? ORDER BY rowid {order}"
                try:
                    for row in _each(db, query, at + sign * step):
                        at, step = row.pop(""), 0
                        if at in found:  # the other end came as far
                            break
                        found[at] = row
                    break
                except (sqlite3.Error, UnicodeDecodeError):  # also a column's name may be damaged
                    if at == 2**62:
                        break  # nobody knows where to go on
                    step = 2 * step or 1
    return [found[key] for key in sorted(found)]


def _each(db: sqlite3.Connection, query: str, after: int) -> Iterator[Row]:
    cursor = db.execute(query, (after,))
    names = ["", *(column[0] for column in cursor.description[1:])]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def _insert(db: sqlite3.Connection, conversations: list[Row], messages: list[Row], drafts: list[Row]) -> int:
    """Rows of a kind that we write, each where it belongs as far as that is known."""
    titled: dict[int, Row] = {}
    for row in conversations:
        if _is_id(row.get("id")):
            titled.setdefault(row["id"], row)
    kept: dict[int, Row] = {}
    for row in messages:
        text = row.get("text")
        if _is_id(row.get("id")) and _is_id(row.get("conversation_id")) and isinstance(text, str) and text:
            kept.setdefault(row["id"], row)
            titled.setdefault(row["conversation_id"], {"title": " ".join(text[:200].split())[:60]})
    for number, row in titled.items():
        created = _number(row.get("created"))
        shown = row.get("active_child")
        db.execute(
            "INSERT INTO conversations (id, title, system_prompt, sampling, preset, model, pinned, created,"
            " updated, active_child, deleted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number, _text(row.get("title")), _text(row.get("system_prompt")),
                _json(row.get("sampling"), dict), _text(row.get("preset")), _text(row.get("model")),
                int(row.get("pinned") == 1), created, _number(row.get("updated")) or created,
                shown if shown in kept else None, _token(row.get("deleted")),
            ),
        )  # fmt: skip
    for number, row in kept.items():
        parent, shown = row.get("parent_id"), row.get("active_child")
        same = (
            isinstance(parent, int)
            and parent in kept
            and kept[parent]["conversation_id"] == row["conversation_id"]
        )
        db.execute(
            "INSERT INTO messages (id, conversation_id, parent_id, active_child, deleted, role, state,"
            " created, model, stats, text, attachments) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number, row["conversation_id"], parent if same and (parent or 0) < number else None,
                shown if shown in kept else None, _token(row.get("deleted")),
                row.get("role") if row.get("role") in ROLES else "user",
                row.get("state") if row.get("state") in STATES else "complete",
                _number(row.get("created")), _text(row.get("model")), _json(row.get("stats"), dict),
                database.clean(row["text"]), _json(row.get("attachments"), list),
            ),
        )  # fmt: skip
    for row in drafts:
        owner, text = row.get("conversation_id"), _text(row.get("text"))
        edited = isinstance(owner, int) and -owner in kept
        if text and (owner == 0 or owner in titled or edited):
            db.execute("REPLACE INTO drafts (conversation_id, text) VALUES (?, ?)", (owner, text))
    return len(kept)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and 0 < value < 2**53


def _text(value: Any) -> str:
    return database.clean(value) if isinstance(value, str) else ""


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and 0 <= value < 1e11 else 0.0


def _token(value: Any) -> int:
    """What undoes a deletion; 0: not deleted."""
    return value if isinstance(value, int) and 0 < value < 2**62 else 0


def _json(value: Any, kind: Callable[[], Any]) -> str:
    with suppress(ValueError, TypeError, RecursionError):
        if isinstance(json.loads(value), type(kind())):
            return str(database.clean(value))
    return json.dumps(kind())
