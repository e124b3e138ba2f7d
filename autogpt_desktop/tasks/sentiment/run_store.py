"""Where a run keeps what was measured of a text: a file of the run, or the memory."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice
from typing import Protocol

from autogpt_desktop.documents.run_results import Numbers
from autogpt_desktop.tasks.sentiment.measure import Measured, Part


class Store(Protocol):
    """Where what was measured is kept: ``documents.run_results.Run``, or ``Remembered``."""

    def find(self, texts: Iterable[str]) -> dict[str, tuple[Numbers, str]]: ...

    def keep(self, results: Iterable[tuple[str, Numbers, str]]) -> None: ...

    def close(self) -> None: ...

    def __len__(self) -> int: ...


class Remembered:
    """A store for lists that a user is still writing: in memory, the latest texts stay."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._model: tuple[str, ...] = ()
        self._held: dict[str, tuple[Numbers, str]] = {}

    def of(self, model: tuple[str, ...]) -> Remembered:
        """What is held counts for one model."""
        if model != self._model:
            self._model, self._held = model, {}
        return self

    def find(self, texts: Iterable[str]) -> dict[str, tuple[Numbers, str]]:
        return {text: self._held[text] for text in texts if text in self._held}

    def keep(self, results: Iterable[tuple[str, Numbers, str]]) -> None:
        self._held.update((text, (numbers, note)) for text, numbers, note in results)
        for text in list(islice(self._held, max(0, len(self._held) - self._most))):
            del self._held[text]

    def close(self) -> None:
        """Nothing is open."""

    def __len__(self) -> int:
        return 0  # nothing that a user would be told of


def packed(one: Measured) -> tuple[Numbers, str]:
    """What was measured as numbers and a note, for a store."""
    numbers = chain.from_iterable((part.d, part.neutral, part.tokens) for part in one.parts)
    return tuple(map(float, numbers)), f"{','.join(one.flags)} {one.language}"


def unpacked(numbers: Numbers, note: str) -> Measured:
    """The same back."""
    flags, _, language = note.partition(" ")
    triples = zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)
    parts = tuple(Part(d, neutral, int(tokens)) for d, neutral, tokens in triples)
    return Measured(parts, tuple(filter(None, flags.split(","))), language)
