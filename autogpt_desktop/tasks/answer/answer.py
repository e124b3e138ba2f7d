"""Questions over text: evidence first, then the answer with its places, or a plain "it does not say".

1. The question gets its follow-up form and its translations: a ``Query``.
2. The most relevant passages are searched for: the ``Evidence``.
3. The first of them are read, and the best phrase is given as the answer if it is likely enough and nothing
   speaks against it; a large chat model writes the answer instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autogpt_desktop.documents.text.passages import passages as passages_of
from autogpt_desktop.documents.text.passages import sentences
from autogpt_desktop.documents.types import Document, Passage
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Text
from autogpt_desktop.tasks.answer.cross_lingual import language_shares, translate_query
from autogpt_desktop.tasks.answer.filters import is_possible
from autogpt_desktop.tasks.answer.indexing import embedding_model
from autogpt_desktop.tasks.answer.lexicon import content_words
from autogpt_desktop.tasks.answer.query import Query, follow_up_form
from autogpt_desktop.tasks.answer.rank import SegmentedPassage, word_overlaps
from autogpt_desktop.tasks.answer.reader import PassageAnswer, Reader

if TYPE_CHECKING:
    from autogpt_desktop.documents.index.index import Hit, Index
    from autogpt_desktop.engine.model_pool import Models

EVIDENCE_PASSAGES = 5  # that are shown
READ_PASSAGES = 3  # of these, how many are read for the answer
WHOLE_PASSAGES = 40  # of files that are short enough to be read as a whole
_RANK_DISCOUNT = 0.85  # what a place further down in the evidence takes off


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the answer will be taken from, the most relevant first. Comes before the answer.

    ``asked``: the question as each of the passages is asked, in its language."""

    passages: tuple[Passage, ...]
    asked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Citation:
    """Where an answer stands: ``evidence.passages[passage].text[start:end]``. Users see passage + 1."""

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
    models: Models, cancelled: Callable[[], bool] = lambda: False
) -> Generator[Progress | Notice, None, Reader]:
    """The models for answers; without an embedding model words alone decide what is relevant."""
    encoder = yield from embedding_model(models)
    engine = yield from models.get("answer")
    return Reader(engine, encoder, cancelled)


# From an index, and from a text


def ask(
    models: Models,
    question: str,
    index: Index,
    *,
    previous: Sequence[str] = (),
    whole: bool = False,
    only: Sequence[Path] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Answering:
    """Answer a question from a collection.

    ``previous``: earlier questions, perhaps with their answers, that this one may refer to. ``whole``: read
    short files from end to end instead of searching them. ``only``: of the collection's files, those to look
    in; () for all. Notices tell of a file that changed or moved since it was read, and of a language that
    the embedding model does not know. Raises KnownError: empty-question, nothing-to-search for an empty
    collection, and whatever loading can raise; ``Cancelled``.
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
    text, anyway = follow_up_form(question, previous), reader.finds_across(shares)
    query = yield from translate_query(models, text, shares, cancelled, found_anyway=anyway)
    short = whole and sum(file.passages for file in files) <= WHOLE_PASSAGES
    if whole and not short:
        yield Notice("notice.too-long-to-read-whole")
    if short:
        passages = [passage for file in files for passage in index.passages_of(file.path)]
        passages = yield from by_relevance(reader, query, passages)
    else:
        passages = yield from search(reader, index, query, EVIDENCE_PASSAGES, only)
    if not passages:
        yield Evidence((), ())
        yield Answered("", False, 0.0, (), query.text, query.also_asked)
        return
    yield from _language_notices(reader, query, passages)
    yield from _file_notices(index, passages)
    yield from _answer_from(reader, query, passages[:EVIDENCE_PASSAGES])


def answer_in_text(
    models: Models,
    question: str,
    text: str,
    *,
    previous: Sequence[str] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Answering:
    """Answer a question from a text of any length. Offsets of the passages count its characters.

    ``previous``: as for ``ask``. Raises KnownError: empty-question, empty-passage, and whatever loading can
    raise; ``Cancelled``.
    """
    if not question.strip():
        raise KnownError("empty-question")
    passages = passages_of(Document(Path(), "", text, (), "", ""))
    if not passages:
        raise KnownError("empty-passage")
    reader = yield from open_reader(models, cancelled)
    shares = language_shares(one.text for one in passages)
    text, anyway = follow_up_form(question, previous), reader.finds_across(shares)
    query = yield from translate_query(models, text, shares, cancelled, found_anyway=anyway)
    yield from _language_notices(reader, query, passages[:EVIDENCE_PASSAGES])
    if len(passages) > WHOLE_PASSAGES:  # too long to be understood each time
        passages = _with_most_words(query, passages, WHOLE_PASSAGES)
    if len(passages) > 1:
        passages = yield from by_relevance(reader, query, passages)
    yield from _answer_from(reader, query, passages[:EVIDENCE_PASSAGES])


# What is relevant


def search(
    reader: Reader, index: Index, query: Query, count: int, only: Sequence[Path] = ()
) -> Generator[Progress, None, list[Passage]]:
    """The most relevant passages of a collection, by words, and by meaning where the model knows it.

    Of texts in several languages, the best of the question's own come first, then the best of the others; all
    together where the model knows them all: then the question itself is nearest to what answers it."""
    if query.translations and reader.finds_across(one.language for one in query.translations):
        words = " ".join([query.text, *(one.search_words(query.text) for one in query.translations)])
        return [hit.passage for hit in (yield from _hits(reader, index, query.text, count, only, words))]
    foreign: list[Hit] = []
    for one in query.translations:
        text, search_words = " ".join(one.texts), one.search_words(query.text)
        foreign += yield from _hits(reader, index, text, count, only, search_words)
    foreign.sort(key=lambda hit: -hit.score)
    if query.translations and not query.in_own_language:
        return list(dict.fromkeys(hit.passage for hit in foreign))[:count]
    own = [hit.passage for hit in (yield from _hits(reader, index, query.text, count, only, query.text))]
    return list(dict.fromkeys([*own[:READ_PASSAGES], *(hit.passage for hit in foreign), *own]))[:count]


def _hits(
    reader: Reader, index: Index, question: str, count: int, only: Sequence[Path], search_words: str
) -> Generator[Progress, None, list[Hit]]:
    vector = None
    encoder = reader.encoder
    if encoder is not None and index.embedder() == encoder.name and reader.encoder_knows(question):
        vector = (yield from reader.embed([question], queries=1))[0].numpy()
    return list(index.search(search_words, count, vector, only))


def by_relevance(
    reader: Reader, query: Query, passages: list[Passage]
) -> Generator[Progress, None, list[Passage]]:
    """The most relevant first, by meaning where the model knows the languages, else by words."""
    questions = [query.for_text(one.text) for one in passages]
    if reader.finds_across(one.language for one in query.translations):
        questions = [query.text] * len(passages)
    question = questions[0]
    all_texts = " ".join(one.text[:200] for one in passages)
    if len(set(questions)) == 1 and reader.encoder_knows(question) and reader.encoder_knows(all_texts):
        vectors = yield from reader.embed([question, *(one.text for one in passages)], queries=1)
        relevance = [float(vectors[0] @ vector) for vector in vectors[1:]]
    else:
        relevance = []
        for question, one in zip(questions, passages, strict=True):
            asked = set(content_words(question))
            relevance.append(len(asked & set(content_words(one.text))) / max(len(asked), 1))
    return [passages[at] for at in sorted(range(len(relevance)), key=lambda at: -relevance[at])]


def _with_most_words(query: Query, passages: list[Passage], count: int) -> list[Passage]:
    """Those that share most words with the question, in their order."""
    asked = " ".join([query.text, *(text for one in query.translations for text in one.texts)])
    shared = [max(sentence_overlaps(asked, one.text), default=0.0) for one in passages]
    best = sorted(range(len(passages)), key=lambda at: -shared[at])[:count]
    return [passages[at] for at in sorted(best)]


def sentence_overlaps(question: str, text: str) -> list[float]:
    """For each sentence of a text the share of the question's words in it, see ``rank.word_overlaps``."""
    return word_overlaps(question, SegmentedPassage(text, tuple(sentences(text)), ()))


def _language_notices(reader: Reader, query: Query, passages: Sequence[Passage]) -> Iterator[Notice]:
    """Say so where the embedding model cannot tell what belongs together."""
    if reader.encoder is None:
        return
    name = reader.encoder.name
    if not query.translations and not reader.encoder_knows(query.text):
        yield Notice("notice.question-language", {"name": name})
    elif not all(reader.encoder_knows(passage.text) for passage in passages):
        yield Notice("notice.files-language", {"name": name})


def _file_notices(index: Index, passages: Sequence[Passage]) -> Iterator[Notice]:
    """Say so where a file is not what it was when it was read."""
    for path in dict.fromkeys(passage.path for passage in passages):
        state = index.state(path)
        if state.state == "moved":
            yield Notice("notice.file-moved", {"file": path.name, "path": str(state.path)})
        elif state.state == "changed":
            yield Notice("notice.file-changed", {"file": path.name})
        elif state.state == "missing":
            yield Notice("notice.file-missing", {"file": path.name})


# The answer


def _answer_from(reader: Reader, query: Query, passages: Sequence[Passage]) -> Answering:
    """The evidence, and the answer from it."""
    questions = tuple(query.for_text(passage.text) for passage in passages)
    yield Evidence(tuple(passages), questions)
    yield from _copied_answer(reader, query, passages, questions)


def _copied_answer(
    reader: Reader, query: Query, passages: Sequence[Passage], questions: Sequence[str]
) -> Answering:
    """The best phrase of the passages. Those in the question's own language are read first, the others
    where these do not say it."""
    first = range(min(len(passages), READ_PASSAGES))
    second = range(READ_PASSAGES, len(passages) if query.translations and query.in_own_language else 0)
    best_probability = 0.0
    for group in (first, second):
        ranked: list[tuple[int, PassageAnswer]] = []
        for index in group:
            yield Progress("stage.answering", index, group.stop)
            read = yield from reader.read(questions[index], passages[index].text, query.text)
            ranked.append((index, read))
            if reader.chats and read.probability * _RANK_DISCOUNT**index >= _RANK_DISCOUNT ** (index + 1):
                break  # none further down can be preferred, and a large model takes seconds for each
        if not ranked:
            break
        ranked.sort(key=lambda one: -one[1].probability * _RANK_DISCOUNT ** one[0])
        index, best = ranked[0]
        best_probability = max(best_probability, best.probability)
        written = questions[index] == query.text
        elsewhere = _elsewhere(passages, index)
        if is_accepted(reader, questions[index], passages[index].text, best, elsewhere, written):
            citations = [Citation(index, best.start, best.end)]
            for other, read in ranked[1:]:
                if read.probability >= best.threshold and read.text.casefold() == best.text.casefold():
                    citations.append(Citation(other, read.start, read.end))
            yield Text(best.text)
            yield Text("".join(f" [{one.passage + 1}]" for one in citations))
            yield Answered(best.text, True, best.probability, tuple(citations), query.text, query.also_asked)
            return
    yield Answered("", False, best_probability, (), query.text, query.also_asked)


def is_accepted(
    reader: Reader, question: str, text: str, read: PassageAnswer, elsewhere: str = "", names: bool = True
) -> bool:
    """Whether what was read is given as the answer. ``elsewhere``, ``names``: see ``is_possible``."""
    if not read.text or read.probability < read.threshold:
        return False
    return not reader.copies or is_possible(question, text, read.text, elsewhere, names)


def _elsewhere(passages: Sequence[Passage], index: int) -> str:
    """What else is known of the file that a passage is of."""
    here = passages[index]
    others = [one.text for one in passages if one is not here and one.path == here.path]
    return " ".join([here.title, here.path.stem.replace("_", " "), *others])
