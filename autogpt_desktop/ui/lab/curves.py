"""The curves of a run: training and held-out loss by time or by tokens, growth, other runs beside it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyqtgraph
from pyqtgraph.exporters import ImageExporter
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.lab.record import Point, RunRecord
from autogpt_desktop.ui.widgets.basic import label
from autogpt_desktop.ui.widgets.theme import theme

BY_TIME, BY_TOKENS = "time", "tokens"
_SHORT = 180  # seconds of work below which they are not counted in minutes
_MOST_POINTS = 2000  # that are drawn of a curve
_OTHERS = ("series2", "series4", "series3", "series5")  # colors of runs that stand beside
_PICTURE = 1600  # pixels, the width of an exported picture


@dataclass
class Other:
    """A run that is compared."""

    key: str
    name: str
    record: RunRecord = field(default_factory=RunRecord)


class _Axis(pyqtgraph.AxisItem):
    """Numbers as they are read: 250 k and 1.5 M, not a factor in the title."""

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self.enableAutoSIPrefix(False)

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        for unit, step in (("M", 1e6), ("k", 1e3)):
            if max(map(abs, values), default=0.0) >= step and spacing >= step / 100:
                return [f"{value / step:g} {unit}" if value else "0" for value in values]
        strings: list[str] = super().tickStrings(values, scale, spacing)
        return strings


class Curves(QWidget):
    """Bits per byte where the held-out bytes are known, so that ``xz -9`` and runs compare; else loss."""

    def __init__(self) -> None:
        super().__init__()
        self.by = BY_TIME
        self.record = RunRecord()
        self.others: list[Other] = []
        self._unit = 1.0  # seconds of one unit of the lower axis
        self._plot: Any = pyqtgraph.PlotWidget(axisItems={"bottom": _Axis("bottom"), "left": _Axis("left")})
        self._plot.setMinimumHeight(140)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._legend: Any = self._plot.addLegend(offset=(-8, 8))
        self.empty = label(tone="muted", wrap=True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(140)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._plot, 1)
        column.addWidget(self.empty, 1)
        self.restyle()

    def show_record(self, record: RunRecord) -> None:
        self.record = record
        self.draw()

    def set_by(self, by: str) -> None:
        self.by = by
        self.draw()

    def compare(self, others: Sequence[Other]) -> None:
        self.others = list(others)
        self.draw()

    def restyle(self) -> None:
        self._plot.setBackground(theme().color("surface"))
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(theme().color("border"))
            axis.setTextPen(theme().color("muted"))
            axis.setStyle(tickFont=theme().font("small"))
        self.draw()

    # --- drawing

    def _factor(self) -> float:
        return self.record.bits_per_nat_token if self.in_bits else 1.0

    @property
    def in_bits(self) -> bool:
        """Whether the values are bits per byte."""
        told = self.record.best is not None and self.record.best.bits_per_byte > 0
        return told and self.record.bits_per_nat_token > 0

    def y_title(self) -> str:
        return tr("bits per byte") if self.in_bits else tr("loss (nats per token)")

    def _scale(self) -> float:
        """Seconds of one unit of the lower axis."""
        records = (self.record, *(other.record for other in self.others))
        last = max((points[-1].seconds for one in records for points in (one.train, one.held_out) if points),
                   default=0.0)  # fmt: skip
        return 1.0 if last < _SHORT else 60.0

    def _place(self, seconds: float, tokens: int) -> float:
        return seconds / self._unit if self.by == BY_TIME else float(tokens)

    def draw(self) -> None:
        plot = self._plot
        self._unit = self._scale()
        records = (self.record, *(other.record for other in self.others))
        has_any = any(one.train or one.held_out for one in records)
        plot.setVisible(has_any)
        self.empty.setVisible(not has_any)
        self.empty.setText(tr("The curves will be drawn here, from the first step on."))
        plot.clear()
        self._legend.clear()
        self._legend.setLabelTextColor(theme().color("text"))
        self._legend.setLabelTextSize(f"{theme().points('small'):.0f}pt")
        factor = self._factor()
        self._curve(self.record.train, factor, theme().color("control"), 1, tr("training text"))
        self._curve(self.record.held_out, factor, theme().color("accent"), 2, tr("held-out text"), dots=True)
        for number, other in enumerate(self.others):
            if other.record.bits_per_nat_token or not self.in_bits:
                color = theme().color(_OTHERS[number % len(_OTHERS)])
                own = other.record.bits_per_nat_token if self.in_bits else 1.0
                self._curve(other.record.held_out, own, color, 2, other.name)
        xz = self.record.data.xz_bits_per_byte if self.record.data is not None else 0.0
        if xz and self.in_bits:
            self._line(xz, 0, f"xz -9: {xz:.3f}")
        for seconds, tokens, growth in self.record.growths:
            where = self._place(seconds, tokens)
            name = tr("wider") if growth.how == "wider" else tr("deeper")
            self._line(where, 90, name)
        plot.setLabel("left", self.y_title(), color=theme().hex("muted"))
        work = tr("seconds of work") if self._unit == 1 else tr("minutes of work")
        bottom = work if self.by == BY_TIME else tr("tokens")
        plot.setLabel("bottom", bottom, color=theme().hex("muted"))
        self.setAccessibleName(self.in_words())

    def in_words(self) -> str:
        """For those who do not see it."""
        if not self.record.held_out:
            return tr("No curve yet")
        first, last = self.record.held_out[0].value, self.record.held_out[-1].value
        return tr("Held-out {what}: from {first} to {last}", what=self.y_title(),
                  first=f"{first * self._factor():.3f}", last=f"{last * self._factor():.3f}")  # fmt: skip

    def _curve(
        self, points: list[Point], factor: float, color: QColor, width: int, name: str, dots: bool = False
    ) -> None:
        if not points:
            return
        step = max(1, len(points) // _MOST_POINTS)
        shown = [*points[::step], points[-1]] if step > 1 else points
        x = [self._place(point.seconds, point.tokens) for point in shown]
        y = [point.value * factor for point in shown]
        options: dict[str, Any] = {}
        if dots and len(points) < 60:
            options = {"symbol": "o", "symbolSize": 5, "symbolBrush": color, "symbolPen": None}
        self._plot.plot(x, y, pen=pyqtgraph.mkPen(color, width=width), name=name, **options)

    def _line(self, value: float, angle: int, text: str) -> None:
        pen = pyqtgraph.mkPen(theme().color("warning"), width=1, style=Qt.PenStyle.DashLine)
        options = {"color": theme().color("warning"), "position": 0.08 if angle == 0 else 0.92}
        self._plot.addItem(pyqtgraph.InfiniteLine(value, angle=angle, pen=pen, label=text, labelOpts=options))

    # --- out

    def picture(self) -> QImage:
        """The curves, for a file."""
        exporter = ImageExporter(self._plot.plotItem)
        exporter.parameters()["width"] = _PICTURE
        image: QImage = exporter.export(toBytes=True)
        return image

    def table(self) -> str:
        """Every point, as CSV."""
        file = io.StringIO()
        writer = csv.writer(file)
        writer.writerow(["curve", "step", "tokens", "seconds", "loss", "bits_per_byte"])
        rows = [("train", self.record.train, self.record), ("held-out", self.record.held_out, self.record)]
        rows += [(other.name, other.record.held_out, other.record) for other in self.others]
        for name, points, record in rows:
            for point in points:
                bits = point.value * record.bits_per_nat_token
                writer.writerow([name, point.step, point.tokens, f"{point.seconds:.3f}", f"{point.value:.6f}",
                                 f"{bits:.6f}" if bits else ""])  # fmt: skip
        return file.getvalue()
