"""Actions with their names: what has no room is in the menu, and does the same there."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QMenu, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.widgets.action_row import ActionRow, action_button, name_action


def test_the_last_ones_go_into_the_menu_first(qtbot: QtBot) -> None:
    words = ["Find", "Export", "Temporary"]
    buttons = [action_button("search") for _ in words]
    for made, word in zip(buttons, words, strict=True):
        name_action(made, word, f"{word} it", "Ctrl+F")
    inner = QMenu(buttons[1])
    inner.addAction("Markdown")
    buttons[1].setMenu(inner)
    buttons[2].setCheckable(True)
    window = QWidget()
    qtbot.addWidget(window)
    row = ActionRow(buttons)
    QHBoxLayout(window).addWidget(row)
    window.resize(row.sizeHint().width() + 100, 60)
    window.show()
    qtbot.waitExposed(window)
    assert row.folded() == []
    assert row.more.isHidden()
    assert [made.text() for made in row.buttons] == words
    assert [made.accessibleName() for made in row.buttons] == [f"{word} it" for word in words]
    assert row.anchor_of(buttons[1]) is buttons[1]
    window.resize(buttons[0].sizeHint().width() + row.more.sizeHint().width() + 40, 60)
    qtbot.waitUntil(lambda: row.folded() == buttons[1:], timeout=20_000)
    assert row.more.isVisible()
    assert row.more.geometry().right() <= row.width()
    assert row.anchor_of(buttons[1]) is row.more
    row.more.menu().aboutToShow.emit()
    export, temporary = row.more.menu().actions()
    assert (export.text(), export.menu()) == ("Export", inner)
    temporary.trigger()
    assert buttons[2].isChecked()
    window.resize(row.sizeHint().width() + 100, 60)
    qtbot.waitUntil(lambda: row.folded() == [], timeout=20_000)
    assert row.more.isHidden()
