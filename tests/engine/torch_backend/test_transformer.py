"""Our one decoder against transformers' own classes, on tiny random models of every family."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from autogpt_desktop.engine.build import build
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.formats.safetensors import sources_from_folder
from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.engine.torch_backend import autograd, training
from autogpt_desktop.engine.torch_backend.transformer import Transformer, attention, causal_mask
from autogpt_desktop.errors import KnownError
from tests.engine.tiny_folders import write_decoder

TOKENS = 90
SHAPE: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {"tie_word_embeddings": True}),
    "llama-untied-bias-free-mha": ("Llama", {"num_key_value_heads": 4, "tie_word_embeddings": False}),
    "llama3-rope": (
        "Llama",
        {
            "rope_parameters": {
                "rope_type": "llama3",
                "rope_theta": 500000.0,
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
            }
        },
    ),
    "linear-rope": (
        "Llama",
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0}},
    ),
    "yarn-rope": (
        "Llama",
        {
            "rope_parameters": {
                "rope_type": "yarn",
                "rope_theta": 10000.0,
                "factor": 4.0,
                "original_max_position_embeddings": 64,
            }
        },
    ),
    "mistral": ("Mistral", {"sliding_window": 24, "head_dim": 32}),
    "qwen2": ("Qwen2", {"tie_word_embeddings": True}),
    "qwen3": ("Qwen3", {"head_dim": 32}),
    "gemma3": (
        "Gemma3Text",
        {
            "head_dim": 32,
            "sliding_window": 24,
            "query_pre_attn_scalar": 20,
            "num_hidden_layers": 7,
            "final_logit_softcapping": 20.0,
        },
    ),
}


def write_reference(name: str, folder: Path) -> torch.nn.Module:
    """A random transformers model of a family, saved to ``folder``."""
    import transformers  # takes seconds: in slow tests only

    kind, extra = FAMILIES[name]
    config = getattr(transformers, f"{kind}Config")(**(SHAPE | extra))
    torch.manual_seed(7)
    cls = {"Gemma3Text": "Gemma3ForCausalLM"}.get(kind, f"{kind}ForCausalLM")
    model = getattr(transformers, cls)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # norms and biases must matter
            parameter.add_(torch.randn_like(parameter) * 0.1)
    model.save_pretrained(folder)
    return model


def load_folder(folder: Path) -> Transformer:
    config = config_from_folder(folder)
    building = build(config, sources_from_folder(folder, config), torch.device("cpu"), 256)
    while True:
        try:
            next(building)
        except StopIteration as done:
            return done.value


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_logits_equal_transformers(name: str, tmp_path: Path) -> None:
    reference = write_reference(name, tmp_path)
    decoder = load_folder(tmp_path)
    ids = torch.randint(0, 300, (TOKENS,), generator=torch.Generator().manual_seed(1)).tolist()
    with torch.inference_mode():
        expected = reference(torch.tensor([ids])).logits[0].log_softmax(-1)

    at_once = decoder.forward([(decoder.new_state(), ids)], "all")[0].log_softmax(-1)
    assert (at_once - expected).abs().max() < 2e-3

    state, rows = decoder.new_state(), []
    for start, stop in ((0, 40), (40, 41), (41, 70)):  # a prefill, one token, and a chunk behind them
        rows.append(decoder.forward([(state, ids[start:stop])], "all")[0])
    rows += [decoder.forward([(state, [token])])[0][None] for token in ids[70:]]
    assert (torch.cat(rows).log_softmax(-1) - expected).abs().max() < 2e-3


def test_a_trimmed_state_goes_on_as_if_nothing_had_followed(tmp_path: Path) -> None:
    write_decoder(tmp_path, "gemma3")
    decoder = load_folder(tmp_path)
    ids = list(range(10, 90))
    state = decoder.new_state()
    decoder.forward([(state, ids)])
    fork = state.fork()
    state.trim(50)
    again = decoder.forward([(state, ids[50:])])[0]
    assert torch.allclose(again, decoder.forward([(decoder.new_state(), ids)])[0], atol=1e-4)
    assert len(fork) == 80
    assert fork.ids == ids
    decoder.forward([(fork, [5])])
    assert len(state) == 80, "a fork goes its own way"


def test_batch_gives_each_sequence_its_own_result(tmp_path: Path) -> None:
    write_decoder(tmp_path, "qwen3")
    decoder = load_folder(tmp_path)
    both = decoder.forward([(decoder.new_state(), [1, 2, 3]), (decoder.new_state(), [4, 5])])
    alone = decoder.forward([(decoder.new_state(), [4, 5])])[0]
    assert torch.equal(both[1], alone)


def test_a_cancelled_pass_leaves_the_state_as_it_was(tmp_path: Path) -> None:
    write_decoder(tmp_path, "llama")
    decoder = load_folder(tmp_path)
    state, asked = decoder.new_state(), []
    decoder.forward([(state, [1, 2, 3])])
    expected = decoder.forward([(state.fork(), [4])])[0]

    def third_layer() -> bool:
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        decoder.forward([(state, [9, 9, 9])], cancelled=third_layer)
    assert len(state) == 3
    assert torch.allclose(decoder.forward([(state, [4])])[0], expected, atol=1e-5)


def test_a_state_refuses_more_than_its_context(tmp_path: Path) -> None:
    write_decoder(tmp_path, "llama")
    decoder = load_folder(tmp_path)
    with pytest.raises(ValueError, match="context"):
        decoder.forward([(decoder.new_state(), [1] * 257)])


def test_attention_is_torchs_own() -> None:
    generator = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(2, n, 16, generator=generator) for n in (3 * 5, 9, 9))
    mask = causal_mask(5, 9, 3, 4, torch.device("cpu"))
    ours = attention(q, k, v, mask, 0.25, 0.0)
    theirs = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=0.25)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_mask_shows_the_window_and_nothing_ahead() -> None:
    mask = causal_mask(2, 5, 1, 3, torch.device("cpu"))
    assert mask is not None
    assert (mask == 0).tolist() == [[False, True, True, True, False], [False, False, True, True, True]]
    assert causal_mask(1, 3, 1, 3, torch.device("cpu")) is None


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"model_type": "mamba"}, "unknown-family"),
        ({"hidden_size": "wide"}, "folder-config"),
        ({"hidden_size": float("inf")}, "folder-config"),
        ({"num_attention_heads": 0}, "folder-config"),
        ({"num_key_value_heads": 3}, "folder-config"),
        ({"num_hidden_layers": 10**12}, "folder-config"),
        ({"vocab_size": -1}, "folder-config"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 0}}, "folder-config"),
        ({"num_hidden_layers": 5}, "gguf-tensor-missing"),
        ({"intermediate_size": 128}, "gguf-tensor-shape"),
    ],
)
def test_a_damaged_folder_is_refused(change: dict[str, Any], key: str, tmp_path: Path) -> None:
    write_decoder(tmp_path, "llama")
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(KnownError) as error:
        load_folder(tmp_path)
    assert error.value.key == key


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "5", ""])
def test_a_configuration_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(KnownError, match="folder-config"):
        config_from_folder(tmp_path)


def test_truncated_safetensors_are_refused(tmp_path: Path) -> None:
    write_decoder(tmp_path, "llama")
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(KnownError, match="folder-weights"):
        load_folder(tmp_path)


def trained(weights: Mapping[str, Tensor], folder: Path) -> Transformer:
    """Our decoder in train mode with these weights."""
    config = config_from_folder(folder)
    tensors = {name: value.detach() for name, value in weights.items()}
    return training.trainable(config, tensors, torch.device("cpu"))


def batch_of(rows: int, length: int) -> torch.Tensor:
    """Without token 0, which pads: transformers keeps its embedding from learning."""
    return torch.randint(1, 300, (rows, length), generator=torch.Generator().manual_seed(2))


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_train_mode_has_the_logits_and_gradients_of_transformers(name: str, tmp_path: Path) -> None:
    reference = write_reference(name, tmp_path)
    decoder = trained(reference.state_dict(), tmp_path)
    config, ids = decoder.config, batch_of(2, TOKENS)
    expected = reference(ids).logits
    assert (training.all_logits(decoder, ids) - expected).abs().max() < 1e-4 * expected.abs().max()

    targets = ids.roll(-1, 1)
    targets[:, -1] = -100
    targets[0, :20] = -100
    wanted = torch.nn.functional.cross_entropy(expected.flatten(0, 1), targets.flatten(), ignore_index=-100)
    wanted.backward()
    for recompute in (False, True):
        parameters = training.parameters_of(decoder)
        for parameter in parameters.values():
            parameter.grad = None
        loss = training.next_token_loss(decoder, ids, targets, recompute=recompute)
        assert abs(float((loss - wanted).detach())) < 1e-5
        loss.backward()
        grads = {key: value.grad for key, value in parameters.items() if value.grad is not None}
        assert len(grads) == len(parameters)
        ours = training.tensors_of(config, grads, offset=False)
        for key, parameter in reference.named_parameters():
            if key == "lm_head.weight" and config.tie_word_embeddings:
                continue
            close = (ours[key] - parameter.grad).norm() <= 1e-4 * parameter.grad.norm() + 1e-7
            assert close, key


@pytest.mark.parametrize("name", ["llama", "qwen3", "gemma3", "qwen2"])
def test_what_was_trained_runs_the_same_from_its_file(name: str, tmp_path: Path) -> None:
    write_decoder(tmp_path, name)
    config = config_from_folder(tmp_path)
    decoder = training.trainable(config, training.new_tensors(config, 3, 0.2), torch.device("cpu"))
    tensors = training.tensors_of(config, training.parameters_of(decoder))
    save_file(tensors, tmp_path / "model.safetensors")
    ids = batch_of(1, 50)
    with torch.no_grad():
        expected = training.all_logits(decoder, ids)[0]
    loaded = load_folder(tmp_path)
    for one in (loaded, decoder):
        got = one.forward([(one.new_state(), ids[0].tolist())], "all")[0]
        assert (got - expected).abs().max() < 1e-5 * max(1, float(expected.abs().max()))


@pytest.mark.slow
def test_what_stands_behind_a_sequence_changes_nothing_before_it(tmp_path: Path) -> None:
    write_decoder(tmp_path, "qwen3")
    decoder = trained(load_file(tmp_path / "model.safetensors"), tmp_path)
    ids = batch_of(2, 40)
    with torch.no_grad():
        whole, cut = training.all_logits(decoder, ids), training.all_logits(decoder, ids[:, :25])
    torch.testing.assert_close(whole[:, :25], cut, rtol=1e-5, atol=1e-5)


def test_products_in_bfloat16_keep_the_gradients_direction(tmp_path: Path) -> None:
    write_decoder(tmp_path, "llama")
    decoder = trained(load_file(tmp_path / "model.safetensors"), tmp_path)
    ids, targets = batch_of(2, 140), batch_of(2, 140).roll(-1, 1)
    parameters = training.parameters_of(decoder)
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        training.set_precision(decoder, dtype)
        training.next_token_loss(decoder, ids, targets).backward()
        found.append({key: value.grad for key, value in parameters.items()})
        for value in parameters.values():
            assert value.grad is not None
            assert value.grad.dtype == torch.float32
            value.grad = None
    for key in parameters:
        likeness = torch.cosine_similarity(found[0][key].flatten(), found[1][key].flatten(), dim=0)
        assert likeness > 0.99, key


@pytest.mark.slow
def test_casts_follow_the_weights() -> None:
    weight = training.TrainedWeight(torch.ones(4, 4))
    weight.dtype = torch.bfloat16
    assert float(weight.cast().sum()) == 16
    optimizer = torch.optim.AdamW([weight.tensor], lr=0.5, fused=True)
    weight.matmul(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    weight.changed()
    assert float(weight.cast().float().sum()) == pytest.approx(float(weight.tensor.detach().sum()), rel=0.01)
    assert float(weight.cast().sum()) < 16


@pytest.mark.parametrize("softcap", [0.0, 5.0])
def test_the_loss_in_parts_is_the_loss_at_once(softcap: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autograd, "_CHUNK", 1)
    random = torch.Generator().manual_seed(0)
    x = torch.randn(50, 8, generator=random, requires_grad=True)
    weight = torch.randn(30, 8, generator=random, requires_grad=True)
    targets = torch.randint(-1, 30, (50,), generator=random)
    loss = autograd.linear_cross_entropy(x, weight, weight.detach(), targets, count=100, softcap=softcap)
    (loss * 3).backward()
    ours, x.grad, weight.grad = (x.grad, weight.grad), None, None
    logits = x @ weight.T
    if softcap:
        logits = torch.tanh(logits / softcap) * softcap
    whole = torch.nn.functional.cross_entropy(logits, targets, ignore_index=-1, reduction="sum") / 100
    (whole * 3).backward()
    torch.testing.assert_close(loss, whole)
    torch.testing.assert_close(ours, (x.grad, weight.grad))
