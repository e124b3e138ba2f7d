"""Families that differ from Llama by switches: folders against ``transformers``, and the compiled back end
against itself, in any chunks and company."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch

from autogpt_desktop.engine import native
from autogpt_desktop.engine.build import build
from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.formats.safetensors import sources_from_folder
from autogpt_desktop.engine.interface import Decoder
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.torch_backend.training import all_logits, tensors_of, trainable
from autogpt_desktop.engine.torch_backend.training import parameters_of as learned
from tests.engine.reference import reference_forward
from tests.engine.test_reference import random_sequences
from tests.engine.tiny_folders import DECODERS, by_transformers, write_decoder

pytestmark = pytest.mark.slow
CPU = torch.device("cpu")
NEW = [name for name in DECODERS if name not in ("llama", "qwen2", "qwen3", "gemma3")]
families = pytest.mark.parametrize("family", NEW)


def opened(folder: Path, family: str) -> tuple[ModelConfig, dict[str, CheckpointTensor]]:
    write_decoder(folder, family)
    config = config_from_folder(folder)
    return config, sources_from_folder(folder, config)


def decoder_of(folder: Path, family: str, *, compiled: bool = False, context: int = 256) -> Decoder:
    config, sources = opened(folder, family)
    if compiled:
        return run_to_end(build(config, sources, CPU, context, quantize="int8"))
    return run_to_end(build(config, sources, CPU, context, float32=True))


def greedy(decoder: Decoder, ids: list[int], count: int) -> list[int]:
    state, found = decoder.new_state(), list[int]()
    logits = decoder.forward([(state, ids)])[0]
    for _ in range(count):
        found.append(int(logits.argmax()))
        logits = decoder.forward([(state, found[-1:])])[0]
    return found


@families
def test_folders_give_the_logits_and_the_text_of_transformers(family: str, tmp_path: Path) -> None:
    """float32, in one piece and in many, alone and beside another sequence."""
    decoder = decoder_of(tmp_path, family)
    model = by_transformers(tmp_path, "AutoModelForCausalLM")
    ids, other = random_sequences(300, length=200)
    expected = reference_forward(model)(ids)
    assert 0.3 < expected.std(-1).mean() < 4, "flat or saturated logits would tell nothing"
    assert (decoder.forward([(decoder.new_state(), ids)], "all")[0] - expected).abs().max() < 1e-4
    state = decoder.new_state()
    cuts = itertools.pairwise([0, 60, 61, 62, 130, 200])
    pieces = [decoder.forward([(state, ids[start:stop])], "all")[0] for start, stop in cuts]
    assert (torch.cat(pieces) - expected).abs().max() < 1e-4
    together = decoder.forward([(decoder.new_state(), other), (decoder.new_state(), ids)], "all")
    assert (together[1] - expected).abs().max() < 1e-4
    prompt = torch.tensor([ids[:90]])
    seen = torch.ones_like(prompt)  # or the padding's id, which is there by chance, would be hidden
    wanted = model.generate(
        prompt, attention_mask=seen, max_new_tokens=24, do_sample=False, eos_token_id=None
    )
    assert greedy(decoder, ids[:90], 24) == wanted[0, 90:].tolist()


def test_longrope_has_its_short_factors_where_the_context_is_short(tmp_path: Path) -> None:
    decoder = decoder_of(tmp_path, "phi3-longrope", context=64)
    model = by_transformers(tmp_path, "AutoModelForCausalLM")
    (ids, _) = random_sequences(300, length=60)
    expected = reference_forward(model)(ids)
    assert (decoder.forward([(decoder.new_state(), ids)], "all")[0] - expected).abs().max() < 1e-4
    long = decoder_of(tmp_path, "phi3-longrope")
    assert (long.forward([(long.new_state(), ids)], "all")[0] - expected).abs().max() > 1e-2
    assert long.new_state().layout != decoder.new_state().layout, (
        "their states must not be taken for another's"
    )


@pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
@families
def test_the_compiled_back_end_is_near_and_the_same_in_any_company(family: str, tmp_path: Path) -> None:
    exact, decoder = decoder_of(tmp_path, family), decoder_of(tmp_path, family, compiled=True)
    ids, other = random_sequences(300, length=120)
    wanted = exact.forward([(exact.new_state(), ids)], "all")[0]
    at_once = decoder.forward([(decoder.new_state(), ids)], "all")[0]
    assert (at_once - wanted).norm() / wanted.norm() < 0.03
    state = decoder.new_state()
    cuts = itertools.pairwise([0, 30, 31, 70, 120])
    pieces = [decoder.forward([(state, ids[start:stop])], "all")[0] for start, stop in cuts]
    assert torch.equal(torch.cat(pieces), at_once)
    single = decoder.new_state()
    assert torch.equal(torch.stack([decoder.forward([(single, [one])])[0] for one in ids]), at_once)
    together = decoder.forward([(decoder.new_state(), other), (decoder.new_state(), ids)], "all")
    assert torch.equal(together[1], at_once)


@families
def test_train_mode_computes_the_same(family: str, tmp_path: Path) -> None:
    """And what it learned is written under the names that it was read by."""
    exact = decoder_of(tmp_path, family, context=256)
    config, sources = opened(tmp_path, family)
    tensors = {name: torch.from_numpy(source.dequantize()) for name, source in sources.items()}
    decoder = trainable(config, tensors, CPU)
    ids = random_sequences(300, length=100)[0]
    wanted = exact.forward([(exact.new_state(), ids)], "all")[0]
    assert (all_logits(decoder, torch.tensor([ids])).detach()[0] - wanted).abs().max() < 1e-4
    written = tensors_of(config, learned(decoder))
    assert written.keys() == tensors.keys()
    assert all(torch.allclose(written[name], tensors[name], atol=1e-6) for name in tensors)
