"""One window per user and data folder: a second start raises the first one and ends.

A lock file decides who is first; a local socket (AF_UNIX, a named pipe on Windows) carries the
second one's wish. Both are named after the data folder, so that two folders can be open side by side.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeGuard

from PySide6.QtCore import QLockFile, QObject, QTimer, Signal
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from autogpt_desktop import paths
from autogpt_desktop.errors import KnownError

MAX_REQUEST = 64 * 1024  # bytes
HEARD = b"heard\n"
PATIENCE_MS = 3000  # for a first instance that has its lock and is not listening yet, or is busy
_LEAST_ROOM = 64 * 1024  # bytes; with less, not even a lock file can be written everywhere
REQUEST_MS = 2000  # for one request to arrive


class SingleInstance(QObject):
    """Call ``acquire`` before the window is built; keep the object as long as the app runs."""

    raised = Signal(list)  # list[str]: files that a second start was given; show the window
    popup_requested = Signal(str, str)  # languages, or "": a second start wants the quick translation

    def __init__(self, folder: Path | None = None, parent: QObject | None = None) -> None:
        """``folder``: the data folder that only one instance may use."""
        super().__init__(parent)
        self._folder = (folder or paths.data_dir()).resolve()
        self._lock = QLockFile(str(self._folder / "instance.lock"))
        self._lock.setStaleLockTime(0)  # never stale by age: only when its process is gone
        self._server: QLocalServer | None = None

    def socket_names(self) -> list[str]:
        """Where the first instance listens: beside the lock where that works, else as Qt sees fit.

        Every start of one user on one data folder gets the same names, whatever its environment.
        """
        user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
        digest = hashlib.sha256(f"{user}:{os.path.normcase(self._folder)}".encode()).hexdigest()[:16]
        name = f"autogpt-desktop-{digest}"  # Qt puts it into the folder for temporary files
        beside = str(self._folder / f"instance-{digest}")
        fits = sys.platform != "win32" and len(os.fsencode(beside)) <= 85  # of 104 to 108 that AF_UNIX has
        return [beside, name] if fits else [name]

    def acquire(
        self,
        files: Iterable[str | Path] = (),
        patience_ms: int = PATIENCE_MS,
        *,
        popup: tuple[str, str] | None = None,
    ) -> bool:
        """True: this is the first instance. False: another one runs and was told to show itself.

        ``popup``: to show the quick translation instead, for these languages ("": as it was).
        Needs a QCoreApplication, but no running event loop yet. Raises KnownError:
        already-running (but it does not answer), disk-full, folder-not-writable.
        """
        if self._lock.tryLock(0):
            self._listen()
            return True
        if self._lock.error() != QLockFile.LockError.LockFailedError:
            raise self._refused()
        request: dict[str, list[str]] = {"files": [str(Path(file).resolve()) for file in files]}
        if popup is not None:
            request["popup"] = list(popup)
        deadline = time.monotonic() + patience_ms / 1000
        while True:
            left = max(1, int((deadline - time.monotonic()) * 1000))
            if any(self._request_raise(name, request, left) for name in self.socket_names()):
                return False
            if self._lock.tryLock(50):  # the other one has just ended
                break
            if time.monotonic() > deadline:
                # No answer. A lock that a crash left over may look alive, if its number was given to
                # another process; the system itself knows whether anyone still holds the file.
                if self._lock.removeStaleLockFile() and self._lock.tryLock(0):
                    break
                raise KnownError("already-running")
        self._listen()
        return True

    def release(self) -> None:
        """Let the next start be the first."""
        if self._server is not None:
            self._server.close()
            self._server.deleteLater()
            self._server = None
        self._lock.unlock()

    def _request_raise(self, name: str, request: dict[str, list[str]], timeout_ms: int) -> bool:
        socket = QLocalSocket()
        socket.connectToServer(name)
        if not socket.waitForConnected(min(timeout_ms, 500)):
            return False
        data = json.dumps(request).encode() + b"\n"
        if len(data) > MAX_REQUEST:
            data = b'{"files": []}\n'
        socket.write(data)
        answer = b""
        deadline = time.monotonic() + timeout_ms / 1000
        while not answer.endswith(b"\n"):
            left = int((deadline - time.monotonic()) * 1000)
            if left <= 0 or not socket.waitForReadyRead(left):
                break
            answer += bytes(socket.readAll().data())
        socket.abort()
        return answer == HEARD

    def _listen(self) -> None:
        """We hold the lock, so a socket of that name is one that a crash left behind."""
        server = QLocalServer(self)
        server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        server.newConnection.connect(self._on_connection)
        for name in self.socket_names():  # not every file system can hold a socket
            QLocalServer.removeServer(name)
            if server.listen(name):
                self._server = server
                return
        self._lock.unlock()
        raise self._refused()

    def _refused(self) -> KnownError:
        """Qt does not tell why the folder takes no file: no room, or no permission."""
        with suppress(OSError):
            if shutil.disk_usage(self._folder).free < _LEAST_ROOM:
                return KnownError("disk-full", folder=str(self._folder))
        return KnownError("folder-not-writable", folder=str(self._folder))

    def _on_connection(self) -> None:
        while self._server is not None and (socket := self._server.nextPendingConnection()):
            request = _Request(socket, self)
            request.asked.connect(self.raised)
            request.popup_asked.connect(self.popup_requested)
            request.read()


class _Request(QObject):
    """One line from a second start; whoever sends nothing, or too much, is hung up on."""

    asked = Signal(list)
    popup_asked = Signal(str, str)

    def __init__(self, socket: QLocalSocket, instance: SingleInstance) -> None:
        super().__init__(instance)
        socket.setParent(self)  # else it ends with the server, and says so to slots that are gone
        self._socket = socket
        self._data = b""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._hang_up)
        self._timer.start(REQUEST_MS)
        socket.setReadBufferSize(MAX_REQUEST)
        socket.readyRead.connect(self._on_data)
        socket.disconnected.connect(self._on_disconnected)

    def read(self) -> None:
        """What came before anyone listened."""
        if self._socket.bytesAvailable():
            self._on_data()

    def _on_data(self) -> None:
        self._data += bytes(self._socket.readAll().data())
        if b"\n" not in self._data and len(self._data) < MAX_REQUEST:
            return
        request = _read(self._data)
        if request is None:
            self._hang_up()
            return
        self._data = b""
        self._socket.write(HEARD)
        self._socket.flush()
        files, popup = request
        if popup is not None:
            self.popup_asked.emit(*popup)
        else:
            self.asked.emit(files)

    def _hang_up(self) -> None:
        self._socket.abort()  # which tells _on_disconnected

    def _on_disconnected(self) -> None:
        self._timer.stop()
        self.deleteLater()


def _read(data: bytes) -> tuple[list[str], tuple[str, str] | None] | None:
    """The request's files, and the languages of a quick translation; None if it is no request of ours."""
    try:
        request = json.loads(data.split(b"\n", 1)[0])
    except (ValueError, RecursionError):
        return None
    if not isinstance(request, dict):
        return None
    files, popup = request.get("files"), request.get("popup")
    if not _is_texts(files) or not (popup is None or (_is_texts(popup) and len(popup) == 2)):
        return None
    return files, (popup[0], popup[1]) if popup is not None else None


def _is_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
