"""``/v1/chat/completions``: what a client asks for, and what its answer looks like."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autogpt_desktop.server.errors import wrong
from autogpt_desktop.server.fields import Fields
from autogpt_desktop.server.sampling import MOST_LOGPROBS, Wanted, check_biases, read_sampling
from autogpt_desktop.server.tools import (
    ToolCall,
    ToolText,
    call_schema,
    channel_calls,
    names_of,
    told_in_words,
)
from autogpt_desktop.thinking import AnswerStream, opened_thought, without_thinking

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.continuous import Piece, Request
    from autogpt_desktop.engine.generation.engine import Engine

ANSWER_TOKENS = 2048  # at most, where a client names no limit: small models may go round in circles
_ROLES = ("system", "developer", "user", "assistant", "tool")
_MOST_MESSAGES = 10_000
_MOST_TOOLS = 128
_OPENING = 24  # tokens at the end of a prompt in which it may open a thought
_ANY_OBJECT = {"type": "object"}


@dataclass(eq=False)
class ChatRequest:
    """One request, checked. ``build`` is called on the worker."""

    model: str
    messages: list[dict[str, Any]]
    wanted: Wanted
    stream: bool
    include_usage: bool
    thinking: bool
    tools: list[Mapping[str, Any]]
    must_call: str | None  # "": any of the tools; None: as it likes
    schema: Mapping[str, Any] | None
    top_logprobs: int | None
    opened: str = ""  # the mark of the thought that the prompt opened: set by ``build``

    @property
    def names(self) -> list[str]:
        return names_of(self.tools)

    def build(self, engine: Engine) -> list[Request]:
        from autogpt_desktop.engine.generation.continuous import Request
        from autogpt_desktop.engine.generation.grammar import Grammar, json_grammar

        check_biases(self.wanted, engine.config.vocab_size)
        schema = self.schema
        if self.must_call is not None:
            schema = call_schema(self.tools, self.must_call)
        thinking = self.thinking and schema is None  # a thought would break the form
        knows = engine.template.knows_tools
        speaks = any(turn["role"] == "tool" or "tool_calls" in turn for turn in self.messages)
        messages: Sequence[Mapping[str, Any]] = self.messages
        if not knows and (self.tools or speaks):
            messages = told_in_words(self.messages, self.tools)
        ids = engine.chat_ids(messages, thinking=thinking, tools=self.tools if knows else ())
        self.opened = opened_thought(engine.tokenizer.decode(ids[-_OPENING:], skip_special=False))
        sampling = dataclasses.replace(
            self.wanted.sampling,
            stop=(*self.wanted.sampling.stop, *engine.template.stop),
            max_tokens=self.wanted.max_tokens or ANSWER_TOKENS,
        )

        def grammar(form: Mapping[str, Any]) -> Grammar:
            return json_grammar(engine.tokenizer, form, engine.config.vocab_size)

        if schema is not None:
            grammar(schema)  # what is wrong with it is said at once
        return [
            Request(
                ids,
                sampling
                if sampling.seed is None
                else dataclasses.replace(sampling, seed=sampling.seed + index),
                frequency_penalty=self.wanted.frequency_penalty,
                presence_penalty=self.wanted.presence_penalty,
                logit_bias=self.wanted.logit_bias,
                top_logprobs=self.top_logprobs,
                control_text=bool(self.tools),  # marks of calls are control tokens for some
                grammar=None if schema is None else (lambda form=schema: grammar(form)),  # type: ignore[misc]
            )
            for index in range(self.wanted.n)
        ]

    def logprobs(self, engine: Engine, piece: Piece) -> tuple[Any, ...]:
        """One entry for the piece's token, where they are asked for."""
        if piece.token is None:
            return ()

        def entry(id: int, logprob: float) -> dict[str, Any]:
            raw = engine.tokenizer.token_bytes(id)
            return {
                "token": engine.tokenizer.token_text(id),
                "logprob": max(logprob, -9999.0),  # JSON knows no infinity
                "bytes": list(raw),
            }

        top = [entry(id, logprob) for id, logprob in piece.token.top]
        return ({**entry(piece.token.id, piece.token.logprob), "top_logprobs": top},)


def read_chat(values: Mapping[str, Any]) -> ChatRequest:
    """Raises ApiError with the name of the field that cannot be used."""
    body = Fields(values)
    model = body.text("model")
    body.unsupported("functions", "function_call", "audio", "prediction", "web_search_options")
    if values.get("modalities") not in (None, ["text"]):
        raise wrong("modalities", "may only be text")
    wanted = read_sampling(body, "max_completion_tokens", "max_tokens")
    messages = [_message(turn) for turn in body.objects("messages", _MOST_MESSAGES)]
    if not messages:
        raise wrong("messages", "must have at least one message")
    tools, must_call = _tools(body)
    logprobs = body.flag("logprobs")
    top = body.whole("top_logprobs", 0, MOST_LOGPROBS, 0)
    if top and not logprobs:
        raise wrong("top_logprobs", "needs 'logprobs' to be true")
    return ChatRequest(
        model,
        messages,
        wanted,
        body.flag("stream"),
        body.object("stream_options").flag("include_usage"),
        _thinking(body),
        tools,
        must_call,
        _schema(body),
        top if logprobs else None,
    )


def _message(turn: Fields) -> dict[str, Any]:
    role = turn.choice("role", _ROLES, "")
    message: dict[str, Any] = {"role": "system" if role == "developer" else role, "content": _content(turn)}
    if role == "assistant":
        message["content"] = without_thinking(message["content"])
        calls = [_earlier_call(call) for call in turn.objects("tool_calls", _MOST_TOOLS)]
        if calls:
            message["tool_calls"] = calls
    elif role == "tool":
        message["tool_call_id"] = turn.text("tool_call_id", "")
    if "name" in turn:
        message["name"] = turn.text("name")
    return message


def _content(turn: Fields) -> str:
    value = turn.raw("content")
    if isinstance(value, str):
        return value
    if value is None and ("tool_calls" in turn or turn.raw("role") == "assistant"):
        return ""
    parts = turn.objects("content", _MOST_MESSAGES)
    if not parts:
        raise wrong(turn.place("content"), "is missing")
    for part in parts:
        if part.raw("type") not in ("text", "refusal"):
            raise wrong(part.place("type"), "must be text: these models read nothing else")
    return "".join(part.text(str(part.raw("type"))) for part in parts)


def _earlier_call(call: Fields) -> dict[str, Any]:
    function = call.object("function")
    written = function.text("arguments", "{}")
    try:
        arguments = json.loads(written)
    except (ValueError, RecursionError):
        arguments = written  # as a model wrote it
    return {
        "id": call.text("id", ""),
        "type": "function",
        "function": {"name": function.text("name"), "arguments": arguments},
    }


def _tools(body: Fields) -> tuple[list[Mapping[str, Any]], str | None]:
    """The tools, and which of them must be called."""
    tools: list[Mapping[str, Any]] = []
    for tool in body.objects("tools", _MOST_TOOLS):
        tool.choice("type", ("function",), "function")
        function = tool.object("function")
        name = function.text("name")
        if not name or len(name) > 100 or any(letter.isspace() or letter in "<>[]{}" for letter in name):
            raise wrong(function.place("name"), "must be a short name without spaces")
        function.object("parameters")
        function.text("description", "")
        kept = ("name", "description", "parameters")
        tools.append(
            {"type": "function", "function": {key: function.raw(key) for key in kept if key in function}}
        )
    choice = body.raw("tool_choice")
    names = names_of(tools)
    if isinstance(choice, dict):
        name = body.object("tool_choice").object("function").text("name")
        if name not in names:
            raise wrong("tool_choice", "names a function that is not among the tools")
        return tools, name
    choice = body.choice("tool_choice", ("none", "auto", "required"), "auto")
    if choice == "required" and not tools:
        raise wrong("tool_choice", "needs tools")
    return ([] if choice == "none" else tools), ("" if choice == "required" else None)


def _schema(body: Fields) -> Mapping[str, Any] | None:
    form = body.object("response_format")
    kind = form.choice("type", ("text", "json_object", "json_schema"), "text")
    if kind == "text":
        return None
    if kind == "json_object":
        return _ANY_OBJECT
    inside = form.object("json_schema")
    if "schema" not in inside:
        raise wrong(inside.place("schema"), "is missing")
    inside.object("schema")
    return dict(inside.raw("schema"))


def _thinking(body: Fields) -> bool:
    """Whether a reasoning model may think: by OpenAI's field, or by vLLM's for templates."""
    if body.text("reasoning_effort", "medium") in ("none", "minimal"):
        return False
    return body.object("chat_template_kwargs").flag("enable_thinking", True)


class ChatText:
    """One answer's text as it comes, told apart into thought, answer and calls."""

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._stream = AnswerStream()
        self._tools = ToolText(request.names) if request.tools else None
        self._opened = False
        self.calls: list[ToolCall] = []

    def push(self, piece: str) -> tuple[str, str]:
        """(what was thought, what was answered) by now and not said yet."""
        if not self._opened:
            self._opened = True
            if self._request.opened:
                self._stream.push(f"{self._request.opened}\n")
        answer = self._stream.push(piece)
        return self._stream.thought(), self._answer(answer)

    def finish(self) -> tuple[str, str]:
        """The rest; then ``calls`` are known."""
        answer = self._answer(self._stream.finish())
        thought = self._stream.thought()
        if self._tools is not None:
            rest, self.calls = self._tools.finish()
            answer += rest
            self.calls = self.calls or list(channel_calls(self._stream.text, self._request.names))
        return thought, answer

    def _answer(self, text: str) -> str:
        return text if self._tools is None else self._tools.push(text)
