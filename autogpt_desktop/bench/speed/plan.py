"""What is measured, and the one way of timing it that every engine goes through."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

WARM_UP = 8  # tokens read before anything is timed: first calls set up their workspaces
BATCH_PROMPT = 64  # tokens of each sequence before a batch decodes


@dataclass(frozen=True)
class Plan:
    """Sizes of one run, in tokens; ``contexts`` and ``batches`` are lists of those to try."""

    prompt_tokens: int = 512
    new_tokens: int = 64
    batches: tuple[int, ...] = (16,)
    contexts: tuple[int, ...] = ()

    @property
    def context(self) -> int:
        """Tokens of the longest single sequence of a repetition."""
        return self.prompt_tokens + self.new_tokens + WARM_UP

    @property
    def longest(self) -> int:
        """Tokens of the sequence that visits ``contexts``."""
        return max(self.contexts, default=0) + self.new_tokens * len(self.contexts) + WARM_UP


class Runner(Protocol):
    """An engine that can be timed. One sequence at a time, besides ``batch``; choices are greedy."""

    name: str
    loads_file: bool  # is reading the file the engine's own work, to be timed?

    def load(self, context: int, *, cached: bool) -> None:
        """Bring the model into memory, ready to compute sequences of ``context`` tokens.

        ``cached``: with what an earlier load left on disk, if the engine leaves anything there.
        """

    def close(self) -> None:
        """Let go of the model."""

    def start(self) -> None:
        """Begin an empty sequence."""

    def read(self, ids: Sequence[int]) -> None:
        """Append ``ids`` and choose the next token."""

    def decode(self, count: int) -> None:
        """Choose ``count`` more tokens, one after the other."""

    def batch(self, prompts: Sequence[Sequence[int]], count: int) -> float:
        """Seconds in which all ``prompts``, read before, choose ``count`` more tokens together."""


def measure(runner: Runner, plan: Plan, ids: Sequence[int]) -> dict[str, float]:
    """One repetition over the tokens ``ids``: both loads, prefill, decode and batches.

    Leaves the runner loaded; close it in any case. The first key of a batch of 16 is ``batch16_tps``.
    """
    figures: dict[str, float] = {}
    for key, cached in (("load_s", False), ("second_load_s", True)):
        began = time.perf_counter()
        runner.load(plan.context, cached=cached)
        if runner.loads_file:
            figures[key] = time.perf_counter() - began
        if not cached:
            runner.close()
    prompt = ids[: plan.prompt_tokens]
    runner.start()
    runner.read(prompt[:WARM_UP])
    runner.start()
    began = time.perf_counter()
    runner.read(prompt)
    read = time.perf_counter()
    runner.decode(plan.new_tokens)
    ended = time.perf_counter()
    figures["prefill_tps"] = len(prompt) / (read - began)
    figures["decode_tps"] = plan.new_tokens / (ended - read)
    for size in plan.batches:
        seconds = runner.batch(batch_prompts(ids, size), plan.new_tokens)
        figures[f"batch{size}_tps"] = size * plan.new_tokens / seconds
    return figures


def batch_prompts(ids: Sequence[int], size: int) -> list[Sequence[int]]:
    """Prompts of one length that differ from their first token on."""
    length = min(BATCH_PROMPT, max(1, len(ids) // 2))
    return [ids[start % (len(ids) - length + 1) :][:length] for start in range(size)]


def measure_contexts(runner: Runner, plan: Plan, ids: Sequence[int]) -> dict[str, dict[str, float]]:
    """Tokens per second behind each of ``plan.contexts``, on one growing sequence; closes the runner.

    {context: {"prefill_tps": of the stretch that leads to it, "decode_tps"}}
    """
    found: dict[str, dict[str, float]] = {}
    runner.load(plan.longest, cached=True)
    try:
        runner.start()
        runner.read(ids[:WARM_UP])
        runner.start()
        length = 0
        for context in sorted(plan.contexts):
            began = time.perf_counter()
            runner.read(ids[length:context])
            read = time.perf_counter()
            runner.decode(plan.new_tokens)
            ended = time.perf_counter()
            found[str(context)] = {
                "prefill_tps": (context - length) / (read - began),
                "decode_tps": plan.new_tokens / (ended - read),
            }
            length = context + plan.new_tokens
    finally:
        runner.close()
    return found


def text(words: int) -> str:
    """Plain English that does not repeat itself: the same on every run."""
    chosen = random.Random(7)
    people = ("the librarian", "my sister", "an old sailor", "the baker", "a tired doctor", "our neighbour")
    deeds = ("found", "carried", "forgot", "painted", "described", "mended", "counted", "sold", "hid")
    things = ("a blue lamp", "the long letter", "seven apples", "a map of the coast", "the broken clock")
    places = ("by the river", "in the attic", "behind the station", "on the last ferry", "under a bridge")
    times = ("at noon", "before the storm", "in the spring of 1947", "every Tuesday", "after the concert")
    sentences, count = [], 0
    while count < words:
        sentence = " ".join(chosen.choice(part) for part in (people, deeds, things, places, times))
        sentences.append(f"{sentence[0].upper()}{sentence[1:]}.")
        count += len(sentence.split())
    return " ".join(sentences)
