"""Which characters belong to which writing: ranges to build character classes of regular expressions from.

Two questions are kept apart. Where a word ends: ``UNSPACED``, by which texts are cut for the search
indexes, holds letters alone and must never change, or old indexes no longer match. How much a character
says, and how much room it takes: ``WIDE``, which holds whole blocks, signs too.
"""

from __future__ import annotations

import re
from functools import cache

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters, in Japanese too
KANA = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # of Japanese, with the marks 々〆〇 that stand among Han
HALF_KANA = "\uff66-\uff9f"  # as narrow as Latin letters; NFKC makes KANA of them
HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7ff"  # Korean, which has spaces, but endings hang on the words
SOUTHEAST_ASIAN = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer: no spaces

CJK_SIGNS = "\u3000-\u303f"  # punctuation of Chinese and Japanese, and the marks 々〆〇
# Whole blocks of Chinese and Japanese but for CJK_SIGNS: also radicals, Bopomofo, numbers in circles.
CJK = "\u2e80-\u2fff\u3040-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
WIDE_FORMS = "\ufe30-\ufe4f\uff00-\uff60"  # Latin letters and signs as wide as a Chinese character

# What the search indexes cut into single characters and pairs. Never change it.
UNSPACED = SOUTHEAST_ASIAN + KANA + HAN + HANGUL
# What takes two columns of a screen, and says as much as several Latin letters. With Yi.
WIDE = CJK + CJK_SIGNS + "\ua000-\ua4cf" + HANGUL

WIDE_LETTERS = 3  # Latin letters that one WIDE character says as much as


@cache
def _wide() -> re.Pattern[str]:
    """Compiled when first asked for: the window's start does not ask, and it takes some milliseconds."""
    return re.compile(f"[{WIDE}{HALF_KANA}]")


def count_letters(text: str) -> int:
    """How many Latin letters would say as much: a wide letter counts as three, signs and digits do not."""
    letters = "".join(filter(str.isalpha, text))
    return len(letters) + (0 if letters.isascii() else (WIDE_LETTERS - 1) * len(_wide().findall(letters)))


def token_pattern(unspaced: str, marks: str = "") -> re.Pattern[str]:
    """Words for a search index: a run of ``unspaced`` characters, which is group 1, or letters and digits of
    all other writing, which may go on behind one of ``marks``."""
    letter = f"[^\\W_{unspaced}]"
    more = f"(?:[{marks}]{letter}+)?" if marks else ""
    return re.compile(f"([{unspaced}]+)|{letter}+{more}")
