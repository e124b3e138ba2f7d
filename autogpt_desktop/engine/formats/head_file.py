"""A small head on an installed model, as ``head.json`` in a folder of its own: the user's labels, and a
linear layer on what some of the model's layers make of a text."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop import atomic
from autogpt_desktop.engine.formats.adapter_files import HEAD, Base, base_reference
from autogpt_desktop.engine.formats.untrusted import damaged
from autogpt_desktop.regular_file import read_regular_text

MAX_LABELS = 200
_VERSION = 1
_DAMAGED = (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError, ArithmeticError)


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Logits = ``weights`` x + ``bias``; x: the mean of a text's tokens as each of ``layers`` (from 1) of the
    base leaves them, one behind the other. Their softmax is calibrated."""

    labels: tuple[str, ...]
    base: Base
    layers: tuple[int, ...]
    weights: NDArray[np.float32]  # [labels, layers · hidden_size]
    bias: NDArray[np.float32]  # [labels]
    title: str = ""
    languages: tuple[str, ...] = ()
    report: dict[str, Any] = field(default_factory=dict)  # figures on held-out examples, for people


def write_head(folder: Path, head: Head) -> None:
    """Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {
        "version": _VERSION,
        "title": head.title,
        "labels": list(head.labels),
        "languages": list(head.languages),
        "base": {"name": head.base.name, "fingerprint": head.base.fingerprint, "path": head.base.path},
        "layers": list(head.layers),
        "weights": _packed(head.weights),
        "bias": [float(value) for value in head.bias],
        "report": head.report,
    }
    text = json.dumps(values, indent=1, ensure_ascii=False)
    atomic.write_text(folder / HEAD, text, private=True)


def read_head(folder: Path) -> Head:
    """Raises KnownError("head-damaged")."""
    try:
        raw = json.loads(read_regular_text(folder / HEAD))
        labels, layers = raw["labels"], raw["layers"]
        bias = np.array(raw["bias"], np.float32)
        weights = np.frombuffer(base64.b64decode(raw["weights"], validate=True), "<f4").astype(np.float32)
        weights = weights.reshape(len(labels), -1)
        sound = (
            raw["version"] == _VERSION
            and 2 <= len(labels) <= MAX_LABELS
            and all(isinstance(label, str) for label in labels)
            and len(set(labels)) == len(labels)
            and all(type(layer) is int and 1 <= layer <= 1024 for layer in layers)
            and layers == sorted(set(layers))
            and weights.shape[1] % len(layers) == 0
            and bias.shape == (len(labels),)
            and bool(np.isfinite(weights).all() and np.isfinite(bias).all())
        )
        if not sound:
            raise ValueError("not a head")
        title, base = base_reference(folder)
        return Head(
            tuple(labels),
            base,
            tuple(layers),
            weights,
            bias,
            title,
            tuple(str(code) for code in raw.get("languages") or ()),
            dict(raw.get("report") or {}),
        )
    except _DAMAGED as error:
        raise damaged(error, folder.name, "head-damaged", name=folder.name) from error


def _packed(values: NDArray[np.float32]) -> str:
    if not math.isfinite(float(np.abs(values).max())):
        raise ValueError("a head must be finite")
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()
