"""Translate: a text in, its sentences out, each checked.

A base model is shown examples, computed once for a pair of languages; sentences travel through the
model together. "quick" takes the likeliest answer, "best" the one of several that most agree on.
What the checks find wrong is tried once more, differently, and what remains is flagged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autogpt_desktop.documents.text.chinese import (
    SIMPLIFIED,
    TRADITIONAL,
    both_scripts,
    with_script,
    without_script,
)
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.documents.text.languages import base_code, language_of
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.checks import GUESSED, flags, has_letters
from autogpt_desktop.tasks.translate.chinese import in_scripts
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.segments import UNSPACED_LETTER, Piece, cut, pieces
from autogpt_desktop.tasks.translate.translator import Answer, Choose, Link, Translator
from autogpt_desktop.tasks.translate.translators import by_role

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

_FEW = 60  # characters; the language of more is told by themselves
QUALITIES = ("quick", "best")
_GOES_ON = re.compile(r"[-'’]?\w")  # a word, as in "leu-lhe"
_SIGNS = ".,;:!?…。，；：！？"
WINDOW = 16  # pieces that are translated together before the first of them is shown
IMMEDIATE_WINDOW = 128  # of what takes milliseconds for each: fewer leave threads without work
_CUT_TOGETHER = 1000  # pieces that texts are cut into between two looks whether to go on
Memory = MutableMapping[tuple[Any, ...], Answer]  # what was translated before, for live typing and resuming
OTHER_LANGUAGES = {  # that can be translated from, with examples in English, and are named in notices
    "nl": "Dutch", "sv": "Swedish", "da": "Danish", "no": "Norwegian", "fi": "Finnish", "pl": "Polish",
    "cs": "Czech", "hu": "Hungarian", "ro": "Romanian", "tr": "Turkish", "uk": "Ukrainian", "el": "Greek",
    "he": "Hebrew", "hi": "Hindi", "th": "Thai", "vi": "Vietnamese", "id": "Indonesian", "fa": "Persian",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Translated:
    """One sentence (or clause of a very long one): ``source`` is ``[start:end]`` of the text ``part``.

    The translated text is every ``before + text`` in order, and ``Translation.after``.
    """

    part: int
    index: int
    start: int
    end: int
    source: str
    before: str
    text: str
    confidence: float  # 0 to 1; 1 for what was only copied
    flags: tuple[str, ...]  # see checks
    links: tuple[Link, ...] = ()  # between ``source`` and ``text``, where the model tells


@dataclass(frozen=True, slots=True)
class Translation:
    """One whole text. ``source``: the language that was given, or found."""

    part: int
    source: str
    target: str
    text: str
    after: str
    sentences: tuple[Translated, ...]

    @property
    def confidence(self) -> float:
        """Of its sentences, the longer the more."""
        size = sum(len(sentence.source) for sentence in self.sentences)
        if not size:
            return 1.0
        return sum(sentence.confidence * len(sentence.source) for sentence in self.sentences) / size

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(flag for sentence in self.sentences for flag in sentence.flags))

    @property
    def links(self) -> tuple[Link, ...]:
        """Between the whole source and ``text``."""
        found, at = list[Link](), 0
        for sentence in self.sentences:
            at += len(sentence.before)
            found += _moved(sentence.links, sentence.start, at)
            at += len(sentence.text)
        return tuple(found)


def languages(translator: Translator) -> tuple[str, ...]:
    """Which of LANGUAGES to offer: those the model says it knows, all where it says nothing."""
    return offered(translator.languages)


def offered(known: Sequence[str]) -> tuple[str, ...]:
    """Which of LANGUAGES to offer where a model knows those: all of them where it names none."""
    own = set(map(base_code, known))
    return both_scripts(tuple(code for code in LANGUAGES if code in own) or tuple(LANGUAGES))


def states(known: Sequence[str]) -> bool:
    """Does a list of languages name any of LANGUAGES? "multilingual" alone, or nothing, says nothing."""
    return any(base_code(code) in LANGUAGES for code in known)


def translate(
    models: Models,
    text: str,
    source: str,
    target: str,
    *,
    glossary: Glossary | None = None,
    quality: str = "quick",
    memory: Memory | None = None,
    known: Sequence[str] = (),
    first: int = WINDOW,
    choose: Choose = by_role,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Translated | Result]:
    """Translate one text: Progress, each Translated in order, and last a Result with the Translation.

    ``source``: ISO 639-1, or "auto". ``memory`` is asked before the model and told what it said.
    ``known``: languages that the model knows, where more is known than it says itself: a short text is
    rather in one of them, and a Notice names another before anything is translated.
    ``first``: how many pieces are translated together at first, twice as many each time after: a user
    who waits sees the first sooner. ``choose``: what translates a pair of languages. Raises
    KnownError("language-not-offered"), ``Cancelled``, and whatever loading can raise.
    """
    events = translate_many(
        models, [text], source, target, glossary=glossary, quality=quality, memory=memory, known=known,
        first=first, choose=choose, cancelled=cancelled,
    )  # fmt: skip
    for event in events:
        yield Result(event) if isinstance(event, Translation) else event


def translate_many(
    models: Models,
    texts: Sequence[str],
    source: str,
    target: str,
    *,
    glossary: Glossary | None = None,
    quality: str = "quick",
    memory: Memory | None = None,
    known: Sequence[str] = (),
    first: int = WINDOW,
    most: int = 0,
    choose: Choose = by_role,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Translated | Translation]:
    """As ``translate`` for several texts, which share passes: a Translation as each is complete, in order.

    ``most``: pieces that are translated together at most, 0: as many as suit the translators; with more a
    long run takes less time in all."""
    if quality not in QUALITIES:
        raise ValueError(f"unknown quality {quality!r}")
    stated = set(map(base_code, known))
    for language in (source, target):
        others = stated if language == target else {"auto", *OTHER_LANGUAGES, *stated}
        code = without_script(language)
        if code not in LANGUAGES and code not in others:
            raise _not_offered(language, offered(known))
    sources = [_language(text, target, known) if source == "auto" else source for text in texts]
    work, behind, count = list[list[Piece]](), list[str](), 0
    for part, text in enumerate(texts):
        found = list[Piece]()
        for piece in cut(text, sources[part], target, part):
            found.append(piece)
            count += 1
            if count % _CUT_TOGETHER == 0:  # a very long file takes seconds
                yield from _goes_on(cancelled)
        work.append(found)
        behind.append(text[found[-1].end :] if found else text)
    translators: dict[str, Translator] = {}
    told: set[str] = set()
    for language in dict.fromkeys(sources[part] for part, found in enumerate(work) if _has_words(found)):
        translators[language] = yield from choose(models, language, target)
        yield from _tell_unknown(translators[language], language, target, known, told)
    terms = {source: in_scripts(glossary or Glossary(), source, target) for source in {*sources}}
    memory = {} if memory is None else memory
    done: list[list[Translated]] = [[] for _ in texts]
    waiting = [piece for found in work for piece in found]
    most = most or (IMMEDIATE_WINDOW if all(one.immediate for one in translators.values()) else WINDOW)
    total, complete, part, size = len(waiting), 0, 0, min(first, most)
    while True:
        while part < len(texts) and len(done[part]) == len(work[part]):
            whole = "".join(s.before + s.text for s in done[part]) + behind[part]
            yield Translation(part, sources[part], target, whole, behind[part], tuple(done[part]))
            part += 1
        if complete == total:
            return
        window = waiting[complete : complete + size]
        size = min(2 * size, most)
        how = _How(translators, target, terms, quality, memory, cancelled)
        for step in _window(how, window, sources):
            if isinstance(step, Progress):
                yield Progress("stage.translating", complete, total)
                continue
            done[step.part].append(step)
            complete += 1
            yield step


@dataclass(frozen=True, slots=True)
class Alternative:
    text: str
    confidence: float
    flags: tuple[str, ...]
    links: tuple[Link, ...] = ()  # between the sentence and ``text``, where the model tells


def alternatives(
    models: Models,
    sentence: str,
    source: str,
    target: str,
    *,
    n: int = 3,
    glossary: Glossary | None = None,
    prefix: str = "",
    instead_of: str = "",
    choose: Choose = by_role,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Result]:
    """Other ways to say one sentence: last a Result with up to ``n`` Alternatives, the best first.

    ``prefix``: how all of them begin, such as what stands before a word and another word in its place.
    ``instead_of``: words that none of them goes on with; each goes on with other words than the rest.
    """
    source = _language(sentence, target) if source == "auto" else source
    glossary = in_scripts(glossary or Glossary(), source, target)
    found, after = pieces(sentence, source, target)
    translator = yield from choose(models, source, target)
    wishes = [_wish(piece, source, glossary) for piece in found if piece.inner]
    head = found[0].before + found[0].head if len(wishes) == 1 else prefix
    begun = prefix.removeprefix(head)
    made = yield from translator.several(wishes, target, 4 * n, cancelled, begun, instead_of)
    texts: dict[str, Alternative] = {}
    for number in range(max(map(len, made), default=0)):
        chosen = iter([options[min(number, len(options) - 1)] for options in made])
        text, surest, links, wrong = "", 1.0, list[Link](), list[str]()
        for piece in found:
            inner = next(chosen) if piece.inner else None
            if inner is not None:
                wrong += inner.flags
                links += _moved(_shifted(inner.links, piece), piece.start, len(text) + len(piece.before))
            text += piece.before + piece.head + (inner.text if inner else "") + piece.tail
            surest = min(surest, inner.confidence if inner else 1.0)
        wrong += (flag for flag in flags(sentence, text, source, target, glossary) if flag not in GUESSED)
        if text.startswith(prefix):
            texts.setdefault(
                text, Alternative(text + after, surest, tuple(dict.fromkeys(wrong)), tuple(links))
            )
    ranked = sorted(texts.values(), key=lambda item: len(item.flags))  # stable: the best come first
    if instead_of:
        ranked = _with_other_words(ranked, len(prefix), instead_of)
    yield Result(tuple(ranked[:n]))


def _with_other_words(ranked: Sequence[Alternative], at: int, words: str) -> list[Alternative]:
    """The first with each of the words, as many as ``words`` are, that stand at a place instead of them."""
    found: dict[str, Alternative] = {}
    size = len(words.split())
    for one in ranked:
        rest = one.text[at:]
        new = " ".join(rest.split()[:size]).casefold().strip(_SIGNS)
        if new and not _goes_on_with(rest, words):
            found.setdefault(new, one)
    return list(found.values())


def _goes_on_with(text: str, words: str) -> bool:
    """Does a text begin with these words, and not with longer ones?"""
    begins = text.lstrip().casefold().startswith(words.casefold())
    behind = text.lstrip()[len(words) :]
    longer = _GOES_ON.match(behind) and not UNSPACED_LETTER.match(words[-1])
    return begins and not longer


@dataclass(frozen=True, slots=True)
class _How:
    """What is the same for all pieces of a window."""

    translators: Mapping[str, Translator]  # by the source; none where nothing is to be translated
    target: str
    glossaries: Mapping[str, Glossary]  # by the source
    quality: str
    memory: Memory
    cancelled: Callable[[], bool]


def _window(
    how: _How, window: Sequence[Piece], sources: Sequence[str]
) -> Generator[Progress | Translated, None, None]:
    """Translate what the memory does not know, then hand everything out in order."""
    keys = {(piece.part, piece.index): _key(how, piece, sources[piece.part]) for piece in window}
    wishes: dict[str, dict[tuple[Any, ...], SourceSentence]] = {}
    for piece in window:
        key, source = keys[piece.part, piece.index], sources[piece.part]
        if piece.inner and source != how.target and key not in how.memory:
            wishes.setdefault(source, {})[key] = _wish(piece, source, how.glossaries[source])
    for source, wanted in wishes.items():
        found = yield from how.translators[source].answers(
            list(wanted.values()), how.target, how.glossaries[source], how.quality, how.cancelled
        )
        how.memory.update(zip(wanted, found, strict=True))
    for piece in window:
        text, confidence, wrong, links = piece.head, 1.0, tuple[str, ...](), tuple[Link, ...]()
        if piece.inner and sources[piece.part] == how.target:
            text, wrong = piece.source, ("copied",)
        elif piece.inner:
            answer = how.memory[keys[piece.part, piece.index]]
            text, confidence = piece.head + answer.text + piece.tail, answer.confidence
            wrong, links = answer.flags, _shifted(answer.links, piece)
        yield Translated(
            piece.part,
            piece.index,
            piece.start,
            piece.end,
            piece.source,
            piece.before,
            text,
            confidence,
            wrong,
            links,
        )


def _wish(piece: Piece, source: str, glossary: Glossary) -> SourceSentence:
    text = " ".join(piece.inner.split())  # a wrapped line's break would end a prompt
    return SourceSentence(text, source, tuple((term.source, term.target) for term in glossary.found(text)))


def _key(how: _How, piece: Piece, source: str) -> tuple[Any, ...]:
    terms = tuple((term.source, term.target) for term in how.glossaries[source].found(piece.inner))
    name = how.translators[source].name if source in how.translators else ""
    return (name, source, how.target, how.quality, terms, piece.inner)


def _language(text: str, target: str, known: Sequence[str] = ()) -> str:
    """The language that a text is most likely in, ISO 639-1; English where nothing can be told.

    A few words may be in many languages: of those nearly as likely, in the first that the model knows."""
    default = "en" if target != "en" else "fr"
    if not has_letters(text):
        return default
    among = offered(known) if known and len(text) <= _FEW else ()
    return with_script(language_of(text, among=among, default=default).code, text)


def nearest(text: str, language: str, known: Sequence[str]) -> str:
    """``language``, or for a few words one of ``known`` that is nearly as likely."""
    if language in known or len(text) > _FEW:
        return language
    found = _language(text, "", known)
    return found if found in known and has_letters(text) else language


def name_of(language: str) -> str:
    """A language's English name, as prompts and notices have it; the code where it has none here."""
    if language == TRADITIONAL:
        return f"{LANGUAGES[SIMPLIFIED]} (Traditional)"
    return LANGUAGES.get(language) or OTHER_LANGUAGES.get(language) or language


def _tell_unknown(
    translator: Translator, source: str, target: str, known: Sequence[str], told: set[str]
) -> Iterator[Notice]:
    """Raises KnownError("language-not-offered") for a pair that it cannot be asked for; a Notice names each
    language, once, that it hardly knows."""
    codes = tuple(map(base_code, known or translator.languages))
    if source != target and not translator.translates(source, target):
        targets = [
            code for code in dict.fromkeys((*LANGUAGES, *codes)) if translator.translates(source, code)
        ]
        raise _not_offered(source if not targets else target, targets or codes)
    for language in (source, target):
        if language not in (*offered(codes), *codes) and language not in told:
            told.add(language)
            yield Notice("notice.language-unknown", {"language": name_of(language)})


def _goes_on(cancelled: Callable[[], bool]) -> Iterator[Progress]:
    from autogpt_desktop.engine.interface import Cancelled

    if cancelled():
        raise Cancelled
    yield Progress("stage.translating", 0, 0)


def _has_words(found: Sequence[Piece]) -> bool:
    return any(piece.inner for piece in found)


def _shifted(links: Sequence[Link], piece: Piece) -> tuple[Link, ...]:
    """Links of what was asked (``_wish``) as those of the whole piece."""
    at = [match.start() for match in re.finditer(r"\S|(?<=\S)\s", piece.inner)]
    first, lead = len(piece.head), len(piece.inner) - len(piece.inner.lstrip())
    at = [place for place in at if place >= lead]
    return tuple(
        Link(at[a] + first, at[b - 1] + 1 + first, c + first, d + first)
        for a, b, c, d in links
        if b <= len(at)
    )


def _moved(links: Sequence[Link], source: int, target: int) -> list[Link]:
    """Links of a part that begins at these places of the whole."""
    return [Link(a + source, b + source, c + target, d + target) for a, b, c, d in links]


def _not_offered(language: str, codes: Sequence[str]) -> KnownError:
    return KnownError("language-not-offered", language=name_of(language), languages=", ".join(codes))
