"""A strict, memory-mapped reader of Marian's binaries, version 1, as Firefox's language packs hold them.

Layout, little-endian: version, number of items, a header for each (lengths of its name and shape, type,
bytes), the names, the shapes, a gap up to 256 bytes, the data. Nothing is believed before it is checked
against the file's size. Format: https://github.com/browsermt/marian-dev/blob/master/src/common/binary.cpp
"""

from __future__ import annotations

import math
import mmap
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from autogpt_desktop.engine.formats.mapped import MappedFile, map_file
from autogpt_desktop.engine.formats.untrusted import untrusted
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular

# Marian's numbers of types -> (ours, bytes of a value)
_TYPES = {0x0101: ("int8", 1), 0x0404: ("float32", 4), 0x4101: ("intgemm8", 1)}
_SETTINGS = "special:model.yml"
_ALIGNMENT = 256
_MAX_ITEMS = 1 << 14
_MAX_NAME_BYTES = 256
_MAX_DIMENSIONS = 4
_MAX_SETTINGS_BYTES = 1 << 16
_HEADER = struct.Struct("<4Q")


@dataclass(frozen=True, slots=True)
class MarianItem:
    """Where one item lies. An intgemm8 item ends with the float that its values were multiplied by."""

    name: str
    type: str  # "float32", "intgemm8" or "int8"
    shape: tuple[int, ...]
    offset: int  # bytes from the start of the file
    nbytes: int  # with the multiplier, without padding


@dataclass(frozen=True, slots=True, eq=False)
class Int8Matrix:
    """A matrix W [outputs, inputs] ≈ values / multiplier. What it is multiplied with is rounded to int8 too:
    y = (round(x · input_multiplier) @ valuesᵀ) / (input_multiplier · multiplier)."""

    values: NDArray[np.int8]  # a view of the mapped file
    multiplier: float
    input_multiplier: float = 0.0  # 0: nothing is multiplied by it, it is looked up


@dataclass(frozen=True)
class MarianFile:
    """A checked file. ``settings`` is what the YAML inside says."""

    path: Path
    items: dict[str, MarianItem]
    settings: dict[str, Any]
    _bytes: np.ndarray = field(repr=False)  # the memory map, uint8 [file size]
    mapped: MappedFile = field(repr=False)

    def floats(self, name: str) -> NDArray[np.float32]:
        """A float32 item, [*shape]; a view where it is aligned. Raises KnownError for NaN and infinity."""
        item = self.items[name]
        raw = self._bytes[item.offset : item.offset + item.nbytes]
        values = (raw if item.offset % 4 == 0 else raw.copy()).view("<f4").reshape(item.shape)
        if not np.isfinite(values).all():
            raise KnownError(
                "gguf-corrupt", file=self.path.name, what=f"{name} has values that are no numbers"
            )
        return values

    def matrix(self, name: str, input_multiplier: float = 0.0) -> Int8Matrix:
        """An intgemm8 item. Marian stores [inputs, outputs] transposed and leaves the shape as it was;
        embeddings are [vocabulary, inputs] and stay so: rows are always outputs."""
        item = self.items[name]
        rows, columns = item.shape if "Wemb" in name else item.shape[::-1]
        end = item.offset + item.nbytes - 4
        values = self._bytes[item.offset : end].view(np.int8).reshape(rows, columns)
        return Int8Matrix(values, self._multiplier(name), input_multiplier)

    def scale(self, name: str) -> float:
        """A multiplier of activations: a float, or, of embeddings, one that was made int8 as they were."""
        item = self.items[name]
        if item.type == "float32":
            value = float(self.floats(name).reshape(-1)[0])
        else:
            value = float(self._bytes[item.offset : item.offset + 1].view(np.int8)[0]) / self._multiplier(
                name
            )
        return self._positive(name, value)

    def _multiplier(self, name: str) -> float:
        item = self.items[name]
        end = item.offset + item.nbytes
        return self._positive(name, struct.unpack("<f", self._bytes[end - 4 : end].tobytes())[0])

    def _positive(self, name: str, value: float) -> float:
        if not 1e-20 < value < 1e20:  # also NaN; squares of it are floats too
            raise KnownError("gguf-corrupt", file=self.path.name, what=f"the scale of {name} makes no sense")
        return value


def read_marian(path: Path | str) -> MarianFile:
    """Read and check the headers of ``path`` and map the file.

    Raises KnownError: gguf-unreadable, gguf-truncated, gguf-corrupt, gguf-version, marian-not-marian,
    marian-unsupported, model-file-lost.
    """
    path = Path(path)
    try:
        with open_regular(path) as file:
            # pages of our own once written, which nobody does: torch takes them as they are then
            mapped, watched = map_file(path, mmap.ACCESS_COPY, file)
    except (OSError, ValueError) as error:  # ValueError: a path or a file that cannot be mapped
        raise KnownError("gguf-unreadable", file=path.name) from error
    try:
        return _read(path, np.frombuffer(mapped, np.uint8), watched)
    finally:
        watched.check()  # also before what was read of a lost file is called damaged


def _read(path: Path, whole: np.ndarray, watched: MappedFile) -> MarianFile:
    size, name = len(whole), path.name
    data = whole.data

    def corrupt(what: str) -> KnownError:
        return KnownError("gguf-corrupt", file=name, what=what)

    def need(end: int) -> None:
        if end > size:
            raise KnownError("gguf-truncated", file=name)

    need(16)
    version, count = struct.unpack_from("<2Q", data)
    if version != 1:
        if version < 16:  # another one than ours; larger numbers are other formats' first bytes
            raise KnownError("gguf-version", file=name, version=version)
        raise KnownError("marian-not-marian", file=name)
    if not 1 <= count <= _MAX_ITEMS:
        raise corrupt("it counts no items, or more than it can hold")
    position = 16 + count * _HEADER.size
    need(position)
    headers = [_HEADER.unpack_from(data, 16 + at * _HEADER.size) for at in range(count)]
    names = []
    for length, *_ in headers:
        if not 2 <= length <= _MAX_NAME_BYTES:
            raise corrupt("a name is empty or too long")
        need(position + length)
        raw = bytes(data[position : position + length])
        position += length
        if raw[-1] or 0 in raw[:-1] or not raw.isascii():
            raise corrupt("a name is no text")
        names.append(raw[:-1].decode("ascii"))
    if len(set(names)) < count:
        raise corrupt("a name is there twice")
    shapes = []
    for _, _, dimensions, _ in headers:
        if not 1 <= dimensions <= _MAX_DIMENSIONS:
            raise corrupt("an item has no dimensions or too many")
        need(position + 4 * dimensions)
        shapes.append(struct.unpack_from(f"<{dimensions}i", data, position))
        position += 4 * dimensions
    need(position + 8)
    (gap,) = struct.unpack_from("<Q", data, position)
    if gap > _ALIGNMENT:
        raise corrupt("its data does not begin behind its headers")
    position += 8 + gap
    items: dict[str, MarianItem] = {}
    for item, (_, number, _, length), shape in zip(names, headers, shapes, strict=True):
        if number not in _TYPES:
            raise KnownError("marian-unsupported", file=name, what=f"{item}: type {number:#x}"[:80])
        kind, width = _TYPES[number]
        if min(shape) < 1 or math.prod(shape) > size:
            raise corrupt("an item has no values, or more than the file can hold")
        if kind == "intgemm8" and len(shape) != 2:
            raise corrupt("a matrix does not have two dimensions")
        nbytes = math.prod(shape) * width + (4 if kind == "intgemm8" else 0)
        if not nbytes <= length <= -(-nbytes // _ALIGNMENT) * _ALIGNMENT:
            raise corrupt("an item is shorter or longer than its shape")
        need(position + length)
        items[item] = MarianItem(item, kind, shape, position, nbytes)
        position += length
    if position != size:
        raise corrupt("there is something behind its last item")
    return MarianFile(path, items, _read_settings(name, whole, items), whole, watched)


def _read_settings(name: str, whole: np.ndarray, items: dict[str, MarianItem]) -> dict[str, Any]:
    """The YAML that the trainer wrote: a table of numbers, texts and lists."""
    item = items.get(_SETTINGS)
    if item is None or item.type != "int8":
        raise KnownError("gguf-tensor-missing", file=name, tensor=_SETTINGS)
    if item.nbytes > _MAX_SETTINGS_BYTES:
        raise KnownError("gguf-setting", file=name, setting=_SETTINGS)
    raw = whole[item.offset : item.offset + item.nbytes].tobytes().rstrip(b"\0")
    with untrusted(name, "gguf-setting", file=name, setting=_SETTINGS):
        try:
            settings = yaml.safe_load(raw.decode("utf-8"))
        except yaml.YAMLError as error:
            raise KnownError("gguf-setting", file=name, setting=_SETTINGS) from error
        if not isinstance(settings, dict):
            raise KnownError("gguf-setting", file=name, setting=_SETTINGS)
        return {str(key): value for key, value in settings.items()}
