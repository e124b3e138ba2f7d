"""Drafts from what was already written: which, when they pay, and that no answer depends on them."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autogpt_desktop.engine import native
from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.generation.prompt_lookup import MAX_DRAFT, PromptLookup, StepCosts
from autogpt_desktop.engine.generation.sampling import make_sampler
from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.events import Done, Text
from tests.tiny import write_tiny_gguf

compiled_only = pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
GREEDY = Sampling(temperature=0.0, max_tokens=40)
WARM = Sampling(temperature=0.8, seed=7, repetition_penalty=1.1, max_tokens=40)
STORY = "The keeper, Margaret Doyle, climbed the 214 steps to light the lamp of Cape Morrow."
COPY = f"Repeat this sentence exactly, word for word:\n\n{STORY}"
EDIT = f"Rewrite this sentence with the name Eleanor instead of Margaret:\n\n{STORY}"


class Eager(StepCosts):
    """A machine on which more tokens cost nothing: every draft pays, and is as long as allowed."""

    known = True  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.relative = [1.0 + 1e-6 * n for n in range(MAX_DRAFT + 1)]

    def update(self, width: int, seconds: float) -> None:
        pass


def eager(engine: Engine) -> Engine:
    return dataclasses.replace(engine, step_costs=Eager())


def plainly(engine: Engine, ids: list[int], sampling: Sampling) -> list[int]:
    """One token after the other, without any of the engine's loop."""
    state, sample, answer = engine.new_state(), make_sampler(sampling), list[int]()
    logits = engine.decoder.forward([(state, ids)])[0]
    room = min(sampling.max_tokens, engine.context_length - len(ids))
    while len(answer) < room:
        answer.append(sample(logits, answer))
        if answer[-1] in engine.tokenizer.eos_ids:
            break
        if len(answer) < room:
            logits = engine.decoder.forward([(state, answer[-1:])])[0]
    return answer


def drafting(engine: Engine, ids: list[int], sampling: Sampling) -> tuple[list[int], list[int], PromptLookup]:
    """The engine's answer, the ids that its state ends with, and what was drafted."""
    state, lookup = engine.new_state(), engine.prompt_lookup()
    assert lookup is not None
    made = [s for s in engine.tokens(ids, sampling, state, lookup=lookup) if isinstance(s, int)]
    return made, state.ids, lookup


def asked(engine: Engine, question: str) -> list[int]:
    return engine.chat_ids([{"role": "user", "content": question}])


# --- what is drafted


def drafts(tokens: list[int], prompt: int, most: int = MAX_DRAFT) -> list[int]:
    lookup = PromptLookup(Eager())
    lookup.begin(tokens[:prompt], len(tokens))
    for token in tokens[prompt:]:
        lookup.push(token)
    return lookup.draft(most)


def test_the_longest_match_wins_and_then_the_latest() -> None:
    assert drafts([1, 2, 3, 4, 5, 9, 3, 6, 8, 2, 3], 10, 3) == [4, 5, 9], "2 3, not the later 3"
    assert drafts([1, 2, 4, 7, 1, 2, 5, 7, 1, 2], 9, 2) == [5, 7], "the later of two equal ones"
    assert drafts([1, 2, 3, 4], 3) == [], "nothing was written before"
    assert drafts([5, 1, 2, 1, 2], 4, 5) == [1, 2, 1, 2, 1], "an answer that goes in circles"
    assert drafts([1, 2, 1], 2, 0) == []


@pytest.mark.slow
@given(st.lists(st.integers(0, 2), min_size=2, max_size=60), st.data())
def test_a_match_is_the_longest_there_is(tokens: list[int], data: st.DataObject) -> None:
    prompt = data.draw(st.integers(1, len(tokens) - 1))
    lookup = PromptLookup(Eager())
    lookup.begin(tokens[:prompt], len(tokens))
    for token in tokens[prompt:]:
        lookup.push(token)

    def matched(end: int) -> int:
        """Tokens that end at ``end`` and equal the last ones."""
        count = 0
        while count < end and tokens[end - 1 - count] == tokens[-1 - count]:
            count += 1
        return count

    longest = max((matched(end) for end in range(1, len(tokens))), default=0)
    assert min(matched(lookup._source), 8) == min(longest, 8) if lookup._source else longest == 0


def test_drafting_stops_while_guesses_are_wrong_and_begins_again() -> None:
    rng, costs = random.Random(3), StepCosts()
    costs.update(1, 0.01)
    lookup = PromptLookup(costs)
    lookup.begin([rng.randrange(20) for _ in range(200)], 600)
    drafted = []
    for _ in range(200):  # chance alone repeats these
        lookup.push(rng.randrange(20))
        drafted.append(len(lookup.draft(MAX_DRAFT)))
    assert sum(drafted[100:]) < 5
    for token in list(range(100, 130)) * 3:
        lookup.push(token)
    assert len(lookup.draft(MAX_DRAFT)) >= 3


def test_drafts_that_cost_more_than_they_bring_are_not_made_and_tried_again_later() -> None:
    costs = StepCosts()
    lookup = PromptLookup(costs)
    lookup.begin([1, 2, 3, 4] * 10, 10)
    lookup.push(1)
    assert lookup.draft(MAX_DRAFT) == [], "no pass was timed yet"
    costs.update(1, 0.01)
    assert lookup.draft(MAX_DRAFT)
    for width in range(2, MAX_DRAFT + 2):
        for _ in range(30):
            costs.update(width, 0.011 * width)
    assert lookup.draft(MAX_DRAFT) == []
    for _ in range(100):
        costs.update(1, 0.01)
    assert lookup.draft(MAX_DRAFT)


# --- the same answers


@compiled_only
@pytest.mark.parametrize("sampling", [GREEDY, WARM], ids=["greedy", "seeded"])
@pytest.mark.parametrize("question", [COPY, EDIT, "What is the capital of France?"])
def test_the_starter_answers_the_same(starter: Engine, question: str, sampling: Sampling) -> None:
    ids = asked(starter, question)
    wanted = plainly(starter, ids, sampling)
    for engine in (eager(starter), starter):
        made, left, lookup = drafting(engine, ids, sampling)
        assert made == wanted
        assert left == [*ids, *wanted[:-1]]
        assert 0 <= lookup.accepted <= lookup.drafted
    if sampling is GREEDY and question == COPY:
        lookup = drafting(eager(starter), ids, sampling)[2]
        assert lookup.accepted > len(wanted) / 2
        assert wanted[-1] in starter.tokenizer.eos_ids, "the end came inside a draft"


@compiled_only
def test_stop_strings_inside_a_draft(starter: Engine) -> None:
    ids, state = asked(starter, COPY), starter.new_state()
    events = list(eager(starter).stream(ids, dataclasses.replace(GREEDY, stop=("214 st",)), state))
    text, done = "".join(e.text for e in events if isinstance(e, Text)), events[-1]
    assert isinstance(done, Done)
    assert done.finish_reason == "stop"
    assert text == STORY[: STORY.index("214 st")]
    assert done.accepted_tokens > 5
    assert done.drafted_tokens >= done.accepted_tokens
    assert len(state) == len(ids) + done.new_tokens - 1


@compiled_only
def test_cancelled_between_the_tokens_of_a_draft(starter: Engine) -> None:
    ids, state, lookup = asked(starter, COPY), starter.new_state(), PromptLookup(Eager())
    made = list[int]()

    def cancelled() -> bool:
        return len(made) == 12

    with pytest.raises(Cancelled):  # noqa: PT012
        for step in starter.tokens(ids, GREEDY, state, cancelled, lookup=lookup):
            if isinstance(step, int):
                made.append(step)
    assert made == plainly(starter, ids, GREEDY)[:12]
    assert lookup.accepted >= 8
    assert state.ids == [*ids, *made[:-1]]


@pytest.fixture(scope="module", params=["llama-Q8_0", "gemma3-Q4_0", "qwen3-F32"])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The last runs on torch."""
    family, quant = request.param.split("-")
    path = tmp_path_factory.mktemp("lookup") / "tiny.gguf"
    write_tiny_gguf(path, family, quant=quant, seed=4)
    engine = run_to_end(load(path, device="cpu", context_length=96))
    yield engine
    engine.close()


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    ids=st.lists(st.integers(3, 9), min_size=1, max_size=80),
    sampling=st.builds(
        Sampling,
        temperature=st.sampled_from([0.0, 0.3, 1.0]),
        top_k=st.sampled_from([0, 3]),
        repetition_penalty=st.sampled_from([1.0, 1.3]),
        seed=st.integers(0, 5),
        max_tokens=st.integers(0, 40),
    ),
)
def test_tiny_models_answer_the_same(tiny: Engine, ids: list[int], sampling: Sampling) -> None:
    engine = eager(tiny)
    wanted = plainly(tiny, ids, sampling)
    if not engine.decoder.batch_invariant:
        assert engine.prompt_lookup() is None
        state = engine.new_state()
        made = [s for s in engine.tokens(ids, sampling, state) if isinstance(s, int)]
        assert made == wanted
        assert state.ids == [*ids, *wanted[:-1]]
        return
    made, left, _lookup = drafting(engine, ids, sampling)
    assert made == wanted
    assert left == [*ids, *wanted[:-1]]
    # the same again behind a state that already holds the prompt
    state = tiny.new_state()
    tiny.decoder.forward([(state, [*ids, 3][: tiny.context_length])])
    again = engine.tokens(ids, sampling, state, lookup=engine.prompt_lookup())
    assert [s for s in again if isinstance(s, int)] == wanted


@pytest.mark.slow
def test_an_answer_can_be_cut_anywhere(tiny: Engine) -> None:
    engine, ids, accepted = eager(tiny), [3, 4, 5, 6, 7, 8] * 9, 0
    whole = plainly(tiny, ids, Sampling(temperature=0.0, max_tokens=1000))
    for most in range(1, len(whole) + 1):
        state, lookup = engine.new_state(), engine.prompt_lookup()
        steps = engine.tokens(ids, Sampling(temperature=0.0, max_tokens=most), state, lookup=lookup)
        made = [s for s in steps if isinstance(s, int)]
        assert made == whole[:most]
        assert state.ids == [*ids, *made[:-1]]
        accepted += lookup.accepted if lookup else 0
    assert (accepted > 0) == engine.decoder.batch_invariant
    if whole[-1] not in tiny.tokenizer.eos_ids:
        assert len(ids) + len(whole) == tiny.context_length, "the last one ends with the context"
