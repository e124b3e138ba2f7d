"""The server for other programs while the window is there: a switch in Settings, off at first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.settings import Settings

if TYPE_CHECKING:
    from autogpt_desktop.server.run import HttpServer
    from autogpt_desktop.server.service import Service
    from autogpt_desktop.worker import Job

Submit = Callable[[Callable[[Any, threading.Event], Iterator[Any]]], "Job"]  # queues a job with the models


class LocalServer(QObject):
    """Signals: ``changed`` when it listens, stops or could not; ``failed`` with what went wrong then.

    ``submit`` is called on the GUI thread whenever there is something to answer.
    """

    changed = Signal()
    failed = Signal(object)
    _wanted = Signal()  # from the server's thread
    _ready = Signal(object, object, object)  # HttpServer | None, Service, exception | None

    def __init__(self, settings: Settings, submit: Submit) -> None:
        super().__init__()
        self._settings, self._submit = settings, submit
        self._http: HttpServer | None = None
        self._service: Service | None = None
        self._working = False  # it starts or stops, beside this thread
        self._again = False  # the settings changed meanwhile
        self.error: BaseException | None = None
        self._wanted.connect(self._answer)
        self._ready.connect(self._on_ready)

    @property
    def address(self) -> str:
        """What clients on this computer are given; "": it does not listen."""
        return self._http.url if self._http is not None else ""

    def apply(self) -> None:
        """Be as the settings say: off, or on at their port. It does not wait: ``changed`` follows."""
        if self._working:
            self._again = True
            return
        before, self._http = self._http, None
        if self._service is not None:
            self._service.stop()
            self._service = None
        self.error = None
        if before is not None or self._settings.server:
            self._working = True
            # to hang up, and to import what it needs, takes a moment
            threading.Thread(target=self._work, args=[before], name="server start", daemon=True).start()
        self.changed.emit()

    def stop(self) -> None:
        """Behind the last window: answers that are being written end. It waits."""
        service, http = self._service, self._http
        self._service = self._http = None
        if service is not None:
            service.stop()
        if http is not None:
            http.stop()

    def key(self) -> str:
        """The access key, made when it is first asked for. Raises KnownError: settings-not-saved."""
        from autogpt_desktop.server.access import own_key

        return own_key()[0]

    def renew_key(self) -> None:
        """Another key from now on. Raises KnownError: settings-not-saved."""
        from autogpt_desktop.server.access import new_key

        new_key()
        self.apply()

    def _work(self, before: HttpServer | None) -> None:
        from autogpt_desktop.server.access import own_key
        from autogpt_desktop.server.run import EVERYWHERE, LOOPBACK, make_server, served_models
        from autogpt_desktop.server.service import Service

        if before is not None:
            before.stop()
        service = Service(self._wanted.emit)
        settings = self._settings
        if not settings.server:
            self._ready.emit(None, service, None)
            return
        try:
            host = EVERYWHERE if settings.server_network else LOOPBACK
            http = make_server(service, served_models, own_key()[0], host, settings.server_port)
            http.start()
        except Exception as error:
            self._ready.emit(None, service, error)
        else:
            self._ready.emit(http, service, None)

    def _on_ready(self, http: HttpServer | None, service: Service, error: BaseException | None) -> None:
        self._working = False
        self._http, self.error = http, error
        self._service = service if http is not None else None
        if self._again:
            self._again = False
            self.apply()
            return
        if error is not None:
            self.failed.emit(error)
        self.changed.emit()

    def _answer(self) -> None:
        service = self._service
        if service is None:  # stopped meanwhile
            return
        begun = False

        def job(models: Any, cancel: threading.Event) -> Iterator[Any]:
            nonlocal begun
            begun = True
            yield from service.job(models, cancel)

        def on_finished(_state: str, _error: object) -> None:
            if not begun:  # cancelled while it waited, or the models could not be made
                service.drop()

        self._submit(job).finished.connect(on_finished)
