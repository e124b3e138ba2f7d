"""One turn of a conversation: its text and the row of actions under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QPoint, QRectF, Qt, QTimerEvent, Signal
from PySide6.QtGui import QContextMenuEvent, QEnterEvent, QFontMetrics, QPainter, QPaintEvent, QTextCursor
from PySide6.QtWidgets import QMenu, QWidget

from autogpt_desktop.i18n import message as word
from autogpt_desktop.i18n import tr
from autogpt_desktop.thinking import Parts, split_thinking
from autogpt_desktop.ui.chat.attachment_chip import Chip, place_chips
from autogpt_desktop.ui.chat.attachments import Attachment
from autogpt_desktop.ui.chat.generation import figures_text
from autogpt_desktop.ui.chat.messages.rich_text import RichText
from autogpt_desktop.ui.chat.messages.thought import Thought
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import button, label, plain_tooltip
from autogpt_desktop.ui.widgets.info_button import InfoButton
from autogpt_desktop.ui.widgets.reading_style import ChatStyle, QuietButton
from autogpt_desktop.ui.widgets.send_menu import add_send_actions

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import Message
    from autogpt_desktop.ui.context import AppContext

PAD = 16  # px left and right of the text
PAD_Y = 12  # px above and below the text of a user's turn
ROW = 28  # px of the action row
GAP = 24  # px below an answer
GAP_USER = 0  # px below a question's actions: its answer follows


def stats_text(stats: dict[str, Any]) -> str:
    """Speed, waiting time and length of an answer, quietly."""
    parts = [figures_text(stats)]
    if stats.get("new_tokens"):
        parts.append(tr("{n} tokens", n=stats["new_tokens"]))
    return " · ".join(part for part in parts if part)


def can_continue(item: Message) -> bool:
    """An answer that was cut off can be gone on with."""
    cut = item.state in ("stopped", "interrupted") or item.stats.get("finish_reason") == "length"
    return item.role == "assistant" and item.state != "streaming" and cut and bool(item.text)


def cut_text(item: Message) -> str:
    """Why an answer ends where it does."""
    if item.state == "stopped":
        return tr("Stopped.")
    if item.state == "interrupted":
        return tr("This answer was interrupted.")
    return tr("The answer reached its length limit.")


class MessageWidget(QWidget):
    """Shows whichever message it is given; the view recycles it."""

    action = Signal(str, int)  # what, message id
    link_clicked = Signal(str, QPoint)
    changed_height = Signal(int)  # message id
    unfolded = Signal(int, bool)  # message id: its thought is shown, or not

    def __init__(self, context: AppContext, style: ChatStyle, parent: QWidget) -> None:
        super().__init__(parent)
        self.context, self.chat_style = context, style
        self.message: Message | None = None
        self.source = ""  # all that the message holds
        self.text = ""  # of it what is shown: an answer without its thought
        self.last = self.busy = self.writing = self.current = False
        self._rendered: tuple[object, ...] = ()
        self._chips: list[Chip] = []
        self._surface = QRectF()
        self.body = RichText(context, style, self)
        self.body.link_clicked.connect(self.link_clicked)
        self.body.changed_height.connect(self._on_changed_height)
        self.thought = Thought(context, style, self)
        self.thought.toggled.connect(self._on_unfolded)
        self.status = label(size="small", tone="muted", wrap=True)
        self.status.setParent(self)
        self.main_button = button(kind="")  # Continue or Retry
        self.main_button.setParent(self)
        self.main_button.clicked.connect(self._main)
        self.stats = label(size="small", tone="muted")
        self.stats.setParent(self)
        self._facts = ""  # all of them; the label may have room for some
        self.info = InfoButton(self.stats, self)
        self.info.toggled.connect(self._on_changed_height)
        self.branch = label(size="small", tone="muted")
        self.branch.setParent(self)
        self.branch.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.buttons: dict[str, QuietButton] = {}
        for name, icon in (
            ("previous", "chevron-left"), ("next", "chevron-right"), ("copy", "copy"),
            ("regenerate", "regenerate"), ("edit", "edit"), ("delete", "delete"),
        ):  # fmt: skip
            each = QuietButton(icon, self)
            each.setProperty("action", name)
            each.clicked.connect(self._clicked)
            self.buttons[name] = each
        self.retranslate()

    # -- content

    def show_message(
        self,
        item: Message,
        text: str,
        *,
        last: bool,
        busy: bool,
        status: str,
        unfolded: bool = False,
        writing: bool = False,
    ) -> None:
        """Take on a message. ``busy``: an answer is being written to it; ``status``: how far;
        ``unfolded``: its thought is shown; ``writing``: an answer is written to some message."""
        self.writing = writing or busy
        same = self.message is not None and self.message.id == item.id
        key = (item.id, item.role, self.chat_style.key, len(text), hash(text))
        self.message, self.last, self.busy = item, last, busy
        if not same:
            self.body.mark("")
            self.current = False
            self.info.setChecked(False)
            self._show_chips(item)
        text = self._take(text)
        self.thought.unfold(unfolded)
        if key != self._rendered:
            self._rendered = key
            if item.role == "user":
                self.body.writer.write_plain(text)
            else:
                self.body.write(text)
        self._show_state(item, status)
        self._show_names(item)
        self.update()

    def grow(self, text: str, status: str) -> None:
        """The answer is longer now: only what changes is written."""
        text = self._take(text)
        self.body.writer.grow(text)
        self._rendered = ()
        self._set_status("" if self.source else status)

    def _take(self, text: str) -> str:
        """Show the thought of an answer in its fold; the rest."""
        self.source = text
        whole = not self.busy
        parts = Parts("", text, False) if self._is_question() else split_thinking(text, whole=whole)
        seconds = self.message.stats.get("thinking_seconds") if self.message else 0
        seconds = seconds if isinstance(seconds, int | float) else 0
        self.thought.show_thought(parts.thought, parts.thinks and self.busy, seconds)
        self.text = parts.answer
        return self.text

    def _on_unfolded(self, unfolded: bool) -> None:
        if self.message is not None:
            self.unfolded.emit(self.message.id, unfolded)
            self.changed_height.emit(self.message.id)

    def _on_changed_height(self) -> None:
        if self.message is not None:
            self.changed_height.emit(self.message.id)

    def restyle(self, style: ChatStyle) -> None:
        self.chat_style = style
        self.body.restyle(style)
        self.thought.restyle(style)

    def _show_chips(self, item: Message) -> None:
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        self._chips = [Chip(Attachment.of(value), self) for value in item.attachments or ()]
        for chip in self._chips:
            chip.show()

    def _set_status(self, text: str) -> None:
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def _show_state(self, item: Message, status: str) -> None:
        answer = item.role == "assistant"
        self.status.setProperty("tone", "danger" if item.state == "error" and not self.busy else "muted")
        self.status.style().polish(self.status)
        main = ""
        if self.busy:
            self._set_status("" if self.source else status)
        elif answer and item.state == "error":
            key = str(item.stats.get("error") or "error.answer-failed")
            self._set_status(word(key, **dict(item.stats.get("error_values") or {})))
            main = tr("Retry")
        elif can_continue(item):
            self._set_status(cut_text(item))
            main = tr("Continue") if self.last else ""
        else:
            cut = item.state in ("stopped", "interrupted")  # before its first word
            empty = cut_text(item) if cut else tr("The answer is empty.")
            self._set_status("" if self.text.strip() or not answer else empty)
            if self.last and not answer:
                main = tr("Answer this")
            elif self.last and cut and not self.text:
                main = tr("Retry")
        self.main_button.setText(main)
        again = item.state == "error" or (answer and not self.text)
        self.main_button.setIcon(icons.icon("regenerate" if again else "play"))
        self.main_button.setVisible(bool(main))
        branches = item.sibling_count > 1
        for name in ("previous", "next"):
            self.buttons[name].setVisible(branches)
        self.buttons["previous"].setEnabled(item.sibling_index > 0 and not self.busy)
        self.buttons["next"].setEnabled(item.sibling_index < item.sibling_count - 1 and not self.busy)
        self.branch.setText(f"{item.sibling_index + 1}/{item.sibling_count}")
        self.branch.setVisible(branches)
        self.buttons["regenerate"].setVisible(answer)
        self.buttons["edit"].setVisible(not answer)
        self.buttons["copy"].setEnabled(not self.busy)
        for name in ("regenerate", "delete", "edit"):  # would take away what is being written
            self.buttons[name].setEnabled(not self.writing)
        facts = " · ".join(filter(None, (stats_text(item.stats), item.model)))
        self._facts = facts if answer and not self.busy and item.stats else ""
        self.info.set_facts(self._facts)
        self.stats.setToolTip(plain_tooltip(self._facts))
        self._set_quiet()

    def retranslate(self) -> None:
        names = {
            "previous": tr("Previous version"), "next": tr("Next version"), "copy": tr("Copy"),
            "regenerate": tr("Regenerate"), "edit": tr("Edit and resend"), "delete": tr("Delete"),
        }  # fmt: skip
        for name, each in self.buttons.items():
            each.name(names[name])
        self.info.name(tr("How it was answered"))
        for chip in self._chips:
            chip.retranslate()
        self.body.retranslate()
        self.thought.retranslate()
        if self.message is not None:
            self._show_state(self.message, self.status.text())
            self._show_names(self.message)

    def _show_names(self, item: Message) -> None:
        who = tr("You") if item.role == "user" else (item.model or tr("Answer"))
        self.setAccessibleName(f"{who}: {self.text[:120]}")
        self.body.setAccessibleName(who)
        self.branch.setAccessibleName(
            tr("Version {n} of {count}", n=item.sibling_index + 1, count=item.sibling_count)
        )

    def tab_stops(self) -> list[QWidget]:
        """Where the Tab key stops, in order."""
        return [
            *self.thought.tab_stops(),
            self.body,
            *self.body.copy_buttons(),
            self.main_button,
            *self.buttons.values(),
            self.info,
        ]

    # -- geometry

    def arrange(self, width: int) -> int:
        """Lay everything out for ``width`` pixels; the height it takes."""
        inner = width - 2 * PAD
        user = self._is_question()
        y = PAD_Y if user else 4
        if self._chips:
            y += place_chips(self._chips, PAD, y, inner) + (8 if self.text else 0)
        self.thought.setGeometry(PAD - 6, y, inner + 6, self.thought.arrange(inner + 6))
        y += 0 if self.thought.isHidden() else self.thought.height()
        height = self.body.height_for(inner) if self.text else 0
        self.body.setVisible(bool(self.text))
        self.body.setGeometry(PAD, y, inner, max(1, height))
        self.body.place_headers()
        y += height
        if user:
            y += PAD_Y - (self.chat_style.leading if self.text else 0)
            self._surface = QRectF(0, 0, width, y)
        if not self.status.isHidden() or not self.main_button.isHidden():
            button_width = 0 if self.main_button.isHidden() else self.main_button.sizeHint().width()
            text_width = min(
                inner - button_width - 16,
                QFontMetrics(self.status.font()).horizontalAdvance(self.status.text()) + 6,
            )
            tall = max(ROW + 4, self.status.heightForWidth(text_width))
            self.status.setGeometry(PAD, y + 8, text_width, tall)
            if button_width:
                left = PAD + (0 if self.status.isHidden() else text_width + 12)
                self.main_button.setGeometry(left, y + 8 + (tall - 32) // 2, button_width, 32)
            y += tall + 8
        self._arrange_row(y + 4, width, user)
        return y + 4 + ROW + (GAP_USER if user else GAP)

    def _arrange_row(self, y: int, width: int, user: bool) -> None:
        shown = [each for each in self.buttons.values() if not each.isHidden()]
        metrics = QFontMetrics(self.branch.font())
        branch_width = metrics.horizontalAdvance(self.branch.text()) + 8 if not self.branch.isHidden() else 0
        total = sum(each.width() for each in shown) + branch_width
        x = width - total - 4 if user else PAD - 6
        for each in shown:
            if each is self.buttons["next"]:
                self.branch.setGeometry(x, y, branch_width, ROW)
                x += branch_width
            each.move(x, y)
            x += each.width()
        if not self.info.isHidden():
            self.info.move(x, y)
            x += self.info.width()
        room = max(0, width - PAD - x - 8)
        cut = QFontMetrics(self.stats.font()).elidedText(self._facts, Qt.TextElideMode.ElideRight, room)
        self.info.set_facts(cut or self._facts)
        self.stats.setGeometry(x + 8, y, room, ROW)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        if self._is_question():
            painter.setBrush(self.chat_style.raised)
            painter.drawRoundedRect(self._surface, 12, 12)
        if self.current:
            painter.setBrush(self.chat_style.accent)
            painter.drawRoundedRect(QRectF(0, 8, 3, self.body.geometry().bottom() - 8), 1.5, 1.5)
        painter.end()

    # -- input

    def top_of(self, place: QTextCursor) -> float:
        """Where a place of the text stands, in px below the widget's top."""
        return self.body.y() + self.body.cursorRect(place).top()

    def has_selection(self) -> bool:
        return self.body.textCursor().hasSelection()

    def set_current(self, current: bool) -> None:
        """Keyboard navigation stands here."""
        self.current = current
        self._set_quiet()
        self.update()

    def _set_quiet(self) -> None:
        quiet = not (self.last or self.current or self.underMouse())
        for each in self.buttons.values():
            keep = each.property("action") in ("previous", "next")
            each.quiet = quiet and not keep
            each.update()
        self.info.quiet = quiet and not self.info.isChecked()
        self.info.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self._set_quiet()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._set_quiet()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.make_menu()
        menu.exec(event.globalPos())
        menu.deleteLater()

    def make_menu(self) -> QMenu:
        """What can be done with the whole message."""
        menu = QMenu(self)
        for name, each in self.buttons.items():
            if not each.isHidden() and name not in ("previous", "next"):
                entry = menu.addAction(each.icon(), each.accessibleName())
                entry.setEnabled(each.isEnabled())
                entry.triggered.connect(each.click)
        add_send_actions(menu, self.context, "chat", self._text)
        return menu

    def _text(self) -> str:
        return self.text

    def _is_question(self) -> bool:
        return self.message is not None and self.message.role == "user"

    def _clicked(self) -> None:
        name = str(self.sender().property("action"))
        self._ask_for(name)
        if name == "copy":
            self.buttons["copy"].set_icon("check")
            self.startTimer(1500)

    def timerEvent(self, event: QTimerEvent) -> None:
        self.killTimer(event.timerId())
        self.buttons["copy"].set_icon("copy")

    def _main(self) -> None:
        if self._is_question():
            self._ask_for("answer")
        else:
            failed = self.message is not None and self.message.state == "error"
            self._ask_for("retry" if failed else "continue")

    def _ask_for(self, name: str) -> None:
        if self.message is not None:
            self.action.emit(name, self.message.id)
