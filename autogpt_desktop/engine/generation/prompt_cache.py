"""What a model remembers of the beginnings of prompts: kept in memory, and in files in one folder.

A system prompt, or the examples of a task, is computed once; every prompt that begins with it starts from
a copy, also after the app was started again. A file belongs to an owner, so that what the user wrote can
be taken away again. The files are a cache: whatever is wrong with one, it is deleted and made anew. A right
checksum does not make it ours: names, ids, shapes and numbers are checked against the model, and its last
token is computed again, which everything before it has a part in.

    "AGTPREF1"  magic
    uint32      length of the header
    header      JSON: model, owner (hashed), alone, ids (how many), arrays ([name, dtype, shape]), size
                (of the file); spaces behind it, so that the arrays begin at a multiple of 64
    ids         int32, little-endian
    arrays      one after the other, C order
    uint32      CRC-32 of all before it
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
import struct
import sys
import time
import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from autogpt_desktop import atomic
from autogpt_desktop._version import __version__

if TYPE_CHECKING:  # ``forget`` must not load it
    from numpy.typing import NDArray

    from autogpt_desktop.engine.interface import Decoder, State

log = logging.getLogger(__name__)

DISK_BUDGET = 512 << 20  # bytes of all files together
MIN_FREE_DISK = 1 << 30  # bytes that must stay free on the disk
MIN_TOKENS = 48  # tokens; fewer are computed sooner than read
MEMORY_BUDGET = 192 << 20  # bytes of the states in memory
_MAGIC = b"AGTPREF1"
_SUFFIX = ".state"
_MOST_HEADER = 1 << 16
_ALIGNMENT = 64
_ROUNDING = 0.1  # of the largest number: what a pass of one token may differ by where it is not to the bit
_WIPED = 1 << 20  # bytes, from the start
_ABANDONED = 600.0  # seconds after which a file that is being written no longer is


class DamagedFile(Exception):
    """A file that is not what it says."""


@dataclass(frozen=True)
class _Header:
    model: str
    owner: str
    alone: bool
    ids: NDArray[Any]  # int32
    arrays: list[tuple[str, str, tuple[int, ...]]]  # name, dtype, shape
    start: int  # of the arrays' bytes


@dataclass(frozen=True)
class SavedState:
    """What the file ``path`` holds. ``owner`` is hashed."""

    path: Path
    owner: str
    alone: bool
    ids: list[int]
    arrays: dict[str, NDArray[Any]]


class PromptCache:
    """The beginnings of prompts that an engine knows. ``files`` None keeps them in memory only.

    ``model`` is its ``fingerprint``. States that are handed out are the caller's own copies.
    """

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self.model = ""
        self.files: PromptCacheFiles | None = None
        self._kept: OrderedDict[tuple[str, tuple[int, ...]], State] = (
            OrderedDict()
        )  # by owner (hashed) and ids

    @property
    def nbytes(self) -> int:
        """Bytes of the states in memory."""
        return sum(kept.nbytes for kept in self._kept.values())

    def find(self, ids: Sequence[int], least: int = MIN_TOKENS) -> State | None:
        """A state of the longest beginning of ``ids`` that is known, if it has ``least`` tokens."""
        best, size = None, least - 1
        for key, state in self._kept.items():
            if (common := state.common_prefix(ids)) > size:
                best, size = key, common
        refused = set[Path]()  # also those that cannot be deleted
        while self.files is not None and size < len(ids):
            saved = self.files.longest(self.model, ids, size + 1, self.decoder.context_length, refused)
            if saved is None:
                break
            refused.add(saved.path)
            if (restored := self._restored(saved)) is not None:
                size = restored.common_prefix(ids)
                if not saved.alone:
                    self._remember((saved.owner, tuple(saved.ids)), restored)
                    restored = restored.fork()
                restored.trim(size)
                return restored
        if best is None:
            return None
        self._kept.move_to_end(best)
        state = self._kept[best].fork()
        state.trim(size)
        return state

    def keep(self, state: State, tokens: int, owner: str, *, save: bool = True) -> None:
        """Remember the first ``tokens`` of ``state``, with ``save`` in a file too."""
        ids, copy = state.ids[:tokens], self.decoder.new_state()
        with _memory_may_end():
            arrays = state.snapshot(tokens)
            copy.restore(ids, arrays)
            self._remember((_short(owner), tuple(ids)), copy)
            if save and self.files is not None and tokens >= MIN_TOKENS:
                self.files.save(self.model, owner, ids, arrays)

    def save(self, state: State, owner: str) -> None:
        """Write a whole state to the owner's only file; nothing is kept in memory."""
        if self.files is not None and len(state) >= MIN_TOKENS and state.nbytes <= self.files.budget:
            with _memory_may_end():
                self.files.save(self.model, owner, state.ids, state.snapshot(len(state)), alone=True)

    def forget(self, owner: str) -> None:
        """Drop what belongs to an owner from memory, and overwrite and delete its files."""
        for key in [key for key in self._kept if key[0] == _short(owner)]:
            del self._kept[key]
        if self.files is not None:
            self.files.forget(owner)

    def _remember(self, key: tuple[str, tuple[int, ...]], state: State) -> None:
        self._kept[key] = state
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and self.nbytes > MEMORY_BUDGET:
            self._kept.popitem(last=False)

    def _restored(self, saved: SavedState) -> State | None:
        """The state, if the model could have left it; else its file is deleted."""
        import numpy as np

        try:
            if not all(0 <= id < self.decoder.config.vocab_size for id in saved.ids):
                raise DamagedFile("ids outside the vocabulary")
            if not all(np.isfinite(_floats(array)).all() for array in saved.arrays.values()):
                raise DamagedFile("not finite")
            state = self.decoder.new_state()
            state.restore(saved.ids, saved.arrays)
            self._check_last_token(state, saved)
            if not self.decoder.batch_invariant:
                state.restore(saved.ids, saved.arrays)  # to the bit
        except (ValueError, DamagedFile) as error:
            _discard(saved.path, error)
            return None
        return state

    def _check_last_token(self, state: State, saved: SavedState) -> None:
        """Compute it once more, from what is said to lie before it. Raises DamagedFile."""
        import numpy as np

        state.trim(len(saved.ids) - 1)
        logits = self.decoder.forward([(state, saved.ids[-1:])])[0]
        if not logits.isfinite().all():
            raise DamagedFile("it leads to no numbers")
        for name, array in state.snapshot(len(saved.ids)).items():
            again, before = _floats(array), _floats(saved.arrays[name])
            allowed = 0.0 if self.decoder.batch_invariant else _ROUNDING * float(np.abs(again).max())
            if float(np.abs(again - before).max()) > allowed:
                raise DamagedFile("another text left it")


@contextmanager
def _memory_may_end() -> Iterator[None]:
    """Nobody asked for what is kept: without memory for it, it is not."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        from autogpt_desktop.engine.memory import out_of_memory

        if not out_of_memory(error):
            raise
        log.warning("a prompt's state was not kept: %s", error)


def fingerprint(path: Path, decoder: Decoder, adapter: Path | None = None) -> str:
    """What a state depends on: the model's files, its adapter's, and who computed and laid it out."""
    digest = hashlib.sha256(f"{__version__} {type(decoder).__name__}".encode())
    digest.update(repr(getattr(decoder, "kernels", "")).encode())
    state = decoder.new_state()
    arrays = state.snapshot(0)
    digest.update(state.layout.encode())
    digest.update(repr([(name, a.dtype.str, a.shape) for name, a in sorted(arrays.items())]).encode())
    files = [path]
    if os.path.isdir(path):
        files = sorted(file for kind in ("*.json", "*.safetensors", "*.model") for file in path.glob(kind))
    if adapter is not None:
        files += sorted(adapter.glob("adapter_*"))
    for file in files:
        stat = file.stat()
        digest.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(1 << 20))
    return digest.hexdigest()


class PromptCacheFiles:
    """The files of one folder, which need not be there yet. ``budget``: bytes of all of them.

    Nothing here raises OSError: a disk that is full or read-only is logged and costs time only.
    """

    def __init__(self, folder: Path, budget: int = DISK_BUDGET) -> None:
        self.folder, self.budget = folder, budget

    def longest(
        self,
        model: str,
        ids: Sequence[int],
        least: int = MIN_TOKENS,
        most: int = sys.maxsize,
        refused: Collection[Path] = (),
    ) -> SavedState | None:
        """Of what was saved for ``model`` the one that has the most of ``ids`` in common, from the start.

        ``least``: tokens in common; ``most``: tokens in all, as many as a context holds; ``refused``: not
        these."""
        found: list[tuple[int, int, Path]] = []
        for path in self._files(f"*-{_short(model)}-*{_SUFFIX}"):
            try:
                with path.open("rb") as file:
                    header = _read_header(file, path.name)
            except (OSError, DamagedFile) as error:
                _discard(path, error)
                continue
            common = _common(header.ids, ids)
            if header.model == model and common >= least and len(header.ids) <= most and path not in refused:
                found.append((common, -len(header.ids), path))  # of equals the smallest
        for _, _, path in sorted(found, reverse=True):
            try:
                saved = _read(path)
                os.utime(path)  # the least recently used go first
                return saved
            except (OSError, DamagedFile) as error:
                _discard(path, error)
        return None

    def save(
        self,
        model: str,
        owner: str,
        ids: Sequence[int],
        arrays: Mapping[str, NDArray[Any]],
        *,
        alone: bool = False,
    ) -> bool:
        """Write one; False: there is no room. ``alone``: it takes the place of the owner's others."""
        import numpy as np

        numbers = np.asarray(ids, "<i4")
        described = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
        header: dict[str, Any] = {"model": model, "owner": _short(owner), "alone": alone}
        header |= {"ids": len(numbers), "arrays": described, "size": 0}
        start = len(_MAGIC) + 4 + len(json.dumps(header)) + 16 + numbers.nbytes
        space = len(json.dumps(header)) + 16 + -start % _ALIGNMENT
        size = len(_MAGIC) + 4 + space + numbers.nbytes + sum(array.nbytes for array in arrays.values()) + 4
        if size > self.budget // 2 or not self._make_room(size):
            return False
        text = json.dumps(header | {"size": size}).encode().ljust(space)
        path = self.folder / _file_name(_short(owner), model, numbers.tobytes())
        flat = [np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in arrays.values()]
        parts = [_MAGIC + struct.pack("<I", space) + text, numbers.tobytes(), *flat]
        if not _written(path, parts):
            return False
        if alone:
            for other in self._files(f"{_short(owner)}-*{_SUFFIX}"):
                if other != path:
                    _wipe(other)
        return True

    def forget(self, owner: str) -> None:
        """Overwrite and delete an owner's files, also half-written ones."""
        for path in self._files(f"{_short(owner)}-*"):
            _wipe(path)

    def _make_room(self, size: int) -> bool:
        """Delete the least recently used until ``size`` bytes more are within the budget."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if shutil.disk_usage(self.folder).free < size + MIN_FREE_DISK:
                return False
        except OSError as error:
            log.warning("no folder for prompts' states: %s", error)
            return False
        known = []
        for path in self._files("*"):
            with suppress(FileNotFoundError):  # another process deleted it
                stat = path.stat()
                known.append((stat.st_mtime, stat.st_size, path))
        total = size + sum(entry[1] for entry in known)
        for used, bytes_, path in sorted(known):
            abandoned = path.suffix == atomic.SUFFIX and time.time() - used > _ABANDONED
            if abandoned or (total > self.budget and path.suffix == _SUFFIX):
                total -= bytes_
                _discard(path, None)
        return total <= self.budget

    def _files(self, pattern: str) -> Iterator[Path]:
        try:
            yield from list(self.folder.glob(pattern))
        except OSError as error:
            log.warning("the prompts' states cannot be listed: %s", error)


def _file_name(owner: str, model: str, ids: bytes) -> str:
    """``owner`` is hashed already."""
    key = hashlib.sha256(f"{model}\0".encode() + ids).hexdigest()[:24]
    return f"{owner}-{_short(model)}-{key}{_SUFFIX}"


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _discard(path: Path, why: BaseException | None) -> None:
    if why is not None:
        log.warning("%s is deleted: %s", path.name, why)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s stays: %s", path.name, error)


def _wipe(path: Path) -> None:
    """What the user wrote does not stay on the disk: its ids, and the first layers of what they left.

    All of a large file would hold up the window, which purges.
    """
    try:
        with path.open("r+b") as file:
            file.write(bytes(min(os.fstat(file.fileno()).st_size, _WIPED)))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        log.warning("%s could not be overwritten: %s", path.name, error)
    _discard(path, None)


def _written(path: Path, parts: Sequence[Any]) -> bool:
    """Write a file anew from buffers and swap it in: a crash leaves the old one, or a wrong checksum."""

    def with_checksum() -> Iterator[Any]:
        check = 0
        for part in parts:
            yield part
            check = zlib.crc32(part, check)
        yield struct.pack("<I", check)

    try:
        atomic.write_bytes(path, with_checksum(), private=True)
    except OSError as error:
        log.warning("a prompt's state was not saved: %s", error)
        return False
    return True


def _common(mine: NDArray[Any], ids: Sequence[int]) -> int:
    """How many are equal, from the start."""
    import numpy as np

    size = min(len(mine), len(ids))
    different = np.flatnonzero(mine[:size] != np.asarray(ids[:size], np.int32))
    return int(different[0]) if len(different) else size


@contextmanager
def _senseless_is_damaged() -> Iterator[None]:
    """Values of any kind in a header lead to DamagedFile."""
    try:
        yield
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError, SyntaxError) as error:
        raise DamagedFile(f"no header: {error}") from error


def _floats(array: NDArray[Any]) -> NDArray[Any]:
    """float32 [*shape]; uint16 are the bits of bfloat16."""
    import numpy as np

    if array.dtype == np.uint16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(np.float32)


def _read_header(file: BinaryIO, name: str) -> _Header:
    """The header and ids, which CRC-32 has not confirmed yet. ``name``: the file's."""
    import numpy as np

    start = file.read(len(_MAGIC) + 4)
    if len(start) < len(_MAGIC) + 4 or not start.startswith(_MAGIC):
        raise DamagedFile("not a state")
    length = struct.unpack("<I", start[len(_MAGIC) :])[0]
    if length > _MOST_HEADER:
        raise DamagedFile("no header")
    with _senseless_is_damaged():
        values = json.loads(file.read(length))
        arrays = [(str(n), str(np.dtype(d).str), tuple(map(int, shape))) for n, d, shape in values["arrays"]]
        model, owner, alone = values["model"], values["owner"], values["alone"]
        if (type(model), type(owner), type(alone)) != (str, str, bool):
            raise DamagedFile("no header")
        count, size = int(values["ids"]), int(values["size"])
        if size != os.fstat(file.fileno()).st_size or not 0 < count <= size // 4:
            raise DamagedFile("cut short")
        if any(np.dtype(dtype).kind not in "fiu" or min(shape, default=0) < 0 for _, dtype, shape in arrays):
            raise DamagedFile("not numbers")
        ids = file.read(4 * count)
        if name != _file_name(owner, model, ids):
            raise DamagedFile("of another name")
        return _Header(
            model, owner, alone, np.frombuffer(ids, "<i4"), arrays, len(start) + length + 4 * count
        )


def _read(path: Path) -> SavedState:
    import numpy as np

    with path.open("rb") as file:
        header = _read_header(file, path.name)
        file.seek(0)
        whole = np.fromfile(file, np.uint8)
    if zlib.crc32(whole[:-4].data) != struct.unpack("<I", whole[-4:].tobytes())[0]:
        raise DamagedFile("wrong checksum")
    arrays: dict[str, NDArray[Any]] = {}
    at = header.start
    for name, dtype, shape in header.arrays:
        stop = at + math.prod(shape) * np.dtype(dtype).itemsize
        if stop > len(whole) - 4:
            raise DamagedFile("cut short")
        with _senseless_is_damaged():
            arrays[name] = whole[at:stop].view(dtype).reshape(shape)
        if not arrays[name].flags.aligned:
            raise DamagedFile("its arrays lie where nobody puts them")
        at = stop
    return SavedState(path, header.owner, header.alone, header.ids.tolist(), arrays)
