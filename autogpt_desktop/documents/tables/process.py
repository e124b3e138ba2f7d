"""The parent's end of the child process that reads workbooks: messages as they come, within a time."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autogpt_desktop import paths, sandbox
from autogpt_desktop.documents.tables import child as child_module
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError

START_SECONDS = 30.0  # a cold disk and a busy machine
_log = logging.getLogger(__name__)

Message = tuple[dict[str, Any], bytes]


def exchange(path: Path, limits: Limits, request: dict[str, Any]) -> Iterator[Message | None]:
    """What a child process of its own answers, message by message until the one that is the end.

    None comes every few hundredths of a second while one is waited for. Left early, it ends the child.
    Raises KnownError: document-slow, document-damaged, and what the child names.
    """
    places = [str(paths.import_root()), *(place for place in sys.path if place and Path(place).exists())]
    child = sandbox.start(str(Path(child_module.__file__)), places, child_module.serve)
    data = json.dumps({"path": str(path), "limits": asdict(limits)} | request).encode()
    try:
        with closing(sandbox.replies(child, data, limits.seconds, start_seconds=START_SECONDS)) as replies:
            for found in replies:
                if found is None:
                    yield None
                    continue
                head_bytes, _, content = found.partition(b"\0")
                head = json.loads(head_bytes)
                if "error" in head:
                    if "reason" in head:
                        _log.info("%s: %s", path, head["reason"])
                    raise KnownError(head["error"], **{"name": path.name} | head["values"])
                yield head, content
                if head.get("end"):
                    return
    except TimeoutError as error:
        raise KnownError("document-slow", name=path.name, seconds=f"{limits.seconds:g}") from error
    except EOFError as error:  # a parser that crashes, or one whose memory ran out in C
        raise KnownError("document-damaged", name=path.name) from error
