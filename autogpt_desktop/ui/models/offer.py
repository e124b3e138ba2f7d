"""What a panel shows while its model is not here: one sentence, one click."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.catalog.entries import CatalogModel, needs_acceptance, partial
from autogpt_desktop.catalog.roles import made_for, offered
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models.downloads import Downloads
from autogpt_desktop.ui.models.rows import download_text, fit_warning, memory_needed, show_progress
from autogpt_desktop.ui.models.terms_card import show_terms
from autogpt_desktop.ui.widgets.basic import button, label, languages_text, name_button, size_text


class ModelOffer(QWidget):
    """The catalog's model for a role. Hidden once that model is installed.

    ``larger``: the last of the role's models, which answers better and takes longer to fetch."""

    def __init__(self, context: AppContext, downloads: Downloads, role: str, *, larger: bool = False) -> None:
        super().__init__()
        self._context, self._downloads = context, downloads
        self.model: CatalogModel = made_for(role)[-1] if larger else offered(role, i18n.user_languages())
        self._text = label(wrap=True)
        self._facts = label(size="small", tone="muted", wrap=True)
        self.fetch_button = button(icon="download")
        self.fetch_button.clicked.connect(self._fetch)
        self.cancel_button = button()
        self.cancel_button.clicked.connect(self._cancel)
        self.terms_button = button(kind="quiet")
        self.terms_button.clicked.connect(self._show_terms)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(240)
        self._state = label(size="small", tone="muted", wrap=True)
        for text in (self._text, self._facts, self._state):
            text.setAlignment(Qt.AlignmentFlag.AlignCenter)
            text.setMinimumHeight(text.fontMetrics().height() + 2)
        actions = QHBoxLayout()
        actions.addStretch(1)
        for widget in (self.fetch_button, self.cancel_button):
            actions.addWidget(widget)
        actions.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._text)
        column.addWidget(self._facts)
        column.addLayout(actions)
        column.addWidget(self.terms_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self.progress, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._state)
        context.language_changed.connect(self.retranslate)
        context.models_listed.connect(self._show)
        downloads.changed.connect(self._on_changed)
        self.retranslate()

    def retranslate(self) -> None:
        model = self.model
        if model.better:
            size, memory = size_text(model.size), size_text(memory_needed(model, self._context.settings))
            self._text.setText(
                tr("Better answers: {size}, needs {memory} of memory", size=size, memory=memory)
            )
        elif "translate" in model.roles:
            self._text.setText(tr("This model is made for Translate, Questions and Sentiment"))
        else:
            self._text.setText(tr("With this model files are searched by meaning too"))
        facts = f"{model.title} · {model.license} · {languages_text(model.languages)}"
        self._facts.setText("\n".join(filter(None, (facts, fit_warning(model, self._context.settings)))))
        self.terms_button.setText(tr("Read the terms"))
        self.cancel_button.setText(tr("Cancel"))
        self.progress.setAccessibleName(tr("Downloading {model}", model=model.title))
        self._show()

    def _fetch(self) -> None:
        self._context.accept_terms(self.model.terms)  # the button says so
        self._downloads.start(self.model)

    def _cancel(self) -> None:
        self._downloads.cancel(self.model.name)

    def _show_terms(self) -> None:
        show_terms(self._context, self.model, self.window())

    def _on_changed(self, name: str) -> None:
        if name == self.model.name:
            self._show()

    def _show(self) -> None:
        model = self.model
        here = any(each.name == model.name and not each.problem for each in self._context.installed_models())
        self.setVisible(not here)
        download = self._downloads.get(model.name)
        running = download is not None and download.job is not None
        size = size_text(model.size)
        if needs_acceptance(model, self._context.settings.acknowledged):
            text = tr("Accept terms, download ({size})", size=size)
        elif partial(model):
            text = tr("Continue the download ({size})", size=size)
        else:
            text = tr("Download ({size})", size=size)  # which model it is stands above
        had_focus = self.fetch_button.hasFocus() or self.cancel_button.hasFocus()
        self.fetch_button.setText(text)
        name_button(self.fetch_button, f"{text}: {model.title}")
        self.fetch_button.setVisible(not running)
        self.cancel_button.setVisible(running)
        self.terms_button.setVisible(bool(model.terms))
        if had_focus:
            (self.cancel_button if running else self.fetch_button).setFocus()
        self.progress.setVisible(running)
        error = download.error if download is not None else None
        self._state.setVisible(running or isinstance(error, KnownError))
        if download is not None and running:
            show_progress(self.progress, download.progress)
            self._state.setText(download_text(download))
        elif isinstance(error, KnownError):
            self._state.setText(i18n.message(error))
