"""What a model is asked about a sentence, and how one answer of it is judged."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autogpt_desktop.documents.text.glossary import Glossary, replaced
from autogpt_desktop.tasks.prompts import (
    TRANSLATION_ENDS,
    own_translation_messages,
    parallel,
    translation_line,
    translation_messages,
    translation_prefix,
)
from autogpt_desktop.tasks.translate.checks import cost, flags, repaired
from autogpt_desktop.tasks.translate.rerank import Candidate

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine

_NO_REPEAT = 5  # tokens in a row that may not come again in a second try
_QUOTES = re.compile(r"^[\"“«„「](.*)[\"”»“」]$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SourceSentence:
    """A sentence to translate, with the glossary's terms that are in it."""

    text: str
    source: str  # ISO 639-1
    terms: tuple[tuple[str, str], ...] = ()
    context: str = ""  # what stands around it, for models that are trained to heed that


@dataclass(frozen=True, slots=True)
class Prompts:
    """In token ids what all prompts of a pair begin with, and what follows for each wish.

    ``stop``: strings that end an answer; ``lead``: what stands between a line and its answer.
    """

    prefix: list[int]
    lines: list[list[int]]
    stop: tuple[str, ...]
    lead: str


def prompts(
    engine: Engine, sources: Sequence[SourceSentence], target: str, order: tuple[int, ...] = ()
) -> Prompts:
    """For sentences in one language. ``order``: of the examples, by default as they are written."""
    source = shown(sources[0].source)
    if engine.template.is_fallback:
        encode = engine.tokenizer.encode
        prefix = encode(translation_prefix(source, target, order), add_special=True)
        lines = [translation_line(source, target, sentence.text, sentence.terms) for sentence in sources]
        ids = [encode(line, add_special=False) for line in lines]
        return Prompts(prefix, ids, (TRANSLATION_ENDS,), " ")

    def chat(text: str, terms: Sequence[tuple[str, str]] = (), context: str = "") -> list[int]:
        own = own_translation_messages(engine.config.family, sources[0].source, target, text, terms, context)
        return list(engine.chat_ids(own or translation_messages(source, target, text, order, terms)))

    whole = [chat(sentence.text, sentence.terms, sentence.context) for sentence in sources]
    same = list(os.path.commonprefix([chat("A"), chat("\u4e00"), *whole]))  # noqa: RUF071  of lists of ids
    return Prompts(same, [ids[len(same) :] for ids in whole], (), "")


def shown(source: str) -> str:
    """The language whose examples are shown: English for one that has none."""
    return source if source in parallel()[0] else "en"


def longest(engine: Engine, sentence: SourceSentence) -> int:
    """Tokens that its translation may have."""
    return 16 + int(2.5 * len(engine.tokenizer.encode(sentence.text, add_special=False)))


def judged(
    sentence: SourceSentence, text: str, logprobs: Sequence[float], target: str, glossary: Glossary
) -> Candidate:
    """What the model said, cleaned and repaired, with what the checks find wrong."""
    text, guessed = repaired(sentence.text, _clean(sentence, text))
    for term, other in sentence.terms:  # left as it was
        if other not in text:
            text = replaced(text, term, other)
    mean = sum(logprobs) / len(logprobs) if logprobs else -10.0
    found = flags(sentence.text, text, sentence.source, target, glossary)
    if guessed and "placeholders" not in found:
        found = (*found, "placeholders")
    return Candidate(text, mean, cost(found), found)


def _clean(sentence: SourceSentence, text: str) -> str:
    """One line, without quotation marks that the source does not have."""
    text = " ".join(text.split())
    if (quoted := _QUOTES.match(text)) and not _QUOTES.match(sentence.text):
        text = quoted.group(1).strip()
    return text


def repeating(made: Sequence[int]) -> list[int]:
    """Tokens that would make the last ``_NO_REPEAT`` the same as some before."""
    last = tuple(made[-(_NO_REPEAT - 1) :])
    if len(last) < _NO_REPEAT - 1:
        return []
    size = len(last)
    return [made[at + size] for at in range(len(made) - size) if tuple(made[at : at + size]) == last]
