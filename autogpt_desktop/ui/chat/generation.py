"""Answers that are being written: from the worker's events to the history and the screen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Event, Notice, Progress, Text
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.tasks.chat import Turn, chat
from autogpt_desktop.thinking import split_thinking, without_thinking
from autogpt_desktop.ui.chat.attachments import prompt_text
from autogpt_desktop.ui.chat.unsaved import Unsaved
from autogpt_desktop.ui.panel_titles import job_title

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels
    from autogpt_desktop.storage.conversations.store import History, Message
    from autogpt_desktop.ui.context import AppContext
    from autogpt_desktop.worker import Job

REPAINT_MS = 50  # at most 20 repaints a second
SAVE_SECONDS = 0.5
LONG_ANSWER = 10.0  # seconds, after which its end is announced

Generate = Callable[..., Iterator[Event]]


@dataclass(eq=False)
class Answer:
    """One answer on its way."""

    history: History
    conversation_id: int
    message_id: int
    text: str  # all of it, also what stood before "continue"
    stats: dict[str, Any]
    job: Job | None = None
    started: float = field(default_factory=time.monotonic)
    first_text: float = 0.0
    pieces: int = 0
    status: str = ""
    done: Done | None = None
    saved: str = ""
    saved_at: float = 0.0
    shown: int = -1  # characters on the screen
    thought_from: float = 0.0  # when it began to think; -1: it does no more

    def speed(self) -> float:
        """Tokens per second so far, 0: too early to say; pieces of text stand for tokens."""
        elapsed = time.monotonic() - self.first_text if self.first_text else 0.0
        return (self.pieces - 1) / elapsed if elapsed > 0.3 else 0.0

    def speed_text(self) -> str:
        """What is known of an answer that is being written."""
        if not self.first_text:
            return self.status
        speed = self.speed()
        parts = [tr("{n} tokens/s", n=f"{speed:.1f}")] if speed else []
        parts.append(tr("first token {n} s", n=f"{self.first_text - self.started:.2f}"))
        return " · ".join(parts)


def figures_text(stats: dict[str, Any]) -> str:
    """Speed and waiting time of an answer that is done."""
    parts = []
    if stats.get("tokens_per_second"):
        parts.append(tr("{n} tokens/s", n=f"{stats['tokens_per_second']:.1f}"))
    if stats.get("time_to_first_token"):
        parts.append(tr("first token {n} s", n=f"{stats['time_to_first_token']:.2f}"))
    return " · ".join(parts)


def turns_of(system_prompt: str, messages: Sequence[Message]) -> list[Turn]:
    """A branch as the model reads it. Failed, empty answers are left out; roles alternate."""
    turns = [Turn("system", system_prompt)] if system_prompt else []
    for item in messages:
        if item.role == "assistant" and item is not messages[-1] and not without_thinking(item.text).strip():
            continue  # it thought, and never came to an answer
        content = prompt_text(item.text, item.attachments)
        if not content:
            continue
        if turns and turns[-1].role == item.role:
            turns[-1] = Turn(item.role, f"{turns[-1].content}\n\n{content}")
        else:
            turns.append(Turn(item.role, content))
    return turns


class Generation(QObject):
    """Starts, saves and ends answers. ``generate`` is ``tasks.chat.chat`` or like it."""

    began = Signal(object)  # Answer
    grew = Signal(object)  # Answer: more text or another status
    noticed = Signal(object, object)  # Answer, Notice
    ended = Signal(object, str, object)  # Answer, its message's state, the exception or None

    def __init__(self, context: AppContext, generate: Generate = chat, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.context, self.generate = context, generate
        self.running: list[Answer] = []
        self.closing = False
        self.unsaved = Unsaved(context, self)
        context.before_close.append(self._on_closing)
        self._repaint = QTimer(self)
        self._repaint.setSingleShot(True)
        self._repaint.timeout.connect(self._tick)

    def start(
        self,
        history: History,
        item: Message,
        turns: Sequence[Turn],
        sampling: Sampling,
        *,
        cache: str,
        continue_last: bool = False,
    ) -> Answer:
        """Submit the job that writes ``item``, a message in state "streaming"."""
        generate = self.generate

        def job(models: JobModels, cancel: threading.Event) -> Iterator[Event]:
            yield from generate(
                models,
                turns,
                sampling,
                conversation=cache,
                continue_last=continue_last,
                cancelled=cancel.is_set,
            )

        answer = Answer(history, item.conversation_id, item.id, item.text, dict(item.stats), saved=item.text)
        answer.stats.pop("error", None)
        answer.stats.pop("error_values", None)
        answer.status = tr("Waiting …")
        question = next((turn.content for turn in reversed(turns) if turn.role == "user"), "")
        answer.job = self.context.submit_with_models(job, title=job_title("chat", question))
        answer.job.event.connect(partial(self._on_event, answer))
        answer.job.finished.connect(partial(self._on_finished, answer))
        self.running.append(answer)
        self.began.emit(answer)
        return answer

    def answer_in(self, history: History, conversation_id: int) -> Answer | None:
        """The answer that is being written in a conversation."""
        for answer in self.running:
            if answer.history is history and answer.conversation_id == conversation_id:
                return answer
        return None

    def stop(self, answer: Answer) -> None:
        if answer.job is not None:
            answer.job.cancel()

    def discard(self, history: History) -> None:
        """Stop the answers in a history that ends; nothing more of them is saved or shown."""
        for answer in [answer for answer in self.running if answer.history is history]:
            self.running.remove(answer)
            self.unsaved.drop(_unsaved_key(history, answer.message_id))
            self.stop(answer)

    def _on_closing(self) -> None:
        """Before the worker is stopped: what it gives up from here on was not stopped by the user."""
        self.closing = True

    def shutdown(self) -> None:
        """The window closes: what is still running keeps what it has."""
        self.closing = True
        for answer in list(self.running):
            self._on_finished(answer, "cancelled", None)
        self.unsaved.finish()

    # -- what an answer's job tells

    def _on_event(self, answer: Answer, event: object) -> None:
        if answer not in self.running:  # discarded, and its last events were on their way
            return
        if isinstance(event, Text):
            answer.text += event.text
            self._time_thinking(answer)
            answer.pieces += 1
            answer.first_text = answer.first_text or time.monotonic()
        elif isinstance(event, Done):
            answer.done = event
        elif isinstance(event, Progress):
            share = f" {100 * event.done // event.total} %" if event.total else ""
            answer.status = f"{message(event.stage)}{share}"
        elif isinstance(event, Notice):
            self.noticed.emit(answer, event)
        if not self._repaint.isActive():
            self._repaint.start(REPAINT_MS)

    def _time_thinking(self, answer: Answer) -> None:
        """``thinking_seconds`` are kept with the message, for its fold."""
        if answer.thought_from < 0:  # done, or it thinks nothing
            return
        parts = split_thinking(answer.text, whole=False)
        if parts.thinks and not answer.thought_from:
            answer.thought_from = time.monotonic()
        elif not parts.thinks and (answer.thought_from or parts.thought):
            began = answer.thought_from or answer.started  # all of it came at once
            answer.stats["thinking_seconds"] = max(0.1, round(time.monotonic() - began, 1))
            answer.thought_from = -1.0
        elif parts.answer.strip():
            answer.thought_from = -1.0

    def _tick(self) -> None:
        started = time.perf_counter()
        for answer in list(self.running):
            if answer.shown != len(answer.text) or not answer.text:
                answer.shown = len(answer.text)
                self.grew.emit(answer)
            if answer.text != answer.saved and time.monotonic() - answer.saved_at >= SAVE_SECONDS:
                self._save(answer, "streaming", None)
        cost = (time.perf_counter() - started) * 1000
        unsaved = any(a.text != a.saved or a.shown != len(a.text) for a in self.running)
        if unsaved:  # an expensive last block must not eat the event loop
            self._repaint.start(max(REPAINT_MS, round(3 * cost)))

    def _save(self, answer: Answer, state: str, stats: dict[str, Any] | None) -> None:
        history, number, text = answer.history, answer.message_id, answer.text

        def save() -> None:
            history.set_text(number, text, state, stats)

        if self.unsaved.save(_unsaved_key(history, number), save, (text, state, stats)):
            answer.saved = text
        answer.saved_at = time.monotonic()

    def as_written(self, history: History, item: Message) -> Message:
        """A message with what the history has not taken of it yet."""
        waiting = self.unsaved.value_of(_unsaved_key(history, item.id))
        if waiting is None:
            return item
        text, state, stats = waiting
        return replace(item, text=text, state=state, stats=item.stats if stats is None else stats)

    def _on_finished(self, answer: Answer, outcome: str, error: BaseException | None) -> None:
        if answer not in self.running:
            return
        self.running.remove(answer)
        done = answer.done
        if outcome == "failed":
            state = "error"
            known = error if isinstance(error, KnownError) else None
            answer.stats["error"] = f"error.{known.key}" if known else "error.answer-failed"
            answer.stats["error_values"] = (
                {name: _json_value(value) for name, value in known.values.items()} if known else {}
            )
        elif done.finish_reason == "cancelled" if done else outcome == "cancelled":
            state = "interrupted" if self.closing else "stopped"
        else:  # also of a job that was cancelled behind the end of its answer
            state = "complete"
        answer.stats.update(_figures(answer, done))
        self._save(answer, state, answer.stats)
        self.ended.emit(answer, state, error)


def _figures(answer: Answer, done: Done | None) -> dict[str, Any]:
    """What the answer took, as it is kept with the message."""
    figures: dict[str, Any] = {"seconds": round(time.monotonic() - answer.started, 3)}
    if done is None:
        figures["finish_reason"] = "cancelled"
        if answer.first_text:
            figures["time_to_first_token"] = answer.first_text - answer.started
            figures["tokens_per_second"] = answer.speed()
        return figures
    return figures | {
        "finish_reason": done.finish_reason,
        "prompt_tokens": done.prompt_tokens,
        "cached_tokens": done.cached_tokens,
        "new_tokens": done.new_tokens,
        "time_to_first_token": done.time_to_first_token,
        "tokens_per_second": done.tokens_per_second,
        "context_used": done.context_used,
        "context_length": done.context_length,
    }


def _unsaved_key(history: History, message_id: int) -> tuple[str, int, int]:
    return "answer", id(history), message_id


def _json_value(value: object) -> int | float | str | None:
    """A value that JSON can hold."""
    return value if isinstance(value, int | float | str) or value is None else str(value)
