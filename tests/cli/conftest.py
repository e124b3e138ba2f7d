"""Models that several commands of one process share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from autogpt_desktop import runtime
from autogpt_desktop.settings import Settings

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import ModelPool


@pytest.fixture(scope="module")
def kept_models() -> Iterator[None]:
    """What a command loads stays for the next that names the same: it takes longer than most answers."""
    opened: dict[tuple[object, ...], ModelPool] = {}
    open_models = runtime.open_models

    def kept(
        settings: Settings,
        given: Mapping[str, str] | None = None,
        device: str | None = None,
        quantize: str | None = None,
    ) -> ModelPool:
        key = (*(given or {}).items(), device, quantize)
        if key not in opened:
            opened[key] = open_models(settings, given, device, quantize)
            patch.setattr(opened[key], "unload", lambda: None)
        return opened[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime, "open_models", kept)
        yield
    for models in opened.values():
        models.unload()
