"""The child process that reads files. A file is a stranger's work, and so its parsers may be misled.

Run as a script (``python -I child.py <import path>``); in a frozen app a spawned process calls ``serve``.
Requests are JSON: path and limits; replies a JSON head and, behind a zero byte, the text.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autogpt_desktop.sandbox import Receive, Send


def serve(receive: Receive, send: Send) -> None:
    """Answer requests until ``receive`` raises EOFError."""
    from autogpt_desktop.documents.read.formats import parse  # with it all that reading needs, but for PDFium

    assert parse
    send(b"{}")  # ready
    while True:
        request = json.loads(receive())
        head, content = _answer(request)
        data = content if isinstance(content, bytes) else content.encode("utf-8", errors="replace")
        send(json.dumps(head).encode() + b"\0" + data)


def _answer(request: dict[str, Any]) -> tuple[dict[str, Any], str | bytes]:
    """The head of the reply and the text, or the pixels of the page that was asked for."""
    import hashlib
    from pathlib import Path

    from autogpt_desktop.documents.files import read_bytes
    from autogpt_desktop.documents.read.formats import parse
    from autogpt_desktop.documents.types import Limits
    from autogpt_desktop.errors import KnownError

    path, limits = Path(request["path"]), Limits(**request["limits"])
    _limit(limits.memory, limits.seconds)
    sha256 = ""
    try:
        data = read_bytes(path, limits)
        if "page" in request:
            from autogpt_desktop.documents.read.formats.page_image import page_image

            return page_image(data, **request["page"])
        sha256 = hashlib.sha256(data).hexdigest()
        parts = parse.parse(data, path.name, limits)
    except parse.Unreadable as error:
        values = {"name": path.name} | error.values
        return {"error": error.key, "values": values, "sha256": sha256}, ""
    except KnownError as error:
        return {"error": error.key, "values": error.values, "sha256": sha256}, ""
    except (MemoryError, RecursionError):
        values = {"name": path.name}
        return {"error": "document-memory", "values": values, "sha256": sha256, "full": True}, ""
    except Exception as error:  # whatever a stranger's file makes a parser raise; the caller logs it
        reason = f"{type(error).__name__}: {error}"[:500]
        values = {"name": path.name}
        return {"error": "document-damaged", "values": values, "sha256": sha256, "reason": reason}, ""
    head = {"title": parts.title, "pages": parts.pages, "notices": parts.notices, "sha256": sha256}
    return head | {"full": _used() > limits.memory // 2}, parts.text()


def _limit(memory: int, seconds: float) -> None:
    """So much memory, so much time from now, no files written; where the system can do that."""
    from autogpt_desktop.sandbox import limit

    spent = time.process_time()
    # The parent is faster with the time: this is for when it died.
    limit({"AS": memory, "FSIZE": 0, "CORE": 0, "CPU": int(spent + seconds) + 10})


def _used() -> int:
    """The most memory in bytes that this process ever held; 0 where the system does not tell."""
    try:  # Linux counts what the parent held in ru_maxrss, but not here
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most << 10


def main() -> None:
    """Serve on standard input and output."""
    sys.path += sys.argv[1:]
    from autogpt_desktop.sandbox import serve_pipes

    serve_pipes(serve)


if __name__ == "__main__":
    main()
