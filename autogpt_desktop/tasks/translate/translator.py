"""The one interface of what translates sentences, whichever kind of model stands behind it.

Language models are shown examples and asked (``language_model``), encoder–decoders are handed the sentences
(``seq2seq``). Which model is taken for a pair of languages is decided by a ``Choose``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.tasks.translate.prompts import SourceSentence

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

Cancelled = Callable[[], bool]


class Link(NamedTuple):
    """Characters of a sentence, and those of its translation that say the same: ``[start:end]`` of each."""

    source_start: int
    source_end: int
    start: int
    end: int


def _same(one: str, other: str) -> int:
    """How many characters two texts begin with that are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def kept_links(links: Sequence[Link], before: str, after: str) -> tuple[Link, ...]:
    """Links of a translation that became another text: of what it still begins and ends with."""
    head = _same(before, after)
    tail = min(_same(before[::-1], after[::-1]), min(len(before), len(after)) - head)
    shift = len(after) - len(before)
    found = [link for link in links if link.end <= head]
    for link in links:
        if link.start >= len(before) - tail and link.end > head:
            found.append(link._replace(start=link.start + shift, end=link.end + shift))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Answer:
    """A translation. ``confidence``: the probability that it is of use, see confidence. ``links``: which word
    became which, where the model tells; in the order of the translation."""

    text: str
    confidence: float
    flags: tuple[str, ...]
    links: tuple[Link, ...] = ()


class Translator(Protocol):
    """Translates sentences of one language into another. Both methods raise ``Cancelled``."""

    @property
    def name(self) -> str:
        """What tells its translations from those of others: they are remembered by it."""

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1, what its maker says it knows; (): nobody says."""

    @property
    def immediate(self) -> bool:
        """Is it quick enough to translate at every key, without a pause in typing?"""

    def translates(self, source: str, target: str) -> bool:
        """Can it be asked for this pair at all?"""

    def answers(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        glossary: Glossary,
        quality: str,
        cancelled: Cancelled,
    ) -> Generator[Progress, None, list[Answer]]:
        """Translate sentences of one language, each checked; what is wrong is tried once more."""

    def several(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        count: int,
        cancelled: Cancelled,
        prefix: str = "",
        words: str = "",
    ) -> Generator[Progress, None, list[list[Answer]]]:
        """Up to ``count`` different translations of each sentence, the best first, all of which begin with
        ``prefix``: where a user changes a word, what stands before it and the new word are the prefix.
        ``words``: what stands behind it; where the model knows what else it would say there, each goes on
        with another word than those, and from there as it fits."""


# (models, source, target) → the translator for the pair of languages, loaded if need be
Choose = Callable[["Models", str, str], Generator[Progress | Notice, None, Translator]]
