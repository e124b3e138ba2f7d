"""From a file or folder to an Engine."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator
from dataclasses import dataclass
from functools import cache as remembered
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch

from autogpt_desktop.engine.build import build, cache_bytes_per_token, in_decoder_order
from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.adapter import adapter_config, read_adapter
from autogpt_desktop.engine.formats.adapter_files import adapter_title
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor, files_of
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.formats.gguf_mapping import config_from_gguf, weight_names
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.formats.mapped import check_files
from autogpt_desktop.engine.formats.safetensors import sources_from_folder
from autogpt_desktop.engine.formats.untrusted import untrusted
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.interface import Decoder
from autogpt_desktop.engine.memory import out_of_memory, trim_heap
from autogpt_desktop.engine.native.decoder import NativeDecoder, build_beside
from autogpt_desktop.engine.native.packed_cache import packed_cache_of
from autogpt_desktop.engine.native.state import CacheType
from autogpt_desktop.engine.native.weights import Quantize
from autogpt_desktop.engine.tokenizer.chat_template import ChatTemplate
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.engine.torch_backend.cpu_fallback import CpuFallbackDecoder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress

log = logging.getLogger(__name__)
T = TypeVar("T")
_MAX_CACHE_BYTES = 2 << 30  # of one full KV cache; longer contexts are cut to that


def load(
    path: Path | str,
    *,
    device: str = "auto",
    context_length: int = 0,
    float32: bool = False,
    compiled: bool = True,
    packed_cache: Path | None = None,
    packed_worth: float = 0.0,
    quantize: Quantize | None = None,
    kv_cache: CacheType = "float16",
    adapter: Path | None = None,
) -> Generator[Progress, None, Engine]:
    """Load a GGUF file or a Hugging Face folder; the generator returns the Engine.

    ``device``: "auto" (CUDA, else MPS, else CPU), "cuda", "mps" or "cpu"; a GPU that is missing or full
    gives way to the CPU with a Notice in ``Engine.notices``. ``context_length``: tokens; 0 is the
    model's own, within reason. ``float32`` expands the weights and is for checking only;
    ``compiled`` False keeps the CPU on torch. ``packed_cache``: a folder where the compiled back end
    keeps packed weights, so that the next load is quick; None keeps none, and ``packed_worth`` only those
    whose packing took so many seconds. ``quantize``: "int8" or "int4"
    for checkpoints in float, which then run on the compiled back end; None leaves them as they are.
    ``kv_cache``: what a conversation's keys and values are kept in by the compiled CPU back end; "int8"
    takes half the memory. Torch (GPUs, and the CPU for files that the compiled back end does not know)
    keeps to its own types whatever it says. ``adapter``: the folder of one that was trained on ``path``.
    Raises KnownError for everything that can be wrong with the files, and "no-memory".
    """
    path = Path(path)
    cache = None
    if packed_cache is not None and compiled and not float32:
        cache = packed_cache_of(path, packed_cache, packed_worth)  # before the file is read: a change shows
    wanted, notices = pick_device(device)
    yield Progress("stage.opening")
    opened = open_checkpoint(path)
    config, sources, tokenizer = opened.config, opened.sources, opened.tokenizer
    added = None
    if adapter is not None:
        with untrusted(adapter.name):
            added = read_adapter(adapter, config)
    template = ChatTemplate.for_tokenizer(tokenizer)
    kinds: dict[str, Any] = {
        "float32": float32, "compiled": compiled, "quantize": quantize, "kv_cache": kv_cache,
    }  # fmt: skip

    def decoder_on(chosen: torch.device) -> Generator[Progress, None, Decoder]:
        # a card may have to give way to the CPU in the middle of a conversation, which must fit there too
        per_token = max(
            cache_bytes_per_token(config, sources, place, **kinds) for place in {chosen, torch.device("cpu")}
        )
        length = _context_length(config, context_length, per_token)
        return build(config, sources, chosen, length, cache=cache, adapter=added, **kinds)

    try:
        try:
            decoder = yield from decoder_on(wanted)
        except (MemoryError, RuntimeError) as error:
            if wanted.type == "cpu" or not out_of_memory(error):
                raise
            log.warning("no room on %s, going to the CPU", wanted)
            notices = (*notices, Notice("notice.gpu-full"))
            wanted = torch.device("cpu")
            decoder = yield from decoder_on(wanted)
    except BaseException as error:  # also a load that is cancelled
        template.close()
        if isinstance(error, Exception):
            check_files(files_of(sources.values()))  # of zeros in place of weights anything may come
        if out_of_memory(error):
            raise KnownError("no-memory", file=path.name) from error
        raise
    if wanted.type != "cpu":
        length = decoder.context_length
        decoder = CpuFallbackDecoder(decoder, lambda: _on_cpu(path, config, length, adapter=adapter, **kinds))
    trim_heap()
    name = _title(config, path, adapter)
    return Engine(name, config, decoder, tokenizer, template, wanted.type, tuple(notices))


def load_beside(engine: Engine, base: Path, adapter: Path | None) -> Engine | None:
    """The model ``base`` with an adapter, or without, where ``engine`` is the same with another one or none:
    they share the weights. None on a back end that does not share. Raises KnownError as ``load`` does."""
    if not isinstance(engine.decoder, NativeDecoder):
        return None
    added = None
    if adapter is not None:
        with untrusted(adapter.name):
            added = in_decoder_order(engine.config, read_adapter(adapter, engine.config))
    decoder = build_beside(engine.decoder, added)
    template = ChatTemplate.for_tokenizer(engine.tokenizer)
    name = _title(engine.config, base, adapter)
    return Engine(name, engine.config, decoder, engine.tokenizer, template, engine.device)


def _title(config: ModelConfig, path: Path, adapter: Path | None) -> str:
    name = config.name or path.stem
    return name if adapter is None else adapter_title(adapter_config(adapter).title, name)


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A decoder's file or folder, opened: nothing of its weights is read yet."""

    config: ModelConfig
    sources: dict[str, CheckpointTensor]  # by Hugging Face's names
    tokenizer: Tokenizer


def open_checkpoint(path: Path) -> Checkpoint:
    """A GGUF file or a Hugging Face folder. Raises KnownError for everything that can be wrong with it."""
    with untrusted(path.name):
        if os.path.isdir(path):
            config = config_from_folder(path)
            sources = sources_from_folder(path, config)
            tokenizer = Tokenizer.from_folder(path)
        else:
            file = read_gguf(path)
            config = config_from_gguf(file)
            sources = {
                hf: CheckpointTensor(
                    file.tensors[name].shape,
                    file.tensors[name].type,
                    blocks=file.data(name),
                    forget=partial(file.forget, name),
                    file=file.home(name).mapped,
                )
                for hf, name in weight_names(file, config.family).items()
            }
            tokenizer = Tokenizer.from_gguf(file.metadata)
        if tokenizer.vocab_size > config.vocab_size:
            raise KnownError("tokenizer-vocabulary", file=path.name)
    return Checkpoint(config, sources, tokenizer)


def _on_cpu(path: Path, config: ModelConfig, context_length: int, **kinds: Any) -> Decoder:
    """The decoder of ``path`` on the CPU, in place of one on a card. Raises KnownError as ``load`` does."""
    engine = run_to_end(load(path, device="cpu", context_length=context_length, **kinds))
    engine.close()
    if engine.config != config:  # another model stands in the file's place by now
        raise KnownError("no-memory-to-answer")
    return engine.decoder


def run_to_end(loading: Generator[Any, None, T]) -> T:
    """Drive a generator such as ``load`` and hand out what it returns."""
    while True:
        try:
            next(loading)
        except StopIteration as done:
            result: T = done.value
            return result


def pick_device(device: str) -> tuple[torch.device, tuple[Notice, ...]]:
    """The device to use for a wish, and what to tell about it. Raises ValueError for unknown names."""
    if device not in ("auto", "cpu", "cuda", "mps"):
        raise ValueError(f"unknown device {device!r}")
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if device == "auto":
        device = next((kind for kind in there if there[kind]), "cpu")
    if device == "cpu" or (there[device] and _computes(device)):
        return torch.device(device), ()
    return torch.device("cpu"), (Notice("notice.gpu-missing", {"device": device.upper()}),)


@remembered
def _computes(device: str) -> bool:
    """Does it calculate? A card too old for this torch, or full to the brim, is there and does not."""
    try:
        return float((torch.ones(8, device=device) * 2).sum()) == 16.0
    except RuntimeError as error:
        log.warning("%s cannot be used: %s", device, error)
        return False


def _context_length(config: ModelConfig, wanted: int, per_token: int) -> int:
    limit = min(config.max_position_embeddings, max(512, _MAX_CACHE_BYTES // per_token))
    return min(limit, wanted) if wanted else limit
