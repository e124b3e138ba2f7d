"""One loaded starter model for all engine tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.load import load, run_to_end


@pytest.fixture(scope="session")
def starter(starter_gguf: Path) -> Iterator[Engine]:
    engine = run_to_end(load(starter_gguf, device="cpu", context_length=1024))
    yield engine
    engine.close()
