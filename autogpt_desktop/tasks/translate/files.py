"""A file in another language: the same form, the sentences translated, written beside it.

What is translated is kept beside the result until that is written, so a run that was ended or killed
goes on where it was.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.documents.files import check
from autogpt_desktop.documents.run_results import ResultLines
from autogpt_desktop.documents.text.chinese import with_script, without_script
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.documents.text.languages import language_of
from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.base import Blocks, check_name, check_writable
from autogpt_desktop.documents.write.open import (
    SUFFIXES,
    bilingual_way,
    check_bilingual,
    check_kind,
    open_blocks,
)
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.checks import has_letters
from autogpt_desktop.tasks.translate.translate import OTHER_LANGUAGES, Translated, Translation, translate_many
from autogpt_desktop.tasks.translate.translator import Answer, Choose, Link, kept_links
from autogpt_desktop.tasks.translate.translators import by_role

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

__all__ = [
    "SUFFIXES",
    "Kept",
    "TranslatedFile",
    "bilingual_way",
    "check_file",
    "correct_file",
    "parts_of",
    "translate_file",
    "translated",
    "with_flags",
]

_WRAP = re.compile(r"(?<![\n.!?…:。！？：\"'”’»)）」*_])\n(?=\S)")
_LONGEST_NAME = 200  # bytes; 255 is what most systems take


@dataclass(frozen=True, slots=True)
class TranslatedFile:
    """What became of ``path``: ``texts`` are its paragraphs, each with its translation."""

    path: Path
    out: Path
    texts: tuple[str, ...]
    translations: tuple[Translation, ...]
    phrases: Mapping[str, str] = field(default_factory=dict)  # see documents.write.base.Blocks
    comments: bool = False
    bilingual: str = ""
    stamp: tuple[int, int] = (0, 0)  # of ``out`` as it was written

    @property
    def source(self) -> str:
        """The language that most of its texts are in; "" where there was nothing to translate."""
        said = Counter(item.source for item in self.translations if item.sentences)
        return said.most_common(1)[0][0] if said else ""

    @property
    def sentences(self) -> int:
        return sum(len(item.sentences) for item in self.translations)

    @property
    def changed(self) -> int:
        """Sentences that are another text now; 0: nothing was translated."""
        return sum(
            sentence.text.split() != sentence.source.split()
            for item in self.translations
            for sentence in item.sentences
        )

    @property
    def has_words(self) -> bool:
        """Was there anything to translate?"""
        return any(has_letters(text) for text in self.texts)

    @property
    def flagged(self) -> int:
        """Sentences that a user should look at."""
        return sum(bool(sentence.flags) for item in self.translations for sentence in item.sentences)

    def to_review(self) -> list[tuple[tuple[int, int], Translated]]:
        """The flagged sentences, each with (text, number in it)."""
        return [
            ((part, index), sentence)
            for part, item in enumerate(self.translations)
            for index, sentence in enumerate(item.sentences)
            if sentence.flags
        ]

    @property
    def flags(self) -> Counter[str]:
        """How often each flag of the checks was given."""
        return Counter(
            flag for item in self.translations for sentence in item.sentences for flag in sentence.flags
        )


def check_file(path: Path, bilingual: str = "") -> None:
    """What can be known before a file is translated.

    Raises KnownError: translate-kind, translate-bilingual-kind, translate-beside-kind, document-…
    """
    check_kind(path)
    if bilingual:
        check_bilingual(path, bilingual)
    check(path, Limits())


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
    comments: bool = False,
    bilingual: str = "",
    choose: Choose = by_role,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Translated | Result]:
    """Translate a file of the kinds in SUFFIXES: last a Result with the TranslatedFile.

    ``out``: the file to write (one that is there is replaced), a folder for it, or None for the folder of
    ``path``; the name is then "name.fr.txt", or the first "name.fr.2.txt" that is free. ``path`` itself is
    never written. ``source``: "auto" detects. ``glossary``: or what gives the one for the language found.
    ``comments``: those of a DOCX file too. ``bilingual``: "under" or "beside", with the original.
    What was done is found again when the same call is made after ``Cancelled``, an error or a kill.

    Raises KnownError: as ``documents.write.open.open_blocks`` and ``translate_many``, and
    "translate-overwrites", and ``check_writable``.
    """
    yield Progress("stage.reading-file")
    blocks = open_blocks(path, comments=comments, bilingual=bilingual)
    yield from blocks.notices
    wished = path.with_name(f"{path.stem}.{target}{blocks.suffix}")
    if out is not None:
        check_name(out)
        wished = out / wished.name if os.path.isdir(out) else out
    check_name(wished)
    if os.path.exists(wished) and wished.samefile(path):
        raise KnownError("translate-overwrites", name=path.name)
    chosen = wished if out is not None and wished == out else _free(wished)
    check_writable(chosen, path.stat().st_size)
    found: list[Translation] = []
    language = _language(blocks, source, target)
    terms = glossary(language) if callable(glossary) else glossary
    with Kept(part_of(wished)) as memory:

        def translate(texts: Sequence[str]) -> Iterator[Progress | Notice | Translated | Translation]:
            return translate_many(
                models, texts, language, target, glossary=terms, quality=quality, memory=memory, known=known,
                choose=choose, cancelled=cancelled,
            )  # fmt: skip

        for event in translate(_unwrapped(blocks)):
            if isinstance(event, Translation):
                found.append(event)
            else:
                yield event
        # what marked words became on their own is asked where nothing says which word became which
        asked = [] if _linked(found) else blocks.phrases
        alone: list[str] = []
        for event in translate(asked):
            if isinstance(event, Translation):
                alone.append(event.text)
            elif not isinstance(event, Translated):
                yield event
        phrases = dict(zip(asked, alone, strict=True))
        blocks.write(_made(blocks, found), chosen, target, phrases)
        memory.remove()
    yield Result(
        TranslatedFile(
            path, chosen, tuple(blocks.texts), tuple(found), phrases, comments, bilingual, _stamp(chosen)
        )
    )


def _unwrapped(blocks: Blocks) -> list[str]:
    """The texts, in which a line break within a sentence is a blank: places in them stay the same."""
    return [_WRAP.sub(" ", text) for text in blocks.texts] if blocks.wrapped else blocks.texts


def _made(blocks: Blocks, found: Sequence[Translation]) -> list[TranslatedText]:
    """What each text became; one that came back as it was keeps its line breaks."""
    return [
        TranslatedText(text) if item.text == asked else translated(item)
        for text, asked, item in zip(blocks.texts, _unwrapped(blocks), found, strict=True)
    ]


def _linked(found: Sequence[Translation]) -> bool:
    """Does every sentence that was translated say which word became which?"""
    return all(
        sentence.links
        for item in found
        for sentence in item.sentences
        if sentence.text != sentence.source and has_letters(sentence.text)
    )


def correct_file(done: TranslatedFile, part: int, index: int, text: str) -> Iterator[Progress | Result]:
    """Write a translated file with another text for one sentence: last a Result with the TranslatedFile.

    Raises KnownError: "translate-source-changed", "translate-result-changed", and as ``translate_file``.
    """
    yield Progress("stage.reading-file")
    if _stamp(done.out) != done.stamp:
        raise KnownError("translate-result-changed", name=done.out.name)
    blocks = open_blocks(done.path, comments=done.comments, bilingual=done.bilingual)
    if tuple(blocks.texts) != done.texts:
        raise KnownError("translate-source-changed", name=done.path.name)
    old = done.translations[part]
    sentences = [*old.sentences]
    before = sentences[index]
    links = kept_links(before.links, before.text, text)
    sentences[index] = replace(before, text=text, flags=(), confidence=1.0, links=links)
    whole = "".join(one.before + one.text for one in sentences) + old.after
    translations = [*done.translations]
    translations[part] = replace(old, text=whole, sentences=tuple(sentences))
    blocks.write(_made(blocks, translations), done.out, old.target, done.phrases)
    yield Result(replace(done, translations=tuple(translations), stamp=_stamp(done.out)))


def with_flags(done: TranslatedFile, part: int, index: int, flags: tuple[str, ...]) -> TranslatedFile:
    """The same file, in which something else is wrong with one sentence, or nothing."""
    translations = [*done.translations]
    sentences = [*translations[part].sentences]
    sentences[index] = replace(sentences[index], flags=flags)
    translations[part] = replace(translations[part], sentences=tuple(sentences))
    return replace(done, translations=tuple(translations))


def _stamp(path: Path) -> tuple[int, int]:
    """Tells whether another program wrote a file; (0, 0): it is gone."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


def translated(translation: Translation) -> TranslatedText:
    """The text with where each of its sentences, and of its words, came from."""
    spans, at = [], 0
    for sentence in translation.sentences:
        at += len(sentence.before)
        spans.append((sentence.start, sentence.end, at, at + len(sentence.text)))
        at += len(sentence.text)
    return TranslatedText(translation.text, tuple(spans), translation.links)


def _language(blocks: Blocks, source: str, target: str) -> str:
    """One language for the whole file, where it can be told: a heading alone says too little."""
    if source != "auto":
        return source
    whole = "\n".join(blocks.texts)
    found = with_script(language_of(whole).code, whole)
    if found == target or without_script(found) not in {*LANGUAGES, *OTHER_LANGUAGES}:
        return "auto"  # it is said, and flagged, for each text
    return found


def part_of(wished: Path) -> Path:
    """Where what was done of an unfinished run is kept. Names that are hardly short enough are cut."""
    name = _cut(wished.name)
    if name != wished.name:
        name = f"{name}.{_hash(wished.name)}"
    return wished.with_name(f"{name}.part")


def parts_of(path: Path, target: str, folder: Path) -> list[Path]:
    """All that unfinished runs of a file may have left in a folder."""
    begin = _cut(f"{path.stem}.{target}.")
    with suppress(OSError):  # a folder that is gone has nothing left in it
        return [part for part in folder.iterdir() if part.name.startswith(begin) and part.suffix == ".part"]
    return []


def _cut(name: str) -> str:
    """A name that is hardly short enough without its end. One may hold bytes that are no UTF-8."""
    data = name.encode(errors="surrogatepass")
    return name if len(data) <= _LONGEST_NAME else data[:_LONGEST_NAME].decode(errors="ignore")


def _free(path: Path) -> Path:
    """``path``, or with the first number that makes it new."""
    found, number = path, 2
    while os.path.exists(found):
        found = path.with_name(f"{path.stem}.{number}{path.suffix}")
        check_name(found)
        number += 1
    return found


class Kept(ResultLines[tuple[Any, ...], Answer]):
    """What was translated so far: a run that was ended goes on from there."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, _hash, _packed, _unpacked)


def _hash(key: object) -> str:
    return hashlib.sha256(repr(key).encode()).hexdigest()[:32]


def _packed(answer: Answer) -> list[Any]:
    return [answer.text, answer.confidence, list(answer.flags), [list(link) for link in answer.links]]


def _unpacked(text: object, confidence: Any, flags: Any, links: Any = ()) -> Answer:
    found = tuple(Link(*map(int, link)) for link in links)
    return Answer(str(text), float(confidence), tuple(map(str, flags)), found)
