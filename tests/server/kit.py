"""A server with tiny random models, on a port of its own, and what clients need to reach it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openai import OpenAI

from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.server.app import ServedModel
from autogpt_desktop.server.run import HttpServer, ModelThread, make_server

KEY = "agd-a-key-for-tests"


class Served:
    """A running server."""

    def __init__(self, server: HttpServer, models: ModelThread) -> None:
        self.http, self.models = server, models
        self.client = OpenAI(base_url=server.url, api_key=KEY, max_retries=0, timeout=60)

    def ask(
        self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None, key: str = KEY
    ) -> tuple[int, Any]:
        """The status and the object of one request without the ``openai`` package's help."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http.port, timeout=60)
        try:
            data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            sent = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **(headers or {})}
            connection.request("GET" if data is None else "POST", path, data, sent)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()


@contextmanager
def serving(paths: Mapping[str, Path], embedders: Mapping[str, Path] | None = None) -> Iterator[Served]:
    """Serve models by these names."""
    every = {**paths, **(embedders or {})}

    def resolve(name: str) -> Path:
        if name not in every:
            raise KnownError("model-missing", name=name)
        return every[name]

    def listed() -> list[ServedModel]:
        return [ServedModel(name, name.title(), name not in paths) for name in every]

    models = ModelThread(lambda: ModelPool(resolve, "cpu"))
    server = make_server(models.service, listed, KEY, port=0)
    server.start()
    served = Served(server, models)
    try:
        yield served
    finally:
        served.client.close()
        models.service.stop()
        server.stop()
        models.stop()
