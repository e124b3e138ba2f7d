"""What a client is told that went wrong, in the shape of OpenAI's interface."""

from __future__ import annotations

from typing import Any

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message

# status, code, and the parameter that it is about
_STATUS: dict[str, tuple[int, str | None, str | None]] = {
    "model-missing": (404, "model_not_found", "model"),
    "no-model": (404, "model_not_found", "model"),
    "no-model-for-role": (404, "model_not_found", "model"),
    "model-not-for-role": (400, "model_not_for_this", "model"),
    "prompt-too-long": (400, "context_length_exceeded", None),
    "prompt-empty": (400, None, None),
    "schema-wrong": (400, None, "response_format"),
    "schema-too-large": (400, None, "response_format"),
    "schema-lost": (500, None, "response_format"),
    "no-memory": (503, "no_memory", None),
    "no-memory-to-answer": (503, "no_memory", None),
    "server-stopped": (503, "stopped", None),
}


class ApiError(Exception):
    """An answer that is an error. ``param``: the field of the request that it is about."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.headers = headers or {}

    def body(self) -> dict[str, Any]:
        kind = "server_error" if self.status >= 500 else _KINDS.get(self.status, "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def wrong(param: str, what: str) -> ApiError:
    """A field of the request that cannot be used."""
    return ApiError(400, f"'{param}' {what}", param=param, code="invalid_value")


def api_error(error: BaseException) -> ApiError:
    """An error of the engine, or a bug, as a client is told it; of a bug no more than that there is one."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, KnownError):
        status, code, param = _STATUS.get(error.key, (500, None, None))
        return ApiError(status, message(error), param=param, code=code or error.key)
    return ApiError(500, "The server failed on this request. Its log says more.", code="internal_error")
