"""A file in another language: the same form, the sentences translated, written beside it.

What is translated is kept beside the result until that is written, so a run that was ended or killed
goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.documents.text.languages import language_of
from autogpt_desktop.documents.types import Turned
from autogpt_desktop.documents.write.base import Blocks
from autogpt_desktop.documents.write.open import SUFFIXES, open_blocks
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.candidates import Answer
from autogpt_desktop.tasks.translate.translate import OTHER_LANGUAGES, Translated, Translation, translate_many

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

__all__ = ["SUFFIXES", "Kept", "TranslatedFile", "translate_file", "turned"]


@dataclass(frozen=True, slots=True)
class TranslatedFile:
    """What became of ``path``: ``texts`` are its paragraphs, each with its translation."""

    path: Path
    out: Path
    texts: tuple[str, ...]
    translations: tuple[Translation, ...]

    @property
    def source(self) -> str:
        """The language that most of its texts are in; "" where there was nothing to translate."""
        said = Counter(item.source for item in self.translations if item.sentences)
        return said.most_common(1)[0][0] if said else ""

    @property
    def sentences(self) -> int:
        return sum(len(item.sentences) for item in self.translations)

    @property
    def flagged(self) -> int:
        """Sentences that a person should look at."""
        return sum(bool(sentence.flags) for item in self.translations for sentence in item.sentences)

    @property
    def flags(self) -> Counter[str]:
        """How often each flag of the guard was given."""
        return Counter(
            flag for item in self.translations for sentence in item.sentences for flag in sentence.flags
        )


def translate_file(
    models: Models,
    path: Path,
    out: Path | None,
    source: str,
    target: str,
    *,
    glossary: Glossary | Callable[[str], Glossary] | None = None,
    quality: str = "best",
    known: Sequence[str] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Translated | Result]:
    """Translate a file of the kinds in SUFFIXES: last a Result with the TranslatedFile.

    ``out``: the file to write (one that is there is replaced), a folder for it, or None for the folder of
    ``path``; the name is then "name.fr.txt", or the first "name.fr.2.txt" that is free. ``path`` itself is
    never written. ``source``: "auto" detects. ``glossary``: or what gives the one for the language found.
    What was done is found again when the same call is made after ``Cancelled``, an error or a kill.

    Raises KnownError: as ``documents.write.open.open_blocks`` and ``translate_many``, and
    "translate-overwrites", "file-not-written".
    """
    yield Progress("stage.reading-file")
    blocks = open_blocks(path)
    wished = path.with_name(f"{path.stem}.{target}{blocks.suffix}")
    if out is not None:
        wished = out / wished.name if out.is_dir() else out
    if wished.exists() and wished.samefile(path):
        raise KnownError("translate-overwrites", name=path.name)
    chosen = wished if out is not None and wished == out else _free(wished)
    found: list[Translation] = []
    count = len(blocks.texts)
    language = _language(blocks, source, target)
    terms = glossary(language) if callable(glossary) else glossary
    with Kept(wished.with_name(f"{wished.name}.part")) as memory:
        events = translate_many(
            models, [*blocks.texts, *blocks.phrases], language, target,
            glossary=terms, quality=quality, memory=memory, known=known, cancelled=cancelled,
        )  # fmt: skip
        for event in events:
            if isinstance(event, Translation):
                found.append(event)
            elif not isinstance(event, Translated) or event.part < count:
                yield event
        phrases = {text: item.text for text, item in zip(blocks.phrases, found[count:], strict=True)}
        del found[count:]
        blocks.write([turned(translation) for translation in found], chosen, target, phrases)
        memory.remove()
    yield Result(TranslatedFile(path, chosen, tuple(blocks.texts), tuple(found)))


def turned(translation: Translation) -> Turned:
    """The text with where each of its sentences came from."""
    spans, at = [], 0
    for sentence in translation.sentences:
        at += len(sentence.before)
        spans.append((sentence.start, sentence.end, at, at + len(sentence.text)))
        at += len(sentence.text)
    return Turned(translation.text, tuple(spans))


def _language(blocks: Blocks, source: str, target: str) -> str:
    """One language for the whole file, where it can be told: a heading alone says too little."""
    if source != "auto":
        return source
    found = language_of("\n".join(blocks.texts)).code
    if found == target or found not in {*LANGUAGES, *OTHER_LANGUAGES}:
        return "auto"  # it is said, and flagged, for each text
    return found


def _free(path: Path) -> Path:
    """``path``, or with the first number that makes it new."""
    found, number = path, 2
    while found.exists():
        found = path.with_name(f"{path.stem}.{number}{path.suffix}")
        number += 1
    return found


class Kept(MutableMapping[tuple[Any, ...], Answer]):
    """What was translated so far, in a file of JSON lines: a run that was ended goes on from there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, Answer] = {}

    def __enter__(self) -> Kept:
        try:
            with self.path.open(encoding="utf-8", errors="replace") as file:
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
        if self._known:
            self._file.write("\n")  # behind half a line of a run that was killed
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
        line = [_hash(key), answer.text, answer.confidence, list(answer.flags)]
        self._known[_hash(key)] = answer
        try:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise KnownError("file-not-written", name=self.path.name, reason=error.strerror) from error

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
