"""Deleting a conversation puts it into the trash, from where it comes back or goes for ever."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.chat.purge import PURGE_AFTER, UNDO_MS
from autogpt_desktop.ui.chat.trash_card import TrashCard
from tests.ui.chat.kit import ask


def card(panel: ChatPanel) -> TrashCard:
    panel.list.trash_button.click()
    found = panel.list_actions._trash
    assert found is not None
    assert found.isVisible()
    return found


def press(trash: TrashCard, name: str) -> None:
    """The last button with that accessible name; earlier ones are about to be deleted."""
    found = [each for each in trash.findChildren(QPushButton) if each.accessibleName() == name]
    found[-1].click()


@pytest.mark.slow
def test_deleted_and_undone(panel: ChatPanel, qtbot: QtBot) -> None:
    ask(panel, qtbot, "about ships")
    number = panel.conversation.id
    assert panel.list.trash_button.isHidden()
    panel.list_actions.delete(number)
    assert panel.list.trash_button.text() == "Trash (1)"
    assert not panel.list.trash_button.isHidden()
    request = panel.context.toasts[-1]  # type: ignore[attr-defined]
    assert (request.milliseconds, "30 days" in request.text) == (30_000, True)
    assert UNDO_MS < PURGE_AFTER * 1000
    request.undo()
    assert panel.list.trash_button.isHidden()
    assert panel.conversation.id == number


@pytest.mark.slow
def test_restored_from_the_trash(panel: ChatPanel, qtbot: QtBot) -> None:
    ask(panel, qtbot, "about ships")
    number = panel.conversation.id
    panel.list_actions.delete(number)
    panel.purge.finish()  # as when the window closes
    trash = card(panel)
    press(trash, "Restore: about ships")
    assert panel.context.history.has(number)
    assert panel.list.model.row_of(number) >= 0
    assert not trash.empty_button.isEnabled()


@pytest.mark.slow
def test_deleted_for_ever_with_undo_and_then_gone(panel: ChatPanel, qtbot: QtBot) -> None:
    history = panel.context.history
    ask(panel, qtbot, "about ships")
    panel.list_actions.delete(panel.conversation.id)
    trash = card(panel)
    press(trash, "Delete for ever: about ships")
    assert history.trashed() == []
    panel.context.toasts[-1].undo()  # type: ignore[attr-defined]
    assert len(history.trashed()) == 1
    trash.empty_button.click()
    assert panel.list.trash_button.isHidden()
    history.purge_deleted()
    assert not history.rows("SELECT 1 FROM messages")


@pytest.mark.slow
def test_what_expired_goes_when_the_purge_comes(panel: ChatPanel, qtbot: QtBot) -> None:
    history = panel.context.history
    ask(panel, qtbot, "about ships")
    panel.list_actions.delete(panel.conversation.id)
    panel.purge.finish()
    assert len(history.trashed()) == 1
    history.db.execute("UPDATE trash SET since = since - 31 * 86400")
    panel.purge.finish()
    assert not history.rows("SELECT 1 FROM messages")
