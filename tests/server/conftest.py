"""One server for all tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.kit import Served, serving
from tests.tiny import write_tiny_gguf


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    write_tiny_gguf(folder / "tiny.gguf", quant="Q8_0", context=1024)
    write_tiny_gguf(folder / "other.gguf", quant="Q8_0", context=1024, seed=5)
    with serving({"tiny": folder / "tiny.gguf", "other": folder / "other.gguf"}) as one:
        yield one
