"""The memory that training takes is what was forecast, to 15 %."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autogpt_desktop.lab.runs.memory import adapter_bytes, growth_bytes, new_model_bytes
from autogpt_desktop.lab.runs.shape import shape, shape_of

_CHILD = """
import json, sys
from pathlib import Path
import numpy as np, torch
from autogpt_desktop.engine.torch_backend.training import new_tensors, trainable
from autogpt_desktop.lab.runs.events import Memory
from autogpt_desktop.lab.runs.memory import new_model_bytes
from autogpt_desktop.lab.runs.shape import shape
from autogpt_desktop.lab.train.corpus import Corpus
from autogpt_desktop.lab.train.memory import watched
from autogpt_desktop.lab.train.settings import Deadline, TrainSettings
from autogpt_desktop.lab.train.trainer import Trainer
torch.set_num_threads(1)
folder, vocab, width, layers, context, micro = sys.argv[1], *map(int, sys.argv[2:])
config = shape(vocab, width, layers, max_position_embeddings=context)
ids = np.random.default_rng(0).integers(0, vocab, 60_000).astype(np.uint16)
corpus = Corpus(ids[:50_000], ids[50_000:], 20_000, vocab, 0)
settings = TrainSettings(context=context, batch=micro, micro_batch=micro, precision="float32", max_steps=2)
def train():
    decoder = trainable(config, new_tensors(config, 0), torch.device("cpu"))
    yield from Trainer(decoder, corpus, settings, Deadline(1e6), Path(folder)).run()
needs = new_model_bytes(config, context=context, micro_batch=micro, precision="float32")
for event in watched(needs, train()):
    if isinstance(event, Memory) and event.peak:
        print(json.dumps([needs, event.forecast, event.peak]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own mark is Linux's")
@pytest.mark.parametrize("shape", [(2048, 256, 5, 256, 16), (8192, 384, 2, 512, 4)])
def test_what_training_takes_is_what_was_said(shape: tuple[int, ...], tmp_path: Path) -> None:
    command = [sys.executable, "-c", _CHILD, str(tmp_path), *map(str, shape)]
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True, timeout=600)
    needs, forecast, peak = json.loads(done.stdout)
    assert needs > 150 << 20, "the process alone must not make it right"
    assert forecast / peak == pytest.approx(1.0, abs=0.15)


def test_more_takes_more() -> None:
    config = shape(4096, 256, 4)
    usual = new_model_bytes(config, context=256, micro_batch=16)
    assert new_model_bytes(config, context=256, micro_batch=8) < usual
    assert new_model_bytes(config, context=256, micro_batch=16, recompute=True) < usual
    assert new_model_bytes(config, context=256, micro_batch=16, optimizer="adamw") > usual
    assert new_model_bytes(config, context=512, micro_batch=8) > usual, "attention grows with the square"
    larger = shape(4096, 256, 6)
    assert growth_bytes(larger, usual) > usual
    assert shape_of(4096, 1_000_000).hidden_size < shape_of(4096, 30_000_000).hidden_size


def test_an_adapter_takes_what_its_examples_do() -> None:
    config = shape(32_000, 512, 8)

    def needs(*lengths: int, keep: bool = True, recompute: bool = False) -> int:
        passes = [[(length, length) for length in lengths]]
        return adapter_bytes(config, passes, size=2, rank=16, keep=keep, recompute=recompute)

    assert needs(1024) > needs(256, 256, 256, 256), "scores of one long text"
    assert needs(256) < needs(256, 256)
    assert needs(1024, keep=False) < needs(1024)
    assert needs(1024, recompute=True) < needs(1024)
    shared = [[(100, 100), (50, 150), (50, 150)]]
    apart = [[(150, 150), (150, 150)]]
    assert adapter_bytes(config, shared, size=2, rank=16, keep=True, recompute=False) < adapter_bytes(
        config, apart, size=2, rank=16, keep=True, recompute=False
    )
