"""What goes into a collection's index, and what it tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from autogpt_desktop.documents.types import Passage
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice


@dataclass(frozen=True)
class Embedder:
    """What makes vectors: the model's name, and texts to an array [texts, dimensions]."""

    name: str
    embed: Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found. Ranks count from 1; 0: not in that ranking."""

    passage: Passage
    score: float  # standard scores of both rankings: how far the passage stands out in this collection
    bm25_rank: int
    vector_rank: int
    bm25: float  # the higher the better; 0.0 where no word occurs
    similarity: float  # cosine; 0.0 where there is no vector


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of the index; ``error`` says why it was set aside."""

    path: Path
    title: str
    language: str
    passages: int
    error: KnownError | None
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class FileState:
    """What became of a file since it was indexed: "same", "changed", "moved" (to ``path``), "missing"."""

    state: str
    path: Path


@dataclass(frozen=True, slots=True)
class Summary:
    """What bringing an index up to date did."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    set_aside: int = 0  # files that could not be read, of all in the collection
    skipped: int = 0  # files and folders that the folders hold and that were left out
