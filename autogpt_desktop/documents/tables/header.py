"""Which row names the columns, if any: it differs from what stands below it, and titles may stand above."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from autogpt_desktop.documents.tables.cells import is_number, kind_of
from autogpt_desktop.documents.tables.types import Row

_TITLES = 25  # rows above a header, at most
_BELOW = 60  # rows that a header is compared with
_NAMES = re.compile(
    r"(?:id|no|nr|nr\.|no\.|#|key|name|first ?name|last ?name|date|datum|time|year|month|day|city|country|ort"
    r"|stadt|texts?|reviews?|comments?|feedback|message|body|content|opinion|sentences?|tweet|post|answer|description"
    r"|title|subject|score|rating|stars|price|amount|count|total|label|category|type|status|url|e-?mail|language"
    r"|user|author|product|source|age|gender|编号|序号|评论|评价|内容|文本|正文|留言|意见|反馈|描述|句子|评语|日期|时间"
    r"|姓名|名称|标题|城市|评分|价格|数量|类别|类型|状态|用户|作者|备注)(?:[ _]?\d{1,3})?",
    re.IGNORECASE,
)
_PRIOR = 0.15  # most tables have a header


def find_header(rows: Sequence[Row]) -> bool:
    """Whether the first row names the columns: short texts, unlike what is below."""
    return len(rows) > 1 and _likeness(rows, 0) > 0


def find_header_row(rows: Sequence[Row]) -> int:
    """The number of the row with the names, counted from 1; 0: there is none."""
    above = next((at for at, row in enumerate(rows) if any(row)), 0)
    found = _header_row(rows[above:])
    return found + above if found else 0


def _header_row(rows: Sequence[Row]) -> int:
    filled = [sum(map(bool, map(str.strip, row))) for row in rows]
    numbers = Counter(number for number in filled if number)
    if not numbers:
        return 0
    usual = max(numbers, key=lambda number: numbers[number] * number**0.5)
    least = max(1, 0.55 * usual)
    best, best_score, widest = 0, 0.0, 0
    for at in range(min(_TITLES, len(rows) - 1)):
        if filled[at] >= least and filled[at] > widest:
            score = _likeness(rows, at)
            if score > best_score + 0.02:
                best, best_score = at + 1, score
        widest = max(widest, filled[at])
        if usual == 1 and widest:
            break  # one column: a line above the header would look as any other text
    return best


def _likeness(rows: Sequence[Row], at: int) -> float:
    """How much a row looks like the names of what stands below it; not at all: 0 or less."""
    header = [cell.strip() for cell in rows[at]]
    below = [row for row in rows[at + 1 : at + 1 + _BELOW] if any(row)]
    named = [cell for cell in header if cell]
    if not named or not below:
        return 0.0
    points = sum(_vote(cell, [row[column].strip() for row in below if column < len(row)], header)
                 for column, cell in enumerate(header[:100]))  # fmt: skip
    width = max(len(header), max(map(len, below)))
    points -= 0.3 * (len(named) - len(set(named)))
    if at == 0 and width == 1 and len(below) < 3 and points < 0.9:
        return 0.0
    prior = _PRIOR if width > 1 else -_PRIOR
    return points / max(1, min(len(header), 100)) + prior * len(named) / width


def _vote(name: str, cells: list[str], header: list[str]) -> float:
    """For (up to 1.5) or against (down to -1.5) that this cell names the cells below it."""
    cells = [cell for cell in cells if cell]
    if not name:
        return -0.3 if cells else 0.0
    if (
        _NAMES.fullmatch(name)
        and name not in cells
        and not (kind_of(name) == "choice" in map(kind_of, cells))
    ):
        return 1.5
    if not cells:
        return 0.0
    kind, kinds = kind_of(name), Counter(map(kind_of, cells))
    usual, times = kinds.most_common(1)[0]
    if name in cells[:_BELOW] and kind in ("text", "choice"):
        return -1.2 * min(1.0, 0.5 + cells.count(name) / len(cells))
    if usual != "text" and times >= 0.75 * len(cells):
        if kind == usual:
            return 0.0 if _is_label(name, cells, header) else -1.2
        return 1.2 if kind == "text" else 0.4
    if kind in ("number", "date", "address"):
        return 0.2 if _is_label(name, cells, header) else -0.7
    if re.search(r"[.!。！…]$", name) or len(name) > 80 or (name.count(" ") > 5 and name[-1] not in "?？"):
        return -0.8
    length = sum(map(len, cells)) / len(cells)
    if len(name) * 3 < length:
        return 1.0
    if name.count(" ") <= 2 and sum(cell.count(" ") for cell in cells) >= 2.5 * len(cells):
        return 0.8
    return 0.1 if len(set(cells)) > 0.5 * len(cells) else 0.3


def _is_label(name: str, cells: list[str], header: list[str]) -> bool:
    """A number that names a column: a year, or one of a sequence that the values do not go on with."""
    if not (name.isdigit() and len(name) <= 4):
        return False
    if len(name) == 4 and 1900 <= int(name) <= 2100:
        return not any(cell.isdigit() and 1900 <= int(cell) <= 2100 for cell in cells if len(cell) == 4)
    numbers = [int(cell) for cell in header if cell.isdigit() and len(cell) <= 4]
    follows = any(abs(int(name) - other) == 1 for other in numbers)
    return follows and len(set(numbers)) == len(numbers) > 1


def column_names(rows: Sequence[Row], header_row: int) -> Row:
    """A name for each column of the widest row, no two alike."""
    width = max((len(row) for row in rows[max(0, header_row - 1) :]), default=0)
    header = rows[header_row - 1] if 0 < header_row <= len(rows) else ()
    names: list[str] = []
    taken: set[str] = set()
    for at in range(width):
        given = " ".join(header[at].split()) if at < len(header) else ""
        name = wanted = given or f"Column {at + 1}"
        number = 2
        while name in taken:
            name, number = f"{wanted} ({number})", number + 1
        taken.add(name)
        names.append(name)
    return tuple(names)


__all__ = ["column_names", "find_header", "find_header_row", "is_number"]
