"""A server on this machine with the hub's layout: the interface for questions, and files by commit."""

from __future__ import annotations

import hashlib
import json
import re
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

from tests.catalog.server import serving_site

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class HubSite:
    """Files by repository and name, and how the server behaves."""

    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    token: str = ""  # asked for where it is not ""
    states: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # to answer first
    file_states: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # the same for files alone
    cut_after: list[int] = field(default_factory=list)  # bytes of a file before hanging up, per request
    lie: int = 0  # bytes that a file's length is overstated by
    slow: float = 0.0  # seconds before each answer
    elsewhere: str = ""  # files are redirected to this host
    page: bytes = b""  # what every question is answered with: a page to log in to a network
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # path, Range, Authorization
    address: str = ""

    def add(self, repository: str, name: str, data: bytes) -> None:
        self.files.setdefault(repository, {})[name] = data


def _info(site: HubSite, repository: str) -> dict[str, object]:
    siblings = []
    for name, data in site.files[repository].items():
        blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
        entry: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": blob}
        if name.endswith((".gguf", ".safetensors")):
            sha256 = hashlib.sha256(data).hexdigest()
            entry["lfs"] = {"sha256": sha256, "size": len(data), "pointerSize": 134}
        siblings.append(entry)
    return {
        "_id": "1", "id": repository, "sha": COMMIT, "private": False, "gated": bool(site.token),
        "downloads": 4200, "likes": 7, "tags": ["gguf", "license:apache-2.0", "en", "zh"],
        "siblings": siblings,
    }  # fmt: skip


def serving_hub(site: HubSite) -> AbstractContextManager[HubSite]:
    return serving_site(site, _answer)


def _send(
    handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", headers: dict[str, str] | None = None
) -> None:
    handler.send_response(status)
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _answer(handler: BaseHTTPRequestHandler, site: HubSite) -> None:
    path, wanted = handler.path.partition("?")[0], handler.headers.get("Range", "")
    authorization = handler.headers.get("Authorization", "")
    site.asked.append((handler.path, wanted, authorization))
    handler.close_connection = True
    time.sleep(site.slow)
    is_file = "/resolve/" in path
    for states in (site.states, site.file_states if is_file else []):
        if states:
            status, headers = states.pop(0)
            _send(handler, status, b"{}", headers)
            return
    if site.page and not is_file:
        _send(handler, 200, site.page, {"Content-Type": "text/html"})
    elif site.token and authorization != f"Bearer {site.token}":
        _send(handler, 401, b"{}", {"X-Error-Code": "GatedRepo"})
    elif path == "/api/models":
        found = [_info(site, name) for name in site.files]
        _send(handler, 200, json.dumps(found).encode(), {"Content-Type": "application/json"})
    elif path.startswith("/api/models/"):
        name = path.removeprefix("/api/models/").partition("/revision/")[0]
        if name not in site.files:
            _send(handler, 404, b"{}", {"X-Error-Code": "RepoNotFound"})
            return
        _send(handler, 200, json.dumps(_info(site, name)).encode(), {"Content-Type": "application/json"})
    else:
        _file(handler, site, path, wanted)


def _file(handler: BaseHTTPRequestHandler, site: HubSite, path: str, wanted: str) -> None:
    match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
    data = site.files.get(match[1], {}).get(match[3]) if match else None
    if data is None:
        _send(handler, 404)
        return
    if site.elsewhere:
        _send(handler, 302, headers={"Location": site.elsewhere + path})
        return
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted)
    start = int(asked[1]) if asked else 0
    stop = min(int(asked[2]) + 1, len(data)) if asked and asked[2] else len(data)
    if asked and start >= len(data):
        _send(handler, 416)
        return
    handler.send_response(206 if asked else 200)
    if asked:
        handler.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data) + site.lie}")
    handler.send_header("Content-Length", str(stop - start + site.lie))
    handler.end_headers()
    cut = site.cut_after.pop(0) if site.cut_after else len(data)
    try:
        handler.wfile.write(data[start:stop][:cut])
    except OSError:  # the client has enough
        return
