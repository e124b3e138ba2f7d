"""The choice of what is judged: Sentiment, or the user's own labels by a head that was trained on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.catalog.trained import adapter_title, head_labels
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.panel import WorkingModels
from autogpt_desktop.ui.sentiment.scheme import SENTIMENT, Scheme
from autogpt_desktop.ui.widgets.basic import label, plain_tooltip
from autogpt_desktop.ui.widgets.boxes import OpeningBox

if TYPE_CHECKING:
    from autogpt_desktop.catalog.installed import InstalledModel
    from autogpt_desktop.ui.context import AppContext

TRAIN = "\0train"  # the item that leads to the Lab
ROLE = "sentiment"


class LabelChoice(QWidget):
    """``chosen`` carries a Scheme. Which one it is stays in the settings."""

    chosen = Signal(object)

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self.scheme = SENTIMENT
        self.name = label(size="small", tone="muted")
        self.combo = OpeningBox()
        self.combo.setSizeAdjustPolicy(OpeningBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(14)
        self.combo.activated.connect(self._on_activated)
        self.name.setBuddy(self.combo)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.name)
        row.addWidget(self.combo)
        context.models_listed.connect(self.refresh)

    def retranslate(self) -> None:
        self.name.setText(tr("Judge by"))
        self.combo.setAccessibleName(tr("What texts are judged by"))
        self._fill()

    def heads(self) -> list[InstalledModel]:
        """The installed heads with labels of the user's own, usable or not."""
        return [model for model in self._context.installed_models() if model.kind == "labels"]

    def choose(self, name: str) -> bool:
        """A head's name, or "" for Sentiment; False: there is no such head, or it cannot be used."""
        scheme = self._scheme_of(name)
        if scheme is None:
            return False
        self._context.settings.sentiment_labels = name
        self._context.save_settings()
        self._set(scheme)
        return True

    def refresh(self) -> None:
        """What is installed has changed: the one that was chosen may be gone, or be here again."""
        self._set(self._scheme_of(self._context.settings.sentiment_labels) or SENTIMENT)

    def _scheme_of(self, name: str) -> Scheme | None:
        if not name:
            return SENTIMENT
        model = next((model for model in self.heads() if model.name == name and not model.problem), None)
        labels = head_labels(model.path) if model is not None else ()
        return Scheme(labels, model.name, self._title(model)) if model is not None and labels else None

    def _title(self, model: InstalledModel) -> str:
        """What the user called it, without the model that it stands on, where that tells it from others."""
        models = self._context.installed_models()
        base = next((one.title for one in models if one.name == model.base), "")
        ending = adapter_title("", base) if base else ""
        short = model.title.removesuffix(ending)
        same = [one for one in self.heads() if one.title.startswith(adapter_title(short, ""))]
        return short if len(same) < 2 else model.title

    def _set(self, scheme: Scheme) -> None:
        before, self.scheme = self.scheme, scheme
        self._fill()
        working = WorkingModels(scheme.title, (scheme.model,)) if scheme.is_own else None
        self._context.panels.show_working(ROLE, working)
        if scheme != before:
            self.chosen.emit(scheme)

    def _fill(self) -> None:
        combo = self.combo
        combo.clear()
        combo.addItem(tr("Sentiment"), "")
        combo.setItemData(0, plain_tooltip(tr("Positive, neutral or negative")), Qt.ItemDataRole.ToolTipRole)
        for model in self.heads():
            combo.addItem(self._title(model), model.name)
            error = model.error()
            tip = i18n.message(error) if error else ", ".join(head_labels(model.path)[:20])
            combo.setItemData(combo.count() - 1, plain_tooltip(tip), Qt.ItemDataRole.ToolTipRole)
            self._enable(combo.count() - 1, error is None)
        if "lab" in self._context.panels.kinds:
            combo.insertSeparator(combo.count())
            combo.addItem(tr("Train your own labels…"), TRAIN)
        self._show_chosen()

    def _enable(self, at: int, enabled: bool) -> None:
        model = self.combo.model()
        if isinstance(model, QStandardItemModel):
            model.item(at).setEnabled(enabled)

    def _show_chosen(self) -> None:
        self.combo.setCurrentIndex(max(0, self.combo.findData(self.scheme.model)))
        tip = ", ".join(self.scheme.word(each) for each in self.scheme.labels[:20])
        self.combo.setToolTip(plain_tooltip(f"{self.scheme.title}\n{tip}".strip()))

    def _on_activated(self, _at: int) -> None:
        name = self.combo.currentData()
        self._show_chosen()
        if name == TRAIN:
            self._context.panels.ask("lab", "head")
        else:
            self.choose(str(name or ""))
