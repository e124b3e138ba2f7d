"""XLIFF 1.2 and 2.0: targets are put in, tags stay, what a person translated stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.errors import KnownError
from tests.documents.write.packages import translated

OLD = """<?xml version="1.0" encoding="UTF-8"?>
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
 <file original="a" source-language="en" target-language="fr" datatype="plaintext">
  <header><note>not this</note></header><body>
  <trans-unit id="1"><source>It is <g id="1">very old</g><x id="2"/> &amp; <ph id="3">{1}</ph>.</source>
   <note>kept</note></trans-unit>
  <group><trans-unit id="2"><source>Two</source><target state="new">Two</target>
   <alt-trans><source>x</source><target>y</target></alt-trans></trans-unit>
  <trans-unit id="3"><source>Three</source><target>Trois</target></trans-unit>
  <trans-unit id="4" translate="no"><source>Four</source></trans-unit>
  <trans-unit id="5"><source>旧桥</source><target/></trans-unit></group>
 </body></file>
</xliff>
"""
NEW = """<?xml version="1.0" encoding="UTF-8"?>
<x:xliff version="2.0" srcLang="en" xmlns:x="urn:oasis:names:tc:xliff:document:2.0">
 <x:file id="f"><x:notes><x:note>not this</x:note></x:notes><x:unit id="1">
  <x:segment><x:source>It is <x:pc id="1">very old</x:pc>.</x:source></x:segment>
  <x:ignorable><x:source> words </x:source></x:ignorable>
  <x:segment state="final"><x:source>Two</x:source><x:target>Deux</x:target></x:segment>
 </x:unit></x:file>
</x:xliff>
"""


def file(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_the_first_version(tmp_path: Path) -> None:
    path = file(tmp_path / "a.xlf", OLD)
    blocks = open_blocks(path)
    assert blocks.texts == ["It is very old & {1}.", "Two", "旧桥"]
    assert blocks.phrases == ["very old"]
    made = translated(path).read_text(encoding="utf-8")
    assert made == OLD.replace(
        ".</source>\n",
        '.</source><target>IT IS <g id="1">VERY OLD</g><x id="2"/> &amp; <ph id="3">{1}</ph>.</target>\n',
    ).replace('"new">Two', '"needs-review-translation">TWO').replace("<target/>", "<target>旧桥</target>")
    again = translated(file(tmp_path / "b.xlf", made)).read_text(encoding="utf-8")
    assert again == made


def test_the_second_version(tmp_path: Path) -> None:
    made = translated(file(tmp_path / "a.xliff", NEW)).read_text(encoding="utf-8")
    assert made == NEW.replace(
        "</x:pc>.</x:source>",
        '</x:pc>.</x:source><x:target>IT IS <x:pc id="1">VERY OLD</x:pc>.</x:target>',
    ).replace("<x:xliff version", '<x:xliff trgLang="fr" version')


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>" + OLD.partition("\n")[2], "document-unsafe"),
        (OLD[:-9], "document-damaged"),
        ("<a>words</a>", "document-kind"),
        (OLD.replace("Two", "<g>" * 9999 + "</g>" * 9999), "document-nested"),
        ('<?xml version="1.0" encoding="idna"?>' + OLD.partition("\n")[2], "document-damaged"),
        (NEW.replace("It is", "1").replace("very old", "2"), "document-empty"),
    ],
)  # fmt: skip
def test_hostile_files(tmp_path: Path, text: str, error: str) -> None:
    with pytest.raises(KnownError, match=error):
        open_blocks(file(tmp_path / "a.xlf", text))


@pytest.mark.slow
def test_many_attributes(tmp_path: Path) -> None:
    names = " ".join(f'a{number}=""' for number in range(300_000))
    blocks = open_blocks(file(tmp_path / "a.xlf", OLD.replace("<source>Two", f"<source {names}>Two")))
    assert "Two" in blocks.texts
