"""Files that hold both languages: the original with its translation under or beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.errors import KnownError
from tests.documents.write.packages import members, scripted
from tests.documents.write.test_epub import book


def both(path: Path, way: str, language: str = "fr") -> Path:
    blocks = open_blocks(path, bilingual=way)
    out = path.with_name(f"both{path.suffix}")
    blocks.write(scripted(blocks), out, language, {text: text.upper() for text in blocks.phrases})
    return out


@pytest.mark.parametrize(("way", "between"), [("under", "\r\n"), ("beside", " / ")])
def test_subtitles(tmp_path: Path, way: str, between: str) -> None:
    head = "1\r\n00:00:01,000 --> 00:00:02,000\r\n"
    path = tmp_path / "a.srt"
    path.write_bytes(f"{head}It is <i>old</i>.\r\n\r\n".encode())
    assert both(path, way).read_bytes().decode() == (
        f"{head}It is <i>old</i>.{between}IT IS <i>OLD</i>.\r\n\r\n"
    )


def test_a_page(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text('<html lang=en><title>One</title><p>It is <b id="x">old</b>.<p>旧桥<p>42</html>', "utf-8")
    assert both(path, "under").read_text("utf-8") == (
        '<html lang=en><title>One / ONE</title><p>It is <b >old</b>.<br/><span lang="fr">IT IS'
        ' <b id="x">OLD</b>.</span><p>旧桥<p>42</html>'
    )
    made = both(path, "beside", "ar").read_text("utf-8")
    assert '<span>It is <b >old</b>.</span><span lang="ar" dir="rtl">IT IS <b id="x">OLD</b>.</span>' in made


@pytest.mark.slow  # a process reads the book first
@pytest.mark.parametrize("way", ["under", "beside"])
def test_a_book_stays_well_formed(tmp_path: Path, way: str) -> None:
    page = members(both(book(tmp_path / "a.epub"), way))["OPS/text/one.xhtml"]
    text = "".join(etree.fromstring(page).itertext())
    assert "It is very old; see here." in text
    assert "IT IS VERY OLD; SEE HERE." in text


def test_other_kinds_say_so(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": "Words"}')
    with pytest.raises(KnownError, match="translate-bilingual-kind"):
        open_blocks(tmp_path / "a.json", bilingual="under")
