"""A calm line above the editors: what one should know, and perhaps one thing to do about it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import button, icon_button, label, name_button


class NoticeBar(QWidget):
    """Hidden until ``show_notice``. ``topic`` tells whose it is, so that only that one takes it away."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("note")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.topic = ""
        self._away: tuple[str, ...] = ()
        self._do: Callable[[], None] | None = None
        self._icon = QLabel()
        self.text = label(wrap=True)
        self.action = button(kind="quiet")
        self.action.clicked.connect(self._on_action)
        self.action.hide()
        self.close_button = icon_button("close")
        name_button(self.close_button, tr("Close this notice"))
        self.close_button.setIconSize(QSize(14, 14))
        self.close_button.clicked.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 4, 4)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self.text, 1)
        row.addWidget(self.action)
        row.addWidget(self.close_button)
        self.hide()

    def show_notice(
        self,
        topic: str,
        text: str,
        *,
        icon: str = "info",
        action: str = "",
        do: Callable[[], None] | None = None,
    ) -> None:
        self.topic, self._do = topic, do
        role = "warning" if icon == "warning" else "accent"
        self._icon.setPixmap(icons.icon(icon, role).pixmap(QSize(18, 18), self.devicePixelRatioF()))
        self.text.setText(text)
        self.text.setAccessibleName(text)
        self.action.setText(action)
        self.action.setVisible(bool(action))
        name_button(self.close_button, tr("Close this notice"))
        self.setVisible(topic not in self._away)

    def set_away(self, *topics: str) -> None:
        """What is not shown now, as that of which it speaks is not; later it comes back."""
        self._away = topics
        self.setVisible(bool(self.topic) and self.topic not in topics)

    def clear(self, topic: str = "") -> None:
        """Take it away; with a ``topic`` only where it is about that."""
        if topic in ("", self.topic):
            self.topic, self._do = "", None
            name_button(self.close_button, tr("Close this notice"))  # in the language of now
            self.hide()

    def _on_action(self) -> None:
        do = self._do
        self.clear()
        if do is not None:
            do()
