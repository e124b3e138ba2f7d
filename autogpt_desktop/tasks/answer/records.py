"""Rows of tables, as the readers write them ("heading: cell; heading: cell"), looked up as people do: the row
that the question names, and of it the column that it asks for.

A small model sees names and numbers side by side and knows badly which belongs to which. Where row and column
cannot be told, nothing is looked up, and the model reads the passage as any other.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from autogpt_desktop.tasks.answer.lexicon import answer_type, content_words, type_match

_PAIR = re.compile(r"([^:;\n|]{1,60}): ([^;\n]{1,300})(?:; |$)")
_FEWEST_PAIRS = 2
_NAMED = 0.5  # of a cell's words, and of the question's, that must be found
_MARGIN = 0.1  # by which one row must be named better than all others
_CLEAR = 1.0  # points of the column that is asked for
# What questions say instead of a column's name, and how such columns are called
_CALLED = [
    (r"how much|cost|pric|pay|paid|expensive|cheap|多少钱|价|费|贵|便宜",
     r"price|cost|fee|amount|pay|价|费|金额|钱|[€$£¥]"),
    (r"how (?:high|tall)|多高|高度|身高", r"height|high|tall|高"),
    (r"how long|多长|多久", r"length|long|duration|time|长|时长"),
    (r"how old|age\b|多大|几岁", r"\bage|born|年龄|岁"),
    (r"how far|多远", r"distance|far|距离"),
    (r"how heavy|weigh|多重", r"weight|mass|重"),
    (r"how (?:big|large)|多大", r"size|area|面积|大小"),
    (r"how many|多少|几个", r"number|count|quantity|amount|total|数量|总数|数目"),
    (r"\bwhen\b|what day|什么时候|何时|哪天|几月",
     r"date|time|day|month|year|since|until|period|日期|时间|日|月|年"),
    (r"\bwhere\b|哪里|哪儿|何处",
     r"place|city|town|country|location|address|room|region|地点|城市|国家|地址|位置"),
    (r"\bwho\b|谁|哪位", r"name|person|author|owner|by\b|member|teacher|manager|姓名|名字|人|作者"),
]  # fmt: skip
_SAID = [(re.compile(said, re.I), re.compile(called, re.I)) for said, called in _CALLED]


@dataclass(frozen=True, slots=True)
class Cell:
    name: str
    text: str
    start: int  # characters of the passage
    end: int


@dataclass(frozen=True, slots=True)
class Found:
    """Where the answer stands, and which share of what the question says was found."""

    start: int
    end: int
    coverage: float


def look_up(question: str, text: str) -> Found | None:
    """The cell that answers, or None: no table, no row that the question names alone, no column."""
    records = _records(text)
    asked = set(content_words(question))
    if not records or not asked:
        return None
    anchors = [_anchors(record, asked) for record in records]
    counts = Counter(word for found in anchors for word in set().union(*found.values(), set()))
    rare = {word: math.log(1 + len(records) / count) for word, count in counts.items()}
    scores = [sum(rare[word] for word in set().union(*found.values(), set())) for found in anchors]
    order = sorted(range(len(records)), key=lambda at: -scores[at])
    best = order[0]
    if scores[best] <= 0 or (len(order) > 1 and scores[best] < scores[order[1]] + _MARGIN):
        return None
    record, named = records[best], anchors[best]
    cell = _asked_for(question, asked, [one for at, one in enumerate(record) if at not in named])
    if cell is None:
        return None
    said = {word for one in record for word in content_words(one.name)}
    wanted = [word for word in asked if word not in said and not _says_column(word)]
    in_row = set().union(*named.values())
    coverage = sum(word in in_row for word in wanted) / len(wanted) if wanted else 1.0
    return Found(cell.start, cell.end, coverage) if coverage >= _NAMED else None


def _records(text: str) -> list[list[Cell]]:
    """The rows of the passage's tables: lines of pairs, several that begin alike, or one of many pairs."""
    rows, at = list[list[Cell]](), 0
    for line in text.split("\n"):
        cells, end = list[Cell](), 0
        for pair in _PAIR.finditer(line.rstrip()):
            if pair.start() != end:
                break
            cells.append(Cell(pair[1].strip(), pair[2].strip(), at + pair.start(2), at + pair.end(2)))
            end = pair.end()
        if len(cells) >= _FEWEST_PAIRS and end == len(line.rstrip()):
            rows.append(cells)
        at += len(line) + 1
    alike = Counter(row[0].name for row in rows)
    return [row for row in rows if alike[row[0].name] > 1 or len(row) > _FEWEST_PAIRS]


def _anchors(record: Sequence[Cell], asked: set[str]) -> dict[int, set[str]]:
    """By their number the cells that the question names, each with the words that they share."""
    found = {}
    for at, cell in enumerate(record):
        cell_words = content_words(cell.text)
        shared = asked & set(cell_words)
        if cell_words and len(shared) >= _NAMED * len(set(cell_words)):
            found[at] = shared
    return found


def _asked_for(question: str, asked: set[str], cells: Sequence[Cell]) -> Cell | None:
    """The one cell whose heading the question says, or means."""
    expected = answer_type(question)
    points = []
    for cell in cells:
        name = content_words(cell.name)
        said = sum(word in asked for word in name) / len(name) if name else 0.0
        meant = any(ask.search(question) and called.search(cell.name) for ask, called in _SAID)
        points.append(
            1.5 * (said >= _NAMED) + meant + 0.5 * type_match(expected, cell.text) * (expected != "thing")
        )
    order = sorted(range(len(cells)), key=lambda at: -points[at])
    if not order or points[order[0]] < _CLEAR:
        return None
    if len(order) > 1 and points[order[0]] == points[order[1]]:
        return None
    return cells[order[0]]


def _says_column(word: str) -> bool:
    return any(ask.search(word) for ask, _ in _SAID)
