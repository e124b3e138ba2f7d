"""Files to text, in a child process that is killed when a file takes too long or too much."""

from __future__ import annotations

import atexit
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from autogpt_desktop import paths, sandbox
from autogpt_desktop.documents.files import check
from autogpt_desktop.documents.read import child as child_module
from autogpt_desktop.documents.text.languages import language_of
from autogpt_desktop.documents.types import Document, Limits, Page
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice

START_SECONDS = 30.0  # a cold disk and a busy machine
STEP_SECONDS = 0.04
T = TypeVar("T")
R = TypeVar("R")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PageImage:
    """A picture of a page: rows of ``stride`` bytes, three bytes a pixel, blue first."""

    width: int
    height: int
    stride: int
    pixels: bytes
    rects: tuple[tuple[int, int, int, int], ...]  # of the passage: left, top, right, bottom


class Reader:
    """Reads files with one child process, which is replaced when a file ends it. Close it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._child: sandbox.Child | None = None
        self._unwanted = False  # what is being read is not wanted any more

    def read(self, path: Path, limits: Limits | None = None) -> Document:
        """A file's text with its pages.

        Raises KnownError: document-missing, -unreadable, -link-loop, -not-a-file, -too-large, -empty,
        -kind (not a kind that can be read), -old-office, -encrypted, -scanned, -damaged, -bomb,
        -unsafe, -too-many-columns, -slow, -memory.
        """
        limits = limits or Limits()
        path = Path(os.path.abspath(path))  # where a link leads is not where the user sees the file
        check(path, limits)
        head, content = self._ask(path, limits)
        text = content.decode("utf-8")
        return Document(
            path=path,
            title=head["title"] or os.fsencode(path.stem).decode("utf-8", errors="replace"),
            text=text,
            pages=tuple(Page(start, label) for start, label in head["pages"]),
            language=language_of(text).code,
            sha256=head["sha256"],
            notices=tuple(Notice(key, {"name": path.name} | values) for key, values in head["notices"]),
        )

    def reading(self, path: Path, meanwhile: T, limits: Limits | None = None) -> Generator[T, None, Document]:
        """The same step by step: yields ``meanwhile`` every few hundredths of a second.

        Closed before its end it ends the child, and nothing waits for a file that nobody wants.
        """
        return (yield from self._stepwise(lambda: self.read(path, limits), meanwhile))

    def drawing(
        self, path: Path, number: int, width: int, passage: str, meanwhile: T
    ) -> Generator[T, None, PageImage]:
        """A page of a PDF, from 1, as a picture about ``width`` pixels wide, step by step as above.

        Raises KnownError as ``read``.
        """

        def draw() -> PageImage:
            limits = Limits()
            check(path, limits)
            page = {"number": number, "width": width, "passage": passage}
            head, pixels = self._ask(path, limits, {"page": page})
            rects = tuple((a, b, c, d) for a, b, c, d in head["rects"])
            return PageImage(head["width"], head["height"], head["stride"], pixels, rects)

        return (yield from self._stepwise(draw, meanwhile))

    def _stepwise(self, action: Callable[[], R], meanwhile: T) -> Generator[T, None, R]:
        found: list[R | BaseException] = []

        def run() -> None:
            try:
                found.append(action())
            except BaseException as error:  # raised again below, where somebody hears it
                found.append(error)

        thread = threading.Thread(target=run, name="reading", daemon=True)
        thread.start()
        try:
            thread.join(STEP_SECONDS)
            while thread.is_alive():
                yield meanwhile
                thread.join(STEP_SECONDS)
        finally:
            if thread.is_alive():
                self._give_up()
        result = found[0]
        if isinstance(result, BaseException):
            raise result
        return result

    @property
    def busy(self) -> bool:
        """It reads a file just now."""
        return self._lock.locked()

    def close(self) -> None:
        """End the child process, also in the middle of a file; the next file starts another."""
        self._give_up()
        with self._lock:
            self._stop()

    def _give_up(self) -> None:
        """Kill the child, which ends the waiting for it."""
        self._unwanted = True
        child = self._child
        if child is not None and self.busy:
            child.kill()

    def _ask(
        self, path: Path, limits: Limits, more: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """The child's answer: its head, and the text or pixels. Raises the KnownError that it names."""
        request = json.dumps({"path": str(path), "limits": asdict(limits)} | (more or {})).encode()
        with self._lock:
            self._unwanted = False
            for last in (False, True):
                fresh = self._child is None
                try:
                    data = self._exchange(request, limits.seconds)
                    break
                except TimeoutError:
                    self._stop()
                    seconds = f"{limits.seconds:g}"
                    raise KnownError("document-slow", name=path.name, seconds=seconds) from None
                except (EOFError, OSError):
                    self._stop()
                    # A parser that crashes, or one whose memory ran out in C, takes the child with it.
                    # An old child may have been ended from outside before: once more with a new one.
                    if fresh or last or self._unwanted:
                        raise KnownError("document-damaged", name=path.name) from None
            head_bytes, _, content = data.partition(b"\0")
            head = json.loads(head_bytes)
            if head.get("full"):
                self._stop()  # what it holds on to would count against the next file
        if "error" in head:
            if "reason" in head:
                _log.info("%s: %s", path, head["reason"])
            raise KnownError(head["error"], **head["values"])
        return head, content

    def _exchange(self, request: bytes, seconds: float) -> bytes:
        child = self._child = self._child or _start()
        return sandbox.ask(child, request, seconds, start_seconds=START_SECONDS)

    def _stop(self) -> None:
        if self._child:
            self._child.stop()
            self._child = None


def _start() -> sandbox.Child:
    ours = paths.import_root()
    places = [str(ours), *(place for place in sys.path if place and os.path.exists(place))]
    return sandbox.start(str(Path(child_module.__file__)), places, child_module.serve)


_shared, _second = Reader(), Reader()
atexit.register(_shared.close)
atexit.register(_second.close)


def read(path: Path, *, limits: Limits | None = None) -> Document:
    """A file's text, by a child process that all callers share. Raises as ``Reader.read`` does."""
    return _shared.read(path, limits)


def reading(
    path: Path, meanwhile: T, *, limits: Limits | None = None, urgent: bool = False
) -> Generator[T, None, Document]:
    """``read`` step by step, see ``Reader.reading``.

    ``urgent``: a user waits for it, and not behind the file that is being read for an index.
    """
    reader = _second if urgent and _shared.busy else _shared
    return (yield from reader.reading(path, meanwhile, limits))


def drawing(path: Path, number: int, width: int, passage: str, meanwhile: T) -> Generator[T, None, PageImage]:
    """A page as a picture, see ``Reader.drawing``; not behind the file that is being read for an index."""
    reader = _second if _shared.busy else _shared
    return (yield from reader.drawing(path, number, width, passage, meanwhile))
