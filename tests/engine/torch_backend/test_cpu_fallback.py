"""A card whose memory ends: the card is a stand-in on the processor, what takes over is real."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from autogpt_desktop.engine import load as loading
from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.generation.prompt_cache import fingerprint
from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.native.decoder import NativeDecoder
from autogpt_desktop.engine.torch_backend.cpu_fallback import CpuFallbackDecoder
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Notice, Progress, Text
from tests.tiny import write_tiny_gguf

pytestmark = pytest.mark.slow  # together they take seconds

CPU = torch.device("cpu")
GREEDY = Sampling(temperature=0.0, max_tokens=20)


class Card(Transformer):
    """Has room for so many passes, and for so many bytes of caches not at all."""

    passes = 10**9

    def forward(
        self, batch: Sequence[tuple[Any, Sequence[int]]], *rest: Any, **more: Any
    ) -> list[torch.Tensor]:
        done = []
        for entry in batch:  # one after the other, so that memory can end between two
            self.passes -= 1
            if self.passes < 0:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB")
            done += super().forward([entry], *rest, **more)
        return done

    def hidden(
        self, batch: Sequence[tuple[Any, Sequence[int]]], *rest: Any, **more: Any
    ) -> list[torch.Tensor]:
        self.passes -= 1
        if self.passes < 0:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB")
        return super().hidden(batch, *rest, **more)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_gguf(tmp_path / "tiny.gguf", quant="Q8_0", context=512).path


@pytest.fixture
def pair(model: Path) -> tuple[CpuFallbackDecoder, Card, NativeDecoder]:
    """A decoder on a card of endless memory, the card, and what would take over."""
    card = run_to_end(load(model, device="cpu", compiled=False)).decoder
    card.__class__ = Card
    native = run_to_end(load(model, device="cpu")).decoder
    assert isinstance(card, Card)
    assert isinstance(native, NativeDecoder)
    return CpuFallbackDecoder(card, lambda: native), card, native


def close(left: torch.Tensor, right: torch.Tensor) -> bool:
    return bool((left - right).norm() < 0.05 * right.norm())


def test_an_answer_goes_on_on_the_processor(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = loading.build

    def on_card(config: Any, sources: Any, device: torch.device, *rest: Any, **more: Any) -> Generator:
        if device.type == "cpu":
            return (yield from build(config, sources, device, *rest, **more))
        decoder = yield from build(config, sources, CPU, *rest, **(more | {"compiled": False}))
        decoder.__class__ = Card
        decoder.passes = 8
        return decoder

    monkeypatch.setattr(loading, "build", on_card)
    monkeypatch.setattr(loading, "pick_device", lambda wish: (torch.device(wish), ()))
    engine, plain = run_to_end(load(model, device="cuda")), run_to_end(load(model, device="cpu"))
    assert engine.device == "cuda"
    assert isinstance(engine.decoder, CpuFallbackDecoder)
    state, ids = engine.new_state(), engine.tokenizer.encode("the thing in the inn")

    events = list(engine.stream(ids, GREEDY, state))
    wanted = list(plain.stream(ids, GREEDY))
    assert [e for e in events if isinstance(e, Notice)] == [Notice("notice.gpu-ran-out")]
    assert isinstance(events[0], Progress)
    assert isinstance(events[-1], Done)
    before = events[: events.index(Notice("notice.gpu-ran-out"))]
    assert any(isinstance(event, Text) for event in before), "in the middle of the answer"
    text = ["".join(e.text for e in run if isinstance(e, Text)) for run in (events, wanted)]
    assert text[0] == text[1] != ""
    assert engine.device == "cpu"
    assert isinstance(engine.decoder.inner, NativeDecoder)

    again = list(engine.stream([*state.ids, 5], GREEDY, state))  # the same state, next turn
    assert not [e for e in again if isinstance(e, Notice)]
    assert isinstance(again[-1], Done)
    assert again[-1].cached_tokens == again[-1].prompt_tokens - 1
    engine.close()
    plain.close()


def test_a_card_s_model_has_a_fingerprint(
    model: Path, pair: tuple[CpuFallbackDecoder, Card, NativeDecoder]
) -> None:
    decoder, card, _ = pair
    assert decoder.new_state().layout == card.new_state().layout
    assert fingerprint(model, decoder)


def test_every_state_survives_the_move(pair: tuple[CpuFallbackDecoder, Card, NativeDecoder]) -> None:
    decoder, card, native = pair
    first, second, third = (decoder.new_state() for _ in range(3))
    decoder.forward([(first, [5, 6, 7]), (second, list(range(10, 60)))])
    fork = second.fork()
    card.passes = 1  # ends between the two of the next batch
    got = decoder.forward([(first, [8]), (second, [9])])
    assert decoder.moved
    assert decoder.inner is native
    assert decoder.batch_invariant is native.batch_invariant
    assert first.ids == [5, 6, 7, 8]
    assert second.ids == [*range(10, 60), 9]
    assert third.ids == []
    fresh = native.new_state()
    assert close(got[0], native.forward([(fresh, first.ids)])[0])
    assert close(got[1], native.forward([(native.new_state(), second.ids)])[0])
    # states the pass did not touch
    assert len(fork) == 50
    assert fork.common_prefix([10, 11, 99]) == 2
    fork.trim(20)
    again = fork.fork()
    for state in (fork, again):
        assert state.ids == list(range(10, 30))
        assert torch.equal(
            decoder.forward([(state, [3])])[0],
            native.forward([(native.new_state(), [*range(10, 30), 3])])[0],
        )
    assert decoder.forward([(third, [4])])[0].shape == got[0].shape


def test_a_snapshot_is_of_all_that_the_state_held(
    pair: tuple[CpuFallbackDecoder, Card, NativeDecoder],
) -> None:
    decoder, card, _native = pair
    state, other = decoder.new_state(), decoder.new_state()
    decoder.forward([(state, [5, 6, 7])])
    card.passes = 0
    decoder.forward([(other, [1])])
    arrays = state.snapshot(3)
    restored = decoder.new_state()
    restored.restore([5, 6, 7], arrays)
    assert torch.equal(decoder.forward([(restored, [8])])[0], decoder.forward([(state, [8])])[0])


def test_a_fork_without_room_is_read_anew(
    pair: tuple[CpuFallbackDecoder, Card, NativeDecoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, _card, _ = pair
    state = decoder.new_state()
    decoder.forward([(state, [5, 6, 7])])

    def full(self: Any, room: int = 0) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(type(state.inner), "fork", full)
    fork = state.fork()
    assert fork.ids == [5, 6, 7]
    assert not decoder.moved
    got, wanted = decoder.forward([(fork, [8])])[0], decoder.forward([(state, [8])])[0]
    assert torch.allclose(got, wanted, atol=1e-2)
    assert fork.ids == [5, 6, 7, 8]


def test_a_stopped_reading_is_taken_up_again(
    pair: tuple[CpuFallbackDecoder, Card, NativeDecoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, card, native = pair
    state = decoder.new_state()
    ids = [5 + at % 200 for at in range(400)]
    decoder.forward([(state, ids)])
    card.passes = 0
    monkeypatch.setattr(native, "prefill_chunk", lambda before: 100)
    with pytest.raises(Cancelled):
        decoder.forward([(state, [8])], cancelled=lambda: len(state.inner) == 200)
    assert decoder.moved
    assert len(state.inner) == 200
    assert state.ids == ids, "nothing is forgotten"
    state.trim(390)
    got = decoder.forward([(state, [8])])[0]
    assert torch.equal(got, native.forward([(native.new_state(), [*ids[:390], 8])])[0])


@pytest.mark.parametrize("error", [KnownError("no-memory", file="x"), MemoryError()])
def test_nowhere_to_go(
    error: BaseException,
    pair: tuple[CpuFallbackDecoder, Card, NativeDecoder],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoder, card, _ = pair

    def no_room() -> Any:
        raise error

    monkeypatch.setattr(decoder, "_on_cpu", no_room)
    first, second = decoder.new_state(), decoder.new_state()
    decoder.forward([(first, [5]), (second, [6])])
    card.passes = 1
    with pytest.raises(type(error)):
        decoder.forward([(first, [7]), (second, [8])])
    assert not decoder.moved, "as before"
    assert first.ids == [5], "as before"
    assert second.ids == [6], "as before"
    card.passes = 10
    decoder.forward([(first, [7])])
    assert first.ids == [5, 7]


def test_other_errors_move_nothing(pair: tuple[CpuFallbackDecoder, Card, NativeDecoder]) -> None:
    decoder, _, _ = pair
    state = decoder.new_state()
    with pytest.raises(ValueError, match="context"):
        decoder.forward([(state, [1] * 600)])
    assert not decoder.moved
    assert decoder.nbytes == decoder.inner.nbytes
    assert state.nbytes == state.inner.nbytes
    assert decoder.prefill_chunk(0) == decoder.inner.prefill_chunk(0)


def test_what_the_card_held_is_let_go(model: Path) -> None:
    card = run_to_end(load(model, device="cpu", compiled=False)).decoder
    card.__class__ = Card
    decoder = CpuFallbackDecoder(card, lambda: run_to_end(load(model, device="cpu")).decoder)
    state = decoder.new_state()
    decoder.forward([(state, [5, 6])])
    gone = [weakref.ref(card), weakref.ref(state.inner)]
    card.passes = 0
    del card
    decoder.forward([(state, [7])])
    gc.collect()
    assert decoder.moved
    assert not any(thing() for thing in gone)


def test_what_a_head_reads_comes_from_the_processor_then(
    pair: tuple[CpuFallbackDecoder, Card, NativeDecoder],
) -> None:
    decoder, card, native = pair
    state, ids = decoder.new_state(), [5, 9, 3]
    decoder.forward([(state, [7, 8])])
    there = decoder.hidden([(state, ids)], [1], 2)[0]
    card.passes = 0
    here = decoder.hidden([(state, ids)], [1], 2)[0]
    assert decoder.inner is native
    assert state.ids == [7, 8]
    assert close(here, there)
