"""Checkpoints: folders that appear whole or not at all; a model's files, the optimizer's, the state.

``checkpoint-<step>`` are the last two, ``checkpoint-best-<step>`` holds the weights that were best on the
held-out text.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.train.model_files import disk_errors, write_json, write_model, write_tensors

KEPT = 2
STATE = "state.json"
_STATES = (STATE, "numbers.json")  # that is what adapters' checkpoints had at first
_NEW, _STABLE = ".new", "checkpoint-stable"
log = logging.getLogger(__name__)
_NAME = re.compile(r"checkpoint-(best-)?(\d+)")


@dataclass(frozen=True, slots=True)
class Saved:
    """What a checkpoint holds. ``optimizer`` is empty for the best weights."""

    folder: Path
    config: ModelConfig
    tensors: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    state: dict[str, Any]


def write_checkpoint(
    folder: Path,
    step: int,
    config: ModelConfig,
    tensors: Mapping[str, Tensor],
    optimizer: Mapping[str, Tensor],
    state: Mapping[str, Any],
    end_token: int,
    *,
    best: bool = False,
) -> Path:
    """Write one and let go of those it replaces; where that fails the last good one stays.

    Raises KnownError("training-disk-full"), OSError.
    """

    def fill(scratch: Path) -> None:
        write_model(scratch, config, tensors, end_token)
        if optimizer:
            write_tensors(scratch / "optimizer.safetensors", optimizer)
        write_json(scratch / STATE, dict(state))

    return write_folder(folder, step, fill, best=best)


def write_folder(folder: Path, step: int, fill: Callable[[Path], None], *, best: bool = False) -> Path:
    """Have ``fill`` write a checkpoint's files, ``STATE`` among them, and let go of those it replaces.

    Raises KnownError("training-disk-full"), OSError; the last good one stays then.
    """
    target = folder / f"checkpoint-{'best-' if best else ''}{step:09d}"
    scratch = target.with_name(target.name + _NEW)
    try:
        with disk_errors(target):
            shutil.rmtree(scratch, ignore_errors=True)
            scratch.mkdir(parents=True, mode=0o700)
        fill(scratch)
        with disk_errors(target):
            shutil.rmtree(target, ignore_errors=True)
            scratch.rename(target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    cut = folder.glob(f"checkpoint-*{_NEW}")  # by a process that was killed
    for old in [*find(folder, best=best)[: -1 if best else -KEPT], *cut]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def keep_stable(folder: Path) -> None:
    """Keep the newest checkpoint as that before the decay, from which a run with more time goes on. Where
    there is no room for it the run goes on from its end then."""
    newest = find(folder)[-1:]
    target, scratch = folder / _STABLE, folder / (_STABLE + _NEW)
    try:
        for path in newest:
            shutil.rmtree(scratch, ignore_errors=True)
            shutil.copytree(path, scratch, copy_function=_link)
            shutil.rmtree(target, ignore_errors=True)
            scratch.rename(target)
    except (OSError, shutil.Error) as error:
        log.warning("the checkpoint before the decay is not kept: %s", error)
        shutil.rmtree(scratch, ignore_errors=True)


def _link(source: str, target: str) -> None:
    """Files of a checkpoint are never written again, so that two folders may share them."""
    try:
        os.link(source, target)
    except OSError:  # a file system without links
        shutil.copyfile(source, target)


def begin_again(folder: Path, end_token: int) -> bool:
    """For a run with more time: behind its last checkpoint a new one, with the weights from before the decay
    and no decay planned. False where nothing is to be done. Steps, tokens and the place in the data count on,
    and what was best stays so until something is better. Raises KnownError("training-disk-full"), OSError."""
    last = last_good(folder)
    if last is None or last.state["schedule"]["decay_from"] < 0:
        return False
    stable = None
    with suppress(OSError, ValueError, KnownError):
        stable = read_checkpoint(folder / _STABLE)
    if stable is None or replace(stable.config, name="") != replace(last.config, name=""):
        stable = last
    schedule = stable.state["schedule"] | {"decay_from": -1, "decay_to": -1, "decay_height": 1.0}
    state = last.state | {"schedule": schedule, "without_progress": 0, "converged": False}
    state["step"] += 1  # a step that learns nothing: the last checkpoint stays until this one is whole
    write_checkpoint(folder, state["step"], stable.config, stable.tensors, stable.optimizer, state, end_token)
    return True


def find(folder: Path, *, best: bool = False) -> list[Path]:
    """The checkpoints in ``folder``, the oldest first; what was cut while it was written is left out."""
    found = []
    with suppress(OSError):
        for path in folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if match and bool(match[1]) == best and any(os.path.isfile(path / name) for name in _STATES):
                found.append((int(match[2]), path))
    return [path for _, path in sorted(found)]


def read_checkpoint(path: Path) -> Saved:
    """Raises OSError, ValueError, KnownError for what is damaged."""
    try:
        tensors = load_file(path / "model.safetensors")
        more = path / "optimizer.safetensors"
        optimizer = load_file(more) if os.path.exists(more) else {}
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    state = json.loads((path / STATE).read_text(encoding="utf-8"))
    return Saved(path, config_from_folder(path), tensors, optimizer, state)


def last_good(folder: Path) -> Saved | None:
    """The newest that can be read."""
    for path in reversed(find(folder)):
        with suppress(OSError, ValueError, KnownError):
            return read_checkpoint(path)
    return None


def newest_config(folder: Path) -> ModelConfig | None:
    """The shape of the newest, whose weights are not read."""
    for path in reversed(find(folder)):
        with suppress(OSError, ValueError, KnownError):
            return config_from_folder(path)
    return None


def best_of(folder: Path) -> Saved | None:
    for path in reversed(find(folder, best=True)):
        with suppress(OSError, ValueError, KnownError):
            return read_checkpoint(path)
    return None


def forget_after(folder: Path, step: int) -> None:
    """The best weights of steps that will be gone through again."""
    for path in find(folder, best=True):
        if int(path.name.rsplit("-", 1)[1]) > step:
            shutil.rmtree(path, ignore_errors=True)
