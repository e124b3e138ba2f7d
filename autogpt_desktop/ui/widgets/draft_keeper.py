"""A field's text comes back after a restart, as it was a second before the end at the latest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, SignalInstance

from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.drafts import TextDrafts

SOON_MS = 800  # from a change until it is kept


class Field(Protocol):
    """A text editor."""

    @property
    def textChanged(self) -> SignalInstance: ...

    def text(self) -> str: ...


class DraftKeeper(QObject):
    """Keeps what stands in ``field`` under ``name``; only while ``enabled`` says so.

    ``restored`` is what stood there before; the panel puts it into the field. What cannot be written
    (a full disk, another program's lock) is told to ``failed`` once, with a KnownError, and tried again.
    """

    def __init__(
        self,
        name: str,
        field: Field,
        failed: Callable[[KnownError], object],
        parent: QObject,
        enabled: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(parent)
        self._name, self._field, self._failed, self._enabled = name, field, failed, enabled
        self._drafts = TextDrafts()
        self._saved = self._read()
        self._reported = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SOON_MS)
        self._soon.timeout.connect(self.keep)
        field.textChanged.connect(self._on_text)

    @property
    def restored(self) -> str:
        return self._saved if self._enabled() else ""

    def keep(self) -> None:
        """Keep the text as it is now, if it is another one."""
        self._soon.stop()
        text = self._field.text() if self._enabled() else ""
        if text == self._saved:
            return
        try:
            self._drafts.keep(self._name, text)
        except KnownError as error:
            if not self._reported:
                self._failed(error)
            self._reported = True
            self._soon.start()  # a lock goes by itself
        else:
            self._saved, self._reported = text, False

    def _read(self) -> str:
        try:
            return self._drafts.get(self._name)
        except KnownError:  # what was written is on the disk still, or is said with the next change
            return ""

    def _on_text(self) -> None:
        if not self._soon.isActive():  # who never pauses is kept too
            self._soon.start()
