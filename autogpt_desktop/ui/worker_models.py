"""The models as the worker's thread has them: made anew when the settings that they depend on change."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from threading import Event
from typing import Any

from autogpt_desktop.events import Progress
from autogpt_desktop.settings import ROLES

# of resolve, device, context length, kind of cache, what float weights become
MakeModels = Callable[[Callable[[str], Path], str, int, str, str], Any]


def until_cancelled(events: Iterator[Any], cancel: Event) -> Iterator[Any]:
    """A job's events; a pass that was given up because the job is cancelled ends it and is no failure."""
    from autogpt_desktop.engine.transformer import Cancelled

    try:
        yield from events
    except Cancelled:
        if not cancel.is_set():
            raise


class WorkerModels:
    """The loaded models; only the worker's thread touches what is inside."""

    def __init__(self, make: MakeModels) -> None:
        self._make = make
        self._models: Any = None
        self._made_for = ("", 0, "", "")  # the options of get
        self._roles: dict[str, str | None] = {}
        self.loaded = ""  # the name that load_model succeeded with

    def get(
        self, options: tuple[str, int, str, str], roles: dict[str, str | None]
    ) -> Generator[Any, None, Any]:
        """Torch is imported here, the first time. ``options``: device, context length, kind of cache,
        what float weights become; ``roles``: the model for each role."""
        self._roles = roles
        if self._models is None or self._made_for != options:
            yield Progress("stage.engine")
            if self._models is not None:
                self._models.unload()
            self.loaded, self._models = "", None
            self._models = self._make(self._resolve, *options)
            self._made_for = options
        return self._models

    def unload_one(self, path: Path) -> None:
        self.loaded = ""  # if it was another one, that is found again without loading
        if self._models is not None:
            self._models.unload(path)

    def unload(self, before: list[Callable[[Any], None]]) -> None:
        if self._models is not None:
            for action in before:
                action(self._models)
            self._models.unload()
        self.loaded, self._models = "", None

    def _resolve(self, name: str) -> Path:
        """A role or a model's name → its path."""
        from autogpt_desktop.catalog import installed, roles

        role = "chat" if name == "autogpt" else name
        if role not in ROLES:
            return installed.resolve(name)
        model = self._roles.get(role)
        if model is None:
            raise roles.missing(role)
        return installed.resolve(model)
