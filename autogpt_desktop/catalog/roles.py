"""Which model plays which role: what the user chose, else the one that is made for it."""

from __future__ import annotations

from collections.abc import Iterable

from autogpt_desktop.catalog.entries import CatalogModel, catalog
from autogpt_desktop.catalog.installed import InstalledModel
from autogpt_desktop.engine.formats.encoder_config import HEADS_OF_ROLE
from autogpt_desktop.errors import KnownError
from autogpt_desktop.settings import Settings


def can_play(model: InstalledModel, role: str) -> bool:
    """Whether the model is usable and of the kind that the role needs. One that translates some pairs of
    languages alone plays no role; it is chosen for each pair, see ``routes``."""
    return not model.problem and not model.pairs and model.kind in HEADS_OF_ROLE[role]


def candidates(role: str, models: Iterable[InstalledModel]) -> list[InstalledModel]:
    """The models that can play the role."""
    return [model for model in models if can_play(model, role)]


def resolve_role(role: str, settings: Settings, models: Iterable[InstalledModel]) -> str | None:
    """The name of the installed model for ``role``, one of ``settings.ROLES``; None: there is none.

    The user's choice comes first. Else the catalog's models for the role that are installed, the better one
    first. Chat then takes the first model that can, the other roles that deal in text the chat model.
    """
    models = list(models)
    names = [model.name for model in candidates(role, models)]
    chosen = settings.default_model if role == "chat" else settings.roles.get(role, "")
    if chosen in names:
        return chosen
    made_for_it = [entry.name for entry in made_for(role) if entry.name in names]
    made_for_it.sort(key=lambda name: not catalog()[name].better)
    if role == "chat":
        return next(iter(made_for_it + names), None)
    if made_for_it:
        return made_for_it[0]
    return None if role == "embed" else resolve_role("chat", settings, models)


def made_for(role: str) -> list[CatalogModel]:
    """The models of the catalog that are made for the role, as they are offered: the starter first, the
    larger one last."""
    found = [entry for entry in catalog().values() if role in entry.roles]
    return sorted(found, key=lambda entry: (entry.better, not entry.starter))


def offered(role: str, languages: Iterable[str]) -> CatalogModel:
    """What is offered first for the role to a user of these languages. One that finds passages by meaning
    must know them all where there is one that does; others say of themselves what they know."""
    models = made_for(role)
    if role == "embed":
        models.sort(key=lambda entry: not set(languages) <= set(entry.languages))
    return models[0]


def missing(role: str) -> KnownError:
    """What to say where no model can play the role."""
    entry = next(iter(made_for(role)), None)
    if role == "chat" or entry is None:
        return KnownError("no-model")
    return KnownError("no-model-for-role", role=role, name=entry.name, model=entry.title)
