"""The chat task: what it sends, what it drops when the context is full, how it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.load import Models
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Notice, Result, Text
from autogpt_desktop.tasks.chat import KEPT_STATES, Turn, chat, forget, load_model

GREEDY = Sampling(temperature=0.0, max_tokens=24)


@pytest.fixture(scope="module")
def models(starter_gguf: Path) -> Iterator[Models]:
    models = Models(lambda role: starter_gguf, device="cpu", context_length=512)
    yield models
    models.unload()


def ask(models: Models, turns: list[Turn], **options: object) -> tuple[str, list[object]]:
    events = list(chat(models, turns, GREEDY, **options))  # type: ignore[arg-type]
    return "".join(e.text for e in events if isinstance(e, Text)), events


def done(events: list[object]) -> Done:
    assert isinstance(events[-1], Done)
    return events[-1]


def test_load_model_describes_what_it_loaded(models: Models) -> None:
    result = [e for e in load_model(models, "chat") if isinstance(e, Result)][0].value
    assert result["context_length"] == 512
    assert result["languages"] == ("en",)
    assert 50e6 < result["weight_bytes"] < 1.6 * 98_362_432
    assert result["device"] == "cpu"


def test_the_system_prompt_is_heard(models: Models) -> None:
    plain, _ = ask(models, [Turn("user", "Who are you?")])
    pirate, _ = ask(models, [Turn("system", "You are a pirate captain."), Turn("user", "Who are you?")])
    assert "aptain" in pirate and "aptain" not in plain


def test_a_conversation_keeps_its_cache_and_others_do_not_evict_it(models: Models) -> None:
    turns = [Turn("user", "Name a colour.")]
    first, events = ask(models, turns, conversation="a")
    ask(models, [Turn("user", "Something quite different")], conversation="b")
    ask(models, [Turn("user", "No state at all")])
    _, again = ask(models, [*turns, Turn("assistant", first), Turn("user", "Another.")], conversation="a")
    assert done(again).cached_tokens >= done(events).prompt_tokens
    forget(models, "a")
    _, forgotten = ask(models, turns, conversation="a")
    assert done(forgotten).cached_tokens == 0
    for name in "cdef":
        ask(models, [Turn("user", "Hi")], conversation=name)
    assert len(models.states["chat"]) == KEPT_STATES


def long_conversation(turns: int) -> list[Turn]:
    made = [Turn("system", "Answer with the secret word tangerine when asked.")]
    for number in range(turns):
        made += [
            Turn("user", f"Fact {number}: " + "the river runs to the sea. " * 4),
            Turn("assistant", "I will keep that in mind."),
        ]
    return [*made, Turn("user", "What is the capital of France?")]


def test_a_full_context_drops_the_oldest_turns_at_once_and_says_so(models: Models) -> None:
    turns = long_conversation(20)
    _, events = ask(models, turns, conversation="long")
    notices = [e for e in events if isinstance(e, Notice)]
    assert [n.key for n in notices] == ["notice.context-trimmed"]
    dropped = notices[0].values["dropped"]
    assert dropped % 2 == 0, "what is left begins with a question"
    assert 0.4 * 512 < done(events).prompt_tokens <= 0.75 * 512
    state = models.states["chat"]["long"].state
    prompt = models.loaded.tokenizer.decode(state.ids)  # type: ignore[union-attr]
    assert "tangerine" in prompt, "the system prompt stays"
    assert "Fact 0:" not in prompt and "Fact 19:" in prompt

    answered = [*turns, Turn("assistant", "Paris."), Turn("user", "And of Italy?")]
    _, next_events = ask(models, answered, conversation="long")
    assert not [e for e in next_events if isinstance(e, Notice)], "said once, not at every turn"
    assert done(next_events).cached_tokens > 0.5 * done(events).prompt_tokens, "the cache still matches"


def test_one_message_too_long_is_refused_in_words(models: Models) -> None:
    with pytest.raises(KnownError) as error:
        ask(models, [Turn("user", "word " * 600)])
    assert error.value.key == "message-too-long"
    assert error.value.values["context"] == 512


def test_a_million_characters_are_refused_quickly(models: Models) -> None:
    with pytest.raises(KnownError):
        ask(models, [Turn("user", "lorem ipsum " * 85_000)])


@pytest.mark.parametrize("turns", [[], [Turn("user", " \n")]])
def test_nothing_to_answer(models: Models, turns: list[Turn]) -> None:
    with pytest.raises(KnownError) as error:
        ask(models, turns)
    assert error.value.key == "empty-message"


def test_an_interrupted_answer_is_gone_on_with(models: Models) -> None:
    question = Turn("user", "What is the capital of France?")
    whole, _ = ask(models, [question])
    half = whole[: len(whole) // 2].rsplit(" ", 1)[0]
    rest, _ = ask(models, [question, Turn("assistant", half)], continue_last=True)
    assert half + rest == whole
