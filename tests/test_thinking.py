"""Thoughts of reasoning models: found, kept out of prompts, and switched off where the template knows how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from autogpt_desktop.engine.tokenizer.chat_template import ChatTemplate
from autogpt_desktop.tasks.chat import Turn, answers_only
from autogpt_desktop.thinking import AnswerStream, split_thinking, without_thinking

# As Qwen3's: the switch puts an empty thought into the prompt.
SWITCH = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
# As DeepSeek R1's: it opens a thought always.
ALWAYS = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: <think>\n{% endif %}"
)
NEVER = "{% for m in messages %}{{ m.content }}{% endfor %}"
ASKED = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize(
    ("text", "thought", "answer", "thinks"),
    [
        ("<think>\nhm\n</think>\n\nYes", "hm", "Yes", False),
        ("\n<think>hm", "hm", "", True),
        ("<think></think>Yes", "", "Yes", False),
        ("Yes", "", "Yes", False),
        ("The tag <think> opens, </think> closes", "", "The tag <think> opens, </think> closes", False),
        ("<think>a</think>b</think>", "a", "b</think>", False),
        ("", "", "", False),
    ],
)
def test_split(text: str, thought: str, answer: str, thinks: bool) -> None:
    assert split_thinking(text) == (thought, answer, thinks)


@pytest.mark.parametrize(
    "text",
    ["<think>a b</think>\n\nYes, <think> is a tag", "plain", "<thin", "<think>never closed", " <b>x", ""],
)
def test_an_answer_streams_without_its_thought(text: str) -> None:
    stream = AnswerStream()
    pieces = [stream.push(letter) for letter in text]
    assert "".join([*pieces, stream.finish()]) == without_thinking(text)


def test_thoughts_are_kept_out_of_the_next_prompt() -> None:
    turns = [
        Turn("user", "one"), Turn("assistant", "<think>a</think>1"), Turn("user", "<think>mine</think>"),
        Turn("assistant", "<think>b"),
    ]  # fmt: skip
    assert answers_only(turns, False) == [turns[0], Turn("assistant", "1"), turns[2]]
    assert answers_only(turns, True)[-1] == turns[-1]


@pytest.fixture
def template(request: Any) -> Iterator[ChatTemplate]:
    made = ChatTemplate(request.param, "", "")
    yield made
    made.close()


@pytest.mark.parametrize("template", [SWITCH], indirect=True)
def test_a_template_with_a_switch(template: ChatTemplate) -> None:
    assert template.can_switch_thinking
    assert template.render(ASKED).endswith("assistant\n")
    assert template.render(ASKED, thinking=False).endswith("<think>\n\n</think>\n\n")


@pytest.mark.parametrize("template", [ALWAYS], indirect=True)
def test_a_thought_that_the_template_opens_is_closed(template: ChatTemplate) -> None:
    assert not template.can_switch_thinking
    assert template.render(ASKED).endswith("<think>\n")
    assert template.render(ASKED, thinking=False).endswith("<think>\n\n</think>\n\n")


@pytest.mark.parametrize("template", [NEVER, "{% broken", ""], indirect=True)
def test_a_template_without(template: ChatTemplate) -> None:
    assert not template.can_switch_thinking
