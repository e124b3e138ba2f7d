"""From files to what training reads, kept in the run's folder: once it is there, the files are not needed."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from autogpt_desktop import atomic, paths
from autogpt_desktop.documents.text.languages import language_of
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.data.clean import boilerplate, clean, without_lines
from autogpt_desktop.lab.data.compress import xz_bits_per_byte
from autogpt_desktop.lab.data.copies import find_copies
from autogpt_desktop.lab.data.examples import Example, is_empty
from autogpt_desktop.lab.data.overlap import set_apart
from autogpt_desktop.lab.data.sources import LeftOut, read_sources
from autogpt_desktop.lab.data.split import cut, split_texts
from autogpt_desktop.lab.data.tokenize import END, train_tokenizer, write_ids
from autogpt_desktop.lab.runs.events import DataFound, Event, Notice, Stage
from autogpt_desktop.lab.runs.forecast import choose_vocab_size
from autogpt_desktop.lab.runs.spec import RunSpec
from autogpt_desktop.lab.train.corpus import Corpus

READY = "ready.json"  # written last: what it names is whole
TOKENIZER = "tokenizer.json"
LEAST_BYTES = 2000
MOST_CHARACTERS = 1 << 30  # of all texts together
_LANGUAGE_SAMPLES = 2000  # texts whose language is told
_SAMPLES, _SAMPLE = 5, 300  # that are shown; characters of one
_SKIPPED = 200  # files that are named
_FEW = 20  # texts, of which parts are held out rather than whole ones
_PART = 2000  # characters
# what is said of passages that both sides have, by the side that they were left out of
_SHARED = {
    "held_out": "notice.lab-data-shared-checking",
    "train": "notice.lab-data-shared-learning",
    "": "notice.lab-data-shared-kept",
}

Stop = Callable[[], bool]


class Stopped(Exception):
    """The user does not want it any more."""


@dataclass(slots=True)
class _Gathered:
    """What the files gave."""

    examples: list[Example]
    labels: list[str]
    skipped: dict[str, str]
    errors: list[KnownError]
    duplicates: int = 0


# --- a corpus for a new model


def is_ready(folder: Path) -> bool:
    """Whether the data in this folder is whole."""
    return os.path.isfile(folder / READY)


def prepare_corpus(spec: RunSpec, folder: Path, stop: Stop = lambda: False) -> Generator[Event, None, None]:
    """Read, clean, sort out copies, split, train the tokenizer, and write token ids into ``folder``.

    Raises Stopped, OSError (a full disk), KnownError: lab-data-none, lab-data-unusable, lab-data-little,
    lab-data-repeats, and what a file that was named alone raises.
    """
    gathered = yield from _gather(spec, stop)
    texts = [as_text(example) for example in gathered.examples]
    gathered.examples.clear()
    yield Stage("stage.lab-cleaning")
    texts = _without_copies(_clean_texts(texts), gathered)
    _check_stop(stop)
    if lines := boilerplate(texts):
        yield Notice("notice.lab-data-boilerplate", {"count": f"{len(lines):,}"})
        texts = _without_copies([without_lines(text, lines) for text in texts], gathered)
    _check_stop(stop)
    size = sum(_bytes(text) for text in texts)
    _check_size(size, gathered)
    languages = _languages(texts)
    _check_stop(stop)
    train, held_out = split_texts(texts, _share(spec), spec.data.seed)
    documents = len(texts)
    texts.clear()
    apart = set_apart(train, held_out, lambda: _check_stop(stop))
    if apart.count:
        values = {"count": f"{apart.count:,}", "share": f"{100 * apart.share:.0f}"}
        yield Notice(_SHARED[apart.side], values)
    train, held_out = apart.train, apart.held_out
    size = sum(map(_bytes, train)) + sum(map(_bytes, held_out))

    joined = "\n\n".join(train).encode("utf-8", "replace")
    yardstick = xz_bits_per_byte(joined, "\n\n".join(held_out).encode("utf-8", "replace"), stop)
    del joined
    yield Stage("stage.lab-tokenizing", 0, size)
    _check_stop(stop)
    wanted = spec.options.get("vocab_size")
    vocab = wanted if isinstance(wanted, int) else choose_vocab_size(size)
    tokenizer = train_tokenizer(train, max(257, min(vocab, 1 << 17)))
    _check_stop(stop)
    paths.make_private(folder)
    tokens = write_ids(folder / "train.npy", train, tokenizer)
    yield Stage("stage.lab-tokenizing", sum(map(_bytes, train)), size)
    held_out_tokens = write_ids(folder / "held_out.npy", held_out, tokenizer)
    atomic.write_text(folder / TOKENIZER, tokenizer.to_str(), private=True)
    _check_stop(stop)

    yield Stage("stage.lab-compressing")
    held_out_bytes = sum(map(_bytes, held_out))
    found = DataFound(
        documents=documents,
        tokens=tokens,
        bytes=size - held_out_bytes,
        held_out_tokens=held_out_tokens,
        held_out_bytes=held_out_bytes,
        languages=languages,
        duplicates=gathered.duplicates,
        skipped=gathered.skipped,
        samples=_samples(train),
        vocab_size=tokenizer.get_vocab_size(),
        xz_bits_per_byte=round(yardstick(), 4),
    )
    _write_ready(folder, found, {"end_token": tokenizer.token_to_id(END)})
    yield found


def open_corpus(folder: Path) -> tuple[Corpus, Tokenizer, DataFound]:
    """What ``prepare_corpus`` left; ids are mapped files. Raises KnownError("run-damaged")."""
    try:
        found, more = _read_ready(folder)
        train = np.load(folder / "train.npy", mmap_mode="r")
        held_out = np.load(folder / "held_out.npy", mmap_mode="r")
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        corpus = Corpus(train, held_out, found.held_out_bytes, found.vocab_size, more["end_token"])
    except Exception as error:  # ``tokenizers`` raises plain Exception
        raise KnownError("run-damaged", name=folder.parent.name, what=str(error)[:200]) from error
    if (len(train), len(held_out)) != (found.tokens, found.held_out_tokens):
        raise KnownError("run-damaged", name=folder.parent.name, what="data")
    return corpus, tokenizer, found


# --- examples for an installed model


def prepare_examples(spec: RunSpec, folder: Path, stop: Stop = lambda: False) -> Generator[Event, None, None]:
    """The same for conversations, pairs and texts, or for texts with labels: kept as lines of JSON.

    Raises as ``prepare_corpus``.
    """
    gathered = yield from _gather(spec, stop)
    yield Stage("stage.lab-cleaning")
    examples: list[Example] = []
    labels: list[str] = []
    for example, label in zip(gathered.examples, gathered.labels, strict=True):
        cleaned = _clean_example(example)
        few = spec.kind == "adapt" and len(gathered.examples) < _FEW and not cleaned.turns
        parts = [replace(cleaned, text=part) for part in cut(cleaned.text, _PART)] if few else [cleaned]
        examples += [part for part in parts if not is_empty(part)]
        labels += [" ".join(label.split())] * (len(examples) - len(labels))
    _check_stop(stop)
    if spec.task == "answer":  # two questions about one text are no copies
        places: dict[Example, int] = {}
        groups = [places.setdefault(example, number) for number, example in enumerate(examples)]
    else:
        groups = find_copies(
            [as_text(example) + "\0" + label for example, label in zip(examples, labels, strict=True)]
        )
    kept = [number for number, first in enumerate(groups) if first == number]
    gathered.duplicates += len(examples) - len(kept)
    examples, labels = [examples[number] for number in kept], [labels[number] for number in kept]
    if not examples:
        raise _nothing(gathered)
    if spec.task == "answer":
        held_out = _hold_out_texts([one.text for one in examples], spec)
    else:
        held_out = _hold_out(labels if spec.kind == "head" else [""] * len(examples), spec)
    paths.make_private(folder)
    lines = [
        json.dumps({"turns": one.turns, "text": one.text, "label": label, "held_out": number in held_out})
        for number, (one, label) in enumerate(zip(examples, labels, strict=True))
    ]
    atomic.write_text(folder / "examples.jsonl", "\n".join(lines) + "\n", private=True)
    texts = [as_text(example) for example in examples]
    sizes = [_bytes(text) for text in texts]
    out = sum(sizes[number] for number in held_out)
    found = DataFound(
        documents=len(examples),
        tokens=0,
        bytes=sum(sizes) - out,
        held_out_tokens=0,
        held_out_bytes=out,
        languages=_languages(texts),
        duplicates=gathered.duplicates,
        skipped=gathered.skipped,
        samples=_samples(texts),
    )
    _write_ready(folder, found, {})
    yield found


def open_examples(folder: Path) -> tuple[list[Example], list[Example]]:
    """(to learn, held out) of what ``prepare_examples`` left. Raises KnownError("run-damaged")."""
    sides: tuple[list[Example], list[Example]] = ([], [])
    for row in _rows(folder):
        turns = tuple((role, text) for role, text in row["turns"])
        sides[row["held_out"]].append(Example(turns, row["text"]))
    return sides


def open_labeled(folder: Path) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The same for texts with labels: (text, label)."""
    sides: tuple[list[tuple[str, str]], list[tuple[str, str]]] = ([], [])
    for row in _rows(folder):
        sides[row["held_out"]].append((row["text"], row["label"]))
    return sides


def as_text(example: Example) -> str:
    """A text; of a conversation the transcript that chat shows to models without a template."""
    if not example.turns:
        return example.text
    names = {"user": "User: ", "assistant": "Assistant: "}
    turns = [names.get(role, "") + content.strip() for role, content in example.turns]
    return "\n".join([*([example.text] if example.text else []), *turns])


# --- steps


def _gather(spec: RunSpec, stop: Stop) -> Generator[Event, None, _Gathered]:
    yield Stage("stage.lab-reading")
    gathered = _Gathered([], [], {}, [])
    characters, told = 0, 0
    for one in read_sources(spec.data):
        _check_stop(stop)
        if one is None:
            continue
        if isinstance(one, LeftOut):
            gathered.errors.append(one.error)
            if len(gathered.skipped) < _SKIPPED:
                gathered.skipped[one.name] = one.error.key
            continue
        length = len(one.example.text) + sum(len(content) for _, content in one.example.turns)
        if characters + length > MOST_CHARACTERS:
            yield Notice("notice.lab-data-cut", {"most": f"{MOST_CHARACTERS / 1e9:.0f}"})
            break
        characters += length
        gathered.examples.append(one.example)
        gathered.labels.append(one.label)
        if characters - told > 1 << 20:
            told = characters
            yield Stage("stage.lab-reading", characters)
    if not gathered.examples:
        raise _nothing(gathered)
    return gathered


def _nothing(gathered: _Gathered) -> KnownError:
    """Why there is nothing to learn."""
    if len(gathered.errors) == 1:
        return gathered.errors[0]
    if not gathered.errors:
        return KnownError("lab-data-none")
    names = ", ".join(list(gathered.skipped)[:5])
    return KnownError("lab-data-unusable", count=f"{len(gathered.errors):,}", names=names)


def _check_size(size: int, gathered: _Gathered) -> None:
    if size == 0:
        raise _nothing(gathered)
    if size < LEAST_BYTES:
        raise KnownError("lab-data-little", bytes=f"{size:,}", least=f"{LEAST_BYTES:,}")


def _check_stop(stop: Stop) -> None:
    if stop():
        raise Stopped


def _without_copies(texts: list[str], gathered: _Gathered) -> list[str]:
    """The first of each, without empty ones; counts the others."""
    texts = [text for text in texts if text.strip()]
    kept = [texts[number] for number, first in enumerate(find_copies(texts)) if first == number]
    gathered.duplicates += len(texts) - len(kept)
    return kept


def _clean_texts(texts: list[str]) -> list[str]:
    """In place, so that not all stand there twice."""
    for number, text in enumerate(texts):
        texts[number] = clean(text)
    return texts


def _clean_example(example: Example) -> Example:
    turns = tuple((role, text) for role, content in example.turns if (text := clean(content)))
    return replace(example, turns=turns, text=clean(example.text))


def _hold_out(labels: Sequence[str], spec: RunSpec) -> frozenset[int]:
    """Some of each class, at least one where there are two."""
    chance = random.Random(spec.data.seed)
    by_label: dict[str, list[int]] = {}
    for number, label in enumerate(labels):
        by_label.setdefault(label, []).append(number)
    chosen = list[int]()
    for numbers in by_label.values():
        count = min(max(1, round(_share(spec) * len(numbers))), len(numbers) - 1)
        chosen += chance.sample(numbers, count)
    return frozenset(chosen)


def _hold_out_texts(texts: Sequence[str], spec: RunSpec) -> frozenset[int]:
    """Questions whose texts no other question is about; of a single text some of the questions."""
    groups: dict[str, list[int]] = {}
    for number, text in enumerate(texts):
        groups.setdefault(text, []).append(number)
    if len(groups) < 2:
        return _hold_out([""] * len(texts), spec)
    order = list(groups.values())
    random.Random(spec.data.seed).shuffle(order)
    chosen = list[int]()
    for numbers in order[:-1]:
        if not chosen or len(chosen) + len(numbers) <= _share(spec) * len(texts):
            chosen += numbers
    return frozenset(chosen)


def _share(spec: RunSpec) -> float:
    return min(max(spec.data.held_out, 0.001), 0.5)


def _languages(texts: Sequence[str]) -> dict[str, int]:
    """Bytes by language; of many texts a sample tells."""
    step = max(1, len(texts) // _LANGUAGE_SAMPLES)
    counted = Counter[str]()
    for text in texts[::step]:
        counted[language_of(text[:20_000]).code or "?"] += _bytes(text) * step
    return dict(counted.most_common(20))


def _samples(texts: Sequence[str]) -> tuple[str, ...]:
    step = max(1, len(texts) // _SAMPLES)
    return tuple(text.strip()[:_SAMPLE] for text in texts[::step][:_SAMPLES])


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _write_ready(folder: Path, found: DataFound, more: dict[str, Any]) -> None:
    text = json.dumps({"version": 1, "found": asdict(found), **more}, ensure_ascii=False)
    atomic.write_text(folder / READY, text, private=True, durable=True)


def _read_ready(folder: Path) -> tuple[DataFound, dict[str, Any]]:
    values = json.loads((folder / READY).read_text(encoding="utf-8"))
    found = values.pop("found")
    return DataFound(**found | {"samples": tuple(found["samples"])}), values


def _rows(folder: Path) -> list[dict[str, Any]]:
    try:
        text = (folder / "examples.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]
    except (OSError, ValueError) as error:
        raise KnownError("run-damaged", name=folder.parent.name, what=str(error)[:200]) from error
