"""A model that grew computes what it computed, and what it gained learns."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.torch_backend import training
from autogpt_desktop.lab.grow.larger import deeper, wider
from tests.lab.train.kit import VOCAB, config


def weights(shape: ModelConfig) -> dict[str, torch.Tensor]:
    """Random ones, in which norms and biases matter."""
    random = torch.Generator().manual_seed(5)
    found = training.new_tensors(shape, 3, 0.3)
    return {
        name: one + 0.1 * torch.randn(one.shape, generator=random) if one.dim() == 1 else one
        for name, one in found.items()
    }


def logits(shape: ModelConfig, tensors: dict[str, torch.Tensor]) -> torch.Tensor:
    decoder = training.trainable(shape, tensors, torch.device("cpu"))
    ids = torch.randint(0, VOCAB, (2, 20), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return training.all_logits(decoder, ids)


FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {},
    "untied": {"tie_word_embeddings": False},
    "qwen2": {"family": "qwen2", "attention_bias": True},
    "qwen3": {"family": "qwen3", "qk_norm": True},
}
WAYS: dict[str, dict[str, int]] = {
    "hidden": {"hidden_size": 24},
    "mlp": {"intermediate_size": 50},
    "heads": {"num_key_value_heads": 3},
    "all": {"hidden_size": 40, "intermediate_size": 64, "num_key_value_heads": 4},
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", WAYS)
def test_wider_has_the_same_logits(family: str, way: str) -> None:
    shape = config(**FAMILIES[family])
    tensors = weights(shape)
    grown, larger = wider(shape, tensors, **WAYS[way])
    assert training.parameter_count(grown) > training.parameter_count(shape)
    before, after = logits(shape, tensors), logits(grown, larger)
    # longer sums are rounded in another order, and norms of queries and keys make more of it
    assert float((before - after).abs().max()) <= 2e-5 * max(1.0, float(before.abs().max()))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("layers", [3, 4, 7])
def test_deeper_has_the_same_logits(family: str, layers: int) -> None:
    shape = config(**FAMILIES[family])
    tensors = weights(shape)
    grown, larger = deeper(shape, tensors, layers)
    assert grown.num_hidden_layers == layers
    assert float((logits(shape, tensors) - logits(grown, larger)).abs().max()) <= 1e-5


def test_all_of_what_is_new_gets_a_gradient() -> None:
    shape = config()
    grown, larger = wider(shape, weights(shape), hidden_size=24, intermediate_size=48, num_key_value_heads=3)
    grown, larger = deeper(grown, larger, 4)
    decoder = training.trainable(grown, larger, torch.device("cpu"))
    ids = torch.randint(0, VOCAB, (4, 20), generator=torch.Generator().manual_seed(1))
    parameters = training.parameters_of(decoder)
    optimizer = torch.optim.SGD(parameters.values(), lr=0.1)
    for _ in range(3):  # what reads behind a zero learns once the zero has moved
        optimizer.zero_grad()
        training.next_token_loss(decoder, ids[:, :-1], ids[:, 1:]).backward()
        optimizer.step()
    grads = training.tensors_of(
        grown, {name: one.grad for name, one in parameters.items() if one.grad is not None}
    )
    for name, grad in grads.items():
        rows = grad.reshape(len(grad), -1)
        used = ids.unique() if name == "model.embed_tokens.weight" else slice(None)
        assert bool((rows[used].abs().amax(0) > 0).all()), name
        assert bool((rows[used].abs().amax(1) > 0).all()), name


def test_averages_of_gradients_grow_with_zeros() -> None:
    shape = config()
    moments = {name: torch.full_like(one, 2.0) for name, one in weights(shape).items()}
    _, larger = wider(shape, moments, hidden_size=32, moments=2)
    assert larger["model.norm.weight"].tolist() == [4.0] * 16 + [0.0] * 16
    assert float(larger["model.layers.0.mlp.up_proj.weight"].sum()) == 2.0 * 16 * 32
    _, deep = deeper(shape, moments, 3, moments=True)
    empty = [name for name, one in deep.items() if not one.any()]
    assert len(empty) == len([name for name in moments if ".layers.0." in name])


def test_nothing_becomes_smaller() -> None:
    shape = config()
    tensors = weights(shape)
    with pytest.raises(ValueError, match="only"):
        wider(shape, tensors, hidden_size=8)
    with pytest.raises(ValueError, match="only"):
        deeper(shape, tensors, 1)
