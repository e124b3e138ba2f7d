"""Which columns of a table are meant: by names for questions and answers, by what stands there for labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogpt_desktop.ui.lab.words import ADAPT, ANSWER, EMBED, HEAD

_QUESTION = ("question", "query", "prompt", "问题", "提问")
_ANSWER = ("answer", "response", "reply", "答案", "回答")


def likely_columns(kind: str, preview: Any) -> tuple[int, int, int]:
    """The places of the texts, of the questions about them, and of labels or answers. ``preview``: a table's
    beginning, as ``tasks.sentiment.sources.preview`` gives it."""
    names = [str(name).strip().casefold() for name in preview.table.columns]
    text, question, answer = preview.column, _named(names, _QUESTION), _named(names, _ANSWER)
    named = answer >= 0 and kind != HEAD
    if not named:
        answer = _few_values(preview, text)
    if kind in (ADAPT, EMBED):  # what asks stands in front of what answers
        text, answer = (question if question >= 0 else text, answer) if named else sorted((text, answer))
    if kind == ANSWER and text in (question, answer):  # the longest of the others
        others = [at for at in range(len(names)) if at not in (question, answer)]
        text = max(others, key=lambda at: _length(preview, at), default=text)
    if question < 0:
        question = next((at for at in range(len(names)) if at not in (text, answer)), 0)
    return text, question, answer


def _named(columns: Sequence[str], names: Sequence[str]) -> int:
    """The column that is called like one of ``names``; -1: none."""
    return next((at for at, one in enumerate(columns) if any(name in one for name in names)), -1)


def _length(preview: Any, column: int) -> int:
    return sum(len(str(row[column])) for row in preview.rows if column < len(row))


def _few_values(found: Any, texts: int) -> int:
    """The column that seems to hold labels: few different values, and not the texts."""
    best, fewest = 0 if texts else 1, 1.1
    for number in range(len(found.table.columns)):
        values = [row[number] for row in found.rows if number < len(row) and str(row[number]).strip()]
        share = len({str(value) for value in values}) / len(values) if values else 1.0
        if number != texts and share < fewest:
            best, fewest = number, share
    return best
