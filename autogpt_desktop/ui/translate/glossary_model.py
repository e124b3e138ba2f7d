"""The terms of one pair of languages as a table that is edited in place."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal

from autogpt_desktop.documents.text.glossary import Term
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.translate.labels import language_name
from autogpt_desktop.ui.widgets.theme import theme

Index = QModelIndex | QPersistentModelIndex
Roles = Qt.ItemDataRole
SOURCE, TARGET, CASE = range(3)


class GlossaryModel(QAbstractTableModel):
    """Below the terms stands an empty row: what is written there becomes a new term."""

    edited = Signal()  # by the user: to be saved

    def __init__(self) -> None:
        super().__init__()
        self.terms: list[Term] = []
        self.new = Term("", "")  # what stands in the empty row so far
        self.languages = ("en", "fr")

    def show(self, source: str, target: str, terms: list[Term]) -> None:
        self.beginResetModel()
        self.languages, self.terms, self.new = (source, target), terms, Term("", "")
        self.endResetModel()

    def retranslate(self) -> None:
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, 2)

    def remove(self, rows: list[int]) -> list[tuple[int, Term]]:
        """Take rows away; what was there, for ``restore``."""
        gone = [(row, self.terms[row]) for row in sorted(rows) if row < len(self.terms)]
        for row, _ in reversed(gone):
            self.beginRemoveRows(QModelIndex(), row, row)
            del self.terms[row]
            self.endRemoveRows()
        if gone:
            self.edited.emit()
        return gone

    def restore(self, gone: list[tuple[int, Term]]) -> None:
        for row, term in gone:
            row = min(row, len(self.terms))
            self.beginInsertRows(QModelIndex(), row, row)
            self.terms.insert(row, term)
            self.endInsertRows()
        self.edited.emit()

    def merge(self, terms: list[Term]) -> int:
        """Add terms; one for the same words takes the place of the old. How many are new or changed."""
        known = {(_key(term), term.case): at for at, term in enumerate(self.terms)}
        count = 0
        self.beginResetModel()
        for term in terms:
            at = known.get((_key(term), term.case))
            if at is None:
                known[_key(term), term.case] = len(self.terms)
                self.terms.append(term)
                count += 1
            elif self.terms[at] != term:
                self.terms[at] = term
                count += 1
        self.endResetModel()
        if count:
            self.edited.emit()
        return count

    # --- Qt ---------------------------------------------------------------------------------

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.terms) + 1

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 3

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Roles.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Roles.DisplayRole:
            return "Aa" if section == CASE else language_name(self.languages[section])
        if role == Roles.ToolTipRole and section == CASE:
            return tr("Capitals count")
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if index.column() == CASE:
            return flags | Qt.ItemFlag.ItemIsUserCheckable
        return flags | Qt.ItemFlag.ItemIsEditable

    def data(self, index: Index, role: int = Roles.DisplayRole) -> Any:
        if not index.isValid():
            return None
        is_new = index.row() == len(self.terms)
        term = self.new if is_new else self.terms[index.row()]
        if index.column() == CASE:
            if role == Roles.CheckStateRole:
                return Qt.CheckState.Checked if term.case else Qt.CheckState.Unchecked
            if role in (Roles.ToolTipRole, Roles.AccessibleTextRole):
                return tr("Capitals count")
            return None
        text = term.source if index.column() == SOURCE else term.target
        if role == Roles.DisplayRole and is_new and not text:
            return tr("New term…") if index.column() == SOURCE else tr("Its translation…")
        if role == Roles.ForegroundRole and is_new and not text:
            return theme().color("muted")
        return text if role in (Roles.DisplayRole, Roles.EditRole) else None

    def setData(self, index: Index, value: Any, role: int = Roles.EditRole) -> bool:
        is_new = index.row() == len(self.terms)
        old = self.new if is_new else self.terms[index.row()]
        if index.column() == CASE:
            if role != Roles.CheckStateRole:
                return False
            term = Term(old.source, old.target, Qt.CheckState(value) == Qt.CheckState.Checked)
        else:
            text = " ".join(str(value).split())
            if not is_new and not text:
                return False  # a term needs both; Delete takes it away
            pair = (text, old.target) if index.column() == SOURCE else (old.source, text)
            term = Term(*pair, old.case)
        if term == old:
            return False
        if not is_new:
            self.terms[index.row()] = term
            self.dataChanged.emit(index, index)
            self.edited.emit()
        elif term.source and term.target:
            self.beginInsertRows(QModelIndex(), len(self.terms) + 1, len(self.terms) + 1)
            self.terms.append(term)
            self.new = Term("", "")
            self.endInsertRows()
            self.dataChanged.emit(self.index(len(self.terms) - 1, 0), self.index(len(self.terms), CASE))
            self.edited.emit()
        else:
            self.new = term
            self.dataChanged.emit(index, index)
        return True


def _key(term: Term) -> str:
    return term.source if term.case else term.source.casefold()
