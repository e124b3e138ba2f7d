"""EPUB that is translated: chapters, title, language and contents; pictures and styles byte by byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.errors import KnownError
from tests.documents.write.packages import archive_of, changed, members, translated

pytestmark = pytest.mark.slow  # a process reads each file first

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
OPF = (
    '<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="i">'
    '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="i">x-1</dc:identifier>'
    "<dc:title>Tea &amp; cake</dc:title><dc:creator>Ann Other</dc:creator><dc:language>en</dc:language>"
    '</metadata><manifest><item id="c1" href="text/one.xhtml" media-type="application/xhtml+xml"/>'
    '<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>'
    '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    '<item id="s" href="a.css" media-type="text/css"/></manifest>'
    '<spine toc="ncx"><itemref idref="c1"/></spine></package>'
)
PAGE = (
    '<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en"><head>'
    "<title>{title}</title></head><body>{body}</body></html>"
)
NCX = (
    '<!DOCTYPE ncx PUBLIC "-//NISO//DTD ncx 2005-1//EN" "http://www.daisy.org/z3986/2005/ncx-2005-1.dtd">\n'
    '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1" xml:lang="en">'
    "<docTitle><text>Tea &amp; cake</text></docTitle><navMap><navPoint><navLabel><text>The first</text>"
    '</navLabel><content src="text/one.xhtml"/></navPoint></navMap></ncx>'
)
BODY = (
    '<h1 id="a">The first</h1><p>It is <em>very old</em>; see <a href="#a">here</a>.<br/>中文。</p>'
    '<p><img src="../a.png" alt="A bridge"/></p><pre>code stays</pre>'
)
ENTRY = '<li><a href="text/one.xhtml">The first</a></li>'


def book(path: Path, **parts: str) -> Path:
    found = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": HEAD + '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"'
        ' version="1.0"><rootfiles><rootfile full-path="OPS/book.opf"'
        ' media-type="application/oebps-package+xml"/></rootfiles></container>',
        "OPS/book.opf": HEAD + OPF,
        "OPS/text/one.xhtml": HEAD + PAGE.format(title="One", body=BODY),
        "OPS/nav.xhtml": HEAD
        + PAGE.format(
            title="Contents", body='<nav><ol><li><a href="text/one.xhtml">The first</a></li></ol></nav>'
        ),
        "OPS/toc.ncx": HEAD + NCX,
        "OPS/a.css": "p { color: red }",
    }
    return archive_of(path, found | {f"OPS/{name.replace('__', '.')}": data for name, data in parts.items()})


def test_texts_stand_in_the_order_of_the_book(tmp_path: Path) -> None:
    blocks = open_blocks(book(tmp_path / "a.epub"))
    assert blocks.texts == [
        "Tea & cake", "One", "The first", "It is very old; see here.", "中文。", "A bridge", "Contents",
        "The first", "Tea & cake", "The first",
    ]  # fmt: skip
    assert blocks.phrases == ["very old", "here"]


def test_the_book_is_in_the_other_language(tmp_path: Path) -> None:
    path = book(tmp_path / "a.epub")
    out = translated(path, "fr")
    assert changed(path, out) == {"OPS/book.opf", "OPS/text/one.xhtml", "OPS/nav.xhtml", "OPS/toc.ncx"}
    assert next(iter(members(out))) == "mimetype"
    parts = {name: data.decode() for name, data in members(out).items()}
    assert parts["OPS/book.opf"] == HEAD + OPF.replace("Tea &amp; cake", "TEA &amp; CAKE").replace(
        ">en<", ">fr<"
    )
    assert parts["OPS/toc.ncx"] == HEAD + NCX.replace("Tea &amp; cake", "TEA &amp; CAKE").replace(
        "The first", "THE FIRST"
    ).replace('lang="en"', 'lang="fr"')
    body = (
        '<h1 id="a">THE FIRST</h1><p>IT IS <em>VERY OLD</em>; SEE <a href="#a">HERE</a>.<br/>中文。</p>'
        '<p><img src="../a.png" alt="A BRIDGE"/></p><pre>code stays</pre>'
    )
    page = PAGE.format(title="ONE", body=body).replace('lang="en"', 'lang="fr"')
    assert parts["OPS/text/one.xhtml"] == HEAD + page
    assert '<a href="text/one.xhtml">THE FIRST</a>' in parts["OPS/nav.xhtml"]


def test_texts_that_stay_leave_every_byte(tmp_path: Path) -> None:
    path = book(tmp_path / "a.epub")
    assert not changed(path, translated(path, "", lambda text: text))


def test_a_book_that_turns_from_right_to_left(tmp_path: Path) -> None:
    out = translated(book(tmp_path / "a.epub"), "ar")
    assert '<spine page-progression-direction="rtl" toc="ncx">' in members(out)["OPS/book.opf"].decode()
    back = translated(out, "en")
    assert '<spine page-progression-direction="ltr"' in members(back)["OPS/book.opf"].decode()


def test_hostile_books(tmp_path: Path) -> None:
    entity = "<!DOCTYPE ncx [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
    ncx = HEAD + entity + NCX.partition("\n")[2].replace("The first", "&b;")
    with pytest.raises(KnownError, match="document-unsafe"):
        open_blocks(book(tmp_path / "a.epub", toc__ncx=ncx))
    with pytest.raises(KnownError, match="document-damaged"):
        open_blocks(book(tmp_path / "a.epub", toc__ncx=HEAD + "<ncx>"))
    with pytest.raises(KnownError, match=r"document-(damaged|empty)"):
        open_blocks(book(tmp_path / "a.epub", book__opf=HEAD + "<package/>"))
    deep = HEAD + PAGE.format(title="One", body="<b>" * 20_000 + "word" + "</b>" * 20_000)
    blocks = open_blocks(book(tmp_path / "b.epub", **{"text/one__xhtml": deep}))
    assert "word" in blocks.texts
