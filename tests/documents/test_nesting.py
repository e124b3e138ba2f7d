"""What is nested deeply is translated and read all the same, or it is said that it is nested too deeply."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from autogpt_desktop.documents.read.reader import Reader
from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.errors import KnownError
from tests.documents import files
from tests.documents.write.packages import translated, with_member

DEEP = 3_000
TEXT = "The cat sees a dog."


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


def stairs(mark: str, indent: str, blank: str = "") -> str:
    return "".join(f"{indent * level}{mark} {TEXT}\n{blank}" for level in range(60))


@pytest.mark.parametrize(
    "source",
    [
        "> " * DEEP + TEXT + "\n",
        ">" * DEEP + TEXT + "\n",
        "- " * DEEP + TEXT + "\n",
        "1. " * DEEP + TEXT + "\n",
        "> - " * DEEP + TEXT + "\n",
        "before\n\n" + "> " * DEEP + f"{TEXT}\n" + "> " * DEEP + f"{TEXT}\n\nbehind\n",
        "[^1]: " + "> " * DEEP + TEXT + "\n",
        "term\n: " + "- " * DEEP + TEXT + "\n",
        stairs("-", "  "),
        stairs("-", "  ", "\n"),
        stairs("1.", "   "),
        "".join(f"{'> ' * level}{TEXT}\n" for level in range(60)),
    ],
    ids=["quotes", "tight", "items", "numbers", "both", "two lines", "note", "definition", "stairs",
         "loose stairs", "numbered stairs", "stairs of quotes"],
)  # fmt: skip
def test_deep_markdown_is_translated_and_keeps_its_marks(tmp_path: Path, source: str) -> None:
    path = tmp_path / "a.md"
    path.write_text(source, encoding="utf-8")
    assert " ".join(open_blocks(path).texts).count("The cat sees a dog") == source.count(TEXT)
    made = translated(path).read_text(encoding="utf-8")
    assert made == source.upper()


def test_deep_json_is_translated(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    source = '{"a": [' * DEEP + json.dumps(TEXT) + "]}" * DEEP
    path.write_text(source, encoding="utf-8")
    assert open_blocks(path).texts == [TEXT]
    assert translated(path).read_text(encoding="utf-8") == source.replace(TEXT, TEXT.upper())


@pytest.mark.slow
def test_deep_html_is_translated_and_read(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.html"
    for tag in ("div", "b", "blockquote", "ul", "span"):
        path.write_text(f"<p>First</p>{f'<{tag}>' * DEEP}{TEXT}{f'</{tag}>' * DEEP}<p>Last</p>")
        assert open_blocks(path).texts == ["First", TEXT, "Last"]
        assert reader.read(path).text.split() == f"First {TEXT} Last".split()


@pytest.mark.parametrize(
    "source",
    [
        "a: " + "[" * DEEP + "x" + "]" * DEEP,
        "a: " + "{b: " * DEEP + "x" + "}" * DEEP,
        "\n".join(f"{' ' * level}a:" for level in range(300)) + " x",
    ],
)
def test_deep_yaml_says_so(tmp_path: Path, source: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(source, encoding="utf-8")
    assert said(path) == "document-nested"


@pytest.mark.slow
def test_deep_xml_is_read_or_says_so(tmp_path: Path, reader: Reader) -> None:
    path = tmp_path / "a.xlf"
    unit = f'<trans-unit id="1"><source>{TEXT}</source></trans-unit>'
    path.write_text(
        '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2"><file source-language="en"'
        f' target-language="fr" original="a" datatype="x"><body>{"<group>" * DEEP}{unit}{"</group>" * DEEP}'
        "</body></file></xliff>"
    )
    assert said(path) == "document-nested"
    deep = b"<w:sdt><w:sdtContent>" * DEEP + b"<w:p><w:r><w:t>x</w:t></w:r></w:p>"
    deep += b"</w:sdtContent></w:sdt>" * DEEP
    word = files.write_docx(tmp_path / "a.docx")
    with_member(word, "word/document.xml", lambda data: data.replace(b"<w:body>", b"<w:body>" + deep))
    assert said(word) == "document-nested"
    assert reader.read(word).text.split()[0] == "x"  # for a question its text is enough


def said(path: Path) -> str:
    with pytest.raises(KnownError) as error:
        open_blocks(path)
    return error.value.key
