"""``autogpt-desktop serve``: the installed models for other programs, until Ctrl+C."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from typing import Any

from autogpt_desktop.cli.output import say, tell, terminal_line
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import DEVICES, Settings

KEY_VARIABLE = "AUTOGPT_DESKTOP_KEY"


def add_parser(commands: Any) -> None:
    """The command's options."""
    command = commands.add_parser(
        "serve", help=tr("let other programs use the installed models, as they use OpenAI's")
    )
    command.add_argument("--port", type=_port, default=None, metavar="N", help=tr("0: any that is free"))
    command.add_argument(
        "--key",
        default=None,
        help=tr("the access key, else that of the variable {name}, else one of our own", name=KEY_VARIABLE),
    )
    command.add_argument(
        "--host",
        default=None,
        metavar=tr("ADDRESS"),
        help=tr("0.0.0.0: other computers too, with the key; else this computer alone"),
    )
    command.add_argument(
        "--new-key", action="store_true", help=tr("make another key; the one before is refused from then on")
    )
    command.add_argument("--device", choices=DEVICES, default=None)


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value < 1 << 16:
        raise argparse.ArgumentTypeError(tr("must be between {low} and {high}", low=0, high=65535))
    return value


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Run the command. Raises KnownError: server-key-unfit, server-port-taken, …"""
    from autogpt_desktop.runtime import open_models
    from autogpt_desktop.server import access
    from autogpt_desktop.server.run import LOOPBACK, PORT, ModelThread, make_server, served_models

    given = options.key if options.key is not None else os.environ.get(KEY_VARIABLE)
    if given is not None and not access.is_key(given):
        raise KnownError("server-key-unfit")
    if given is not None:
        key, is_new = given, False
    else:
        key, is_new = (access.new_key(), True) if options.new_key else access.own_key()
    if not served_models():
        raise KnownError("no-model")
    host, port = options.host or LOOPBACK, PORT if options.port is None else options.port
    models = ModelThread(lambda: open_models(settings, device=options.device))
    server = make_server(models.service, served_models, key, host, port)
    ended = threading.Event()
    try:
        server.start()
        with _on_signals(ended):
            say(server.url)
            _tell_how(key if is_new else "", own=given is None, host=host)
            while not ended.wait(0.5) and server.listening:
                pass
    finally:
        models.service.stop()
        server.stop()
        models.stop()
    return 0


def _tell_how(key: str, *, own: bool, host: str) -> None:
    from autogpt_desktop.server.access import key_file
    from autogpt_desktop.server.run import reaches_others

    if key:
        tell(tr("Access key, shown this once: {key}", key=key))
    if own:
        tell(tr("The key is kept in {file}.", file=terminal_line(str(key_file()))))
    if reaches_others(host):
        tell(tr("Other computers of the network can use it with the key; what they send is not encrypted."))
    tell(tr("Ctrl+C ends it."))


class _on_signals:  # noqa: N801  used like a function
    """Ctrl+C, and what a service manager sends, end the command in order."""

    def __init__(self, ended: threading.Event) -> None:
        self._ended = ended
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, lambda *_: self._ended.set())

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
