"""Verdicts on a list, or on a column of a CSV or XLSX file of any number of rows; it survives being killed.

What was measured of a text is kept in a file of the run (``documents.run_results``) behind every few texts:
before calibration, so that corrections and two-way judge again without asking the model again.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Container, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop import paths
from autogpt_desktop.documents.files import file_hash
from autogpt_desktop.documents.run_results import Run
from autogpt_desktop.documents.tables import Row, Table, UnsavedFormula, losses
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.tasks.sentiment.corrections import Corrections
from autogpt_desktop.tasks.sentiment.export import NO_LABELS, write_results
from autogpt_desktop.tasks.sentiment.groups import group_rows
from autogpt_desktop.tasks.sentiment.judges import Judge, MakeJudge, Verdict, sentiment_judge
from autogpt_desktop.tasks.sentiment.run_store import Remembered, Store
from autogpt_desktop.tasks.sentiment.sentiment import CHUNK

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

_BLOCK = 256  # rows whose texts are looked up together
_LARGEST = 2 << 30  # bytes, of a file
_RECENT = 24  # steps that the speed is taken from
_COUNTED = 2000  # rows that are counted between two steps
_AGAIN = 1000  # rows that are judged again between two results


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


@dataclass(frozen=True, slots=True)
class Block:
    """Rows behind each other that have been judged: the first one's number, and each one's text.

    Of rows that were judged again there are no texts.
    """

    start: int
    texts: tuple[str, ...]
    scored: tuple[Verdict, ...]


class TableRun:
    """One column of one table. ``run`` measures, ``rows`` and ``export`` hand out what is there then."""

    def __init__(
        self,
        table: Table,
        column: str,
        folder: Path | None = None,
        *,
        digest: str = "",
        remembered: Remembered | None = None,
        hold: bool = False,
        judge: MakeJudge = sentiment_judge,
    ) -> None:
        """``column``: a name, or a number counted from 1. ``digest``: of a table that is no file.
        ``remembered``: instead of a file of the run. ``hold``: keep what was measured of every row in
        memory, so that ``judge_again`` and ``export`` need no file of the run, and ``run`` goes on behind
        the last row when it is called again. ``judge``: what judges, else the model that plays Sentiment.
        Raises KnownError("table-no-column").
        """
        self.table, self.column = table, table.column(column)
        self.folder = folder or paths.data_dir() / "runs"
        self.total = self.width = 0
        self.two_way = False
        self.held: list[Any] | None = [] if hold else None
        self._own_digest, self._digest = digest, ""
        self._remembered = remembered
        self._make_judge = judge
        self._judge: Judge | None = None
        self._asked = 0
        self._store: Store | None = None

    def run(
        self,
        models: Models,
        *,
        two_way: bool = False,
        corrections: Corrections | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Progress | Notice | RunState | Block]:
        """Measure every row that no run before has measured; a Block and a RunState behind every few texts.

        The generator may be left, and the process may end, at any time: the next run goes on there.
        Raises as ``sentiment`` does, and KnownError: document-missing, document-damaged,
        folder-not-writable, sentiment-file-changed, sentiment-other-model, table-formulas.
        """
        yield Progress("stage.reading-table")
        yield from self._count_rows()
        judge = yield from self._ready(models, two_way, corrections, cancelled)
        self.close()
        self._store = store = self._open_store(judge)
        first = len(self.held or ())
        count, told = _Count(self.total, first), first > 0 or not len(store)
        texts = self._texts(first)
        try:
            while True:
                block: list[str] = []
                for text in texts:
                    if text is None:
                        yield count.state(count.done)
                        continue
                    block.append(text)
                    if len(block) == _BLOCK:
                        break
                if not block:
                    break
                known = self._known(block)
                new = [text for text in dict.fromkeys(block) if text not in known]
                if new and not told:
                    told, row = True, count.done + block.index(new[0])
                    yield Notice("notice.sentiment-continues", {"row": f"{row + 1:,}", "done": row})
                count.reused += len(block) - len(new)
                shown = 0
                for at in range(0, len(new), CHUNK):
                    some = new[at : at + CHUNK]
                    done = count.done - shown + len(block) * at // len(new)
                    now = self._judge or judge
                    measured = yield from now.measure(some, cancelled, done, self.total)
                    store.keep((text, *now.packed(one)) for text, one in zip(some, measured, strict=True))
                    known |= dict(zip(some, measured, strict=True))
                    count.computed += len(some)
                    upto = next((i for i in range(shown, len(block)) if block[i] not in known), len(block))
                    if upto > shown:
                        yield self._judged(count, block[shown:upto], known)
                        shown = upto
                    yield count.state(count.done)
                if shown < len(block):
                    yield self._judged(count, block[shown:], known)
                    yield count.state(count.done)
        finally:
            texts.close()
            for one in (judge, self._judge or judge):
                one.rest()
        if not self.total or first == self.total:
            yield count.state(first)

    def judge_again(
        self,
        models: Models,
        *,
        two_way: bool = False,
        corrections: Corrections | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Progress | Notice | Block]:
        """Judge what is held with other constants, as corrections or ``two_way`` make them, without asking
        the model. A ``run`` that is not at its end goes on with them."""
        if self.held is None:
            raise RuntimeError("nothing is held")
        judge = yield from self._ready(models, two_way, corrections, cancelled)
        for start in range(0, len(self.held), _AGAIN):
            some = self.held[start : start + _AGAIN]
            rows = (judge.verdict(start + at, one, two_way) for at, one in enumerate(some))
            yield Block(start, (), tuple(rows))

    @property
    def judge(self) -> Judge:
        """What judges; ``run`` comes first."""
        if self._judge is None:
            raise RuntimeError("nothing was run")
        return self._judge

    def rows(self) -> Iterator[tuple[Row, Verdict]]:
        """Every row with its score, in order, as far as the run has come. ``run`` comes first."""
        return (found for found in self.steps() if found is not None)

    def steps(self) -> Iterator[tuple[Row, Verdict] | None]:
        """The same, and None whenever the next row is still being waited for."""
        if self._judge is None:
            raise RuntimeError("nothing was run")
        if self.held is not None:
            at = 0
            for row in self.table.steps():
                if row is None:
                    yield None
                elif at == len(self.held):
                    return
                else:
                    yield row, self.judge.verdict(at, self.held[at], self.two_way)
                    at += 1
            return
        rows, index, more = self.table.steps(), 0, True
        while more:
            block, more = [], False
            for row in rows:
                if row is None:
                    yield None
                    continue
                block.append(row)
                if len(block) == _BLOCK:
                    more = True
                    break
            known = self._known([row[self.column] for row in block])
            for row in block:
                measured = known.get(row[self.column])
                if measured is None:
                    return
                yield row, self.judge.verdict(index, measured, self.two_way)
                index += 1

    def groups(
        self,
        column: int,
        *,
        by_month: bool = False,
        own: Mapping[int, str] = NO_LABELS,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Progress | Result]:
        """The shares in groups of rows by another column, as a Result with Groups. ``own``: labels that a
        user gave, by row. Raises ``Cancelled``."""
        from autogpt_desktop.engine.interface import Cancelled

        pairs: list[tuple[str, str]] = []
        for found in self.steps():
            if cancelled():
                raise Cancelled
            if found is not None:
                row, one = found
                pairs.append((row[column], own.get(len(pairs), one.label)))
            if found is None or len(pairs) % _COUNTED == 0:
                yield Progress("stage.reading-table")
        labels = self.judge.labels
        yield Result(group_rows(pairs, self.table.columns[column], by_month, labels))

    def export(
        self,
        path: Path,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        only: Container[int] | None = None,
        own: Mapping[int, str] = NO_LABELS,
    ) -> int:
        """``export_steps`` in one go; how many rows were written."""
        count = 0
        for count in self.export_steps(path, cancelled, only=only, own=own):  # noqa: B007
            pass
        return count

    def export_steps(
        self,
        path: Path,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        only: Container[int] | None = None,
        own: Mapping[int, str] = NO_LABELS,
    ) -> Iterator[int]:
        """Write the table with label and probabilities behind its columns, as CSV or XLSX by the ending
        of ``path``; yields how many rows are written. A cell that would be a formula is written as text.
        Of a workbook it is a copy that has the columns added (``tables.losses`` says what that lacks).

        ``only``: the numbers of the rows that are wanted. ``own``: labels that a user gave, by row; they
        stand in the label's place, and "corrected" among the flags. Raises ``Cancelled``, and KnownError:
        table-not-written, sentiment-own-file, sentiment-file-changed.
        """
        if not self._own_digest:
            if os.path.exists(path) and path.samefile(self.table.path):
                raise KnownError("sentiment-own-file", name=path.name)
            if self.held is not None and self._file_digest() != self._digest:
                raise KnownError("sentiment-file-changed", name=self.table.path.name)
        judge, two_way = self.judge, self.two_way
        yield from write_results(
            path,
            self.table,
            self.width,
            self.steps(),
            judge.columns(two_way),
            lambda one, given: judge.cells(one, two_way, given),
            cancelled=cancelled,
            only=only,
            own=own,
        )

    def losses(self, path: Path, is_filtered: bool = False) -> list[Notice]:
        """What of a workbook will not be in the ``path`` that is exported."""
        return losses(path, self.table, is_filtered)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _ready(
        self,
        models: Models,
        two_way: bool,
        corrections: Corrections | None,
        cancelled: Callable[[], bool],
    ) -> Generator[Progress | Notice, None, Judge]:
        """The constants to judge by from now on; of what is held only its own model's are right."""
        number = self._asked = self._asked + 1
        judge = yield from self._make_judge(models, corrections, cancelled)
        if self.held and self._judge is not None and judge.key != self._judge.key:
            raise KnownError("sentiment-other-model")
        if number == self._asked or self._judge is None:  # else something newer came between
            self._judge, self.two_way = judge, two_way
        return self._judge

    def _file_digest(self) -> str:
        return self._own_digest or file_hash(self.table.path, Limits(file_bytes=_LARGEST))

    def _count_rows(self) -> Iterator[Progress | Notice]:
        """How many rows there are, in steps: of a large workbook that takes a while."""
        digest = self._file_digest()
        if digest == self._digest:
            return  # it goes on
        formulas = texts = 0
        if self.held:
            raise KnownError("sentiment-file-changed", name=self.table.path.name)
        total = width = 0
        for row in self.table.steps():
            if row is not None:
                total, width = total + 1, max(width, len(row))
                formulas += isinstance(row[self.column], UnsavedFormula)
                texts += bool(row[self.column].strip())
            if row is None or total % _COUNTED == 0:
                yield Progress("stage.reading-table")
        self._digest, self.total, self.width = digest, total, width
        if formulas:
            yield formulas_notice(self.table, self.column, formulas, texts)

    def _open_store(self, judge: Judge) -> Store:
        if self._remembered is not None:
            return self._remembered.of(judge.key)
        return Run(self.folder, (self._digest, self.table.sheet, str(self.column), *judge.key))

    def _judged(self, count: _Count, texts: list[str], known: dict[str, Any]) -> Block:
        """The next rows, with the constants of now."""
        measured = [known[text] for text in texts]
        rows = [self.judge.verdict(count.done + at, one, self.two_way) for at, one in enumerate(measured)]
        block = Block(count.done, tuple(texts), tuple(rows))
        if self.held is not None:
            self.held += measured
        count.add(rows)
        return block

    def _texts(self, first: int) -> Generator[str | None, None, None]:
        """The texts from a row on; None while the next one is waited for."""
        at = 0
        for row in self.table.steps():
            if row is None:
                yield None
            else:
                at += 1
                if at > first:
                    yield row[self.column]

    def _known(self, texts: list[str]) -> dict[str, Any]:
        assert self._store is not None
        unpacked = self.judge.unpacked
        return {text: unpacked(*found) for text, found in self._store.find(dict.fromkeys(texts)).items()}


class _Count:
    """What a run has done so far, and how fast."""

    def __init__(self, total: int, done: int = 0) -> None:
        self.total, self.done, self.computed, self.reused, self.foreign = total, done, 0, 0, 0
        self.labels: Counter[str] = Counter()
        self.steps: deque[tuple[float, int]] = deque([(time.monotonic(), done)], _RECENT)

    def add(self, rows: list[Verdict]) -> None:
        self.done += len(rows)
        self.labels.update(row.label for row in rows)
        self.foreign += sum(bool(row.language) for row in rows)

    def state(self, done: int) -> RunState:
        self.steps.append((time.monotonic(), done))
        (start, before), (now, after) = self.steps[0], self.steps[-1]
        speed = (after - before) / max(1e-6, now - start)
        labels = dict(self.labels)
        return RunState(done, self.total, self.computed, self.reused, speed, labels, self.foreign)


def formulas_notice(table: Table, column: int, formulas: int, texts: int) -> Notice:
    """What to say of cells whose formulas have no saved results. Raises KnownError("table-formulas") where
    nothing else is there to be judged."""
    values = {"name": table.path.name, "column": table.columns[column], "n": f"{formulas:,}"}
    if not texts:
        raise KnownError("table-formulas", **values)
    return Notice("notice.table-formulas", values)
