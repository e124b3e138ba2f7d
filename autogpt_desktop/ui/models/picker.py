"""The model button of the header and the list that opens under it."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.catalog.installed import InstalledModel
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.model_jobs import ModelInfo
from autogpt_desktop.ui.models.downloads import Downloads
from autogpt_desktop.ui.panel_titles import titles
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import (
    ToolButton,
    button,
    hairline,
    icon_button,
    label,
    name_button,
    plain_tooltip,
)
from autogpt_desktop.ui.widgets.overlay import Overlay, ensure_visible

REMOVAL_DELAY = 30_000  # milliseconds in which a removal can be undone; its notice leaves before
CHEVRON = 14  # pixels
WIDEST, NARROWEST = 320, 12  # pixels of a model's name


class ModelButton(ToolButton):
    """Names the model of the panel in front; while it loads, a line along its lower edge fills up."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self._pulse = 0
        self._room = WIDEST
        self._ticker = QTimer(self)
        self._ticker.setInterval(60)
        self._ticker.timeout.connect(self._tick)
        self.setIcon(icons.icon("model", "accent"))
        self.setIconSize(QSize(26, 20))  # wider than the drawing: space before the text
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(36)
        context.model_changed.connect(self._on_model)
        context.model_loading.connect(self._on_progress)
        context.models_listed.connect(self.retranslate)
        context.language_changed.connect(self.retranslate)
        context.panels.role_changed.connect(self._show_progress)

    def retranslate(self) -> None:
        panels = self._context.panels
        chosen = self._context.model_for(panels.role)
        progress = self._progress()
        if progress is not None and chosen is not None:
            text = tr("Loading {model}", model=chosen.title)
            if progress.total and progress.done:
                text += f" {100 * progress.done // progress.total} %"
        else:
            text = chosen.title if chosen is not None else tr("No model")
        working = panels.working.get(panels.role)
        text = working.title if working is not None else text
        panel = titles(panels.role)
        whose = panels.named and (chosen is not None or working is not None)
        shown = tr("{panel}: {model}", panel=panel, model=text) if whose else text
        if self.fontMetrics().horizontalAdvance(shown) > self._room:
            shown = text  # whose it is, the tooltip says too
        self.setText(self.fontMetrics().elidedText(shown, Qt.TextElideMode.ElideRight, self._room))
        stage = f" · {i18n.message(progress.stage)}" if progress is not None else ""
        self.setToolTip(plain_tooltip(f"{tr('Model for {panel}', panel=panel)} (Ctrl+M){stage}"))
        self.setAccessibleName(tr("Model for {panel}: {text}", panel=panel, text=text))

    def _around(self) -> int:
        return self.sizeHint().width() - self.fontMetrics().horizontalAdvance(self.text())

    def least_width(self) -> int:
        return NARROWEST + self._around()

    def set_room(self, width: int) -> None:
        """How wide the button may be, in pixels; the name is cut for it."""
        room = min(max(width - self._around(), NARROWEST), WIDEST)
        if room != self._room:
            self._room = room
            self.retranslate()

    def _progress(self) -> Progress | None:
        """How far the model for conversations is loaded, where the panel in front works with that."""
        mine, chat = self._context.model_for(self._context.panels.role), self._context.chosen_model()
        plays = self._context.panels.role not in self._context.panels.working
        return self._context.loading if mine == chat and plays else None

    def sizeHint(self) -> QSize:
        return super().sizeHint() + QSize(CHEVRON + 2, 0)

    def _on_model(self, _info: ModelInfo | None) -> None:
        self._show_progress()

    def _on_progress(self, _progress: Progress) -> None:
        self._show_progress()

    def _show_progress(self) -> None:
        if self._progress() is None:
            self._ticker.stop()
        elif not self._ticker.isActive():
            self._ticker.start()
        self.retranslate()
        self.update()

    def _tick(self) -> None:
        self._pulse = (self._pulse + 1) % 40
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        place = QRect(self.width() - CHEVRON - 8, (self.height() - CHEVRON) // 2, CHEVRON, CHEVRON)
        icons.icon("chevron-down", "muted").paint(painter, place)
        progress = self._progress()
        if progress is None:
            return
        line = QRect(6, self.height() - 4, self.width() - 12, 2)
        painter.fillRect(line, self._context.color("border"))
        if progress.total and progress.done:
            line.setWidth(line.width() * progress.done // progress.total)
        else:
            step = line.width() // 4
            line = QRect(line.left() + (line.width() - step) * self._pulse // 40, line.top(), step, 2)
        painter.fillRect(line, self._context.color("accent"))


class ModelPicker(Overlay):
    """Models that are here, models to fetch, a file of one's own; chosen for the panel in front."""

    open_file_requested = Signal()

    def __init__(self, context: AppContext, downloads: Downloads, window: QWidget) -> None:
        super().__init__(window, placement="anchor", width=520)
        self._context = context
        self._downloads = downloads
        self._stale = True
        self._rows: dict[str, QWidget] = {}
        self._removals: dict[str, QTimer] = {}
        column = QVBoxLayout(self.card)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.setContentsMargins(12, 4, 0, 0)
        self._title = label(size="heading")
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.close_overlay)
        head.addWidget(self._title, 1)
        head.addWidget(self.close_button)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        foot = QHBoxLayout()
        foot.setContentsMargins(4, 0, 4, 0)
        self.open_button = button(kind="quiet", icon="folder")
        self.open_button.clicked.connect(self.open_file_requested)
        foot.addWidget(self.open_button)
        foot.addStretch(1)
        column.addLayout(head)
        column.addWidget(self._scroll, 1)
        column.addWidget(hairline())
        column.addLayout(foot)
        context.model_changed.connect(self._on_model)
        context.memory_changed.connect(self._show_states)
        context.model_loading.connect(self._on_progress)
        context.models_listed.connect(self._on_listed)
        context.language_changed.connect(self.retranslate)
        context.panels.role_changed.connect(self._on_listed)
        downloads.changed.connect(self._on_download)
        downloads.machine_measured.connect(self._on_machine)
        self.retranslate()

    def open(self, anchor: QWidget | None = None) -> None:
        here = bool(self._context.installed_models())
        panel = titles(self._context.panels.role)
        self._title.setText(tr("Model for {panel}", panel=panel) if here else tr("Models"))
        self._downloads.measure_machine()
        if self._stale:
            self._fill()
        super().open(anchor)

    def focus_first(self) -> None:
        """To the model in use, else the first that can be chosen or fetched; Enter never removes one."""
        from autogpt_desktop.ui.models.rows import CatalogRow, InstalledRow

        rows = [row for row in self._rows.values() if isinstance(row, InstalledRow) and row.can_choose()]
        chosen = [row for row in rows if row.is_chosen()]
        fetch = [row.shown_button() for row in self._rows.values() if isinstance(row, CatalogRow)]
        usable = [each for each in fetch if each.isEnabled()]
        target: QWidget = next(iter([*chosen, *rows, *usable]), self.open_button)
        target.setFocus(Qt.FocusReason.PopupFocusReason)
        ensure_visible(target)

    def row(self, name: str) -> QWidget | None:
        """The line of that model."""
        return self._rows.get(name)

    def retranslate(self) -> None:
        self._title.setText(tr("Models"))
        name_button(self.close_button, tr("Close"), "Esc")
        self.open_button.setText(tr("Open a model file…"))
        self.open_button.setToolTip(tr("A GGUF file; it stays where it is") + " (Ctrl+O)")
        self._on_listed()

    def finish_removals(self) -> None:
        """The window closes: what was removed and not undone goes now."""
        for name in list(self._removals):
            self._remove_now(name)

    # --- rows -------------------------------------------------------------------------------

    def _on_listed(self) -> None:
        self._stale = True
        if self.isVisible():
            self._fill()
            self.place()

    def _on_machine(self) -> None:
        """The rows say it in place: one of them may be in use."""
        from autogpt_desktop.ui.models.rows import CatalogRow, InstalledRow

        for row in self._rows.values():
            if isinstance(row, InstalledRow | CatalogRow):
                row.retranslate()
        self._show_states()
        if self.isVisible():
            self.place()

    def _fill(self) -> None:
        from autogpt_desktop.catalog.entries import catalog
        from autogpt_desktop.catalog.hub.kept import unfinished
        from autogpt_desktop.ui.models.rows import CatalogRow, InstalledRow

        self._stale = False
        focused = self.focusWidget()
        keep_focus = focused is not None and self._scroll.isAncestorOf(focused)
        page = QWidget()
        page.setObjectName("page")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self._rows = {}
        installed = self._context.installed_models()
        for model in installed:
            if model.pairs:
                continue
            row = InstalledRow(self._context, model, self._context.panels.role)
            row.chosen.connect(self._choose)
            row.stepped.connect(self._step)
            row.removed.connect(self._remove)
            row.copy_removed.connect(self._context.remove_copies)
            self._rows[model.name] = row
            column.addWidget(row)
        self._fill_packs(column, installed)
        here = {model.name for model in installed} | self._context.pending_removal
        offered = [model for model in (*unfinished(), *catalog().values()) if model.name not in here]
        if offered:
            heading = label(tr("To download"), size="small", tone="muted")
            heading.setContentsMargins(12, 8, 0, 0)
            column.addWidget(heading)
        for entry in offered:
            offer = CatalogRow(self._context, self._downloads, entry)
            self._rows[entry.name] = offer
            column.addWidget(offer)
        column.addStretch(1)
        if keep_focus:
            self.setFocus()
        before = self._scroll.takeWidget()
        self._scroll.setWidget(page)
        page.show()
        if before is not None:
            before.deleteLater()  # not now: perhaps one of its buttons has been pressed
        self._show_states()
        if keep_focus:
            self.focus_first()

    def _fill_packs(self, column: QVBoxLayout, installed: list[InstalledModel]) -> None:
        """Translation packs, by language; the way to further ones."""
        from autogpt_desktop.catalog.packs import PIVOT, of_language
        from autogpt_desktop.ui.models.add_language import remove_language
        from autogpt_desktop.ui.models.language_row import PackLanguageRow, pack_language_name
        from autogpt_desktop.ui.models.rows import InstalledRow

        packs = [model for model in installed if model.pairs]
        codes = {code for model in packs for code in model.languages if code != PIVOT and of_language(code)}
        heading = label(tr("Languages to translate"), size="small", tone="muted")
        heading.setContentsMargins(12, 8, 0, 0)
        column.addWidget(heading)
        for code in sorted(codes, key=pack_language_name):
            row = PackLanguageRow(self._context, self._downloads, code)
            row.removed.connect(partial(remove_language, self._context))
            self._rows[f"language:{code}"] = row
            column.addWidget(row)
        listed = {pack.name for code in codes for pack in of_language(code)}
        for model in packs:  # those that are damaged, or of somebody's own
            if model.problem or model.name not in listed:
                other = InstalledRow(self._context, model, self._context.panels.role)
                other.removed.connect(self._remove)
                self._rows[model.name] = other
                column.addWidget(other)
        more = button(tr("Add a language…"), kind="quiet", icon="plus")
        more.clicked.connect(self._add_language)
        column.addWidget(more, 0, Qt.AlignmentFlag.AlignLeft)

    def _add_language(self) -> None:
        from autogpt_desktop.ui.models.add_language import AddLanguageCard

        window = self.parentWidget()
        self.close_overlay()
        if window is not None:
            AddLanguageCard(self._context, self._downloads, window).open()

    def place(self) -> None:
        page = self._scroll.widget()
        if page is not None:
            width = min(self._width, self.width()) - 34
            layout = page.layout()
            if layout is not None:
                wraps = layout.hasHeightForWidth()
                height = layout.totalHeightForWidth(width) if wraps else page.sizeHint().height()
                height = max(height, page.minimumSizeHint().height())
                self._scroll.setFixedHeight(min(height + 4, max(120, self.height() - 220)))
        super().place()

    def _show_states(self) -> None:
        from autogpt_desktop.ui.models.language_row import PackLanguageRow
        from autogpt_desktop.ui.models.rows import InstalledRow

        context = self._context
        chosen, chat = context.model_for(context.panels.role), context.chosen_model()
        working = context.panels.working.get(context.panels.role)
        names = working.names if working is not None else ()
        for row in self._rows.values():
            if isinstance(row, InstalledRow):
                mine = chosen is not None and chosen.name == row.model.name
                row.show_state(
                    chosen=mine or row.model.name in names,
                    loaded=row.model.path in context.in_memory,
                    progress=context.loading if chosen == chat else None,
                    idle=working is not None and row.model.name not in names,
                )
            elif isinstance(row, PackLanguageRow):
                row.show_working(names)

    def _on_model(self, _info: ModelInfo | None) -> None:
        self._show_states()

    def _on_progress(self, _progress: Progress) -> None:
        if self.isVisible():
            self._show_states()

    def _on_download(self, name: str) -> None:
        from autogpt_desktop.ui.models.rows import CatalogRow

        row = self._rows.get(name)
        if self.isVisible() and isinstance(row, CatalogRow):
            row.show_state()
            self.place()
        else:
            self._stale = True

    def _choose(self, name: str) -> None:
        self.close_overlay()
        self._context.choose_for(self._context.panels.role, name)

    def _step(self, step: int) -> None:
        """The arrow keys: to the next model that can be chosen, or the one before."""
        from autogpt_desktop.ui.models.rows import InstalledRow

        rows = [row for row in self._rows.values() if isinstance(row, InstalledRow) and row.can_choose()]
        at = next((at for at, row in enumerate(rows) if row.hasFocus()), 0)
        target = rows[min(max(0, at + step), len(rows) - 1)]
        target.setFocus(Qt.FocusReason.OtherFocusReason)
        ensure_visible(target)

    # --- removal ----------------------------------------------------------------------------

    def _remove(self, name: str) -> None:
        """Gone from the list at once, from the disk when it can no longer be undone."""
        model = next((model for model in self._context.installed_models() if model.name == name), None)
        if model is None:
            return
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(REMOVAL_DELAY)
        timer.setProperty("model", name)
        timer.timeout.connect(self._on_removal_due)
        timer.start()
        self._removals[name] = timer
        self._context.pending_removal.add(name)
        self._context.refresh_models()
        self._context.unload_model(model.path)
        self._context.load_chosen_model()  # where another one is here

        def undo() -> None:
            self._undo_removal(name)

        self._context.toast(tr("{model} was removed.", model=model.title), undo=undo)

    def _undo_removal(self, name: str) -> None:
        timer = self._removals.pop(name, None)
        if timer is not None:
            timer.stop()
            self._context.pending_removal.discard(name)
            self._context.refresh_models()
            self._context.load_chosen_model()

    def _on_removal_due(self) -> None:
        timer = self.sender()
        if timer is not None:
            self._remove_now(str(timer.property("model")))

    def _remove_now(self, name: str) -> None:
        from autogpt_desktop.catalog import installed

        timer = self._removals.pop(name, None)
        if timer is None:
            return
        timer.stop()
        timer.deleteLater()
        try:
            installed.remove(name)
        except KnownError as error:
            self._context.show_error(error)
        self._context.pending_removal.discard(name)
        self._context.refresh_models()
