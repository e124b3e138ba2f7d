"""Translations that are damaged on purpose, as people's mistakes and models' damage them."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from autogpt_desktop.tasks.translate.negation import without

KINDS = ("number", "dropped", "swapped", "not", "added not")
Pairs = list[tuple[str, str]]  # (sentence, translation)


def damaged(
    texts: Sequence[str], translations: Sequence[str], source: str, target: str, seed: int = 0
) -> dict[str, Pairs]:
    """For each of KINDS what can be damaged so, and "good": the pairs as they are.

    "number": a digit is another one; "dropped": of two sentences one is left out; "swapped": the translation
    is that of the sentence behind; "not": the translation lost it, "added not": only the translation has it.
    """
    draw = random.Random(seed)
    found: dict[str, Pairs] = {"good": list(zip(texts, translations, strict=True))}
    found |= {kind: [] for kind in KINDS}
    between = "" if source in ("zh", "ja") else " "
    for at, (text, other) in enumerate(found["good"]):
        behind = (at + 1) % len(texts)
        if re.search(r"\d", text) and (number := _other_number(other, draw)):
            found["number"].append((text, number))
        kept = other if draw.random() < 0.5 else translations[behind]
        found["dropped"].append((text + between + texts[behind], kept))
        found["swapped"].append((text, translations[behind]))
        mine, theirs = without(text, source), without(other, target)
        if mine and theirs:
            found["not"].append((text, theirs[0]))
            found["added not"].append((mine[0], other))
    return found


def _other_number(text: str, draw: random.Random) -> str:
    """The text with one digit changed; "" where it has none."""
    digits = [match.start() for match in re.finditer(r"[0-9]", text)]
    if not digits:
        return ""
    at = draw.choice(digits)
    return text[:at] + draw.choice([one for one in "123456789" if one != text[at]]) + text[at + 1 :]
