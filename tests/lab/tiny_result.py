"""A trained model's folder as training leaves it, with random weights: quick, and of any shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.formats.weight_shapes import expected_shapes
from autogpt_desktop.lab.runs.events import Checkpoint, Eval, Event, Finished, Measured, Train

KINDS = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}


def write_result(folder: Path, vocab_size: int, family: str = "llama", *, tied: bool = True) -> None:
    """``config.json`` and ``model.safetensors``."""
    folder.mkdir(mode=0o700, exist_ok=True)
    values = {
        "architectures": [KINDS[family]], "model_type": family, "vocab_size": vocab_size, "hidden_size": 32,
        "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 8, "max_position_embeddings": 128, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "hidden_act": "silu", "tie_word_embeddings": tied, "bos_token_id": 0, "eos_token_id": 0,
        "dtype": "float32",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(values))
    chance = np.random.default_rng(0)
    shapes = expected_shapes(config_from_folder(folder))
    weights = {
        name: chance.normal(1.0 if len(shape) == 1 else 0.0, 0.1, shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def train_new(
    spec: Any, corpus: Any, tokenizer: Any, folder: Path, *, stop: Any, clock: Any
) -> Iterator[Event]:
    """In the place of ``lab.train.run.train_new``: the same events, in no time."""
    yield Measured(10_000, 1000.0, 1 << 20)
    for step in range(1, spec.options.get("steps", 3) + 1):
        yield Train(step, 64 * step, 5.0 / step, 1e-3, 1000.0)
        yield Eval(step, 64 * step, 5.0 / step, 4.0 / step, best=True)
        yield Checkpoint(step)
        if stop():
            break
    write_result(folder / "result", corpus.vocab_size)
    yield Finished("stopped" if stop() else "time", "result", 5.0 / step, 4.0 / step)
