"""What a user had judged in Sentiment, the last first: kept on this computer, as long as they want that.

``VerdictHistory`` belongs to the thread that made it (the GUI thread).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop.storage.latest import LatestRows, Stored

MOST = 200
LONGEST = 1_000_000  # characters of a text that is kept: all that the field takes
SHOWN = 200  # characters of it that a list shows
TEXT, LIST, TABLE = "text", "list", "table"  # what was judged
_COLUMNS = ("kind", "text", "source", "outcome")


@dataclass(frozen=True, slots=True)
class TableSource:
    """Where a table's texts stand, and how the file was read."""

    path: str
    sheet: str = ""
    column: str = ""
    delimiter: str | None = None  # None: of a workbook, or guessed
    header_row: int = 1  # 0: none


@dataclass(frozen=True, slots=True)
class KeptVerdict:
    """One of them. In a list ``text`` is its beginning; of a table it is the file's name."""

    id: int
    changed: float  # time.time()
    kind: str  # TEXT, LIST or TABLE
    text: str
    source: TableSource | None = None
    outcome: tuple[float, ...] = ()  # of positive, neutral, negative: probabilities, or numbers of rows


class VerdictHistory:
    """Made when first used; every method may raise the KnownErrors of ``storage.conversations.schema``."""

    def __init__(self, path: Path | None = None) -> None:
        self._rows = LatestRows("verdicts.db", _COLUMNS, path)

    def keep(self, kind: str, text: str, outcome: Sequence[float] = (), entry: int = 0) -> int:
        """Keep a text or a list, in place of ``entry`` where that is still there. Its number; 0: too long."""
        if len(text) > LONGEST:
            return 0
        return self._put((kind, text, "", json.dumps(list(outcome))), entry)

    def keep_table(self, source: TableSource, outcome: Sequence[float] = (), entry: int = 0) -> int:
        """Keep which table it was: not what stands in it. Its number."""
        values = (TABLE, Path(source.path).name, _dump_source(source), json.dumps(list(outcome)))
        return self._put(values, entry)

    def _put(self, values: Sequence[str], entry: int) -> int:
        return self._rows.put(values, entry=entry, same=("text", "source"), most=MOST)

    def entries(self, query: str = "") -> list[KeptVerdict]:
        """The last first; with a query those that hold all its words; of a table its name does."""
        return [_verdict(row, SHOWN) for row in self._rows.search(query, ("text",))]

    def get(self, entry: int) -> KeptVerdict | None:
        """The whole of one; None: it is gone."""
        row = self._rows.get(entry)
        return _verdict(row) if row else None

    def find(self, text: str) -> KeptVerdict | None:
        """The text or list that is just this."""
        found = self._rows.find({"text": text, "source": ""})
        return _verdict(found[0]) if found else None

    def delete(self, entry: int) -> KeptVerdict | None:
        """Take one away, for good unless it is given to ``restore``."""
        row = self._rows.delete(entry)
        return _verdict(row) if row else None

    def clear(self) -> list[KeptVerdict]:
        """Take all away; what was there, for ``restore``."""
        return [_verdict(row) for row in self._rows.clear()]

    def restore(self, kept: Sequence[KeptVerdict]) -> None:
        """Undo ``delete`` or ``clear``."""
        self._rows.restore([_stored(one) for one in kept])

    def close(self) -> None:
        self._rows.close()


def _dump_source(source: TableSource | None) -> str:
    if source is None:
        return ""
    values = [source.path, source.sheet, source.column, source.delimiter, source.header_row]
    return json.dumps(values)


def _stored(one: KeptVerdict) -> Stored:
    outcome = json.dumps(list(one.outcome))
    return one.id, one.changed, one.kind, one.text, _dump_source(one.source), outcome


def _verdict(row: Stored, most: int | None = None) -> KeptVerdict:
    """What cannot be read of a row is left out: its text still opens."""
    number, changed, kind, text, source, outcome = row
    return KeptVerdict(number, changed, kind, text[:most], _read_source(source), _read_outcome(outcome))


def _read_source(text: str) -> TableSource | None:
    try:
        path, sheet, column, delimiter, header_row = json.loads(text)
        if not all(isinstance(one, str) for one in (path, sheet, column, delimiter or "")):
            return None
        return TableSource(path, sheet, column, delimiter, int(header_row))
    except (ValueError, TypeError, RecursionError):
        return None


def _read_outcome(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(one) for one in json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return ()
    return found if len(found) == 3 else ()
