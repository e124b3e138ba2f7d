"""What is drawn within a message: formulas, and tables wider than the text."""

from __future__ import annotations

import json
import sys
from threading import Event

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QFontMetricsF, QTextCursor
from PySide6.QtWidgets import QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.chat.messages import formulas as formulas_module
from autogpt_desktop.ui.chat.messages.formats import BARS, RULE, STEP, is_thin
from autogpt_desktop.ui.chat.messages.formula_child import draw
from autogpt_desktop.ui.chat.messages.formulas import FORMULA, FormulaProcess, formulas
from autogpt_desktop.ui.chat.messages.link_popup import LinkPopup
from autogpt_desktop.ui.chat.messages.rich_text import RichText
from autogpt_desktop.ui.chat.messages.tables import _shared
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets.reading_style import chat_style

WIDE = "| " + " | ".join(f"heading{n}" for n in range(12)) + " |\n" + "|---" * 12 + "|\n"
ROW = "| " + " | ".join(f"[word{n}](http://a.example/{n})" for n in range(12)) + " |\n"


@pytest.fixture
def text(chat_context: AppContext, qtbot: QtBot) -> RichText:
    made = RichText(chat_context, chat_style(chat_context))
    qtbot.addWidget(made)
    return made


def lay_out(text: RichText) -> None:
    text.resize(500, text.height_for(500))
    text.place_headers()


@pytest.mark.slow
@pytest.mark.parametrize(
    "source", ["$x^2$", r"$\frac{a}{b}$", r"\(\alpha\)", r"$$\sum_{i=1}^n i$$", r"\[A \setminus B\]"]
)
def test_formulas_are_drawn(source: str) -> None:
    drawing = draw(source)
    assert drawing is not None
    assert drawing.width > 0
    assert "<path" in drawing.svg


@pytest.mark.parametrize(
    "source",
    [r"$\unknown{x}$", r"$\frac{$", "$中文^2$", "$" + "x+" * 400 + "x$", "$" + "{" * 200 + "$", "$a &lt; b$"],
)
def test_what_cannot_be_drawn_stays_source(source: str) -> None:
    assert draw(source) is None


@pytest.mark.slow
def test_a_process_draws_what_is_understood_and_is_replaced_when_it_ended() -> None:
    process = FormulaProcess()
    try:
        first, second = process.draw(["$x^2$", r"$\unknown{x}$"])
        assert first == draw("$x^2$")
        assert second is None
        assert process._child is not None
        process._child.kill()
        assert list(process.draw(["$x^2$"])) == [first]
    finally:
        process.close()
        process.stop()
    assert list(process.draw(["$x^2$"])) == []


class Scripted:
    """A child process whose answers are known; None: it takes too long, an error: it is gone."""

    def __init__(self, answers: list[bytes | Exception | None]) -> None:
        self.greeted, self.sent, self._answers = True, list[bytes](), answers
        self._late = Event()

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def receive(self) -> bytes:
        answer = self._answers.pop(0)
        if answer is None:
            self._late.wait(20)
            raise EOFError
        if isinstance(answer, Exception):
            raise answer
        return answer

    def kill(self) -> None:
        self._late.set()

    def stop(self) -> None:
        self.kill()


GOOD = b'{"svg": "<svg/>", "width": 1, "ascent": 1, "descent": 0}'


@pytest.mark.parametrize(
    ("answers", "drawn", "requests"),
    [
        ([[GOOD, b"null", GOOD]], [True, False, True], [["$a$", "$b$", "$c$"]]),
        # one takes too long: the others are drawn by another process
        ([[GOOD, None], [GOOD]], [True, False, True], [["$a$", "$b$", "$c$"], ["$c$"]]),
        # it was ended from outside: once more
        ([[GOOD, EOFError()], [GOOD, GOOD]], [True, True, True], [["$a$", "$b$", "$c$"], ["$b$", "$c$"]]),
        # one ends every process
        (
            [[GOOD, EOFError()], [EOFError()], [GOOD]],
            [True, False, True],
            [["$a$", "$b$", "$c$"], ["$b$", "$c$"], ["$c$"]],
        ),
    ],
)
def test_a_formula_that_hangs_or_crashes_its_process_stays_source(
    answers: list[list[bytes | Exception | None]],
    drawn: list[bool],
    requests: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    children = [Scripted(each) for each in answers]
    started = iter(children)
    monkeypatch.setattr(formulas_module.sandbox, "start", lambda *_: next(started))
    monkeypatch.setattr(formulas_module, "DRAW_SECONDS", 0.1)
    drawings = FormulaProcess().draw(["$a$", "$b$", "$c$"])
    assert [drawing is not None for drawing in drawings] == drawn
    assert [json.loads(sent) for child in children for sent in child.sent] == requests


def test_a_process_that_cannot_be_started_is_not_tried_for_every_formula(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starts = []

    def start(*_: object) -> Scripted:
        starts.append(child := Scripted([EOFError()]))
        child.greeted = False
        return child

    monkeypatch.setattr(formulas_module.sandbox, "start", start)
    process = FormulaProcess()
    assert not any(drawing for _ in range(20) for drawing in process.draw(["$a$", "$b$"]))
    assert len(starts) == 3


@pytest.mark.slow
def test_the_process_of_a_frozen_app(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    process = FormulaProcess()
    process._start()
    monkeypatch.setattr(sys, "frozen", False)  # only the choice is tested: the child is a real interpreter
    try:
        assert list(process.draw(["$x^2$"])) == [draw("$x^2$")]
    finally:
        process.stop()


@pytest.mark.slow
def test_formulas_that_are_drawn_together_are_put_in_together(
    text: RichText, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    text.write("\n\n".join(f"$q_{{{n}}}^7$" for n in range(60)))
    written: list[int] = []
    draw_formulas = text.writer.draw_formulas
    monkeypatch.setattr(text.writer, "draw_formulas", lambda: written.append(1) or draw_formulas())
    formulas().finish()
    qtbot.waitUntil(lambda: not text.writer._undrawn, timeout=20_000)
    assert len(written) < 20


@pytest.mark.slow
def test_a_drawn_formula_is_copied_and_read_as_its_source(text: RichText, qtbot: QtBot) -> None:
    source = r"so $\sqrt{x_{17}}$ and $\unknown{y}$ and 5\u00a0km.".replace("\\u00a0", "\u00a0")
    text.write(source)
    text.resize(500, text.height_for(500))
    before = text.document().idealWidth()
    formulas().finish()

    def is_drawn() -> bool:
        lay_out(text)
        return text.document().idealWidth() < before  # shorter than its source

    qtbot.waitUntil(is_drawn, timeout=10_000)
    assert text.grab().size().width() == 500
    text.selectAll()
    assert text.createMimeDataFromSelection().text() == source
    assert not text.createMimeDataFromSelection().hasHtml()


def test_a_table_is_copied_with_tabs_between_its_cells(text: RichText) -> None:
    rows = "".join(f"| one {n} | **two** | x<br>y |\n" for n in range(25))  # two pieces of a document
    text.write(f"before\n\n| a | b | c |\n|---|---|---|\n{rows}\nbehind\n\n- item\n")
    lay_out(text)
    text.selectAll()
    table = "a\tb\tc\n" + "".join(f"one {n}\ttwo\tx y\n" for n in range(25))
    assert text.createMimeDataFromSelection().text() == f"before\n{table}behind\nitem"
    cursor = text.document().find("one 3")
    cursor.setPosition(cursor.selectionStart())
    cursor.setPosition(text.document().find("one 4").selectionEnd() + 2, QTextCursor.MoveMode.KeepAnchor)
    text.setTextCursor(cursor)
    assert text.textCursor().hasComplexSelection()
    assert text.createMimeDataFromSelection().text() == "one 3\ttwo\none 4\ttwo"


def test_a_selection_that_is_dragged_beyond_an_edge_scrolls_the_table(text: RichText, qtbot: QtBot) -> None:
    text.write(f"before\n\n{WIDE}{ROW}{ROW}")
    lay_out(text)
    text.show()
    band = text.wide.bands[0]
    text.wide.follow(QPointF(text.width() + 60, (band.top + band.bottom) / 2))
    assert band.bar.value() == 60
    text.wide.follow(QPointF(text.width() + 60, band.top - 5))
    text.wide.follow(QPointF(20, band.top + 5))
    assert band.bar.value() == 60
    text.wide.follow(QPointF(-40, band.top + 5))
    assert band.bar.value() == 20


def test_a_rule_in_an_item_begins_where_the_item_does(text: RichText) -> None:
    text.write("- item\n\n  ---\n\n  more\n\n---\n")
    rules = []
    block = text.document().begin()
    while block.isValid():
        if block.blockFormat().hasProperty(RULE):
            rules.append(block.blockFormat().indent())
        block = block.next()
    assert rules == [1, 0]


def test_what_stands_in_an_item_is_indented_with_it(text: RichText) -> None:
    text.write("1. one\n\n   > quoted\n\n   | a | b |\n   |---|---|\n   | 1 | 2 |\n\n> - in\n>\n>   > deep\n")
    lay_out(text)
    indent = text.document().indentWidth()
    layout, blocks = text.document().documentLayout(), {}
    block = text.document().begin()
    while block.isValid():
        blocks[block.text()] = block
        block = block.next()
    assert blocks["quoted"].blockFormat().property(BARS) == f"{indent:.0f}"
    assert blocks["deep"].blockFormat().property(BARS) == f"0,{indent + STEP:.0f}"
    assert layout.blockBoundingRect(blocks["a"]).left() == indent


@pytest.mark.parametrize("number", [9, 99, 100, 9_999, 123_456_789])
def test_the_number_of_an_item_has_room(text: RichText, number: int) -> None:
    text.write(f"{number}. text\n\n{' ' * len(f'{number}. ')}more\n")
    lay_out(text)
    blocks = [text.document().begin(), text.document().begin().next()]
    left = blocks[0].layout().lineAt(0).naturalTextRect().left() + blocks[0].layout().position().x()
    assert left >= QFontMetricsF(text.chat_style.font).horizontalAdvance(f"{number}.")
    assert blocks[0].blockFormat().leftMargin() == blocks[1].blockFormat().leftMargin()


def test_an_empty_line_behind_a_table_stands_below_it(text: RichText) -> None:
    text.write("| a |\n|---|\n| 1 |\n\n---\n\n| b |\n|---|\n| 2 |\n- ```\n  x\n  ```\n")
    lay_out(text)
    layout = text.document().documentLayout()
    tops = []
    block = text.document().begin()
    while block.isValid():
        if not is_thin(block):
            tops.append(layout.blockBoundingRect(block).top())
        block = block.next()
    assert tops == sorted(tops)
    assert len(set(tops)) == len(tops)
    text.selectAll()
    assert text.createMimeDataFromSelection().text() == "a\n1\n\nb\n2\n\nx"


def test_columns_share_what_is_left_of_the_room() -> None:
    assert _shared([40, 40, 60], [50, 60, 70], 200, 80) == [50, 60, 70]  # all of them fit
    assert _shared([40, 40, 60], [50, 60, 900], 300, 80) == [50, 60, 190]  # the long one gives way
    assert _shared([40, 40, 60], [500, 600, 900], 300, 80) == [100, 100, 100]
    assert _shared([40, 40, 260], [500, 600, 900], 300, 80) == [80, 80, 260]  # it scrolls anyway


def test_of_many_code_blocks_those_in_sight_have_a_header(chat_context: AppContext, qtbot: QtBot) -> None:
    text = RichText(chat_context, chat_style(chat_context))
    text.write("".join(f"```python\nx = {n}\n```\n\n" for n in range(200)))
    lay_out(text)
    scrolled = QScrollArea()
    qtbot.addWidget(scrolled)
    scrolled.resize(520, 300)
    scrolled.setWidget(text)
    scrolled.show()
    qtbot.waitExposed(scrolled)
    for value in (0, 5_000, 0):
        scrolled.verticalScrollBar().setValue(value)
        text.follow_sight()
        assert 0 < len(text.copy_buttons()) < 60
        shown = text.visibleRegion().boundingRect()
        inside = [code for code in text.code_blocks() if shown.contains(text._code_area(code).toRect())]
        headers = [button.parentWidget().geometry() for button in text.copy_buttons()]
        assert inside
        assert all(
            any(header.top() == int(text._code_area(code).top()) for header in headers) for code in inside
        )


def test_every_formula_of_a_line_is_drawn(text: RichText, qtbot: QtBot) -> None:
    text.write("$u^{21}$ and $v^{22}$ and $w^{23}$")
    sources = ["$u^{21}$", "$v^{22}$", "$w^{23}$"]
    qtbot.waitUntil(lambda: not any(map(formulas().is_waiting, sources)), timeout=10_000)
    qtbot.waitUntil(lambda: not text.writer._undrawn, timeout=5_000)
    places = [at for at, letter in enumerate(text.toPlainText()) if letter == "\ufffc"]
    cursor = text.textCursor()
    for at in places:
        cursor.setPosition(at + 1)
        assert cursor.charFormat().property(FORMULA) in sources


def test_a_wide_table_scrolls_and_its_words_are_whole(text: RichText, qtbot: QtBot) -> None:
    text.write(f"{WIDE}{ROW}\n\nbehind")
    text.show()
    lay_out(text)
    (bar,) = text.wide.bars()
    assert bar.accessibleName()
    assert bar.maximum() > 0
    block = text.document().findBlockByNumber(2)
    assert block.layout().lineCount() == 1
    cell = text.document().find("word11")
    cell.setPosition(cell.selectionStart() + 3)
    place = QPointF(text.cursorRect(cell).center())
    assert place.x() > text.width()
    bar.setValue(bar.maximum())
    shown = place - QPointF(bar.maximum(), 0)
    assert text.anchorAt(shown.toPoint()) == "http://a.example/11"
    with qtbot.waitSignal(text.link_clicked) as clicked:
        qtbot.mouseClick(text.viewport(), Qt.MouseButton.LeftButton, pos=shown.toPoint())
    assert clicked.args[0] == "http://a.example/11"
    behind = QTextCursor(text.document().lastBlock())
    assert text.cursorRect(behind).top() >= bar.geometry().bottom()


def test_a_table_that_fits_has_no_bar(text: RichText) -> None:
    text.write("| a | b |\n|---|---|\n| c | d |\n")
    lay_out(text)
    assert not text.wide.bars()


def test_the_whole_address_is_shown_before_a_link_opens(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(600, 400)
    address = "https://a.example/" + "x" * 3000 + "end"
    popup = LinkPopup(address, parent)
    popup.open_at(parent.mapToGlobal(parent.rect().center()))
    assert any(
        address == label.text().replace("\u200b", "")
        for label in popup.findChildren(QWidget)
        if hasattr(label, "text")
    )
    assert popup.height() < 400
    popup.leave()
