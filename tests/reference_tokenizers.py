"""Tokenisers that share nothing with ours: BPE word for word, and SentencePiece's own program."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from typing import Any

import regex
import sentencepiece

from tests.tiny import byte_alphabet

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN35 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"
    r"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_pair_reference(
    metadata: dict[str, Any], cut: Callable[[str], list[str]]
) -> Callable[[str], list[int]]:
    """Byte-level BPE as its paper has it: while a listed pair stands side by side, join the first-listed."""
    ids = {token: id for id, token in enumerate(metadata["tokenizer.ggml.tokens"])}
    ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(metadata["tokenizer.ggml.merges"])}
    alphabet = byte_alphabet()

    def word_ids(word: str) -> list[int]:
        parts = [alphabet[byte] for byte in word.encode()]
        while True:
            pairs = enumerate(itertools.pairwise(parts))
            rank, at = min(((ranks.get(pair, len(ranks)), at) for at, pair in pairs), default=(len(ranks), 0))
            if rank == len(ranks):
                return [ids[part] for part in parts]
            parts[at : at + 2] = [parts[at] + parts[at + 1]]

    return lambda text: [id for word in cut(text) for id in word_ids(word)]


def cut_smollm(text: str) -> list[str]:
    """Single digits first, then GPT-2's pattern between them."""
    return [word for part in regex.findall(r"\p{N}|\P{N}+", text) for word in regex.findall(GPT2, part)]


def sentence_piece_reference(metadata: dict[str, Any], prefix: bool) -> sentencepiece.SentencePieceProcessor:
    """SentencePiece's own program with the GGUF's pieces and scores."""
    columns = (metadata[f"tokenizer.ggml.{name}"] for name in ("tokens", "scores", "token_type"))
    tokens, scores, types = columns
    unknown = metadata["tokenizer.ggml.unknown_token_id"]
    pieces = bytearray()
    for id, (token, score, kind) in enumerate(zip(tokens, scores.tolist(), types.tolist(), strict=True)):
        piece = token.replace(" ", "▁") if kind == 4 else token
        kind = 2 if id == unknown else kind
        body = _field(1, piece) + _varint(2 << 3 | 5) + struct.pack("<f", score) + _field(3, kind)
        pieces += _field(1, body)
    # trainer_spec: model_type BPE, byte_fallback, unk_id, bos_id, eos_id, pad_id (none)
    bos, eos = metadata["tokenizer.ggml.bos_token_id"], metadata["tokenizer.ggml.eos_token_id"]
    numbers = {3: 2, 35: 1, 40: unknown, 41: bos, 42: eos, 43: (1 << 64) - 1}
    trainer = b"".join(_field(number, value) for number, value in numbers.items())
    # normalizer_spec: name, add_dummy_prefix, remove_extra_whitespaces
    normalizer = _field(1, "identity") + _field(3, int(prefix)) + _field(4, 0)
    proto = bytes(pieces) + _field(2, trainer) + _field(3, normalizer)
    return sentencepiece.SentencePieceProcessor(model_proto=proto)


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes([*data, value])


def _field(number: int, value: int | str | bytes) -> bytes:
    """One field of a protocol buffer."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data
