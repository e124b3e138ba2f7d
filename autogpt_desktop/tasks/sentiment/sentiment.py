"""Sentiment: texts in, calibrated probabilities of positive, neutral and negative out.

A text is scored whole where it fits one window, else window by window on sentences' borders, and the
windows are combined (``sentiment_scale.combined``). How a model is asked is in ``sentiment_ask``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.tasks.sentiment.calibration import Scale, combined, label_of, sigmoid
from autogpt_desktop.tasks.sentiment.scorers import Asker, Constants, Score, asker

if TYPE_CHECKING:
    from autogpt_desktop.tasks.sentiment.corrections import Corrections

ROLE = "sentiment"
CHUNK = 64  # texts between two results: enough for full passes, soon enough to be seen
MOST_WINDOWS = 48  # of one text; of a longer one as many, evenly spread
MOST_CHARACTERS = 100_000  # of one text that are cut into sentences
MOST_SENTENCES = 400  # of one text that get a score of their own
MOST_WORDS = 160  # left out one by one to explain a text
_PLAIN = 0.9  # how much less a window counts that is surely neutral
_SURE = 0.8  # probability of a language that a person is told about
_LETTERS = 12  # fewer do not tell a language
_WORD = re.compile(r"[぀-ヿ㐀-鿿]{1,2}|[^\W぀-ヿ㐀-鿿]+(?:['’-][^\W_]+)*")

_CUT = re.compile(r" (?=(?:n['’]t|['’](?:s|re|ve|ll|d|m))\b)|(?<=[($]) ")
_BEFORE = re.compile(r" (?=[,.;:!?%)](?: |$))")

EMPTY, LONG, LANGUAGE = "empty", "long", "language"


@dataclass(frozen=True, slots=True)
class Part:
    """What was measured of one window: enough to judge it again with other constants."""

    d: float  # log-odds, as the model gives them
    neutral: float  # P(neutral) of a head that has it, else -1
    tokens: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A text as a model sees it, before any calibration."""

    parts: tuple[Part, ...]
    flags: tuple[str, ...] = ()  # EMPTY, LONG (not all of it was read), LANGUAGE
    language: str = ""  # ISO 639-1, where it is one that the model does not know


@dataclass(frozen=True, slots=True)
class SentenceScore:
    """One sentence of a text: its characters and probabilities."""

    start: int
    end: int
    positive: float
    neutral: float
    negative: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A text's sentiment. The three probabilities sum to one; of an empty text all are 0."""

    index: int
    label: str  # "positive", "neutral", "negative"; "" for an empty text
    positive: float
    neutral: float
    negative: float
    sentences: tuple[SentenceScore, ...] = ()
    flags: tuple[str, ...] = ()
    language: str = ""
    d: float = 0.0  # log-odds before calibration


@dataclass(frozen=True, slots=True)
class WordWeight:
    """A word and what it carries: how much the calibrated log-odds fall when it is left out."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True, slots=True)
class Explained:
    """One text with the weight of its words; of a long text those of the windows that decided most."""

    scored: Scored
    words: tuple[WordWeight, ...]


@dataclass(frozen=True)
class Judge:
    """A model that is ready, with the constants to judge by."""

    asker: Asker
    constants: Constants
    scale: Scale  # of the constants, or as a person's corrections have moved it


def sentiment(
    models: Any,
    texts: Iterable[str],
    *,
    two_way: bool = False,
    sentences: bool = False,
    corrections: Corrections | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Scored]:
    """Score texts, in order, as they come; ``texts`` is read in chunks and never held as a whole.

    ``models`` hands out engines (``get("sentiment")``). ``two_way`` leaves neutral out. ``sentences``
    scores each sentence of a text too. ``corrections`` adjust the calibration. Raises ``Cancelled``,
    KnownError: sentiment-head, sentiment-model, prompt-too-long, and whatever loading can raise.
    """
    judge = yield from ready(models, corrections, cancelled)
    total = len(texts) if isinstance(texts, Sized) else 0
    waiting, done = iter(texts), 0
    while chunk := list(islice(waiting, CHUNK)):
        measured = yield from measure(judge, chunk, cancelled, done, total)
        inside: list[tuple[SentenceScore, ...]] = [()] * len(chunk)
        if sentences:
            inside = yield from _sentences(judge, chunk, measured, two_way, cancelled)
        for at, one in enumerate(measured):
            yield scored(done + at, one, judge.scale, two_way, inside[at])
        done += len(chunk)
        yield Progress("stage.scoring", done, total)


def ready(
    models: Any, corrections: Corrections | None, cancelled: Callable[[], bool]
) -> Generator[Progress | Notice, None, Judge]:
    """The role's model, its prefix and its constants."""
    engine = yield from models.get(ROLE)
    asking = yield from asker(engine, cancelled)
    constants = yield from asking.scale(cancelled)
    scale = constants.scale
    if corrections is not None:
        scale = yield from corrections.adjusted(asking, scale, cancelled)
    return Judge(asking, constants, scale)


def measure(
    judge: Judge, texts: Sequence[str], cancelled: Callable[[], bool], done: int = 0, total: int = 0
) -> Generator[Progress, None, list[Measured]]:
    """What the model says of each text; equal texts, and equal windows, are asked once.

    ``done`` and ``total`` count texts, for the Progress.
    """
    cut: list[list[str]] = []  # the windows of each text
    flags: list[list[str]] = []
    foreign: list[str] = []
    seen: dict[str, int] = {}
    same = [seen.setdefault(text, at) for at, text in enumerate(texts)]
    for at, text in enumerate(texts):
        plain, spans, long = windows(text if same[at] == at else "", judge.asker)
        cut.append(pieces := [plain[start:end] for start, end in spans])
        foreign.append(unknown_language(text, judge.constants.languages) if pieces else "")
        named = ((EMPTY, not pieces), (LONG, long), (LANGUAGE, bool(foreign[-1])))
        flags.append([name for name, is_so in named if is_so])
    asked = list(dict.fromkeys(piece for pieces in cut for piece in pieces))
    found: dict[str, Score] = {}
    for step in judge.asker.scores(asked, cancelled):
        if isinstance(step, Progress):
            yield Progress("stage.scoring", done + len(texts) * step.done // max(1, step.total), total)
        else:
            found[asked[step[0]]] = step[1]
    lengths = {piece: judge.asker.tokens(piece) for pieces in cut if len(pieces) > 1 for piece in pieces}
    measured = [
        Measured(
            tuple(Part(*found[piece], lengths.get(piece, 1)) for piece in pieces), tuple(names), language
        )
        for pieces, names, language in zip(cut, flags, foreign, strict=True)
    ]
    return [measured[first] for first in same]


def scored(
    index: int,
    measured: Measured,
    scale: Scale,
    two_way: bool = False,
    sentences: tuple[SentenceScore, ...] = (),
) -> Scored:
    """The verdict on what was measured, with the constants of ``scale``."""
    if not measured.parts:
        return Scored(index, "", 0.0, 0.0, 0.0, (), measured.flags)
    d, shares = judged(measured.parts, scale, two_way)
    return Scored(index, label_of(shares), *shares, sentences, measured.flags, measured.language, d)


def judged(parts: Sequence[Part], scale: Scale, two_way: bool) -> tuple[float, tuple[float, float, float]]:
    """Log-odds d and the three probabilities of windows together."""
    if parts[0].neutral < 0:
        d = combined([(part.d, part.tokens) for part in parts], scale)
        return d, scale.probabilities(scale.z(d), two_way)
    # a head that knows neutral keeps its own, and plain windows count for little beside one with an
    # opinion; what is left is shared out by the log-odds
    shares = [scale.neutral_share(part.neutral) for part in parts]
    weights = [
        max(1, part.tokens) * (1.0 - _PLAIN * share) for part, share in zip(parts, shares, strict=True)
    ]
    first = parts[0].d  # taken off, so that one window's d stays what it is to the bit
    d = first + sum(w * (part.d - first) for w, part in zip(weights, parts, strict=True)) / sum(weights)
    mean = sum(weight * share for weight, share in zip(weights, shares, strict=True)) / sum(weights)
    neutral = 0.0 if two_way else mean
    positive = (1.0 - neutral) * sigmoid(scale.z(d))
    return d, (positive, neutral, 1.0 - neutral - positive)


def windows(text: str, asking: Asker) -> tuple[str, list[tuple[int, int]], bool]:
    """The text with tidy white space, the windows that are scored as (start, end) of it, and whether
    some of it is left out."""
    from autogpt_desktop.documents.text.passages import sentences as cut

    plain, long = tidy(text[:MOST_CHARACTERS]), len(text) > MOST_CHARACTERS
    if not plain:
        return plain, [], long
    if len(plain.encode("utf-8", "replace")) <= asking.window or asking.tokens(plain) <= asking.window:
        return plain, [(0, len(plain))], long
    held: list[tuple[int, int]] = []
    size = asking.window + 1
    for sentence in cut(plain):
        for start, end in _chopped(plain, *sentence, asking):
            tokens = asking.tokens(plain[start:end]) + 1
            if size + tokens <= asking.window:
                held[-1], size = (held[-1][0], end), size + tokens
            else:
                held.append((start, end))
                size = tokens
    if len(held) > MOST_WINDOWS:
        held = [held[at * (len(held) - 1) // (MOST_WINDOWS - 1)] for at in range(MOST_WINDOWS)]
        long = True
    return plain, held, long


def tidy(text: str) -> str:
    """Single white space, and none where tokenised English has some: "did n't", "well , yes ."

    Nothing else changes, so that places can be found again by counting other characters.
    """
    plain = " ".join(text.split())
    return _BEFORE.sub("", _CUT.sub("", plain)) if " " in plain else plain


def _chopped(text: str, start: int, end: int, asking: Asker) -> Iterator[tuple[int, int]]:
    """A sentence, in halves at white space (or anywhere) until each fits a window."""
    if end - start <= 8 * asking.window and asking.tokens(text[start:end]) <= asking.window - 1:
        if text[start:end].strip():
            yield start, end
        return
    middle = (start + end) // 2
    space = text.rfind(" ", (start + middle) // 2, middle + 1)
    at = space + 1 if space > start else middle
    yield from _chopped(text, start, at, asking)
    yield from _chopped(text, at, end, asking)


def unknown_language(text: str, known: Sequence[str]) -> str:
    """The text's language if it is surely none of ``known``; "" too where nothing is known."""
    from autogpt_desktop.documents.text.passages import detect

    if not known or sum(character.isalpha() for character in text[:200]) < 2:
        return ""
    found = detect(text)
    if not found or found[0][0] in known:
        return ""
    letters = sum(3 if character > "\u2e80" else 1 for character in text[:200] if character.isalpha())
    return found[0][0] if found[0][1] >= _SURE and letters >= _LETTERS else ""


def _sentences(
    judge: Judge,
    texts: Sequence[str],
    measured: Sequence[Measured],
    two_way: bool,
    cancelled: Callable[[], bool],
) -> Generator[Progress, None, list[tuple[SentenceScore, ...]]]:
    """Each text's sentences with their own probabilities; a text of one sentence is not asked again."""
    from autogpt_desktop.documents.text.passages import sentences as cut

    spans = [
        cut(text[:MOST_CHARACTERS])[:MOST_SENTENCES] if whole.parts else []
        for text, whole in zip(texts, measured, strict=True)
    ]
    asked = list(
        dict.fromkeys(
            text[start:end]
            for text, cuts in zip(texts, spans, strict=True)
            if len(cuts) > 1
            for start, end in cuts
        )
    )
    found: dict[str, Measured] = {}
    for at in range(0, len(asked), CHUNK):
        some = asked[at : at + CHUNK]
        found |= dict(zip(some, (yield from measure(judge, some, cancelled)), strict=True))
    result = []
    for text, cuts, whole in zip(texts, spans, measured, strict=True):
        scores = []
        for start, end in cuts:
            one = found[text[start:end]] if len(cuts) > 1 else whole
            if one.parts:
                scores.append(SentenceScore(start, end, *judged(one.parts, judge.scale, two_way)[1]))
        result.append(tuple(scores))
    return result


def explain(
    models: Any,
    text: str,
    *,
    two_way: bool = False,
    corrections: Corrections | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Explained]:
    """The words that carried the decision: each is left out once, and what changes is its weight
    (occlusion: Zeiler and Fergus 2014; Li, Monroe and Jurafsky 2016). Raises as ``sentiment`` does."""
    judge = yield from ready(models, corrections, cancelled)
    whole = (yield from measure(judge, [text], cancelled))[0]
    yield from _explained(judge, text, whole, two_way, cancelled)


def look(
    models: Any,
    text: str,
    *,
    words: bool = True,
    two_way: bool = False,
    corrections: Corrections | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Scored | Explained]:
    """``sentiment`` of one text with its sentences, and then, with ``words``, what ``explain`` says of it:
    the text is read once for both."""
    judge = yield from ready(models, corrections, cancelled)
    measured = yield from measure(judge, [text], cancelled)
    inside = yield from _sentences(judge, [text], measured, two_way, cancelled)
    yield scored(0, measured[0], judge.scale, two_way, inside[0])
    if words:
        yield from _explained(judge, text, measured[0], two_way, cancelled)


def _explained(
    judge: Judge, text: str, whole: Measured, two_way: bool, cancelled: Callable[[], bool]
) -> Iterator[Progress | Explained]:
    """The weights of the words of a text that was measured as a ``whole``."""
    plain, spans, _ = windows(text, judge.asker)
    places = [at for at, character in enumerate(text) if not character.isspace()]
    chosen: list[tuple[int, int, int]] = []  # window, and a word's start and end in ``plain``
    for at in sorted(range(len(spans)), key=lambda at: -abs(judge.scale.z(whole.parts[at].d))):
        words = [match.span() for match in _WORD.finditer(plain, *spans[at])]
        chosen += [(at, *word) for word in words[: MOST_WORDS - len(chosen)]]
    without = [plain[spans[at][0] : start] + plain[end : spans[at][1]] for at, start, end in chosen]
    changed: dict[int, Score] = {}
    for step in judge.asker.scores(without, cancelled):
        if isinstance(step, Progress):
            yield step
        else:
            changed[step[0]] = step[1]

    def z(parts: Sequence[Part]) -> float:
        return judge.scale.z(judged(parts, judge.scale, two_way)[0]) if parts else 0.0

    complete = z(whole.parts)
    weights = []
    for number, (at, start, end) in enumerate(chosen):
        instead = list(whole.parts)
        instead[at] = Part(*changed[number], instead[at].tokens)
        first = places[start - plain.count(" ", 0, start)]  # white space is what the two differ in
        weights.append(WordWeight(first, first + end - start, complete - z(instead)))
    weights.sort(key=lambda word: word.start)
    yield Explained(scored(0, whole, judge.scale, two_way), tuple(weights))
