"""The Sentiment panel with a real worker; only the model is a small script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop.tasks.sentiment.sentiment import Scored
from autogpt_desktop.tasks.sentiment.table import Block, RunState, TableRun
from autogpt_desktop.ui.sentiment import history, verdict_job
from autogpt_desktop.ui.sentiment.panel import SentimentPanel
from tests.stand_in import install_stand_in
from tests.ui.chat.kit import ScriptModels
from tests.ui.contexts import opened_context

WAIT = 20_000


def scored(at: int, text: str) -> Scored:
    """A model that likes what is good."""
    good = 0.9 if "good" in text.lower() else 0.05
    return Scored(at, "positive" if good > 0.5 else "negative", good, 0.05, 0.95 - good)


@pytest.fixture
def sentiment_panel(
    no_models: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SentimentPanel]:
    def look(_models: Any, text: str, **_options: Any) -> Iterator[object]:
        yield scored(0, text)

    def run(self: TableRun, _models: Any, **_options: Any) -> Iterator[object]:
        texts = tuple(row[self.column] for row in self.table.rows())
        yield RunState(0, len(texts), 0, 0, 0.0)
        yield Block(0, texts, tuple(scored(at, text) for at, text in enumerate(texts)))
        yield RunState(len(texts), len(texts), 0, 0, 0.0)

    monkeypatch.setattr(verdict_job, "look", look)
    monkeypatch.setattr(verdict_job, "sentiment", lambda *_given, **_options: iter(()))
    monkeypatch.setattr(TableRun, "run", run)
    for name in ("groups", "judge_again"):
        monkeypatch.setattr(TableRun, name, lambda *_given, **_options: iter(()))
    monkeypatch.setattr(history, "SAVE_MS", 20)
    install_stand_in(no_models, "gemma-3-270m")
    with opened_context(tmp_path / "history.db", lambda *_given: ScriptModels()) as context:
        made = SentimentPanel(context)
        qtbot.addWidget(made)
        made.resize(900, 600)
        made.show()
        qtbot.waitExposed(made)
        yield made
        made.shutdown()
