"""Does a model fit into this computer's memory? An estimate to warn with, before it is loaded."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

from autogpt_desktop.catalog.entries import CatalogModel
from autogpt_desktop.catalog.installed import InstalledModel
from autogpt_desktop.engine import native

# Peak memory against the file, measured (see the README): where the compiled back end runs, which maps
# the file while it packs; and on torch, where 5 bits become 8.
COMPILED_FACTOR, TORCH_FACTOR = 1.2, 1.6
# torch itself, activations of one prefill chunk, the logits.
FIXED_BYTES = 400 * 1024**2
_FLOATS = {"F32": 32, "FLOAT32": 32, "F16": 16, "BF16": 16, "FLOAT16": 16, "BFLOAT16": 16}  # bits
_QUANTIZED = {"int8": 8.5, "int4": 5}  # bits a weight, with scales
# what files grow by where the compiled back end packs their types into wider ones
_GROWS = {"Q2": 3.3, "Q3": 2.2, "IQ4": 2.1, "MXFP4": 2.1}


def memory_needed(
    model: CatalogModel | InstalledModel,
    context: int = 0,
    *,
    kv_cache: str = "float16",
    quantize: str = "int8",
) -> int:
    """Bytes to run ``model`` on the processor with ``context`` tokens (0: all that it can).

    ``kv_cache`` and ``quantize`` as in the settings: what a conversation is kept in, and what float
    weights become ("": they stay, and run on torch).
    """
    tokens = min(context, model.context) if context and model.context else context or model.context
    name = model.quantization.upper()
    weights: float = model.size + model.base_size  # encoders stay as they are
    compiled = _runs_compiled(model, quantize)
    if model.kind == "decoder":
        grows = next((times for start, times in _GROWS.items() if name.startswith(start)), COMPILED_FACTOR)
        weights *= grows if compiled else TORCH_FACTOR
        bits = _FLOATS.get(name)
        if compiled and bits is not None:
            weights *= _QUANTIZED[quantize] / bits
    return int(weights) + tokens * cache_bytes(model, kv_cache if compiled else "float32") + FIXED_BYTES


def cache_bytes(model: CatalogModel | InstalledModel, kind: str) -> int:
    """Bytes of KV cache that a token takes: "float16", "int8" (a float32 scale for each row) or "float32",
    which torch keeps on a processor."""
    row = {"float16": 2 * model.head_dim, "int8": model.head_dim + 4, "float32": 4 * model.head_dim}
    return model.kv_rows * row[kind]


def _runs_compiled(model: CatalogModel | InstalledModel, quantize: str) -> bool:
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
