"""The glossary beside the editors: terms of the pair of languages that is chosen, CSV in and out."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QFileDialog, QHBoxLayout, QHeaderView, QTableView

from autogpt_desktop.documents.text.glossary import Term
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.glossaries import Glossaries, read_terms, write_terms
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.glossary_model import CASE, SOURCE, TARGET, GlossaryModel
from autogpt_desktop.ui.translate.labels import language_name
from autogpt_desktop.ui.translate.side_panel import SidePanel
from autogpt_desktop.ui.widgets.action_row import ActionRow, action_button, name_action
from autogpt_desktop.ui.widgets.basic import label


class GlossaryView(SidePanel):
    """``changed``: the glossary of the pair is another one now."""

    changed = Signal()

    def __init__(self, context: AppContext, glossaries: Glossaries) -> None:
        super().__init__()
        self._context, self._glossaries = context, glossaries
        self._pair = ("", "")
        self.add_button, self.remove_button = action_button("plus"), action_button("delete")
        self.import_button, self.export_button = action_button("import"), action_button("export")
        self.actions_row = ActionRow(
            (self.add_button, self.remove_button, self.import_button, self.export_button)
        )
        tools = QHBoxLayout()
        tools.addWidget(self.actions_row)
        tools.addStretch(1)
        self.add_button.clicked.connect(self._add)
        self.remove_button.clicked.connect(self.remove)
        self.import_button.clicked.connect(self._choose_import)
        self.export_button.clicked.connect(self._choose_export)
        self.hint = label(size="small", tone="muted", wrap=True)
        self.model = GlossaryModel()
        self.model.edited.connect(self._save)
        self.table = _Table(self)
        self.table.setModel(self.model)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(CASE, QHeaderView.ResizeMode.Fixed)
        header.resizeSection(CASE, 40)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.selectionModel().selectionChanged.connect(self._show_buttons)
        self.column.addLayout(tools)
        self.column.addWidget(self.hint)
        self.column.addWidget(self.table, 1)
        self.retranslate()

    def retranslate(self) -> None:
        super().retranslate()
        self.title.setText(tr("Glossary"))
        name_action(self.add_button, tr("Add"), tr("Add a term"))
        name_action(self.remove_button, tr("Remove"), tr("Remove the selected terms"), "Del")
        name_action(self.import_button, tr("Import"), tr("Import terms from CSV"))
        name_action(self.export_button, tr("Export"), tr("Export the terms as CSV"))
        self.actions_row.retranslate()
        self.table.setAccessibleName(tr("Glossary"))
        self.model.retranslate()
        self._show_pair_text()

    def show_pair(self, source: str, target: str) -> None:
        """The terms from one language into another; "" for one that is not known yet."""
        if (source, target) == self._pair:
            return
        self._pair = (source, target)
        if source and target:
            try:
                terms = list(self._glossaries.terms(source, target))
            except KnownError as error:
                self._context.show_error(error)
                terms = []
                self._pair = ("", "")  # a file that cannot be read is not to be replaced
            self.model.show(source, target, terms)
        self._show_pair_text()

    def focus_first(self) -> None:
        (self.table if self.table.isVisibleTo(self) else self.close_button).setFocus()

    def add(self, source: str = "") -> None:
        """Begin a new term; with ``source`` only its translation is left to write."""
        row = len(self.model.terms)
        if source:
            self.model.setData(self.model.index(row, SOURCE), source)
        index = self.model.index(row, TARGET if source else SOURCE)
        self.table.setCurrentIndex(index)
        self.table.scrollTo(index)
        self.table.edit(index)

    def _add(self) -> None:
        self.add()

    def remove(self) -> None:
        """The rows in which something is selected; with Undo."""
        pair = self._pair
        gone = self.model.remove(sorted({index.row() for index in self.table.selectedIndexes()}))
        if not gone:
            return
        self.focus_first()

        def undo() -> None:
            if pair == self._pair:
                self.model.restore(gone)
            else:
                self._restore_elsewhere(pair, gone)

        text = (
            tr("“{term}” removed", term=gone[0][1].source[:40])
            if len(gone) == 1
            else tr("{n} terms removed", n=len(gone))
        )
        self._context.toast(text, undo=undo)

    def import_file(self, path: Path) -> None:
        try:
            terms = read_terms(path)
        except KnownError as error:
            self._context.show_error(error)
            return
        count = self.model.merge(terms)
        self._context.toast(tr("{n} terms added or changed", n=count))

    def export_file(self, path: Path) -> None:
        try:
            write_terms(path, self.model.terms)
        except KnownError as error:
            self._context.show_error(error)
            return
        self._context.toast(tr("Glossary saved as {name}", name=path.name))

    def _restore_elsewhere(self, pair: tuple[str, str], gone: list[tuple[int, Term]]) -> None:
        terms = [*self._glossaries.terms(*pair), *(term for _, term in gone)]
        try:
            self._glossaries.save(*pair, terms)
        except KnownError as error:
            self._context.show_error(error)

    def _choose_import(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self,
            tr("Import terms from CSV"),
            "",
            tr("Tables (*.csv *.tsv *.txt)") + ";;" + tr("All files (*)"),
        )
        self.focus_first()
        if name:
            self.import_file(Path(name))

    def _choose_export(self) -> None:
        suggestion = "-".join(self._pair) + ".csv"
        name, _ = QFileDialog.getSaveFileName(
            self, tr("Export the terms as CSV"), suggestion, tr("Tables (*.csv *.tsv *.txt)")
        )
        self.focus_first()
        if name:
            self.export_file(Path(name) if Path(name).suffix else Path(f"{name}.csv"))

    def _save(self) -> None:
        if not all(self._pair):
            return
        try:
            self._glossaries.save(*self._pair, self.model.terms)
        except KnownError as error:
            self._context.show_error(error)
        self._show_pair_text()
        self.changed.emit()

    def _show_pair_text(self) -> None:
        source, target = self._pair
        known = bool(source and target)
        if known:
            text = tr(
                "How to call words of {source} in {target}. Every translation is checked against it.",
                source=language_name(source), target=language_name(target),
            )  # fmt: skip
        else:
            text = tr("Choose the language of the text, or write something, to see its glossary.")
        self.hint.setText(text)
        self.table.setVisible(known)
        self.add_button.setEnabled(known)
        self.import_button.setEnabled(known)
        self._show_buttons()

    def _show_buttons(self) -> None:
        known = all(self._pair)
        rows = {index.row() for index in self.table.selectedIndexes()}
        self.remove_button.setEnabled(known and any(row < len(self.model.terms) for row in rows))
        self.export_button.setEnabled(known and bool(self.model.terms))


class _Table(QTableView):
    """Typing edits, Enter too, Delete removes; Tab leaves it."""

    def __init__(self, owner: GlossaryView) -> None:
        super().__init__(owner)
        self._owner = owner
        self.setObjectName("terms")
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(32)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(
            triggers.DoubleClicked
            | triggers.AnyKeyPressed
            | triggers.EditKeyPressed
            | triggers.SelectedClicked
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if (
            event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and index.isValid()
            and index.column() != CASE
        ):
            self.edit(index)
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self._owner.remove()
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)
