"""A collection's index: brought up to date file by file, searched by words and by vectors.

``Index`` belongs to the thread that made it (the worker). What was committed is there after a kill,
and the next run goes on from it: a file is one transaction, and so is each batch of vectors.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop import database
from autogpt_desktop.documents import files
from autogpt_desktop.documents.index.collection import Collection
from autogpt_desktop.documents.index.fusion import NOTHING, Ranked, Scores, fuse
from autogpt_desktop.documents.index.rows import as_path, file_entry, size_and_date, stored_path
from autogpt_desktop.documents.index.schema import ERRORS, open_index, put_aside
from autogpt_desktop.documents.index.terms import index_words, match_expression
from autogpt_desktop.documents.index.types import Embedder, FileEntry, FileState, Hit, Summary
from autogpt_desktop.documents.index.vectors import Matrix, Vector, pack
from autogpt_desktop.documents.read.reader import reading
from autogpt_desktop.documents.scan import Skipped, scan, walk
from autogpt_desktop.documents.text.passages import each_passage
from autogpt_desktop.documents.types import Document, Limits, Passage
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result

_LOOK = 200  # files or passages between two yields
SKIPPED_LISTED = 2000  # files and folders that were left out and are named
READERS = "2"  # goes up when files read in another way: then they are read again, changed or not
_BATCH = 16  # passages that get vectors in one transaction, and between two yields
_TRY_AGAIN = frozenset({"document-unreadable", "document-missing", "document-memory"})  # may differ next time

_NOTE_READERS = "INSERT OR REPLACE INTO meta VALUES ('readers', ?)"

__all__ = ["Embedder", "FileEntry", "FileState", "Hit", "Index", "Summary"]


class Index:
    """The index of one collection. Close it."""

    def __init__(self, collection: Collection, *, busy_ms: int = 2000) -> None:
        """Raises KnownError: index-locked, index-readonly, disk-full.

        ``notices`` says whether it had to be begun anew; the next run of ``index`` yields it too.
        """
        self.collection = collection
        self._db, self.notices = open_index(collection.database, busy_ms)
        self._matrix: Matrix | None = None
        self._as_read_now = True

    def close(self) -> None:
        self._db.close()
        self._matrix = None

    # Bringing it up to date

    def index(
        self,
        embed: Embedder | None = None,
        *,
        limits: Limits | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Generator[Progress | Notice | Result, None, Summary]:
        """Read what is new or changed, forget what is gone, and make the vectors that are missing.

        Texts come first, so that words can be searched early. A file that cannot be read is set aside
        with its reason. Also ends, with what was done so far, when ``cancelled``. The last event is
        Result(Summary). Raises KnownError: index-locked, index-readonly, index-damaged, disk-full.
        """
        yield from self.notices
        yield Progress("stage.files-looking")
        with self._write() as db:
            db.execute("DELETE FROM meta WHERE key = 'finished'")
            if not db.execute("SELECT 1 FROM files").fetchone():
                db.execute(_NOTE_READERS, (READERS,))
        counts = {"added": 0, "changed": 0, "removed": 0, "unchanged": 0}
        found, skipped = list[Path](), list[Skipped]()
        for item in scan(self.collection.roots):
            if isinstance(item, Path):
                found.append(item)
            elif item is not None:
                skipped.append(item)
            if item is None or len(found) % _LOOK == 0:
                yield Progress("stage.files-looking", len(found))
                if cancelled():  # half a list says nothing about what is gone
                    return (yield from self._summary(counts))
        self._keep_skipped(skipped)
        self._as_read_now = self._rows("SELECT value FROM meta WHERE key = 'readers'") == [(READERS,)]
        closed = [item.path for item in skipped if item.key == "skipped-closed"]
        counts["removed"] = self._forget(set(map(stored_path, found)), closed)
        for number, path in enumerate(found):
            progress = Progress("stage.files-reading", number, len(found), path.name)
            yield progress
            if cancelled():
                break
            counts[(yield from self._bring(path, limits or Limits(), progress))] += 1
        else:
            yield Progress("stage.files-reading", len(found), len(found))
            if embed is not None:
                yield from self._embed_missing(embed, cancelled)
            if not cancelled():
                with self._write() as db:
                    db.execute("INSERT OR REPLACE INTO meta VALUES ('finished', '1')")
                    db.execute(_NOTE_READERS, (READERS,))
        return (yield from self._summary(counts))

    def _summary(self, counts: dict[str, int]) -> Generator[Result, None, Summary]:
        bad = self._rows("SELECT count(*) FROM files WHERE error != ''")[0][0]
        summary = Summary(**counts, set_aside=bad, skipped=self.skipped()[1])
        yield Result(summary)
        return summary

    def _keep_skipped(self, skipped: list[Skipped]) -> None:
        """Remember what was left out: all kinds of reasons, the rare ones first."""
        common = Counter(item.key for item in skipped)
        skipped.sort(key=lambda item: common[item.key])
        listed = [[os.fsdecode(item.path), item.key] for item in skipped[:SKIPPED_LISTED]]
        value = json.dumps({"count": len(skipped), "listed": listed})
        with self._write() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('skipped', ?)", (value,))

    def skipped(self) -> tuple[list[Skipped], int]:
        """What the last run left out of the folders, at most SKIPPED_LISTED, and how many there were."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'skipped'")
        value: dict[str, Any] = json.loads(rows[0][0]) if rows else {"count": 0, "listed": []}
        return [Skipped(Path(path), key) for path, key in value["listed"]], value["count"]

    def _forget(self, found: set[str | bytes], closed: list[Path]) -> int:
        """Take out what left the collection. What lies on a drive that is not there now, or in a folder that
        may not be looked into, stays."""
        roots = self.collection.roots
        away = [root for root in roots if not os.path.exists(root) and not os.access(root.parent, os.X_OK)]
        away += closed
        gone = [
            row
            for row in self._rows("SELECT id, path FROM files")
            if row[1] not in found and not any(as_path(row[1]).is_relative_to(root) for root in away)
        ]
        for file_id, _ in gone:
            with self._write():
                self._delete(file_id)
        return len(gone)

    def _bring(self, path: Path, limits: Limits, meanwhile: Progress) -> Generator[Progress, None, str]:
        """Bring one file up to date: "added", "changed" or "unchanged".

        Yields ``meanwhile`` often, so that what a user waits for need not wait for a long file.
        """
        old = self._rows("SELECT id, size, mtime, sha256, error FROM files WHERE path = ?", stored_path(path))
        try:
            status = files.check(path, limits)
            size, mtime = status.st_size, status.st_mtime_ns
        except KnownError as error:
            return self._put(path, old, (*size_and_date(path), ""), error)
        if old and self._as_read_now:
            file_id, old_size, old_mtime, sha256, error_text = old[0]
            again = bool(error_text) and json.loads(error_text)[0] in _TRY_AGAIN
            if (size, mtime) == (old_size, old_mtime) and not again:
                return "unchanged"
            if size == old_size and sha256 and not again and self._hash(path, limits) == sha256:
                with self._write():  # only its date is new
                    self._db.execute("UPDATE files SET mtime = ? WHERE id = ?", (mtime, file_id))
                return "unchanged"
        try:
            document = yield from reading(path, meanwhile, limits=limits)
        except KnownError as error:
            return self._put(path, old, (size, mtime, ""), error)
        pieces = []
        for passage in each_passage(document):
            pieces.append((passage, index_words(passage.text)))
            if len(pieces) % _LOOK == 0:
                yield meanwhile
        same = old and not self._as_read_now and (size, mtime, document.sha256) == tuple(old[0][1:4])
        if same and self.passages_of(path) == [passage for passage, _ in pieces]:
            return "unchanged"  # it reads as it did, and keeps its vectors
        return self._put(path, old, (size, mtime, document.sha256), document, pieces)

    @staticmethod
    def _hash(path: Path, limits: Limits) -> str:
        try:
            return files.file_hash(path, limits)
        except KnownError:
            return ""  # reading it will say why

    def _put(
        self,
        path: Path,
        old: list[Any],
        state: tuple[int, int, str],
        what: Document | KnownError,
        pieces: Sequence[tuple[Passage, str]] = (),
    ) -> str:
        bad = isinstance(what, KnownError)
        error = json.dumps([what.key, what.values]) if isinstance(what, KnownError) else ""
        if old and bad and old[0][4] == error and tuple(old[0][1:3]) == state[:2]:
            return "unchanged"
        with self._write() as db:
            now = db.execute("SELECT id FROM files WHERE path = ?", (stored_path(path),)).fetchall()
            for (file_id,) in now:
                self._delete(file_id)  # as it is now: another program may have been quicker
            document = what if isinstance(what, Document) else None
            notices = json.dumps([[n.key, n.values] for n in document.notices] if document else [])
            title, language = (document.title, document.language) if document else ("", "")
            cursor = db.execute(
                "INSERT INTO files (path, size, mtime, sha256, title, language, error, notices)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (stored_path(path), *state, title, language, error, notices),
            )
            if document:
                self._add_passages(cursor.lastrowid, index_words(document.title), pieces)
        return "changed" if old else "added"

    def _add_passages(self, file_id: int | None, title: str, pieces: Sequence[tuple[Passage, str]]) -> None:
        for passage, words in pieces:
            cursor = self._db.execute(
                "INSERT INTO passages (file_id, page, start, end, text) VALUES (?, ?, ?, ?, ?)",
                (file_id, passage.page, passage.start, passage.end, passage.text),
            )
            self._db.execute(
                "INSERT INTO words (rowid, text, title) VALUES (?, ?, ?)", (cursor.lastrowid, words, title)
            )

    def _delete(self, file_id: int) -> None:
        """Take a file out, inside a transaction: the index of words wants each word again."""
        db = self._db
        rows = db.execute(
            "SELECT p.id, p.text, f.title FROM passages p JOIN files f ON f.id = p.file_id WHERE f.id = ?",
            (file_id,),
        )
        for passage_id, text, title in rows.fetchall():
            db.execute(
                "INSERT INTO words (words, rowid, text, title) VALUES ('delete', ?, ?, ?)",
                (passage_id, index_words(text), index_words(title)),
            )
        inside = "(SELECT id FROM passages WHERE file_id = ?)"
        db.execute(f"DELETE FROM vectors WHERE passage_id IN {inside}", (file_id,))
        db.execute("DELETE FROM passages WHERE file_id = ?", (file_id,))
        db.execute("DELETE FROM files WHERE id = ?", (file_id,))

    def _embed_missing(self, embed: Embedder, cancelled: Callable[[], bool]) -> Iterator[Progress]:
        if self.embedder() != embed.name:
            with self._write() as db:  # vectors of two models have nothing to say to each other
                db.execute("DELETE FROM vectors")
                db.execute("INSERT OR REPLACE INTO meta VALUES ('embedder', ?)", (embed.name,))
        missing = "FROM passages WHERE id NOT IN (SELECT passage_id FROM vectors)"
        total = self._rows(f"SELECT count(*) {missing}")[0][0]
        done = 0
        while done < total and not cancelled():
            yield Progress("stage.files-understanding", done, total)
            rows = self._rows(f"SELECT id, text {missing} ORDER BY id LIMIT {_BATCH}")
            if not rows:
                break
            vectors = np.asarray(embed.embed([text for _, text in rows]), np.float32)
            with self._write() as db:
                db.executemany(  # what another program did meanwhile stays done
                    "INSERT OR IGNORE INTO vectors SELECT id, ? FROM passages WHERE id = ?",
                    [(pack(vector), row[0]) for row, vector in zip(rows, vectors, strict=True)],
                )
            done += len(rows)
        if total and done >= total:
            yield Progress("stage.files-understanding", total, total)

    # Asking it

    def search(
        self, query: str, k: int = 10, query_vector: Vector | None = None, only: Sequence[Path] = ()
    ) -> list[Hit]:
        """The best passages for a question, by words, and by vectors where the question has one.

        ``only``: the files to look in; () for all.
        """
        words = NOTHING
        if expression := match_expression(query):
            rows = self._rows(
                "SELECT rowid, -bm25(words, 1.0, 0.3) FROM words WHERE words MATCH ? ORDER BY rowid",
                expression,
            )
            total = self._rows("SELECT count(*) FROM passages")[0][0]
            found = np.array(rows, np.float64).reshape(-1, 2)
            words = Scores(found[:, 0].astype(np.int64), found[:, 1], total)
        vectors = self.matrix().scores(query_vector) if query_vector is not None else NOTHING
        if only:
            inside = self._passages_in(only)
            words, vectors = words.among(inside), vectors.among(inside)
        return list(islice((hit for ranked in fuse(words, vectors) for hit in self._hit(ranked)), k))

    def _passages_in(self, only: Sequence[Path]) -> NDArray[np.int64]:
        """The ids of all passages of some files."""
        query = "SELECT p.id FROM passages p JOIN files f ON f.id = p.file_id WHERE f.path = ?"
        return np.array([row[0] for path in only for row in self._rows(query, stored_path(path))], np.int64)

    def _hit(self, ranked: Ranked) -> Iterator[Hit]:
        """Nothing where another program took the passage out meanwhile."""
        for row in self._rows(
            "SELECT f.path, p.page, p.start, p.end, p.text, f.title FROM passages p"
            " JOIN files f ON f.id = p.file_id WHERE p.id = ?",
            ranked.id,
        ):
            passage, r = Passage(as_path(row[0]), *row[1:]), ranked
            yield Hit(passage, r.score, r.bm25_rank, r.vector_rank, r.bm25, r.similarity)

    def matrix(self) -> Matrix:
        """All vectors; read once, and again after a change."""
        if self._matrix is None:
            count = self._rows("SELECT count(*) FROM vectors")[0][0]
            with self._known():
                rows = self._db.execute("SELECT passage_id, vector FROM vectors ORDER BY passage_id")
                self._matrix = Matrix(rows, count)
        return self._matrix

    def embedder(self) -> str:
        """The name of the model that made the vectors; ``""``: there are none."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'embedder'")
        return str(rows[0][0]) if rows else ""

    def unfinished(self) -> bool:
        """Whether the last run was cut short, or there was none yet."""
        return not self._rows("SELECT 1 FROM meta WHERE key = 'finished'")

    def files(self) -> list[FileEntry]:
        """All files, by path."""
        rows = self._rows(
            "SELECT path, title, language, error, notices,"
            " (SELECT count(*) FROM passages p WHERE p.file_id = f.id) FROM files f ORDER BY path"
        )
        return [file_entry(row) for row in rows]

    def passages_of(self, path: Path) -> list[Passage]:
        """A file's passages in order: for reading a short one as a whole."""
        rows = self._rows(
            "SELECT p.page, p.start, p.end, p.text, f.title FROM passages p JOIN files f ON f.id = p.file_id"
            " WHERE f.path = ? ORDER BY p.start",
            stored_path(path),
        )
        return [Passage(path, *row) for row in rows]

    def state(self, path: Path) -> FileState:
        """What became of an indexed file, looked up now: when a hit is shown or opened."""
        rows = self._rows("SELECT size, mtime, sha256 FROM files WHERE path = ?", stored_path(path))
        size, mtime, sha256 = rows[0] if rows else (0, 0, "")
        limits = Limits()
        try:
            status = path.stat()
        except OSError:
            status = None  # not there: perhaps it is elsewhere
        if status is not None:
            if (status.st_size, status.st_mtime_ns) == (size, mtime):
                return FileState("same", path)
            same = status.st_size == size and self._hash(path, limits) == sha256
            return FileState("same" if same else "changed", path)
        for other in walk(self.collection.roots):
            try:
                likely = bool(sha256) and other.stat().st_size == size
            except OSError:
                continue  # gone since it was listed
            if likely and self._hash(other, limits) == sha256:
                return FileState("moved", other)
        return FileState("missing", path)

    def stale(self) -> list[Path]:
        """Files that are new, changed or gone since the last run, by size and date alone."""
        known = {row[0]: (row[1], row[2]) for row in self._rows("SELECT path, size, mtime FROM files")}
        found = []
        for path in walk(self.collection.roots):
            if known.pop(stored_path(path), None) != size_and_date(path):
                found.append(path)
        return found + [as_path(path) for path in known]

    # The database

    @contextmanager
    def _known(self) -> Iterator[None]:
        """Known errors; a damaged index is put aside, so that the next run begins a new one."""
        try:
            with database.known_errors(self.collection.database, ERRORS):
                yield
        except KnownError as error:
            if error.key == ERRORS.damaged:
                self.close()
                put_aside(self.collection.database)
            raise

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        with self._known():
            return self._db.execute(statement, values).fetchall()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """One transaction."""
        self._matrix = None
        with self._known(), database.transaction(self._db) as db:
            yield db
