"""``transformers`` loads what was trained here and computes the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from autogpt_desktop.engine.load import load, run_to_end
from tests.lab.export.test_folder import TEXT, make

pytestmark = pytest.mark.slow  # importing transformers takes seconds


@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_the_same_logits_tokens_and_text(tmp_path: Path, family: str) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = make(tmp_path / "result", family)
    theirs = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    engine = run_to_end(load(folder, device="cpu", float32=True, compiled=False))
    ids = engine.tokenizer.encode(TEXT)[:60]
    assert tokenizer(TEXT)["input_ids"][:60] == ids
    assert tokenizer.decode(ids) == engine.tokenizer.decode(ids)
    with torch.no_grad():
        expected = theirs(torch.tensor([ids])).logits[0]
    ours = engine.decoder.forward([(engine.decoder.new_state(), ids)], "all")[0]
    assert torch.allclose(ours, expected, atol=1e-4)
    written = theirs.generate(torch.tensor([ids[:20]]), max_new_tokens=20, do_sample=False)[0, 20:].tolist()
    again, state = [], engine.decoder.new_state()
    logits = engine.decoder.forward([(state, ids[:20])], "last")[0]
    for _ in range(len(written)):
        again.append(int(logits.reshape(-1).argmax()))
        logits = engine.decoder.forward([(state, [again[-1]])], "last")[0]
    assert again == written
