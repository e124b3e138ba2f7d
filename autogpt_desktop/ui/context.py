"""What every panel shares: settings, history, the worker, the chosen model, colors, icons, notices.

``app.py`` makes one ``AppContext``, ``MainWindow`` shows it, panels get it as their only argument.
Everything here runs on the GUI thread, except the body of a job, which runs on the worker's.

The window owns these shortcuts: Ctrl+M, Ctrl+comma, F1, Ctrl+/, Ctrl+= Ctrl+- Ctrl+0, Ctrl+Q, F11,
Ctrl+O (open a model file), Ctrl+1 … Ctrl+9, Ctrl+Tab and Ctrl+Shift+Tab (go to a panel),
Ctrl+Shift+PgUp and Ctrl+Shift+PgDown (move it to another column). Panels are free to take the others
with ``add_panel_shortcuts`` and list them with ``add_shortcuts``.
"""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import QWidget

from autogpt_desktop import i18n
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import ROLES
from autogpt_desktop.ui.jobs.model_jobs import (
    InMemory,
    MakeModels,
    ModelInfo,
    ModelsJob,
    WorkerModels,
    is_result,
    load_only,
)
from autogpt_desktop.ui.panel import Panels, PanelShortcuts
from autogpt_desktop.ui.widgets import theme

if TYPE_CHECKING:
    from autogpt_desktop.catalog.installed import InstalledModel
    from autogpt_desktop.settings import Settings
    from autogpt_desktop.storage.conversations.store import History
    from autogpt_desktop.ui.models.downloads import Downloads
    from autogpt_desktop.worker import Job, Worker

ZOOMS = (0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
LOAD_KEY = "load-model"


class AppContext(QObject):
    """See the module's text. ``make_models`` (``runtime.make_models``) is called on the worker's thread."""

    language_changed = Signal()
    theme_changed = Signal()
    zoom_changed = Signal(float)
    model_changed = Signal(object)  # ModelInfo | None (none is loaded)
    model_loading = Signal(object)  # events.Progress while it loads
    model_failed = Signal(object)  # the exception that a load job ended with
    memory_changed = Signal()  # other models are loaded: ``in_memory``
    models_requested = Signal()  # show the models to choose from
    models_listed = Signal()  # what is installed, or which model is chosen, has changed
    toast_requested = Signal(object)  # theme-independent Toast request, see widgets.toast
    attention_requested = Signal(str, str)  # title, text: a desktop notification
    tray_changed = Signal()  # an icon in the system tray is wanted, or not any more
    popup_requested = Signal()  # show the quick translation

    def __init__(self, settings: Settings, history: History, worker: Worker, make_models: MakeModels) -> None:
        super().__init__()
        self.settings = settings
        self.history = history
        self.worker = worker
        self.panels = Panels()
        self.shortcut_lists: list[Callable[[], tuple[str, list[tuple[str, str]]]]] = []
        self._models = WorkerModels(make_models)
        self._model: ModelInfo | None = None
        self._installed: list[InstalledModel] | None = None
        self._load_job: Job | None = None
        self._save_failed = False  # the settings, the last time
        self.loading: Progress | None = None  # the last of model_loading, while a model loads
        self.in_memory: dict[Path, tuple[int, str]] = {}  # bytes of the weights and device, by path
        self.before_unload: list[Callable[[Any], None]] = []  # called with the models
        self.before_close: list[Callable[[], None]] = []  # called when the window closes
        self.pending_removal: set[str] = set()  # names of models whose removal can still be undone
        theme.theme().changed.connect(self._on_theme_changed)

    # --- models -----------------------------------------------------------------------------

    def model(self) -> ModelInfo | None:
        """The loaded model."""
        return self._model

    def installed_models(self) -> list[InstalledModel]:
        """What is installed, usable or not; read again after ``refresh_models``."""
        if self._installed is None:
            from autogpt_desktop.catalog import installed

            self._installed = installed.installed()
        return [model for model in self._installed if model.name not in self.pending_removal]

    def chosen_model(self) -> InstalledModel | None:
        """The model for conversations: what the settings name, else the starter, else the first usable
        one that is installed."""
        return self.model_for("chat")

    def model_for(self, role: str, *, automatic: bool = False) -> InstalledModel | None:
        """The installed model that plays ``role``, one of ``settings.ROLES``; None: there is none.

        ``automatic``: the one that would if the user had chosen none for it.
        """
        models = self.installed_models()
        if not models:
            return None
        from autogpt_desktop.catalog.roles import resolve_role

        settings = self.settings
        if automatic:
            roles = {each: name for each, name in settings.roles.items() if each != role}
            default = "" if role == "chat" else settings.default_model
            settings = dataclasses.replace(settings, roles=roles, default_model=default)
        name = resolve_role(role, settings, models)
        return next((model for model in models if model.name == name), None)

    def choose_for(self, role: str, name: str) -> None:
        """Save which model plays a role; "" leaves it to the app. Loads nothing but the chat model."""
        if role == "chat":
            self.choose_model(name)
            return
        self.settings.roles.pop(role, None)
        if name:
            self.settings.roles[role] = name
        self.save_settings()
        self.models_listed.emit()

    @cached_property
    def downloads(self) -> Downloads:
        """The downloads of the window and its panels."""
        from autogpt_desktop.ui.models.downloads import Downloads

        return self.follow(Downloads(self))

    def follow(self, downloads: Downloads) -> Downloads:
        """What is installed, and what went wrong, is heard from ``downloads`` from now on."""
        downloads.models_changed.connect(self.refresh_models)
        downloads.failed.connect(self.show_error)
        return downloads

    def accept_terms(self, terms: str) -> None:
        """The user has accepted a model's terms; remembered."""
        if terms and terms not in self.settings.acknowledged:
            self.settings.acknowledged.append(terms)
            self.save_settings()

    def on_fetched(self, name: str) -> None:
        """A model has come: what is for conversations is used for them now, another one by its roles."""
        from autogpt_desktop.catalog.packs import find_entry

        entry = find_entry(name)
        if entry is None or "chat" in entry.roles:
            self.choose_model(name)
        elif self._model is None:
            self.load_chosen_model()

    def choose_model(self, name: str) -> None:
        """Save the choice and load it; ``model_changed`` or ``model_failed`` follows."""
        self.settings.default_model = name
        self.save_settings()
        self._installed = None
        self.models_listed.emit()
        self.load_chosen_model()

    def set_device(self, device: str) -> None:
        """ "auto", "cpu", "cuda" or "mps"; remembered, and the chosen model is loaded again there."""
        self._set_for_models("device", device)

    def set_context_length(self, tokens: int) -> None:
        """How many tokens a conversation may have; 0: what the model can. Loads it again."""
        self._set_for_models("context_length", tokens)

    def set_quantize(self, kind: str) -> None:
        """One of ``settings.QUANTIZE``. Loads the model again."""
        self._set_for_models("quantize", kind)

    def set_packed_copies(self, kind: str) -> None:
        """One of ``settings.PACKED_COPIES``; "never" deletes those that are there. Loads the model again."""
        self._set_for_models("packed_copies", kind)
        if kind == "never":
            self.remove_copies()

    def remove_copies(self, name: str = "") -> None:
        """Delete the packed copies of a model, or of all; they are made anew where they save time."""
        from autogpt_desktop.catalog.installed import remove_copies
        from autogpt_desktop.ui.widgets.basic import size_text

        freed = remove_copies(name)
        if name and freed:
            self.toast(tr("The packed copy was deleted; {size} are free again.", size=size_text(freed)))
        self._installed = None
        self.models_listed.emit()

    def set_kv_cache(self, kind: str) -> None:
        """One of ``settings.KV_CACHES``. Loads the model again."""
        self._set_for_models("kv_cache", kind)

    def _set_for_models(self, setting: str, value: object) -> None:
        if value != getattr(self.settings, setting):
            setattr(self.settings, setting, value)
            self.save_settings()
            self._set_model(None)
            self.load_chosen_model()

    def refresh_models(self) -> None:
        """What is installed may have changed: a download ended, a model was removed."""
        self._installed = None
        self.models_listed.emit()
        chosen = self.chosen_model()
        if self._model and (chosen is None or chosen.name != self._model.name):
            self._set_model(None)

    def is_loading(self) -> bool:
        return self._load_job is not None

    def load_chosen_model(self) -> Job | None:
        """Start loading the chosen model, unless it is loaded or none is installed (then None)."""
        chosen = self.chosen_model()
        if chosen is None or (self._model and self._model.name == chosen.name):
            return None
        self._set_model(None)
        # in the interactive lane: a question that is asked meanwhile waits for it, and does not load again
        job = self.submit_with_models(
            load_only, title=tr("Loading {model}", model=chosen.title), key=LOAD_KEY
        )
        self._load_job = job
        job.event.connect(self._on_load_event)
        job.finished.connect(partial(self._on_load_finished, job))
        self._show_loading(Progress("stage.engine"))
        return job

    def submit_with_models(
        self,
        job: ModelsJob,
        *,
        title: str,
        lane: str = "interactive",
        key: str | None = None,
        role: str = "chat",
    ) -> Job:
        """Queue ``job(models, cancel_event)``; ``models.get(role)`` loads what the job needs, and what it
        got stays loaded until it ends. ``role`` "": the job asks for its models by name alone.

        With ``role`` "chat" the chosen model is loaded first where it is not yet: ``Progress`` and a
        ``ModelInfo`` come before the job's own events. Torch is imported there, never
        on the GUI thread. ``KnownError`` "no-model", "no-model-for-role" and "model-missing" come as the
        job's failure.
        """
        playing = {each: self.model_for(each) for each in ROLES}
        roles = {each: model.name if model else None for each, model in playing.items()}
        chosen = playing["chat"]
        chat = (chosen.name, chosen.title) if chosen else ("", "")
        from autogpt_desktop.runtime import ModelOptions  # with what is installed: not before the first job

        options, models = ModelOptions.of(self.settings), self._models

        def run(cancel: threading.Event) -> Iterator[Any]:
            return models.run(job, cancel, role=role, options=options, roles=roles, chat=chat)

        shares = None if key == LOAD_KEY else is_result
        return self._follow_job(self.worker.submit(run, title=title, lane=lane, key=key, shares=shares))

    def unload_model(self, path: Path) -> None:
        """A model is to be removed: free its memory, and its file."""

        def run(_cancel: threading.Event) -> Iterator[Any]:
            self._models.unload_one(path)
            yield from self._models.loaded_changes()

        self._follow_job(self.worker.submit(run, title=tr("Closing {file}", file=path.name)))

    def unload_models(self) -> None:
        """When the worker has stopped: save what is to stay of open conversations, free the memory."""
        self._models.unload(self.before_unload)

    def _follow_job(self, job: Job) -> Job:
        """Every job with models may load some."""
        job.event.connect(self._on_models_event)
        return job

    def _on_models_event(self, event: object) -> None:
        if isinstance(event, ModelInfo):
            self._set_model(event)
        elif isinstance(event, InMemory):
            self.in_memory = {path: (size, device) for path, size, device in event.models}
            self.memory_changed.emit()

    def _on_load_event(self, event: object) -> None:
        if isinstance(event, Progress):
            self._show_loading(event)
        elif isinstance(event, Notice):
            self.toast(i18n.message(event.key, **event.values))

    def _on_load_finished(self, job: Job, state: str, error: BaseException | None) -> None:
        if job is not self._load_job:
            return  # another model is being loaded by now
        self._load_job = None
        self.loading = None
        if state == "failed" and error is not None:
            self.model_failed.emit(error)
            self.show_error(error)
        if self._model is None:
            self.model_changed.emit(None)

    def _show_loading(self, progress: Progress) -> None:
        self.loading = progress
        self.model_loading.emit(progress)

    def _set_model(self, info: ModelInfo | None) -> None:
        if info != self._model:
            self._model = info
            self.loading = None
            self.model_changed.emit(info)

    # --- what is said to the user ---------------------------------------------------------

    def toast(
        self,
        text: str,
        *,
        undo: Callable[[], None] | None = None,
        action_text: str = "",
        error: bool = False,
        milliseconds: int = 0,
    ) -> None:
        """A notice at the bottom of the window; with ``undo`` it offers that (or ``action_text``).

        It stays ``milliseconds``; 0: as long as such a notice does.
        """
        from autogpt_desktop.ui.widgets.toast import ToastRequest

        self.toast_requested.emit(ToastRequest(text, undo, action_text, error, milliseconds))

    def show_error(self, error: BaseException) -> None:
        """A known error is a sentence in the window; anything else is a bug and shows its traceback."""
        if isinstance(error, KnownError):
            self.toast(i18n.message(error), error=True)
        else:
            sys.excepthook(type(error), error, error.__traceback__)

    def notify(self, title: str, text: str) -> None:
        """A desktop notification, when the user allows them."""
        if self.settings.notify:
            self.attention_requested.emit(title, text)

    def add_panel_shortcuts(self, panel: QWidget, pairs: dict[str, Callable[[], object]]) -> None:
        """Keys and what they do, while ``panel`` is the one that was used last."""
        PanelShortcuts(self.panels, panel, pairs)

    def send_text(self, source: str, target: str, text: str) -> None:
        """Open the panel ``target`` and hand it ``text``. KeyError: there is no such panel."""
        self.panels.send(source, target, text)

    def add_shortcuts(self, rows: Callable[[], tuple[str, list[tuple[str, str]]]]) -> None:
        """For the shortcut list (F1): ``rows()`` gives a heading and pairs (keys, what they do)."""
        self.shortcut_lists.append(rows)

    # --- looks ------------------------------------------------------------------------------

    def icon(self, name: str) -> QIcon:
        """Tinted from the palette when painted: it follows the theme by itself."""
        from autogpt_desktop.ui.widgets import icons

        return icons.icon(name)

    def is_dark(self) -> bool:
        return theme.theme().is_dark

    def color(self, role: str) -> QColor:
        """Roles: text, muted, accent, on_accent, surface, raised, hover, border, danger, warning,
        code_bg, selection, accent_soft."""
        return theme.theme().color(role)

    def set_tray(self, shown: bool) -> None:
        """An icon in the system tray while the window is there; remembered."""
        self.settings.tray = shown
        self.save_settings()
        self.tray_changed.emit()

    def set_theme(self, name: str) -> None:
        """ "system", "light" or "dark"; remembered."""
        self.settings.theme = name
        self.save_settings()
        theme.theme().set_mode(name)

    def set_language(self, language: str) -> None:
        """ "" follows the system; remembered. Widgets say everything again on ``language_changed``."""
        from autogpt_desktop.ui import ui_language

        self.settings.language = language
        self.save_settings()
        ui_language.apply(language)
        self.language_changed.emit()

    def set_zoom(self, zoom: float) -> None:
        """The scale of message text, one of ZOOMS; remembered."""
        zoom = min(max(zoom, ZOOMS[0]), ZOOMS[-1])
        if zoom != self.settings.zoom:
            self.settings.zoom = zoom
            self.save_settings()
            self.zoom_changed.emit(zoom)

    def step_zoom(self, step: int) -> None:
        """To the next larger (1) or smaller (-1) size; 0 is back to 100 %."""
        if step == 0:
            self.set_zoom(1.0)
            return
        nearest = min(range(len(ZOOMS)), key=lambda i: abs(ZOOMS[i] - self.settings.zoom))
        self.set_zoom(ZOOMS[min(max(nearest + step, 0), len(ZOOMS) - 1)])

    def save_settings(self, *, by_user: bool = True) -> None:
        """``by_user`` False: the window remembers something by itself; where it cannot, that is said once."""
        try:
            self.settings.save()
        except KnownError as error:
            if by_user or not self._save_failed:
                self.show_error(error)
            self._save_failed = True
        else:
            self._save_failed = False

    def _on_theme_changed(self) -> None:
        self.theme_changed.emit()
