"""What an installed model can be adapted to: conversations, pairs and plain texts."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

Turn = tuple[str, str]  # role ("system", "user", "assistant"), content


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation, of which the assistant's turns are learned; or a text, all of which is; or both: a
    question about the text, and the answer that stands in it or none."""

    turns: tuple[Turn, ...] = ()
    text: str = ""

    @property
    def messages(self) -> list[dict[str, str]]:
        """As chat templates take them."""
        return [{"role": role, "content": content} for role, content in self.turns]


def pair(prompt: str, answer: str, system: str = "") -> Example:
    """A question and the answer to learn."""
    before: tuple[Turn, ...] = (("system", system),) if system else ()
    return Example((*before, ("user", prompt), ("assistant", answer)))


def question_about(text: str, question: str, answer: str) -> Example:
    """``answer``: as it stands in the text; "" for none."""
    return Example((("user", question), *((("assistant", answer),) if answer else ())), text)


def is_empty(example: Example) -> bool:
    """Is there nothing to learn in it: no text, or no answer with a character in it?"""
    if example.turns and example.text.strip():
        return not any(content.strip() for _, content in example.turns)
    if example.turns:
        return not any(role == "assistant" and content.strip() for role, content in example.turns)
    return not example.text.strip()


def split(examples: Iterable[Example], held_out: float, seed: int) -> tuple[list[Example], list[Example]]:
    """(to learn, held out): copies of one example stay on one side. With two different ones or more at
    least one is held out."""
    groups: dict[Example, list[Example]] = {}
    for example in examples:
        groups.setdefault(example, []).append(example)
    keys = list(groups)
    random.Random(seed).shuffle(keys)
    count = min(max(1, round(held_out * len(keys))), len(keys) - 1) if held_out and len(keys) > 1 else 0
    return (
        [one for key in keys[count:] for one in groups[key]],
        keys[:count],
    )
