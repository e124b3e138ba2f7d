"""Charts of office files (DrawingML, ECMA-376 part 1, 21.2): their titles, and the numbers that they show."""

from __future__ import annotations

from autogpt_desktop.documents.read.formats.archive import Archive

_MOST = 100_000  # points


def read_chart(archive: Archive, place: str) -> list[str]:
    """Lines: the titles, then a line for each category with the value of every series."""
    chart = _Chart()
    archive.parse(place, chart)
    lines = [" ".join(title.split()) for title in chart.titles if title.strip()]
    rows: dict[str, list[str]] = {}
    for number, series in enumerate(chart.series, 1):
        name = " ".join("".join(series["tx"].values()).split())
        name = name or (str(number) if len(chart.series) > 1 else "")
        names, values = series["cat"] | series["xVal"], series["val"] | series["yVal"]
        for at, value in values.items():
            row = rows.setdefault(" ".join(names.get(at, "").split()), [])
            row.append(f"{name}: {value}" if name else value)
    return lines + ["; ".join([name, *values] if name else values) for name, values in rows.items()]


class _Chart:
    """Takes the events: titles, and of each series its name, categories and values by their number."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.series: list[dict[str, dict[int, str]]] = []
        self._parts = {"tx", "cat", "val", "xVal", "yVal"}
        self._part = ""  # of the series
        self._in_series = False
        self._title: list[str] | None = None
        self._point = 0
        self._points = 0
        self._value: list[str] | None = None  # of a point that is open

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "ser":
            self.series.append({part: {} for part in self._parts})
            self._in_series = True
        elif tag == "title":
            self._title = []
        elif self._in_series and tag in self._parts:
            self._part = tag
        elif self._part and tag == "pt":
            index = attributes.get("idx", "")
            self._point = int(index) if index.isascii() and index.isdigit() and len(index) < 8 else 0
        elif tag in {"v", "t"}:
            self._value = []

    def data(self, text: str) -> None:
        if self._value is not None:
            self._value.append(text)

    def end(self, tag: str) -> None:
        if tag in {"v", "t"} and self._value is not None:
            text, self._value = "".join(self._value), None
            if self._title is not None:
                self._title.append(text)
            elif self._part and self._points < _MOST:
                self._points += 1
                self.series[-1][self._part][self._point] = text
        elif tag == "title" and self._title is not None:
            self.titles.append("".join(self._title))
            self._title = None
        elif tag == self._part:
            self._part = ""
        elif tag == "ser":
            self._in_series = False

    def close(self) -> None:
        pass
