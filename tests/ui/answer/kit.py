"""The Questions panel with a real worker; only the models are a small script."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop import runtime
from autogpt_desktop.documents.index.collection import Collection, Collections
from autogpt_desktop.documents.types import Passage
from autogpt_desktop.events import Notice, Progress, Text
from autogpt_desktop.settings import Settings
from autogpt_desktop.storage.conversations.store import History
from autogpt_desktop.tasks.answer.answer import Answered, Citation
from autogpt_desktop.tasks.answer.evidence import Finding, Place, Places, nearest_sentence, sentence_at
from autogpt_desktop.ui.answer.panel import AnswerPanel
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.worker import Worker
from tests.stand_in import install_stand_in
from tests.ui.chat.kit import ScriptModels
from tests.ui.contexts import opened_context

MILL = "The Brenner mill was built in 1782 by Anna Holt. It ground rye until 1911."
BRIDGE = "A bridge of stone crosses the river since 1850. Karl Stein built it & his <son> helped."


class Script:
    """Stands in for ``ask_collection`` and ``ask_text``: finds ``answer`` in the passages, or refuses.

    It waits for ``go`` between the evidence and the answer if ``pauses``.
    """

    def __init__(self) -> None:
        self.answer = "Anna Holt"
        self.prose = ""  # what a chat model would write instead, with its numbers
        self.notices: list[Notice] = []
        self.error: Exception | None = None
        self.pauses = False
        self.go = threading.Event()
        self.asked: list[dict[str, Any]] = []

    def __call__(
        self,
        _models: Any,
        question: str,
        collection: Collection | None = None,
        text: str = "",
        *,
        previous: list[str],
        cancelled: Callable[[], bool],
        **options: Any,
    ) -> Iterator[Any]:
        self.asked.append({"question": question, "previous": previous, "text": text, **options})
        yield Progress("stage.answering", 1, 2)
        yield from self.notices
        if self.error is not None:
            raise self.error
        passages = [Passage(Path("/there/mill.txt"), "3", 0, len(MILL), MILL, "The old mill")]
        passages.append(Passage(Path("/there/bridge.txt"), "", 100, 100 + len(BRIDGE), BRIDGE, "Bridges"))
        if collection is None:
            passages = [Passage(Path(), "", 0, len(text), text, "")]
        yield Places(tuple(Place(one, *nearest_sentence(question, one.text)) for one in passages))
        while self.pauses and not self.go.is_set():
            if cancelled():
                return
            yield Progress("stage.answering", 1, 2)
            time.sleep(0.005)
        number = next((n for n, one in enumerate(passages) if self.answer and self.answer in one.text), -1)
        if number < 0:
            yield Finding(Answered("", False, 0.1, (), question), ())
            return
        start = passages[number].text.index(self.answer)
        end = start + len(self.answer)
        yield Text(self.prose or f"{self.answer} [{number + 1}]")
        said = self.prose.replace(" [1]", "") if self.prose else self.answer
        answered = Answered(said, True, 0.93, (Citation(number, start, end),), question)
        yield Finding(answered, (sentence_at(passages[number].text, start, end),))


@pytest.fixture
def answer_context(qtbot: QtBot, no_models: Path, tmp_path: Path) -> Iterator[AppContext]:
    """The model for answers is installed and no other; no file is looked for."""
    install_stand_in(no_models, "gemma-3-270m")
    with opened_context(tmp_path / "history.db", lambda *given: ScriptModels()) as context:
        yield context


@pytest.fixture
def answer_script() -> Script:
    return Script()


@pytest.fixture
def answer_panel(
    qtbot: QtBot, answer_context: AppContext, answer_script: Script, tmp_path: Path
) -> Iterator[AnswerPanel]:
    """With a collection, wide enough for evidence beside the answers."""
    folder = tmp_path / "papers"
    folder.mkdir()  # and nothing in it: what is found is the script's
    Collections().create("Papers", [folder])
    made = AnswerPanel(answer_context, answer_script, answer_script, lambda *_given: iter(()))
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.show()
    qtbot.waitExposed(made)
    yield made
    answer_script.go.set()
    made.shutdown()


def real_context(tmp_path: Path) -> AppContext:
    """With the models that are bundled with the checkout."""
    settings = Settings.load()
    return AppContext(settings, History(tmp_path / "real.db"), Worker(), runtime.make_models)


def ask(panel: AnswerPanel, qtbot: QtBot, question: str, timeout: int = 20_000) -> None:
    """Type, press Enter's slot, wait for the end."""
    panel.view.ask_bar.set_text(question)
    panel.view.ask_bar.field.send_requested.emit()
    qtbot.waitUntil(lambda: not panel.conversation.job.running, timeout=timeout)
