"""Where a message is written: text, attached files, Send that becomes Stop."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QTextCursor,
)
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.tasks.attachment import AttachedText, is_document
from autogpt_desktop.ui.chat.attaching import DocumentReading
from autogpt_desktop.ui.chat.attachment_chip import Chip, place_chips
from autogpt_desktop.ui.chat.attachments import MAX_FILE_BYTES, Attachment, read_attachment
from autogpt_desktop.ui.chat.draft import Draft
from autogpt_desktop.ui.widgets.basic import button, icon_button, label, name_button, size_text
from autogpt_desktop.ui.widgets.composer_box import BUTTON, ComposerBox, SendButton
from autogpt_desktop.ui.widgets.composer_text import PASTE_LIMIT
from autogpt_desktop.ui.widgets.reading_style import chat_style
from autogpt_desktop.ui.widgets.text_field import local_files

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

LINES = 9  # the text grows to so many lines, then it scrolls
MAX_ATTACHMENTS = 10
_PAUSE_MS = 300


class Composer(QWidget):
    """``sent`` carries nothing: the panel reads ``draft()``, and it is cleared when that is saved."""

    sent = Signal()
    stopped = Signal()
    changed = Signal()  # text or attachments, 300 ms after the last change
    edited = Signal()  # at once
    edit_last_requested = Signal()
    edit_cancelled = Signal()

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.attachments: list[Attachment] = []
        self._chips: list[Chip] = []
        self._busy = False
        self._pasted = 0
        self._left_out: list[str] = []  # why files that were given together are not attached
        self.setAcceptDrops(True)
        self.notice = label(size="small", tone="warning", wrap=True)
        self.notice.hide()
        self.editing = QWidget()
        self.editing_label = label(size="small", tone="accent")
        self.editing_cancel = button(kind="quiet")
        self.editing_cancel.clicked.connect(self.edit_cancelled)
        row = QHBoxLayout(self.editing)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.editing_label)
        row.addStretch()
        row.addWidget(self.editing_cancel)
        self.editing.hide()
        self.reading = DocumentReading(context, self)
        self.reading_label = label(size="small", tone="muted")
        self.reading_cancel = button(kind="quiet")
        self.reading_cancel.clicked.connect(self.cancel_reading)
        self.reading_row = QWidget()
        row = QHBoxLayout(self.reading_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.reading_label)
        row.addStretch()
        row.addWidget(self.reading_cancel)
        self.reading_row.hide()
        self.box = ComposerBox(context, self, self._lay_out)
        self.edit = self.box.field
        self.attach_button = icon_button("attach")
        self.attach_button.setParent(self.box)
        self.attach_button.clicked.connect(self.choose_files)
        self.send_button = SendButton(context, self.box)
        self.send_button.clicked.connect(self._button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for widget in (self.notice, self.reading_row, self.editing, self.box):
            column.addWidget(widget)
        self._debounce = QTimer(self)
        self._debounce.setSingleShot(True)
        self._debounce.setInterval(_PAUSE_MS)
        self._debounce.timeout.connect(self.changed)
        self.edit.textChanged.connect(self._on_text)
        self.edit.send_requested.connect(self._send)
        self.edit.edit_last_requested.connect(self.edit_last_requested)
        self.edit.pasted_long.connect(self._attach_paste)
        self.edit.files_dropped.connect(self.attach_files)
        self.reading.read.connect(self._on_read)
        self.reading.failed.connect(self._on_unreadable)
        self.reading.changed.connect(self._show_reading)
        self.box.begin()
        context.language_changed.connect(self.retranslate)
        context.zoom_changed.connect(self.restyle)
        self.restyle()
        self.retranslate()

    # -- content

    def text(self) -> str:
        return self.edit.text()

    def set_text(self, text: str) -> None:
        """Replace the text, the cursor behind it; counts as no change of the user's."""
        self.edit.blockSignals(True)
        self.edit.setPlainText(text)
        self.edit.blockSignals(False)
        self.edit.moveCursor(QTextCursor.MoveOperation.End)
        self._debounce.stop()
        self._on_text(save=False)

    def append_text(self, text: str) -> None:
        """Under what is being written, as a paragraph of its own; can be undone. A long one is attached."""
        if len(text) > PASTE_LIMIT:
            self._attach_paste(text)
            return
        cursor = self.edit.textCursor()
        cursor.movePosition(QTextCursor.MoveOperation.End)
        break_before = "\n\n" if self.text().strip() else ""
        cursor.insertText(f"{break_before}{text.strip()}\n\n")
        self.edit.setTextCursor(cursor)

    def draft(self) -> Draft:
        return Draft(self.text(), tuple(self.attachments))

    def show_draft(self, draft: Draft) -> None:
        self.reading.cancel()
        self._left_out = []
        self.set_attachments(draft.attachments)
        self.set_text(draft.text)

    def clear(self) -> None:
        self.show_draft(Draft())
        self.set_notice("")

    def is_empty(self) -> bool:
        return not self.attachments and not self.text().strip()

    def flush(self) -> None:
        """Report a change that still waits, before the conversation changes."""
        if self._debounce.isActive():
            self._debounce.stop()
            self.changed.emit()

    def pause_at_least(self, milliseconds: float) -> None:
        """So long a pause in typing comes before the next ``changed``."""
        self._debounce.setInterval(max(_PAUSE_MS, round(milliseconds)))

    def set_attachments(self, items: Sequence[Attachment]) -> None:
        self.attachments = list(items)
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        self._chips = [Chip(item, self.box, removable=True) for item in self.attachments]
        for chip in self._chips:
            chip.removed.connect(self._remove)
            chip.show()
        self.box.refit()
        self._on_text(save=False)

    def set_notice(self, text: str) -> None:
        """A plain sentence above the box; "" takes it away."""
        self.notice.setText(text)
        self.notice.setVisible(bool(text))

    def set_editing(self, editing: bool) -> None:
        self.editing.setVisible(editing)

    def set_busy(self, busy: bool) -> None:
        """While an answer is written, Stop stands where Send was."""
        self._busy = busy
        self._show_button()

    # -- files

    def choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, tr("Attach files"))
        self.edit.setFocus()
        self.attach_files([Path(name) for name in names])

    def attach_files(self, files: list[Path]) -> None:
        """Attach what can be read; say what cannot."""
        if self.reading.now is None:
            self._left_out = []
        for path in files:
            if len(self.attachments) >= MAX_ATTACHMENTS:
                self._leave_out(KnownError("attachment-too-many", n=MAX_ATTACHMENTS))
                break
            if os.path.isdir(path):
                self._leave_out(KnownError("attachment-folder", name=path.name))
                continue
            if is_document(path):
                self.reading.add(path)
                continue
            try:
                self._add(read_attachment(path))
            except KnownError as error:
                self._leave_out(error)

    def _leave_out(self, error: KnownError) -> None:
        """Say why a file is not attached, until others are given; the others are attached all the same."""
        if (text := message(error)) not in self._left_out:
            self._left_out.append(text)
        self.set_notice("\n".join(self._left_out))

    def _on_read(self, found: AttachedText) -> None:
        try:
            self._add(Attachment(found.path.name, found.text))
        except KnownError as error:
            self._leave_out(error)
        else:
            told = [message(one.key, **one.values) for one in found.notices]
            if told:  # behind what the context has to say about its length
                self.set_notice(" ".join([self.notice.text(), *told]).strip())

    def _on_unreadable(self, error: KnownError) -> None:
        self._leave_out(error)

    def _show_reading(self) -> None:
        path = self.reading.now
        self.reading_label.setText(tr("Reading {name}", name=path.name) if path else "")
        self.reading_row.setVisible(path is not None)

    def _add(self, item: Attachment) -> None:
        if len(self.attachments) >= MAX_ATTACHMENTS:
            raise KnownError("attachment-too-many", n=MAX_ATTACHMENTS)
        self.set_notice("\n".join(self._left_out))
        self.set_attachments([*self.attachments, item])
        self._debounce.start()
        self.edited.emit()

    def cancel_reading(self) -> None:
        self.reading.cancel()
        self.edit.setFocus()

    def _attach_paste(self, text: str) -> None:
        self._pasted += 1
        self._left_out = []
        name = tr("Pasted text") if self._pasted == 1 else tr("Pasted text {n}", n=self._pasted)
        try:
            if len(text.encode("utf-8", "surrogatepass")) > MAX_FILE_BYTES:
                raise KnownError("attachment-too-large", name=name, limit=size_text(MAX_FILE_BYTES))
            self._add(Attachment(name, text))
        except KnownError as error:
            self._leave_out(error)

    def _remove(self, item: Attachment) -> None:
        self.set_attachments([other for other in self.attachments if other is not item])
        self._debounce.start()
        self.edited.emit()
        self.edit.setFocus()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if local_files(event.mimeData()):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.attach_files(local_files(event.mimeData()))
        event.acceptProposedAction()

    # -- slots

    def _on_text(self, save: bool = True) -> None:
        self._show_button()
        self.edited.emit()
        if save:
            self._debounce.start()

    def _send(self) -> None:
        if self.reading.now is not None:
            name = self.reading.now.name
            self.set_notice(tr("“{name}” is still being read. Send when it is attached.", name=name))
        elif not self._busy and not self.is_empty():
            self.sent.emit()

    def _button(self) -> None:
        if self._busy:
            self.stopped.emit()
        else:
            self._send()
        self.edit.setFocus()

    # -- looks

    def _show_button(self) -> None:
        self.send_button.show_state(tr("Send"), busy=self._busy, has_text=not self.is_empty())

    def _lay_out(self, width: int) -> int:
        """Chips above, the text, buttons at its ends."""
        y = 8
        if self._chips:
            y += place_chips(self._chips, 12, y + 2, width - 24) + 8
        room = max(10, width - 52 - 56)
        text_height = self.edit.fit(52, self.edit.y(), room, LINES)
        field_height = max(BUTTON, text_height + 12)
        inset = (field_height - text_height) // 2
        self.edit.setGeometry(52, y + inset, room, field_height - inset)
        bottom = y + field_height + 8
        self.attach_button.setGeometry(10, bottom - 8 - BUTTON, BUTTON, BUTTON)
        self.send_button.move(width - 8 - BUTTON, bottom - 8 - BUTTON)
        return bottom

    def restyle(self) -> None:
        self.edit.setFont(chat_style(self.context).font)
        self.edit.setPlaceholderText("")  # Qt 6.11 keeps the old size of one that stays
        self.edit.setPlaceholderText(tr("Write a message"))
        self.box.refit()

    def retranslate(self) -> None:
        self.edit.setPlaceholderText(tr("Write a message"))
        self.edit.setAccessibleName(tr("Message"))
        self.edit.setAccessibleDescription(tr("Enter sends, Shift+Enter breaks the line"))
        name_button(self.attach_button, tr("Attach files"))
        self.editing_label.setText(tr("Editing: sending makes a new version of this message"))
        self.editing_cancel.setText(tr("Cancel"))
        self.reading_cancel.setText(tr("Cancel"))
        self._show_reading()
        for chip in self._chips:
            chip.retranslate()
        self._show_button()
