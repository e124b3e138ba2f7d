"""The server as a thread of its own, in the window and in the terminal alike."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import ASGIApp

from autogpt_desktop.errors import KnownError
from autogpt_desktop.server.access import Access, is_loopback
from autogpt_desktop.server.app import ListModels, ServedModel, make_app
from autogpt_desktop.server.service import Service

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import ModelPool

log = logging.getLogger(__name__)
PORT = 8642
LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
_START_SECONDS, _STOP_SECONDS = 20.0, 10.0
_CONNECTIONS = 512


class HttpServer:
    """Listens from ``start`` to ``stop``. ``port`` 0: any that is free; then it says which."""

    def __init__(self, app: ASGIApp, host: str = LOOPBACK, port: int = PORT) -> None:
        self.host, self.port = host, port
        config = uvicorn.Config(
            app, http="h11", ws="none", loop="asyncio", lifespan="off",
            log_config=None, access_log=False,
            proxy_headers=False, server_header=False,
            limit_concurrency=_CONNECTIONS, timeout_keep_alive=30, timeout_graceful_shutdown=1,
        )  # fmt: skip
        # addresses are never written down: somebody may have put a key into one
        logging.getLogger("uvicorn.access").disabled = True
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)

    @property
    def url(self) -> str:
        """Where clients find it: those of the network too, where it is open to them."""
        host = lan_address() if self.host in (EVERYWHERE, "::", "") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/v1"

    def start(self) -> None:
        """Returns when it listens. Raises KnownError: server-port-taken, server-port-refused,
        server-address-wrong."""
        self._socket = _bound(self.host, self.port)
        self.port = self._socket.getsockname()[1]
        self._thread.start()
        until = time.monotonic() + _START_SECONDS
        while not self._server.started and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.01)

    def stop(self) -> None:
        """Returns when it no longer listens."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    @property
    def listening(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        with contextlib.closing(self._socket):
            self._server.run([self._socket])


def lan_address() -> str:
    """This computer's address in its network; its own alone where it is in none. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        try:
            one.connect(("192.0.2.1", 9))  # chooses a way there, and so an address of ours
            return str(one.getsockname()[0])
        except OSError:
            return LOOPBACK


def _bound(host: str, port: int) -> socket.socket:
    """A socket that has the address to itself."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise KnownError("server-address-wrong", host=host) from error
    one = socket.socket(family, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere it would let two programs have the same port
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind(address)
        one.listen(128)
    except OSError as error:
        one.close()
        if error.errno == errno.EADDRINUSE:
            raise KnownError("server-port-taken", port=port) from error
        if error.errno in (errno.EACCES, errno.EPERM):
            raise KnownError("server-port-refused", port=port) from error
        raise KnownError("server-address-wrong", host=host) from error
    one.setblocking(False)
    return one


def make_server(
    service: Service, models: ListModels, key: str, host: str = LOOPBACK, port: int = PORT
) -> HttpServer:
    """The server for ``service``, not yet started."""
    return HttpServer(make_app(service, models, Access(key, host)), host, port)


def served_models() -> list[ServedModel]:
    """The installed models that other programs can use, and "autogpt": the one for conversations."""
    from autogpt_desktop.catalog.installed import installed

    found = [
        ServedModel(model.name, model.title, model.kind == "embedding", model.context)
        for model in installed()
        if model.problem is None and model.kind in ("decoder", "embedding")
    ]
    writes = [model for model in found if not model.embeds]
    return [*([ServedModel("autogpt", "autogpt", False)] if writes else []), *found]


class ModelThread:
    """Where there is no window: the thread that owns the models and runs the service's job."""

    def __init__(self, open_models: Callable[[], ModelPool]) -> None:
        self.service = Service(self._wake)
        self._open = open_models
        self._wanted = threading.Event()
        self._cancel = threading.Event()
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End what is written, free the models."""
        self.service.stop()
        self._cancel.set()
        self._wanted.set()
        self._thread.join(_STOP_SECONDS)

    def _wake(self) -> None:
        self._wanted.set()

    def _run(self) -> None:
        models: ModelPool | None = None
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._cancel.is_set():
                break
            try:
                models = models or self._open()
                with models.job() as mine:
                    for _ in self.service.job(mine, self._cancel):
                        if self._cancel.is_set():
                            break
            except Exception:
                if not self._cancel.is_set():
                    log.exception("answering failed")  # the clients have been told; the next may come
                    self.service.drop()
        if models is not None:
            models.unload()


def reaches_others(host: str) -> bool:
    """Can other computers come in at this address?"""
    return not is_loopback(host)
