"""Pages that are translated: only what people read changes, whatever the page looks like."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt_desktop.documents.read.formats.html import decode_html
from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.html.page import Page
from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.errors import KnownError

PAGE = """\ufeff<!DOCTYPE html>
<html lang=en class="x"><head><meta charset="utf-8"><TITLE>Tea &amp; cake</TITLE>
<meta name=description content='What we "bake"'><meta name=viewport content="width=device-width">
<script>if (a < b) document.write("<p>not this</p>");</script><style>p > b {}</style></head>
<body>
<!-- <p>nor this</p> -->
<p>\tThe <b>old</b>
  bridge&nbsp;is <a href="/r?a=1&amp;b=2" title="A river">wide</a>.<br/>5 &lt; 6 is true<p>Open paragraph
<pre>nor <b>this</b></pre><textarea>nor this</textarea>
<p>Use <code class=x>print(&lt;1&gt;)</code> or <span translate=no>Foo</span> <img src=a.png
alt="a cat"> now.</p>
<ul><li>One<li>Two <i>broken</ul></i>
<input type=submit value=Send><button aria-label="Close it">&times;</button> 3 < 4, a<b
"""
TEXTS = [
    "Tea & cake", 'What we "bake"', "The old bridge\xa0is wide.", "A river", "5 < 6 is true",
    "Open paragraph", "Use `print(<1>)` or Foo  now.", "a cat", "One", "Two", "broken", "Send", "Close it",
    "3 < 4, a",
]  # fmt: skip


def page(tmp_path: Path, source: str | bytes, name: str = "a.html") -> Page:
    path = tmp_path / name
    path.write_bytes(source if isinstance(source, bytes) else source.encode("utf-8"))
    blocks = open_blocks(path)
    assert isinstance(blocks, Page)
    return blocks


def written(blocks: Page, translated: list[TranslatedText], out: Path, language: str = "") -> str:
    blocks.write(translated, out, language)
    return out.read_bytes().decode(blocks.encoding)


def test_only_what_people_read_is_a_text(tmp_path: Path) -> None:
    blocks = page(tmp_path, PAGE)
    assert sorted(blocks.texts) == sorted(TEXTS)
    same = written(blocks, [TranslatedText(text) for text in blocks.texts], tmp_path / "b.html")
    assert same == PAGE.removeprefix("\ufeff")


def test_marks_tags_and_all_else_stay(tmp_path: Path) -> None:
    blocks = page(tmp_path, PAGE)
    translated = [TranslatedText(text.upper(), ((0, len(text), 0, len(text)),)) for text in blocks.texts]
    made = written(blocks, translated, tmp_path / "b.html", "fr")
    expected = PAGE.removeprefix("\ufeff").replace("<html lang=en", '<html lang="fr"')
    for text in ("Tea &amp; cake", "A river", "5 &lt; 6 is true", "Open paragraph", "a cat", "One", "broken"):
        expected = expected.replace(text, text.upper().replace("&AMP;", "&amp;").replace("&LT;", "&lt;"))
    for old, new in (
        ("'What we \"bake\"'", "'WHAT WE \"BAKE\"'"),
        ("The <b>old</b>\n  bridge&nbsp;is ", "THE <b>OLD</b> BRIDGE&nbsp;IS "),
        (">wide<", ">WIDE<"),
        ("Use <code", "USE <code"),
        ("</code> or <span", "</code> `PRINT(&lt;1&gt;)` OR <span"),
        ("</span> <img", "</span> FOO <img"),
        (' now.', "  NOW."),
        ("Two <i>", "TWO <i>"),
        ("value=Send", 'value="SEND"'),
        ("Close it", "CLOSE IT"),
        ("3 < 4, a", "3 &lt; 4, A"),
    ):  # fmt: skip
        assert old in expected
        expected = expected.replace(old, new)
    assert made == expected


@pytest.mark.parametrize(
    ("source", "language", "expected"),
    [
        ('<html><p>One</html>', "ar", '<html dir="rtl" lang="ar"><p>ONE</html>'),
        ('<HTML LANG="en-GB" dir=ltr><p>One', "ar", '<HTML LANG="ar" dir="rtl"><p>ONE'),
        ('<html lang=ar dir=rtl><body dir="rtl">One', "de", '<html lang="de" dir="ltr"><body dir="ltr">ONE'),
        ("<html data-lang=x><p>One", "de", '<html lang="de" data-lang=x><p>ONE'),
        ("<p>One", "ar", "<p>ONE"),
    ],
)  # fmt: skip
def test_the_page_says_its_language(tmp_path: Path, source: str, language: str, expected: str) -> None:
    assert written(page(tmp_path, source), [TranslatedText("ONE")], tmp_path / "b.html", language) == expected


@pytest.mark.parametrize(
    ("encoding", "said", "text", "other", "expected"),
    [
        ("iso-8859-1", "iso-8859-1", "<p>Über</p>", "桥 “x” &", "<p>&#26725; “x” &amp;</p>"),
        ("gb18030", "gb2312", "<p>这是一座桥</p>", "Brücke", "<p>Brücke</p>"),
        ("utf-16", "utf-16", "<p>Über</p>", "桥", "<p>桥</p>"),
    ],
)
def test_a_page_keeps_its_encoding(
    tmp_path: Path, encoding: str, said: str, text: str, other: str, expected: str
) -> None:
    head = f'<html><head><meta charset="{said}"></head>'
    blocks = page(tmp_path, (head + text).encode(encoding))
    blocks.write([TranslatedText(other)], tmp_path / "b.html")
    real = "cp1252" if encoding == "iso-8859-1" else encoding
    assert (tmp_path / "b.html").read_bytes().decode(real) == head + expected


def test_a_page_without_words_is_refused(tmp_path: Path) -> None:
    for source in ("", "<p>12 &amp; 3</p>", "<script>var a = 'word'</script>"):
        with pytest.raises(KnownError, match="document-empty"):
            page(tmp_path, source)
    with pytest.raises(KnownError, match="document-kind"):
        page(tmp_path, b"\x00\x01\x02\xff" * 900)
    with pytest.raises(KnownError, match="document-too-large"):
        open_blocks(tmp_path / "a.html", Limits(file_bytes=100))


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", ["<a href='", "<b>", "<", "<!--", "<script", "<code>", "<p title=x", "</", "<span><sup>1", "&am"]
)
def test_a_hostile_page_takes_no_longer_than_its_size(tmp_path: Path, piece: str) -> None:
    began = time.perf_counter()
    blocks = page(tmp_path, "word " + piece * 20_000)
    blocks.write([TranslatedText(text + "x") for text in blocks.texts], tmp_path / "b.html")
    assert time.perf_counter() - began < 5


MARKUP = st.sampled_from(
    [
        *(
            "<p>",
            "</p>",
            "<b>",
            "</b>",
            "<a href=x>",
            "</a>",
            "<i class='a>b'>",
            "</i>",
            "<br>",
            "<!-- - -->",
        ),
        *("<", "&amp;", "&lt;b&gt;", "one", "Two.", " ", "\n", "<pre>", "</pre>", "<code>", "</code>", "5"),
        *("<img alt='a b'>", "<script>", "</script>", "<sup>[1]</sup>", "<span translate=no>x", "</span>"),
        *("<!x>", "]]>", "\xa0", "`"),
    ]
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(MARKUP, max_size=30))
def test_any_page_comes_back(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
    folder = tmp_path_factory.getbasetemp()
    source = "<p>first" + "".join(pieces)
    blocks = page(folder, source)
    assert written(blocks, [TranslatedText(text) for text in blocks.texts], folder / "b.html") == source
    translated = [TranslatedText(f"{text} end", ((0, len(text), 0, len(text)),)) for text in blocks.texts]
    other = written(blocks, translated, folder / "b.html")
    assert other.count("end") >= len(blocks.texts)
    assert other.count("<a href=x>") == source.count("<a href=x>")
    assert re.findall(r"</?(?:p|br|pre)>", other) == re.findall(r"</?(?:p|br|pre)>", source)


@pytest.mark.parametrize("name", ["utf-16", "UTF-16LE", "utf-32"])
def test_a_page_that_says_utf_16_in_ascii_is_not(name: str) -> None:
    page = f'<meta charset="{name}"><h1>Caf\u00e9</h1><p>Two words.</p>'
    text, encoding = decode_html(page.encode()) or ("", "")
    assert text == page
    assert encoding == "utf-8"


CHINESE = "<h1>这是一座桥</h1><p>我们在这里看到了一条大河，然后回家。</p>"
FRENCH = "<p>Un café très bon, déjà français.</p>"


@pytest.mark.parametrize("said", ['<meta charset="{}">', '<?xml version="1.0" encoding="{}"?>'])
@pytest.mark.parametrize(
    ("name", "real", "body"),
    [
        ("utf-7", "utf-8", FRENCH),
        ("utf-16", "utf-8", FRENCH),
        ("iso-8859-1", "utf-8", FRENCH),
        ("windows-1251", "utf-8", FRENCH),
        ("gb2312", "utf-8", CHINESE),
        ("utf-8", "gb18030", CHINESE),
        ("cp037", "utf-8", FRENCH),
        ("rot13", "utf-8", FRENCH),
        ("unicode_escape", "utf-8", FRENCH),
        ("no-such-thing", "utf-8", FRENCH),
        ("utf-8", "cp1252", FRENCH),
        ("windows-1251", "cp1251", "<p>Нет</p>"),
        ("big5", "big5", "<p>一座橋</p>"),
    ],
)
def test_what_a_page_says_is_checked_against_its_bytes(said: str, name: str, real: str, body: str) -> None:
    page = said.format(name) + body
    assert decode_html(page.encode(real)) is not None
    assert (decode_html(page.encode(real)) or ("",))[0] == page


@pytest.mark.parametrize(
    ("mark", "real", "body"),
    [
        (b"\xff\xfe", "utf-8", "<meta charset=utf-16><p>Plain words in a page.</p>"),
        (b"\xef\xbb\xbf", "gb18030", CHINESE),
        (b"\xef\xbb\xbf", "utf-8", '<meta charset="gb2312">' + CHINESE),
        (b"\xff\xfe", "utf-16-le", '<meta charset="utf-8">' + CHINESE),
        (b"\xfe\xff", "utf-16-be", "中文" * 20),
    ],
)
def test_a_mark_that_the_bytes_belie_is_none(mark: bytes, real: str, body: str) -> None:
    assert (decode_html(mark + body.encode(real)) or ("",))[0] == body
