"""What stands at the right of the panels' tabs: the model of the panel in front, Settings, More."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models.picker import ModelButton
from autogpt_desktop.ui.widgets.basic import icon_button, name_button

HEIGHT = 64  # pixels, more than any bar has


class WindowTools(QWidget):
    """Beside the tabs; where there are none it fills a bar of its own."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.setObjectName("tools")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.model_button = ModelButton(context)
        self.settings_button = icon_button("settings")
        self.menu_button = icon_button("more")
        self.menu_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(4)
        row.addStretch(1)
        for made in (self.model_button, self.settings_button, self.menu_button):
            row.addWidget(made)

    def sizeHint(self) -> QSize:
        """As high as the tabs are: Qt cuts it to that."""
        return QSize(super().sizeHint().width(), HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """A column may be as narrow as it is with hardly anything of the model's name."""
        return QSize(self._others() + self.model_button.least_width(), 0)

    def _others(self) -> int:
        return self.settings_button.sizeHint().width() + self.menu_button.sizeHint().width() + 24

    def set_room(self, width: int) -> None:
        """The name of the model ends in … where it would take more than what the tabs leave."""
        self.model_button.set_room(width - self._others())

    def retranslate(self) -> None:
        name_button(self.settings_button, tr("Settings"), "Ctrl+,")
        name_button(self.menu_button, tr("More"))
        self.model_button.retranslate()
