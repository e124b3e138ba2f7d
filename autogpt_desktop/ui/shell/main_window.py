"""The window: header, panels in columns, footer; drawers and cards over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.idle_unload import IdleUnload
from autogpt_desktop.ui.models.downloads import Downloads
from autogpt_desktop.ui.models.picker import ModelPicker
from autogpt_desktop.ui.panel import PanelKind
from autogpt_desktop.ui.shell.banner import WindowBanner, dropped_model
from autogpt_desktop.ui.shell.bug_dialog import BugCatcher
from autogpt_desktop.ui.shell.busy_mark import BusyMark
from autogpt_desktop.ui.shell.columns import Columns
from autogpt_desktop.ui.shell.panel_actions import PanelActions
from autogpt_desktop.ui.shell.panel_registry import kind
from autogpt_desktop.ui.shell.queue_view import QueueView
from autogpt_desktop.ui.shell.tray import Tray
from autogpt_desktop.ui.shell.window_actions import WindowActions
from autogpt_desktop.ui.shell.window_place import WindowPlace
from autogpt_desktop.ui.shell.window_tools import WindowTools
from autogpt_desktop.ui.widgets.basic import bring_to_front, tab_order
from autogpt_desktop.ui.widgets.focus import FocusKeeper, hand_on, tab_chain
from autogpt_desktop.ui.widgets.icons import app_icon
from autogpt_desktop.ui.widgets.overlay import Overlay
from autogpt_desktop.ui.widgets.toast import ToastArea

HEADER = 44  # pixels
PanelMaker = Callable[[AppContext], QWidget]


class MainWindow(QMainWindow):
    """``make_chat`` builds the chat panel, ``panels`` are those beside it, each built when first shown.

    ``first_painted`` comes once, when all of it was drawn.
    """

    first_painted = Signal()
    closing = Signal()  # before anything is stopped

    def __init__(
        self,
        context: AppContext,
        make_chat: PanelMaker,
        *,
        downloads: Downloads | None = None,
        panels: Sequence[PanelKind] = (),
    ) -> None:
        super().__init__()
        self.context = context
        if downloads is not None:
            context.downloads = context.follow(downloads)
        self.downloads = context.downloads
        self.bugs = BugCatcher(self, context.show_error)
        self._painted = False
        self._closing = False
        self._overlays: dict[str, Overlay] = {}
        self.first_run: QWidget | None = None
        self.setAcceptDrops(True)
        self.setMinimumSize(480, 400)
        self.setWindowIcon(app_icon())

        center = QWidget()
        column = QVBoxLayout(center)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.setCentralWidget(center)
        self.tools = WindowTools(context)
        self.model_button, self.settings_button = self.tools.model_button, self.tools.settings_button
        self.menu_button = self.tools.menu_button
        self.model_button.clicked.connect(self.show_models)
        self.settings_button.clicked.connect(self.show_settings)
        self.header = self._make_header()
        column.addWidget(self.header)
        self.banner = WindowBanner()
        column.addWidget(self.banner)
        self.pages = QStackedWidget()
        self.columns = Columns(context, [kind("chat", partial(make_chat, context)), *panels])
        self.panel_actions = PanelActions(self, self.columns)
        self.pages.addWidget(self.columns)
        column.addWidget(self.pages, 1)
        self._place_tools()
        self.queue_view = QueueView(context, self.downloads, self)
        column.addWidget(self.queue_view)
        self.toasts = ToastArea(self, self._kept_clear)
        self.tray = Tray(context, self)

        self.window_actions = WindowActions(
            self,
            context,
            {
                "models": self.show_models,
                "open": self.open_model_file,
                "settings": self.show_settings,
                "full": self.toggle_full_screen,
                "notice": self.toasts.focus_newest,
                "shortcuts": self.show_shortcuts,
                "about": self.show_about,
                "popup": context.popup_requested.emit,
                "quit": self.close,
            },
        )
        self.menu_button.setMenu(self.window_actions.menu(self.panel_actions.in_menu()))
        context.toast_requested.connect(self.toasts.add)
        context.panels.active_changed.connect(self.toasts.place)
        context.attention_requested.connect(self._notify)
        context.models_requested.connect(self.show_models)
        context.models_listed.connect(self._on_models_listed)
        context.language_changed.connect(self.retranslate)
        self.downloads.finished.connect(context.on_fetched)
        self.downloads.added.connect(self._on_added)
        context.add_shortcuts(self._shortcut_rows)
        self.columns.arranged.connect(self._on_arranged)
        self._on_models_listed()
        self.retranslate()
        self.focus_keeper = FocusKeeper(self)
        self.busy_mark = BusyMark(context.worker, self)
        self.idle_unload = IdleUnload(context)
        self.place = WindowPlace(self, context)
        self.columns.layout_changed.connect(self.place.save_soon)
        self.place.restore()

    # --- parts ------------------------------------------------------------------------------

    def _make_header(self) -> QWidget:
        """The bar for the tools where there are no tabs beside which they could stand."""
        header = QWidget()
        header.setObjectName("header")
        header.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        header.setFixedHeight(HEADER)
        row = QHBoxLayout(header)
        row.setContentsMargins(0, 0, 0, 0)
        return header

    def _place_tools(self) -> None:
        """One bar: the tabs and the tools, or the tools alone."""
        tabs = self.pages.currentWidget() is self.columns and self.columns.has_tabs()
        row = self.header.layout()
        assert row is not None
        if tabs:
            row.removeWidget(self.tools)
        self.columns.set_corner(self.tools if tabs else None)
        if not tabs:
            row.addWidget(self.tools)
            self.tools.set_room(self.width())
        self.tools.show()
        self.header.setVisible(not tabs)

    def retranslate(self) -> None:
        self.setWindowTitle("AutoGPT Desktop")
        self.window_actions.retranslate()
        self.panel_actions.retranslate()
        self.tools.retranslate()
        self.banner.retranslate()

    def _shortcut_rows(self) -> tuple[str, list[tuple[str, str]]]:
        return tr("Window"), self.window_actions.rows() + self.panel_actions.rows()

    def _kept_clear(self) -> list[QWidget]:
        """What no notice covers."""
        return [self.header, self.banner, self.queue_view, *self.columns.kept_clear()]

    @property
    def chat(self) -> QWidget:
        """The chat panel; built now, if it was never shown."""
        panel: QWidget = self.columns.panel("chat")
        return panel

    def _on_arranged(self) -> None:
        if self._painted:  # the first picture does not wait for it
            self._order_tabs()

    def _order_tabs(self) -> None:
        """The Tab key goes from the header through the columns, left to right, to the footer."""
        stops = [
            widget
            for widget in tab_chain(self)
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None
        ]
        inside = [stop for stop in stops if self.banner.isAncestorOf(stop)]
        inside += self.columns.sorted_stops(stops)
        page = self.first_run
        inside += [stop for stop in stops if page is not None and page.isAncestorOf(stop)]
        tab_order(self.menu_button, *inside, self.queue_view.button, self.queue_view.stop_button)

    # --- drawers and cards: made when first asked for ------------------------------------------

    def show_models(self) -> None:
        self._toggle("models", self._make_picker, self.model_button)

    def show_settings(self) -> None:
        self._toggle("settings", self._make_settings)

    def show_shortcuts(self) -> None:
        self._toggle("shortcuts", self._make_shortcuts)

    def show_about(self) -> None:
        self._toggle("about", self._make_about)

    def overlay(self, name: str) -> Overlay | None:
        """ "models", "settings", "shortcuts" or "about", once it was opened."""
        return self._overlays.get(name)

    def _toggle(self, name: str, make: Callable[[], Overlay], anchor: QWidget | None = None) -> None:
        if name not in self._overlays:
            self._overlays[name] = make()
        for other, overlay in self._overlays.items():
            if other != name:
                overlay.close_overlay()
        self.queue_view.popup.close_overlay()
        self._overlays[name].toggle(anchor)

    def _make_picker(self) -> Overlay:
        picker = ModelPicker(self.context, self.downloads, self)
        picker.open_file_requested.connect(self.open_model_file)
        return picker

    def _make_settings(self) -> Overlay:
        from autogpt_desktop.ui.settings.drawer import SettingsDrawer

        return SettingsDrawer(self.context, self)

    def _make_shortcuts(self) -> Overlay:
        from autogpt_desktop.ui.settings.shortcuts_card import ShortcutsCard

        return ShortcutsCard(self.context, self)

    def _make_about(self) -> Overlay:
        from autogpt_desktop.ui.settings.about_card import AboutCard

        return AboutCard(self.context, self)

    # --- models -----------------------------------------------------------------------------

    def open_model_file(self) -> None:
        """Ask for a file; it is registered where it lies."""
        for overlay in self._overlays.values():
            overlay.close_overlay()
        name, _ = QFileDialog.getOpenFileName(
            self, tr("Open a model file"), "", tr("Models (*.gguf)") + ";;" + tr("All files (*)")
        )
        hand_on(self)
        if name:
            self.add_model(Path(name))

    def add_model(self, path: Path) -> None:
        self.downloads.add_file(path)

    def _on_added(self, model: object) -> None:
        name, title = getattr(model, "name", ""), getattr(model, "title", "")
        self.context.toast(tr("{model} was added.", model=title))
        from autogpt_desktop.catalog.roles import candidates

        role = self.context.panels.role
        able = {each.name for each in candidates(role, self.context.installed_models())}
        self.context.choose_for(role if name in able else "chat", name)

    def _on_models_listed(self) -> None:
        """Without a model there is nothing to chat with: say so in place of the panels."""
        empty = self.context.chosen_model() is None
        if empty and self.first_run is None:
            from autogpt_desktop.ui.shell.first_run import FirstRun

            page = FirstRun(self.context, self.downloads)
            page.open_button.clicked.connect(self.open_model_file)
            page.models_button.clicked.connect(self.show_models)
            self.first_run = page
            self.pages.addWidget(page)
        showing = self.pages.currentWidget()
        target = self.first_run if empty and self.first_run is not None else self.columns
        if showing is not target:
            self.pages.setCurrentWidget(target)
            self._place_tools()
            self._focus_default()
        self.model_button.retranslate()

    def focus_input(self) -> None:
        """Where the user types or reads: in what lies over the window, else in the panel used last."""
        over = [each for each in self.findChildren(Overlay) if each.isVisible()]
        if over:
            over[-1].focus_input()
        else:
            self._focus_default()

    def _focus_default(self) -> None:
        focus = getattr(self.pages.currentWidget(), "focus_default", None)
        if self.pages.currentWidget() is self.columns:
            focus = self.columns.focus_active
        if focus is not None:
            focus()

    # --- small things -----------------------------------------------------------------------

    def toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)

    def raise_window(self) -> None:
        bring_to_front(self)

    def on_second_start(self, files: list[str]) -> None:
        """Somebody started the application again, perhaps with files."""
        self.raise_window()
        for file in files:
            self.add_model(Path(file))

    def _notify(self, title: str, text: str) -> None:
        """A desktop notification, and a mark in the task bar, if the window is not in front."""
        if self.isActiveWindow():
            return
        QApplication.alert(self)
        self.tray.notify(title, text)

    # --- Qt ---------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self._after_first_paint)

    def _after_first_paint(self) -> None:
        """Everything that costs time and that nobody has to wait for."""
        self.columns.follows_focus = True
        self.first_painted.emit()
        self._order_tabs()
        self._focus_default()
        self.context.load_chosen_model()
        self.tray.settle()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.tray.settle()
        super().changeEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped_model(event) is not None:
            event.acceptProposedAction()
            self.banner.show_text(tr("Drop the file to add this model."), icon="import")

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.banner.restore()

    def dropEvent(self, event: QDropEvent) -> None:
        self.banner.restore()
        path = dropped_model(event)
        if path is not None:
            event.acceptProposedAction()
            self.add_model(path)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Stop what runs, let the panels write what they have, and go."""
        if self._closing:
            return
        self._closing = True
        self.closing.emit()
        self.tray.end()
        self.place.stop()
        self.place.note()
        if self.bugs.dialog is not None:
            self.bugs.dialog.close()  # the application ends with its last window
        self.hide()  # stopping may take a moment; nobody needs to watch
        picker = self._overlays.get("models")
        if isinstance(picker, ModelPicker):
            picker.finish_removals()
        for finish in self.context.before_close:
            finish()
        self.downloads.stop()
        self.context.worker.stop()
        QApplication.processEvents()  # what the jobs said last
        for panel in self.columns.built():
            shutdown = getattr(panel, "shutdown", None)
            if shutdown is not None:
                shutdown()
        with suppress(KnownError):  # undo ends with the window; what failed is purged after the next start
            self.context.history.purge_deleted()
        self.context.save_settings()
        super().closeEvent(event)
