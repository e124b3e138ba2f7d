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
    # of positive, neutral and negative, or of ``labels``: probabilities, or numbers of rows
    outcome: tuple[float, ...] = ()
    model: str = ""  # whose own labels they are; "": Sentiment
    labels: tuple[str, ...] = ()  # of that


class VerdictHistory:
    """Made when first used; every method may raise the KnownErrors of ``storage.conversations.schema``."""

    def __init__(self, path: Path | None = None) -> None:
        self._rows = LatestRows("verdicts.db", _COLUMNS, path)

    def keep(
        self,
        kind: str,
        text: str,
        outcome: Sequence[float] = (),
        entry: int = 0,
        *,
        model: str = "",
        labels: Sequence[str] = (),
    ) -> int:
        """Keep a text or a list, in place of ``entry`` where that is still there. Its number; 0: too long.

        ``model``, ``labels``: of a head with the user's own.
        """
        if len(text) > LONGEST:
            return 0
        return self._put((kind, text, _dump_source(None, model), _dump_outcome(outcome, labels)), entry)

    def keep_table(
        self,
        source: TableSource,
        outcome: Sequence[float] = (),
        entry: int = 0,
        *,
        model: str = "",
        labels: Sequence[str] = (),
    ) -> int:
        """Keep which table it was: not what stands in it. Its number."""
        how = _dump_source(source, model)
        return self._put((TABLE, Path(source.path).name, how, _dump_outcome(outcome, labels)), entry)

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


def _dump_source(source: TableSource | None, model: str) -> str:
    """As the first versions wrote it, but for what own labels have judged."""
    values = None
    if source is not None:
        values = [source.path, source.sheet, source.column, source.delimiter, source.header_row]
    if model:
        return json.dumps({"model": model, "table": values})
    return json.dumps(values) if values is not None else ""


def _dump_outcome(outcome: Sequence[float], labels: Sequence[str]) -> str:
    return json.dumps(dict(zip(labels, outcome, strict=False)) if labels else list(outcome))


def _stored(one: KeptVerdict) -> Stored:
    outcome = _dump_outcome(one.outcome, one.labels)
    return one.id, one.changed, one.kind, one.text, _dump_source(one.source, one.model), outcome


def _verdict(row: Stored, most: int | None = None) -> KeptVerdict:
    """What cannot be read of a row is left out: its text still opens."""
    number, changed, kind, text, how, outcome = row
    source, model = _read_source(how)
    values, labels = _read_outcome(outcome)
    return KeptVerdict(number, changed, kind, text[:most], source, values, model, labels)


def _read_source(text: str) -> tuple[TableSource | None, str]:
    """Where a table's texts stand, and the head that judged."""
    model = ""
    try:
        values = json.loads(text)
        if isinstance(values, dict):
            model, values = str(values.get("model") or ""), values.get("table")
        path, sheet, column, delimiter, header_row = values
        if not all(isinstance(one, str) for one in (path, sheet, column, delimiter or "")):
            return None, model
        return TableSource(path, sheet, column, delimiter, int(header_row)), model
    except (ValueError, TypeError, RecursionError):
        return None, model


def _read_outcome(text: str) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """The numbers, and the labels they are of, where those are a user's own."""
    try:
        found = json.loads(text)
        if isinstance(found, dict):
            return tuple(float(one) for one in found.values()), tuple(map(str, found))
        values = tuple(float(one) for one in found)
    except (ValueError, TypeError, RecursionError):
        return (), ()
    return values if len(values) == 3 else (), ()
