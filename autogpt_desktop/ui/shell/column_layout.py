"""Which panel stands in which column, which is shown, how wide the columns are: no widgets here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

MAX_COLUMNS = 2
SHARES = (0.15, 0.85)  # the least and the most of the width that the first column takes


@dataclass
class ColumnLayout:
    """``columns`` holds the panels' keys, one or two lists, none empty (but where there is no panel)."""

    columns: list[list[str]]
    current: list[str]  # of each column
    active: str  # the one that was used last
    share: float = 0.5  # of the width, the first of two columns
    recent: list[str] = field(default_factory=list, compare=False)  # used last comes first

    @classmethod
    def parse(cls, text: str, keys: Sequence[str]) -> ColumnLayout:
        """What ``text()`` wrote, for the panels that exist now: others are dropped, new ones are appended.

        Whatever else ``text`` may be, the result is usable.
        """
        try:
            saved = json.loads(text)
        except (ValueError, RecursionError):
            saved = None
        values: dict[str, Any] = saved if isinstance(saved, dict) else {}
        left = list(keys)
        columns: list[list[str]] = []
        for keys_there in _lists(values.get("columns")):
            column = []
            for key in keys_there:
                if key in left:
                    left.remove(key)
                    column.append(key)
            if column:
                columns.append(column)
        columns[MAX_COLUMNS - 1 :] = (
            [list(chain(*columns[MAX_COLUMNS - 1 :]))] if columns[1:] else columns[1:]
        )
        if columns:
            columns[0] += left
        else:
            columns = [left]
        shown = _lists([values.get("current")])
        current = [_first(column, shown[0] if shown else []) for column in columns]
        active = values.get("active")
        share = values.get("share")
        if not isinstance(share, float) or not SHARES[0] <= share <= SHARES[1]:
            share = 0.5
        return cls(columns, current, active if active in current else current[0], share)

    def text(self) -> str:
        return json.dumps(
            {
                "columns": self.columns,
                "current": self.current,
                "active": self.active,
                "share": round(self.share, 4),
            }
        )

    def keys(self) -> list[str]:
        return [key for column in self.columns for key in column]

    def column_of(self, key: str) -> int:
        """ValueError: no such panel."""
        for place, column in enumerate(self.columns):
            if key in column:
                return place
        raise ValueError(key)

    def show(self, key: str) -> None:
        self.current[self.column_of(key)] = key
        self._use(key)

    def can_move(self, key: str, step: int) -> bool:
        """Whether ``move`` would change anything: to a column that is there, or to one that opens."""
        if len(self.columns) < MAX_COLUMNS:
            return len(self.columns[0]) > 1
        return 0 <= self.column_of(key) + step < len(self.columns)

    def move(self, key: str, step: int) -> None:
        """To the column left (-1) or right (1); with one column, a second opens there."""
        if self.can_move(key, step):
            self.place(key, self.column_of(key) + step)

    def place(self, key: str, column: int, index: int = -1) -> None:
        """Put a panel into a column, before its tab number ``index`` (-1: behind the last) as it is now.

        -1 and ``len(columns)`` open a column, where there is one only. A column that is empty then closes.
        """
        source_index = self.column_of(key)
        shown = set(self.current)
        source = self.columns[source_index]
        was_at = source.index(key)
        if len(self.columns) >= MAX_COLUMNS:
            column = min(max(column, 0), MAX_COLUMNS - 1)
        target = self.columns[column] if 0 <= column < len(self.columns) else []
        if index > was_at and target is source:
            index -= 1
        source.remove(key)
        target.insert(len(target) if index < 0 else index, key)
        neighbour = source[min(was_at, len(source) - 1)] if source else ""
        neighbour = next((other for other in self.recent if other in source), neighbour)
        if column < 0:
            self.columns.insert(0, target)
        elif column >= len(self.columns):
            self.columns.append(target)
        self.columns = [keys for keys in self.columns if keys]
        self._use(key)
        self.current = [
            key if key in keys else next((other for other in keys if other in shown), neighbour)
            for keys in self.columns
        ]

    def _use(self, key: str) -> None:
        self.recent = [other for other in dict.fromkeys([key, self.active, *self.recent]) if other]
        self.active = key

    def reorder(self, keys: Sequence[str]) -> None:
        """The order of the tabs changed; each stays in its column."""
        self.columns = [sorted(column, key=keys.index) for column in self.columns]


def _lists(value: object) -> list[list[str]]:
    lists = value if isinstance(value, list) else []
    return [[key for key in keys if isinstance(key, str)] for keys in lists if isinstance(keys, list)]


def _first(column: list[str], shown: list[str]) -> str:
    """The panel of the column that was shown, else its first."""
    return next((key for key in shown if key in column), column[0] if column else "")
