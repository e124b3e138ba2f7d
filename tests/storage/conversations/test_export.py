"""Exports people can read, exports that come back whole, imports that believe nothing."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message, set_language
from autogpt_desktop.storage.conversations import export
from autogpt_desktop.storage.conversations.store import History, TemporaryHistory, file_name


@pytest.fixture
def history(isolated_home) -> Iterator[History]:
    history = TemporaryHistory()
    yield history
    history.close()


@pytest.fixture
def one(history) -> int:
    """A conversation with branches, every state, attachments and awkward text."""
    sampling = {"temperature": 0.5, "seed": None, "stop": ["\n"]}
    one = history.create("Bread & 面包", "Be brief.\n\nBe kind.", sampling, preset="Precise", model="tiny")
    question = history.add_message(one, None, "user", "How do I bake?\n# not a heading of ours",
                                   attachments=[{"name": "recipe.txt", "text": "flour"}])  # fmt: skip
    stopped = history.add_message(one, question, "assistant", "Take flour", "stopped", "tiny")
    answer = history.add_message(one, question, "assistant", "", "streaming", "tiny")
    history.set_text(answer, "```python\nbake(", "complete", {"new_tokens": 12, "tokens_per_second": 30.5})
    thanks = history.add_message(one, answer, "user", "谢谢 \u2028 🙂 <b>\x00</b>")
    history.add_message(one, thanks, "assistant", "You", "interrupted", "tiny")
    history.add_message(one, None, "user", "Another beginning")
    history.select_sibling(question, 0)
    history.set_draft(one, "And then")
    history.update(one, pinned=True)
    assert history.siblings(stopped) == [stopped, answer]
    return one


def test_markdown_is_readable(history, one):
    text = history.export(one, "md")
    lines = text.splitlines()
    assert lines[0] == "# Bread & 面包"
    assert lines[2].startswith("*20")
    assert "> Be brief.\n>\n> Be kind." in text
    assert [line for line in lines if line.startswith("## ")] == [
        "## You", "## Assistant (tiny)", "## You", "## Assistant (tiny)",
    ]  # fmt: skip
    assert "*Attached: recipe.txt*" in text
    assert "*This answer was interrupted.*" in text
    assert "bake(\n```\n" in text  # the open fence is closed, so that what follows is not code
    assert "Take flour" not in text
    assert "Another beginning" not in text


def test_plain_text_has_no_markup_of_ours(history, one):
    text = history.export(one, "txt")
    assert text.startswith("Bread & 面包\n20")
    assert "[System prompt]\nBe brief." in text
    assert "[You]\nHow do I bake?" in text
    assert "[Assistant (tiny)]\n```python" in text
    assert "**" not in text
    assert "\n## " not in text
    assert text.endswith("(This answer was interrupted.)\n")


def test_exports_speak_the_chosen_language(history, one):
    set_language("zh_CN")
    assert "## 你" in history.export(one, "md")
    assert "系统提示词" in history.export(one, "txt")
    assert "未命名的对话" in history.export(history.create(), "md")


def test_json_brings_everything_back(history, one):
    exported = history.export(one, "json")
    (copy,) = history.import_json(exported)
    assert copy != one
    assert history.export(copy, "json") == exported
    old, new = history.get(one), history.get(copy)
    for name in (
        "title",
        "system_prompt",
        "sampling",
        "preset",
        "model",
        "pinned",
        "created",
        "updated",
        "draft",
    ):
        assert getattr(old, name) == getattr(new, name)
    for a, b in zip(history.path(one), history.path(copy), strict=True):
        for name in ("role", "text", "state", "created", "model", "stats", "attachments", "sibling_index",
                     "sibling_count"):  # fmt: skip
            assert getattr(a, name) == getattr(b, name)
    assert {item.id for item in history.conversations("谢谢")} == {one, copy}
    history.delete(copy)
    history.purge_deleted()
    assert history.export(one, "json") == exported


@pytest.mark.slow
def test_random_trees_come_back(history):
    dice = random.Random(7)
    for _ in range(20):
        one = history.create(f"tree {dice.random()}")
        ids: list[int | None] = [None]
        for number in range(dice.randrange(60)):
            ids.append(
                history.add_message(one, dice.choice(ids), dice.choice(["user", "assistant"]), f"m{number}")
            )
        for item in ids[1:]:
            if dice.random() < 0.3:
                history.select_sibling(item, dice.choice([-1, 1]))
        if len(ids) > 5:
            history.delete_message(ids[3])
        exported = history.export(one, "json")
        (copy,) = history.import_json(exported)
        assert history.export(copy, "json") == exported
        assert [m.text for m in history.path(copy)] == [m.text for m in history.path(one)]


def test_all_conversations_at_once(history, one):
    history.create("second")
    exported = history.export_all()
    assert len(history.import_json(exported)) == 2
    assert len(history.conversations()) == 4
    assert [item["title"] for item in json.loads(exported)["conversations"]] == ["second", "Bread & 面包"]


def test_an_unknown_format_is_a_mistake(history, one):
    with pytest.raises(KeyError):
        history.export(one, "docx")


# Import


def document(**conversation: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"title": "t", "created": 1.0, "updated": 2.0, "messages": []}
    return {"format": export.FORMAT, "version": 1, "conversations": [base | conversation]}


def entry(**changes: Any) -> dict[str, Any]:
    return {"parent": None, "role": "user", "text": "x", "created": 1.0} | changes


def refusal(history: History, text: str) -> KnownError:
    with pytest.raises(KnownError) as caught:
        history.import_json(text)
    assert history.rows("SELECT count(*) FROM conversations") == [(0,)]  # all or nothing
    assert history.rows("SELECT count(*) FROM messages") == [(0,)]
    assert "{" not in message(caught.value)
    assert "error." not in message(caught.value)
    return caught.value


def test_a_small_honest_file(history):
    values = document(messages=[entry(), entry(parent=0, role="assistant", state="streaming")])
    (one,) = history.import_json("\ufeff" + json.dumps(values))
    assert [(m.role, m.text, m.state) for m in history.path(one)] == [
        ("user", "x", "complete"), ("assistant", "x", "interrupted"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "3", '"x"', "[" * 200_000, '{"a":' * 100_000, "{}", "NaN",
     '{"format": "chatgpt"}',
     '{"format": "autogpt-desktop-conversations"}', "9" * 10_000, "\x00", "PK\x03\x04",
     '{"format": "autogpt-desktop-conversations", "version": true, "conversations": []}',
     '{"format": "autogpt-desktop-conversations", "version": 0, "conversations": []}'],
)  # fmt: skip
def test_what_is_not_ours_is_refused(history, text):
    assert refusal(history, text).key == "import-not-ours"


def test_a_newer_file_is_refused(history):
    assert refusal(history, json.dumps(document() | {"version": 2})).key == "import-newer"


@pytest.mark.parametrize(
    ("values", "where"),
    [
        (document() | {"conversations": {}}, "conversations"),
        (document() | {"conversations": [3]}, "conversations.messages"),
        (document(messages={}), "conversations.messages"),
        (document(messages=[3]), "conversations[0].messages[0]"),
        (document(messages=[entry(parent=0)]), "conversations[0].messages[0].parent"),  # itself
        (document(messages=[entry(parent=1), entry(parent=0)]), "conversations[0].messages[0].parent"),
        (document(messages=[entry(), entry(parent=5)]), "conversations[0].messages[1].parent"),  # missing
        (document(messages=[entry(), entry(parent=-1)]), "conversations[0].messages[1].parent"),
        (document(messages=[entry(), entry(parent=True)]), "conversations[0].messages[1].parent"),
        (document(messages=[entry(), entry(parent="0")]), "conversations[0].messages[1].parent"),
        (document(messages=[entry(active_child=0)]), "conversations[0].active_child"),  # not its child
        (document(messages=[entry(), entry(parent=0)], active_child=1), "conversations[0].active_child"),
        (document(active_child=0), "conversations[0].active_child"),
        (document(messages=[entry(role="robot")]), "conversations[0].messages[0].role"),
        (document(messages=[entry(role=[])]), "conversations[0].messages[0].role"),
        (document(messages=[entry(state="odd")]), "conversations[0].messages[0].state"),
        (document(messages=[entry(text=None)]), "conversations[0].messages[0].text"),
        (document(messages=[entry(text=["x"])]), "conversations[0].messages[0].text"),
        (document(messages=[entry(created="now")]), "conversations[0].messages[0].created"),
        (document(messages=[entry(created=1e300)]), "conversations[0].messages[0].created"),
        (document(messages=[entry(stats=[])]), "conversations[0].messages[0].stats"),
        (document(messages=[entry(stats={"a": "x" * 70_000})]), "conversations[0].messages[0].stats"),
        (document(messages=[entry(attachments=["a"])]), "conversations[0].messages[0].attachments"),
        (document(messages=[entry(attachments={})]), "conversations[0].messages[0].attachments"),
        (document(sampling={"a": [[[[[[[[[1]]]]]]]]]}), "conversations[0].sampling"),
        (document(sampling=3), "conversations[0].sampling"),
        (document(title=3), "conversations[0].title"),
        (document(pinned=1), "conversations[0].pinned"),
        (document(created=None), "conversations[0].created"),
        (document(updated=-1), "conversations[0].updated"),
        (document(updated=10**400), "conversations[0].updated"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused_and_says_where(history, values, where):
    honest = document()["conversations"]
    if isinstance(values["conversations"], list) and where != "conversations.messages":
        values["conversations"] += honest  # what is fine behind it is not taken either
    error = refusal(history, json.dumps(values))
    assert (error.key, error.values) == ("import-damaged", {"where": where})


def test_odd_characters_are_mended(history):
    values = document(title="half \ud83d", messages=[entry(text="\udfff\x00", stats={"\ud800": "\ud800"})])
    (one,) = history.import_json(json.dumps(values))
    assert history.get(one).title == "half ?"
    assert history.path(one)[0].text == "?\x00"
    history.export(one, "json").encode("utf-8")


def test_what_is_too_large_is_refused(history, monkeypatch):
    monkeypatch.setattr(export, "MAX_CHARACTERS", 1000)
    assert refusal(history, json.dumps(document(title="x" * 2000))).key == "import-too-large"
    monkeypatch.undo()
    monkeypatch.setattr(export, "MAX_MESSAGES", 5)
    assert refusal(history, json.dumps(document(messages=[entry()] * 6))).key == "import-too-large"
    monkeypatch.setattr(export, "MAX_CONVERSATIONS", 0)
    assert refusal(history, json.dumps(document())).key == "import-too-large"
    monkeypatch.undo()
    monkeypatch.setattr(export, "MAX_TEXT", 10)
    assert refusal(history, json.dumps(document(title="x" * 11))).key == "import-damaged"


@pytest.mark.slow
def test_a_deep_conversation_is_imported_without_recursion(history):
    messages = [entry()] + [entry(parent=number) for number in range(20_000)]
    at = time.perf_counter()
    (one,) = history.import_json(json.dumps(document(messages=messages)))
    assert time.perf_counter() - at < 5
    path = history.path(one)
    assert len(path) == 20_001
    history.delete_message(path[1].id)
    assert len(history.path(one)) == 1
    assert history.purge_deleted() == 20_000


@pytest.mark.parametrize("seed", range(5))
def test_mutated_files_are_imported_or_refused(history, one, seed):
    text, dice = history.export(one, "json"), random.Random(seed)
    for _ in range(60):
        characters = list(text)
        for _ in range(dice.randrange(1, 4)):
            place = dice.randrange(len(characters))
            characters[place] = dice.choice(['"', "{", "]", "0", "-", "9", ",", "\\", "e", ""])
        try:
            ids = history.import_json("".join(characters))
        except KnownError as error:
            assert error.key.startswith("import-")
        else:
            for new in ids:
                for format in ("md", "txt", "json"):
                    history.export(new, format)
    assert history.export(one, "json") == text


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Bread & 面包", "Bread & 面包.md"),
        ("../../etc/passwd", "etc passwd.md"),
        ('a<b>:"c"|?*\n', "a b c.md"),
        ("con", "con_.md"),
        ("...", "Conversation.md"),
        ("", "Conversation.md"),
        ("x" * 300, "x" * 60 + ".md"),
    ],
)
def test_file_names_suit_every_system(title, expected):
    assert file_name(title, "md") == expected


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"sampling": {"top_k": 10**12}}, "sampling.top_k"),
        ({"sampling": {"top_k": 1.5}}, "sampling.top_k"),
        ({"sampling": {"max_tokens": True}}, "sampling.max_tokens"),
        ({"sampling": {"temperature": "hot"}}, "sampling.temperature"),
        ({"sampling": {"temperature": 10**30}}, "sampling.temperature"),
        ({"sampling": {"seed": 2**70}}, "sampling.seed"),
        ({"sampling": {"stop": "x"}}, "sampling.stop"),
        ({"sampling": {"stop": [1]}}, "sampling.stop"),
        ({"messages": [entry(stats={"new_tokens": "many"})]}, "messages[0].stats.new_tokens"),
        ({"messages": [entry(stats={"tokens_per_second": [1]})]}, "messages[0].stats.tokens_per_second"),
        ({"messages": [entry(stats={"context_used": None})]}, "messages[0].stats.context_used"),
        ({"messages": [entry(stats={"error": {"a": 1}})]}, "messages[0].stats.error"),
        ({"messages": [entry(stats={"error_values": [1]})]}, "messages[0].stats.error_values"),
        ({"messages": [entry(stats={"error_values": {"a": [1]}})]}, "messages[0].stats.error_values"),
        ({"messages": [entry(attachments=[{"name": 1, "text": "x"}])]}, "messages[0].attachments"),
        ({"messages": [entry(attachments=[{"name": "x", "text": ["x"]}])]}, "messages[0].attachments"),
    ],
)
def test_values_that_would_break_the_conversation_are_refused(
    history: History, changes: dict[str, Any], where: str
) -> None:
    error = refusal(history, json.dumps(document(**changes)))
    assert (error.key, error.values) == ("import-damaged", {"where": f"conversations[0].{where}"})


def test_what_a_newer_version_adds_is_kept(history: History) -> None:
    (one,) = history.import_json(
        json.dumps(document(sampling={"mirostat": 2}, messages=[entry(stats={"watts": "few"})]))
    )
    assert history.get(one).sampling == {"mirostat": 2}
    assert history.path(one)[0].stats == {"watts": "few"}
