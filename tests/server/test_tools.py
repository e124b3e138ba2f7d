"""Calls of functions in the forms that families of models write them, whole and piece by piece."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autogpt_desktop.server.tools import ToolText, call_schema, channel_calls, read_calls, told_in_words

NAMES = ("weather", "add")
ROME = {"city": "Rome"}
FORMS = {
    "Hermes": '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}\n</tool_call>',
    "two": '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>\n'
    '<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>',
    "not closed": '<tool_call>\n{"name": "weather", "arguments": {"city": "Rome"}}',
    "Qwen3-Coder": "<tool_call>\n<function=weather>\n<parameter=city>\nRome\n</parameter>\n</function>\n"
    "</tool_call>",
    "function alone": "<function=weather><parameter=city>Rome</parameter></function>",
    "Mistral": '[TOOL_CALLS] [{"name": "weather", "arguments": {"city": "Rome"}, "id": "abc"}]',
    "Mistral 3": '[TOOL_CALLS]weather[ARGS]{"city": "Rome"}',
    "Llama 3": '{"name": "weather", "parameters": {"city": "Rome"}}',
    "Llama 3, marked": '<|python_tag|>{"name": "weather", "parameters": {"city": "Rome"}}',
    "Granite": '<|tool_call|>[{"name": "weather", "arguments": {"city": "Rome"}}]',
    "LFM2": '<|tool_call_start|>[weather(city="Rome")]<|tool_call_end|>',
    "text for arguments": '<tool_call>{"name": "weather", "arguments": "{\\"city\\": \\"Rome\\"}"}',
}


def streamed(text: str, size: int) -> tuple[str, list[Any]]:
    stream = ToolText(NAMES)
    shown = "".join(stream.push(text[at : at + size]) for at in range(0, len(text), size))
    rest, calls = stream.finish()
    return shown + rest, calls


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_calls_are_read(form: str, size: int) -> None:
    text, calls = streamed(FORMS[form], size)
    assert not text.strip()
    assert [call.name for call in calls] == ["weather"] * (2 if form == "two" else 1)
    assert all(json.loads(call.arguments) == ROME for call in calls)


def test_what_is_said_before_a_call_is_shown() -> None:
    for size in (1, 5, 1000):
        text, calls = streamed("I look it up.\n" + FORMS["Hermes"], size)
        assert text.strip() == "I look it up."
        assert len(calls) == 1


@pytest.mark.parametrize(
    "text",
    [
        "No call at all, but < and [ and {.",
        '{"name": "unknown", "arguments": {}}',
        '{"answer": 42}',
        "[1, 2, 3]",
        "<tool_call>\n{broken",
        "<tool_call>\nhello</tool_call>",
        "<function=weather><parameter=city>Rome",
        "[TOOL_CALLS]nothing here",
        "<|tool_call_start|>[__import__('os').system('x')]<|tool_call_end|>",
        "<|tool_call_start|>[weather(city=open('x'))]<|tool_call_end|>",
        '<tool_call>{"name": "rm", "arguments": {}}</tool_call>',
        "{" * 5000,
        "<tool_call>" + "[" * 5000,
    ],
)
def test_what_is_no_call_stays_text(text: str) -> None:
    for size in (1, 1000):
        assert streamed(text, size) == (text, [])


def test_harmony_s_calls() -> None:
    text = (
        "<|channel|>analysis<|message|>I need it.<|end|><|start|>assistant<|channel|>commentary "
        'to=functions.weather <|constrain|>json<|message|>{"city": "Rome"}<|call|>'
    )
    (call,) = channel_calls(text, NAMES)
    assert (call.name, json.loads(call.arguments)) == ("weather", ROME)
    assert not list(channel_calls(text.replace("weather", "other"), NAMES))


TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}},
    {"type": "function", "function": {"name": "add"}},
]


def test_a_template_without_functions_is_told_in_words() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Rome?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [{"function": {"name": "weather", "arguments": ROME}}],
        },
        {"role": "tool", "tool_call_id": "1", "content": "21 degrees"},
        {"role": "user", "content": "And now?"},
    ]
    turns = told_in_words(messages, TOOLS)
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user"]
    assert '"name": "add"' in turns[0]["content"]
    assert turns[0]["content"].endswith("Be brief.")
    assert read_calls(turns[2]["content"], NAMES)[0][0].name == "weather"
    assert "21 degrees" in turns[3]["content"]
    assert turns[3]["content"].endswith("And now?")


def test_the_form_of_a_call() -> None:
    assert call_schema(TOOLS, "add")["properties"]["name"] == {"const": "add"}
    assert len(call_schema(TOOLS)["anyOf"]) == 2
