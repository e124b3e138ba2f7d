"""Every format's text, and every kind of bad file: a plain sentence, and memory that stays bounded."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autogpt_desktop import i18n
from autogpt_desktop.documents.files import file_hash
from autogpt_desktop.documents.read.reader import PageImage, Reader, reading
from autogpt_desktop.documents.scan import walk
from autogpt_desktop.documents.text.encoding import find_encoding
from autogpt_desktop.documents.types import Document, Limits, Page
from autogpt_desktop.errors import KnownError
from tests.documents import files

pytestmark = pytest.mark.slow  # together they take seconds

posix = pytest.mark.skipif(os.name != "posix", reason="this system has no such thing")


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


def refusal(reader: Reader, path: Path, limits: Limits | None = None) -> str:
    """The key of the error, which must have a sentence with all its places filled."""
    with pytest.raises(KnownError) as caught:
        reader.read(path, limits)
    for language in i18n.LANGUAGES:
        i18n.set_language(language)
        sentence = i18n.message(caught.value)
        assert path.name in sentence
        assert "{" not in sentence
    i18n.set_language("en")
    return caught.value.key


def pages(document: Document) -> dict[str, str]:
    edges = [page.start for page in document.pages] + [len(document.text)]
    return {
        page.label: document.text[edges[at] : edges[at + 1]].strip() for at, page in enumerate(document.pages)
    }


def test_plain_text_keeps_its_characters_and_places(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.md"
    path.write_bytes("# A Title\r\n\r\nSome text, שלום, 中文 and 😀.\r\nEnd".encode())
    document = reader.read(path)
    assert document.text == "# A Title\n\nSome text, שלום, 中文 and 😀.\nEnd"
    assert (document.title, document.pages, document.sha256) == ("A Title", (), file_hash(path, Limits()))
    code = tmp_path / "a.py"
    code.write_text("def f():\n\treturn '<b>'\n")
    assert reader.read(code).text == code.read_text()


def test_docx(tmp_path: Path, reader: Reader) -> None:
    document = reader.read(files.write_docx(tmp_path / "a.docx"))
    assert document.title == "A Report"
    assert pages(document) == {
        "1": "Heading\n\nEnglish and 中文 in one paragraph.\n\nname | value\nBerlin | 3",
        "2": "مرحبا بالعالم",
    }


def test_pptx(tmp_path: Path, reader: Reader) -> None:
    document = reader.read(files.write_pptx(tmp_path / "a.pptx"))
    assert pages(document) == {
        "Slide 1": "First slide\n\nOne point\n\n第二点\n\nSay hello",
        "Slide 2": "Second slide",
    }


def test_xlsx(tmp_path: Path, reader: Reader) -> None:
    document = reader.read(files.write_xlsx(tmp_path / "a.xlsx"))
    found = pages(document)
    assert list(found) == ["People", "第二"]
    assert found["第二"] == "only this"
    assert found["People"].split("\n\n")[:2] == ["Name: Ann; Age: 3", "Name: 李雷; Age: 4.5"]


def test_csv_in_gb18030_with_semicolons(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("城市;人口\n北京;2189\n上海;2487\n".encode("gb18030"))
    assert reader.read(path).text == "城市: 北京; 人口: 2189\n\n城市: 上海; 人口: 2487\n\n"


def test_epub(tmp_path: Path, reader: Reader) -> None:
    chapters = ["<h1>Début</h1><p>Il était une fois.</p>", "<img src='x'/>", "<p>第二章的内容。</p>"]
    document = reader.read(files.write_epub(tmp_path / "a.epub", chapters))
    assert document.title == "A Book"
    assert pages(document) == {"Début": "Début\n\nIl était une fois.", "2": "第二章的内容。"}


def test_html_shows_no_scripts(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.html"
    path.write_text(
        "<!doctype html><title>The &amp; title</title><style>b{}</style><script>evil('<p>x</p>')</script>"
        "<h1>Head</h1><p onclick='evil()'>One <b>two</b>\n three<script>evil()</script> four<br>five"
        "<div hidden>evil</div><div style='display: none'>evil</div><noscript>evil</noscript><svg>evil</svg>"
        "<ul><li>x<li>y</ul><!-- evil --><iframe srcdoc='evil'>evil</iframe><textarea>evil</textarea>"
        "<table><tr><th>a<th>b<tr><td>1<td>2</table><pre>p\n  q</pre><template>evil</template>end"
    )
    document = reader.read(path)
    assert document.title == "The & title"
    assert document.text == ("Head\n\nOne two three four\nfive\n\n- x\n- y\n\na: 1; b: 2\n\np\n  q\n\nend\n")


def test_html_in_the_encoding_it_names(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.htm"
    path.write_bytes("<html><meta charset=gb2312><p>天气很好</p>".encode("gb18030"))
    assert reader.read(path).text == "天气很好\n"


def test_deep_html_does_no_harm(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.html"
    path.write_text("<div>" * 200_000 + "deep" + "</div>" * 10)
    try:
        assert reader.read(path).text
    except KnownError as error:
        assert error.key in {"document-empty", "document-damaged", "document-memory"}


def test_pdf(tmp_path: Path, reader: Reader) -> None:
    path = files.write_pdf(
        tmp_path / "a.pdf", ["Page one (with é).\nSecond line.", "", "Page three."], title="T"
    )
    document = reader.read(path)
    assert document.title == "T"
    assert document.pages == (Page(0, "1"), Page(document.text.index("Page three"), "3"))
    assert pages(document)["1"] == "Page one (with é).\nSecond line."
    assert document.language == "en"
    assert not document.notices


def test_scanned_pdf(tmp_path: Path, reader: Reader) -> None:
    assert refusal(reader, files.write_pdf(tmp_path / "a.pdf", ["", ""], image=True)) == "document-scanned"
    assert refusal(reader, files.write_pdf(tmp_path / "b.pdf", [""])) == "document-empty"
    half = reader.read(files.write_pdf(tmp_path / "c.pdf", ["Text", "", ""], image=True))
    assert [(notice.key, notice.values["n"]) for notice in half.notices] == [
        ("notice.document-pages-scanned", 2)
    ]


def test_locked_files(tmp_path: Path, reader: Reader) -> None:
    locked = files.lock_pdf(files.write_pdf(tmp_path / "a.pdf", ["Secret"]))
    assert refusal(reader, locked) == "document-encrypted"
    office = tmp_path / "a.docx"
    office.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(900))
    assert refusal(reader, office) == "document-encrypted"
    extra = {"META-INF/encryption.xml": '<encryption><EncryptionMethod Algorithm="aes"/></encryption>'}
    assert refusal(reader, files.write_epub(tmp_path / "a.epub", ["<p>x</p>"], extra)) == "document-encrypted"
    old = tmp_path / "a.doc"
    old.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    assert refusal(reader, old) == "document-old-office"


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.pptx", "a.xlsx", "a.epub"])
def test_damaged_files(tmp_path: Path, reader: Reader, name: str) -> None:
    makers = {
        "a.pdf": lambda path: files.write_pdf(path, ["Text"]),
        "a.docx": files.write_docx,
        "a.pptx": files.write_pptx,
        "a.xlsx": files.write_xlsx,
        "a.epub": lambda path: files.write_epub(path, ["<p>x</p>"]),
    }
    path = tmp_path / name
    makers[name](path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    if name != "a.pdf":  # PDFium mends a PDF whose end is missing
        assert refusal(reader, path) == "document-damaged"
    chance = random.Random(5)
    for _ in range(12):
        broken = bytearray(whole)
        for _ in range(20):
            broken[chance.randrange(8, len(broken))] = chance.randrange(256)
        path.write_bytes(broken)
        try:
            reader.read(path)
        except KnownError as error:
            assert error.key.startswith("document-")


def test_an_archive_bomb_is_not_unpacked(tmp_path: Path, reader: Reader) -> None:
    path = files.with_member(files.write_docx(tmp_path / "a.docx"), "word/document.xml", b" " * (64 << 20))
    assert path.stat().st_size < 1 << 20
    assert refusal(reader, path) == "document-bomb"
    assert (
        refusal(reader, files.write_docx(tmp_path / "b.docx"), Limits(unpacked_bytes=1000)) == "document-bomb"
    )
    with zipfile.ZipFile(tmp_path / "c.xlsx", "w") as archive:
        for number in range(20_001):
            archive.writestr(str(number), b"")
    assert refusal(reader, tmp_path / "c.xlsx") == "document-bomb"


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%s">' % (97 + n, b"&%c;" % (96 + n) * 20) for n in range(1, 10))
    + b"]><x><t>&j;</t></x>"
)
OUTSIDE = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><document><p><t>&a;</t></p></document>'


@pytest.mark.parametrize("xml", [BOMB, OUTSIDE], ids=["bomb", "outside"])
def test_xml_entities_are_refused(tmp_path: Path, reader: Reader, xml: bytes) -> None:
    word = files.with_member(files.write_docx(tmp_path / "a.docx"), "word/document.xml", xml)
    assert refusal(reader, word) == "document-unsafe"
    sheet = files.with_member(files.write_xlsx(tmp_path / "a.xlsx"), "xl/sharedStrings.xml", xml)
    assert refusal(reader, sheet) == "document-unsafe"
    book = files.write_epub(tmp_path / "a.epub", ["<p>x</p>"])
    assert refusal(reader, files.with_member(book, "OEBPS/a.opf", xml)) == "document-unsafe"


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "今天天气很好，我们去公园玩。"), ("big5hkscs", "今天天氣很好，我們去公園玩。"),
        ("cp932", "今日は天気がいいので、公園へ行きます。"),
        ("euc_jp", "今日は天気がいいので、公園へ行きます。"),
        ("cp949", "안녕하세요. 저는 학생입니다."),
        ("utf-16", "今天天气很好。"), ("utf-16-le", "Hello, world"),
        ("utf-16-be", "今天天气很好，我们去公园玩。"), ("cp1251", "Привет, это текст."), ("utf-32", "Hi 中"),
        ("koi8_r", "Привет, это текст на русском языке."), ("cp1252", "Un café à l’été, señor – Größe"),
        ("cp1250", "Příliš žluťoučký kůň, żółć"), ("cp1253", "Γειά σου κόσμε"), ("utf-8-sig", "Mit Marke é"),
    ],
)  # fmt: skip
def test_encodings_are_recognised(tmp_path: Path, reader: Reader, encoding: str, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    assert reader.read(path).text == text


def test_a_few_wrong_bytes_do_not_spoil_a_text(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("今天天气很好，我们去公园玩。".encode() * 20 + b"\xff\xfe\xff. End")
    document = reader.read(path)
    assert document.text.startswith("今天天气很好")
    assert document.text.endswith(". End")
    assert [notice.key for notice in document.notices] == ["notice.document-characters-lost"]


def test_what_is_no_text_is_refused(tmp_path: Path, reader: Reader) -> None:
    for name, data in {
        "a.txt": random.Random(1).randbytes(5000),
        "a.png": b"\x89PNG\r\n\x1a\n" + bytes(100),
        "a.7z": b"7z\xbc\xaf\x27\x1c",
        "a.bin": bytes(range(256)) * 20,
    }.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert refusal(reader, path) == "document-kind", name
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x", "y")
    assert refusal(reader, tmp_path / "a.zip") == "document-kind"
    assert find_encoding(b"plain") == "utf-8"


@pytest.mark.parametrize("data", [b"", b"  \n\t ", b"\0\0\0\0"])
@pytest.mark.parametrize("ending", [".txt", ".csv", ".html", ".pdf", ".docx"])
def test_empty_files(tmp_path: Path, reader: Reader, data: bytes, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(data)
    assert refusal(reader, path) == "document-empty"


def test_a_million_columns(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b",".join(b"1" for _ in range(1_000_000)) + b"\n")
    assert refusal(reader, path) == "document-too-many-columns"


def test_large_files(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.txt"
    with open(path, "wb") as file:
        file.truncate(500 << 20)
    assert refusal(reader, path) == "document-too-large"
    path.write_text("word " * 10_000)
    document = reader.read(path, Limits(characters=1000))
    assert len(document.text) == 1000
    assert document.notices[0].key == "notice.document-cut"


def test_memory_of_this_process_stays_bounded(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.csv"
    with open(path, "wb") as file:
        for _ in range(200):
            file.write(b"some,words,here\n" * 20_000)  # 64 MB
    (tmp_path / "b.txt").write_text("The libraries that tell a language are loaded once.")
    reader.read(tmp_path / "b.txt")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader.read(path, Limits(characters=100_000))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # KB


@posix
def test_a_file_that_takes_too_much_memory(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"word " * 20_000_000)
    assert refusal(reader, path, Limits(memory=250 << 20)) in {"document-memory", "document-damaged"}
    path.write_text("small")
    assert reader.read(path).text == "small"  # the next file is read all the same


def test_a_file_that_takes_too_long(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.html"
    path.write_text("<p>word</p>" * 2_000_000)
    assert refusal(reader, path, Limits(seconds=0.2)) == "document-slow"
    path.write_text("<p>fine</p>")
    assert reader.read(path).text == "fine\n"


def test_a_child_that_was_ended_is_replaced(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one")
    assert reader.read(path).text == "one"
    assert reader._child is not None
    reader._child.kill()
    assert reader.read(path).text == "one"


@posix
def test_what_is_no_file(tmp_path: Path, reader: Reader) -> None:
    assert refusal(reader, tmp_path / "gone.txt") == "document-missing"
    assert refusal(reader, tmp_path) == "document-not-a-file"
    os.mkfifo(tmp_path / "pipe.txt")
    assert refusal(reader, tmp_path / "pipe.txt") == "document-not-a-file"
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    assert refusal(reader, tmp_path / "loop.txt") == "document-link-loop"
    if os.geteuid():
        (tmp_path / "locked.txt").touch(0o000)
        assert refusal(reader, tmp_path / "locked.txt") == "document-unreadable"


def test_a_file_that_vanishes_while_it_is_read(tmp_path: Path, reader: Reader) -> None:
    """Whatever the moment, there is a text or a sentence."""
    path = tmp_path / "a.txt"
    stop = threading.Event()

    def flicker() -> None:
        while not stop.is_set():
            path.write_text("here it is")
            path.unlink()

    thread = threading.Thread(target=flicker)
    thread.start()
    try:
        for _ in range(60):
            try:
                assert reader.read(path).text == "here it is"
            except KnownError as error:
                assert error.key in {"document-missing", "document-empty"}
    finally:
        stop.set()
        thread.join()


@posix
def test_folders_are_walked_once_whatever_links_say(tmp_path: Path) -> None:
    inner = tmp_path / "b" / "inner"
    inner.mkdir(parents=True)
    for path in (tmp_path / "a.txt", inner / "c.md", tmp_path / "skip.exe", tmp_path / ".hidden.txt"):
        path.write_text("x")
    (inner / "up").symlink_to(tmp_path)
    (tmp_path / "again.txt").symlink_to(tmp_path / "a.txt")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    named = tmp_path / "skip.exe"
    assert list(walk([tmp_path, named, named])) == [tmp_path / "a.txt", inner / "c.md", named]


def test_it_reads_where_nothing_is_installed(tmp_path: Path) -> None:
    """Another working folder, and the package found through the environment alone."""
    files.write_docx(tmp_path / "a.docx")
    (tmp_path / "json.py").write_text("raise SystemExit('imported from the working folder')")
    code = (
        "import sys; sys.path.remove('') if '' in sys.path else None\n"
        "from pathlib import Path; from autogpt_desktop.documents.read.reader import read\n"
        "print(read(Path('a.docx')).title)"
    )
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "A Report", done.stderr
    shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)


def test_a_long_file_lets_others_go_first_and_is_given_up_at_once(tmp_path: Path, reader: Reader) -> None:
    long = tmp_path / "long.html"
    long.write_text("<html>" + "<p>Some <b>words</b> here.</p>" * 150_000)
    short = tmp_path / "short.txt"
    short.write_text("Short.")
    steps = reader.reading(long, "meanwhile")
    assert next(steps) == "meanwhile"
    assert reader.busy
    began = time.perf_counter()
    steps.close()  # its child with it
    assert reader.read(short).text.strip() == "Short."
    assert time.perf_counter() - began < 10
    assert not reader.busy
    quick = reader.reading(short, None)
    while True:
        try:
            next(quick)
        except StopIteration as end:
            assert end.value.text.strip() == "Short."
            break
    with pytest.raises(KnownError) as caught:
        list(reader.reading(tmp_path / "none.txt", None))
    assert caught.value.key == "document-missing"


def test_what_a_person_waits_for_is_not_behind_an_index(tmp_path: Path) -> None:
    long = tmp_path / "long.html"
    long.write_text("<html>" + "<p>Some <b>words</b> here.</p>" * 150_000)
    short = tmp_path / "short.txt"
    short.write_text("Short.")
    steps = reading(long, None)
    next(steps)
    urgent = reading(short, None, urgent=True)
    try:
        while True:
            next(urgent)
    except StopIteration as end:
        assert end.value.text.strip() == "Short."
    assert next(steps, "over") is None, "the long one was waited for"
    steps.close()


def drawn(reader: Reader, path: Path, number: int, passage: str = "") -> PageImage:
    steps = reader.drawing(path, number, 600, passage, None)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_a_page_is_drawn_and_a_passage_found_on_it(tmp_path: Path, reader: Reader) -> None:
    path = files.write_pdf(tmp_path / "a.pdf", ["Line one of it.\nThe waggle dance (found) in 1944.", "Two."])
    image = drawn(reader, path, 1, "waggle  dance (found)\nin 1944.")
    assert (image.width, len(image.pixels)) == (600, image.stride * image.height)
    ((left, top, right, bottom),) = image.rects
    assert 60 < left < right < 400
    assert 30 < top < bottom < 80
    assert len(drawn(reader, path, 1, "one of it. The waggle").rects) == 2
    assert not drawn(reader, path, 2, "waggle").rects
    for bad in (path, tmp_path / "not.pdf"):
        (tmp_path / "not.pdf").write_text("no PDF")
        with pytest.raises(KnownError) as caught:
            drawn(reader, bad, 3)
        assert caught.value.key == "document-damaged"
