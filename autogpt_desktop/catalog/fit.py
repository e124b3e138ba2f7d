"""Does a model fit into this computer's memory? An estimate to warn with, before it is loaded."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path
from typing import Protocol

from autogpt_desktop.engine import native

# Peak memory against the file, measured (see the README): where the compiled back end runs, which maps
# the file while it packs; and on torch, where 5 bits become 8.
COMPILED_FACTOR, TORCH_FACTOR = 1.2, 1.6
# torch itself, activations of one prefill chunk, the logits.
FIXED_BYTES = 400 * 1024**2
# of what recurrent layers remember: the memory now, the one that a pass writes, and those to come back to
_STATE_COPIES = 6
_FLOATS = {"F32": 32, "FLOAT32": 32, "F16": 16, "BF16": 16, "FLOAT16": 16, "BFLOAT16": 16}  # bits
_QUANTIZED = {"int8": 8.5, "int4": 5}  # bits a weight, with scales
# what files grow by where the compiled back end packs their types into wider ones
_GROWS = {"Q2": 3.3, "Q3": 2.2, "IQ4": 2.1, "MXFP4": 2.1}


class Sized(Protocol):
    """What the estimates need to know of a model: ``CatalogModel`` and ``InstalledModel`` have it."""

    @property
    def size(self) -> int: ...
    @property
    def base_size(self) -> int: ...
    @property
    def context(self) -> int: ...
    @property
    def quantization(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def kv_rows(self) -> int: ...
    @property
    def head_dim(self) -> int: ...
    @property
    def state_bytes(self) -> int: ...
    @property
    def decode_bytes(self) -> int: ...


def memory_needed(
    model: Sized,
    context: int = 0,
    *,
    kv_cache: str = "float16",
    quantize: str = "int8",
    device: str = "cpu",
) -> int:
    """Bytes to run ``model`` on ``device`` with ``context`` tokens (0: all that it can).

    ``kv_cache`` and ``quantize`` as in the settings: what a conversation is kept in, and what float
    weights become ("": they stay, and run on torch).
    """
    tokens = min(context, model.context) if context and model.context else context or model.context
    cache = tokens * token_bytes(model, kv_cache=kv_cache, quantize=quantize, device=device)
    weights = (model.size + model.base_size) * _share(model, quantize, device, peak=True)
    return int(weights) + cache + _STATE_COPIES * model.state_bytes + FIXED_BYTES


def token_bytes(model: Sized, *, kv_cache: str, quantize: str, device: str = "cpu") -> int:
    """Bytes of KV cache that a token takes on ``device``."""
    if device != "cpu":
        return cache_bytes(model, "float16")
    return cache_bytes(model, kv_cache if _runs_compiled(model, quantize) else "float32")


def bytes_read(model: Sized, quantize: str, device: str = "cpu") -> int:
    """Bytes of weights that are read for each token: all but tables of which a row is looked up."""
    weights = (model.decode_bytes or model.size) + model.base_size
    return int(weights * _share(model, quantize, device, peak=False))


def _share(model: Sized, quantize: str, device: str, *, peak: bool) -> float:
    """Of the file's bytes, what its weights are in memory, at the most or when they are used."""
    if model.kind != "decoder":
        return 1.0  # encoders stay as they are
    compiled = device == "cpu" and _runs_compiled(model, quantize)
    name = model.quantization.upper()
    least = COMPILED_FACTOR if peak else 1.0
    grows = next((times for start, times in _GROWS.items() if name.startswith(start)), least)
    factor = grows if compiled else TORCH_FACTOR
    bits = _FLOATS.get(name)
    if compiled and bits is not None:
        factor *= _QUANTIZED[quantize] / bits
    return factor


def cache_bytes(model: Sized, kind: str) -> int:
    """Bytes of KV cache that a token takes: "float16", "int8" (a float32 scale for each row) or "float32",
    which torch keeps on a processor."""
    row = {"float16": 2 * model.head_dim, "int8": model.head_dim + 4, "float32": 4 * model.head_dim}
    return model.kv_rows * row[kind]


def _runs_compiled(model: Sized, quantize: str) -> bool:
    """As ``engine.native.weights.runs`` finds it, told from the name of the mix."""
    name = model.quantization.upper()
    if native.library() is None:
        return False
    return bool(quantize) or name not in _FLOATS


def memory_free() -> int:
    """Bytes that programs can still have without swapping; 0: the system does not say."""
    if sys.platform == "win32":
        return _windows_free()
    if sys.platform == "darwin":
        return _macos_free(subprocess.run(["/usr/bin/vm_stat"], capture_output=True, text=True).stdout)
    return _linux_free(Path("/"))


def _linux_free(root: Path) -> int:
    """What /proc/meminfo has available, or less where the control group of a container allows less."""
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    available = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)
    group = root / "sys/fs/cgroup"
    for folder, limit, used in (
        (group, "memory.max", "memory.current"),
        (group / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            room = int((folder / limit).read_text()) - int((folder / used).read_text())
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no such group, or "max": no limit
            continue
        room += int(stat.get("inactive_file", 0))  # file cache that the kernel gives back
        available = min(available, max(room, 0))
    return available


def _macos_free(vm_stat: str) -> int:
    """Pages that ``vm_stat`` counts as free, inactive, speculative or purgeable."""
    page = 4096
    pages = 0
    for line in vm_stat.splitlines():
        if "page size of" in line:
            page = int(line.split("page size of")[1].split()[0])
        name, _, value = line.partition(":")
        if name in ("Pages free", "Pages inactive", "Pages speculative", "Pages purgeable"):
            pages += int(value.strip().rstrip("."))
    return pages * page


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        *((name, ctypes.c_uint64) for name in ("total", "available", "a", "b", "c", "d", "e")),
    ]


def _windows_free() -> int:
    if sys.platform != "win32":
        return 0
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    done = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return int(status.available) if done else 0
