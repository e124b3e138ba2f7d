"""SentencePiece vocabularies (``.spm``), by the library that made them: ids are the same by construction.

Kudo and Richardson, 2018, "SentencePiece: a simple and language independent subword tokenizer".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sentencepiece

from autogpt_desktop.engine.formats.untrusted import untrusted
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular

Span = tuple[int, int]
_MAX_BYTES = 64 << 20  # the largest ones have a few
_SURROGATE = re.compile("[\ud800-\udfff]")  # of a text that was no UTF-8
_QUIET = 3  # only what ends the process is logged: the rest comes as an error

sentencepiece.SetMinLogLevel(_QUIET)


@dataclass(frozen=True, slots=True)
class Pieces:
    """``spans``: the characters of the text that each id stands for; (n, n) of those that stand for none."""

    ids: list[int]
    spans: list[Span]


@dataclass(frozen=True, slots=True)
class DecodedText:
    text: str
    spans: list[Span]  # the characters of ``text`` that each id became


@dataclass(frozen=True, slots=True, eq=False)
class SentencePiece:
    """One vocabulary."""

    name: str
    vocab_size: int
    eos_id: int  # -1: there is none
    unk_id: int
    _processor: sentencepiece.SentencePieceProcessor = field(repr=False)

    @classmethod
    def from_file(cls, path: Path | str) -> SentencePiece:
        """Raises KnownError: gguf-unreadable, vocabulary-broken."""
        path = Path(path)
        try:
            with open_regular(path) as file:
                data = file.read(_MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise KnownError("gguf-unreadable", file=path.name) from error
        if not data or len(data) > _MAX_BYTES:  # the library takes nothing for no model
            raise KnownError("vocabulary-broken", file=path.name)
        try:
            with untrusted(path.name, "vocabulary-broken", file=path.name):
                processor = sentencepiece.SentencePieceProcessor(model_proto=data)
                size = processor.get_piece_size()
                found = cls(path.name, size, processor.eos_id(), processor.unk_id(), processor)
                found.decode(found.encode("a").ids)
        except (RuntimeError, MemoryError) as error:  # what the library says of files
            raise KnownError("vocabulary-broken", file=path.name) from error
        return found

    def encode(self, text: str) -> Pieces:
        """No end token behind it. Half characters of a text that was no UTF-8 count as unknown ones.

        Raises KnownError("vocabulary-broken"), as all of these, for pieces that are no UTF-8.
        """
        with self._untrusted():
            found = self._processor.encode(_SURROGATE.sub("\ufffd", text), return_type="offset_mapping")
        return Pieces(found["ids"], found["offsets"])

    def decode(self, ids: Sequence[int]) -> DecodedText:
        """Raises IndexError for ids that there are not."""
        with self._untrusted():
            found = self._processor.decode(list(ids), return_type="offset_mapping")
        return DecodedText(found["text"], found["offsets"])

    def pieces(self, count: int | None = None) -> list[str]:
        """The first ``count``, or all, by id."""
        ids = list(range(self.vocab_size if count is None else count))
        with self._untrusted():
            found: list[str] = self._processor.id_to_piece(ids)
        return found

    @contextmanager
    def _untrusted(self) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as error:
            raise KnownError("vocabulary-broken", file=self.name) from error
