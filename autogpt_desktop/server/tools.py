"""Functions that a model may call: how a model without a template for them is told, and what it calls.

Calls are read in the forms that families are taught: Hermes and Qwen (``<tool_call>``), Qwen3-Coder
(``<function=…>``), Mistral (``[TOOL_CALLS]``), Llama 3 (bare JSON), Granite and Phi (``<|tool_call|>``), LFM2
(Python), gpt-oss (a message to ``functions.…``).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Tool = Mapping[str, Any]  # {"type": "function", "function": {"name", "description", "parameters"}}

_OPENINGS = (
    *("<tool_call>", "<function=", "[TOOL_CALLS]", "<|python_tag|>", "<|tool_call|>"),
    "<|tool_call_start|>",
)
_LIST_OPENING = "[TOOL_CALLS]"
_MOST_CALLS = 128
_MOST_PYTHON = 20_000  # characters of calls that are written as Python
_DECODER = json.JSONDecoder()
_INSTRUCTION = """You may call functions to answer. These are the functions, as JSON:
<tools>
{tools}
</tools>
To call one, answer with nothing but this:
<tool_call>
{{"name": "the function's name", "arguments": {{"the argument's name": "its value"}}}}
</tool_call>"""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call. ``arguments``: a JSON object as text."""

    name: str
    arguments: str


def names_of(tools: Sequence[Tool]) -> list[str]:
    return [str(tool["function"]["name"]) for tool in tools]


def call_schema(tools: Sequence[Tool], name: str = "") -> dict[str, Any]:
    """The JSON schema of one call of any of ``tools``, or of the one of that name."""
    forms = [
        {
            "type": "object",
            "properties": {
                "name": {"const": tool["function"]["name"]},
                "arguments": tool["function"].get("parameters") or {"type": "object"},
            },
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
        if name in ("", tool["function"]["name"])
    ]
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def told_in_words(messages: Sequence[Mapping[str, Any]], tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """The same conversation for a template that knows no functions: system, user and assistant alone."""
    turns: list[dict[str, Any]] = []
    if tools:
        listed = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
        turns.append({"role": "system", "content": _INSTRUCTION.format(tools=listed)})
    for turn in messages:
        role, content = turn["role"], turn["content"]
        if role == "tool":
            role, content = "user", f"<tool_response>\n{content}\n</tool_response>"
        for call in turn.get("tool_calls", ()):
            written = json.dumps(call["function"], ensure_ascii=False)
            content = f"{content}\n<tool_call>\n{written}\n</tool_call>".lstrip()
        if turns and role == turns[-1]["role"] in ("system", "user"):
            turns[-1]["content"] += f"\n\n{content}"
        else:
            turns.append({"role": role, "content": content})
    return turns


class ToolText:
    """Text as it comes: passed on as long as it can be no call."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names
        self._held, self._calls, self._begun = "", False, False

    def push(self, piece: str) -> str:
        """What may be shown by now."""
        self._held += piece
        if self._calls:
            return ""
        if not self._begun and (start := self._held.lstrip()):
            if len(start) < len(_LIST_OPENING) and _LIST_OPENING.startswith(start):
                return ""  # a list, or the opening
            self._begun = True
            if start.startswith(("{", "[")) and not start.startswith(_LIST_OPENING):
                self._calls = True  # perhaps a call that is nothing but JSON: it is seen at the end
                return ""
        places = [at for at in map(self._held.find, _OPENINGS) if at >= 0]
        self._calls = bool(places)
        end = min(places) if places else len(self._held) - _half(self._held)
        shown, self._held = self._held[:end], self._held[end:]
        return shown

    def finish(self) -> tuple[str, list[ToolCall]]:
        """The rest of the text, and the calls."""
        calls, rest = read_calls(self._held, self._names)
        return ("", calls) if calls and not rest.strip() else (rest, calls)


def _half(text: str) -> int:
    """Characters at the end that may become an opening."""
    most = max(map(len, _OPENINGS)) - 1
    for size in range(min(most, len(text)), 0, -1):
        if any(opening.startswith(text[-size:]) for opening in _OPENINGS):
            return size
    return 0


def read_calls(text: str, names: Collection[str]) -> tuple[list[ToolCall], str]:
    """The calls of known functions in a model's answer, and what stands beside them. What is no call that
    can be read stays text."""
    bare = text.strip()
    if bare.startswith(("{", "[")) and not bare.startswith("[TOOL_CALLS]"):
        values = _json(bare, 0)
        calls = _calls_of(values[0], names) if values and values[1] == len(bare) else []
        return (calls, "") if calls else ([], text)
    found: list[ToolCall] = []
    rest: list[str] = []
    at = 0
    while len(found) < _MOST_CALLS:
        start = min((place for mark in _OPENINGS if (place := text.find(mark, at)) >= 0), default=-1)
        read = _read_at(text, start, names) if start >= 0 else None
        if read is None:  # what follows is left as it is: a broken call is looked at once
            rest.append(text[at:])
            return found, "".join(rest)
        rest.append(text[at:start])
        found += read[0]
        at = read[1]
    return found, "".join(rest) + text[at:]


def _read_at(text: str, start: int, names: Collection[str]) -> tuple[list[ToolCall], int] | None:
    """The calls behind the opening at ``start``, and where they end; None: none can be read."""
    opening = next(mark for mark in _OPENINGS if text.startswith(mark, start))
    at = _skip(text, start + (0 if opening == "<function=" else len(opening)))
    if opening == "<|tool_call_start|>":
        end = text.find("<|tool_call_end|>", at)
        end = len(text) if end < 0 else end
        read = _python_calls(text[at:end], names), end
    elif text.startswith("<function=", at):
        read = _tagged_call(text, at, names)
    elif opening == "[TOOL_CALLS]" and not text.startswith(("[", "{"), at):
        name = text[at : at + 200].partition("[ARGS]")[0].partition("{")[0].strip()
        begin = text.find("{", at)
        value = _json(text, begin) if begin >= 0 else None
        read = ([_call(name, value[0])] if value and name in names else [], value[1] if value else at)
    else:
        value = _json(text, at)
        read = (_calls_of(value[0], names), value[1]) if value else ([], at)
    if not read[0]:
        return None
    end = _skip(text, read[1])
    for closing in ("</tool_call>", "<|/tool_call|>", "<|tool_call_end|>", ";"):
        if text.startswith(closing, end):
            return read[0], end + len(closing)
    return read


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _json(text: str, at: int) -> tuple[Any, int] | None:
    try:
        return _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None


def _calls_of(value: Any, names: Collection[str]) -> list[ToolCall]:
    items = value if isinstance(value, list) else [value]
    calls: list[ToolCall] = []
    for item in items:
        if isinstance(item, dict) and isinstance(item.get("function"), dict):
            item = item["function"]
        if not isinstance(item, dict) or item.get("name") not in names:
            return []
        calls.append(_call(str(item["name"]), item.get("arguments", item.get("parameters", {}))))
    return calls


def _call(name: str, arguments: Any) -> ToolCall:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(name, text)


def _tagged_call(text: str, at: int, names: Collection[str]) -> tuple[list[ToolCall], int]:
    """``<function=NAME><parameter=KEY>VALUE</parameter>…</function>``."""
    name, _, _ = text[at + len("<function=") : at + 300].partition(">")
    end = text.find("</function>", at)
    if name not in names or end < 0:
        return [], at
    arguments: dict[str, Any] = {}
    for part in text[at:end].split("<parameter=")[1:]:
        key, _, value = part.partition(">")
        value = value.rpartition("</parameter>")[0].strip("\n")
        known = _json(value, 0)
        whole = known is not None and known[1] == len(value) and not isinstance(known[0], str)
        arguments[key] = known[0] if known is not None and whole else value
    return [_call(name, arguments)], end + len("</function>")


def _python_calls(text: str, names: Collection[str]) -> list[ToolCall]:
    """``[name(key=value), …]``: read, not run."""
    try:
        tree = ast.parse(text[:_MOST_PYTHON].strip(), mode="eval").body
        nodes = tree.elts if isinstance(tree, ast.List) else [tree]
        return [_python_call(node, names) for node in nodes]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _python_call(node: ast.expr, names: Collection[str]) -> ToolCall:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in names:
        raise ValueError("no call")
    if node.args or any(each.arg is None for each in node.keywords):
        raise ValueError("arguments without names")
    return _call(node.func.id, {str(each.arg): ast.literal_eval(each.value) for each in node.keywords})


def channel_calls(text: str, names: Collection[str]) -> Iterator[ToolCall]:
    """gpt-oss: ``<|channel|>commentary to=functions.NAME …<|message|>{…}``."""
    for message in text.split("<|channel|>")[1:]:
        head, _, body = message.partition("<|message|>")
        name = head.partition(" to=functions.")[2].split(" ")[0].partition("<")[0].strip()
        value = _json(body, _skip(body, 0))
        if name in names and value is not None:
            yield _call(name, value[0])
