"""Markdown into a document: what it looks like, what it refuses, and that streaming ends the same."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QFont, QTextDocument, QTextTable
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.chat.messages.block_lines import OBJECT
from autogpt_desktop.ui.chat.messages.highlight import highlight
from autogpt_desktop.ui.chat.messages.markdown import CODE, LANGUAGE, QUOTES, MarkdownWriter
from autogpt_desktop.ui.chat.messages.markdown_parse import plain_text
from autogpt_desktop.ui.widgets.reading_style import ChatStyle

SAMPLE = """# Title

Some **bold *both*** and `code` with [link](http://a.example/b) and ![a cat](http://x.example/cat.png).

- one
- two
  - nested

    a paragraph
- three

5. five
6. six

> quote
> > deeper

```python
def f(x):
    return "s"  # c
```

| a | b |
|---|--:|
| 1 | 2 |

| c | d |
|---|--:|
| 3 | 4 |

After $a_1 * b_2 * c$ it costs $5 and *$6*.

---

    indented

end
"""


@pytest.fixture
def style(qtbot: QtBot) -> ChatStyle:
    font = QFont()
    font.setPixelSize(15)
    color = QColor
    return ChatStyle(
        font, font, font, False, color("#111"), color("#666"), color("#0b7285"), color("#eee"), color("#ddd"),
        color("#f3f3f3"), color("#cde"),
    )  # fmt: skip


def written(style: ChatStyle, text: str) -> QTextDocument:
    document = QTextDocument()
    MarkdownWriter(document, style).write(text)
    return document


def formats(document: QTextDocument):
    block = document.begin()
    while block.isValid():
        for item in block:
            fragment = item.fragment()
            yield fragment.text(), fragment.charFormat()
        block = block.next()


@pytest.mark.slow
def test_growing_ends_as_the_whole(style: ChatStyle) -> None:
    grown = QTextDocument()
    writer = MarkdownWriter(grown, style)
    for end in range(1, len(SAMPLE)):
        writer.grow(SAMPLE[:end])
        if end % 40 == 0:  # and is right on the way
            assert grown.toPlainText() == written(style, SAMPLE[:end]).toPlainText()
    writer.grow(SAMPLE)
    assert grown.toPlainText() == written(style, SAMPLE).toPlainText()


def test_a_reference_that_comes_late_is_right_in_the_end(style: ChatStyle) -> None:
    text = "[ref]\n\n[ref]: http://late.example\n"
    assert {words: form.anchorHref() for words, form in formats(written(style, text))} == {
        "ref": "http://late.example"
    }


def test_only_the_last_block_is_written_again(style: ChatStyle) -> None:
    document = QTextDocument()
    document.documentLayout()  # without one nothing is told of changes
    writer = MarkdownWriter(document, style)
    long = "A finished paragraph.\n\n" * 300
    writer.grow(long + "the last")
    touched: list[int] = []
    document.contentsChange.connect(lambda at, removed, added: touched.append(at))
    writer.grow(long + "the last one")
    assert min(touched) >= 299 * len("A finished paragraph.")


def test_html_stays_text(style: ChatStyle) -> None:
    text = 'x <script>alert(1)</script> <img src="http://spy.example/p.png"> <b>no</b>'
    document = written(style, text)
    assert "<script>alert(1)</script>" in document.toPlainText()
    assert '<img src="http://spy.example/p.png">' in document.toPlainText()
    assert not any(form.isImageFormat() for _, form in formats(document))


def test_images_become_words(style: ChatStyle) -> None:
    document = written(style, "![a cat](http://x.example/cat.png)")
    assert document.toPlainText() == "a cat (http://x.example/cat.png)"
    assert not any(form.isImageFormat() or form.isAnchor() for _, form in formats(document))


def test_links_carry_their_address_and_scripts_do_not(style: ChatStyle) -> None:
    links = {text: form.anchorHref() for text, form in formats(written(style, "[here](https://a.example)"))}
    assert links == {"here": "https://a.example"}
    document = written(style, "[bad](javascript:alert(1))")
    assert not any(form.isAnchor() for _, form in formats(document))


def test_code_keeps_its_lines_and_language(style: ChatStyle) -> None:
    document = written(style, "```python\ndef f():\n    return 1\n```")
    block = document.begin()
    assert block.blockFormat().property(LANGUAGE) == "python"
    assert block.blockFormat().hasProperty(CODE)
    assert document.toPlainText() == "def f():\n    return 1"
    colors = {form.foreground().color().name() for _, form in formats(document)}
    assert len(colors) > 1


def test_unknown_language_is_plain() -> None:
    assert list(highlight("a b", "no-such-language", False)) == [("a b", None, False)]


@pytest.mark.parametrize("dark", [False, True])
def test_highlight_colors_can_be_read(dark: bool) -> None:
    from autogpt_desktop.ui.chat.messages import highlight as module
    from autogpt_desktop.ui.widgets.theme import DARK, LIGHT, contrast

    back = QColor((DARK if dark else LIGHT)["code_bg"])
    palette = module._DARK if dark else module._LIGHT
    assert min(contrast(QColor(value), back) for value in palette.values()) >= 4.5


def test_tables_lists_quotes(style: ChatStyle) -> None:
    document = written(style, SAMPLE)
    tables = [frame for frame in document.rootFrame().childFrames() if isinstance(frame, QTextTable)]
    assert [(table.rows(), table.columns()) for table in tables] == [(2, 2), (2, 2)]
    cell = tables[0].cellAt(1, 1).firstCursorPosition().block().text()
    assert cell == "2"
    block, depths, numbers = document.begin(), [], []
    while block.isValid():
        if block.blockFormat().hasProperty(QUOTES):
            depths.append(block.blockFormat().property(QUOTES))
        if block.textList() is not None and block.text() in ("five", "six"):
            numbers.append(block.textList().itemText(block))
        block = block.next()
    assert depths == [1, 2]
    assert numbers == ["5.", "6."]


def test_the_source_of_formulas_stays_in_the_text(style: ChatStyle) -> None:
    text = written(
        style, r"so $a_1 * b_2 * c$ and \(x_1*y*z\) and \[ a \\ b \] cost $5 and *$6*"
    ).toPlainText()
    text = text.replace(OBJECT, "")  # where they are drawn
    assert r"$a_1 * b_2 * c$ and \(x_1*y*z\) and \[ a \\ b \] cost $5 and $6" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", [">" * 5000, "[" * 5000, "*a " * 3000, "- " * 2000, "`" * 5000, "|" * 3000 + "\n|-"]
)
def test_hostile_markdown_ends(style: ChatStyle, text: str) -> None:
    assert written(style, text).characterCount() > 0


def test_plain_text_reads_as_the_document(style: ChatStyle) -> None:
    def words(text: str) -> str:
        return " ".join(text.split())

    shown = written(style, SAMPLE).toPlainText().replace(OBJECT, "")
    assert words(plain_text(SAMPLE)) == words(shown)
    assert plain_text("no markup here") == "no markup here"


def test_very_long_text_is_not_parsed(style: ChatStyle) -> None:
    text = "**a** " * 20_000
    assert written(style, text).toPlainText() == text
