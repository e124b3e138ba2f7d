"""Checkpoints in float that become 8 or 4 bits while they are loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from autogpt_desktop.engine import native
from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.native.decoder import NativeDecoder
from autogpt_desktop.engine.native.weights import FLOATS, quantize_kind
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from tests.tiny import write_tiny_gguf

pytestmark = pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
Q4M, Q8 = 1, 5  # native::Kind


def stored(values: np.ndarray, type: str) -> tuple[CheckpointTensor, np.ndarray]:
    """A matrix in a float type, and what it then holds, float32."""
    tensor = torch.from_numpy(values.astype(np.float32))
    tensor = tensor.to({"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}[type])
    blocks = tensor.view(torch.uint8).numpy().reshape(-1)
    return CheckpointTensor(tuple(tensor.shape), type, blocks), tensor.float().numpy()


def kept(source: CheckpointTensor, kind: int) -> np.ndarray:
    """The packed matrix, read back by products with unit vectors, float32."""
    rows, cols = source.shape
    decoder = NativeDecoder(ModelConfig("llama", 8, 32, 32, 0, 1, 1, 32, 64), 64, threads=2)
    decoder.set_matrix(-1, 0, source, kind)
    y = np.full((cols, rows), np.nan, np.float32)
    x = np.eye(cols, dtype=np.float32)
    assert not decoder.library.native_product(decoder.model, x.ctypes.data, cols, y.ctypes.data)
    return y.T


def by_extremes(values: np.ndarray) -> np.ndarray:
    """4 bits between the least and the largest of 32, the plain way."""
    groups = values.reshape(len(values), -1, 32)
    low = groups.min(axis=2, keepdims=True).astype(np.float16).astype(np.float32)
    scale = ((groups.max(axis=2, keepdims=True) - low) / 15).astype(np.float16).astype(np.float32)
    q = np.clip(np.rint((groups - low) / np.where(scale > 0, scale, 1)), 0, 15)
    return (q * scale + low).reshape(values.shape)


@pytest.mark.parametrize("type", FLOATS)
def test_eight_bits_round_to_the_nearest(type: str) -> None:
    source, values = stored(np.random.default_rng(1).normal(0, 0.05, (13, 96)), type)
    step = np.abs(values.reshape(13, 3, 32)).max(axis=2) / 127
    error = np.abs(kept(source, Q8) - values).reshape(13, 3, 32).max(axis=2)
    assert (error <= 0.5 * step * 1.02 + 0.13 * step).all()  # 0.13: the scale is a float16, 127 · 2^-11 / 2


@pytest.mark.parametrize("type", FLOATS)
@pytest.mark.parametrize("shape", ["normal", "heavy tails"])
def test_four_bits_err_less_than_between_the_extremes(type: str, shape: str) -> None:
    rng = np.random.default_rng(2)
    made = rng.normal(0, 0.05, (64, 256)) if shape == "normal" else rng.standard_t(4, (64, 256)) * 0.03
    source, values = stored(made, type)
    ours = ((kept(source, Q4M) - values) ** 2).reshape(64, -1, 32).sum(axis=2)
    plain = ((by_extremes(values) - values) ** 2).reshape(64, -1, 32).sum(axis=2)
    assert ours.sum() < (0.9 if shape == "normal" else 0.87) * plain.sum()
    assert (ours <= plain * 1.02 + 1e-9).mean() > 0.99, "never worse, but for the rounding of products"


def test_blocks_of_one_value_and_of_zeros() -> None:
    values = np.zeros((8, 64), np.float32)
    values[1] = 0.25
    values[2, :32] = -1.5
    values[3, 5] = 3.0
    source, values = stored(values, "F32")
    assert np.allclose(kept(source, Q4M), values, atol=2e-3)
    assert np.allclose(kept(source, Q8), values, rtol=1e-3)


def test_what_four_bits_had_comes_back() -> None:
    """Weights that lie on a grid of 16 values are found again, to float16's last bit."""
    rng = np.random.default_rng(3)
    q = rng.integers(0, 16, (16, 2, 32))
    q[..., 0], q[..., 1] = 0, 15
    grid = (q * np.float32(0.03125) - np.float32(0.25)).reshape(16, 64)
    source, values = stored(grid, "F16")
    assert np.allclose(kept(source, Q4M), values, atol=1e-3 * np.abs(values).max())


def logits(path: Path, **options: Any) -> tuple[object, torch.Tensor]:
    engine = run_to_end(load(path, device="cpu", **options))
    found = engine.decoder.forward([(engine.new_state(), list(range(3, 40)))], "all")[0]
    decoder = engine.decoder
    for writer in getattr(decoder, "_writers", ()):
        writer.join()
    engine.close()
    return decoder, found


def likeness(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(a.double(), b.double(), dim=-1).min())


@pytest.mark.slow
@pytest.mark.parametrize("type", FLOATS)
def test_a_gguf_in_float_runs_on_the_compiled_back_end(type: str, tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "tiny.gguf", quant=type).path
    decoder, plain = logits(path)
    assert isinstance(decoder, Transformer)
    for quantize, least in (("int8", 0.999), ("int4", 0.9)):
        decoder, found = logits(path, quantize=quantize, packed_cache=tmp_path / "packed")
        assert isinstance(decoder, NativeDecoder)
        assert decoder._mapped is None
        assert likeness(found, plain) > least
        decoder, again = logits(path, quantize=quantize, packed_cache=tmp_path / "packed")
        assert isinstance(decoder, NativeDecoder)
        assert decoder._mapped is not None
        assert torch.equal(found, again)


def test_the_head_keeps_eight_bits(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "tiny.gguf", quant="F16").path
    engines = [run_to_end(load(path, device="cpu", quantize=kind)) for kind in ("int8", "int4")]
    eight, four = (engine.weight_bytes for engine in engines)
    vocab, hidden = engines[0].config.vocab_size, engines[0].config.hidden_size
    head = -(-vocab // 8) * 8 * hidden * 34 // 32
    assert (eight - head) * 20 == (four - head) * 34
    for engine in engines:
        engine.close()


def test_quantized_and_float32_loads_are_left_alone(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "tiny.gguf", quant="Q4_1").path
    assert torch.equal(logits(path)[1], logits(path, quantize="int4")[1])
    path = write_tiny_gguf(tmp_path / "plain.gguf", quant="F32").path
    decoder, found = logits(path, float32=True, quantize="int4", packed_cache=tmp_path / "packed")
    assert isinstance(decoder, Transformer)
    assert not (tmp_path / "packed").exists()
    assert torch.equal(found, logits(path, float32=True)[1])


def test_the_names_of_the_ways() -> None:
    assert [quantize_kind(text) for text in ("int8", "int4", "", "none")] == ["int8", "int4", None, None]
    with pytest.raises(ValueError, match="int3"):
        quantize_kind("int3")


FIELDS = {
    "model_type": "llama", "vocab_size": 300, "hidden_size": 64, "intermediate_size": 128,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
    "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": True,
    "hidden_act": "silu", "torch_dtype": "bfloat16",
}  # fmt: skip


@pytest.fixture
def hf_folder(tmp_path: Path) -> Path:
    """A random llama as Hugging Face has it, bfloat16, with a byte-level tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    folder = tmp_path / "hf"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(FIELDS))
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    native_tokenizer = Tokenizer(models.BPE({token: id for id, token in enumerate(alphabet)}, []))
    native_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    native_tokenizer.decoder = decoders.ByteLevel()
    native_tokenizer.save(str(folder / "tokenizer.json"))
    generator = torch.Generator().manual_seed(1)
    shapes = {"model.embed_tokens": (300, 64), "model.norm": (64,)}
    for layer in range(2):
        at = f"model.layers.{layer}"
        shapes |= {f"{at}.self_attn.{n}_proj": (64 if n in "qo" else 32, 64) for n in "qkvo"}
        shapes |= {f"{at}.mlp.{n}_proj": (128, 64) for n in ("gate", "up")}
        shapes |= {f"{at}.mlp.down_proj": (64, 128), f"{at}.input_layernorm": (64,)}
        shapes[f"{at}.post_attention_layernorm"] = (64,)
    weights = {
        f"{name}.weight": (
            torch.ones(shape) if len(shape) == 1 else torch.randn(shape, generator=generator) * 0.1
        ).bfloat16()
        for name, shape in shapes.items()
    }
    save_file(weights, folder / "model.safetensors")
    return folder


def test_a_hugging_face_folder_in_float(hf_folder: Path, tmp_path: Path) -> None:
    plain = logits(hf_folder, float32=True)[1]
    for quantize, least in (("int8", 0.999), ("int4", 0.9)):
        decoder, found = logits(hf_folder, quantize=quantize, packed_cache=tmp_path / "packed")
        assert isinstance(decoder, NativeDecoder)
        assert likeness(found, plain) > least
        decoder, again = logits(hf_folder, quantize=quantize, packed_cache=tmp_path / "packed")
        assert isinstance(decoder, NativeDecoder)
        assert decoder._mapped is not None
        assert torch.equal(found, again)
    assert sorted(file.name for file in hf_folder.iterdir()) == [
        "config.json", "model.safetensors", "tokenizer.json",
    ]  # fmt: skip
