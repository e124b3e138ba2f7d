"""How a model is asked for translations: prompts, candidates, the second try."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.prompts import parallel
from autogpt_desktop.tasks.translate.confidence import confidence, signals
from autogpt_desktop.tasks.translate.constrained import with_terms
from autogpt_desktop.tasks.translate.prompts import SourceSentence, judged, longest, prompts, repeating
from autogpt_desktop.tasks.translate.rerank import Candidate, best, expected
from autogpt_desktop.tasks.translate.translator import Answer, Cancelled
from autogpt_desktop.thinking import without_thinking

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.generation.sampling import Sampler
    from autogpt_desktop.engine.interface import Logits

SAMPLES = 4  # of the quality "best", beside the likeliest answer
RETRIES = 4  # candidates of the second try
_TEMPERATURE, _TOP_K, _TOP_P = 0.5, 40, 0.95
_RETRY_TEMPERATURE = 0.7
_SEED = 20_240_817
# The likeliest answer alone is better behind fewer examples here: chrF of en → zh 16.3 instead of 13.2 on 40
# sentences, 17.0 instead of 16.1 on 36 others (en → fr: 43.5 instead of 45.4).
_QUICK_ORDER: dict[str, tuple[int, ...]] = {"zh": (5, 6, 7)}


@dataclass(frozen=True, slots=True)
class _Try:
    """One prompt to go on with: which wish, and how its tokens are chosen."""

    sentence: int
    seed: int = 0  # 0: the likeliest
    temperature: float = _TEMPERATURE
    no_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The candidate that was taken. ``agreement``: 0 to 1, how like it the others were; None: no others."""

    candidate: Candidate
    agreement: float | None = None


def answers(
    engine: Engine,
    sources: Sequence[SourceSentence],
    target: str,
    glossary: Glossary,
    quality: str,
    cancelled: Cancelled,
) -> Generator[Progress, None, list[Answer]]:
    """Translate sentences of one language; what the checks find wrong is tried once more, differently."""
    found = yield from choices(engine, sources, target, glossary, quality, cancelled)
    return [_answer(sentence, target, one) for sentence, one in zip(sources, found, strict=True)]


def choices(
    engine: Engine,
    sources: Sequence[SourceSentence],
    target: str,
    glossary: Glossary,
    quality: str,
    cancelled: Cancelled,
) -> Generator[Progress, None, list[Chosen]]:
    """As ``answers``: the candidates themselves."""
    tries = [_Try(at) for at in range(len(sources))]
    if quality == "best":
        tries += [_Try(at, seed) for at in range(len(sources)) for seed in range(1, SAMPLES + 1)]
    first = _QUICK_ORDER.get(target, ()) if quality == "quick" else ()
    made = yield from _candidates(engine, sources, tries, target, glossary, cancelled, first)
    chosen = [_chosen(options, quality) for options in made]
    wrong = [at for at, one in enumerate(chosen) if {*one.candidate.flags} - {"glossary"}]
    if wrong:
        again = [
            _Try(at, seed, _RETRY_TEMPERATURE, True) for at in wrong for seed in range(RETRIES)
        ]  # seed 0: the likeliest without repetitions
        order = tuple(reversed(range(len(parallel()))))
        more = yield from _candidates(engine, sources, again, target, glossary, cancelled, order)
        for at in wrong:
            chosen[at] = _chosen(made[at] + more[at], quality)
    if glossary:  # a sentence that is good but for a term needs no second try
        yield from _enforced(engine, sources, chosen, target, glossary, cancelled)
    return chosen


def _enforced(
    engine: Engine,
    sources: Sequence[SourceSentence],
    chosen: list[Chosen],
    target: str,
    glossary: Glossary,
    cancelled: Cancelled,
) -> Generator[Progress, None, None]:
    """Terms of the glossary that the model still does not say are put into its mouth."""
    without = [at for at, one in enumerate(chosen) if "glossary" in one.candidate.flags]
    if not without:
        return
    odd = [at for at in without if len(chosen[at].candidate.flags) > 1]
    if odd:  # the terms in the prompt may have led astray
        plain = [SourceSentence(sources[at].text, sources[at].source) for at in odd]
        made = yield from _candidates(
            engine, plain, [_Try(at) for at in range(len(odd))], target, glossary, cancelled
        )
        for at, options in zip(odd, made, strict=True):
            if options[0].cost < chosen[at].candidate.cost:
                chosen[at] = Chosen(options[0], chosen[at].agreement)
    asked = prompts(engine, sources, target)
    state = yield from engine.prefix_state(asked.prefix, "translate", cancelled=cancelled)
    for at in without:
        first = chosen[at]
        better = yield from with_terms(
            engine, state, asked, at, sources[at], first.candidate, target, glossary, cancelled
        )
        chosen[at] = Chosen(better, first.agreement)


def _chosen(options: Sequence[Candidate], quality: str) -> Chosen:
    shared = expected(options)
    at = best(options, shared)
    return Chosen(options[at], shared[at] / 100 if quality == "best" else None)


def several(
    engine: Engine,
    sources: Sequence[SourceSentence],
    target: str,
    count: int,
    cancelled: Cancelled,
    prefix: str = "",
) -> Generator[Progress, None, list[list[Answer]]]:
    """Different translations of each sentence, the best first, that begin with ``prefix``."""
    tries = [
        _Try(at, seed, _RETRY_TEMPERATURE, bool(seed)) for at in range(len(sources)) for seed in range(count)
    ]
    made = yield from _candidates(engine, sources, tries, target, Glossary(), cancelled, prefix=prefix)
    ranked = []
    for sentence, options in zip(sources, made, strict=True):
        scores = [e - 10 * c.cost for e, c in zip(expected(options), options, strict=True)]
        order = sorted(range(len(options)), key=lambda at: -scores[at])
        unique = {options[at].text: options[at] for at in reversed(order)}
        ranked.append([_answer(sentence, target, Chosen(one)) for one in reversed(unique.values())])
    return ranked


def _answer(sentence: SourceSentence, target: str, chosen: Chosen) -> Answer:
    one = chosen.candidate
    found = signals(
        sentence.text,
        one.text,
        sentence.source,
        target,
        one.logprob,
        one.flags,
        chosen.agreement,
    )
    return Answer(one.text, confidence(found), one.flags)


def _candidates(
    engine: Engine,
    sources: Sequence[SourceSentence],
    tries: Sequence[_Try],
    target: str,
    glossary: Glossary,
    cancelled: Cancelled,
    order: tuple[int, ...] = (),
    prefix: str = "",
) -> Generator[Progress, None, list[list[Candidate]]]:
    """For each wish what its tries became, repaired and judged. ``prefix``: how all of them begin."""
    from autogpt_desktop.engine.generation.batch import Continuation, generate

    asked = prompts(engine, sources, target, order)
    state = yield from engine.prefix_state(asked.prefix, "translate", cancelled=cancelled)
    prefix = prefix.rstrip()  # a word's token begins with the blank in front of it
    begun = engine.tokenizer.encode(asked.lead + prefix, add_special=False) if prefix else []
    steps = generate(
        engine,
        [[*asked.lines[one.sentence], *begun] for one in tries],
        prefix=state,
        max_tokens=[longest(engine, sources[one.sentence]) for one in tries],
        stop=asked.stop,
        choose=_Chooser(tries),
        cancelled=cancelled,
    )
    made: dict[int, Candidate] = {}
    for step in steps:
        if isinstance(step, Continuation):
            sentence = sources[tries[step.index].sentence]
            text = without_thinking(step.text)
            made[step.index] = judged(sentence, prefix + text, step.logprobs, target, glossary)
        else:
            yield step
    found: list[list[Candidate]] = [[] for _ in sources]
    for at, one in enumerate(tries):
        found[one.sentence].append(made[at])
    return found


class _Chooser:
    """Chooses tokens for many tries: the likeliest, or drawn with the try's own seed."""

    def __init__(self, tries: Sequence[_Try]) -> None:
        from autogpt_desktop.engine.generation.sampling import argmax

        self.tries, self.argmax = tries, argmax
        self.samplers: dict[int, Sampler] = {}

    def __call__(self, index: int, logits: Logits, made: list[int]) -> int:
        one = self.tries[index]
        if one.no_repeat and (banned := repeating(made)):
            logits = logits.clone()
            logits[banned] = -math.inf
        if not one.seed:
            return self.argmax(logits)
        if index not in self.samplers:
            self.samplers[index] = _sampler(one)
        return int(self.samplers[index](logits, made))


def _sampler(one: _Try) -> Sampler:
    from autogpt_desktop.engine.config import Sampling
    from autogpt_desktop.engine.generation.sampling import make_sampler

    return make_sampler(
        Sampling(temperature=one.temperature, top_k=_TOP_K, top_p=_TOP_P, min_p=0.0, seed=_SEED + one.seed)
    )
