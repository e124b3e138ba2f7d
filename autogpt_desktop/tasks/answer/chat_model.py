"""A passage read by a chat model: it is asked by its template, and answers with a phrase of the passage.

The model may also say that the passage does not tell; how likely it is to begin with that is the best sign
whether it does. What it would write itself is not taken: it would word numbers and names in its own way, and
nobody could check it. A passage that was read once is not read again for the next question about it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.answer.extract import Candidate, SpanConstraint, decode_candidates

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine

MIN_CHAT_BYTES = 900_000_000  # of weights: smaller models answer better by going on with examples
PROMPT_OWNER = "answer-chat"  # of the saved instructions: nothing of a user's text is in them
PASSAGES_OWNER = "answer-passages"  # of the passages that were read; kept in memory alone
BEAMS = 4  # beginnings that are followed side by side
MAX_TOKENS = 32  # of an answer


@dataclass(frozen=True, slots=True)
class ChatReading:
    """What a passage may answer. ``odds``: natural logarithm of the odds against saying that the passage does
    not tell."""

    candidates: list[Candidate]
    odds: float


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """``turns`` come before each question; ``user`` has places for {passage} and {question}."""

    turns: tuple[dict[str, str], ...]
    user: str
    refusal: str


def can_chat(engine: Engine | EncoderEngine) -> bool:
    """Whether the model is asked by its chat template."""
    template = getattr(engine, "template", None)
    return template is not None and not template.is_fallback and engine.weight_bytes >= MIN_CHAT_BYTES


def read_passage(
    engine: Engine,
    prompt: ChatPrompt,
    question: str,
    text: str,
    cancelled: Callable[[], bool],
) -> Generator[Progress, None, ChatReading]:
    """The phrases of ``text`` that may answer. Raises ``Cancelled``, KnownError("prompt-too-long")."""
    ids = _ids(engine, prompt, text, question)
    if len(ids) + MAX_TOKENS > engine.context_length:
        raise KnownError("prompt-too-long", tokens=len(ids), context=engine.context_length)
    instructions = _common(ids, _ids(engine, prompt, "7", question))
    passage = _common(ids, _ids(engine, prompt, text, "7"))
    yield from engine.prefix_state(ids[:instructions], PROMPT_OWNER, cancelled=cancelled)
    state = yield from engine.prefix_state(ids[:passage], PASSAGES_OWNER, save=False, cancelled=cancelled)
    logits: Any = None
    for step in engine.prefill(state, ids, cancelled):
        if isinstance(step, Progress):
            yield step
        else:
            logits = step
    constraint = SpanConstraint(engine.tokenizer, text)
    candidates = yield from decode_candidates(
        engine, state, logits, constraint, beams=BEAMS, max_tokens=MAX_TOKENS, cancelled=cancelled
    )
    return ChatReading(candidates, _refusal_odds(engine, prompt.refusal, logits))


def chat_prompt(prompts: Mapping[str, Any], language: str) -> ChatPrompt:
    """What ``resources/prompts/answer.toml`` has for passages in ``language``, "en" or "zh"."""
    chat, shown = prompts["chat"][language], prompts[language]
    turns = [{"role": "system", "content": chat["system"]}]
    for turn in chat["turns"]:
        example = shown["examples"][turn["example"]]
        question = turn.get("unanswered", example["question"])
        answer = shown["refusal"] if "unanswered" in turn else example["answer"]
        said = chat["user"].format(passage=example["passage"], question=question)
        turns += [{"role": "user", "content": said}, {"role": "assistant", "content": answer}]
    return ChatPrompt(tuple(turns), chat["user"], shown["refusal"])


def _ids(engine: Engine, prompt: ChatPrompt, text: str, question: str) -> list[int]:
    said = prompt.user.format(passage=text, question=question)
    return engine.chat_ids([*prompt.turns, {"role": "user", "content": said}])


def _refusal_odds(engine: Engine, refusal: str, logits: Any) -> float:
    """Natural logarithm of the odds against ``refusal``; ``logits``: tensor [vocab_size]."""
    spellings = (refusal, refusal.capitalize(), f" {refusal}")
    first = sorted({engine.tokenizer.encode(said, add_special=False)[0] for said in spellings})
    refused = float(logits.float().log_softmax(0)[first].logsumexp(0).clamp(-30.0, -1e-6))
    return math.log(-math.expm1(refused)) - refused


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with; never all of them."""
    pairs = zip(one, other, strict=False)
    same = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    return min(same, len(one) - 1)
