"""The translations of a user, the last ones first: kept on this computer, as long as they want that.

``TranslateHistory`` belongs to the thread that made it (the GUI thread).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

from autogpt_desktop.storage.latest import LatestRows

MOST = 200
LONGEST = 100_000  # characters of a text that is kept
SHOWN = 200  # characters of it that a list shows


@dataclass(frozen=True, slots=True)
class Kept:
    """One translation; in a list ``text`` and ``translation`` are their beginnings."""

    id: int
    changed: float  # time.time()
    source: str  # ISO 639-1
    target: str
    text: str
    translation: str
    sentences: str = "[]"  # which became which, in JSON; a list leaves it out


class TranslateHistory:
    """Made when first used; every method may raise the KnownErrors of ``storage.conversations.schema``."""

    def __init__(self, path: Path | None = None) -> None:
        columns = ("source", "target", "text", "translation", "sentences")
        self._rows = LatestRows("translations.db", columns, path)

    @property
    def path(self) -> Path:
        return self._rows.path

    def keep(
        self,
        source: str,
        target: str,
        text: str,
        translation: str,
        sentences: str = "[]",
        entry: int = 0,
    ) -> int:
        """Keep a translation, in place of ``entry`` where that is still there. Its number; 0: too long."""
        if len(text) > LONGEST or len(translation) > LONGEST:
            return 0
        values = (source, target, text, translation, sentences)
        return self._rows.put(values, entry=entry, same=("source", "target", "text"), most=MOST)

    def entries(self, query: str = "") -> list[Kept]:
        """The last first; with a query those that hold all its words, in the text or the translation."""
        found = self._rows.search(query, ("text", "translation"))
        return [_beginning(Kept(*row)) for row in found]

    def get(self, entry: int) -> Kept | None:
        """The whole of one; None: it is gone."""
        row = self._rows.get(entry)
        return Kept(*row) if row else None

    def find(self, text: str, source: str, target: str) -> Kept | None:
        """The last translation of just this text; ``source`` "": from whatever language."""
        wanted = {"text": text, "target": target} | ({"source": source} if source else {})
        found = self._rows.find(wanted)
        return Kept(*found[0]) if found else None

    def delete(self, entry: int) -> Kept | None:
        """Take one away, for good unless it is given to ``restore``."""
        row = self._rows.delete(entry)
        return Kept(*row) if row else None

    def clear(self) -> list[Kept]:
        """Take all away; what was there, for ``restore``."""
        return [Kept(*row) for row in self._rows.clear()]

    def restore(self, kept: Sequence[Kept]) -> None:
        """Undo ``delete`` or ``clear``."""
        self._rows.restore([astuple(one) for one in kept])

    def close(self) -> None:
        self._rows.close()


def _beginning(one: Kept) -> Kept:
    return replace(one, text=one.text[:SHOWN], translation=one.translation[:SHOWN], sentences="[]")
