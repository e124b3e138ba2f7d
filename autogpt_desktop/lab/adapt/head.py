"""A classifier with the user's own labels: a linear head on what an installed model makes of a text.

Several models and layers are tried; cross-validation on the examples decides (linear probes: Alain and
Bengio, 2016). What is held out is asked once, at the end.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.formats.adapter import fingerprint
from autogpt_desktop.engine.formats.adapter_files import Base
from autogpt_desktop.engine.formats.encoder_config import encoder_config, is_encoder
from autogpt_desktop.engine.formats.head_file import MAX_LABELS, Head, write_head
from autogpt_desktop.engine.formats.seq2seq_config import is_seq2seq
from autogpt_desktop.engine.formats.untrusted import readable
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.load import Checkpoint, load, open_checkpoint, run_to_end
from autogpt_desktop.engine.text_features import layer_count, text_features
from autogpt_desktop.engine.torch_backend.encoder import PASS_TOKENS as READ_TOKENS
from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine, load_encoder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt.embed import is_half
from autogpt_desktop.lab.adapt.logistic import Fitted, fit, stratified_folds
from autogpt_desktop.lab.runs.events import Eval, Event, Finished, Notice, Stage, Trial
from autogpt_desktop.lab.runs.memory import FIRST, encoder_bytes
from autogpt_desktop.lab.runs.spec import RunSpec
from autogpt_desktop.lab.train.memory import watched

RESULT = "result"
LEAST = 4  # examples of a label: some to learn from, one to check by
_HELD_OUT = 5  # every which example is held out
_LONGEST = 20_000  # characters of a text that are looked at


@dataclass(frozen=True, slots=True)
class HeadBase:
    """A model that may carry the head: an encoder or a language model."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True, eq=False)
class Labeled:
    """Texts with their labels, cleaned: ``numbers`` are places in ``labels``."""

    texts: list[str]
    numbers: NDArray[np.int64]
    labels: tuple[str, ...]
    empty: int = 0
    copies: int = 0
    unclear: int = 0  # texts that have several labels


def clean(examples: Sequence[tuple[str, str]]) -> Labeled:
    """Raises KnownError: lab-head-one-label, lab-head-too-few, lab-head-many-labels."""
    found: dict[str, set[str]] = {}
    empty = 0
    for text, label in examples:
        text, label = " ".join(text[:_LONGEST].split()), " ".join(label.split())
        if not text or not label:
            empty += 1
        else:
            found.setdefault(text, set()).add(label)
    clear = {text: next(iter(names)) for text, names in found.items() if len(names) == 1}
    counts = Counter(clear.values())
    names = tuple(sorted(counts))
    if len(names) > MAX_LABELS:
        raise KnownError("lab-head-many-labels", count=len(names), most=MAX_LABELS)
    if len(names) < 2:
        raise KnownError("lab-head-one-label", count=len(clear), label=names[0][:60] if names else "")
    rare = [name for name in names if counts[name] < LEAST]
    if rare:
        listed = ", ".join(f"{name[:40]} ({counts[name]})" for name in rare[:8])
        raise KnownError("lab-head-too-few", labels=listed, least=LEAST)
    place = {name: at for at, name in enumerate(names)}
    return Labeled(
        list(clear),
        np.array([place[name] for name in clear.values()]),
        names,
        empty,
        len(examples) - empty - len(found),
        len(found) - len(clear),
    )


def train_head(
    spec: RunSpec,
    train: Sequence[tuple[str, str]],
    held_out: Sequence[tuple[str, str]],
    bases: Sequence[HeadBase],
    folder: Path,
    *,
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Event]:
    """Learn the labels of (text, label) and leave a head in ``folder``/result. Without ``held_out`` a fifth
    of ``train`` is held out.

    ``bases`` are tried in their order, as far as the time goes; the first always is. Raises KnownError:
    those of ``clean``, lab-head-base for models that cannot carry one, and whatever loading can raise.
    """
    begun, seconds = clock(), spec.minutes * 60
    yield Stage("stage.lab-reading")
    examples = clean([*train, *held_out])
    for count, key in (
        (examples.empty, "notice.lab-head-empty"),
        (examples.unclear, "notice.lab-head-unclear"),
    ):
        if count:
            yield Notice(key, {"count": count})
    held = _held_out(examples, {" ".join(text[:_LONGEST].split()) for text, _ in held_out}, spec.seed)
    best: tuple[Fitted, HeadBase, tuple[int, ...], NDArray[np.float32]] | None = None
    languages: tuple[str, ...] = ()
    number, slowest = 0, 0.0
    for base in bases:
        started = clock()
        if best is not None and (stop() or started - begun + 1.5 * slowest > seconds):
            break
        yield Stage("stage.lab-features", number, len(bases))
        read = _read(base, examples.texts)
        rows, layers, known = yield from watched(reading_bytes(base, len(examples.texts)), read)
        for chosen in _choices(layers):
            x = rows[:, [layers.index(layer) for layer in chosen]].reshape(len(rows), -1)
            fitted = fit(x[~held], examples.numbers[~held], len(examples.labels), spec.seed)
            shape: dict[str, Any] = {
                "model": base.name, "layers": list(chosen), "strength": fitted.strength,
                "accuracy": round(fitted.accuracy, 4),
            }  # fmt: skip
            number += 1
            yield Trial(
                number, fitted.weights.size + fitted.bias.size, shape, "done", fitted.loss,
                train_seconds=clock() - started,
            )  # fmt: skip
            if best is None or fitted.loss < best[0].loss:
                best, languages = (fitted, base, chosen, x), known
        slowest = max(slowest, clock() - started)
    if best is None:
        raise KnownError("lab-head-base", name="")
    fitted, base, chosen, x = best
    report = measure(fitted.logits(x[held]), examples.numbers[held], examples.labels)
    final = fit(x, examples.numbers, len(examples.labels), spec.seed)
    scale = np.float32(final.spread * final.temperature)
    weights = np.asarray(final.weights / scale, np.float32)
    with readable(base.name):
        trained_on = Base(base.name, fingerprint(base.path), str(base.path))
    head = Head(
        examples.labels,
        trained_on,
        chosen,
        weights,
        np.asarray(final.bias / np.float32(final.temperature) - weights @ final.mean, np.float32),
        spec.name,
        languages,
        report | {"examples": len(examples.texts), "cross_validated": round(fitted.accuracy, 4)},
    )
    write_head(folder / RESULT, head)
    yield Eval(number, 0, report["loss"], accuracy=report["accuracy"], best=True)
    yield Finished("stopped" if stop() else "converged", RESULT, report["loss"])


def _read(
    base: HeadBase, texts: Sequence[str]
) -> Generator[Event, None, tuple[NDArray[np.float32], list[int], tuple[str, ...]]]:
    """What some layers make of each text [texts, layers, hidden_size], which ones, and the languages that
    the model knows."""
    engine = open_engine(base)
    try:
        layers = _layers(layer_count(engine))
        rows = np.zeros((len(texts), len(layers), engine.config.hidden_size), np.float32)
        for step in text_features(engine, texts, layers):
            if isinstance(step, tuple):
                rows[step[0]] = step[1].numpy()
        return rows, layers, tuple(engine.config.languages)
    finally:
        engine.close()
        yield from ()


def reading_bytes(base: HeadBase, texts: int) -> int:
    """What reading so many texts takes: an encoder's passes, or a language model's packed weights. 0: what
    it is cannot be read."""
    if os.path.isdir(base.path) and is_encoder(base.path):
        config = encoder_config(base.path)
        rows = texts * config.hidden_size * len(_layers(config.num_hidden_layers))
        return encoder_bytes(config, tokens=READ_TOKENS, layers=0, kept=rows, expanded=is_half(base.path))
    with suppress(KnownError, OSError):
        opened = open_checkpoint(base.path)
        rows = texts * opened.config.hidden_size * len(_layers(opened.config.num_hidden_layers))
        return FIRST + 4 * rows + packed_bytes(opened)
    return 0


def packed_bytes(opened: Checkpoint) -> int:
    """Of a language model's matrices as the compiled back end keeps them: about as the file does."""
    return sum(source.blocks.nbytes for source in opened.sources.values() if len(source.shape) == 2)


def _held_out(examples: Labeled, wanted: set[str], seed: int) -> NDArray[np.bool_]:
    """Those that are ``wanted``, if every label still has enough to learn from; else a fifth of each."""
    chosen = np.array([text in wanted for text in examples.texts])
    left = np.bincount(examples.numbers[~chosen], minlength=len(examples.labels))
    if chosen.any() and left.min() >= LEAST // 2:
        return chosen
    return stratified_folds(examples.numbers, _HELD_OUT, seed) == 0


def open_engine(base: HeadBase) -> Engine | EncoderEngine:
    """Raises KnownError("lab-head-base"), and as loading does."""
    if os.path.isdir(base.path) and is_encoder(base.path):
        return run_to_end(load_encoder(base.path))
    if os.path.isdir(base.path) and is_seq2seq(base.path):
        raise KnownError("lab-head-base", name=base.name)
    return run_to_end(load(base.path, device="cpu", context_length=1024))


def measure(logits: NDArray[np.float32], numbers: NDArray[np.int64], labels: Sequence[str]) -> dict[str, Any]:
    """Accuracy, loss, confusion (a row for each right label), and precision, recall, F1 of each label."""
    shifted = logits - logits.max(1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    said = logits.argmax(1)
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, (numbers, said), 1)
    classes = {}
    for at, label in enumerate(labels):
        right, named, there = confusion[at, at], confusion[:, at].sum(), confusion[at].sum()
        precision, recall = right / max(1, named), right / max(1, there)
        f1 = 2 * precision * recall / max(1e-9, precision + recall)
        classes[label] = {
            "precision": round(float(precision), 4), "recall": round(float(recall), 4),
            "f1": round(float(f1), 4), "count": int(there),
        }  # fmt: skip
    return {
        "accuracy": round(float((said == numbers).mean()), 4),
        "loss": abs(round(float(logs[np.arange(len(numbers)), numbers].mean()), 4)),
        "held_out": len(numbers),
        "confusion": confusion.tolist(),
        "classes": classes,
    }


def _layers(count: int) -> list[int]:
    """Of few layers all, of many some: heads read the upper half best, not always the last."""
    if count <= 6:
        return list(range(max(1, count // 2), count + 1))
    return sorted({round(count * share) for share in (0.4, 0.55, 0.7, 0.85, 1.0)})


def _choices(layers: list[int]) -> list[tuple[int, ...]]:
    """Each layer alone, and the last two and three together."""
    together = [tuple(layers[-size:]) for size in (2, 3) if len(layers) >= size]
    return [*((layer,) for layer in layers), *together]
