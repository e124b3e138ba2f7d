"""What files give: texts, conversations and pairs, and why others are left out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.data.examples import Example, pair, question_about
from autogpt_desktop.lab.data.sources import LeftOut, Source, read_sources
from autogpt_desktop.lab.runs.spec import DataSpec
from tests.documents.files import write_docx, write_epub


def read(path: Path, **more: str) -> tuple[list[Example], dict[str, str]]:
    items = [one for one in read_sources(DataSpec((str(path),), **more)) if one is not None]  # type: ignore[arg-type]
    examples = [one.example for one in items if isinstance(one, Source)]
    return examples, {one.name: one.error.key for one in items if isinstance(one, LeftOut)}


def lines(path: Path, *values: object) -> Path:
    path.write_text("\n".join(v if isinstance(v, str) else json.dumps(v) for v in values), encoding="utf-8")
    return path


CHAT = (("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello."))


@pytest.mark.parametrize(
    ("value", "example"),
    [
        ({"text": "one"}, Example(text="one")),
        ({"content": "one", "id": 7}, Example(text="one")),
        ({"prompt": "a", "completion": "b"}, pair("a", "b")),
        ({"instruction": "a", "input": "", "output": "b"}, pair("a", "b")),
        ({"instruction": "a", "input": "c", "output": "b"}, pair("a\n\nc", "b")),
        ({"question": "a", "answer": 5}, pair("a", "5")),
        ({"system": "s", "prompt": "a", "response": "b"}, pair("a", "b", "s")),
        (
            {"messages": [{"role": role, "content": text} for role, text in CHAT]},
            Example(CHAT),
        ),
        (
            {"conversations": [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "Hi"},
                               {"from": "gpt", "value": "<think>x</think>Hello."}]},
            Example(CHAT),
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image"}]},
                          {"role": "assistant", "content": "Hello."}]},
            Example(CHAT[1:]),
        ),
    ],
)  # fmt: skip
def test_objects_of_known_fields(tmp_path: Path, value: object, example: Example) -> None:
    assert read(lines(tmp_path / "a.jsonl", value)) == ([example], {})


def test_lines_that_are_no_examples_are_counted(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "a.jsonl", {"text": "one"}, "", "{broken", "[" * 50_000, [1], {"other": 1}, {"text": "two"}
    )
    examples, skipped = read(path)
    assert [one.text for one in examples] == ["one", "two"]
    assert skipped == {"a.jsonl": "lab-data-lines"}
    assert read(lines(path, {"other": 1}))[1] == {"a.jsonl": "lab-data-fields"}
    path.write_bytes(json.dumps({"text": "中文"}, ensure_ascii=False).encode("utf-16"))
    assert read(path)[0] == [Example(text="中文")]
    path.write_bytes(b'{"text": "caf\xe9"}\n{"text": "\xff\xfe"}')
    assert len(read(path)[0]) == 2


def test_fields_can_be_named(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.jsonl", {"q": "a", "z": "b", "text": "no"})
    assert read(path, text_column="q", answer_column="z")[0] == [pair("a", "b")]
    assert read(path, text_column="z")[0] == [Example(text="b")]


def test_questions_about_texts(tmp_path: Path) -> None:
    columns = {"text_column": "Text", "question_column": "Asked", "answer_column": "Answer"}
    path = lines(tmp_path / "a.csv", "Asked,Answer,Text", "who?,Ann,Ann came.", "why?,,", "x,y,z", ",b,c")
    expected = [
        question_about("Ann came.", "who?", "Ann"),
        question_about("Ann came.", "why?", ""),  # an empty cell means the text above, and there is no answer
        question_about("z", "x", "y"),
    ]
    assert read(path, **columns) == (expected, {"a.csv": "lab-data-lines"})
    fields = {"text_column": "context", "question_column": "question", "answer_column": "answers"}
    path = lines(
        tmp_path / "a.jsonl",
        {
            "context": "Ann came.",
            "question": "who?",
            "answers": {"text": ["Ann", "Bo"], "answer_start": [0, 1]},
        },
        {"context": "Ann came.", "question": "why?", "answers": {"text": [], "answer_start": []}},
        {"context": "z", "question": "x", "answers": "y"},
    )
    assert read(path, **fields) == (expected, {})
    path = lines(tmp_path / "a.json", [{"context": "z", "question": "x", "answers": ["y"]}])
    assert read(path, **fields) == (expected[2:], {})


def test_exported_conversations_give_the_branch_that_was_shown(tmp_path: Path) -> None:
    def message(role: str, text: str, parent: int | None, active: int | None) -> dict[str, object]:
        return {"role": role, "text": text, "parent": parent, "active_child": active}

    messages = [
        message("user", "Hi", None, 2),
        message("assistant", "No.", 0, None),
        message("assistant", "Hello.", 0, None),
    ]
    tree = {"system_prompt": "Be brief.", "active_child": 0, "messages": messages}
    document = {"format": "autogpt-desktop-conversations", "version": 1, "conversations": [tree]}
    assert read(lines(tmp_path / "a.json", document)) == ([Example(CHAT)], {})
    tree["active_child"] = messages[1]["active_child"] = 1  # a circle
    assert read(lines(tmp_path / "a.json", document))[0] == [Example((CHAT[0], ("assistant", "No.")))]


def test_tables_by_their_columns(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.csv", "Question,Answer,Note", "a,b,c", "d,,e", ",,")
    assert read(path) == ([pair("a", "b")], {"a.csv": "lab-data-lines"})
    assert read(path, text_column="Note")[0] == [Example(text="c"), Example(text="e")]
    assert read(path, text_column="Text")[1] == {"a.csv": "table-no-column"}
    sources = [
        one for one in read_sources(DataSpec((str(path),), "question", "note")) if isinstance(one, Source)
    ]
    assert [(one.example.text, one.label) for one in sources] == [("a", "c"), ("d", "e")]


@pytest.mark.slow
def test_a_folder_of_documents(tmp_path: Path) -> None:
    write_docx(tmp_path / "a.docx")
    write_epub(tmp_path / "b.epub", ["<p>One chapter.</p>"])
    (tmp_path / "c.md").write_text("# Title\n\ntext")
    (tmp_path / "d.html").write_text("<html><body><p>page</p></body></html>")
    (tmp_path / "e.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "f.txt").write_bytes(os.urandom(5000))
    (tmp_path / "g.txt").write_text("")
    (tmp_path / "h.json").write_text('{"a": {"b": "settings"}}')
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.txt")
    examples, skipped = read(tmp_path)
    assert len(examples) == 5
    special = {"pipe.txt": "skipped-special"} if hasattr(os, "mkfifo") else {}
    expected = {
        "e.png": "skipped-kind",
        "f.txt": "document-kind",
        "g.txt": "document-empty",
        "loop": "skipped-closed",
    }
    assert skipped == expected | special


def test_what_is_named_and_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="document-missing"):
        read(tmp_path / "none")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(KnownError, match="document-link-loop"):
        read(tmp_path / "loop")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert read(tmp_path / "pipe")[1] == {"pipe": "document-not-a-file"}
