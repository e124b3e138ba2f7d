"""The language of a text: when it is sure, and what is told without the model."""

from __future__ import annotations

import subprocess
import sys

import pytest

from autogpt_desktop.documents.text.languages import (
    LETTERS,
    SURE,
    Detected,
    base_code,
    detect,
    guess_without_model,
    is_supported,
    language_of,
)


def test_a_language_and_how_likely_it_is() -> None:
    text = "The weather is fine today and we go out."
    found = language_of(text)
    assert found.code == "en"
    assert found.probability == detect(text)[0][1] > SURE
    assert found.sure
    assert found.letters == 31
    assert found.share("en") == found.probability
    assert found.share("zh") == 0.0


@pytest.mark.parametrize("text", ["", "  ", "12:30 !", "😀"])
def test_where_nothing_is_written(text: str) -> None:
    assert language_of(text) == Detected("", 0.0, 0)
    assert language_of(text, among=("fr",), default="en") == Detected("en", 0.0, 0)
    assert not language_of(text).sure


def test_of_nearly_as_likely_ones_the_known_is_taken() -> None:
    ranked = detect("Sensation!")
    nearly = next(code for code, share in ranked[1:] if share >= 0.3 * ranked[0][1])
    assert language_of("Sensation!").code == ranked[0][0]
    assert language_of("Sensation!", among=(nearly,)).code == nearly
    plain = "Het is vandaag erg mooi weer."
    assert language_of(plain, among=("fr", "de", "zh")).code == "nl", "no other is nearly as likely"


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("Guten Tag", False),  # too few letters
        ("Guten Tag, liebe Leute", True),
        ("https://example.com/eine/lange/adresse/ja ja", False),  # an address has no letters
        ("今天天气", False),
        ("今天天气很好。", True),  # six characters say as much as 18 letters
        ("Taxi Hotel Radio Museum Sofa Kino", False),  # enough letters, many languages
    ],
)
def test_when_it_is_sure(text: str, sure: bool) -> None:
    assert language_of(text).sure is sure


def test_both_are_needed_to_be_sure() -> None:
    assert Detected("en", SURE, LETTERS).sure
    assert not Detected("en", SURE - 0.01, LETTERS).sure
    assert not Detected("en", SURE, LETTERS - 1).sure


# Without the model


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How does a binary search work?", "en"),
        ("二分查找是怎么工作的？", "zh"),
        ("用 Python 写一个二分查找", "zh"),
        ("これは日本語の文章です", "ja"),
        ("이진 검색은 어떻게 작동합니까?", "ko"),
        ("Как работает двоичный поиск?", "ru"),
        ("كيف يعمل البحث الثنائي؟", "ar"),
        ("Wie funktioniert die binäre Suche und warum ist das so?", "de"),
        ("Comment est-ce que la recherche fonctionne dans une liste ?", "fr"),
        ("¿Cómo funciona la búsqueda en una lista y por qué?", "es"),
        ("Come funziona la ricerca di un valore in una lista?", "it"),
        ("Como você não está fazendo uma busca em uma lista?", "pt"),
        ("Write a long story about a lighthouse keeper", "en"),
        ("Tell me a joke as a pirate", "en"),
        ("a b a c a", ""),
        ("12 + 30 = ?", ""),
        ("Kyoto", ""),
        ("```\nder die das und ist\n```", ""),
    ],
)
def test_languages_are_guessed(text: str, language: str) -> None:
    assert guess_without_model(text) == language


def test_what_a_model_was_made_for() -> None:
    assert not is_supported("zh", ("en",))
    assert is_supported("zh", ("en", "zh-Hans"))
    assert is_supported("fr", ())
    assert is_supported("", ("en",))


def test_the_model_stays_where_it_is() -> None:
    """It would hold up the thread that draws by most of a second."""
    code = (
        "import sys; from autogpt_desktop.documents.text.languages import guess_without_model\n"
        "assert guess_without_model('What is this and how do you do it?') == 'en'\n"
        "print([name for name in ('py3langid', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_language_of_a_tag() -> None:
    assert [base_code(tag) for tag in ("zh", "zh-Hans", "pt_BR", "EN-us")] == ["zh", "zh", "pt", "en"]
