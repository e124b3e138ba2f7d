"""The panels there are, in the order of their tabs. A panel's module is imported when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from autogpt_desktop.ui.panel import PanelKind
from autogpt_desktop.ui.panel_titles import send_titles, titles

if TYPE_CHECKING:
    from PySide6.QtWidgets import QWidget

    from autogpt_desktop.ui.context import AppContext


def kind(key: str, make: Callable[[], QWidget]) -> PanelKind:
    """A key of ``panel_titles``, and what builds its widget; its icon is ``resources/icons/<key>.svg``."""
    return PanelKind(key, key, lambda: titles(key), lambda: send_titles(key), make)


def more_panels(context: AppContext) -> tuple[PanelKind, ...]:
    """Those beside Chat."""
    return (
        kind("translate", partial(make_translate, context)),
        kind("answer", partial(make_answer, context)),
        kind("sentiment", partial(make_sentiment, context)),
        kind("lab", partial(make_lab, context)),
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


def make_lab(context: AppContext) -> QWidget:
    from autogpt_desktop.ui.lab.panel import LabPanel

    return LabPanel(context)
