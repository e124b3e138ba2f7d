"""Tables: CSV, XLSX and ODS, read row by row and written so that no cell becomes a formula."""

from autogpt_desktop.documents.tables.read import OTHER_TABLES, TABLES, open_table, read_table, result_of
from autogpt_desktop.documents.tables.types import Row, Table, TableOptions, UnsavedFormula
from autogpt_desktop.documents.tables.write import (
    can_copy,
    check_kind,
    losses,
    write_copy,
    write_rows,
    write_table,
)

__all__ = [
    "OTHER_TABLES",
    "TABLES",
    "Row",
    "Table",
    "TableOptions",
    "UnsavedFormula",
    "can_copy",
    "check_kind",
    "losses",
    "open_table",
    "read_table",
    "result_of",
    "write_copy",
    "write_rows",
    "write_table",
]
