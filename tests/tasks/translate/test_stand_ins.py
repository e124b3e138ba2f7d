"""Codes in place of what a model would spoil."""

from __future__ import annotations

import pytest

from autogpt_desktop.tasks.translate.stand_ins import StandIns

SENTENCE = "Open {name}px of `a b` at a@b.org, %s{x} <b>x</b> 请按{k}键 in my-notes.txt with --all."


def test_parts_come_back_whole_with_what_is_glued_to_them() -> None:
    codes = StandIns(SENTENCE)
    words = codes.text.split()
    assert [words[at][:2] for at in (1, 3, 5, 6)] == ["XZ"] * 4
    assert "<b>x</b>" in codes.text
    assert not {"{", "@", "`", "%", "notes", "--"} & set(codes.text)
    assert len(set(words)) == len(words)
    assert codes.restored(codes.text)[0] == SENTENCE
    assert StandIns(SENTENCE, 1).restored(StandIns(SENTENCE, 1).text)[0] == SENTENCE


@pytest.mark.parametrize("said", ["xz831", "XZ 831", "XZ-831", "XZ831th"])
def test_a_code_that_was_rewritten_is_still_known(said: str) -> None:
    assert StandIns("the {n} day").restored(f"O {said}, sim")[0] == "O {n}, sim"


@pytest.mark.parametrize("said", ["XZ8319", "AXZ831", "XZ83"])
def test_other_words_are_none(said: str) -> None:
    assert StandIns("the {n} day").restored(said)[0] == said


def test_a_sentence_that_has_such_a_word_gets_another() -> None:
    codes = StandIns("XZ831 is {n}")
    assert codes.restored(codes.text)[0] == "XZ831 is {n}"


def test_links_lead_to_the_parts() -> None:
    source = "Save {name} now"
    codes = StandIns(source)
    assert codes.text == "Save XZ831 now"
    text, links = codes.restored(
        "Grave XZ831 já", [(0, 4, 0, 5), (5, 7, 6, 8), (7, 10, 8, 11), (11, 14, 12, 14)]
    )
    assert text == "Grave {name} já"
    assert [(source[a:b], text[c:d]) for a, b, c, d in links] == [
        *(("Save", "Grave"), ("{name}", "{name}"), ("now", "já"))
    ]


def test_what_a_translation_begins_with_has_codes_too() -> None:
    assert StandIns("{a} and {b}").masked("{b} e") == "XZ110 e"


def test_plain_sentences_stay() -> None:
    assert not StandIns("It costs 4.50, e.g. in St. Louis; see p. 7.")
    assert not StandIns("{x}" * 100 + "a {y} " * 100)


def test_what_the_model_has_no_word_for_is_kept() -> None:
    text = "The \u16a0\u16a2\u16a6s say \U0001f600\U0001f600! \u201eNo\u201c"
    unknown = [(4, 6), (13, 15), (17, 18), (20, 21)]
    codes = StandIns(text, 0, unknown)
    assert codes.text == "The XZ831 say XZ110! \u201eNo\u201c"  # quotation marks are the model's
    assert codes.restored("Diz XZ110 XZ831")[0] == "Diz \U0001f600\U0001f600 \u16a0\u16a2\u16a6s"
