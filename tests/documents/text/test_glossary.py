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


@pytest.mark.parametrize(
    ("language", "term", "text", "there"),
    [
        ("en", "bus", "Three buses.", True), ("pt", "reunião", "As reuniões.", True),
        ("pt", "empresa", "Ela empresta livros.", False),
        ("pt", "casa de banho", "Duas casas de banho.", True),
        ("pt", "hotel", "Os hotéis.", True), ("ru", "книга", "Он читал книгу.", True),
        ("ru", "книга", "Книжный магазин.", False), ("en", "city", "Two cities.", True),
    ],
)  # fmt: skip
def test_a_term_of_the_text_is_known_in_its_forms(language: str, term: str, text: str, there: bool) -> None:
    assert bool(Glossary([Term(term, "x")], language, "").found(text)) == there


@pytest.mark.parametrize(
    ("term", "text", "there"),
    [
        ("equipa", "a nossa equipe", False), ("equipa", "as equipas", True),
        ("funcionário", "a funcionária", True),
        ("viatura pesada", "as viaturas pesadas", True), ("viatura pesada", "as viaturas leves", False),
        ("pequeno-almoço", "dois pequenos-almoços", True), ("enviar", "os enviados", True),
        ("direção", "as direções", True), ("freguês", "os fregueses", True),
    ],
)  # fmt: skip
def test_where_forms_are_known_another_word_is_no_form(term: str, text: str, there: bool) -> None:
    assert holds(text, term, language="pt") == there


def test_several_words_are_plural_as_their_language_has_it() -> None:
    assert plurals("viatura pesada", "pt") == ("viaturas pesadas", "viaturas pesada")
    assert plurals("fim de semana", "pt") == ("fins de semana",)
    assert plurals("railway train", "en") == ("railway trains",)
    assert plurals("A4 sheet", "en") == ()
    assert (plurals("canción", "es"), plurals("mês", "pt")) == (("canciones",), ("meses",))


def test_no_form_is_missed_by_the_first_look() -> None:
    words = {
        "en": ("bus", "city", "box", "dog"), "it": ("amica", "vino"), "ca": ("casa",),
        "ru": ("книга", "день"),
        "pt": ("reunião", "mês", "hotel", "lençol", "jardim", "móvel", "barril", "flor", "casa"),
        "es": ("luz", "canción", "casa"), "fr": ("cheval", "jeu", "chat"), "gl": ("can", "casa"),
    }  # fmt: skip
    for language, terms in words.items():
        for term in terms:
            glossary = Glossary([Term(term, "x")], language, "")
            assert all(glossary.found(f"- {form} -") for form in (term, *plurals(term, language)))
