"""Who may come in, what is too large, and what is never written down."""

from __future__ import annotations

import http.client
import json
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from autogpt_desktop.errors import KnownError
from autogpt_desktop.server import access
from autogpt_desktop.server.app import MOST_BODY
from autogpt_desktop.server.errors import ApiError
from autogpt_desktop.server.run import HttpServer, lan_address, make_server
from autogpt_desktop.server.service import Service
from tests.server.kit import KEY, Served

CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "x"}], "max_tokens": 2}


def test_without_the_key_nothing_is_told(served: Served) -> None:
    for key in ("", "wrong", KEY[:-1], KEY + "x", "ключ"):
        for path, body in (("/v1/models", None), ("/v1/chat/completions", CHAT), ("/nothing", None)):
            status, answer = served.ask(path, body, headers={"Authorization": f"Bearer {key}".encode()})  # type: ignore[dict-item]
            assert status == 401
            assert answer["error"]["code"] == "invalid_api_key"
            assert KEY not in json.dumps(answer)
    wrong = openai.OpenAI(base_url=served.http.url, api_key="wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        wrong.models.list()
    wrong.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.org"},
        {"Origin": "http://127.0.0.1:8000"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "example.org"},
        {"Host": "example.org:8642"},
        {"Host": "127.0.0.1.example.org"},
        {"Host": "localhost.example.org"},
        {"Host": ""},
    ],
)
def test_no_web_page_can_use_it(served: Served, headers: dict[str, str]) -> None:
    """Not even with the key, as a page of one's own might have it."""
    status, answer = served.ask("/v1/chat/completions", CHAT, headers=headers)
    assert status == 403
    assert answer["error"]["type"] == "permission_error"


def test_a_page_that_asks_first_is_not_told_that_it_may(served: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.http.port, timeout=20)
    connection.request(
        "OPTIONS", "/v1/chat/completions",
        headers={"Origin": "https://example.org", "Access-Control-Request-Method": "POST"},
    )  # fmt: skip
    response = connection.getresponse()
    assert response.status == 403
    assert not [name for name, _ in response.getheaders() if name.lower().startswith("access-control")]
    connection.close()


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:8642", "LOCALHOST"])
def test_names_of_this_computer_are_ours(host: str) -> None:
    headers = {"host": host, "authorization": f"Bearer {KEY}"}
    access.Access(KEY, "127.0.0.1").check(headers)
    with pytest.raises(ApiError):
        access.Access(KEY, "127.0.0.1").check(headers | {"host": "box.local"})


def test_a_body_of_fifty_megabytes_is_refused_in_words(served: Served) -> None:
    body = b'{"model": "tiny", "messages": "' + b"x" * (50 << 20) + b'"}'
    status, answer = served.ask("/v1/chat/completions", body)
    assert status == 413
    assert answer["error"]["code"] == "request_too_large"
    status, _ = served.ask("/v1/models")
    assert status == 200
    assert len(body) > MOST_BODY


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"temperature": NaN}', b"1e999"]
)
def test_what_is_no_json_object_is_told(served: Served, body: bytes) -> None:
    status, answer = served.ask("/v1/chat/completions", body)
    assert (status, answer["error"]["code"]) == (400, "invalid_json")


def test_other_addresses_and_methods(served: Served) -> None:
    assert served.ask("/v2/models")[0] == 404
    assert served.ask("/v1/chat/completions")[0] == 405


def test_the_key_is_never_logged(
    served: Served, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    served.ask(f"/v1/models?key={KEY}")
    served.ask("/v1/chat/completions", b"{")
    served.ask("/v1/chat/completions", CHAT)
    written = caplog.text + "".join(capfd.readouterr())
    assert KEY not in written


def test_the_key_is_made_once_and_for_its_user_alone(isolated_home: Path) -> None:
    key, is_new = access.own_key()
    assert is_new
    assert len(key) > 40
    assert access.own_key() == (key, False)
    if os.name == "posix":
        assert stat.S_IMODE(access.key_file().stat().st_mode) == 0o600
    assert access.new_key() != key
    access.key_file().write_text("short\n")
    assert access.own_key()[1]
    assert not any(map(access.is_key, ("", "short", "a key with spaces", "schlüssel-für-alle", "x" * 201)))


@pytest.fixture
def idle() -> Iterator[HttpServer]:
    server = make_server(Service(lambda: None), lambda: [], KEY, port=0)
    server.start()
    yield server
    server.stop()


def test_a_port_that_is_taken_is_named(idle: HttpServer) -> None:
    other = make_server(Service(lambda: None), lambda: [], KEY, port=idle.port)
    with pytest.raises(KnownError, match="server-port-taken"):
        other.start()
    with pytest.raises(KnownError, match="server-address-wrong"):
        make_server(Service(lambda: None), lambda: [], KEY, host="192.0.2.1", port=0).start()


def test_where_the_network_finds_it() -> None:
    server = make_server(Service(lambda: None), lambda: [], KEY, host="0.0.0.0", port=1234)
    assert server.url == f"http://{lan_address()}:1234/v1"
    assert make_server(Service(lambda: None), lambda: [], KEY, host="::1", port=1).url == "http://[::1]:1/v1"


def test_it_ends_and_frees_its_port(idle: HttpServer) -> None:
    idle.stop()
    again = make_server(Service(lambda: None), lambda: [], KEY, port=idle.port)
    again.start()
    assert again.listening
    again.stop()
    assert not again.listening
