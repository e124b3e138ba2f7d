"""The parent's end of the child process that reads workbooks: messages as they come, within a time."""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

from autogpt_desktop import paths, sandbox
from autogpt_desktop.documents.tables import child as child_module
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError

START_SECONDS = 30.0  # a cold disk and a busy machine
STEP_SECONDS = 0.04
_AHEAD = 4  # messages that wait to be taken
_log = logging.getLogger(__name__)

Message = tuple[dict[str, Any], bytes]


def exchange(path: Path, limits: Limits, request: dict[str, Any]) -> Iterator[Message | None]:
    """What a child process of its own answers, message by message until the one that is the end.

    None comes every few hundredths of a second while one is waited for. Left early, it ends the child.
    Raises KnownError: document-slow, document-damaged, and what the child names.
    """
    places = [
        str(paths.import_root()),
        *(place for place in sys.path if place and os.path.exists(place)),
    ]
    child = sandbox.start(str(Path(child_module.__file__)), places, child_module.serve)
    incoming: queue.Queue[bytes | None] = queue.Queue(_AHEAD)
    over = threading.Event()
    data = json.dumps({"path": str(path), "limits": asdict(limits)} | request).encode()
    thread = threading.Thread(target=_listen, args=(child, data, incoming, over), daemon=True)
    thread.start()
    try:
        until = monotonic() + START_SECONDS + limits.seconds
        while True:
            try:
                found = incoming.get(timeout=STEP_SECONDS)
            except queue.Empty:
                if monotonic() > until:
                    raise KnownError("document-slow", name=path.name, seconds=f"{limits.seconds:g}") from None
                yield None
                continue
            if found is None:  # a parser that crashes, or one whose memory ran out in C
                raise KnownError("document-damaged", name=path.name)
            head_bytes, _, content = found.partition(b"\0")
            head = json.loads(head_bytes)
            if "error" in head:
                if "reason" in head:
                    _log.info("%s: %s", path, head["reason"])
                raise KnownError(head["error"], **{"name": path.name} | head["values"])
            yield head, content
            if head.get("end"):
                return
            until = monotonic() + limits.seconds
    finally:
        over.set()
        child.kill()
        thread.join()
        child.stop()


def _listen(
    child: sandbox.Child, request: bytes, incoming: queue.Queue[bytes | None], over: threading.Event
) -> None:
    """On a thread of its own: send the request, then pass on what comes. None: nothing will come."""

    def put(found: bytes | None) -> bool:
        while not over.is_set():
            try:
                incoming.put(found, timeout=STEP_SECONDS)
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
