"""What a user said a text's sentiment is, kept in one file.

The file holds the texts, their labels, and what each model that met them scored, so that another model
can be adjusted by the same corrections.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autogpt_desktop import atomic, paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import is_missing

LABELS = ("positive", "neutral", "negative")  # those of tasks.sentiment
MOST = 2000  # corrections that are kept; the oldest go
CHARACTERS = 4000  # of a text that are kept


@dataclass
class Correction:
    """One text and what a user calls it. ``scores``: what models said of it, see ``tasks.sentiment``."""

    text: str
    label: str
    scores: dict[str, float] = field(default_factory=dict)


class Corrections:
    """The file, in ``paths.data_dir()`` if no other is named. Raises KnownError: sentiment-corrections
    where it cannot be read as such, folder-not-writable where it cannot be written."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or paths.data_dir() / "sentiment-corrections.json"
        self.all: list[Correction] = self._read()

    def add(self, text: str, label: str, scores: dict[str, float] | None = None) -> None:
        """Keep what a user says; a text that is there already gets the new label."""
        if label not in LABELS:
            raise ValueError(f"no such label: {label}")
        text = text[:CHARACTERS]
        known = next((one for one in self.all if one.text == text), None)
        if known is not None:
            self.all.remove(known)
        held = (known.scores if known else {}) | (scores or {})
        self.all = [*self.all, Correction(text, label, held)][-MOST:]
        self.save()

    def undo(self) -> Correction | None:
        """Take the latest back; None where there is none."""
        if not self.all:
            return None
        taken = self.all.pop()
        self.save()
        return taken

    def remove(self, text: str) -> None:
        """Take what was said of one text back."""
        self.replace([one for one in self.all if one.text != text[:CHARACTERS]])

    def replace(self, corrections: list[Correction]) -> None:
        """Keep these and no others: what was cleared comes back."""
        self.all = corrections[-MOST:]
        self.save()

    def clear(self) -> None:
        """Forget all of them."""
        self.all = []
        self.file.unlink(missing_ok=True)

    @property
    def moves(self) -> bool:
        """Whether there is enough to adjust by: something positive and something negative."""
        return {"positive", "negative"} <= {one.label for one in self.all}

    def save(self) -> None:
        """Write all of them, also the scores that a task has put there."""
        rows = [{"text": one.text, "label": one.label, "scores": one.scores} for one in self.all]
        value = {"version": 1, "corrections": rows}
        try:
            atomic.write_text(self.file, json.dumps(value, ensure_ascii=False), private=True)
        except OSError as error:
            raise KnownError("folder-not-writable", folder=str(self.file.parent)) from error

    def _read(self) -> list[Correction]:
        if is_missing(self.file):
            return []
        try:
            raw: Any = json.loads(self.file.read_text(encoding="utf-8"))
            found = []
            for one in raw["corrections"]:
                scores = {str(key): float(d) for key, d in one["scores"].items()}
                found.append(Correction(str(one["text"]), str(one["label"]), scores))
            if any(one.label not in LABELS for one in found):
                raise ValueError("a label that is none")
            return found
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            kept = self.file.with_suffix(f".{int(time.time())}.broken")
            try:
                os.replace(self.file, kept)  # a user's work: nothing writes over it
            except OSError:
                kept = self.file
            raise KnownError("sentiment-corrections", file=str(kept)) from error
