"""The files of an adapter's or a head's folder, and what they say of its base. Light: the list of models
reads it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt_desktop.regular_file import read_regular_text

CONFIG, WEIGHTS, BASE = "adapter_config.json", "adapter_model.safetensors", "base.json"
HEAD = "head.json"  # a small head's folder has this alone


@dataclass(frozen=True, slots=True)
class Base:
    """What an adapter or a head was trained on. ``path``: where it lay, "" for unknown."""

    name: str
    fingerprint: str = ""
    path: str = ""


def is_adapter(folder: Path) -> bool:
    return os.path.isfile(folder / CONFIG) and not os.path.isfile(folder / "config.json")


def is_head(folder: Path) -> bool:
    return os.path.isfile(folder / HEAD) and not os.path.isfile(folder / "config.json")


def head_labels(folder: Path) -> tuple[str, ...]:
    """The labels of a head; () for none and for one that is damaged, which loading says."""
    try:
        labels = json.loads(read_regular_text(folder / HEAD))["labels"]
        return tuple(labels) if all(isinstance(label, str) for label in labels) else ()
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return ()


def adapter_title(title: str, base: str) -> str:
    """What stands in the pickers: ``title`` is the adapter's."""
    return f"{title} on {base}"


def base_reference(folder: Path) -> tuple[str, Base]:
    """(its title, its base): of an adapter by ``base.json``, else by what PEFT wrote. Raises OSError,
    ValueError and TypeError for files that are damaged."""
    if is_head(folder):
        head = json.loads(read_regular_text(folder / HEAD))
        if not isinstance(head, dict) or not isinstance(head.get("base"), dict):
            raise ValueError("not a head")
        base = Base(*(str(head["base"].get(name) or "") for name in ("name", "fingerprint", "path")))
        return str(head.get("title") or folder.name)[:200], base
    raw: dict[str, Any] = json.loads(read_regular_text(folder / CONFIG))
    ours: dict[str, Any] = {}
    if os.path.isfile(folder / BASE):
        ours = json.loads(read_regular_text(folder / BASE))
    if not isinstance(raw, dict) or not isinstance(ours, dict):
        raise ValueError("no settings")
    path = str(ours.get("path") or raw.get("base_model_name_or_path") or "")
    named = str(ours.get("name") or path)[:400]
    return str(ours.get("title") or folder.name)[:200], Base(named, str(ours.get("fingerprint") or ""), path)
