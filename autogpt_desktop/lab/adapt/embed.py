"""An embedding model that learns from pairs of texts which belong together, such as questions and answers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from autogpt_desktop import atomic
from autogpt_desktop.engine.formats.e5_header import is_e5
from autogpt_desktop.engine.formats.encoder_config import encoder_config, is_encoder
from autogpt_desktop.engine.formats.safetensors import map_tensors
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine, load_encoder, our_name
from autogpt_desktop.engine.torch_backend.weight import dense
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt.tune import TuneSettings, tune_pairs
from autogpt_desktop.lab.data.examples import Example
from autogpt_desktop.lab.runs.events import Eval, Event, Finished, Stage
from autogpt_desktop.lab.runs.spec import RunSpec

RESULT = "result"
LEAST = 8  # different pairs
_EPOCHS = 20  # at most
_PATIENCE = 3  # passes in a row that do not help
_LOOKED = 400  # held-out pairs that are looked for among each other


def train_embedding(
    spec: RunSpec,
    base: Path,
    train: Sequence[Example],
    held_out: Sequence[Example],
    folder: Path,
    *,
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Event]:
    """Tune the encoder at ``base`` and leave a whole model in ``folder``/result.

    ``Eval.accuracy``: how often a held-out text finds its partner among all the held-out ones. What is no
    better than the base is not kept: the result is then the base itself. Raises KnownError: lab-embed-base,
    lab-too-few-examples.
    """
    begun = clock()
    if not (base.is_dir() and is_encoder(base)) or is_e5(base):  # its weights stay as they are
        raise KnownError("lab-embed-base", name=base.name)
    yield Stage("stage.lab-reading")
    pairs, checked = pairs_of(train), pairs_of(held_out)[:_LOOKED]
    if len(pairs) < LEAST or len(checked) < 2:
        raise KnownError("lab-too-few-examples", count=len(pairs) + len(checked))
    engine = run_to_end(load_encoder(base))
    best = found_partners(engine, checked)
    yield Eval(0, 0, 1 - best, accuracy=best, best=True)
    yield Stage("stage.lab-training")
    kept: dict[str, Tensor] = {}
    since, slowest, epoch, reason = 0, 0.0, 0, "converged"
    for epoch in range(1, _EPOCHS + 1):
        started = clock()
        if stop() or started - begun + slowest > spec.minutes * 60:
            reason = "stopped" if stop() else "time"
            break
        settings = TuneSettings(epochs=1, learning_rate=1e-4, seed=spec.seed + epoch)
        changed = tune_pairs(engine, pairs, settings, stop)
        share = found_partners(engine, checked)
        slowest = max(slowest, clock() - started)
        is_best = share > best
        since = 0 if is_best else since + 1
        if is_best:
            best, kept = share, {name: tensor.clone() for name, tensor in changed.items()}
        yield Eval(epoch, 0, 1 - share, accuracy=share, best=is_best)
        if since == _PATIENCE:
            break
    engine.close()
    write_tuned(base, folder / RESULT, kept)
    yield Finished(reason, RESULT, 1 - best)


def pairs_of(examples: Sequence[Example]) -> list[tuple[str, str]]:
    """The first question of each conversation and the answer to it; each pair once."""
    found: dict[tuple[str, str], None] = {}
    for example in examples:
        texts = [content.strip() for role, content in example.turns if role != "system"]
        if len(texts) > 1 and texts[0] and texts[1]:
            found[texts[0], texts[1]] = None
    return list(found)


def found_partners(engine: EncoderEngine, pairs: Sequence[tuple[str, str]]) -> float:
    """The share of first texts whose nearest second text is their own, or one that reads the same."""
    sides = []
    for side in (0, 1):
        rows = torch.zeros(len(pairs), engine.config.hidden_size)
        for step in engine.embed([pair[side] for pair in pairs]):
            if isinstance(step, tuple):
                rows[step[0]] = step[1]
        sides.append(F.normalize(rows, dim=-1))
    nearest = (sides[0] @ sides[1].t()).argmax(1).tolist()
    return sum(pairs[at][1] == pair[1] for at, pair in zip(nearest, pairs, strict=True)) / len(pairs)


def write_tuned(base: Path, out: Path, changed: dict[str, Tensor]) -> None:
    """The base's folder with other weights in it. Raises OSError."""
    scratch = out.with_name(f"{out.name}{atomic.SUFFIX}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.parent.mkdir(parents=True, exist_ok=True)
    config = encoder_config(base)
    shutil.copytree(
        base, scratch, ignore=shutil.ignore_patterns("*.safetensors", "*.bin", "*.onnx", ".*", "onnx")
    )
    for file in sorted(base.glob("*.safetensors")):
        tensors = {}
        for name, source in map_tensors(file).items():
            values = dense(source) if source.type in ("F32", "F16", "BF16") else None
            ours = changed.get(our_name(name, config))
            if ours is not None and values is not None:
                values = ours.to(values.dtype)
            if values is not None:
                tensors[name] = values.contiguous()
        save_file(tensors, scratch / file.name, {"format": "pt"})
    shutil.rmtree(out, ignore_errors=True)
    scratch.rename(out)
