"""The child process that reads a file of conversations: checked as a whole, handed out in pieces.

Run as a script (``python -I import_child.py <import path>``); in a frozen app a spawned process calls
``serve``. The request and the replies are JSON: a conversation without its messages, some messages, the end,
or an error.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autogpt_desktop.sandbox import Receive, Send

_MESSAGES, _CHARACTERS = 50, 1 << 16  # of one piece, which is indexed within 0.05 s


def serve(receive: Receive, send: Send) -> None:
    """Answer one request."""
    from autogpt_desktop.sandbox import limit
    from autogpt_desktop.storage.conversations import export

    assert export
    send(b"{}")  # ready
    request = json.loads(receive())
    seconds = int(time.process_time() + 20 * request["seconds"])  # the parent is faster: for when it died
    limit({"AS": request["memory"], "FSIZE": 0, "CORE": 0, "CPU": seconds})
    for reply in _answers(request["path"]):
        send(json.dumps(reply).encode())


def _answers(path: str) -> Iterator[dict[str, Any]]:
    from autogpt_desktop.errors import KnownError
    from autogpt_desktop.regular_file import check_regular, read_regular_text
    from autogpt_desktop.storage.conversations.export import MAX_FILE, from_json

    try:
        if check_regular(path).st_size > MAX_FILE:
            raise KnownError("import-too-large")
        trees = from_json(read_regular_text(path))
    except KnownError as error:
        yield {"error": error.key, "values": error.values}
        return
    except UnicodeDecodeError:
        yield {"error": "import-not-ours", "values": {}}
        return
    except OSError:
        yield {"error": "import-unreadable", "values": {}}
        return
    except MemoryError:
        yield {"error": "import-too-large", "values": {}}
        return
    total = sum(1 + len(tree.messages) for tree in trees)
    yield {"total": total}
    for tree in trees:
        yield {"tree": tree.values()}
        piece: list[dict[str, Any]] = []
        length = 0
        for message in tree.messages:
            piece.append(message.values())
            length += len(message.text) + sum(len(str(one.get("text", ""))) for one in message.attachments)
            if len(piece) >= _MESSAGES or length >= _CHARACTERS:
                yield {"messages": piece}
                piece, length = [], 0
        yield {"messages": piece}
    yield {"end": True}


def main() -> None:
    """Serve on standard input and output."""
    sys.path += sys.argv[1:]
    from autogpt_desktop.sandbox import serve_pipes

    serve_pipes(serve)


if __name__ == "__main__":
    main()
