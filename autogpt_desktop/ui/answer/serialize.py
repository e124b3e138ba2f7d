"""Turns as JSON can keep them, and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autogpt_desktop.documents.types import Passage
from autogpt_desktop.events import Notice
from autogpt_desktop.tasks.answer.answer import Answered, Citation
from autogpt_desktop.tasks.answer.evidence import Finding, Place
from autogpt_desktop.ui.answer.turn import QuestionTurn


def packed(turns: Sequence[QuestionTurn]) -> list[dict[str, Any]]:
    """All of them; those without an answer, and without the news that there is none, as stopped ones."""
    values, pasted = [], ""
    for turn in turns:
        value = _question(turn) | (_found(turn) if turn.finding is not None else {"state": "stopped"})
        values.append(value | ({"pasted": turn.pasted} if turn.pasted != pasted else {}))
        pasted = turn.pasted
    return values


def unpacked(values: Sequence[Any]) -> list[QuestionTurn]:
    """What a file holds; a turn that is damaged is left out."""
    found: list[QuestionTurn] = []
    pasted = ""
    for value in values:
        try:
            turn = _unpacked(value)
            turn.pasted = pasted = str(value.get("pasted", pasted))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            continue
        found.append(turn)
    return found


def _question(turn: QuestionTurn) -> dict[str, Any]:
    return {
        "question": turn.question,
        "source": turn.source,
        "text": turn.text,
        "places": [_place(place) for place in turn.places],
        "notices": [[one.key, one.values] for one in turn.notices],
    }


def _found(turn: QuestionTurn) -> dict[str, Any]:
    assert turn.finding is not None
    answered = turn.finding.answered
    return {
        "answer": answered.answer,
        "answered": answered.answered,
        "confidence": answered.confidence,
        "read": answered.question,
        "citations": [[one.passage, one.start, one.end] for one in answered.citations],
        "sentences": [list(one) for one in turn.finding.sentences],
    }


def _place(place: Place) -> dict[str, Any]:
    passage = place.passage
    return {
        "path": str(passage.path),
        "page": passage.page,
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "title": passage.title,
        "span": [place.start, place.end],
    }


def _unpacked(value: dict[str, Any]) -> QuestionTurn:
    places = []
    for one in value["places"]:
        keys = ("page", "start", "end", "text", "title")
        passage = Passage(Path(one["path"]), *(one[key] for key in keys))
        start, end = one["span"]
        places.append(Place(passage, int(start), int(end)))
    turn = QuestionTurn(str(value["question"]), str(value["source"]), tuple(places), str(value["text"]))
    turn.notices = [Notice(str(key), dict(values)) for key, values in value["notices"]]
    turn.state = "done"
    if value.get("state") == "stopped":
        turn.state = "stopped"
        return turn
    citations = tuple(Citation(*(int(number) for number in one)) for one in value["citations"])
    sentences = tuple((int(start), int(end)) for start, end in value["sentences"])
    if len(sentences) != len(citations) or any(not 0 <= one.passage < len(places) for one in citations):
        raise ValueError("citations and places do not fit")
    answered = Answered(
        str(value["answer"]),
        bool(value["answered"]) and bool(citations),
        float(value["confidence"]),
        citations,
        str(value["read"]),
    )
    turn.finding = Finding(answered, sentences)
    return turn
