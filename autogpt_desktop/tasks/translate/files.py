"""A file in another language: the same form, the sentences translated, written beside it.

What is translated is kept beside the result until that is written, so a run that was ended or killed
goes on where it was.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.documents.run_results import ResultLines
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.documents.text.languages import language_of
from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.base import Blocks
from autogpt_desktop.documents.write.open import SUFFIXES, open_blocks
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.candidates import Answer
from autogpt_desktop.tasks.translate.translate import OTHER_LANGUAGES, Translated, Translation, translate_many

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

__all__ = ["SUFFIXES", "Kept", "TranslatedFile", "translate_file", "translated"]


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
        """Sentences that a user should look at."""
        return sum(bool(sentence.flags) for item in self.translations for sentence in item.sentences)

    @property
    def flags(self) -> Counter[str]:
        """How often each flag of the checks was given."""
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
        blocks.write([translated(translation) for translation in found], chosen, target, phrases)
        memory.remove()
    yield Result(TranslatedFile(path, chosen, tuple(blocks.texts), tuple(found)))


def translated(translation: Translation) -> TranslatedText:
    """The text with where each of its sentences came from."""
    spans, at = [], 0
    for sentence in translation.sentences:
        at += len(sentence.before)
        spans.append((sentence.start, sentence.end, at, at + len(sentence.text)))
        at += len(sentence.text)
    return TranslatedText(translation.text, tuple(spans))


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


class Kept(ResultLines[tuple[Any, ...], Answer]):
    """What was translated so far: a run that was ended goes on from there."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _hash, _packed, _unpacked)


def _hash(key: object) -> str:
    return hashlib.sha256(repr(key).encode()).hexdigest()[:32]


def _packed(answer: Answer) -> list[Any]:
    return [answer.text, answer.confidence, list(answer.flags)]


def _unpacked(text: object, confidence: Any, flags: Any) -> Answer:
    return Answer(str(text), float(confidence), tuple(map(str, flags)))
