"""A chat model is told what to do, copies its answer, and reads a passage once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks.answer import chat_model
from autogpt_desktop.tasks.answer.chat_model import chat_prompt, read_passage
from autogpt_desktop.tasks.answer.rank import shipped_weights
from autogpt_desktop.tasks.answer.reader import Reader, prompts
from tests.tiny import write_tiny_gguf

TEXT = "The mill was built in 1782 by Anna Holt. It ground rye until 1911."
CJK_TEXT = "这座老磨坊由安娜于1782年建成。"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("chat") / "tiny.gguf"
    write_tiny_gguf(path, "llama", metadata={"context_length": 16_384})
    loaded = run_to_end(load(path, device="cpu"))
    yield loaded
    loaded.close()


@pytest.fixture
def reader(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.setattr(chat_model, "MIN_CHAT_BYTES", 0)
    return Reader(engine, None)


def test_only_a_large_model_with_a_template_is_told(engine: Engine, reader: Reader) -> None:
    assert reader.chats
    assert reader.copies
    chat_model.MIN_CHAT_BYTES = engine.weight_bytes + 1  # the fixture puts it back
    assert not Reader(engine, None).chats


@pytest.mark.slow
@pytest.mark.parametrize("text", [TEXT, CJK_TEXT])
def test_the_answer_is_a_phrase_of_the_passage(reader: Reader, text: str) -> None:
    found = run_to_end(reader.read("Who built the mill?", text))
    assert found.text
    assert text[found.start : found.end] == found.text
    assert 0 < found.probability < 1
    assert found.threshold == shipped_weights("chat_wide" if text == CJK_TEXT else "chat").threshold


@pytest.mark.slow
def test_a_passage_is_read_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = chat_prompt(prompts(), "en")
    read: list[int] = []
    forward = engine.decoder.forward

    def counted(work: Any, *rest: Any, **named: Any) -> Any:
        read.append(sum(len(ids) for _, ids in work))
        return forward(work, *rest, **named)

    monkeypatch.setattr(engine.decoder, "forward", counted)
    text = TEXT * 8
    tokens = len(engine.tokenizer.encode(text))

    def reading(question: str) -> int:
        read.clear()
        run_to_end(read_passage(engine, prompt, question, text, lambda: False))
        return max(read)  # the longest pass: of all that had to be read

    assert reading("Who built the mill?") >= tokens / 2
    assert reading("When was it?") < tokens / 4
    engine.prompt_cache.forget(chat_model.PASSAGES_OWNER)


@pytest.mark.slow
def test_what_is_kept_on_disk_is_not_the_users(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[tuple[str, list[int]]] = []
    keep = engine.prompt_cache.keep

    def noted(state: Any, tokens: int, owner: str, *, save: bool = True) -> None:
        if save:
            saved.append((owner, list(state.ids[:tokens])))
        keep(state, tokens, owner, save=save)

    monkeypatch.setattr(engine.prompt_cache, "keep", noted)
    engine.prompt_cache.forget(chat_model.PROMPT_OWNER)
    engine.prompt_cache.forget(chat_model.PASSAGES_OWNER)
    run_to_end(read_passage(engine, chat_prompt(prompts(), "en"), "Who?", "Zebra " + TEXT, lambda: False))
    assert [owner for owner, _ in saved] == [chat_model.PROMPT_OWNER]
    assert "Zebra" not in engine.tokenizer.decode(saved[0][1])


def test_the_odds_are_those_against_the_refusal(engine: Engine) -> None:
    import torch

    first = engine.tokenizer.encode("not stated", add_special=False)[0]
    logits = torch.full((engine.tokenizer.vocab_size,), -50.0)
    logits[first], logits[first + 1] = math.log(0.2), math.log(0.8)
    assert chat_model._refusal_odds(engine, "not stated", logits) == pytest.approx(math.log(4), abs=1e-3)


def test_a_passage_that_has_no_room_is_told(engine: Engine) -> None:
    with pytest.raises(KnownError, match="prompt-too-long"):
        run_to_end(read_passage(engine, chat_prompt(prompts(), "en"), "Who?", TEXT * 1_000, lambda: False))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_turns_answer_and_refuse(language: str) -> None:
    prompt = chat_prompt(prompts(), language)
    said = [turn["content"] for turn in prompt.turns if turn["role"] == "assistant"]
    assert prompt.refusal in said
    shown = prompts()[language]["examples"]
    for user, answer in zip(prompt.turns[1::2], prompt.turns[2::2], strict=True):
        passage = next(one["passage"] for one in shown if one["passage"] in user["content"])
        assert answer["content"] == prompt.refusal or answer["content"] in passage
