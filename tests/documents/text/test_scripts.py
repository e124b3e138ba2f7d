"""Characters by writing, held against the ranges that stood in a dozen places before; terms of an index."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autogpt_desktop.documents.index import terms
from autogpt_desktop.documents.text import glossary, passages, scripts, sentences
from autogpt_desktop.documents.write import mark_alignment
from autogpt_desktop.storage.conversations import search
from autogpt_desktop.tasks.sentiment import sources
from autogpt_desktop.tasks.translate import constrained

pytestmark = pytest.mark.slow  # together they take seconds

EVERYTHING = [chr(code) for code in range(sys.maxunicode + 1)]
OLD_INDEX = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff"
)
ASTRAL = [(0x20000, 0x3FFFF)]  # rare Chinese characters
BURMESE_KHMER = [(0x1000, 0x109F), (0x1780, 0x17FF)]
JAMO = [(0x1100, 0x11FF), (0x3130, 0x318F), (0xD7A4, 0xD7FF)]  # parts of Korean syllables
HAN_AND_KANA = ([(0x3005, 0x3007), (0x31F0, 0x31FF), (0xF900, 0xFAFF), *ASTRAL], [(0x4DC0, 0x4DFF)])


def held(ranges: str) -> set[int]:
    pattern = re.compile(f"[{ranges}]")
    return {ord(character) for character in EVERYTHING if pattern.match(character)}


def as_ranges(codes: set[int]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for code in sorted(codes):
        if found and found[-1][1] == code - 1:
            found[-1] = (found[-1][0], code)
        else:
            found.append((code, code))
    return found


@pytest.mark.parametrize(
    ("old", "pattern", "new", "gone"),
    [
        # Where a difference would change an index or its passages there is none.
        (OLD_INDEX, f"[{scripts.UNSPACED}]", [], []),
        (OLD_INDEX + "\uff66-\uff9f", search._patterns()[0].pattern, [], []),
        (
            "\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff",
            passages._WIDE.pattern,
            [],
            [],
        ),
        # They take two columns of a screen too.
        (
            "\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60",
            sentences._WIDE_CHARACTER.pattern,
            ASTRAL,
            [],
        ),
        # A term in these is no whole word between spaces either.
        (
            "\u0e00-\u0eff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff",
            glossary._UNSPACED_LETTER.pattern,
            [(0x1000, 0x109F), (0x1100, 0x11FF), (0x1780, 0x17FF), (0xFF66, 0xFF9F), *ASTRAL],
            [],
        ),
        (
            "\u0e00-\u0eff\u2e80-\u2fff\u3040-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
            mark_alignment._UNSPACED_CHARACTER.pattern,
            BURMESE_KHMER,
            [],
        ),
        # Yi is neither Chinese nor Japanese.
        (
            "\u2e80-\ua4cf\uf900-\ufaff\uff66-\uff9f",
            constrained._CJK.pattern,
            ASTRAL,
            [(0xA000, 0xA4CF)],
        ),
        ("\uac00-\ud7a3", constrained._HANGUL.pattern, JAMO, []),
        # In translate.checks and sentiment.sentiment; the hexagrams of the I Ching are signs.
        ("\u3400-\u9fff\u3040-\u30ff", f"[{scripts.HAN}{scripts.KANA}]", *HAN_AND_KANA),
    ],
)  # fmt: skip
def test_the_ranges_of_before(
    old: str, pattern: str, new: list[tuple[int, int]], gone: list[tuple[int, int]]
) -> None:
    before, now = held(old), held(pattern.strip("()[]"))
    assert as_ranges(now - before) == new
    assert as_ranges(before - now) == gone


def test_letters_that_weigh_as_three() -> None:
    """Before, every letter above U+2E80 did: also Gothic, and Latin ones made for formulas."""
    letters = {character for character in EVERYTHING if character.isalpha()}
    heavy = {character for character in letters if scripts.count_letters(character) == 3}
    assert all(character > "\u2e80" for character in heavy - set(map(chr, range(0x1100, 0x1200))))
    lighter = {c for c in letters - heavy if c > "\u2e80"}
    assert not any(unicodedata.name(c, "").startswith(("CJK", "HANGUL", "HIRAGANA", "KATAKANA"))
                   for c in lighter if ord(c) < 0x16FE0 and ord(c) not in range(0xA960, 0xA980))  # fmt: skip
    assert {"\ufb50", "\U00010330", "\U0001d400", "\ua640"} <= lighter
    assert scripts.count_letters("ab 12, 天 気") == 2 + 6
    assert scripts.count_letters("") == 0
    assert sources.count_letters is scripts.count_letters


# Terms: what an index holds was cut by these.

_OLD_EACH = re.compile(f"([{OLD_INDEX}\uff66-\uff9f])")
_OLD_SEARCH = re.compile(f"[{OLD_INDEX}\uff66-\uff9f]|[^\\W_{OLD_INDEX}\uff66-\uff9f]+")
_OLD_TERMS = re.compile(f"([{OLD_INDEX}]+)|[^\\W_{OLD_INDEX}]+(?:['’][^\\W_{OLD_INDEX}]+)?")


def old_segment(text: str) -> str:
    return _OLD_EACH.sub(r" \1 ", search._narrow(text).replace("\0", " "))


def old_search_words(query: str) -> list[list[str]]:
    words = search._narrow(query[: search.MAX_QUERY]).split()
    return [tokens[: search.MAX_PHRASE] for tokens in map(_OLD_SEARCH.findall, words) if tokens]


def old_index_words(text: str) -> str:
    out = []
    for match in _OLD_TERMS.finditer(terms._folded(text)):
        run = match[1]
        if run:
            out += list(run)
            out += [run[at : at + 2] for at in range(len(run) - 1)]
        else:
            out.append(match[0].replace("'", "").replace("’", ""))
    return " ".join(out)


def old_query_words(query: str) -> list[str]:
    found: dict[str, None] = {}
    common: dict[str, None] = {}
    for match in _OLD_TERMS.finditer(terms._folded(query)):
        run = match[1]
        if run:
            pairs = [run[at : at + 2] for at in range(len(run) - 1)] or [run]
            found |= dict.fromkeys(pairs)
        else:
            word = match[0].removesuffix("'s").removesuffix("’s").replace("'", "").replace("’", "")
            (common if word in terms._STOP else found)[word] = None
    return list(found or common)[: terms.MAX_TERMS]


_MIXED = st.text(
    st.one_of(
        st.sampled_from("aZé's’_0９Ａ 　。、・\0\n東京都にカﾅ々〆〇ㄅ㈱ㄱ가ᄀไทยລາວမြខ\u0301\U00020000😀"),
        st.characters(),
    ),
    max_size=60,
)


@given(_MIXED)
@example("Don't ask the dogs' owner's 犬の名前を in 東京_2 ｶﾞｯ ไม่มี 안녕하세요")
def test_terms_are_cut_as_in_every_index_before(text: str) -> None:
    assert search.segment(text) == old_segment(text)
    assert search.query_words(text) == old_search_words(text)
    assert terms.index_words(text) == old_index_words(text)
    assert terms.query_words(text) == old_query_words(text)


@pytest.mark.slow
def test_every_character_is_cut_as_before() -> None:
    for start in range(0, len(EVERYTHING), 4096):
        text = " ".join(
            f"a{character}b{character}{character}" for character in EVERYTHING[start : start + 4096]
        )
        text = text.encode("utf-8", "replace").decode()
        assert search.segment(text) == old_segment(text)
        assert terms.index_words(text) == old_index_words(text)
