"""The part of Settings about the server for other programs."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets.basic import ElidedLabel, button, label, set_tone
from autogpt_desktop.ui.widgets.boxes import ComboBox, WholeBox

_TYPED_MS = 800  # behind the last change of the port


class ServerSection(QWidget):
    """A switch; while it is on, what others need to come in, and who may."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self._server = context.server
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self.switch = QCheckBox()
        self.switch.clicked.connect(self._on_switch)
        self.hint = label(size="small", tone="muted", wrap=True)
        column.addWidget(self.switch)
        column.addWidget(self.hint)
        self._details = QWidget()
        details = QVBoxLayout(self._details)
        details.setContentsMargins(0, 0, 0, 0)
        details.setSpacing(12)
        self.state = ElidedLabel("", size="small", tone="muted")
        self.problem = label(size="small", tone="danger", wrap=True)
        details.addWidget(self.state)
        details.addWidget(self.problem)
        buttons = QHBoxLayout()
        self.copy_address = button(icon="copy")
        self.copy_address.clicked.connect(self._copy_address)
        self.copy_key = button(icon="copy")
        self.copy_key.clicked.connect(self._copy_key)
        self.renew = button(kind="quiet")
        self.renew.clicked.connect(self._renew)
        for each in (self.copy_address, self.copy_key, self.renew):
            buttons.addWidget(each)
        buttons.addStretch(1)
        details.addLayout(buttons)
        self.port = WholeBox(1024, 65535, 1)
        self.port.valueChanged.connect(self._on_port)
        self._port_label = label()
        details.addLayout(_row(self._port_label, self.port))
        self.who = ComboBox()
        self.who.activated.connect(self._on_who)
        self._who_label = label()
        self.who.setFixedWidth(220)
        details.addLayout(_row(self._who_label, self.who))
        self.who_hint = label(size="small", tone="muted", wrap=True)
        details.addWidget(self.who_hint)
        column.addWidget(self._details)
        self._typed = QTimer(self)
        self._typed.setSingleShot(True)
        self._typed.setInterval(_TYPED_MS)
        self._typed.timeout.connect(self._server.apply)
        self._server.changed.connect(self._show_state)
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language of now."""
        settings = self._context.settings
        self.switch.setText(tr("Let other programs use these models"))
        self.hint.setText(
            tr(
                "Editors, scripts and other apps that can talk to OpenAI's service can talk to this one "
                "instead, while the window is open. They need the access key."
            )
        )
        self.copy_address.setText(tr("Copy address"))
        self.copy_key.setText(tr("Copy key"))
        self.renew.setText(tr("New key"))
        self._port_label.setText(tr("Port"))
        self.port.setAccessibleName(tr("Port"))
        self._who_label.setText(tr("Who may use it"))
        self.who.setAccessibleName(tr("Who may use it"))
        self.who.clear()
        self.who.addItem(tr("This computer only"), False)
        self.who.addItem(tr("The local network too"), True)
        self.who.setCurrentIndex(int(settings.server_network))
        self.port.blockSignals(True)
        self.port.setValue(settings.server_port)
        self.port.blockSignals(False)
        self.switch.setChecked(settings.server)
        self._show_state()

    def _show_state(self) -> None:
        settings, server = self._context.settings, self._server
        self.switch.setChecked(settings.server)
        self._details.setVisible(settings.server)
        error = server.error
        self.problem.setVisible(error is not None)
        if error is not None:
            text = i18n.message(error) if isinstance(error, KnownError) else tr("The server could not start.")
            self.problem.setText(text)
        self.state.setVisible(error is None)
        self.state.setText(server.address or tr("Starting …"))
        self.copy_address.setEnabled(bool(server.address))
        self.who_hint.setText(
            tr(
                "Every device of the networks that this computer is in can reach it, with the key. What "
                "they send and hear is not encrypted: use it at home or at work only."
            )
            if settings.server_network
            else tr("Nothing leaves this computer.")
        )
        set_tone(self.who_hint, "warning" if settings.server_network else "muted")

    def _on_switch(self, on: bool) -> None:
        self._context.settings.server = on
        self._context.save_settings()
        self._server.apply()

    def _on_port(self, port: int) -> None:
        self._context.settings.server_port = port
        self._context.save_settings()
        self._typed.start()

    def _on_who(self, index: int) -> None:
        self._context.settings.server_network = bool(self.who.itemData(index))
        self._context.save_settings()
        self._server.apply()

    def _copy_address(self) -> None:
        QGuiApplication.clipboard().setText(self._server.address)
        self._context.toast(tr("The address was copied."))

    def _copy_key(self) -> None:
        try:
            key = self._server.key()
        except KnownError as error:
            self._context.show_error(error)
            return
        QGuiApplication.clipboard().setText(key)
        self._context.toast(tr("The key was copied. Whoever has it can use the models."))

    def _renew(self) -> None:
        try:
            self._server.renew_key()
        except KnownError as error:
            self._context.show_error(error)
            return
        self._context.toast(tr("There is a new key; the one before is refused."))


def _row(text: QWidget, field: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(text, 1)
    row.addWidget(field)
    return row
