"""Quantized storages against the same blocks expanded to float32."""

from __future__ import annotations

import gguf
import numpy as np
import pytest
import torch

from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.engine.formats.gguf import BLOCK
from autogpt_desktop.engine.torch_backend import linear
from autogpt_desktop.engine.torch_backend.linear import (
    BlockWeight,
    DenseWeight,
    Embedding,
    Int4Weight,
    Int8Weight,
    QuantLinear,
    storage_kind,
    store,
)

CPU = torch.device("cpu")
ROWS, COLS = 40, 512  # rows are no multiple of 16: the packed ops need padding
# relative error of a product: bfloat16 activations and results cost about 0.003
TOLERANCE = {"int4": 0.008, "int8": 0.012, "blocks": 1e-5, "dense": 1e-5}
STORAGE = {"int4": Int4Weight, "int8": Int8Weight, "blocks": BlockWeight, "dense": DenseWeight}
TYPES = [name for name in BLOCK if name not in ("F16", "BF16")]


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


def random_source(type: str, rows: int = ROWS, cols: int = COLS, seed: int = 0) -> CheckpointTensor:
    """Blocks of random bits with scales of an ordinary size."""
    rng = np.random.default_rng(seed)
    values, size = BLOCK[type]
    if type == "F32":
        return CheckpointTensor(
            (rows, cols), type, blocks=rng.normal(size=(rows, cols)).astype("<f4").view(np.uint8).reshape(-1)
        )
    blocks = rng.integers(0, 256, (rows * cols // values, size), dtype=np.uint8)
    halves = {
        "Q4_0": (0,),
        "Q4_1": (0, 2),
        "Q5_0": (0,),
        "Q5_1": (0, 2),
        "Q8_0": (0,),
        "Q2_K": (80, 82),
        "Q3_K": (108,),
        "Q4_K": (0, 2),
        "Q5_K": (0, 2),
        "Q6_K": (208,),
        "IQ4_NL": (0,),
        "IQ4_XS": (0,),
        "MXFP4": (),
    }[type]
    if type == "MXFP4":
        blocks[:, 0] = rng.integers(112, 123, len(blocks))  # exponents
    for at in halves:
        scales = rng.uniform(0.001, 0.02, len(blocks)).astype("<f2")
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(-1, 2)
    return CheckpointTensor((rows, cols), type, blocks=blocks.reshape(-1))


def reference(source: CheckpointTensor) -> torch.Tensor:
    """By the gguf package, not by our own code."""
    assert source.blocks is not None
    kind = gguf.GGMLQuantizationType[source.type]
    table = gguf.quants.dequantize(source.blocks.reshape(source.shape[0], -1), kind)
    return torch.from_numpy(np.ascontiguousarray(table)).float().reshape(source.shape)


@pytest.mark.parametrize("type", TYPES)
@pytest.mark.parametrize("tokens", [1, 7])
def test_product_is_that_of_the_expanded_weights(type: str, tokens: int) -> None:
    source = random_source(type)
    weight = store([source], CPU)
    kind = storage_kind(type, COLS)
    assert isinstance(weight, STORAGE[kind])
    x = torch.randn(tokens, COLS, generator=torch.Generator().manual_seed(2))
    expected = x @ reference(source).T
    got = weight.matmul(x)
    assert got.shape == (tokens, ROWS)
    assert got.dtype == torch.float32
    assert (got - expected).norm() / expected.norm() < TOLERANCE[kind]


@pytest.mark.parametrize("type", TYPES)
def test_weights_stay_quantized_in_memory(type: str) -> None:
    source = random_source(type, rows=256)
    assert source.blocks is not None
    assert store([source], CPU).nbytes <= 1.6 * source.blocks.nbytes


def test_rows_in_another_order_give_the_product_in_that_order() -> None:
    plain = random_source("Q4_1")
    order = np.random.default_rng(1).permutation(ROWS)
    shuffled = CheckpointTensor(plain.shape, plain.type, blocks=plain.blocks, row_order=order)
    x = torch.randn(2, COLS)
    for float32 in (False, True):
        straight = store([plain], CPU, float32=float32).matmul(x)
        assert torch.equal(store([shuffled], CPU, float32=float32).matmul(x), straight[:, order])


def test_a_layer_stacks_matrices_of_different_types_and_adds_its_bias() -> None:
    sources = [random_source("Q5_0", seed=1), random_source("Q4_K", seed=2), random_source("Q8_0", seed=3)]
    bias = torch.arange(3.0 * ROWS)
    layer = QuantLinear(sources, bias, CPU)
    x = torch.randn(3, COLS)
    expected = torch.cat([x @ reference(s).T for s in sources], dim=1) + bias
    assert (layer(x) - expected).norm() / expected.norm() < 0.01
    assert len(QuantLinear([sources[0], sources[2]], None, CPU).weights) == 1, "one storage, one product"


@pytest.mark.parametrize("type", ["Q8_0", "Q6_K", "F32"])
def test_embedding_rows_are_exact(type: str) -> None:
    source = random_source(type)
    ids = torch.tensor([3, 39, 3])
    assert torch.equal(Embedding(source, CPU)(ids), reference(source)[ids])


@pytest.mark.parametrize("type", ["Q4_0", "Q8_0"])
def test_columns_that_no_packed_op_takes_fall_back_to_blocks(type: str) -> None:
    assert storage_kind(type, 48) == "blocks"


@pytest.mark.parametrize("type", ["Q4_K", "Q8_0"])
def test_a_device_without_the_packed_ops(type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # stands in for an older card
    monkeypatch.setattr(linear, "packed_works", lambda kind, device: False)
    source = random_source(type)
    x = torch.randn(3, COLS)
    expected = x @ reference(source).T
    weight = store([source], CPU)
    assert isinstance(weight, Int8Weight)
    assert not weight.packed
    assert (weight.matmul(x) - expected).norm() / expected.norm() < 0.012


def test_float16_checkpoints_run_on_cpu() -> None:
    tensor = torch.randn(ROWS, COLS).half()
    blocks = tensor.numpy().view(np.uint8).reshape(-1)
    weight = store([CheckpointTensor(tuple(tensor.shape), "F16", blocks)], CPU)
    x = torch.randn(2, COLS)
    expected = x @ tensor.float().T
    assert (weight.matmul(x) - expected).norm() / expected.norm() < 0.01
    assert weight.nbytes == tensor.nbytes
