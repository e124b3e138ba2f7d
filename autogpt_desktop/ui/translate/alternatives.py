"""Other ways to say one sentence, or to go on from a word of it, in a card below it."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop import i18n
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.translate.translate import Alternative, alternatives
from autogpt_desktop.tasks.translate.translator import Choose
from autogpt_desktop.tasks.translate.translators import by_role
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.translate.labels import flag_text
from autogpt_desktop.ui.translate.sentence_map import SentencePair
from autogpt_desktop.ui.translate.target_words import TargetWords
from autogpt_desktop.ui.widgets.basic import (
    application,
    button,
    icon_button,
    label,
    name_button,
    parent_of,
    plain_tooltip,
)
from autogpt_desktop.ui.widgets.text_field import TextField

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels

WIDTH = 420
HOW_MANY = 4
LONGEST_WORDS = 40  # characters of them in the heading
_FIELD_LINES = 5
_ROLE = Qt.ItemDataRole.UserRole


class AlternativesCard(QFrame):
    """Goes when one is chosen, with Esc, or when the focus goes elsewhere."""

    chosen = Signal(object)  # tasks.translate.Alternative
    edited = Signal(str)  # the user's own words
    model_text_requested = Signal()  # what the model said first
    copy_requested = Signal()
    retry_requested = Signal()
    left = Signal(str)  # what was written and not saved
    sentence_requested = Signal()  # other ways to say all of it
    dismissed = Signal()

    def __init__(
        self,
        context: AppContext,
        pair: SentencePair,
        source: str,
        target: str,
        glossary: Glossary,
        parent: QWidget,
        choose: Choose = by_role,
        words: TargetWords | None = None,
    ) -> None:
        super().__init__(parent)
        self._choose_translator = choose
        self.setObjectName("card")
        name = tr("Instead of “{words}”", words=_short(words.text)) if words else tr("Other ways to say it")
        self.setAccessibleName(name)
        self._context, self._pair, self._words = context, pair, words
        self._question = (pair.source, source, target, glossary)
        self._before: QWidget | None = None
        self._dismissed = False
        self.unsaved = ""  # what was written and left the last time
        self.why = label(
            "\n".join(flag_text(flag) for flag in pair.flags), tone="warning", size="small", wrap=True
        )
        self.why.setVisible(bool(pair.flags))
        self.heading = label(name, size="small", tone="muted")
        self.heading.setVisible(words is not None)
        self.state = label(size="small", tone="muted", wrap=True)
        self.list = _List()
        self.list.setAccessibleName(name)
        self.list.itemClicked.connect(self._choose)
        self.list.itemActivated.connect(self._choose)
        self.list.hide()
        self.retry_button = button(tr("Try again"), kind="quiet", icon="regenerate")
        self.retry_button.clicked.connect(self._retry)
        self.retry_button.setVisible(words is None)
        self.sentence_button = button(tr("Whole sentence"), kind="quiet", icon="translate")
        self.sentence_button.clicked.connect(self._on_sentence)
        self.sentence_button.setVisible(words is not None)
        self.model_text_button = button(tr("Undo the choice"), kind="quiet", icon="undo")
        self.model_text_button.clicked.connect(self._on_model_text)
        self.model_text_button.setVisible(pair.chosen)
        self.copy_button = icon_button("copy")
        name_button(self.copy_button, tr("Copy sentence"))
        self.copy_button.clicked.connect(self._copy)
        self.edit_button = button(tr("Edit"), kind="quiet", icon="edit")
        self.edit_button.clicked.connect(self.edit_sentence)
        self.field = _SentenceField(context, "translate")
        self.field.setAccessibleName(tr("Translation of the sentence"))
        self.field.saved.connect(self._save)
        self.save_button = button(tr("Save"), kind="primary")
        self.save_button.clicked.connect(self._save)
        row = QHBoxLayout()
        row.setSpacing(4)
        self._choices: list[QWidget] = [
            self.sentence_button, self.retry_button, self.model_text_button, self.edit_button,
            self.copy_button,
        ]  # fmt: skip
        for made in self._choices:
            row.addWidget(made)
        row.addStretch(1)
        row.addWidget(self.save_button)
        for later in (self.field, self.save_button):
            later.hide()
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(4)
        for text in (self.why, self.heading, self.state):
            text.setContentsMargins(8, 4, 8, 4)
        column.addWidget(self.why)
        column.addWidget(self.heading)
        column.addWidget(self.list)
        column.addWidget(self.field)
        column.addWidget(self.state)
        column.addLayout(row)
        self._place = QPoint()
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_event)
        self._job.ended.connect(self._on_ended)

    def open_at(self, place: QPoint) -> None:
        """Show it below a place on the screen, and ask the model."""
        self._place = place
        self._before = QApplication.focusWidget()
        self.state.setText(tr("Looking for other ways to say it…"))
        self._fit()
        self.show()
        self.raise_()
        first = self.retry_button if self._words is None else self.sentence_button
        first.setFocus(Qt.FocusReason.PopupFocusReason)
        application().focusChanged.connect(self._on_focus)
        sentence, source, target, glossary = self._question
        choose, words = self._choose_translator, self._words
        prefix, instead_of = (words.prefix, words.text) if words is not None else ("", "")

        def job(models: JobModels, cancel: Event) -> Iterator[object]:
            yield from alternatives(
                models, sentence, source, target,
                n=HOW_MANY, glossary=glossary, prefix=prefix, instead_of=instead_of, choose=choose,
                cancelled=cancel.is_set,
            )  # fmt: skip

        self._job.start(job, title=tr("Other ways to say it"), role="translate")

    def edit_sentence(self) -> None:
        """The user writes the sentence; nobody needs other ways to say it any more."""
        self._job.detach()
        self.field.setPlainText(self.unsaved or self._pair.text)
        self.field.moveCursor(QTextCursor.MoveOperation.End)
        for mine in (self.field, self.save_button):
            mine.show()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)  # first: what is hidden gives it to anybody
        for other in (self.heading, self.list, self.state, *self._choices):
            other.hide()
        self._fit()

    def dismiss(self) -> None:
        if self._dismissed:
            return
        self._dismissed = True
        self._job.detach()
        if not self.field.isHidden():
            self.left.emit(self._written())
        application().focusChanged.disconnect(self._on_focus)
        now = QApplication.focusWidget()
        if self._before is not None and (now is None or self.isAncestorOf(now)):
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.hide()
        self.dismissed.emit()
        self.deleteLater()

    # --- slots ------------------------------------------------------------------------------

    def _on_event(self, event: object) -> None:
        if isinstance(event, Result):
            self._show([item for item in event.value if item.text.strip() != self._pair.text.strip()])

    def _show(self, found: list[Alternative]) -> None:
        for one in found:
            item = QListWidgetItem(self._shown(one.text))
            item.setData(Qt.ItemDataRole.AccessibleTextRole, one.text.strip())
            item.setData(_ROLE, one)
            if one.flags:
                item.setToolTip(plain_tooltip("\n".join(flag_text(flag) for flag in one.flags)))
                item.setIcon(self._context.icon("warning"))
            self.list.addItem(item)
        none = (
            tr("The model knows no other way to say it.")
            if self._words is None
            else tr("The model knows no other word that fits here.")
        )
        self.state.setText("" if found else none)
        self.state.setVisible(not found)
        self.list.setVisible(bool(found))
        self._fit()
        if found:
            self.list.setCurrentRow(0)
            focused = QApplication.focusWidget()
            if focused is None or self.isAncestorOf(focused):
                self.list.setFocus(Qt.FocusReason.PopupFocusReason)

    def _shown(self, text: str) -> str:
        """A whole sentence, or how it goes on with other words."""
        prefix = self._words.prefix if self._words is not None else ""
        return f"… {text[len(prefix) :].strip()}" if prefix.strip() else text.strip()

    def _on_ended(self, state: str, error: BaseException | None) -> None:
        if isinstance(error, KnownError):
            self.state.setText(i18n.message(error))
            self._fit()
        elif error is not None:
            self._context.show_error(error)

    def _choose(self, item: QListWidgetItem) -> None:
        one = item.data(_ROLE)
        self.dismiss()
        self.chosen.emit(one)

    def _written(self) -> str:
        """In the field, where it is other than what the model said; else ""."""
        text = " ".join(self.field.text().split())
        return text if text != self._pair.text else ""

    def _save(self) -> None:
        text = self._written()
        self.field.clear()  # nothing is left in it
        self.dismiss()
        if text:
            self.edited.emit(text)

    def _retry(self) -> None:
        self.dismiss()
        self.retry_requested.emit()

    def _on_sentence(self) -> None:
        self.dismiss()
        self.sentence_requested.emit()

    def _on_model_text(self) -> None:
        self.dismiss()
        self.model_text_requested.emit()

    def _copy(self) -> None:
        self.dismiss()
        self.copy_requested.emit()

    def _on_focus(self, _old: QWidget | None, new: QWidget | None) -> None:
        if new is not None and not self.isAncestorOf(new):
            self.dismiss()

    def _fit(self) -> None:
        """As tall as it needs to be, inside the panel, below the sentence or above it."""
        room = parent_of(self).rect().adjusted(8, 8, -8, -8)
        width = min(WIDTH, room.width())
        self.setFixedWidth(width)
        self.list.fit(width - 16)
        self.field.setFixedHeight(_FIELD_LINES * self.field.fontMetrics().lineSpacing() + 16)
        layout = self._column
        layout.activate()
        height = layout.heightForWidth(width) if layout.hasHeightForWidth() else self.sizeHint().height()
        self.setFixedHeight(min(height, room.height()))
        corner = parent_of(self).mapFromGlobal(self._place) + QPoint(-16, 6)
        if corner.y() + self.height() > room.bottom():
            corner.setY(max(room.top(), corner.y() - self.height() - 36))
        corner.setX(max(room.left(), min(corner.x(), room.right() - width)))
        self.move(corner)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            super().keyPressEvent(event)


def _short(words: str) -> str:
    """Words as they fit into a line."""
    return words if len(words) <= LONGEST_WORDS else f"{words[: LONGEST_WORDS - 1].rstrip()}…"


class _SentenceField(TextField):
    """One sentence: Enter saves it."""

    saved = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self.saved.emit()
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)


class _List(QListWidget):
    """Whole sentences, wrapped."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setObjectName("choices")
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def fit(self, width: int) -> None:
        total = 2
        for row in range(self.count()):
            item = self.item(row)
            room = width - 28 - (24 if not item.icon().isNull() else 0)
            flags = Qt.TextFlag.TextWordWrap
            rect = self.fontMetrics().boundingRect(0, 0, max(60, room), 4000, flags, item.text())
            item.setSizeHint(QSize(width - 12, rect.height() + 14))
            total += rect.height() + 14
        self.setFixedHeight(min(total, 320))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            event.ignore()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentItem() is not None:
            self.itemActivated.emit(self.currentItem())  # on every desktop
        else:
            super().keyPressEvent(event)
