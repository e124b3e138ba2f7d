"""Whether a larger model is worth it: grown, as it is, and from scratch, with equal time each."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.torch_backend.training import (
    all_logits,
    new_tensors,
    parameter_count,
    parameters_of,
    tensors_of,
    trainable,
)
from autogpt_desktop.lab.grow.larger import Tensors, deeper, wider
from autogpt_desktop.lab.runs.events import Compared, Event, Growth, Stage, Train
from autogpt_desktop.lab.train.checkpoints import Saved, write_checkpoint
from autogpt_desktop.lab.train.corpus import Corpus
from autogpt_desktop.lab.train.settings import Deadline, TrainSettings
from autogpt_desktop.lab.train.trainer import Outcome, Trainer, TrainState

GROWN, CONTINUED, SCRATCH = "grown", "continued", "scratch"


def larger_shape(config: ModelConfig, factor: float = 1.6) -> tuple[str, ModelConfig]:
    """What to grow into, about ``factor`` times the layers' parameters, and which way: "deeper" where the
    model is flat for its width, else "wider"."""
    if config.num_hidden_layers * 64 <= config.hidden_size:
        layers = max(config.num_hidden_layers + 1, round(config.num_hidden_layers * factor))
        return "deeper", replace(config, num_hidden_layers=layers)
    groups = config.num_attention_heads // config.num_key_value_heads
    side = math.sqrt(factor)
    hidden = max(config.hidden_size + 32, round(config.hidden_size * side / 32) * 32)
    inner = max(config.intermediate_size + 32, round(config.intermediate_size * side / 32) * 32)
    shared = max(config.num_key_value_heads + 1, round(config.num_key_value_heads * side))
    return "wider", replace(
        config,
        hidden_size=hidden,
        intermediate_size=inner,
        num_key_value_heads=shared,
        num_attention_heads=shared * groups,
    )


def grown(
    config: ModelConfig,
    tensors: Mapping[str, Tensor],
    target: ModelConfig,
    *,
    moments: int = 0,
    seed: int = 0,
) -> tuple[ModelConfig, Tensors]:
    """Weights, or the optimizer's averages (see ``larger``), of ``target``'s shape."""
    shape, made = wider(
        config,
        tensors,
        hidden_size=target.hidden_size,
        intermediate_size=target.intermediate_size,
        num_key_value_heads=target.num_key_value_heads,
        seed=seed,
        moments=moments,
    )
    return deeper(shape, made, target.num_hidden_layers, moments=bool(moments))


def carried_state(saved: Saved, target: ModelConfig) -> dict[str, Tensor]:
    """The optimizer's state of a checkpoint for the grown model."""
    old = parameters_of(trainable(saved.config, saved.tensors, torch.device("cpu")))
    found: dict[str, Tensor] = {}
    for kind, power in (("exp_avg", 1), ("exp_avg_sq", 2), ("momentum", 1)):
        part = {
            name: saved.optimizer.get(f"{kind}:{name}", torch.zeros_like(one)) for name, one in old.items()
        }
        names = tensors_of(saved.config, part, offset=False)
        shape, made = grown(saved.config, names, target, moments=power)
        new = parameters_of(trainable(shape, made, torch.device("cpu")))
        found |= {f"{kind}:{name}": one.detach() for name, one in new.items()}
    steps = [one for name, one in saved.optimizer.items() if name.startswith("step:")]
    first = steps[0] if steps else torch.zeros(())
    return found | {f"step:{name[8:]}": first.clone() for name in found if name.startswith("exp_avg:")}


def difference(
    config: ModelConfig, tensors: Mapping[str, Tensor], other: ModelConfig, others: Mapping[str, Tensor]
) -> float:
    """The largest difference of a logit, on tokens by chance."""
    random = np.random.default_rng(0)
    ids = torch.from_numpy(
        random.integers(0, config.vocab_size, (2, min(64, config.max_position_embeddings)))
    )
    with torch.no_grad():
        first, second = (
            all_logits(trainable(shape, values, torch.device("cpu")), ids)
            for shape, values in ((config, tensors), (other, others))
        )
    return float((first - second).abs().max())


def compare_growth(
    saved: Saved,
    target: tuple[str, ModelConfig],
    corpus: Corpus,
    settings: TrainSettings,
    deadline: Deadline,
    seconds: float,
    folder: Path,
    stop: Callable[[], bool],
    device: torch.device,
) -> Generator[Event, None, tuple[str, Saved]]:
    """Three ways from a checkpoint, ``seconds`` of training each, the decay included; the winner's name,
    and where the longer training begins: the checkpoint itself, its grown copy, or nothing.

    What was trained to compare lies in ``folder``, and is not gone on with: its learning rate is spent.
    """
    how, shape = target
    new_config, new_weights = grown(saved.config, saved.tensors, shape, seed=settings.seed)
    yield Growth(
        saved.state["step"],
        how,
        parameter_count(saved.config),
        parameter_count(new_config),
        difference(saved.config, saved.tensors, new_config, new_weights),
    )
    state = {**saved.state, "best_loss": math.inf, "best_step": -1, "without_progress": 0}
    starts = {
        CONTINUED: (saved.config, saved.tensors, saved.optimizer, state),
        GROWN: (new_config, new_weights, carried_state(saved, shape), state),
    }
    losses: dict[str, float] = {}
    for number, way in enumerate((CONTINUED, GROWN, SCRATCH)):
        yield Stage("stage.lab-comparing", number, 3)
        place = folder / way
        if way == SCRATCH:
            config: ModelConfig = replace(new_config, rms_norm_eps=saved.config.rms_norm_eps)
            weights: Mapping[str, Tensor] = new_tensors(config, settings.seed)
        else:
            config, weights, optimizer, begun = starts[way]
            place.mkdir(parents=True, exist_ok=True)
            write_checkpoint(place, begun["step"], config, weights, optimizer, begun, corpus.end_token)
        part = deadline.part(seconds)
        trainer = Trainer(trainable(config, weights, device), corpus, settings, part, place, stop)
        outcome = yield from _quietly(trainer)
        deadline.join(part)
        losses[way] = outcome.loss
        if stop():
            break
    winner = min(losses, key=lambda way: losses[way])
    yield Compared("growth", losses, winner)
    if winner == SCRATCH:
        return winner, Saved(folder, config, new_tensors(config, settings.seed), {}, _fresh(state))
    config, weights, optimizer, begun = starts[winner]
    return winner, Saved(saved.folder, config, dict(weights), dict(optimizer), begun)


def _fresh(state: dict[str, object]) -> dict[str, object]:
    """That of a model which has learned nothing yet, on the same machine."""
    kept = {name: state[name] for name in ("seconds", "schedule", "precision", "log_steps", "step_seconds")}
    empty = TrainState()
    return {name: kept.get(name, getattr(empty, name)) for name in TrainState.__dataclass_fields__}


def _quietly(trainer: Trainer) -> Generator[Event, None, Outcome]:
    """Only what the curve is drawn of: these steps are none of the model that comes out."""
    running = trainer.run()
    while True:
        try:
            event = next(running)
        except StopIteration as done:
            outcome: Outcome = done.value
            return outcome
        if isinstance(event, Train):
            yield Stage("stage.lab-comparing")
