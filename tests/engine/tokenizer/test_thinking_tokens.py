"""Control tokens that tell thought from answer: part of the text, and of an answer that is gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.auto import AutoTokenizer
from autogpt_desktop.tasks.chat import Turn, prompt_ids
from tests.tiny import write_tiny_gguf

HARMONY = ("<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>", "<|return|>", "<|call|>")
TURNS = (
    "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}END{% endif %}"
)
ASKED = [{"role": "user", "content": "Hi <|channel|>final<|message|>"}]


def tokenizer_with(folder: Path, *specials: str, end: str = "A:") -> AutoTokenizer:
    path = write_tiny_gguf(
        folder / "tiny.gguf", more_specials=specials, chat_template=TURNS.replace("END", end)
    ).path
    return AutoTokenizer.from_pretrained(path)


def ids_of(made: AutoTokenizer, text: str) -> list[int]:
    return made.tokenizer.encode(text, parse_special=True)


@pytest.mark.slow
def test_the_end_of_a_message_ends_no_answer_that_has_channels(tmp_path: Path) -> None:
    made = tokenizer_with(tmp_path, *HARMONY).tokenizer
    ends = {made.token_text(id) for id in made.eos_ids}
    assert "<|end|>" not in ends
    assert {"<|return|>", "<|call|>"} <= ends
    made = tokenizer_with(tmp_path, "<|end|>").tokenizer
    assert "<|end|>" in {made.token_text(id) for id in made.eos_ids}


@pytest.mark.parametrize(
    ("specials", "text"),
    [
        (HARMONY, "<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|channel|>final<|message|>Yes"),
        (("[THINK]", "[/THINK]"), "[THINK]Hm[/THINK]Yes"),
        (("<think>", "</think>"), "<think>Hm</think>Yes"),
        (("<|START_THINKING|>", "<|END_THINKING|>"), "<|START_THINKING|>Hm<|END_THINKING|>Yes"),
        ((), "<seed:think>Hm</seed:think>Yes"),
    ],
)
def test_thought_and_answer_apart(tmp_path: Path, specials: tuple[str, ...], text: str) -> None:
    made = tokenizer_with(tmp_path, *specials)
    response = ids_of(made, text)
    assert made.parse_response(response) == {"role": "assistant", "content": "Yes", "thinking": "Hm"}
    assert made.tokenizer.encode_answer(text) == response
    assert made.decode(response) == text  # nothing of it is lost, so that it can be gone on with


@pytest.mark.slow
def test_other_control_tokens_of_an_answer_stay_text(tmp_path: Path) -> None:
    made = tokenizer_with(tmp_path, *HARMONY).tokenizer
    ids = made.encode_answer("<|im_end|><|message|>")
    assert made.decode(ids[:-1], skip_special=False) == "<|im_end|>"
    assert not any(map(made.is_control, ids[:-1]))
    assert made.token_text(ids[-1]) == "<|message|>"


def test_without_channels_their_marks_are_no_text(tmp_path: Path) -> None:
    made = tokenizer_with(tmp_path, "<|end|>", "<|message|>")
    assert made.decode(ids_of(made, "Yes<|message|>!<|end|>")) == "Yes!"


@pytest.mark.slow
@pytest.mark.parametrize(("end", "specials"), [("A:<think>", ()), ("A:[THINK]", ("[THINK]", "[/THINK]"))])
def test_a_thought_that_the_template_opens(tmp_path: Path, end: str, specials: tuple[str, ...]) -> None:
    made = tokenizer_with(tmp_path, *specials, end=end)
    prompt = made.apply_chat_template(ASKED)
    assert isinstance(prompt, list)
    closing = "</think>" if "<think>" in end else "[/THINK]"
    answer = made.parse_response(f"Hm{closing}Yes", prompt)
    assert answer == {"role": "assistant", "content": "Yes", "thinking": "Hm"}
    assert made.parse_response("Yes") == {"role": "assistant", "content": "Yes"}
    off = made.apply_chat_template(ASKED, enable_thinking=False)
    assert isinstance(off, list)
    assert closing in made.tokenizer.decode(off, skip_special=False)
    assert made.parse_response("Yes", off) == {"role": "assistant", "content": "Yes"}


def test_a_thought_is_gone_on_with(tmp_path: Path) -> None:
    """As ids that the model would have written, also where thinking was turned off meanwhile."""
    made = tokenizer_with(tmp_path, *HARMONY, end="<|start|>assistant").tokenizer
    begun = "<|channel|>analysis<|message|>Hm"

    class Engine:
        tokenizer = made

        @staticmethod
        def chat_ids(messages: object, *, thinking: bool) -> list[int]:
            return [7] if thinking else [8]

    turns = [Turn("user", "Hi"), Turn("assistant", begun)]
    assert prompt_ids(Engine, turns, True, thinking=False) == [  # type: ignore[arg-type]
        7, *made.encode(begun, parse_special=True)
    ]  # fmt: skip
