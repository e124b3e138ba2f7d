"""Phrases that may answer a question by the words around them, beside those that a model wrote.

A small model follows few beginnings, and the right one is not always among them. What begins and ends where
phrases do (Rajpurkar et al., 2016, take constituents of a parse; here marks, small words, names and numbers
stand for it) is a candidate too, with what the model gives to its first word alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from autogpt_desktop.tasks.answer.extract import Candidate
from autogpt_desktop.tasks.answer.lexicon import COMMON

MOST_WORDS = 8
_TOKEN = re.compile(r"\w+(?:[.,:’'&/-]\w+)*%?|[^\w\s]")
_BREAKS = frozenset('.;:()!?"”“*`|')  # no phrase goes over these


def phrases(
    text: str,
    pieces: Sequence[tuple[int, int]],
    found: Sequence[Candidate],
    firsts: Mapping[int, tuple[float, float]],
) -> list[Candidate]:
    """Candidates that are not among ``found``, inside each of ``pieces`` (start, end) of the text.

    ``firsts``: for each character that an answer may begin at, the log-probability of its first token and
    the one whatever is asked. Their ``tokens`` is 0.
    """
    seen = {(one.start, one.end) for one in found}
    made: list[Candidate] = []
    for begin, finish in pieces:
        tokens = [(one.group(), one.start(), one.end()) for one in _TOKEN.finditer(text, begin, finish)]
        for first, (word, start, _) in enumerate(tokens):
            if start not in firsts or word.lower() in COMMON:
                continue
            for last in range(first, min(len(tokens), first + MOST_WORDS)):
                word, _, end = tokens[last]
                if word in _BREAKS:
                    break
                following = tokens[last + 1][0] if last + 1 < len(tokens) else "."
                if (start, end) not in seen and _ends(word, following):
                    seen.add((start, end))
                    made.append(Candidate(start, end, firsts[start][0], 0.0, 0.0, 0, firsts[start][1]))
    return made


def _ends(word: str, following: str) -> bool:
    """Whether a phrase may end between the two words."""
    if word == "," or word.lower() in COMMON:
        return False
    return not following[0].isalnum() or following.lower() in COMMON or word[0].isupper() or _numeric(word)


def _numeric(word: str) -> bool:
    return any(letter.isdigit() for letter in word)
