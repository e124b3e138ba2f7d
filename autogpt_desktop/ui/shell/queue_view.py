"""The footer: what the computer is busy with, how to stop it, and which model is in memory."""

from __future__ import annotations

import time

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import QApplication, QHBoxLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.model_jobs import ModelInfo
from autogpt_desktop.ui.models.downloads import Downloads
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import (
    ElidedLabel,
    ToolButton,
    hairline,
    icon_button,
    label,
    name_button,
    parent_of,
    size_text,
    time_text,
)
from autogpt_desktop.ui.widgets.overlay import Overlay
from autogpt_desktop.worker import JobInfo

TITLE = 240  # pixels of the job's title in the footer
Row = tuple[str, JobInfo]  # which worker, what


class QueueView(QWidget):
    """One line; pressing it lists the jobs, each with a button that stops it."""

    def __init__(self, context: AppContext, downloads: Downloads, window: QWidget) -> None:
        super().__init__()
        self.setObjectName("footer")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(28)
        self._context = context
        self._downloads = downloads
        self._jobs: dict[str, tuple[JobInfo, ...]] = {"models": (), "downloads": ()}
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 16, 0)
        row.setSpacing(4)
        self.button = ToolButton()
        self.button.setIcon(icons.icon("queue", "muted"))
        self.button.setIconSize(QSize(14, 14))
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(self._toggle)
        self.busy = QProgressBar()
        self.busy.setRange(0, 1)
        self.busy.setFixedWidth(64)
        self.busy.setTextVisible(False)
        self.stop_button = icon_button("stop")
        self.stop_button.setIconSize(QSize(12, 12))
        self.stop_button.clicked.connect(self._stop_first)
        self.model_label = ElidedLabel(size="small", tone="muted")
        self.model_label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.button)
        row.addWidget(self.busy)
        row.addWidget(self.stop_button)
        row.addWidget(self.model_label, 1)
        self.popup = _QueuePopup(window, self)
        context.worker.queue_changed.connect(self._on_models_queue)
        downloads.queue_changed.connect(self._on_downloads_queue)
        context.model_changed.connect(self._on_model)
        for changed in (context.memory_changed, context.panels.role_changed, context.models_listed):
            changed.connect(self._show_model)
        context.language_changed.connect(self.retranslate)
        self.retranslate()

    def rows(self) -> list[Row]:
        """Every job, running ones first."""
        rows = [(worker, job) for worker, jobs in self._jobs.items() for job in jobs]
        return sorted(rows, key=lambda row: row[1].state != "running")

    def cancel(self, row: Row) -> None:
        worker, job = row
        if worker == "models":
            self._context.worker.cancel(job.id)
        else:
            self._downloads.cancel_job(job.id)

    def retranslate(self) -> None:
        name_button(self.stop_button, tr("Stop this job"))
        self.busy.setAccessibleName(tr("A job is running"))
        self._show_model()
        self._show()

    def _on_models_queue(self, jobs: tuple[JobInfo, ...]) -> None:
        self._jobs["models"] = jobs
        self._show()

    def _on_downloads_queue(self, jobs: tuple[JobInfo, ...]) -> None:
        self._jobs["downloads"] = jobs
        self._show()

    def _on_model(self, _info: ModelInfo | None) -> None:
        self._show_model()

    def _show_model(self) -> None:
        """The one that the panel in front works with."""
        context = self._context
        working = context.panels.working.get(context.panels.role)
        if working is not None:
            models = [one for one in context.installed_models() if one.name in working.names]
            title = working.title
        else:
            model = context.model_for(context.panels.role)
            models, title = ([], "") if model is None else ([model], model.title)
        if not models:
            self.model_label.set_text("")
            return
        loaded = [context.in_memory[one.path] for one in models if one.path in context.in_memory]
        if len(loaded) < len(models):
            waits = working is not None or context.loading is None
            self.model_label.set_text(tr("{model}, loaded when needed", model=title) if waits else "")
            return
        size, kind = sum(size for size, _ in loaded), loaded[0][1]
        devices = {"cpu": tr("processor"), "cuda": tr("graphics card"), "mps": tr("graphics chip")}
        device = devices.get(kind.split(":")[0], kind)
        self.model_label.set_text(
            tr("{model} on the {device}, {size} in memory", model=title, device=device,
               size=size_text(size))
        )  # fmt: skip

    def _show(self) -> None:
        rows = self.rows()
        if rows:
            title = self._short(rows[0][1].title or tr("Working"))
            text = tr("{job} · {n} more", job=title, n=len(rows) - 1) if len(rows) > 1 else title
        else:
            text = tr("Ready")
        self.button.setText(text)
        self.button.setAccessibleName(tr("Jobs: {text}", text=text))
        self.button.setToolTip(tr("What the computer is working on"))
        self.stop_button.setVisible(bool(rows))
        self.busy.setVisible(bool(rows))
        self.busy.setRange(0, 0 if rows else 1)
        self.popup.fill()

    def _short(self, title: str) -> str:
        return self.button.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, TITLE)

    def _toggle(self) -> None:
        self.popup.toggle(self.button)

    def _stop_first(self) -> None:
        rows = self.rows()
        if rows:
            self.cancel(rows[0])


class _QueuePopup(Overlay):
    def __init__(self, window: QWidget, view: QueueView) -> None:
        super().__init__(window, placement="anchor", width=400)
        self._view = view
        column = QVBoxLayout(self.card)
        column.setContentsMargins(16, 16, 4, 16)
        column.setSpacing(8)
        self._title = label(size="heading")
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.addWidget(self._title)
        column.addWidget(self._scroll)
        self._rows: list[_JobRow] = []
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self.fill)

    def open(self, anchor: QWidget | None = None) -> None:
        self._clock.start()
        self._fill()
        super().open(anchor)

    def close_overlay(self) -> None:
        self._clock.stop()
        super().close_overlay()

    def fill(self) -> None:
        if self.isVisible():
            self._fill()
            self.place()

    def _fill(self) -> None:
        """Once a second: only a change of jobs makes new rows, so the focus stays where it is."""
        rows = self._view.rows()
        if rows and [shown.key for shown in self._rows] == [_JobRow.key_of(row) for row in rows]:
            for shown, row in zip(self._rows, rows, strict=True):
                shown.show_job(row)
            return
        now = QApplication.focusWidget()
        focused = now is not None and self.isAncestorOf(now)
        place = self._scroll.verticalScrollBar().value()
        self._title.setText(tr("Jobs"))
        page = QWidget()
        page.setObjectName("page")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 12, 0)
        column.setSpacing(8)
        self._rows = [_JobRow(self._view, row) for row in rows]
        if not rows:
            column.addWidget(label(tr("Nothing is running."), tone="muted"))
        for number, shown in enumerate(self._rows):
            if number:
                column.addWidget(hairline())
            column.addWidget(shown)
        before = self._scroll.takeWidget()
        if before is not None:
            before.hide()
            before.deleteLater()  # not now: perhaps one of its buttons has been pressed
        self._scroll.setWidget(page)
        page.show()  # now, for the card is measured now
        room = parent_of(self).height() - 160  # header, footer and the card's own heading
        self._scroll.setFixedHeight(min(page.sizeHint().height() + 2, max(96, room)))
        self._scroll.verticalScrollBar().setValue(place)
        if focused:
            self.focus_first()


class _JobRow(QWidget):
    def __init__(self, view: QueueView, row: Row) -> None:
        super().__init__()
        self._view, self._row = view, row
        self.key = self.key_of(row)
        job = row[1]
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(ElidedLabel(job.title or tr("Working")))
        self._state = label(size="small", tone="muted")
        texts.addWidget(self._state)
        line.addLayout(texts, 1)
        stop = icon_button("close")
        name_button(stop, tr("Stop {job}", job=job.title))
        stop.clicked.connect(self._cancel)
        line.addWidget(stop)
        self.show_job(row)

    @staticmethod
    def key_of(row: Row) -> tuple[str, int, str]:
        """What does not change while a row is the same row."""
        return row[0], row[1].id, row[1].title

    def show_job(self, row: Row) -> None:
        self._row = row
        self._state.setText(self._state_text(row[1]))

    @staticmethod
    def _state_text(job: JobInfo) -> str:
        if job.state == "running":
            return tr("running for {time}", time=time_text(time.monotonic() - job.started))
        return tr("paused, goes on by itself") if job.state == "paused" else tr("waiting for its turn")

    def _cancel(self) -> None:
        self._view.cancel(self._row)
