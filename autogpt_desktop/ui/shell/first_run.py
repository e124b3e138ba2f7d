"""What the window shows while no model is on this computer: one sentence, one button."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.catalog.entries import partial, starter
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models.downloads import Downloads
from autogpt_desktop.ui.models.offer import ModelOffer
from autogpt_desktop.ui.models.rows import download_text
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import button, hairline, label, languages_text, size_text


class FirstRun(QScrollArea):
    """``open_file`` and ``more`` are the window's actions."""

    def __init__(self, context: AppContext, downloads: Downloads) -> None:
        super().__init__()
        self._context = context
        self._downloads = downloads
        self._starter = starter()
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        page = QWidget()
        page.setObjectName("page")
        self.setWidget(page)
        outer = QVBoxLayout(page)
        outer.setContentsMargins(24, 24, 24, 24)
        outer.addStretch(2)
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._title = label(size="title")
        self._title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._text = label(wrap=True)
        self._text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.download_button = button(kind="primary", icon="download")
        self.download_button.clicked.connect(self._download)
        self.cancel_button = button()
        self.cancel_button.clicked.connect(self._cancel)
        self.open_button = button(kind="quiet", icon="folder")
        self.models_button = button(kind="quiet", icon="model")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(320)
        self._state = label(size="small", tone="muted", wrap=True)
        self._state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._facts = label(size="small", tone="muted")
        self._facts.setAlignment(Qt.AlignmentFlag.AlignCenter)
        actions = QHBoxLayout()
        actions.addStretch(1)
        actions.addWidget(self.download_button)
        actions.addWidget(self.cancel_button)
        actions.addStretch(1)
        others = QHBoxLayout()
        others.addStretch(1)
        others.addWidget(self.open_button)
        others.addWidget(self.models_button)
        others.addStretch(1)
        column = QVBoxLayout()
        for widget, space in ((self._picture, 8), (self._title, 8), (self._text, 24)):
            column.addWidget(widget)
            column.addSpacing(space)
        column.addLayout(actions)
        column.addSpacing(8)
        column.addWidget(self.progress, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._state)
        column.addWidget(self._facts)
        column.addSpacing(16)
        column.addWidget(hairline())
        column.addSpacing(16)
        self.better_offer = ModelOffer(context, downloads, "chat", larger=True)
        column.addWidget(self.better_offer)
        column.addSpacing(16)
        self.tasks_offer = ModelOffer(context, downloads, "translate")
        column.addWidget(self.tasks_offer)
        column.addSpacing(16)
        column.addLayout(others)
        middle = QWidget()
        middle.setLayout(column)
        middle.setMaximumWidth(480)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(middle, 1000)
        row.addStretch(1)
        outer.addLayout(row)
        outer.addStretch(3)
        context.language_changed.connect(self.retranslate)
        context.theme_changed.connect(self._paint_picture)
        downloads.changed.connect(self._on_changed)
        self._paint_picture()
        self.retranslate()

    def focus_default(self) -> None:
        self.download_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def retranslate(self) -> None:
        self._title.setText(tr("Chat on your own computer"))
        self._text.setText(
            tr(
                "AutoGPT Desktop needs a language model: the starter model is small, runs on any computer, "
                "and after this download nothing leaves your machine."
            )
        )
        self._facts.setText(
            f"{self._starter.title} · {self._starter.license} · {languages_text(self._starter.languages)}"
        )
        self.open_button.setText(tr("Open a model file…"))
        self.models_button.setText(tr("Other models"))
        self.cancel_button.setText(tr("Cancel"))
        self.progress.setAccessibleName(tr("Download"))
        self._show()

    def _download(self) -> None:
        self._downloads.start(self._starter)

    def _cancel(self) -> None:
        self._downloads.cancel(self._starter.name)

    def _on_changed(self, name: str) -> None:
        if name == self._starter.name:
            self._show()

    def _show(self) -> None:
        download = self._downloads.get(self._starter.name)
        running = download is not None and download.job is not None
        here = partial(self._starter)
        size = size_text(self._starter.size)
        if here:
            text = tr("Continue the download ({done} of {size})", done=size_text(here), size=size)
        else:
            text = tr("Download the starter model ({size})", size=size)
        had_focus = self.download_button.hasFocus() or self.cancel_button.hasFocus()
        self.download_button.setText(text)
        self.download_button.setVisible(not running)
        self.cancel_button.setVisible(running)
        if had_focus:
            (self.cancel_button if running else self.download_button).setFocus()
        self.progress.setVisible(running)
        error = download.error if download is not None else None
        self._state.setVisible(running or error is not None)
        if download is not None and running:
            self.progress.setRange(0, 1000 if download.progress.done else 0)
            self.progress.setValue(1000 * download.progress.done // max(download.progress.total, 1))
            self._state.setText(download_text(download))
        elif isinstance(error, KnownError):
            self._state.setText(i18n.message(error))
        elif error is not None:
            self._state.setText(tr("The download stopped because of a mistake in the program."))

    def _paint_picture(self) -> None:
        scale = self.devicePixelRatioF()
        self._picture.setPixmap(
            icons.render("model", QSize(56, 56) * scale, scale, self._context.color("accent"))
        )
