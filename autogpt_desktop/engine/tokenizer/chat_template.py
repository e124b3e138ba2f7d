"""Chat templates: messages to a prompt, rendered in a child process that can be killed."""

from __future__ import annotations

import json
import random
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from autogpt_desktop import sandbox
from autogpt_desktop.engine.tokenizer import template_child
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.thinking import can_leave_out, leave_out

# "role": "system", "user", "assistant" or "tool"; "content"; of an assistant also "tool_calls" as OpenAI's
# interface has them, but with arguments that are objects
Message = Mapping[str, Any]
_Turn = dict[str, Any]  # the same

RENDER_SECONDS = 2.0
_SWITCHES = ("enable_thinking", "thinking", "reasoning")  # what templates call their switch
START_SECONDS = 30.0  # a cold disk and a busy machine


class ChatTemplate:
    """The prompt format of one model. Close it: it keeps a child process.

    Without ``source`` a plain "User: …, Assistant: …" is written (``is_fallback``), whose answers end
    at ``stop``.
    """

    def __init__(self, source: str, bos_token: str, eos_token: str) -> None:
        self.is_fallback = not source.strip()
        self.stop: tuple[str, ...] = ("\nUser:",) if self.is_fallback else ()
        self._source = source
        self._first = {"source": source, "tokens": {"bos_token": bos_token, "eos_token": eos_token}}
        self._lock = threading.Lock()
        self._child: sandbox.Child | None = None
        self._closed = False
        self._variables: frozenset[str] | None = None  # that it asks for; None: not known yet
        if not self.is_fallback:
            self._start()  # it warms up while the weights are loaded

    @classmethod
    def for_tokenizer(cls, tokenizer: Tokenizer) -> ChatTemplate:
        """The template that came with the tokenizer, or the plain one."""
        return cls(tokenizer.chat_template or "", tokenizer.bos_token, tokenizer.eos_token)

    @property
    def can_switch_thinking(self) -> bool:
        """Can thinking be turned off? False where the template cannot be asked."""
        return bool(self._known_switches()) or can_leave_out(self._source)

    @property
    def knows_tools(self) -> bool:
        """Does it say itself which tools there are? False where it cannot be asked."""
        return "tools" in self._known_variables()

    def _known_switches(self) -> tuple[str, ...]:
        return tuple(name for name in _SWITCHES if name in self._known_variables())

    def _known_variables(self) -> frozenset[str]:
        if self._variables is None:
            try:
                names = [] if self.is_fallback else self._send({"variables": True})["variables"]
            except KnownError:  # rendering will say so
                names = []
            self._variables = frozenset(names)
        return self._variables

    def render(
        self,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        thinking: bool = True,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> str:
        """The prompt as text. Without ``thinking`` it asks for none, and a thought that it opens is closed.

        A template that refuses the system role, or leaves it out, gets the system's text in front of
        the first user message. Raises KnownError: template-hangs, template-broken (reason).
        """
        turns = [dict(turn) for turn in messages]
        if self.is_fallback:
            return _plain(turns, add_generation_prompt)
        text = self._render(turns, add_generation_prompt, thinking, list(tools))
        return leave_out(text, self._source) if add_generation_prompt and not thinking else text

    def _render(
        self, turns: list[_Turn], add_generation_prompt: bool, thinking: bool, tools: list[Mapping[str, Any]]
    ) -> str:
        plainer = _plainer(turns)

        def ask(turns: list[_Turn]) -> str:
            return self._ask(turns, add_generation_prompt, thinking, tools)

        try:
            text = ask(turns)
        except KnownError as error:
            if error.key != "template-broken" or plainer == turns:
                raise
            return ask(plainer)
        if turns and turns[0]["role"] == "system" and turns[0]["content"].strip() not in text:
            return ask(plainer)
        return text

    def render_ids(
        self,
        tokenizer: Tokenizer,
        messages: Sequence[Message],
        *,
        add_generation_prompt: bool = True,
        thinking: bool = True,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> list[int]:
        """The prompt as token ids. Control tokens are the template's alone: those that stand in a
        message, or in what is said of ``tools``, are kept plain text by a mark inside them, which is taken
        out once the template's own have been read."""
        mark = _mark(_texts([*messages, *tools]))

        def escaped(text: str) -> str:
            return tokenizer.escape_special_tokens(text, mark)

        text = self.render(
            [{**_mapped(turn, escaped), "role": turn["role"]} for turn in messages],
            add_generation_prompt=add_generation_prompt,
            thinking=thinking,
            tools=[_mapped(tool, escaped) for tool in tools],
        )
        return tokenizer.encode(text, parse_special=True, mark=mark)

    def close(self) -> None:
        """End the child process."""
        with self._lock:
            self._closed = True
            self._stop()

    def _start(self) -> sandbox.Child:
        places = dict.fromkeys(
            sandbox.folder_of(name) for name in ("jinja2", "markupsafe", "autogpt_desktop")
        )
        child = sandbox.start(template_child.__file__, list(places), template_child.serve)
        self._child = child
        self._finalizer = weakref.finalize(self, child.stop)
        return child

    def _stop(self) -> None:
        if self._child:
            self._finalizer()
            self._child = None

    def _ask(
        self,
        messages: list[_Turn],
        add_generation_prompt: bool,
        thinking: bool,
        tools: list[Mapping[str, Any]],
    ) -> str:
        request: dict[str, Any] = {
            "messages": messages,
            "add_generation_prompt": add_generation_prompt,
            "tools": tools or None,
            "documents": None,
        }
        if not thinking:
            request |= dict.fromkeys(_SWITCHES, False)
        elif "thinking" in self._known_switches():  # these are off by themselves, the others on
            request["thinking"] = True
        return str(self._send(request)["text"])

    def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            if self._closed:
                raise RuntimeError("the template was closed")
            reply = self._exchange(request)
            if reply is None:  # the child was ended from outside, perhaps long ago: once more
                reply = self._exchange(request)
        if reply is None:
            raise KnownError("template-broken", reason="its process ended")
        if "error" in reply:
            raise KnownError("template-broken", reason=reply["error"])
        return reply

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """One question, one answer; None: the child is gone."""
        child = self._child or self._start()
        try:
            data, first = json.dumps(request).encode(), json.dumps(self._first).encode()
            reply = sandbox.ask(child, data, RENDER_SECONDS, start_seconds=START_SECONDS, first=first)
            return dict(json.loads(reply))
        except TimeoutError:
            self._stop()
            raise KnownError("template-hangs") from None
        except (EOFError, OSError):
            self._stop()
            return None


def _texts(value: Any) -> Iterable[str]:
    """All strings inside of a value as JSON has them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts([*value, *value.values()])
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The same value with other strings, those of keys too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(key): _mapped(item, change) for key, item in value.items()}
    return [_mapped(item, change) for item in value] if isinstance(value, list | tuple) else value


def _mark(contents: Iterable[str]) -> str:
    """Noncharacters (U+FDD0 … U+FDEF) in a row that none of ``contents`` holds."""
    texts = list(contents)
    while True:
        mark = "".join(chr(random.randrange(0xFDD0, 0xFDF0)) for _ in range(8))
        if not any(mark in text for text in texts):
            return mark


def _plainer(turns: list[_Turn]) -> list[_Turn]:
    """For strict templates: no system role, and user and assistant by turns."""
    system = "\n\n".join(turn["content"].strip() for turn in turns if turn["role"] == "system")
    merged: list[_Turn] = []
    for turn in turns:
        if turn["role"] == "system":
            continue
        if merged and merged[-1]["role"] == turn["role"] and not {"tool_calls", "tool_call_id"} & {*turn}:
            merged[-1] = turn | {"content": f"{merged[-1]['content']}\n\n{turn['content']}"}
        else:
            merged.append(turn)
    if not system:
        return merged
    if not merged or merged[0]["role"] != "user":
        return [{"role": "user", "content": system}, *merged]
    return [merged[0] | {"content": f"{system}\n\n{merged[0]['content']}"}, *merged[1:]]


def _plain(turns: list[_Turn], add_generation_prompt: bool) -> str:
    """A transcript, for models without a template."""
    names = {"user": "User: ", "assistant": "Assistant: "}
    lines = [names.get(turn["role"], "") + turn["content"].strip() for turn in turns]
    return "\n".join([*lines, "Assistant:"] if add_generation_prompt else lines)
