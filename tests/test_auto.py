"""The Python interface, as the founding text shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from autogpt_desktop import AutoModel, AutoTokenizer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.settings import Settings


@pytest.fixture(scope="module")
def model(starter_gguf: Path) -> Iterator[AutoModel]:
    model = AutoModel.from_pretrained(starter_gguf, device="cpu", context_length=256)
    yield model
    model.engine.close()


@pytest.fixture(scope="module")
def tokenizer(starter_gguf: Path) -> AutoTokenizer:
    return AutoTokenizer.from_pretrained(starter_gguf)


def ids(tokenizer: AutoTokenizer, text: str) -> torch.Tensor:
    encoded = tokenizer.encode(text, return_tensors="pt")
    assert isinstance(encoded, torch.Tensor)
    return encoded


def test_the_founding_texts_example(starter_gguf: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained("autogpt")
    model = AutoModel.from_pretrained("autogpt")
    input_ids = tokenizer.encode("Hello, how are you?", return_tensors="pt")
    assert isinstance(input_ids, torch.Tensor)
    text = tokenizer.decode(model.generate(input_ids)[0])
    model.engine.close()
    assert text.startswith("Hello, how are you?")
    assert len(text) > 30


def test_autogpt_is_the_chosen_default(gemma_gguf: Path) -> None:
    settings = Settings.load()
    settings.default_model = "gemma-3-270m"
    settings.save()
    assert AutoTokenizer.from_pretrained("autogpt").vocab_size == 262_144
    assert AutoTokenizer.from_pretrained("smollm2-135m-instruct").vocab_size == 49_152


def test_an_unknown_name_is_said_to_be_unknown() -> None:
    with pytest.raises(KnownError) as error:
        AutoModel.from_pretrained("no-such-model")
    assert error.value.key == "model-missing"


def test_logits_have_the_shape_and_predict(model: AutoModel, tokenizer: AutoTokenizer) -> None:
    rows = ids(tokenizer, "The capital of France is").repeat(2, 1)
    logits = model(rows).logits
    assert logits.shape == (2, rows.shape[1], 49_152)
    assert logits.dtype == torch.float32
    assert tokenizer.decode(logits[0, -1].argmax()[None]).strip() == "Paris"
    assert torch.equal(logits[0], logits[1])


def test_generate_is_greedy_unless_asked(model: AutoModel, tokenizer: AutoTokenizer) -> None:
    prompt = ids(tokenizer, "Once upon a time")
    first = model.generate(prompt, max_new_tokens=12)
    assert first.dtype == torch.int64
    assert first.shape[1] <= prompt.shape[1] + 12
    assert torch.equal(first[:, : prompt.shape[1]], prompt)
    assert torch.equal(first, model.generate(prompt, max_new_tokens=12, temperature=3.0))
    sampled = {
        tuple(model.generate(prompt, max_new_tokens=12, do_sample=True, temperature=1.5, seed=s)[0].tolist())
        for s in (1, 2, 3)
    }
    assert len(sampled) == 3
    again = model.generate(prompt, max_new_tokens=12, do_sample=True, temperature=1.5, seed=1)
    assert tuple(again[0].tolist()) in sampled
    only = model.generate(prompt, max_new_tokens=12, do_sample=True, temperature=1.5, top_k=1, seed=5)
    assert torch.equal(only, first), "top_k = 1 leaves the greedy token alone"


def test_generate_fills_up_shorter_rows(model: AutoModel, tokenizer: AutoTokenizer) -> None:
    end = tokenizer.tokenizer.encode("<|im_end|>", parse_special=True, add_special=False)
    question = tokenizer.tokenizer.encode(
        "<|im_start|>user\nSay yes.<|im_end|>\n<|im_start|>assistant\n", parse_special=True
    )
    other = question[:3] + question[-len(question) + 3 :]
    out = model.generate(torch.tensor([question, other]), max_new_tokens=30)
    assert out.shape[0] == 2
    assert end[0] in out[0].tolist()


def test_a_streamer_sees_prompt_tokens_and_end(model: AutoModel, tokenizer: AutoTokenizer) -> None:
    class Streamer:
        def __init__(self) -> None:
            self.seen: list[int] = []
            self.ended = 0

        def put(self, value: torch.Tensor) -> None:
            assert not self.ended
            self.seen += value.reshape(-1).tolist()

        def end(self) -> None:
            self.ended += 1

    streamer, prompt = Streamer(), ids(tokenizer, "One two three")
    out = model.generate(prompt, max_new_tokens=5, streamer=streamer)
    assert streamer.seen == out[0].tolist()
    assert streamer.ended == 1
    with pytest.raises(ValueError, match="single row"):
        model.generate(prompt.repeat(2, 1), streamer=streamer)


def test_bad_input_is_named(model: AutoModel, tokenizer: AutoTokenizer) -> None:
    with pytest.raises(ValueError, match="input_ids"):
        model.generate(torch.empty(1, 0, dtype=torch.int64))
    with pytest.raises(ValueError, match="return_tensors"):
        tokenizer.encode("x", return_tensors="np")
