"""The history that Chat, Translate and Questions share: days, keys, what a search finds, what is read."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.widgets.history_list import HistoryList
from autogpt_desktop.ui.widgets.history_model import PAGE, HistoryItem

DAY = 86_400  # seconds


class Kept:
    """What is kept, the last first."""

    def __init__(self, count: int = 3) -> None:
        now = time.time()
        self.items = [HistoryItem(n, f"entry {n}", now - n * DAY, note=f"note {n}") for n in range(count)]

    def read(self, query: str, limit: int, offset: int) -> Sequence[HistoryItem]:
        return [item for item in self.items if query in item.title][offset : offset + limit]


def shown(kept: Kept, qtbot: QtBot, *, renames: bool = False) -> HistoryList:
    made = HistoryList(kept.read, renames=renames)
    made.set_texts("Earlier", "Search", "Nothing yet.")
    qtbot.addWidget(made)
    made.reload()
    made.show()
    return made


def test_entries_stand_under_their_days_and_are_read_aloud(qtbot: QtBot) -> None:
    made = shown(Kept(), qtbot)
    assert [row.heading or row.item.title for row in made.model.rows if row] == [
        "Today", "entry 0", "Yesterday", "entry 1", "Previous 7 days", "entry 2",
    ]  # fmt: skip
    index = made.model.index(1)
    assert index.data(Qt.ItemDataRole.AccessibleTextRole) == "entry 0. note 0"
    assert made.view.accessibleName() == "Earlier"
    assert made.search.accessibleName() == "Search"


def test_keys_open_rename_and_delete(qtbot: QtBot) -> None:
    kept = Kept()
    made = shown(kept, qtbot, renames=True)
    qtbot.keyClick(made.search, Qt.Key.Key_Down)
    assert made.item_at(made.view.currentIndex()) == kept.items[0]
    qtbot.keyClick(made.view, Qt.Key.Key_Down)  # past the heading
    with qtbot.waitSignal(made.opened) as opened:
        qtbot.keyClick(made.view, Qt.Key.Key_Return)
    assert opened.args == [kept.items[1]]
    qtbot.keyClick(made.view, Qt.Key.Key_F2)
    editor = made.view.viewport().findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "  new   name ")
    with qtbot.waitSignal(made.renamed) as renamed:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert renamed.args == [kept.items[1], "new name"]
    with qtbot.waitSignal(made.deleted) as deleted:
        qtbot.keyClick(made.view, Qt.Key.Key_Delete)
    kept.items.remove(deleted.args[0])
    made.reload()
    assert made.item_at(made.view.currentIndex()).key == 2  # the keyboard goes on with the next one


def test_what_has_no_title_of_its_own_is_not_renamed(qtbot: QtBot) -> None:
    made = shown(Kept(), qtbot)
    made.view.setCurrentIndex(made.model.index(1))
    qtbot.keyClick(made.view, Qt.Key.Key_F2)
    assert made.view.viewport().findChild(QLineEdit) is None
    assert not made.model.setData(made.model.index(1), "x")


@pytest.mark.parametrize(("query", "said"), [("", "Nothing yet."), ("gone", "Nothing found.")])
def test_it_says_why_it_is_empty(qtbot: QtBot, query: str, said: str) -> None:
    made = shown(Kept(3 if query else 0), qtbot)
    made.search.setText(query)
    made.search_now()
    assert (made.empty.isVisible(), made.empty.text()) == (True, said)
    assert made.view.focusPolicy() == Qt.FocusPolicy.NoFocus


def test_long_histories_are_read_page_by_page(qtbot: QtBot) -> None:
    made = shown(Kept(PAGE + 10), qtbot)
    assert len(made.model.items()) == PAGE
    assert made.model.canFetchMore(made.model.index(-1, 0))
    made.model.fetchMore(made.model.index(-1, 0))
    assert len(made.model.items()) == PAGE + 10
    assert not made.model.canFetchMore(made.model.index(-1, 0))
