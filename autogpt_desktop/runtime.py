"""One factory for the loaded models and one resolver from a role or a name to a path.

The window, the terminal, the benchmarks and ``AutoModel`` all come through here. Torch is imported by
``make_models``, not by this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autogpt_desktop import paths
from autogpt_desktop.catalog.installed import installed, resolve
from autogpt_desktop.catalog.roles import missing, resolve_role
from autogpt_desktop.settings import ROLES, Settings, packed_copies

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import ModelPool

PACKED_WORTH = 1.0  # seconds that a copy of a model's packed weights must save at every start
Resolve = Callable[[str], Path]  # a role or a name → the model's path


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What loaded models depend on: when it changes, they are made anew."""

    device: str  # "auto", "cpu", "cuda" or "mps"
    context_length: int  # tokens; 0: what the model can
    kv_cache: str  # one of ``settings.KV_CACHES``
    quantize: str  # one of ``settings.QUANTIZE``: what float weights become
    packed_copies: str = "auto"  # one of ``settings.PACKED_COPIES``

    @classmethod
    def of(cls, settings: Settings) -> ModelOptions:
        return cls(
            settings.device,
            settings.context_length,
            settings.kv_cache,
            settings.quantize,
            packed_copies(settings),
        )


def make_models(resolve: Resolve, options: ModelOptions) -> ModelPool:
    """The models as ``options`` want them. Use them in ``with models.job() as job``; ``unload`` them in
    the end. Imports torch, its libraries first, so that other threads go on meanwhile.
    """
    from autogpt_desktop.engine import preload

    preload.preload()
    with preload.gc_paused():
        from autogpt_desktop.engine.model_pool import ModelPool
        from autogpt_desktop.engine.native.weights import quantize_kind

    return ModelPool(
        resolve,
        options.device,
        options.context_length,
        packed_cache=None if options.packed_copies == "never" else paths.packed_dir(),
        packed_worth=PACKED_WORTH,
        kv_cache="int8" if options.kv_cache == "int8" else "float16",
        prompt_cache=paths.states_dir(),
        quantize=quantize_kind(options.quantize),
    )


def open_models(
    settings: Settings,
    given: Mapping[str, str] | None = None,
    device: str | None = None,
    quantize: str | None = None,
) -> ModelPool:
    """The models as the settings want them. ``given``: for roles, what the command line says instead."""
    options = ModelOptions(
        device or settings.device, settings.context_length, settings.kv_cache, quantize or settings.quantize
    )
    return make_models(resolver(settings, given), options)


def resolver(settings: Settings, given: Mapping[str, str] | None = None) -> Resolve:
    """For ``make_models``: a role, a model's name or a path → the model's path.

    ``given``: the names or paths that the command line says for roles. The function raises KnownError:
    no-model, no-model-for-role, model-missing.
    """
    given = dict(given or {})

    def path_of(role: str) -> Path:
        role = "chat" if role in ("", "autogpt") else role
        name = given.get(role, "")
        if name in ("", "autogpt"):
            name = role
        if name not in ROLES:
            return resolve(name)
        models = installed()
        chosen = resolve_role(name, settings, models)
        if chosen is None:
            raise missing(name)
        return next(model.path for model in models if model.name == chosen)

    return path_of


def resolver_of_roles(roles: Mapping[str, str | None]) -> Resolve:
    """The same where each role's model is known by name already; None: there is none. Raises as above."""

    def path_of(name: str) -> Path:
        role = "chat" if name == "autogpt" else name
        if role not in ROLES:
            return resolve(name)
        model = roles.get(role)
        if model is None:
            raise missing(role)
        return resolve(model)

    return path_of
