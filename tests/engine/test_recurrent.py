"""Models whose layers remember without keys and values: what a sequence can be brought back to, and that it
goes on from there as if it had been read anew."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from autogpt_desktop.engine import native
from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.generation.prompt_cache import PromptCacheFiles
from autogpt_desktop.engine.generation.prompt_lookup import PromptLookup, StepCosts
from autogpt_desktop.engine.interface import Cancelled, State
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.native.decoder import NativeDecoder
from autogpt_desktop.engine.recurrent import Recurrent, crowded
from autogpt_desktop.engine.torch_backend.attention_map import attention_map
from autogpt_desktop.engine.torch_backend.cpu_fallback import CpuFallbackDecoder
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Text
from autogpt_desktop.lab.adapt.run import open_base
from tests.tiny import RECURRENT, write_tiny_gguf

BACKENDS = ["torch"] + (["compiled"] if native.library() is not None else [])
GREEDY = Sampling(temperature=0.0, max_tokens=12, stop=())


def ids_of(count: int, seed: int = 1) -> list[int]:
    return np.random.default_rng(seed).integers(3, 270, count).tolist()


@pytest.fixture(scope="module", params=itertools.product(RECURRENT, BACKENDS), ids="-".join)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    family, backend = request.param
    path = tmp_path_factory.mktemp("recurrent") / "tiny.gguf"
    write_tiny_gguf(path, family, quant="Q8_0", layers=4, context=512)
    engine = run_to_end(load(path, device="cpu", float32=backend == "torch"))
    yield engine
    engine.close()


def close(one: torch.Tensor, other: torch.Tensor, engine: Engine) -> bool:
    """Passes of other sizes: to the bit where the back end says so."""
    return (
        torch.equal(one, other) if engine.decoder.batch_invariant else torch.allclose(one, other, atol=1e-3)
    )


def read(engine: Engine, ids: list[int], *cuts: int) -> State:
    """A state of ``ids``, marked at each of the cuts."""
    state = engine.new_state()
    for start, stop in itertools.pairwise([0, *cuts, len(ids)]):
        if start:
            state.mark()
        engine.decoder.forward([(state, ids[start:stop])])
    return state


def test_a_state_goes_back_to_marked_places_only(engine: Engine) -> None:
    ids, more = ids_of(60), ids_of(7, seed=2)
    state = read(engine, ids, 20, 45)
    assert state.recurrent
    assert [state.reach(tokens) for tokens in (70, 60, 59, 45, 44, 20, 19, 0)] == [
        60,
        60,
        45,
        45,
        20,
        20,
        0,
        0,
    ]
    fork = state.fork()
    state.trim(50)
    assert state.ids == ids[:45]
    expected = engine.decoder.forward([(read(engine, ids[:45]), more)], "all")[0]
    assert close(engine.decoder.forward([(state, more)], "all")[0], expected, engine)
    assert fork.ids == ids, "a fork goes its own way"
    fork.trim(44)
    assert fork.ids == ids[:20]
    fork.trim(3)
    assert len(fork) == 0
    whole = engine.decoder.forward([(fork, ids)])[0]
    assert close(whole, engine.decoder.forward([(engine.new_state(), ids)])[0], engine)


def test_what_is_only_looked_at_or_given_up_changes_nothing(engine: Engine) -> None:
    ids, more = ids_of(30), ids_of(5, seed=2)
    state = read(engine, ids)
    expected = engine.decoder.forward([(state.fork(), more)])[0]
    engine.decoder.hidden([(state, ids_of(9, seed=3))], (1, 4))
    asked: list[int] = []

    def second() -> bool:
        asked.append(1)
        return len(asked) > 2

    if not engine.decoder.batch_invariant:  # the compiled one is through in one call
        with pytest.raises(Cancelled):
            engine.decoder.forward([(state, [9, 9])], cancelled=second)
    assert state.ids == ids
    assert torch.equal(engine.decoder.forward([(state, more)])[0], expected)


def test_sequences_of_a_batch_keep_their_own_memory(engine: Engine) -> None:
    first, second = read(engine, ids_of(20)), read(engine, ids_of(31, seed=4))
    alone = [engine.decoder.forward([(state.fork(), [5, 6])])[0] for state in (first, second)]
    both = engine.decoder.forward([(first, [5, 6]), (second, [5, 6])])
    assert all(close(one, other, engine) for one, other in zip(both, alone, strict=True))


def test_a_snapshot_brings_the_memory_back_and_one_place_before(engine: Engine) -> None:
    ids, more = ids_of(50), ids_of(6, seed=2)
    state = read(engine, ids, 10, 30)
    kept = state.snapshot(50)
    with pytest.raises(ValueError, match="memory"):
        state.snapshot(42)
    other = engine.new_state()
    other.restore(ids, kept)
    again = other.snapshot(50)
    assert all(np.array_equal(kept[name], again[name]) for name in kept)
    assert [other.reach(tokens) for tokens in (50, 49, 29)] == [50, 30, 0]
    expected = engine.decoder.forward([(state, more)])[0]
    assert torch.equal(engine.decoder.forward([(other, more)])[0], expected)
    part = engine.new_state()
    part.restore(ids[:30], state.snapshot(30))
    assert part.reach(29) == 10
    for name in ("places", "recurrent"):
        for bad in (kept[name][:0], kept[name].astype(np.float16), None):
            arrays = {key: value for key, value in kept.items() if key != name}
            with pytest.raises(ValueError, match="another kind"):
                other.restore(ids, arrays if bad is None else arrays | {name: bad})


def answered(engine: Engine, ids: list[int], state: State) -> tuple[str, Done]:
    events = list(engine.stream(ids, GREEDY, state))
    assert isinstance(events[-1], Done)
    return "".join(event.text for event in events if isinstance(event, Text)), events[-1]


def test_turns_are_gone_on_with_regenerated_and_asked_differently(engine: Engine) -> None:
    turns = [
        {"role": "system", "content": "Be brief. " * 4},
        {"role": "user", "content": "the hen in the inn"},
    ]
    state, first = engine.new_state(), engine.chat_ids(turns)
    text, done = answered(engine, first, state)
    assert done.cached_tokens == 0

    same, done = answered(engine, first, state)
    assert same == text
    assert done.cached_tokens > len(first) - 25, "all but what opens the answer"

    more = [*turns, {"role": "assistant", "content": "then"}, {"role": "user", "content": "and the ant"}]
    ids = engine.chat_ids(more)
    text, done = answered(engine, ids, state)
    assert done.cached_tokens >= len(engine.chat_ids(turns, add_generation_prompt=False))
    assert text == answered(engine, ids, engine.new_state())[0]

    other = engine.chat_ids([turns[0], {"role": "user", "content": "what of the tin"}])
    text, done = answered(engine, other, state)
    assert done.cached_tokens > 40, "the system prompt"
    assert text == answered(engine, other, engine.new_state())[0]


def test_drafts_that_are_wrong_are_taken_back(engine: Engine) -> None:
    """Every draft that there can be, right or wrong: the answer is the one without."""
    ids = ids_of(40)
    expected = [token for token in engine.tokens(ids, GREEDY, engine.new_state()) if isinstance(token, int)]

    class Guess(PromptLookup):
        def draft(self, most: int) -> list[int]:
            made = self._length - len(ids)
            right = expected[made : made + 1 + made % 4][:most]
            return [*right, 7, 8, 9][: min(most, len(right) + made % 3)]

    state, lookup = engine.new_state(), Guess(StepCosts())
    got = [token for token in engine.tokens(ids, GREEDY, state, lookup=lookup) if isinstance(token, int)]
    assert got == expected
    assert state.ids == [*ids, *expected][: len(state)]
    assert len(state) <= len(ids) + len(expected) - 1


def test_what_prompts_begin_with_is_kept_in_files(engine: Engine, tmp_path: Path) -> None:
    files, prefix = PromptCacheFiles(tmp_path), ids_of(70)
    cache = type(engine.prompt_cache)(engine.decoder)
    cache.files, cache.model = files, "tiny"
    cache.keep(read(engine, prefix, 64), len(prefix), "task")
    later = type(engine.prompt_cache)(engine.decoder)
    later.files, later.model = files, "tiny"
    found = later.find([*prefix, 5])
    assert found is not None
    assert found.ids == prefix
    assert later.find([*prefix[:66], 5, 5]) is not None, "from the place before"
    expected = engine.decoder.forward([(read(engine, prefix), [5])])[0]
    assert close(engine.decoder.forward([(found, [5])])[0], expected, engine)

    path = next(tmp_path.glob("*.state"))
    saved = files.longest("tiny", prefix)
    assert saved is not None
    forged = {name: array.copy() for name, array in saved.arrays.items()}
    forged["recurrent"][-1] += 1
    path.unlink()
    files.save("tiny", "task", prefix, forged)
    fresh = type(engine.prompt_cache)(engine.decoder)
    fresh.files, fresh.model = files, "tiny"
    assert fresh.find([*prefix, 5]) is None, "another text left it"


def test_a_card_that_gives_way_reads_again_what_cannot_be_gone_back_to(engine: Engine) -> None:
    decoder = CpuFallbackDecoder(engine.decoder, lambda: engine.decoder)
    ids = ids_of(40)
    states = [decoder.new_state() for _ in range(2)]
    for state in states:
        decoder.forward([(state, ids)])
    expected = decoder.forward([(states[1].fork(), [5])])[0]
    real, calls = engine.decoder.forward, 0

    def runs_out(*args: object, **options: object) -> list[torch.Tensor]:
        nonlocal calls
        calls += 1
        if calls == 1:
            real([(states[0].inner, [5, 6])])  # one of the batch has gone on already
            raise MemoryError
        return real(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.decoder, "forward", runs_out)
        rows = decoder.forward([(state, [5]) for state in states])
    assert decoder.moved
    assert all(close(row, expected, engine) for row in rows)
    assert all(state.ids == [*ids, 5] for state in states)


def test_layers_that_attend_can_be_looked_into(engine: Engine) -> None:
    if not isinstance(engine.decoder, Transformer):
        pytest.skip("of torch alone")
    weights = attention_map(engine.decoder, ids_of(9), 3)
    assert torch.allclose(weights.sum(-1), torch.ones(weights.shape[:-1]))
    with pytest.raises(ValueError, match="layer"):
        attention_map(engine.decoder, ids_of(9), 0)


@pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
@pytest.mark.parametrize("family", RECURRENT)
def test_floats_are_quantized_when_they_are_loaded(family: str, tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "tiny.gguf", family, quant="F32", layers=4).path
    found = []
    for options in ({"float32": True}, {"quantize": "int8", "kv_cache": "int8"}):
        engine = run_to_end(load(path, device="cpu", **options))
        engine.close()
        found.append(engine.decoder.forward([(engine.new_state(), ids_of(60))], "all")[0])
    assert isinstance(engine.decoder, NativeDecoder)
    assert (found[0] - found[1]).norm() < 0.1 * found[0].norm()


@pytest.mark.parametrize("family", RECURRENT)
def test_what_cannot_be_trained_is_said(family: str, tmp_path: Path) -> None:
    path = write_tiny_gguf(tmp_path / "tiny.gguf", family, layers=4).path
    with pytest.raises(KnownError, match="lab-base-not-trainable"):
        open_base(path)


GOLDEN = json.loads((Path(__file__).parent.parent / "data" / "recurrent_logits.json").read_text("utf-8"))


@pytest.mark.parametrize("name", GOLDEN["files"])
def test_logits_are_those_of_llama_cpp(name: str, tmp_path: Path) -> None:
    golden = GOLDEN["files"][name]
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, golden["family"], quant="F32", **golden["options"])
    engine = run_to_end(load(path, device="cpu", float32=True))
    engine.close()
    rows = engine.decoder.forward([(engine.decoder.new_state(), GOLDEN["ids"])], "all")[0]
    for position, wanted in golden["logits"].items():
        assert torch.allclose(rows[int(position), ::25], torch.tensor(wanted), atol=2e-4)


def test_places_far_from_the_end_are_let_go_of_first() -> None:
    memory: Recurrent[np.ndarray] = Recurrent(lambda: np.zeros((1, 1 << 19), np.float32), np.copy)
    for place in range(100, 3300, 100):
        memory.mark(place, draft=False)
        memory.mark(place + 1, draft=True)
    kept = [
        place for place in range(3300) if memory.reach(place, 4000) == place and place % 100 == 0 and place
    ]
    assert kept[0] == 100
    assert kept[-2:] == [3100, 3200]
    assert len(kept) == 32
    for place in range(3300, 9000, 100):
        memory.mark(place, draft=False)
    assert memory.nbytes < 75 << 20
    assert memory.reach(8900, 9000) == 8900
    assert memory.reach(8899, 9000) == 8800
    assert crowded([1, 2, 3, 50, 51]) == 2
