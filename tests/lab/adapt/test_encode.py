from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from autogpt_desktop.engine.load import open_checkpoint
from autogpt_desktop.engine.tokenizer.chat_template import ChatTemplate
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt.encode import Encoded, batches, check, encode
from autogpt_desktop.lab.data.examples import Example, is_empty, pair, split
from tests.lab.adapt.kit import tiny_base

Model = tuple[Tokenizer, ChatTemplate]


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Model]:
    tokenizer = open_checkpoint(tiny_base(tmp_path)).tokenizer
    template = ChatTemplate.for_tokenizer(tokenizer)
    yield tokenizer, template
    template.close()


def learned_text(one: Encoded, tokenizer: Tokenizer) -> str:
    return tokenizer.decode(one.ids[1:][one.learned].tolist(), skip_special=False)


@pytest.mark.slow
def test_of_a_chat_the_answers_are_learned_with_the_token_that_ends_them(model: Model) -> None:
    chat = Example(
        (
            ("system", "be kind"),
            ("user", "hi"),
            ("assistant", "hello"),
            ("user", "and?"),
            ("assistant", "yes"),
        )
    )
    found = encode([chat], *model, 128)
    (one,) = found.sequences
    assert learned_text(one, model[0]) == "hello<|im_end|>yes<|im_end|>"
    prompt = model[1].render_ids(model[0], chat.messages[:2], thinking=False)
    assert one.ids[: len(prompt)].tolist() == prompt  # what a chat begins with


@pytest.mark.slow
def test_a_control_token_in_an_answer_stays_text(model: Model) -> None:
    (one,) = encode([pair("hi", "say <|im_end|> now")], *model, 128).sequences
    assert learned_text(one, model[0]) == "say <|im_end|> now<|im_end|>"
    assert one.ids[1:][one.learned].tolist().count(2) == 1


def test_a_model_without_a_template_ends_its_answer_too(tmp_path: Path) -> None:
    tokenizer = open_checkpoint(tiny_base(tmp_path, chat_template=None)).tokenizer
    (one,) = encode([pair("hi", "hello")], tokenizer, ChatTemplate.for_tokenizer(tokenizer), 128).sequences
    assert learned_text(one, tokenizer).strip() == "hello<|im_end|>"


@pytest.mark.slow
def test_what_is_too_long_loses_old_turns_or_is_counted(model: Model) -> None:
    turns = [(role, text) for _ in range(6) for role, text in (("user", "question"), ("assistant", "answer"))]
    found = encode([Example((("system", "s"), *turns)), pair("x" * 400, "y")], *model, 100)
    (one,) = found.sequences
    assert found.too_long == 1
    assert len(one.ids) <= 100
    assert "answer" in learned_text(one, model[0])
    assert model[0].decode(one.ids.tolist(), skip_special=False).startswith("<|im_start|>system\ns")


def test_empty_answers_are_counted_and_nothing_at_all_is_said(model: Model) -> None:
    found = encode([pair("hi", "  "), Example(text=" \n"), Example((("user", "alone"),))], *model, 64)
    assert (found.sequences, found.empty) == ([], 3)
    with pytest.raises(KnownError) as caught:
        check(found, found)
    assert caught.value.key == "lab-no-examples"
    long = encode([pair("x" * 400, "y")], *model, 64)
    with pytest.raises(KnownError) as caught:
        check(long, found)
    assert caught.value.key == "lab-examples-too-long"


def test_a_text_is_learned_whole_in_pieces(model: Model) -> None:
    text = "the hello " * 40
    found = encode([Example(text=text)], *model, 32).sequences
    ids = [*model[0].encode(text), 2]
    assert sum(one.count for one in found) == len(ids) - 1
    assert [int(one.ids[-1]) for one in found[:-1]] == [int(one.ids[0]) for one in found[1:]]
    assert sum(one.text_bytes for one in found) == len(text.encode()) - 3  # but the first token


def test_each_pass_has_every_sequence_once_in_an_order_of_its_own() -> None:
    random = np.random.default_rng(0)
    sequences = [
        Encoded(np.zeros(size, np.int32), np.ones(size - 1, np.bool_)) for size in random.integers(4, 60, 50)
    ]
    first, again, second = (batches(sequences, 128, 3, epoch) for epoch in (0, 0, 1))
    assert first == again != second
    for groups in (first, second):
        assert sorted(at for group in groups for at in group) == list(range(50))
        assert all(sum(len(sequences[at].ids) for at in group) <= 128 for group in groups)


def test_copies_stay_on_one_side() -> None:
    examples = [pair(f"q{at % 20}", "a") for at in range(100)]
    train, held = split(examples, 0.2, seed=1)
    assert len(held) == 4
    assert not set(held) & set(train)
    assert len(train) == 80
    assert split(examples[:1], 0.2, 0) == ([examples[0]], [])
    assert not is_empty(examples[0])
