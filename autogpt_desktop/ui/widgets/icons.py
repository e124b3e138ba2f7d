"""Our icons: stroke drawings on a 20 × 20 grid, tinted from the theme at the moment they are painted.

An icon is rendered from its SVG for the exact pixels that are asked for, so it is crisp at 100 %,
125 % or 300 %, and it follows a change of theme without being set again.
"""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QByteArray, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QPainter, QPixmap, QPixmapCache
from PySide6.QtSvg import QSvgRenderer

from autogpt_desktop import paths
from autogpt_desktop.ui.widgets import theme


class _TintedSvg(QIconEngine):
    def __init__(self, name: str, role: str) -> None:
        super().__init__()
        self._name = name
        self._role = role

    def clone(self) -> QIconEngine:
        return _TintedSvg(self._name, self._role)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        scale = painter.device().devicePixelRatio() if painter.device() else 1.0
        painter.drawPixmap(rect, self.scaledPixmap(rect.size(), mode, state, scale))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        return render(self._name, size * scale, scale, self._color(mode))  # Qt counts in points here

    def _color(self, mode: QIcon.Mode) -> QColor:
        color = theme.theme().color(self._role)
        if mode == QIcon.Mode.Disabled:
            color.setAlphaF(0.4)
        return color


@cache
def icon(name: str, role: str = "text") -> QIcon:
    """The icon ``resources/icons/<name>.svg`` in the theme's color ``role``."""
    _source(name)  # a wrong name fails here, not when painted
    return QIcon(_TintedSvg(name, role))


def render(name: str, size: QSize, scale: float, color: QColor) -> QPixmap:
    """``size`` in device pixels. Rendered once for a size, color and scale."""
    if size.isEmpty():
        return QPixmap()
    key = f"icon:{name}:{size.width()}x{size.height()}@{scale}:{color.name(QColor.NameFormat.HexArgb)}"
    found = QPixmap()
    if QPixmapCache.find(key, found):
        return found
    pixmap = QPixmap(size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setOpacity(color.alphaF())
    svg = QSvgRenderer(QByteArray(_source(name).replace("currentColor", color.name()).encode()))
    side = min(size.width(), size.height())
    corner = QPoint((size.width() - side) // 2, (size.height() - side) // 2)
    svg.render(painter, QRectF(QRect(corner, QSize(side, side))))
    painter.end()
    pixmap.setDevicePixelRatio(scale)
    QPixmapCache.insert(key, pixmap)
    return pixmap


@cache
def _source(name: str) -> str:
    return (paths.resources() / "icons" / f"{name}.svg").read_text(encoding="utf-8")


def app_icon() -> QIcon:
    """The application's icon."""
    return QIcon(str(paths.resources() / "icons" / "app.svg"))
