"""Conversations of a file, without holding up the window: read in a child process, added piece by piece.

``read_pieces`` runs on the worker's thread, an ``Import`` belongs to the thread of its history.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop import paths, sandbox
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations import import_child
from autogpt_desktop.storage.conversations.connection import Store
from autogpt_desktop.storage.conversations.export import Tree, TreeMessage
from autogpt_desktop.storage.conversations.tree import TreeWriter

SECONDS = 120.0  # for one reply; the first comes when all of the file was read
START_SECONDS = 30.0  # a cold disk and a busy machine
MEMORY = 4 << 30  # address space of the child process
_HIDDEN = 1 << 61  # above every time in nanoseconds: a purge finds it old when the window closes, not before


@dataclass(frozen=True, slots=True)
class Piece:
    """``tree``: a conversation begins, its messages follow; ``done`` of ``total`` rows are there with it."""

    tree: Tree | None
    messages: tuple[TreeMessage, ...]
    done: int
    total: int


def read_pieces(path: Path) -> Iterator[Piece | None]:
    """What stands in an exported file, checked as a whole before the first piece comes.

    None comes every few hundredths of a second while one is waited for. Raises KnownError:
    import-unreadable, import-too-large, import-not-ours, import-newer, import-damaged, import-slow.
    """
    places = [str(paths.import_root()), *(place for place in sys.path if place and os.path.exists(place))]
    child = sandbox.start(import_child.__file__, places, import_child.serve)
    request = json.dumps({"path": str(path), "memory": MEMORY, "seconds": SECONDS}).encode()
    done = total = 0
    try:
        with closing(sandbox.replies(child, request, SECONDS, start_seconds=START_SECONDS)) as replies:
            for data in replies:
                reply = json.loads(data) if data is not None else None
                if reply is None:
                    yield None
                elif "error" in reply:
                    raise KnownError(reply["error"], **{"name": path.name} | reply["values"])
                elif "end" in reply:
                    return
                elif "total" in reply:
                    total = reply["total"]
                else:
                    tree = Tree(**reply["tree"], messages=[]) if "tree" in reply else None
                    messages = tuple(TreeMessage(**values) for values in reply.get("messages", ()))
                    done += len(messages) + (tree is not None)
                    yield Piece(tree, messages, done, total)
    except TimeoutError as error:
        raise KnownError("import-slow", name=path.name, seconds=f"{SECONDS:g}") from error
    except EOFError as error:  # its memory ran out in C
        raise KnownError("import-too-large") from error


class Import:
    """Conversations that come in pieces, one transaction each. Nobody sees them before ``finish``.

    What is not finished, also because of a crash, goes when the window closes. Methods raise the
    KnownErrors of the history.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._token = _HIDDEN + time.time_ns()
        self._writer: TreeWriter | None = None
        self.ids: list[int] = []

    def add(self, piece: Piece) -> None:
        with self._store.write():
            if piece.tree is not None:
                self._writer = TreeWriter(self._store, piece.tree, deleted=self._token)
                self.ids.append(self._writer.id)
            if self._writer is not None:
                self._writer.add(piece.messages)

    def finish(self) -> list[int]:
        """All of them appear, in one step; their ids."""
        with self._store.write() as db:
            db.execute("UPDATE conversations SET deleted = 0 WHERE deleted = ?", (self._token,))
        return self.ids

    def discard(self) -> None:
        """They are deleted: the next purge removes them."""
        with self._store.write() as db:
            db.execute("UPDATE conversations SET deleted = 1 WHERE deleted = ?", (self._token,))
