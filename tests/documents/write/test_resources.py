"""Resources of programs: values become others; keys, comments, order and placeholders stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.documents.write.resources.message import Message
from autogpt_desktop.errors import KnownError
from tests.documents.write.packages import translated


def file(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def swapped(text: str) -> str:
    """Words in capitals; placeholders as they are, as a translator that knows them leaves them."""
    words = [word if set("%{}$`#") & set(word) else word.upper() for word in text.split(" ")]
    return " ".join(words)


def said(path: Path, text: str, language: str = "fr", encoding: str = "utf-8") -> str:
    return translated(file(path, text, encoding), language, swapped).read_bytes().decode(encoding)


JSON = """\ufeff{
  // kept
  "title": "Open the file",  "n": 3, "ok": true,
  "nested": {"hello": "Hello {name}, %s of %1$d \\u4e2d \\"you\\"", "list": [
"One", "https://a.org/x", "btn_main"]},
  "plural": "You have {count, plural, =0 {no files} one {# file} other {# files}} in {place}.",
  "html": "It is <b>very old</b>.<br/>See <a href='x'>here</a>", "Empty key": "", "中文": "旧桥"
}
"""


def test_json_keeps_all_but_the_values(tmp_path: Path) -> None:
    blocks = open_blocks(file(tmp_path / "a.json", JSON))
    assert blocks.texts == [
        "Open the file", 'Hello {name}, %s of %1$d 中 "you"', "One", "You have ", "no files", "# file",
        "# files", " in {place}.", "It is very old.", "See here", "旧桥",
    ]  # fmt: skip
    assert blocks.phrases == ["very old", "here"]
    made = said(tmp_path / "a.json", JSON)
    expected = JSON
    for old, new in (
        ("Open the file", "OPEN THE FILE"),
        ('Hello {name}, %s of %1$d \\u4e2d \\"you\\"', 'HELLO {name}, %s OF %1$d 中 \\"YOU\\"'),
        ('"One"', '"ONE"'),
        ("You have {", "YOU HAVE {"),
        ("no files", "NO FILES"),
        ("# file}", "# FILE}"),
        ("# files}", "# FILES}"),
        ("}} in {", "}} IN {"),
        ("It is <b>very old</b>", "IT IS <b>VERY OLD</b>"),
        ("See <a href='x'>here", "SEE <a href='x'>HERE"),
    ):
        assert old in expected
        expected = expected.replace(old, new)
    assert made == expected


def test_arb_metadata_stays(tmp_path: Path) -> None:
    source = '{"@@locale": "en", "a": "Words", "@a": {"description": "What it is"}}'
    assert said(tmp_path / "a.arb", source) == source.replace("Words", "WORDS")


YAML = """# Kept: "as it is"
en:
  title: Open the file   # and this
  quoted: 'It''s %{name} here'
  double: "Two\\nlines"
  number: 3
  date: 2024-05-01
  yes_no: yes
  list: [One, 'Two', &x Three, *x]
  literal: |
    First line
    second line

  folded: >-
    One long
    line here
  "中文": 旧桥
"""


def test_yaml_keeps_all_but_the_values(tmp_path: Path) -> None:
    made = said(tmp_path / "a.yaml", YAML)
    before, after = yaml.safe_load(YAML), yaml.safe_load(made)
    assert [*before["en"]] == [*after["en"]]
    assert after["en"]["title"] == "OPEN THE FILE"
    assert after["en"]["quoted"] == "IT'S %{name} HERE"
    assert after["en"]["double"] == "TWO\nLINES"
    assert after["en"]["list"] == ["ONE", "TWO", "THREE", "THREE"]
    assert after["en"]["literal"] == "FIRST LINE\nSECOND LINE\n"
    assert after["en"]["folded"] == "ONE LONG LINE HERE"
    assert made.startswith("# Kept: \"as it is\"\nen:\n  title: OPEN THE FILE   # and this\n  quoted: 'IT''S")
    assert "  number: 3\n  date: 2024-05-01\n  yes_no: yes\n" in made


@pytest.mark.parametrize(
    "text", ["a: b", "- x", "yes", "12", "# no", "'", "x #y", "[", "null", "{a}", "a, b]"]
)
def test_yaml_is_quoted_where_it_must_be(tmp_path: Path, text: str) -> None:
    blocks = open_blocks(file(tmp_path / "a.yml", "a: Words\nb: [Words]\n"))
    blocks.write([TranslatedText(text)] * 2, tmp_path / "b.yml")
    assert yaml.safe_load((tmp_path / "b.yml").read_text()) == {"a": text, "b": [text]}


PROPERTIES = (
    "# kept = as it is\n! and this\ntitle = Open the file\nwith.args: Don''t open {0}\\n\nlong=One \\\n"
    "    two\\u0020three\nempty=\nurl=https://a.org\nkey\\ with\\ blanks Some words\n"
)


def test_properties(tmp_path: Path) -> None:
    made = said(tmp_path / "a.properties", PROPERTIES)
    assert made == (
        "# kept = as it is\n! and this\ntitle = OPEN THE FILE\nwith.args: DON''T OPEN {0}\\n\n"
        "long=ONE TWO THREE\nempty=\nurl=https://a.org\nkey\\ with\\ blanks SOME WORDS\n"
    )
    blocks = open_blocks(file(tmp_path / "b.properties", "a=Bridge\nb=The {0}\n"))
    blocks.write([TranslatedText("旧桥"), TranslatedText("l'{0} é")], tmp_path / "c.properties")
    assert (tmp_path / "c.properties").read_text() == "a=\\u65E7\\u6865\nb=l''{0} \\u00E9\n"


def test_strings_of_apple(tmp_path: Path) -> None:
    source = '/* kept "as" is */\n"a key" = "Open %@ now";\n// this\nb = "Say \\"hi\\"";\n'
    made = said(tmp_path / "a.strings", source, encoding="utf-16")
    assert made == source.replace("Open %@ now", "OPEN %@ NOW").replace('Say \\"hi', 'SAY \\"HI')


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("100% of it", ["100% of it"]),
        ("%d files", ["%d files"]),
        ("Loading...", ["Loading..."]),
        ("and/or", ["and/or"]),
        ("Yes", ["Yes"]),
        ("%s", []), ("{0}: {1}", []), ("snake_case", []), ("index.html", []), ("camelCase", []), ("#fff", []),
        ("a@b.org", []), ("C:\\dir", []),
        ("{g, select, male {He} female {She} other {They {n, plural, other {# x}}}} left", ["He", "She",
         "They ", "# x", " left"]),
        ("{broken, plural, one {x", ["x"]),
        ("{ a b } closed {", ["{ a b } closed {"]),
    ],
)  # fmt: skip
def test_what_is_words(text: str, parts: list[str]) -> None:
    message = Message(text)
    assert [one.text for one in message.segments] == parts
    assert message.written({id(one): TranslatedText(one.text) for one in message.segments}, {}) == text
    made = {id(one): TranslatedText(swapped(one.text)) for one in message.segments}
    assert message.written(made, {}).count("{") == text.count("{")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.json", '{"a": "b"'),
        ("a.json", "[" * 100_000),
        ("a.json", '{"a": "b\nc"}'),
        ("a.json", "words"),
        ("a.yaml", "a: [b"),
        ("a.yaml", "[" * 5000),
        ("a.strings", '"a" = "b'),
        ("a.po", 'msgid "a'),
        ("a.po", "words"),
    ],
)
def test_what_is_none_is_said_with_its_line(tmp_path: Path, name: str, source: str) -> None:
    with pytest.raises(KnownError) as error:
        open_blocks(file(tmp_path / name, source))
    assert error.value.key in ("translate-resource", "document-empty")


def test_a_million_aliases_are_one_text(tmp_path: Path) -> None:
    lines = ["a: &a [Words]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    assert open_blocks(file(tmp_path / "a.yaml", "\n".join(lines))).texts == ["Words"]


PO = """# Translators
msgid ""
msgstr ""
"Language: \\n"
"Content-Type: text/plain; charset=CHARSET\\n"

#: a.c:1
#, c-format
msgid "Open %s of \\"it\\""
msgstr ""

#, fuzzy, c-format
#| msgid "Old"
msgid ""
"Two\\n"
"lines"
msgstr "Deux"

msgctxt "menu"
msgid "%d file"
msgid_plural "%d files"
msgstr[0] ""
msgstr[1] ""

msgid "Done"
msgstr "Fini"

#~ msgid "gone"
#~ msgstr "parti"
"""


def test_po(tmp_path: Path) -> None:
    made = said(tmp_path / "a.pot", PO)
    assert (tmp_path / "a.fr.po").exists()
    assert made == PO.replace("Language: ", "Language: fr").replace("CHARSET", "UTF-8").replace(
        'UTF-8\\n"\n', 'UTF-8\\n"\n"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n'
    ).replace('of \\"it\\""\nmsgstr ""', 'of \\"it\\""\nmsgstr "OPEN %s OF \\"IT\\""').replace(
        '#, fuzzy, c-format\n#| msgid "Old"\n', "#, c-format\n"
    ).replace('msgstr "Deux"', 'msgstr ""\n"TWO\\n"\n"LINES"').replace(
        'msgstr[0] ""\nmsgstr[1] ""', 'msgstr[0] "%d FILE"\nmsgstr[1] "%d FILES"'
    )


@pytest.mark.parametrize(
    ("language", "forms"),
    [("zh", ["S"]), ("ru", ["F", "S", "S"]), ("ar", ["S", "F", "S", "S", "S", "S"]), ("de", ["F", "S"])],
)
def test_plural_forms(tmp_path: Path, language: str, forms: list[str]) -> None:
    made = said(tmp_path / "a.po", PO, language)
    assert f"nplurals={len(forms)};" in made
    wanted = "".join(f'msgstr[{number}] "%d FILE{form.strip("F")}"\n' for number, form in enumerate(forms))
    assert wanted in made


def test_a_catalog_in_another_language_is_made_anew(tmp_path: Path) -> None:
    french = PO.replace("Language: ", "Language: fr")
    assert 'msgid "Done"\nmsgstr "Fini"' in said(tmp_path / "a.po", french)
    assert 'msgid "Done"\nmsgstr "DONE"' in said(tmp_path / "a.po", french, "de")


def test_windows_lines_stay(tmp_path: Path) -> None:
    made = said(tmp_path / "a.po", PO.replace("\n", "\r\n"))
    assert "\n" not in made.replace("\r\n", "")


def test_json_with_numbers_for_letters_keeps_them(tmp_path: Path) -> None:
    made = said(tmp_path / "a.json", '{"a": "\\u65e7 bridge"}', "fr")
    assert made == '{"a": "\\u65e7 BRIDGE"}'
    assert json.loads(made)
