"""The glossary: whole words, capitals, Chinese, CSV in and out."""

from __future__ import annotations

import pytest

from autogpt_desktop.documents.text.glossary import Glossary, Term, holds, is_inflected, plurals
from autogpt_desktop.errors import KnownError


def sources(glossary: Glossary, text: str) -> list[str]:
    return [term.source for term in glossary.found(text)]


def test_terms_are_whole_words_and_the_longest_counts() -> None:
    glossary = Glossary([Term("cell", "cellule"), Term("fuel cell", "pile à combustible"), Term("AI", "IA")])
    assert sources(glossary, "A fuel\ncell and a Cell.") == ["fuel cell", "cell"]
    assert sources(glossary, "A fuel cell said nothing about cellars.") == ["fuel cell"]


def test_capitals_count_where_asked() -> None:
    glossary = Glossary([Term("Word", "Word", case=True), Term("word", "mot")])
    assert [term.target for term in glossary.found("Word has a word for it.")] == ["Word", "mot"]
    assert [term.target for term in glossary.found("one word")] == ["mot"]


def test_chinese_terms_need_no_spaces_and_latin_ones_may_stand_beside_them() -> None:
    glossary = Glossary([Term("人工智能", "artificial intelligence"), Term("GPU", "graphics card")])
    assert sources(glossary, "这家公司用GPU研究人工智能技术。") == ["GPU", "人工智能"]


def test_what_is_missing_in_a_translation() -> None:
    glossary = Glossary([Term("harbour", "havre"), Term("island", "îlot")])
    missing = glossary.missing("The harbour of the island.", "Le port de l'îlot.")
    assert [term.source for term in missing] == ["harbour"]
    assert glossary.missing("The town.", "La ville.") == []


def test_csv_in_and_out() -> None:
    text = "\ufeffsource;target;case\r\nharbour;havre;\r\nWord;Word;yes\r\n\r\n"
    glossary = Glossary.from_csv(text)
    assert set(glossary) == {Term("harbour", "havre"), Term("Word", "Word", True)}
    assert Glossary.from_csv(glossary.to_csv()) == glossary
    tricky = Glossary([Term('a "quoted", term', "x; y")])
    assert Glossary.from_csv(tricky.to_csv()) == tricky


@pytest.mark.parametrize(("text", "line"), [("harbour\n", 1), ("a,b\n,c\n", 2), ("a,b\nc,\n", 2)])
def test_a_broken_line_is_named(text: str, line: int) -> None:
    with pytest.raises(KnownError) as caught:
        Glossary.from_csv(text)
    assert (caught.value.key, caught.value.values) == ("glossary-broken", {"line": line})


@pytest.mark.parametrize(
    ("term", "text", "there"),
    [
        ("direção", "as direções", True), ("animal", "os animais", True), ("книга", "с книгой", True),
        ("leitor", "as leitoras", True), ("carta", "as cartas", True), ("carta", "o carro", False),
        ("carta", "a carteira", False), ("casa", "o caso", False), ("viatura", "uma via", False),
        ("acordo verde", "acordos verdes", True), ("acordo verde", "acordos azuis", False),
    ],
)  # fmt: skip
def test_a_term_may_be_inflected(term: str, text: str, there: bool) -> None:
    assert holds(text, term) == there


def test_a_term_of_the_text_may_be_plural() -> None:
    term = Term("house", "moradia")
    assert Glossary([term]).found("Two houses.") == [term]
    assert is_inflected("Two houses.", term)
    assert not is_inflected("One house.", term)
    assert plurals("moradia", "pt") == ("moradias",)
    assert (plurals("direção", "pt"), plurals("Buch", "de")) == (("direções",), ())
