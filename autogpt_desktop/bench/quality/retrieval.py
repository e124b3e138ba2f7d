"""How often the right paragraph is found: XQuAD's paragraphs as a collection, its questions as queries."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from autogpt_desktop.documents.index.collection import Collection
from autogpt_desktop.documents.index.index import Embedder, Hit, Index

TOP = 3


def measure_retrieval(
    data_dir: Path,
    embedder: Embedder | None = None,
    *,
    paragraphs: str = "en",
    questions: str = "",
    limit: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Share of questions whose paragraph is among the first three, by words, by vectors, and by both.

    ``paragraphs`` and ``questions`` name languages of ``data_dir/xquad``; every paragraph is a file.
    """
    contexts, asked = load_xquad(data_dir, paragraphs, questions or paragraphs)
    if limit is not None and limit < len(asked):
        asked = random.Random(seed).sample(asked, limit)
    vectors: Sequence[np.ndarray | None] = [None] * len(asked)
    if embedder is not None:
        vectors = list(embedder.embed([question for question, _ in asked]))
    found: dict[str, list[bool]] = {"words": [], "vectors": [], "fused": []}
    with paragraph_index(contexts, embedder) as index:
        for (question, right), vector in zip(asked, vectors, strict=True):
            found["words"].append(_right(index.search(question, TOP), right))
            if vector is not None:
                found["vectors"].append(_right(index.search("", TOP, vector), right))
                found["fused"].append(_right(index.search(question, TOP, vector), right))
    return {"questions": len(asked), "paragraphs": len(contexts)} | {
        name: sum(values) / len(values) for name, values in found.items() if values
    }


@contextmanager
def paragraph_index(contexts: Sequence[str], embedder: Embedder | None) -> Iterator[Index]:
    """A collection of its own in which each paragraph is a file, named by its number in four digits."""
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


def _right(hits: Sequence[Hit], right: int) -> bool:
    return any(hit.passage.path.stem == f"{right:04}" for hit in hits)


def load_xquad(data_dir: Path, paragraphs: str, questions: str) -> tuple[list[str], list[tuple[str, int]]]:
    """(paragraphs, (question, number of its paragraph)); both languages have the same ones in order."""

    def every(language: str) -> list[dict[str, Any]]:
        file = json.loads((data_dir / "xquad" / f"{language}.json").read_text(encoding="utf-8"))
        return [paragraph for article in file["data"] for paragraph in article["paragraphs"]]

    asked = [
        (item["question"], number)
        for number, paragraph in enumerate(every(questions))
        for item in paragraph["qas"]
    ]
    return [paragraph["context"] for paragraph in every(paragraphs)], asked
