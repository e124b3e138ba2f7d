from __future__ import annotations

from collections.abc import Iterator

import pytest

from autogpt_desktop.catalog import transfer
from tests.catalog.server import Site, serving


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(transfer, "PAUSE", 0.01)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    with serving(Site()) as running:
        yield running
