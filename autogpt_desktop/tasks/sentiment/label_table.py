"""Texts, or a column of a table, by the user's own labels: those of a head that was trained on examples."""

from __future__ import annotations

import hashlib
import math
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop import paths
from autogpt_desktop.documents.files import file_hash
from autogpt_desktop.documents.run_results import Run
from autogpt_desktop.documents.tables import Row, Table, can_copy, write_copy, write_rows
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.sentiment.export import unused_name
from autogpt_desktop.tasks.sentiment.measure import windows

if TYPE_CHECKING:
    from autogpt_desktop.engine.text_head import HeadEngine

_CHUNK = 64  # texts between two results
_LARGEST = 2 << 30  # bytes, of a file


@dataclass(frozen=True, slots=True)
class Labeled:
    """A text's label and the probability of each; of an empty text "" and ()."""

    index: int
    label: str
    shares: tuple[float, ...]  # in the order of the head's labels; they sum to one

    @property
    def share(self) -> float:
        """Of the label."""
        return max(self.shares, default=0.0)


class _Windows:
    """What ``measure.windows`` asks of a scorer."""

    def __init__(self, engine: HeadEngine) -> None:
        self.window, self.tokens = engine.context_length - 8, engine.tokens


def label_texts(
    engine: HeadEngine, texts: Sequence[str], cancelled: Callable[[], bool] = lambda: False
) -> Generator[Progress, None, list[Labeled]]:
    """Each text's label; a long one is read in windows, whose logits count by their length."""
    around: Any = _Windows(engine)
    pieces: list[str] = []
    owners: list[int] = []
    for at, text in enumerate(texts):
        plain, spans, _ = windows(text, around)
        for start, end in spans:
            pieces.append(plain[start:end])
            owners.append(at)
    sums = [[0.0] * len(engine.labels) for _ in texts]
    lengths = [0] * len(texts)
    for step in engine.classify(pieces, cancelled):
        if isinstance(step, Progress):
            yield step
            continue
        number, logits = step
        at, length = owners[number], max(1, len(pieces[number]))
        lengths[at] += length
        sums[at] = [total + length * float(value) for total, value in zip(sums[at], logits, strict=True)]
    found = []
    for at, (row, length) in enumerate(zip(sums, lengths, strict=True)):
        shares = _softmax([value / length for value in row]) if length else ()
        label = engine.labels[max(range(len(shares)), key=shares.__getitem__)] if shares else ""
        found.append(Labeled(at, label, shares))
    return found


def _softmax(logits: Sequence[float]) -> tuple[float, ...]:
    highest = max(logits)
    powers = [math.exp(value - highest) for value in logits]
    return tuple(power / sum(powers) for power in powers)


class LabelRun:
    """One column of one table; what was judged is kept in a file of the run, which goes on after a crash."""

    def __init__(self, table: Table, column: str, engine: HeadEngine, folder: Path | None = None) -> None:
        """``column``: a name, or a number counted from 1. Raises KnownError: table-no-column,
        folder-not-writable, document-missing."""
        self.table, self.column, self.engine = table, table.column(column), engine
        head = hashlib.sha256(repr((engine.name, engine.labels, engine.head.layers)).encode())
        head.update(engine.head.weights.tobytes())
        digest = file_hash(table.path, Limits(file_bytes=_LARGEST))
        place = folder or paths.data_dir() / "runs"
        self._store = Run(place, (digest, table.sheet, str(self.column), "labels", head.hexdigest()))
        self.labels: Counter[str] = Counter()

    def run(self, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
        """Judge every row that no run before has judged. May be left at any time. Raises ``Cancelled``."""
        self.labels.clear()
        total = sum(row is not None for row in self.table.steps())
        done, block = 0, list[str]()
        for row in self.table.steps():
            if row is not None:
                block.append(row[self.column])
            if len(block) == _CHUNK:
                done = yield from self._judge(block, done, total, cancelled)
                block = []
        if block:
            yield from self._judge(block, done, total, cancelled)

    def _judge(
        self, block: list[str], done: int, total: int, cancelled: Callable[[], bool]
    ) -> Generator[Progress, None, int]:
        known = self._store.find(dict.fromkeys(block))
        new = [text for text in dict.fromkeys(block) if text not in known]
        judged = yield from label_texts(self.engine, new, cancelled)
        self._store.keep((text, one.shares, one.label) for text, one in zip(new, judged, strict=True))
        labels = {text: note for text, (_, note) in known.items()}
        labels |= {text: one.label for text, one in zip(new, judged, strict=True)}
        self.labels.update(labels[text] for text in block)
        yield Progress("stage.scoring", done + len(block), total)
        return done + len(block)

    def rows(self) -> Iterator[tuple[Row, Labeled]]:
        """Every row with its label, in order, as far as the run has come."""
        for at, row in enumerate(row for row in self.table.steps() if row is not None):
            found = self._store.find([row[self.column]]).get(row[self.column])
            if found is None:
                return
            yield row, Labeled(at, found[1], found[0])

    def export(self, path: Path) -> int:
        """Write the table with the label and the probabilities behind its columns, as CSV or XLSX by the
        ending of ``path``; how many rows there were. Raises KnownError: sentiment-own-file,
        table-not-written, table-not-this-kind."""
        if os.path.exists(path) and path.samefile(self.table.path):
            raise KnownError("sentiment-own-file", name=path.name)
        found = list(self.rows())
        width = max([len(self.table.columns), *(len(row) for row, _ in found)])
        names = [*self.table.columns, *(f"Column {at + 1}" for at in range(len(self.table.columns), width))]
        for name in ("label", "probability", *self.engine.labels):
            names.append(unused_name(name, names))
        cells = [_cells(one, len(self.engine.labels)) for _, one in found]
        if can_copy(path, self.table):
            steps = write_copy(path, self.table, width + 1, names[width:], cells)
        else:
            whole = (
                [*row, *[""] * (width - len(row)), *behind]
                for (row, _), behind in zip(found, cells, strict=True)
            )
            steps = write_rows(path, names, whole)
        count = 0
        for count in steps:  # noqa: B007
            pass
        return count

    def close(self) -> None:
        self._store.close()


def _cells(one: Labeled, labels: int) -> list[str | float]:
    shares: list[str | float] = [round(share, 4) for share in one.shares] or [""] * labels
    return [one.label, round(one.share, 4) if one.label else "", *shares]
