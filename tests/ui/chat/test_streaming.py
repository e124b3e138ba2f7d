"""An answer that streams: what it costs does not grow with it, and it ends as if it were written at once."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from PySide6.QtGui import QColor, QFont, QTextCursor, QTextDocument
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.chat.messages import growing, highlight, segments
from autogpt_desktop.ui.chat.messages.growing import GrowingLines
from autogpt_desktop.ui.chat.messages.highlight import CodeColors
from autogpt_desktop.ui.chat.messages.markdown import MarkdownWriter
from autogpt_desktop.ui.chat.messages.rich_text import RichText
from autogpt_desktop.ui.chat.messages.segments import segment_ends
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets.reading_style import ChatStyle, chat_style

PIECES = [
    "# Title\n", "para **bold** `x`\n", "\n", "\n\n", "- a\n", "- b **c\n", "  - nested\n", "  more\n",
    "1. one\n", "2. two\n", "10. ten", "0. zero\n", "```python\n", "```", "~~~\n", "````\n",
    "def f(x):\n    return '''a\n", "# c\n", "'''\n", "| a | b |\n", "|---|--:|\n", "| 1 | 2 |\n",
    "5 | 6\n", "> q\n", "> > r\n", "> - z\n", "---\n", "***\n", "===\n", "[ref]", "[ref]: http://x.y\n",
    "[two][ref]\n", "    code\n", "\t- t\n", "1)", "* ", "-", "😀 emoji\n", "&#10;", "\\", "`", "**", "_",
    "~~", "|", "\n    \n", "| a |\n|-|\n", "```c\n", "/* c\n", "*/\n",
]  # fmt: skip
KINDS = {
    "code": ("```python\n", "value = compute({n}, 'x')  # a comment\n"),
    "code in a list": ("- item\n\n  ```\n", "  value = {n}\n"),
    "code in a quotation": ("> ```python\n", "> value = compute({n}, 'x')  # a comment\n"),
    "indented code": ("text\n\n", "    value = {n} of it\n"),
    "indented code in a list": ("- text\n\n", "      value = {n} of it\n"),
    "table": ("| a | b |\n|---|--:|\n", "| item {n} | **{n}** |\n"),
    "list": ("", "{n}. item **{n}** with text\n"),
    "paragraph": ("", "line {n} of a paragraph with **bold** words\n"),
    "quote": ("", "> line {n} of a quotation with **bold** words\n"),
    "nested item": ("- a\n  - b\n", "    line {n} of an item with **bold** words\n"),
    "nested list": ("1. a\n", "   - item **{n}** with text\n"),
    "quote in a list": ("10. a\n\n", "    > line {n} of a quotation with **bold** words\n"),
    "list in a quote": ("> said:\n>\n", "> {n}. item **{n}** with text\n"),
    "table in a quote": ("> | a | b |\n> |---|--:|\n", "> | item {n} | **{n}** |\n"),
    "table in a list": ("- a\n\n  | a | b |\n  |---|--:|\n", "  | item {n} | **{n}** |\n"),
    "definitions": ("see [a][r1]\n\n", "[r{n}]: http://a.example/{n}\n"),
    "endless line": ("", "word {n} and **more** of a line that never ends, "),
    "endless line in a quote": ("> - ", "第{n}句话说的是**天气**很好。"),
    "heading": ("# ", "word {n} and **more** of it, "),
    "code that nobody closes": ("text `", "word {n} of it\n"),
    "bold that nobody closes": ("**", "word {n} of it\n"),
    "blocks of code": ("", "```python\nvalue = {n}\n```\n\n"),
    "tables": ("", "| a | b |\n|---|--:|\n| item {n} | **{n}** |\n\n"),
    "code and tables": ("", "```\nvalue = {n}\n```\n\n| a | b |\n|---|--:|\n| item {n} | b |\n\n"),
    "links and their addresses": ("", "see [x][r{n}], [r{n}]\n\n[r{n}]: http://a.example/{n}\n\n"),
    "rules": ("- a\n", "  ---\n  text {n}\n\n"),
    "HTML": ("<div>\n", "<p class='x'>line {n} of it</p>\n"),
}


@pytest.fixture
def style(qtbot: QtBot) -> ChatStyle:
    font = QFont()
    font.setPixelSize(15)
    color = QColor
    return ChatStyle(
        font, font, font, False, color("#111"), color("#666"), color("#0b7285"), color("#eee"), color("#ddd"),
        color("#f3f3f3"), color("#cde"),
    )  # fmt: skip


def look(document: QTextDocument) -> list[object]:
    """All that can be seen of it."""
    rows: list[object] = []
    block = document.begin()
    while block.isValid():
        form, items, table = block.blockFormat(), block.textList(), QTextCursor(block).currentTable()
        rows.append(
            (
                form.topMargin(), form.bottomMargin(), form.leftMargin(), form.indent(), form.lineHeight(),
                items.itemText(block) if items else "", items.format().indent() if items else 0,
                (table.rows(), table.columns(), table.format().columnWidthConstraints()[0].rawValue())
                if table
                else None,
            )
        )  # fmt: skip
        rows += [
            (piece.text(), form.font().key(), form.foreground().color().name(), form.anchorHref())
            for piece, form in ((each.fragment(), each.fragment().charFormat()) for each in block)
        ]
        block = block.next()
    return rows


def check(style: ChatStyle, text: str, cuts: list[int]) -> None:
    grown, whole = QTextDocument(), QTextDocument()
    writer = MarkdownWriter(grown, style)
    for cut in cuts:
        writer.grow(text[:cut])
    writer.grow(text)
    MarkdownWriter(whole, style).write(text)
    assert look(grown) == look(whole), text


@pytest.mark.parametrize("seed", range(40))
def test_streamed_is_as_rendered_whole(style: ChatStyle, seed: int) -> None:
    rng = random.Random(seed)
    text = "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 25))) * rng.choice([1, 1, 3])
    check(style, text, sorted(rng.sample(range(len(text)), min(len(text), 25))))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_long_blocks_streamed_are_as_rendered_whole(style: ChatStyle, kind: str) -> None:
    head, line = KINDS[kind]
    text = (
        head + "".join(line.format(n=n) for n in range(1, 90)) + ("```\nend" if kind == "code" else "\n\nend")
    )
    rng = random.Random(1)
    check(style, text, sorted(rng.sample(range(len(text)), 40)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_work_for_a_token_does_not_grow_with_the_block(
    style: ChatStyle, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    lexed: list[int] = []
    parser, lex = growing.parser(), highlight._lex

    class Counting:
        def parse(self, text: str, env: object) -> object:
            parsed.append(len(text))
            return parser.parse(text, env)

    def counting(language: str, dark: bool, lines: list[str]) -> object:
        lexed.append(sum(map(len, lines)))
        return lex(language, dark, lines)

    monkeypatch.setattr(growing, "parser", Counting)
    monkeypatch.setattr(highlight, "_lex", counting)
    head, line = KINDS[kind]
    document = QTextDocument()
    document.documentLayout()
    writer = MarkdownWriter(document, style)
    text = head + "".join(line.format(n=n) for n in range(400))
    writer.grow(text)
    document.size()
    changed: list[int] = []
    document.contentsChange.connect(lambda at, removed, added: changed.append(removed + added))
    for number in range(400, 405):
        added = line.format(n=number)
        for cut in range(1, len(added) + 1):
            parsed.clear(), lexed.clear(), changed.clear()
            writer.grow(text + added[:cut])
            assert sum(changed) < 2_500
            assert sum(lexed) < 20_000
            assert sum(parsed) < (300 if kind in ("code", "table", "list") else 4_000)
        text += added


@pytest.mark.slow
def test_plain_text_that_grows_is_written_at_its_end_alone(style: ChatStyle) -> None:
    """Thoughts, and answers that are too long to be read as Markdown."""
    document, whole = QTextDocument(), QTextDocument()
    writer, text = MarkdownWriter(document, style), ""
    changed: list[int] = []
    document.contentsChange.connect(lambda at, removed, added: changed.append(removed + added))
    rng = random.Random(1)
    for number in range(300):
        text += rng.choice([f"line {number} of what is thought\n", "\n", "word ", "of a long line " * 40])
        changed.clear()
        writer.grow_plain(text)
        assert sum(changed) < 5_000
    MarkdownWriter(whole, style).grow_plain(text)
    assert look(document) == look(whole)
    position = document.firstBlock().position()
    changed.clear()
    writer.write_plain(text)
    assert document.firstBlock().position() == position


def test_a_link_gets_its_address_when_that_comes(style: ChatStyle) -> None:
    """Wherever it stands, and without what follows being written again."""
    text = "see [a][r1] here\n\n| a | b |\n|---|---|\n| [R1] | c |\n\n- [x] done [r1]\n- e\n\n"
    text += "tail\n\n" * 50
    document = QTextDocument()
    writer = MarkdownWriter(document, style)
    writer.grow(text)
    changed: list[int] = []
    document.contentsChange.connect(lambda at, removed, added: changed.append(removed + added))
    check(style, text + "[r1]: http://a.example/one\n\nend\n", list(range(len(text), len(text) + 30)))
    writer.grow(text + "[r1]: http://a.example/one\n\nend\n")
    assert sum(changed) < 200
    assert sum("http://a.example/one" in str(row) for row in look(document)) == 3


def test_many_links_get_an_address_one_after_the_other_and_at_the_end_all_have_it(style: ChatStyle) -> None:
    document, whole = QTextDocument(), QTextDocument()
    writer = MarkdownWriter(document, style)
    text = "see [r1] here\n\n" * 150 + "[r1]: http://a.example/one\n\nend\n"
    for cut in (2_250, len(text) - 3, len(text)):
        writer.grow(text[:cut])
    links = sum("http://a.example/one" in str(row) for row in look(document))
    assert 0 < links < 150
    writer.write(text)
    MarkdownWriter(whole, style).write(text)
    assert look(document) == look(whole)


@pytest.mark.parametrize(
    "text",
    [
        'a [r] b\n\n[r]: http://x\n"ti\nt"\n\nend\n',
        '[r]: http://x\n"title"\n\nend [r]\n',
        'x [r]\n\n[r]: http://x\n"no title" x\n\nend [r]\n',
        '> [r]: http://x\n> "title\n> more"\n> [r]\n',
        "- [r]: http://x\n  (title\n  more)\n  [r]\n",
        "[r]: http://x\n'title\\' more'\n[r]\n",
        '[a]: http://x\n[r]: http://x\n"never closed\n\nend [r]\n',
        "- [x] a task\n\n[x]: http://x\n",
    ],
)
def test_the_title_of_a_link_may_come_in_lines_of_its_own(style: ChatStyle, text: str) -> None:
    check(style, text, list(range(len(text))))


NESTED = [
    *PIECES, "> - z\n", "> 1. o\n", ">   more\n", "- > iq\n", "  > iq2\n", "  > - lq\n", "  > | c | d |\n",
    "  > | a | b |\n  > |---|---|\n", ">nospace\n", ">- ns\n", "   > sp\n", "   - ind\n", "  5. five\n",
    "  continuing **a\n  b** c\n", "- | a |\n  |---|\n", "  | b |\n", "- ```\n  code\n", "trailing  \n",
    "back\\\n", "a very long line " * 6 + "\n", "中文句子。" * 15 + "\n", "-\n", ">\n", "    deep more\n",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_nested_blocks_streamed_are_as_read_whole(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With segments so short that many end."""
    monkeypatch.setattr(segments, "LEAST", 20)
    monkeypatch.setattr(segments, "MOST", 60)
    rng = random.Random(seed)
    text = "".join(rng.choice(NESTED) for _ in range(rng.randint(2, 30)))
    grown, whole = GrowingLines(12.0, dark=False), GrowingLines(12.0, dark=False)
    for cut in sorted(rng.sample(range(len(text)), min(len(text), 40))):
        grown.grow(text[:cut])
    grown.grow(text)
    whole.grow(text)
    assert grown.lines == whole.lines


@pytest.mark.slow
@pytest.mark.parametrize("repeated", ["word {n} **bold**, ", "第{n}句话说的是**天气**。", "😀 {n} "])
def test_an_endless_line_is_copied_in_one(chat_context: AppContext, qtbot: QtBot, repeated: str) -> None:
    text = RichText(chat_context, chat_style(chat_context))
    qtbot.addWidget(text)
    source = "".join(repeated.format(n=n) for n in range(1000)).strip()
    text.writer.grow(f"before\n\n{source}\n\nbehind")
    assert text.document().blockCount() > 3
    text.selectAll()
    copied = text.createMimeDataFromSelection().text()
    assert copied == f"before\n{source.replace('**', '')}\nbehind"


def test_segments_end_outside_of_marks() -> None:
    line = "some words and **bold ones\nover two lines** and more of it\n"
    text = line * 100
    ends = segment_ends(text)
    assert ends[-1] == len(text)
    assert len(ends) > 3
    assert all(text[:end].endswith("more of it\n") for end in ends)
    assert max(b - a for a, b in pairwise(ends)) <= segments.MOST
    assert segment_ends("short\n" * 100) == [600]


def test_what_is_selected_stays_selected_while_it_streams(chat_context: AppContext, qtbot: QtBot) -> None:
    text = RichText(chat_context, chat_style(chat_context))
    qtbot.addWidget(text)
    text.writer.grow("Some [words](http://a.example) of the answer")
    cursor = text.textCursor()
    cursor.setPosition(5)
    cursor.setPosition(10, QTextCursor.MoveMode.KeepAnchor)
    text.setTextCursor(cursor)
    for more in (" and", " more\n\n", "```python\n", "x = 1\n"):
        text.writer.grow(text.writer._source + more)
        assert text.textCursor().selectedText() == "words"
    assert text.textCursor().charFormat().anchorHref() == "http://a.example"


def test_an_answer_that_stands_is_not_written_again(style: ChatStyle) -> None:
    document = QTextDocument()
    document.documentLayout()
    writer = MarkdownWriter(document, style)
    writer.grow("a\n\n```python\nx = 1\n```\n\n- b")
    changed: list[int] = []
    document.contentsChange.connect(lambda at, removed, added: changed.append(at))
    writer.write("a\n\n```python\nx = 1\n```\n\n- b")
    assert not changed


@pytest.mark.slow
def test_the_end_of_an_answer_is_written_behind_what_stands(style: ChatStyle) -> None:
    """It comes a little after the last repaint of what streams."""
    document, whole = QTextDocument(), QTextDocument()
    writer = MarkdownWriter(document, style)
    text = "".join(f"| {n} | **b** |\n" if n else "| a | b |\n|---|---|\n" for n in range(300))
    writer.grow(text[:-20])
    changed: list[int] = []
    document.contentsChange.connect(lambda at, removed, added: changed.append(removed + added))
    writer.write(text)
    assert 0 < sum(changed) < 500
    MarkdownWriter(whole, style).write(text)
    assert look(document) == look(whole)
    writer.write(text[:-20])
    MarkdownWriter(whole, style).write(text[:-20])
    assert look(document) == look(whole)


@pytest.mark.slow
def test_long_code_gets_the_rest_of_its_colors_later(style: ChatStyle) -> None:
    text = "```python\n" + "def f():\n    return 'x'\n\n" * 1500
    document, grown = QTextDocument(), QTextDocument()
    writer = MarkdownWriter(document, style)
    writer.write(text)
    assert document.lastBlock().previous().begin().fragment().charFormat().foreground().color() == style.text
    while writer.color_more():
        pass
    MarkdownWriter(grown, style).grow(text)
    assert look(document) == look(grown)


def test_a_chunk_of_code_does_not_end_within_a_string() -> None:
    lines = ["'''"] + ["text", ""] * 30 + ["'''", "x = 1"]
    colors = {run.color for runs in CodeColors("python", False).runs(lines)[:-1] for run in runs}
    assert len(colors) == 1
