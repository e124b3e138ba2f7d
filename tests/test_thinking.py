"""Thoughts of reasoning models: found, kept out of prompts, and switched off where the template knows how."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from autogpt_desktop.engine.tokenizer.chat_template import ChatTemplate
from autogpt_desktop.tasks.chat import Turn, answers_only
from autogpt_desktop.thinking import AnswerStream, opened_thought, split_thinking, without_thinking

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
# As gpt-oss's: channels.
CHANNELS = (
    "{% for m in messages %}<|start|>{{ m.role }}<|message|>{{ m.content }}<|end|>{% endfor %}"
    "{% if false %}<|channel|>analysis<|message|>{% endif %}"
    "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
# As DeepSeek V3.1's and Granite's: off by itself.
OFF = (
    "{% if not thinking is defined %}{% set thinking = false %}{% endif %}"
    "{% for m in messages %}{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}A:{% if thinking %}<think>{% else %}</think>{% endif %}{% endif %}"
)
OPENS = "{{ messages[0].content }}{% if add_generation_prompt %}A:MARK{% endif %}"
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


ANALYSIS, FINAL = "<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"
MARKED = {
    "deepseek": "<think>{0}</think>{1}",
    "tags": "\n<thinking>\n{0}\n</thinking>\n\n{1}",
    "seed": "<seed:think>{0}</seed:think>{1}",
    "mistral": "[THINK]{0}[/THINK]{1}",
    "cohere": "<|START_THINKING|>{0}<|END_THINKING|><|START_RESPONSE|>{1}<|END_RESPONSE|>",
    "granite": "<think>{0}</think><response>{1}</response>",
    "openthinker": (
        "<|begin_of_thought|>\n{0}\n<|end_of_thought|>\n\n<|begin_of_solution|>\n{1}\n<|end_of_solution|>"
    ),
    "gemma": "<|channel>thought\n{0}<channel|>{1}",
    "harmony": ANALYSIS + "{0}" + FINAL + "{1}",
    "harmony with roles": "<|start|>assistant" + ANALYSIS + "{0}" + FINAL + "{1}<|return|>",
}


@pytest.mark.parametrize("form", MARKED.values(), ids=MARKED)
@pytest.mark.parametrize("answer", ["Yes, 5 < 6", "- [x] a\n\n```\n<b>\n```"])
def test_thoughts_of_many_models(form: str, answer: str) -> None:
    text = form.format("Hm [1] <b>\n\nso.", answer)
    assert split_thinking(text) == ("Hm [1] <b>\n\nso.", answer, False)
    stream, shown, thought = AnswerStream(), "", ""
    for letter in text:  # marks come in pieces where they are no tokens of their own
        shown += stream.push(letter)
        thought += stream.thought()
        assert answer.startswith(shown.rstrip())
        assert "Hm [1] <b>\n\nso.".startswith(thought)
    assert shown + stream.finish() == answer
    assert thought == "Hm [1] <b>\n\nso."
    assert split_thinking(text[: text.index("so.")]).thinks


def test_channels() -> None:
    call = "<|start|>assistant<|channel|>commentary to=functions.look <|constrain|>json<|message|>{}<|call|>"
    said = f"{ANALYSIS}one<|end|>{call}<|start|>assistant{ANALYSIS}two{FINAL}Yes"
    assert split_thinking(said) == ("one\n\n{}\n\ntwo", "Yes", False)
    said = "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>final<|message|>It is"
    assert split_thinking(said) == ("", "I look.\n\nIt is", False)
    assert split_thinking("<|channel|>final<|message|>Yes") == ("", "Yes", False)
    assert split_thinking("<|channel|>analy") == ("", "", True)


@pytest.mark.parametrize("text", ["<thin", "[TH", "<|chan", "<seed:", " <"])
def test_what_may_become_a_mark_waits(text: str) -> None:
    assert split_thinking(text, whole=False).answer == ""
    assert split_thinking(text).answer == text
    assert split_thinking(f"{text}x", whole=False).answer == f"{text}x"


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


@pytest.mark.parametrize("template", [CHANNELS], indirect=True)
def test_channels_are_left_out(template: ChatTemplate) -> None:
    assert template.can_switch_thinking
    assert template.render(ASKED).endswith("<|end|><|start|>assistant")
    off = template.render(ASKED, thinking=False)
    assert off.endswith("<|end|><|start|>assistant<|channel|>final<|message|>")
    assert template.render(ASKED, thinking=False, add_generation_prompt=False).endswith("<|end|>")


@pytest.mark.parametrize("template", [OFF], indirect=True)
def test_a_switch_that_is_off_by_itself(template: ChatTemplate) -> None:
    assert template.can_switch_thinking
    assert template.render(ASKED).endswith("A:<think>")
    assert template.render(ASKED, thinking=False).endswith("A:</think>")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mark", "closed"),
    [
        ("<think>", "<think>\n\n</think>\n\n"),
        ("<seed:think>\n", "<seed:think>\n\n</seed:think>\n\n"),
        ("[THINK]", "[THINK][/THINK]"),
        ("<|START_THINKING|>", "<|START_THINKING|><|END_THINKING|>"),
        (ANALYSIS, "<|channel|>final<|message|>"),
    ],
)
def test_any_thought_that_a_template_opens(mark: str, closed: str) -> None:
    template = ChatTemplate(OPENS.replace("MARK", mark.replace("\n", "{{ '\\n' }}")), "", "")
    try:
        prompt = template.render(ASKED)
        assert opened_thought(prompt) == mark.strip()
        assert template.render(ASKED, thinking=False) == f"HiA:{closed}"
        assert split_thinking(f"{opened_thought(prompt)}\nhm") == ("hm", "", True)
    finally:
        template.close()


@pytest.mark.slow
@pytest.mark.parametrize("template", [NEVER, "{% broken", ""], indirect=True)
def test_a_template_without(template: ChatTemplate) -> None:
    assert not template.can_switch_thinking
