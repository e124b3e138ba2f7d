"""What can be taken out of the panel: the rows as CSV or XLSX, all of them or those shown; the chart."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from autogpt_desktop import atomic
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.sentiment.grouping import Grouping
from autogpt_desktop.ui.sentiment.results import Results
from autogpt_desktop.ui.sentiment.run_control import RunControl
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import png_bytes
from autogpt_desktop.ui.widgets.focus import hand_on

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

KINDS = {".csv": "CSV (*.csv)", ".xlsx": "XLSX (*.xlsx)", ".png": "PNG (*.png)"}


class Exporter(QObject):
    """The export menu. A name that is taken is asked about by the dialog, and never the source's own."""

    def __init__(
        self,
        context: AppContext,
        control: RunControl,
        results: Results,
        grouping: Grouping,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._context, self._control, self._results, self._parent = context, control, results, parent
        self._grouping = grouping
        self.folder: Path | None = None  # where the last one went
        control.exported.connect(self._on_exported)

    def fill(self, menu: QMenu) -> None:
        """The entries, with how many rows each would write."""
        menu.clear()
        rows = self._control.rows
        total, shown = rows.count(), rows.rowCount()
        icon = icons.icon("table")
        for ending in (".csv", ".xlsx"):
            kind = ending[1:].upper()
            action = menu.addAction(icon, tr("All rows ({n}) as {kind}…", n=f"{total:,}", kind=kind))
            action.setEnabled(total > 0)
            action.triggered.connect(partial(self._ask, ending, False))
        if not rows.filter.is_empty:
            menu.addSeparator()
            for ending in (".csv", ".xlsx"):
                kind = ending[1:].upper()
                action = menu.addAction(icon, tr("Shown rows ({n}) as {kind}…", n=f"{shown:,}", kind=kind))
                action.setEnabled(shown > 0)
                action.triggered.connect(partial(self._ask, ending, True))
        groups = self._grouping.table.rows.rowCount() if self._grouping.choice is not None else 0
        if groups:
            menu.addSeparator()
            for ending in (".csv", ".xlsx"):
                kind = ending[1:].upper()
                action = menu.addAction(icon, tr("The groups ({n}) as {kind}…", n=f"{groups:,}", kind=kind))
                action.triggered.connect(partial(self._ask_groups, ending))
        menu.addSeparator()
        action = menu.addAction(icons.icon("export"), tr("The chart as PNG…"))
        action.setEnabled(total > 0)
        action.triggered.connect(partial(self._ask, ".png", False))

    def suggested(self, ending: str, kind: str = "") -> Path:
        """A name beside the source, or in the home folder, that is not taken."""
        run = self._control.table_run
        source = run.table.path if run is not None and self._control.name else None
        folder = self.folder or (source.parent if source is not None else Path.home())
        name = source.stem if source is not None else tr("list")
        own = self._control.scheme.is_own
        stem = tr("{name} labels", name=name) if own else tr("{name} sentiment", name=name)
        stem = f"{stem} {kind}".strip()
        found, number = folder / f"{stem}{ending}", 2
        while os.path.exists(found):
            found, number = folder / f"{stem} {number}{ending}", number + 1
        return found

    def _ask(self, ending: str, shown: bool, _checked: bool = False) -> None:
        path, asked = self._ask_name(ending)
        if asked is not None:
            self.write(path, shown, asked=asked)

    def _ask_groups(self, ending: str, _checked: bool = False) -> None:
        path, asked = self._ask_name(ending, tr("groups"))
        if asked is not None:
            self.write_groups(path, asked=asked)

    def _ask_name(self, ending: str, kind: str = "") -> tuple[Path, Path | None]:
        """Where to, with the ending that belongs to it, and the name as the user gave it."""
        name, _ = QFileDialog.getSaveFileName(
            self._parent, tr("Export"), str(self.suggested(ending, kind)), KINDS[ending]
        )
        hand_on(self._parent)
        asked = Path(name) if name else None
        return (Path(name) if Path(name).suffix.lower() == ending else Path(name + ending)), asked

    def write_groups(self, path: Path, *, asked: Path | None = None) -> None:
        """The groups as they are shown; a name that nobody has agreed to is never written over."""
        if path != asked and os.path.exists(path):
            self._context.show_error(KnownError("sentiment-file-exists", name=path.name))
            return
        self.folder = path.parent
        rows = self._grouping.table.rows
        found = rows.sorted_groups()
        no_value = tr("No date") if found.by_month else tr("(blank)")
        self._control.export_groups(path, found, no_value)

    def write(self, path: Path, shown: bool = False, *, asked: Path | None = None) -> None:
        """Write to ``path``, by its ending; ``shown``: the rows that the filter lets through alone.

        ``asked``: the name that a user has agreed to; another one is never written over.
        """
        if path != asked and os.path.exists(path):
            self._context.show_error(KnownError("sentiment-file-exists", name=path.name))
            return
        self.folder = path.parent
        if path.suffix.lower() == ".png":
            self._write_chart(path)
        else:
            self._control.export(path, frozenset(self._control.rows.shown_rows()) if shown else None)

    def _write_chart(self, path: Path) -> None:
        title = self._control.name or self._control.scheme.title or tr("Sentiment of a list")
        picture = png_bytes(self._results.chart.picture(title))
        try:
            atomic.write_bytes(path, [picture])
        except OSError as error:
            reason = error.strerror or str(error)
            self._context.show_error(KnownError("file-not-written", name=path.name, reason=reason))
        else:
            self._context.toast(tr("Saved {file}", file=path.name))

    def _on_exported(self, path: Path, count: int) -> None:
        self._context.toast(tr("Saved {n} rows in {file}", n=f"{count:,}", file=path.name))
