"""Settings, as a drawer at the right edge: everything applies at once, nothing has to be confirmed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QLocale, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSystemTrayIcon,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop import i18n, paths
from autogpt_desktop.catalog.roles import candidates
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import ROLES
from autogpt_desktop.ui.context import ZOOMS, AppContext
from autogpt_desktop.ui.settings.preset_editor import PresetEditor
from autogpt_desktop.ui.settings.server_section import ServerSection
from autogpt_desktop.ui.widgets.basic import (
    ElidedLabel,
    button,
    hairline,
    icon_button,
    label,
    name_button,
    size_text,
)
from autogpt_desktop.ui.widgets.boxes import ComboBox
from autogpt_desktop.ui.widgets.overlay import Overlay

MODEL_CHOICES = ("quantize", "packed_copies", "context_length", "kv_cache", "unload_minutes")
UNLOAD_MINUTES = (5, 15, 30, 60, 120, 0)
CONTEXTS = (0, 2048, 4096, 8192, 16384, 32768)


class Choice(ComboBox):
    """A drop-down of (value, text) pairs."""

    def __init__(self, chosen: Callable[[Any], None]) -> None:
        super().__init__()
        self._chosen = chosen
        self.setMinimumContentsLength(12)
        self.activated.connect(self._on_activated)

    def show_choices(self, pairs: list[tuple[Any, str]], now: Any) -> None:
        self.clear()
        for value, text in pairs:
            self.addItem(text, value)
        self.setCurrentIndex(max(0, [value for value, _ in pairs].index(now) if now in dict(pairs) else 0))

    def _on_activated(self, index: int) -> None:
        self._chosen(self.itemData(index))


class SettingsDrawer(Overlay):
    """One column of sections."""

    def __init__(self, context: AppContext, window: QWidget) -> None:
        super().__init__(window, placement="drawer", width=440)
        self._context = context
        outer = QVBoxLayout(self.card)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(24, 12, 12, 12)
        self._title = label(size="heading")
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.close_overlay)
        head.addWidget(self._title, 1)
        head.addWidget(self.close_button)
        outer.addLayout(head)
        outer.addWidget(hairline())
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        page = QWidget()
        page.setObjectName("page")
        scroll.setWidget(page)
        outer.addWidget(scroll, 1)
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(24, 16, 24, 24)
        self._column.setSpacing(12)
        self._labels: dict[str, QLabel] = {}

        self._section("look")
        self.language = self._choice("language", self._context.set_language)
        self.theme = self._choice("theme", self._context.set_theme)
        self.zoom = self._choice("zoom", self._context.set_zoom)
        self.tray = QCheckBox()
        self.tray.clicked.connect(self._context.set_tray)
        self.tray.setVisible(QSystemTrayIcon.isSystemTrayAvailable())
        self._column.addWidget(self.tray)
        self._section("chat")
        self.send_with_enter = self._check("send_with_enter")
        self.send_hint = label(size="small", tone="muted", wrap=True)
        self._column.addWidget(self.send_hint)
        self.notify = self._check("notify")
        self._section("model")
        self.device = self._choice("device", self._context.set_device)
        self.quantize = self._choice("quantize", self._context.set_quantize)
        self.quantize_hint = label(size="small", tone="muted", wrap=True)
        self._column.addWidget(self.quantize_hint)
        self.packed_copies = self._choice("packed_copies", self._context.set_packed_copies)
        self.packed_copies_hint = label(size="small", tone="muted", wrap=True)
        self._column.addWidget(self.packed_copies_hint)
        self.context_length = self._choice("context_length", self._set_context_length)
        self.context_hint = label(size="small", tone="muted", wrap=True)
        self._column.addWidget(self.context_hint)
        self.kv_cache = self._choice("kv_cache", self._context.set_kv_cache)
        self.kv_cache_hint = label(size="small", tone="muted", wrap=True)
        self._column.addWidget(self.kv_cache_hint)
        self.unload_minutes = self._choice("unload_minutes", self._context.set_unload_minutes)
        self.unload_hint = label(size="small", tone="muted", wrap=True)
        self._column.addWidget(self.unload_hint)
        self._section("roles")
        self.roles = {role: self._choice(f"role-{role}", partial(self._set_role, role)) for role in ROLES}
        self.roles_hint = label(size="small", tone="muted", wrap=True)
        self._column.addWidget(self.roles_hint)
        self._section("presets")
        self.presets = PresetEditor(context)
        self._column.addWidget(self.presets)
        self._section("server")
        self.server = ServerSection(context)
        self._column.addWidget(self.server)
        self._section("data")
        self.folder = ElidedLabel(str(paths.data_dir()), size="small", tone="muted")
        self._column.addWidget(self.folder)
        self.folder_button = button(icon="folder")
        self.folder_button.clicked.connect(self._open_folder)
        row = QHBoxLayout()
        row.addWidget(self.folder_button)
        row.addStretch(1)
        self._column.addLayout(row)
        self._column.addStretch(1)
        for spin in page.findChildren(QAbstractSpinBox):
            spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

        context.language_changed.connect(self.retranslate)
        context.zoom_changed.connect(self._on_zoom)
        context.models_listed.connect(self._show_roles)
        context.models_listed.connect(self._show_copies)
        self.retranslate()

    def open(self, anchor: QWidget | None = None) -> None:
        self.presets.reload()
        super().open(anchor)

    def focus_first(self) -> None:
        self.language.setFocus(Qt.FocusReason.PopupFocusReason)

    def retranslate(self) -> None:
        self._title.setText(tr("Settings"))
        name_button(self.close_button, tr("Close"), "Esc")
        texts = {
            "look": tr("Appearance"),
            "chat": tr("Chat"),
            "model": tr("Model"),
            "roles": tr("Which model does what"),
            "role-chat": tr("Chat"),
            "role-translate": tr("Translate"),
            "role-answer": tr("Questions"),
            "role-embed": tr("Search in files"),
            "role-sentiment": tr("Sentiment"),
            "presets": tr("Answer presets"),
            "server": tr("Other programs"),
            "data": tr("Your data"),
            "language": tr("Language"),
            "theme": tr("Theme"),
            "zoom": tr("Size of messages"),
            "device": tr("Runs on"),
            "quantize": tr("Unpacked models"),
            "packed_copies": tr("Packed copies"),
            "context_length": tr("Context"),
            "kv_cache": tr("Conversation memory"),
            "unload_minutes": tr("Free memory after"),
        }
        for key, text in texts.items():
            self._labels[key].setText(text)
        for key in ("language", "theme", "zoom", "device", *MODEL_CHOICES):
            getattr(self, key).setAccessibleName(texts[key])
        for role, choice in self.roles.items():
            choice.setAccessibleName(texts[f"role-{role}"])
        self.roles_hint.setText(tr("“Automatic” takes the model that is made for it, else the chat model."))
        self.send_with_enter.setText(tr("Enter sends the message"))
        self.send_hint.setText(
            tr("Shift+Enter breaks the line. Without this, Ctrl+Enter sends and Enter breaks the line.")
        )
        self.tray.setText(tr("Icon in the system tray for the quick translation"))
        self.notify.setText(tr("Tell me when a long answer is finished"))
        self.quantize_hint.setText(
            tr("Models with full-size weights are packed when they run on the processor: smaller and faster.")
        )
        self.context_hint.setText(tr("How much of a conversation the model sees. More takes more memory."))
        self.kv_cache_hint.setText(
            tr("Half the memory, hardly less exact. It counts where the model runs on the processor.")
        )
        self.unload_hint.setText(
            tr("A model that nobody has used for so long is unloaded; the next message loads it again.")
        )
        self.folder_button.setText(tr("Open the folder"))
        self.folder.setAccessibleName(tr("Conversations and models are in {folder}", folder=paths.data_dir()))
        self.server.retranslate()
        self._show_values()

    def _show_values(self) -> None:
        settings = self._context.settings
        own = i18n.LANGUAGES[i18n.system_language()]
        self.language.show_choices(
            [("", tr("As the system ({language})", language=own)), *i18n.LANGUAGES.items()], settings.language
        )
        self.theme.show_choices(
            [("system", tr("As the system")), ("light", tr("Light")), ("dark", tr("Dark"))], settings.theme
        )
        self._on_zoom(settings.zoom)
        self.device.show_choices(
            [
                ("auto", tr("Best available")),
                ("cpu", tr("Processor")),
                ("cuda", tr("NVIDIA graphics card")),
                ("mps", tr("Apple graphics")),
            ],
            settings.device,
        )
        self.quantize.show_choices(
            [
                ("int8", tr("8 bits, nearly exact")),
                ("int4", tr("4 bits, half the memory")),
                ("", tr("Left as they are, slow")),
            ],
            settings.quantize,
        )
        self.packed_copies.show_choices(
            [("auto", tr("Where they save time")), ("never", tr("None"))], settings.packed_copies
        )
        self._show_copies()
        lengths = sorted({*CONTEXTS, settings.context_length})
        self.context_length.show_choices(
            [(n, _tokens_text(n)) for n in lengths],
            settings.context_length,
        )
        self.kv_cache.show_choices(
            [("float16", tr("Exact (16 bits)")), ("int8", tr("Compact (8 bits)"))], settings.kv_cache
        )
        waits = sorted({*UNLOAD_MINUTES, settings.unload_minutes}, key=lambda minutes: minutes or 10**9)
        self.unload_minutes.show_choices(
            [(n, tr("{n} minutes", n=n) if n else tr("Never")) for n in waits], settings.unload_minutes
        )
        self._show_roles()
        self.send_with_enter.setChecked(settings.send_with_enter)
        self.notify.setChecked(settings.notify)
        self.tray.setChecked(settings.tray)

    def _show_copies(self) -> None:
        taken = size_text(sum(model.packed_bytes for model in self._context.installed_models()))
        self.packed_copies_hint.setText(
            tr(
                "A large model starts faster from packed weights kept on the disk. They take {size} now; "
                "“None” deletes them.",
                size=taken,
            )
        )

    def _show_roles(self) -> None:
        settings, models = self._context.settings, self._context.installed_models()
        for role, choice in self.roles.items():
            chosen = settings.default_model if role == "chat" else settings.roles.get(role, "")
            automatic = self._context.model_for(role, automatic=True)
            by_itself = automatic.title if automatic is not None else tr("none installed")
            pairs = [("", tr("Automatic ({model})", model=by_itself))]
            pairs += [(model.name, model.title) for model in candidates(role, models)]
            choice.show_choices(pairs, chosen)

    def _set_role(self, role: str, name: str) -> None:
        self._context.choose_for(role, name)

    def _on_zoom(self, zoom: float) -> None:
        self.zoom.show_choices([(value, f"{value:.0%}") for value in sorted({*ZOOMS, zoom})], zoom)

    def _section(self, key: str) -> None:
        if self._column.count():
            self._column.addSpacing(4)
            self._column.addWidget(hairline())
            self._column.addSpacing(4)
        heading = label(tone="muted", size="small")
        self._labels[key] = heading
        self._column.addWidget(heading)

    def _choice(self, key: str, chosen: Callable[[Any], None]) -> Choice:
        row = QHBoxLayout()
        text = label()
        choice = Choice(chosen)
        text.setBuddy(choice)
        self._labels[key] = text
        row.addWidget(text, 1)
        row.addWidget(choice)
        choice.setFixedWidth(220)
        self._column.addLayout(row)
        return choice

    def _check(self, key: str) -> QCheckBox:
        check = QCheckBox()
        check.setProperty("setting", key)
        check.clicked.connect(self._on_check)
        self._column.addWidget(check)
        return check

    def _on_check(self, checked: bool) -> None:
        sender = self.sender()
        if sender is not None:
            setattr(self._context.settings, sender.property("setting"), checked)
            self._context.save_settings()

    def _set_context_length(self, tokens: int) -> None:
        self._context.set_context_length(tokens)

    def _open_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(paths.data_dir())))


def _tokens_text(n: int) -> str:
    return tr("{n} tokens", n=QLocale().toString(n)) if n else tr("What the model can")
