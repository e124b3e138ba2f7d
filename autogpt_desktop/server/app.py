"""The routes: OpenAI's interface for the models on this computer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import anyio
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from autogpt_desktop._version import __version__
from autogpt_desktop.server.access import Access, names
from autogpt_desktop.server.answer import Answer
from autogpt_desktop.server.chat import read_chat
from autogpt_desktop.server.completions import read_completion
from autogpt_desktop.server.errors import ApiError, wrong
from autogpt_desktop.server.fields import Fields
from autogpt_desktop.server.outbox import Outbox
from autogpt_desktop.server.service import Embedding, Generation, Service
from autogpt_desktop.server.shapes import ChatShape, CompletionShape, EmbeddingShape

MOST_BODY = 16 << 20  # bytes: more text than any context takes
_DRAINED = 128 << 20  # bytes of a larger body that are read and dropped, so that the client hears why
_BODY_SECONDS = 60.0
_MOST_TEXTS = 2048
_LIST_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ServedModel:
    """One that clients may name."""

    name: str
    title: str
    embeds: bool = False  # else it writes
    context: int = 0  # tokens; 0: not known
    created: int = 0  # seconds since 1970


ListModels = Callable[[], Sequence[ServedModel]]  # called on any thread


class _Routes:
    def __init__(self, service: Service, models: ListModels) -> None:
        self._service, self._models = service, models
        self._listed: Sequence[ServedModel] = ()
        self._listed_at = -_LIST_SECONDS

    async def models(self, _request: Request) -> Response:
        listed = await self._list(0)
        return JSONResponse({"object": "list", "data": [_model_object(model) for model in listed]})

    async def _list(self, age: float) -> Sequence[ServedModel]:
        """The models, as they were at most ``age`` seconds ago: to look at all files takes a moment."""
        if time.monotonic() - self._listed_at >= age:
            self._listed = await to_thread.run_sync(self._models)
            self._listed_at = time.monotonic()
        return self._listed

    async def model(self, request: Request) -> Response:
        return JSONResponse(_model_object(await self._served(request.path_params["name"])))

    async def chat(self, request: Request) -> ASGIApp:
        wanted = read_chat(await _body(request))
        await self._served(wanted.model, embeds=False)
        task = Generation(
            wanted.model, Outbox(), wanted.wanted.n, build=wanted.build, logprobs=wanted.logprobs
        )
        self._service.submit(task)
        return Answer(task, ChatShape(wanted))

    async def completion(self, request: Request) -> ASGIApp:
        wanted = read_completion(await _body(request))
        await self._served(wanted.model, embeds=False)
        task = Generation(
            wanted.model, Outbox(), wanted.size,
            build=wanted.build, logprobs=wanted.logprobs_of, echo=wanted.echoed,
        )  # fmt: skip
        self._service.submit(task)
        return Answer(task, CompletionShape(wanted))

    async def embeddings(self, request: Request) -> ASGIApp:
        body = Fields(await _body(request))
        model = body.text("model")
        texts = body.texts("input", _MOST_TEXTS)
        if not texts or not all(text.strip() for text in texts):
            raise wrong("input", "must be a text, or several, none of them empty")
        body.unsupported("dimensions")
        as_base64 = body.choice("encoding_format", ("float", "base64"), "float") == "base64"
        await self._served(model, embeds=True)
        task = Embedding(model, Outbox(), texts=texts)
        self._service.submit(task)
        return Answer(task, EmbeddingShape(model, as_base64=as_base64))

    async def _served(self, name: str, *, embeds: bool | None = None) -> ServedModel:
        """The model of that name. Raises ApiError: 404, or 400 where it is for something else."""
        for age in (_LIST_SECONDS, 0):
            found = next((model for model in await self._list(age) if model.name == name), None)
            if found is not None:
                break
        if found is None:
            raise ApiError(
                404,
                f"There is no model '{name[:200]}' here. GET /v1/models lists those that are.",
                param="model",
                code="model_not_found",
            )
        if embeds is not None and found.embeds != embeds:
            what = "finds texts by meaning: use /v1/embeddings" if found.embeds else "makes no embeddings"
            raise ApiError(400, f"The model '{name}' {what}", param="model", code="model_not_for_this")
        return found


def _model_object(model: ServedModel) -> dict[str, Any]:
    return {
        "id": model.name,
        "object": "model",
        "created": model.created,
        "owned_by": "autogpt-desktop",
        "title": model.title,
        "context_length": model.context,
        "embeds": model.embeds,
    }


async def _body(request: Request) -> dict[str, Any]:
    """The object that a request's body is. Raises ApiError: 413, 408, 400."""
    parts, size = [], 0
    with anyio.move_on_after(_BODY_SECONDS) as scope:
        async for part in request.stream():
            size += len(part)
            if size <= MOST_BODY:
                parts.append(part)
            elif size > _DRAINED:
                break
    if scope.cancelled_caught:
        raise ApiError(408, "The request's body did not come in time.", headers={"Connection": "close"})
    if size > MOST_BODY:
        raise ApiError(
            413,
            f"The request's body is larger than {MOST_BODY >> 20} MB.",
            code="request_too_large",
            headers={"Connection": "close"},
        )
    try:
        value = json.loads(b"".join(parts), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "The request's body is not JSON.", code="invalid_json") from error
    if not isinstance(value, dict):
        raise ApiError(400, "The request's body must be a JSON object.", code="invalid_json")
    return value


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no JSON")


def make_app(service: Service, models: ListModels, access: Access) -> ASGIApp:
    """The ASGI application."""
    routes = _Routes(service, models)
    app = Starlette(
        routes=[
            Route("/v1/models", routes.models),
            Route("/v1/models/{name:path}", routes.model),
            Route("/v1/chat/completions", _answered(routes.chat), methods=["POST"]),
            Route("/v1/completions", _answered(routes.completion), methods=["POST"]),
            Route("/v1/embeddings", _answered(routes.embeddings), methods=["POST"]),
        ],
        exception_handlers={ApiError: _on_error, HTTPException: _on_http, Exception: _on_bug},
    )
    return _Guard(app, access)


def _answered(endpoint: Callable[[Request], Any]) -> ASGIApp:
    """A route whose answer hears when the client hangs up."""

    class Endpoint:
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            try:
                answer = await endpoint(Request(scope, receive))
            except ClientDisconnect:
                return
            await answer(scope, receive, send)

    return Endpoint()


class _Guard:
    """Nothing is routed before it is known who asks."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._access.check(names(scope["headers"]))
            except ApiError as error:
                await _response(error)(scope, receive, send)
                return
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(scope, receive, send)


def _response(error: ApiError) -> Response:
    return JSONResponse(error.body(), error.status, error.headers)


async def _on_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _response(error)


async def _on_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        text = f"There is no such address here. This is AutoGPT Desktop {__version__}: see /v1/models."
        return _response(ApiError(404, text, code="not_found"))
    return _response(ApiError(error.status_code, str(error.detail), headers=dict(error.headers or {})))


async def _on_bug(_request: Request, _error: Exception) -> Response:
    return _response(ApiError(500, "The server failed on this request. Its log says more."))
