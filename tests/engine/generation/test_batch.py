"""Many prompts together against one at a time, with the real starter model."""

from __future__ import annotations

import pytest
import torch

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.generation.batch import (
    Continuation,
    choice_logprobs,
    generate,
)
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress, Text

PREFIX = "A list of words, each with its colour.\ngrass: green\ncoal: black\n"
WORDS = ["snow:", "blood:", "the clear sky on a long and warm afternoon in June:", "a lemon:", "milk:"]


def ids(engine: Engine, text: str) -> list[int]:
    return engine.tokenizer.encode(text, add_special=False)


def prefix_of(engine: Engine, text: str = PREFIX) -> object:
    state = engine.new_state()
    engine.decoder.forward([(state, ids(engine, text))])
    return state


def alone(engine: Engine, text: str, stop: tuple[str, ...], tokens: int) -> str:
    sampling = Sampling(temperature=0.0, repetition_penalty=1.0, max_tokens=tokens, stop=stop)
    events = engine.stream(ids(engine, PREFIX) + ids(engine, text), sampling)
    return "".join(e.text for e in events if isinstance(e, Text))


@pytest.mark.parametrize("batch", [1, 2, 16])
def test_each_continuation_is_what_it_is_alone(starter: Engine, batch: int) -> None:
    prefix = prefix_of(starter)
    before = len(prefix)  # type: ignore[arg-type]
    made = list(
        generate(
            starter,
            [ids(starter, word) for word in WORDS],
            prefix=prefix,  # type: ignore[arg-type]
            max_tokens=[3, 8, 8, 1, 8],
            stop=("\n",),
            batch=batch,
        )
    )
    answers = {c.index: c for c in made if isinstance(c, Continuation)}
    assert sorted(answers) == [0, 1, 2, 3, 4]
    for index, tokens in enumerate([3, 8, 8, 1, 8]):
        assert answers[index].text == alone(starter, WORDS[index], ("\n",), tokens)
        assert len(answers[index].logprobs) == len(answers[index].ids)
        assert all(p <= 0 for p in answers[index].logprobs)
    assert answers[3].finish_reason == "length"
    progress = [e for e in made if isinstance(e, Progress)]
    assert progress[-1].done == progress[-1].total == 5
    assert len(prefix) == before, "the prefix may be used again"  # type: ignore[arg-type]


def test_a_chooser_sees_its_own_prompt(starter: Engine) -> None:
    fixed = ids(starter, " orange")

    def choose(index: int, logits: torch.Tensor, answer: list[int]) -> int:
        return fixed[len(answer)] if index == 1 and len(answer) < len(fixed) else int(logits.argmax())

    prompts = [ids(starter, PREFIX + word) for word in WORDS[:2]]
    made = [c for c in generate(starter, prompts, max_tokens=4, choose=choose) if isinstance(c, Continuation)]
    texts = {c.index: c.text for c in made}
    assert texts[1].startswith(" orange")
    assert not texts[0].startswith(" orange")


def test_log_probabilities_are_the_models(starter: Engine) -> None:
    choices = [ids(starter, word)[0] for word in (" green", " white", " red")]
    prompts = [ids(starter, word) for word in WORDS]
    prefix = prefix_of(starter)
    scored = dict(
        e
        for e in choice_logprobs(starter, prompts, choices, prefix=prefix, batch=3)  # type: ignore[arg-type]
        if not isinstance(e, Progress)
    )
    for index, prompt in enumerate(prompts):
        logits = starter.decoder.forward([(starter.new_state(), ids(starter, PREFIX) + prompt)])[0]
        wanted = logits.log_softmax(0)[choices]
        assert torch.allclose(scored[index], wanted, atol=1e-4)


def test_no_room_and_cancel(starter: Engine) -> None:
    with pytest.raises(KnownError, match="prompt-too-long"):
        list(generate(starter, [[5] * starter.context_length]))
    with pytest.raises(Cancelled):
        list(generate(starter, [[5, 6]], cancelled=lambda: True))
