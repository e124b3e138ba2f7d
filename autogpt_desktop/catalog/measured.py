"""What was measured on this computer: how fast memory is, how fast models answer, what they take.

One small file in the user's data. From it the estimates of ``estimate`` learn: what other models of like
size and format came to on the same device says how far to trust the plain arithmetic.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from autogpt_desktop import atomic, paths

NAME = "measured.json"
_VERSION = 1
_LARGEST = 1 << 20  # bytes of the file
_MOST = 500  # models that are remembered
_NEW_SHARE = 0.3  # of a new measurement in what is kept: another program may have been at work
_NEAR = 1.5  # in log size: a model of half the size counts about two thirds of one of the same
_OTHER_FORMAT = 0.6  # what a model of another format counts
_PRIOR = 0.05  # what the shipped factor counts beside what was measured
_lock = threading.Lock()  # the window reads, the worker writes


@dataclass(frozen=True, slots=True)
class Run:
    """What one model came to on one device. ``ideal_…``: the plain arithmetic; ``expected_…``: what was
    predicted before the first run, 0 where nothing was. Tokens per second, bytes."""

    device: str
    format: str
    size: int
    speed: float = 0.0
    ideal_speed: float = 0.0
    expected_speed: float = 0.0
    memory: int = 0
    ideal_memory: int = 0
    expected_memory: int = 0
    runs: int = 0


@dataclass(slots=True)
class Measured:
    """All of it: bytes a second by device, runs by model and device."""

    bandwidths: dict[str, float]
    runs: dict[str, Run]

    def run_of(self, model: str, device: str) -> Run | None:
        """What ``model``, by ``model_key``, came to."""
        return self.runs.get(f"{device}|{model}")

    def factor(self, device: str, form: str, size: int, what: str, default: float) -> float:
        """What to multiply the arithmetic's ``what``, "speed" or "memory", with for a model of ``size``
        bytes: the geometric mean of what others came to, those of like size and format counting most."""
        weight, total = _PRIOR, _PRIOR * math.log(default)
        for run in self.runs.values():
            ideal, real = (run.ideal_speed, run.speed) if what == "speed" else (run.ideal_memory, run.memory)
            if run.device != device or not ideal or not real or not size or not run.size:
                continue
            distance = abs(math.log(run.size / size)) / _NEAR
            share = math.exp(-distance) * (1.0 if run.format == form else _OTHER_FORMAT)
            weight += share
            total += share * math.log(min(max(real / ideal, 0.02), 50.0))
        return math.exp(total / weight)


def model_key(path: Path, size: int) -> str:
    """What tells one model's file from another's."""
    return f"{path}|{size}"


def load() -> Measured:
    """What is known. A file that is missing or damaged knows nothing; never raises."""
    try:
        path = paths.data_dir() / NAME
        if path.stat().st_size > _LARGEST:
            return Measured({}, {})
        values = json.loads(path.read_text(encoding="utf-8"))
        if values["version"] != _VERSION:
            return Measured({}, {})
        bandwidths = {key: float(value) for key, value in values["bandwidths"].items() if 0 < value < 1e15}
        runs = {key: run for key, value in values["runs"].items() if (run := _run(value)) is not None}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Measured({}, {})
    return Measured(bandwidths, runs)


def keep_bandwidth(device: str, bandwidth: float) -> None:
    """Remember how fast ``device`` reads its memory."""

    def change(known: Measured) -> None:
        known.bandwidths[device] = bandwidth

    _update(change)


def keep_run(model: str, new: Run) -> Run:
    """Remember what ``model`` came to just now, with what it came to before; what is kept of both."""
    key = f"{new.device}|{model}"

    def change(known: Measured) -> None:
        before = known.runs.pop(key, None)
        known.runs[key] = _joined(before, new) if before is not None else replace(new, runs=1)
        for oldest in list(known.runs)[:-_MOST]:
            del known.runs[oldest]

    return _update(change).runs[key]


def _joined(before: Run, new: Run) -> Run:
    """Speeds are averaged as shares of the arithmetic's: contexts differ. Of memory the peak counts."""
    speed, ideal = before.speed, before.ideal_speed
    if new.speed and new.ideal_speed:
        share = new.speed / new.ideal_speed
        if speed and ideal:
            share = (speed / ideal) ** (1 - _NEW_SHARE) * share**_NEW_SHARE
        ideal, speed = new.ideal_speed, share * new.ideal_speed
    newer = new.memory >= before.memory
    return replace(
        before,
        speed=speed,
        ideal_speed=ideal,
        expected_speed=before.expected_speed or new.expected_speed,
        memory=max(before.memory, new.memory),
        ideal_memory=new.ideal_memory if newer else before.ideal_memory,
        expected_memory=(new if newer else before).expected_memory,
        runs=before.runs + 1,
    )


def _update(change: Callable[[Measured], None]) -> Measured:
    with _lock:
        known = load()
        change(known)
        values: dict[str, Any] = {
            "version": _VERSION,
            "bandwidths": known.bandwidths,
            "runs": {key: asdict(run) for key, run in known.runs.items()},
        }
        try:
            atomic.write_text(paths.data_dir() / NAME, json.dumps(values, indent=1) + "\n", private=True)
        except OSError:  # a full or read-only disk: it is measured again another time
            return known
    return known


def _run(value: Any) -> Run | None:
    if not isinstance(value, dict):
        return None
    numbers = {name: value.get(name, 0) for name in _NUMBERS}
    if not all(_is_number(number) for number in numbers.values()):
        return None
    device, form = value.get("device"), value.get("format")
    return Run(device, form, **numbers) if isinstance(device, str) and isinstance(form, str) else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15


_NUMBERS: Iterable[str] = tuple(name for name in Run.__dataclass_fields__ if name not in ("device", "format"))
