"""The drawer at the right: system prompt, sampling and presets of one conversation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop.engine.config import Sampling, read_stop_text, write_stop_text
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import preset_title
from autogpt_desktop.ui.chat.chat_settings import ChatSettings, sampling_from, sampling_values
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import (
    button,
    icon_button,
    label,
    name_button,
    plain_tooltip,
)
from autogpt_desktop.ui.widgets.boxes import ComboBox, NumberBox, WholeBox
from autogpt_desktop.ui.widgets.raw_text import raw_text

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class SamplingPanel(QScrollArea):
    """``show_values`` fills it."""

    changed = Signal()  # 300 ms after the user's last change
    edited = Signal()  # at once, also by ``show_values``
    closed = Signal()

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self._filling = False
        self._naming = ""  # "save" or "rename" while a name is asked for
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedWidth(312)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # its fields are the stops
        page = QWidget()
        page.setObjectName("page")
        self.setWidget(page)
        self._labels: dict[str, QLabel] = {}
        self.title = label(size="heading")
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.closed)
        self.presets = ComboBox()
        self.presets.activated.connect(self._preset_chosen)
        self.preset_menu = icon_button("more")
        self.preset_menu.clicked.connect(self._menu)
        self.name_field = QLineEdit()
        self.name_field.setMaxLength(60)
        self.name_field.returnPressed.connect(self._name_given)
        self.name_button = button(kind="primary")
        self.name_button.clicked.connect(self._name_given)
        self.prompt = QPlainTextEdit()
        self.prompt.setTabChangesFocus(True)
        self.prompt.setFixedHeight(120)
        self.temperature = NumberBox(0.0, 2.0, 0.05)
        self.top_k = WholeBox(0, 1000, 1)
        self.top_p = NumberBox(0.01, 1.0, 0.01)
        self.min_p = NumberBox(0.0, 1.0, 0.01)
        self.repetition_penalty = NumberBox(0.5, 2.0, 0.01)
        self.max_tokens = WholeBox(1, 32768, 64)
        self.seed = QLineEdit()
        self.seed.setMaxLength(18)
        self.thinking = QCheckBox()
        self.stop = QPlainTextEdit()
        self.stop.setTabChangesFocus(True)
        self.stop.setFixedHeight(64)
        self.schema = QPlainTextEdit()
        self.schema.setTabChangesFocus(True)
        self.schema.setFixedHeight(96)
        self.schema_problem = label(size="small", tone="danger", wrap=True)
        self.schema_problem.hide()
        self._build(page)
        self._debounce = QTimer(self)
        self._debounce.setSingleShot(True)
        self._debounce.setInterval(300)
        self._debounce.timeout.connect(self.changed)
        for box in (
            self.temperature,
            self.top_k,
            self.top_p,
            self.min_p,
            self.repetition_penalty,
            self.max_tokens,
        ):
            box.valueChanged.connect(self._touched)
        for field in (self.prompt, self.stop, self.seed, self.schema):
            field.textChanged.connect(self._touched)
        self.schema.textChanged.connect(self._check_schema)
        self.thinking.toggled.connect(self._touched)
        context.model_changed.connect(self._show_thinking)
        context.language_changed.connect(self.retranslate)
        self._show_thinking()
        self.retranslate()
        self._fill_presets("")

    # -- values

    def values(self) -> ChatSettings:
        seed = self.seed.text().strip()
        sampling = Sampling(
            temperature=round(self.temperature.value(), 3),
            top_k=self.top_k.value(),
            top_p=round(self.top_p.value(), 3),
            min_p=round(self.min_p.value(), 3),
            repetition_penalty=round(self.repetition_penalty.value(), 3),
            seed=int(seed) if seed.isdecimal() else None,
            stop=tuple(read_stop_text(line) for line in raw_text(self.stop).split("\n") if line),
            max_tokens=self.max_tokens.value(),
            thinking=self.thinking.isChecked(),
            schema=raw_text(self.schema).strip(),
        )
        return ChatSettings(raw_text(self.prompt).strip(), sampling, self._preset_name())

    def _preset_name(self) -> str:
        return str(self.presets.currentData() or "")

    def show_values(self, system_prompt: str, sampling: Sampling, preset: str) -> None:
        self._filling = True
        self.prompt.setPlainText(system_prompt)
        for name in ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_tokens"):
            getattr(self, name).setValue(getattr(sampling, name))
        self.seed.setText("" if sampling.seed is None else str(sampling.seed))
        self.thinking.setChecked(sampling.thinking)
        self.stop.setPlainText("\n".join(map(write_stop_text, sampling.stop)))
        self.schema.setPlainText(sampling.schema)
        self._filling = False
        self._debounce.stop()
        self._naming_done()
        self._fill_presets(preset)

    def flush(self) -> None:
        """Report a change that still waits, before the conversation changes."""
        if self._debounce.isActive():
            self._debounce.stop()
            self.changed.emit()

    # -- presets

    def _fill_presets(self, chosen: str) -> None:
        self.presets.blockSignals(True)
        self.presets.clear()
        for preset in self.context.settings.presets:
            self.presets.addItem(preset_title(preset), preset["name"])
        place = self.presets.findData(chosen) if chosen else -1
        if place < 0:
            self.presets.insertItem(0, tr("Custom"), "")
            place = 0
        self.presets.setCurrentIndex(place)
        self.presets.blockSignals(False)
        self.edited.emit()

    def _preset(self, name: str) -> dict[str, Any] | None:
        return next((preset for preset in self.context.settings.presets if preset["name"] == name), None)

    def _preset_chosen(self) -> None:
        preset = self._preset(self._preset_name())
        if preset is None:
            return
        prompt = preset.get("system_prompt", "") or raw_text(self.prompt)
        self.show_values(prompt, sampling_from(preset.get("sampling")), preset["name"])
        self._debounce.start()

    def _menu(self) -> None:
        preset = self._preset(self._preset_name())
        own = preset is not None and not preset.get("built_in")
        menu = QMenu(self)
        save = menu.addAction(icons.icon("plus"), tr("Save as a new preset…"))
        save.triggered.connect(self.save_preset)
        rename = menu.addAction(icons.icon("edit"), tr("Rename this preset…"))
        rename.setEnabled(own)
        rename.triggered.connect(self.rename_preset)
        delete = menu.addAction(icons.icon("delete"), tr("Delete this preset"))
        delete.setEnabled(own)
        delete.triggered.connect(self.delete_preset)
        menu.exec(self.preset_menu.mapToGlobal(QPoint(0, self.preset_menu.height())))
        menu.deleteLater()

    def save_preset(self) -> None:
        self._ask_name("save", "")

    def rename_preset(self) -> None:
        self._ask_name("rename", self._preset_name())

    def delete_preset(self) -> None:
        """Takes the preset away; Undo brings it back where it was."""
        preset = self._preset(self._preset_name())
        if preset is None or preset.get("built_in"):
            return
        place = self.context.settings.presets.index(preset)
        self.context.settings.presets.remove(preset)
        self.context.save_settings()
        self._fill_presets("")

        def undo() -> None:
            self.context.settings.presets.insert(place, preset)
            self.context.save_settings()
            self._fill_presets(preset["name"])

        self.context.toast(tr("Preset “{name}” deleted", name=preset["name"]), undo=undo)

    def _ask_name(self, what: str, name: str) -> None:
        self._naming = what
        self.name_field.setText(name)
        self.name_row.show()
        self.name_field.setFocus()
        self.name_field.selectAll()

    def _name_given(self) -> None:
        name = " ".join(self.name_field.text().split())
        if not name or not self._naming:
            return
        settings = self.context.settings
        old = self._preset_name()
        taken = self._preset(name)
        if taken is not None and (taken.get("built_in") or (self._naming == "rename" and name != old)):
            self.context.toast(
                tr("There is a preset called “{name}” already. Choose another name.", name=name)
            )
            return
        if self._naming == "rename" and (preset := self._preset(old)) is not None:
            preset["name"] = name
        else:
            prompt, sampling, _ = self.values()
            new = {
                "name": name,
                "system_prompt": prompt,
                "sampling": sampling_values(sampling),
                "built_in": False,
            }
            if taken is not None:
                settings.presets[settings.presets.index(taken)] = new
            else:
                settings.presets.append(new)
        self.context.save_settings()
        self._naming_done()
        self._fill_presets(name)
        self._debounce.start()

    def _naming_done(self) -> None:
        self._naming = ""
        self.name_row.hide()

    # -- parts

    def _build(self, page: QWidget) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addStretch()
        head.addWidget(self.close_button)
        preset_row = QHBoxLayout()
        preset_row.addWidget(self.presets, 1)
        preset_row.addWidget(self.preset_menu)
        self.name_row = QWidget()
        naming = QHBoxLayout(self.name_row)
        naming.setContentsMargins(0, 0, 0, 0)
        naming.addWidget(self.name_field, 1)
        naming.addWidget(self.name_button)
        self.name_row.hide()
        column = QVBoxLayout(page)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._label("preset", self.presets))
        column.addLayout(preset_row)
        column.addWidget(self.name_row)
        column.addSpacing(8)
        column.addWidget(self._label("prompt", self.prompt))
        column.addWidget(self.prompt)
        column.addWidget(self.thinking)
        column.addSpacing(8)
        grid = QGridLayout()
        grid.setVerticalSpacing(8)
        self.seed.setFixedWidth(self.temperature.width())
        self.seed.setAlignment(Qt.AlignmentFlag.AlignRight)
        for row, name in enumerate(
            ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "max_tokens", "seed")
        ):
            grid.addWidget(self._label(name, getattr(self, name)), row, 0)
            grid.addWidget(getattr(self, name), row, 1)
        grid.setColumnStretch(0, 1)
        column.addLayout(grid)
        column.addSpacing(8)
        column.addWidget(self._label("stop", self.stop))
        column.addWidget(self.stop)
        column.addSpacing(8)
        column.addWidget(self._label("schema", self.schema))
        column.addWidget(self.schema)
        column.addWidget(self.schema_problem)
        column.addStretch()

    def _label(self, name: str, buddy: QWidget) -> QLabel:
        text = label(size="small" if name in ("preset", "prompt", "stop", "schema") else "body")
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setBuddy(buddy)
        self._labels[name] = text
        return text

    def _show_thinking(self) -> None:
        """The switch is there where the model's template knows it."""
        model = self.context.model()
        self.thinking.setVisible(model is not None and model.can_switch_thinking)

    def _check_schema(self) -> None:
        """What is no JSON is said while it is written; what is no schema, with the answer."""
        text = raw_text(self.schema).strip()
        try:
            wrong = bool(text) and not isinstance(json.loads(text), dict)
        except (ValueError, RecursionError):
            wrong = True
        self.schema_problem.setVisible(wrong)

    def _touched(self) -> None:
        if self._filling:
            return
        if self.presets.currentData():
            self._fill_presets("")
        self.edited.emit()
        self._debounce.start()

    def retranslate(self) -> None:
        self.title.setText(tr("This conversation"))
        self.setAccessibleName(tr("This conversation"))
        name_button(self.close_button, tr("Close"))
        name_button(self.preset_menu, tr("Presets"))
        self.name_field.setPlaceholderText(tr("Name of the preset"))
        self.name_field.setAccessibleName(tr("Name of the preset"))
        self.name_button.setText(tr("Save"))
        self.prompt.setPlaceholderText(tr("What the model should know or how it should answer"))
        self.seed.setPlaceholderText(tr("Random"))
        hint = tr("A reasoning model thinks first; off, it answers at once")
        self.thinking.setText(tr("Think before answering"))
        self.thinking.setToolTip(plain_tooltip(hint))
        self.thinking.setAccessibleDescription(hint)
        self.stop.setPlaceholderText(tr("One per line; \\n is a line break"))
        self.schema.setPlaceholderText('{"type": "object", "properties": {…}}')
        self.schema_problem.setText(tr("This is not a JSON object yet."))
        texts = {
            "preset": (tr("Preset"), tr("Saved settings to start from")),
            "prompt": (tr("System prompt"), tr("Instructions that stand before the conversation")),
            "temperature": (
                tr("Temperature"),
                tr("Higher is more surprising; 0 always takes the likeliest word"),
            ),
            "top_k": (tr("Top-k"), tr("Only this many of the likeliest words; 0: all")),
            "top_p": (tr("Top-p"), tr("Only the likeliest words that together reach this share; 1: all")),
            "min_p": (
                tr("Min-p"),
                tr("Only words at least this likely, compared with the likeliest; 0: all"),
            ),
            "repetition_penalty": (
                tr("Repetition penalty"),
                tr("Above 1 avoids words that were used already"),
            ),
            "max_tokens": (tr("Longest answer"), tr("In tokens; a token is about three quarters of a word")),
            "seed": (tr("Seed"), tr("The same number gives the same answer again; empty: random")),
            "stop": (tr("Stop texts"), tr("The answer ends where one of these appears")),
            "schema": (
                tr("Answer as JSON"),
                tr("A JSON schema that every answer keeps to; empty: answers are plain text"),
            ),
        }
        for name, (text, hint) in texts.items():
            field = self._labels[name].buddy()
            self._labels[name].setText(text)
            self._labels[name].setToolTip(plain_tooltip(hint))
            field.setToolTip(plain_tooltip(hint))
            field.setAccessibleName(text)
            field.setAccessibleDescription(hint)
        self._fill_presets(self._preset_name())
