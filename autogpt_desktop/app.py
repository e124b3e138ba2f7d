"""Composes the window: settings, history, worker, panels. Torch is not imported here, a job does that."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message, tr

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QWidget

    from autogpt_desktop.storage.conversations.store import History
    from autogpt_desktop.ui.context import AppContext
    from autogpt_desktop.ui.shell.main_window import MainWindow

STOP_MS = 15_000  # at most, for a job that cannot be interrupted (torch while it is imported)


def main() -> int:
    """Open the window and run until it closes; without a display, chat in the terminal."""
    if not has_display():
        from autogpt_desktop import i18n
        from autogpt_desktop.cli import main as cli_main

        i18n.set_language(saved_language())
        print(tr("There is no display here, so the chat opens in this terminal."), file=sys.stderr)
        return cli_main.main(["chat"])

    from PySide6.QtCore import QCoreApplication, QEvent

    from autogpt_desktop.ui.shell.quit_signals import QuitSignals
    from autogpt_desktop.ui.shell.single_instance import SingleInstance

    app = make_application()
    try:
        instance = SingleInstance()
        if not instance.acquire():
            return 0  # the first window was raised
        context, window = make_window()
    except KnownError as error:
        return refuse(error)
    instance.raised.connect(window.on_second_start)
    signals = QuitSignals(window)
    window.show()
    status = app.exec()
    signals.release()
    stopped = context.worker.stop(STOP_MS) and window.downloads.stop(STOP_MS)
    if stopped:
        context.unload_models()
    context.history.close()
    instance.release()
    if not stopped:
        os._exit(status)  # everything is saved, and a running thread must not be destroyed
    # now, and not when the interpreter ends: its collector may take a window apart in the wrong order
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return status


def make_application() -> QApplication:
    """The QApplication, in the person's language and colours."""
    from PySide6.QtWidgets import QApplication

    # seconds that a thread keeps the interpreter while another waits: painting asks for it anew behind many a
    # call into Qt, and with Python's 5 ms each a job that counts a table's rows held the window up for 0.3 s
    sys.setswitchinterval(0.0005)
    app = QApplication(sys.argv[:1])
    app.setApplicationName("autogpt-desktop")
    app.setApplicationDisplayName("AutoGPT Desktop")
    app.setDesktopFileName("autogpt-desktop")
    return app


def saved_language() -> str:
    """The person's choice; "" follows the system, also where no settings can be read."""
    from autogpt_desktop.settings import Settings

    try:
        return Settings.load().language
    except KnownError:  # nothing can be stored here either, and whoever tries next says so
        return ""


def refuse(error: KnownError) -> int:
    """There can be no window: say why."""
    from PySide6.QtWidgets import QMessageBox

    from autogpt_desktop.ui import ui_language

    ui_language.apply(saved_language())
    print(message(error), file=sys.stderr)
    QMessageBox.critical(None, "AutoGPT Desktop", message(error))
    return 1


def make_window() -> tuple[AppContext, MainWindow]:
    """Everything behind the window, and the window itself, not yet shown."""
    from autogpt_desktop.settings import Settings
    from autogpt_desktop.ui import ui_language
    from autogpt_desktop.ui.context import AppContext
    from autogpt_desktop.ui.shell.main_window import MainWindow
    from autogpt_desktop.ui.shell.panel_registry import more_panels
    from autogpt_desktop.ui.widgets.theme import theme
    from autogpt_desktop.worker import Worker

    settings = Settings.load()
    ui_language.apply(settings.language)
    theme().install(settings.theme)
    history, problem = open_history()
    context = AppContext(settings, history, Worker(), make_models)
    window = MainWindow(context, make_chat, panels=more_panels())
    window.bugs.install()
    if problem is not None:
        window.banner.stand(
            tr("{problem} Until then, conversations in this window are not kept.", problem=message(problem))
        )
    elif settings.set_aside is not None:
        text = tr("The settings file was damaged; it is kept as {path}.", path=settings.set_aside)
        window.banner.stand(text)
    return context, window


def make_chat(context: AppContext) -> QWidget:
    from autogpt_desktop.ui.chat.panel import ChatPanel

    return ChatPanel(context)


def make_models(
    resolve: Callable[[str], Path], device: str, context_length: int, kv_cache: str, quantize: str
) -> Any:
    """The engines. Called on the worker's thread: imports torch, its libraries without the lock first."""
    from autogpt_desktop.engine import preload
    from autogpt_desktop.paths import packed_dir, states_dir

    preload.preload()
    with preload.collector_at_rest():
        from autogpt_desktop.engine.model_pool import Models
        from autogpt_desktop.engine.native.weights import quantize_kind

    return Models(
        resolve,
        device,
        context_length,
        packed_cache=packed_dir(),
        kv_cache="int8" if kv_cache == "int8" else "float16",
        prefixes=states_dir(),
        quantize=quantize_kind(quantize),
    )


def open_history() -> tuple[History, KnownError | None]:
    """The person's history, or one that is not kept and the reason why."""
    from autogpt_desktop.storage.conversations.store import History

    try:
        return History(), None
    except KnownError as error:
        return History(Path(":memory:")), error


def has_display() -> bool:
    """Whether a window can open. Qt would abort the process where it cannot."""
    if sys.platform in ("win32", "darwin"):
        return True
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform and platform.split(":")[0] not in ("xcb", "wayland"):
        return True  # offscreen, vnc, linuxfb …: somebody knows what they want
    if os.environ.get("WAYLAND_DISPLAY"):
        return True
    return _x_answers(os.environ.get("DISPLAY", ""))


def _x_answers(display: str) -> bool:
    """Whether an X server listens at ``display`` (``host:number.screen``, ``:number``)."""
    host, colon, number = display.rpartition(":")
    number = number.split(".")[0]
    if not colon or not number.isdigit():
        return False
    if host.startswith("/"):  # a socket's path, as on macOS
        return True
    name = f"/tmp/.X11-unix/X{number}"
    # Linux servers may listen on the abstract name only
    local: list[tuple[int, Any]] = [(socket.AF_UNIX, name), (socket.AF_UNIX, "\0" + name)]
    remote: list[tuple[int, Any]] = [(socket.AF_INET, (host, 6000 + int(number)))]
    for family, address in local if host in ("", "unix") else remote:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(2)
                probe.connect(address)
                return True
        except OSError:
            continue
    return False
