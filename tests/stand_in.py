"""A file that is listed as a model of the catalog, for tests whose answers a script gives."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from pathlib import Path

from autogpt_desktop.catalog.entries import catalog
from tests.tiny import write_tiny_gguf


def install_stand_in(models: Path, name: str) -> Path:
    """``name`` in the models folder: a tiny model, as long as the real one by a hole in the file."""
    (file,) = catalog()[name].files
    path = models / name / file.name
    path.parent.mkdir(parents=True)
    path.write_bytes(_tiny())
    os.truncate(path, file.size)
    return path


@cache
def _tiny() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.gguf"
        write_tiny_gguf(path)
        return path.read_bytes()
