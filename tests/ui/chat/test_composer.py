"""Keys, input methods, pastes, files and drafts of the message field."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QObject, QPointF, QRect, Qt, QUrl
from PySide6.QtGui import QDropEvent, QInputMethodEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.chat.composer import Composer
from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.context import AppContext
from tests.documents import files
from tests.ui.chat.kit import Script, ask, shown, wait_quiet


@pytest.fixture
def composer(qtbot: QtBot, chat_context: AppContext) -> Composer:
    made = Composer(chat_context)
    qtbot.addWidget(made)
    made.resize(600, 80)
    made.show()
    made.edit.setFocus()
    return made


def compose(composer: Composer, preedit: str, commit: str = "") -> None:
    event = QInputMethodEvent(preedit, [])
    event.setCommitString(commit)
    QApplication.sendEvent(composer.edit, event)


def test_enter_sends_and_shift_enter_breaks(composer: Composer, qtbot: QtBot) -> None:
    qtbot.keyClicks(composer.edit, "one")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(composer.edit, "two")
    assert composer.text() == "one\ntwo"
    with qtbot.waitSignal(composer.sent):
        qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert composer.text() == "one\ntwo"  # the panel takes it


def test_enter_in_an_input_method_does_not_send(composer: Composer, qtbot: QtBot) -> None:
    sent: list[int] = []
    composer.sent.connect(lambda: sent.append(1))
    compose(composer, "ni hao")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)  # as some platforms pass it on
    assert not sent
    assert composer.text() == ""
    compose(composer, "", "你好")
    assert composer.text() == "你好"
    assert not sent
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert sent == [1]


def test_enter_can_be_set_to_break_the_line(composer: Composer, qtbot: QtBot) -> None:
    composer.context.settings.send_with_enter = False
    qtbot.keyClicks(composer.edit, "a")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert composer.text() == "a\n"
    with qtbot.waitSignal(composer.sent):
        qtbot.keyClick(composer.edit, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


def test_empty_does_nothing(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    panel.composer.set_text("  \n ")
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_Return)
    panel.send()
    assert not panel.composer.send_button.isEnabled()
    assert panel.conversation.id == 0
    assert not script.asked
    assert not panel.conversation.history.conversations()


@pytest.mark.slow
def test_a_million_characters_are_pasted_at_once(panel: ChatPanel, qtbot: QtBot) -> None:
    data = QMimeData()
    data.setText("word " * 200_000)
    started = time.perf_counter()
    panel.composer.edit.insertFromMimeData(data)
    QApplication.processEvents()
    assert time.perf_counter() - started < 5
    assert panel.composer.text() == ""
    assert [len(item.text) for item in panel.composer.attachments] == [1_000_000]
    panel.context.load_chosen_model()
    qtbot.waitUntil(lambda: panel.context.model() is not None)
    assert panel.header.meter.share > 1
    assert not panel.composer.notice.isHidden()
    panel.send()  # said plainly, and kept
    assert panel.conversation.id == 0
    assert len(panel.composer.attachments) == 1
    assert "Shorten it" in panel.composer.notice.text()


def test_a_paste_that_is_larger_than_a_file_may_be_is_refused_and_loses_nothing(
    panel: ChatPanel, qtbot: QtBot
) -> None:
    panel.composer.set_text("About this:")
    data = QMimeData()
    data.setText("字" * 1_000_000)  # 3 MB
    panel.composer.edit.insertFromMimeData(data)
    assert panel.composer.attachments == []
    assert "too large" in panel.composer.notice.text()
    assert panel.composer.text() == "About this:"


@pytest.mark.slow
def test_a_draft_that_takes_long_to_be_saved_is_saved_less_often(
    panel: ChatPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = panel.composer._debounce.interval()
    monkeypatch.setattr(panel.conversation, "save_draft", lambda _draft: time.sleep(0.1))
    panel.composing.save_draft()
    assert panel.composer._debounce.interval() >= 10 * 100
    monkeypatch.undo()
    monkeypatch.setattr(panel.conversation, "save_draft", lambda _draft: None)
    panel.composing.save_draft()
    assert panel.composer._debounce.interval() == usual


@pytest.mark.slow
def test_files_are_dropped_and_put_into_the_prompt(
    panel: ChatPanel, script: Script, qtbot: QtBot, tmp_path: Path
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy milk", encoding="utf-8")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    panel.composer.dropEvent(event)
    ask(panel, qtbot, "What is on it?")
    prompt = script.asked[0][0][-1].content
    assert "buy milk" in prompt
    assert prompt.endswith("What is on it?")
    assert panel.conversation.messages[0].attachments == ({"name": "notes.txt", "text": "buy milk"},)
    assert not panel.composer.attachments


def test_a_bad_file_is_said_in_place(panel: ChatPanel, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(bytes(range(256)) * 9)
    panel.composer.attach_files([path])
    assert "photo.png" in panel.composer.notice.text()
    assert not panel.composer.notice.isHidden()


@pytest.mark.slow
def test_drafts_come_back(panel: ChatPanel, qtbot: QtBot) -> None:
    ask(panel, qtbot, "first")
    first = panel.conversation.id
    qtbot.keyClicks(panel.composer.edit, "not sent yet")
    qtbot.waitUntil(lambda: panel.conversation.history.draft(first) == "not sent yet")
    panel.new_conversation()
    assert panel.composer.text() == ""
    data = QMimeData()
    data.setText("x" * 30_000)
    panel.composer.edit.insertFromMimeData(data)
    qtbot.keyClicks(panel.composer.edit, "about this")
    panel.open_conversation(first)
    assert panel.composer.text() == "not sent yet"
    assert not panel.composer.attachments
    panel.open_conversation(0)
    assert panel.composer.text() == "about this"
    assert len(panel.composer.attachments[0].text) == 30_000


@pytest.mark.slow
def test_up_edits_the_last_message(panel: ChatPanel, qtbot: QtBot) -> None:
    ask(panel, qtbot, "Why is the sky bleu?")
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_Up)
    assert panel.composer.text() == "Why is the sky bleu?"
    assert not panel.composer.editing.isHidden()
    panel.composer.set_text("Why is the sky blue?")
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_Return)
    wait_quiet(panel, qtbot)
    assert shown(panel)[0] == ("user", "Why is the sky blue?")
    first = panel.conversation.messages[0]
    assert (first.sibling_index, first.sibling_count) == (1, 2)
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_Up)
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_Escape)
    assert panel.conversation.editing is None
    assert panel.composer.text() == ""


@pytest.mark.slow
def test_every_control_has_a_name(panel: ChatPanel, qtbot: QtBot) -> None:
    from PySide6.QtWidgets import (
        QAbstractButton,
        QAbstractSpinBox,
        QComboBox,
        QLineEdit,
        QPlainTextEdit,
        QTextEdit,
    )

    ask(panel, qtbot, "x")
    kinds = (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit)
    nameless = []
    for kind in kinds:
        for widget in panel.findChildren(kind):
            inner = isinstance(widget.parent(), QAbstractSpinBox | QComboBox | QLineEdit)
            text = widget.text() if isinstance(widget, QAbstractButton) else ""
            if not inner and not widget.accessibleName() and not text and not widget.isHidden():
                nameless.append(widget)
    assert not nameless


class _Paints(QObject):
    """Notes which parts of a widget are painted."""

    def __init__(self) -> None:
        super().__init__()
        self.areas: list[QRect] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.areas.append(QRect(event.rect()))  # type: ignore[attr-defined]
        return False


@pytest.mark.slow
def test_the_box_shows_where_the_focus_is(panel: ChatPanel, qtbot: QtBot) -> None:
    box, paints = panel.composer.box, _Paints()
    panel.composer.edit.setFocus()
    qtbot.wait(50)
    box.installEventFilter(paints)
    panel.list.search.setFocus()
    qtbot.waitUntil(lambda: box.rect() in paints.areas)
    paints.areas.clear()
    panel.composer.edit.setFocus()
    qtbot.waitUntil(lambda: box.rect() in paints.areas)


@pytest.mark.slow
def test_documents_are_attached_by_their_words(composer: Composer, qtbot: QtBot, tmp_path: Path) -> None:
    sent: list[int] = []
    composer.sent.connect(lambda: sent.append(1))
    note = tmp_path / "note.txt"
    note.write_text("A note")
    unnamed = files.write_pdf(tmp_path / "no ending", ["Words of a PDF"])
    composer.attach_files([files.write_docx(tmp_path / "a.docx"), note, unnamed])
    assert [item.name for item in composer.attachments] == ["note.txt"]
    assert composer.reading_label.text() == "Reading a.docx"
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert not sent
    assert "still being read" in composer.notice.text()
    qtbot.waitUntil(lambda: len(composer.attachments) == 3, timeout=20_000)
    assert composer.reading_row.isHidden()
    texts = {item.name: item.text for item in composer.attachments}
    assert "English and 中文 in one paragraph." in texts["a.docx"]
    assert texts["no ending"] == "Words of a PDF"
    qtbot.keyClick(composer.edit, Qt.Key.Key_Return)
    assert sent == [1]


@pytest.mark.slow
def test_what_cannot_be_attached_is_said(composer: Composer, qtbot: QtBot, tmp_path: Path) -> None:
    def said(path: Path) -> str:
        composer.set_notice("")
        composer.attach_files([path])
        qtbot.waitUntil(lambda: composer.reading.now is None and bool(composer.notice.text()), timeout=20_000)
        return composer.notice.text()

    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 20)
    assert "neither a text nor a document" in said(tmp_path / "a.bin")
    (tmp_path / "b.docx").write_bytes(b"PK\3\4 broken")
    assert "damaged" in said(tmp_path / "b.docx")
    scanned = files.write_pdf(tmp_path / "scan.pdf", ["", "Text"], image=True)
    assert "pictures without text" in said(scanned)
    assert [item.text for item in composer.attachments] == ["Text"]


@pytest.mark.slow
def test_reading_can_be_left(composer: Composer, qtbot: QtBot, tmp_path: Path) -> None:
    composer.attach_files([files.write_docx(tmp_path / "a.docx"), files.write_docx(tmp_path / "b.docx")])
    composer.reading_cancel.click()
    assert composer.reading_row.isHidden()
    composer.attach_files([tmp_path / "a.docx"])
    composer.clear()  # another conversation
    qtbot.wait(300)
    assert composer.attachments == []
    assert composer.reading.now is None


def test_what_cannot_be_attached_leaves_the_others_and_stays_said(
    composer: Composer, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "bad.bin").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "broken.docx").write_bytes(b"PK nothing")
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(f"text of {name}", encoding="utf-8")
    names = ("a.txt", "bad.bin", "folder", "broken.docx", "b.txt")
    composer.attach_files([tmp_path / name for name in names])
    qtbot.waitUntil(lambda: composer.reading.now is None, timeout=20_000)
    assert [item.name for item in composer.attachments] == ["a.txt", "b.txt"]
    assert all(name in composer.notice.text() for name in ("bad.bin", "folder", "broken.docx"))
    composer.attach_files([tmp_path / "a.txt"])
    assert composer.notice.text() == ""


def test_a_long_text_of_another_panel_is_attached(composer: Composer) -> None:
    composer.append_text("short")
    composer.append_text("long " * 10_000)
    assert composer.text() == "short\n\n"
    assert [len(item.text) for item in composer.attachments] == [50_000]
