"""What a training run is to make: plain values, kept as JSON in the run's folder. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["new", "adapt", "head"]


@dataclass(frozen=True, slots=True)
class DataSpec:
    """Where the examples come from. ``paths``: files and folders."""

    paths: tuple[str, ...]
    text_column: str = ""  # of tables
    label_column: str = ""
    answer_column: str = ""  # of tables of pairs: the text column asks, this one answers
    held_out: float = 0.05  # share of documents
    seed: int = 0


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One run. ``minutes`` is the one dial: everything else follows from it, unless ``options`` say it."""

    kind: Kind
    data: DataSpec
    minutes: float
    name: str = ""
    base: str = ""  # of "adapt" and "head": the installed model's name or path
    task: str = ""  # of "head": "classify", "answer" or "embed"
    search: bool = True  # of "new": try shapes first
    grow: bool = True  # of "new": try a larger model behind
    device: str = "auto"
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)  # for experiments: config and learning settings
