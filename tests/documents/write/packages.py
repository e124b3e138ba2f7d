"""What tests of ZIP kinds share: a scripted translation, archives made by hand, what changed in one."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.base import Blocks
from autogpt_desktop.documents.write.open import open_blocks


def upper(text: str) -> str:
    return text.upper()


def scripted(blocks: Blocks, say: Callable[[str], str] = upper) -> list[TranslatedText]:
    made = [(text, say(text)) for text in blocks.texts]
    return [TranslatedText(new, ((0, len(text), 0, len(new)),)) for text, new in made]


def translated(
    path: Path,
    language: str = "fr",
    say: Callable[[str], str] = upper,
    comments: bool = False,
) -> Path:
    """The file beside ``path`` in which every text is what ``say`` makes of it."""
    blocks = open_blocks(path, comments=comments)
    out = path.with_name(f"{path.stem}.{language}{blocks.suffix}")
    phrases = {text: say(text) for text in blocks.phrases}
    blocks.write(scripted(blocks, say), out, language, phrases)
    return out


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(one: Path, other: Path) -> set[str]:
    """The members that differ; both archives have the same ones in the same order, packed alike."""
    before, after = members(one), members(other)
    assert [*before] == [*after]
    with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
        packed = [[(item.date_time, item.compress_type) for item in x.infolist()] for x in (first, second)]
    assert packed[0] == packed[1]
    return {name for name in before if before[name] != after[name]}


def archive_of(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            stored = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(name, data, stored)
    return path


def with_member(path: Path, name: str, edit: Callable[[bytes], bytes]) -> Path:
    parts = members(path)
    parts[name] = edit(parts[name])
    return archive_of(path, parts)
