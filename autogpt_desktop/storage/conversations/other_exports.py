"""Conversations out of other programs' exports: ChatGPT's ``conversations.json`` and Open WebUI's.

Both keep a tree of messages by id; every branch comes along, and the one that was shown is shown. What
is no message for people (searches, code that was run, hidden instructions) is left out with its place kept:
what followed it follows what came before it. Nothing in the file is believed before it was checked.
"""

from __future__ import annotations

import json
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations.export import (
    MAX_CHARACTERS,
    MAX_CONVERSATIONS,
    MAX_MESSAGES,
    MAX_TEXT,
    MAX_TIME,
    Tree,
    TreeMessage,
    from_json,
)

_THOUGHT = '<details type="reasoning"'  # Open WebUI's
_MOST_FILES = 1000  # of an archive that hold conversations


@dataclass(slots=True)
class _Node:
    """One message of another program. ``text`` None: none for people."""

    parent: str | None
    role: str = "assistant"
    text: str | None = None
    thought: str = ""
    created: float = 0.0
    model: str = ""
    attachments: list[dict[str, Any]] = field(default_factory=list)


def is_archive(path: Path) -> bool:
    """Does a file begin as ZIP archives do? Raises OSError."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def texts_of_archive(path: Path) -> list[str]:
    """The JSON of each ``conversations….json`` in an archive such as ChatGPT sends.

    Raises KnownError: import-not-ours, import-too-large, and OSError.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [
                item
                for item in archive.infolist()
                if item.filename.rpartition("/")[2].startswith("conversations")
                and item.filename.endswith(".json")
            ]
            if not names:
                raise KnownError("import-not-ours")
            if len(names) > _MOST_FILES or sum(item.file_size for item in names) > MAX_CHARACTERS:
                raise KnownError("import-too-large")
            texts = []
            for item in sorted(names, key=lambda item: item.filename):
                with archive.open(item) as file:  # what it says of its size may be wrong
                    data = file.read(item.file_size + 1)
                texts.append(data.decode("utf-8-sig"))
            return texts
    except (zipfile.BadZipFile, UnicodeDecodeError, NotImplementedError, RuntimeError, ValueError) as error:
        raise KnownError("import-not-ours") from error


def read_export(text: str) -> list[Tree]:
    """The conversations of an exported JSON text. Raises as ``History.import_json`` does."""
    if not text.removeprefix("\ufeff").lstrip().startswith("["):
        return from_json(text)
    if len(text) > MAX_CHARACTERS:
        raise KnownError("import-too-large")
    try:
        return trees_of(json.loads(text.removeprefix("\ufeff")))
    except (ValueError, RecursionError) as error:
        raise KnownError("import-not-ours") from error


def trees_of(conversations: list[Any]) -> list[Tree]:
    """The conversations of another program's export. Raises KnownError: import-not-ours, import-too-large,
    import-damaged (where)."""
    if len(conversations) > MAX_CONVERSATIONS:
        raise KnownError("import-too-large")
    trees, count = [], 0
    for place, item in enumerate(conversations):
        where = f"[{place}]"
        if not isinstance(item, dict):
            raise KnownError("import-not-ours")
        if isinstance(item.get("mapping"), dict):
            tree = _chatgpt(item, where)
        elif isinstance(item.get("chat"), dict):
            tree = _open_webui(item, where)
        else:
            raise KnownError("import-not-ours")
        count += len(tree.messages)
        if count > MAX_MESSAGES:
            raise KnownError("import-too-large")
        trees.append(tree)
    if not trees:
        raise KnownError("import-not-ours")
    return trees


def _chatgpt(values: Mapping[str, Any], where: str) -> Tree:
    nodes: dict[str, _Node] = {}
    system = ""
    for id, item in values["mapping"].items():
        if not isinstance(item, dict):
            raise KnownError("import-damaged", where=f"{where}.mapping.{id[:80]}")
        node = nodes[id] = _Node(_id(item.get("parent")))
        message = item.get("message")
        if isinstance(message, dict):
            _read_chatgpt(message, node, f"{where}.mapping.{id[:80]}")
            if node.role == "system" and node.text:
                system, node.text = node.text, None
    created = _seconds(values.get("create_time"))
    return _tree(
        nodes,
        _id(values.get("current_node")),
        title=_string(values.get("title")),
        system=system,
        model=_string(values.get("default_model_slug")),
        created=created,
        updated=_seconds(values.get("update_time")) or created,
        pinned=values.get("is_starred") is True,
    )


def _read_chatgpt(message: Mapping[str, Any], node: _Node, where: str) -> None:
    content, metadata = _object(message.get("content")), _object(message.get("metadata"))
    node.role = _string(_object(message.get("author")).get("role"))
    node.created = _seconds(message.get("create_time"))
    node.model = _string(metadata.get("model_slug"))
    kind = content.get("content_type")
    if kind == "thoughts":  # of the answer that follows
        thoughts = content.get("thoughts")
        listed = thoughts if isinstance(thoughts, list) else []
        node.thought = "\n\n".join(filter(None, (_string(_object(each).get("content")) for each in listed)))
        return
    if kind not in ("text", "multimodal_text") or metadata.get("is_visually_hidden_from_conversation"):
        return
    if node.role not in ("user", "assistant", "system") or message.get("recipient", "all") != "all":
        return
    parts = content.get("parts")
    if not isinstance(parts, list):
        raise KnownError("import-damaged", where=f"{where}.content.parts")
    node.text = _checked("".join(part for part in parts if isinstance(part, str)), where)
    files = metadata.get("attachments")
    names = [_string(_object(each).get("name")) for each in files] if isinstance(files, list) else []
    pictures = sum(isinstance(part, dict) for part in parts) - len(names)
    names += ["image"] * max(pictures, 0)  # it is not in the file: that there was one is said
    node.attachments = [{"name": name, "text": ""} for name in names if name]
    if not node.text.strip() and not node.attachments:
        node.text = None


def _open_webui(values: Mapping[str, Any], where: str) -> Tree:
    chat = values["chat"]
    history = _object(chat.get("history"))
    nodes: dict[str, _Node] = {}
    for id, item in _object(history.get("messages")).items():
        if not isinstance(item, dict):
            raise KnownError("import-damaged", where=f"{where}.chat.history.messages.{id[:80]}")
        node = nodes[id] = _Node(_id(item.get("parentId")), role=_string(item.get("role")))
        content = item.get("content")
        if isinstance(content, list):
            content = "".join(_string(_object(part).get("text")) for part in content)
        text = _checked(_string(content), f"{where}.chat.history.messages.{id[:80]}")
        node.thought, node.text = _without_details(text) if node.role == "assistant" else ("", text)
        node.created, node.model = _seconds(item.get("timestamp")), _string(item.get("model"))
        files = item.get("files")
        listed = files if isinstance(files, list) else []
        node.attachments = [
            {"name": _string(_object(each).get("name")) or "file", "text": ""} for each in listed
        ]
        if node.role not in ("user", "assistant"):
            node.text = None
    models = chat.get("models")
    created = _seconds(values.get("created_at")) or _seconds(chat.get("timestamp"))
    return _tree(
        nodes,
        _id(history.get("currentId")),
        title=_string(values.get("title")) or _string(chat.get("title")),
        system=_string(chat.get("system")),
        model=_string(models[0]) if isinstance(models, list) and models else "",
        created=created,
        updated=_seconds(values.get("updated_at")) or created,
        pinned=values.get("pinned") is True,
    )


def _without_details(text: str) -> tuple[str, str]:
    """What was thought, and the answer."""
    if not text.lstrip().startswith(_THOUGHT):
        return "", text
    head, closing, answer = text.partition("</details>")
    if not closing:
        return "", text
    inside = head.partition("</summary>")[2] or head.partition(">")[2]
    lines = [line.removeprefix("&gt;").removeprefix(">").removeprefix(" ") for line in inside.splitlines()]
    return "\n".join(lines).strip(), answer.lstrip("\n")


def _tree(
    nodes: dict[str, _Node],
    current: str | None,
    *,
    title: str,
    system: str,
    model: str,
    created: float,
    updated: float,
    pinned: bool,
) -> Tree:
    children: dict[str | None, list[str]] = defaultdict(list)
    for id, node in sorted(nodes.items(), key=lambda item: item[1].created):
        children[node.parent if node.parent in nodes else None].append(id)
    shown = _path_to(nodes, current)
    messages: list[TreeMessage] = []
    active: dict[int | None, int] = {}  # the child that is shown, by its parent's place
    chosen: set[int | None] = set()  # places of messages that were shown
    # (id, place of the message before it, what was thought before it), parents first
    waiting: list[tuple[str, int | None, str]] = [(id, None, "") for id in reversed(children[None])]
    while waiting:  # a circle hangs on no root, and is not reached
        id, before, thought = waiting.pop()
        node = nodes[id]
        thought = "\n\n".join(filter(None, (thought, node.thought)))
        if node.text is not None:
            text = node.text
            if thought and node.role == "assistant":
                text = f"<think>\n{thought}\n</think>\n\n{text}"
            place = len(messages)
            messages.append(
                TreeMessage(
                    before,
                    None,
                    node.role,
                    text,
                    "complete",
                    node.created or created,
                    node.model,
                    {},
                    node.attachments,
                )
            )
            if id in shown:
                chosen.add(place)
            if active.get(before) not in chosen:  # else the latest
                active[before] = place
            before, thought = place, ""
        waiting += [(child, before, thought) for child in reversed(children[id])]
    return Tree(
        title=title,
        system_prompt=system,
        sampling={},
        preset="",
        model=model,
        pinned=pinned,
        created=created,
        updated=updated,
        draft="",
        active_child=active.get(None),
        messages=[replace(message, active_child=active.get(at)) for at, message in enumerate(messages)],
    )


def _path_to(nodes: Mapping[str, _Node], current: str | None) -> set[str]:
    """The ids from the root to the message that was shown last."""
    path: set[str] = set()
    while current is not None and current in nodes and current not in path:
        path.add(current)
        current = nodes[current].parent
    return path


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _checked(text: str, where: str) -> str:
    if len(text) > MAX_TEXT:
        raise KnownError("import-damaged", where=where)
    return text


def _seconds(value: Any) -> float:
    """Since 1970; some count in thousandths, millionths or less. 0: not known."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e30:
        return 0.0
    seconds = float(value)
    while seconds > 1e11:
        seconds /= 1000
    return min(seconds, MAX_TIME)
