"""A tiny model and a text that can be learned: each token mostly follows from the one before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.torch_backend import training
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.lab.runs.events import Event
from autogpt_desktop.lab.train.corpus import Corpus
from autogpt_desktop.lab.train.settings import Deadline, TrainSettings
from autogpt_desktop.lab.train.trainer import Outcome, Trainer

VOCAB = 40


def corpus(tokens: int = 6000, seed: int = 0) -> Corpus:
    random = np.random.default_rng(seed)
    following = random.permutation(VOCAB)
    ids = np.zeros(tokens, np.uint16)
    for at in range(1, tokens):
        ids[at] = following[ids[at - 1]] if random.random() < 0.9 else random.integers(VOCAB)
    cut = tokens * 5 // 6
    return Corpus(ids[:cut], ids[cut:], 2 * (tokens - cut), VOCAB, 0)


def config(**changes: Any) -> ModelConfig:
    values: dict[str, Any] = {
        "family": "llama", "vocab_size": VOCAB, "hidden_size": 16, "intermediate_size": 32,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
        "max_position_embeddings": 32, "tie_word_embeddings": True, "rms_norm_eps": 1e-5,
    }  # fmt: skip
    return ModelConfig(**(values | changes))


def decoder(seed: int = 0, **changes: Any) -> Transformer:
    shape = config(**changes)
    return training.trainable(shape, training.new_tensors(shape, seed, 0.1), torch.device("cpu"))


def settings(**changes: Any) -> TrainSettings:
    values: dict[str, Any] = {
        "context": 16, "batch": 4, "learning_rate": 0.01, "precision": "float32", "log_steps": 1,
        "warmup_steps": 4, "eval_seconds": 1e9, "checkpoint_seconds": 1e9, "sample_seconds": 1e9,
    }  # fmt: skip
    return TrainSettings(**(values | changes))


def trainer(folder: Path, *, seconds: float = 1e6, data: Corpus | None = None, **changes: Any) -> Trainer:
    return Trainer(decoder(), data or corpus(), settings(**changes), Deadline(seconds), folder)


def finish(one: Trainer, each: Callable[[Event], None] = lambda event: None) -> tuple[list[Event], Outcome]:
    events: list[Event] = []
    running = one.run()
    while True:
        try:
            event = next(running)
        except StopIteration as done:
            return events, done.value
        events.append(event)
        each(event)


class Ticks:
    """A clock that goes on by ``step`` seconds at each look."""

    def __init__(self, step: float) -> None:
        self.step, self.now = step, 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


if __name__ == "__main__":  # the child of the test that kills it: FOLDER OPTIMIZER
    torch.set_num_threads(1)
    one = trainer(Path(sys.argv[1]), max_steps=40, optimizer=sys.argv[2], checkpoint_seconds=0.0)
    finish(one, lambda event: print(event, flush=True))
