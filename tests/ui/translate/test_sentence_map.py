"""Sentences and their translations while both change: every place stays where it belongs."""

from __future__ import annotations

import json
import random

import pytest

from autogpt_desktop.tasks.translate.translate import Translated
from autogpt_desktop.tasks.translate.translator import Link
from autogpt_desktop.ui.translate.sentence_map import (
    Edit,
    SentenceMap,
    SentencePair,
    Utf16Offsets,
    utf16_length,
)

SENTENCES = ["One.", "Two 😀 more.", "Drei, vier!", "第五句。", "Six?", "The seventh is the longest."]


def results(text: str, part: str = "") -> list[Translated]:
    """As the task would: each sentence in capitals."""
    found, at = [], 0
    for index, sentence in enumerate(sentence for sentence in text.split(" | ") if sentence):
        start = text.index(sentence, at)
        before, made = "" if index == 0 else " ", sentence.upper() + part
        found.append(Translated(0, index, start, start + len(sentence), sentence, before, made, 0.9, ()))
        at = start + len(sentence)
    return found


def as_qt(text: str) -> list[str]:
    """Its UTF-16 units, as QTextDocument counts."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return [raw[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(raw), 2)]


def text_of(parts: list[str]) -> str:
    return "".join(parts).encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def applied(target: list[str], edits: list[Edit]) -> list[str]:
    for edit in edits:
        target = target[: edit.start] + as_qt(edit.text) + target[edit.end :]
    return target


def keep(_pair: SentencePair) -> None:
    """Nothing is changed before it is shown."""


def test_places_of_characters_count_an_emoji_twice() -> None:
    text = "a😀b😀"
    places = Utf16Offsets(text)
    assert [places(at) for at in range(len(text) + 1)] == [0, 1, 3, 4, 6]
    assert utf16_length(text) == 6
    assert utf16_length("plain") == 5


def test_the_same_results_again_change_nothing() -> None:
    text = " | ".join(SENTENCES)
    pairs = SentenceMap()
    pairs.begin(text)
    first = pairs.add(results(text), keep) + pairs.end("")
    assert text_of(applied([], first)) == pairs.target_text()
    pairs.begin(text)
    assert pairs.add(results(text), keep) + pairs.end("") == []


def test_a_random_session_of_typing() -> None:
    """After each run the target holds the translation of the text, edited piece by piece."""
    chance = random.Random(4)
    for _ in range(60):
        pairs, target, shown = SentenceMap(), [], [chance.choice(SENTENCES)]
        for _ in range(12):
            old = " | ".join(shown)
            start, end = sorted(chance.randrange(len(shown) + 1) for _ in range(2))
            shown[start:end] = chance.choices(SENTENCES, k=chance.randrange(3))
            new = " | ".join(shown)
            # as an editor reports it: what is the same in front and behind stays
            same = 0
            while same < min(len(old), len(new)) and old[same] == new[same]:
                same += 1
            tail = 0
            while tail < min(len(old), len(new)) - same and old[-1 - tail] == new[-1 - tail]:
                tail += 1
            at = utf16_length(old[:same])
            pairs.source_changed(
                at, utf16_length(old[same : len(old) - tail]), utf16_length(new[same : len(new) - tail])
            )
            target = applied(target, pairs.begin(new))
            found = results(new)
            cut = chance.randrange(len(found) + 1)
            target = applied(target, pairs.add(found[:cut], keep))
            target = applied(target, pairs.add(found[cut:], keep) + pairs.end(""))
            assert text_of(target) == pairs.target_text()
            assert pairs.target_text() == " ".join(one.text for one in found)
            source = as_qt(new)
            for index, pair in enumerate(pairs.pairs):
                first, last = pairs.source_span(index)
                assert text_of(source[first:last]) == pair.source
                first, last = pairs.target_span(index)
                assert text_of(target[first:last]) == pair.text
                assert pairs.at_target((first + last) // 2) == index
                assert pairs.at_source(pair.start) == index


def test_results_of_an_older_text_find_their_places() -> None:
    """While a run is under way somebody types in front: later results move, the touched one stays old."""
    text = "One. | Two. | Three."
    pairs = SentenceMap()
    pairs.begin(text)
    target = applied([], pairs.add(results(text), keep) + pairs.end(""))
    pairs.begin(text)
    again = results(text, "!")
    target = applied(target, pairs.add(again[:1], keep))
    pairs.source_changed(8, 0, 5)  # inside "Two."
    target = applied(target, pairs.add(again[1:], keep))
    assert pairs.end("") == []  # a newer run will tell
    assert text_of(target) == "ONE.! TWO. THREE.!"
    assert pairs.source_span(2) == (19, 25)


def test_a_text_that_was_replaced_takes_its_translation_along() -> None:
    pairs = SentenceMap()
    pairs.begin("One. | Two.")
    target = applied([], pairs.add(results("One. | Two."), keep) + pairs.end("\n"))
    pairs.source_changed(0, 11, 6)
    target = applied(target, pairs.begin("Three."))
    assert target == []
    assert pairs.pairs == []
    target = applied(target, pairs.add(results("Three."), keep) + pairs.end(""))
    assert text_of(target) == "THREE."


def test_an_emptied_text_empties_the_target() -> None:
    pairs = SentenceMap()
    pairs.begin("One. | Two.")
    pairs.add(results("One. | Two."), keep)
    assert pairs.clear() == Edit(0, 9, "")
    assert pairs.target_text() == ""
    assert pairs.at_source(0) == -1


def test_another_translation_moves_what_follows() -> None:
    text = "One. | Two. | Three."
    pairs = SentenceMap()
    pairs.begin(text)
    target = applied([], pairs.add(results(text), keep))
    target = applied(target, [pairs.replace(1, "Zwei und mehr.", 1.0, ())])
    assert text_of(target) == "ONE. Zwei und mehr. THREE."
    target = applied(target, pairs.end("\n"))
    assert text_of(target) == "ONE. Zwei und mehr. THREE.\n"


LINKED = Translated(
    0, 1, 3, 17, "😀 My mill, two", " ", "😀 Dois moinhos meus", 0.9, (),
    (Link(11, 14, 2, 6), Link(5, 9, 7, 14), Link(2, 4, 15, 19)),
)  # fmt: skip


def linked() -> SentenceMap:
    """A sentence in front, and one with links and an emoji."""
    first = Translated(0, 0, 0, 2, "A.", "", "Um.", 0.9, (), (Link(0, 1, 0, 2),))
    pairs = SentenceMap()
    pairs.begin("A. 😀 My mill, two")
    pairs.add([first, LINKED], keep)
    return pairs


def words_at(pairs: SentenceMap, place: int, in_source: bool) -> tuple[list[str], list[str]]:
    index = (pairs.at_source if in_source else pairs.at_target)(place)
    source, target = as_qt("A. 😀 My mill, two"), as_qt(pairs.target_text())
    mine, other = pairs.linked_words(index, place, in_source)
    return [text_of(source[a:b]) for a, b in mine], [text_of(target[a:b]) for a, b in other]


def test_a_word_finds_its_counterpart_in_both_directions() -> None:
    pairs = linked()
    assert pairs.target_text() == "Um. 😀 Dois moinhos meus"
    assert words_at(pairs, 0, True) == (["A"], ["Um"])
    assert words_at(pairs, 10, True) == (["mill"], ["moinhos"])
    assert words_at(pairs, 12, True) == (["mill"], ["moinhos"])
    assert words_at(pairs, 13, True) == ([], [])  # the comma
    assert words_at(pairs, 7, False) == (["two"], ["Dois"])
    assert words_at(pairs, 20, False) == (["My"], ["meus"])


def test_words_that_say_one_word_are_lit_together() -> None:
    made = Translated(
        0, 0, 0, 10, "We visited", "", "Visitamos", 0.9, (), (Link(0, 2, 0, 9), Link(3, 10, 0, 9))
    )
    pairs = SentenceMap()
    pairs.begin("We visited")
    pairs.add([made], keep)
    assert pairs.linked_words(0, 4, False) == ([(0, 2), (3, 10)], [(0, 9)])
    assert pairs.linked_words(0, 1, True) == ([(0, 2)], [(0, 9)])


def test_words_of_a_sentence_that_changed_are_not_told() -> None:
    pairs = linked()
    pairs.source_changed(0, 0, 4)  # in front of both
    assert pairs.linked_words(1, 14, True) == ([(13, 17)], [(12, 19)])
    pairs.source_changed(15, 0, 1)  # inside the word
    assert pairs.linked_words(1, 14, True) == ([], [])
    assert pairs.linked_words(0, 4, True) == ([(4, 5)], [(0, 2)])
    pairs.replace(0, "Uma.", 1.0, (), (Link(0, 1, 0, 3),))
    assert pairs.linked_words(0, 4, True) == ([(4, 5)], [(0, 3)])
    pairs.replace(0, "Una.", 1.0, ())
    assert pairs.linked_words(0, 4, True) == ([], [])


def test_links_are_kept_with_a_translation_and_older_ones_have_none() -> None:
    text, pairs = "A. 😀 My mill, two", linked()
    dumped = pairs.dump()
    again = SentenceMap()
    assert again.load(dumped, text, pairs.target_text()) is not None
    assert again.pairs == pairs.pairs
    after, *rows = json.loads(dumped)
    for length in (7, 8):  # before there were choices, and before there were links
        older = json.dumps([after, *(row[:length] for row in rows)])
        assert again.load(older, text, pairs.target_text()) is not None
        assert again.pairs[1].links == ()


@pytest.mark.parametrize("links", [5, [1], [[1, 2]], [[1, 2, 3, "x"]], None])
def test_links_that_are_none_are_refused(links: object) -> None:
    after, *rows = json.loads(linked().dump())
    rows[0][8] = links
    assert (
        SentenceMap().load(json.dumps([after, *rows]), "A. 😀 My mill, two", linked().target_text()) is None
    )
