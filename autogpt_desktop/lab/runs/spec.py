"""What a training run is to make: plain values, kept as JSON in the run's folder. Free of torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

Kind = Literal["new", "adapt", "head"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class DataSpec:
    """Where the examples come from. ``paths``: files and folders."""

    paths: tuple[str, ...]
    text_column: str = ""  # of tables
    label_column: str = ""
    answer_column: str = ""  # of tables of pairs: the text column asks, this one answers
    held_out: float = 0.05  # share of documents
    seed: int = 0
    question_column: str = ""  # of questions about texts: the text column is what they are about


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
    proposer: str = ""  # of "new": an installed chat model that proposes every fourth shape; "": none
    grow: bool = True  # of "new": try a larger model behind
    device: str = "auto"
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)  # for experiments: config and learning settings


def to_values(spec: RunSpec) -> dict[str, Any]:
    """The spec as JSON has it."""
    return asdict(spec)


def from_values(values: Mapping[str, Any]) -> RunSpec:
    """The spec again; what a newer version added is left out. Raises ValueError, KeyError, TypeError where
    it is none."""
    data = _known(DataSpec, values["data"])
    data["paths"] = tuple(data["paths"])
    texts = [*data["paths"], *(data.get(name, "") for name in ("text_column", "label_column"))]
    spec = RunSpec(**_known(RunSpec, values) | {"data": DataSpec(**data)})
    texts += [
        spec.data.answer_column,
        spec.data.question_column,
        spec.name,
        spec.base,
        spec.task,
        spec.device,
        spec.proposer,
    ]
    numbers = [spec.minutes, spec.data.held_out]
    if (
        spec.kind not in KINDS
        or not all(isinstance(text, str) for text in texts)
        or not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)
        or not isinstance(spec.options, dict)
    ):
        raise ValueError("not a run's spec")
    return spec


def _known(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {item.name for item in fields(kind)}
    return {name: value for name, value in values.items() if name in names}
