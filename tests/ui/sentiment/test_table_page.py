"""A table in the Sentiment panel: how it is read and how it may be read, groups of its rows, Esc."""

from __future__ import annotations

import csv
from pathlib import Path

import openpyxl
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QMenu
from pytestqt.qtbot import QtBot

from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks.sentiment.groups import group_rows
from autogpt_desktop.tasks.sentiment.sources import TableOptions, previewing
from autogpt_desktop.ui.sentiment.groups_view import BAR, NAME, NEGATIVE, POSITIVE, TEXTS, GroupTable
from autogpt_desktop.ui.sentiment.panel import SentimentPanel
from autogpt_desktop.ui.sentiment.run_control import FINISHED, RUNNING, STOPPED
from autogpt_desktop.ui.sentiment.scheme import SENTIMENT, Scheme
from autogpt_desktop.ui.sentiment.source_choices import SourceChoices
from autogpt_desktop.ui.shell.main_window import MainWindow
from tests.ui.sentiment.test_panel import BAD, GOOD, LONG_WAIT, panel, window  # noqa: F401  fixtures


def preview_of(path: Path, options: TableOptions | None = None):
    steps = previewing(path, options)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def write_titles(path: Path, rows: int = 3) -> Path:
    lines = ["Survey 2024;;", ";;", "visited;city;comment"]
    lines += [
        f"2024-0{n % 2 + 1}-03;{'Ulm' if n % 3 else 'Bonn'};{BAD if n % 2 else GOOD}" for n in range(rows)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def choose(combo: QComboBox, value: object) -> None:
    combo.setCurrentIndex(next(at for at in range(combo.count()) if combo.itemData(at) == value))
    combo.activated.emit(combo.currentIndex())


@pytest.mark.slow
def test_the_guess_is_shown_and_can_be_changed(shell_context, tmp_path: Path, qtbot: QtBot) -> None:
    choices = SourceChoices()
    qtbot.addWidget(choices)
    found = preview_of(write_titles(tmp_path / "a.csv"))
    choices.show_preview(found, found.column)
    choices.retranslate()
    assert choices.columns.currentText() == "comment"
    assert (choices.header_rows.currentData(), choices.delimiters.currentData()) == (3, ";")
    assert not choices.sheets.isVisibleTo(choices)
    asked: list[TableOptions] = []
    choices.options_chosen.connect(asked.append)
    choose(choices.delimiters, ";")
    choose(choices.header_rows, 3)
    assert asked == []
    choose(choices.header_rows, 0)
    choices.show_preview(found, found.column)
    choose(choices.delimiters, "")
    assert asked == [TableOptions("", ";", 0), TableOptions(delimiter="")]
    assert preview_of(tmp_path / "a.csv", asked[1]).table.delimiter == ""
    book = openpyxl.Workbook()
    book.active.append(["text"])
    book.create_sheet("Second").append(["more"])
    book.save(tmp_path / "a.xlsx")
    found = preview_of(tmp_path / "a.xlsx")
    choices.show_preview(found, found.column)
    assert choices.sheets.isVisibleTo(choices)
    assert not choices.delimiters.isVisibleTo(choices)
    choose(choices.sheets, "Second")
    assert asked[-1] == TableOptions("Second")


def test_groups_are_sorted_and_named(shell_context, qtbot: QtBot) -> None:
    table = GroupTable()
    qtbot.addWidget(table)
    rows = [
        ("Ulm", "positive"),
        ("Ulm", "negative"),
        ("Bonn", "positive"),
        ("", "negative"),
        ("", "negative"),
    ]
    table.show_groups(group_rows([*rows, ("Ulm", "")], "city"), False)

    def names() -> list[str]:
        return [table.rows.index(row, NAME).data() for row in range(table.rows.rowCount())]

    assert names() == ["Ulm", "(blank)", "Bonn"]
    table.sortByColumn(POSITIVE, Qt.SortOrder.DescendingOrder)
    assert names() == ["Bonn", "Ulm", "(blank)"]
    assert [group.name for group in table.rows.sorted_groups().groups] == ["Bonn", "Ulm", ""]
    assert [table.rows.index(1, column).data() for column in (TEXTS, POSITIVE, NEGATIVE)] == [
        "2",
        "50 %",
        "50 %",
    ]
    assert "50 % positive" in table.rows.index(1, BAR).data(Qt.ItemDataRole.AccessibleTextRole)
    table.setCurrentIndex(table.rows.index(1, NAME))
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "Ulm\t2\t50 %\t0 %\t50 %"
    copy, sort = table.make_menu().actions()
    assert copy.isEnabled()
    sort.menu().actions()[TEXTS].trigger()
    assert names() == ["Bonn", "Ulm", "(blank)"]
    assert not table.grab().isNull()


def test_a_table_is_read_otherwise_grouped_and_exported(
    panel: SentimentPanel,  # noqa: F811
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    page = panel.table_page
    panel.open(write_titles(tmp_path / "in.csv", 12))
    qtbot.waitUntil(lambda: page.card.preview is not None, timeout=20_000)
    choose(page.card.choices.header_rows, 0)
    qtbot.waitUntil(
        lambda: page.card.preview is not None and not page.card.preview.table.has_header, timeout=20_000
    )
    choose(page.card.choices.header_rows, 3)
    qtbot.waitUntil(
        lambda: page.card.preview is not None and page.card.preview.table.has_header, timeout=20_000
    )
    page.card.start_button.click()
    control, grouping = page.run_view.control, page.run_view.grouping
    qtbot.waitUntil(lambda: control.state == FINISHED, timeout=LONG_WAIT)
    offered = [grouping.combo.itemText(at) for at in range(grouping.combo.count())]
    assert offered == ["Rows", "By visited", "By month of visited", "By city"]
    choose(grouping.combo, (0, True))
    qtbot.waitUntil(lambda: grouping.table.rows.rowCount() == 2, timeout=20_000)
    assert grouping.table.isVisible()
    assert not page.run_view.results.table.isVisible()
    assert page.run_view.results.found.text() == "2 groups"
    panel.corrections.set_label(BAD, "positive")
    qtbot.waitUntil(lambda: grouping.table.rows.index(1, POSITIVE).data() == "100 %", timeout=20_000)
    menu = QMenu()
    page.run_view.exporter.fill(menu)
    assert "The groups (2) as CSV…" in [action.text() for action in menu.actions()]
    page.run_view.exporter.write_groups(tmp_path / "groups.csv")
    qtbot.waitUntil(lambda: (tmp_path / "groups.csv").is_file(), timeout=20_000)
    with open(tmp_path / "groups.csv", encoding="utf-8-sig", newline="") as file:
        assert [row[:3] for row in csv.reader(file)] == [
            ["visited", "texts", "positive"],
            ["2024-01", "6", "6"],
            ["2024-02", "6", "6"],
        ]
    assert page._latest() == (tmp_path / "in.csv", TableOptions("", ";", 3), "comment")
    choose(grouping.combo, None)
    assert page.run_view.results.table.isVisible()


@pytest.mark.slow
def test_esc_stops_a_run_wherever_the_focus_is(
    panel: SentimentPanel,  # noqa: F811
    window: MainWindow,  # noqa: F811
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    page = panel.table_page
    path = tmp_path / "in.csv"
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["n", "comment"], *([str(n), f"{GOOD} Visit {n}."] for n in range(3000))])
    panel.open(path)
    qtbot.waitUntil(lambda: page.card.preview is not None, timeout=20_000)
    page.card.start_button.click()
    view, results, choices = page.run_view, page.run_view.results, page.card.choices

    def show_text() -> None:
        panel.bar.text_button.setChecked(True)
        panel.text_page.field.setFocus()

    def show_notice() -> None:
        panel.bar.table_button.setChecked(True)
        panel.show_problem(KnownError("document-empty", name="x"))

    places = {
        "rows": results.table.setFocus,
        "sorted": lambda: results.table.sortByColumn(2, Qt.SortOrder.DescendingOrder),
        "search": results.search.setFocus,
        "kinds": results.kinds.setFocus,
        "groups": view.grouping.combo.setFocus,
        "chart": results.chart.setFocus,
        "a row": lambda: (results.table.open_row(0), results.detail.field.setFocus()),
        "columns": lambda: (page.card.change_button.click(), choices.columns.setFocus()),
        "pause": view.progress.pause_button.setFocus,
        "the text": show_text,
        "a notice": show_notice,
    }
    qtbot.waitUntil(lambda: view.rows.count() > 0, timeout=LONG_WAIT)
    for name, go_there in places.items():
        qtbot.waitUntil(lambda: view.control.state == RUNNING, timeout=20_000)
        go_there()
        qtbot.keyClick(window.focusWidget() or window, Qt.Key.Key_Escape)
        assert view.control.state == STOPPED, name
        view.control.go_on()
    view.control.cancel()
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert not panel.problem_text.isVisible(), "and then it closes what is open"
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert results.detail.isHidden()


def test_the_bar_of_many_labels_is_seen_in_a_small_window(shell_context, qtbot: QtBot) -> None:
    table = GroupTable()
    qtbot.addWidget(table)
    table.resize(640, 300)
    table.show()
    many = Scheme(tuple(f"a label {number}" for number in range(8)), "mine", "Mine")
    for scheme, place in ((many, 2), (SENTIMENT, BAR), (many, 2), (Scheme(("a", "b"), "mine", "Mine"), 4)):
        table.set_scheme(scheme)
        bar = table.rows.bar
        assert table.horizontalHeader().visualIndex(bar) == place
        assert table.columnViewportPosition(bar) + 60 < table.viewport().width()
