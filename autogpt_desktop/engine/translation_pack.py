"""A translation pack: a model, its vocabularies and its shortlist, which have to belong together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.formats.marian_config import MarianModel, read_marian_model
from autogpt_desktop.engine.formats.shortlist import Shortlist, read_shortlist
from autogpt_desktop.engine.interface import SourceIds
from autogpt_desktop.engine.tokenizer.sentencepiece import DecodedText, SentencePiece, Span
from autogpt_desktop.errors import KnownError

_EOS, _UNK = 0, 1
_LOOKED_AT = 4000  # pieces, the frequent ones: half a thousand pairs that differ in case alone
_MIN_PAIRS, _MAX_PAIRS = 100, 400
_CASED = 0.97  # of the pieces with letters; in a vocabulary for Chinese and English it is about half
# standard errors by which such pairs are more alike than others: 10 and more in a pack, else below 2
_ALIKE = 4.0


@dataclass(frozen=True, eq=False)
class TranslationPack:
    """Sentences of one language in, ids for a ``Seq2SeqModel`` out, and back."""

    model: MarianModel
    source: SentencePiece
    target: SentencePiece
    shortlist: Shortlist | None

    def encode(self, text: str, prefix: str = "") -> tuple[SourceIds, list[Span]]:
        """A sentence, and the characters that each of its ids stands for; the end token for none.

        ``prefix``: what the translation begins with.
        """
        found = self.source.encode(text)
        ids = [*found.ids, _EOS]
        allowed = self.shortlist.candidates(ids) if self.shortlist is not None else None
        forced = self.target.encode(prefix).ids if prefix else []
        return SourceIds(ids, forced, allowed), [*found.spans, (len(text), len(text))]

    def decode(self, ids: Sequence[int]) -> DecodedText:
        """A translation's text, and what of it each id became."""
        return self.target.decode(ids)


def read_translation_pack(
    model: Path, source_vocabulary: Path, target_vocabulary: Path, shortlist: Path | None = None
) -> TranslationPack:
    """``source_vocabulary`` and ``target_vocabulary`` may be one file.

    Raises KnownError for whatever is wrong with the files, or with one that is another pack's:
    vocabulary-other, shortlist-broken.
    """
    marian = read_marian_model(model)
    source = SentencePiece.from_file(source_vocabulary)
    shared = target_vocabulary == source_vocabulary
    target = source if shared else SentencePiece.from_file(target_vocabulary)
    config = marian.config
    one_table = marian.source_embedding == marian.target_embedding and not shared  # of two vocabularies
    for vocabulary, size, embedding in (
        (source, config.vocab_size, marian.source_embedding),
        (target, config.decoder_vocab_size, marian.target_embedding),
    ):
        fits = vocabulary.vocab_size == size and (vocabulary.eos_id, vocabulary.unk_id) == (_EOS, _UNK)
        if not fits or not (one_table or _embeds(marian, embedding, _case_pairs(vocabulary))):
            raise KnownError("vocabulary-other", file=vocabulary.name, model=model.name)
        if shared and marian.source_embedding == marian.target_embedding:
            break  # the same again
    if shortlist is None:
        return TranslationPack(marian, source, target, None)
    lists = read_shortlist(shortlist, config.vocab_size, config.decoder_vocab_size, shared)
    if not _lists(lists, _case_pairs(source)):
        raise KnownError("shortlist-broken", file=shortlist.name)
    return TranslationPack(marian, source, target, lists)


# Files of different packs are of the same size, so that they alone do not tell whether they belong together.
# Training does: pieces that differ in case alone have like embeddings and like translations.


def _case_pairs(vocabulary: SentencePiece) -> NDArray[np.int64]:
    """Ids of pieces, and of the same in small letters, [pairs, 2]. None in vocabularies with other scripts
    too: what of Latin words stands there may be there by chance, and hardly trained."""
    pieces = vocabulary.pieces(min(_LOOKED_AT, vocabulary.vocab_size))
    words = [piece for piece in pieces if any(map(str.isalpha, piece))]
    if sum(piece.lower() != piece.upper() for piece in words) < _CASED * len(words):
        return np.zeros((0, 2), np.int64)
    ids = {piece: id for id, piece in enumerate(pieces)}
    lowered = ((id, ids.get(piece.lower(), id)) for id, piece in enumerate(pieces))
    pairs = [pair for pair in lowered if pair[0] != pair[1]]
    return np.array(pairs[:_MAX_PAIRS], np.int64).reshape(-1, 2)


def _embeds(model: MarianModel, embedding: str, pairs: NDArray[np.int64]) -> bool:
    """Are the embeddings of pairs alike?"""
    values = model.file.matrix(embedding).values[pairs].astype(np.float32)  # [pairs, 2, d_model]
    values /= np.maximum(np.linalg.norm(values, axis=-1, keepdims=True), 1)
    upper, lower = values[:, 0], values[:, 1]
    return _alike((upper * lower).sum(1), (upper * np.roll(lower, 1, 0)).sum(1))


def _lists(shortlist: Shortlist, pairs: NDArray[np.int64]) -> bool:
    """Do pairs lead to the same words?"""
    upper = [set(shortlist.words(int(id)).tolist()) for id in pairs[:, 0]]
    lower = [set(shortlist.words(int(id)).tolist()) for id in pairs[:, 1]]

    def shared(others: list[set[int]]) -> NDArray[np.float64]:
        both = zip(upper, others, strict=True)
        return np.array([len(one & other) / max(1, min(len(one), len(other))) for one, other in both])

    return _alike(shared(lower), shared(lower[-1:] + lower[:-1]))


def _alike(pairs: NDArray[np.floating], others: NDArray[np.floating]) -> bool:
    """Is the mean clearly above that of others? True where there are too few to say."""
    if len(pairs) < _MIN_PAIRS:
        return True
    error = float(np.sqrt((pairs.var() + others.var()) / len(pairs)))
    return float(pairs.mean() - others.mean()) >= _ALIKE * max(error, 1e-9)
