"""What reasoning models think before they answer: all that is known of how they mark it stands here.

Models open and close a thought with tags, as text or as control tokens, or speak in channels (gpt-oss's
harmony). Some templates open the thought in the prompt already.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

# around a thought, at the very beginning of what a model writes
TAGS = {
    "<think>": "</think>",  # DeepSeek R1, Qwen3, GLM, MiniMax, SmolLM3, …
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<seed:think>": "</seed:think>",  # Seed-OSS
    "<longcat_think>": "</longcat_think>",
    "[THINK]": "[/THINK]",  # Magistral
    "<|START_THINKING|>": "<|END_THINKING|>",  # Command A Reasoning
    "<|begin_of_thought|>": "<|end_of_thought|>",  # OpenThinker
    "<|inner_prefix|>": "<|inner_suffix|>",  # Apertus
    "◁think▷": "◁/think▷",  # Kimi
    "<|channel>thought": "<channel|>",  # Gemma 4
}
# around the answer behind a thought
_ANSWER_TAGS = {
    "<|START_RESPONSE|>": "<|END_RESPONSE|>",
    "<|begin_of_solution|>": "<|end_of_solution|>",
    "<response>": "</response>",  # Granite
    "<answer>": "</answer>",
}
_BARE = tuple(tag for tag in _ANSWER_TAGS if tag.startswith("<|"))  # also where nothing is thought
_CHANNEL, _MESSAGE, _ROLE = "<|channel|>", "<|message|>", "<|start|>assistant"
_MESSAGE_END = re.compile(r"<\|(?:end|call|return|start)\|>")
_HARMONY = frozenset({"<|start|>", _CHANNEL, _MESSAGE, "<|constrain|>", "<|end|>", "<|call|>", "<|return|>"})
_ANALYSIS, _FINAL = f"{_CHANNEL}analysis{_MESSAGE}", f"{_CHANNEL}final{_MESSAGE}"
_TAG_TOKENS = frozenset(
    part.removesuffix("thought") if part.startswith("<|channel>") else part
    for part in (*TAGS, *TAGS.values(), *_ANSWER_TAGS, *_ANSWER_TAGS.values())
)
_OPENINGS = (*TAGS, *_BARE, _CHANNEL, _ROLE)
_LONGEST = max(map(len, (*_TAG_TOKENS, *_OPENINGS, *_HARMONY)))


class Parts(NamedTuple):
    """A model's text."""

    thought: str
    answer: str
    thinks: bool  # the thought is not closed: the answer has not begun


def split_thinking(text: str, *, whole: bool = True) -> Parts:
    """Its thought, if it begins with one, and its answer.

    Not ``whole``: more is to come, and an end that may become a mark is left out.
    """
    at = len(text) - len(text.lstrip())
    for tag in TAGS:
        if text.startswith(tag, at):
            return _tagged(text, at + len(tag), TAGS[tag], whole)
    if text.startswith((_CHANNEL, _ROLE), at):
        return _channels(text if whole else _settled(text, _HARMONY))
    if text.startswith(_BARE, at):
        return Parts("", _unwrapped(text[at:], whole), False)
    if not whole and any(tag.startswith(text[at : at + _LONGEST]) for tag in _OPENINGS):
        return Parts("", "", False)
    return Parts("", text, False)


def _tagged(text: str, start: int, closing: str, whole: bool) -> Parts:
    end = text.find(closing, start)
    if end < 0:
        thought = text[start:] if whole else _settled(text[start:], (closing,))
        return Parts(thought.strip(), "", True)
    answer = text[end + len(closing) :].lstrip()
    return Parts(text[start:end].strip(), _unwrapped(answer, whole), False)


def _unwrapped(answer: str, whole: bool) -> str:
    """An answer without the tags around it."""
    for tag, closing in _ANSWER_TAGS.items():
        if answer.startswith(tag):
            answer = answer[len(tag) :].lstrip()
            if answer.rstrip().endswith(closing):
                return answer.rstrip().removesuffix(closing).rstrip()
            return answer if whole else _settled(answer, (closing,)).rstrip()
        if not whole and answer and tag.startswith(answer):
            return ""
    return answer


def _channels(text: str) -> Parts:
    """Of messages on channels final and commentary are the answer, analysis and calls are thought."""
    thought, answer, thinks = list[str](), list[str](), True
    for message in text.split(_CHANNEL)[1:]:
        head, begun, body = message.partition(_MESSAGE)
        if not begun:
            continue
        shown = head.startswith("final") or (head.startswith("commentary") and " to=" not in head)
        ended = _MESSAGE_END.search(body)
        body = body[: ended.start()].strip() if ended else body.lstrip()
        (answer if shown else thought).append(body)
        thinks = not shown
    return Parts("\n\n".join(filter(None, thought)).strip(), "\n\n".join(filter(None, answer)), thinks)


def _settled(text: str, marks: Iterable[str]) -> str:
    """Without an end that one of ``marks`` begins with."""
    end = text[-_LONGEST:]
    for length in range(len(end) - 1, 0, -1):
        if any(len(mark) > length and mark.startswith(end[-length:]) for mark in marks):
            return text[:-length]
    return text


def without_thinking(text: str) -> str:
    """The answer alone."""
    return split_thinking(text).answer


def mark_tokens(control: Collection[str]) -> frozenset[str]:
    """Those of a model's control tokens that tell thought from answer, and so belong to its text."""
    return _TAG_TOKENS.intersection(control) | (
        _HARMONY.intersection(control) if speaks_harmony(control) else set()
    )


def speaks_harmony(known: Collection[str]) -> bool:
    """Do a model's control tokens, or its template, speak of channels? ``<|end|>`` then ends no answer."""
    return _CHANNEL in known and _MESSAGE in known


def opened_thought(prompt: str) -> str:
    """The mark with which a prompt ends, so that the model's text begins within the thought; "": none."""
    prompt = prompt.rstrip()
    return next((mark for mark in (*TAGS, _ANALYSIS) if prompt.endswith(mark)), "")


def can_leave_out(template: str) -> bool:
    """Can the prompts of a template be ended by ``leave_out`` so that nothing is thought?"""
    return speaks_harmony(template)


def leave_out(prompt: str, template: str) -> str:
    """A prompt behind which the model answers at once, where its template opens the thought or the turn."""
    opened = opened_thought(prompt)
    if opened in TAGS:
        gap = "\n\n" if opened.startswith("<") and "|" not in opened else ""
        return f"{prompt.rstrip()}{gap}{TAGS[opened]}{gap}"
    if opened:
        return prompt.rstrip().removesuffix(_ANALYSIS) + _FINAL
    if speaks_harmony(template) and prompt.endswith(_ROLE):
        return prompt + _FINAL
    return prompt


class AnswerStream:
    """Passes on what does not belong to the thought, as it comes."""

    def __init__(self) -> None:
        self.text = ""  # all of it
        self._passed = 0
        self._thought = 0

    @property
    def thinks(self) -> bool:
        return split_thinking(self.text).thinks

    def push(self, piece: str) -> str:
        """What may be shown by now."""
        self.text += piece
        return self._rest(split_thinking(self.text, whole=False).answer)

    def finish(self) -> str:
        """What was held back and is none."""
        return self._rest(without_thinking(self.text))

    def thought(self) -> str:
        """What was thought since this was asked last."""
        thought = split_thinking(self.text, whole=False).thought
        piece, self._thought = thought[self._thought :], max(self._thought, len(thought))
        return piece

    def _rest(self, answer: str) -> str:
        piece, self._passed = answer[self._passed :], max(self._passed, len(answer))
        return piece
