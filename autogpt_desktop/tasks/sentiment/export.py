"""A table with what was judged behind its columns, as CSV or a workbook."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from autogpt_desktop.documents.tables import Row, Table, can_copy, write_copy, write_rows

_STEP = 500  # rows between two steps
NO_LABELS: Mapping[int, str] = {}


def write_results(
    path: Path,
    table: Table,
    width: int,
    found: Iterable[tuple[Row, Any] | None],
    columns: Sequence[str],
    cells: Callable[[Any, str | None], list[Any]],
    *,
    cancelled: Callable[[], bool],
    only: Container[int] | None = None,
    own: Mapping[int, str] = NO_LABELS,
) -> Iterator[int]:
    """Write rows with their verdicts; yields how many are written. ``width``: of the longest row.

    ``columns`` and ``cells``: of a judge (``judges.Judge``). None among ``found``: the next one is waited
    for. ``only``, ``own``: as in ``TableRun.export_steps``. Raises ``Cancelled`` and KnownError:
    table-not-written, table-not-this-kind.
    """
    from autogpt_desktop.engine.interface import Cancelled

    names = [*table.columns]
    names += [f"Column {at + 1}" for at in range(len(names), width)]
    width = len(names)
    for name in columns:
        names.append(unused_name(name, names))

    def rows() -> Iterator[tuple[Row, list[Any] | None]]:
        """Each row, and what stands behind it; None: it is not wanted."""
        at = -1
        for each in found:
            if cancelled():
                raise Cancelled
            if each is None:
                continue
            (row, one), at = each, at + 1
            yield row, None if only is not None and at not in only else cells(one, own.get(at))

    if can_copy(path, table):
        behind = []
        for _, some in rows():
            behind.append(some)
            if len(behind) % _STEP == 0:
                yield 0
        yield from write_copy(path, table, width + 1, names[width:], behind)
        return
    whole = ([*row, *[""] * (width - len(row)), *some] for row, some in rows() if some is not None)
    yield from write_rows(path, names, whole)


def unused_name(name: str, taken: list[str]) -> str:
    """``name``, with a number behind it where a column is called so already."""
    number, found = 2, name
    while found in taken:
        found, number = f"{name} ({number})", number + 1
    return found
