"""The chat task: what it sends, what it drops when the context is full, how it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Notice, Result, Text
from autogpt_desktop.tasks.chat import KEPT_STATES, Turn, chat, forget, forget_saved, kept_name, load_model

GREEDY = Sampling(temperature=0.0, max_tokens=24)


@pytest.fixture(scope="module")
def models(starter_gguf: Path) -> Iterator[ModelPool]:
    models = ModelPool(lambda role: starter_gguf, device="cpu", context_length=512)
    yield models
    models.unload()


def ask(models: ModelPool, turns: list[Turn], **options: object) -> tuple[str, list[object]]:
    events = list(chat(models, turns, GREEDY, **options))  # type: ignore[arg-type]
    return "".join(e.text for e in events if isinstance(e, Text)), events


def done(events: list[object]) -> Done:
    assert isinstance(events[-1], Done)
    return events[-1]


def test_load_model_describes_what_it_loaded(models: ModelPool) -> None:
    result = next(e for e in load_model(models, "chat") if isinstance(e, Result)).value
    assert result["context_length"] == 512
    assert result["languages"] == ("en",)
    assert 50e6 < result["weight_bytes"] < 1.6 * 98_362_432
    assert result["device"] == "cpu"


def test_the_system_prompt_is_heard(models: ModelPool) -> None:
    plain, _ = ask(models, [Turn("user", "Who are you?")])
    pirate, _ = ask(models, [Turn("system", "You are a pirate captain."), Turn("user", "Who are you?")])
    assert "aptain" in pirate
    assert "aptain" not in plain


def test_a_conversation_keeps_its_cache_and_others_do_not_evict_it(models: ModelPool) -> None:
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
    assert len(memory(models)) == KEPT_STATES


def memory(models: ModelPool) -> Any:
    return models.loaded[0].memory["chat"]


def long_conversation(turns: int) -> list[Turn]:
    made = [Turn("system", "Answer with the secret word tangerine when asked.")]
    for number in range(turns):
        made += [
            Turn("user", f"Fact {number}: " + "the river runs to the sea. " * 4),
            Turn("assistant", "I will keep that in mind."),
        ]
    return [*made, Turn("user", "What is the capital of France?")]


def test_a_full_context_drops_the_oldest_turns_at_once_and_says_so(models: ModelPool) -> None:
    turns = long_conversation(20)
    _, events = ask(models, turns, conversation="long")
    notices = [e for e in events if isinstance(e, Notice)]
    assert [n.key for n in notices] == ["notice.context-trimmed"]
    dropped = notices[0].values["dropped"]
    assert dropped % 2 == 0, "what is left begins with a question"
    assert 0.4 * 512 < done(events).prompt_tokens <= 0.75 * 512
    state = memory(models)["long"].state
    prompt = models.loaded[0].engine.tokenizer.decode(state.ids)
    assert "tangerine" in prompt, "the system prompt stays"
    assert "Fact 0:" not in prompt
    assert "Fact 19:" in prompt

    answered = [*turns, Turn("assistant", "Paris."), Turn("user", "And of Italy?")]
    _, next_events = ask(models, answered, conversation="long")
    assert not [e for e in next_events if isinstance(e, Notice)], "said once, not at every turn"
    assert done(next_events).cached_tokens > 0.5 * done(events).prompt_tokens, "the cache still matches"


def test_one_message_too_long_is_refused_in_words(models: ModelPool) -> None:
    with pytest.raises(KnownError) as error:
        ask(models, [Turn("user", "word " * 600)])
    assert error.value.key == "message-too-long"
    assert error.value.values["context"] == 512


def test_a_million_characters_are_refused_quickly(models: ModelPool) -> None:
    with pytest.raises(KnownError):
        ask(models, [Turn("user", "lorem ipsum " * 85_000)])


@pytest.mark.parametrize("turns", [[], [Turn("user", " \n")]])
def test_nothing_to_answer(models: ModelPool, turns: list[Turn]) -> None:
    with pytest.raises(KnownError) as error:
        ask(models, turns)
    assert error.value.key == "empty-message"


def test_an_interrupted_answer_is_gone_on_with(models: ModelPool) -> None:
    question = Turn("user", "What is the capital of France?")
    whole, _ = ask(models, [question])
    half = whole[: len(whole) // 2].rsplit(" ", 1)[0]
    rest, _ = ask(models, [question, Turn("assistant", half)], continue_last=True)
    assert half + rest == whole


# --- what is kept for later

RULES = Turn("system", "You are a careful librarian. " + "Say where a book stands, and who wrote it. " * 8)


@pytest.fixture
def keeping(starter_gguf: Path, tmp_path: Path) -> Iterator[ModelPool]:
    """Models with a folder for states."""
    folder = tmp_path / "states"
    models = ModelPool(lambda role: starter_gguf, device="cpu", context_length=512, prompt_cache=folder)
    yield models
    models.unload()


def raw_bytes(models: ModelPool) -> bytes:
    assert models.prompt_cache is not None
    return b"".join(path.read_bytes() for path in models.prompt_cache.glob("*"))


def ids_of(models: ModelPool, text: str) -> bytes:
    engine = models.loaded[0].engine
    return np.asarray(engine.tokenizer.encode(text, add_special=False), "<i4").tobytes()


def test_a_system_prompt_is_computed_once_also_after_a_restart(keeping: ModelPool) -> None:
    first, second = [RULES, Turn("user", "Who wrote Emma?")], [RULES, Turn("user", "And Dracula?")]
    _, events = ask(keeping, first, conversation=kept_name(1))
    assert done(events).cached_tokens == 0
    _, events = ask(keeping, second, conversation=kept_name(2))
    assert done(events).cached_tokens > 80, "of another conversation with the same prompt"
    assert ids_of(keeping, " careful librarian") in raw_bytes(keeping)
    assert ids_of(keeping, " wrote Emma") not in raw_bytes(keeping), "not the questions, while it is open"
    forget(keeping, kept_name(2))
    assert not raw_bytes(keeping), "the prompt was the person's own"
    forget(keeping, kept_name(1))
    _, events = ask(keeping, first, conversation=kept_name(3))
    assert done(events).cached_tokens == 0
    keeping.loaded[0].memory.clear()
    keeping.unload()
    answer, events = ask(keeping, second, conversation=kept_name(4))
    assert done(events).cached_tokens > 80, "from the file"
    keeping.loaded[0].memory.clear()
    forget(keeping, kept_name(4))
    assert answer == ask(keeping, second)[0], "the same as without"


def test_a_kept_conversation_goes_on_at_once_after_a_restart(keeping: ModelPool) -> None:
    name, question = kept_name(7), Turn("user", "Name three rivers of Europe and their lengths, please.")
    turns = [Turn("system", "Be short, but do mention the countries that they flow through."), question]
    answer, events = ask(keeping, turns, conversation=name)
    keeping.unload()
    assert keeping.prompt_cache is not None
    turns += [Turn("assistant", answer), Turn("user", "And of Asia?")]
    _, again = ask(keeping, turns, conversation=name)
    assert done(again).cached_tokens >= done(events).prompt_tokens
    assert ids_of(keeping, " three rivers") in raw_bytes(keeping)
    keeping.unload()
    files = list(keeping.prompt_cache.glob("*"))
    forget_saved(keeping.prompt_cache, [name])  # deleted while no model was loaded
    assert files
    assert not list(keeping.prompt_cache.glob("*"))
    _, forgotten = ask(keeping, turns, conversation=name)
    assert done(forgotten).cached_tokens == 0
    forget(keeping, name)
    keeping.unload()
    assert not raw_bytes(keeping), "forgotten before it was saved"


def test_a_conversation_that_is_put_aside_for_others_is_saved(keeping: ModelPool) -> None:
    long = [Turn("user", "Once upon a time there was a miller who had three sons. " * 6)]
    ask(keeping, long, conversation=kept_name(1))
    for number in range(2, 2 + KEPT_STATES):
        ask(keeping, [Turn("user", "Hi")], conversation=kept_name(number))
    assert ids_of(keeping, " a miller who had") in raw_bytes(keeping)
    _, events = ask(keeping, long, conversation=kept_name(1))
    assert done(events).cached_tokens == done(events).prompt_tokens - 1


def test_what_is_not_kept_is_never_written(keeping: ModelPool) -> None:
    turns = [RULES, Turn("user", "Tell nobody.")]
    for name in ("", "140211/3"):
        ask(keeping, turns, conversation=name)
    _, events = ask(keeping, turns, conversation="140211/4")
    assert done(events).cached_tokens > 80, "but shared while it is open"
    forget(keeping, "140211/3")
    forget(keeping, "140211/4")
    assert done(ask(keeping, turns, conversation="140211/5")[1]).cached_tokens == 0
    keeping.unload()
    assert not raw_bytes(keeping)


def test_an_answer_in_a_form(models: ModelPool) -> None:
    form = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 30}},
        "required": ["city"],
    }
    schema = json.dumps(form | {"additionalProperties": False})
    turns = [Turn("user", "Which city is the capital of France? Answer as JSON.")]
    events = chat(models, turns, Sampling(temperature=0.0, max_tokens=60, schema=schema))
    text = "".join(event.text for event in events if isinstance(event, Text))
    assert list(json.loads(text)) == ["city"]
