"""The child process that reads workbooks and hands out their rows, some at a time, or a copy of them.

Run as a script (``python -I child.py <import path>``); in a frozen app a spawned process calls ``serve``.
The request is JSON. Replies are JSON and, behind a zero byte, bytes: the sheets, then rows, or a copy of
the workbook piece by piece; then the end or what is wrong.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from autogpt_desktop.documents.types import Limits
    from autogpt_desktop.sandbox import Receive, Send

SLICE = 0.2  # seconds after which the parent hears something, rows or none
_ROWS, _CHARACTERS = 500, 1 << 18  # of one reply


def serve(receive: Receive, send: Send) -> None:
    """Answer one request."""
    from autogpt_desktop.documents.tables import opendocument, workbook  # with them all that reading needs
    from autogpt_desktop.sandbox import limit

    assert workbook
    assert opendocument
    send(b"{}")  # ready
    request = json.loads(receive())
    limits = request["limits"]
    seconds = int(time.process_time() + 20 * limits["seconds"])  # the parent is faster: for when it died
    limit({"AS": limits["memory"], "FSIZE": 0, "CORE": 0, "CPU": seconds})
    for head, content in _answers(request):
        send(json.dumps(head).encode() + b"\0" + content)


def _answers(request: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bytes]]:
    from pathlib import Path

    from autogpt_desktop.documents.files import file_error
    from autogpt_desktop.documents.read.formats.parts import Unreadable
    from autogpt_desktop.documents.types import Limits
    from autogpt_desktop.regular_file import open_regular

    path, limits = Path(request["path"]), Limits(**request["limits"])
    try:
        with open_regular(path) as file:
            if "add" in request:
                yield from _copy(file, request, limits)
            else:
                for reply in _read(file, request["sheet"], limits):
                    yield reply, b""
    except Unreadable as error:
        yield {"error": error.key, "values": error.values}, b""
    except OSError as error:
        known = file_error(path, error)
        yield {"error": known.key, "values": known.values}, b""
    except (MemoryError, RecursionError):
        yield {"error": "document-memory", "values": {}}, b""
    except Exception as error:  # whatever a stranger's file makes a parser raise; the caller logs it
        reason = f"{type(error).__name__}: {error}"[:500]
        yield {"error": "document-damaged", "values": {}, "reason": reason}, b""


def _read(file: BinaryIO, sheet: str, limits: Limits) -> Iterator[dict[str, Any]]:
    from autogpt_desktop.documents.read.formats.archive import Archive, is_opendocument
    from autogpt_desktop.documents.read.formats.parts import Unreadable
    from autogpt_desktop.documents.tables.opendocument import OpenSpreadsheet
    from autogpt_desktop.documents.tables.workbook import Workbook

    is_open = file.read(4) == b"PK\3\4" and is_opendocument(Archive(file, limits), b"spreadsheet")
    file.seek(0)
    book = OpenSpreadsheet(file, limits) if is_open else Workbook(file, limits)
    if not book.sheets:
        raise Unreadable("document-empty")
    if sheet and sheet not in book.sheets:
        raise Unreadable("table-no-sheet", sheet=sheet, sheets=", ".join([*book.sheets][:20]))
    chosen = sheet or next(iter(book.sheets))
    kind = "ods" if is_open else "xlsx"
    yield {"sheet": chosen, "sheets": [*book.sheets], "kind": kind}
    waiting: list[Any] = []
    length, begun = 0, time.monotonic()
    for row in book.rows(chosen):
        if row is not None:
            waiting.append(row)
            length += sum(len(cell[1] if isinstance(cell, tuple) else cell or "") for cell in row)
        late = time.monotonic() - begun > SLICE
        if late or len(waiting) >= _ROWS or length >= _CHARACTERS:
            yield {"rows": waiting}
            waiting, length, begun = [], 0, time.monotonic()
    yield {"rows": waiting, "end": True}


def _copy(file: BinaryIO, request: dict[str, Any], limits: Limits) -> Iterator[tuple[dict[str, Any], bytes]]:
    from autogpt_desktop.documents.tables.add_columns import AddedColumns, copy_workbook
    from autogpt_desktop.documents.tables.workbook import Workbook

    begun = time.monotonic()
    book = Workbook(file, limits)
    for piece in copy_workbook(book, request["sheet"], AddedColumns(**request["add"]), request["suffix"]):
        if isinstance(piece, bytes):
            yield {}, piece
        elif time.monotonic() - begun > SLICE:
            yield {"done": piece}, b""
            begun = time.monotonic()
    yield {"end": True}, b""


def main() -> None:
    """Serve on standard input and output."""
    sys.path += sys.argv[1:]
    from autogpt_desktop.sandbox import serve_pipes

    serve_pipes(serve)


if __name__ == "__main__":
    main()
