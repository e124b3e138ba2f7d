"""Formulas drawn as pictures, from TeX, by a child process. Until then, and where it cannot draw one, the
source stays to be read.
"""

from __future__ import annotations

import atexit
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterator
from functools import cache, lru_cache

from PySide6.QtCore import QByteArray, QCoreApplication, QObject, QRect, QRectF, QSizeF, QThreadPool, Signal
from PySide6.QtGui import (
    QFont,
    QFontMetrics,
    QPainter,
    QPyTextObject,
    QTextCharFormat,
    QTextDocument,
    QTextFormat,
)
from PySide6.QtSvg import QSvgRenderer

from autogpt_desktop import sandbox
from autogpt_desktop.ui.chat.messages import formula_child
from autogpt_desktop.ui.chat.messages.formula_child import Drawing
from autogpt_desktop.ui.widgets.reading_style import ChatStyle

FORMULA = QTextFormat.Property.UserProperty + 8  # str: its source
TYPE = QTextFormat.ObjectTypes.UserObject + 1
LARGER = 1.08  # than the text: its letters are small for their size
START_SECONDS = 30.0  # a cold disk and a busy machine
DRAW_SECONDS = 5.0  # for one formula: what takes longer stays source
_TOGETHER = 16  # formulas in a request
_STARTS = 3  # in vain: it cannot be started here
_KEPT = 5_000  # more than a text has: one that is dropped is drawn again when it is laid out
_log = logging.getLogger(__name__)


class FormulaProcess:
    """The child process, started for the first formula, and again where it ended."""

    def __init__(self) -> None:
        self._child: sandbox.Child | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._in_vain = 0

    def draw(self, sources: list[str]) -> Iterator[Drawing | None]:
        """Their drawings one by one; None: it is not understood, or takes too long."""
        at = tries = 0
        asked: sandbox.Child | None = None
        while at < len(sources):
            drawing = None
            try:
                child = self._start()
                if child is None:
                    return
                if child is not asked:
                    asked, request = child, json.dumps(sources[at:]).encode()
                    reply = sandbox.ask(child, request, DRAW_SECONDS, start_seconds=START_SECONDS)
                else:
                    reply = sandbox.within(DRAW_SECONDS, child, child.receive)
                if values := json.loads(reply):
                    drawing = Drawing(**values)
            except TimeoutError:
                self.stop()
            except (EOFError, OSError):
                self.stop()
                tries += 1
                if tries == 1:  # it may have been ended from outside, perhaps long ago: once more
                    continue
            yield drawing
            at, tries = at + 1, 0

    def close(self) -> None:
        """End it for good, also while another thread waits for it, which draws nothing any more."""
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.kill()

    def stop(self) -> None:
        """End it; another one is started for the next formula."""
        with self._lock:
            if self._child is not None:
                self._child.stop()
                if self._child.greeted:
                    self._in_vain = 0
                elif self._in_vain == _STARTS and not self._closed:
                    _log.warning("formulas stay source: the process that draws them does not start")
            self._child = None

    def _start(self) -> sandbox.Child | None:
        """The process; None: it is closed, or cannot be started."""
        with self._lock:
            if self._closed or self._in_vain >= _STARTS:
                return None
            if self._child is None:
                self._in_vain += 1
                names = ("ziamath", "ziafont", "latex2mathml", "autogpt_desktop")
                places = dict.fromkeys(map(sandbox.folder_of, names))
                self._child = sandbox.start(formula_child.__file__, list(places), formula_child.serve)
            return self._child


class Formulas(QObject):
    """Those that were drawn lately."""

    drawn = Signal()  # one more

    def __init__(self) -> None:
        super().__init__()
        self._known: OrderedDict[str, Drawing | None] = OrderedDict()
        self._waiting: dict[str, None] = {}  # in the order in which they were asked for
        self._lock = threading.Lock()  # of both
        self._works = False
        self._process = FormulaProcess()
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(1)

    def find(self, source: str) -> Drawing | None:
        """The drawing of ``source``; None: it is not drawn yet, or cannot be."""
        with self._lock:
            if source in self._known:
                self._known.move_to_end(source)
                return self._known[source]
            self._waiting.setdefault(source)
            if not self._works:
                self._works = True
                self._pool.start(self._work)
        return None

    def is_waiting(self, source: str) -> bool:
        """It is being drawn, or will be."""
        return source in self._waiting

    def finish(self) -> None:
        """Wait for all that were asked for."""
        self._pool.waitForDone()

    def close(self) -> None:
        """End the process, and draw nothing of what was asked for."""
        self._process.close()
        self._pool.waitForDone()
        self._process.stop()
        self._process = FormulaProcess()

    def _work(self) -> None:
        while sources := self._next():
            drawings = self._process.draw(sources)
            for source in sources:
                drawing = next(drawings, None)
                with self._lock:
                    self._known[source] = drawing
                    del self._waiting[source]
                    while len(self._known) > _KEPT:
                        self._known.popitem(last=False)
                if drawing is not None:
                    self.drawn.emit()

    def _next(self) -> list[str]:
        with self._lock:
            last = list(self._waiting)[-_TOGETHER:]
            self._works = bool(last)
            return last[::-1]  # the last first: it is in sight


@cache
def formulas() -> Formulas:
    made = Formulas()
    atexit.register(made.close)
    if app := QCoreApplication.instance():
        app.aboutToQuit.connect(made.close)
    return made


@cache
def _pixels(name: str, depth: float) -> int:
    """The size at which the letters of a font (``QFont.toString``) hang ``depth`` pixels below the line."""
    font = QFont()
    font.fromString(name)
    for pixels in range(max(1, int(depth)), int(depth * 8) + 8):
        font.setPixelSize(pixels)
        if QFontMetrics(font).descent() >= depth:
            break
    return pixels


@lru_cache(_KEPT)
def _renderer(drawing: Drawing, color: str) -> QSvgRenderer:
    """Draws it in ``color``, sharp at any size."""
    root = drawing.svg.replace("<svg ", f'<svg fill="{color}" ', 1)
    return QSvgRenderer(QByteArray(root.replace("black", color).encode()))


class FormulaObject(QPyTextObject):
    """Draws the formulas of a document."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.style: ChatStyle | None = None

    def empty(self, base: QTextCharFormat) -> QTextCharFormat:
        """For the character that stands for a formula that is not drawn: it takes no room."""
        form = QTextCharFormat(base)
        form.setObjectType(TYPE)
        return form

    def format(self, source: str, base: QTextCharFormat) -> QTextCharFormat | None:
        """For the character that stands for the formula; None: it is not drawn."""
        drawing = formulas().find(source)
        if drawing is None:
            return None
        form = QTextCharFormat(base)
        form.setObjectType(TYPE)
        form.setProperty(FORMULA, source)
        # Qt lets an object hang below the line as deep as the letters of its font do
        font = base.font()
        font.setPixelSize(_pixels(font.toString(), round(drawing.descent * self._size(base), 1)))
        form.setFont(font)
        form.setProperty(FORMULA + 1, self._size(base))
        form.setVerticalAlignment(QTextCharFormat.VerticalAlignment.AlignBaseline)
        return form

    def _size(self, base: QTextCharFormat) -> float:
        return base.font().pixelSize() * LARGER

    def intrinsicSize(self, doc: QTextDocument, position: int, format: QTextFormat) -> QSizeF:
        drawing, size = self._drawing(doc, format)
        if drawing is None:
            return QSizeF()
        descent = QFontMetrics(format.toCharFormat().font()).descent()
        return QSizeF(drawing.width * size, drawing.ascent * size + descent)

    def drawObject(
        self, painter: QPainter, rect: QRectF | QRect, doc: QTextDocument, position: int, format: QTextFormat
    ) -> None:
        drawing, size = self._drawing(doc, format)
        if drawing is not None:
            color = format.toCharFormat().foreground().color().name()
            height = (drawing.ascent + drawing.descent) * size
            descent = QFontMetrics(format.toCharFormat().font()).descent()
            box = QRectF(rect)
            top = box.bottom() - descent - drawing.ascent * size
            _renderer(drawing, color).render(painter, QRectF(box.left(), top, drawing.width * size, height))

    def _drawing(self, doc: QTextDocument, format: QTextFormat) -> tuple[Drawing | None, float]:
        """The drawing, and its font's size: smaller where it would be wider than the text."""
        source = format.property(FORMULA)
        drawing = formulas().find(str(source)) if source else None
        size = float(format.property(FORMULA + 1) or 0)
        room = doc.textWidth()
        if drawing is not None and 0 < room < drawing.width * size:
            size = max(room / drawing.width, size / 2)
        return drawing, size
