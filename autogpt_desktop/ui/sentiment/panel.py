"""The Sentiment panel: a text or a list on one page, a table on the other, corrections for both."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop import i18n
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.verdicts import LIST, KeptVerdict
from autogpt_desktop.storage.verdicts import TABLE as KEPT_TABLE
from autogpt_desktop.ui.models.offer import ModelOffer
from autogpt_desktop.ui.sentiment.bar import TABLE, SentimentBar
from autogpt_desktop.ui.sentiment.corrections import CorrectionList
from autogpt_desktop.ui.sentiment.history import VerdictHistoryCard, VerdictSaver
from autogpt_desktop.ui.sentiment.run_view import RunView
from autogpt_desktop.ui.sentiment.scheme import Scheme
from autogpt_desktop.ui.sentiment.table_page import TablePage
from autogpt_desktop.ui.sentiment.text_page import TextPage
from autogpt_desktop.ui.widgets.basic import hairline, icon_button, label, name_button
from autogpt_desktop.ui.widgets.focus import show_page
from autogpt_desktop.ui.widgets.text_field import local_files

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

KEY = "sentiment"


class SentimentPanel(QWidget):
    """What ``ui.panel.Panel`` asks for, and files by drop."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.setAcceptDrops(True)
        self.corrections = CorrectionList(context, self)
        self.text_page = TextPage(context, self.corrections, KEY)
        self.table_page = TablePage(context, self.corrections, KEY)
        self.pages = QStackedWidget()
        for page in (self.text_page, self.table_page):
            self.pages.addWidget(page)
            page.corrected.connect(self._on_corrected)
            page.failed.connect(self.show_problem)
            page.changed.connect(self._show)
            page.open_requested.connect(self.choose_file)
        self.text_page.field.files_dropped.connect(self._on_dropped)
        self.table_page.text_found.connect(self._on_text_found)
        self.table_page.opened.connect(self._show_table)
        self.saver = VerdictSaver(context, self.text_page, self.table_page)
        self.history_card: VerdictHistoryCard | None = None
        self._problem = self._make_problem()
        self.offer: ModelOffer | None = None
        self._warm = False
        self._model = ""  # that plays the role
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        self.bar = SentimentBar(context, KEY, self.corrections, self.text_to_send)
        self.bar.modes.buttons[TABLE].toggled.connect(self._on_page)
        self.bar.two_way.toggled.connect(self._on_two_way)
        self.bar.choice.chosen.connect(self._on_scheme)
        self.bar.open_button.clicked.connect(self.choose_file)
        self.bar.history_button.clicked.connect(self.show_history)
        self.bar.export_button.menu().aboutToShow.connect(self._fill_export)
        outer.addWidget(self.bar)
        outer.addWidget(hairline())
        column = QVBoxLayout()
        column.setContentsMargins(16, 8, 16, 16)
        column.setSpacing(8)
        outer.addLayout(column, 1)
        column.addWidget(self._problem)
        column.addWidget(self.table_page.card.reading)
        column.addWidget(self.pages, 1)
        self._column = column
        context.language_changed.connect(self.retranslate)
        context.theme_changed.connect(self._restyle)
        context.zoom_changed.connect(self._restyle)
        context.models_listed.connect(self._on_models)
        self.corrections.changed.connect(self._show)
        self._add_keys()
        self.retranslate()
        self.bar.choice.refresh()
        self._on_models()

    # --- parts ------------------------------------------------------------------------------

    def _make_problem(self) -> QWidget:
        line = QWidget()
        self.problem_text = label(tone="danger", wrap=True)
        self.problem_text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._problem_close = icon_button("close")
        self._problem_close.clicked.connect(line.hide)
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.problem_text, 1)
        row.addWidget(self._problem_close)
        line.hide()
        return line

    def _add_keys(self) -> None:
        self.context.add_panel_shortcuts(
            self,
            {
                "Ctrl+L": self.focus_input,
                "Ctrl+N": self.new_text,
                "Ctrl+Shift+O": self.choose_file,
                "Ctrl+T": self._toggle_page,
                "Ctrl+Shift+N": self.bar.two_way.toggle,
                "Ctrl+F": self._focus_search,
                "Ctrl+H": self.show_history,
                "Ctrl+Shift+E": self.bar.export_button.showMenu,
                "Alt+Up": self._row_before,
                "Alt+Down": self._row_behind,
                "Ctrl+Shift+Z": self.corrections.undo,
            },
        )
        self.context.add_shortcuts(self._shortcut_rows)

    def _shortcut_rows(self) -> tuple[str, list[tuple[str, str]]]:
        return tr("Sentiment"), [
            ("Ctrl+L", tr("Go to the text")),
            ("Ctrl+N", tr("Begin a new text")),
            ("Ctrl+Shift+O", tr("Open a table or a document")),
            ("Ctrl+T", tr("Between the text and the table")),
            ("Ctrl+Shift+N", tr("Leave neutral out")),
            ("Ctrl+F", tr("Search in the results")),
            ("Ctrl+H", tr("What was judged")),
            ("Enter", tr("In the results: look at the row")),
            ("Alt+Up / Alt+Down", tr("Look at the row before or at the next one")),
            ("+ / 0 / −", tr("In the results: correct to positive, neutral or negative")),
            ("Ctrl+Shift+Z", tr("Take the latest correction back")),
            ("Ctrl+Shift+E", tr("Export")),
            ("Esc", tr("Stop what runs, or close the row that is looked at")),
        ]

    # --- what the window asks ---------------------------------------------------------------

    def receive_text(self, text: str) -> None:
        """Judge a text of another panel; a table's run goes on."""
        self._show_text()
        if self.text_page.set_text(text):
            self.text_page.judge()

    def open_place(self, what: str) -> None:
        """Judge by the head of that name."""
        self._problem.hide()
        self.bar.choice.choose(what)

    def focus_input(self) -> None:
        if self.pages.currentWidget() is self.text_page:
            self.text_page.field.setFocus()
        elif self.table_page.card.preview is None:
            self.table_page.open_button.setFocus()
        elif not self.table_page.card.is_folded:
            self.table_page.card.start_button.setFocus()
        else:
            self.table_page.run_view.results.table.setFocus()

    def kept_clear(self) -> list[QWidget]:
        return [self.bar]

    def new_text(self) -> None:
        """An empty field; Ctrl+Z in it brings back what was there."""
        self._show_text()
        self.text_page.set_text("")
        self.text_page.field.setFocus()

    def choose_file(self) -> None:
        """Ask for a file."""
        kinds = [
            tr("Tables and documents")
            + " (*.csv *.tsv *.tab *.xlsx *.xlsm *.ods *.txt *.md *.html *.docx *.pdf)",
            tr("All files (*)"),
        ]
        name, _ = QFileDialog.getOpenFileName(self, tr("Open a table or a document"), "", ";;".join(kinds))
        self.focus_input()
        if name:
            self.open(Path(name))

    def open(self, path: Path) -> None:
        """A table is previewed, another document's text goes into the field."""
        self._problem.hide()
        self.table_page.open(path)

    def show_problem(self, error: object) -> None:
        """A plain sentence in place; anything that is not known is a bug."""
        if isinstance(error, KnownError):
            self.problem_text.setText(i18n.message(error))
            self._problem.show()
        elif isinstance(error, BaseException):
            self.context.show_error(error)

    def show_history(self) -> None:
        """List what was judged."""
        if self.history_card is None:
            self.history_card = VerdictHistoryCard(self.context, self.saver, self.window())
            self.history_card.opened.connect(self.open_entry)
            self.history_card.kept.keep.toggled.connect(self.text_page.draft.keep)
        self.history_card.show_rows()
        self.history_card.open(self.bar.actions_row.anchor_of(self.bar.history_button))

    def open_entry(self, one: KeptVerdict) -> None:
        """What was judged before, judged as it was then."""
        self._problem.hide()
        self._wants(one)
        if one.kind == KEPT_TABLE:
            self._open_table(one)
            return
        self._show_text()
        self.text_page.open_text(one.text, one.kind == LIST)
        self.saver.set_entry(one)
        self.focus_input()

    def _wants(self, one: KeptVerdict) -> None:
        """The labels that it was judged by, where they are still here."""
        if not self.bar.choice.choose(one.model):
            self.show_problem(KnownError("sentiment-labels-missing"))

    def _open_table(self, one: KeptVerdict) -> None:
        if one.source is None:
            self.show_problem(KnownError("document-missing", name=one.text))
        else:
            self.table_page.run_again(one.source)

    # --- pages ------------------------------------------------------------------------------

    def _show_text(self) -> None:
        self.bar.text_button.setChecked(True)

    def _show_table(self) -> None:
        self.bar.table_button.setChecked(True)
        if not self.table_page.card.is_choosing:
            self.focus_input()

    def _toggle_page(self) -> None:
        (self.bar.text_button if self.bar.table_button.isChecked() else self.bar.table_button).setChecked(
            True
        )
        self.focus_input()

    def _on_page(self, table: bool) -> None:
        show_page(self.pages, self.table_page if table else self.text_page)
        self._show()

    def run_view(self) -> RunView:
        """Of the page in sight."""
        on_table = self.pages.currentWidget() is self.table_page
        return self.table_page.run_view if on_table else self.text_page.run_view

    def _on_text_found(self, text: str) -> None:
        self.receive_text(text)

    def _on_dropped(self, files: list[Path]) -> None:
        if files:
            self.open(files[0])

    def _focus_search(self) -> None:
        if self.run_view().results.isVisible():
            self.run_view().results.search.setFocus()

    def _row_before(self) -> None:
        self.run_view().results.step(-1)

    def _row_behind(self) -> None:
        self.run_view().results.step(1)

    # --- what is sent and exported ----------------------------------------------------------

    def _fill_export(self) -> None:
        self.run_view().exporter.fill(self.bar.export_button.menu())

    def text_to_send(self) -> str:
        """The row that is looked at, else the text or what is selected of it."""
        results = self.run_view().results
        if results.isVisible() and results.detail.row >= 0:
            return results.detail.field.selected_or_all()
        if self.pages.currentWidget() is self.text_page:
            return self.text_page.field.selected_or_all()
        return ""

    # --- answers ----------------------------------------------------------------------------

    def _on_corrected(self, text: str, chosen: str) -> None:
        self.corrections.set_label(text, chosen)

    def _on_scheme(self, scheme: Scheme) -> None:
        self.bar.show_scheme(scheme)
        self.text_page.set_scheme(scheme)
        self.table_page.set_scheme(scheme)
        self._on_models()
        self._show()

    def _on_two_way(self, two_way: bool) -> None:
        self.text_page.set_two_way(two_way)
        self.table_page.set_two_way(two_way)

    def _on_models(self) -> None:
        """Without a model for the role: what would bring one, in place of the pages."""
        model = self.context.model_for("sentiment")
        has_model = model is not None or self.bar.choice.scheme.is_own
        if not has_model and self.offer is None:
            self.offer = ModelOffer(self.context, self.context.downloads, "sentiment")
            self._column.addWidget(self.offer, 1, Qt.AlignmentFlag.AlignVCenter)
        if self.offer is not None:
            self.offer.setVisible(not has_model)
        self.pages.setVisible(has_model)
        self.bar.show_model(has_model)
        before, self._model = self._model, model.name if model else ""
        if before and self._model and before != self._model and not self.bar.choice.scheme.is_own:
            self.text_page.judge_again()

    def _show(self) -> None:
        rows = self.run_view().rows.count()
        self.bar.export_button.setEnabled(rows > 0 and self.run_view().isVisibleTo(self))
        self.bar.show_corrections()
        control = self.table_page.run_view.control
        share = self.table_page.run_view.rows.count() / control.total if control.total else 0.0
        self.bar.show_progress(share if control.busy and control.total else None)

    def retranslate(self) -> None:
        self.bar.retranslate()
        name_button(self._problem_close, tr("Close this notice"))
        self.text_page.retranslate()
        self.table_page.retranslate()
        if self.history_card is not None:
            self.history_card.retranslate()
        self._show()

    def _restyle(self) -> None:
        self.text_page.restyle()
        self.table_page.restyle()

    def shutdown(self) -> None:
        """The window closes."""
        self.text_page.draft.keep()
        self.saver.finish()

    # --- Qt ---------------------------------------------------------------------------------

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
            return
        if self._stop():
            return
        if self._problem.isVisible():
            self._problem.hide()
        elif self.run_view().results.detail.row >= 0:
            self.run_view().results.close_row()
        else:
            self.focus_input()

    def _stop(self) -> bool:
        """What runs on the page in sight, else on the other one."""
        if self.pages.currentWidget() is self.table_page:
            return self.table_page.stop() or self.text_page.stop()
        return self.text_page.stop() or self.table_page.stop()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._warm and not self.pages.isHidden():
            self._warm = True
            self.text_page.job.warm_up()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if local_files(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        files = local_files(event.mimeData())
        if files:
            event.acceptProposedAction()
            self.open(files[0])
