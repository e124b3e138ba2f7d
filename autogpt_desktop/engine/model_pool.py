"""The models that are loaded, each once, within a budget of memory."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar, overload

import torch

from autogpt_desktop.engine.formats.adapter import base_of
from autogpt_desktop.engine.formats.adapter_files import is_adapter, is_head
from autogpt_desktop.engine.formats.encoder_config import HEADS_OF_ROLE, LABELS, is_encoder
from autogpt_desktop.engine.formats.pack_files import is_pack_folder, pack_files
from autogpt_desktop.engine.formats.seq2seq_config import is_seq2seq
from autogpt_desktop.engine.formats.untrusted import readable, weight_files
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.generation.prompt_cache import PromptCacheFiles, fingerprint
from autogpt_desktop.engine.generation.seq2seq import Seq2SeqEngine
from autogpt_desktop.engine.load import load, load_beside, pick_device
from autogpt_desktop.engine.load_pack import load_pack
from autogpt_desktop.engine.load_seq2seq import load_seq2seq
from autogpt_desktop.engine.memory import physical_memory, trim_heap
from autogpt_desktop.engine.native.decoder import NativeDecoder
from autogpt_desktop.engine.native.state import CacheType
from autogpt_desktop.engine.native.weights import Quantize
from autogpt_desktop.engine.text_head import HeadEngine, with_head
from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine, load_encoder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress

log = logging.getLogger(__name__)
T = TypeVar("T")
AnyEngine = Engine | EncoderEngine | Seq2SeqEngine | HeadEngine
Loading = Generator[Progress | Notice, None, T]  # what happens meanwhile; it returns what was loaded
MEMORY_SHARE = 0.5  # of the memory that models may fill together; the rest is for everything else


class TaskMemory(Protocol):
    """What a task keeps of one engine between two jobs, such as the states of conversations."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it holds."""

    def save(self) -> None:
        """The engine goes: put what is to stay into a file."""

    def forget(self, name: str) -> None:
        """Drop what belongs to ``name``, which was deleted."""


@dataclass(eq=False)
class LoadedModel:
    """One engine that is loaded. ``memory`` belongs to it, by task, and goes with it."""

    path: Path
    engine: AnyEngine
    base: Path | None = None  # the model under an adapter or a head
    memory: dict[str, TaskMemory] = field(default_factory=dict)
    pins: int = 0  # jobs that work with it
    retired: bool = False  # it goes when the last of them has ended

    @property
    def nbytes(self) -> int:
        """Bytes of the weights and of all that is kept with them."""
        kept = sum(memory.nbytes for memory in self.memory.values())
        if isinstance(self.engine, Engine):
            kept += self.engine.prompt_cache.nbytes
        return self.engine.weight_bytes + kept

    def save(self) -> None:
        """Put what is to stay of ``memory`` into files, and let go of it."""
        for memory in self.memory.values():
            memory.save()
        self.memory.clear()

    def close(self) -> None:
        self.save()
        self.engine.close()


class Models(Protocol):
    """What a task gets its engines from: ``ModelPool``, or ``JobModels`` for one job."""

    @overload
    def get(self, role: Literal["chat"] = ...) -> Loading[Engine]: ...
    @overload
    def get(self, role: Literal["translate"]) -> Loading[Engine | Seq2SeqEngine]: ...
    @overload
    def get(self, role: Literal["embed"]) -> Loading[EncoderEngine]: ...
    @overload
    def get(self, role: Literal["answer", "sentiment"]) -> Loading[Engine | EncoderEngine]: ...
    @overload
    def get(self, role: str) -> Loading[AnyEngine]: ...

    @property
    def loaded(self) -> tuple[LoadedModel, ...]:
        """What is loaded, the latest used last."""

    @property
    def prompt_cache(self) -> Path | None:
        """The folder for saved states; None saves none."""

    def memory(self, engine: AnyEngine) -> dict[str, TaskMemory]:
        """Where tasks keep what belongs to an engine, by the task's name."""


class ModelPool:
    """The engines that are loaded. Lives on the worker thread; panels name a role or a model.

    A model is loaded once, whatever roles it plays. Where the next does not fit beside those that are
    loaded, the least recently used go; never one that a ``job`` works with.
    """

    def __init__(
        self,
        resolve: Callable[[str], Path],
        device: str = "auto",
        context_length: int = 0,
        *,
        packed_cache: Path | None = None,
        packed_worth: float = 0.0,
        quantize: Quantize | None = None,
        kv_cache: CacheType = "float16",
        prompt_cache: Path | None = None,
        budget: int = 0,
    ) -> None:
        """``resolve``: the file or folder that a role means. ``prompt_cache``: the folder for saved states
        (``generation.prompt_cache``); None saves none. ``budget``: bytes for all models together; 0 is half
        of the memory of the device they are on. The rest as for ``load``."""
        self.resolve, self.device, self.context_length = resolve, device, context_length
        self.packed_cache, self.packed_worth, self.quantize = packed_cache, packed_worth, quantize
        self.kv_cache: CacheType = kv_cache
        self.prompt_cache = prompt_cache
        self.budget = budget
        self._entries: dict[Path, LoadedModel] = {}  # the latest used last

    def get(self, role: str = "chat") -> Loading[Any]:
        """The engine of one of the kinds for a role or a model's name, loaded if need be; the generator
        returns it. It is good until the next call; ``job`` keeps several.

        Raises KnownError as ``load`` and ``load_encoder`` do, and "model-not-for-role".
        """
        entry = yield from self._obtain(role, lambda _: None)
        return entry.engine

    @contextmanager
    def job(self) -> Iterator[JobModels]:
        """What a job gets its engines from: they stay loaded until the job ends, also while it is
        suspended and another one loads its own."""
        job = JobModels(self)
        try:
            yield job
        finally:
            for entry in job.pinned:
                entry.pins -= 1
                if entry.retired and not entry.pins:
                    entry.close()
            job.pinned.clear()

    @property
    def loaded(self) -> tuple[LoadedModel, ...]:
        """What is loaded, the latest used last."""
        return tuple(self._entries.values())

    def memory(self, engine: AnyEngine) -> dict[str, TaskMemory]:
        """Where tasks keep what belongs to an engine, by the task's name."""
        return next(entry.memory for entry in self._entries.values() if entry.engine is engine)

    def unload(self, path: Path | None = None) -> None:
        """Free the memory of everything, or of the model at ``path``, once what is to stay is saved.

        What a suspended job works with goes when that job ends.
        """
        for entry in [entry for entry in self._entries.values() if path in (None, entry.path)]:
            self._drop(entry)

    def _obtain(self, role: str, pin: Callable[[LoadedModel], None]) -> Loading[LoadedModel]:
        path = self.resolve(role)
        entry = self._entries.pop(path, None)
        if entry is not None:
            self._entries[path] = entry
        if entry is not None and _is_lost(entry.engine):
            log.warning("%s is loaded anew: its file has changed", entry.engine.name)
            self._drop(entry)
            entry = None
        if entry is not None:
            pin(entry)
            _check(entry.engine, role)
            return entry
        with readable(path.name):
            self._make_room(pick_device(self.device)[0].type, self._bytes_of(path))
            base = base_of(path, self.resolve) if _has_base(path) else None
            engine = yield from self._load(path)
        if path in self._entries:  # another job was quicker, while this one was suspended
            engine.close()
            return (yield from self._obtain(role, pin))
        entry = self._entries[path] = LoadedModel(path, engine, base)
        pin(entry)  # before the next yield, where this job may be suspended
        self._make_room(engine.device, 0, but=entry)
        _check(engine, role)
        yield from engine.notices
        return entry

    def _bytes_of(self, path: Path) -> int:
        base = base_of(path, self.resolve) if _has_base(path) else None
        shared = self._sharing(base or path) is not None
        own = 0 if shared and base is None else _bytes_of(path)
        return own + (0 if base is None or shared else _bytes_of(base))

    def _sharing(self, base: Path) -> Engine | None:
        """An engine with the weights of ``base``, with an adapter, a head or without, that lends them."""
        for entry in self._entries.values():
            engine = entry.engine.base if isinstance(entry.engine, HeadEngine) else entry.engine
            if base not in (entry.path, entry.base) or not isinstance(engine, Engine):
                continue
            if _owner_of(engine) is not None and not _is_lost(engine):
                return engine
        return None

    def _load(self, path: Path) -> Generator[Progress, None, AnyEngine]:
        if os.path.isdir(path) and is_head(path):
            base = yield from self._load(base_of(path, self.resolve))
            if isinstance(base, Seq2SeqEngine | HeadEngine):
                base.close()
                raise KnownError("adapter-base-changed", name=path.name, base=base.name)
            try:
                return with_head(path, base)
            except KnownError:
                base.close()
                raise
        if os.path.isdir(path) and is_encoder(path):
            device, notices = pick_device(self.device)
            encoder = yield from load_encoder(path, device.type)
            encoder.notices = notices
            return encoder
        if os.path.isdir(path) and is_pack_folder(path):
            device, notices = pick_device(self.device)
            # by itself it is not looked for: a pack is loaded in a tenth of a second, torch in seconds
            pack = yield from load_pack(path, "cpu" if self.device == "auto" else device.type)
            pack.notices = (*notices, *pack.notices)
            return pack
        if os.path.isdir(path) and is_seq2seq(path):
            device, notices = pick_device(self.device)
            translator = yield from load_seq2seq(path, device.type, quantize=self.quantize is not None)
            translator.notices = notices
            return translator
        adapter = None
        if os.path.isdir(path) and is_adapter(path):
            adapter, path = path, base_of(path, self.resolve)
        sharing = self._sharing(path)
        if sharing is not None and (beside := load_beside(sharing, path, adapter)) is not None:
            self._keep_states(beside, path, adapter)
            return beside
        engine = yield from load(
            path,
            adapter=adapter,
            device=self.device,
            context_length=self.context_length,
            packed_cache=self.packed_cache,
            packed_worth=self.packed_worth,
            quantize=self.quantize,
            kv_cache=self.kv_cache,
        )
        self._keep_states(engine, path, adapter)
        return engine

    def _keep_states(self, engine: Engine, path: Path, adapter: Path | None) -> None:
        if self.prompt_cache is not None:
            engine.prompt_cache.model = f"{fingerprint(path, engine.decoder, adapter)} {self.quantize}"
            engine.prompt_cache.files = PromptCacheFiles(self.prompt_cache)

    def _make_room(self, device: str, needed: int, but: LoadedModel | None = None) -> None:
        """Let the least recently used go until ``needed`` bytes more are within the budget."""
        budget = self.budget or int(MEMORY_SHARE * _memory_of(device))
        there = [entry for entry in self._entries.values() if entry.engine.device == device]
        for entry in list(there):
            if needed + _total(there) <= budget:
                return
            if entry is not but and not entry.pins:
                there.remove(entry)
                log.info("%s makes room", entry.engine.name)
                self._drop(entry)

    def _drop(self, entry: LoadedModel) -> None:
        del self._entries[entry.path]
        if entry.pins:
            entry.retired = True
            entry.save()  # now: a conversation that is deleted by then must not be written
        else:
            entry.close()
        trim_heap()


class JobModels:
    """``ModelPool`` as one job sees them: what it got stays loaded. See ``ModelPool.job``."""

    def __init__(self, models: ModelPool) -> None:
        self._models = models
        self.pinned: list[LoadedModel] = []

    def get(self, role: str = "chat") -> Loading[Any]:
        """As ``ModelPool.get``, good until the job ends."""
        entry = yield from self._models._obtain(role, self._pin)
        return entry.engine

    def _pin(self, entry: LoadedModel) -> None:
        if entry not in self.pinned:
            entry.pins += 1
            self.pinned.append(entry)

    @property
    def loaded(self) -> tuple[LoadedModel, ...]:
        return self._models.loaded

    @property
    def prompt_cache(self) -> Path | None:
        return self._models.prompt_cache

    def memory(self, engine: AnyEngine) -> dict[str, TaskMemory]:
        """As ``ModelPool.memory``, also of an engine that only this job still holds."""
        return next(entry.memory for entry in self.pinned if entry.engine is engine)


def _check(engine: AnyEngine, role: str) -> None:
    """Raises KnownError where the user chose a model that cannot play the role."""
    kind = "seq2seq" if isinstance(engine, Seq2SeqEngine) else "decoder"
    if isinstance(engine, EncoderEngine):
        kind = engine.config.head
    elif isinstance(engine, HeadEngine):
        kind = LABELS
    if kind not in HEADS_OF_ROLE.get(role, (kind,)):
        raise KnownError("model-not-for-role", name=engine.name)


def _is_lost(engine: AnyEngine) -> bool:
    return any(file.is_lost() for file in engine.files)


def _has_base(path: Path) -> bool:
    return os.path.isdir(path) and (is_adapter(path) or is_head(path))


def _owner_of(engine: AnyEngine) -> NativeDecoder | None:
    """Whose weights a decoder has that can share them."""
    if isinstance(engine, HeadEngine):
        engine = engine.base
    if isinstance(engine, Engine) and isinstance(engine.decoder, NativeDecoder):
        return engine.decoder.weights_owner
    return None


def _total(entries: Sequence[LoadedModel]) -> int:
    """Bytes of several models; weights that some of them share count once."""
    total = sum(entry.nbytes for entry in entries)
    owners = [owner for entry in entries if (owner := _owner_of(entry.engine)) is not None]
    return total - sum(owner.nbytes for at, owner in enumerate(owners) if owner in owners[:at])


def _bytes_of(path: Path) -> int:
    """About what the model will take in memory: the bytes of its weights' files."""
    if os.path.isdir(path):
        files = weight_files(path) or [path / name for name in pack_files(path)]
    else:
        files = [path]
    return sum(file.stat().st_size for file in files if os.path.isfile(file))


def _memory_of(device: str) -> int:
    if device == "cuda":
        return int(torch.cuda.get_device_properties(0).total_memory)
    return physical_memory()
