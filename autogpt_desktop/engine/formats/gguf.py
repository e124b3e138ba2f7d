"""A strict, memory-mapped reader of GGUF v2 and v3 files.

Nothing in the file is believed before it is checked against the file's size: every count, length,
type and offset. A file is either read whole or refused with a :class:`KnownError`.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from autogpt_desktop.engine import native
from autogpt_desktop.engine.formats.mapped import MappedFile, map_file
from autogpt_desktop.engine.formats.split_gguf import split_files
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular

# type -> (values per block, bytes per block)
BLOCK: dict[str, tuple[int, int]] = {
    "F32": (1, 4),
    "F16": (1, 2),
    "BF16": (1, 2),
    "Q4_0": (32, 18),
    "Q4_1": (32, 20),
    "Q5_0": (32, 22),
    "Q5_1": (32, 24),
    "Q8_0": (32, 34),
    "Q2_K": (256, 84),
    "Q3_K": (256, 110),
    "Q4_K": (256, 144),
    "Q5_K": (256, 176),
    "Q6_K": (256, 210),
    "IQ4_NL": (32, 18),
    "IQ4_XS": (256, 136),
    "MXFP4": (32, 17),
}

# ggml's numbers; those without a BLOCK entry get an error that can name them
_TENSOR_TYPES: dict[int, str] = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1",
    10: "Q2_K", 11: "Q3_K", 12: "Q4_K", 13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS",
    17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS",
    24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 30: "BF16", 34: "TQ1_0",
    35: "TQ2_0", 39: "MXFP4", 40: "NVFP4",
}  # fmt: skip

# metadata type -> struct code of one little-endian number
_NUMBERS: dict[int, str] = {
    0: "u1", 1: "i1", 2: "u2", 3: "i2", 4: "u4", 5: "i4", 6: "f4", 7: "u1", 10: "u8", 11: "i8", 12: "f8",
}  # fmt: skip
_CODES = {
    "u1": "B", "i1": "b", "u2": "H", "i2": "h", "u4": "I", "i4": "i", "u8": "Q", "i8": "q",
    "f4": "f", "f8": "d",
}  # fmt: skip
_BOOL, _STRING, _ARRAY = 7, 8, 9

_MAX_KEYS = 1 << 16
_MAX_TENSORS = 1 << 16
_MAX_ITEMS = 1 << 22  # of all arrays together; the largest vocabularies hold 2^18
_MAX_KEY_BYTES = 1 << 16
_MAX_NAME_BYTES = 256
_MAX_STRING_BYTES = 1 << 24
_MAX_DEPTH = 4  # arrays of arrays
_MAX_ALIGNMENT = 1 << 16
_MANY = 256  # strings


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """Where one tensor lies. ``shape`` is row-major as in Hugging Face: (rows, columns)."""

    name: str
    shape: tuple[int, ...]
    type: str  # a key of BLOCK
    offset: int  # bytes from the start of the file
    nbytes: int


@dataclass(frozen=True)
class GGUFFile:
    """A checked file. ``metadata`` holds numbers, strings, lists of strings and numpy arrays."""

    path: Path
    version: int
    metadata: dict[str, Any]
    tensors: dict[str, TensorInfo]
    header: np.ndarray = field(repr=False)  # all that is not tensors, uint8
    _bytes: np.ndarray = field(repr=False)  # the memory map, uint8 [file size]
    _map: mmap.mmap = field(repr=False)
    mapped: MappedFile = field(repr=False)
    homes: dict[str, GGUFFile] = field(default_factory=dict, repr=False)  # of tensors elsewhere

    def home(self, name: str) -> GGUFFile:
        """The file that a tensor lies in: another one where the model is split."""
        return self.homes.get(name, self)

    def data(self, name: str) -> np.ndarray:
        """The tensor's bytes as a read-only view of the memory map, uint8 [nbytes]."""
        if name in self.homes:
            return self.homes[name].data(name)
        tensor = self.tensors[name]
        return self._bytes[tensor.offset : tensor.offset + tensor.nbytes]

    def forget(self, name: str, start: int, stop: int) -> None:
        """Bytes of a tensor are not needed for now: the system may take their pages out of this process.
        They can be read again, from the system's cache or from the disk."""
        if name in self.homes:
            self.homes[name].forget(name, start, stop)
        elif hasattr(mmap, "MADV_DONTNEED"):
            page, offset = mmap.PAGESIZE, self.tensors[name].offset
            first, last = -(-(offset + start) // page) * page, (offset + stop) // page * page
            if last > first:
                self._map.madvise(mmap.MADV_DONTNEED, first, last - first)


def read_gguf(path: Path | str) -> GGUFFile:
    """Read and check the header of ``path`` and map the file. Of a model that is split into several files
    ``path`` is the first, and the others lie beside it.

    Raises KnownError: model-file-lost, gguf-unreadable, gguf-not-gguf, gguf-version, gguf-truncated,
    gguf-corrupt, gguf-tensor-type, gguf-split (a part of a model that is not its first, or not all are
    here).
    """
    path = Path(path)
    first = read_part(path)
    count = first.metadata.get("split.count", 1)
    if not isinstance(count, int) or count <= 1:
        return first
    tensors, homes = dict(first.tensors), dict[str, GGUFFile]()
    for place in split_files(path, count):
        if place == path:
            continue
        if not os.path.isfile(place):
            raise KnownError("gguf-split", file=path.name)
        part = read_part(place)
        if part.metadata.get("split.count") != count or tensors.keys() & part.tensors.keys():
            raise KnownError("gguf-split", file=path.name)
        tensors |= part.tensors
        homes |= dict.fromkeys(part.tensors, part)
    if first.metadata.get("split.tensors.count", len(tensors)) != len(tensors):
        raise KnownError("gguf-split", file=path.name)
    return replace(first, tensors=tensors, homes=homes)


def read_part(path: Path) -> GGUFFile:
    """One file of a model alone. Raises as ``read_gguf``."""
    try:
        with open_regular(path) as file:
            magic = file.read(4)
            if magic != b"GGUF":
                raise KnownError("gguf-not-gguf", file=path.name)
            mapped, watched = map_file(path, opened=file)
    except (OSError, ValueError) as error:  # ValueError: a path or a file that cannot be mapped
        raise KnownError("gguf-unreadable", file=path.name) from error
    try:
        return _Reader(path, mapped, watched).read()
    finally:
        watched.check()  # also before what was read of a lost file is called damaged


_Entry = tuple[str, tuple[int, ...], str, int]  # name, row-major shape, type, offset in the data section


class _Reader:
    """A cursor over the header. Every read first checks that the bytes are there."""

    def __init__(self, path: Path, mapped: mmap.mmap, watched: MappedFile) -> None:
        self.path = path
        self.watched = watched
        self.map = mapped
        self.size = len(mapped)
        self.position = 4
        self.items_left = _MAX_ITEMS

    def corrupt(self, what: str) -> KnownError:
        return KnownError("gguf-corrupt", file=self.path.name, what=what)

    def take(self, count: int) -> int:
        """Move on by ``count`` bytes; the position before."""
        start = self.position
        if count > self.size - start:
            raise KnownError("gguf-truncated", file=self.path.name)
        self.position = start + count
        return start

    def number(self, kind: str) -> Any:
        return struct.unpack_from("<" + _CODES[kind], self.map, self.take(int(kind[1])))[0]

    def text(self, limit: int) -> str:
        length = self.number("u8")
        if length > limit:
            raise self.corrupt("a text is too long")
        start = self.take(length)
        try:
            return str(self.map[start : start + length], "utf-8")
        except UnicodeDecodeError:
            raise self.corrupt("a text is not UTF-8") from None

    def read(self) -> GGUFFile:
        version = self.number("u4")
        if version not in (2, 3):
            raise KnownError("gguf-version", file=self.path.name, version=version)
        tensor_count, key_count = self.number("u8"), self.number("u8")
        # the shortest tensor entry takes 8 + 1 + 4 + 8 + 4 + 8 bytes, the shortest key 8 + 1 + 4 + 1
        left = self.size - self.position
        if tensor_count > _MAX_TENSORS or key_count > _MAX_KEYS:
            raise self.corrupt("it counts more than it can hold")
        if tensor_count * 33 + key_count * 14 > left:
            raise KnownError("gguf-truncated", file=self.path.name)
        metadata: dict[str, Any] = {}
        for _ in range(key_count):
            key = self.text(_MAX_KEY_BYTES)
            if not key or key in metadata:
                raise self.corrupt("a key is empty or there twice")
            metadata[key] = self.value(self.number("u4"), 0)
        entries = [self.tensor_entry() for _ in range(tensor_count)]
        tensors = self.place(entries, self.alignment(metadata))
        whole = np.frombuffer(self.map, np.uint8)
        return GGUFFile(
            self.path, version, metadata, tensors, whole[: self.position], whole, self.map, self.watched
        )

    def value(self, kind: int, depth: int) -> Any:
        if kind == _STRING:
            return self.text(_MAX_STRING_BYTES)
        if kind == _ARRAY:
            return self.array(depth)
        if kind not in _NUMBERS:
            raise self.corrupt("a value has an unknown type")
        number = self.number(_NUMBERS[kind])
        if kind == _BOOL:
            if number > 1:
                raise self.corrupt("a yes-or-no value is neither")
            return bool(number)
        return number

    def array(self, depth: int) -> Any:
        """Numbers become a numpy array, strings a list, arrays a list of either."""
        if depth >= _MAX_DEPTH:
            raise self.corrupt("its lists are nested too deep")
        kind, count = self.number("u4"), self.number("u8")
        if kind in _NUMBERS:
            smallest = int(_NUMBERS[kind][1])
        elif kind in (_STRING, _ARRAY):
            smallest = 8 if kind == _STRING else 12
        else:
            raise self.corrupt("a list has an unknown type")
        cost = count * (64 if kind == _ARRAY else 1)  # an empty list takes 64 bytes of ours
        if cost > self.items_left:
            raise self.corrupt("a list is too long")
        if count * smallest > self.size - self.position:
            raise KnownError("gguf-truncated", file=self.path.name)
        self.items_left -= cost
        if kind == _STRING:
            return self.strings(count)
        if kind == _ARRAY:
            return [self.array(depth + 1) for _ in range(count)]
        start = self.take(count * smallest)
        numbers = np.frombuffer(self.map, "<" + _NUMBERS[kind], count, start).copy()
        if kind == _BOOL:
            if count and numbers.max() > 1:
                raise self.corrupt("a yes-or-no value is neither")
            numbers = numbers.astype(np.bool_)
        numbers.flags.writeable = False
        return numbers

    def strings(self, count: int) -> list[str]:
        """``count`` strings in one tight loop: vocabularies have a quarter of a million."""
        joined = self.joined_strings(count)
        if joined is not None:
            return joined
        mapped, size, position = self.map, self.size, self.position
        length_at: Callable[..., tuple[int]] = struct.Struct("<Q").unpack_from
        texts: list[str] = []
        append = texts.append
        try:
            for _ in range(count):
                start = position + 8
                if start > size:
                    raise KnownError("gguf-truncated", file=self.path.name)
                position = start + length_at(mapped, position)[0]
                if position > size:
                    raise KnownError("gguf-truncated", file=self.path.name)
                append(str(mapped[start:position], "utf-8"))
        except UnicodeDecodeError:
            raise self.corrupt("a text is not UTF-8") from None
        self.position = position
        return texts

    def joined_strings(self, count: int) -> list[str] | None:
        """The same in one go by the compiled back end; None without it, or if no character is free to
        stand between the strings."""
        library = native.library() if count >= _MANY else None
        if library is None:
            return None
        whole = np.frombuffer(self.map, np.uint8)
        separator, nbytes = ctypes.c_int(), ctypes.c_int64()
        end = library.native_strings_end(
            whole.ctypes.data, self.size, self.position, count, ctypes.byref(separator), ctypes.byref(nbytes)
        )
        if not end:
            raise KnownError("gguf-truncated", file=self.path.name)
        if separator.value < 0:
            return None
        joined = np.empty(nbytes.value + count, np.uint8)
        library.native_join_strings(
            whole.ctypes.data + self.position, count, separator.value, joined.ctypes.data
        )
        try:
            texts = str(joined[:-1].data, "utf-8").split(chr(separator.value))
        except UnicodeDecodeError:
            raise self.corrupt("a text is not UTF-8") from None
        self.position = int(end)
        return texts

    def alignment(self, metadata: dict[str, Any]) -> int:
        alignment = metadata.get("general.alignment", 32)
        if type(alignment) is not int or not 0 < alignment <= _MAX_ALIGNMENT or alignment & (alignment - 1):
            raise self.corrupt("its alignment is not a power of two")
        return alignment

    def tensor_entry(self) -> _Entry:
        name = self.text(_MAX_NAME_BYTES)
        dimensions = self.number("u4")
        if not 1 <= dimensions <= 4:
            raise self.corrupt("a tensor has no dimensions or too many")
        shape = tuple(self.number("u8") for _ in range(dimensions))
        number = self.number("u4")
        kind = _TENSOR_TYPES.get(number, str(number))
        if kind not in BLOCK:
            raise KnownError("gguf-tensor-type", file=self.path.name, type=kind)
        return name, shape[::-1], kind, self.number("u8")

    def place(self, entries: list[_Entry], alignment: int) -> dict[str, TensorInfo]:
        """Absolute offsets; tensors must be whole blocks, aligned, inside the file and apart."""
        base = -(-self.position // alignment) * alignment
        tensors: dict[str, TensorInfo] = {}
        for name, shape, kind, offset in entries:
            if not name or name in tensors:
                raise self.corrupt("a tensor's name is empty or there twice")
            values, size = BLOCK[kind]
            if min(shape) < 1 or shape[-1] % values:
                raise self.corrupt("a tensor's rows are not made of whole blocks")
            count = 1
            for dimension in shape:
                count *= dimension
            nbytes = count // values * size
            if offset % alignment:
                raise self.corrupt("a tensor is not aligned")
            if base + offset + nbytes > self.size:
                raise KnownError("gguf-truncated", file=self.path.name)
            tensors[name] = TensorInfo(name, shape, kind, base + offset, nbytes)
        end = base
        for tensor in sorted(tensors.values(), key=lambda tensor: tensor.offset):
            if tensor.offset < end:
                raise self.corrupt("two tensors overlap")
            end = tensor.offset + tensor.nbytes
        return tensors
