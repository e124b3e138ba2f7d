"""Closes files and folders to the user, also where root runs the tests, who may look into any."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest


def close(place: Path, monkeypatch: pytest.MonkeyPatch, listed: bool = False) -> None:
    """A file that may not be opened, or a folder that may not be looked into. ``listed``: its names may be
    seen all the same."""
    is_folder = place.is_dir()
    if hasattr(os, "geteuid") and os.geteuid():
        place.chmod(0o400 if listed else 0)
        return

    def refusing(function: Any, what: str) -> Any:
        def run(path: Any = ".", *given: Any, **named: Any) -> Any:
            inside = isinstance(path, str | Path) and Path(path).is_relative_to(place)
            own = inside and Path(path) == place
            if inside and (what == "list" and not listed if own and is_folder else what == "open" or not own):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *given, **named)

        return run

    calls = {"stat": "", "lstat": "", "open": "open", "scandir": "list", "listdir": "list"}
    for name, what in calls.items():
        monkeypatch.setattr(os, name, refusing(getattr(os, name), what))
    real = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode, **named: not Path(path).is_relative_to(place) and real(path, mode)
    )
