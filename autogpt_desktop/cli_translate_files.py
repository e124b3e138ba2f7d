"""``autogpt-desktop translate FILE…``: each file becomes another one, which keeps its form."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from autogpt_desktop.cli import Reporter, drive
from autogpt_desktop.documents.text import detect
from autogpt_desktop.documents.write import Blocks, Turned, open_blocks
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.translate import Translation, translate_many
from autogpt_desktop.tasks.translate_model import Answer


def files(models: Any, options: argparse.Namespace, glossary: Any, stop: Any) -> None:
    """Translate every file; each result's path goes to standard output."""
    folder = options.out if options.out and (len(options.files) > 1 or options.out.is_dir()) else None
    if folder is not None and not folder.is_dir():
        raise KnownError("translate-out-not-a-folder", name=folder.name)
    for path in options.files:
        blocks = open_blocks(path)
        wished = path.with_name(f"{path.stem}.{options.target}{blocks.suffix}")
        wished = folder / wished.name if folder else (options.out or wished)
        if wished.exists() and wished.samefile(path):
            raise KnownError("translate-overwrites", name=path.name)
        out = wished if options.out and not folder else _free(wished)
        with Done(wished.with_name(f"{wished.name}.part")) as memory:
            made = _translated(models, blocks, options, glossary, stop, memory)
            blocks.write([turned(translation) for translation in made], out)
            memory.remove()
        _report(path, blocks, made, options, out)


def turned(translation: Translation) -> Turned:
    """The text with where each of its sentences came from."""
    spans, at = [], 0
    for sentence in translation.sentences:
        at += len(sentence.before)
        spans.append((sentence.start, sentence.end, at, at + len(sentence.text)))
        at += len(sentence.text)
    return Turned(translation.text, tuple(spans))


def _translated(
    models: Any, blocks: Blocks, options: argparse.Namespace, glossary: Any, stop: Any, memory: Done
) -> list[Translation]:
    source = options.source
    if source == "auto":
        found = detect("\n".join(blocks.texts))
        source = found[0][0] if found else "auto"
        if source == options.target or source not in _offered():
            source = "auto"  # it is said, and flagged, for each text
    events = translate_many(
        models, blocks.texts, source, options.target,
        glossary=glossary, quality=options.quality, memory=memory, cancelled=stop,
    )  # fmt: skip
    return [event for event in drive(events, Reporter()) if isinstance(event, Translation)]


def _offered() -> Sequence[str]:
    from autogpt_desktop.tasks.prompts import LANGUAGES

    return tuple(LANGUAGES)


def _free(path: Path) -> Path:
    """``path``, or with the first number that makes it new."""
    found, number = path, 2
    while found.exists():
        found = path.with_name(f"{path.stem}.{number}{path.suffix}")
        number += 1
    return found


def _report(
    path: Path, blocks: Blocks, made: Sequence[Translation], options: argparse.Namespace, out: Path
) -> None:
    if options.json:
        from autogpt_desktop.cli_translate import as_json

        for text, translation in zip(blocks.texts, made, strict=True):
            if translation.sentences:
                print(as_json(text, translation))
    else:
        print(out)
    counted = Counter(flag for item in made for sentence in item.sentences for flag in sentence.flags)
    if counted:
        flags = ", ".join(f"{flag} {count}" for flag, count in counted.most_common())
        print(tr("{name}: look at these again: {flags}", name=path.name, flags=flags), file=sys.stderr)


class Done(MutableMapping[tuple[Any, ...], Answer]):
    """What was translated so far, in a file beside the result: a run that was ended goes on from there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, Answer] = {}

    def __enter__(self) -> Done:
        try:
            with self.path.open(encoding="utf-8") as file:
                for line in file:
                    self._read(line)
        except FileNotFoundError:
            self._known.clear()
        except OSError as error:
            raise KnownError("file-not-written", name=self.path.name, reason=error.strerror) from error
        try:
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise KnownError("file-not-written", name=self.path.name, reason=error.strerror) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self._known:
            self.path.unlink(missing_ok=True)

    def _read(self, line: str) -> None:
        try:
            key, text, confidence, flags = json.loads(line)
            self._known[str(key)] = Answer(str(text), float(confidence), tuple(map(str, flags)))
        except (ValueError, TypeError):  # the last line of a run that was killed
            return

    def __getitem__(self, key: tuple[Any, ...]) -> Answer:
        return self._known[_hash(key)]

    def __contains__(self, key: object) -> bool:
        return _hash(key) in self._known

    def __setitem__(self, key: tuple[Any, ...], answer: Answer) -> None:
        self._known[_hash(key)] = answer
        line = [_hash(key), answer.text, answer.confidence, list(answer.flags)]
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()

    def __delitem__(self, key: tuple[Any, ...]) -> None:
        del self._known[_hash(key)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def remove(self) -> None:
        """The result is written: this is no longer needed."""
        self._known.clear()


def _hash(key: object) -> str:
    return hashlib.sha256(repr(key).encode()).hexdigest()[:32]
