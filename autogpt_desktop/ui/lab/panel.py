"""The Lab panel: a run is set up, followed, and its model used; or an installed model is looked into."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QStackedWidget, QToolButton, QVBoxLayout, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs.folder import Run
from autogpt_desktop.lab.runs.log import LogReader
from autogpt_desktop.ui.lab.curves import Other
from autogpt_desktop.ui.lab.export import export_curves
from autogpt_desktop.ui.lab.inside.page import InsidePage
from autogpt_desktop.ui.lab.record import read_record
from autogpt_desktop.ui.lab.run_page import RunPage
from autogpt_desktop.ui.lab.runs_card import RunsCard
from autogpt_desktop.ui.lab.setup_page import SetupPage
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.action_row import ActionRow, action_button, name_action
from autogpt_desktop.ui.widgets.basic import hairline, icon_button, label, name_button
from autogpt_desktop.ui.widgets.focus import show_page
from autogpt_desktop.ui.widgets.segmented import SegmentedChoice
from autogpt_desktop.ui.widgets.text_field import local_files

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

KEY = "lab"
SETUP, RUN, INSIDE = "setup", "run", "inside"


class LabPanel(QWidget):
    """What ``ui.panel.Panel`` asks for, and files by drop."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.setAcceptDrops(True)
        self.setup = SetupPage(context)
        self.run_page = RunPage()
        self.inside = InsidePage(context, KEY)
        self.pages = QStackedWidget()
        for page in (self.setup, self.run_page, self.inside):
            self.pages.addWidget(page)
            page.failed.connect(self.show_problem)
        self.setup.started.connect(self._on_started)
        self.run_page.use_requested.connect(self.use)
        self.run_page.chat_requested.connect(self.chat)
        self.run_page.sort_requested.connect(self.sort)
        self.run_page.follower.state_changed.connect(self._on_state)
        self.runs_card: RunsCard | None = None
        self._result_of = ""  # the run whose model was told to the rest of the window
        self._offered = False
        self.modes = SegmentedChoice((SETUP, RUN, INSIDE))
        self.modes.chosen.connect(self.show_mode)
        self.runs_button, self.export_button = action_button("history"), action_button("export")
        self.runs_button.clicked.connect(self.show_runs)
        self.export_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.export_button.setMenu(QMenu(self.export_button))
        self.export_button.menu().aboutToShow.connect(self._fill_export)
        self.actions_row = ActionRow((self.runs_button, self.export_button))
        self.bar = QWidget()
        row = QHBoxLayout(self.bar)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        row.addWidget(self.modes)
        row.addStretch(1)
        row.addWidget(self.actions_row)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.bar)
        outer.addWidget(hairline())
        outer.addWidget(self._make_problem())
        outer.addWidget(self.pages, 1)
        context.language_changed.connect(self.retranslate)
        context.theme_changed.connect(self._restyle)
        context.zoom_changed.connect(self._restyle)
        context.add_panel_shortcuts(
            self,
            {
                "Ctrl+L": self.focus_input,
                "Ctrl+N": self.new_run,
                "Ctrl+H": self.show_runs,
                "Ctrl+T": self._next_mode,
            },
        )
        context.add_shortcuts(self._shortcut_rows)
        self.retranslate()
        self._show()

    def _make_problem(self) -> QWidget:
        self._problem = QWidget()
        self.problem_text = label(tone="danger", wrap=True)
        self.problem_text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._problem_close = icon_button("close")
        self._problem_close.clicked.connect(self._problem.hide)
        row = QHBoxLayout(self._problem)
        row.setContentsMargins(16, 8, 16, 0)
        row.addWidget(self.problem_text, 1)
        row.addWidget(self._problem_close)
        self._problem.hide()
        return self._problem

    def _shortcut_rows(self) -> tuple[str, list[tuple[str, str]]]:
        return tr("Lab"), [
            ("Ctrl+N", tr("Set up a new run")),
            ("Ctrl+H", tr("Training runs")),
            ("Ctrl+T", tr("To the next page")),
            ("Ctrl+L", tr("Go to where one begins")),
            ("Esc", tr("Stop reading a text")),
        ]

    def retranslate(self) -> None:
        self.modes.set_texts(
            tr("Pages of the Lab"), {SETUP: tr("New run"), RUN: tr("Run"), INSIDE: tr("Look inside")}
        )
        name_action(self.runs_button, tr("Runs"), tr("Training runs"), "Ctrl+H")
        name_action(self.export_button, tr("Export"), tr("Export the curves"))
        name_button(self._problem_close, tr("Close"))
        for page in (self.setup, self.run_page, self.inside):
            page.retranslate()
        if self.runs_card is not None:
            self.runs_card.retranslate()
        self.actions_row.retranslate()

    # --- what the window asks ---------------------------------------------------------------

    def receive_text(self, text: str) -> None:
        """Look at how the model reads a text of another panel."""
        self.show_mode(INSIDE)
        self.inside.set_text(text)

    def open_place(self, what: str) -> None:
        """Set up a run of that kind."""
        self.show_mode(SETUP)
        self.setup.set_kind(what)

    def focus_input(self) -> None:
        focus = {SETUP: self.setup.focus_input, RUN: self.run_page.focus_input}
        focus.get(self.modes.choice, self.inside.focus_input)()

    def kept_clear(self) -> list[QWidget]:
        return [self.bar]

    def shutdown(self) -> None:
        """The window closes; runs go on."""
        for page in (self.setup, self.run_page, self.inside):
            page.shutdown()

    # --- pages ------------------------------------------------------------------------------

    def show_mode(self, mode: str) -> None:
        self.modes.set_choice(mode)
        show_page(self.pages, (self.setup, self.run_page, self.inside)[(SETUP, RUN, INSIDE).index(mode)])
        self._show()
        self.focus_input()

    def new_run(self) -> None:
        self.show_mode(SETUP)

    def open_run(self, run: Run) -> None:
        self.run_page.curves.compare(())
        self._result_of = run.id if run.result is not None else ""
        self.run_page.follow(run)
        self.show_mode(RUN)

    def show_runs(self) -> None:
        """List the runs."""
        if self.runs_card is None:
            self.runs_card = RunsCard(self.context, self.window())
            self.runs_card.opened.connect(self.open_run)
            self.runs_card.compared.connect(self.compare)
            self.runs_card.renamed.connect(self._on_list_changed)
            self.runs_card.deleted.connect(self._on_deleted)
        self.runs_card.set_open(self.run_page.follower.run)
        self.runs_card.show_rows()
        self.runs_card.open(self.actions_row.anchor_of(self.runs_button))

    def compare(self, run: Run) -> None:
        """Another run's curve beside the one on the page."""
        others = [other for other in self.run_page.curves.others if other.key != run.id]
        others.append(Other(run.id, run.name, read_record(LogReader(run.log).read_all())))
        self.run_page.curves.compare(others[-4:])
        self.show_mode(RUN)

    def use(self) -> None:
        """Its model is the one for conversations from now on."""
        name = self._model_name()
        if name:
            self.context.choose_model(name)
            self.context.toast(tr("“autogpt” is now this model"))

    def chat(self) -> None:
        name = self._model_name()
        if name:
            self.context.choose_model(name)
            self.context.panels.send(KEY, "chat", "")

    def sort(self) -> None:
        """Sort texts and tables in Sentiment by the labels that were learned."""
        name = self._model_name()
        if name:
            self.context.panels.ask("sentiment", name)

    def show_problem(self, error: object) -> None:
        """A plain sentence in place; anything that is not known is a bug."""
        if isinstance(error, KnownError):
            self.problem_text.setText(i18n.message(error))
            self._problem.show()
        elif isinstance(error, BaseException):
            self.context.show_error(error)

    # --- inside -----------------------------------------------------------------------------

    def _model_name(self) -> str:
        run = self.run_page.follower.run
        result = run.result.resolve() if run is not None and run.result is not None else None
        self.context.refresh_models()
        return next((one.name for one in self.context.installed_models() if one.path == result), "")

    def _on_started(self, run: Run) -> None:
        self._problem.hide()
        self.open_run(run)

    def _on_state(self) -> None:
        run = self.run_page.follower.run
        if run is None:
            self.show_mode(SETUP)
            return
        if run.result is not None and run.state in ("finished", "stopped") and run.id != self._result_of:
            self._result_of = run.id  # its model stands in the pickers now
            self.context.refresh_models()
            if not self.isVisible():
                self.context.notify(tr("{name} is trained", name=run.name), "")
        self._show()

    def _on_list_changed(self, _id: str) -> None:
        self.run_page.follower.look_at_state()
        self.context.refresh_models()

    def _on_deleted(self, id: str) -> None:
        run = self.run_page.follower.run
        if run is not None and run.id == id:
            self.run_page.follow(None)
            self.show_mode(SETUP)
        self.context.refresh_models()

    def _show(self) -> None:
        has_run = self.run_page.follower.run is not None
        self.modes.buttons[RUN].setVisible(has_run)
        self.actions_row.offer(self.export_button, has_run and self.modes.choice == RUN)

    def _fill_export(self) -> None:
        menu = self.export_button.menu()
        menu.clear()
        for ending in (".png", ".csv"):
            action = menu.addAction(
                icons.icon("export"), tr("The curves as {kind}…", kind=ending[1:].upper())
            )
            action.triggered.connect(lambda _checked=False, ending=ending: self._export(ending))

    def _export(self, ending: str) -> None:
        run = self.run_page.follower.run
        if run is not None:
            export_curves(self.context, self.run_page.curves, run.name, ending, self)

    def _next_mode(self) -> None:
        modes = [mode for mode in (SETUP, RUN, INSIDE) if not self.modes.buttons[mode].isHidden()]
        self.show_mode(modes[(modes.index(self.modes.choice) + 1) % len(modes)])

    def _offer_unfinished(self) -> None:
        """A run that goes on is shown; one that was cut can be resumed."""
        found = runs.all_runs()
        chosen = next((run for run in found if run.state == "running"), None)
        chosen = chosen or next((run for run in found if run.state == "interrupted"), None)
        if chosen is not None:
            self.open_run(chosen)

    def _restyle(self) -> None:
        self.run_page.restyle()
        self.inside.restyle()

    # --- Qt ---------------------------------------------------------------------------------

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._offered:
            self._offered = True
            runs.sweep()
            self._offer_unfinished()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.drop(local_files(event.mimeData()))

    def drop(self, paths: list[Path]) -> None:
        """Files to learn from."""
        if paths:
            self.show_mode(SETUP)
            self.setup.data.add(paths)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        escape = event.key() == Qt.Key.Key_Escape and self.pages.currentWidget() is self.inside
        if escape and self.inside.stop():
            return
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self._problem.isVisible():
            self._problem.hide()
        else:
            self.focus_input()
