"""What a layer leaves of a token, on both back ends, and small heads on it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.generation.probe import hidden_rows, probe, probe_logits
from autogpt_desktop.engine.interface import Cancelled, State
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.native.decoder import NativeDecoder
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from tests.tiny import FAMILIES, write_tiny_gguf

TEXTS = ["the thing", "in the inn", "he then", "an ant on the hill", "ten"]


def engines(folder: Path, family: str) -> tuple[Engine, Engine]:
    file = write_tiny_gguf(folder / f"{family}.gguf", family=family, quant="Q8_0", context=128).path
    compiled, plain = (run_to_end(load(file, device="cpu", compiled=on)) for on in (True, False))
    assert isinstance(compiled.decoder, NativeDecoder)
    assert isinstance(plain.decoder, Transformer)
    return compiled, plain


def rows(engine: Engine, prompts: list[list[int]], *layers: int, **more: object) -> list[torch.Tensor]:
    steps = hidden_rows(engine, prompts, layers, **more)  # type: ignore[arg-type]
    found = dict(step for step in steps if not isinstance(step, Progress))
    return [found[index] for index in range(len(prompts))]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_both_back_ends_agree_and_the_head_makes_logits_of_it(tmp_path: Path, family: str) -> None:
    compiled, plain = engines(tmp_path, family)
    prompts = [list(compiled.tokenizer.encode(text)) for text in TEXTS]
    last = compiled.config.num_hidden_layers
    for layer in range(1, last + 1):
        one, other = rows(compiled, prompts, layer), rows(plain, prompts, layer)
        for left, right in zip(one, other, strict=True):
            assert left.shape == (1, compiled.config.hidden_size)
            assert (left - right).norm() < 0.05 * right.norm()
    decoder = plain.decoder
    assert isinstance(decoder, Transformer)
    for ids, row in zip(prompts, rows(plain, prompts, last), strict=True):
        logits = decoder.forward([(plain.new_state(), ids)])[0]
        assert torch.allclose(decoder.head(row)[0], logits, atol=1e-4)
    for engine in (compiled, plain):
        both = rows(engine, prompts, 1, last)
        assert torch.equal(both[2][0], rows(engine, prompts, 1)[2][0])
        assert torch.equal(both[2][1], rows(engine, prompts, last)[2][0])
        assert not torch.allclose(both[2][0], both[2][1])
        ids = prompts[3]  # a mean over its last tokens, and over all where there are fewer
        each = torch.stack([rows(engine, [ids[:end]], last)[0][0] for end in range(1, len(ids) + 1)])
        for tokens in (3, 99):
            mean = rows(engine, [ids], last, tokens=tokens)[0][0]
            assert torch.allclose(mean, each[-tokens:].mean(0), atol=0.02)


def test_states_stay_as_they_were_and_company_changes_no_bit(tmp_path: Path) -> None:
    engine, _ = engines(tmp_path, "gemma3")
    prefix = engine.new_state()
    for _ in engine.prefill(prefix, engine.tokenizer.encode("the other thing")):
        pass
    before, length = prefix.snapshot(len(prefix)), len(prefix)
    prompts = [list(engine.tokenizer.encode(text, add_special=False)) for text in TEXTS]
    alone = [rows(engine, [ids], 1, 2, prefix=prefix, tokens=4)[0] for ids in prompts]
    for batch in (2, 3, 16):
        together = rows(engine, prompts, 1, 2, prefix=prefix, batch=batch, tokens=4)
        assert all(torch.equal(left, right) for left, right in zip(alone, together, strict=True))
    last = rows(engine, prompts, 1, 2, prefix=prefix)
    whole = rows(engine, [[*prefix.ids, *ids] for ids in prompts], 1, 2)
    assert all(torch.allclose(left, right, atol=0.02) for left, right in zip(last, whole, strict=True))
    assert len(prefix) == length
    for name, array in prefix.snapshot(length).items():
        assert (array == before[name]).all()
    state = prefix.fork()  # and one that is looked at goes on as if it had not been
    engine.decoder.hidden([(state, prompts[0])], [1])
    one = engine.decoder.forward([(state, prompts[1])])[0]
    assert torch.equal(one, engine.decoder.forward([(prefix.fork(), prompts[1])])[0])


@pytest.mark.parametrize("compiled", [True, False])
def test_copies_of_a_prefix_serve_again_and_need_not_grow(tmp_path: Path, compiled: bool) -> None:
    engine = engines(tmp_path, "gemma3")[0 if compiled else 1]
    prefix = engine.new_state()
    for _ in engine.prefill(prefix, engine.tokenizer.encode("the other thing")):
        pass
    prompts = [list(engine.tokenizer.encode(text, add_special=False)) for text in TEXTS]
    copies: list[State] = []
    first = rows(engine, prompts, 1, 2, prefix=prefix, states=copies)
    held = list(map(id, copies))
    assert len(copies) == len(TEXTS)
    assert len({len(copy) for copy in copies} | {len(prefix)}) == 1
    again = rows(engine, prompts[::-1], 1, 2, prefix=prefix, states=copies)
    assert list(map(id, copies)) == held
    alone = [rows(engine, [ids], 1, 2, prefix=prefix)[0] for ids in prompts]
    same = torch.equal if compiled else torch.allclose
    assert all(map(same, first, alone))
    assert all(map(same, again[::-1], alone))
    roomy = prefix.fork(70)
    size = roomy.nbytes
    engine.decoder.hidden([(roomy, prompts[0] * (70 // len(prompts[0])))], [1])
    assert roomy.nbytes == size
    assert len(prefix.fork(10**6)) == len(prefix)  # no more than the context holds


def test_a_head_is_a_sum(tmp_path: Path) -> None:
    engine, _ = engines(tmp_path, "llama")
    width = engine.config.hidden_size
    head = probe([1], 1, [[1.0] * width, [0.0] * (width - 1) + [2.0]], [0.5, -1.0])
    prompts = [list(engine.tokenizer.encode(text)) for text in TEXTS]
    found = [step for step in probe_logits(engine, prompts, head) if not isinstance(step, Progress)]
    assert [index for index, _ in found] == list(range(len(TEXTS)))
    for (_, y), row in zip(found, rows(engine, prompts, 1), strict=True):
        assert torch.allclose(y, torch.stack([row.sum() + 0.5, 2 * row[0, -1] - 1]), atol=1e-4)


def test_what_cannot_be_asked(tmp_path: Path) -> None:
    for engine in engines(tmp_path, "llama"):
        ids = list(engine.tokenizer.encode("the thing"))
        state = engine.new_state()
        for layers in ([], [0], [2, 1], [1, 1], [engine.config.num_hidden_layers + 1]):
            with pytest.raises(ValueError, match="no such layers"):
                engine.decoder.hidden([(state, ids)], layers)
        with pytest.raises(ValueError, match="in the batch twice"):
            engine.decoder.hidden([(state, ids), (state, ids)], [1])
        with pytest.raises(Cancelled):
            engine.decoder.hidden([(state, ids)], [1], 1, lambda: True)
        assert len(state) == 0
        with pytest.raises(KnownError, match="prompt-too-long"):
            list(hidden_rows(engine, [ids * 100], [1]))
