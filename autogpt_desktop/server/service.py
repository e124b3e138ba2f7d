"""The requests of clients and the job that answers them, on the thread that owns the models.

The window hands the job to its worker, behind what is typed there and before what runs in the background;
in the terminal a thread of its own runs it. While it runs, requests join it between two passes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.server.errors import ApiError
from autogpt_desktop.server.outbox import Outbox

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.continuous import ContinuousBatch, Piece, Request
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.model_pool import Models

log = logging.getLogger(__name__)
MOST_ANSWERS = 64  # that are written or wait; who comes then is asked to come again
_STALL = 0.02  # seconds between two looks at clients who do not read


@dataclass(frozen=True, slots=True)
class Begun:
    """The prompt of answer number ``index`` was accepted."""

    index: int
    prompt_tokens: int
    echo: str = ""  # the prompt's text, where it belongs to the answer
    first: str = ""  # the text of its first token


@dataclass(frozen=True, slots=True)
class Written:
    """What was added to answer number ``index``. ``logprobs``: as the answer's shape has them."""

    index: int
    text: str = ""
    logprobs: tuple[Any, ...] = ()
    finish_reason: str = ""  # the last one
    new_tokens: int = 0  # at the end
    cached_tokens: int = 0  # the same


@dataclass(frozen=True, slots=True)
class Vector:
    """The embedding of text number ``index``."""

    index: int
    values: Sequence[float]
    tokens: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing follows. ``error``: why it ended before its time."""

    error: BaseException | None = None


@dataclass(eq=False)
class Task:
    """What one client waits for."""

    model: str
    outbox: Outbox
    size: int = 1  # answers
    over: bool = False  # it was told its end

    @property
    def gone(self) -> bool:
        """Does nobody wait for it any more?"""
        return self.over or self.outbox.closed


@dataclass(eq=False)
class Generation(Task):
    """Answers. ``build`` makes the prompts, ``logprobs`` tells of tokens; both may raise."""

    build: Callable[[Engine], list[Request]] = lambda _engine: []
    logprobs: Callable[[Engine, Piece], tuple[Any, ...]] = lambda _engine, _piece: ()
    echo: Callable[[Engine, Request], tuple[str, str]] = lambda _engine, _request: ("", "")
    open: int = 0  # answers that are not complete


@dataclass(eq=False)
class Embedding(Task):
    """Vectors."""

    texts: Sequence[str] = field(default=())


class Service:
    """``start`` is called, on any thread, when there is work and nobody at it: it is to run ``job``."""

    def __init__(self, start: Callable[[], None]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._waiting: list[Task] = []
        self._active: list[Task] = []
        self._running = False
        self._stopped = False

    def submit(self, task: Task) -> None:
        """Any thread. Raises ApiError where there is too much to do, or nothing is done any more."""
        with self._lock:
            if self._stopped:
                raise ApiError(503, "The server is being stopped.", code="stopped")
            busy = sum(each.size for each in (*self._waiting, *self._active) if not each.gone)
            if busy and busy + task.size > MOST_ANSWERS:
                raise ApiError(
                    429, f"{busy} answers are being written already. Try again in a moment.", code="busy",
                    headers={"Retry-After": "1"},
                )  # fmt: skip
            self._waiting.append(task)
            begin, self._running = not self._running, True
        if begin:
            self._start()

    @property
    def busy(self) -> bool:
        return self._running

    def stop(self) -> None:
        """No more requests; those that are here end."""
        with self._lock:
            self._stopped = True
        self.drop()

    def drop(self) -> None:
        """The job ended without having ended its requests, or never began: they are told so."""
        with self._lock:
            left, self._waiting = [*self._waiting, *self._active], []
            self._running = False
        for task in left:
            task.outbox.put(Ended(KnownError("server-stopped")))

    def job(self, models: Models, cancel: threading.Event) -> Iterator[Any]:
        """Answer what there is, until there is nothing: on the worker. Yields progress behind each pass."""
        error: BaseException = KnownError("server-stopped")
        run, complete = _Run(models, self._active), False
        try:
            while True:
                with self._lock:
                    new, self._waiting = self._waiting, []
                    self._active += new
                    if not self._active:
                        self._running, complete = False, True
                        return
                for task in new:
                    yield from run.begin(task)
                yield from run.step(cancel)
        except GeneratorExit:
            raise
        except BaseException as failure:
            error = error if cancel.is_set() else failure
            raise
        finally:
            if not complete:
                self._break_off(error, again=not cancel.is_set())

    def _break_off(self, error: BaseException, *, again: bool) -> None:
        """The job ends before its time: those whom it answered are told; those who wait get another job."""
        with self._lock:
            left = list(self._active)
            self._active.clear()
            again = again and bool(self._waiting) and not self._stopped
            if not again:
                left, self._waiting = [*left, *self._waiting], []
            self._running = again
        for task in left:
            task.outbox.put(Ended(error))
        if again:
            self._start()


class _Run:
    """One run of the job: the batches of the engines that it uses."""

    def __init__(self, models: Models, active: list[Task]) -> None:
        self._models, self._active = models, active
        self._batches: dict[int, ContinuousBatch] = {}  # by the engine's identity
        self._of: dict[Request, tuple[Generation, int]] = {}

    def begin(self, task: Task) -> Iterator[Progress | Notice]:
        if task.gone:
            self._active.remove(task)
            return
        try:
            if isinstance(task, Embedding):
                yield from self._embed(task)
            elif isinstance(task, Generation):
                yield from self._queue(task)
        except (KnownError, ApiError) as error:
            self._end(task, error)
        except Exception as error:  # a bug of one request is not the others'
            log.exception("a request failed")
            self._end(task, error)

    def _queue(self, task: Generation) -> Iterator[Progress | Notice]:
        from autogpt_desktop.engine.generation.continuous import ContinuousBatch
        from autogpt_desktop.engine.generation.engine import Engine
        from autogpt_desktop.engine.generation.recent_states import RecentStates

        engine = yield from self._models.get(task.model)
        if not isinstance(engine, Engine):
            raise KnownError("model-not-for-role", name=task.model)
        if id(engine) not in self._batches:
            recent = self._models.memory(engine).setdefault("server", RecentStates())
            assert isinstance(recent, RecentStates)
            self._batches[id(engine)] = ContinuousBatch(engine, recent)
        batch = self._batches[id(engine)]
        requests = task.build(engine)
        for index, request in enumerate(requests):
            request.cancelled = lambda: task.gone
            request.paused = lambda: task.outbox.full
            batch.add(request)
            self._of[request] = (task, index)
        task.open = len(requests)
        for index, request in enumerate(requests):
            task.outbox.put(Begun(index, len(request.ids), *task.echo(engine, request)))

    def _embed(self, task: Embedding) -> Iterator[Progress | Notice]:
        from autogpt_desktop.engine.interface import Cancelled
        from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine

        engine = yield from self._models.get(task.model)
        if not isinstance(engine, EncoderEngine):
            raise KnownError("model-not-for-role", name=task.model)
        sizes = [engine.tokens(text) for text in task.texts]
        for index, size in enumerate(sizes):
            if size > engine.context_length:
                raise ApiError(
                    400,
                    f"Text {index} has {size} tokens, and this model reads {engine.context_length}.",
                    param="input",
                    code="context_length_exceeded",
                )
        try:
            for event in engine.embed(task.texts, lambda: task.gone):
                if isinstance(event, Progress):
                    yield event
                else:
                    index, vector = event
                    task.outbox.put(Vector(index, vector.tolist(), sizes[index]))
        except Cancelled:
            pass
        self._end(task)

    def step(self, cancel: threading.Event) -> Iterator[Progress]:
        """A pass of each engine that has something to do."""
        for key, batch in list(self._batches.items()):
            try:
                for request, piece in batch.step(cancel.is_set):
                    self._hand_on(batch, request, piece)
            except (KnownError, ApiError) as error:  # such as a model's file that was cut short
                del self._batches[key]
                for concerned in {self._of[request][0] for request in batch.requests}:
                    self._end(concerned, error)
            else:
                if batch.idle:
                    del self._batches[key]
            yield Progress("stage.generating")
        for task in [task for task in self._active if task.gone]:
            self._active.remove(task)
        self._wait_for_readers()

    def _hand_on(self, batch: ContinuousBatch, request: Request, piece: Piece) -> None:
        task, index = self._of[request]
        if piece.error is not None:
            del self._of[request]
            self._end(task, piece.error)  # of several answers none goes on
            return
        done = bool(piece.finish_reason)
        made = Written(
            index, piece.text, task.logprobs(batch.engine, piece), piece.finish_reason,
            request.new_tokens if done else 0, request.cached_tokens if done else 0,
        )  # fmt: skip
        if made.text or made.logprobs or done:
            task.outbox.put(made)
        if done:
            del self._of[request]
            task.open -= 1
            if task.open == 0:
                self._end(task)

    def _end(self, task: Task, error: BaseException | None = None) -> None:
        if task in self._active:
            self._active.remove(task)
            task.outbox.put(Ended(error))
            task.over = True

    def _wait_for_readers(self) -> None:
        """Nothing can go on before somebody reads."""
        if self._batches and all(batch.stalled for batch in self._batches.values()):
            time.sleep(_STALL)
