"""GGUF files of tiny models give the logits that llama.cpp gave (see llama_cpp_logits.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from autogpt_desktop.engine.load import load, run_to_end
from tests.engine.llama_cpp_logits import FILE, IDS, MODELS, SHOWN, write

GOLDEN: dict[str, list[float]] = json.loads(FILE.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_logits_are_those_of_llama_cpp(name: str, tmp_path: Path) -> None:
    engine = run_to_end(load(write(name, tmp_path), device="cpu", float32=True))
    try:
        ours = engine.decoder.forward([(engine.new_state(), IDS)])[0][:SHOWN]
    finally:
        engine.close()
    wanted = torch.tensor(GOLDEN[name])
    assert wanted.std() > 0.3, "flat logits would tell nothing"
    assert (ours - wanted).abs().max() < 5e-3  # its cache is float16
