"""Packed weights kept on disk, so that the next load maps a file instead of packing.

A file is a header, a table (JSON), the vectors, and the image of the model's memory at a multiple of
2 MB. All of it is checked before it is used: the order of bytes, lengths, two checksums, that the
model's file is still the one it was made from, that this program would pack it the same way, and that its
table is the one the model has: right checksums do not make a file ours. A file that fails is deleted, and
the weights are packed anew.

The file is mapped, not read: its pages are shared between processes and cost no memory of our own. It is
written without permission to write, so that few programs cut it short meanwhile; ``formats/mapped.py`` says
what happens if one does.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import logging
import os
import shutil
import struct
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from autogpt_desktop import paths
from autogpt_desktop.engine.formats.adapter_files import is_adapter
from autogpt_desktop.engine.formats.mapped import MappedFile, map_file
from autogpt_desktop.regular_file import is_missing

log = logging.getLogger(__name__)

_HEADER = struct.Struct("=8sIIQQQQQ")  # in the machine's own order, which _ORDER tells
_MAGIC, _ORDER, _VERSION = b"AGPACKED", 0x01020304, 1
_ALIGNMENT = 2 << 20
_PART = 4 << 20  # as Model::checksum has it
_SYNC = 32 << 20  # bytes between two waits for the disk: so long may stopping take
_MAX_TABLE = 64 << 20
_RESERVE = 1 << 30  # bytes that always stay free on the disk
_ROOM = 10  # times a file's size that stay free besides it: a copy is a comfort
_EDGE = 1 << 20  # bytes at either end of a model's file that are compared, besides its size and time
_STALE = 3600.0  # seconds; an unfinished file as old as that belongs to nobody

VectorPlace = tuple[int, int, int]  # layer, slot, count
Vectors = list[tuple[int, int, np.ndarray]]  # (layer, slot, float32 [count])
# what a table of another kind leads to
_MALFORMED = (OSError, ValueError, LookupError, TypeError, ArithmeticError, RecursionError, struct.error)


@dataclass(frozen=True)
class PackedMatrix:
    """A packed matrix. ``offset``: bytes from the start of the model's memory."""

    name: str
    layer: int
    slot: int
    kind: int
    rows: int
    cols: int
    offset: int

    def entry(self) -> list[int]:
        return [self.layer, self.slot, self.kind, self.rows, self.cols, self.offset]


@dataclass(frozen=True)
class PackedWeights:
    """A checked file. ``weights``: the mapped image, uint8 [bytes]; keep it as long as it is used."""

    weights: np.ndarray
    vectors: Vectors
    file: MappedFile


class _Unusable(Exception):
    """Why a file is not what it should be."""


@dataclass(frozen=True)
class PackedCache:
    """The file of one model. ``source``: what it is made from, comparable as JSON. ``worth``: seconds of
    packing from which on it is kept."""

    file: Path
    source: dict[str, Any]
    worth: float = 0.0

    def variant(self, name: str) -> PackedCache:
        """That of the same model packed in another way: programs that do so keep to files of their own."""
        model = Path(self.source["path"])
        return replace(self, file=paths.packed_file(model, self.file.parent, name))

    def open(
        self,
        library: ctypes.CDLL,
        model: int,
        places: Sequence[PackedMatrix],
        vectors: Sequence[VectorPlace],
        size: int,
    ) -> PackedWeights | None:
        """The weights, if they are here and exactly those of ``places`` and ``vectors``; ``model`` lends
        its threads."""
        try:
            with self.file.open("rb") as file:
                return self._read(file, library, model, places, vectors, size)
        except FileNotFoundError:
            return None
        except (_Unusable, *_MALFORMED) as error:
            log.warning("%s is not used: %s", self.file.name, error)
            _delete(self.file)
            return None

    def _read(
        self,
        file: BinaryIO,
        library: ctypes.CDLL,
        model: int,
        places: Sequence[PackedMatrix],
        expected: Sequence[VectorPlace],
        size: int,
    ) -> PackedWeights:
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            raise _Unusable("it is too short")
        magic, order, version, table_size, start, length, prefix_sum, data_sum = _HEADER.unpack(head)
        if (magic, order, version) != (_MAGIC, _ORDER, _VERSION):
            raise _Unusable("it was written by another program or on another machine")
        whole = os.fstat(file.fileno()).st_size
        if table_size > _MAX_TABLE or start != _start(table_size) or length != size or whole != start + size:
            raise _Unusable("its length is wrong")
        prefix = file.read(table_size)
        if len(prefix) != table_size or _checksum(library, _signed(head, prefix)) != prefix_sum:
            raise _Unusable("its table is damaged")
        (text_size,) = struct.unpack_from("=Q", prefix)
        table = json.loads(prefix[8 : 8 + text_size])
        if table["source"] != self.source or table["layout"] != library.native_layout():
            raise _Unusable("the model or the program has changed")
        if table["matrices"] != [place.entry() for place in places]:
            raise _Unusable("its matrices are not the model's")
        counts = sum(count for _, _, count in expected)
        length_fits = text_size % 8 == 0 and len(prefix) == 8 + text_size + 4 * counts
        if not length_fits or table["vectors"] != [list(place) for place in expected]:
            raise _Unusable("its vectors are not the model's")
        vectors: Vectors = []
        at = 8 + text_size
        for layer, slot, count in expected:  # not the table's own numbers: 1.0 and True equal 1 as well
            vectors.append((layer, slot, np.frombuffer(prefix, np.float32, count, at)))
            at += 4 * count
        mapped, watched = map_file(self.file, opened=file)
        weights = np.frombuffer(mapped, np.uint8, size, start)
        if library.native_checksum(model, weights.ctypes.data, size) != data_sum:
            raise _Unusable("its weights are damaged")
        if watched.is_lost():
            raise _Unusable("it was changed meanwhile")
        return PackedWeights(weights, vectors, watched)

    def write(
        self, library: ctypes.CDLL, places: Sequence[PackedMatrix], vectors: Vectors, address: int, size: int
    ) -> Writer:
        """Begin to write the model's memory, ``size`` bytes at ``address``, beside other work.

        The memory must stay until ``Writer.stop`` has returned.
        """
        table = json.dumps(
            {
                "source": self.source,
                "layout": library.native_layout(),
                "matrices": [place.entry() for place in places],
                "vectors": [[layer, slot, len(values)] for layer, slot, values in vectors],
            }
        ).encode()
        table += b" " * (-len(table) % 8)
        prefix = (
            struct.pack("=Q", len(table)) + table + b"".join(values.tobytes() for _, _, values in vectors)
        )
        writer = Writer(self.file, library, prefix, address, size)
        writer.start()
        return writer


class Writer(threading.Thread):
    """Writes one file, slowly and out of the way; a failure is logged and leaves nothing behind."""

    def __init__(self, file: Path, library: ctypes.CDLL, prefix: bytes, address: int, size: int) -> None:
        super().__init__(name="packed weights", daemon=True)  # the decoder stops it, at the latest at exit
        self._file, self._library, self._prefix = file, library, prefix
        self._address, self._size = address, size
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Give up unless it is done, and wait until nothing of the memory is read any more."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        if hasattr(os, "setpriority"):  # of this thread alone, where threads have one
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        scratch = self._file.with_name(f"{self._file.name}.{uuid.uuid4().hex[:12]}.tmp")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            sweep(self._file.parent)
            if self._fits() and self._write(scratch):
                if os.name == "posix":
                    scratch.chmod(0o444)
                os.replace(scratch, self._file)
        except OSError as error:
            log.warning("the packed weights could not be kept: %s", error)
        finally:
            _delete(scratch)

    def _fits(self) -> bool:
        free = shutil.disk_usage(self._file.parent).free
        if free - self._size >= max(_RESERVE, _ROOM * self._size):
            return True
        log.info("the packed weights are not kept: the disk has %d MB left", free >> 20)
        return False

    def _write(self, scratch: Path) -> bool:
        """False when it was stopped on the way."""
        memory = memoryview((ctypes.c_uint8 * self._size).from_address(self._address)).cast("B")
        start, sums, unsynced = _start(len(self._prefix)), [], 0
        with scratch.open("wb") as file:
            file.seek(start)
            for at in range(0, self._size, _PART):
                if self._stopping.is_set():
                    return False
                part = memory[at : at + _PART]
                sums.append(self._library.native_short_checksum(self._address + at, len(part)))
                file.write(part)
                unsynced += len(part)
                if unsynced >= _SYNC:
                    _sync(file)
                    unsynced = 0
            data_sum = _checksum(self._library, np.array(sums, np.uint64).tobytes())
            fields = (_MAGIC, _ORDER, _VERSION, len(self._prefix), start, self._size)
            head = _HEADER.pack(*fields, 0, data_sum)
            prefix_sum = _checksum(self._library, _signed(head, self._prefix))
            file.seek(0)  # last, so that half a file has no header
            file.write(_HEADER.pack(*fields, prefix_sum, data_sum))
            file.write(self._prefix)
            _sync(file)
        return True


def sweep(folder: Path) -> None:
    """Delete what nobody can use: unfinished files of processes that ended, and the weights of models
    that are gone."""
    for file in folder.glob("*.tmp"):
        if time.time() - file.stat().st_mtime > _STALE:
            _delete(file)
    for file in folder.glob("*.packed"):
        if _is_orphan(file):
            _delete(file)


def _is_orphan(file: Path) -> bool:
    """Is the model that it was made from gone, or an adapter, whose weights are not packed any more? Not
    of a file that cannot be read."""
    try:
        with file.open("rb") as opened:
            head = _HEADER.unpack(opened.read(_HEADER.size))
            (size,) = struct.unpack("=Q", opened.read(8))
            if head[0] != _MAGIC or size > _MAX_TABLE:
                return False
            model = Path(str(json.loads(opened.read(size))["source"]["path"]))
            return is_missing(model) or is_adapter(model)
    except _MALFORMED:
        return False


def _start(prefix: int) -> int:
    return -(-(_HEADER.size + prefix) // _ALIGNMENT) * _ALIGNMENT


def _signed(head: bytes, prefix: bytes) -> bytes:
    """The header but for its own checksum, and the table."""
    at = _HEADER.size - 16
    return head[:at] + head[at + 8 :] + prefix


def _checksum(library: ctypes.CDLL, data: bytes) -> int:
    return int(library.native_short_checksum(data, len(data)))


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _delete(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:  # in use, or not ours
        log.warning("%s cannot be deleted: %s", file.name, error)


def packed_cache_of(model: Path, folder: Path, worth: float = 0.0) -> PackedCache | None:
    """The cache in ``folder`` of a GGUF file or a Hugging Face folder; None if that cannot be read.

    The cache depends on each file's size, time of change, head and tail; besides, its table says how each
    matrix is packed. ``worth``: see ``PackedCache``.
    """
    files = [*sorted(model.glob("*.safetensors")), model / "config.json"] if os.path.isdir(model) else [model]
    try:
        stamps = [_stamp(file) for file in files]
    except OSError:  # whoever reads the model says so
        return None
    source = {"path": str(model.resolve()), "files": stamps}
    return PackedCache(paths.packed_file(model, folder), source, worth)


def _stamp(file: Path) -> list[Any]:
    status = file.stat()
    with file.open("rb") as opened:
        digest = hashlib.sha256(opened.read(_EDGE))
        opened.seek(max(0, status.st_size - _EDGE))
        digest.update(opened.read(_EDGE))
    return [file.name, status.st_size, status.st_mtime_ns, digest.hexdigest()]
