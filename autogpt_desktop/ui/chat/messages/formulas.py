"""Formulas drawn as pictures, from TeX by ziamath, in a thread of their own: its import and a large formula
take too long for the window. Until then, and where it cannot draw one, the source stays to be read.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache

from PySide6.QtCore import QByteArray, QObject, QRect, QRectF, QSizeF, QThreadPool, Signal
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

from autogpt_desktop.ui.widgets.reading_style import ChatStyle

FORMULA = QTextFormat.Property.UserProperty + 8  # str: its source
TYPE = QTextFormat.ObjectTypes.UserObject + 1
LONGEST = 500  # characters: what is longer stays source
_MOST_REST = 0.02  # seconds
_EM = 24.0  # px for which they are drawn
LARGER = 1.08  # than the text: its letters are small for their size
_KEPT = 5_000  # more than a text has: one that is dropped is drawn again when it is laid out
FOREIGN = "\u2e80"  # from here on the formulas' font has no characters


@dataclass(frozen=True)
class Drawing:
    """A formula; lengths in em of its font."""

    svg: bytes  # in black
    width: float
    ascent: float
    descent: float


class Formulas(QObject):
    """Those that were drawn lately."""

    drawn = Signal()  # one more

    def __init__(self) -> None:
        super().__init__()
        self._known: OrderedDict[str, Drawing | None] = OrderedDict()
        self._waiting: set[str] = set()
        self._asked = 0
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(1)

    def find(self, source: str) -> Drawing | None:
        """The drawing of ``source``; None: it is not drawn yet, or cannot be."""
        if source in self._known:
            self._known.move_to_end(source)
            return self._known[source]
        if source not in self._waiting:
            self._waiting.add(source)
            self._asked += 1
            self._pool.start(lambda: self._draw(source), self._asked)  # the last first: it is in sight
        return None

    def is_waiting(self, source: str) -> bool:
        """It is being drawn, or will be."""
        return source in self._waiting

    def finish(self) -> None:
        """Wait for all that were asked for."""
        self._pool.waitForDone()

    def _draw(self, source: str) -> None:
        began = time.perf_counter()
        drawing = draw(source)
        self._known[source] = drawing
        time.sleep(min(time.perf_counter() - began, _MOST_REST))  # the window wants the interpreter too
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        self._waiting.discard(source)
        if drawing is not None:
            self.drawn.emit()


@cache
def formulas() -> Formulas:
    return Formulas()


def draw(source: str) -> Drawing | None:
    """A formula with its marks ($…$, \\\\(…\\\\), …) as a picture; None: it is not understood."""
    marks = 1 if source.startswith("$") and not source.startswith("$$") else 2
    body = source[marks:-marks].strip()
    if len(source) > LONGEST or max(body, default="") >= FOREIGN:
        return None
    try:
        from ziamath.config import config
        from ziamath.tex import tex2mml
        from ziamath.zmath import Math

        config.svg2 = False  # Qt knows no <symbol>
        mathml = tex2mml(body, inline=not source.startswith(("$$", "\\[")))
        if "\\" in mathml or "mi>&#x0005C;" in mathml:  # a command that it does not know, spelled out
            return None
        math = Math(mathml, size=_EM)
        svg = math.svgxml()
    except Exception:  # a stranger's formula, and a parser that raises whatever comes
        return None
    _, top, width, height = map(float, svg.attrib["viewBox"].split())
    if not (0 < width < 400 * _EM and 0 < height < 100 * _EM):
        return None
    return Drawing(math.svg().encode(), width / _EM, -top / _EM, (height + top) / _EM)


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


@cache
def _renderer(drawing: Drawing, color: str) -> QSvgRenderer:
    """Draws it in ``color``, sharp at any size."""
    root = drawing.svg.replace(b"<svg ", f'<svg fill="{color}" '.encode(), 1)
    return QSvgRenderer(QByteArray(root.replace(b"black", color.encode())))


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
