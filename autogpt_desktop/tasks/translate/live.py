"""Translating while a user types: what language it is first, then what changed, the first sentence soon."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from autogpt_desktop.documents.text.chinese import with_script, without_script
from autogpt_desktop.documents.text.glossary import Glossary, Term
from autogpt_desktop.documents.text.languages import language_of
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.checks import has_letters
from autogpt_desktop.tasks.translate.translate import (
    Translated,
    languages,
    nearest,
    offered,
    states,
    translate,
)
from autogpt_desktop.tasks.translate.translator import Answer, Choose
from autogpt_desktop.tasks.translate.translators import by_role

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

FIRST = 1  # sentences that are translated before the first is shown
MOST = 20_000  # sentences that are remembered
_SHORT = 24  # letters; while there are fewer, a language that was found before is rather kept
_KEPT = 0.02  # its probability, at least


@dataclass(frozen=True, slots=True)
class Found:
    """The language of the text: ISO 639-1. ``known``: whether the model says it knows it."""

    language: str
    known: bool


@dataclass(frozen=True, slots=True)
class Doubt:
    """The text is rather in ``language`` than in the one that was given; "": it is not doubted."""

    language: str


@dataclass(frozen=True, slots=True)
class Offered:
    """The languages that the model knows, of those that can be translated."""

    languages: tuple[str, ...]
    stated: bool = True  # False: it does not say, and these are all


class LiveMemory(dict[tuple[Any, ...], Answer]):
    """What was translated in this window. What "best" found answers for "quick" too; the oldest go first."""

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and (super().__contains__(_best(key)) or super().__contains__(key))

    def __getitem__(self, key: tuple[Any, ...]) -> Answer:
        better = _best(key)
        return super().__getitem__(better if super().__contains__(better) else key)

    def update(self, *pairs: Any, **_none: Any) -> None:
        for key, answer in dict(*pairs).items():
            self[key] = answer
        while len(self) > MOST:
            del self[next(iter(self))]


def _best(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same question with the higher quality; see ``translate._key``."""
    name, source, target, _quality, *rest = key
    return (name, source, target, "best", *rest)


def guess(text: str, before: str = "") -> str:
    """The language of a text that grows: one that was found before stays while little is written.

    ``before``: what was found last, or the language that the user used last. "": nothing to tell from.
    """
    if not has_letters(text):
        return before
    found = language_of(text, default=before)
    unsure = not found.sure and found.letters < _SHORT
    kept = before and unsure and found.share(without_script(before)) >= _KEPT
    return with_script(without_script(before) if kept else found.code, text, before)


def _doubt(text: str, given: str, packs: Sequence[str]) -> str:
    """Another language than the given one, where the text is plainly in that; else ""."""
    found = language_of(text)
    known = found.code in LANGUAGES or found.code in packs
    code = with_script(found.code, text, given)
    return code if found.sure and code != given and known else ""


@lru_cache(maxsize=4)
def _glossary(terms: tuple[Term, ...], source: str, target: str) -> Glossary:
    return Glossary(terms, source, target)


def live(
    models: Models,
    text: str,
    source: str,
    target: str,
    *,
    terms: Sequence[Term] | Callable[[str], Sequence[Term]] = (),
    quality: str = "quick",
    memory: LiveMemory | None = None,
    before: str = "",
    known: Sequence[str] = (),
    packs: Sequence[str] = (),
    anyway: Container[str] = (),
    choose: Choose = by_role,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Found | Doubt | Offered | Progress | Notice | Translated | Result]:
    """As ``translate.translate``, but ``Found`` comes before all else, and the first sentence comes alone.

    ``terms``: the glossary, or what gives it for the language found. ``known``: languages of the language
    model; ``packs``: those of translation packs. Nothing is translated where the text is in ``target``
    already: then ``Found`` is the last event. Nor is a text in a language that was found and that the model
    does not know, unless that is one of ``anyway``: a user is asked first.
    """
    language = guess(text, before) if source == "auto" else source
    if source == "auto" and not language:
        language = "en" if target != "en" else "fr"
    asks = source == "auto"  # before it translates from a language that the model does not know
    codes = tuple(dict.fromkeys((*offered(known), *packs)))
    if asks:
        language = nearest(text, language, codes)
        asks = language not in anyway
        yield Found(language, language in codes)
    else:
        yield Doubt(_doubt(text, source, packs))
    if language == target or (asks and language not in codes):
        return
    translator = yield from choose(models, language, target)
    stated = states(known) or states(translator.languages)
    codes = codes if states(known) else tuple(dict.fromkeys((*languages(translator), *packs)))
    yield Offered(codes, stated)
    if without_script(language) in LANGUAGES and language not in codes:
        yield Found(language, False)
        if asks:
            return
    given = terms(language) if callable(terms) else terms
    # the task finds and flags an unknown one again
    found = language if without_script(language) in LANGUAGES or language in packs else "auto"
    events = translate(
        models, text, found, target,
        glossary=_glossary(tuple(given), language, target), quality=quality, memory=memory,
        known=(*known, *packs), first=FIRST, choose=choose, cancelled=cancelled,
    )  # fmt: skip
    for event in events:
        if not (isinstance(event, Notice) and event.key == "notice.language-unknown"):  # Found says it
            yield event


def warm(
    models: Models,
    source: str,
    target: str,
    known: Sequence[str],
    cancelled: Callable[[], bool],
    choose: Choose = by_role,
    packs: Sequence[str] = (),
) -> Iterator[Any]:
    """Load the model and read the examples of a pair, so that the first sentence does not wait for it."""
    guess("Hello")  # the library that tells languages takes a moment to load
    translator = yield from choose(models, source, target)
    codes = offered(known) if states(known) else languages(translator)
    yield Offered(tuple(dict.fromkeys((*codes, *packs))), states(known) or states(translator.languages))
    known = (*known, *packs)
    if {without_script(source), without_script(target)} <= {*LANGUAGES, *packs} and source != target:
        events = translate(models, "Hello.", source, target, known=known, choose=choose, cancelled=cancelled)
        for event in events:
            if isinstance(event, Progress):
                yield event
