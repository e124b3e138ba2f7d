"""Texts by the user's own labels: those of a head that was trained on examples."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.tasks.sentiment.measure import EMPTY, LONG, windows

if TYPE_CHECKING:
    from autogpt_desktop.documents.run_results import Numbers
    from autogpt_desktop.engine.model_pool import Models
    from autogpt_desktop.engine.text_head import HeadEngine
    from autogpt_desktop.tasks.sentiment.corrections import Corrections


@dataclass(frozen=True, slots=True)
class Labeled:
    """A text's label and the probability of each; of an empty text "" and ()."""

    index: int
    label: str
    shares: tuple[float, ...]  # in the order of the head's labels; they sum to one
    flags: tuple[str, ...] = ()
    language: str = ""  # a head knows the languages that it was taught in

    @property
    def share(self) -> float:
        """Of the label."""
        return max(self.shares, default=0.0)


class _Windows:
    """What ``measure.windows`` asks of a scorer."""

    def __init__(self, engine: HeadEngine) -> None:
        self.window, self.tokens = engine.context_length - 8, engine.tokens


def label_texts(
    engine: HeadEngine,
    texts: Sequence[str],
    cancelled: Callable[[], bool] = lambda: False,
    done: int = 0,
    total: int = 0,
) -> Generator[Progress, None, list[Labeled]]:
    """Each text's label; a long one is read in windows, whose logits count by their length. Equal windows are
    asked once. ``done`` and ``total`` count texts, for the Progress. Raises ``Cancelled``."""
    around: Any = _Windows(engine)
    cut: list[list[str]] = []  # the windows of each text
    flags: list[tuple[str, ...]] = []
    for text in texts:
        plain, spans, is_long = windows(text, around)
        cut.append([plain[start:end] for start, end in spans])
        named = ((EMPTY, not spans), (LONG, is_long))
        flags.append(tuple(name for name, is_so in named if is_so))
    asked = list(dict.fromkeys(piece for pieces in cut for piece in pieces))
    said: dict[str, list[float]] = {}
    for step in engine.classify(asked, cancelled):
        if isinstance(step, Progress):
            at = len(texts) * step.done // max(1, step.total)
            yield Progress("stage.scoring", done + at, total or len(texts))
        else:
            said[asked[step[0]]] = [float(value) for value in step[1]]
    return [
        _labeled(engine.labels, at, [(len(piece), said[piece]) for piece in pieces], flags[at])
        for at, pieces in enumerate(cut)
    ]


def _labeled(
    labels: Sequence[str], index: int, pieces: Sequence[tuple[int, list[float]]], flags: tuple[str, ...]
) -> Labeled:
    """Of the logits of a text's windows, with the length of each."""
    if not pieces:
        return Labeled(index, "", (), flags)
    whole = sum(length for length, _ in pieces)
    logits = [sum(length * row[at] for length, row in pieces) / whole for at in range(len(labels))]
    shares = _softmax(logits)
    return Labeled(index, labels[max(range(len(shares)), key=shares.__getitem__)], shares, flags)


def _softmax(logits: Sequence[float]) -> tuple[float, ...]:
    highest = max(logits)
    powers = [math.exp(value - highest) for value in logits]
    return tuple(power / sum(powers) for power in powers)


@dataclass(frozen=True)
class HeadJudge:
    """A head that is ready: what ``judges.Judge`` asks for."""

    engine: HeadEngine

    @property
    def labels(self) -> tuple[str, ...]:
        return self.engine.labels

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Of the head's own numbers and its base: a head that is trained again judges anew."""
        head = self.engine.head
        digest = hashlib.sha256(
            repr((head.base.name, head.base.fingerprint, head.labels, head.layers)).encode()
        )
        digest.update(head.weights.tobytes() + head.bias.tobytes())
        return "labels", digest.hexdigest()

    def measure(
        self, texts: Sequence[str], cancelled: Callable[[], bool], done: int = 0, total: int = 0
    ) -> Generator[Progress, None, list[Labeled]]:
        return (yield from label_texts(self.engine, texts, cancelled, done, total))

    def verdict(self, index: int, measured: Labeled, two_way: bool) -> Labeled:
        return replace(measured, index=index)

    def packed(self, measured: Labeled) -> tuple[Numbers, str]:
        return measured.shares, ",".join(measured.flags)

    def unpacked(self, numbers: Numbers, note: str) -> Labeled:
        shares, labels = tuple(numbers), self.labels
        label = labels[max(range(len(shares)), key=shares.__getitem__)] if shares else ""
        return Labeled(0, label, shares, tuple(filter(None, note.split(","))))

    def columns(self, two_way: bool) -> list[str]:
        return ["label", "probability", *self.labels]

    def cells(self, verdict: Labeled, two_way: bool, own: str | None) -> list[Any]:
        shares: list[Any] = [round(share, 4) for share in verdict.shares] or [""] * len(self.labels)
        return [verdict.label, round(verdict.share, 4) if verdict.label else "", *shares]

    def rest(self) -> None:
        """Nothing is held."""


MakeHeadJudge = Callable[
    ["Models", "Corrections | None", Callable[[], bool]], Generator[Progress | Notice, None, HeadJudge]
]


def head_judge(name: str, labels: Iterable[str] = ()) -> MakeHeadJudge:
    """What ``TableRun`` makes its judge with: the head of that name, which has these labels.

    It raises as loading does, and KnownError("sentiment-other-model") where its labels are others by now.
    """
    expected = tuple(labels)

    def make(
        models: Models, _corrections: Corrections | None, _cancelled: Callable[[], bool]
    ) -> Generator[Progress | Notice, None, HeadJudge]:
        engine: Any = yield from models.get(name)
        if expected and engine.labels != expected:
            raise KnownError("sentiment-other-model")
        return HeadJudge(engine)

    return make


def label_text(
    models: Models, name: str, labels: Iterable[str], text: str, cancelled: Callable[[], bool]
) -> Generator[Progress | Notice | Labeled, None, None]:
    """One text by the head of that name; raises as ``head_judge``."""
    judge: HeadJudge = yield from head_judge(name, labels)(models, None, cancelled)
    measured = yield from judge.measure([text], cancelled)
    yield judge.verdict(0, measured[0], False)
