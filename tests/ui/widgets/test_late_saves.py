"""Another program holds a file for a while: nothing is lost, it is told once, and work goes on by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.drafts import TextDrafts
from autogpt_desktop.storage.translations import Kept, TranslateHistory
from autogpt_desktop.storage.verdicts import VerdictHistory
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.history_view import HistoryView
from autogpt_desktop.ui.widgets import kept_history, late_saves
from autogpt_desktop.ui.widgets.draft_keeper import DraftKeeper
from autogpt_desktop.ui.widgets.late_saves import LateSaves, Slot
from autogpt_desktop.ui.widgets.text_field import TextField

WAIT_MS = 20_000


@contextmanager
def held(path: Path) -> Iterator[None]:
    """As another program holds a database while it writes a long time."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield
        db.rollback()


@pytest.fixture(autouse=True)
def tries_are_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (late_saves, kept_history):
        monkeypatch.setattr(module, "RETRY_MS", 50)


@pytest.mark.slow
def test_what_waits_is_written_in_its_order_once_the_file_is_free(
    shell_context: AppContext, qtbot: QtBot
) -> None:
    history, told = TranslateHistory(), list[str]()
    history.keep("en", "fr", "before", "avant")
    field = TextField(shell_context, "translate")
    qtbot.addWidget(field)
    saves = LateSaves(lambda error: told.append(error.key), field)
    one, other = Slot(), Slot()
    with held(history.path):
        saves.put(one, lambda number: history.keep("en", "fr", "One", "Un", "[]", number))
        saves.put(other, lambda number: history.keep("en", "fr", "Two", "Deux", "[]", number))
        saves.put(one, lambda number: history.keep("en", "fr", "One more", "Un de plus", "[]", number))
        qtbot.wait(150)
        assert told == ["history-waits"]  # once
        assert (one.number, other.number) == (0, 0)
    with qtbot.waitSignals([saves.saved, saves.saved], timeout=WAIT_MS):
        pass
    assert [entry.text for entry in history.entries()] == ["Two", "One more", "before"]
    assert history.get(one.number) is not None
    saves.put(one, lambda number: history.keep("en", "fr", "One more still", "", "[]", number))
    assert len(history.entries()) == 3
    history.close()


@pytest.mark.slow
def test_a_window_that_closes_waits_a_moment(
    shell_context: AppContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, field = TranslateHistory(), TextField(shell_context, "translate")
    qtbot.addWidget(field)
    saves = LateSaves(lambda _error: None, field)
    tries: list[int] = []

    def keep(number: int) -> int:
        tries.append(number)
        if len(tries) < 4:
            raise KnownError("history-locked", path="")
        return history.keep("en", "fr", "One", "Un", "[]", number)

    saves.put(Slot(), keep)
    saves.finish()
    assert [entry.text for entry in history.entries()] == ["One"]
    history.close()
    monkeypatch.setattr(late_saves, "LAST_SECONDS", 0.0)
    tries.clear()
    saves.put(Slot(), keep)
    saves.finish()  # not for ever
    assert len(tries) == 1


@pytest.mark.slow
def test_other_failures_are_told_and_hold_up_nothing(shell_context: AppContext, qtbot: QtBot) -> None:
    told, field = list[str](), TextField(shell_context, "translate")
    qtbot.addWidget(field)
    saves = LateSaves(lambda error: told.append(error.key), field)

    def full(_number: int) -> int:
        raise KnownError("disk-full", folder="")

    saves.put(Slot(), full)
    slot = Slot()
    saves.put(slot, lambda _number: 7)
    assert told == ["disk-full"]
    assert slot.number == 7


@pytest.mark.slow
def test_a_draft_and_a_list_go_on_by_themselves(
    shell_context: AppContext, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autogpt_desktop.ui.widgets import draft_keeper

    monkeypatch.setattr(draft_keeper, "RETRY_MS", 50)
    TextDrafts().keep("note", "old")
    told, field = list[str](), TextField(shell_context, "translate")
    qtbot.addWidget(field)
    draft = DraftKeeper("note", field, lambda error: told.append(error.key), field)
    with held(paths.data_dir() / "drafts.db"):
        field.setPlainText("new")
        draft.keep()
        assert told == ["history-locked"]
    qtbot.waitUntil(lambda: TextDrafts().get("note") == "new", timeout=WAIT_MS)

    later = TextField(shell_context, "translate")
    qtbot.addWidget(later)
    with held(paths.data_dir() / "drafts.db"):
        DraftKeeper("note", later, lambda error: told.append(error.key), later)
        assert later.text() == ""
    qtbot.waitUntil(lambda: later.text() == "new", timeout=WAIT_MS)
    assert TextDrafts().get("note") == "new"

    history = TranslateHistory()
    history.restore([Kept(1, 1.0, "en", "fr", "Bread", "Pain")])
    shown = list[KnownError]()
    monkeypatch.setattr(shell_context, "show_error", shown.append)
    view = HistoryView(shell_context, history)
    qtbot.addWidget(view)
    view.show()
    with held(history.path):
        view.history.reload()
        qtbot.wait(120)
        assert [error.key for error in shown] == ["history-locked"]
    qtbot.waitUntil(lambda: view.history.list.model.rowCount() > 0, timeout=WAIT_MS)
    history.close()


def test_the_window_hardly_waits(tmp_path: Path) -> None:
    history = VerdictHistory(tmp_path / "verdicts.db")
    history.keep("text", "Good", (1.0, 0.0, 0.0))
    with held(tmp_path / "verdicts.db"), pytest.raises(KnownError, match="history-locked"):
        history.keep("text", "Bad", (0.0, 0.0, 1.0))
    history.close()
