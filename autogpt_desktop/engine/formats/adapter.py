"""A LoRA adapter's folder, as PEFT writes it: ``adapter_config.json`` and ``adapter_model.safetensors``.

``base.json`` beside them is ours: what the adapter is called, and its base's name and fingerprint.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save

from autogpt_desktop import atomic
from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.adapter_files import BASE, CONFIG, WEIGHTS, Base, base_reference
from autogpt_desktop.engine.formats.checkpoint import FLOAT_TYPES, CheckpointTensor
from autogpt_desktop.engine.formats.layouts import stored_parts
from autogpt_desktop.engine.formats.safetensors import map_tensors
from autogpt_desktop.engine.formats.settings import Settings
from autogpt_desktop.engine.formats.untrusted import damaged, weight_files
from autogpt_desktop.engine.formats.weight_shapes import expected_shapes
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular, read_regular_text

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
MAX_RANK = 4096
_PREFIX = "base_model.model."
_SAMPLE = 64 << 10  # bytes that are read …
_SAMPLES = 24  # … at so many places of a file of weights
# settings of PEFT that change what is computed, with the values that do not
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "bias": ("none",),
    "use_dora": (False, None),
    "fan_in_fan_out": (False, None),
    "modules_to_save": (None, []),
    "rank_pattern": (None, {}),
    "alpha_pattern": (None, {}),
    "layer_replication": (None, []),
}
_DAMAGED = (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class LowRank:
    """What is added to one matrix: ``scale`` · B A; A [r, cols], B [rows, r] in Hugging Face's order."""

    a: NDArray[np.float32]
    b: NDArray[np.float32]
    scale: float


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """An adapter's settings. ``title``: what the user called it."""

    base: Base
    rank: int
    alpha: float
    title: str = ""


def fingerprint(model: Path) -> str:
    """Which weights a GGUF file or a Hugging Face folder holds: parts of its files and their sizes, not
    where they lie or what they are called. Raises OSError."""
    files = [model]
    if os.path.isdir(model):
        files = [model / "config.json", *weight_files(model)]
    digest = hashlib.sha256()
    for file in files:
        with open_regular(file) as opened:
            size = opened.seek(0, 2)
            digest.update(f"{size};".encode())
            last = max(0, size - _SAMPLE)
            for place in sorted({last * at // (_SAMPLES - 1) for at in range(_SAMPLES)}):
                opened.seek(place)
                digest.update(opened.read(_SAMPLE))
    return digest.hexdigest()[:32]


def base_of(folder: Path, resolve: Callable[[str], Path]) -> Path:
    """Where the base of an adapter or a head lies. ``resolve``: a model's name or path → its path, or
    KnownError.

    Raises KnownError: adapter-base-missing, adapter-base-changed, adapter-damaged.
    """
    try:
        base = base_reference(folder)[1]
    except _DAMAGED as error:
        raise damaged(error, folder.name, "adapter-damaged", name=folder.name) from error
    found = False
    for name in dict.fromkeys((base.name, base.path)):
        if not name:
            continue
        try:
            path = resolve(name)
        except KnownError:
            continue
        found = True
        try:
            if not base.fingerprint or fingerprint(path) == base.fingerprint:
                return path
        except OSError:
            continue
    raise KnownError(
        "adapter-base-changed" if found else "adapter-base-missing", name=folder.name, base=base.name
    )


def write_adapter(folder: Path, config: AdapterConfig, weights: dict[str, LowRank]) -> None:
    """A folder that PEFT reads too. ``weights``: by module, such as model.layers.0.self_attn.q_proj."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, part in weights.items():
        tensors[f"{_PREFIX}{name}.lora_A.weight"] = np.ascontiguousarray(part.a, np.float32)
        tensors[f"{_PREFIX}{name}.lora_B.weight"] = np.ascontiguousarray(part.b, np.float32)
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": config.base.name,
        "r": config.rank,
        "lora_alpha": config.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "target_modules": sorted({name.rpartition(".")[2] for name in weights}),
    }
    base = json.dumps({"title": config.title} | asdict(config.base), indent=2, ensure_ascii=False)
    atomic.write_text(folder / BASE, base, private=True)
    atomic.write_bytes(folder / WEIGHTS, [save(tensors, {"format": "pt"})], private=True)
    atomic.write_text(folder / CONFIG, json.dumps(settings, indent=2, ensure_ascii=False), private=True)


def adapter_config(folder: Path) -> AdapterConfig:
    """Raises KnownError: adapter-damaged, adapter-unsupported."""
    try:
        raw = json.loads(read_regular_text(folder / CONFIG))
        if raw.get("peft_type") != "LORA":
            raise KnownError("adapter-unsupported", name=folder.name, what=str(raw.get("peft_type"))[:40])
        for name, neutral in _NEUTRAL.items():
            if name in raw and raw[name] not in neutral:
                raise KnownError("adapter-unsupported", name=folder.name, what=name)
        table = Settings(raw, lambda name: ValueError(f"{name} makes no sense"))
        rank = table.integer("r", high=MAX_RANK)
        alpha = table.number("lora_alpha", float(rank), high=1e6)
        if raw.get("use_rslora"):
            alpha *= rank**0.5  # Kalajdzievski, 2023: alpha / √r
        title, base = base_reference(folder)
        return AdapterConfig(base, rank, alpha, title)
    except _DAMAGED as error:
        raise damaged(error, folder.name, "adapter-damaged", name=folder.name) from error


def read_adapter(folder: Path, config: ModelConfig) -> dict[str, LowRank]:
    """What it adds, by module. Raises KnownError: adapter-damaged, adapter-unsupported, and
    adapter-base-changed for matrices of other shapes than ``config`` has."""
    settings = adapter_config(folder)
    if config.recurrent_layers:
        raise KnownError("adapter-unsupported", name=folder.name, what=config.family)
    shapes = expected_shapes(config)
    scale = settings.alpha / settings.rank
    try:
        tensors = map_tensors(folder / WEIGHTS)
    except (SafetensorError, *_DAMAGED) as error:
        raise damaged(error, folder.name, "adapter-damaged", name=folder.name) from error
    halves: dict[str, dict[str, CheckpointTensor]] = {}
    for name, tensor in tensors.items():
        module, _, half = name.removeprefix(_PREFIX).removesuffix(".weight").rpartition(".")
        if half not in ("lora_A", "lora_B") or module.rpartition(".")[2] not in TARGETS:
            raise KnownError("adapter-unsupported", name=folder.name, what=name[:80])
        halves.setdefault(module, {})[half] = tensor
    found = {}
    for module, parts in halves.items():
        shape = shapes.get(f"{module}.weight")
        if shape is None:
            raise KnownError("adapter-base-changed", name=folder.name, base=settings.base.name)
        if len(parts) < 2 or not all(one.type in FLOAT_TYPES for one in parts.values()):
            raise KnownError("adapter-damaged", name=folder.name)
        a, b = parts["lora_A"], parts["lora_B"]
        rows, cols = shape
        if a.shape != (a.shape[0], cols) or b.shape != (rows, a.shape[0]):
            raise KnownError("adapter-base-changed", name=folder.name, base=settings.base.name)
        low = LowRank(a.dequantize(), b.dequantize(), scale)
        if not (np.isfinite(low.a).all() and np.isfinite(low.b).all()):
            raise KnownError("adapter-damaged", name=folder.name)
        found[module] = low
    return found


def in_layout(config: ModelConfig, added: Mapping[str, LowRank]) -> dict[str, LowRank]:
    """What is added to the checkpoint's own matrices: of several in one, the parts behind each other."""
    shapes = expected_shapes(config)
    found = {}
    for stored, parts in stored_parts(config.layout, shapes).items():
        lows = {part: added.get(part.removesuffix(".weight")) for part in parts}
        module = stored.removesuffix(".weight")
        if len(parts) == 1:
            if (only := lows[parts[0]]) is not None:
                found[module] = only
            continue
        some = [low for low in lows.values() if low is not None]
        if not some:
            continue
        b = np.zeros((sum(shapes[part][0] for part in parts), sum(len(low.a) for low in some)), np.float32)
        row = column = 0
        for part, low in lows.items():
            rows = shapes[part][0]
            if low is not None:
                b[row : row + rows, column : column + len(low.a)] = low.scale * low.b
                column += len(low.a)
            row += rows
        found[module] = LowRank(np.concatenate([low.a for low in some]), b, 1.0)
    return found


class MergedTensor(CheckpointTensor):
    """A matrix and what is added to it, float32. Its blocks are computed at each use, so that one at a time
    is in memory. ``low`` is in the row order that ``base`` has here."""

    _parts: tuple[CheckpointTensor, LowRank]

    def __init__(self, base: CheckpointTensor, low: LowRank) -> None:
        super().__init__(base.shape, "F32", np.empty(0, np.uint8), file=base.file)
        object.__setattr__(self, "_parts", (base, low))

    def raw(self) -> np.ndarray:
        base, low = self._parts
        values = base.dequantize()
        values += (low.scale * low.b) @ low.a
        return np.ascontiguousarray(values, np.float32).view(np.uint8).reshape(-1)
