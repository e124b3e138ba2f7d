"""Examples as token ids, with the tokens that are learned: the assistant's turns, or a text's every one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.tokenizer.chat_template import ChatTemplate
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.data.examples import Example, is_empty

PIECE = 512  # tokens of a text that are read in one piece


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """One sequence. ``learned[i]``: is token i + 1 to be foretold from tokens 0 … i?"""

    ids: NDArray[np.int32]  # [T]
    learned: NDArray[np.bool_]  # [T - 1]
    text_bytes: int = 0  # of UTF-8 that the learned tokens stand for; 0: not a plain text

    @property
    def count(self) -> int:
        """Tokens that are learned."""
        return int(self.learned.sum())


@dataclass(frozen=True, slots=True)
class EncodedExamples:
    """What can be learned, and how many examples cannot."""

    sequences: list[Encoded]
    empty: int = 0  # without an answer
    too_long: int = 0  # for the context


def encode(
    examples: Iterable[Example], tokenizer: Tokenizer, template: ChatTemplate, context: int
) -> EncodedExamples:
    """Conversations through the model's own template, texts in pieces, at most ``context`` tokens each.

    A conversation that is longer loses its oldest turns (the system's stays); one whose last question and
    answer do not fit is counted. Raises KnownError as ``ChatTemplate.render`` does.
    """
    sequences: list[Encoded] = []
    empty = too_long = 0
    for example in examples:
        if is_empty(example):
            empty += 1
        elif example.turns:
            found = _conversation(example.messages, tokenizer, template, context)
            too_long += found is None
            sequences += [found] if found is not None else []
        else:
            sequences += _text(example.text, tokenizer, min(context, PIECE))
    return EncodedExamples(sequences, empty, too_long)


def _conversation(
    messages: list[dict[str, str]], tokenizer: Tokenizer, template: ChatTemplate, context: int
) -> Encoded | None:
    last = max(at for at, message in enumerate(messages) if message["role"] == "assistant")
    messages = messages[: last + 1]
    while True:
        found = _rendered(messages, tokenizer, template)
        if found is None or len(found.ids) <= context:
            return found
        system = [message for message in messages[:1] if message["role"] == "system"]
        later = [at for at, message in enumerate(messages) if at > len(system) and message["role"] == "user"]
        if not later:
            return None
        messages = [*system, *messages[later[0] :]]


def _rendered(messages: list[dict[str, str]], tokenizer: Tokenizer, template: ChatTemplate) -> Encoded | None:
    """The ids that a chat would have, each answer learned up to the token that ends its turn."""
    ids = template.render_ids(tokenizer, messages, add_generation_prompt=False, thinking=False)
    spans = []
    for at, message in enumerate(messages):
        if message["role"] != "assistant" or not message["content"].strip():
            continue
        prompt = template.render_ids(tokenizer, messages[:at], thinking=False)
        if ids[: len(prompt)] != prompt:
            continue
        stop = next((end for end in range(len(prompt), len(ids)) if ids[end] in tokenizer.eos_ids), None)
        if stop is None and at == len(messages) - 1 and tokenizer.eos_id is not None:
            ids, stop = [*ids, tokenizer.eos_id], len(ids)  # a template that ends no turn
        if stop is not None:
            spans.append((len(prompt), stop + 1))
    if not spans:  # a template that writes an answer otherwise than it asks for one: what is generated counts
        prompt = template.render_ids(tokenizer, messages[:-1], thinking=False)
        answer = tokenizer.encode(messages[-1]["content"].strip(), add_special=False)
        end = [] if tokenizer.eos_id is None else [tokenizer.eos_id]
        ids = [*prompt, *answer, *end]
        spans = [(len(prompt), len(ids))]
    ids = ids[: spans[-1][1]]
    learned = np.zeros(len(ids) - 1, np.bool_)
    for start, stop in spans:
        learned[max(0, start - 1) : stop - 1] = True
    return Encoded(np.array(ids, np.int32), learned) if learned.any() else None


def _text(text: str, tokenizer: Tokenizer, piece: int) -> list[Encoded]:
    """Pieces of ``piece`` tokens, the next from the last token of the one before; the end token behind the
    last."""
    ids = tokenizer.encode(text)
    if tokenizer.eos_id is not None:
        ids.append(tokenizer.eos_id)
    if len(ids) < 2:
        return []
    found = []
    for start in range(0, len(ids) - 1, piece - 1):
        part = ids[start : start + piece]
        if len(part) > 1:
            size = sum(len(tokenizer.token_bytes(id)) for id in part[1:] if id not in tokenizer.eos_ids)
            found.append(Encoded(np.array(part, np.int32), np.ones(len(part) - 1, np.bool_), size))
    return found


def check(train: EncodedExamples, held_out: EncodedExamples) -> None:
    """Raises KnownError: lab-no-examples, lab-examples-too-long, lab-too-few-examples."""
    if not train.sequences and not held_out.sequences:
        if train.too_long + held_out.too_long:
            raise KnownError("lab-examples-too-long", count=train.too_long + held_out.too_long)
        raise KnownError("lab-no-examples")
    if not train.sequences or not held_out.sequences:
        raise KnownError("lab-too-few-examples", count=len(train.sequences) + len(held_out.sequences))


def batches(sequences: Sequence[Encoded], tokens: int, seed: int, epoch: int) -> list[list[int]]:
    """The order of one pass through the data: numbers of sequences, about ``tokens`` of them together.

    Sequences of like length travel together, so that work is even; which ones and in what order follows
    from ``seed`` and ``epoch`` alone.
    """
    random = np.random.default_rng([seed, epoch])
    noisy = [(len(one.ids) + random.uniform(0, 0.25) * len(one.ids), at) for at, one in enumerate(sequences)]
    groups: list[list[int]] = [[]]
    size = 0
    for _, at in sorted(noisy):
        length = len(sequences[at].ids)
        if groups[-1] and size + length > tokens:
            groups.append([])
            size = 0
        groups[-1].append(at)
        size += length
    random.shuffle(groups)
    return groups
