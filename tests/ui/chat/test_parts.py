"""Attachments, dates of the list, and the sampling drawer."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from autogpt_desktop import i18n
from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.errors import KnownError
from autogpt_desktop.ui.chat.attachments import (
    MAX_FILE_BYTES,
    Attachment,
    decode_text,
    prompt_text,
    read_attachment,
)
from autogpt_desktop.ui.chat.chat_settings import sampling_from, sampling_values
from autogpt_desktop.ui.chat.sampling_panel import SamplingPanel
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.settings.preset_editor import PresetEditor
from autogpt_desktop.ui.widgets.basic import languages_text
from autogpt_desktop.ui.widgets.history_model import group_name

CHINESE = "二分查找是一种在有序数组中查找特定元素的算法。"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
def test_chinese_files_are_read(encoding: str) -> None:
    assert decode_text((CHINESE + " ok\r\n").encode(encoding)) == CHINESE + " ok\n"


def test_western_and_binary_files() -> None:
    assert decode_text("Le café est fermé\n".encode("cp1252")) == "Le café est fermé\n"
    assert decode_text(bytes(range(256)) * 20) is None
    assert decode_text(b"\x89PNG\r\n\x1a\n" + bytes(100)) is None


def test_files_that_cannot_be_attached(tmp_path: Path) -> None:
    def key(path: Path) -> str:
        with pytest.raises(KnownError) as caught:
            read_attachment(path)
        assert path.name in i18n.message(caught.value)
        return caught.value.key

    (tmp_path / "big.txt").write_bytes(b"a" * (MAX_FILE_BYTES + 1))
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 9)
    (tmp_path / "empty.txt").write_text(" \n")
    assert key(tmp_path / "big.txt") == "attachment-too-large"
    assert key(tmp_path / "a.bin") == "attachment-not-text"
    assert key(tmp_path / "empty.txt") == "attachment-empty"
    assert key(tmp_path / "none.txt") == "attachment-unreadable"
    assert key(tmp_path) == "attachment-unreadable"


def test_a_file_cannot_close_its_fence() -> None:
    text = prompt_text("Explain", [Attachment("a.md", "```\ncode\n```")])
    assert text == "a.md:\n````\n```\ncode\n```\n````\n\nExplain"


def test_date_groups() -> None:
    now = datetime(2026, 3, 10, 15).timestamp()
    day = 86400
    assert group_name(now - 3600, now) == "Today"
    assert group_name(now - day, now) == "Yesterday"
    assert group_name(now - 5 * day, now) == "Previous 7 days"
    assert group_name(now - 30 * day, now) == "February 2026"
    i18n.set_language("zh_CN")
    assert group_name(now - 30 * day, now) == "2026年2月"
    assert group_name(time.time()) == "今天"


def test_sampling_survives_the_history() -> None:
    sampling = Sampling(temperature=0.2, seed=7, stop=("END", "###"), max_tokens=9)
    assert sampling_from(sampling_values(sampling)) == sampling
    assert sampling_from({"unknown": 1}) == Sampling()


@pytest.mark.slow
def test_drawer_reads_back_what_it_shows(chat_context: AppContext, qtbot: QtBot) -> None:
    drawer = SamplingPanel(chat_context)
    qtbot.addWidget(drawer)
    sampling = Sampling(0.15, 3, 0.5, 0.25, 1.1, 42, ("a b", "c"), 77)
    drawer.show_values("Be brief.", sampling, "Precise")
    assert drawer.values() == ("Be brief.", sampling, "Precise")
    with qtbot.waitSignal(drawer.changed):
        drawer.temperature.setValue(0.9)
    assert drawer.values()[2] == ""  # no longer the preset


def test_a_schema_that_is_not_json_yet_is_said(chat_context: AppContext, qtbot: QtBot) -> None:
    drawer = SamplingPanel(chat_context)
    qtbot.addWidget(drawer)
    drawer.show_values("", Sampling(schema='{"type": "object"}'), "")
    assert drawer.schema_problem.isHidden()
    assert drawer.values().sampling.schema == '{"type": "object"}'
    for text, wrong in (("{", True), ("[1]", True), ("{}", False), (" ", False)):
        drawer.schema.setPlainText(text)
        assert drawer.schema_problem.isHidden() != wrong
    assert drawer.values().sampling.schema == ""


def test_stop_texts_are_one_a_line(chat_context: AppContext, qtbot: QtBot) -> None:
    drawer = SamplingPanel(chat_context)
    qtbot.addWidget(drawer)
    drawer.show_values("", Sampling(), "")
    drawer.stop.setFocus()
    qtbot.keyClicks(drawer.stop, r"\n\nUser:")
    qtbot.keyClick(drawer.stop, Qt.Key.Key_Return)
    qtbot.keyClicks(drawer.stop, r" END\\n")
    assert drawer.values().sampling.stop == ("\n\nUser:", r" END\n")
    drawer.show_values("", drawer.values().sampling, "")
    assert drawer.values().sampling.stop == ("\n\nUser:", r" END\n")


def test_presets_are_saved_renamed_and_deleted(chat_context: AppContext, qtbot: QtBot) -> None:
    drawer = SamplingPanel(chat_context)
    qtbot.addWidget(drawer)

    def names() -> list[str]:
        return [preset["name"] for preset in chat_context.settings.presets]

    built_in = names()
    drawer.show_values("Rhyme.", Sampling(temperature=1.3), "")
    drawer.save_preset()
    drawer.name_field.setText("Poet")
    drawer.name_button.click()
    assert names() == [*built_in, "Poet"]
    assert drawer.values()[2] == "Poet"
    drawer.rename_preset()
    drawer.name_field.setText("Bard")
    drawer.name_button.click()
    assert names() == [*built_in, "Bard"]
    drawer.save_preset()
    drawer.name_field.setText("Balanced")  # a built-in one cannot be overwritten
    drawer.name_button.click()
    assert names() == [*built_in, "Bard"]
    drawer.show_values("", Sampling(), "Bard")
    drawer.delete_preset()
    assert names() == built_in
    chat_context.toasts[-1].undo()  # type: ignore[attr-defined]
    assert names() == [*built_in, "Bard"]
    assert chat_context.settings.presets[-1]["system_prompt"] == "Rhyme."


def test_languages_have_short_names_of_their_own() -> None:
    assert languages_text(("en", "es", "zh", "pt")) == "English, Español, 中文, Português"
    many = languages_text(("de", "fr", "es", "it", "pt", "ja"))
    assert many == "Deutsch, Français, Español, Italiano and 2 more"
    assert languages_text(("sv",)) == "Svenska"


def test_numbers_look_alike_in_drawer_and_settings(chat_context: AppContext, qtbot: QtBot) -> None:
    drawer, editor = SamplingPanel(chat_context), PresetEditor(chat_context)
    qtbot.addWidget(drawer)
    qtbot.addWidget(editor)
    for one, other in ((drawer.top_k, editor.fields["top_k"]), (drawer.top_p, editor.fields["top_p"])):
        assert type(one) is type(other)
        assert one.width() == other.width()
        assert one.alignment() == other.alignment() == Qt.AlignmentFlag.AlignRight
        assert one.lineEdit().textMargins() == other.lineEdit().textMargins()
