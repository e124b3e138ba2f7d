"""Conversations of the Questions panel survive restarts, bad files and full disks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.questions import KEPT, KeptQuestions, Questions


def one(title: str, changed: float = 1.0) -> KeptQuestions:
    return KeptQuestions(Questions.new_id(), title, "Papers", "abc", changed)


def test_kept_listed_loaded_removed(tmp_path: Path) -> None:
    store = Questions(tmp_path / "questions")
    assert store.all() == []
    first, second = one("第一", 1.0), one("Second", 2.0)
    store.save(first, [{"question": "谁？"}])
    store.save(second, [])
    again = Questions(tmp_path / "questions")
    assert again.all() == [second, first]
    assert again.load(first.id) == [{"question": "谁？"}]
    again.remove(first.id)
    again.remove(first.id)
    assert again.load(first.id) is None
    assert again.all() == [second]


def test_bad_files_are_left_out_and_left_alone(tmp_path: Path) -> None:
    store = Questions(tmp_path)
    store.save(one("Good"), [])
    for name, text in (("0" * 12, "{"), ("1" * 12, "[]"), ("2" * 12, '{"title": 1}'), ("elsewhere", "{}")):
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    assert [kept.title for kept in store.all()] == ["Good"]
    assert store.load("0" * 12) is None
    assert len(list(tmp_path.glob("*.json"))) == 5
    with pytest.raises(ValueError, match="no id"):
        store.load("../settings")


def test_the_oldest_go(tmp_path: Path) -> None:
    store = Questions(tmp_path)
    for number in range(KEPT):
        kept = one(str(number), float(number))
        store.save(kept, [])
        os.utime(tmp_path / f"{kept.id}.json", (number, number))
    store.save(one("last", 1e9), [])
    titles = {kept.title for kept in store.all()}
    assert len(titles) == KEPT
    assert "last" in titles
    assert "0" not in titles


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(KnownError, match="questions-not-saved"):
        Questions(tmp_path / "file").save(one("x"), [])
