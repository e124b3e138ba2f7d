"""Conversations of the Questions panel, a JSON file each. What is in one is the panel's to know."""

from __future__ import annotations

import dataclasses
import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt_desktop import atomic, paths
from autogpt_desktop.errors import KnownError

KEPT = 200  # conversations; the oldest go
MAX_FILE = 8 * 2**20  # bytes; a larger one is not ours
_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class KeptQuestions:
    """One conversation of the list."""

    id: str
    title: str  # its first question
    source: str  # the collection's name; "": a pasted text
    collection: str  # its id
    changed: float  # seconds since 1970


class Questions:
    """All of them. Reading never fails on a bad file: it is left out, and left alone."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or paths.data_dir() / "questions"

    @staticmethod
    def new_id() -> str:
        return secrets.token_hex(6)

    def all(self) -> list[KeptQuestions]:
        """The latest first."""
        found = []
        for file in self.folder.glob("*.json"):
            value = self._read(file)
            if value is not None and _ID.fullmatch(file.stem):
                title, source, collection = value["title"], value["source"], value["collection"]
                found.append(KeptQuestions(file.stem, title, source, collection, value["changed"]))
        return sorted(found, key=lambda one: -one.changed)

    def get(self, conversation_id: str) -> KeptQuestions | None:
        """One of the list; None where it is gone, or the id is none."""
        value = self._read(self._file(conversation_id)) if _ID.fullmatch(conversation_id) else None
        if value is None:
            return None
        return KeptQuestions(
            conversation_id, value["title"], value["source"], value["collection"], value["changed"]
        )

    def load(self, conversation_id: str) -> list[dict[str, Any]] | None:
        """The turns; None where there is no such conversation any more."""
        value = self._read(self._file(conversation_id))
        return value["turns"] if value is not None else None

    def save(self, kept: KeptQuestions, turns: list[dict[str, Any]]) -> None:
        """Write it whole, or leave the old one. Raises KnownError("questions-not-saved")."""
        file = self._file(kept.id)
        value = dataclasses.asdict(kept) | {"turns": turns}
        try:
            paths.make_private(self.folder)
            atomic.write_text(file, json.dumps(value, ensure_ascii=False), private=True)
            self._tidy()
        except OSError as error:
            reason = error.strerror or str(error)
            raise KnownError("questions-not-saved", folder=str(self.folder), reason=reason) from error

    def remove(self, conversation_id: str) -> None:
        """Raises KnownError("questions-not-saved")."""
        try:
            self._file(conversation_id).unlink(missing_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise KnownError("questions-not-saved", folder=str(self.folder), reason=reason) from error

    def _tidy(self) -> None:
        """Forget what is older than the KEPT latest."""
        files = list(self.folder.glob("*.json"))
        if len(files) > KEPT:
            for file in sorted(files, key=lambda file: -file.stat().st_mtime)[KEPT:]:
                file.unlink(missing_ok=True)

    def _file(self, conversation_id: str) -> Path:
        if not _ID.fullmatch(conversation_id):
            raise ValueError(f"no id of a conversation: {conversation_id!r}")
        return self.folder / f"{conversation_id}.json"

    @staticmethod
    def _read(file: Path) -> dict[str, Any] | None:
        try:
            if file.stat().st_size > MAX_FILE:
                return None
            value = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        kinds = {"title": str, "source": str, "collection": str, "changed": int | float, "turns": list}
        sound = isinstance(value, dict) and all(isinstance(value.get(k), kind) for k, kind in kinds.items())
        return value if sound else None
