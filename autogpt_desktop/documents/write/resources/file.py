"""Resources of programs that are translated (JSON, YAML, .properties, .strings): keys and comments stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path

from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.base import NO_PHRASES, encoded, read_text, write_file
from autogpt_desktop.documents.write.inline_marks import texts_of
from autogpt_desktop.documents.write.resources.json_values import json_values
from autogpt_desktop.documents.write.resources.key_values import properties, strings
from autogpt_desktop.documents.write.resources.message import Piece, spliced
from autogpt_desktop.documents.write.resources.yaml_values import DEEPEST, yaml_values
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice

_LARGEST = 16 << 20  # characters of a file
_LARGEST_YAML = 4 << 20  # its parser takes a second for 200,000

_READERS: dict[str, Callable[[str], list[Piece]]] = {
    ".json": json_values,
    ".arb": json_values,
    ".yaml": yaml_values,
    ".yml": yaml_values,
    ".properties": properties,
    ".strings": strings,
}


class Resources:
    """``documents.write.base.Blocks`` of such a file. Raises KnownError as ``open_blocks``."""

    wrapped = False
    notices: tuple[Notice, ...] = ()

    def __init__(self, path: Path, limits: Limits) -> None:
        self._source, self._encoding = read_text(path, limits)
        self.suffix = path.suffix
        largest = _LARGEST_YAML if _READERS[path.suffix.lower()] is yaml_values else _LARGEST
        if len(self._source) > largest:
            raise KnownError("document-too-large", name=path.name, limit=f"{largest >> 20} MB")
        try:
            self._pieces = _READERS[path.suffix.lower()](self._source)
        except ValueError as error:
            raise KnownError("translate-resource", name=path.name, line=str(error)) from error
        except RecursionError as error:
            raise KnownError("document-nested", name=path.name, most=DEEPEST) from error
        self._units = [*chain.from_iterable(piece.message.segments for piece in self._pieces)]
        self.texts, self.phrases = texts_of(self._units, path)

    def write(
        self,
        translated: Sequence[TranslatedText],
        out: Path,
        language: str = "",
        phrases: Mapping[str, str] = NO_PHRASES,
    ) -> None:
        """As ``Blocks.write``, in the file's own encoding where that has the characters."""
        made = dict(zip(map(id, self._units), translated, strict=True))
        write_file(out, encoded(spliced(self._source, self._pieces, made, phrases), self._encoding))
