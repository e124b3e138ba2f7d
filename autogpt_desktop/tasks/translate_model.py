"""How a model is asked for translations: prompts, candidates, the second try."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.glossary import Glossary
from autogpt_desktop.tasks.prompts import (
    TRANSLATION_ENDS,
    parallel,
    translation_line,
    translation_messages,
    translation_prefix,
)
from autogpt_desktop.tasks.translate_choice import Candidate, best, expected
from autogpt_desktop.tasks.translate_confidence import confidence, signals
from autogpt_desktop.tasks.translate_guard import cost, flags, repaired

SAMPLES = 4  # of the quality "best", beside the likeliest answer
RETRIES = 4  # candidates of the second try
_TEMPERATURE, _TOP_K, _TOP_P = 0.5, 40, 0.95
_RETRY_TEMPERATURE = 0.7
_NO_REPEAT = 5  # tokens in a row that may not come again in a second try
_QUOTES = re.compile(r"^[\"“«„「](.*)[\"”»“」]$", re.DOTALL)
_SEED = 20_240_817

Cancelled = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Wish:
    """A sentence to translate, with the glossary's terms that are in it."""

    text: str
    source: str  # ISO 639-1
    terms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A translation. ``confidence``: the probability that it is of use, see translate_confidence."""

    text: str
    confidence: float
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Try:
    """One prompt to go on with: which wish, and how its tokens are chosen."""

    wish: int
    seed: int = 0  # 0: the likeliest
    temperature: float = _TEMPERATURE
    no_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The candidate that was taken. ``agreement``: 0 to 1, how like it the others were; None: no others."""

    candidate: Candidate
    agreement: float | None = None


def answers(
    engine: Any, wishes: Sequence[Wish], target: str, glossary: Glossary, quality: str, cancelled: Cancelled
) -> Generator[Progress, None, list[Answer]]:
    """Translate sentences of one language; what the guard finds wrong is tried once more, differently."""
    found = yield from choices(engine, wishes, target, glossary, quality, cancelled)
    return [_answer(wish, target, one) for wish, one in zip(wishes, found, strict=True)]


def choices(
    engine: Any, wishes: Sequence[Wish], target: str, glossary: Glossary, quality: str, cancelled: Cancelled
) -> Generator[Progress, None, list[Chosen]]:
    """As ``answers``: the candidates themselves."""
    tries = [_Try(at) for at in range(len(wishes))]
    if quality == "best":
        tries += [_Try(at, seed) for at in range(len(wishes)) for seed in range(1, SAMPLES + 1)]
    made = yield from _candidates(engine, wishes, tries, target, glossary, cancelled)
    chosen = [_chosen(options, quality) for options in made]
    wrong = [at for at, one in enumerate(chosen) if one.candidate.cost]
    if wrong:
        again = [
            _Try(at, seed, _RETRY_TEMPERATURE, True) for at in wrong for seed in range(RETRIES)
        ]  # seed 0: the likeliest without repetitions
        order = tuple(reversed(range(len(parallel()))))
        more = yield from _candidates(engine, wishes, again, target, glossary, cancelled, order)
        for at in wrong:
            chosen[at] = _chosen(made[at] + more[at], quality)
    return chosen


def _chosen(options: Sequence[Candidate], quality: str) -> Chosen:
    shared = expected(options)
    at = best(options, shared)
    return Chosen(options[at], shared[at] / 100 if quality == "best" else None)


def several(
    engine: Any, wishes: Sequence[Wish], target: str, count: int, cancelled: Cancelled
) -> Generator[Progress, None, list[list[Answer]]]:
    """Different translations of each sentence, the best first."""
    tries = [
        _Try(at, seed, _RETRY_TEMPERATURE, bool(seed)) for at in range(len(wishes)) for seed in range(count)
    ]
    made = yield from _candidates(engine, wishes, tries, target, Glossary(), cancelled)
    ranked = []
    for wish, options in zip(wishes, made, strict=True):
        scores = [e - 10 * c.cost for e, c in zip(expected(options), options, strict=True)]
        order = sorted(range(len(options)), key=lambda at: -scores[at])
        unique = {options[at].text: options[at] for at in reversed(order)}
        ranked.append([_answer(wish, target, Chosen(one)) for one in reversed(unique.values())])
    return ranked


def _answer(wish: Wish, target: str, chosen: Chosen) -> Answer:
    one = chosen.candidate
    found = signals(wish.text, one.text, wish.source, target, one.logprob, one.flags, chosen.agreement)
    return Answer(one.text, confidence(found), one.flags)


def _candidates(
    engine: Any,
    wishes: Sequence[Wish],
    tries: Sequence[_Try],
    target: str,
    glossary: Glossary,
    cancelled: Cancelled,
    order: tuple[int, ...] = (),
) -> Generator[Progress, None, list[list[Candidate]]]:
    """For each wish what its tries became, repaired and judged."""
    from autogpt_desktop.engine.batch import Continuation, generate

    prefix, lines, stop = _prompts(engine, wishes, target, order)
    state = yield from engine.prefix_state(prefix, "translate", cancelled=cancelled)
    steps = generate(
        engine,
        [lines[one.wish] for one in tries],
        prefix=state,
        max_tokens=[16 + int(2.5 * _size(engine, wishes[one.wish].text)) for one in tries],
        stop=stop,
        choose=_Chooser(tries),
        cancelled=cancelled,
    )
    made: dict[int, Candidate] = {}
    for step in steps:
        if isinstance(step, Continuation):
            wish = wishes[tries[step.index].wish]
            made[step.index] = _judged(wish, _clean(wish, step.text), step.logprobs, target, glossary)
        else:
            yield step
    found: list[list[Candidate]] = [[] for _ in wishes]
    for at, one in enumerate(tries):
        found[one.wish].append(made[at])
    return found


def _judged(wish: Wish, text: str, logprobs: Sequence[float], target: str, glossary: Glossary) -> Candidate:
    text, guessed = repaired(wish.text, text)
    for term, other in wish.terms:  # left as it was
        if other not in text and term in text:
            text = text.replace(term, other)
    mean = sum(logprobs) / len(logprobs) if logprobs else -10.0
    found = flags(wish.text, text, wish.source, target, glossary)
    if guessed and "placeholders" not in found:
        found = (*found, "placeholders")
    return Candidate(text, mean, cost(found), found)


def _clean(wish: Wish, text: str) -> str:
    """One line, without quotation marks that the source does not have."""
    text = " ".join(text.split())
    if (quoted := _QUOTES.match(text)) and not _QUOTES.match(wish.text):
        text = quoted.group(1).strip()
    return text


def _size(engine: Any, text: str) -> int:
    return len(engine.tokenizer.encode(text, add_special=False))


def _shown(source: str) -> str:
    """The language whose examples are shown: English for one that has none."""
    return source if source in parallel()[0] else "en"


def _prompts(
    engine: Any, wishes: Sequence[Wish], target: str, order: tuple[int, ...]
) -> tuple[list[int], list[list[int]], tuple[str, ...]]:
    """In token ids what all prompts of a pair begin with and what follows for each wish; stop strings."""
    source = _shown(wishes[0].source)
    if engine.template.is_fallback:
        encode = engine.tokenizer.encode
        prefix = encode(translation_prefix(source, target, order), add_special=True)
        lines = [translation_line(source, target, wish.text, wish.terms) for wish in wishes]
        return prefix, [encode(line, add_special=False) for line in lines], (TRANSLATION_ENDS,)

    def chat(text: str, terms: Sequence[tuple[str, str]] = ()) -> list[int]:
        return list(engine.chat_ids(translation_messages(source, target, text, order, terms)))

    whole = [chat(wish.text, wish.terms) for wish in wishes]
    same = list(os.path.commonprefix([chat("A"), chat("\u4e00"), *whole]))
    return same, [ids[len(same) :] for ids in whole], ()


class _Chooser:
    """Chooses tokens for many tries: the likeliest, or drawn with the try's own seed."""

    def __init__(self, tries: Sequence[_Try]) -> None:
        self.tries = tries
        self.samplers: dict[int, Any] = {}

    def __call__(self, index: int, logits: Any, made: list[int]) -> int:
        one = self.tries[index]
        if one.no_repeat and (banned := repeating(made)):
            logits = logits.clone()
            logits[banned] = -math.inf
        if not one.seed:
            return int(logits.argmax())
        if index not in self.samplers:
            self.samplers[index] = _sampler(one)
        return int(self.samplers[index](logits, made))


def _sampler(one: _Try) -> Any:
    from autogpt_desktop.engine.config import Sampling
    from autogpt_desktop.engine.sampling import make_sampler

    return make_sampler(
        Sampling(temperature=one.temperature, top_k=_TOP_K, top_p=_TOP_P, min_p=0.0, seed=_SEED + one.seed)
    )


def repeating(made: Sequence[int]) -> list[int]:
    """Tokens that would make the last ``_NO_REPEAT`` the same as some before."""
    last = tuple(made[-(_NO_REPEAT - 1) :])
    if len(last) < _NO_REPEAT - 1:
        return []
    size = len(last)
    return [made[at + size] for at in range(len(made) - size) if tuple(made[at : at + size]) == last]
