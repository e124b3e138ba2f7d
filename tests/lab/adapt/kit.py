"""A tiny model and examples, for tests of adapters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from autogpt_desktop.engine.formats.adapter import LowRank, MergedTensor
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.lab.data.examples import Example, pair
from tests.tiny import write_tiny_gguf


def tiny_base(tmp_path: Path, **kind: object) -> Path:
    return write_tiny_gguf(tmp_path / "base.gguf", "llama", **kind).path  # type: ignore[arg-type]


def ticks(step: float = 1.0) -> Callable[[], float]:
    """A clock that goes on by ``step`` whenever it is read."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += step
        return now

    return clock


def letters(count: int) -> list[Example]:
    """A question about a letter; its answer is the letter, three times."""
    return [pair(f"say {chr(97 + at % 26)} {at}", chr(97 + at % 26) * 3) for at in range(count)]


def merged(
    sources: dict[str, CheckpointTensor], adapter: Mapping[str, LowRank]
) -> dict[str, CheckpointTensor]:
    """The matrices with what is added to them, as float32."""
    return sources | {
        f"{name}.weight": MergedTensor(sources[f"{name}.weight"], low) for name, low in adapter.items()
    }
