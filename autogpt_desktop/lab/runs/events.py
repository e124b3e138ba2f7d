"""What happens in a training run: small frozen values, one a line of the run's append-only log.

The process that trains writes them, the window and the terminal read them. Free of torch.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

STAGES = (
    *("stage.lab-reading", "stage.lab-cleaning", "stage.lab-tokenizing", "stage.lab-compressing"),
    *("stage.lab-measuring", "stage.lab-searching", "stage.lab-training", "stage.lab-evaluating"),
    *("stage.lab-growing", "stage.lab-comparing", "stage.lab-exporting"),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """Another part of the work has begun; ``key`` is one of ``STAGES``."""

    key: str
    done: int = 0
    total: int = 0  # 0: unknown


@dataclass(frozen=True, slots=True)
class DataFound:
    """What the run learns from, after cleaning."""

    documents: int
    tokens: int
    bytes: int  # of UTF-8
    held_out_tokens: int
    held_out_bytes: int
    languages: dict[str, int] = field(default_factory=dict)  # code → bytes
    duplicates: int = 0  # documents that were left out as copies, exact or near
    skipped: dict[str, str] = field(default_factory=dict)  # file → key of the reason
    samples: tuple[str, ...] = ()
    vocab_size: int = 0
    xz_bits_per_byte: float = 0.0  # of the held-out text behind the training text, by ``xz -9``; 0: unknown


@dataclass(frozen=True, slots=True)
class Measured:
    """How quick one shape of model is on this machine."""

    parameters: int
    tokens_per_second: float
    peak_bytes: int  # of memory
    shape: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Memory:
    """What the next part of the run will take of memory, and once it is over, what it took."""

    forecast: int  # bytes of the process
    peak: int = 0  # 0: it is not over yet


@dataclass(frozen=True, slots=True)
class Trial:
    """One shape that the search tried."""

    number: int
    parameters: int
    shape: dict[str, Any]  # config fields and learning settings
    status: str  # "done", "pruned" or "failed"
    loss: float = 0.0  # held-out, nats per token
    bits_per_byte: float = 0.0
    tokens: int = 0
    train_seconds: float = 0.0
    reason: str = ""  # of a failure
    proposed_by: str = "search"  # or "model": by an installed chat model, in words
    rung: int = 0  # of successive halving


@dataclass(frozen=True, slots=True)
class Train:
    """One or more steps of the optimizer; values are means since the last such event."""

    step: int
    tokens: int  # seen so far
    loss: float  # nats per token
    learning_rate: float
    tokens_per_second: float
    memory: int = 0  # bytes that the process holds


@dataclass(frozen=True, slots=True)
class Eval:
    """The held-out text."""

    step: int
    tokens: int
    loss: float  # nats per token
    bits_per_byte: float = 0.0  # 0: does not apply
    accuracy: float | None = None  # of a head, or share of exact answers
    best: bool = False  # better than all before


@dataclass(frozen=True, slots=True)
class Sample:
    """What the model writes at this step. ``label``: "before" or "after" where two stand side by side."""

    step: int
    prompt: str
    text: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Growth:
    """The model became larger. ``how``: "deeper" or "wider"."""

    step: int
    how: str
    parameters_before: int
    parameters_after: int
    difference: float  # largest change of a logit


@dataclass(frozen=True, slots=True)
class Compared:
    """Two or more ways that had equal time; the winner is kept. ``what``: "growth", "default" …"""

    what: str
    losses: dict[str, float]
    winner: str


@dataclass(frozen=True, slots=True)
class ScalingLaw:
    """What this run's trials say of more time: held-out nats per token with twice the tokens, and a band."""

    runs: int
    parameters: int
    tokens: int  # twice what the model has seen
    loss: float
    low: float
    high: float
    law: dict[str, float] = field(default_factory=dict)  # L = floor + a / N^alpha + b / D^beta


@dataclass(frozen=True, slots=True)
class Checkpoint:
    step: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """The run goes on behind a break."""

    step: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know; ``key`` is a text, as of ``events.Notice``."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is over and its result stands in ``result``. ``reason``: "time", "converged" or "stopped"."""

    reason: str
    result: str  # the name of the folder inside the run's folder
    loss: float = 0.0
    bits_per_byte: float = 0.0


@dataclass(frozen=True, slots=True)
class Failed:
    """The run cannot go on; ``key`` and ``values`` are a KnownError's."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)


Event = (
    Stage | DataFound | Measured | Memory | Trial | Train | Eval | Sample | Growth | Compared | ScalingLaw
    | Checkpoint | Resumed | Notice | Finished | Failed
)  # fmt: skip
_TYPES: dict[str, type] = {one.__name__.lower(): one for one in Event.__args__}


@dataclass(frozen=True, slots=True)
class Logged:
    """An event as it stands in the log."""

    seconds: float  # of work since the run began, breaks left out
    event: Event


def to_line(logged: Logged) -> str:
    """One line of JSON, without the line break."""
    kind = type(logged.event).__name__.lower()
    values = {item.name: getattr(logged.event, item.name) for item in dataclasses.fields(logged.event)}
    line = {"event": kind, "seconds": round(logged.seconds, 3), **values}
    return json.dumps(line, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    """A number of NumPy, or a path in an error's values."""
    return value.item() if hasattr(value, "item") else str(value)


def from_line(line: str) -> Logged | None:
    """None for a line that is cut, foreign or of a later version: the log is only shown, never obeyed."""
    try:
        values = json.loads(line)
        known = _TYPES[values.pop("event")]
        seconds = float(values.pop("seconds"))
        picked: dict[str, Any] = {}
        for item in dataclasses.fields(known):
            if item.name in values:
                value = values[item.name]
                picked[item.name] = tuple(value) if isinstance(value, list) else value
                if not _fits(picked[item.name], str(item.type)):
                    return None
        prefix, _, name = str(picked.get("key", "")).rpartition(".")
        if name in _RENAMED:
            picked["key"] = ".".join(part for part in (prefix, _RENAMED[name]) if part)
            picked["values"] = {"step": "–"} | picked.get("values", {})
        return Logged(seconds, known(**picked))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


# what logs of the first version say of adapters
_RENAMED = {
    "lab-diverged": "training-diverged",
    "lab-disk": "training-disk-full",
}
_KINDS: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}


def _fits(value: Any, annotation: str) -> bool:
    """Whether a value is of a field's type."""
    if value is None:
        return annotation.endswith("| None")
    name = annotation.split("[")[0].split(" ")[0]
    return isinstance(value, _KINDS.get(name, (tuple if name == "tuple" else dict,)))
