"""What is behind a window or a panel of a test: real settings, worker and history; any models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autogpt_desktop.settings import Settings
from autogpt_desktop.storage.conversations.store import History
from autogpt_desktop.ui import ui_language
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets.theme import theme
from autogpt_desktop.worker import Worker


@contextmanager
def opened_context(history: Path, make_models: Callable[..., Any]) -> Iterator[AppContext]:
    """English and light, whatever this machine is set to; all is closed, and no job runs, at the end."""
    settings = Settings.load()
    settings.theme, settings.language = "light", "en"
    theme().install("light")
    ui_language.apply("en")
    conversations = History(history)
    context = AppContext(settings, conversations, Worker(), make_models)
    yield context
    assert context.worker.stop(20_000)
    conversations.close()
    ui_language.apply("en")
    theme().set_mode("light")
