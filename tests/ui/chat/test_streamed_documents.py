"""Whatever nests in whatever: a document written piece by piece is the one that is written at once."""

from __future__ import annotations

import random

import pytest
from PySide6.QtGui import QColor, QFont, QTextBlock, QTextCursor, QTextDocument
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.chat.messages import segments
from autogpt_desktop.ui.chat.messages.formulas import Formulas
from autogpt_desktop.ui.chat.messages.growing import GrowingLines
from autogpt_desktop.ui.chat.messages.lines import Line
from autogpt_desktop.ui.chat.messages.markdown import MarkdownWriter
from autogpt_desktop.ui.widgets.reading_style import ChatStyle

BLOCKS = [
    "# Title", "## T **b**", "para **bold** `x`", "two", "**a\nb**", "", "", "- a", "1. one", "10. ten",
    "* s", "-", "```python", "```", "x = 1", "~~~", "    code", "\tt", "| a | b |\n|---|--:|\n| 1 | 2 |",
    "| 3 | 4 |", "---", "***", "===", "[ref]", "[ref]: http://x.y", "$$", "\\[", "\\]", "a^2", "$x_1$",
    "- [ ] t", "- [x] d", "中文**“重”**的", "<br>", "![i](u)", "back\\", "end  ", "> q", ">", "$$x$$",
    "```\ny\n```", "1)", "Title\n---", "- # H", "- ```\n  z\n  ```", "- $$\n  a\n  $$", "- ***",
    "```\nc1\n\n c2\nc3\nc4", "    i1\n    i2\n\n      i3\n    i4", "    i5\n\n\n    i6\n\ti7", "[r2]: <a>",
]  # fmt: skip
PREFIXES = ["- ", "> ", "1. ", "  ", "    ", "   ", "- - ", "> - ", "- > ", ">"]


@pytest.fixture
def style(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> ChatStyle:
    monkeypatch.setattr(Formulas, "find", lambda *_: None)  # they would come when they are drawn
    font = QFont()
    font.setPixelSize(15)
    color = QColor
    return ChatStyle(
        font, font, font, False, color("#111"), color("#666"), color("#0b7285"), color("#eee"), color("#ddd"),
        color("#f3f3f3"), color("#cde"),
    )  # fmt: skip


def write_text(rng: random.Random) -> str:
    rows: list[str] = []
    prefix = ""
    for _ in range(rng.randint(1, 18)):
        if rng.random() < 0.25:
            prefix = "".join(rng.choice(PREFIXES) for _ in range(rng.randint(0, 2)))
        behind = prefix
        if rng.random() < 0.6:
            behind = "".join(char if char in "> " else " " for char in prefix)
        first, *others = rng.choice(BLOCKS).split("\n")
        rows += [prefix + first, *(behind + row for row in others)]
        if rng.random() < 0.5:
            prefix = behind
    return ("\n".join(rows) + "\n") * rng.choice([1, 1, 1, 2])


def look(document: QTextDocument) -> list[object]:
    """Texts and all of their formats."""
    rows: list[object] = [document.rootFrame().frameFormat().topMargin()]
    block = document.begin()
    while block.isValid():
        form = {key: str(value) for key, value in block.blockFormat().properties().items() if key}
        rows.append((block.text(), form, _mark(block), _table(block)))
        rows += [
            (each.text(), each.charFormat().font().key(), each.charFormat().foreground().color().name())
            for each in (piece.fragment() for piece in block)
        ]
        block = block.next()
    return rows


def _mark(block: QTextBlock) -> object:
    items = block.textList()
    form = items.format() if items else None
    return form and (items.itemText(block), form.indent(), form.style(), items.count())


def _table(block: QTextBlock) -> object:
    table = QTextCursor(block).currentTable()
    form = table.format() if table else None
    return form and (table.rows(), table.columns(), form.topMargin(), form.bottomMargin())


def check(style: ChatStyle, text: str, cuts: list[int]) -> None:
    grown = QTextDocument()
    writer = MarkdownWriter(grown, style)
    for cut in [*cuts, len(text)]:
        writer.grow(text[:cut])
    whole = QTextDocument()
    MarkdownWriter(whole, style).write(text)
    assert look(grown) == look(whole), (text, cuts)


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_a_document_that_grew_is_as_written_at_once(
    style: ChatStyle, seed: int, short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if short:
        monkeypatch.setattr(segments, "LEAST", 20)
        monkeypatch.setattr(segments, "MOST", 60)
    rng = random.Random(seed)
    text = write_text(rng)
    check(style, text, sorted(rng.sample(range(len(text)), min(len(text), 12))))


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("- # Title\n- two\n", 7),
        ("|\n>|\n- >]\n  >-a", 14),  # an item that begins with a heading becomes a paragraph
        ("- ```\n  x\n  ```\n- [a]\n", 4),
        (">- >\n>   >[\n ", 12),  # the mark of a quotation without a blank behind it
        (">$$\n>>\n1.", 8),
        (">>\\[\n>>- t\n>>", 12),
        (">>2\n>>\\[\n>>\nt", 10),
        (">>$\n>>$$\n>$", 10),
        (" 10. n\n    \\[\nn", 14),
        ("- [2]:>\n  [f]:\ne", 15),  # an item of addresses alone
        ("- [2]:>\n  [3]:\n      - a", 23),
        ("[r3]\n\n[r3]:\n```", 14),  # a definition that turns out to be none
        (">```\n>\n>\n>\n>*\n    f]", 19),  # code of two blocks in one piece
    ],
)
def test_what_went_wrong(style: ChatStyle, text: str, cut: int) -> None:
    check(style, text, [cut])
    check(style, text, list(range(len(text))))


def test_an_open_formula_in_a_quotation_ends_with_it(style: ChatStyle) -> None:
    text = "  $$\n\\[\n$$\n> c\n> $$\n\n$$\\]\n"
    check(style, text, list(range(len(text))))


@pytest.mark.parametrize("marks", ["> " * 100, ">" * 100, "- " * 100, "1. " * 30, "> - " * 40])
def test_what_is_nested_too_deeply_stays_as_text(style: ChatStyle, marks: str) -> None:
    text = f"before\n\n{marks}two **words**\n{marks}more\n\nbehind\n"
    document = QTextDocument()
    MarkdownWriter(document, style).write(text)
    assert "two words" in document.toPlainText()
    check(style, text, list(range(0, len(text), 7)))


def test_headings_in_items_have_their_mark_and_stand_where_the_item_does() -> None:
    growing = GrowingLines(12.0, dark=False)
    growing.grow("- # One\n\n  ## Two\n- b\n")
    one, two, b = (line for line in growing.lines if isinstance(line, Line))
    assert one.item is not None
    assert b.item is not None
    assert two.item is None
    assert (one.item.number, b.item.number) == (0, 1)
    assert (one.heading, two.heading, two.indent) == (1, 2, 1)


def test_a_formula_behind_an_item_needs_no_blank_line() -> None:
    growing = GrowingLines(12.0, dark=False)
    growing.grow("- item\n$$\na + b\n$$\n")
    first, formula = (line for line in growing.lines if isinstance(line, Line))
    assert first.item
    assert formula.runs[0].formula == "$$ a + b $$"
