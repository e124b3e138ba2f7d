"""Markdown that is translated: prose changes, every other byte stays, whatever the text looks like."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.base import Blocks
from autogpt_desktop.documents.write.markdown.parser import inline, outline
from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.tasks.translate.checks import PROTECTED


def opened(folder: Path, source: str | bytes) -> Blocks:
    path = folder / "a.md"
    path.write_bytes(source if isinstance(source, bytes) else source.encode())
    return open_blocks(path)


def upper(text: str) -> str:
    """As a translator does: what is protected stays."""
    parts = re.split(f"({PROTECTED.pattern})", text)
    return "".join(part if PROTECTED.fullmatch(part) else part.upper() for part in parts if part)


def written(folder: Path, source: str | bytes, change: object = upper) -> str:
    blocks = opened(folder, source)
    assert callable(change)
    blocks.write([TranslatedText(text) for text in blocks.texts], folder / "same.md")
    assert (folder / "same.md").read_bytes() == (source if isinstance(source, bytes) else source.encode())
    made = [TranslatedText(change(text)) for text in blocks.texts]
    phrases = {phrase: change(phrase) for phrase in blocks.phrases}
    blocks.write(made, folder / "b.md", "fr", phrases)
    return (folder / "b.md").read_bytes().decode()


SAME = {
    "front matter of TOML": (
        "+++\ndraft = false\nweight = 3\n+++\n\nlake\n",
        "lake",
    ),
    "front matter that ends in dots": (
        "---\nlayout: post\ntags: [one, two]\nlist:\n- a b\n...\nlake\n",
        "lake",
    ),
    "a rule at the beginning": (
        "---\n\nboat\n\n---\n\nfish\n",
        "boat fish",
    ),
    "rules": (
        "boat\n\n* * *\n\n___\n\n- - -\nfish\n",
        "boat fish",
    ),
    "headings of both kinds": (
        "# one #\n\n## two {#id-two}\n\nthree\n===\n\nfour\n---\n",
        "one two three four",
    ),
    "lists in lists": (
        "- one\n  1. two\n     * three\n\n       four\n- [ ] five\n- [x] six\n",
        "one two three four five six",
    ),
    "quotes in lists": (
        "1) one\n   > two\n   > > three\n\n> - four\n>   five\n",
        "one two three four five",
    ),
    "a quote that goes on lazily": (
        "> one\ntwo\n",
        "one two",
    ),
    "code": (
        "    code a\n\n- one\n\n      code b\n\n  ```x\n  code c\n  ```\n> ~~~\n> code d\n> ~~~\n\ntwo\n",
        "one two",
    ),
    "a fence without an end": (
        "one\n\n```\ncode\n\ncode",
        "one",
    ),
    "a table": (
        "| one | 2 |\n|:--|--:|\n| a\\|b | `c\\|d` |\n| **three** | four\nfive\n",
        "one a b three four five",
    ),
    "a table without outer bars": (
        "one | two\n--- | ---\nthree | 4\n",
        "one two three",
    ),
    "notes": (
        "one[^n] two[^2].\n\n[^n]: three\n\n    four\n\n        code\n[^2]: five\n",
        "one two three four five",
    ),
    "a note in its line": (
        "one^[two] three\n",
        "one two three",
    ),
    "links": (
        "[one](</a b> 'two') [three][r] ![four][r] <https://x.org/a> [five](https://x.org/a_(b))\n\n"
        "[r]: https://x.org/abc\n",
        "one two three four five",
    ),
    "pictures": (
        '![one](a.png "two") [![three](b.png)](c.html)\n',
        "one two three",
    ),
    "blocks between colons": (
        ":::warning\none\n:::\n\n::: tip\n- two\n:::\n\n:::{note}\n:class: abc\n\nthree\n:::\n",
        "one two three",
    ),
    "comments": (
        "<!-- a\n\nb -->\n\none <!-- c --> two\n",
        "one two",
    ),
    "raw HTML": (
        '<div class="abc">\n  <p>raw</p>\n</div>\n\n'
        "one <b class='x'>two</b> <img alt='gull'> three<br>four\n",
        "raw one two gull three four",
    ),
    "blocks of HTML": (
        "<details>\n<summary>one</summary>\n\n- two\n  <div title='three'>\n    <pre>\n      code\n"
        "    </pre>\n"
        "    four <code>abc</code>\n  </div>\n</details>\n\n> <table>\n>  <tr><td>five</td>\n"
        ">\t<td>6</td></tr>\n> </table>\n\n<span>\nseven\n</span>\n",
        "one two three four five seven",
    ),
    "scripts and instructions": (
        "<script>\nlet a = 'b'\n\nlet c\n</script>\n\n<style>\na {}\n</style>\n\n<?php\n if (a > b) c ?>\n\n"
        "<!DOCTYPE html>\n\none\n\n<![CDATA[ d ]]>\n",
        "one",
    ),
    "titles of definitions": (
        "[5][x] [6]\n\n[x]: https://x.org \"one\"\n[6]:\n  <https://x.org/a b>\n  'two'\n\n"
        "> - [c]: /u (three)\n"
        '>   [d]: /u\n>   "four"\n',
        "one two three four",
    ),
    "formulas": (
        "$$\na^2 + b\n$$\n\none $x_1 + y$ two $$z$$ three costs $5 and $6\n\n$$ abc $$\n",
        "one two three costs and",
    ),
    "a list of definitions": (
        "one\n: two\n\n    three\n\nfour\n~ five\n",
        "one two three four five",
    ),
    "hard breaks": (
        "one  \ntwo\\\nthree  \n> four  \n> five\n",
        "one two three four five",
    ),
    "templates": (
        "one {{ name }} two {% if a %} three\n",
        "one two three",
    ),
    "a callout": (
        "> [!NOTE]\n> one\n> two\n",
        "one two",
    ),
    "entities and escapes": (
        "one &copy; two \\* three &amp; four\n",
        "one two three four",
    ),
    "marks": (
        "*one* **two** _three_ __four__ ~~five~~ ***six*** `code` **`code`** *seven `code`*\n",
        "one two three four five six seven",
    ),
    "a definition behind text": (
        "> one\n[ref]: https://x.org\n",
        "one",
    ),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("name", SAME)
def test_all_but_the_prose_stays(tmp_path: Path, name: str, end: str) -> None:
    source, prose = SAME[name]
    source = source.replace("\n", end)
    expected = source
    for word in prose.split():
        expected = re.sub(rf"(?<![A-Za-z/.]){word}(?![A-Za-z])", word.upper(), expected, count=1)
    assert written(tmp_path, source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("---\ntitle: the lake\ndate: 2020-01-01\n---\n", "---\ntitle: THE LAKE\ndate: 2020-01-01\n---\n"),
        ("---\r\ntitle: 'a b'  # c\r\n---\r\n", "---\r\ntitle: 'A B'  # c\r\n---\r\n"),
        ('---\ndescription: "say \\"a\\""\n...\nx', '---\ndescription: "SAY \\"A\\""\n...\nX'),
        ("---\nsummary: >-\n  one\n  two\nlast: y\n---\n", "---\nsummary: >-\n  ONE TWO\nlast: y\n---\n"),
        ("---\ntitle: true\ndescription: 42\n---\n", "---\ntitle: true\ndescription: 42\n---\n"),
        ("---\na:\n  title: x\n---\n", "---\na:\n  title: x\n---\n"),
        ('+++\ntitle = "a \\"b\\""\nbody = """\ntitle = "c"\n"""\n[x]\ntitle = "d"\n+++\n',
         '+++\ntitle = "A \\"B\\""\nbody = """\ntitle = "c"\n"""\n[x]\ntitle = "d"\n+++\n'),
        ("+++\ntitle = 'a b'\n+++\n", "+++\ntitle = 'A B'\n+++\n"),
    ],
)  # fmt: skip
def test_a_title_and_a_description_are_prose(tmp_path: Path, source: str, expected: str) -> None:
    assert written(tmp_path, source) == expected


@pytest.mark.parametrize(
    ("source", "text", "expected"),
    [
        ("a title", "5 * 3 * 2", "5 * 3 * 2"),
        ("a title", "*not* marked", r"\*not\* marked"),
        ("a title", "- a\n# b\n1. c\n> d\n===", "\\- a \\# b 1\\. c \\> d \\==="),
        ("one\ntwo", "- a\n# b", "\\- a\n\\# b"),
        ("> one\n> two", "a\nb", "> a\n> b"),
        ("> one\n> two", "a b", "> a b"),
        ("a | b\n--|--\nc | 1", "x|y", "x\\|y | x\\|y\n--|--\nx\\|y | 1"),
        ("# a", "b #", "# b \\#"),
        ("---\ntitle: a\n---\n", "b: c", '---\ntitle: "b: c"\n---\n'),
        ("[a][]\n\n[a]: /x", "b", "[b][a]\n\n[a]: /x"),
        ("[a]\n\n[a]: /x", "b", "[b][a]\n\n[a]: /x"),
        ("![a]\n\n[a]: /x", "b]", "![b\\]][a]\n\n[a]: /x"),
        ("[a](/x 'b')", "c'd", "[c'd](/x 'c\\'d')"),
        ("a b c", "文 **字** [x](y)", r"文 \*\*字\*\* \[x\](y)"),
        ("a \\* b &amp; c", "1 * 2 & 3", "1 \\* 2 &amp; 3"),
    ],
)
def test_a_translation_is_no_markup(tmp_path: Path, source: str, text: str, expected: str) -> None:
    assert written(tmp_path, source, lambda _: text).removesuffix(" ") == expected


def test_a_mark_stays_one_beside_chinese(tmp_path: Path) -> None:
    blocks = opened(tmp_path, "The _old_ man.")
    blocks.write([TranslatedText("那个老人。")], tmp_path / "b.md", "zh", {"old": "老"})
    assert (tmp_path / "b.md").read_text(encoding="utf-8") == "那个 _老_ 人。"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be", "gb18030"])
def test_the_encoding_stays(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding.startswith("utf-16") else ""
    source = (mark + "# 这是一座桥\n\n我们在这里看到了一条大河，然后回家。\n").encode(encoding)
    blocks = opened(tmp_path, source)
    blocks.write([TranslatedText(text) for text in blocks.texts], tmp_path / "b.md")
    assert (tmp_path / "b.md").read_bytes() == source


FRAGMENTS = st.sampled_from(
    [
        *("# ", "## ", "- ", "* ", "1. ", "  ", "    "),
        *("> ", "\t", "\n", "\r\n", "\n\n", "---\n", "===\n", "+++\n"),
        *("```\n", "~~~\n", "`", "``", "`code`", "*", "**", "_"),
        *("__", "~~", "~", "[", "]", "](/u)", "[l]", "[l]: /u\n"),
        *("![", "![alt](/i 't')", "<b>", "</b>", "<br>"),
        *("<!--", "-->", "<div>\n", "</div>\n", "<https://a.b>"),
        *("|", "a | b\n--|--\nc | d\n", "\\|", "\\", "\\*", "&amp;"),
        *("$", "$$", "$x$", "^[", "[^1]", "[^1]: "),
        *(": ", ":::", ":::note\n", "{{ x }}", "{%", "word"),
        *("Two words.", " ", "  \n", "\\\n", "title: ", "\ufeff"),
        *("\ufffd", "\u3000", "\x0b", "\x0c", "中文", "[ ] ", "[!NOTE]\n", "5", "!", "\r"),
    ]
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(FRAGMENTS, max_size=30))
def test_any_text_comes_back(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
    folder = tmp_path_factory.getbasetemp()
    source = "".join(pieces)
    assert written(folder, source, lambda text: text) == source


ATOMS = st.sampled_from(
    [
        *("word", "Two words.", "word", "**word**"),
        *("_Two words_", "~~word~~", "***word***", "**word *Two***"),
        *("`code`", "[word](/u)", "[Two][l]", "[l]"),
        *("![word](/i 'word')", "<b>word</b>", "<https://a.b>", "$x$"),
        *("{{ x }}", "[^1]", "5", "a\\*b", "&amp;"),
        *("*", "1 < 2", "[**Two** word](/u 'Two')", "<!-- x -->", "\\|"),
    ]
)  # fmt: skip
PROSE = st.lists(ATOMS, min_size=1, max_size=8).map(" ".join)
BLOCKS = st.sampled_from(
    [
        *("{}\n", "# {}\n", "{}\n===\n"),
        *("- {}\n- {}\n", "1. {}\n   {}\n\n   {}\n", "> {}\n> {}\n", "> - {}\n>   {}\n"),
        *("{}  \n{}\\\n{}\n", "```\nword\n```\n"),
        *("    word\n", "| word | {} |\n|--|--|\n| {} | 5 |\n", "---\n"),
        *("[^1]: {}\n\n    {}\n", ":::tip\n{}\n:::\n"),
        *("<div>\nword\n</div>\n", "$$\nword\n$$\n", "word\n: {}\n"),
    ]
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(st.lists(BLOCKS, min_size=1, max_size=6), st.data(), st.sampled_from(["\n", "\r\n"]))
def test_only_words_change(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[str], data: st.DataObject, end: str
) -> None:
    filled = [block.format(*(data.draw(PROSE) for _ in range(block.count("{}")))) for block in blocks]
    _only_words_change(
        tmp_path_factory.getbasetemp(), "\n".join([*filled, "[l]: /u 'a title'\n"]).replace("\n", end)
    )


def _only_words_change(folder: Path, source: str) -> None:
    """What is no text is the same; it may stand elsewhere in its line."""
    assert written(folder, source, lambda text: text) == source
    other = written(folder, source, lambda text: text.replace("word", "mot").replace("Two", "Deux"))
    before, after = (outline(text.removeprefix("\ufeff")) for text in (source, other))
    assert after.blocks == before.blocks
    for one, two in zip(before.prose, after.prose, strict=True):
        assert markup(one.content, before.env) == markup(two.content, after.env)


def markup(content: str, env: dict[str, object]) -> list[tuple[str, str]]:
    """Kinds and sources; of pictures and links not what they say."""
    found = [(piece.kind, content[piece.start : piece.end]) for piece in inline(content, env)]
    said = [(kind, "" if kind in ("image", "link_close") else raw) for kind, raw in found]
    return sorted((kind, raw) for kind, raw in said if kind not in ("text", "softbreak"))


def test_what_stood_between_words_stands_beside_no_sign_of_theirs(tmp_path: Path) -> None:
    """In a block of HTML, where Markdown's signs are text, a comment stays out of them."""
    source = "<!-- a --> Two words. **word** <!-- b --> **word** <!-- c --> word\n"
    found = written(tmp_path, source, lambda text: text.replace("word", "mot").replace("Two", "Deux"))
    assert found.count("**mot**") == 2
    assert " ".join(re.sub(r"<!-- . -->", " ", found).split()) == "Deux mots. **mot** **mot** mot"
    assert all(f"<!-- {name} -->" in found for name in "abc")
