"""Asking a chat model that is large enough to read several passages and to say where its answer stands.

What it says is checked: a number in brackets counts as a citation only where that passage says it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Notice, Progress, Text
from autogpt_desktop.tasks.answer.reader import align, is_wide, prompts

LEAST_BYTES = 900_000_000  # of weights: smaller models answer better by copying
_ROOM = 256  # tokens for the answer
_NUMBER = re.compile(r"\s*\[(\d{1,2})\]")


@dataclass(frozen=True, slots=True)
class Said:
    """What the model wrote, without its numbers, and where the passages say it."""

    answer: str
    places: tuple[tuple[int, int, int], ...]  # passage, start, end
    refused: bool
    confidence: float  # share of the cited passages that do say it


def chats(engine: Any) -> bool:
    """Whether the model is asked by its chat template."""
    template = getattr(engine, "template", None)
    return template is not None and not template.is_fallback and engine.weight_bytes >= LEAST_BYTES


def discuss(
    engine: Any, question: str, passages: Sequence[str], cancelled: Callable[[], bool]
) -> Iterator[Progress | Notice | Text | Said]:
    """Stream the model's answer, and last what became of it. Passages that do not fit are left out."""
    asked = prompts()["chat"]
    shown = list(passages)
    while True:
        numbered = "\n\n".join(f"[{number}] {text}" for number, text in enumerate(shown, 1))
        messages = [
            {"role": "system", "content": asked["system"]},
            {"role": "user", "content": asked["user"].format(passages=numbered, question=question)},
        ]
        ids = engine.chat_ids(messages)
        if len(ids) + _ROOM <= engine.context_length:
            break
        if len(shown) == 1:
            raise KnownError("prompt-too-long", tokens=len(ids), context=engine.context_length)
        shown.pop()
    text = ""
    sampling = Sampling(temperature=0, max_tokens=_ROOM)
    for step in engine.stream(ids, sampling, None, cancelled):
        if isinstance(step, Text):
            text += step.text
        if not isinstance(step, Done):
            yield step
    yield said(text, question, shown)


def said(text: str, question: str, passages: Sequence[str]) -> Said:
    """Check what a model wrote against the passages."""
    answer = _NUMBER.sub("", text).strip()
    refusal = prompts()["zh" if is_wide(question) else "en"]["refusal"]
    refusals = {prompts()[language]["refusal"].casefold() for language in ("en", "zh")} | {refusal}
    refused = not answer or any(answer.casefold().startswith(one) for one in refusals)
    named = [int(number) - 1 for number in _NUMBER.findall(text)]
    named = [number for number in dict.fromkeys(named) if 0 <= number < len(passages)]
    places = []
    for number in named or range(len(passages)):
        place = align(answer, passages[number])
        if place is not None:
            places.append((number, *place))
    share = len(places) / len(named) if named else (0.5 if places else 0.0)
    return Said(answer, tuple(places), refused, 0.0 if refused else share)
