"""The chat panel with a real history on disk and a real worker; only the engine is a small script."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.events import Done, Event, Progress, Text
from autogpt_desktop.tasks.chat import Turn
from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.context import AppContext
from tests.stand_in import install_stand_in
from tests.ui.contexts import opened_context

CONTEXT = 2048


class ScriptModels:
    """Shaped like ``engine.model_pool.ModelPool``, without weights."""

    def __init__(self) -> None:
        self.loaded: list[Any] = []
        self.prompt_cache = None

    @contextmanager
    def job(self) -> Iterator[ScriptModels]:
        yield self

    def unload(self) -> None:
        self.loaded.clear()

    def get(self, role: str = "chat") -> Iterator[Any]:
        yield Progress("stage.loading")
        config = SimpleNamespace(languages=("en",))
        return SimpleNamespace(name=role, context_length=CONTEXT, weight_bytes=1, device="cpu", config=config)


class Script:
    """Stands in for ``tasks.chat.chat``: says ``pieces``, waiting before number ``pause_at`` for ``go``."""

    def __init__(self) -> None:
        self.pieces: list[str] = ["Paris", " is", " the capital."]
        self.pause_at = -1
        self.go = threading.Event()
        self.error: Exception | None = None
        self.finish_reason = "stop"
        self.asked: list[tuple[list[Turn], Sampling, bool]] = []

    def __call__(
        self,
        models: Any,
        turns: Sequence[Turn],
        sampling: Sampling,
        *,
        conversation: str = "",
        continue_last: bool = False,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Event]:
        self.asked.append((list(turns), sampling, continue_last))
        yield Progress("stage.loading", 1, 2)
        for index, piece in enumerate(self.pieces):
            while index == self.pause_at and not self.go.is_set() and not cancelled():
                yield Progress("stage.loading", 1, 2)
                time.sleep(0.005)
            if cancelled():
                return
            yield Text(piece)
        if self.error is not None:
            raise self.error
        n = len(self.pieces)
        yield Done(self.finish_reason, 12, 0, n, 0.01, 50.0, 12 + n, CONTEXT)


@pytest.fixture
def chat_context(qtbot: QtBot, no_models: Path, tmp_path: Path) -> Iterator[AppContext]:
    """The starter model is installed and no other."""
    install_stand_in(no_models, "smollm2-135m-instruct")
    with opened_context(tmp_path / "history.db", lambda *given: ScriptModels()) as context:
        context.toasts = []  # type: ignore[attr-defined]
        context.toast_requested.connect(context.toasts.append)  # type: ignore[attr-defined]
        yield context


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def panel(qtbot: QtBot, chat_context: AppContext, script: Script) -> Iterator[ChatPanel]:
    made = ChatPanel(chat_context, script)
    qtbot.addWidget(made)
    made.resize(1100, 760)
    made.show()
    qtbot.waitExposed(made)
    yield made
    script.go.set()
    made.shutdown()


def ask(panel: ChatPanel, qtbot: QtBot, text: str) -> None:
    """Type, send, wait for the whole answer."""
    panel.composer.set_text(text)
    panel.send()
    wait_quiet(panel, qtbot)


def wait_quiet(panel: ChatPanel, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not panel.generation.running, timeout=5000)


def shown(panel: ChatPanel) -> list[tuple[str, str]]:
    return [(item.role, item.text) for item in panel.conversation.messages]


def body(panel: ChatPanel, place: int = -1) -> str:
    """What the widget of a message reads."""
    return panel.view.widgets[panel.conversation.messages[place].id].body.toPlainText()
