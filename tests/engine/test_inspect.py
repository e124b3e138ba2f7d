"""Looking inside a decoder: surprise, what comes next, attention."""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch

from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.generation.forced import forced_logprobs
from autogpt_desktop.engine.generation.inspect import (
    attention_maps,
    likely_tokens,
    read_tokens,
    reference,
    text_ids,
    token_name,
)
from autogpt_desktop.engine.load import load
from autogpt_desktop.engine.torch_backend.attention_map import attention_map
from tests.tiny import FAMILIES, write_tiny_gguf

T = TypeVar("T")
TEXT = "the other thing, 天 and the rest"


def finish(steps: Generator[Any, None, T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def engine_of(path: Path, **options: bool) -> Engine:
    return finish(load(path, device="cpu", **options))


@pytest.mark.parametrize("family", FAMILIES)
def test_surprise_is_what_the_logits_say(tmp_path: Path, family: str) -> None:
    engine = engine_of(write_tiny_gguf(tmp_path / "m.gguf", family).path)
    ids = text_ids(engine, TEXT)
    read, last = finish(read_tokens(engine, ids))
    logits = engine.decoder.forward([(engine.new_state(), ids)], "all")[0].float()
    probabilities = torch.log_softmax(logits, dim=-1)
    wanted = [-probabilities[at, token].item() / math.log(2) for at, token in enumerate(ids[1:])]
    assert read[0][1] is None
    assert [bits for _, bits in read[1:]] == pytest.approx(wanted, abs=1e-3)
    torch.testing.assert_close(last, logits[-1], rtol=1e-4, atol=1e-4)
    assert "".join(text for text, _ in read).endswith(TEXT)
    assert "" in [text for text, _ in read]  # 天 is three tokens, and stands with the last


def test_the_likeliest_come_first_and_parts_of_characters_are_named(tmp_path: Path) -> None:
    engine = engine_of(write_tiny_gguf(tmp_path / "m.gguf").path)
    _, last = finish(read_tokens(engine, text_ids(engine, TEXT)))
    likely = likely_tokens(last, engine, 20)
    shares = [share for _, _, share in likely]
    assert len(likely) == 20
    assert shares == sorted(shares, reverse=True)
    assert likely[0][0] == int(last.argmax())
    assert token_name(engine, text_ids(engine, "天")[-1]) == "\\xa9"


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_is_what_the_layer_computes_with(tmp_path: Path, family: str) -> None:
    engine = engine_of(write_tiny_gguf(tmp_path / "m.gguf", family).path, compiled=False)
    decoder = finish(reference(engine, tmp_path / "m.gguf"))
    ids = text_ids(engine, TEXT)
    for layer in range(len(decoder.layers)):
        weights = attention_map(decoder, ids, layer)
        assert weights.shape == (engine.config.num_attention_heads, len(ids), len(ids))
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:2]))
        assert weights.triu(1).abs().max() == 0
    # a token that is changed changes what the later ones look at, and nothing before it
    other = [*ids[:5], ids[5] + 1, *ids[6:]]
    changed = attention_map(decoder, other, 1)
    torch.testing.assert_close(changed[:, :5], weights[:, :5])
    assert not torch.allclose(changed[:, 6:], weights[:, 6:])


def test_the_compiled_decoder_has_its_reference_beside_it(tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "m.gguf", quant="Q8_0").path
    engine = engine_of(path)
    maps = attention_maps(finish(reference(engine, path)), text_ids(engine, TEXT), 0)
    count = len(text_ids(engine, TEXT))
    assert len(maps) == 1 + engine.config.num_attention_heads
    assert all(len(one) == count * count for one in maps)
    assert maps[0][0] == 255  # the first token sees itself alone


def test_what_cannot_be_looked_at_is_refused(tmp_path: Path) -> None:
    engine = engine_of(write_tiny_gguf(tmp_path / "m.gguf").path, compiled=False)
    decoder = finish(reference(engine, tmp_path / "m.gguf"))
    for ids, layer in (([], 0), ([1], 99), ([1], -1)):
        with pytest.raises(ValueError, match="no such"):
            attention_map(decoder, ids, layer)
    with pytest.raises(ValueError, match="nothing to read"):
        finish(read_tokens(engine, []))


@pytest.mark.parametrize("family", FAMILIES)
def test_given_texts_are_read_as_if_they_had_been_written(tmp_path: Path, family: str) -> None:
    engine = engine_of(write_tiny_gguf(tmp_path / "m.gguf", family).path)
    ids = [text_ids(engine, f"{TEXT} {number}" * (1 + number)) for number in range(4)]
    state = finish(engine.prefix_state(ids[0], "test", save=False))
    pairs = [(ids[1], ids[2]), (ids[2][:1], ids[3]), (ids[3], ids[1][:1])]
    found = finish(forced_logprobs(engine, pairs, prefix=state))
    for (prompt, text), logprobs in zip(pairs, found, strict=True):
        whole = [*ids[0], *prompt, *text]
        logits = engine.decoder.forward([(engine.new_state(), whole)], "all")[0].float()
        rows = torch.log_softmax(logits, dim=-1)[-len(text) - 1 : -1]
        wanted = rows.gather(1, torch.tensor(text)[:, None])[:, 0].tolist()
        assert logprobs == pytest.approx(wanted, abs=2e-3)
    assert len(state) == len(ids[0])
