"""Chat: a conversation in, a streamed answer out."""

from __future__ import annotations

import dataclasses
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Notice, Progress, Result, Text
from autogpt_desktop.thinking import opened_thought, split_thinking, without_thinking

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.interface import State
    from autogpt_desktop.engine.model_pool import Models, TaskMemory

KEPT_STATES = 3  # conversations whose KV caches stay in memory, the latest used
_OPENING = 24  # tokens at the end of a prompt in which it may open a thought
_LEAST_ANSWER = 64  # tokens of room without which no answer is begun
_MOST_CHARACTERS = 20  # a token, on average over a long text: more is not to be expected of any language
_LEAST_PREFIX = 48  # tokens of a system prompt that are worth keeping for other conversations
_NOBODY_WRITES = "\x1a"  # stands for the first question, where a system prompt's own tokens end
_KEPT = "kept/"
KEEP_SHARE = 0.75  # of the context that turns may fill once old ones had to go


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. ``role`` is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass
class _Conversation:
    """What is kept of a conversation between two answers."""

    state: State
    dropped: int = 0  # oldest turns that no longer fit; they stay dropped, so that the cache keeps matching


def chat(
    models: Models,
    turns: Sequence[Turn],
    sampling: Sampling,
    *,
    conversation: str = "",
    continue_last: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Text | Done]:
    """Answer the last turn of a conversation.

    ``conversation`` names the KV cache to go on with; "" starts from nothing and keeps nothing. With
    ``continue_last`` the last turn is an unfinished answer that is gone on with. A conversation that
    outgrows the context loses its oldest turns, down to three quarters of the context at once, never its
    system prompt, and a Notice says so.
    Raises KnownError: empty-message, message-too-long, prompt-empty, and whatever loading can raise.
    """
    if not turns or not turns[-1].content.strip():
        raise KnownError("empty-message")
    engine = yield from models.get("chat")
    kept = _conversation(models.memory(engine), engine, conversation)
    reserve = min(sampling.max_tokens, engine.context_length // 4)
    before = kept.dropped
    turns = answers_only(turns, continue_last)
    thinking = sampling.thinking and not sampling.schema  # a thought would break the form
    ids = fit(engine, turns, kept, reserve, continue_last, thinking)
    if not ids:  # a context of a few tokens, or a template that says nothing of the message
        raise KnownError("prompt-empty", model=engine.name)
    if kept.dropped > before:
        yield Notice("notice.context-trimmed", {"dropped": kept.dropped})
    # a model without a chat template would go on with the user's next question
    sampling = dataclasses.replace(sampling, stop=(*sampling.stop, *engine.template.stop))
    fresh, found = len(kept.state) == 0, 0
    if fresh and (state := engine.prompt_cache.find(ids)) is not None:
        kept.state, found = state, len(state)
    if not continue_last and (opened := _opened(engine, ids)):
        yield Text(f"{opened}\n")  # by the template; what is kept holds the whole
    begun = engine.tokenizer.encode_answer(turns[-1].content) if continue_last and sampling.schema else []
    yield from engine.stream(ids, sampling, kept.state, cancelled, written=begun)
    if fresh and conversation and turns[0].role == "system":
        _keep_system_prompt(engine, turns[0].content, kept.state, found, conversation)


def _keep_system_prompt(engine: Engine, prompt: str, state: State, found: int, conversation: str) -> None:
    """Let other conversations begin from what ``state`` holds of its system prompt.

    ``found``: how many of its tokens were known already.
    """
    messages = [{"role": "system", "content": prompt}, {"role": "user", "content": _NOBODY_WRITES}]
    tokens = state.common_prefix(engine.chat_ids(messages))
    if tokens >= found + _LEAST_PREFIX:
        engine.prompt_cache.keep(state, tokens, _system_owner(conversation), save=is_kept(conversation))


def kept_name(conversation_id: int) -> str:
    """The name of a conversation that the history keeps: what is computed of it may go to disk too."""
    return f"{_KEPT}{conversation_id}"


def is_kept(conversation: str) -> bool:
    return conversation.startswith(_KEPT)


def _system_owner(conversation: str) -> str:
    return "system" if is_kept(conversation) else "system, temporary"


class _Conversations:
    """The latest used conversations with one engine: what ``Models`` keep with it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: OrderedDict[str, _Conversation] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, name: str) -> _Conversation:
        """The conversation of that name, new if it is not known; the least recently used is put aside."""
        if name not in self._kept:
            self._kept[name] = _Conversation(self._engine.new_state())
        self._kept.move_to_end(name)
        while len(self._kept) > KEPT_STATES:
            self._save(*self._kept.popitem(last=False))
        return self._kept[name]

    @property
    def nbytes(self) -> int:
        return sum(kept.state.nbytes for kept in self._kept.values())

    def forget(self, name: str) -> None:
        self._kept.pop(name, None)

    def save(self) -> None:
        """So that conversations go on at once when they are opened again."""
        for name, kept in self._kept.items():
            self._save(name, kept)

    def _save(self, name: str, kept: _Conversation) -> None:
        if is_kept(name):
            self._engine.prompt_cache.save(kept.state, name)


def _conversation(memory: dict[str, TaskMemory], engine: Engine, name: str) -> _Conversation:
    if not name:
        return _Conversation(engine.new_state())
    conversations = memory.setdefault("chat", _Conversations(engine))
    assert isinstance(conversations, _Conversations)
    return conversations[name]


def forget(models: Models, conversation: str) -> None:
    """Drop what is kept of a conversation that was deleted, in memory and on disk.

    System prompts go too: this one's may have been the user's own.
    """
    for loaded in models.loaded:
        engine, conversations = loaded.engine, loaded.memory.get("chat")
        if conversations is not None and hasattr(engine, "prompt_cache"):
            conversations.forget(conversation)
            for owner in (conversation, _system_owner(conversation)):
                engine.prompt_cache.forget(owner)
    if models.prompt_cache is not None:
        forget_saved(models.prompt_cache, [conversation])


def forget_saved(folder: Path, conversations: Sequence[str]) -> None:
    """The same for the files alone: needs no model, and no torch."""
    from autogpt_desktop.engine.generation.prompt_cache import PromptCacheFiles

    for owner in dict.fromkeys([*conversations, *map(_system_owner, conversations)]):
        PromptCacheFiles(folder).forget(owner)


def fit(
    engine: Engine,
    turns: Sequence[Turn],
    kept: _Conversation,
    reserve: int,
    continue_last: bool,
    thinking: bool = True,
) -> list[int]:
    """The prompt's ids, with as few of the oldest turns left out as the context asks for.

    Counts in ``kept.dropped``. ``reserve``: tokens that must stay free for the answer.
    """
    system = [turn for turn in turns[:1] if turn.role == "system"]
    rest = list(turns[len(system) :])
    last = max(0, len(rest) - (2 if continue_last else 1))  # what must stay: the question being answered
    kept.dropped = min(kept.dropped, last)
    # what cannot possibly fit is not even tokenised: a pasted book would hold everything up
    most = engine.context_length * _MOST_CHARACTERS
    characters = sum(len(turn.content) for turn in rest[kept.dropped :])
    while characters > most and kept.dropped < last:
        characters -= len(rest[kept.dropped].content)
        kept.dropped += 1
    if characters > most:
        raise KnownError("message-too-long", tokens=characters // 4, context=engine.context_length)
    ids = prompt_ids(engine, [*system, *rest[kept.dropped :]], continue_last, thinking)
    limit = engine.context_length - reserve
    if len(ids) > limit and kept.dropped < last:
        limit = min(limit, int(engine.context_length * KEEP_SHARE))
        # each turn is counted once, so that a conversation of thousands of turns takes no quadratic time
        sent = [*system, *rest[kept.dropped :]]
        sizes = [len(engine.tokenizer.encode(turn.content, add_special=False)) for turn in sent]
        around = (len(ids) - sum(sizes)) / len(sent)  # what the template puts around a turn
        excess: float = len(ids) - limit
        for size in sizes[len(system) :]:
            if kept.dropped == last or (excess <= 0 and rest[kept.dropped].role == "user"):
                break
            excess -= size + around
            kept.dropped += 1
        ids = prompt_ids(engine, [*system, *rest[kept.dropped :]], continue_last, thinking)
    if len(ids) > engine.context_length - min(reserve, _LEAST_ANSWER):
        raise KnownError("message-too-long", tokens=len(ids), context=engine.context_length)
    return ids


def answers_only(turns: Sequence[Turn], continue_last: bool) -> list[Turn]:
    """Without what was thought before earlier answers; an answer that is gone on with keeps it."""
    kept: list[Turn] = []
    for number, turn in enumerate(turns):
        gone_on = continue_last and number == len(turns) - 1
        content = turn.content if turn.role != "assistant" or gone_on else without_thinking(turn.content)
        if content == turn.content:
            kept.append(turn)
        elif content.strip():
            kept.append(Turn(turn.role, content))
    return kept


def prompt_ids(
    engine: Engine, turns: Sequence[Turn], continue_last: bool, thinking: bool = True
) -> list[int]:
    """Token ids of a conversation by the model's template, open at the end for the answer."""
    messages = [{"role": t.role, "content": t.content} for t in turns]
    if not continue_last:
        return engine.chat_ids(messages, thinking=thinking)
    # the template closes an assistant turn; what is to be gone on with stays open behind its opening
    begun = messages[-1]["content"]
    parts = split_thinking(begun)
    opening = engine.chat_ids(messages[:-1], thinking=thinking or parts.thinks or bool(parts.thought))
    if opened := _opened(engine, opening):
        begun = begun.lstrip().removeprefix(opened).lstrip("\n")
    return [*opening, *engine.tokenizer.encode_answer(begun)]


def _opened(engine: Engine, ids: Sequence[int]) -> str:
    """The mark of the thought that a prompt opens at its end, "": none."""
    return opened_thought(engine.tokenizer.decode(ids[-_OPENING:], skip_special=False))


def load_model(models: Models, name: str) -> Iterator[Progress | Notice | Result]:
    """Load a model ahead of its first use; the Result is what the window shows of it."""
    started = time.perf_counter()
    engine = yield from models.get(name)
    template = getattr(engine, "template", None)  # encoders have none
    yield Result(
        {
            "name": engine.name,
            "context_length": engine.context_length,
            "weight_bytes": engine.weight_bytes,
            "device": engine.device,
            "languages": engine.config.languages,
            "can_switch_thinking": template is not None and template.can_switch_thinking,
            "load_seconds": time.perf_counter() - started,
        }
    )
