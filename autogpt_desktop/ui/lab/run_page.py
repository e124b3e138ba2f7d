"""One run: how it stands, its curves, samples, trials and data; Stop, Resume, what to do with its model."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs import launch
from autogpt_desktop.lab.runs.events import DataFound
from autogpt_desktop.lab.runs.folder import Run
from autogpt_desktop.ui.lab.curves import BY_TIME, BY_TOKENS, Curves
from autogpt_desktop.ui.lab.follower import RunFollower
from autogpt_desktop.ui.lab.trial_table import TrialTable
from autogpt_desktop.ui.lab.words import HEAD, clock, kind_name, minutes_name, state_text
from autogpt_desktop.ui.widgets.action_row import ActionRow, action_button, name_action
from autogpt_desktop.ui.widgets.basic import ElidedLabel, button, label, set_property, size_text
from autogpt_desktop.ui.widgets.segmented import SegmentedChoice

SAMPLES, TRIALS, DATA = "samples", "trials", "data"
MORE = (2, 5, 10, 20, 60)  # minutes that are offered to a run that is over
_SAMPLE = 1500  # characters of one that are shown
_KEPT_SAMPLES = 40


class _Figure(QWidget):
    """A number with what it is below."""

    def __init__(self) -> None:
        super().__init__()
        self.value, self.name = label(size="heading"), label(size="small", tone="muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.value)
        column.addWidget(self.name)

    def show_value(self, value: str, name: str) -> None:
        self.value.setText(value)
        self.name.setText(name)
        self.setAccessibleName(f"{name}: {value}")
        self.setVisible(bool(value))


class RunPage(QWidget):
    """``use_requested``: make its model the one for conversations; ``chat_requested``: that, and go there;
    ``sort_requested``: sort texts by its labels."""

    failed = Signal(object)
    use_requested = Signal()
    chat_requested = Signal()
    sort_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.follower = RunFollower(self)
        self.follower.changed.connect(self._show_record)
        self.follower.state_changed.connect(self._show_state)
        self.title = ElidedLabel(size="heading")
        self.state: QLabel = label(size="small", tone="muted", wrap=True)
        self.stop_button = button(icon="stop")
        self.resume_button = button(kind="primary", icon="play")
        self.more_button = button(icon="add")
        self.more_button.setMenu(QMenu(self.more_button))
        self.more_button.menu().aboutToShow.connect(self._fill_more)
        self.stop_button.clicked.connect(self.stop)
        self.resume_button.clicked.connect(self.resume)
        self.chat_button, self.use_button = action_button("chat"), action_button("model")
        self.sort_button = action_button("sentiment")
        self.chat_button.clicked.connect(self.chat_requested)
        self.sort_button.clicked.connect(self.sort_requested)
        self.use_button.clicked.connect(self.use_requested)
        self.actions_row = ActionRow((self.chat_button, self.use_button, self.sort_button))
        self.figures = [_Figure() for _ in range(5)]
        self.by = SegmentedChoice((BY_TIME, BY_TOKENS))
        self.curves = Curves()
        self.by.chosen.connect(self.curves.set_by)
        self.parts = SegmentedChoice((SAMPLES, TRIALS, DATA))
        self.parts.chosen.connect(self._on_part)
        self.samples, self.data = QPlainTextEdit(), QPlainTextEdit()
        for text in (self.samples, self.data):
            text.setReadOnly(True)
            text.setFrameShape(QFrame.Shape.NoFrame)
            text.setTabChangesFocus(True)
        self.trials = TrialTable()
        self.trials.setFrameShape(QFrame.Shape.NoFrame)
        self.pages = QStackedWidget()
        for page in (self.samples, self.trials, self.data):
            self.pages.addWidget(page)
        self._stopping = False
        self._chosen = False  # the user has said what is to stand below
        self._shown: tuple[int, int, int] = (0, 0, 0)  # which record's samples and data stand below
        self._build()
        self.retranslate()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title, 1)
        head.addWidget(self.actions_row)
        head.addWidget(self.stop_button)
        head.addWidget(self.resume_button)
        head.addWidget(self.more_button)
        numbers = QHBoxLayout()
        numbers.setSpacing(24)
        for figure in self.figures:
            numbers.addWidget(figure)
        numbers.addStretch(1)
        numbers.addWidget(self.by, 0, Qt.AlignmentFlag.AlignBottom)
        lower = QWidget()
        below = QVBoxLayout(lower)
        below.setContentsMargins(0, 8, 0, 0)
        below.setSpacing(8)
        below.addWidget(self.parts)
        below.addWidget(self.pages, 1)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.curves)
        splitter.addWidget(lower)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.state)
        column.addLayout(numbers)
        column.addWidget(splitter, 1)

    def retranslate(self) -> None:
        self.stop_button.setText(tr("Stop"))
        self.stop_button.setToolTip(tr("End now with a usable model"))
        self.more_button.setText(tr("More minutes…"))
        self.more_button.setToolTip(tr("Go on learning from where it ended"))
        name_action(self.chat_button, tr("Chat with it"), tr("Chat with the model that was made"))
        name_action(self.use_button, tr("Make it my autogpt"),
                    tr("Take it for conversations, and as “autogpt” in Python"))  # fmt: skip
        name_action(self.sort_button, tr("Sort texts with it"),
                    tr("Sort texts and tables in Sentiment by these labels"))  # fmt: skip
        self.by.set_texts(
            tr("What the curves run over"), {BY_TIME: tr("By time"), BY_TOKENS: tr("By tokens")}
        )
        self.parts.set_texts(
            tr("What is shown below"), {SAMPLES: tr("Samples"), TRIALS: tr("Trials"), DATA: tr("Data")}
        )
        self.samples.setAccessibleName(tr("What the model writes"))
        self.data.setAccessibleName(tr("What it learns from"))
        self.trials.retranslate()
        self.actions_row.retranslate()
        self.curves.draw()
        self._shown = (0, 0, 0)
        if self.follower.run is not None:
            self._show_state()
            self._show_record()

    def restyle(self) -> None:
        self.curves.restyle()

    def follow(self, run: Run | None) -> None:
        """Show this run from now on; None: none."""
        self._chosen = False
        self.follower.follow(run)
        self._show_record()

    def focus_input(self) -> None:
        """Where one reads."""
        (self.samples, self.trials, self.data)[self.pages.currentIndex()].setFocus()

    def shutdown(self) -> None:
        self.follower.stop()

    # --- what is done

    def stop(self) -> None:
        """End soon with a usable model."""
        if self.follower.run is None:
            return
        try:
            self.follower.run.request_stop()
        except KnownError as error:
            self.failed.emit(error)
            return
        self._stopping = True
        self._show_state()

    def resume(self) -> None:
        """Go on where it was stopped or cut."""
        if self.follower.run is not None:
            self._start(self.follower.run)

    def extend(self, minutes: int) -> None:
        """Go on for so long."""
        run = self.follower.run
        if run is None:
            return
        try:
            run = runs.extend(run, minutes)
        except KnownError as error:
            self.failed.emit(error)
            return
        self._start(run)

    def _fill_more(self) -> None:
        menu = self.more_button.menu()
        menu.clear()
        for minutes in MORE:
            action = menu.addAction(tr("{time} more", time=minutes_name(minutes)))
            action.triggered.connect(partial(self._on_more, minutes))

    def _on_more(self, minutes: int, _checked: bool = False) -> None:
        self.extend(minutes)

    def _start(self, run: Run) -> None:
        try:
            launch.start(run)
        except KnownError as error:
            self.failed.emit(error)
            return
        self._stopping = False
        self.follower.look_at_state()
        self.focus_input()

    # --- what is shown

    def _show_state(self) -> None:
        run, running = self.follower.run, self.follower.running
        if run is None:
            return
        self._stopping = self._stopping and running
        self.title.set_text(run.name)
        stage = self.follower.record.stage
        parts = [kind_name(run.spec), minutes_name(run.spec.minutes)]
        if self._stopping:
            parts.append(tr("Stopping; the model is saved"))
        elif running:
            parts.append(message(stage.key) if stage is not None else tr("Starting"))
        else:
            parts.append(state_text(run))
        law = self.follower.record.scaling
        if law is not None and not running:
            numbers = {"loss": f"{law.loss:.3f}", "low": f"{law.low:.3f}", "high": f"{law.high:.3f}"}
            parts.append(
                tr("Twice the time would come to a loss of about {loss} ({low} to {high}).", **numbers)
            )
        if self.follower.record.notices:
            last = self.follower.record.notices[-1]
            parts.append(message(last.key, **last.values))
        self.state.setText(" · ".join(parts))
        self.stop_button.setVisible(running)
        self.stop_button.setEnabled(not self._stopping)
        self.resume_button.setVisible(not running and run.can_resume)
        self.more_button.setVisible(not running and run.state == "finished" and run.spec.kind != HEAD)
        names = {"waiting": tr("Start training"), "failed": tr("Try again")}
        self.resume_button.setText(names.get(run.state, tr("Resume")))
        set_property(self.state, "tone", "danger" if run.state == "failed" and not running else "muted")
        sorts = run.spec.kind == HEAD and run.spec.task == "classify"
        for action in (self.chat_button, self.use_button):
            self.actions_row.offer(action, run.spec.kind != HEAD)
            action.setEnabled(run.result is not None)
        self.actions_row.offer(self.sort_button, sorts)
        self.sort_button.setEnabled(run.result is not None)
        self._show_figures()

    def _show_record(self) -> None:
        record = self.follower.record
        self.curves.show_record(record)
        self.trials.show_trials(record.leaderboard())
        has_curve = bool(record.train) or len(record.held_out) > 1
        # of labels that were learned in one go there is a point, which says no more than its figure
        self.curves.setVisible(has_curve or self.follower.running)
        self.by.setVisible(has_curve or self.follower.running)
        self.parts.buttons[TRIALS].setVisible(bool(record.trials))
        shown = (id(record), len(record.samples), id(record.data))
        if shown != self._shown:  # else nothing of it is put together anew
            self._shown = shown
            _set_text(self.samples, self._samples_text())
            _set_text(self.data, self._data_text())
        if not self._chosen:  # what there is: first the data, then what the model writes
            part = DATA if record.data is not None and not record.samples else SAMPLES
            part = TRIALS if record.trials and not has_curve else part
            self.parts.set_choice(part)
            self._show_part(part)
        if self.follower.running:
            self._show_state()  # with the figures
        else:
            self._show_figures()

    def _show_figures(self) -> None:
        record, run = self.follower.record, self.follower.run
        bits, best = record.bits_per_byte(), record.best
        shown: list[tuple[str, str]] = []
        if bits:
            shown.append((f"{bits:.3f}", tr("bits per byte, held out")))
            if record.data is not None and record.data.xz_bits_per_byte:
                shown.append((f"{record.data.xz_bits_per_byte:.3f}", "xz -9"))
        elif best is not None:
            shown.append((f"{best.loss + 0.0:.3f}", tr("loss, held out")))  # no −0 of older runs
        latest = record.latest
        if latest is not None and latest.accuracy is not None:
            shown.append((f"{100 * latest.accuracy:.1f} %", tr("right, held out")))
        if record.speed:
            shown.append((f"{record.speed:,.0f}", tr("tokens a second")))
        if run is not None and self.follower.running:
            shown.append((clock(run.spec.minutes * 60 - record.seconds), tr("left")))
        elif record.peak is not None:
            forecast = size_text(record.peak.forecast)
            shown.append((size_text(record.peak.peak), tr("memory, {forecast} expected", forecast=forecast)))
        for number, figure in enumerate(self.figures):
            figure.show_value(*(shown[number] if number < len(shown) else ("", "")))

    def _samples_text(self) -> str:
        samples = self.follower.record.samples[-_KEPT_SAMPLES:]
        if not samples:
            return tr("What the model writes will be shown here, at each checkpoint.")
        names = {"before": tr("Before"), "after": tr("After")}
        asked: dict[str, list[str]] = {}  # what was said to the same question stands together
        blocks = []
        for sample in samples:
            if sample.label in names:
                said = f"{names[sample.label]} → {sample.text[:_SAMPLE].strip()}"
                asked.setdefault(sample.prompt[:_SAMPLE].strip(), []).append(said)
            else:
                head = tr("Step {n}", n=f"{sample.step:,}")
                blocks.append(f"{head}\n{(sample.prompt + sample.text)[:_SAMPLE].strip()}")
        pairs = ["\n".join([prompt, *texts]) for prompt, texts in asked.items()]
        return "\n\n".join([*pairs, *reversed(blocks)])

    def _data_text(self) -> str:
        found = self.follower.record.data
        if found is None:
            return tr("What was found in the files will be listed here.")
        if not found.tokens:  # examples are cut into tokens by the model that learns from them
            lines = [
                tr(
                    "{n} examples, {size} to learn from",
                    n=f"{found.documents:,}",
                    size=size_text(found.bytes),
                ),
                tr("Held out: {size}", size=size_text(found.held_out_bytes)),
            ]
        else:
            lines = self._token_lines(found)
        if found.duplicates:
            copies = tr("{n} copies were left out", n=f"{found.duplicates:,}")
            lines.append(copies if found.duplicates > 1 else tr("One copy was left out"))
        if found.languages:
            parts = ", ".join(f"{code} {size_text(size)}" for code, size in found.languages.items())
            lines.append(tr("Languages: {parts}", parts=parts))
        for name, key in found.skipped.items():
            lines.append(tr("Left out: {reason}", reason=message(KnownError(key, name=name))))
        if found.samples:
            lines += ["", *found.samples]
        return "\n".join(lines)

    @staticmethod
    def _token_lines(found: DataFound) -> list[str]:
        return [
            tr("{documents} documents, {tokens} tokens, {bytes} bytes to learn from",
               documents=f"{found.documents:,}", tokens=f"{found.tokens:,}", bytes=f"{found.bytes:,}"),
            tr("Held out: {tokens} tokens, {bytes} bytes", tokens=f"{found.held_out_tokens:,}",
               bytes=f"{found.held_out_bytes:,}"),
        ]  # fmt: skip

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.follower.set_seen(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.follower.set_seen(False)

    def _on_part(self, part: str) -> None:
        self._chosen = True
        self._show_part(part)

    def _show_part(self, part: str) -> None:
        self.pages.setCurrentIndex((SAMPLES, TRIALS, DATA).index(part))


def _set_text(edit: QPlainTextEdit, text: str) -> None:
    """Keeps the place where one reads."""
    if edit.property("shown") != text:
        edit.setProperty("shown", text)
        bar = edit.verticalScrollBar()
        place = bar.value()
        edit.setPlainText(text)
        bar.setValue(place)
