"""The list of training runs: opened, renamed, compared, deleted with Undo."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QMenu, QWidget

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs.folder import Run
from autogpt_desktop.ui.lab.words import clock, kind_name, state_name
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.history_card import HistoryCard
from autogpt_desktop.ui.widgets.history_list import HistoryList
from autogpt_desktop.ui.widgets.history_model import HistoryItem

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

UNDO_MS = 30_000


class RunsCard(HistoryCard):
    """``opened`` and ``compared`` carry a Run; ``renamed`` and ``deleted`` its folder's name."""

    opened = Signal(object)
    compared = Signal(object)
    renamed = Signal(str)
    deleted = Signal(str)

    def __init__(self, context: AppContext, window: QWidget) -> None:
        self._context = context
        self._compares = False
        super().__init__(window, HistoryList(self._read, renames=True))
        self.list.opened.connect(self._on_opened)
        self.list.renamed.connect(self._on_renamed)
        self.list.deleted.connect(self._on_deleted)
        self.list.add_actions = self._add_actions
        self.retranslate()

    def retranslate(self) -> None:
        self.set_title(tr("Training runs"))
        self.list.set_texts(
            tr("Training runs"),
            tr("Search runs"),
            tr("Your training runs will be listed here, with their models. They stay on this computer."),
        )

    def set_open(self, run: Run | None) -> None:
        """The one that is on the page: others can be compared with it."""
        self._compares = run is not None
        self.list.set_current(run.id if run is not None else None)

    def _read(self, query: str, limit: int, offset: int) -> Sequence[HistoryItem]:
        found = [run for run in runs.all_runs() if query.casefold() in run.name.casefold()]
        self.list.set_running({run.id for run in found if run.state == "running"}) if offset == 0 else None
        return [self._item(run) for run in found[offset : offset + limit]]

    def _item(self, run: Run) -> HistoryItem:
        parts = [kind_name(run.spec), state_name(run.state)]
        if run.seconds:
            parts.append(clock(run.seconds))
        if run.finished is not None and run.finished.bits_per_byte:
            parts.append(tr("{bits} bits per byte", bits=f"{run.finished.bits_per_byte:.3f}"))
        return HistoryItem(run.id, run.name, run.created, note=" · ".join(parts), value=run)

    def _add_actions(self, menu: QMenu, item: HistoryItem) -> None:
        if self._compares and item.key != self.list.current:
            action = menu.addAction(icons.icon("swap"), tr("Compare with the run on the page"))
            action.triggered.connect(partial(self._compare, item.value))

    def _compare(self, run: Run, _checked: bool = False) -> None:
        self.close_overlay()
        self.compared.emit(run)

    def _on_opened(self, item: HistoryItem) -> None:
        if self.isVisible():  # a click that also activates comes twice
            self.close_overlay()
            self.opened.emit(item.value)

    def _on_renamed(self, item: HistoryItem, name: str) -> None:
        try:
            runs.rename(item.value, name)
        except KnownError as error:
            self._context.show_error(error)
        self.list.reload()
        self.renamed.emit(item.value.id)

    def _on_deleted(self, item: HistoryItem) -> None:
        try:
            run = runs.delete(item.value)
        except KnownError as error:
            self._context.show_error(error)
            return
        self.list.reload()
        self.deleted.emit(run.id)
        self._context.toast(tr("Run deleted"), undo=partial(self._restore, run), milliseconds=UNDO_MS)

    def _restore(self, run: Run) -> None:
        try:
            runs.restore(run)
        except KnownError as error:
            self._context.show_error(error)
        self.list.reload()
        self._context.refresh_models()
