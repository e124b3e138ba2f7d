"""The user's glossaries: one CSV file for each pair of languages, in the data folder."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from autogpt_desktop import atomic, paths
from autogpt_desktop.documents.text.glossary import Glossary, Term
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import check_regular, is_missing, read_regular_text

MOST_BYTES = 8 * 2**20


class Glossaries:
    """Read when first asked for, by any thread; written at once."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._terms: dict[tuple[str, str], tuple[Term, ...]] = {}
        self._made: dict[tuple[str, str], Glossary] = {}

    def path(self, source: str, target: str) -> Path:
        """``glossaries/en-fr.csv``; the terminal's ``--glossary`` reads it too."""
        return (self._folder or paths.data_dir() / "glossaries") / f"{source}-{target}.csv"

    def terms(self, source: str, target: str) -> tuple[Term, ...]:
        """In the order of the file. Raises KnownError: glossary-unreadable, -not-utf8, -broken, -too-long."""
        with self._lock:
            if (source, target) not in self._terms:
                path = self.path(source, target)
                self._terms[source, target] = () if is_missing(path) else tuple(read_terms(path))
            return self._terms[source, target]

    def glossary(self, source: str, target: str) -> Glossary:
        """The same, ready to find terms in texts. Raises as ``terms``."""
        terms = self.terms(source, target)
        with self._lock:
            made = self._made.get((source, target))
            if made is None:
                made = self._made[source, target] = Glossary(terms, source, target)
            return made

    def save(self, source: str, target: str, terms: Sequence[Term]) -> None:
        """Replace a pair's terms; none: its file goes. Raises KnownError("file-not-written")."""
        path = self.path(source, target)
        with self._lock:
            self._terms[source, target] = tuple(terms)
            self._made.pop((source, target), None)
        try:
            paths.make_private(path.parent)
            if not terms:
                path.unlink(missing_ok=True)
                return
        except OSError as error:
            raise KnownError("file-not-written", name=path.name, reason=error.strerror) from error
        write_terms(path, terms, private=True)


def write_terms(path: Path, terms: Sequence[Term], *, private: bool = False) -> None:
    """A CSV file, whole or not at all. Raises KnownError("file-not-written")."""
    try:
        atomic.write_text(path, Glossary(terms).to_csv(), private=private)
    except OSError as error:
        raise KnownError("file-not-written", name=path.name, reason=error.strerror) from error


def read_terms(path: Path) -> list[Term]:
    """The terms of a CSV file, see ``Glossary.from_csv``. Raises as ``Glossaries.terms``."""
    try:
        if check_regular(path).st_size > MOST_BYTES:
            raise KnownError("glossary-too-long", most=20_000)
        text = read_regular_text(path)
    except OSError as error:
        raise KnownError("glossary-unreadable", name=path.name, reason=error.strerror) from error
    except UnicodeDecodeError as error:
        raise KnownError("glossary-not-utf8", name=path.name) from error
    return list(Glossary.from_csv(text))
