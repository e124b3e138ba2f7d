"""What translates a pair of languages in the window: packs, two by way of English, the language model."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.catalog.entries import CatalogModel
from autogpt_desktop.catalog.packs import find_entry
from autogpt_desktop.catalog.roles import made_for
from autogpt_desktop.catalog.routes import (
    Route,
    choose,
    judge,
    languages_from,
    languages_into,
    missing_packs,
    pair_key,
    routes,
)
from autogpt_desktop.documents.text.chinese import both_scripts, without_script
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.chinese import converts
from autogpt_desktop.tasks.translate.routed import JudgeOf, by_names
from autogpt_desktop.tasks.translate.translate import offered, states
from autogpt_desktop.tasks.translate.translator import Choose
from autogpt_desktop.ui.context import AppContext


class PairModels(QObject):
    """``changed`` comes when another model may translate a pair."""

    changed = Signal()

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        context.models_listed.connect(self.changed)

    # --- languages --------------------------------------------------------------------------

    def packs(self) -> tuple[str, ...]:
        """The languages that the packs which are here know."""
        models = self._context.installed_models()
        return both_scripts(tuple(sorted(languages_from(models) | languages_into(models))))

    def known(self) -> tuple[str, ...]:
        """The languages that the language model says it knows; without one, those of the packs."""
        model = self._context.model_for("translate")
        return both_scripts(model.languages) if model is not None else self.packs()

    def languages(self) -> tuple[str, ...]:
        """What can be translated at all."""
        if self._context.model_for("translate") is None:
            return self.packs() or both_scripts(tuple(LANGUAGES))
        return tuple(dict.fromkeys((*both_scripts(tuple(LANGUAGES)), *self.packs())))

    def offered(self) -> tuple[tuple[str, ...], bool]:
        """The languages that are known, and whether the models say so."""
        known, packs = self.known(), self.packs()
        return tuple(dict.fromkeys((*offered(known), *packs))), states(known) or bool(packs)

    # --- ways -------------------------------------------------------------------------------

    def ways(self, source: str, target: str) -> list[Route]:
        """Every way to translate a pair, the best first; where no pack writes a script of Chinese, those of
        the other script."""
        context = self._context
        installed, model = context.installed_models(), context.model_for("translate")
        found = routes(source, target, installed, model)
        if converts(source, target) and not any(way.models for way in found):
            found = routes(without_script(source), without_script(target), installed, model)
        return found

    def is_converted(self, source: str, target: str) -> bool:
        """Is a pair translated in simplified Chinese, and converted?"""
        found = routes(source, target, self._context.installed_models())
        return converts(source, target) and not any(way.models for way in found)

    def way(self, source: str, target: str) -> Route:
        """The one that is taken."""
        return choose(self.ways(source, target), self.preferred(source, target))

    def preferred(self, source: str, target: str) -> str:
        """The kind of way that the user prefers for a pair; "": the best."""
        return self._context.settings.translate_models.get(pair_key(source, target), "")

    def prefer(self, source: str, target: str, kind: str) -> None:
        """Remember it; "" leaves it to the app."""
        wishes, key = self._context.settings.translate_models, pair_key(source, target)
        if wishes.get(key, "") == kind:
            return
        wishes.pop(key, None)
        if kind:
            wishes[key] = kind
        self._context.save_settings()
        self.changed.emit()

    def immediate(self, source: str, target: str) -> bool:
        """Are packs loaded that translate the pair? Then no pause is waited for."""
        way = self.way(source, target)
        paths = {model.name: model.path for model in self._context.installed_models()}
        return bool(way.models) and all(paths.get(name) in self._context.in_memory for name in way.models)

    def chooser(self) -> Choose:
        """For a job: which models translate a pair, as it is now."""
        context = self._context
        models, model = context.installed_models(), context.model_for("translate")
        wishes = dict(context.settings.translate_models)

        def names_of(source: str, target: str) -> tuple[str, ...]:
            wish = wishes.get(pair_key(source, target), "")
            return choose(routes(source, target, models, model), wish).models

        return by_names(names_of, judge_of=self.judge_chooser())

    def judge_chooser(self) -> JudgeOf:
        """For a job: which pack reads what others translated, as it is now."""
        models = self._context.installed_models()
        return lambda source, target: judge(source, target, models)

    # --- what could be had -------------------------------------------------------------------

    def missing(self, source: str, target: str) -> list[CatalogModel]:
        """The packs to fetch for a pair that no packs translate yet."""
        installed = self._context.installed_models()
        names = missing_packs(source, target, installed)
        if not names and self.is_converted(source, target):
            names = missing_packs(without_script(source), without_script(target), installed)
        return [entry for name in names if (entry := find_entry(name)) is not None]


def is_ready(context: AppContext, *, anyway: bool = False) -> bool:
    """There are packs, or a model that is made to translate, or that the user wants to use (``anyway``)."""
    if any(model.pairs and not model.problem for model in context.installed_models()):
        return True
    model = context.model_for("translate")
    if model is None:
        return False
    chosen = anyway or "translate" in context.settings.roles
    return chosen or any(entry.name == model.name for entry in made_for("translate"))
