"""The rows of the results: filter, order, corrections, verdicts anew; and the text's marks and bars."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication
from pytestqt.qtbot import QtBot

from autogpt_desktop.tasks.sentiment.sentiment import Scored, SentenceScore, WordWeight
from autogpt_desktop.tasks.sentiment.table import Block
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.sentiment.chart import Chart
from autogpt_desktop.ui.sentiment.corrections import CorrectionList
from autogpt_desktop.ui.sentiment.labels import LABELS, percent
from autogpt_desktop.ui.sentiment.marked_text import MarkedText
from autogpt_desktop.ui.sentiment.result_rows import CERTAINTY, LABEL, NUMBER, TEXT, Filter, ResultRows
from autogpt_desktop.ui.sentiment.table_view import ResultTable, is_right_to_left

DOWN, UP = Qt.SortOrder.DescendingOrder, Qt.SortOrder.AscendingOrder


def scored(at: int, positive: float, neutral: float, language: str = "") -> Scored:
    negative = 1.0 - positive - neutral
    shares = (positive, neutral, negative)
    label = LABELS[max(range(3), key=shares.__getitem__)]
    return Scored(at, label, *shares, (), ("language",) if language else (), language)


def empty(at: int) -> Scored:
    return Scored(at, "", 0.0, 0.0, 0.0, (), ("empty",))


FOUR = Block(
    0,
    ("Good day", "Bad luck", "", "Guter Tag"),
    (scored(0, 0.9, 0.05), scored(1, 0.1, 0.2), empty(2), scored(3, 0.2, 0.5, "de")),
)


@pytest.fixture
def rows(shell_context: AppContext, qtbot: QtBot) -> Iterator[ResultRows]:
    corrections = CorrectionList(shell_context, shell_context)
    qtbot.waitUntil(lambda: corrections.ready, timeout=20_000)
    model = ResultRows(corrections)
    yield model
    model.deleteLater()


def shown(rows: ResultRows, column: int = TEXT) -> list[str]:
    return [rows.index(place, column).data() for place in range(rows.rowCount())]


def test_rows_are_counted_filtered_and_sorted(rows: ResultRows) -> None:
    rows.add(FOUR)
    assert rows.counts() == {"positive": 1, "neutral": 1, "negative": 1, "": 1}
    assert shown(rows, LABEL) == ["Positive", "Negative", "Empty", "Neutral"]
    assert shown(rows, CERTAINTY) == ["90 %", "70 %", "", "50 %"]
    rows.set_filter(Filter(text="GOOD"))
    assert shown(rows) == ["Good day"]
    rows.set_filter(Filter(label="negative"))
    assert shown(rows) == ["Bad luck"]
    rows.set_filter(Filter(label=""))
    assert shown(rows, NUMBER) == ["3"]
    rows.set_filter(Filter(foreign=True))
    assert shown(rows) == ["Guter Tag"]
    assert "Deutsch" in rows.foreign_text()
    rows.set_filter(Filter(certainty=(0.6, 0.9)))
    assert shown(rows) == ["Bad luck"]
    rows.set_filter(Filter())
    rows.sort(CERTAINTY, DOWN)
    assert shown(rows, NUMBER) == ["1", "2", "4", "3"]
    rows.sort(TEXT, UP)
    assert shown(rows) == ["", "Bad luck", "Good day", "Guter Tag"]
    rows.sort(-1)
    assert shown(rows, NUMBER) == ["1", "2", "3", "4"]


@pytest.mark.slow
def test_rows_that_come_later_are_filtered_and_put_in_their_places(rows: ResultRows, qtbot: QtBot) -> None:
    rows.add(FOUR)
    rows.set_filter(Filter(label="positive"))
    rows.sort(CERTAINTY, DOWN)
    rows.add(Block(4, ("Best", "Worst"), (scored(4, 0.97, 0.01), scored(5, 0.0, 0.0))))
    assert set(shown(rows)) == {"Good day", "Best"}
    qtbot.waitUntil(lambda: shown(rows) == ["Best", "Good day"], timeout=20_000)
    with pytest.raises(ValueError, match="rows from"):
        rows.add(Block(9, ("x",), (scored(9, 1.0, 0.0),)))


def test_corrections_count_before_the_model(
    rows: ResultRows, shell_context: AppContext, qtbot: QtBot
) -> None:
    rows.add(FOUR)
    corrections: Any = rows._corrections
    corrections.changed.connect(rows.on_corrections)
    corrections.set_label("Bad luck", "neutral")
    qtbot.waitUntil(lambda: rows.count_corrected() == 1, timeout=20_000)
    assert rows.label_of(1) == "neutral"
    assert rows.counts()["negative"] == 0
    rows.set_filter(Filter(corrected=True))
    assert shown(rows) == ["Bad luck"]
    assert "Negative" in rows.index(0, LABEL).data(Qt.ItemDataRole.ToolTipRole)
    rows.add(Block(0, (), tuple(scored(at, 0.8, 0.1) for at in range(2))))  # judged again
    rows.on_judged()
    assert rows.label_of(1) == "neutral"
    assert rows.shares_of(1)[0] == pytest.approx(0.8)
    corrections.undo()
    qtbot.waitUntil(lambda: rows.count_corrected() == 0, timeout=20_000)
    assert rows.label_of(1) == "positive"
    assert shown(rows) == []


def test_the_row_in_focus_stays_through_order_and_filter(
    rows: ResultRows, shell_context: AppContext, qtbot: QtBot
) -> None:
    rows.add(FOUR)
    table = ResultTable(shell_context, rows, "sentiment")
    qtbot.addWidget(table)
    table.open_row(1)
    rows.sort(TEXT, DOWN)
    assert table.current_row() == 1
    rows.set_filter(Filter(label="negative"))
    assert table.current_row() == 1
    with qtbot.waitSignal(table.corrected) as said:
        qtbot.keyClick(table, Qt.Key.Key_Plus)
    assert said.args == [1, "positive"]
    labels = [action.text() for action in table.make_menu(1).actions()]
    assert {"Positive", "Neutral", "Negative", "Copy the text"} <= set(labels)
    table.grab()
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == rows.text_of(1)
    rows.set_filter(Filter())
    sort = next(action.menu() for action in table.make_menu(1).actions() if action.text() == "Sort by")
    assert [action.text() for action in sort.actions()] == ["#", "Verdict", "Certainty", "Text"]
    by_number, *_ = sort.actions()
    by_number.trigger()
    assert rows.shown_rows() == [0, 1, 2, 3]
    by_number.trigger()  # once more: downward
    assert rows.shown_rows() == [3, 2, 1, 0]


@pytest.mark.slow
def test_a_hundred_thousand_rows_sort_and_filter_while_one_waits(rows: ResultRows) -> None:
    numbers = random.Random(3)
    words = ["fine", "broken", "late", "lovely", "box", "order"]
    for start in range(0, 100_000, 1000):
        texts = tuple(
            f"{numbers.choice(words)} {numbers.choice(words)} {at}" for at in range(start, start + 1000)
        )
        verdicts = tuple(
            scored(at, share := numbers.random(), (1 - share) / 3) for at in range(start, start + 1000)
        )
        rows.add(Block(start, texts, verdicts))
    assert rows.rowCount() == 100_000
    for action in (
        lambda: rows.sort(CERTAINTY, DOWN),
        lambda: rows.sort(TEXT, UP),
        lambda: rows.set_filter(Filter(text="lovely")),
        lambda: rows.set_filter(Filter(label="negative", certainty=(0.6, 0.9))),
    ):
        start_time = time.perf_counter()
        action()
        assert time.perf_counter() - start_time < 3.0  # 0.2 s on an idle machine
    assert all(rows.label_of(row) == "negative" for row in rows.shown_rows()[:50])


@pytest.mark.slow
def test_bars_filter_by_mouse_and_keys_and_the_picture_has_them(
    shell_context: AppContext, qtbot: QtBot
) -> None:
    chart = Chart()
    qtbot.addWidget(chart)
    chart.resize(500, chart.height())
    chart.show()
    chart.show_counts({"positive": 30, "neutral": 10, "negative": 60, "": 5}, False)
    assert chart.total() == 100
    assert "Neutral 10 (10 %)" in chart.accessibleName()
    with qtbot.waitSignal(chart.pressed) as pressed:
        qtbot.mouseClick(chart, Qt.MouseButton.LeftButton, pos=chart.rect().bottomLeft() / 1.2)
    assert pressed.args == ["negative"]
    qtbot.keyClick(chart, Qt.Key.Key_Up)
    with qtbot.waitSignal(chart.pressed) as pressed:
        qtbot.keyClick(chart, Qt.Key.Key_Space)
    assert pressed.args == ["neutral"]
    image = chart.picture("reviews.csv")
    colors = {QColor(image.pixel(x, y)).name() for x in range(0, image.width(), 3) for y in range(0, 720, 3)}
    assert {shell_context.color(label).name() for label in LABELS} <= colors
    chart.show_counts({"positive": 1, "negative": 1}, True)
    assert chart.labels() == ("positive", "negative")


@pytest.mark.slow
def test_sentences_are_tinted_and_words_underlined_until_the_text_changes(
    shell_context: AppContext, qtbot: QtBot
) -> None:
    field = MarkedText(shell_context, "sentiment")
    qtbot.addWidget(field)
    field.resize(400, 120)
    field.show()
    text = "😀 Lovely room. 😀 Dirty bath."
    field.setPlainText(text)
    second = text.index("😀", 2)
    field.mark(
        (SentenceScore(0, 14, 0.9, 0.05, 0.05), SentenceScore(second, len(text), 0.05, 0.05, 0.9)), False
    )
    tinted = [selection.cursor.selectedText() for selection in field.extraSelections()]
    assert tinted == [text[:14], text[second:], text[second:]], "the negative one is hatched too"
    at = text.index("Dirty")
    field.mark_words((WordWeight(at, at + 5, -3.0), WordWeight(2, 8, 2.0), WordWeight(9, 13, 0.1)))
    assert len(field.words) == 2, "what is weak beside the others is left out"
    cursor = field.textCursor()
    cursor.setPosition(at + 4)
    tip = field.tip_at(field.cursorRect(cursor).center())
    assert "Dirty" in tip
    assert "negative (-3.0)" in tip
    assert "90 % negative" in tip
    image = field.grab().toImage()
    seen = {QColor(image.pixel(x, y)).name() for x in range(image.width()) for y in range(image.height())}
    assert {shell_context.color("positive").name(), shell_context.color("negative").name()} <= seen
    field.insertPlainText("x")
    assert not field.extraSelections()
    assert not field.words


def test_no_certainty_that_nobody_has() -> None:
    assert [percent(share) for share in (0.0, 0.001, 0.5, 0.9999, 1.0)] == [
        "0 %",
        "<1 %",
        "50 %",
        ">99 %",
        "100 %",
    ]
    assert is_right_to_left("123 שלום")
    assert not is_right_to_left("Hi שלום")


def test_a_row_is_looked_at_when_it_is_chosen_and_then_followed(
    rows: ResultRows, shell_context: AppContext, qtbot: QtBot
) -> None:
    rows.add(FOUR)
    table = ResultTable(shell_context, rows, "sentiment")
    qtbot.addWidget(table)
    table.show()
    seen: list[int] = []
    table.row_opened.connect(seen.append)
    table.setCurrentIndex(rows.index(0, TEXT))
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert seen == [], "the arrow keys alone go through the table"
    assert table.current_row() == 1, "the arrow keys alone go through the table"
    qtbot.keyClick(table, Qt.Key.Key_Return)
    table.follows = True
    qtbot.keyClick(table, Qt.Key.Key_Down)
    table.step(1)
    table.step(1)
    assert seen == [1, 2, 3]
