"""A question as it is asked of the texts: with what it refers to, and in their languages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autogpt_desktop.documents.text.passages import detect
from autogpt_desktop.tasks.answer.lexicon import CJK, PRONOUNS, content_words, is_cjk, is_follow_up

_THERE_IS = re.compile(r"\b(?:(?:is|are|was|were) there|there (?:is|are|was|were))\b")
_FEW_WORDS = 3  # of a question


@dataclass(frozen=True, slots=True)
class QueryTranslation:
    """The question in another language: ``texts`` are several translations, the best first."""

    language: str
    texts: tuple[str, ...]

    def search_words(self, question: str) -> str:
        """What to search for: all translations, the question for its names, and the single characters of the
        first, as a translation often misses the other half of a Chinese word."""
        single = (word for word in content_words(self.texts[0]) if CJK.match(word))
        return " ".join([*self.texts, question, *dict.fromkeys(single)])


@dataclass(frozen=True, slots=True)
class Query:
    """What is decided about a question once, before anything is searched or read.

    ``text``: its follow-up form (``follow_up_form``). ``translations``: into other languages of the texts.
    ``in_own_language``: whether texts are in its own language too.
    """

    text: str
    language: str = ""  # ISO 639-1; "": nothing to tell it from
    translations: tuple[QueryTranslation, ...] = ()
    in_own_language: bool = True

    @property
    def also_asked(self) -> tuple[str, ...]:
        """The best translation into each language."""
        return tuple(one.texts[0] for one in self.translations)

    def for_text(self, text: str) -> str:
        """The question in the language of a text, as far as it was translated: the translation that has
        most of its words in the text, as the others rather missed what was meant."""
        if not self.translations:
            return self.text
        versions = {one.language: one.texts for one in self.translations}
        texts = versions.get(_language_among(text, [*versions, self.language]), (self.text,))
        in_text = set(content_words(text))
        return max(texts, key=lambda one: _shared_words(set(content_words(one)), in_text))


def _shared_words(words: set[str], in_text: set[str]) -> float:
    """How much of a question's words a text has; of very few all count for little."""
    return len(words & in_text) / max(_FEW_WORDS, len(words))


def _language_among(text: str, codes: list[str]) -> str:
    """Which of some languages a text is in."""
    ranked = dict(detect(text))
    if not CJK.search(text):
        codes = [code for code in codes if code not in ("zh", "ja")] or codes
    return max(codes, key=lambda code: ranked.get(code, 0.0))


def follow_up_form(question: str, previous: Sequence[str]) -> str:
    """The question with the last one's subject, if it refers to something that it does not name."""
    if not previous:
        return question
    lower = _THERE_IS.sub("", question.casefold())
    in_question = set(lower) if is_cjk(question) else set(lower.replace("?", " ").replace("'", " ").split())
    if not in_question & PRONOUNS and content_words(question) and not is_follow_up(question):
        return question
    new = set(content_words(question))
    before = _written_words(previous[-1])
    # names are what is gone on about; without any, all that the last question was about
    before = [word for word in before if word[:1].isupper() or word[:1].isdigit()] or before
    subject = [word for word in before if not set(content_words(word)) & new]
    return f"{question} ({' '.join(subject)})" if subject else question


def _written_words(text: str) -> list[str]:
    """The words of a text that carry its meaning, as they are written."""
    if is_cjk(text):
        return [text.strip("？?。 ")]
    return [word.strip("?.,!\"'()") for word in text.split() if content_words(word)]
