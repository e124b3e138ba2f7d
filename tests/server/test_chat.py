"""Chats through the ``openai`` client, with a tiny random model."""

from __future__ import annotations

import json
import threading
from typing import Any

import openai
import pytest

from tests.server.kit import Served

ASK: list[Any] = [{"role": "user", "content": "the rain in the hall"}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Rome", "Paris"]}, "days": {"type": "integer", "maximum": 9}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}


def chat(served: Served, **options: Any) -> Any:
    usual = {"model": "tiny", "messages": ASK, "max_tokens": 12, "temperature": 0}
    return served.client.chat.completions.create(**(usual | options))


def test_the_models_are_listed(served: Served) -> None:
    assert [model.id for model in served.client.models.list()] == ["tiny", "other"]
    assert served.client.models.retrieve("tiny").id == "tiny"
    with pytest.raises(openai.NotFoundError):
        served.client.models.retrieve("gpt-4")


def test_an_answer_whole_and_in_pieces(served: Served) -> None:
    whole = chat(served)
    choice = whole.choices[0]
    assert choice.message.role == "assistant"
    assert choice.finish_reason in ("stop", "length")
    assert whole.usage.completion_tokens <= 12
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    pieces = list(chat(served, stream=True, stream_options={"include_usage": True}))
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert text == choice.message.content
    assert pieces[0].choices[0].delta.role == "assistant"
    assert pieces[-2].choices[0].finish_reason == choice.finish_reason
    assert pieces[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert {piece.id for piece in pieces} == {pieces[0].id}
    assert chat(served, model="other").choices[0].message.content != text


def test_several_answers_with_a_seed(served: Served) -> None:
    options = {"temperature": 1.5, "seed": 4, "n": 3}
    texts = [choice.message.content for choice in chat(served, **options).choices]
    assert [choice.message.content for choice in chat(served, **options).choices] == texts
    assert len(set(texts)) == 3
    streamed = ["", "", ""]
    for piece in chat(served, stream=True, **options):
        streamed[piece.choices[0].index] += piece.choices[0].delta.content or ""
    assert streamed == texts


def test_stop_texts_and_log_probabilities(served: Served) -> None:
    whole = chat(served, logprobs=True, top_logprobs=3)
    text = whole.choices[0].message.content
    entries = whole.choices[0].logprobs.content
    assert b"".join(bytes(entry.bytes) for entry in entries).decode("utf-8", "replace").startswith(text[:4])
    for entry in entries:
        assert len(entry.top_logprobs) == 3
        assert entry.logprob == entry.top_logprobs[0].logprob <= 0
    stop = text[2:4]
    assert chat(served, stop=stop).choices[0].message.content == text[: text.index(stop)]


def test_an_answer_in_json(served: Served) -> None:
    schema = {
        "type": "object",
        "properties": {"ok": {"type": "boolean"}, "kind": {"enum": ["a", "b"]}},
        "required": ["ok", "kind"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "form", "schema": schema, "strict": True}}
    made = chat(served, response_format=form, max_tokens=80, temperature=1.5, seed=1)
    value = json.loads(made.choices[0].message.content)
    assert value["ok"] in (True, False)
    assert value["kind"] in ("a", "b")
    bad = {"type": "json_schema", "json_schema": {"name": "form", "schema": {"type": "nonsense"}}}
    with pytest.raises(openai.BadRequestError) as caught:
        chat(served, response_format=bad)
    assert caught.value.param == "response_format"


def test_a_function_that_must_be_called(served: Served) -> None:
    options = {"tools": [TOOL], "tool_choice": "required", "max_tokens": 100, "temperature": 1, "seed": 2}
    choice = chat(served, **options).choices[0]
    assert choice.finish_reason == "tool_calls"
    call = choice.message.tool_calls[0]
    assert call.function.name == "weather"
    arguments = json.loads(call.function.arguments)
    assert arguments["city"] in ("Rome", "Paris")
    assert choice.message.content is None
    pieces = list(chat(served, stream=True, **options))
    streamed = next(
        piece.choices[0].delta.tool_calls for piece in pieces if piece.choices[0].delta.tool_calls
    )
    assert streamed[0].function.arguments == call.function.arguments
    assert pieces[-1].choices[0].finish_reason == "tool_calls"
    answered = [
        *ASK,
        choice.message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"},
    ]
    assert chat(served, messages=answered, tools=[TOOL]).choices[0].finish_reason


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"temperature": "warm"}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"n": 0}, "n"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"stop": [1]}, "stop"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "owner", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].type"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"99999": 1}}, "logit_bias"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"response_format": {"type": "xml"}}, "response_format.type"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"seed": "x"}, "seed"),
        ({"stream": 1}, "stream"),
        ({"functions": [{"name": "x"}]}, "functions"),
        ({"model": None}, "model"),
    ],
)
def test_what_cannot_be_used_is_named(served: Served, change: dict[str, Any], param: str) -> None:
    status, body = served.ask("/v1/chat/completions", {"model": "tiny", "messages": ASK} | change)
    assert status == 400
    assert body["error"]["param"] == param
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["type"] == "invalid_request_error"


def test_a_text_that_is_too_long(served: Served) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            chat(served, messages=[{"role": "user", "content": "x" * 4000}], stream=stream)
        assert caught.value.code == "context_length_exceeded"


def test_an_unknown_model(served: Served) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        chat(served, model="/etc/passwd")
    assert caught.value.code == "model_not_found"


def test_twenty_clients_at_once_hear_what_one_alone_hears(served: Served) -> None:
    asked = [[{"role": "user", "content": f"{number} others in the hall"}] for number in range(20)]
    alone = [chat(served, messages=turns).choices[0].message.content for turns in asked]
    heard: dict[int, str] = {}

    def ask(number: int) -> None:
        pieces = chat(served, messages=asked[number], stream=number % 2 == 0)
        if number % 2:
            heard[number] = pieces.choices[0].message.content
        else:
            heard[number] = "".join(piece.choices[0].delta.content or "" for piece in pieces)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [heard[number] for number in range(20)] == alone


def test_what_was_said_before_is_not_read_again(served: Served) -> None:
    first = chat(served, messages=[{"role": "user", "content": "all the others " * 5}])
    turns = [
        {"role": "user", "content": "all the others " * 5},
        {"role": "assistant", "content": first.choices[0].message.content},
        {"role": "user", "content": "and then"},
    ]
    second = chat(served, messages=turns)
    assert second.usage.prompt_tokens_details.cached_tokens >= first.usage.prompt_tokens - 2
