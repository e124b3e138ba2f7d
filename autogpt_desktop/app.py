"""Composes the window: settings, history, worker, panels. Torch is not imported here, a job does that."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from autogpt_desktop import paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message, tr

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QWidget

    from autogpt_desktop.storage.conversations.store import History
    from autogpt_desktop.ui.context import AppContext
    from autogpt_desktop.ui.shell.main_window import MainWindow

STOP_MS = 15_000  # at most, for a job that cannot be interrupted (torch while it is imported)


def main(popup: tuple[str, str] | None = None) -> int:
    """Open the window and run until it closes; needs a display.

    ``popup``: open the quick translation alone, for these languages ("": those that were used last); where
    the app runs already, it does so.
    """
    from PySide6.QtCore import QCoreApplication, QEvent

    from autogpt_desktop.ui.shell.quit_signals import QuitSignals
    from autogpt_desktop.ui.shell.single_instance import SingleInstance
    from autogpt_desktop.ui.shell.windows import Windows

    app = make_application()
    try:
        instance = SingleInstance()
        if not instance.acquire(popup=popup):
            return 0  # the first instance shows what was asked for
        if popup is None:
            context, window = make_window()
            windows = Windows(context, fill_window, window)
        else:
            context, problem = make_context()
            windows = Windows(context, partial(fill_window, problem=problem))
    except KnownError as error:
        return refuse(error)
    instance.raised.connect(windows.on_second_start)
    instance.popup_requested.connect(windows.show_popup)
    signals = QuitSignals(windows)
    if popup is None:
        windows.main.show()
    else:
        windows.show_popup(*popup)
    status = app.exec()
    signals.release()
    if "server" in vars(context):  # it was made
        context.server.stop()
    stopped = windows.stop(STOP_MS)
    if stopped:
        context.unload_models()
    context.history.close()
    instance.release()
    if not stopped:
        os._exit(status)  # everything is saved, and a running thread must not be destroyed
    # now, and not when the interpreter ends: its collector may take a window apart in the wrong order
    windows.delete()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return status


def make_application() -> QApplication:
    """The QApplication, in the user's language and colors."""
    from PySide6.QtWidgets import QApplication

    # seconds that a thread keeps the interpreter while another waits: painting asks for it anew behind many a
    # call into Qt, and with Python's 5 ms each a job that counts a table's rows held the window up for 0.3 s
    sys.setswitchinterval(0.0005)
    # a full collection takes 0.05 s and more beside long answers; their many small values are in no cycles
    gc.set_threshold(10_000, 10, 10)
    spare_imports()
    app = QApplication(sys.argv[:1])
    app.setApplicationName("autogpt-desktop")
    app.setApplicationDisplayName("AutoGPT Desktop")
    app.setDesktopFileName("autogpt-desktop")
    return app


def spare_imports() -> None:
    """PySide reads the source of each module that is imported behind it, to find a switch that nobody here
    uses: half a second beside torch and 0.1 s for a highlighter's, and 40 MB of lines that stay in memory."""
    with suppress(ImportError):
        feature = importlib.import_module("shibokensupport.feature")
        if hasattr(feature, "_mod_uses_pyside"):
            setattr(feature, "_mod_uses_pyside", lambda _module: False)  # noqa: B010  it has no stubs


def saved_language() -> str:
    """The user's choice; "" follows the system, also where no settings can be read."""
    from autogpt_desktop.settings import Settings

    try:
        return Settings.load().language
    except KnownError:  # nothing can be stored here either, and whoever tries next says so
        return ""


def refuse(error: KnownError) -> int:
    """There can be no window: say why."""
    from PySide6.QtWidgets import QMessageBox

    from autogpt_desktop.ui import ui_language
    from autogpt_desktop.ui.widgets.basic import plain_tooltip

    ui_language.apply(saved_language())
    print(message(error), file=sys.stderr)
    QMessageBox.critical(None, "AutoGPT Desktop", plain_tooltip(message(error)))
    return 1


def make_window() -> tuple[AppContext, MainWindow]:
    """Everything behind the window, and the window itself, not yet shown."""
    context, problem = make_context()
    return context, fill_window(context, problem)


def make_context() -> tuple[AppContext, KnownError | None]:
    """Everything behind the windows, and what is wrong with the conversations."""
    from autogpt_desktop.runtime import make_models
    from autogpt_desktop.settings import Settings
    from autogpt_desktop.ui import ui_language
    from autogpt_desktop.ui.context import AppContext
    from autogpt_desktop.ui.widgets.theme import theme
    from autogpt_desktop.worker import Worker

    paths.keep_private()
    settings = Settings.load()
    ui_language.apply(settings.language)
    theme().install(settings.theme)
    history, problem = open_history()
    return AppContext(settings, history, Worker(), make_models), problem


def fill_window(context: AppContext, problem: KnownError | None = None) -> MainWindow:
    """The window, which says what is wrong with the conversations or the settings."""
    from autogpt_desktop.ui.shell.main_window import MainWindow
    from autogpt_desktop.ui.shell.panel_registry import more_panels

    settings, history = context.settings, context.history
    window = MainWindow(context, make_chat, panels=more_panels(context))
    window.bugs.install()
    if settings.server:
        window.first_painted.connect(lambda: context.server.apply())
    if problem is not None and history.lasting:
        window.banner.show_permanent(message(problem))
    elif problem is not None:
        window.banner.show_permanent(
            tr("{problem} Until then, conversations in this window are not kept.", problem=message(problem))
        )
    elif settings.set_aside is not None:
        text = tr("The settings file was damaged; it is kept as {path}.", path=settings.set_aside)
        window.banner.show_permanent(text)
    return window


def make_chat(context: AppContext) -> QWidget:
    from autogpt_desktop.ui.chat.panel import ChatPanel

    return ChatPanel(context)


def open_history() -> tuple[History, KnownError | None]:
    """The user's history; where it is damaged, a new one with what could be read, and what to say of it.

    Where there can be none, one that is not kept, and the reason why.
    """
    from autogpt_desktop.storage.conversations.recover import start_anew
    from autogpt_desktop.storage.conversations.schema import ERRORS
    from autogpt_desktop.storage.conversations.store import History

    try:
        try:
            history = History()
        except KnownError as error:
            if error.key != ERRORS.damaged:
                raise
            return start_anew()
        try:
            history.conversations()  # the window asks for them at once
        except KnownError as error:
            history.close()
            if error.key != ERRORS.damaged:
                raise
            return start_anew()
        return history, None
    except KnownError as error:
        return History(Path(":memory:")), error
