"""The actions of a panel as labeled buttons in a row; those that have no room are in a menu at its end."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolButton, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import ToolButton, icon_button, name_button, plain_tooltip

GAP = 4  # pixels between buttons


def action_button(icon: str) -> ToolButton:
    """A picture and a word; give it both names with ``name_action``."""
    made = ToolButton()
    made.setIcon(icons.icon(icon, "muted"))
    made.setIconSize(QSize(18, 18))
    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    made.setAutoRaise(True)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return made


def name_action(made: QToolButton, word: str, text: str = "", shortcut: str = "") -> None:
    """The word that is seen, and what the button does, for its tooltip and for screen readers."""
    made.setText(word.replace("&", "&&"))
    name_button(made, text or word, shortcut)
    if not text or text == word:
        made.setToolTip(plain_tooltip(shortcut))


class ActionRow(QWidget):
    """``buttons``, the most wanted first: the last ones go into the menu first."""

    def __init__(self, buttons: Sequence[QToolButton]) -> None:
        super().__init__()
        self.buttons = tuple(buttons)
        self._left_out: set[QToolButton] = set()
        for made in self.buttons:
            made.setParent(self)
        self.more = icon_button("more")
        self.more.setParent(self)
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more)
        menu.aboutToShow.connect(self._fill)
        self.more.setMenu(menu)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.retranslate()

    def retranslate(self) -> None:
        name_button(self.more, tr("More"))
        self.updateGeometry()
        self._arrange()

    def offer(self, made: QToolButton, offered: bool) -> None:
        """Whether one of the buttons is there at all: it may make sense at times alone."""
        if offered == (made in self._left_out):
            self._left_out ^= {made}
            self.updateGeometry()
            self._arrange()

    def offered(self) -> list[QToolButton]:
        """Those that are seen or in the menu."""
        return [made for made in self.buttons if made not in self._left_out]

    def folded(self) -> list[QToolButton]:
        """Those that are in the menu."""
        return [made for made in self.offered() if made.isHidden()]

    def anchor_of(self, made: QToolButton) -> QToolButton:
        """Where a menu that ``made`` opens belongs."""
        return self.more if made.isHidden() else made

    def sizeHint(self) -> QSize:
        hints = [made.sizeHint() for made in self.offered()]
        width = sum(hint.width() for hint in hints) + GAP * max(0, len(hints) - 1)
        return QSize(width, max(hint.height() for hint in [*hints, self.more.sizeHint()]))

    def minimumSizeHint(self) -> QSize:
        return QSize(self.more.sizeHint().width(), self.sizeHint().height())

    def width_for(self, room: int) -> int:
        """What those take that fit into ``room`` pixels: the rest is for others."""
        widths, shown = self._fitting(room)
        if shown == len(widths):
            return self.sizeHint().width()
        return sum(widths[:shown]) + GAP * shown + self.more.sizeHint().width()

    def _fitting(self, width: int) -> tuple[list[int], int]:
        """How wide each is, and how many fit into ``width`` pixels."""
        widths = [made.sizeHint().width() for made in self.offered()]
        shown = len(widths)
        if sum(widths) + GAP * (shown - 1) > width:
            room = width - self.more.sizeHint().width()
            while shown and sum(widths[:shown]) + GAP * shown > room:
                shown -= 1
        return widths, shown

    def _arrange(self) -> None:
        """As many as there is room for, from the right end."""
        widths, shown = self._fitting(self.width())
        height = self.height()
        taken = sum(widths[:shown]) + GAP * shown
        end = self.more.sizeHint().width() if shown < len(widths) else -GAP
        left = max(0, self.width() - taken - end)
        for made in self._left_out:
            made.hide()
        for at, made in enumerate(self.offered()):
            made.setVisible(at < shown)
            if at < shown:
                tall = min(height, made.sizeHint().height())
                made.setGeometry(left, (height - tall) // 2, widths[at], tall)
                left += widths[at] + GAP
        tall = min(height, self.more.sizeHint().height())
        self.more.setVisible(shown < len(widths))
        self.more.setGeometry(left, (height - tall) // 2, self.more.sizeHint().width(), tall)

    def _fill(self) -> None:
        menu = self.more.menu()
        menu.clear()
        for made in self.folded():
            inner = made.menu()
            if inner is not None:
                entry = menu.addMenu(inner)
            else:
                entry = menu.addAction("")
                entry.setCheckable(made.isCheckable())
                entry.setChecked(made.isChecked())
                entry.triggered.connect(made.click)
            entry.setIcon(made.icon())
            entry.setText(made.text())
            entry.setEnabled(made.isEnabled())

    # --- Qt ---------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # a word has changed
            self.updateGeometry()
            self._arrange()
        return super().event(event)
