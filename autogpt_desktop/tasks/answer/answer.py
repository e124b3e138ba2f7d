"""Questions over text: evidence first, then the answer with its places, or a plain "it does not say"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt_desktop.documents.types import Passage
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Text
from autogpt_desktop.tasks.answer.chat_model import chats, discuss
from autogpt_desktop.tasks.answer.cross_lingual import Asked, across, shares_of
from autogpt_desktop.tasks.answer.filters import possible
from autogpt_desktop.tasks.answer.index import embedding_model
from autogpt_desktop.tasks.answer.lexicon import PRONOUNS, content, goes_on
from autogpt_desktop.tasks.answer.reader import Reader, Reading, constants_for, is_wide

EVIDENCE = 5  # passages that are shown
READ = 3  # of these, how many are read for the answer
WHOLE = 40  # passages of files that are short enough to be read as a whole
_THERE_IS = re.compile(r"\b(?:(?:is|are|was|were) there|there (?:is|are|was|were))\b")
_DOWN = 0.85  # what a place further down in the evidence takes off


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the answer will be taken from, the most relevant first. Comes before the answer.

    ``asked``: the question as each of them is asked, in its language; (): as it is."""

    passages: tuple[Passage, ...]
    asked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """Where an answer stands: ``evidence.passages[passage].text[start:end]``. People see passage + 1."""

    passage: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The end of a question. ``answer`` is empty where the text does not answer it."""

    answer: str
    answered: bool
    confidence: float  # probability that the text answers the question
    citations: tuple[Citation, ...]
    question: str = ""  # as it was read: a follow-up with what it refers to
    also_asked: tuple[str, ...] = ()  # the same in the languages of the texts, where these are others


Answering = Iterator[Progress | Notice | Evidence | Text | Answered]


def open_reader(
    models: Any, cancelled: Callable[[], bool] = lambda: False
) -> Generator[Progress | Notice, None, Reader]:
    """The models for answers; without an embedding model words alone decide what is relevant."""
    encoder = yield from embedding_model(models)
    engine = yield from models.get("answer")
    return Reader(engine, encoder, cancelled)


def answer_in_text(
    models: Any,
    question: str,
    passages: Sequence[Passage | str],
    *,
    previous: Sequence[str] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Answering:
    """Answer a question from passages or pasted texts, with the phrase of the text that says it.

    ``models``: a job's engines (``ModelPool.job``). ``previous``: earlier questions, perhaps
    with their answers, that this one may refer to. Raises KnownError: empty-question, empty-passage, and
    whatever loading can raise; ``Cancelled``.
    """
    if not question.strip():
        raise KnownError("empty-question")
    given = [one if isinstance(one, Passage) else _pasted(one) for one in passages]
    given = [one for one in given if one.text.strip()]
    if not given:
        raise KnownError("empty-passage")
    reader = yield from open_reader(models, cancelled)
    shares = shares_of(one.text for one in given)
    asked = yield from across(models, follow_up(question, previous), shares, cancelled)
    yield from foreign(reader, asked, given)
    yield from answer_from(reader, asked, given)


def answer_from(reader: Reader, asked: Asked, passages: Sequence[Passage]) -> Answering:
    """The same with models that are loaded, from passages that are the evidence."""
    questions = tuple(asked.beside(passage.text) for passage in passages)
    also = tuple(one.texts[0] for one in asked.others)
    yield Evidence(tuple(passages), questions if asked.others else ())
    if chats(reader.engine):
        yield from _discussed(reader, asked.question, passages, also)
        return
    # those in the question's own language first, the others where these do not say it
    further = range(READ, len(passages)) if asked.others and asked.here else range(0)
    best, ranked = Reading(0, 0, "", 0.0), list[tuple[int, Reading]]()
    for some in (range(min(len(passages), READ)), further):
        ranked = []
        for index in some:
            yield Progress("stage.answering", index, some.stop)
            said = yield from reader.read(questions[index], passages[index].text, asked.question)
            ranked.append((index, said))
        ranked.sort(key=lambda one: -one[1].probability * _DOWN ** one[0])
        if not ranked:
            break
        index, found = ranked[0]
        best = max(best, found, key=lambda one: one.probability)
        least = least_of(reader, questions[index], passages[index].text)
        written = questions[index] == asked.question
        text, near = passages[index].text, _near(passages, index)
        if accepted(reader, questions[index], text, found, near, written):
            break
    else:
        ranked = []
    if not ranked:
        yield Answered("", False, best.probability, (), asked.question, also)
        return
    citations = [Citation(index, found.start, found.end)]
    for other, reading in ranked[1:]:
        if reading.probability >= least and reading.text.casefold() == found.text.casefold():
            citations.append(Citation(other, reading.start, reading.end))
    yield Text(found.text)
    yield Text("".join(f" [{one.passage + 1}]" for one in citations))
    yield Answered(found.text, True, found.probability, tuple(citations), asked.question, also)


def accepted(
    reader: Reader, question: str, text: str, found: Reading, near: str = "", names: bool = True
) -> bool:
    """Whether what was read is given as the answer. ``near``, ``names``: see ``answer_check.possible``."""
    if not found.text or found.probability < least_of(reader, question, text):
        return False
    return not reader.copies or possible(question, text, found.text, near, names)


def _near(passages: Sequence[Passage], index: int) -> str:
    """What else is known of the file that a passage is of."""
    here = passages[index]
    others = [one.text for one in passages if one is not here and one.path == here.path]
    return " ".join([here.title, here.path.stem.replace("_", " "), *others])


def least_of(reader: Reader, question: str, text: str) -> float:
    """The probability from which on an answer is given."""
    if not reader.copies:
        return 0.5
    return constants_for(text, reader.knows(question) and reader.knows(text)).least


def _discussed(
    reader: Reader, question: str, passages: Sequence[Passage], also: tuple[str, ...]
) -> Answering:
    """A large chat model writes; only what the passages really say counts as a citation."""
    said = ""
    texts = [passage.text for passage in passages]
    for step in discuss(reader.engine, question, texts, reader.cancelled):
        if isinstance(step, Text):
            said += step.text
            yield step
        elif isinstance(step, Progress | Notice):
            yield step
        else:
            citations = tuple(Citation(*place) for place in step.places)
            answered = not step.refused and bool(citations)
            answer = step.answer if answered else ""
            yield Answered(answer, answered, step.confidence, citations, question, also)


def ask(
    models: Any,
    question: str,
    index: Any,
    *,
    previous: Sequence[str] = (),
    whole: bool = False,
    only: Sequence[Path] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Answering:
    """Answer a question from a collection (``documents.index.index.Index``).

    ``whole``: read short files from end to end instead of searching them. ``only``: of the collection's
    files, those to look in; () for all. Notices tell of a file that
    changed or moved since it was read, and of a language that the embedding model does not know. Raises
    as ``answer_in_text``, and KnownError("nothing-to-search") for an empty collection.
    """
    if not question.strip():
        raise KnownError("empty-question")
    reader = yield from open_reader(models, cancelled)
    files = [file for file in index.files() if file.error is None and file.passages]
    if only:
        files = [file for file in files if file.path in set(only)]
    if not files:
        raise KnownError("nothing-to-search")
    shares = Counter[str]()
    for file in files:
        shares[file.language] += file.passages
    asked = yield from across(models, follow_up(question, previous), shares, cancelled)
    short = whole and sum(file.passages for file in files) <= WHOLE
    if whole and not short:
        yield Notice("notice.too-long-to-read-whole")
    if short:
        found = [passage for file in files for passage in index.passages_of(file.path)]
        found = yield from by_relevance(reader, asked, found)
    else:
        found = yield from search(reader, index, asked, EVIDENCE, only)
    if not found:
        yield Evidence(())
        yield Answered("", False, 0.0, (), asked.question, tuple(one.texts[0] for one in asked.others))
        return
    yield from foreign(reader, asked, found)
    yield from _moved(index, found)
    yield from answer_from(reader, asked, found[:EVIDENCE])


def search(
    reader: Reader, index: Any, asked: Asked, count: int, only: Sequence[Path] = ()
) -> Generator[Progress, None, list[Passage]]:
    """The most relevant passages of a collection, by words, and by meaning where the model knows it.

    Of texts in several languages, the best of the question's own come first, then the best of the others."""
    further = []
    for one in asked.others:
        said = " ".join(one.texts)
        further += yield from _hits(reader, index, said, count, only, words=one.words(asked.question))
    further.sort(key=lambda hit: -hit.score)
    if asked.others and not asked.here:
        return list(dict.fromkeys(hit.passage for hit in further))[:count]
    own = [hit.passage for hit in (yield from _hits(reader, index, asked.question, count, only))]
    return list(dict.fromkeys([*own[:READ], *(hit.passage for hit in further), *own]))[:count]


def _hits(
    reader: Reader, index: Any, question: str, count: int, only: Sequence[Path], words: str = ""
) -> Generator[Progress, None, list[Any]]:
    vector = None
    if reader.encoder is not None and index.embedder() == reader.encoder.name and reader.knows(question):
        vector = (yield from reader.vectors([question]))[0].numpy()
    return list(index.search(words or question, count, vector, only))


def by_relevance(
    reader: Reader, asked: Asked, passages: list[Passage]
) -> Generator[Progress, None, list[Passage]]:
    """The most relevant first, by meaning where the model knows the languages, else by words."""
    questions = [asked.beside(one.text) for one in passages]
    question = questions[0]
    alike = len(set(questions)) == 1
    if alike and reader.knows(question) and reader.knows(" ".join(one.text[:200] for one in passages)):
        vectors = yield from reader.vectors([question, *(one.text for one in passages)])
        near = [float(vectors[0] @ vector) for vector in vectors[1:]]
    else:
        near = []
        for said, one in zip(questions, passages, strict=True):
            wanted = set(content(said))
            near.append(len(wanted & set(content(one.text))) / max(len(wanted), 1))
    return [passages[at] for at in sorted(range(len(near)), key=lambda at: -near[at])]


def foreign(reader: Reader, asked: Asked, passages: Sequence[Passage]) -> Iterator[Notice]:
    """Say so where the embedding model cannot tell what belongs together."""
    if reader.encoder is None:
        return
    name = reader.encoder.name
    if not asked.others and not reader.knows(asked.question):
        yield Notice("notice.question-language", {"name": name})
    elif not all(reader.knows(passage.text) for passage in passages):
        yield Notice("notice.files-language", {"name": name})


def _moved(index: Any, passages: Sequence[Passage]) -> Iterator[Notice]:
    for path in dict.fromkeys(passage.path for passage in passages):
        state = index.state(path)
        if state.state == "moved":
            yield Notice("notice.file-moved", {"file": path.name, "path": str(state.path)})
        elif state.state == "changed":
            yield Notice("notice.file-changed", {"file": path.name})
        elif state.state == "missing":
            yield Notice("notice.file-missing", {"file": path.name})


def follow_up(question: str, previous: Sequence[str]) -> str:
    """The question with the last one's subject, if it refers to something that it does not name."""
    if not previous:
        return question
    lower = _THERE_IS.sub("", question.casefold())
    names = set(lower) if is_wide(question) else set(lower.replace("?", " ").replace("'", " ").split())
    if not names & PRONOUNS and content(question) and not goes_on(question):
        return question
    new = set(content(question))
    before = _spelled(previous[-1])
    # names are what is gone on about; without any, all that the last question was about
    before = [word for word in before if word[:1].isupper() or word[:1].isdigit()] or before
    subject = [word for word in before if not set(content(word)) & new]
    return f"{question} ({' '.join(subject)})" if subject else question


def _spelled(text: str) -> list[str]:
    """The words of a text that carry its meaning, as they are written."""
    if is_wide(text):
        return [text.strip("？?。 ")]
    return [word.strip("?.,!\"'()") for word in text.split() if content(word)]


def _pasted(text: str) -> Passage:
    return Passage(Path(), "", 0, len(text), text, "")
