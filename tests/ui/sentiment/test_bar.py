"""The top of the Sentiment panel in columns of every width, in both languages."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop import i18n
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.sentiment.bar import SentimentBar
from autogpt_desktop.ui.sentiment.corrections import CorrectionList


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_nothing_is_cut_off_in_a_slim_column(shell_context: AppContext, qtbot: QtBot, language: str) -> None:
    i18n.set_language(language)
    owner = QWidget()
    qtbot.addWidget(owner)
    bar = SentimentBar(shell_context, "sentiment", CorrectionList(shell_context, owner), lambda: "")
    bar.setParent(owner)
    bar.retranslate()
    owner.show()
    heights = []
    for width in (420, 900, 420):
        owner.resize(width, 200)
        bar.setGeometry(0, 0, width, bar.sizeHint().height())
        QApplication.processEvents()
        bar.resize(width, bar.sizeHint().height())
        QApplication.processEvents()
        heights.append(bar.height())
        for made in (bar.modes, bar.choice, bar.two_way):
            assert made.width() >= made.minimumSizeHint().width()
            assert made.geometry().right() < width
        assert bar.choice.combo.width() >= bar.choice.combo.sizeHint().width()
        assert bar.two_way.width() >= bar.two_way.sizeHint().width()
    assert heights[0] == heights[2] > heights[1]
    i18n.set_language("en")
