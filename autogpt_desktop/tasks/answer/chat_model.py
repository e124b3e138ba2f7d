"""Asking a chat model that is large enough to read several passages and to say where its answer stands.

What it says is checked: a number in brackets counts as a citation only where that passage says it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Notice, Progress, Text
from autogpt_desktop.tasks.answer.lexicon import content_words, words
from autogpt_desktop.tasks.answer.reader import prompts

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine

MIN_CHAT_BYTES = 900_000_000  # of weights: smaller models answer better by copying
_MAX_TOKENS = 256  # of the answer
_NUMBER = re.compile(r"\s*\[(\d{1,2})\]")


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """What the model wrote, without its numbers, and where the passages say it."""

    answer: str
    places: tuple[tuple[int, int, int], ...]  # passage, start, end
    refused: bool
    confidence: float  # share of the cited passages that do say it


def can_chat(engine: Engine | EncoderEngine) -> bool:
    """Whether the model is asked by its chat template."""
    template = getattr(engine, "template", None)
    return template is not None and not template.is_fallback and engine.weight_bytes >= MIN_CHAT_BYTES


def ask_chat_model(
    engine: Engine, question: str, passages: Sequence[str], cancelled: Callable[[], bool]
) -> Iterator[Progress | Notice | Text | ChatAnswer]:
    """Stream the model's answer, and last what became of it. Passages that do not fit are left out.

    Raises KnownError("prompt-too-long") where not even one fits; ``Cancelled``."""
    prompt = prompts()["chat"]
    shown = list(passages)
    while True:
        numbered = "\n\n".join(f"[{number}] {text}" for number, text in enumerate(shown, 1))
        messages = [
            {"role": "system", "content": prompt["system"]},
            {"role": "user", "content": prompt["user"].format(passages=numbered, question=question)},
        ]
        ids = engine.chat_ids(messages)
        if len(ids) + _MAX_TOKENS <= engine.context_length:
            break
        if len(shown) == 1:
            raise KnownError("prompt-too-long", tokens=len(ids), context=engine.context_length)
        shown.pop()
    text = ""
    sampling = Sampling(temperature=0, max_tokens=_MAX_TOKENS)
    for step in engine.stream(ids, sampling, None, cancelled):
        if isinstance(step, Text):
            text += step.text
        if not isinstance(step, Done):
            yield step
    yield checked_answer(text, shown)


def checked_answer(text: str, passages: Sequence[str]) -> ChatAnswer:
    """Check what a model wrote against the passages."""
    answer = _NUMBER.sub("", text).strip()
    refusals = tuple(prompts()[language]["refusal"].casefold() for language in ("en", "zh"))
    refused = not answer or answer.casefold().startswith(refusals)
    cited = [int(number) - 1 for number in _NUMBER.findall(text)]
    cited = [number for number in dict.fromkeys(cited) if 0 <= number < len(passages)]
    places = []
    for number in cited or range(len(passages)):
        span = find_answer(answer, passages[number])
        if span is not None:
            places.append((number, *span))
    share = len(places) / len(cited) if cited else (0.5 if places else 0.0)
    return ChatAnswer(answer, tuple(places), refused, 0.0 if refused else share)


def find_answer(answer: str, text: str) -> tuple[int, int] | None:
    """Where ``text`` says ``answer``: exactly, else the run of words that shares most with it (F1 ≥ 0.5)."""
    phrase = answer.strip().strip(".。\"'“”")
    if not phrase:
        return None
    at = text.find(phrase)
    if at < 0:
        at = text.lower().find(phrase.lower())
    if at >= 0 and len(text.lower()) == len(text):
        return at, at + len(phrase)
    targets = content_words(phrase) or [word for word, _, _ in words(phrase)]
    placed = words(text)
    best_score, best_span = 0.5, None
    for first in range(len(placed)):
        if placed[first][0] not in targets:
            continue
        left, common = list(targets), 0
        for last in range(first, min(len(placed), first + 2 * len(targets) + 4)):
            if placed[last][0] in left:
                left.remove(placed[last][0])
                common += 1
                size = len([w for w in placed[first : last + 1] if w[0] in targets or len(w[0]) > 2])
                score = 2 * common / (size + len(targets))
                if score > best_score or (best_span is None and score == best_score):
                    best_score, best_span = score, (placed[first][1], placed[last][2])
    return best_span
