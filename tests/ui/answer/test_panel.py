"""The Questions panel: evidence first, then the answer; every place leads to where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QGuiApplication
from PySide6.QtWidgets import QLabel, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice
from autogpt_desktop.settings import Settings
from autogpt_desktop.ui.answer import empty_state
from autogpt_desktop.ui.answer.panel import AnswerPanel
from autogpt_desktop.ui.answer.serialize import packed, unpacked
from autogpt_desktop.ui.answer.turn_view import TurnView
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.shell.panel_registry import kind
from autogpt_desktop.ui.widgets.text_field import PASTE_LIMIT
from autogpt_desktop.ui.widgets.toast import ToastRequest
from tests.ui.answer.kit import BRIDGE, MILL, Script, ask

pytestmark = pytest.mark.slow  # together they take seconds


def view(panel: AnswerPanel, place: int = -1) -> TurnView:
    return panel.view.conversation_view.views[place]


def shown(*labels: QLabel) -> list[str]:
    return [each.text() for each in labels if not each.isHidden()]


def test_evidence_stands_there_before_the_answer(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    panel = answer_panel
    answer_script.pauses = True
    panel.view.ask_bar.set_text("Who built the mill?")
    panel.view.ask_bar.field.send_requested.emit()
    qtbot.waitUntil(lambda: panel.view.side.evidence.current is not None, timeout=20_000)
    assert panel.conversation.job.running
    assert panel.view.ask_bar.field.text() == ""
    cards = panel.view.side.evidence.current.cards
    assert [card.title.whole_text() for card in cards] == ["The old mill", "Bridges"]
    assert shown(cards[0].page) == ["page 3"]
    assert "<b>The Brenner mill was built in 1782 by Anna Holt.</b>" in cards[0].text.text()
    assert "&amp; his &lt;son&gt; helped" in cards[1].text.text()
    assert not view(panel).status.isHidden()
    assert view(panel).answer.isHidden()
    answer_script.go.set()
    qtbot.waitUntil(lambda: not panel.conversation.job.running, timeout=20_000)
    assert view(panel).answer.plain_text() == "The Brenner mill was built in 1782 by Anna Holt. [1]"
    assert ">Anna Holt</span>" in view(panel).answer.text()
    assert view(panel).status.isHidden()
    assert shown(view(panel).confidence) == ["Confidence: high"]
    assert cards[0].badge.property("tone") == "accent"
    assert cards[1].badge.property("tone") == "muted"


def test_what_the_files_do_not_say(answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot) -> None:
    answer_script.answer = ""
    ask(answer_panel, qtbot, "Who is the president of France?")
    now = view(answer_panel)
    assert now.refusal.isVisible()
    assert now.refusal.plain_text() == "These documents do not say it."
    assert now.answer.isHidden()
    assert now.confidence.isHidden()
    assert answer_panel.view.side.evidence.current is now.evidence  # what comes closest is there all the same
    assert "come closest" in now.hint.text()


def test_a_citation_and_a_card_open_the_document(answer_panel: AnswerPanel, qtbot: QtBot) -> None:
    opened: list[tuple[object, ...]] = []
    answer_panel.view.document.open = lambda *given, **_options: opened.append(given)  # type: ignore[method-assign]
    ask(answer_panel, qtbot, "Who built the mill?")
    view(answer_panel).answer.linkActivated.emit("cite:0")
    at = MILL.index("Anna")
    assert opened == [(Path("/there/mill.txt"), at, at + 9, "3")]
    assert answer_panel.view.side.currentWidget() is answer_panel.view.document
    answer_panel.view.document.closed.emit()
    assert answer_panel.view.side.currentWidget() is answer_panel.view.side.evidence
    qtbot.keyClick(view(answer_panel).evidence.cards[1], Qt.Key.Key_Return)
    at = 100 + BRIDGE.index("Karl")  # the sentence that shares a word with the question
    assert opened[1] == (Path("/there/bridge.txt"), at, 100 + len(BRIDGE), "")
    qtbot.mouseClick(view(answer_panel).evidence.cards[0], Qt.MouseButton.LeftButton)
    assert opened[2] == opened[0]
    answer_panel.view.collections.open_requested.emit(Path("/there/whole.txt"))
    assert opened[3] == (Path("/there/whole.txt"),)
    assert answer_panel.view.reading


def test_a_moved_file_is_opened_where_it_is(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    opened: list[Path] = []
    answer_panel.view.document.open = lambda *given, **_options: opened.append(given[0])  # type: ignore[method-assign]
    answer_script.notices = [Notice("notice.file-moved", {"file": "mill.txt", "path": "/new/mill.txt"})]
    ask(answer_panel, qtbot, "Who built the mill?")
    assert "It is now at /new/mill.txt" in view(answer_panel).notices.text()
    answer_panel.places.open_place(answer_panel.conversation.turns[0], 0)
    answer_panel.places.open_place(answer_panel.conversation.turns[0], 1)
    assert opened == [Path("/new/mill.txt"), Path("/there/bridge.txt")]


def test_what_a_model_does_not_know_is_said_once(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    changed = Notice("notice.file-changed", {"file": "mill.txt"})
    answer_script.notices = [Notice("notice.files-language", {"name": "MiniLM"}), changed]
    for _ in range(2):
        ask(answer_panel, qtbot, "Who built the mill?")
    assert len(shown(view(answer_panel, 0).languages)) == 1
    assert len(shown(view(answer_panel, 1).languages)) == 0
    assert all("changed since" in view(answer_panel, at).notices.text() for at in (0, 1))


def test_what_the_models_did_is_shown_when_asked_for(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    ask(answer_panel, qtbot, "Who owned the mill?")
    assert view(answer_panel, 0).info_button.isHidden()
    answer_script.notices = [Notice("notice.also-asked", {"question": "谁建了磨坊？"})]
    ask(answer_panel, qtbot, "Who built the mill?")
    turn = view(answer_panel, 1)
    assert turn.details.isHidden()
    assert turn.info_button.accessibleName() == "How it was asked"
    turn.info_button.click()
    assert not turn.details.isHidden()
    assert "谁建了磨坊" in turn.details.text()
    turn.info_button.click()
    assert turn.details.isHidden()


def test_follow_ups_stay_in_sight_and_carry_the_subject(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    ask(answer_panel, qtbot, "Who built the mill?")
    ask(answer_panel, qtbot, "Where did she study?")
    assert answer_script.asked[0]["previous"] == []
    assert answer_script.asked[1]["previous"] == ["Who built the mill? Anna Holt"]
    assert [each.question.plain_text() for each in answer_panel.view.conversation_view.views] == [
        "Who built the mill?",
        "Where did she study?",
    ]
    answer_panel.new_conversation()
    assert answer_panel.view.conversation_view.views == []
    assert answer_panel.view.middle.currentWidget() is answer_panel.view.empty
    assert answer_panel.view.side.isHidden()
    ask(answer_panel, qtbot, "Who?")
    assert answer_script.asked[2]["previous"] == []


def test_stop_and_ask_again(answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot) -> None:
    panel = answer_panel
    answer_script.pauses = True
    panel.view.ask_bar.set_text("Who built the mill?")
    panel.view.ask_bar.button.click()
    qtbot.waitUntil(lambda: bool(panel.conversation.turns[0].places), timeout=20_000)
    assert panel.view.ask_bar.button.accessibleName() == "Stop"
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not panel.conversation.job.running, timeout=20_000)
    assert shown(view(panel).hint) == ["Stopped."]
    assert panel.conversation.turns[0].state == "stopped"
    assert panel.view.ask_bar.button.accessibleName() == "Ask"
    answer_script.pauses = False
    view(panel).retry_button.click()
    qtbot.waitUntil(lambda: not panel.conversation.job.running, timeout=20_000)
    assert len(panel.view.conversation_view.views) == 1
    assert panel.conversation.turns[0].answered


def test_a_second_question_waits_behind_the_first(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    panel, turns = answer_panel, answer_panel.conversation.turns
    answer_script.pauses = True
    for question in ("Who built the mill?", "Never mind?", "Where did she study?"):
        panel.view.ask_bar.set_text(question)
        panel.view.ask_bar.field.send_requested.emit()
    qtbot.waitUntil(lambda: bool(turns[0].places), timeout=20_000)
    assert [turn.state for turn in turns] == ["running", "waiting", "waiting"]
    assert shown(view(panel, 1).status) == ["Waits for the question before it"]
    assert view(panel, 1).busy.isHidden()
    assert view(panel, 1).retry_button.isHidden()
    assert panel.view.current is turns[0]  # its evidence stays in sight
    view(panel, 1).cancel_button.click()
    assert shown(view(panel, 1).hint) == ["Stopped."]
    answer_script.go.set()
    qtbot.waitUntil(lambda: not panel.conversation.job.running, timeout=20_000)
    assert [turn.state for turn in turns] == ["done", "stopped", "done"]
    assert panel.view.current is turns[2]
    assert view(panel, 2).cancel_button.isHidden()
    assert [asked["question"] for asked in answer_script.asked] == [
        "Who built the mill?",
        "Where did she study?",
    ]
    assert answer_script.asked[1]["previous"][0] == "Who built the mill? Anna Holt"  # known by then
    assert panel.view.ask_bar.button.accessibleName() == "Ask"


def test_to_stop_one_begins_the_next_and_to_leave_stops_all(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    panel, turns = answer_panel, answer_panel.conversation.turns
    answer_script.pauses = True
    for question in ("First?", "Second?", "Third?"):
        panel.ask(question)
    qtbot.waitUntil(lambda: bool(turns[0].places), timeout=20_000)
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: turns[1].state == "running", timeout=20_000)
    panel.new_conversation()
    assert [turn.state for turn in turns[:2]] == ["stopped", "stopped"]
    qtbot.waitUntil(lambda: not panel.conversation.job.running, timeout=20_000)
    assert len(answer_script.asked) <= 2
    assert panel.conversation.turns == []


def test_each_mode_keeps_its_conversation(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    panel = answer_panel
    ask(panel, qtbot, "Who built the mill?")
    panel.view.header.text.click()
    assert panel.conversation.turns == []
    panel.view.pasted.set_text(BRIDGE)
    answer_script.answer = "Karl Stein"
    ask(panel, qtbot, "Who built the bridge?")
    assert answer_script.asked[-1]["previous"] == []
    panel.view.header.files.click()
    assert [each.question.plain_text() for each in panel.view.conversation_view.views] == [
        "Who built the mill?"
    ]
    assert panel.view.side.evidence.current is view(panel).evidence
    assert len(view(panel).evidence.cards) == 2
    ask(panel, qtbot, "And who paid?")
    assert answer_script.asked[-1]["previous"] == ["Who built the mill? Anna Holt"]
    panel.toggle_mode()
    assert view(panel).answer.plain_text().startswith("Karl Stein built it")
    assert panel.view.pasted.text() == BRIDGE


def test_an_answer_comes_while_the_other_mode_is_in_sight(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    panel, turns = answer_panel, answer_panel.conversation.turns
    answer_script.pauses = True
    panel.ask("Who built the mill?")
    qtbot.waitUntil(lambda: bool(turns[0].places), timeout=20_000)
    panel.toggle_mode()
    assert panel.view.ask_bar.button.accessibleName() == "Ask"
    answer_script.go.set()
    qtbot.waitUntil(lambda: turns[0].state == "done", timeout=20_000)
    assert panel.view.conversation_view.views == []
    panel.toggle_mode()
    assert view(panel).answer.plain_text().endswith("by Anna Holt. [1]")


def test_the_conversations_come_back_with_the_window(
    answer_panel: AnswerPanel, answer_context: AppContext, answer_script: Script, qtbot: QtBot
) -> None:
    def again() -> AnswerPanel:
        made = AnswerPanel(answer_context, answer_script, answer_script, lambda *_given: iter(()))
        qtbot.addWidget(made)
        made.resize(1100, 700)
        made.show()
        return made

    ask(answer_panel, qtbot, "Who built the mill?")
    answer_panel.receive_text(MILL)
    ask(answer_panel, qtbot, "What did it grind?")
    answer_panel.view.header.files.click()
    answer_panel.shutdown()
    assert Settings.load().open_questions == answer_context.settings.open_questions
    answer_context.settings.open_questions = Settings.load().open_questions
    assert sorted(answer_context.settings.open_questions) == ["files", "text"]
    second = again()
    qtbot.waitUntil(lambda: all(one.turns for one in second.conversations.values()), timeout=20_000)
    assert [each.question.plain_text() for each in second.view.conversation_view.views] == [
        "Who built the mill?"
    ]
    assert view(second).answer.plain_text().endswith("by Anna Holt. [1]")
    second.toggle_mode()
    assert second.conversation.turns[0].question == "What did it grind?"
    assert second.view.pasted.text() == MILL
    second.new_conversation()
    second.shutdown()
    third = again()
    qtbot.waitUntil(lambda: bool(third.conversations["files"].turns), timeout=20_000)
    assert third.conversations["text"].turns == []  # it was left
    ask(third, qtbot, "And who paid?")
    third.shutdown()


def test_an_error_is_said_in_its_place(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    answer_script.error = KnownError("nothing-to-search")
    ask(answer_panel, qtbot, "Who?")
    assert "no file with text" in view(answer_panel).error.text()
    assert view(answer_panel).again_button.isVisible()


def test_an_answer_is_copied_with_its_sources(answer_panel: AnswerPanel, qtbot: QtBot) -> None:
    ask(answer_panel, qtbot, "Who built the mill?")
    view(answer_panel).copy_button.click()
    assert QGuiApplication.clipboard().text() == (
        "Who built the mill?\n\nThe Brenner mill was built in 1782 by Anna Holt. [1]\n\n"
        f"[1] The old mill · page 3 · {Path('/there/mill.txt')}"
    )


def test_what_a_chat_model_writes_is_shown_as_it_is_meant(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    answer_script.prose = "It was **Anna Holt** [1], see [9] ![x](file:///etc/passwd) <i>."
    ask(answer_panel, qtbot, "Who built the mill?")
    html = view(answer_panel).answer.text()
    assert "<strong>Anna Holt</strong>" in html
    assert "<a href='cite:0'>[1]</a>" in html
    assert "[9]" in html
    assert "cite:8" not in html
    assert "<img" not in html
    assert "&lt;i&gt;" in html


def test_narrow_the_evidence_stands_below_and_the_document_over(
    answer_panel: AnswerPanel, qtbot: QtBot
) -> None:
    panel = answer_panel
    panel.resize(440, 700)
    ask(panel, qtbot, "Who built the mill?")
    ask(panel, qtbot, "And who paid?")
    assert panel.view.side.isHidden()
    assert view(panel).evidence.parentWidget() is view(panel)
    assert view(panel).evidence.isVisible()
    assert view(panel, 0).evidence.isHidden()  # folded
    view(panel, 0).places_button.click()
    assert view(panel, 0).evidence.isVisible()
    panel.view.document.open = lambda *given, **_options: None  # type: ignore[method-assign]
    panel.places.open_place(panel.conversation.turns[0], 0)
    assert panel.view.pages.currentWidget() is panel.view.document
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert panel.view.pages.currentWidget() is panel.view.split
    panel.resize(1100, 700)
    assert panel.view.side.evidence.current is view(panel, 0).evidence
    assert panel.view.side.isVisible()
    assert not panel.view.conversation_view.isAncestorOf(view(panel, 0).evidence)


def test_a_pasted_text_is_asked_and_marked(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    panel = answer_panel
    panel.receive_text("😀 " + MILL)
    assert panel.view.pasting
    assert panel.view.collections.isHidden()
    ask(panel, qtbot, "Who built the mill?")
    assert answer_script.asked[-1]["text"] == "😀 " + MILL
    marks = [each.cursor.selectedText() for each in panel.view.pasted.field.extraSelections()]
    assert marks[-1] == "Anna Holt"
    assert marks[0].endswith("by Anna Holt.")
    panel.view.pasted.field.insertPlainText("!")
    assert panel.view.pasted.field.extraSelections() == []
    panel.places.open_place(panel.conversation.turns[0], 0)  # what stood there is not there any more
    assert panel.view.pasted.field.extraSelections() == []
    answer_script.answer = ""
    ask(panel, qtbot, "And who paid?")
    assert view(panel).refusal.plain_text() == "This text does not say it."
    panel.view.header.files.click()
    assert not panel.view.pasting
    assert panel.conversation.turns == []
    assert panel.view.collections.isVisible()


def test_without_files_or_text_it_says_what_to_do(answer_context: AppContext, qtbot: QtBot) -> None:
    panel = AnswerPanel(answer_context, Script(), Script(), lambda *_given: iter(()))
    qtbot.addWidget(panel)
    panel.show()
    assert panel.view.empty.kind == empty_state.NO_FILES
    assert not panel.view.empty.add_button.isHidden()
    assert panel.view.empty.offer.isVisible()  # nothing finds by meaning yet
    ask(panel, qtbot, "Who?")
    assert "Add files or a folder first" in panel.view.ask_bar.notice.text()
    assert panel.view.ask_bar.field.text() == "Who?"
    assert panel.conversation.turns == []
    panel.view.header.text.click()
    assert panel.view.empty.kind == empty_state.NO_TEXT
    assert panel.view.empty.add_button.isHidden()
    assert not panel.view.empty.offer.isVisible()
    panel.view.header.files.click()
    assert panel.view.empty.offer.isVisible()
    panel.view.header.text.click()
    ask(panel, qtbot, "Who?")
    assert "Paste a text first" in panel.view.ask_bar.notice.text()
    panel.shutdown()


def test_dropped_files_make_a_collection(answer_context: AppContext, qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text(MILL, encoding="utf-8")
    panel = AnswerPanel(answer_context, Script(), Script(), lambda *_given: iter(()))
    qtbot.addWidget(panel)
    panel.show()
    panel.toggle_mode()
    given = QMimeData()
    given.setUrls([QUrl.fromLocalFile(str(file))])
    drop = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        given,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    with qtbot.waitSignal(panel.view.collections.indexed, timeout=20_000):
        panel.view.dropEvent(drop)
    made = panel.view.collections.current()
    assert made is not None
    assert made.roots == (file,)
    assert not panel.view.pasting
    assert panel.view.empty.kind == empty_state.FILES
    panel.shutdown()


def test_without_a_model_it_is_offered(shell_context: AppContext, no_models: Path, qtbot: QtBot) -> None:
    panel = AnswerPanel(shell_context)
    qtbot.addWidget(panel)
    panel.show()
    assert panel.view.pages.currentWidget() is panel.view.offer_page
    assert panel.view.offer.fetch_button.isVisible()
    panel.shutdown()


def test_a_small_chat_model_answers_only_if_it_is_wanted(
    chat_context: AppContext, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = AnswerPanel(chat_context, Script(), Script(), lambda *_given: iter(()))
    qtbot.addWidget(panel)
    panel.show()
    assert panel.view.pages.currentWidget() is panel.view.offer_page
    assert panel.view.anyway_button.text() == "Answer with SmolLM2 135M Instruct for now"
    panel.view.anyway_button.click()
    assert panel.view.pages.currentWidget() is panel.view.split
    panel.shutdown()


def test_answers_and_passages_are_sent_on(answer_panel: AnswerPanel, qtbot: QtBot) -> None:
    context = answer_panel.context
    context.panels.kinds["translate"] = kind("translate", lambda: QWidget())
    sent: list[tuple[str, str, str]] = []
    context.panels.sent.connect(lambda *given: sent.append(given))
    ask(answer_panel, qtbot, "Who built the mill?")
    for menu in (view(answer_panel).answer.make_menu(), view(answer_panel).evidence.cards[1].make_menu()):
        assert menu.actions()[-1].text() == "Translate this"
        menu.actions()[-1].trigger()
    assert sent == [
        ("answer", "translate", "The Brenner mill was built in 1782 by Anna Holt. [1]"),
        ("answer", "translate", BRIDGE),
    ]


def test_keys(answer_panel: AnswerPanel, qtbot: QtBot) -> None:
    panel = answer_panel
    ask(panel, qtbot, "Who built the mill?")
    ask(panel, qtbot, "And who paid?")
    assert panel.view.current is panel.conversation.turns[1]
    panel._step(-1)
    assert panel.view.current is panel.conversation.turns[0]
    qtbot.keyClick(panel.view.ask_bar.field, Qt.Key.Key_Up)
    assert panel.view.ask_bar.field.text() == "And who paid?"


def test_everything_has_a_name_in_both_languages(answer_panel: AnswerPanel, qtbot: QtBot) -> None:
    panel = answer_panel
    ask(panel, qtbot, "Who built the mill?")
    for language in ("en", "zh_CN"):
        panel.context.set_language(language)
        for widget in panel.findChildren(QWidget):
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.isVisible():
                named = widget.accessibleName() or getattr(widget, "text", lambda: "")()
                assert named, widget
    assert view(panel).places_button.text() == "依据：2 处"
    assert panel.view.header.text.text() == "粘贴的文本"


def test_a_question_may_be_narrowed_to_some_files(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot, tmp_path: Path
) -> None:
    panel = answer_panel
    with qtbot.waitSignal(panel.view.collections.indexed, timeout=20_000):
        for name, text in (("mill.txt", MILL), ("other.txt", BRIDGE)):
            (tmp_path / "papers" / name).write_text(text, encoding="utf-8")
        panel.view.collections.controller.read_again()
    qtbot.waitUntil(lambda: len(panel.view.collections.controller.status().listed.rows) == 2, timeout=20_000)
    panel.view.scope.files_button.click()
    chooser = panel.view.scope.chooser
    assert chooser.rect().contains(chooser.card.geometry())
    assert chooser.isVisible()
    assert [row.path.name for row in chooser.files.files.rows] == [
        "mill.txt",
        "other.txt",
    ]
    row = chooser.files.visualRect(chooser.files.files.index(0)).center()
    qtbot.mouseClick(chooser.files.viewport(), Qt.MouseButton.LeftButton, pos=row)
    chooser.search.setText("oth")
    qtbot.waitUntil(lambda: len(chooser.files.files.rows) == 1, timeout=20_000)
    qtbot.keyClick(chooser, Qt.Key.Key_Escape)
    assert panel.view.scope.files_button.text() == "mill.txt ▾"  # filtered away, still chosen
    panel.view.scope.whole_box.click()
    ask(panel, qtbot, "Who built the mill?")
    asked = answer_script.asked[-1]
    assert asked["only"] == [tmp_path / "papers" / "mill.txt"]
    assert asked["whole"] is True
    panel.view.scope.files_button.click()
    assert chooser.paths == {tmp_path / "papers" / "mill.txt"}
    chooser.all_button.click()
    assert panel.view.scope.paths == []
    assert panel.view.scope.files_button.text() == "All files ▾"


def test_conversations_are_kept_opened_again_and_deleted_with_undo(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    panel = answer_panel
    toasts: list[ToastRequest] = []
    panel.context.toast_requested.connect(toasts.append)
    ask(panel, qtbot, "Who built the mill?")
    ask(panel, qtbot, "Where did she study?")
    before = [turn.as_text() for turn in panel.conversation.turns]
    panel.receive_text(MILL)
    ask(panel, qtbot, "Who built it?")
    with qtbot.waitSignal(panel.conversation.history.listed):
        panel.view.header.history_button.click()
    card = panel.history_card
    entries, index = card.list.model.items, card.list.model.index
    assert [(item.title, item.note) for item in entries()] == [
        ("Who built it?", "Pasted text"),
        ("Who built the mill?", "Papers"),
    ]
    assert panel.focusWidget() is card.list.view
    qtbot.keyClick(card.list.view, Qt.Key.Key_Down)
    with qtbot.waitSignal(panel.conversation.history.opened):
        qtbot.keyClick(card.list.view, Qt.Key.Key_Return)
    assert not panel.view.pasting
    assert [turn.as_text() for turn in panel.conversation.turns] == before
    assert panel.view.side.evidence.current is view(panel).evidence
    ask(panel, qtbot, "And who paid?")
    assert answer_script.asked[-1]["previous"][0] == "Who built the mill? Anna Holt"

    with qtbot.waitSignal(panel.conversation.history.listed):
        panel.show_history()
    with qtbot.waitSignal(panel.conversation.history.opened):
        card.list.view.clicked.emit(index(2))
    assert panel.view.pasting
    assert panel.view.pasted.text() == MILL
    assert panel.conversation.turns[0].answered
    with qtbot.waitSignal(panel.conversation.history.listed):
        panel.show_history()
    qtbot.waitUntil(lambda: entries()[1].title == "Who built it?", timeout=20_000)
    assert card.list.model.setData(index(2), "The old mill")
    qtbot.waitUntil(lambda: entries()[1].title == "The old mill", timeout=20_000)
    card.list.search.setText("old MILL")
    qtbot.waitUntil(lambda: len(entries()) == 1, timeout=20_000)
    card.list.search.clear()
    qtbot.waitUntil(lambda: len(entries()) == 2, timeout=20_000)
    card.list.view.setCurrentIndex(index(2))
    qtbot.keyClick(card.list.view, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: len(entries()) == 1, timeout=20_000)
    assert panel.conversation.turns == []
    toasts[-1].undo()
    qtbot.waitUntil(lambda: len(entries()) == 2, timeout=20_000)
    assert entries()[1].title == "The old mill"


def test_a_damaged_turn_is_left_out(answer_panel: AnswerPanel, qtbot: QtBot) -> None:
    ask(answer_panel, qtbot, "Who built the mill?")
    whole = packed(answer_panel.conversation.turns)
    bad = [{**whole[0], "citations": [[7, 0, 1]]}, {**whole[0], "places": None}, {}, "x"]
    assert [turn.question for turn in unpacked([*bad, *whole])] == ["Who built the mill?"]
    assert packed(unpacked(whole)) == whole


def test_the_tab_key_goes_down_the_conversation_to_the_question(
    answer_panel: AnswerPanel, qtbot: QtBot
) -> None:
    panel = answer_panel
    for question in ("Who built the mill?", "Where did she study?"):
        ask(panel, qtbot, question)
    wanted = [panel.view.header.history_button, panel.view.header.new_button, panel.view.conversation_view]
    for at in (0, 1):
        now = view(panel, at)
        wanted += [now.answer, now.copy_button, now.retry_button, now.more_button]
        wanted += now.evidence.cards if at == 1 else []  # the others are not in sight
    wanted += [panel.view.ask_bar.field, panel.view.scope.files_button, panel.view.scope.whole_box]
    met, widget = [], panel.view.header.history_button
    for _ in range(400):
        if widget.isVisible() and widget.isEnabled() and widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            met.append(widget)
        widget = widget.nextInFocusChain()
        if widget is panel.view.header.history_button:
            break
    assert met[: len(wanted)] == wanted


def test_a_question_that_was_stopped_by_quitting_is_asked_again_with_one_click(
    answer_panel: AnswerPanel, answer_context: AppContext, answer_script: Script, qtbot: QtBot
) -> None:
    answer_script.pauses = True
    for question in ("Who built the mill?", "And who paid?"):
        answer_panel.ask(question)
    qtbot.waitUntil(lambda: bool(answer_panel.conversation.turns[0].places), timeout=20_000)
    answer_panel.shutdown()
    answer_script.pauses = False
    again = AnswerPanel(answer_context, answer_script, answer_script, lambda *_given: iter(()))
    qtbot.addWidget(again)
    again.resize(1100, 700)
    again.show()
    qtbot.waitUntil(lambda: len(again.conversation.turns) == 2, timeout=20_000)
    assert [shown(view(again, at).hint) for at in (0, 1)] == [["Stopped."], ["Stopped."]]
    assert not answer_context.worker.jobs()  # nothing is asked before somebody wants it
    button = view(again, 1).again_button
    assert (button.isVisible(), button.text()) == (True, "Ask again")
    assert view(again, 1).retry_button.isHidden()
    button.click()
    qtbot.waitUntil(lambda: not again.conversation.job.running, timeout=20_000)
    assert again.conversation.turns[1].question == "And who paid?"
    assert again.conversation.turns[1].answered
    assert view(again, 1).again_button.isHidden()
    again.shutdown()


def test_a_draft_that_comes_back_loads_no_model(answer_context: AppContext, qtbot: QtBot) -> None:
    prepared: list[object] = []

    def prepare(models: object, _cancelled: object) -> Iterator[object]:
        prepared.append(models)
        yield from ()

    first = AnswerPanel(answer_context, Script(), Script(), prepare)
    qtbot.addWidget(first)
    first.view.ask_bar.set_text("Who built")
    first.shutdown()
    panel = AnswerPanel(answer_context, Script(), Script(), prepare)
    qtbot.addWidget(panel)
    panel.show()
    assert panel.view.ask_bar.field.text() == "Who built"
    qtbot.waitUntil(lambda: not panel.context.worker.jobs(), timeout=20_000)
    assert not prepared
    qtbot.keyClicks(panel.view.ask_bar.field, " the mill")
    qtbot.waitUntil(lambda: len(prepared) == 1, timeout=20_000)
    panel.shutdown()


def test_typing_gets_the_models_ready_once(answer_context: AppContext, qtbot: QtBot) -> None:
    prepared: list[object] = []

    def prepare(models: object, _cancelled: object) -> Iterator[object]:
        prepared.append(models)
        yield from ()

    panel = AnswerPanel(answer_context, Script(), Script(), prepare)
    qtbot.addWidget(panel)
    panel.show()
    assert not prepared
    qtbot.keyClicks(panel.view.ask_bar.field, "Who")
    qtbot.waitUntil(lambda: len(prepared) == 1, timeout=20_000)
    panel.view.ask_bar.field.clear()
    qtbot.keyClicks(panel.view.ask_bar.field, "When")
    qtbot.waitUntil(lambda: not panel.context.worker.jobs(), timeout=20_000)
    assert len(prepared) == 1
    panel.shutdown()


def test_a_text_that_is_too_long_is_refused_and_what_was_there_stays(
    answer_panel: AnswerPanel, qtbot: QtBot
) -> None:
    answer_panel.receive_text("Anna Holt built the mill.")
    ask(answer_panel, qtbot, "Who built the mill?")
    answer_panel.receive_text("x" * (PASTE_LIMIT + 1))
    assert [turn.question for turn in answer_panel.conversation.turns] == ["Who built the mill?"]
    assert answer_panel.view.pasted.text() == "Anna Holt built the mill."


def test_files_that_moved_away_are_named_in_one_sentence(
    answer_panel: AnswerPanel, answer_script: Script, qtbot: QtBot
) -> None:
    gone = [Notice("notice.file-missing", {"file": name}) for name in ("mill.txt", "fee.pdf", "mill.txt")]
    answer_script.notices = gone[:1]
    ask(answer_panel, qtbot, "Who built the mill?")
    assert view(answer_panel).notices.text().startswith("“mill.txt” is no longer")
    answer_script.notices = gone
    ask(answer_panel, qtbot, "Who built it?")
    said = view(answer_panel, 1).notices.text()
    assert said.count("no longer") == 1
    assert "“mill.txt”, “fee.pdf”" in said


def test_each_collection_has_its_conversation_also_after_a_deletion_that_was_undone(
    answer_panel: AnswerPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    controller = answer_panel.view.collections.controller
    first = controller.current()
    assert first is not None
    ask(answer_panel, qtbot, "Who built the mill?")
    (tmp_path / "letters").mkdir()
    controller.create([tmp_path / "letters"])
    assert answer_panel.conversation.turns == []
    ask(answer_panel, qtbot, "Who built the bridge?")
    controller.choose(first.id)

    def is_back() -> bool:
        shown = answer_panel.view.conversation_view
        turns = answer_panel.conversation.turns
        return [turn.question for turn in turns] == ["Who built the mill?"] and bool(shown.view_of(turns[0]))

    qtbot.waitUntil(is_back, timeout=20_000)
    toasts: list[ToastRequest] = []
    answer_panel.context.toast_requested.connect(toasts.append)
    controller.delete()
    assert not is_back()
    undo = toasts[-1].undo
    assert undo is not None
    undo()
    qtbot.waitUntil(is_back, timeout=20_000)
    answer_panel.new_conversation()  # which the user wants
    controller.delete()
    undo = toasts[-1].undo
    assert undo is not None
    undo()
    qtbot.wait(100)
    assert answer_panel.conversation.turns == []
