"""ChatGPT's and Open WebUI's exports: every branch comes, what was shown is shown, damage is told."""

from __future__ import annotations

import copy
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations.importing import read_pieces
from autogpt_desktop.storage.conversations.other_exports import is_archive, read_export, texts_of_archive
from autogpt_desktop.storage.conversations.store import History


def said(role: str, *parts: Any, at: float = 1.0, **more: Any) -> dict[str, Any]:
    kind = "text" if all(isinstance(part, str) for part in parts) else "multimodal_text"
    return {
        "author": {"role": role}, "create_time": at, "content": {"content_type": kind, "parts": list(parts)},
        "recipient": "all", "metadata": {"model_slug": "gpt-x"} if role == "assistant" else {}, **more,
    }  # fmt: skip


def chatgpt() -> list[Any]:
    hidden = {"metadata": {"is_visually_hidden_from_conversation": True}}
    thoughts = {
        "content_type": "thoughts",
        "thoughts": [{"summary": "s", "content": "Rome?"}, {"content": "Yes."}],
    }
    nodes: dict[str, tuple[str | None, Any]] = {
        "root": (None, None),
        "system": ("root", said("system", "", **hidden)),
        "q": ("system", said("user", "天气?", at=2)),
        "search": ("q", said("assistant", "search('x')", at=3, recipient="web")),
        "found": ("search", said("tool", "results", at=4)),
        "thought": ("found", {"author": {"role": "assistant"}, "create_time": 5, "content": thoughts}),
        "a": ("thought", said("assistant", "Sunny.", at=6)),
        "b": ("q", said("assistant", "Rainy.", at=7)),
        "edited": ("system", said("user", {"content_type": "image_asset_pointer"}, "And this?", at=8)),
        "c": ("edited", said("assistant", "A cat.", at=9)),
    }
    mapping = {
        id: {"id": id, "parent": parent, "message": message, "children": []}
        for id, (parent, message) in nodes.items()
    }
    return [
        {
            "title": "Weather",
            "create_time": 1.7e9,
            "update_time": 1.8e9,
            "mapping": mapping,
            "current_node": "a",
        }
    ]


def open_webui() -> list[Any]:
    thought = '<details type="reasoning" done="true">\n<summary>Thought</summary>\n> Hm.\n</details>\nHi!'
    messages: dict[str, Any] = {
        "1": {"parentId": None, "role": "user", "content": "Hello", "files": [{"name": "a.pdf"}]},
        "2": {"parentId": "1", "role": "assistant", "content": thought, "model": "qwen"},
        "3": {"parentId": "1", "role": "assistant", "content": "Other"},
    }
    for id, message in messages.items():
        message["timestamp"] = 1_700_000_000 + int(id)
    history = {"messages": messages, "currentId": "2"}
    chat = {"title": "x", "models": ["qwen"], "system": "Be kind.", "history": history}
    times = {"created_at": 1_700_000_000_000, "updated_at": 1_700_000_100}
    return [{"title": "Greeting", "chat": chat, **times, "pinned": True}]


def shown(history: History, id: int) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in history.path(id)]


def test_chatgpt_s() -> None:
    history = History(":memory:")
    (id,) = history.import_json(json.dumps(chatgpt()))
    conversation = history.get(id)
    assert (conversation.title, conversation.created) == ("Weather", 1.7e9)
    assert shown(history, id) == [
        ("user", "天气?"),
        ("assistant", "<think>\nRome?\n\nYes.\n</think>\n\nSunny."),
    ]
    question, answer = history.path(id)
    assert (question.sibling_count, answer.sibling_count) == (2, 2)
    assert answer.model == "gpt-x"
    (tree,) = read_export(json.dumps(chatgpt()))
    assert [message.text for message in tree.messages if message.attachments] == ["And this?"]
    assert len(tree.messages) == 5
    history.close()


def test_open_webui_s() -> None:
    history = History(":memory:")
    (id,) = history.import_json("\ufeff" + json.dumps(open_webui()))
    conversation = history.get(id)
    assert (conversation.title, conversation.system_prompt, conversation.pinned) == (
        "Greeting",
        "Be kind.",
        True,
    )
    assert conversation.created == 1_700_000_000
    assert shown(history, id) == [("user", "Hello"), ("assistant", "<think>\nHm.\n</think>\n\nHi!")]
    assert history.path(id)[0].attachments[0]["name"] == "a.pdf"
    assert history.path(id)[1].sibling_count == 2
    history.close()


def test_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("user.json", "{}")
        archive.writestr("conversations-000.json", json.dumps(chatgpt()))
        archive.writestr("conversations-001.json", json.dumps(open_webui()))
    assert is_archive(path)
    history = History(":memory:")
    assert len(history.import_json(*texts_of_archive(path))) == 2
    history.close()
    pieces = [piece for piece in read_pieces(path) if piece is not None]  # as the window reads it
    assert [piece.tree.title for piece in pieces if piece.tree] == ["Weather", "Greeting"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.json", "{}")
    with pytest.raises(KnownError, match="import-not-ours"):
        texts_of_archive(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(KnownError, match="import-not-ours"):
        texts_of_archive(path)


def test_circles_and_orphans_do_no_harm() -> None:
    values = chatgpt()
    mapping = values[0]["mapping"]
    mapping["q"]["parent"] = "a"  # a circle
    mapping["c"]["parent"] = "gone"
    (tree,) = read_export(json.dumps(values))
    assert [message.text for message in tree.messages] == ["And this?", "A cat."]


def test_a_long_chain_is_read() -> None:
    nodes = {"0": {"parent": None, "message": said("user", "0")}}
    nodes |= {str(n): {"parent": str(n - 1), "message": said("user", str(n), at=n)} for n in range(1, 5000)}
    (tree,) = read_export(json.dumps([{"mapping": nodes, "current_node": "4999"}]))
    assert [message.text for message in tree.messages] == [str(n) for n in range(5000)]


@pytest.mark.parametrize(
    "text", ["[]", "[1]", "[{}]", '[{"mapping": 1}]', "[" * 100_000, '[{"mapping": {"a": 1}}]']
)
def test_what_is_none_is_told(text: str) -> None:
    with pytest.raises(KnownError, match=r"import-(not-ours|damaged)"):
        read_export(text)


WRONG = (None, 1, -1, "x", [], {}, [None], {"a": None}, True, 1e40, float("inf"))


def test_any_value_in_any_place_is_read_or_refused() -> None:
    chance = random.Random(1)
    history = History(":memory:")

    def places(value: Any) -> list[tuple[Any, Any]]:
        items = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        return [found for key, item in items for found in [(value, key), *places(item)]]

    for source in (chatgpt(), open_webui()):
        for place in range(len(places(source))):
            values = copy.deepcopy(source)
            inside, key = places(values)[place]
            inside[key] = chance.choice(WRONG)
            try:
                history.import_json(json.dumps(values))
            except KnownError as error:
                assert error.key.startswith("import-")
    history.close()
