"""What a person said a text's sentiment is: kept in one file, and what moves the calibration.

The file holds the texts, their labels, and what each model that met them scored, so that another model
can be adjusted by the same corrections.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autogpt_desktop import atomic, paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.sentiment.calibration import LABELS, Scale, refit
from autogpt_desktop.tasks.sentiment.scorers import Asker

NEUTRAL = "/neutral"
MOST = 2000  # corrections that are kept; the oldest go
CHARACTERS = 4000  # of a text that are kept


@dataclass
class Correction:
    """One text and what a person calls it. ``scores``: log-odds d by model (``Asker.key``), and P(neutral)
    by key + NEUTRAL of a model that gives it."""

    text: str
    label: str
    scores: dict[str, float] = field(default_factory=dict)


class Corrections:
    """The file, in ``paths.data_dir()`` if no other is named. Raises KnownError: sentiment-corrections
    where it cannot be read as such, folder-not-writable where it cannot be written."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or paths.data_dir() / "sentiment-corrections.json"
        self.all: list[Correction] = self._read()
        self._fitted: dict[tuple[str, Scale], Scale] = {}  # by model and its own constants, of ``all``

    def add(self, text: str, label: str, scores: dict[str, float] | None = None) -> None:
        """Keep what a person says; a text that is there already gets the new label."""
        if label not in LABELS:
            raise ValueError(f"no such label: {label}")
        text = text[:CHARACTERS]
        known = next((one for one in self.all if one.text == text), None)
        if known is not None:
            self.all.remove(known)
        held = (known.scores if known else {}) | (scores or {})
        self.all = [*self.all, Correction(text, label, held)][-MOST:]
        self._write()

    def undo(self) -> Correction | None:
        """Take the latest back; None where there is none."""
        if not self.all:
            return None
        taken = self.all.pop()
        self._write()
        return taken

    def remove(self, text: str) -> None:
        """Take what was said of one text back."""
        self.replace([one for one in self.all if one.text != text[:CHARACTERS]])

    def replace(self, corrections: list[Correction]) -> None:
        """Keep these and no others: what was cleared comes back."""
        self.all = corrections[-MOST:]
        self._write()

    def clear(self) -> None:
        """Forget all of them."""
        self.all = []
        self._fitted.clear()
        self.file.unlink(missing_ok=True)

    @property
    def moves(self) -> bool:
        """Whether there is enough to adjust by: something positive and something negative."""
        return {"positive", "negative"} <= {one.label for one in self.all}

    @property
    def version(self) -> str:
        """Changes with every correction that has a part in the calibration."""
        if not self.moves:
            return ""
        kept = json.dumps([[one.text, one.label] for one in self.all])
        return hashlib.sha256(kept.encode()).hexdigest()[:12]

    def adjusted(
        self, asking: Asker, scale: Scale, cancelled: Callable[[], bool]
    ) -> Generator[Progress, None, Scale]:
        """``scale``, moved by the corrections (``sentiment_scale.refit``). Texts that this model has not
        met are scored first."""
        if not self.moves:
            return scale
        if (asking.key, scale) in self._fitted:
            return self._fitted[asking.key, scale]
        from autogpt_desktop.tasks.sentiment.measure import Judge, judged, measure
        from autogpt_desktop.tasks.sentiment.scorers import Constants

        needed = {asking.key, asking.key + NEUTRAL} if asking.knows_neutral else {asking.key}
        new = [one for one in self.all if not needed <= one.scores.keys()]
        if new:
            judge = Judge(asking, Constants(scale, ()), scale)
            measured = yield from measure(judge, [one.text for one in new], cancelled, 0, len(new))
            for one, found in zip(new, measured, strict=True):
                d, shares = judged(found.parts, scale, False) if found.parts else (0.0, (0.25, 0.5, 0.25))
                one.scores[asking.key] = d
                if asking.knows_neutral:
                    one.scores[asking.key + NEUTRAL] = shares[1]
            self._write()
        scores = [one.scores[asking.key] for one in self.all]
        neutral = [one.scores[asking.key + NEUTRAL] for one in self.all] if asking.knows_neutral else []
        labels = [one.label for one in self.all]
        fitted = self._fitted[asking.key, scale] = refit(scale, scores, labels, neutral)
        return fitted

    def _read(self) -> list[Correction]:
        if not self.file.is_file():
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
                os.replace(self.file, kept)  # a person's work: nothing writes over it
            except OSError:
                kept = self.file
            raise KnownError("sentiment-corrections", file=str(kept)) from error

    def _write(self) -> None:
        self._fitted.clear()
        rows = [{"text": one.text, "label": one.label, "scores": one.scores} for one in self.all]
        value = {"version": 1, "corrections": rows}
        try:
            atomic.write_text(self.file, json.dumps(value, ensure_ascii=False), private=True)
        except OSError as error:
            raise KnownError("folder-not-writable", folder=str(self.file.parent)) from error
