"""The panels there are, in the order of their tabs. A panel's module is imported when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.panel import PanelKind

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from autogpt_desktop.ui.context import AppContext

    Make = Callable[[AppContext], QWidget]


def titles(key: str) -> str:
    """What the tab says."""
    names = {
        "chat": tr("Chat"),
        "translate": tr("Translate"),
        "answer": tr("Questions"),
        "sentiment": tr("Sentiment"),
    }
    return names[key]


def send_titles(key: str) -> str:
    """What the menu of another panel offers to do with its text."""
    names = {
        "chat": tr("Chat about this"),
        "translate": tr("Translate this"),
        "answer": tr("Ask about this"),
        "sentiment": tr("Sentiment of this"),
    }
    return names[key]


def job_title(key: str, text: str) -> str:
    """What the queue says of a panel's job about ``text``."""
    return tr("{panel}: {text}", panel=titles(key), text=" ".join(text[:400].split())[:80])


def kind(key: str, make: Make) -> PanelKind:
    """One of the keys above, and what builds its widget; its icon is ``resources/icons/<key>.svg``."""
    return PanelKind(key, key, lambda: titles(key), lambda: send_titles(key), make)


def more_panels() -> tuple[PanelKind, ...]:
    """Those beside Chat."""
    return (
        kind("translate", make_translate),
        kind("answer", make_answer),
        kind("sentiment", make_sentiment),
    )


def make_translate(context: AppContext) -> QWidget:
    from autogpt_desktop.ui.translate.panel import TranslatePanel

    return TranslatePanel(context)


def make_answer(context: AppContext) -> QWidget:
    from autogpt_desktop.ui.answer.panel import AnswerPanel

    return AnswerPanel(context)


def make_sentiment(context: AppContext) -> QWidget:
    from autogpt_desktop.ui.sentiment.panel import SentimentPanel

    return SentimentPanel(context)
