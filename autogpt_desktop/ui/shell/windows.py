"""The windows of the app, each made when it is first asked for."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.shell.bug_dialog import BugCatcher

if TYPE_CHECKING:
    from autogpt_desktop.ui.shell.main_window import MainWindow
    from autogpt_desktop.ui.translate.quick_translate import QuickTranslate

AHEAD_MS = 4000  # behind the start, when the window has been painted
_AHEAD = ("tasks.translate.live", "tasks.translate.translators")  # without Qt: any thread may import it


class Windows(QObject):
    """The app ends with the last of them. ``make_main``: what makes the main one where ``main`` is None."""

    def __init__(
        self,
        context: AppContext,
        make_main: Callable[[AppContext], MainWindow],
        main: MainWindow | None = None,
    ) -> None:
        super().__init__()
        self._context, self._make_main = context, make_main
        self._main: MainWindow | None = None
        self._popup: QuickTranslate | None = None
        context.popup_requested.connect(self.show_popup)
        if main is not None:
            self._take(main)
            QTimer.singleShot(AHEAD_MS, self._import_ahead)

    def _import_ahead(self) -> None:
        """What the quick translation needs: patterns that take a third of a second to compile."""

        def work() -> None:
            for name in _AHEAD:
                importlib.import_module(f"autogpt_desktop.{name}")

        threading.Thread(target=work, name="import-ahead", daemon=True).start()

    @property
    def main(self) -> MainWindow:
        if self._main is None:
            self._take(self._make_main(self._context))
        assert self._main is not None
        return self._main

    @property
    def popup(self) -> QuickTranslate:
        if self._popup is None:
            from autogpt_desktop.ui.translate.quick_translate import QuickTranslate

            self._popup = QuickTranslate(self._context)
            self._popup.panel_requested.connect(self._open_in_panel)
            if self._main is None:
                BugCatcher(self._popup, self._popup.show_problem).install()
        return self._popup

    def show_popup(self, source: str = "", target: str = "") -> None:
        """The quick translation, of what is selected now."""
        self.popup.open(source, target)

    def on_second_start(self, files: Sequence[str]) -> None:
        """Somebody started the application again, perhaps with files."""
        self.main.on_second_start(list(files))

    def close(self) -> None:
        """End the app as the user would."""
        for window in (self._popup, self._main):
            if window is not None:
                window.close()

    def stop(self, milliseconds: int) -> bool:
        """Behind the last window: end what still runs. False: it did not end in time."""
        if self._popup is not None:
            self._popup.shutdown()
        stopped = self._context.worker.stop(milliseconds)
        return stopped and (self._main is None or self._main.downloads.stop(milliseconds))

    def delete(self) -> None:
        """Before the interpreter ends."""
        for window in (self._popup, self._main):
            if window is not None:
                window.deleteLater()

    def _take(self, main: MainWindow) -> None:
        self._main = main
        main.closing.connect(self._on_main_closing)

    def _on_main_closing(self) -> None:
        if self._popup is not None:
            self._popup.shutdown()

    def _open_in_panel(self, source: str, target: str, text: str) -> None:
        main = self.main
        main.raise_window()
        main.columns.show_panel("translate", focus=False)
        panel = main.columns.panel("translate")
        panel.open_text(source, target, text)
        panel.focus_input()
