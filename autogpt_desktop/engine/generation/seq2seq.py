"""An encoder–decoder with its tokenizer: sentences in, translations out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.formats.mapped import MappedFile
from autogpt_desktop.engine.generation.alignment import Links, word_links
from autogpt_desktop.engine.generation.beam import search
from autogpt_desktop.engine.generation.constraints import MOST_TOKENS, Term, token_count
from autogpt_desktop.engine.generation.partial_word import begun_word, completions
from autogpt_desktop.engine.generation.word_choices import WordSearch
from autogpt_desktop.engine.interface import (
    Cancelled,
    Hypothesis,
    SearchOptions,
    Seq2SeqModel,
    SourceIds,
)
from autogpt_desktop.engine.tokenizer.seq2seq import EncodedText, Seq2SeqTokenizer
from autogpt_desktop.events import Notice

_FACTOR = 4.0  # tokens of a translation for each of its source, at most
_UNSPACED = {"zh", "zh-hant", "ja", "th", "lo", "my", "km"}  # parts are put together without a blank
_SPACE = "▁"


@dataclass(frozen=True, slots=True)
class TextHypothesis:
    """One translation of a sentence. ``logprobs``: natural logarithms, of each token that was chosen, the end
    token too. ``links``: see ``alignment``. ``finished`` False: cut off, it went on without an end."""

    text: str
    logprobs: tuple[float, ...]
    score: float
    finished: bool
    links: Links = ()

    @property
    def logprob(self) -> float:
        """The mean."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else -10.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """``prefix``: how its translation begins; a blank behind it says that its last word is whole. ``terms``:
    what it must contain, each in one of its forms; ``places``: where in the text each is said, which tells
    the part of a very long one that it belongs to."""

    text: str
    prefix: str = ""
    terms: tuple[tuple[str, ...], ...] = ()
    places: tuple[int, ...] = ()


@dataclass
class Seq2SeqEngine:
    """One loaded encoder–decoder. Nothing here remembers a text."""

    name: str
    config: Seq2SeqConfig
    model: Seq2SeqModel = field(repr=False)
    tokenizer: Seq2SeqTokenizer = field(repr=False)
    device: str = "cpu"
    notices: tuple[Notice, ...] = ()
    files: tuple[MappedFile, ...] = field(default=(), repr=False)  # that the weights lie in
    # the ids of a source → those that may come out, rising; None: any may
    shortlist: Callable[[Sequence[int]], NDArray[np.int32]] | None = field(default=None, repr=False)
    immediate: bool = False  # is it quick enough to translate at every key?

    @property
    def context_length(self) -> int:
        """Tokens of one sentence; longer ones are translated in parts."""
        return self.config.max_position_embeddings

    @property
    def weight_bytes(self) -> int:
        """Bytes of memory that the weights hold."""
        return self.model.nbytes

    def close(self) -> None:
        """Let go of the weights."""
        del self.model

    def translates(self, source: str, target: str) -> bool:
        """Is it made for this pair of languages, ISO 639-1?"""
        if source == target:
            return False
        if self.config.pairs:
            return (source, target) in self.config.pairs
        if self.tokenizer.style == "none":  # of one pair that nobody names
            return not self.config.languages
        return target in self.tokenizer.languages and (
            self.tokenizer.style == "source" or source in self.tokenizer.languages
        )

    def unknown(self, text: str, source: str, target: str) -> list[tuple[int, int]]:
        """Characters of a sentence that the vocabulary does not have: a translation would lose them."""
        encoded = self.tokenizer.encode_source(text, source, target)
        pairs = zip(encoded.ids, encoded.spans, strict=True)
        return [span for id, span in pairs if id == self.tokenizer.unknown and span[0] < span[1]]

    def translate(
        self,
        sentences: Sequence[Sentence],
        source: str,
        target: str,
        *,
        beam_size: int = 1,
        n_best: int = 1,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[list[TextHypothesis]]:
        """Up to ``n_best`` translations of each sentence, the best first. What is longer than the model can
        read is translated in parts, each with its own terms.

        Raises ``Cancelled``, and KnownError("model-numbers").
        """
        if cancelled():  # a compiled search of few words asks but once or not at all
            raise Cancelled
        parts = [part for at, one in enumerate(sentences) for part in self._parts(at, one, source, target)]
        parts = self._completed(sentences, parts, cancelled)
        found = self._search(parts, SearchOptions(
            beam_size=max(beam_size, n_best), n_best=n_best, length_penalty=self.config.length_penalty,
            max_length=self.config.max_position_embeddings, max_length_factor=_FACTOR, alignments=True,
        ), cancelled)  # fmt: skip
        made: list[list[tuple[_Part, list[TextHypothesis]]]] = [[] for _ in sentences]
        for part, hypotheses in zip(parts, found, strict=True):
            made[part.sentence].append((part, [self._read(part, one) for one in hypotheses]))
        between = "" if target in _UNSPACED else " "
        return [_joined(some, n_best, between) for some in made]

    def other_words(
        self,
        sentence: Sentence,
        source: str,
        target: str,
        *,
        most: int,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[tuple[TextHypothesis, float, float]]:
        """Translations that go on behind the prefix of ``sentence`` with ``most`` different words, the
        likeliest first: each with the word's probability there, and the mean log-probability of what follows.

        None for a sentence longer than the model can read. Raises ``Cancelled``, and
        KnownError("model-numbers").
        """
        part = next(self._parts(0, sentence, source, target))
        if len(part.text) < len(sentence.text):
            return []
        limit = min(
            self.config.max_position_embeddings, int(_FACTOR * len(part.source.ids)) + len(part.prefix)
        )
        words = WordSearch(self.model, self.config, self.tokenizer.pieces, limit, most, cancelled)
        behind_blank = not sentence.prefix.strip() or sentence.prefix[-1].isspace()
        found = words.choices(self._source(part), behind_blank and target not in _UNSPACED)
        return [(self._read(part, one.hypothesis), one.probability, one.rest) for one in found]

    def score(
        self,
        pairs: Sequence[tuple[str, str]],
        source: str,
        target: str,
        *,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[TextHypothesis | None]:
        """What the model thinks of translations that others made: for each (sentence, translation) the
        log-probabilities of the translation's tokens, the end token too, and its links. None where either is
        empty or longer than the model can read.

        Pieces that the vocabulary does not have count nothing. Raises ``Cancelled``, and
        KnownError("model-numbers").
        """
        if cancelled():
            raise Cancelled
        made: list[TextHypothesis | None] = [None] * len(pairs)
        parts, given = list[_Part](), list[EncodedText]()
        forced, most = self.tokenizer.forced(target), self.config.max_position_embeddings
        for at, (text, translation) in enumerate(pairs):
            encoded, other = self.tokenizer.encode_source(text, source, target), self._known(translation)
            prefix = [*forced, *other.ids]
            if text.strip() and other.ids and len(encoded.ids) <= most and len(prefix) < most:
                parts.append(_Part(at, 0, text, encoded, prefix, []))
                given.append(other)
        options = SearchOptions(max_length=1, alignments=True, force_end=True)  # what is given, and the end
        for part, other, (one,) in zip(parts, given, self._search(parts, options, cancelled), strict=True):
            _, translation = pairs[part.sentence]
            rows = one.alignment[len(forced) :]
            links = word_links(part.text, part.source.spans, translation, other.spans, rows)
            logprobs = tuple(map(float, one.logprobs[len(forced) :]))
            made[part.sentence] = TextHypothesis(translation, logprobs, sum(logprobs), True, links)
        return made

    def _known(self, text: str) -> EncodedText:
        """A text as it stands in a translation, without what the vocabulary does not have."""
        found = self.tokenizer.encode_target(text)
        known = [at for at, id in enumerate(found.ids) if id not in self.tokenizer.special]
        return EncodedText(tuple(found.ids[at] for at in known), tuple(found.spans[at] for at in known))

    def _parts(self, at: int, sentence: Sentence, source: str, target: str) -> Iterator[_Part]:
        prefix = [*self.tokenizer.forced(target), *self._ids(sentence.prefix)]
        waiting = [(0, sentence.text)]
        while waiting:
            offset, text = waiting.pop()
            encoded = self.tokenizer.encode_source(text, source, target)
            if len(encoded.ids) > self.config.max_position_embeddings and (cut := _middle(text)):
                waiting += [(offset + cut, text[cut:]), (offset, text[:cut])]
                continue
            terms = self._terms(sentence, offset, offset + len(text))
            yield _Part(at, offset, text, encoded, prefix, terms)
            prefix = self.tokenizer.forced(target)

    def _completed(
        self, sentences: Sequence[Sentence], parts: Sequence[_Part], cancelled: Callable[[], bool]
    ) -> list[_Part]:
        """The parts, with the likeliest completion of a word that their prefix only begins."""
        tries: list[tuple[int, _Part, int]] = []
        for at, part in enumerate(parts):
            prefix = sentences[part.sentence].prefix
            forced = len(part.prefix) - len(self._ids(prefix))
            start = begun_word(prefix)
            if part.offset or start == len(prefix) or not part.prefix[forced:]:
                continue
            spans = self._known(prefix.rstrip()).spans[: len(part.prefix) - forced]
            # a blank that is a token of its own begins the word
            whole = forced + sum(end < start or first < end <= start for first, end in spans)
            allowed = None if self.shortlist is None else self.shortlist(part.source.ids).tolist()
            ways = completions(part.prefix, whole, self.tokenizer.pieces, allowed)
            tries += [(at, replace(part, prefix=ids, terms=[]), whole) for ids in ways]
        best: dict[int, tuple[float, list[int]]] = {}
        made = self._search([part for _, part, _ in tries], SearchOptions(max_length=1), cancelled)
        for (at, part, whole), (one,) in zip(tries, made, strict=True):
            logprob = float(one.logprobs[whole : len(part.prefix)].sum())
            if at not in best or logprob > best[at][0]:
                best[at] = logprob, part.prefix
        return [replace(part, prefix=best[at][1]) if at in best else part for at, part in enumerate(parts)]

    def _search(
        self, parts: Sequence[_Part], options: SearchOptions, cancelled: Callable[[], bool]
    ) -> list[list[Hypothesis]]:
        plain = [at for at, part in enumerate(parts) if not part.terms]
        others = [at for at, part in enumerate(parts) if part.terms]
        sources = [self._source(part) for part in parts]
        found: list[list[Hypothesis]] = [[] for _ in parts]
        if plain:
            made = self.model.translate([sources[at] for at in plain], options, cancelled)
            for at, one in zip(plain, made, strict=True):
                found[at] = one
        if others:
            terms = [parts[at].terms for at in others]
            chosen = [sources[at] for at in others]
            made = search(self.model, self.config, chosen, options, terms=terms, cancelled=cancelled)
            for at, one in zip(others, made, strict=True):
                found[at] = one
        return found

    def _source(self, part: _Part) -> SourceIds:
        if self.shortlist is None:
            return SourceIds(part.source.ids, part.prefix)
        forced = {
            self.config.eos_token_id,
            *part.prefix,
            *(id for term in part.terms for form in term for id in form),
        }
        ids = np.union1d(self.shortlist(part.source.ids), np.array(sorted(forced), np.int32))
        return SourceIds(part.source.ids, part.prefix, ids.astype(np.int32))

    def _ids(self, text: str) -> list[int]:
        """A text as it stands in a translation, without what the vocabulary does not have; as much of it as
        leaves room behind it."""
        return (
            list(self._known(text.rstrip()).ids[: self.config.max_position_embeddings // 2]) if text else []
        )

    def _terms(self, sentence: Sentence, start: int, end: int) -> list[Term]:
        """Those of the part ``[start:end]`` that the vocabulary has all pieces of, as long as they leave room
        to the model."""
        found: list[Term] = []
        places = sentence.places or (0,) * len(sentence.terms)
        for term, place in zip(sentence.terms, places, strict=True):
            if not start <= place < end:
                continue
            forms = dict.fromkeys(form for text in term for form in self._forms(text))
            if forms and token_count([*found, tuple(forms)]) <= MOST_TOKENS:
                found.append(tuple(forms))
        return found

    def _forms(self, text: str) -> Iterator[tuple[int, ...]]:
        """The tokens of a term behind a blank, and without one in front, as behind "l'" or in Chinese."""
        ids = self.tokenizer.encode_target(text).ids
        if not ids or self.tokenizer.target_unknown in ids:
            return
        yield ids
        first = self.tokenizer.pieces[ids[0]]
        if first == _SPACE and len(ids) > 1:
            yield ids[1:]
        elif first.startswith(_SPACE) and (other := self.tokenizer.target_ids.get(first[1:])) is not None:
            yield (other, *ids[1:])

    def _read(self, part: _Part, one: Hypothesis) -> TextHypothesis:
        decoded = self.tokenizer.decode(one.ids)
        links: Links = ()
        if one.alignment.size:
            links = word_links(part.text, part.source.spans, decoded.text, decoded.spans, one.alignment)
        logprobs = tuple(map(float, one.logprobs[len(part.prefix) :]))
        return TextHypothesis(decoded.text, logprobs, one.score, one.finished, links)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A sentence, or a part of a very long one, which begins at ``offset``."""

    sentence: int
    offset: int
    text: str
    source: EncodedText
    prefix: list[int]
    terms: list[Term]


def _middle(text: str) -> int:
    """Where to cut a text that is too long: behind the blank nearest to its middle, else there; 0: not."""
    middle = len(text) // 2
    before, behind = text.rfind(" ", 0, middle), text.find(" ", middle)
    cuts = [cut + 1 for cut in (before, behind) if 0 < cut < len(text) - 1]
    return min(cuts, key=lambda cut: abs(cut - middle), default=middle)


def _joined(
    parts: Sequence[tuple[_Part, list[TextHypothesis]]], n_best: int, between: str
) -> list[TextHypothesis]:
    """Hypotheses of the whole: the first of all parts, the second of all parts, …"""
    if len(parts) == 1:
        return parts[0][1]
    made = []
    for rank in range(min(n_best, *(len(some) for _, some in parts))):
        text, links, logprobs, score, finished = (
            "",
            list[tuple[int, int, int, int]](),
            list[float](),
            0.0,
            True,
        )
        for part, some in parts:
            one = some[rank]
            text += between if text and one.text else ""
            shift = (part.offset, part.offset, len(text), len(text))
            links += [(a + shift[0], b + shift[1], c + shift[2], d + shift[3]) for a, b, c, d in one.links]
            text, finished = text + one.text, finished and one.finished
            logprobs += one.logprobs
            score += one.score
        made.append(TextHypothesis(text, tuple(logprobs), score, finished, tuple(links)))
    return made
