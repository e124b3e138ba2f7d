"""The presets of sampling settings: choose one, change its values, add and remove one's own."""

from __future__ import annotations

import copy
from typing import Any

from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import preset_title
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets.basic import (
    button,
    icon_button,
    label,
    name_button,
    plain_tooltip,
)
from autogpt_desktop.ui.widgets.boxes import ComboBox, NumberBox, WholeBox
from autogpt_desktop.ui.widgets.raw_text import raw_text

# field of Sampling: lowest, highest, step, decimals
FIELDS: dict[str, tuple[float, float, float, int]] = {
    "temperature": (0, 2, 0.05, 2),
    "top_k": (0, 1000, 5, 0),
    "top_p": (0, 1, 0.01, 2),
    "min_p": (0, 1, 0.01, 2),
    "repetition_penalty": (1, 2, 0.05, 2),
    "max_tokens": (1, 100_000, 64, 0),
}


class PresetEditor(QWidget):
    """Works on ``settings.presets`` and saves every change."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        self.chooser = ComboBox()
        self.chooser.currentIndexChanged.connect(self._on_chosen)
        self.add_button = icon_button("add")
        self.add_button.clicked.connect(self._add)
        self.remove_button = icon_button("delete")
        self.remove_button.clicked.connect(self._remove)
        row = QHBoxLayout()
        row.addWidget(self.chooser, 1)
        row.addWidget(self.add_button)
        row.addWidget(self.remove_button)
        column.addLayout(row)
        self.name_edit = QLineEdit()
        self.name_edit.editingFinished.connect(self._rename)
        column.addWidget(self.name_edit)
        grid = QGridLayout()
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(0, 1)
        self._labels: dict[str, QLabel] = {}
        self.fields: dict[str, NumberBox | WholeBox] = {}
        for line, (key, (low, high, step, decimals)) in enumerate(FIELDS.items()):
            spin: NumberBox | WholeBox
            if decimals:
                spin = NumberBox(low, high, step, decimals)
            else:
                spin = WholeBox(int(low), int(high), int(step))
            spin.setKeyboardTracking(False)
            spin.setProperty("field", key)
            spin.valueChanged.connect(self._on_value)
            text = label()
            text.setBuddy(spin)
            self._labels[key] = text
            self.fields[key] = spin
            grid.addWidget(text, line, 0)
            grid.addWidget(spin, line, 1)
        column.addLayout(grid)
        self._prompt_label = label()
        self.prompt = QPlainTextEdit()
        self.prompt.setFixedHeight(72)
        self.prompt.setTabChangesFocus(True)
        self.prompt.textChanged.connect(self._on_prompt)
        self._prompt_label.setBuddy(self.prompt)
        column.addWidget(self._prompt_label)
        column.addWidget(self.prompt)
        self.reset_button = button(kind="quiet", icon="undo")
        self.reset_button.clicked.connect(self._reset)
        row = QHBoxLayout()
        row.addWidget(self.reset_button)
        row.addStretch(1)
        column.addLayout(row)
        self._filling = False
        context.language_changed.connect(self.retranslate)
        self.retranslate()

    def retranslate(self) -> None:
        texts = {
            "temperature": (tr("Temperature"), tr("0 always takes the likeliest word; more is livelier")),
            "top_k": (tr("Top-k"), tr("Choose among this many words; 0: all")),
            "top_p": (tr("Top-p"), tr("Choose among the words that together are this likely; 1: all")),
            "min_p": (tr("Min-p"), tr("Leave out words less likely than this share of the best; 0: off")),
            "repetition_penalty": (tr("Repetition penalty"), tr("More than 1 avoids repeating words")),
            "max_tokens": (tr("Longest answer (tokens)"), tr("A token is about three quarters of a word")),
        }
        for key, (text, tip) in texts.items():
            self._labels[key].setText(text)
            self._labels[key].setToolTip(plain_tooltip(tip))
            self.fields[key].setToolTip(plain_tooltip(tip))
            self.fields[key].setAccessibleName(text)
            self.fields[key].setAccessibleDescription(tip)
            self.fields[key].setLocale(QLocale.c())
        self._prompt_label.setText(tr("System prompt"))
        self.prompt.setAccessibleName(tr("System prompt"))
        self.prompt.setPlaceholderText(tr("What the model should know or be in such a conversation"))
        self.chooser.setAccessibleName(tr("Preset"))
        self.name_edit.setAccessibleName(tr("Name of the preset"))
        self.name_edit.setPlaceholderText(tr("Name of the preset"))
        name_button(self.add_button, tr("New preset"))
        name_button(self.remove_button, tr("Remove this preset"))
        self.reset_button.setText(tr("Reset to how it came"))
        self.reload()

    def reload(self) -> None:
        """Show the settings' presets again."""
        self._list(max(self.chooser.currentIndex(), 0))

    def _list(self, index: int) -> None:
        presets = self._context.settings.presets
        self._filling = True
        self.chooser.clear()
        self.chooser.addItems([preset_title(preset) for preset in presets])
        self.chooser.setCurrentIndex(min(index, len(presets) - 1))
        self._filling = False
        self._fill()

    def _preset(self) -> dict[str, Any]:
        presets = self._context.settings.presets
        return presets[min(max(self.chooser.currentIndex(), 0), len(presets) - 1)]

    def _fill(self) -> None:
        preset = self._preset()
        built_in = bool(preset.get("built_in"))
        self._filling = True
        self.name_edit.setText(preset_title(preset))
        self.name_edit.setVisible(not built_in)
        self.remove_button.setEnabled(not built_in)
        self.reset_button.setVisible(built_in and preset != _original(preset))
        for key, spin in self.fields.items():
            value = preset["sampling"][key]
            if isinstance(spin, WholeBox):
                spin.setValue(int(value))
            else:
                spin.setValue(float(value))
        if raw_text(self.prompt) != preset.get("system_prompt", ""):
            self.prompt.setPlainText(preset.get("system_prompt", ""))
        self._filling = False

    def _changed(self) -> None:
        self._context.save_settings()
        preset = self._preset()
        self.reset_button.setVisible(bool(preset.get("built_in")) and preset != _original(preset))

    def _on_chosen(self) -> None:
        if not self._filling:
            self._fill()

    def _on_value(self, value: float) -> None:
        sender = self.sender()
        if not self._filling and sender is not None:
            self._preset()["sampling"][sender.property("field")] = value
            self._changed()

    def _on_prompt(self) -> None:
        if not self._filling:
            self._preset()["system_prompt"] = raw_text(self.prompt)
            self._changed()

    def _rename(self) -> None:
        preset = self._preset()
        name = self.name_edit.text().strip()
        if self._filling or not name or preset.get("built_in") or name == preset["name"]:
            return
        preset["name"] = self._free_name(name)
        self._changed()
        self._list(self.chooser.currentIndex())

    def _add(self) -> None:
        preset = copy.deepcopy(self._preset())
        preset.pop("built_in", None)
        preset["name"] = self._free_name(tr("My preset"))
        self._context.settings.presets.append(preset)
        self._context.save_settings()
        self._list(len(self._context.settings.presets) - 1)
        self.name_edit.setFocus(Qt.FocusReason.OtherFocusReason)
        self.name_edit.selectAll()

    def _remove(self) -> None:
        index = self.chooser.currentIndex()
        preset = self._context.settings.presets.pop(index)
        self._context.save_settings()
        self._list(index)

        def undo() -> None:
            self._context.settings.presets.insert(index, preset)
            self._context.save_settings()
            self._list(index)

        self._context.toast(tr("The preset {name} was removed.", name=preset["name"]), undo=undo)

    def _reset(self) -> None:
        preset = self._preset()
        before = copy.deepcopy(preset)
        preset.clear()
        preset.update(_original(before))
        self._context.save_settings()
        self._fill()

        def undo() -> None:
            preset.clear()
            preset.update(before)
            self._context.save_settings()
            self._fill()

        self._context.toast(tr("The preset {name} is as it came.", name=preset_title(preset)), undo=undo)

    def _free_name(self, name: str) -> str:
        taken = {preset["name"] for preset in self._context.settings.presets}
        free, number = name, 1
        while free in taken:
            number += 1
            free = f"{name} {number}"
        return free


def _original(preset: dict[str, Any]) -> dict[str, Any]:
    """How a built-in preset came; itself for others."""
    from autogpt_desktop.settings import built_in_presets

    return next((item for item in built_in_presets() if item["name"] == preset["name"]), preset)
