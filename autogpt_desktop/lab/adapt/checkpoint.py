"""Checkpoints of an adapter's training: a folder each, whole or not there; the last two are kept."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

import torch

from autogpt_desktop.errors import KnownError

log = logging.getLogger(__name__)
_NAME = re.compile(r"checkpoint-(\d{1,12})")
_KEPT = 2


def write(folder: Path, step: int, tensors: dict[str, Any], numbers: dict[str, Any]) -> None:
    """Keep a state. Raises KnownError("lab-disk"), and what was there stays."""
    place = folder / f"checkpoint-{step}"
    scratch = folder / f"scratch-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        torch.save(tensors, scratch / "state.pt")
        (scratch / "numbers.json").write_text(json.dumps(numbers), encoding="utf-8")
        with (scratch / "state.pt").open("rb+") as file:
            os.fsync(file.fileno())
        if place.exists():
            shutil.rmtree(place)
        scratch.rename(place)
    except (OSError, RuntimeError) as error:  # torch's writer says RuntimeError of a full disk
        shutil.rmtree(scratch, ignore_errors=True)
        raise KnownError("lab-disk", folder=str(folder), reason=str(error)[:200]) from error
    for old in _all(folder)[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def newest(folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(tensors, numbers) of the latest that can be read."""
    for place in _all(folder):
        try:
            numbers = json.loads((place / "numbers.json").read_text(encoding="utf-8"))
            return torch.load(place / "state.pt", weights_only=True), numbers
        except Exception as error:  # pickle's reader raises of many kinds; an older one may be whole
            log.warning("%s cannot be read: %s", place.name, error)
    return None


def _all(folder: Path) -> list[Path]:
    """The latest first."""
    found = []
    for path in folder.glob("checkpoint-*"):
        if match := _NAME.fullmatch(path.name):
            found.append((int(match[1]), path))
    return [path for _, path in sorted(found, reverse=True)]
