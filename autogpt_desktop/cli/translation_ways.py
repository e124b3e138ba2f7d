"""What the terminal translates a pair with: a pack, packs by way of English, the language model."""

from __future__ import annotations

import argparse
from functools import cached_property
from typing import TYPE_CHECKING

from autogpt_desktop.cli.output import tell
from autogpt_desktop.documents.text.chinese import TRADITIONAL, both_scripts
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.language_names import name_of_language
from autogpt_desktop.settings import Settings
from autogpt_desktop.tasks.translate.chinese import converts

if TYPE_CHECKING:
    from autogpt_desktop.catalog.installed import InstalledModel
    from autogpt_desktop.tasks.translate.translator import Choose


class Ways:
    """The way for each pair of languages, told once. A model that the command line names translates all."""

    def __init__(self, options: argparse.Namespace, settings: Settings) -> None:
        from autogpt_desktop.catalog.installed import installed
        from autogpt_desktop.catalog.roles import resolve_role

        self._settings = settings
        self._told: set[tuple[str, str]] = set()
        self._installed = installed()
        role = resolve_role("translate", settings, self._installed)
        self._model = self._find(role) if role else None
        self._given = options.model if options.model != "autogpt" else ""

    def _find(self, name: str) -> InstalledModel | None:
        return next((model for model in self._installed if model.name == name), None)

    @cached_property
    def known(self) -> tuple[str, ...]:
        """The languages that can be translated, as far as the models say."""
        from autogpt_desktop.catalog.installed import languages_of, resolve
        from autogpt_desktop.catalog.routes import languages_from, languages_into
        from autogpt_desktop.tasks.translate.translate import offered

        if self._given:
            return both_scripts(languages_of(resolve(self._given)))
        packs = languages_from(self._installed) | languages_into(self._installed)
        if self._model is None:
            return both_scripts(tuple(sorted(packs)))
        if not packs:
            return both_scripts(self._model.languages)
        return both_scripts(tuple(dict.fromkeys((*offered(self._model.languages), *sorted(packs)))))

    @property
    def choose(self) -> Choose:
        """The translator of a pair, for the tasks."""
        from autogpt_desktop.tasks.translate.routed import by_names

        return by_names(self._names_of, judge_of=self._judge_of)

    def _judge_of(self, source: str, target: str) -> str:
        """The pack that reads what a language model translated."""
        from autogpt_desktop.catalog.routes import judge

        return judge(source, target, self._installed)

    def _names_of(self, source: str, target: str) -> tuple[str, ...]:
        """The names of the models for a pair. Raises KnownError("no-pack-for-pair") where nothing does it."""
        from autogpt_desktop.catalog.installed import resolve
        from autogpt_desktop.catalog.pack_folder import is_pack
        from autogpt_desktop.catalog.routes import missing_packs, route

        if converts(source, target):
            return () if self._given else self._native(source, target)
        if self._given:
            return (self._given,) if is_pack(resolve(self._given)) else ()
        way = route(source, target, self._installed, self._model, self._settings.translate_models)
        missing = missing_packs(source, target, self._installed)
        command = f"autogpt-desktop models get {' '.join(missing)}" if missing else ""
        one, other = _name(source), _name(target)
        if not way.kind and missing:
            raise KnownError("no-pack-for-pair", source=one, target=other, command=command)
        if (source, target) not in self._told:
            self._told.add((source, target))
            if way.kind == "via":
                tell(tr("{source} → {target}: by way of English", source=one, target=other))
            elif way.kind == "model" and missing and self._model is not None:
                tell(tr("{source} → {target}: {model} translates.", source=one, target=other,
                        model=self._model.title))  # fmt: skip
                tell(tr("A translation pack is better and faster: {command}", command=command))
        return way.models

    def _native(self, source: str, target: str) -> tuple[str, ...]:
        """The packs that know traditional Chinese themselves; without, it is told that it is converted."""
        from autogpt_desktop.catalog.routes import route

        way = route(source, target, self._installed, None, self._settings.translate_models)
        if not way.models and (source, target) not in self._told:
            self._told.add((source, target))
            tell(
                tr("{source} → {target}: converted from simplified characters",
                   source=_name(source), target=_name(target))
                if target == TRADITIONAL
                else tr("{source} → {target}: converted to simplified characters first",
                        source=_name(source), target=_name(target))
            )  # fmt: skip
        return way.models


def _name(code: str) -> str:
    return name_of_language(code) or code
