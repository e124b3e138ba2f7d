"""What the Translate panel keeps: the history of translations, and the glossaries."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.documents.text.glossary import Glossary, Term
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage import translations
from autogpt_desktop.storage.glossaries import Glossaries, read_terms, write_terms
from autogpt_desktop.storage.translations import LONGEST, TranslateHistory


@pytest.fixture
def history(tmp_path: Path) -> TranslateHistory:
    return TranslateHistory(tmp_path / "folder" / "translations.db")


def test_the_last_comes_first_and_words_are_found_in_both_texts(history: TranslateHistory) -> None:
    first = history.keep("en", "fr", "The train leaves.", "Le train part.")
    second = history.keep("en", "zh", "We ate.", "我们吃了。")
    assert [one.id for one in history.entries()] == [second, first]
    assert [one.id for one in history.entries("TRAIN part")] == [first]
    assert [one.id for one in history.entries("吃了")] == [second]
    assert history.entries("train 吃了") == []
    history.close()


def test_what_is_worked_on_replaces_itself(history: TranslateHistory) -> None:
    entry = history.keep("en", "fr", "The", "Le")
    assert history.keep("en", "fr", "The train", "Le train", "[]", entry) == entry
    assert [one.text for one in history.entries()] == ["The train"]
    again = history.keep("en", "fr", "The train", "Le train !")  # the same text another day
    assert [(one.id, one.translation) for one in history.entries()] == [(again, "Le train !")]
    history.close()


def test_only_the_last_are_kept_and_no_giants(
    history: TranslateHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translations, "MOST", 3)
    for number in range(5):
        history.keep("en", "fr", f"{number}", f"{number}")
    assert [one.text for one in history.entries()] == ["4", "3", "2"]
    assert history.keep("en", "fr", "x" * (LONGEST + 1), "y") == 0
    history.close()


def test_deleting_one_and_all_can_be_undone_and_leaves_no_text(history: TranslateHistory) -> None:
    entry = history.keep("en", "fr", "A secret sentence.", "Une phrase secrète.")
    kept = history.delete(entry)
    assert kept is not None
    assert history.get(entry) is None
    history.restore([kept])
    assert history.get(entry) == kept
    everything = history.clear()
    assert history.entries() == []
    history.restore(everything)
    assert len(history.entries()) == 1
    history.clear()
    history.close()
    assert b"secret" not in history.path.read_bytes()


def test_half_a_character_is_kept_without_harm(history: TranslateHistory) -> None:
    entry = history.keep("en", "fr", "broken \ud83d", "cassé")
    kept = history.get(entry)
    assert kept is not None
    assert kept.text == "broken ?"
    history.close()


def test_a_damaged_file_is_a_plain_sentence(tmp_path: Path) -> None:
    path = tmp_path / "translations.db"
    path.write_bytes(b"this is no database at all, but long enough to look like one" * 40)
    with pytest.raises(KnownError, match="history-corrupt"):
        TranslateHistory(path).entries()


def test_glossaries_are_files_for_each_pair(tmp_path: Path) -> None:
    glossaries = Glossaries(tmp_path / "glossaries")
    terms = [Term("tea", "thé"), Term("May", "mai", True)]
    glossaries.save("en", "fr", terms)
    assert glossaries.terms("en", "fr") == tuple(terms)
    assert glossaries.terms("fr", "en") == ()
    assert set(Glossaries(tmp_path / "glossaries").terms("en", "fr")) == set(terms)
    assert glossaries.glossary("en", "fr").found("Tea in may") == [terms[0]]
    glossaries.save("en", "fr", [])
    assert not glossaries.path("en", "fr").exists()
    assert glossaries.terms("en", "fr") == ()


def test_a_glossary_goes_out_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "terms.csv"
    terms = [Term("a, b", 'the "x"'), Term("茶", "tea")]
    write_terms(path, terms)
    assert set(read_terms(path)) == set(terms)
    path.write_bytes("tee;thé\n".encode("latin-1"))
    with pytest.raises(KnownError, match="glossary-not-utf8"):
        read_terms(path)
    with pytest.raises(KnownError, match="file-not-written"):
        write_terms(tmp_path / "no" / "terms.csv", terms)


@pytest.mark.slow
def test_twenty_thousand_terms_are_found_in_a_moment() -> None:
    import time

    glossary = Glossary(Term(f"word{number} two", f"mot{number}") for number in range(20_000))
    start = time.perf_counter()
    found = glossary.found("A WORD77  two and word19999 two.")
    assert [term.target for term in found] == ["mot77", "mot19999"]
    assert time.perf_counter() - start < 1
