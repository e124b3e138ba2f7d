"""A new model on a text, beside ``xz -9`` and nanoGPT's recipe, and what its parts are worth."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from autogpt_desktop.bench.train.char_gpt import char_gpt
from autogpt_desktop.lab.data.prepare import open_corpus, prepare_corpus
from autogpt_desktop.lab.runs.events import Compared, Eval, Event, Finished, ScalingLaw, Train, Trial
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from autogpt_desktop.lab.train.run import train_new

_HELD_OUT = 0.05


def measure_new(data: Path, minutes: float, seed: int) -> dict[str, Any]:
    """Bits per byte of the held-out text: ours, ``xz -9``'s behind the training text, nanoGPT's recipe's."""
    with tempfile.TemporaryDirectory(prefix="autogpt-desktop-bench-") as folder:
        place, spec = Path(folder), _spec(data, minutes, seed)
        corpus, tokenizer, found = _prepared(spec, place)
        events = list(train_new(spec, corpus, tokenizer, place / "run"))
        train, held_out = (
            tokenizer.decode([int(one) for one in part], skip_special_tokens=True).encode()
            for part in (corpus.train, corpus.held_out)
        )
        peer = char_gpt(train, held_out, minutes * 60, seed)
    return {
        "minutes": minutes,
        "bytes": found.bytes,
        "bits_per_byte": _finished(events).bits_per_byte,
        "xz -9": found.xz_bits_per_byte,
        "nanoGPT's recipe": peer,
        **_told(events),
    }


def measure_choices(data: Path, minutes: float, seed: int, name: str, ways: dict[str, Any]) -> dict[str, Any]:
    """Bits per byte of each of ``ways``, options of a run, with equal time in all, three seeds each."""
    results: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory(prefix="autogpt-desktop-bench-") as folder:
        spec = _spec(data, minutes, seed)
        corpus, tokenizer, _ = _prepared(spec, Path(folder))
        for number in range(3):
            for way, changes in ways.items():
                one = replace(spec, seed=seed + number, **changes)
                events = train_new(one, corpus, tokenizer, Path(folder) / f"{way}-{number}")
                results[way].append(_finished(list(events)).bits_per_byte)
    means = {way: statistics.mean(bits) for way, bits in results.items()}
    return {"what": name, "minutes": minutes, "bits_per_byte": means, "seeds": results}


def searched_or_usual(data: Path, minutes: float, seed: int) -> dict[str, Any]:
    """A run that searches its shape, against one that takes the usual one, equal time in all."""
    ways = {"searched": {"search": True, "grow": False}, "usual": {"search": False, "grow": False}}
    return measure_choices(data, minutes, seed, "search", ways)


def muon_or_adamw(data: Path, minutes: float, seed: int) -> dict[str, Any]:
    """Both with the learning rate that suits them, without search and growth."""
    plain = {"search": False, "grow": False}
    ways = {name: plain | {"options": {"optimizer": name}} for name in ("muon", "adamw")}
    return measure_choices(data, minutes, seed, "optimizer", ways)


def _spec(data: Path, minutes: float, seed: int) -> RunSpec:
    return RunSpec("new", DataSpec((str(data),), held_out=_HELD_OUT, seed=seed), minutes, seed=seed)


def _prepared(spec: RunSpec, place: Path) -> Any:
    for _ in prepare_corpus(spec, place / "data"):
        pass
    return open_corpus(place / "data")


def _finished(events: list[Event]) -> Finished:
    (done,) = [event for event in events if isinstance(event, Finished)]
    return done


def _told(events: list[Event]) -> dict[str, Any]:
    trains = [event for event in events if isinstance(event, Train)]
    looks = [event for event in events if isinstance(event, Eval)]
    return {
        "tokens": trains[-1].tokens if trains else 0,
        "tokens/s": round(statistics.median(event.tokens_per_second for event in trains)) if trains else 0,
        "memory_mb": max((event.memory for event in trains), default=0) >> 20,
        "trials": sum(isinstance(event, Trial) for event in events),
        "compared": [f"{event.what}: {event.winner} {event.losses}" for event in _of(events, Compared)],
        "law": [(event.loss, event.low, event.high) for event in _of(events, ScalingLaw)],
        "looks": [(one.tokens, round(one.bits_per_byte, 3)) for one in looks[:: len(looks) // 10 or 1]],
    }


def _of(events: list[Event], kind: Any) -> Iterator[Any]:
    return (event for event in events if isinstance(event, kind))
