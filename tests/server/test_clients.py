"""Clients that hang up, that do not read, that are too many."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from autogpt_desktop.server import outbox
from autogpt_desktop.server.service import Service
from tests.server.kit import KEY, Served

LONG = {"model": "tiny", "prompt": "the rain", "max_tokens": 400, "stream": True, "logit_bias": {}}


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def sent(served: Served, body: dict[str, Any], receive_buffer: int = 0) -> socket.socket:
    """A connection on which a completion was asked for."""
    one = socket.socket()
    if receive_buffer:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    one.connect(("127.0.0.1", served.http.port))
    data = json.dumps(body).encode()
    head = f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n"
    one.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    return one


def never_ending(served: Served) -> dict[str, Any]:
    """A completion that no token ends before its limit."""
    body = {**LONG, "logit_bias": {str(id): -100 for id in range(3)}}
    made = served.ask("/v1/completions", body | {"stream": False, "max_tokens": 5})[1]
    assert made["choices"][0]["finish_reason"] == "length"
    return body


@pytest.mark.parametrize("stream", [True, False])
def test_who_hangs_up_is_not_written_for(served: Served, stream: bool) -> None:
    service = served.models.service
    connections = [sent(served, never_ending(served) | {"stream": stream}) for _ in range(3)]
    wait_for(lambda: len(service._active) == 3)
    for one in connections:
        one.close()
    wait_for(lambda: not service.busy)
    assert served.ask("/v1/completions", LONG | {"stream": False, "max_tokens": 2})[0] == 200


def test_who_does_not_read_holds_nobody_up(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for it is bounded, and its answer is whole when it reads at last."""
    monkeypatch.setattr(outbox, "MOST", 8)
    seen = []
    put = outbox.Outbox.put

    def counted(self: outbox.Outbox, item: object) -> None:
        put(self, item)
        seen.append(len(self._items))

    monkeypatch.setattr(outbox.Outbox, "put", counted)
    body = never_ending(served) | {"logprobs": 20, "n": 8}  # more than the system's buffers hold
    slow = sent(served, body, receive_buffer=4096)
    try:
        wait_for(lambda: served.models.service.busy)
        time.sleep(0.3)
        status, made = served.ask("/v1/completions", LONG | {"stream": False, "max_tokens": 30})
        assert status == 200
        assert made["usage"]["completion_tokens"] <= 30
        assert max(seen) <= 8 + 8 * 2, "what its eight answers add in a pass, and their ends"
        slow.settimeout(30)
        data = b""
        while not data.rstrip().endswith(b"0") or b"[DONE]" not in data[-200:]:
            part = slow.recv(1 << 16)
            assert part
            data += part
        assert data.count(b'"finish_reason":"length"') == 8
    finally:
        slow.close()


def test_too_many_are_asked_to_come_again(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autogpt_desktop.server.service.MOST_ANSWERS", 2)
    body = never_ending(served)
    connections = [sent(served, body) for _ in range(2)]
    wait_for(lambda: len(served.models.service._active) == 2)
    status, answer = served.ask("/v1/completions", LONG | {"stream": False})
    assert (status, answer["error"]["type"]) == (429, "rate_limit_error")
    for one in connections:
        one.close()
    wait_for(lambda: not served.models.service.busy)


def test_a_service_that_is_stopped_tells_those_who_wait(served: Served) -> None:
    """As the window does when it closes, or when the job is taken out of the queue."""
    service = Service(lambda: None)  # nobody answers
    told: list[int] = []

    def ask() -> None:
        told.append(served.ask("/v1/completions", LONG | {"stream": False})[0])

    routes = served.models
    before, routes.service._start = routes.service._start, service._start
    try:
        thread = threading.Thread(target=ask)
        thread.start()
        wait_for(lambda: bool(routes.service._waiting))
        routes.service.drop()
        thread.join(20)
    finally:
        routes.service._start = before
    assert told == [503]
    assert served.ask("/v1/completions", LONG | {"stream": False, "max_tokens": 2})[0] == 200
