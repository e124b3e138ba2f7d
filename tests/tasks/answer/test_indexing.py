"""Another program writes to an index: who needs it waits, and goes on from what was done."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.documents.index.collection import Collection, Collections
from autogpt_desktop.documents.index.index import Index
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress, Result
from autogpt_desktop.tasks.answer import evidence, indexing
from autogpt_desktop.tasks.answer.indexing import bring_up_to_date, opened


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    for name in ("bees", "tea", "wasps"):
        (tmp_path / f"{name}.txt").write_text(f"All about {name}.")
    made = Collections(tmp_path / "collections").create("Notes", sorted(tmp_path.glob("*.txt")))
    Index(made).close()
    return made


@pytest.mark.slow
def test_a_question_waits_until_the_index_is_free(collection: Collection, monkeypatch: Any) -> None:
    asked: list[Index] = []
    monkeypatch.setattr(
        evidence, "ask", lambda _models, _question, index, **_how: iter(asked.append(index) or ())
    )
    steps = evidence.ask_collection(None, "What do bees do?", collection)  # type: ignore[arg-type]
    with closing(Index(collection)) as other, other._write():
        assert next(steps) == Progress("stage.index-waiting")
        assert next(steps) == Progress("stage.index-waiting")
        assert not asked
    assert list(steps) == []
    assert len(asked) == 1


@pytest.mark.slow
def test_who_gives_up_waiting_is_told_or_cancelled(collection: Collection, monkeypatch: Any) -> None:
    with closing(Index(collection)) as other, other._write():
        assert list(opened(collection, lambda: True)) == [Progress("stage.index-waiting")]
        monkeypatch.setattr(indexing, "_WAIT", 0.1)
        with pytest.raises(KnownError, match="index-locked"):
            list(opened(collection))


@pytest.mark.slow
def test_reading_goes_on_where_another_program_cut_in(collection: Collection, monkeypatch: Any) -> None:
    put, calls = Index._put, list[str]()

    def cut_in(index: Index, path: Path, *given: Any) -> str:
        calls.append(path.name)
        if len(calls) == 2:
            raise KnownError("index-locked", path="")
        return put(index, path, *given)

    monkeypatch.setattr(Index, "_put", cut_in)
    events = list(bring_up_to_date(None, collection))
    assert Progress("stage.index-waiting") in events
    assert calls == ["bees.txt", "tea.txt", "tea.txt", "wasps.txt"]
    (summary,) = [event.value for event in events if isinstance(event, Result)]
    assert (summary.added, summary.unchanged) == (2, 1)
