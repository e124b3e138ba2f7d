"""Reading a document beside its answer: the passage, its surroundings, and what went wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QTextCursor
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop import i18n
from autogpt_desktop.tasks.answer.document import DocumentPlace
from autogpt_desktop.ui.answer.document.rows_edit import CHUNK, WINDOW
from autogpt_desktop.ui.answer.document.toolbar import PAGE, TEXT
from autogpt_desktop.ui.answer.document.view import DocumentView
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.shell.panel_registry import kind
from tests.documents import files

Span = tuple[int, int]


@pytest.fixture
def view(shell_context: AppContext, qtbot: QtBot) -> Iterator[DocumentView]:
    made = DocumentView(shell_context)
    qtbot.addWidget(made)
    made.resize(600, 500)
    made.show()
    qtbot.waitExposed(made)
    return made


def shown(view: DocumentView, qtbot: QtBot) -> str:
    """Wait for the document; its whole text."""
    qtbot.waitUntil(lambda: not view.job.running, timeout=20_000)
    assert view.opened is not None
    qtbot.waitUntil(lambda: not view.text._fill.isActive(), timeout=10_000)
    return view.opened.document.text


def in_sight(view: DocumentView, span: Span) -> bool:
    cursor = QTextCursor(view.text.document())
    cursor.setPosition(view.text.position_of(span[0]))
    area = view.text.viewport().rect()
    return area.contains(view.text.cursorRect(cursor).center())


def marked(view: DocumentView) -> list[str]:
    return [mark.cursor.selectedText().replace("\u2029", "\n") for mark in view.text.extraSelections()]


@pytest.fixture
def bees(tmp_path: Path) -> Path:
    pages = ["\n".join(f"Line {i} of page {n}, about bees." for i in range(40)) for n in range(1, 9)]
    return files.write_pdf(tmp_path / "bees.pdf", pages, title="Bees")


@pytest.mark.slow
def test_a_passage_is_shown_in_the_middle_of_its_page(view: DocumentView, bees: Path, qtbot: QtBot) -> None:
    view.open(bees)
    text = shown(view, qtbot)
    assert view.toolbar.title.whole_text() == "Bees"
    assert view.toolbar.pages.count() == 8
    first, second = text.index("Line 20 of page 5"), text.index("Line 3 of page 7")
    view.open(
        bees, first, first + 17, "5", text="Line 20 of page 5", more=[DocumentPlace(second, second + 16)]
    )
    shown(view, qtbot)
    assert in_sight(view, (first, first))
    assert "Line 20 of page 5" in marked(view)
    qtbot.waitUntil(lambda: view.toolbar.pages.currentText() == "Page 5", timeout=20_000)
    assert view.toolbar.passage.text() == "Passage 1 of 2"
    assert view.notice.isHidden()
    qtbot.mouseClick(view.toolbar.down, Qt.MouseButton.LeftButton)
    assert in_sight(view, (second, second))
    assert view.toolbar.passage.text() == "Passage 2 of 2"
    view.toolbar.pages.setCurrentIndex(0)
    view.toolbar.pages.activated.emit(0)
    assert view.text.top_offset() == 0


def test_the_page_of_the_passage_is_named_where_all_of_it_is_in_sight(
    view: DocumentView, tmp_path: Path, qtbot: QtBot
) -> None:
    path = files.write_pdf(tmp_path / "short.pdf", ["One.", "Two and three."])
    view.open(path, 6, 9)
    text = shown(view, qtbot)
    view.open(path, text.index("three"), text.index("three") + 5)
    shown(view, qtbot)
    assert view.toolbar.pages.currentText() == "Page 2"


def test_offsets_hold_among_pages_signs_and_scripts(view: DocumentView, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "mixed.md"
    path.write_text("# 茶\n\n😀😀 tea and 𝒳 then\u00a0النحل يرقص here.\n\nlast", encoding="utf-8")
    view.open(path)
    text = shown(view, qtbot)
    for offset in range(len(text)):
        assert view.text.offset_of(view.text.position_of(offset)) == offset
    at = text.index("𝒳 then")
    cursor = view.text.textCursor()
    cursor.setPosition(view.text.position_of(at))
    cursor.setPosition(view.text.position_of(at + 6), QTextCursor.MoveMode.KeepAnchor)
    view.text.setTextCursor(cursor)
    assert view.selected_text() == "𝒳 then"
    view.text.copy()
    assert QGuiApplication.clipboard().text() == "𝒳 then"


@pytest.mark.slow
def test_copied_text_has_no_page_labels(view: DocumentView, bees: Path, qtbot: QtBot) -> None:
    view.open(bees)
    text = shown(view, qtbot)
    assert view.text.is_whole()
    view.text.selectAll()
    assert view.selected_text() == text[:-1]
    assert "Page 2" not in text
    assert "Page 2" in view.text.toPlainText()


def test_a_changed_file_is_said_and_the_passage_is_looked_for(
    view: DocumentView, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Before it. The passage that matters. After it.")
    view.open(path, 11, 36, text="The passage that matters.")
    shown(view, qtbot)
    assert view.notice.isHidden()
    assert marked(view)[-1] == "The passage that matters."
    path.write_text("Much was put in before it. Really. The passage\nthat matters. After it.")
    view.open(path, 11, 36, text="The passage that matters.")
    shown(view, qtbot)
    assert marked(view)[-1] == "The passage\nthat matters."
    assert "stands here now" in view.notice.text()
    assert view.notice.isVisible()
    path.write_text("Nothing of it is left.")
    view.open(path, 11, 36, text="The passage that matters.")
    shown(view, qtbot)
    assert "no longer in it" in view.notice.text()
    assert not marked(view)


@pytest.mark.slow
def test_what_cannot_be_read_is_a_sentence_and_can_be_tried_again(
    view: DocumentView, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "gone.txt"
    view.open(path, 0, 4)
    qtbot.waitUntil(lambda: view.problem.text.isVisible(), timeout=10_000)
    assert "“gone.txt” is no longer there." in view.problem.text.text()
    assert view.text.isHidden()
    path.write_text("Here again.")
    qtbot.mouseClick(view.problem.again_button, Qt.MouseButton.LeftButton)
    shown(view, qtbot)
    assert view.text.isVisible()
    assert marked(view)[-1] == "Here"
    (tmp_path / "locked.pdf").write_bytes(files.write_pdf(tmp_path / "locked.pdf", ["x"]).read_bytes())
    files.lock_pdf(tmp_path / "locked.pdf")
    view.open(tmp_path / "locked.pdf")
    qtbot.waitUntil(lambda: "password" in view.problem.text.text(), timeout=10_000)
    view.context.set_language("zh_CN")
    assert view.problem.text.text()
    assert "password" not in view.problem.text.text()


@pytest.mark.slow
def test_words_are_found_across_lines_and_beyond_what_is_laid_out(
    view: DocumentView, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "long.txt"
    lines = [f"{n} tells of honey bees and what they do all day long in the hive." for n in range(20_000)]
    lines[19_000] += " Queen of\nthe hive."
    path.write_text("\n".join(lines))
    view.open(path)
    text = shown(view, qtbot)
    assert view.text.held() <= WINDOW + CHUNK
    assert not view.text.is_whole()
    qtbot.keyClick(view.text, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert view.find_bar.isVisible()
    qtbot.keyClick(view.text, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert view.selected_text() == text, "also what is not laid out"
    view.find_bar.field.setText("queen of THE")
    qtbot.waitUntil(lambda: view.find_bar.count.text() == "1 of 1", timeout=10_000)
    at = text.index("Queen of")
    assert in_sight(view, (at, at))
    assert "Queen of\nthe" in marked(view)
    view.find_bar.field.setText("bees")
    qtbot.waitUntil(lambda: view.find_bar.count.text().endswith("10,000+"), timeout=10_000)
    before = view.find_bar.count.text()
    qtbot.keyClick(view.find_bar.field, Qt.Key.Key_Return)
    assert view.find_bar.count.text() != before
    view.find_bar.field.setText("wasps")
    qtbot.waitUntil(lambda: view.find_bar.count.text() == i18n.tr("Not found"), timeout=10_000)
    closed: list[bool] = []
    view.closed.connect(lambda: closed.append(True))
    qtbot.keyClick(view.find_bar.field, Qt.Key.Key_Escape)
    assert view.find_bar.isHidden()
    assert not closed
    qtbot.keyClick(view.text, Qt.Key.Key_Escape)
    assert closed == [True]


@pytest.mark.slow
def test_a_big_document_scrolls_from_end_to_end_in_small_steps(
    view: DocumentView, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "big.txt"
    path.write_text(
        "\n".join(f"{n} tells of honey bees and what they do all day long." for n in range(60_000))
    )
    view.open(path, 1_600_000, 1_600_100)
    text = shown(view, qtbot)
    assert in_sight(view, (1_600_000, 1_600_000))
    assert marked(view)[-1] == text[1_600_000:1_600_100]
    bar = view.text.verticalScrollBar()
    worst, seen = 0.0, view.text.top_offset()
    for step in [700] * 60 + [-700] * 60:
        began = time.perf_counter()
        bar.setValue(bar.value() + step)
        QApplication.sendPostedEvents()
        view.text.viewport().repaint()
        worst = max(worst, time.perf_counter() - began)
        now = view.text.top_offset()
        assert 0 < (now - seen) * (1 if step > 0 else -1) < 4_000  # no leap where parts come and go
        seen = now
        assert view.text.held() < WINDOW + 4 * CHUNK
    assert worst < 0.5, f"{worst:.3f} s"  # 0.02 on an idle machine
    qtbot.keyClick(view.text, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    assert in_sight(view, (len(text) - 5, len(text)))
    qtbot.keyClick(view.text, Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    assert view.text.top_offset() == 0


def test_chosen_text_is_asked_about_and_sent(view: DocumentView, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("Bees dance. Wasps do not.")
    view.open(path, 12, 25)
    shown(view, qtbot)
    context = view.context
    context.panels.kinds["translate"] = kind("translate", lambda: QWidget())
    sent: list[tuple[str, str, str]] = []
    context.panels.sent.connect(lambda *given: sent.append(given))
    view.make_menu().actions()[-1].trigger()
    assert sent == [("answer", "translate", "Wasps do not.")]
    assert view.toolbar.ask_button.isHidden()
    cursor = view.text.textCursor()
    cursor.setPosition(0)
    cursor.setPosition(11, QTextCursor.MoveMode.KeepAnchor)
    view.text.setTextCursor(cursor)
    with qtbot.waitSignal(view.ask_about) as asked:
        qtbot.mouseClick(view.toolbar.ask_button, Qt.MouseButton.LeftButton)
    assert asked.args == ["Bees dance."]


@pytest.mark.slow
def test_theme_language_and_size_change_while_it_is_open(
    view: DocumentView, bees: Path, qtbot: QtBot
) -> None:
    view.open(bees)
    text = shown(view, qtbot)
    at = text.index("Line 20 of page 5")
    view.open(bees, at, at + 17)
    shown(view, qtbot)
    context = view.context
    context.set_theme("dark")
    context.set_zoom(2.0)
    context.set_language("zh_CN")
    qtbot.waitUntil(lambda: "第 2 页" in view.text.toPlainText(), timeout=10_000)
    qtbot.waitUntil(lambda: not view.text._fill.isActive(), timeout=10_000)
    assert "第 2 页" in view.text.toPlainText()
    assert view.toolbar.pages.itemText(1) == "第 2 页"
    assert marked(view)[-1] == "Line 20 of page 5"
    assert abs(text[: view.text.top_offset()].count("\n") - text[:at].count("\n")) < 15


@pytest.mark.slow
def test_a_page_of_a_pdf_is_drawn_with_the_passage_marked(
    view: DocumentView, bees: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("Bees dance.")
    view.open(notes)
    shown(view, qtbot)
    assert view.toolbar.modes.isHidden()
    view.open(bees)
    text = shown(view, qtbot)
    first, second = text.index("Line 20 of page 5"), text.index("Line 3 of page 7")
    view.open(
        bees, first, first + 40, text=text[first : first + 40], more=[DocumentPlace(second, second + 16)]
    )
    shown(view, qtbot)
    qtbot.mouseClick(view.toolbar.modes.buttons[PAGE], Qt.MouseButton.LeftButton)
    assert view.text.isHidden()
    assert view.page_view.isVisible()
    sheet = view.page_view.sheet
    qtbot.waitUntil(lambda: sheet.image is not None, timeout=20_000)
    assert len(sheet.rects) == 2, "the passage goes on in the next line"
    top = sheet.rects[0].top()
    inked = [
        x
        for x in range(sheet.image.width())
        if sheet.image.pixelColor(x, round(top + sheet.rects[0].height() / 2)).lightness() < 128
    ]
    assert sheet.rects[0].left() - 2 <= inked[0]
    assert inked[-1] <= sheet.rects[0].right() + 2
    view.next_passage()
    qtbot.waitUntil(lambda: len(sheet.rects) == 1 and sheet.rects[0].top() < top, timeout=20_000)
    assert view.toolbar.pages.currentText() == "Page 7"
    view.page_view.verticalScrollBar().setValue(view.page_view.verticalScrollBar().maximum())
    qtbot.keyClick(view.page_view, Qt.Key.Key_PageDown)
    qtbot.waitUntil(lambda: not sheet.rects, timeout=20_000)
    assert view.toolbar.pages.currentText() == "Page 8"
    qtbot.mouseClick(view.toolbar.modes.buttons[TEXT], Qt.MouseButton.LeftButton)
    assert view.text.isVisible()
    assert view.page_view.isHidden()
