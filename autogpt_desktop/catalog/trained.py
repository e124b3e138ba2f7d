"""Models that were trained here: the results of the Lab's runs (``lab.runs``), read without it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt_desktop import paths
from autogpt_desktop.engine.formats.adapter_files import (
    BASE,
    CONFIG,
    HEAD,
    adapter_title,
    head_labels,
    is_adapter,
    is_head,
)

__all__ = ["FILES", "TrainedModel", "adapter_title", "head_labels", "trained_models"]
# What a run leaves in its result's folder, beside what any model's folder has.
FILES = (
    *("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "README.md"),
    *("*.safetensors", "*.gguf", "*.jinja", CONFIG, BASE, HEAD),
)


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """``id`` is the run's folder's name, which stays; ``title`` what the user calls it."""

    path: Path
    id: str
    title: str


def trained_models() -> list[TrainedModel]:
    """Of every run that is not deleted and has a whole model. Never raises."""
    found = []
    for folder in _folders():
        result = folder / "result"
        values = _read(folder / "run.json")
        try:
            whole = is_adapter(result) or is_head(result)
            whole = whole or all(os.path.isfile(result / name) for name in ("config.json", "tokenizer.json"))
        except OSError:
            continue
        if whole and isinstance(values.get("name"), str) and not values.get("deleted"):
            found.append(TrainedModel(result, folder.name, values["name"] or folder.name))
    return found


def _folders() -> list[Path]:
    try:
        inside = sorted(paths.training_dir().iterdir())
    except OSError:  # no run yet
        inside = []
    elsewhere = _read(paths.training_dir() / "elsewhere.json").get("folders")
    texts = elsewhere if isinstance(elsewhere, list) else []
    places = [Path(text) for text in texts if isinstance(text, str) and "\0" not in text]
    return list(dict.fromkeys([*inside, *places]))


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
