from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog import transfer
from autogpt_desktop.catalog.entries import catalog
from tests.catalog.server import Site, serving


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(transfer, "PAUSE", 0.01)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    with serving(Site()) as running:
        yield running


@pytest.fixture
def no_bundled_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Only what a test puts there is installed; the catalog stays the real one."""
    catalog()
    folder = tmp_path / "bundled"
    folder.mkdir()
    monkeypatch.setattr(paths, "model_dirs", lambda: [paths.models_dir(), folder])
    return folder
