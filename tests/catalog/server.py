"""A real HTTP server on this machine that serves bytes well or badly, as a test asks."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Protocol, TypeVar

from autogpt_desktop.catalog.entries import CatalogModel, FileEntry, Source, catalog


@dataclass
class Site:
    """What the server has and how it behaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True  # honours Range
    cut_after: list[int] = field(default_factory=list)  # bytes to send before hanging up, per request
    states: list[int] = field(default_factory=list)  # HTTP states to answer first
    wrong_range: bool = False  # answers 206 with another range
    chunked: bool = False  # does not say how much comes
    requests: list[tuple[str, str]] = field(default_factory=list)  # (path, Range)
    sent: int = 0
    address: str = ""

    def url(self, name: str) -> str:
        return f"{self.address}/{name}"


class Addressed(Protocol):
    """Of any site: where it is found is told to it."""

    address: str


SiteKind = TypeVar("SiteKind", bound=Addressed)
Answer = Callable[[BaseHTTPRequestHandler, SiteKind], None]


@contextmanager
def serving_site(site: SiteKind, answer: Answer[SiteKind]) -> Iterator[SiteKind]:
    """On a thread of its own, which ends with the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, site)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def serving(site: Site) -> AbstractContextManager[Site]:
    return serving_site(site, answer)


def answer(handler: BaseHTTPRequestHandler, site: Site) -> None:
    name, wanted = handler.path.lstrip("/"), handler.headers.get("Range", "")
    site.requests.append((name, wanted))
    handler.close_connection = True
    if site.states:
        handler.send_response(site.states.pop(0))
        handler.end_headers()
        return
    data = site.files.get(name)
    if data is None:
        handler.send_error(404)
        return
    start = 0
    match = re.fullmatch(r"bytes=(\d+)-", wanted)
    if match and site.ranges:
        start = int(match[1])
        if start >= len(data):
            handler.send_response(416)
            handler.end_headers()
            return
        shown = start - 1 if site.wrong_range else start
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {shown}-{len(data) - 1}/{len(data)}")
    else:
        handler.send_response(200)
    kind = "text/html" if name.startswith("simple/") else "application/octet-stream"
    handler.send_header("Content-Type", kind)
    body = data[start:]
    if not site.chunked:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    cut = site.cut_after.pop(0) if site.cut_after else len(body)
    try:
        handler.wfile.write(body[:cut])
        site.sent += len(body[:cut])
    except OSError:  # the client closed: that is what some tests are about
        return


def model_of(data: bytes, *sources: Source, name: str = "tiny") -> CatalogModel:
    """A catalog model of one file that holds ``data``."""
    file = FileEntry("tiny.gguf", len(data), hashlib.sha256(data).hexdigest(), tuple(sources))
    return replace(next(iter(catalog().values())), name=name, title="Tiny", files=(file,), terms="")
