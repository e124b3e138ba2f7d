"""A wrapped text that can be selected, with a menu that sends it to other panels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QTextDocumentFragment
from PySide6.QtWidgets import QLabel, QMenu, QSizePolicy

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.send_menu import add_send_actions
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

KEY = "answer"  # of the panel, for "send to"
TEXT_SIZE = 1.1  # of the body's: this is for reading


class TextLabel(QLabel):
    """``set_html`` shows the small HTML of ``marked``. ``whole`` gives the text that its menu offers where
    nothing is selected. Links are reached with Tab and come as ``linkActivated``."""

    def __init__(self, context: AppContext, *, links: bool = False) -> None:
        super().__init__()
        self.context = context
        self.whole: Callable[[], str] = self.plain_text
        self._html = ""
        flags = Qt.TextInteractionFlag.TextSelectableByMouse
        if links:
            flags |= Qt.TextInteractionFlag.LinksAccessibleByMouse
            flags |= Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        self.setTextInteractionFlags(flags)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setWordWrap(True)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_html(self, html: str, *, size: float = TEXT_SIZE) -> None:
        """Nothing is done where nothing changed."""
        points = theme().points("body") * size * self.context.settings.zoom
        made = f"<div style='font-size:{points:.1f}pt; line-height:135%'>{html}</div>"
        if made != self._html:
            self._html = made
            self.setText(made)
            self.setAccessibleName(self.plain_text())

    def plain_text(self) -> str:
        return QTextDocumentFragment.fromHtml(self._html).toPlainText().replace("\xa0", " ")

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.make_menu()
        menu.exec(event.globalPos())
        menu.deleteLater()

    def make_menu(self) -> QMenu:
        menu = QMenu(self)
        copy = menu.addAction(self.context.icon("copy"), tr("Copy"))
        copy.triggered.connect(self._copy)
        add_send_actions(menu, self.context, KEY, self._chosen)
        return menu

    def _chosen(self) -> str:
        return self.selectedText().replace("\u2029", "\n") or self.whole()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._chosen())
