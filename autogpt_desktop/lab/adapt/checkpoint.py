"""What a checkpoint of an adapter's training holds, in the folders that ``lab.train.checkpoints`` keeps."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from autogpt_desktop.lab.train.checkpoints import STATE, find, write_folder
from autogpt_desktop.lab.train.model_files import write_json, write_tensors

log = logging.getLogger(__name__)
_TENSORS = "adapter.safetensors"
_OLD_TENSORS, _OLD_STATE = "state.pt", "numbers.json"  # of the first version


def write(
    folder: Path,
    step: int,
    lists: Mapping[str, Sequence[Tensor]],
    optimizer: Mapping[int, Mapping[str, Tensor]],
    numbers: Mapping[str, Any],
) -> None:
    """Keep a state. Raises KnownError("training-disk-full"), OSError; what was there stays then."""
    tensors = dict(_named(lists, optimizer))

    def fill(scratch: Path) -> None:
        write_tensors(scratch / _TENSORS, tensors)
        write_json(scratch / STATE, dict(numbers))

    write_folder(folder, step, fill)


def newest(folder: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(lists of tensors by name and "optimizer", numbers) of the latest that can be read."""
    for place in reversed(find(folder)):
        try:
            if os.path.isfile(place / _OLD_STATE):
                numbers = json.loads((place / _OLD_STATE).read_text(encoding="utf-8"))
                return torch.load(place / _OLD_TENSORS, weights_only=True), numbers
            numbers = json.loads((place / STATE).read_text(encoding="utf-8"))
            return _lists(load_file(place / _TENSORS)), numbers
        except Exception as error:  # pickle's reader raises of many kinds; an older one may be whole
            log.warning("%s cannot be read: %s", place.name, error)
    return None


def _named(
    lists: Mapping[str, Sequence[Tensor]], optimizer: Mapping[int, Mapping[str, Tensor]]
) -> Iterator[tuple[str, Tensor]]:
    for name, tensors in lists.items():
        for number, tensor in enumerate(tensors):
            yield f"{name}.{number}", tensor.detach().contiguous()
    for number, moments in optimizer.items():
        for name, tensor in moments.items():
            yield f"optimizer.{number}.{name}", tensor


def _lists(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    found: dict[str, Any] = {"optimizer": {}}
    by_number = sorted(tensors.items(), key=lambda one: int(one[0].split(".")[1]))
    for name, tensor in by_number:
        kind, number, *rest = name.split(".")
        if kind == "optimizer":
            found[kind].setdefault(int(number), {})[rest[0]] = tensor
        else:
            found.setdefault(kind, []).append(tensor)
    return found
