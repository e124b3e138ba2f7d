"""Conversations as files: Markdown and plain text to read, JSON to keep and bring back."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.one_line import one_line
from autogpt_desktop.settings import sampling_fits
from autogpt_desktop.storage.conversations.types import ROLES, STATES, Conversation, Message
from autogpt_desktop.thinking import without_thinking

FORMAT = "autogpt-desktop-conversations"
FORMAT_VERSION = 1

_STATS_TEXT = ("finish_reason", "error")
_STATS_NUMBERS = (
    *("seconds", "tokens_per_second", "time_to_first_token", "new_tokens", "prompt_tokens"),
    *("cached_tokens", "context_used", "context_length"),
)
# What an imported file may hold at most. A user's own history is far below.
MAX_FILE = 512 * 2**20  # bytes
MAX_CHARACTERS = 512 * 2**20
MAX_CONVERSATIONS = 20_000
MAX_MESSAGES = 1_000_000
MAX_TEXT = 2 * 2**20  # characters of one text; none that was written here comes near
MAX_NAME = 2_000  # characters of what is shown as a line: a title, a model
MAX_ATTACHED = 100  # files of one message
MAX_SMALL = 64 * 1024  # characters of a JSON value beside the text (sampling, stats)
MAX_DEPTH = 8
MAX_TIME = 253_402_300_799.0  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class TreeMessage:
    """A message as it travels in JSON: places in the file's list instead of ids."""

    parent: int | None
    active_child: int | None
    role: str
    text: str
    state: str
    created: float
    model: str
    stats: dict[str, Any]
    attachments: list[dict[str, Any]]

    def values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in TreeMessage.__slots__}


@dataclass(frozen=True, slots=True)
class Tree:
    """A conversation with every branch."""

    title: str
    system_prompt: str
    sampling: dict[str, Any]
    preset: str
    model: str
    pinned: bool
    created: float
    updated: float
    draft: str
    active_child: int | None
    messages: list[TreeMessage]

    def values(self) -> dict[str, Any]:
        """All but the messages."""
        return {name: getattr(self, name) for name in Tree.__slots__ if name != "messages"}


def to_json(trees: Sequence[Tree]) -> str:
    """Everything, losslessly; ``from_json`` reads it back."""
    conversations = [
        tree.values() | {"messages": [message.values() for message in tree.messages]} for tree in trees
    ]
    document = {"format": FORMAT, "version": FORMAT_VERSION, "conversations": conversations}
    return json.dumps(document, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def to_markdown(conversation: Conversation, messages: Sequence[Message]) -> str:
    """The branch that is shown, one section per message."""
    lines = [f"# {one_line(conversation.title) or tr('Untitled conversation')}", ""]
    lines += [f"*{_date(conversation.created)}*", ""]
    if conversation.system_prompt:
        quoted = [f"> {line}".rstrip() for line in conversation.system_prompt.splitlines()]
        lines += [f"**{tr('System prompt')}**", "", *quoted, ""]
    for message in messages:
        lines += [f"## {_speaker(message)}", "", _markdown_body(_shown(message)), ""]
        lines += [f"*{note}*\n" for note in _notes(message)]
    return "\n".join(lines).rstrip() + "\n"


def to_text(conversation: Conversation, messages: Sequence[Message]) -> str:
    """The branch that is shown, without any markup of ours."""
    title = one_line(conversation.title) or tr("Untitled conversation")
    parts = [f"{title}\n{_date(conversation.created)}"]
    if conversation.system_prompt:
        parts.append(f"[{tr('System prompt')}]\n{conversation.system_prompt}")
    for message in messages:
        notes = [f"({note})" for note in _notes(message)]
        parts.append("\n".join([f"[{_speaker(message)}]", _shown(message).rstrip(), *notes]))
    return "\n\n".join(parts) + "\n"


def _shown(message: Message) -> str:
    """An answer without what was thought before it."""
    return without_thinking(message.text) if message.role == "assistant" else message.text


def file_name(title: str, ending: str) -> str:
    """A file name that every system accepts, made from a title."""
    stem = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*]+', " ", title)
    stem = " ".join(stem.split()).strip(". ")[:60].rstrip(". ")
    if re.fullmatch(r"(?i)con|prn|aux|nul|com\d|lpt\d", stem):
        stem += "_"
    return f"{stem or tr('Conversation')}.{ending}"


def _speaker(message: Message) -> str:
    if message.role == "user":
        return tr("You")
    if message.role == "system":
        return tr("System")
    return f"{tr('Assistant')} ({one_line(message.model)})" if message.model else tr("Assistant")


def _notes(message: Message) -> list[str]:
    names = [one_line(str(item["name"])) for item in message.attachments if item.get("name")]
    notes = [tr("Attached: {names}", names=", ".join(names))] if names else []
    if message.state in ("interrupted", "streaming"):
        notes.append(tr("This answer was interrupted."))
    if message.state == "stopped":
        notes.append(tr("This answer was stopped."))
    return notes


def _markdown_body(text: str) -> str:
    """The text with a code fence that was left open closed, so that it does not swallow the rest."""
    fence = ""
    for line in text.splitlines():
        marker = re.match(r" {0,3}(`{3,}|~{3,})(.*)", line)
        if not marker:
            continue
        if not fence:
            fence = marker[1]
        elif marker[1][0] == fence[0] and len(marker[1]) >= len(fence) and not marker[2].strip():
            fence = ""
    return text.rstrip() + (f"\n{fence}" if fence else "")


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


# Import: nothing in the file is believed before it was checked.


def from_json(text: str) -> list[Tree]:
    """Read what ``to_json`` wrote, or refuse it whole.

    Raises KnownError: import-too-large, import-not-ours, import-newer, import-damaged (where).
    """
    if len(text) > MAX_CHARACTERS:
        raise KnownError("import-too-large")
    try:
        document = json.loads(text.removeprefix("\ufeff"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise KnownError("import-not-ours") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise KnownError("import-not-ours")
    version: Any = document.get("version")
    if not _is_count(version) or version < 1:
        raise KnownError("import-not-ours")
    if version > FORMAT_VERSION:
        raise KnownError("import-newer")
    conversations = document.get("conversations")
    if not isinstance(conversations, list):
        _damaged("conversations")
    messages = sum(len(_list_of(item, "messages", "conversations")) for item in conversations)
    if len(conversations) > MAX_CONVERSATIONS or messages > MAX_MESSAGES:
        raise KnownError("import-too-large")
    return [_tree(item, f"conversations[{place}]") for place, item in enumerate(conversations)]


def _tree(values: Any, where: str) -> Tree:
    messages: list[TreeMessage] = []
    items = _list_of(values, "messages", where)
    for place, item in enumerate(items):
        messages.append(_message(item, place, len(items), f"{where}.messages[{place}]"))
    active = _place(values, "active_child", len(items), where)
    _check_active([(None, active)] + [(place, item.active_child) for place, item in enumerate(messages)],
                  messages, where)  # fmt: skip
    pinned = values.get("pinned", False)
    if not isinstance(pinned, bool):
        _damaged(f"{where}.pinned")
    return Tree(
        title=_text(values, "title", where, MAX_NAME),
        system_prompt=_text(values, "system_prompt", where),
        sampling=_sampling(values, where),
        preset=_text(values, "preset", where, MAX_NAME),
        model=_text(values, "model", where, MAX_NAME),
        pinned=pinned,
        created=_time(values, "created", where),
        updated=_time(values, "updated", where),
        draft=_text(values, "draft", where),
        active_child=active,
        messages=messages,
    )


def _message(values: Any, place: int, count: int, where: str) -> TreeMessage:
    if not isinstance(values, dict):
        _damaged(where)
    parent = _place(values, "parent", place, where)  # stands earlier in the list: no cycle can be told
    role, state = values.get("role"), values.get("state", "complete")
    if role not in ROLES:
        _damaged(f"{where}.role")
    if state not in STATES:
        _damaged(f"{where}.state")
    attachments = _list_of(values, "attachments", where)
    fit = len(attachments) <= MAX_ATTACHED and all(map(_is_attachment, attachments))
    if not fit or _depth(attachments) > MAX_DEPTH:
        _damaged(f"{where}.attachments")
    return TreeMessage(
        parent=parent,
        active_child=_place(values, "active_child", count, where),
        role=role,
        text=_text(values, "text", where),
        state="interrupted" if state == "streaming" else state,
        created=_time(values, "created", where),
        model=_text(values, "model", where, MAX_NAME),
        stats=_stats(values, where),
        attachments=attachments,
    )


def _check_active(
    pointers: list[tuple[int | None, int | None]], messages: list[TreeMessage], where: str
) -> None:
    for parent, child in pointers:
        if child is not None and messages[child].parent != parent:
            _damaged(f"{where}.active_child")


def _place(values: dict[str, Any], name: str, limit: int, where: str) -> int | None:
    value = values.get(name)
    if value is None:
        return None
    if not _is_count(value) or value >= limit:
        _damaged(f"{where}.{name}")
    return value


def _text(values: dict[str, Any], name: str, where: str, most: int = sys.maxsize) -> str:
    value = values.get(name, "")
    if not isinstance(value, str) or len(value) > min(most, MAX_TEXT):
        _damaged(f"{where}.{name}")
    return value


def _time(values: dict[str, Any], name: str, where: str) -> float:
    value: Any = values.get(name)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value <= MAX_TIME:  # false for NaN too
        _damaged(f"{where}.{name}")
    return float(value)


def _small(values: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    value = values.get(name, {})
    if not isinstance(value, dict) or _depth(value) > MAX_DEPTH or len(json.dumps(value)) > MAX_SMALL:
        _damaged(f"{where}.{name}")
    return value


def _sampling(values: dict[str, Any], where: str) -> dict[str, Any]:
    sampling = _small(values, "sampling", where)
    for name, value in sampling.items():
        if not sampling_fits(name, value):
            _damaged(f"{where}.sampling.{name}")
    return sampling


def _stats(values: dict[str, Any], where: str) -> dict[str, Any]:
    """What is shown of them is a number, a word, or the values of a sentence."""
    stats = _small(values, "stats", where)
    for name, value in stats.items():
        if name in _STATS_TEXT:
            fits = isinstance(value, str)
        elif name == "error_values":
            fits = isinstance(value, dict) and not any(isinstance(one, dict | list) for one in value.values())
        elif name in _STATS_NUMBERS:
            fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15
        else:
            fits = True  # a newer version's
        if not fits:
            _damaged(f"{where}.stats.{name}")
    return stats


def _is_attachment(value: Any) -> bool:
    """Of a name and a text, no longer than those of a message."""
    if not isinstance(value, dict):
        return False
    name, text = value.get("name", ""), value.get("text", "")
    return isinstance(name, str) and len(name) <= MAX_NAME and isinstance(text, str) and len(text) <= MAX_TEXT


def _list_of(values: Any, name: str, where: str) -> list[Any]:
    value = values.get(name, []) if isinstance(values, dict) else None
    if not isinstance(value, list):
        _damaged(f"{where}.{name}")
    return value


def _depth(value: Any, limit: int = MAX_DEPTH + 1) -> int:
    """How deeply lists and objects are nested, counted no further than ``limit``."""
    if limit == 0 or not isinstance(value, dict | list):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max((_depth(item, limit - 1) for item in inner), default=0)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _damaged(where: str) -> NoReturn:
    raise KnownError("import-damaged", where=where)
