"""The Questions panel with the real models: from dropped files to an answer with its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui import ui_language
from autogpt_desktop.ui.answer.panel import AnswerPanel
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets.theme import theme
from tests.ui.answer.kit import ask, real_context

HARBOUR = (
    "# The harbour\n\nThe harbour was dug between 1874 and 1881. It was designed by the engineer"
    " Amalia Storm, who had studied in Delft. The north pier is 612 metres long.\n"
)
LEASE = "The deposit is 3,450 euros. It is returned within sixty days after the agreement ends.\n"


@pytest.fixture
def context(qtbot: QtBot, gemma_gguf: Path, minilm_folder: Path, tmp_path: Path) -> Iterator[AppContext]:
    ui_language.apply("en")
    theme().install("light")
    made = real_context(tmp_path)
    yield made
    assert made.worker.stop(20_000)
    made.unload_models()
    made.history.close()


def test_from_dropped_files_to_answers(context: AppContext, qtbot: QtBot, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "harbour.md").write_text(HARBOUR, encoding="utf-8")
    (folder / "lease.txt").write_text(LEASE, encoding="utf-8")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 and no more")
    panel = AnswerPanel(context)
    qtbot.addWidget(panel)
    panel.resize(1000, 700)
    panel.show()
    with qtbot.waitSignal(panel.view.collections.indexed, timeout=60_000):
        panel.add_files([folder])
    ask(panel, qtbot, "Who designed the harbour?", 60_000)
    turn = panel.conversation.turns[-1]
    assert turn.answered
    assert "Amalia Storm" in turn.answer_text()
    assert turn.places[turn.cited()[0]].passage.path == folder / "harbour.md"
    ask(panel, qtbot, "Where did she study?", 60_000)
    assert "Delft" in panel.conversation.turns[-1].answer_text()
    assert "Amalia Storm" in panel.conversation.turns[-1].read_as
    ask(panel, qtbot, "Who is the president of France?", 60_000)
    assert not panel.conversation.turns[-1].answered
    assert panel.conversation.turns[-1].places

    (folder / "harbour.md").rename(folder / "port.md")
    ask(panel, qtbot, "How long is the north pier?", 60_000)
    turn = panel.conversation.turns[-1]
    assert "612" in turn.answer_text()
    assert turn.where(turn.cited()[0]) == folder / "port.md"

    panel.shutdown()
