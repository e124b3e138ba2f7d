"""Answers to many callers at once against each of them alone, with a tiny random model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import torch

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.generation.continuous import ContinuousBatch, Piece, Request
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.generation.grammar import json_grammar
from autogpt_desktop.engine.generation.recent_states import RecentStates
from autogpt_desktop.engine.generation.sampling import count_penalties
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Text
from tests.tiny import write_tiny_gguf

GREEDY = Sampling(temperature=0.0, max_tokens=12)
PROMPTS = ["the rain", "in the hall there was", "x", "an inn on the hill, and all the others in it", "ing"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("tiny") / "tiny.gguf"
    write_tiny_gguf(path, quant="Q8_0", context=256)
    engine = run_to_end(load(path, device="cpu"))
    yield engine
    engine.close()


def ids(engine: Engine, text: str) -> list[int]:
    return engine.tokenizer.encode(text, add_special=False)


def batch_of(engine: Engine, **options: Any) -> ContinuousBatch:
    return ContinuousBatch(engine, RecentStates(), **options)


def run(batch: ContinuousBatch, passes: int = 1000) -> dict[Request, list[Piece]]:
    pieces: dict[Request, list[Piece]] = {}
    for _ in range(passes):
        if batch.idle:
            break
        for request, piece in batch.step():
            pieces.setdefault(request, []).append(piece)
    return pieces


def text_of(pieces: list[Piece]) -> str:
    assert [bool(piece.finish_reason) for piece in pieces].count(True) == 1
    return "".join(piece.text for piece in pieces)


def alone(engine: Engine, text: str, sampling: Sampling) -> str:
    return "".join(e.text for e in engine.stream(ids(engine, text), sampling) if isinstance(e, Text))


def test_each_answer_is_what_it_is_alone(engine: Engine) -> None:
    ways = [GREEDY, Sampling(seed=3, temperature=1.5, max_tokens=7), Sampling(seed=9, max_tokens=5)]
    asked = [Request(ids(engine, text), way) for text in PROMPTS for way in ways]
    batch = batch_of(engine, most=4)
    made = {}
    for request in asked:  # they come while others are being written
        batch.add(request)
        for one, piece in batch.step():
            made.setdefault(one, []).append(piece)
    for one, pieces in run(batch).items():
        made.setdefault(one, []).extend(pieces)
    expected = [alone(engine, text, way) for text in PROMPTS for way in ways]
    assert [text_of(made[request]) for request in asked] == expected
    assert all(request.new_tokens <= request.sampling.max_tokens for request in asked)


def test_stop_texts_and_limits(engine: Engine) -> None:
    whole = alone(engine, PROMPTS[0], GREEDY)
    stop = whole[3:6]
    cut = Request(ids(engine, PROMPTS[0]), Sampling(temperature=0.0, max_tokens=12, stop=(stop,)))
    short = Request(ids(engine, PROMPTS[0]), Sampling(temperature=0.0, max_tokens=2))
    batch = batch_of(engine)
    batch.add(cut)
    batch.add(short)
    made = run(batch)
    assert text_of(made[cut]) == whole[: whole.index(stop)]
    assert made[cut][-1].finish_reason == "stop"
    assert made[short][-1].finish_reason == "length"
    assert short.new_tokens == 2


def test_log_probabilities_are_the_model_s(engine: Engine) -> None:
    prompt = ids(engine, PROMPTS[3])
    request = Request(prompt, Sampling(temperature=0.0, max_tokens=3), top_logprobs=2, prompt_logprobs=True)
    batch = batch_of(engine)
    batch.add(request)
    pieces = run(batch)[request]
    tokens = [piece.token for piece in pieces if piece.token]
    whole = [*prompt, *(token.id for token in tokens)]
    rows = engine.decoder.forward([(engine.new_state(), whole)], "all")[0].log_softmax(-1)
    expected = [float(rows[at, id]) for at, id in enumerate(whole[1:])]
    scored = [*pieces[0].prompt, *tokens]
    assert [token.id for token in scored] == whole[1:]
    assert [token.logprob for token in scored] == pytest.approx(expected, abs=1e-4)
    for token in tokens:
        assert token.top[0] == (token.id, pytest.approx(token.logprob))
        assert len(token.top) == 2
    only = Request(prompt, Sampling(temperature=0.0, max_tokens=0), top_logprobs=0, prompt_logprobs=True)
    batch.add(only)
    (piece,) = run(batch)[only]
    assert [token.id for token in piece.prompt] == prompt[1:]
    assert (piece.finish_reason, only.new_tokens) == ("length", 0)


def test_a_caller_who_goes_takes_nothing_with_him(engine: Engine) -> None:
    gone = False
    one = Request(ids(engine, PROMPTS[0]), GREEDY, cancelled=lambda: gone)
    other = Request(ids(engine, PROMPTS[1]), GREEDY)
    batch = batch_of(engine)
    batch.add(one)
    batch.add(other)
    run(batch, 3)
    gone, before = True, one.new_tokens
    made = run(batch)
    assert one.new_tokens == before
    assert one not in made
    assert other.new_tokens == 12
    assert batch.idle


def test_one_who_does_not_read_waits_and_the_others_go_on(engine: Engine) -> None:
    paused = True
    one = Request(ids(engine, PROMPTS[0]), GREEDY, paused=lambda: paused)
    other = Request(ids(engine, PROMPTS[1]), GREEDY)
    batch = batch_of(engine)
    batch.add(one)
    batch.add(other)
    run(batch, 40)
    assert (one.new_tokens, other.new_tokens) == (0, 12)
    assert batch.stalled
    paused = False
    assert text_of(run(batch)[one]) == alone(engine, PROMPTS[0], GREEDY)


def test_what_is_read_once_is_not_read_again(engine: Engine) -> None:
    prompt = ids(engine, "the others in the hall " * 6)
    asked = [Request(prompt, Sampling(temperature=1.0, seed=seed, max_tokens=4)) for seed in range(4)]
    batch = batch_of(engine)
    with mock.patch.object(engine.decoder, "forward", wraps=engine.decoder.forward) as forward:
        for request in asked:
            batch.add(request)
        run(batch)
    read = sum(len(part) for call in forward.call_args_list for _, part in call.args[0])
    assert len(prompt) <= read <= len(prompt) + 4 * 6
    assert [request.cached_tokens for request in asked] == [0, *[len(prompt) - 1] * 3]
    longer = Request([*prompt, *prompt], GREEDY)
    batch.add(longer)
    run(batch)
    assert longer.cached_tokens == len(prompt)


def test_memory_bounds_how_many_are_written_at_once(engine: Engine) -> None:
    c = engine.config
    token = 4 * c.num_hidden_layers * c.num_key_value_heads * c.head_dim
    asked = [Request(ids(engine, text), GREEDY) for text in PROMPTS]
    batch = batch_of(engine, memory=token * 60)
    for request in asked:
        batch.add(request)
    most = 0
    while not batch.idle:
        list(batch.step())
        most = max(most, len(batch._alive))
    assert 1 <= most < len(asked)
    assert all(request.new_tokens == 12 for request in asked)


def test_twenty_answers_take_hardly_more_passes_than_one(engine: Engine) -> None:
    """It is the passes that cost: each reads all weights."""
    passes, never_ends = [], tuple((id, -100.0) for id in engine.tokenizer.eos_ids)
    for count in (1, 20):
        batch = batch_of(engine)
        for number in range(count):
            batch.add(Request(ids(engine, f"{number} in the hall"), GREEDY, logit_bias=never_ends))
        with mock.patch.object(engine.decoder, "forward", wraps=engine.decoder.forward) as forward:
            run(batch)
        passes.append(forward.call_count)
    assert passes[1] <= passes[0] + 2


def test_when_memory_ends_the_youngest_goes(engine: Engine) -> None:
    asked = [Request(ids(engine, text), GREEDY) for text in PROMPTS[:2]]
    batch = batch_of(engine)
    for request in asked:
        batch.add(request)
    with mock.patch.object(engine.decoder, "forward", side_effect=MemoryError):
        made = run(batch, 1)
    assert made[asked[1]][0].error is not None
    assert made[asked[1]][0].error.key == "no-memory-to-answer"
    assert text_of(run(batch)[asked[0]]) == alone(engine, PROMPTS[0], GREEDY)


def test_prompts_that_cannot_be_answered(engine: Engine) -> None:
    batch = batch_of(engine)
    with pytest.raises(KnownError, match="prompt-empty"):
        batch.add(Request([], GREEDY))
    with pytest.raises(KnownError, match="prompt-too-long"):
        batch.add(Request([5] * 256, GREEDY))
    batch.add(Request([5] * 256, Sampling(max_tokens=0), prompt_logprobs=True))


def test_a_bias_decides(engine: Engine) -> None:
    wanted = ids(engine, "q")[0]
    request = Request(
        ids(engine, "x"), Sampling(temperature=0.0, max_tokens=3), logit_bias=((wanted, 100.0),)
    )
    batch = batch_of(engine)
    batch.add(request)
    assert text_of(run(batch)[request]) == "qqq"


SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8, "pattern": "^[a-z]*$"},
        "age": {"type": "integer", "minimum": 0, "maximum": 200},
        "kind": {"enum": ["cat", "dog"]},
    },
    "required": ["name", "age", "kind"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("seed", range(5))
def test_even_noise_keeps_to_a_schema(engine: Engine, seed: int) -> None:
    sampling = Sampling(temperature=2.0, top_k=0, top_p=1.0, min_p=0.0, seed=seed, max_tokens=120)
    request = Request(
        ids(engine, "x"),
        sampling,
        grammar=lambda: json_grammar(engine.tokenizer, SCHEMA, engine.config.vocab_size),
    )
    batch = batch_of(engine)
    batch.add(request)
    pieces = run(batch)[request]
    value = json.loads(text_of(pieces))
    assert list(value) == ["name", "age", "kind"]
    assert value["kind"] in ("cat", "dog")
    assert 0 <= value["age"] <= 200
    assert pieces[-1].finish_reason == "stop"


def test_a_stream_keeps_to_a_schema_and_goes_on_with_what_is_there(engine: Engine) -> None:
    sampling = Sampling(temperature=1.5, top_k=0, seed=2, max_tokens=120, schema=json.dumps(SCHEMA))
    prompt = ids(engine, "x")
    events = list(engine.stream(prompt, sampling))
    value = json.loads("".join(event.text for event in events if isinstance(event, Text)))
    assert value["kind"] in ("cat", "dog")
    assert events[-1].finish_reason == "stop"  # type: ignore[union-attr]
    begun = ids(engine, '{"name": "the')
    rest = engine.stream([*prompt, *begun], sampling, written=begun)
    text = '{"name": "the' + "".join(event.text for event in rest if isinstance(event, Text))
    assert json.loads(text)["name"].startswith("the")
    with pytest.raises(KnownError, match="schema-lost"):
        list(engine.stream([*prompt, *begun], sampling, written=ids(engine, "[")))
    for schema in ("{", "[]", "no"):
        with pytest.raises(KnownError, match="schema-wrong"):
            list(engine.stream(prompt, Sampling(schema=schema)))


@pytest.mark.parametrize(
    "schema", [{"type": "nonsense"}, {"type": "string", "pattern": "(a"}, {"$ref": "#/nowhere"}]
)
def test_a_schema_that_is_none_is_told(engine: Engine, schema: dict[str, Any]) -> None:
    with pytest.raises(KnownError, match="schema-wrong"):
        json_grammar(engine.tokenizer, schema, engine.config.vocab_size)
    with pytest.raises(KnownError, match="schema-too-large"):
        json_grammar(engine.tokenizer, {"enum": ["x" * (1 << 19)]}, engine.config.vocab_size)


def test_penalties_are_taken_off() -> None:
    logits = torch.tensor([1.0, 3.0, 2.9, 0.0])
    for frequency, presence, token in ((0.0, 0.0, 1), (0.0, 0.2, 2), (0.06, 0.0, 2), (0.04, 0.0, 1)):
        assert int(count_penalties(logits, [1, 1], frequency, presence).argmax()) == token
    assert count_penalties(logits, [], 1.0, 1.0) is logits


def test_penalties_keep_an_answer_from_repeating_itself(engine: Engine) -> None:
    sampling = Sampling(temperature=0.0, max_tokens=30)
    request = Request(ids(engine, "x"), sampling, presence_penalty=100.0, top_logprobs=0)
    batch = batch_of(engine)
    batch.add(request)
    written = [piece.token.id for piece in run(batch)[request] if piece.token]
    assert len(set(written)) == len(written) > 10
