"""Questions as the window asks them: what ``tasks.answer`` yields, with the sentences that people look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autogpt_desktop.documents.text.passages import sentences
from autogpt_desktop.documents.types import Passage
from autogpt_desktop.events import Notice, Progress, Text
from autogpt_desktop.tasks.answer.answer import (
    Answered,
    Answering,
    Evidence,
    answer_in_text,
    ask,
    open_reader,
    sentence_overlaps,
)
from autogpt_desktop.tasks.answer.indexing import opened

if TYPE_CHECKING:
    from autogpt_desktop.documents.index.collection import Collection
    from autogpt_desktop.engine.model_pool import Models

_MIN_OVERLAP = 0.2  # of the question's words: less is no match to point at


@dataclass(frozen=True, slots=True)
class Place:
    """A passage and the part of ``passage.text`` to look at: [start, end); empty: no part stands out."""

    passage: Passage
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Places:
    """The evidence, the most relevant first. Comes before the answer."""

    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """The end of a question: ``sentences[i]`` is what stands around ``answered.citations[i]``, as
    [start, end) of that passage's text."""

    answered: Answered
    sentences: tuple[tuple[int, int], ...]


Finds = Iterator[Progress | Notice | Places | Text | Finding]


def ask_collection(
    models: Models,
    question: str,
    collection: Collection,
    *,
    previous: Sequence[str] = (),
    whole: bool = False,
    only: Sequence[Path] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Finds:
    """``answer.ask`` over a collection's index, once no other program writes to it; ends early and silently
    when ``cancelled``.

    Raises as ``ask`` and ``Index`` do.
    """
    index = yield from opened(collection, cancelled)
    if index is None:
        return
    try:
        steps = ask(models, question, index, previous=previous, whole=whole, only=only, cancelled=cancelled)
        yield from _until_cancelled(_with_sentences(steps))
    finally:
        index.close()


def ask_text(
    models: Models,
    question: str,
    text: str,
    *,
    previous: Sequence[str] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Finds:
    """``answer.answer_in_text``; ends early and silently when ``cancelled``. Raises as it does."""
    steps = answer_in_text(models, question, text, previous=previous, cancelled=cancelled)
    return _until_cancelled(_with_sentences(steps))


def warm_up(models: Models, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Progress | Notice]:
    """Load the models, and read the examples, before the first question is finished."""
    from autogpt_desktop.engine.torch_backend.transformer import Cancelled

    try:
        reader = yield from open_reader(models, cancelled)
        if reader.copies:
            yield from reader.read("When was it built?", "It was built in 1782.")
    except Cancelled:
        return


def _with_sentences(steps: Answering) -> Finds:
    """Add the sentences that are to be looked at."""
    passages: tuple[Passage, ...] = ()
    for step in steps:
        if isinstance(step, Evidence):
            passages = step.passages
            asked = zip(step.asked, passages, strict=True)
            yield Places(tuple(Place(one, *nearest_sentence(question, one.text)) for question, one in asked))
        elif isinstance(step, Answered):
            around = [sentence_at(passages[one.passage].text, one.start, one.end) for one in step.citations]
            yield Finding(step, tuple(around))
        else:
            yield step


def _until_cancelled(steps: Finds) -> Finds:
    """The engine says with an exception that it was cancelled; for the window that is an end like others."""
    from autogpt_desktop.engine.torch_backend.transformer import Cancelled

    try:
        yield from steps
    except Cancelled:
        return


def nearest_sentence(question: str, text: str) -> tuple[int, int]:
    """Where the sentence stands that shares most words with the question; (0, 0): none shares enough."""
    spans = sentences(text)
    shares = sentence_overlaps(question, text)
    if not shares or max(shares) < _MIN_OVERLAP:
        return 0, 0
    return _trimmed(text, *spans[shares.index(max(shares))])


def sentence_at(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence, or the sentences, that ``text[start:end]`` stands in."""
    first, last = start, end
    for a, b in sentences(text):
        if a <= start < b:
            first = a
        if a < end <= b:
            last = b
    return _trimmed(text, min(first, start), max(last, end))


def excerpt(text: str, start: int, end: int, most: int) -> tuple[int, int]:
    """The part of ``text`` around [start, end) that fits into about ``most`` characters, cut between
    sentences where that leaves enough, else between words."""
    if len(text) <= most:
        return 0, len(text)
    end = min(max(start, end), start + most)
    spare = most - (end - start)
    first = max(0, start - spare // 3)
    last = min(len(text), first + most)
    first = max(0, last - most)
    for a, _ in sentences(text):
        if first <= a <= start:
            first = a
            break
    else:
        space = text.find(" ", first, start)
        first = space + 1 if first and space >= 0 else first
    last = min(len(text), first + most)
    space = text.rfind(" ", max(end, last - 24), last)
    last = space if last < len(text) and space > end else last
    return first, last


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return start, max(start, start + len(piece.strip()))
