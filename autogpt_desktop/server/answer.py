"""A task's answer on its way to one client: whole, or piece by piece as server-sent events.

Somebody who hangs up is noticed at once, and who does not read for a minute is given up: what was being
written for them ends.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any, Protocol

import anyio
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from autogpt_desktop.server.errors import ApiError, api_error
from autogpt_desktop.server.service import Ended, Task

SEND_SECONDS = 60.0  # that a client may take for one piece
_QUIET_SECONDS = 15.0  # after which a waiting client is told that it is not forgotten


class Shape(Protocol):
    """What the events of a task look like to a client."""

    stream: bool

    def chunks(self, events: list[Any]) -> Iterator[dict[str, Any]]:
        """For a stream: the objects that say what has come."""

    def last_chunks(self) -> Iterator[dict[str, Any]]:
        """Behind all of them."""

    def whole(self) -> dict[str, Any]:
        """Everything, once ``chunks`` has heard of it all."""


class Gone(Exception):
    """The client does not read."""


class Answer:
    """An ASGI application that answers one request."""

    def __init__(self, task: Task, shape: Shape) -> None:
        self._task, self._shape = task, shape
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch, receive, group.cancel_scope)
                with suppress(Gone):
                    await self._answer(scope, receive, send)
                group.cancel_scope.cancel()
        finally:
            self._task.outbox.close()

    async def _watch(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._task.outbox.close()
        scope.cancel()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._shape.stream:
                await self._stream(send)
                return
            async for events in self._events():
                for _ in self._shape.chunks(events):
                    pass
            response = JSONResponse(self._shape.whole())
        except ApiError as error:
            if self._begun:  # a status was sent already
                await self._send(send, _event(error.body()), more=False)
                return
            response = JSONResponse(error.body(), error.status, error.headers)
        with anyio.move_on_after(SEND_SECONDS):
            await response(scope, receive, send)

    async def _stream(self, send: Send) -> None:
        async for events in self._events(send):
            # only now: an error before the first piece still has a status of its own
            data = b"".join(_event(chunk) for chunk in self._shape.chunks(events))
            await self._send(send, data)
        data = b"".join(_event(chunk) for chunk in self._shape.last_chunks())
        await self._send(send, data + b"data: [DONE]\n\n", more=False)

    async def _events(self, send: Send | None = None) -> AsyncIterator[list[Any]]:
        """What has come, until the end. Raises ApiError where that is an error."""
        while True:
            items: list[Any] = []
            with anyio.move_on_after(_QUIET_SECONDS):
                items = await self._task.outbox.take()
            if not items and self._begun and send is not None:
                await self._send(send, b": waiting\n\n")
                continue
            ended = next((item for item in items if isinstance(item, Ended)), None)
            if ended is not None and ended.error is not None:
                raise api_error(ended.error)
            if rest := [item for item in items if not isinstance(item, Ended)]:
                yield rest
            if ended is not None:
                return

    async def _send(self, send: Send, data: bytes, *, more: bool = True) -> None:
        with anyio.move_on_after(SEND_SECONDS) as scope:
            if not self._begun:
                self._begun = True
                await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            if data or not more:
                await send({"type": "http.response.body", "body": data, "more_body": more})
        if scope.cancelled_caught:
            raise Gone


_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy in between hands on at once
]


def _event(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n".encode()
