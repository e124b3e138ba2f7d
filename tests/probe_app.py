"""The real app with a window on itself: what its visible widgets show, written to a file ten times a second.

Nothing is driven from here: keys come from the X server.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, QTimer
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QTextEdit, QWidget

from autogpt_desktop import app


def shown(widget: QWidget) -> dict[str, object]:
    text = ""
    if isinstance(widget, QPlainTextEdit | QTextEdit):
        text = widget.toPlainText()
    elif isinstance(widget, QLabel) or hasattr(widget, "text"):
        value = widget.text() if callable(widget.text) else widget.text
        text = value if isinstance(value, str) else ""
    corner = widget.mapToGlobal(widget.rect().center())
    return {
        "class": type(widget).__name__,
        "name": widget.accessibleName(),
        "text": text,
        "focus": widget.hasFocus(),
        "centre": [corner.x(), corner.y()],
    }


class Probe(QObject):
    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.write)
        self.timer.start(100)

    def write(self) -> None:
        widgets = [
            shown(widget)
            for window in QApplication.topLevelWidgets()
            if window.isVisible()
            for widget in [window, *window.findChildren(QWidget)]
            if widget.isVisible() and not widget.visibleRegion().isEmpty()
        ]
        scratch = self.file.with_suffix(".new")
        scratch.write_text(
            json.dumps({"torch": "torch" in sys.modules, "widgets": widgets}), encoding="utf-8"
        )
        os.replace(scratch, self.file)


def main() -> int:
    make_window = app.make_window

    def probed() -> object:
        made = make_window()
        made[1].probe = Probe(Path(sys.argv[1]))
        return made

    app.make_window = probed  # type: ignore[assignment]
    assert QCoreApplication.instance() is None
    return app.main()


if __name__ == "__main__":
    sys.exit(main())
