"""The models as the worker's thread has them: made anew when the settings that they depend on change."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from autogpt_desktop.events import Done, Notice, Progress, Result
from autogpt_desktop.ui.jobs.learn import learn, reset_peak

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels, ModelPool
    from autogpt_desktop.runtime import ModelOptions, Resolve

MakeModels = Callable[["Resolve", "ModelOptions"], "ModelPool"]  # called on the worker's thread
ModelsJob = Callable[["JobModels", Event], Iterator[Any]]


@dataclass(frozen=True)
class ModelInfo:
    """The model that is loaded."""

    name: str
    title: str
    languages: tuple[str, ...]  # ISO 639-1; (): unknown
    context_length: int  # tokens
    weight_bytes: int  # in memory
    device: str
    load_seconds: float
    can_switch_thinking: bool = False


@dataclass(frozen=True)
class InMemory:
    """Which models are loaded now: the file or folder, the bytes of its weights, the device."""

    models: tuple[tuple[Path, int, str], ...] = ()


def is_result(event: object) -> bool:
    """Whether a job's event says that its models are loaded: from then on it can share the worker.

    Before, another one would load the same model a second time.
    """
    return not isinstance(event, Progress | Notice | ModelInfo | InMemory)


def load_only(_models: JobModels, _cancel: Event) -> Iterator[Any]:
    """The job that does nothing: ``WorkerModels.run`` loads the chat model before it."""
    return iter(())


def until_cancelled(events: Iterator[Any], cancel: Event) -> Generator[Any, None, None]:
    """A job's events; a pass that was given up because the job is cancelled ends it and is no failure."""
    from autogpt_desktop.engine.interface import Cancelled

    try:
        yield from events
    except Cancelled:
        if not cancel.is_set():
            raise


class WorkerModels:
    """The loaded models; only the worker's thread touches what is inside."""

    def __init__(self, make: MakeModels) -> None:
        self._make = make
        self._models: ModelPool | None = None
        self._made_for: ModelOptions | None = None
        self._roles: dict[str, str | None] = {}
        self.loaded = ""  # the name that load_model succeeded with
        self._told = InMemory()

    def run(
        self,
        job: ModelsJob,
        cancel: Event,
        *,
        role: str,
        options: ModelOptions,
        roles: dict[str, str | None],
        chat: tuple[str, str],
    ) -> Iterator[Any]:
        """A job's events; what it got stays loaded until it ends. ``roles``: the model for each role.

        With ``role`` "chat" that model, whose name and title ``chat`` gives, is loaded first where it is
        not yet: ``Progress`` and a ``ModelInfo`` come before. ``KnownError`` "no-model",
        "no-model-for-role" and "model-missing". A ``role`` of "" needs none: the job asks by name.
        """
        by_name = role in ("", "translate")  # packs may translate, which a job asks for by name
        if not by_name and roles[role] is None:
            from autogpt_desktop.catalog.roles import missing

            raise missing(role)
        from autogpt_desktop.tasks.chat import load_model

        loaded = yield from self.get(options, roles)
        name, title = chat
        with loaded.job() as mine:
            if role == "chat" and self.loaded != name:
                self.loaded = ""
                reset_peak()
                for event in load_model(mine, name):
                    if isinstance(event, Result):
                        self.loaded = name
                        yield _model_info(name, title, event.value)
                    else:
                        yield event
            with closing(until_cancelled(job(mine, cancel), cancel)) as events:
                for event in events:
                    yield event
                    if role == "chat" and isinstance(event, Done):
                        learn(name, options, event, loaded)
                    yield from self.loaded_changes()
            yield from self.loaded_changes()

    def get(
        self, options: ModelOptions, roles: dict[str, str | None]
    ) -> Generator[Progress, None, ModelPool]:
        """Torch is imported here, the first time. ``roles``: the model for each role."""
        self._roles = roles
        if self._models is None or self._made_for != options:
            yield Progress("stage.engine")
            if self._models is not None and self._made_for == options:
                return self._models  # by another job, while this one was suspended
            if self._models is not None:
                self._models.unload()
            self.loaded, self._models = "", None
            self._models = self._make(self._resolve, options)
            self._made_for = options
        return self._models

    def loaded_changes(self) -> Iterator[InMemory]:
        """What is loaded, where that is not what was said last."""
        loaded = self._models.loaded if self._models is not None else ()
        now = InMemory(tuple((each.path, each.engine.weight_bytes, each.engine.device) for each in loaded))
        if now != self._told:
            self._told = now
            yield now

    def unload_one(self, path: Path) -> None:
        self.loaded = ""  # if it was another one, that is found again without loading
        if self._models is not None:
            self._models.unload(path)

    def free(self) -> None:
        """Every model goes; they are loaded again when they are asked for."""
        self.loaded = ""
        if self._models is not None:
            self._models.unload()

    def unload(self, before: list[Callable[[ModelPool], None]]) -> None:
        if self._models is not None:
            for action in before:
                action(self._models)
            self._models.unload()
        self.loaded, self._models = "", None

    def _resolve(self, name: str) -> Path:
        """A role or a model's name → its path."""
        from autogpt_desktop.runtime import resolver_of_roles

        return resolver_of_roles(self._roles)(name)


def _model_info(name: str, title: str, value: dict[str, Any]) -> ModelInfo:
    return ModelInfo(
        name=name,
        title=title,
        languages=tuple(value.get("languages", ())),
        context_length=int(value["context_length"]),
        weight_bytes=int(value["weight_bytes"]),
        device=str(value["device"]),
        load_seconds=float(value["load_seconds"]),
        can_switch_thinking=bool(value.get("can_switch_thinking")),
    )
