"""Lexical shortlists of translation packs (``lex.*.s2t.bin``): which target words a source word may lead to.

Layout, little-endian: magic, checksum, how many of the most frequent words are always there, how many words
each source word has at most, the lengths of both arrays, where each source word's list begins (uint64, one
more than there are words), the lists (uint32). All of it is checked against the file and the vocabularies;
the checksum, which is slow to compute, adds nothing to that. Format:
https://github.com/browsermt/marian-dev/blob/master/src/data/shortlist.cpp
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.formats.mapped import MappedFile, map_file
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular

_MAGIC = 0xF11A48D5013417F5
_HEADER = struct.Struct("<6Q")
_MULTIPLE = 8  # Marian's kernels want so many words at a time, and so its results have them


@dataclass(frozen=True, eq=False)
class Shortlist:
    """``shared``: source and target have one vocabulary, so that words may stay what they are."""

    first: int  # so many ids from 0 on are always there
    vocab_size: int  # of the target
    shared: bool
    _starts: NDArray[np.uint64] = field(repr=False)  # [source words + 1]
    _words: NDArray[np.uint32] = field(repr=False)
    mapped: MappedFile = field(repr=False)

    def words(self, id: int) -> NDArray[np.uint32]:
        """The target words that one source word may lead to."""
        return self._words[int(self._starts[id]) : int(self._starts[id + 1])]

    def candidates(self, ids: Sequence[int]) -> NDArray[np.int32]:
        """What one sentence may become, rising: as Marian chooses for a batch of this sentence alone, so that
        its translation does not depend on others. Raises IndexError for ids that there are not."""
        allowed = np.zeros(self.vocab_size, np.bool_)
        allowed[: self.first] = True
        for id in set(ids):
            allowed[self.words(id)] = True
            if self.shared:
                allowed[id] = True
        missing = -int(np.count_nonzero(allowed)) % _MULTIPLE
        more = np.flatnonzero(~allowed[self.first :])[:missing]
        allowed[self.first + more] = True
        return np.flatnonzero(allowed).astype(np.int32)


def read_shortlist(path: Path | str, source_size: int, target_size: int, shared: bool) -> Shortlist:
    """Map and check a file against the sizes of the vocabularies.

    Raises KnownError: gguf-unreadable, shortlist-broken, model-file-lost.
    """
    path = Path(path)
    try:
        with open_regular(path) as file:
            mapped, watched = map_file(path, mmap.ACCESS_READ, file)
    except (OSError, ValueError) as error:
        raise KnownError("gguf-unreadable", file=path.name) from error
    broken = KnownError("shortlist-broken", file=path.name)
    try:
        if len(mapped) < _HEADER.size:
            raise broken
        magic, _, first, _, starts, words = _HEADER.unpack_from(mapped)
        if magic != _MAGIC or starts != source_size + 1:
            raise broken
        if _HEADER.size + 8 * starts + 4 * words != len(mapped):  # no overflow: numbers of Python
            raise broken
        start = np.frombuffer(mapped, "<u8", starts, _HEADER.size)
        word = np.frombuffer(mapped, "<u4", words, _HEADER.size + 8 * starts)
        if start[0] != 0 or start[-1] != words or (start[1:] < start[:-1]).any():
            raise broken
        if words and int(word.max()) >= target_size:
            raise broken
        return Shortlist(min(first, target_size), target_size, shared, start, word, watched)
    finally:
        watched.check()  # also before what was read of a lost file is called damaged
