"""Answers that stand in a text: an encoder learns where they begin and end, or that there is none.

Devlin et al., 2019: two scores of each token, start and end; the first token's are those of "no answer". The
result is a model's folder as ``transformers`` has it (BertForQuestionAnswering and its like), which Questions
reads with.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from autogpt_desktop import atomic
from autogpt_desktop.engine.formats.e5_header import is_e5
from autogpt_desktop.engine.formats.encoder_config import is_encoder
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine, Spans, load_encoder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt.embed import RESULT, write_tuned
from autogpt_desktop.lab.adapt.tune import trainable
from autogpt_desktop.lab.data.examples import Example
from autogpt_desktop.lab.runs.events import Eval, Event, Finished, Notice, Sample, Stage, Train
from autogpt_desktop.lab.runs.spec import RunSpec

LEAST = 8  # questions
_EPOCHS = 12  # at most
_PATIENCE = 3  # passes in a row that do not help
_LOOKED = 300  # held-out questions that are looked at
_BATCH = 16
_RATE, _HEAD_RATE = 1.5e-4, 1e-3
_STRIDE = 0.3  # of a window's room, which the next one has again
_MOST_TOKENS = 30  # of an answer
_MOST_PLACES = 100  # where one is looked for as a whole
_SAMPLES = 3
_TASK = {"bert": "Bert", "roberta": "Roberta", "xlm-roberta": "XLMRoberta", "distilbert": "DistilBert"}
_SENTENCE_FILES = ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a text. The answer is ``context[start:end]``; -1: there is none."""

    question: str
    context: str
    start: int = -1
    end: int = -1

    @property
    def answer(self) -> str:
        return self.context[self.start : self.end] if self.start >= 0 else ""


@dataclass(frozen=True, slots=True)
class Questions:
    """What examples give; ``lost``: answers that do not stand in their texts."""

    asked: list[Asked]
    lost: list[str]


def questions_of(examples: Sequence[Example]) -> Questions:
    """The first place where each answer stands, whatever its case and white space."""
    asked: dict[Asked, None] = {}
    lost = []
    for example in examples:
        said = dict(example.turns)
        question, answer = said.get("user", "").strip(), said.get("assistant", "").strip()
        if not question or not example.text.strip():
            continue
        one = Asked(question, example.text)
        if answer:
            place = find_answer(example.text, answer)
            if place is None:
                lost.append(answer)
                continue
            one = replace(one, start=place[0], end=place[1])
        asked[one] = None
    return Questions(list(asked), lost)


def find_answer(context: str, answer: str) -> tuple[int, int] | None:
    """Where it stands as a whole, among the first places where it stands at all; else the first of these."""
    (text, places), (wanted, _) = _folded(context), _folded(answer)
    first = None
    at = text.find(wanted) if wanted else -1
    for _ in range(_MOST_PLACES):
        if at < 0:
            break
        end = at + len(wanted)
        span = places[at], places[end - 1] + 1
        if not (_is_word(text[at - 1 : at]) or _is_word(text[end : end + 1])):
            return span
        first, at = first or span, text.find(wanted, at + 1)
    return first


def _folded(text: str) -> tuple[str, list[int]]:
    """Without case, with one space for each white space between words; and where each letter of it stood."""
    letters: list[str] = []
    places: list[int] = []
    for word in re.finditer(r"\S++", text):
        if letters:
            letters.append(" ")
            places.append(word.start() - 1)
        for at, letter in enumerate(word.group(), word.start()):
            for one in letter.casefold():
                letters.append(one)
                places.append(at)
    return "".join(letters), places


def _is_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"


def train_spans(
    spec: RunSpec,
    base: Path,
    train: Sequence[Example],
    held_out: Sequence[Example],
    folder: Path,
    *,
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Event]:
    """Teach the encoder at ``base`` to find answers and leave a whole model in ``folder``/result.

    ``Eval.accuracy``: the share of words that the answers to held-out questions have in common with the
    wanted ones (F1; 1 for "no answer" where there is none). Raises KnownError: lab-span-base, lab-span-none,
    lab-span-few.
    """
    begun = clock()
    if not (base.is_dir() and is_encoder(base)) or is_e5(base):  # its weights stay as they are
        raise KnownError("lab-span-base", name=base.name)
    yield Stage("stage.lab-reading")
    learned, kept = questions_of(train), questions_of(held_out)
    yield from _what_was_found(learned, kept)
    engine = run_to_end(load_encoder(base))
    if engine.config.head != "embedding":
        engine = _bare(engine)
    model = _Learner(engine, spec.seed)
    windows = [window for one in learned.asked for window in model.windows(one)]
    checked = kept.asked[:_LOOKED]

    yield Stage("stage.lab-training")
    best, since, slowest, reason = -1.0, 0, 0.0, "converged"
    steps = tokens = 0
    result: dict[str, Tensor] = {}
    total = _EPOCHS * math.ceil(len(windows) / _BATCH)
    epoch = 0
    while epoch < _EPOCHS and since < _PATIENCE:
        epoch, started = epoch + 1, clock()
        if result and (stop() or started - begun + slowest > spec.minutes * 60):
            reason = "stopped" if stop() else "time"
            break
        losses = []
        order = np.random.default_rng(spec.seed + epoch).permutation(len(windows))
        for first in range(0, len(windows), _BATCH):
            if stop() or (clock() - begun > spec.minutes * 60 and steps):
                break
            part = [windows[at] for at in order[first : first + _BATCH]]
            done = max(steps / total, (clock() - begun) / (spec.minutes * 60))
            losses.append(model.learn(part, min((steps + 1) / max(1, total // 20), 1 - 0.9 * min(1.0, done))))
            steps, tokens = steps + 1, tokens + sum(len(one.ids) for one in part)
        speed = sum(len(windows[at].ids) for at in order[: len(losses) * _BATCH]) / max(
            1e-9, clock() - started
        )
        if losses:
            yield Train(steps, tokens, sum(losses) / len(losses), _RATE, speed)
        found = model.answers(checked)
        share = sum(f1(text, one.answer) for text, one in zip(found, checked, strict=True)) / len(checked)
        slowest = max(slowest, clock() - started)
        is_best = share > best
        since = 0 if is_best else since + 1
        if is_best:
            best, result = share, model.tensors()
        yield Eval(steps, tokens, 1 - share, accuracy=share, best=is_best)
    shown = sorted(zip(checked, found, strict=True), key=lambda pair: not pair[0].answer)[:_SAMPLES]
    for one, text in shown:
        yield Sample(steps, f"{one.question} ", text or "–", "after")
    engine.close()
    write_model(base, folder / RESULT, engine.config.family, result)
    yield Finished(reason, RESULT, 1 - best)


def _what_was_found(learned: Questions, kept: Questions) -> Iterator[Notice]:
    """What is left out, in words. Raises KnownError where too little is left."""
    both, lost = [*learned.asked, *kept.asked], [*learned.lost, *kept.lost]
    if lost:
        yield Notice("notice.lab-spans-lost", {"count": len(lost), "example": lost[0][:80]})
    if both and not any(one.answer for one in both):
        raise KnownError("lab-span-none", count=len(both), lost=len(lost))
    if len(learned.asked) < LEAST or not kept.asked:
        raise KnownError("lab-span-few", count=len(both), least=LEAST + 1)
    if unanswered := sum(not one.answer for one in both):
        yield Notice("notice.lab-spans-unanswered", {"count": unanswered})


@dataclass(frozen=True, slots=True)
class _Window:
    """A question with a part of its text, as tokens; ``first`` and ``last`` of the answer, 0: not in here."""

    ids: list[int]
    types: list[int]
    first: int
    last: int


class _Learner:
    """An encoder whose layers learn, with a head of two scores."""

    def __init__(self, engine: EncoderEngine, seed: int) -> None:
        self.engine = engine
        generator = torch.Generator().manual_seed(seed)
        width = engine.config.hidden_size
        self.layers = trainable(engine, engine.config.num_hidden_layers)
        self.head = {
            "qa_outputs.weight": (torch.randn(2, width, generator=generator) * 0.02).requires_grad_(),
            "qa_outputs.bias": torch.zeros(2, requires_grad=True),
        }
        groups: list[dict[str, Any]] = [
            {"params": list(self.layers.values()), "lr": _RATE, "rate": _RATE},
            {"params": list(self.head.values()), "lr": _HEAD_RATE, "rate": _HEAD_RATE},
        ]
        self.optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
        engine.weights.update(self.head)
        engine.config = replace(engine.config, head="question_answering")

    def windows(self, one: Asked) -> list[_Window]:
        """The question with as much of the text as there is room for, until all of it was there."""
        found = []
        for encoding in encoded(self.engine, one):
            inside = [at for at, number in enumerate(encoding.sequence_ids) if number == 1]
            covered = [at for at in inside if _overlaps(encoding.offsets[at], one)]
            whole = covered and one.answer and _has_all(encoding, inside, one)
            first, last = (covered[0], covered[-1]) if whole else (0, 0)
            found.append(_Window(encoding.ids, encoding.type_ids, first, last))
        return found

    def learn(self, windows: Sequence[_Window], share: float) -> float:
        """One step; the mean loss."""
        width = max(len(one.ids) for one in windows)
        ids, types = torch.zeros(2, len(windows), width, dtype=torch.int64)
        mask = torch.zeros(len(windows), width, dtype=torch.bool)
        for row, one in enumerate(windows):
            ids[row, : len(one.ids)] = torch.tensor(one.ids)
            types[row, : len(one.ids)] = torch.tensor(one.types)
            mask[row, : len(one.ids)] = True
        hidden = self.engine.forward(ids, mask, types)
        scores = F.linear(hidden, self.head["qa_outputs.weight"], self.head["qa_outputs.bias"])
        scores = scores.masked_fill(~mask[:, :, None], -1e4)
        wanted = [torch.tensor([one.first for one in windows]), torch.tensor([one.last for one in windows])]
        loss = sum(F.cross_entropy(scores[:, :, side], wanted[side]) for side in (0, 1)) / 2
        assert isinstance(loss, Tensor)
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*self.layers.values(), *self.head.values()], 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * max(0.0, share)
        if torch.isfinite(loss):
            self.optimizer.step()
        self.optimizer.zero_grad()
        return float(loss.detach())

    def answers(self, asked: Sequence[Asked]) -> list[str]:
        """What the model says to each; "": no answer."""
        scored: dict[int, tuple[float, str]] = {}
        parts = [
            (number, start, end)
            for number, one in enumerate(asked)
            for start, end in pieces(self.engine, one)
        ]
        pairs = [(asked[number].question, asked[number].context[start:end]) for number, start, end in parts]
        for step in self.engine.spans(pairs):
            if isinstance(step, tuple):
                at, spans = step
                score, first, last = best_span(spans)
                number = parts[at][0]
                if score > scored.get(number, (0.0, ""))[0]:
                    scored[number] = score, pairs[at][1][first:last]
        return [scored.get(number, (0.0, ""))[1] for number in range(len(asked))]

    def tensors(self) -> dict[str, Tensor]:
        return {name: one.detach().clone() for name, one in (self.layers | self.head).items()}


def encoded(engine: EncoderEngine, one: Asked) -> list[Any]:
    """The encodings of a question with each part of its text."""
    tokenizer, most = engine.tokenizer, engine.config.max_tokens
    room = most - engine.tokens(one.question)
    try:
        if room >= 32:
            tokenizer.enable_truncation(most, stride=int(_STRIDE * room), strategy="only_second")
        found = tokenizer.encode(one.question, one.context)
    finally:
        tokenizer.enable_truncation(most)
    return [found, *found.overflowing] if room >= 32 else [found]


def pieces(engine: EncoderEngine, one: Asked) -> list[tuple[int, int]]:
    """Where the parts begin and end in the text."""
    found = []
    for encoding in encoded(engine, one):
        inside = [encoding.offsets[at] for at, number in enumerate(encoding.sequence_ids) if number == 1]
        if inside:
            found.append((inside[0][0], inside[-1][1]))
    return found


def best_span(spans: Spans) -> tuple[float, int, int]:
    """(how much better than no answer, first and last character) of the best."""
    count = len(spans.offsets)
    both = spans.start[:, None] + spans.end[None, :]
    possible = torch.ones(count, count, dtype=torch.bool).triu() & ~torch.ones(
        count, count, dtype=torch.bool
    ).triu(_MOST_TOKENS)
    at = int(both.masked_fill(~possible, -1e9).argmax())
    first, last = divmod(at, count)
    return float(both[first, last]) - spans.null, spans.offsets[first][0], spans.offsets[last][1]


def _overlaps(offset: tuple[int, int], one: Asked) -> bool:
    return bool(one.answer) and offset[0] < one.end and offset[1] > one.start


def _has_all(encoding: Any, inside: list[int], one: Asked) -> bool:
    return bool(encoding.offsets[inside[0]][0] <= one.start and one.end <= encoding.offsets[inside[-1]][1])


def f1(found: str, wanted: str) -> float:
    """Rajpurkar et al., 2016: the harmonic mean of the shares of words that both have; letters of languages
    without spaces stand alone."""
    one, other = Counter(_words(found)), Counter(_words(wanted))
    if not one or not other:
        return float(one == other)
    common = sum((one & other).values())
    return 2 * common / (sum(one.values()) + sum(other.values()))


def _words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = re.findall(r"[\u2e80-\u9fff\uac00-\ud7ff]|[^\W\u2e80-\u9fff\uac00-\ud7ff]+", folded)
    return [word for word in words if word not in ("a", "an", "the")]


def _bare(engine: EncoderEngine) -> EncoderEngine:
    """Without the head that it has."""
    engine.config = replace(engine.config, head="embedding", labels=())
    return engine


def write_model(base: Path, out: Path, family: str, tensors: dict[str, Tensor]) -> None:
    """The base's folder with the learned weights, the head, and a configuration that says so. Raises
    OSError."""
    scratch = out.with_name("scratch-spans")
    write_tuned(base, scratch, tensors)
    for name in _SENTENCE_FILES:
        (scratch / name).unlink(missing_ok=True)
    for inner in [path for path in scratch.iterdir() if path.is_dir()]:
        shutil.rmtree(inner, ignore_errors=True)
    head = {name: tensor.contiguous() for name, tensor in tensors.items() if name.startswith("qa_outputs")}
    file = sorted(scratch.glob("*.safetensors"))[0]
    old = {
        name: one
        for name, one in load_file(file).items()
        if not name.startswith(("classifier", "qa_outputs"))
    }
    save_file(old | head, file, {"format": "pt"})
    for index in scratch.glob("*.safetensors.index.json"):
        index.unlink()  # it does not know the head
    values = json.loads((scratch / "config.json").read_text(encoding="utf-8"))
    values["architectures"] = [f"{_TASK[family]}ForQuestionAnswering"]
    values.pop("id2label", None), values.pop("label2id", None)
    atomic.write_text(scratch / "config.json", json.dumps(values, indent=2), private=True)
    shutil.rmtree(out, ignore_errors=True)
    scratch.rename(out)
