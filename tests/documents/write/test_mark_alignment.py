"""Words that are looked for by their likeness, which is counted word by word and not anew for each end."""

from __future__ import annotations

import random

import pytest

from autogpt_desktop.documents.write.mark_alignment import ALIKE, Span, _Growing, _pairs, find_words, words

CHARACTERS = "aab def Ééßİıñ漢字かな ไทย한국_-.'’5٣²\u0301\n\t \xa0"


def texts(seed: int, longest: int) -> str:
    chance = random.Random(seed)
    return "".join(chance.choice(CHARACTERS) for _ in range(chance.randint(0, longest)))


def dice(phrase: str, text: str) -> float:
    one, other = _pairs(phrase), _pairs(text)
    return 2 * (one & other).total() / max(one.total() + other.total(), 1)


@pytest.mark.parametrize("seed", range(60))
def test_likeness_that_grows_is_that_of_the_whole(seed: int) -> None:
    text, phrase = texts(seed, 50), texts(1000 + seed, 12)
    growing, at = _Growing(_pairs(phrase)), 0
    found = words(text)
    for _, end in found:
        growing.add(text[at or found[0][0] : end])
        at = end
        assert growing.dice() == pytest.approx(dice(phrase, text[found[0][0] : end]))


@pytest.mark.parametrize(
    ("text", "phrase", "wanted"),
    [
        ("A casa velha junto ao rio foi vendida.", "casa velha", "casa velha"),
        ("Der Autobus fährt; die Autobahn ist leer.", "Autobahn", "Autobahn"),
        ("老磨坊卖了两百万英镑。", "两百万", "两百万"),
        ("Nothing of the kind stands here.", "Straßenbahn", ""),
    ],
)
def test_the_words_most_like_a_phrase_are_found(text: str, phrase: str, wanted: str) -> None:
    found: Span | None = find_words(text, (0, len(text)), [phrase], len(text) / 2)
    assert (text[slice(*found)] if found else "") == wanted
    assert found is None or dice(phrase, wanted) >= ALIKE
