"""Markdown as models and people write it: bold beside Chinese marks, prices, tags, bare addresses, tasks."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QTextBlockFormat, QTextDocument

from autogpt_desktop.ui.chat.messages.block_lines import inline_runs
from autogpt_desktop.ui.chat.messages.lines import Runs
from autogpt_desktop.ui.chat.messages.markdown import MarkdownWriter
from autogpt_desktop.ui.chat.messages.markdown_parse import parser
from autogpt_desktop.ui.widgets.reading_style import ChatStyle
from tests.ui.chat.test_streaming import style  # noqa: F401  a fixture


def runs(text: str) -> Runs:
    return inline_runs(parser().parse(text)[1])


@pytest.mark.parametrize(
    ("text", "bold"),
    [
        ("重点是**“数据安全”**的问题。", "“数据安全”"),
        ("**该软件。**但是", "该软件。"),
        ("请用**`git`**命令", "git"),
        ("中文**(注)**中文", "(注)"),
        ("一**「二」**三", "「二」"),
        ("他说**《书名》**，好", "《书名》"),
        ("価格は**100％**です", "100％"),
        ("그는**“예”**라고", "“예”"),
        ("English **bold**, as ever", "bold"),
    ],
)
def test_bold_beside_marks_of_chinese_text(text: str, bold: str) -> None:
    assert [run.text for run in runs(text) if run.bold] == [bold]


@pytest.mark.parametrize(("text", "field"), [("他说*（注）*吧", "italic"), ("这是~~“旧”~~的", "strike")])
def test_the_same_for_other_marks(text: str, field: str) -> None:
    assert len([run for run in runs(text) if getattr(run, field)]) == 1


@pytest.mark.parametrize("text", ["2 ** 3 ** 4", "**foo bar **x", "a ~~ b ~~ c"])
def test_marks_with_blanks_inside_stay_text(text: str) -> None:
    assert [run.text for run in runs(text)] == [text]


@pytest.mark.parametrize(
    "text",
    [
        "$HOME** and **$PATH", "it is $5 and $10.", "US$5, HK$6", "$1,000 to US$", "from $HOME to $PATH.",
        "$5-$10", "$x and $y", "a $ b $ c", "${HOME}:${PATH}", "$一元$",
    ],
)  # fmt: skip
def test_prices_and_variables_are_no_formulas(text: str) -> None:
    tokens = parser().parse(text)[1].children or []
    assert not [token for token in tokens if token.type == "formula"]
    assert "".join(run.text for run in runs(text)) == text


@pytest.mark.parametrize(
    "text", ["$x$", "$y=2$", r"$\alpha$", r"$$\frac12$$", r"\(a+b\)", r"\[a\]", "$a_1 * b_2$"]
)
def test_formulas_are_found(text: str) -> None:
    tokens = parser().parse(f"so {text}, yes")[1].children or []
    assert [token.content for token in tokens if token.type == "formula"] == [text]


def test_breaks_and_raised_text() -> None:
    assert [(run.text, run.raised) for run in runs("H<sub>2</sub>O<br>x<SUP>2</SUP><br/>y")] == [
        ("H", 0), ("2", -1), ("O\u2028x", 0), ("2", 1), ("\u2028y", 0),
    ]  # fmt: skip
    assert [run.text for run in runs("x <sub>no <b>bold</b> </sup>")] == ["x <sub>no <b>bold</b> </sup>"]


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("see https://a.com/x_(y).", "https://a.com/x_(y)"),
        ("(www.b.cn)", "http://www.b.cn"),
        ("访问https://a.b/c?d=1。好", "https://a.b/c?d=1"),
        ("**https://a.b**", "https://a.b"),
        ("[x](http://a.com)", "http://a.com"),
        ("<https://q.r>", "https://q.r"),
    ],
)
def test_addresses_are_links(text: str, href: str) -> None:
    assert [run.href for run in runs(text) if run.href] == [href]


@pytest.mark.parametrize(
    "text", ["http://", "me@www.a.com", "`www.x.com`", "awww.a.com", "ftp://a.b", "www."]
)
def test_what_is_no_address_stays_text(text: str) -> None:
    assert not [run for run in runs(text) if run.href]


def test_lists_start_at_any_number_and_tasks_have_boxes(style: ChatStyle) -> None:  # noqa: F811
    document = QTextDocument()
    MarkdownWriter(document, style).write("0. zero\n1. one\n\n- [ ] open\n- [x] done")
    blocks = [document.findBlockByNumber(number) for number in range(document.blockCount())]
    numbers = [block.textList().itemText(block) for block in blocks[:2]]
    assert numbers == ["0.", "1."]
    markers = [block.blockFormat().marker() for block in blocks[2:]]
    assert markers == [QTextBlockFormat.MarkerType.Unchecked, QTextBlockFormat.MarkerType.Checked]
    assert [block.text() for block in blocks[2:]] == ["[ ] open", "[x] done"]  # as it is copied and read out


@pytest.mark.parametrize("text", ["```", "text\n\n```python", "- a\n\n  ```\n"])
def test_an_unclosed_fence_is_no_empty_box(style: ChatStyle, text: str) -> None:  # noqa: F811
    writer = MarkdownWriter(QTextDocument(), style)
    writer.write(text)
    assert not writer.code_blocks()
    assert "```" in writer.document.toPlainText()
