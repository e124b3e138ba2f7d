"""Questions in one language over texts in another: the question is translated, and asked in both.

Translations of a small model are rough, and names come out of them changed. So several are made, the one that
most agree with is shown, and the words of all of them, and of the question itself, are
searched. A passage is read with the translation that fits it best, and the model with the question as it was
written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from autogpt_desktop.documents.text.passages import detect
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.tasks.answer.lexicon import WIDE, content
from autogpt_desktop.tasks.answer.reader import is_wide
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.candidates import several
from autogpt_desktop.tasks.translate.prompts import Wish
from autogpt_desktop.tasks.translate.translate import languages

SHARE = 0.1  # of the passages that are to be in a language, so that it is asked in
MOST = 2  # languages beside the question's own
TRIES = 5  # translations into each
_NEARLY = 0.3  # of the likeliest language's probability: a few words may be in either
_FEW = 3  # words of a question
_SAMPLE = 24  # passages whose languages are told, of texts that have no index
_LONGEST = 600  # characters of a question


@dataclass(frozen=True, slots=True)
class Version:
    """The question in another language: ``texts`` are several translations, the best first."""

    language: str
    texts: tuple[str, ...]

    def words(self, question: str) -> str:
        """What to search for: all translations, the question for its names, and the single characters of the
        first, as a translation often misses the other half of a Chinese word."""
        single = (word for word in content(self.texts[0]) if WIDE.match(word))
        return " ".join([*self.texts, question, *dict.fromkeys(single)])


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was read, and in other languages of the texts. ``here``: texts are in its own too."""

    question: str
    language: str = ""
    others: tuple[Version, ...] = ()
    here: bool = True

    def beside(self, text: str) -> str:
        """The question in the language of a text, as far as it was translated: the translation that has
        most of its words in the text, as the others rather missed what was meant."""
        if not self.others:
            return self.question
        said = {one.language: one.texts for one in self.others}
        texts = said.get(_of_these(text, [*said, self.language]), (self.question,))
        there = set(content(text))
        return max(texts, key=lambda one: _share(set(content(one)), there))


def across(
    models: Any, question: str, shares: Mapping[str, int], cancelled: Callable[[], bool] = lambda: False
) -> Generator[Progress | Notice, None, Asked]:
    """The question, also in the languages of the texts where these are others. A Notice says as what.

    ``shares``: ISO 639-1 → how many passages are in it. Raises what loading the model for translations can
    raise, except that there is none: that is a Notice too.
    """
    texts = {code: count for code, count in shares.items() if code in LANGUAGES}
    large = [code for code, count in Counter(texts).most_common() if count >= SHARE * sum(texts.values())]
    own = _language(question, large)
    wanted = [code for code in large if code != own][:MOST]
    if not wanted or own not in LANGUAGES or len(question) > _LONGEST:
        return Asked(question, own)
    try:
        engine = yield from models.get("translate")
    except KnownError as error:
        if error.key not in ("no-model-for-role", "no-model"):
            raise
        engine = None
    known = languages(engine) if engine is not None else ()
    found = []
    for code in wanted:
        if own not in known or code not in known:
            continue
        yield Progress("stage.question-translating")
        wish = Wish(" ".join(question.split()), own)
        made = (yield from several(engine, [wish], code, TRIES, cancelled))[0]
        said = tuple(one.text for one in made if one.text and one.text.casefold() != wish.text.casefold())
        if said:
            found.append(Version(code, said))
            yield Notice("notice.also-asked", {"question": said[0]})
    if len(found) < len(wanted):
        yield Notice("notice.question-not-translated")
    return Asked(question, own, tuple(found), own in large)


def shares_of(texts: Iterable[str]) -> dict[str, int]:
    """In which languages texts are, by some of them."""
    every = list(texts)
    some = every[:: max(1, -(-len(every) // _SAMPLE))]
    return dict(Counter(found[0][0] for text in some if (found := detect(text))))


def _share(words: set[str], there: set[str]) -> float:
    """How much of a question's words a text has; of very few all count for little."""
    return len(words & there) / max(_FEW, len(words))


def _language(question: str, texts: list[str]) -> str:
    """The question's language; one of the texts' where it may well be in that. "": nothing to tell from."""
    ranked = dict(detect(question))
    best = max(ranked.values(), default=0.0)
    likely = [code for code in texts if ranked.get(code, 0.0) >= max(_NEARLY * best, 1e-9)]
    if is_wide(question) and likely:  # a Latin name in it says nothing
        likely = [code for code in likely if code in ("zh", "ja")] or likely
    return max(likely or ranked, key=lambda code: ranked[code], default="")


def _of_these(text: str, codes: list[str]) -> str:
    """Which of some languages a text is in."""
    ranked = dict(detect(text))
    if not WIDE.search(text):
        codes = [code for code in codes if code not in ("zh", "ja")] or codes
    return max(codes, key=lambda code: ranked.get(code, 0.0))
