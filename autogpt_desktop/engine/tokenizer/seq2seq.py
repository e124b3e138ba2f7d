"""Tokenizers of Hugging Face's encoder–decoders: a text and two languages in, ids and their places out.

OPUS-MT has a SentencePiece model for each side and a vocab.json that numbers their pieces; M2M100 one model,
a vocab.json, and behind it a token for each language (``__fr__``); NLLB a tokenizer.json with those in it
(``fra_Latn``).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tokenizers

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.formats.seq2seq_languages import (
    M2M100_CODES,
    WMT21_CODES,
    by_language,
    is_scripted,
    target_codes,
)
from autogpt_desktop.engine.formats.untrusted import untrusted
from autogpt_desktop.engine.tokenizer import rules
from autogpt_desktop.engine.tokenizer.sentencepiece import SentencePiece
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import read_if_there, read_regular_text, readable_size

Span = tuple[int, int]
Split = Callable[[str], list[tuple[str, Span]]]  # a text → pieces, each with its characters in the text
_MAX_BYTES = 128 << 20
_SURROGATE = re.compile("[\ud800-\udfff]")  # of a text that was no UTF-8
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")
_SPACE = "▁"
_UNKNOWN = "<unk>"
_SPECIAL = {"<s>", "</s>", "<pad>", "<mask>"}


@dataclass(frozen=True, slots=True)
class EncodedText:
    """``spans``: the characters of each id; (n, n) of those that stand for none, such as a language."""

    ids: tuple[int, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class DecodedTarget:
    text: str
    spans: tuple[Span, ...]  # the characters of ``text`` that each id became


class Seq2SeqTokenizer:
    """What ``read_seq2seq_tokenizer`` returns.

    ``style``, where the language tokens stand: "source" (``>>fra<<`` in front of it), "both" (in front of
    source and translation), "behind" (as "both", but at the source's end), "none".
    """

    def __init__(
        self,
        split_source: Split,
        split_target: Split,
        source_ids: Mapping[str, int],
        target_ids: Mapping[str, int],
        end: int,
        languages: Mapping[str, int],  # ISO 639-1 → the id of its token
        style: str,
    ) -> None:
        self.split_source, self.split_target = split_source, split_target
        self.source_ids, self.target_ids = source_ids, target_ids
        self.end, self.languages, self.style = end, languages, style
        self.unknown = source_ids[_UNKNOWN]
        self.target_unknown = target_ids[_UNKNOWN]
        self.pieces = {id: piece for piece, id in target_ids.items()}
        self.special = {*languages.values(), end, self.target_unknown}
        self.special |= {target_ids[piece] for piece in _SPECIAL if piece in target_ids}

    @property
    def vocab_sizes(self) -> tuple[int, int]:
        """One more than the highest id of a source, and of a translation."""
        languages = max(self.languages.values(), default=0)
        return (
            1 + max(max(self.source_ids.values()), self.end, languages),
            1 + max(max(self.target_ids.values()), self.end, languages if self.style != "source" else 0),
        )

    def encode_source(self, text: str, source: str, target: str) -> EncodedText:
        """Raises KeyError for a language without a token."""
        text = _SURROGATE.sub("\ufffd", text)
        pieces = self.split_source(text)
        found = [(self.source_ids.get(piece, self.unknown), _trimmed(text, *span)) for piece, span in pieces]
        last = (len(text), len(text))
        if self.style == "source":
            found = [(self.languages[target], (0, 0)), *found, (self.end, last)]
        elif self.style == "both":
            found = [(self.languages[source], (0, 0)), *found, (self.end, last)]
        elif self.style == "behind":
            found = [*found, (self.end, last), (self.languages[source], last)]
        else:
            found = [*found, (self.end, last)]
        return EncodedText(tuple(id for id, _ in found), tuple(span for _, span in found))

    def forced(self, target: str) -> list[int]:
        """What every translation into a language begins with. Raises KeyError."""
        return [self.languages[target]] if self.style in ("both", "behind") else []

    def encode_target(self, text: str) -> EncodedText:
        """A text as it stands in a translation, behind a blank or at the beginning, without an end token."""
        text = _SURROGATE.sub("\ufffd", text)
        pieces = self.split_target(text)
        return EncodedText(
            tuple(self.target_ids.get(piece, self.target_unknown) for piece, _ in pieces),
            tuple(_trimmed(text, *span) for _, span in pieces),
        )

    def decode(self, ids: Sequence[int]) -> DecodedTarget:
        """Language tokens, ends and unknown pieces say nothing."""
        text, ends, data = "", list[int](), b""
        for at, id in enumerate(ids):
            piece = "" if id in self.special else self.pieces.get(id, "")
            if match := _BYTE.fullmatch(piece):  # of a character, whose place belongs to the last of them
                data += bytes([int(match[1], 16)])
                following = self.pieces.get(ids[at + 1], "") if at + 1 < len(ids) else ""
                if not _BYTE.fullmatch(following):
                    text, data = text + data.decode("utf-8", "replace"), b""
            else:
                text += piece.replace(_SPACE, " ")
            ends.append(len(text))
        lead, last = len(text) - len(text.lstrip(" ")), len(text.rstrip(" "))
        places = [min(max(end, lead), max(last, lead)) - lead for end in ends]
        text = text[lead:last]
        starts = [0, *places[:-1]] if places else []
        return DecodedTarget(text, tuple(_trimmed(text, *span) for span in zip(starts, places, strict=True)))


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def read_seq2seq_tokenizer(folder: Path, config: Seq2SeqConfig) -> Seq2SeqTokenizer:
    """Raises KnownError: tokenizer-missing, tokenizer-broken, tokenizer-unknown, tokenizer-vocabulary."""
    with untrusted(folder.name, "tokenizer-broken", value="tokenizer"):
        if config.family == "marian":
            tokenizer = _marian(folder, config)
        elif os.path.isfile(folder / "tokenizer.json") and not os.path.isfile(folder / "vocab.json"):
            tokenizer = _nllb(folder, config)
        else:
            tokenizer = _m2m100(folder, config)
    sizes = tokenizer.vocab_sizes
    if sizes[0] > config.vocab_size or sizes[1] > config.decoder_vocab_size:
        raise KnownError("tokenizer-vocabulary", file=folder.name)
    return tokenizer


def _marian(folder: Path, config: Seq2SeqConfig) -> Seq2SeqTokenizer:
    source_ids = _vocabulary(folder / "vocab.json")
    separate = os.path.isfile(folder / "target_vocab.json")
    target_ids = _vocabulary(folder / "target_vocab.json") if separate else source_ids
    codes = target_codes(source_ids)
    languages = {language: codes[code] for language, code in by_language(codes).items()}
    return Seq2SeqTokenizer(
        _sentencepiece(folder / "source.spm"),
        _sentencepiece(folder / "target.spm"),
        source_ids,
        target_ids,
        config.eos_token_id,
        languages,
        "source" if languages else "none",
    )


def _m2m100(folder: Path, config: Seq2SeqConfig) -> Seq2SeqTokenizer:
    ids = _vocabulary(folder / "vocab.json")
    split = _sentencepiece(folder / "sentencepiece.bpe.model")
    wmt21 = _settings(folder).get("language_codes") == "wmt21"
    languages = {code: len(ids) + at for at, code in enumerate(WMT21_CODES if wmt21 else M2M100_CODES)}
    return Seq2SeqTokenizer(split, split, ids, ids, config.eos_token_id, languages, "both")


def _nllb(folder: Path, config: Seq2SeqConfig) -> Seq2SeqTokenizer:
    file = folder / "tokenizer.json"
    if readable_size(file) > _MAX_BYTES:
        raise KnownError("tokenizer-broken", value=file.name)
    native = tokenizers.Tokenizer.from_file(str(file))
    native.no_truncation()
    native.no_padding()
    native.encode_special_tokens = True  # what a text says is never a token of the model's own
    rules.check_growth(native)
    if not rules.are_known(native):
        raise KnownError("tokenizer-unknown", kind=file.name)
    codes = {
        token.content: id
        for id, token in native.get_added_tokens_decoder().items()
        if is_scripted(token.content)
    }

    def split(text: str) -> list[tuple[str, Span]]:
        with untrusted(folder.name, "tokenizer-broken", value=file.name):  # it may panic at a certain text
            encoding = native.encode(text, add_special_tokens=False)
            return list(zip(encoding.tokens, encoding.offsets, strict=True))

    languages = {language: codes[code] for language, code in by_language(codes).items()}
    behind = _settings(folder).get("legacy_behaviour") is True
    ids = native.get_vocab(with_added_tokens=True)
    return Seq2SeqTokenizer(
        split, split, ids, ids, config.eos_token_id, languages, "behind" if behind else "both"
    )


def _sentencepiece(file: Path) -> Split:
    """Raises KnownError: tokenizer-missing, tokenizer-broken."""
    if not os.path.isfile(file):
        raise KnownError("tokenizer-missing")
    try:
        vocabulary = SentencePiece.from_file(file)
    except KnownError as error:  # words of its own, for packs
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise KnownError("tokenizer-broken", value=file.name) from error
    pieces = vocabulary.pieces()

    def split(text: str) -> list[tuple[str, Span]]:
        found = vocabulary.encode(text)
        names = (_UNKNOWN if id == vocabulary.unk_id else pieces[id] for id in found.ids)
        return list(zip(names, found.spans, strict=True))

    return split


def _vocabulary(file: Path) -> dict[str, int]:
    """Piece → id. Raises KnownError: tokenizer-missing, and ValueError for anything else."""
    if not os.path.isfile(file):
        raise KnownError("tokenizer-missing")
    if readable_size(file) > _MAX_BYTES:
        raise KnownError("tokenizer-broken", value=file.name)
    values = json.loads(read_regular_text(file))
    if not isinstance(values, dict) or _UNKNOWN not in values:
        raise ValueError("no vocabulary")
    if any(type(id) is not int or not 0 <= id < 1 << 24 for id in values.values()):
        raise ValueError("an id that cannot be")
    return values


def _settings(folder: Path) -> dict[str, Any]:
    file = folder / "tokenizer_config.json"
    values = json.loads(read_if_there(file, "{}"))
    return values if isinstance(values, dict) else {}
