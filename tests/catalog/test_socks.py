"""Downloads through a SOCKS proxy, which the environment names."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from autogpt_desktop.catalog.connection import socks_proxy
from autogpt_desktop.catalog.transfer import SourceFailed, stream
from tests.catalog.server import Site


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch, site: Site) -> Iterator[list[str]]:
    """A proxy for every name that leads to the site; the names that it was asked for."""
    asked: list[str] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            client = self.request
            client.recv(2 + 255)  # the ways to sign in
            client.sendall(b"\x05\x00")
            head = client.recv(5)
            assert head[3] == 3, "the name is looked up by the proxy"
            name = client.recv(head[4])
            client.recv(2)
            asked.append(name.decode())
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
            with socket.create_connection(("127.0.0.1", int(site.address.rpartition(":")[2]))) as server:
                server.sendall(client.recv(65536))
                while data := server.recv(65536):
                    client.sendall(data)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("all_proxy", f"socks5://127.0.0.1:{server.server_address[1]}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_a_file_comes_through_the_proxy(proxy: list[str], site: Site, tmp_path: Path) -> None:
    pytest.importorskip("socksio")
    site.files["a"] = bytes(range(256)) * 4000
    list(stream("http://far.example/a", tmp_path / "a", size=len(site.files["a"])))
    assert (tmp_path / "a").read_bytes() == site.files["a"]
    assert proxy == ["far.example"]
    with pytest.raises(SourceFailed) as error:
        list(stream("http://far.example/missing", tmp_path / "b"))
    assert error.value.status == 404


def test_which_proxy_is_for_socks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "no_proxy",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    assert socks_proxy("https://far.example/a") == ""
    monkeypatch.setenv("all_proxy", "socks5h://127.0.0.1:9")
    assert socks_proxy("https://far.example/a") == "socks5h://127.0.0.1:9"
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:8")  # the nearer one counts
    assert socks_proxy("https://far.example/a") == ""
    assert socks_proxy("http://far.example/a") == "socks5h://127.0.0.1:9"
    monkeypatch.setenv("no_proxy", "far.example")
    assert socks_proxy("http://far.example/a") == ""
