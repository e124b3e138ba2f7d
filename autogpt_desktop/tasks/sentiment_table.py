"""Sentiment of a column of a CSV or XLSX file, of any number of rows, that survives being killed.

What was measured of a text is kept in a file of the run (``documents.runs``) behind every few texts:
before calibration, so that corrections and two-way judge again without asking the model again.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop import paths
from autogpt_desktop.documents.files import file_hash
from autogpt_desktop.documents.runs import Numbers, Run
from autogpt_desktop.documents.tables import Row, Table, write_table
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.tasks.sentiment import CHUNK, Judge, Measured, Part, Scored, measure, ready, scored

if TYPE_CHECKING:
    from autogpt_desktop.tasks.sentiment_corrections import Corrections

_BLOCK = 256  # rows whose texts are looked up together
_LARGEST = 2 << 30  # bytes, of a file
_RECENT = 24  # steps that the speed is taken from


@dataclass(frozen=True, slots=True)
class RunState:
    """How far a run is. ``reused``: texts that were known from before, or stood in an earlier row."""

    done: int  # rows
    total: int
    computed: int  # texts that the model was asked for
    reused: int
    rows_per_second: float  # lately
    labels: dict[str, int] = field(default_factory=dict)  # rows by label; "" are the empty ones
    unknown_language: int = 0  # rows in a language that the model does not know

    @property
    def neutral_share(self) -> float:
        """Of the rows that are not empty."""
        return self.labels.get("neutral", 0) / max(1, self.done - self.labels.get("", 0))


class TableRun:
    """One column of one table. ``run`` measures, ``rows`` and ``export`` hand out what is there then."""

    def __init__(self, table: Table, column: str, folder: Path | None = None) -> None:
        """``column``: a name, or a number counted from 1. Raises KnownError("table-no-column")."""
        self.table, self.column = table, table.column(column)
        self.folder = folder or paths.data_dir() / "runs"
        self.total = self.width = 0
        self.two_way = False
        self._judge: Judge | None = None
        self._store: Run | None = None

    def run(
        self,
        models: Any,
        *,
        two_way: bool = False,
        corrections: Corrections | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Progress | Notice | RunState]:
        """Measure every row that no run before has measured; a RunState behind every few texts.

        The generator may be left, and the process may end, at any time: the next run goes on there.
        Raises as ``sentiment`` does, and KnownError: document-missing, document-damaged,
        folder-not-writable.
        """
        yield Progress("stage.reading-table")
        digest = file_hash(self.table.path, Limits(file_bytes=_LARGEST))
        self.total = self.width = 0
        for row in self.table.rows():
            self.total, self.width = self.total + 1, max(self.width, len(row))
        self._judge = judge = yield from ready(models, corrections, cancelled)
        self.two_way = two_way
        self.close()
        what = (digest, self.table.sheet, str(self.column), judge.asker.key, str(judge.asker.window))
        self._store = Run(self.folder, what)
        count = _Count(self.total)
        texts = self._texts()
        while block := list(islice(texts, _BLOCK)):
            known = self._known(block)
            new = [text for text in dict.fromkeys(block) if text not in known]
            count.reused += len(block) - len(new)
            for at in range(0, len(new), CHUNK):
                some = new[at : at + CHUNK]
                done = count.done + len(block) * at // len(new)
                measured = yield from measure(judge, some, cancelled, done, self.total)
                self._store.keep((text, *_packed(one)) for text, one in zip(some, measured, strict=True))
                known |= dict(zip(some, measured, strict=True))
                count.computed += len(some)
                yield count.state(count.done + len(block) * (at + len(some)) // len(new))
            count.add([scored(0, known[text], judge.scale, two_way) for text in block])
            yield count.state(count.done)
        if not self.total:
            yield count.state(0)

    def rows(self) -> Iterator[tuple[Row, Scored]]:
        """Every row with its score, in order, as far as the run has come. ``run`` comes first."""
        if self._judge is None or self._store is None:
            raise RuntimeError("nothing was run")
        rows, index = self.table.rows(), 0
        while block := list(islice(rows, _BLOCK)):
            known = self._known([row[self.column] for row in block])
            for row in block:
                measured = known.get(row[self.column])
                if measured is None:
                    return
                yield row, scored(index, measured, self._judge.scale, self.two_way)
                index += 1

    def export(self, path: Path, cancelled: Callable[[], bool] = lambda: False) -> int:
        """Write the table with label and probabilities behind its columns, as CSV or XLSX by the ending
        of ``path``; how many rows. A cell that would be a formula is written as text. Raises
        ``Cancelled``, and KnownError("table-not-written")."""
        from autogpt_desktop.engine.transformer import Cancelled

        names = [*self.table.columns]
        names += [f"Column {at + 1}" for at in range(len(names), self.width)]
        ours = ["sentiment", "positive", *([] if self.two_way else ["neutral"]), "negative", "flags"]
        width = len(names)
        for name in ours:
            names.append(_unused(name, names))

        def rows() -> Iterator[list[Any]]:
            for row, one in self.rows():
                if cancelled():
                    raise Cancelled
                shares = [one.positive, *([] if self.two_way else [one.neutral]), one.negative]
                cells = [round(share, 4) for share in shares] if one.label else [""] * len(shares)
                flags = " ".join((*one.flags, one.language)).strip()
                yield [*row, *[""] * (width - len(row)), one.label, *cells, flags]

        return write_table(path, names, rows())

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _texts(self) -> Iterator[str]:
        return (row[self.column] for row in self.table.rows())

    def _known(self, texts: list[str]) -> dict[str, Measured]:
        assert self._store is not None
        return {text: _unpacked(*found) for text, found in self._store.find(dict.fromkeys(texts)).items()}


class _Count:
    """What a run has done so far, and how fast."""

    def __init__(self, total: int) -> None:
        self.total, self.done, self.computed, self.reused, self.foreign = total, 0, 0, 0, 0
        self.labels: Counter[str] = Counter()
        self.steps: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], _RECENT)

    def add(self, rows: list[Scored]) -> None:
        self.done += len(rows)
        self.labels.update(row.label for row in rows)
        self.foreign += sum(bool(row.language) for row in rows)

    def state(self, done: int) -> RunState:
        self.steps.append((time.monotonic(), done))
        (start, before), (now, after) = self.steps[0], self.steps[-1]
        speed = (after - before) / max(1e-6, now - start)
        labels = dict(self.labels)
        return RunState(done, self.total, self.computed, self.reused, speed, labels, self.foreign)


def _packed(one: Measured) -> tuple[Numbers, str]:
    numbers = chain.from_iterable((part.d, part.neutral, part.tokens) for part in one.parts)
    return tuple(map(float, numbers)), f"{','.join(one.flags)} {one.language}"


def _unpacked(numbers: Numbers, note: str) -> Measured:
    flags, _, language = note.partition(" ")
    triples = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    parts = tuple(Part(d, neutral, int(tokens)) for d, neutral, tokens in triples)
    return Measured(parts, tuple(filter(None, flags.split(","))), language)


def _unused(name: str, taken: list[str]) -> str:
    number, found = 2, name
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found
