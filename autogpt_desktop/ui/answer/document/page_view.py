"""A page of a PDF as it looks, the passage marked on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.answer.document import draw_page
from autogpt_desktop.ui.answer.document.rows_edit import page_title
from autogpt_desktop.ui.jobs.panel_job import PanelJob

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

WIDEST = 1_000  # pixels of a page on the screen, before the zoom
MARKER = QColor("#ffe680")  # paper is white in every theme
SETTLE = 150  # milliseconds after a change of width


class PageView(QScrollArea):
    """``show_page`` has the page drawn on the worker, as wide as there is room."""

    stepped = Signal(int)  # to the next page (1) or the one before (-1) by the keyboard

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.sheet = _Sheet(context)
        self._request: tuple[Path, str, str] | None = None  # file, page, passage
        self._drawn: tuple[object, ...] = ()
        self.setWidget(self.sheet)
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.job = PanelJob(context, self)
        self.job.yielded.connect(self._on_yielded)
        self.job.ended.connect(self._on_ended)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SETTLE)
        self._soon.timeout.connect(self._draw)
        context.zoom_changed.connect(self._draw)
        context.theme_changed.connect(self.sheet.update)

    def show_page(self, path: Path, page: str, passage: str = "") -> None:
        """``page``: its label, a number from 1; ``passage`` is marked where it stands there."""
        self._request = path, page, passage
        self.setAccessibleName(page_title(page))
        if self.isVisible():
            self._draw()

    def clear(self) -> None:
        self._request, self._drawn = None, ()
        self.job.detach()
        self.sheet.show_image(None, (), 1.0)

    def _draw(self) -> None:
        if self._request is None or not self.isVisible():
            return
        path, page, passage = self._request
        ratio = self.devicePixelRatioF()
        room = min(self.viewport().width() - 16, WIDEST) * self.context.settings.zoom
        width = round(max(room, 200) * ratio)
        if self._drawn == (self._request, width) or not page.isdigit():
            return
        self._drawn = (self._request, width)

        def job(_cancel: Event) -> Iterator[object]:
            return draw_page(path, int(page), width, passage)

        self.job.start_plain(job, title=tr("Drawing a page of {file}", file=path.name))

    def _on_yielded(self, event: object) -> None:
        if not isinstance(event, Result):
            return
        made = event.value
        kind = QImage.Format.Format_BGR888
        image = QImage(made.pixels, made.width, made.height, made.stride, kind).copy()
        ratio = self.devicePixelRatioF()
        image.setDevicePixelRatio(ratio)
        self.sheet.show_image(image, made.rects, ratio)
        if made.rects:
            top, bottom = made.rects[0][1] / ratio, made.rects[-1][3] / ratio
            room = self.viewport().height()
            self.verticalScrollBar().setValue(int(top - max((room - (bottom - top)) / 2, room / 6)))
        else:
            self.verticalScrollBar().setValue(0)

    def _on_ended(self, state: str, error: BaseException | None) -> None:
        if state == "failed" and error is not None:
            self._drawn = ()
            if isinstance(error, KnownError):
                self.sheet.show_text(i18n.message(error))
            else:
                self.context.show_error(error)

    # -- Qt

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._soon.start()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._soon.start()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        bar = self.verticalScrollBar()
        if event.key() == Qt.Key.Key_PageDown and bar.value() == bar.maximum():
            self.stepped.emit(1)
        elif event.key() == Qt.Key.Key_PageUp and bar.value() == bar.minimum():
            self.stepped.emit(-1)
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)


class _Sheet(QWidget):
    """The picture, or a sentence in its place."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self.image: QImage | None = None
        self.rects: tuple[QRectF, ...] = ()
        self._text = ""
        self.resize(200, 100)

    def show_image(
        self, image: QImage | None, rects: tuple[tuple[int, int, int, int], ...], ratio: float
    ) -> None:
        self.image, self._text = image, ""
        self.rects = tuple(
            QRectF(left / ratio, top / ratio, (right - left) / ratio, (bottom - top) / ratio)
            for left, top, right, bottom in rects
        )
        if image is not None:
            self.resize(image.deviceIndependentSize().toSize())
        self.update()

    def show_text(self, text: str) -> None:
        self.image, self._text = None, text
        self.resize(320, 160)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self.image is not None:
            painter.drawImage(0, 0, self.image)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Multiply)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(MARKER)
            for rect in self.rects:
                painter.drawRect(rect.adjusted(-1, -1, 1, 1))
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(self._context.color("border"))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        elif self._text:
            painter.setPen(self._context.color("text"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRect(0, 0, self.width(), self.height()), flags, self._text)
        painter.end()
