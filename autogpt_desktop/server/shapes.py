"""The objects of OpenAI's interface that answers are told in."""

from __future__ import annotations

import base64
import secrets
import struct
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from autogpt_desktop.server.chat import ChatRequest, ChatText
from autogpt_desktop.server.completions import CompletionRequest, Tokens, joined
from autogpt_desktop.server.service import Begun, Vector, Written


class Usage:
    """Tokens that were read and written."""

    def __init__(self, n: int) -> None:
        self._n = n  # answers to one prompt, which counts once
        self.prompt = self.completion = self.cached = 0

    def hear(self, event: object) -> None:
        if isinstance(event, Begun) and event.index % self._n == 0:
            self.prompt += event.prompt_tokens
        elif isinstance(event, Written) and event.finish_reason:
            self.completion += event.new_tokens
            if event.index % self._n == 0:
                self.cached += event.cached_tokens

    def object(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": {"cached_tokens": self.cached},
        }


class _Head:
    """What every object of one answer has in common."""

    def __init__(self, prefix: str, kind: str, model: str) -> None:
        self._values = {"id": f"{prefix}{secrets.token_hex(12)}", "created": int(time.time()), "model": model}
        self._kind = kind

    def object(self, suffix: str = "", **values: Any) -> dict[str, Any]:
        return {**self._values, "object": f"{self._kind}{suffix}", **values}


class ChatShape:
    """``chat.completion`` and its chunks."""

    def __init__(self, request: ChatRequest) -> None:
        self.stream = request.stream
        self._request = request
        self._head = _Head("chatcmpl-", "chat.completion", request.model)
        self.usage = Usage(request.wanted.n)
        n = request.wanted.n
        self._texts = [ChatText(request) for _ in range(n)]
        self._written: list[dict[str, str]] = [{"content": "", "reasoning_content": ""} for _ in range(n)]
        self._logprobs: list[list[Any]] = [[] for _ in range(n)]
        self._reasons = [""] * n
        self._calls: list[list[dict[str, Any]]] = [[] for _ in range(n)]

    def chunks(self, events: list[Any]) -> Iterator[dict[str, Any]]:
        pieces: dict[int, list[Written]] = defaultdict(list)
        for event in events:
            self.usage.hear(event)
            if isinstance(event, Begun):
                yield self._chunk(event.index, {"role": "assistant", "content": ""})
            elif isinstance(event, Written):
                pieces[event.index].append(event)
        for index, parts in pieces.items():  # several that have waited are one
            yield from self._heard(index, parts)

    def _heard(self, index: int, parts: list[Written]) -> Iterator[dict[str, Any]]:
        text = self._texts[index]
        thought, answer = text.push("".join(part.text for part in parts))
        reason = parts[-1].finish_reason
        if reason:
            more, rest = text.finish()
            thought, answer = thought + more, answer + rest
        logprobs = [entry for part in parts for entry in part.logprobs]
        self._logprobs[index] += logprobs
        self._written[index]["content"] += answer
        self._written[index]["reasoning_content"] += thought
        delta = {"reasoning_content": thought} if thought else {}
        delta |= {"content": answer} if answer else {}
        if delta or logprobs:
            yield self._chunk(index, delta, logprobs)
        if not reason:
            return
        if text.calls:
            self._calls[index] = [
                {
                    "id": f"call_{secrets.token_hex(12)}",
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in text.calls
            ]
            numbered = [{"index": at, **call} for at, call in enumerate(self._calls[index])]
            yield self._chunk(index, {"tool_calls": numbered})
            reason = "tool_calls"
        self._reasons[index] = reason
        yield self._chunk(index, {}, reason=reason)

    def _chunk(
        self, index: int, delta: dict[str, Any], logprobs: list[Any] | None = None, reason: str | None = None
    ) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": reason}
        if logprobs:
            choice["logprobs"] = {"content": logprobs}
        usage = {"usage": None} if self._request.include_usage else {}
        return self._head.object(".chunk", choices=[choice], **usage)

    def last_chunks(self) -> Iterator[dict[str, Any]]:
        if self._request.include_usage:
            yield self._head.object(".chunk", choices=[], usage=self.usage.object())

    def whole(self) -> dict[str, Any]:
        return self._head.object(
            choices=[self._choice(index) for index in range(len(self._texts))], usage=self.usage.object()
        )

    def _choice(self, index: int) -> dict[str, Any]:
        written, calls = self._written[index], self._calls[index]
        message: dict[str, Any] = {"role": "assistant", "content": written["content"], "refusal": None}
        if calls:
            message |= {"tool_calls": calls, "content": written["content"].strip() or None}
        if written["reasoning_content"]:
            message["reasoning_content"] = written["reasoning_content"]
        asked = self._request.top_logprobs is not None
        return {
            "index": index,
            "message": message,
            "logprobs": {"content": self._logprobs[index]} if asked else None,
            "finish_reason": self._reasons[index],
        }


class CompletionShape:
    """``text_completion``, whole and in pieces."""

    def __init__(self, request: CompletionRequest) -> None:
        self.stream = request.stream
        self._request = request
        self._head = _Head("cmpl-", "text_completion", request.model)
        self.usage = Usage(request.wanted.n)
        self._tokens = [Tokens() for _ in range(request.size)]
        self._texts = [""] * request.size
        self._tables: list[list[dict[str, Any]]] = [[] for _ in range(request.size)]
        self._reasons = [""] * request.size

    def chunks(self, events: list[Any]) -> Iterator[dict[str, Any]]:
        asked = self._request.logprobs is not None
        for event in events:
            self.usage.hear(event)
            table = None
            if isinstance(event, Begun):
                text, reason = event.echo, ""
                if asked and event.echo:
                    table = self._tokens[event.index].rows([(event.first, len(event.first), None, None)])
                elif not text:
                    continue
            elif isinstance(event, Written):
                text, reason = event.text, event.finish_reason
                if event.logprobs:
                    table = self._tokens[event.index].rows(event.logprobs)
            else:
                continue
            index = event.index
            self._texts[index] += text
            self._reasons[index] = reason
            if table is not None:
                self._tables[index].append(table)
            yield self._head.object(choices=[self._choice(index, text, table, reason or None)])

    def last_chunks(self) -> Iterator[dict[str, Any]]:
        if self._request.include_usage:
            yield self._head.object(choices=[], usage=self.usage.object())

    def whole(self) -> dict[str, Any]:
        asked = self._request.logprobs is not None
        choices = []
        for index, text in enumerate(self._texts):
            table = joined([Tokens().rows([]), *self._tables[index]]) if asked else None
            choices.append(self._choice(index, text, table, self._reasons[index]))
        return self._head.object(choices=choices, usage=self.usage.object())

    @staticmethod
    def _choice(index: int, text: str, table: dict[str, Any] | None, reason: str | None) -> dict[str, Any]:
        return {"index": index, "text": text, "logprobs": table, "finish_reason": reason}


class EmbeddingShape:
    """A ``list`` of ``embedding`` objects."""

    stream = False

    def __init__(self, model: str, *, as_base64: bool) -> None:
        self._model, self._as_base64 = model, as_base64
        self._vectors: dict[int, Vector] = {}

    def chunks(self, events: list[Any]) -> Iterator[dict[str, Any]]:
        for event in events:
            if isinstance(event, Vector):
                self._vectors[event.index] = event
        return iter(())

    def last_chunks(self) -> Iterator[dict[str, Any]]:
        return iter(())

    def whole(self) -> dict[str, Any]:
        tokens = sum(vector.tokens for vector in self._vectors.values())
        data = [
            {"object": "embedding", "index": index, "embedding": self._values(vector)}
            for index, vector in sorted(self._vectors.items())
        ]
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": data, "model": self._model, "usage": usage}

    def _values(self, vector: Vector) -> Any:
        if not self._as_base64:
            return list(vector.values)
        return base64.b64encode(struct.pack(f"<{len(vector.values)}f", *vector.values)).decode()
