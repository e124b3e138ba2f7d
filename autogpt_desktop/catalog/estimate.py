"""Does a model fit, with how long a context, and how fast will it answer? Told from a file's header alone.

Speed: the rate at which memory is read, divided by the bytes that a token takes. Memory: the file, packed,
with the conversation. Both are multiplied with what was learned here from models that were used
(``measured``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from autogpt_desktop.catalog import fit, machine, measured
from autogpt_desktop.catalog.machine import Device
from autogpt_desktop.catalog.measured import Measured, Run

FITS, TIGHT, TOO_BIG = "fits", "tight", "too-big"
USUAL_CONTEXT = 4096  # tokens, where no length is set
_ROOMY = 0.85  # of the free memory: up to this a model fits, above it is tight
_LARGEST_SHARE = 0.95  # of all memory: beyond this no closing of other programs helps
_CONTEXT_STEP = 256
# What decoding reaches of the memory's rate before anything was measured here (see the README's tables).
_SPEED_FACTOR = {"cpu": 0.75, "cuda": 0.3, "mps": 0.3}
_MIN_TOKENS = 24  # a shorter answer says little about speed


class Options(Protocol):
    """How models are loaded: ``Settings`` and ``runtime.ModelOptions`` say so."""

    @property
    def device(self) -> str: ...
    @property
    def context_length(self) -> int: ...
    @property
    def kv_cache(self) -> str: ...
    @property
    def quantize(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Fit:
    """How a model does on one device. ``context``: tokens, the most that there is room for now; ``speed``:
    tokens per second to expect at the beginning of a conversation, 0 where nothing was measured."""

    device: Device
    level: str  # FITS, TIGHT, TOO_BIG
    needed: int  # bytes, with the usual context
    context: int
    speed: float
    run: Run | None = None  # what was measured of this model here


def fits(model: fit.Sized, settings: Options, devices: Iterable[Device]) -> list[Fit]:
    """On each of ``devices``, in their order."""
    known = measured.load()
    return [on_device(model, settings, device, known) for device in devices]


def on_device(model: fit.Sized, settings: Options, device: Device, known: Measured) -> Fit:
    """On one of them."""
    needed = memory(model, settings, device, known)
    total = device.memory or device.free
    if total and needed > _LARGEST_SHARE * total:
        level = TOO_BIG
    elif device.free and needed > _ROOMY * device.free:
        level = TIGHT
    else:
        level = FITS
    run = known.run_of(key_of(model), device.key)
    context = 0 if level == TOO_BIG else _largest_context(model, settings, device, needed)
    return Fit(device, level, needed, context, speed(model, settings, device, known), run)


def memory(model: fit.Sized, settings: Options, device: Device, known: Measured, context: int = 0) -> int:
    """Bytes that it takes at the most, with ``context`` tokens (0: as many as is usual)."""
    ideal = ideal_memory(model, settings, device, context or settings.context_length or USUAL_CONTEXT)
    return int(ideal * known.factor(device.key, _format(model), model.size, "memory", 1.0))


def ideal_memory(model: fit.Sized, settings: Options, device: Device, context: int) -> int:
    """What the arithmetic says, before anything was learned."""
    return fit.memory_needed(
        model, context, kv_cache=settings.kv_cache, quantize=settings.quantize, device=device.kind
    )


def speed(model: fit.Sized, settings: Options, device: Device, known: Measured, context: int = 0) -> float:
    """Tokens per second behind ``context`` tokens; 0: not known."""
    if model.kind != "decoder":
        return 0.0
    ideal = ideal_speed(model, settings, device, context)
    run = known.run_of(key_of(model), device.key)
    if run is not None and run.speed and run.ideal_speed:
        return ideal * run.speed / run.ideal_speed
    default = _SPEED_FACTOR.get(device.kind, 0.5)
    return ideal * known.factor(device.key, _format(model), model.size, "speed", default)


def ideal_speed(model: fit.Sized, settings: Options, device: Device, context: int) -> float:
    """The memory's rate over the bytes of a token; 0 where the rate is not known."""
    each = fit.token_bytes(model, kv_cache=settings.kv_cache, quantize=settings.quantize, device=device.kind)
    read = fit.bytes_read(model, settings.quantize, device.kind) + context * each
    return device.bandwidth / read if read else 0.0


def record(
    model: fit.Sized,
    settings: Options,
    device: Device,
    *,
    tokens_per_second: float,
    new_tokens: int,
    context_used: int,
    peak: int = 0,
) -> Run | None:
    """Learn from an answer: how fast it came, and the bytes that were taken at the most (0: not known).
    None: it was too short to say anything."""
    if new_tokens < _MIN_TOKENS or tokens_per_second <= 0 or not device.bandwidth:
        return None
    known = measured.load()
    behind = max(context_used - new_tokens // 2, 0)
    run = Run(
        device=device.key,
        format=_format(model),
        size=model.size,
        speed=tokens_per_second,
        ideal_speed=ideal_speed(model, settings, device, behind),
        expected_speed=speed(model, settings, device, known, behind),
        memory=peak,
        ideal_memory=ideal_memory(model, settings, device, context_used) if peak else 0,
        expected_memory=memory(model, settings, device, known, context_used) if peak else 0,
    )
    return measured.keep_run(key_of(model), run)


def key_of(model: fit.Sized) -> str:
    """By what a model's measurements are kept."""
    path = getattr(model, "path", None)
    return measured.model_key(path if isinstance(path, Path) else Path(), model.size)


def here(settings: Options, devices: Iterable[Device] | None = None) -> Device:
    """The device that models run on now."""
    return machine.chosen(devices or [machine.processor()], settings.device)


def _largest_context(model: fit.Sized, settings: Options, device: Device, needed: int) -> int:
    """Tokens that there is room for in the memory that is free now, or would be with other programs
    closed."""
    each = fit.token_bytes(model, kv_cache=settings.kv_cache, quantize=settings.quantize, device=device.kind)
    usual = settings.context_length or USUAL_CONTEXT
    usual = min(usual, model.context) if model.context else usual
    most = model.context or usual
    room = (device.free if device.free >= needed else int(_LARGEST_SHARE * device.memory)) or needed
    if not each or room <= 0:
        return most
    tokens = usual + (room - needed) // each
    return max(min(most, tokens // _CONTEXT_STEP * _CONTEXT_STEP), 0)


def _format(model: fit.Sized) -> str:
    return model.quantization.upper() or "?"
