"""The rows of a list or table with their verdicts: held in flat arrays, filtered and sorted as numbers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer, Signal

from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.sentiment.judges import Verdict
from autogpt_desktop.tasks.sentiment.table import Block
from autogpt_desktop.ui.sentiment.corrections import CorrectionList
from autogpt_desktop.ui.sentiment.labels import percent
from autogpt_desktop.ui.sentiment.scheme import SENTIMENT, Scheme
from autogpt_desktop.ui.sentiment.verdict import flags_text
from autogpt_desktop.ui.widgets.basic import languages_text, plain_tooltip

NUMBER, LABEL, CERTAINTY, TEXT = range(4)  # columns
MOST_HELD = 200_000_000  # characters of all rows together; of later rows the beginning is held
MOST_FOLDED = 60_000_000  # characters that are held in small letters too, for the search
HEAD = 300  # characters of such a row, and of any row's cell
ROUNDED = 1e-6  # what a probability may lose in an array of floats
MOST_SURE = 1 - 1e-7  # as a float of four bytes it is below one still
RESORT_MS = 800
EMPTY = 255  # the code of a row without a text: there are fewer labels

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Filter:
    """What is shown. ``certainty``: of the label that is shown, from (inclusive) and to (exclusive)."""

    label: str | None = None  # one of the labels, "" for rows without a text
    text: str = ""
    certainty: tuple[float, float] = (0.0, 2.0)
    corrected: bool = False
    foreign: bool = False  # in a language that the model does not know

    @property
    def is_empty(self) -> bool:
        return self == Filter()


class ResultRows(QAbstractTableModel):
    """``counted`` comes when the numbers of labels changed."""

    counted = Signal()
    refiltered = Signal()

    def __init__(self, corrections: CorrectionList) -> None:
        super().__init__()
        self.scheme = SENTIMENT
        self.two_way = False
        self.filter = Filter()
        self._corrections = corrections
        self._sort: tuple[int, bool] | None = None  # column, descending
        self._late = QTimer(self)  # puts rows that came last in their places
        self._late.setSingleShot(True)
        self._late.setInterval(RESORT_MS)
        self._late.timeout.connect(self._resort)
        self._clear()

    def _clear(self) -> None:
        self._texts: list[str] = []
        self._folded: list[str] | None = None  # for the search, made when it is first used
        self._held = 0
        self._shares = [array("f") for _ in self.scheme.labels]
        self._codes = bytearray()  # what the model says
        self._shown = bytearray()  # what the user or else the model says
        self._corrected: dict[int, str] = {}
        self._languages: dict[int, str] = {}
        self._flagged: dict[int, Verdict] = {}
        self._order: list[int] = []

    # --- what comes in ----------------------------------------------------------------------

    def set_scheme(self, scheme: Scheme) -> None:
        """Other labels: the rows that are here go."""
        self.scheme, self.filter = scheme, Filter()
        self.clear()

    def clear(self) -> None:
        self.beginResetModel()
        self._clear()
        self.endResetModel()
        self.counted.emit()

    def add(self, block: Block) -> None:
        """Rows behind the last one, or verdicts anew of rows that are here."""
        if not block.texts:
            self._judge_again(block)
            return
        start = len(self._texts)
        if block.start != start:
            raise ValueError(f"rows from {block.start}, not {start}")
        for text in block.texts:
            self._held += len(text)
            self._texts.append(text if self._held <= MOST_HELD else text[:HEAD])
        if self._folded is not None:
            self._folded += [text.casefold() for text in self._texts[start:]]
        for one in block.scored:
            for at, shares in enumerate(self._shares):
                shares.append(min(one.shares[at], MOST_SURE) if one.label else 0.0)
            self._codes.append(self._code(one.label))
            self._shown.append(self._codes[-1])
            if one.flags and one.label:
                self._flagged[one.index] = one
                if one.language:
                    self._languages[one.index] = one.language
        if self._corrections.count:
            self._find_corrected(range(start, len(self._texts)))
        fresh = [row for row in range(start, len(self._texts)) if self._matches(row)]
        if fresh:
            at = len(self._order)
            self.beginInsertRows(QModelIndex(), at, at + len(fresh) - 1)
            self._order += fresh
            self.endInsertRows()
            if self._sort not in (None, (NUMBER, False)) and not self._late.isActive():
                self._late.start()
        self.counted.emit()

    def _judge_again(self, block: Block) -> None:
        for at, one in enumerate(block.scored, block.start):
            for number, shares in enumerate(self._shares):
                shares[at] = min(one.shares[number], MOST_SURE) if one.label else 0.0
            self._codes[at] = self._code(one.label)
            if at not in self._corrected:
                self._shown[at] = self._codes[at]

    def _code(self, label: str) -> int:
        return self.scheme.labels.index(label) if label else EMPTY

    def _label(self, code: int) -> str:
        return "" if code == EMPTY else self.scheme.labels[code]

    def _certainties(self) -> list[float]:
        """Of all rows."""
        return list(map(max, zip(*self._shares, strict=True)))

    def on_judged(self) -> None:
        """All blocks that were judged again are here."""
        self.refilter()
        self.counted.emit()

    def on_corrections(self) -> None:
        """The user's labels changed."""
        for row in self._corrected:
            self._shown[row] = self._codes[row]
        self._corrected = {}
        if self._corrections.count:
            self._find_corrected(range(len(self._texts)))
        self.refilter()
        self.counted.emit()

    def _find_corrected(self, rows: range) -> None:
        if self.scheme.is_own:
            return
        label_of = self._corrections.label_of
        for row in rows:
            label = label_of(self._texts[row])
            if label:
                self._corrected[row] = label
                self._shown[row] = self._code(label)

    # --- what is asked ----------------------------------------------------------------------

    def count(self) -> int:
        """Rows, whatever is filtered."""
        return len(self._texts)

    def counts(self) -> dict[str, int]:
        """Rows by label; "" are those without a text."""
        return {label: self._shown.count(self._code(label)) for label in (*self.scheme.labels, "")}

    def count_foreign(self) -> int:
        return len(self._languages)

    def count_corrected(self) -> int:
        return len(self._corrected)

    def shown_rows(self) -> list[int]:
        """Numbers of the rows that the filter lets through, as they are sorted."""
        return self._order

    def corrected_labels(self) -> dict[int, str]:
        return dict(self._corrected)

    def row_of(self, index: Index) -> int:
        return self._order[index.row()]

    def place_of(self, row: int) -> int:
        """Where a row stands as it is filtered and sorted; -1: nowhere."""
        return self._order.index(row) if row in self._order else -1

    def text_of(self, row: int) -> str:
        return self._texts[row]

    def label_of(self, row: int) -> str:
        return self._label(self._shown[row])

    def shares_of(self, row: int) -> tuple[float, ...]:
        return tuple(shares[row] for shares in self._shares)

    def certainty_of(self, row: int) -> float:
        """The probability of the model's label."""
        return max(shares[row] for shares in self._shares)

    def code_of(self, row: int) -> int:
        """The label that is shown as a number: its place among the labels, or EMPTY."""
        return self._shown[row]

    def is_corrected(self, row: int) -> bool:
        return row in self._corrected

    def cell(self, row: int, column: int) -> str:
        """What stands in the table."""
        if column == NUMBER:
            return f"{row + 1:,}"
        if column == LABEL:
            return self.scheme.word(self.label_of(row))
        if column == CERTAINTY:
            return percent(self.certainty_of(row)) if self._codes[row] != EMPTY else ""
        return " ".join(self._texts[row][:HEAD].split())

    # --- filter and order -------------------------------------------------------------------

    def set_filter(self, filter_: Filter) -> None:
        if filter_ != self.filter:
            self.filter = filter_
            self.refilter()

    def refilter(self) -> None:
        self._reorder(self._filtered())

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        new = None if column < 0 else (column, order == Qt.SortOrder.DescendingOrder)
        if new != self._sort:
            self._sort = new
            self._reorder(self._order)

    def _resort(self) -> None:
        self._reorder(self._order)

    def _reorder(self, rows: Sequence[int]) -> None:
        """Show these rows, sorted; what is selected stays selected where it is still there."""
        self.layoutAboutToBeChanged.emit()
        held = self.persistentIndexList()
        before = [(self._order[index.row()], index.column()) for index in held]
        self._order = self._sorted(rows)
        if held:
            selected = {row for row, _ in before}
            places = {row: place for place, row in enumerate(self._order) if row in selected}
            moved = [
                self.index(places[row], column) if row in places else QModelIndex() for row, column in before
            ]
            self.changePersistentIndexList(held, moved)
        self.layoutChanged.emit()
        self.refiltered.emit()

    def _filtered(self) -> list[int]:
        """Bytes and numbers first: the search in texts sees what they leave."""
        filter_ = self.filter
        rows: Sequence[int] = range(len(self._texts))
        if filter_.label is not None:
            code, shown = self._code(filter_.label), self._shown
            rows = [row for row in rows if shown[row] == code]
        if filter_.corrected:
            rows = [row for row in rows if row in self._corrected]
        if filter_.foreign:
            rows = [row for row in rows if row in self._languages]
        if filter_.certainty != Filter().certainty:
            low, high = (edge - ROUNDED for edge in filter_.certainty)
            sure = self._certainties()
            rows = [row for row in rows if low <= sure[row] < high]
        if filter_.text:
            looked_for, folded = filter_.text.casefold(), self._small_letters()
            if folded is not None:
                rows = [row for row in rows if looked_for in folded[row]]
            else:
                texts = self._texts
                rows = [row for row in rows if looked_for in texts[row].casefold()]
        return list(rows)

    def _small_letters(self) -> list[str] | None:
        """All texts without capitals; None where they are too many to be held twice."""
        if self._held > MOST_FOLDED:
            self._folded = None
        elif self._folded is None:
            self._folded = [text.casefold() for text in self._texts]
        return self._folded

    def _matches(self, row: int) -> bool:
        filter_ = self.filter
        if filter_.is_empty:
            return True
        low, high = (edge - ROUNDED for edge in filter_.certainty)
        return (
            (filter_.label is None or filter_.label == self.label_of(row))
            and (not filter_.corrected or row in self._corrected)
            and (not filter_.foreign or row in self._languages)
            and low <= self.certainty_of(row) < high
            and filter_.text.casefold() in self._texts[row].casefold()
        )

    def _sorted(self, rows: Sequence[int]) -> list[int]:
        """By number within what is equal."""
        if self._sort is None:
            return sorted(rows)
        column, descending = self._sort
        if column == NUMBER:
            return sorted(rows, reverse=descending)
        rows = sorted(rows)
        if column == LABEL:
            return sorted(rows, key=self._shown.__getitem__, reverse=descending)
        if column == CERTAINTY:
            sure = self._certainties()
            return sorted(rows, key=sure.__getitem__, reverse=descending)
        folded = self._small_letters()
        if folded is not None:
            return sorted(rows, key=folded.__getitem__, reverse=descending)
        return sorted(rows, key=lambda row: self._texts[row][:80].casefold(), reverse=descending)

    # --- Qt ---------------------------------------------------------------------------------

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 4

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            verdict = tr("Label") if self.scheme.is_own else tr("Verdict")
            return ("#", verdict, tr("Certainty"), tr("Text"))[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self._order[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.cell(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(self._tip(row, column))
        if role == Qt.ItemDataRole.AccessibleTextRole and column == CERTAINTY:
            return self.scheme.shares_text(self.shares_of(row), self.two_way)
        if role == Qt.ItemDataRole.TextAlignmentRole and column == NUMBER:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None

    def _tip(self, row: int, column: int) -> str:
        if column == TEXT:
            return self._texts[row][:1000]
        if self._codes[row] == EMPTY:
            return ""
        lines = [self.scheme.shares_text(self.shares_of(row), self.two_way)]
        if row in self._corrected:
            model_says = self.scheme.word(self._label(self._codes[row]))
            lines.insert(0, tr("You corrected this; the model says {label}.", label=model_says))
        if row in self._flagged:
            lines.append(flags_text(self._flagged[row]))
        return "\n".join(lines)

    def foreign_text(self) -> str:
        """The languages that the model does not know, as a list."""
        return languages_text(tuple(sorted(set(self._languages.values()))))
