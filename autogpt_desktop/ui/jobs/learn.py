"""After an answer: what it came to, beside what was predicted, is kept, so that estimates get better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogpt_desktop.events import Done

if TYPE_CHECKING:
    from autogpt_desktop.catalog.machine import Device
    from autogpt_desktop.engine.model_pool import ModelPool
    from autogpt_desktop.runtime import ModelOptions


def reset_peak() -> None:
    """A model is about to be loaded: from now on its memory counts."""
    from autogpt_desktop.engine import memory

    memory.reset_peak()


def learn(name: str, options: ModelOptions, done: Done, models: ModelPool) -> None:
    """Keep how fast the model of that name has answered and the memory it took. On the worker's thread.

    What was guessed from the text before, and accepted, makes an answer fast for another reason.
    """
    if done.finish_reason == "cancelled" or done.accepted_tokens or done.new_tokens < 24:
        return
    from autogpt_desktop.catalog import estimate
    from autogpt_desktop.catalog.installed import find
    from autogpt_desktop.engine.memory import peak_memory

    model = find(name)
    entry = next((each for each in models.loaded if model and each.path == model.path), None)
    if model is None or entry is None:
        return
    device = _device(entry.engine.device)
    if device is None:
        return
    alone = len(models.loaded) == 1 and device.kind == "cpu"
    estimate.record(
        model,
        options,
        device,
        tokens_per_second=done.tokens_per_second,
        new_tokens=done.new_tokens,
        context_used=done.context_used,
        peak=peak_memory() if alone else 0,
    )


def _device(kind: str) -> Device | None:
    """The device with its memory's rate, which is measured once."""
    from autogpt_desktop.catalog import machine, measured

    if kind == "cpu":
        return machine.measure_bandwidth()
    device = next((each for each in machine.devices() if each.kind == kind), None)
    if device is None or device.bandwidth:
        return device
    from autogpt_desktop.engine.torch_backend.bandwidth import copy_bandwidth

    try:
        measured.keep_bandwidth(device.key, copy_bandwidth(kind))
    except (MemoryError, RuntimeError):  # the model has filled the card
        return None
    return next((each for each in machine.devices() if each.key == device.key), None)
