"""Render resources/icons/app.svg into the bitmaps that launchers want. Run after changing the SVG:

.venv/bin/python packaging/icons.py
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QBuffer, QIODevice
from PySide6.QtGui import QGuiApplication, QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

ROOT = Path(__file__).resolve().parent.parent
ICONS = ROOT / "resources/icons"


def png(renderer: QSvgRenderer, size: int) -> bytes:
    image = QImage(size, size, QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    renderer.render(painter)
    painter.end()
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data().data())


def ico(pngs: dict[int, bytes]) -> bytes:
    """A Windows icon around PNG images, by their size in pixels."""
    head = struct.pack("<HHH", 0, 1, len(pngs))
    offset = len(head) + 16 * len(pngs)
    table, body = b"", b""
    for size, data in pngs.items():
        side = size % 256  # 0 stands for 256
        table += struct.pack("<BBBBHHII", side, side, 0, 0, 1, 32, len(data), offset + len(body))
        body += data
    return head + table + body


def main() -> None:
    app = QGuiApplication([])
    renderer = QSvgRenderer(str(ICONS / "app.svg"))
    for size in (256, 512):
        (ICONS / f"app-{size}.png").write_bytes(png(renderer, size))
    sizes = (16, 24, 32, 48, 64, 128, 256)
    (ROOT / "packaging/app.ico").write_bytes(ico({size: png(renderer, size) for size in sizes}))
    app.quit()


if __name__ == "__main__":
    main()
