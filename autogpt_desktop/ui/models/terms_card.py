"""The terms of use of a model, to be read before they are accepted."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from autogpt_desktop.catalog.entries import CatalogModel
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets.basic import button, label, plain_tooltip
from autogpt_desktop.ui.widgets.overlay import Overlay


class TermsCard(Overlay):
    """The text that ships with the app, and the way to the page it is from."""

    def __init__(self, context: AppContext, model: CatalogModel, window: QWidget) -> None:
        super().__init__(window, placement="center", width=680)
        self._model = model
        column = QVBoxLayout(self.card)
        column.setContentsMargins(24, 16, 24, 16)
        column.setSpacing(12)
        column.addWidget(label(model.license, size="heading"))
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setMinimumHeight(360)
        file = model.terms_file
        self.text.setPlainText(file.read_text(encoding="utf-8") if file is not None else model.license_url)
        self.text.setAccessibleName(model.license)
        column.addWidget(self.text)
        self.page_button = button(kind="quiet", icon="globe")
        self.page_button.clicked.connect(self._open_page)
        self.page_button.setToolTip(plain_tooltip(model.license_url))
        self.close_button = button()
        self.close_button.clicked.connect(self.close_overlay)
        foot = QHBoxLayout()
        foot.addWidget(self.page_button)
        foot.addStretch(1)
        foot.addWidget(self.close_button)
        column.addLayout(foot)
        self.page_button.setText(tr("Open the web page"))
        self.close_button.setText(tr("Close"))
        self.closed.connect(self.deleteLater)

    def _open_page(self) -> None:
        QDesktopServices.openUrl(QUrl(self._model.license_url))


def show_terms(context: AppContext, model: CatalogModel, window: QWidget) -> None:
    """The model's terms over the window, or its license's page where there are none to accept."""
    if model.terms:
        TermsCard(context, model, window).open()
    else:
        QDesktopServices.openUrl(QUrl(model.license_url))
