"""The child process that encodes with a tokenizer whose rules are a stranger's program: its own patterns.

Run as a script by :mod:`hf` (``python -I encode_child.py <folders with tokenizers and ours>``); in a frozen
app a spawned process calls ``serve``. Requests and replies are JSON; the first names the file.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autogpt_desktop.sandbox import Receive, Send

MEMORY = 4 << 30  # bytes of address space: the largest word lists take one of them
CPU = 3600  # seconds of the processor in all; the parent is faster, this is for when it died


def serve(receive: Receive, send: Send) -> None:
    """Answer encode requests until ``receive`` raises EOFError."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers import Tokenizer

    from autogpt_desktop.sandbox import limit

    limit({"AS": MEMORY, "CPU": CPU, "FSIZE": 0, "CORE": 0}, for_good=True)
    send(b"{}")  # ready
    native = Tokenizer.from_file(json.loads(receive())["file"])
    native.no_truncation()
    native.no_padding()
    native.encode_special_tokens = True
    while True:
        request = json.loads(receive())
        try:
            special = request["special"]
            found = native.encode_batch_fast(request["texts"], add_special_tokens=special)
            reply: dict[str, object] = {"ids": [one.ids for one in found]}
        except BaseException as error:  # also a panic of the library
            reply = {"error": type(error).__name__}
        send(json.dumps(reply).encode())


def main() -> None:
    """Serve on standard input and output."""
    sys.path += sys.argv[1:]
    from autogpt_desktop.sandbox import serve_pipes

    serve_pipes(serve)


if __name__ == "__main__":
    main()
