"""A user's corrections as the panel sees them; the file itself is read and written on the worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.corrections import CHARACTERS, Correction, Corrections

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

Change = Callable[[Corrections], object]


class CorrectionList(QObject):
    """``changed`` comes when the file says so: rows are to be judged again."""

    changed = Signal()

    def __init__(self, context: AppContext, parent: QObject) -> None:
        super().__init__(parent)
        self.moves = False  # whether they adjust the calibration by now
        self.ready = False  # they were read
        self._context = context
        self._labels: dict[str, str] = {}
        self._corrections: Corrections | None = None  # the worker's
        self._submit(lambda _corrections: None)

    @property
    def count(self) -> int:
        return len(self._labels)

    def counts(self) -> dict[str, int]:
        """How many there are of each label."""
        found: dict[str, int] = {}
        for label in self._labels.values():
            found[label] = found.get(label, 0) + 1
        return found

    def label_of(self, text: str) -> str:
        """What the user said of this text; "" for nothing."""
        return self._labels.get(text[:CHARACTERS], "") if self._labels else ""

    def get(self) -> Corrections:
        """On the worker's thread: what the tasks ask for."""
        if self._corrections is None:
            self._corrections = Corrections()
        return self._corrections

    def set_label(self, text: str, label: str) -> None:
        """Keep what a user says of a text; "" takes it back."""
        if label:
            self._submit(lambda corrections: corrections.add(text, label))
        else:
            self._submit(lambda corrections: corrections.remove(text))

    def undo(self) -> None:
        self._submit(lambda corrections: corrections.undo())

    def clear(self) -> None:
        """All of them, with Undo."""
        held: list[Correction] = []

        def clear(corrections: Corrections) -> None:
            held.extend(corrections.all)
            corrections.clear()

        def restore() -> None:
            self._submit(lambda corrections: corrections.replace(held))

        number = self.count
        self._submit(clear)
        self._context.toast(tr("{n} corrections cleared.", n=number), undo=restore)

    def _submit(self, change: Change) -> None:
        """Every change is done, whatever comes after it."""

        def job(_cancel: Event) -> Iterator[object]:
            corrections = self.get()
            change(corrections)
            yield Result(({one.text: one.label for one in corrections.all}, corrections.moves))

        handle = self._context.worker.submit(job, title=tr("Keeping corrections"))
        handle.event.connect(self._on_event)
        handle.finished.connect(self._on_finished)

    def _on_event(self, event: object) -> None:
        if isinstance(event, Result):
            before = self._labels
            self._labels, self.moves = event.value
            first, self.ready = not self.ready, True
            if self._labels != before or (first and self._labels):
                self.changed.emit()

    def _on_finished(self, _state: str, error: object) -> None:
        if isinstance(error, BaseException):
            self._context.show_error(error)
