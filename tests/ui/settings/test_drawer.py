"""Settings: everything applies at once and is on disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.settings import Settings
from autogpt_desktop.ui.settings.drawer import Choice, SettingsDrawer
from autogpt_desktop.ui.shell.main_window import MainWindow


def drawer(window: MainWindow) -> SettingsDrawer:
    window.show_settings()
    found = window.overlay("settings")
    assert isinstance(found, SettingsDrawer)
    return found


def pick(choice: Choice, value: object) -> None:
    index = choice.findData(value)
    assert index >= 0, value
    choice.setCurrentIndex(index)
    choice.activated.emit(index)


@pytest.mark.slow
def test_choices_apply_and_are_saved(shell_window: MainWindow) -> None:
    settings = drawer(shell_window)
    pick(settings.theme, "dark")
    pick(settings.language, "zh_CN")
    pick(settings.zoom, 1.5)
    pick(settings.device, "cpu")
    pick(settings.quantize, "int4")
    copy = paths.packed_dir() / "a model.packed"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(b"weights")
    pick(settings.packed_copies, "never")
    assert not copy.exists()
    pick(settings.context_length, 4096)
    settings.send_with_enter.click()
    settings.notify.click()
    assert shell_window.context.is_dark()
    assert settings._title.text() == "设置"
    saved = Settings.load()
    assert (saved.theme, saved.language, saved.zoom, saved.device) == ("dark", "zh_CN", 1.5, "cpu")
    assert (saved.quantize, saved.packed_copies) == ("int4", "never")
    assert (saved.context_length, saved.send_with_enter, saved.notify) == (4096, False, False)
    assert settings.theme.currentData() == "dark"
    assert settings.zoom.currentText() == "150%"


@pytest.mark.slow
def test_it_does_not_stop_the_window(shell_window: MainWindow, qtbot: QtBot) -> None:
    settings = drawer(shell_window)
    assert QApplication.activeModalWidget() is None
    outside = QPoint(20, 300)
    qtbot.mouseClick(settings, Qt.MouseButton.LeftButton, pos=outside)
    assert not settings.isVisible()


@pytest.mark.slow
def test_wheel_over_a_choice_does_not_change_it(shell_window: MainWindow) -> None:
    choice = drawer(shell_window).theme
    before = choice.currentIndex()
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(choice, event)
    assert choice.currentIndex() == before


@pytest.mark.slow
def test_zoom_by_keyboard_shows_in_the_drawer(shell_window: MainWindow) -> None:
    settings = drawer(shell_window)
    shell_window.context.step_zoom(1)
    assert settings.zoom.currentData() == 1.1


@pytest.mark.slow
def test_presets_are_edited_added_removed_and_undone(shell_window: MainWindow, qtbot: QtBot) -> None:
    editor = drawer(shell_window).presets
    assert editor.chooser.currentText() == "Balanced"
    assert not editor.remove_button.isEnabled()
    editor.fields["temperature"].setValue(0.6)
    assert Settings.load().presets[0]["sampling"]["temperature"] == 0.6
    assert editor.reset_button.isVisible()
    editor.reset_button.click()
    assert Settings.load().presets[0]["sampling"]["temperature"] == 0.4

    editor.add_button.click()
    assert editor.name_edit.isVisible()
    assert editor.name_edit.hasFocus()
    editor.name_edit.setText("Poet")
    editor.name_edit.editingFinished.emit()
    editor.prompt.setPlainText("You write verse.")
    added = Settings.load().presets[-1]
    assert (added["name"], added["system_prompt"]) == ("Poet", "You write verse.")
    assert editor.chooser.currentText() == "Poet"

    editor.remove_button.click()
    assert all(preset["name"] != "Poet" for preset in Settings.load().presets)
    action = shell_window.toasts.toasts()[-1].action
    assert action is not None
    action.click()
    assert Settings.load().presets[-1]["name"] == "Poet"


@pytest.mark.slow
def test_numbers_can_be_seen(shell_window: MainWindow) -> None:
    editor = drawer(shell_window).presets
    for spin in editor.fields.values():
        field = spin.lineEdit()
        assert field.width() > field.fontMetrics().horizontalAdvance(field.text()) + 8, spin.accessibleName()


@pytest.mark.slow
def test_settings_that_cannot_be_saved_are_a_sentence(shell_window: MainWindow) -> None:
    target = shell_window.context.settings.path
    assert target is not None
    target.unlink(missing_ok=True)
    target.mkdir()  # nothing can be written there
    shell_window.context.set_theme("dark")
    assert shell_window.toasts.toasts()[0].request.error
    target.rmdir()


def test_roles_name_their_models(
    shell_window: MainWindow, starter_gguf: Path, gemma_gguf: Path, minilm_folder: Path
) -> None:
    roles = drawer(shell_window).roles
    assert "none installed" in roles["translate"].currentText()
    for path in (starter_gguf.parent, gemma_gguf.parent, minilm_folder):
        (paths.models_dir() / path.name).symlink_to(path)
    shell_window.context.refresh_models()
    assert [choice.currentText() for choice in roles.values()] == [
        "Automatic (SmolLM2 135M Instruct)",
        *["Automatic (Gemma 3 270M)"] * 2,
        "Automatic (all-MiniLM-L6-v2)",
        "Automatic (Gemma 3 270M)",
    ]
    assert [roles["chat"].itemData(i) for i in range(roles["chat"].count())] == [
        "", "gemma-3-270m", "smollm2-135m-instruct"
    ]  # fmt: skip
    pick(roles["answer"], "smollm2-135m-instruct")
    assert Settings.load().roles == {"answer": "smollm2-135m-instruct"}
    model = shell_window.context.model_for("answer")
    assert model is not None
    assert model.name == "smollm2-135m-instruct"
    pick(roles["answer"], "")
    assert Settings.load().roles == {}
