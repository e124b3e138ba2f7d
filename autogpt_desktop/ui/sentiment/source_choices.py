"""How a table is read, as it was guessed and as a user may say: delimiter, header, sheet, column of texts."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.sentiment.sources import Preview, TableOptions, is_table
from autogpt_desktop.ui.widgets.basic import label
from autogpt_desktop.ui.widgets.boxes import ComboBox

FIRST_ROWS = 10  # that are offered as the header
_DELIMITERS = (",", ";", "\t", "|", "")


class _Choice:
    """A list with its name above it."""

    def __init__(self, parent: QWidget) -> None:
        self.name = label(size="small", tone="muted")
        self.combo = ComboBox()
        self.combo.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(8)
        self.combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.name.setBuddy(self.combo)
        self.box = QWidget(parent)
        self.box.setMaximumWidth(320)
        column = QVBoxLayout(self.box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.name)
        column.addWidget(self.combo)

    def rename(self, text: str) -> None:
        self.name.setText(text)
        self.combo.setAccessibleName(text)

    def fill(self, items: list[tuple[str, object]], chosen: object) -> None:
        """Texts and what they stand for."""
        self.combo.clear()
        for text, value in items:
            self.combo.addItem(text, value)
        self.combo.setCurrentIndex(next((at for at, (_, value) in enumerate(items) if value == chosen), 0))


class SourceChoices(QWidget):
    """``options_chosen`` carries TableOptions: the file is to be read again. ``column_chosen`` a number."""

    options_chosen = Signal(object)
    column_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.preview: Preview | None = None
        self._column, self._header, self._delimiter, self._sheet = (_Choice(self) for _ in range(4))
        self.columns, self.header_rows = self._column.combo, self._header.combo
        self.delimiters, self.sheets = self._delimiter.combo, self._sheet.combo
        self.columns.activated.connect(self.column_chosen)
        self.header_rows.activated.connect(self._on_header)
        self.delimiters.activated.connect(self._on_delimiter)
        self.sheets.activated.connect(self._on_sheet)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for choice, share in ((self._column, 3), (self._header, 2), (self._delimiter, 2), (self._sheet, 2)):
            row.addWidget(choice.box, share, Qt.AlignmentFlag.AlignBottom)
        row.addStretch(1)
        self._row = row

    def add_action(self, widget: QWidget) -> None:
        """Behind the choices."""
        self._row.addWidget(widget, 0, Qt.AlignmentFlag.AlignBottom)

    def retranslate(self) -> None:
        self._column.rename(tr("Column with the texts"))
        self._header.rename(tr("Header"))
        self._delimiter.rename(tr("Delimiter"))
        self._sheet.rename(tr("Sheet"))
        if self.preview is not None:
            self.show_preview(self.preview, self.columns.currentIndex())

    def show_preview(self, found: Preview, column: int) -> None:
        self.preview = found
        table = found.table
        self._column.fill([(name[:80], at) for at, name in enumerate(table.columns)], column)
        is_text = not is_table(table.path)
        last = 1 if is_text else max(FIRST_ROWS, table.header_row)
        rows: list[tuple[str, object]] = [(tr("Row {n}", n=n), n) for n in range(1, last + 1)]
        self._header.fill([(tr("No header"), 0), *rows], table.header_row)
        names = {
            ",": tr("Comma"),
            ";": tr("Semicolon"),
            "\t": tr("Tab"),
            "|": tr("Vertical bar"),
            "": tr("None: one column"),
        }
        offered = dict.fromkeys([*_DELIMITERS, table.delimiter])
        self._delimiter.fill([(names.get(each, each), each) for each in offered], table.delimiter)
        self._delimiter.box.setVisible(not table.sheet and not is_text)
        self._sheet.fill([(name, name) for name in table.sheets], table.sheet)
        self._sheet.box.setVisible(len(table.sheets) > 1)

    def options(self) -> TableOptions:
        """How the table was read, guessed or chosen."""
        if self.preview is None:
            return TableOptions()
        table = self.preview.table
        return TableOptions(table.sheet, None if table.sheet else table.delimiter, table.header_row)

    def _on_header(self) -> None:
        now = self.options()
        self._choose(TableOptions(now.sheet, now.delimiter, self.header_rows.currentData()))

    def _on_delimiter(self) -> None:
        self._choose(TableOptions(delimiter=self.delimiters.currentData()), guess_header=True)

    def _on_sheet(self) -> None:
        self._choose(TableOptions(self.sheets.currentData()), guess_header=True)

    def _choose(self, wanted: TableOptions, *, guess_header: bool = False) -> None:
        """A column, a sheet or a delimiter that is chosen again changes nothing."""
        now = self.options()
        same = (wanted.sheet, wanted.delimiter) == (now.sheet, now.delimiter)
        if not same or (not guess_header and wanted.header_row != now.header_row):
            self.options_chosen.emit(wanted)
