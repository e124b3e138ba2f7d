"""Questions as the window asks them: what ``tasks.answer`` yields, with the sentences that people look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.documents.text.passages import passages, sentences
from autogpt_desktop.documents.types import Document, Passage
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Text
from autogpt_desktop.tasks.answer.answer import (
    EVIDENCE,
    WHOLE,
    Answered,
    Answering,
    Evidence,
    answer_from,
    ask,
    by_relevance,
    follow_up,
    foreign,
    open_reader,
)
from autogpt_desktop.tasks.answer.chat_model import chats
from autogpt_desktop.tasks.answer.cross_lingual import across, shares_of
from autogpt_desktop.tasks.answer.rank import Passage as Seen
from autogpt_desktop.tasks.answer.rank import overlaps

if TYPE_CHECKING:
    from autogpt_desktop.documents.index.collection import Collection

_LEAST_OVERLAP = 0.2  # of the question's words: less is no match to point at


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
    models: Any,
    question: str,
    collection: Collection,
    *,
    previous: Sequence[str] = (),
    whole: bool = False,
    only: Sequence[Path] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Finds:
    """``tasks.answer.ask`` over a collection's index; ends early and silently when ``cancelled``.

    Raises as ``ask`` and ``Index`` do.
    """
    from autogpt_desktop.documents.index.index import Index

    index = Index(collection)
    try:
        asked = ask(models, question, index, previous=previous, whole=whole, only=only, cancelled=cancelled)
        yield from _until_cancelled(_placed(asked, follow_up(question, previous)))
    finally:
        index.close()


def ask_text(
    models: Any,
    question: str,
    text: str,
    *,
    previous: Sequence[str] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Finds:
    """Answer from a text that was pasted, of any length. Offsets of the passages count its characters.

    Raises KnownError: empty-question, empty-passage, and what loading raises.
    """
    asked = follow_up(question, previous)
    return _until_cancelled(_placed(_answer_text(models, asked, text, cancelled), asked))


def warm_up(models: Any, cancelled: Callable[[], bool] = lambda: False) -> Iterator[Progress | Notice]:
    """Load the models, and read the examples, before the first question is finished."""
    from autogpt_desktop.engine.torch_backend.transformer import Cancelled

    try:
        reader = yield from open_reader(models, cancelled)
        if reader.copies and not chats(reader.engine):
            yield from reader.read("When was it built?", "It was built in 1782.")
    except Cancelled:
        return


def _answer_text(models: Any, question: str, text: str, cancelled: Callable[[], bool]) -> Answering:
    if not question.strip():
        raise KnownError("empty-question")
    cut = passages(Document(Path(), "", text, (), "", ""))
    if not cut:
        raise KnownError("empty-passage")
    reader = yield from open_reader(models, cancelled)
    asked = yield from across(models, question, shares_of(one.text for one in cut), cancelled)
    yield from foreign(reader, asked, cut[:EVIDENCE])
    if len(cut) > WHOLE:  # too long to be understood each time: what shares words comes first
        every = " ".join([question, *(text for one in asked.others for text in one.texts)])
        words = [max(_overlaps(every, one.text), default=0.0) for one in cut]
        best = sorted(range(len(cut)), key=lambda at: -words[at])[:WHOLE]
        cut = [cut[at] for at in sorted(best)]
    if len(cut) > 1:
        cut = yield from by_relevance(reader, asked, cut)
    yield from answer_from(reader, asked, cut[:EVIDENCE])


def _placed(steps: Answering, question: str) -> Finds:
    """Add the sentences."""
    found: tuple[Passage, ...] = ()
    for step in steps:
        if isinstance(step, Evidence):
            found = step.passages
            asked = step.asked or (question,) * len(found)
            near = [nearest_sentence(said, one.text) for said, one in zip(asked, found, strict=True)]
            yield Places(tuple(Place(one, *span) for one, span in zip(found, near, strict=True)))
        elif isinstance(step, Answered):
            around = [sentence_at(found[one.passage].text, one.start, one.end) for one in step.citations]
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
    shares = _overlaps(question, text)
    if not shares or max(shares) < _LEAST_OVERLAP:
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


def _overlaps(question: str, text: str) -> list[float]:
    return overlaps(question, Seen(text, tuple(sentences(text)), ()))


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return start, max(start, start + len(piece.strip()))
