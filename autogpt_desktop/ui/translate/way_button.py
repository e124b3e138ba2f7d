"""What makes the translation: in the window's header and foot, and, where that is not plain, below it."""

from __future__ import annotations

from functools import partial

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSizePolicy

from autogpt_desktop.catalog.routes import Route
from autogpt_desktop.documents.text.chinese import TRADITIONAL
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.panel import WorkingModels
from autogpt_desktop.ui.translate.labels import language_name
from autogpt_desktop.ui.translate.language_row import LanguageRow
from autogpt_desktop.ui.translate.pair_models import PairModels
from autogpt_desktop.ui.widgets.basic import ElidedLabel, button, name_button


def conversion_text(models: PairModels, source: str, target: str) -> str:
    """Says that one script of Chinese is made of the other; "" where it is not."""
    if not source or not models.ways(source, target) or not models.is_converted(source, target):
        return ""
    if target == TRADITIONAL:
        return tr("converted from simplified")
    return tr("converted to simplified first")


class WayButton:
    """``button`` says "via English" or names the model; its menu lists every way to translate the pair.
    ``note`` says so where one script of Chinese is made of the other."""

    def __init__(self, context: AppContext, models: PairModels, row: LanguageRow) -> None:
        self._context, self._models, self._row = context, models, row
        self.button = button(kind="quiet")
        self.menu = QMenu(self.button)
        self.menu.aboutToShow.connect(self._fill)
        self.button.setMenu(self.menu)
        self.button.setProperty("textSize", "small")
        self.note = ElidedLabel(size="small", tone="muted")
        self.note.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        row.changed.connect(self.show_way)
        models.changed.connect(self.show_way)
        self.show_way()

    def show_way(self) -> None:
        """For the pair of now; nothing where there is one way, and that a pack."""
        source, target = self._row.language, self._row.target
        ways = self._models.ways(source, target) if source else []
        way = self._models.way(source, target) if source else Route("")
        self._context.panels.show_working("translate", self._working(way))
        self.button.setVisible(bool(ways) and (len(ways) > 1 or way.kind == "via"))
        self.button.setText(self._short(way))
        conversion = conversion_text(self._models, source, target)
        self.note.setVisible(bool(conversion))
        self.note.set_text(conversion)
        name_button(self.button, tr("How this pair of languages is translated: {way}", way=self._short(way)))

    def _working(self, way: Route) -> WorkingModels | None:
        """The packs, for the window to name; None where the language model translates."""
        if way.kind == "via":
            return WorkingModels(tr("Two translation packs, via English"), way.models)
        if way.kind == "pack":
            source, target = map(language_name, (self._row.language, self._row.target))
            title = tr("Translation pack {source} → {target}", source=source, target=target)
            return WorkingModels(title, way.models)
        only_packs = self._context.model_for("translate") is None and self._models.packs()
        return WorkingModels(tr("Translation packs")) if only_packs else None

    def _short(self, way: Route) -> str:
        if way.kind == "via":
            return tr("via English")
        return tr("Translation pack") if way.kind == "pack" else self._model_title()

    def _model_title(self) -> str:
        model = self._context.model_for("translate")
        return model.title if model is not None else ""

    def _fill(self) -> None:
        self.menu.clear()
        source, target = self._row.language, self._row.target
        now = self._models.way(source, target)
        for place, way in enumerate(self._models.ways(source, target)):
            text = {
                "pack": tr("Translation pack: at once"),
                "via": tr("Two translation packs, via English"),
            }.get(way.kind) or tr("{model}: slower", model=self._model_title())
            action = QAction(text, self.menu)
            action.setCheckable(True)
            action.setChecked(way.kind == now.kind)
            action.triggered.connect(partial(self.choose, "" if place == 0 else way.kind))
            self.menu.addAction(action)

    def choose(self, kind: str, _checked: bool = True) -> None:
        """Prefer a way for the pair; "": the best."""
        self._models.prefer(self._row.language, self._row.target, kind)
