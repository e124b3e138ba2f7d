"""Child processes that do what a thread could not be stopped doing: questions in, answers out.

A child is a script of ours in an isolated interpreter, or in a frozen app, whose executable is no
interpreter, the same code in a spawned process. Messages are bytes with their length in front. The
child's own end is here too: it imports this file first, so nothing but the standard library may stand in it.
"""

from __future__ import annotations

import importlib.util
import queue
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol

Receive = Callable[[], bytes]  # raises EOFError when the other end is gone
Send = Callable[[bytes], None]
Serve = Callable[[Receive, Send], None]

STEP_SECONDS = 0.04
_AHEAD = 4  # replies that wait to be taken


class Child(Protocol):
    """The process at the other end. ``receive`` raises EOFError when it is gone."""

    greeted: bool  # whether it said that it is ready

    def send(self, data: bytes) -> None: ...
    def receive(self) -> bytes: ...
    def kill(self) -> None: ...
    def stop(self) -> None: ...


def start(script: str, places: list[str], serve: Serve) -> Child:
    """Start ``script`` with ``places`` as its arguments; frozen: ``serve``, which is the script's own."""
    return _Spawned(serve) if getattr(sys, "frozen", False) else _Script(script, places)


def folder_of(package: str) -> str:
    """The folder to import ``package`` from: an isolated interpreter does not look in all of ours."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(package)
    return str(Path(spec.origin).parent.parent)


def ask(child: Child, request: bytes, seconds: float, *, start_seconds: float, first: bytes = b"") -> bytes:
    """The child's answer. A new one is waited for until it says that it is ready, and sent ``first``.

    Raises TimeoutError (the child is killed then), and EOFError or OSError where it is gone.
    """
    if not child.greeted:
        within(start_seconds, child, child.receive)
        if first:
            child.send(first)
        child.greeted = True

    def exchange() -> bytes:
        child.send(request)
        return child.receive()

    return within(seconds, child, exchange)


def replies(
    child: Child, request: bytes, seconds: float, *, start_seconds: float
) -> Generator[bytes | None, None, None]:
    """What a new child answers to one request, reply by reply, each within ``seconds``.

    None comes every few hundredths of a second while one is waited for. Close it behind the last reply: that
    ends the child. Raises TimeoutError, and EOFError where the child is gone.
    """
    incoming: queue.Queue[bytes | None] = queue.Queue(_AHEAD)
    over = threading.Event()
    thread = threading.Thread(target=_listen, args=(child, request, incoming, over), daemon=True)
    thread.start()
    try:
        left = start_seconds + seconds  # of waiting here; who asks may do something else meanwhile
        while True:
            began = time.monotonic()
            try:
                reply = incoming.get(timeout=STEP_SECONDS)
            except queue.Empty:
                left -= time.monotonic() - began
                if left < 0:
                    raise TimeoutError from None
                yield None
                continue
            if reply is None:
                raise EOFError
            yield reply
            left = seconds
    finally:
        over.set()
        child.kill()
        thread.join()
        child.stop()


def _listen(child: Child, request: bytes, incoming: queue.Queue[bytes | None], over: threading.Event) -> None:
    """On a thread of its own: send the request, then pass on what comes. None: nothing will come."""

    def put(reply: bytes | None) -> bool:
        while not over.is_set():
            try:
                incoming.put(reply, timeout=STEP_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    try:
        child.receive()  # it is ready
        child.send(request)
        while put(child.receive()):
            pass
    except (EOFError, OSError):
        put(None)


def within(seconds: float, child: Child, action: Callable[[], bytes]) -> bytes:
    """``action()``, or TimeoutError: the child is killed then, which ends the waiting."""
    late = threading.Event()

    def kill() -> None:
        late.set()
        child.kill()

    timer = threading.Timer(seconds, kill)
    timer.daemon = True
    timer.start()
    try:
        return bytes(action())
    except (EOFError, OSError):
        if late.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()


def serve_pipes(serve: Serve) -> None:
    """In the child: serve on standard input and output, until the parent is gone."""
    source, target = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what a library prints is no reply

    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        serve(lambda: _read(source), lambda data: _write(target, data))


def limit(most: Mapping[str, int], *, for_good: bool = False) -> None:
    """In the child: no more of these resources ("AS", "CPU", … as in ``RLIMIT_AS``) than that, where the
    system can do that. ``for_good``: it cannot be undone."""
    try:
        import resource
    except ImportError:
        return  # Windows
    for name, wanted in most.items():
        what = getattr(resource, f"RLIMIT_{name}")
        with suppress(ValueError, OSError):  # macOS refuses some
            hard = resource.getrlimit(what)[1]
            soft = wanted if hard < 0 else min(wanted, hard)
            resource.setrlimit(what, (soft, soft if for_good else hard))


def _serve_connection(serve: Serve, connection: Any) -> None:
    with suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        serve(connection.recv_bytes, connection.send_bytes)


def _read(source: IO[bytes]) -> bytes:
    length = source.read(4)
    if len(length) < 4:
        raise EOFError
    size = struct.unpack("<I", length)[0]
    data = source.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _write(target: IO[bytes], data: bytes) -> None:
    target.write(struct.pack("<I", len(data)) + data)
    target.flush()


class _Script:
    """An isolated interpreter that runs a script."""

    def __init__(self, script: str, places: list[str]) -> None:
        self.greeted = False
        self._process = subprocess.Popen(
            [sys.executable, "-I", script, *places],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert self._process.stdin
        assert self._process.stdout
        self._to, self._from = self._process.stdin, self._process.stdout

    def send(self, data: bytes) -> None:
        _write(self._to, data)

    def receive(self) -> bytes:
        return _read(self._from)

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._from.close()
        with suppress(BrokenPipeError):  # what it had not read yet; the pipe is closed all the same
            self._to.close()


class _Spawned:
    """The same over a ``multiprocessing`` connection."""

    def __init__(self, serve: Serve) -> None:
        import multiprocessing

        self.greeted = False
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_serve_connection, args=(serve, other), daemon=True)
        self._process.start()
        other.close()

    def send(self, data: bytes) -> None:
        self._connection.send_bytes(data)

    def receive(self) -> bytes:
        return self._connection.recv_bytes()

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._connection.close()
