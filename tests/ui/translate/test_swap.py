"""Languages that are swapped, also before the text is translated; notices go with what they speak of."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.panel import TranslatePanel
from autogpt_desktop.ui.translate.quick_translate import QuickTranslate
from tests.ui.translate.test_pair_models import packs_only  # noqa: F401  (a fixture)

WAIT_MS = 20_000
ENGLISH = "My grandfather sold the old mill."


@pytest.mark.slow
@pytest.mark.parametrize("kind", [TranslatePanel, QuickTranslate])
def test_a_text_that_is_swapped_twice_at_once_is_what_it_was(
    kind: type[TranslatePanel | QuickTranslate],
    packs_only: None,  # noqa: F811
    shell_context: AppContext,
    qtbot: QtBot,
) -> None:
    shell_context.settings.translate_pair = ["en", "pt"]
    made = kind(shell_context)
    qtbot.addWidget(made)
    made.show()
    row, pair = (made.view.languages, made.view.pair) if isinstance(made, TranslatePanel) else (
        made.languages, made.pair
    )  # fmt: skip
    row.set_pair("en", "pt")
    pair.source.replace_text(ENGLISH)

    def is_translated(text: str) -> bool:
        return made.live.complete and pair.target.text() == text

    qtbot.waitUntil(lambda: is_translated(f"{ENGLISH.upper()} pt"), timeout=WAIT_MS)
    made.swap()
    assert (row.source, row.target, pair.source.text()) == ("pt", "en", f"{ENGLISH.upper()} pt")
    made.swap()  # nothing of it is translated yet
    assert (row.source, row.target, pair.source.text()) == ("en", "pt", ENGLISH)
    qtbot.waitUntil(lambda: is_translated(f"{ENGLISH.upper()} pt"), timeout=WAIT_MS)
    made.swap()
    qtbot.waitUntil(lambda: is_translated(f"{ENGLISH.upper()} PT en"), timeout=WAIT_MS)
    made.swap()  # all of it: that is the text now
    assert pair.source.text() == f"{ENGLISH.upper()} PT en"


@pytest.mark.slow
def test_a_notice_about_the_text_is_not_shown_over_files(
    packs_only: None,  # noqa: F811
    shell_context: AppContext,
    qtbot: QtBot,
) -> None:
    panel = TranslatePanel(shell_context)
    qtbot.addWidget(panel)
    panel.show()
    notice = panel.view.notice
    panel.notices.show_doubt("de")
    assert notice.isVisible()
    panel.files_mode.show()
    assert not notice.isVisible()
    panel.notices.show_doubt("pt")  # what was under way
    assert not notice.isVisible()
    panel.focus_text()
    assert notice.isVisible()
    assert "Portuguese" in notice.text.text()
