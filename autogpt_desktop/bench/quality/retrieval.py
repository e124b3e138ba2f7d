"""XQuAD's paragraphs as a collection, to measure how often the right one is found."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from autogpt_desktop.documents.index.collection import Collection
from autogpt_desktop.documents.index.index import Embedder, Index


@contextmanager
def paragraph_index(contexts: Sequence[str], embedder: Embedder | None) -> Iterator[Index]:
    """An index in which each paragraph is a file of its own, named by its number in four digits."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "files"
        root.mkdir()
        for number, context in enumerate(contexts):
            (root / f"{number:04}.txt").write_text(context, encoding="utf-8")
        index = Index(Collection(Path(folder), "xquad", (root,)))
        try:
            for _ in index.index(embedder):
                pass
            yield index
        finally:
            index.close()
