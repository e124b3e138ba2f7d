"""What to make, of what, and how long it may take: the page that begins a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs import launch
from autogpt_desktop.lab.runs.folder import Run
from autogpt_desktop.lab.runs.spec import DataSpec, Kind, RunSpec
from autogpt_desktop.tasks.sentiment.sources import is_table, preview
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.lab.columns import likely_columns
from autogpt_desktop.ui.lab.data_list import DataList
from autogpt_desktop.ui.lab.expected import TABLES, expected_text
from autogpt_desktop.ui.lab.words import ADAPT, ANSWER, EMBED, HEAD, NEW, kind_texts, minutes_name
from autogpt_desktop.ui.widgets.basic import button, label, plain_tooltip
from autogpt_desktop.ui.widgets.boxes import ComboBox, Slider
from autogpt_desktop.ui.widgets.segmented import SegmentedChoice

if TYPE_CHECKING:
    from autogpt_desktop.lab.runs.forecast import Forecast
    from autogpt_desktop.ui.context import AppContext

MINUTES = (1, 2, 5, 10, 20, 40, 60, 120, 240, 480)
_USUAL = {ADAPT: 10, NEW: 20, HEAD: 2, EMBED: 5, ANSWER: 5}
_WIDEST = 720  # pixels of the column
_BASES: dict[str, tuple[str, ...]] = {
    ADAPT: ("decoder",),
    NEW: (),
    HEAD: ("decoder", "embedding"),
    EMBED: ("embedding",),
    ANSWER: ("embedding",),
}
_LATER = 300  # milliseconds behind the last change until the forecast


class SetupPage(QWidget):
    """``started`` carries the Run whose process has been started; ``failed`` an exception."""

    started = Signal(object)
    failed = Signal(object)

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self._context = context
        self.forecast: Forecast | None = None
        self._bases: dict[str, str] = {}  # that were chosen, by kind
        self._columns_of = ""  # the table whose columns are offered
        self._preview: Any = None  # of that table
        self.kinds = SegmentedChoice((ADAPT, NEW, HEAD, EMBED, ANSWER))
        self.kinds.chosen.connect(self._on_kind)
        self.about = label(tone="muted", wrap=True)
        self.base = ComboBox()
        self.base.currentIndexChanged.connect(self._on_base)
        self.data = DataList()
        self.data.changed.connect(self._on_data)
        self.text_column, self.question_column, self.label_column = ComboBox(), ComboBox(), ComboBox()
        for box in self._columns():
            box.currentIndexChanged.connect(self._on_changed)
        self.dial = Slider(0, len(MINUTES) - 1)
        self.dial.setMinimumHeight(24)
        self.dial.valueChanged.connect(self._on_changed)
        self.time = label(size="heading")
        self.expected = label(tone="muted", wrap=True)
        self.name = QLineEdit()
        self.name.setMaxLength(120)
        self.start_button = button(kind="primary", icon="play")
        self.start_button.clicked.connect(self.start)
        self.look_button = button(icon="search")
        self.look_button.clicked.connect(self.look)
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_forecast)
        self._columns_job = PanelJob(context, self)
        self._columns_job.yielded.connect(self._on_columns)
        self._columns_job.ended.connect(self._on_columns_end)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_LATER)
        self._timer.timeout.connect(self._foresee)
        context.models_listed.connect(self._list_bases)
        self._build()
        self.set_kind(ADAPT)
        self.retranslate()

    def _build(self) -> None:
        inner = QWidget()
        inner.setMaximumWidth(_WIDEST)
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)  # closer than usual: the button that starts is to be seen in a small window
        self._title = label(size="title", wrap=True)
        self._data_label, self._base_label = label(size="heading"), label(size="small")
        self._text_label, self._label_label = label(size="small"), label(size="small")
        self._question_label = label(size="small")
        self._time_label, self._name_label = label(size="small"), label(size="small")
        self._time_label.setBuddy(self.dial)
        self._boxes = QGridLayout()
        self._boxes.setHorizontalSpacing(16)
        self._boxes.setVerticalSpacing(6)
        self._boxes.setColumnStretch(1, 1)
        places = ((self._base_label, self.base), (self._text_label, self.text_column),
                  (self._label_label, self.label_column),
                  (self._name_label, self.name))  # fmt: skip
        texts = QHBoxLayout()  # with the questions beside them, so that a small window has room for all
        texts.setSpacing(16)
        texts.addWidget(self.text_column, 1)
        texts.addWidget(self._question_label)
        texts.addWidget(self.question_column, 1)
        self._question_label.setBuddy(self.question_column)
        for row, (name, box) in enumerate(places):
            name.setBuddy(box)
            self._boxes.addWidget(name, row, 0)
            if box is self.text_column:
                self._boxes.addLayout(texts, row, 1)
            else:
                self._boxes.addWidget(box, row, 1)
        time = QHBoxLayout()
        time.setSpacing(16)
        time.addWidget(self.dial, 1)
        time.addWidget(self.time)
        self._boxes.addWidget(self._time_label, len(places), 0)
        self._boxes.addLayout(time, len(places), 1)
        start = QHBoxLayout()
        start.setSpacing(8)
        start.addWidget(self.start_button)
        start.addWidget(self.look_button)
        start.addStretch(1)
        parts: tuple[Any, ...] = (
            self._title, self.kinds, self.about, self._data_label, self.data, self._boxes,
            self.expected, start,
        )  # fmt: skip
        for part in parts:
            column.addWidget(part) if isinstance(part, QWidget) else column.addLayout(part)
        column.addStretch(1)
        holder = QWidget()
        row_layout = QHBoxLayout(holder)
        row_layout.setContentsMargins(0, 0, 0, 0)
        row_layout.addStretch(1)
        row_layout.addWidget(inner, 100)
        row_layout.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(holder)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    def retranslate(self) -> None:
        self._title.setText(tr("Train a model on your own text"))
        self.kinds.set_texts(
            tr("What to make"),
            {
                ADAPT: tr("Adapt a model"),
                NEW: tr("New model"),
                HEAD: tr("My labels"),
                EMBED: tr("Search by meaning"),
                ANSWER: tr("Answers from texts"),
            },
        )
        self._data_label.setText(tr("Learn from"))
        self._base_label.setText(tr("Model"))
        self._question_label.setText(tr("Column of the questions"))
        self._time_label.setText(tr("Time that it may take"))
        self._name_label.setText(tr("Name"))
        self.name.setPlaceholderText(tr("after the data"))
        self.name.setAccessibleName(tr("Name"))
        self.dial.setAccessibleName(tr("Time that it may take"))
        self.start_button.setText(tr("Start training"))
        self.look_button.setText(tr("Look at the data first"))
        self.look_button.setToolTip(tr("Read and clean the files; the training waits for you"))
        self.data.retranslate()
        self._list_bases()
        self._show()

    def focus_input(self) -> None:
        has_data = bool(self.data.paths())
        (
            self.start_button if has_data and self.start_button.isEnabled() else self.data.files_button
        ).setFocus()

    def shutdown(self) -> None:
        self._timer.stop()
        self._job.detach()
        self._columns_job.detach()

    # --- choices

    @property
    def kind(self) -> Any:
        return self.kinds.choice

    @property
    def minutes(self) -> int:
        return MINUTES[self.dial.value()]

    def _columns(self) -> tuple[ComboBox, ComboBox, ComboBox]:
        return self.text_column, self.question_column, self.label_column

    def set_kind(self, kind: str) -> None:
        self.kinds.set_choice(kind)
        self._on_kind(kind)

    def spec(self) -> RunSpec:
        """What is chosen now."""
        kind = self.kind
        text, question, other = (
            (box.currentData() or "") if self._columns_of else "" for box in self._columns()
        )
        learns_head = kind in (HEAD, EMBED, ANSWER)
        data = DataSpec(
            self.data.paths(),
            text_column=text,
            label_column=other if kind == HEAD else "",
            answer_column=other if kind in (ADAPT, EMBED, ANSWER) else "",
            held_out=0.2 if learns_head else 0.05,
            question_column=question if kind == ANSWER else "",
        )
        base = "" if kind == NEW else self.base.currentData() or ""
        task = {HEAD: "classify", EMBED: EMBED, ANSWER: ANSWER}.get(kind, "")
        made: Kind = "head" if learns_head else kind
        return RunSpec(made, data, float(self.minutes), name=self.name.text().strip(), base=base, task=task)

    def start(self) -> None:
        """Begin: the process is started, and goes on without the window."""
        self._begin(launch.start)

    def look(self) -> None:
        """Only read the data, and say what is there."""
        self._begin(launch.prepare)

    def _begin(self, begin: Callable[[Run], None]) -> None:
        if not self.start_button.isEnabled():
            return
        try:
            run = runs.create(self.spec())
            begin(run)
        except KnownError as error:
            self.failed.emit(error)
            return
        self.name.clear()
        self.started.emit(run)

    def _on_kind(self, kind: str) -> None:
        self.dial.setValue(MINUTES.index(_USUAL[kind]))
        self._list_bases()
        self._on_data()

    def _list_bases(self) -> None:
        """The models that can carry what is made."""
        before = self._bases.get(self.kind)
        self.base.blockSignals(True)
        self.base.clear()
        if self.kind == HEAD:
            self.base.addItem(tr("The best for it"), "")
        chosen = self._context.chosen_model()
        for model in self._context.installed_models():
            wanted = _BASES[self.kind]
            if model.kind in wanted and not model.base and model.error() is None:
                self.base.addItem(model.title, model.name)
        if self.kind == ADAPT and before is None and chosen is not None:
            before = chosen.name
        self.base.setCurrentIndex(max(0, self.base.findData(before)))
        self.base.setToolTip(plain_tooltip(self.base.currentText()))
        self.base.blockSignals(False)
        self._show()

    def _on_base(self) -> None:
        self._bases[self.kind] = self.base.currentData()
        self._on_changed()

    def _on_data(self) -> None:
        tables = [place for place in self.data.paths() if is_table(Path(place))]
        table = tables[0] if tables and self.kind != NEW else ""
        if table != self._columns_of:
            self._columns_of = table
            for box in self._columns():
                box.clear()
            if table:
                self._preview = None
                self._read_columns(table)
        elif table and self._preview is not None:
            self._choose_columns(self._preview)
        self._on_changed()

    def _read_columns(self, table: str) -> None:
        def job(cancel: Event) -> Iterator[object]:
            yield Result(preview(Path(table)))

        self._columns_job.start_plain(job, title=tr("Reading the columns of a table"))

    def _on_columns(self, event: object) -> None:
        if not isinstance(event, Result):
            return
        found = event.value
        names = [str(name) for name in found.table.columns]
        for box in self._columns():
            box.blockSignals(True)
            box.clear()
            for number, name in enumerate(names):
                box.addItem(name or tr("Column {n}", n=number + 1), name)
            box.blockSignals(False)
        self._preview = found
        self._choose_columns(found)
        self._on_changed()

    def _choose_columns(self, found: Any) -> None:
        places = likely_columns(self.kind, found)
        for box, place in zip(self._columns(), places, strict=True):
            box.setCurrentIndex(place)

    def _on_columns_end(self, state: str, error: object) -> None:
        if state == "failed":
            self.failed.emit(error)

    def _on_changed(self) -> None:
        self._show()
        self._timer.start()

    # --- what it will come to

    def _foresee(self) -> None:
        spec = self.spec()
        if not spec.data.paths:
            self.forecast = None
            self._show()
            return
        models = self._context.installed_models()
        base = next((model.path for model in models if model.name == spec.base), None)

        def job(cancel: Event) -> Iterator[object]:
            from autogpt_desktop.lab.runs.forecast import forecast

            yield Result(forecast(spec, base))

        self._job.start_plain(job, title=tr("What the time will buy"), lane="background")

    def _on_forecast(self, event: object) -> None:
        if isinstance(event, Result):
            self.forecast = event.value
            self._show()

    def _show(self) -> None:
        kind, has_data = self.kind, bool(self.data.paths())
        about, hint = kind_texts(kind)
        self.about.setText(about)
        self.data.set_hint(hint)
        self.data.hint.setVisible(not has_data)
        table = bool(self._columns_of)
        asks = kind in (ADAPT, EMBED)
        self._text_label.setText(tr("Column of the questions") if asks else tr("Column of the texts"))
        self._label_label.setText(tr("Column of the labels") if kind == HEAD else tr("Column of the answers"))
        for widget in (self._base_label, self.base):
            widget.setVisible(kind != NEW)
        for widget in (self._text_label, self.text_column, self._label_label, self.label_column):
            widget.setVisible(table and kind != NEW)
        for widget in (self._question_label, self.question_column):
            widget.setVisible(table and kind == ANSWER)
        for box, named in (
            (self.base, self._base_label),
            (self.text_column, self._text_label),
            (self.question_column, self._question_label),
            (self.label_column, self._label_label),
        ):
            box.setAccessibleName(named.text())
            box.setPlaceholderText(tr("Reading…"))
        self.time.setText(minutes_name(self.minutes))
        has_base = kind == NEW or self.base.count() > 0
        self.expected.setText(expected_text(kind, self.forecast, table, has_base) if has_data else "")
        self.expected.setVisible(bool(self.expected.text()))
        ready = has_data and has_base
        for made in (self.start_button, self.look_button):
            made.setEnabled(ready and (kind not in TABLES or table))
