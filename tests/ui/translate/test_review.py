"""Sentences to look at again: a list for the text and for files, whose translations are corrected there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from autogpt_desktop.events import Progress, Result
from autogpt_desktop.settings import Settings
from autogpt_desktop.tasks.translate.files import TranslatedFile, translated
from autogpt_desktop.tasks.translate.translate import Translated, Translation
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate import files_view, rereading
from autogpt_desktop.ui.translate.file_row import FileRow
from autogpt_desktop.ui.translate.panel import TranslatePanel
from autogpt_desktop.ui.translate.review_view import ReviewItem, ReviewView, in_paragraph
from autogpt_desktop.ui.translate.view import TranslateView

TEXT = "The train leaves.\n\nWe **ate** 5 eggs.\n\nGoodbye.\n"


def scripted(change: Callable[[str], str]) -> Callable[..., Iterator[object]]:
    """``translate_file`` with a translator that needs no model; a number is flagged."""

    def translate(_models: object, path: Path, out: Path | None, source: str, target: str, **_: Any) -> Any:
        from autogpt_desktop.documents.write.open import open_blocks
        from autogpt_desktop.tasks.translate.files import _stamp

        blocks = open_blocks(path)
        made = []
        for part, text in enumerate(blocks.texts):
            flags = ("numbers",) if "5" in text else ()
            one = Translated(part, 0, 0, len(text), text, "", change(text), 0.9, flags)
            made.append(Translation(part, "en", target, one.text, "", (one,)))
        chosen = path.with_name(f"{path.stem}.{target}{path.suffix}")
        blocks.write([translated(item) for item in made], chosen)
        done = TranslatedFile(path, chosen, tuple(blocks.texts), tuple(made), stamp=_stamp(chosen))
        yield Result(done)

    return translate


@pytest.fixture
def panel(shell_context: AppContext, gemma_gguf: Path, qtbot: QtBot) -> Iterator[TranslatePanel]:
    shell_context.settings.translate_pair = ["en", "fr"]
    made = TranslatePanel(shell_context)
    qtbot.addWidget(made)
    made.resize(1100, 640)
    made.show()
    qtbot.waitExposed(made)
    yield made
    made.shutdown()


def add(panel: TranslatePanel, qtbot: QtBot, *paths: Path) -> list[FileRow]:
    panel.files_mode.add(list(paths))
    files = panel.files_mode.files
    assert files is not None
    qtbot.waitUntil(
        lambda: all(row.state not in ("waiting", "running") for row in files.rows), timeout=30_000
    )
    return files.rows


def test_a_flagged_sentence_of_a_file_is_corrected_in_its_list(
    panel: TranslatePanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_view, "translate_file", scripted(str.upper))
    path = tmp_path / "a.md"
    path.write_text(TEXT, encoding="utf-8")
    (row,) = add(panel, qtbot, path)
    out = tmp_path / "a.fr.md"
    assert row.state == "done"
    assert out.read_text(encoding="utf-8") == "THE TRAIN LEAVES.\n\nWE **ATE** 5 EGGS.\n\nGOODBYE.\n"
    assert row.review_button.isVisible()
    row.review_button.click()
    found = panel.review.list
    assert found is not None
    assert panel.view.side == "review"
    assert [(one.source, one.text) for one in found.items] == [("We ate 5 eggs.", "WE ATE 5 EGGS.")]
    assert "Numbers differ" in found.list.item(0).text()
    assert found.original.text() == "We ate 5 eggs."
    found.edit.setPlainText("On a mangé 5 œufs.")
    found.save_button.click()
    qtbot.waitUntil(lambda: not found.items, timeout=30_000)
    assert out.read_text(encoding="utf-8") == "THE TRAIN LEAVES.\n\nOn a **mangé** 5 œufs.\n\nGOODBYE.\n"
    assert not row.review_button.isVisible()
    panel.focus_text()
    assert panel.review.row is None


def test_a_correction_is_read_again_and_says_why(
    panel: TranslatePanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def reread(_models: Any, pairs: Any, *languages: str, **_: Any) -> Any:
        yield Progress("stage.scoring", 0, 1)
        asked.append((*pairs, *languages))
        yield Result([("unlike",)])

    monkeypatch.setattr(files_view, "translate_file", scripted(str.upper))
    monkeypatch.setattr(rereading, "reread", reread)
    path = tmp_path / "a.md"
    path.write_text(TEXT, encoding="utf-8")
    (row,) = add(panel, qtbot, path)
    row.review_button.click()
    found = panel.review.list
    assert found is not None
    found.edit.setPlainText("Il pleut.")
    found.save_button.click()
    qtbot.waitUntil(lambda: bool(asked) and bool(found.items), timeout=30_000)
    assert asked == [(("We ate 5 eggs.", "Il pleut."), "en", "fr")]
    assert [(one.text, one.flags) for one in found.items] == [("Il pleut.", ("unlike",))]
    assert "something else" in found.list.item(0).text()
    assert row.review_button.isVisible()


def test_a_file_that_somebody_else_changed_is_left_alone(
    panel: TranslatePanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_view, "translate_file", scripted(str.upper))
    path, out = tmp_path / "a.md", tmp_path / "a.fr.md"
    path.write_text(TEXT, encoding="utf-8")
    (row,) = add(panel, qtbot, path)
    out.write_text("mine", encoding="utf-8")
    said: list[BaseException] = []
    monkeypatch.setattr(panel.context, "show_error", said.append)
    row.review_button.click()
    assert panel.review.list is not None
    panel.review.list.save_button.click()
    qtbot.waitUntil(lambda: bool(said), timeout=30_000)
    assert "translate-result-changed" in str(said[0])
    assert out.read_text(encoding="utf-8") == "mine"


def test_the_sentences_of_the_text_are_a_list_that_goes_to_them(panel: TranslatePanel) -> None:
    pair = panel.view.pair
    source, texts = "One 1.\nTwo 2.\nThree 3.", ["Un 1.", "Deux.", "Trois."]
    pair.source.replace_text(source)
    panel.live.stop()
    pair.map.begin(source)
    made, at = [], 0
    for index, (one, other) in enumerate(zip(source.split("\n"), texts, strict=True)):
        flags = ("numbers",) if index else ()
        before = "\n" if index else ""
        made.append(Translated(0, index, at, at + len(one), one, before, other, 0.9, flags))
        at += len(one) + 1
    pair.apply(pair.map.add(made, lambda _: None) + pair.map.end(""))
    pair.review_count.click()
    found = panel.review.list
    assert found is not None
    assert panel.view.side == "review"
    assert [one.source for one in found.items] == ["Two 2.", "Three 3."]
    assert not found.edit.isVisible()
    found.list.itemClicked.emit(found.list.item(1))
    assert pair.map.at_target(pair.target.textCursor().position()) == 2
    pair.apply([pair.map.replace(1, "Deux 2.", 0.9, ())])
    assert [one.source for one in found.items] == ["Three 3."]
    panel.sides.toggle_review()
    assert panel.view.side == ""


def test_what_cannot_be_translated_is_refused_at_once(
    panel: TranslatePanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_view, "translate_file", scripted(str.upper))
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "empty").mkdir()
    panel.files_mode.add([tmp_path / "a.png", tmp_path / "gone.txt"])
    files = panel.files_mode.files
    assert files is not None
    assert [row.state for row in files.rows] == ["failed", "failed"]
    assert "cannot be translated" in files.rows[0].facts.text()
    assert "gone.txt" in files.rows[1].facts.text()
    assert not files.rows[0].retry_button.isVisible()
    assert panel.context.settings.translate_files == []
    said: list[str] = []
    monkeypatch.setattr(panel.context, "toast", lambda text, **_: said.append(text))
    panel.files_mode.add([tmp_path / "empty"])
    assert said == ["There is no file in it that can be translated."]


def test_what_is_left_out_of_a_folder_is_said_with_the_reason(
    panel: TranslatePanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mixed").mkdir()
    for name in ("a.png", "b.zip", "c.csv", "d.ppt"):
        (tmp_path / "mixed" / name).write_bytes(b"x")
    panel.files_mode.add([tmp_path / "mixed"])
    files = panel.files_mode.files
    assert files is not None
    assert panel.files_mode.is_shown
    assert not files.rows
    assert files.left_out.text.text() == "4 left out: a.png, b.zip, c.csv …"
    files.left_out.show_button.click()
    assert len(files.left_out.list.toPlainText().splitlines()) == 4
    assert "d.ppt" in files.left_out.list.toPlainText()
    monkeypatch.setattr(files_view, "MOST", 1)
    panel.files_mode.add([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert [row.path.name for row in files.rows] == ["a.txt"]
    assert "b.txt" in files.left_out.list.toPlainText()
    files.left_out.close_button.click()
    assert files.left_out.isHidden()


def test_files_mode_waits_for_a_model(
    panel: TranslatePanel, qtbot: QtBot, shell_context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.files_mode.show()
    monkeypatch.setattr(TranslateView, "is_ready", lambda _view: False)
    panel._on_models()  # its model was removed
    started = TranslatePanel(shell_context)
    qtbot.addWidget(started)
    assert not started.files_mode.is_shown
    assert shell_context.settings.translate_page == "files"
    monkeypatch.undo()
    for one in (panel, started):
        one._on_models()
        assert one.files_mode.is_shown
    assert shell_context.settings.translate_page == "files"
    started.focus_text()
    assert shell_context.settings.translate_page == "text"
    started.shutdown()


def test_a_file_that_says_the_same_as_before_is_not_done(
    panel: TranslatePanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_view, "translate_file", scripted(str))
    notified: list[str] = []
    monkeypatch.setattr(panel.context, "notify", lambda *_: notified.append(""))
    (tmp_path / "a.md").write_text(TEXT, encoding="utf-8")
    (tmp_path / "b.md").write_text("42\n", encoding="utf-8")
    rows = add(panel, qtbot, tmp_path / "a.md", tmp_path / "b.md")
    assert [row.state for row in rows] == ["unchanged", "unchanged"]
    assert "came back as it was" in rows[0].facts.text()
    assert rows[1].facts.text().startswith("Nothing to translate in it.")
    assert not notified


def test_files_stay_over_tabs_and_restarts_and_hide_a_text_that_rests(
    panel: TranslatePanel, qtbot: QtBot, shell_context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(panel.live._job, "start", lambda *_, **how: started.append(how["title"]))
    panel.view.pair.source.replace_text("The train leaves.")
    panel.files_mode.show()
    panel.focus_input()  # the window's tab was changed, and back
    assert panel.files_mode.is_shown
    panel.view.languages.set_pair("en", "de")
    panel.translate_now()
    panel.swap()
    panel.view.pair.source.replace_text("The train leaves at noon.")
    panel._on_glossary()
    qtbot.wait(400)
    assert not started
    assert panel.view.pair.source.text() == "The train leaves at noon."
    assert Settings.load(shell_context.settings.path).translate_page == "files"
    again = TranslatePanel(shell_context)
    qtbot.addWidget(again)
    assert again.files_mode.is_shown
    again.shutdown()
    panel.focus_text()
    assert not panel.files_mode.is_shown
    assert len(started) == 1
    assert shell_context.settings.translate_page == "text"


def test_the_choice_about_comments_is_kept_and_goes_with_a_file(
    panel: TranslatePanel, tmp_path: Path, shell_context: AppContext
) -> None:
    files = panel.files_mode.show()
    files.comments_box.click()
    assert Settings.load(shell_context.settings.path).translate_comments
    row = files._row(tmp_path / "a.docx")
    again = FileRow.from_remembered(row.remembered())
    assert again is not None
    assert again.comments
    old = FileRow.from_remembered('["/a.docx", "en", "fr", ""]')
    assert old is not None
    assert not old.comments


def test_the_choice_of_both_languages_is_kept_and_fits_the_kind_of_file(
    panel: TranslatePanel, tmp_path: Path, shell_context: AppContext, qtbot: QtBot
) -> None:
    files = panel.files_mode.show()
    box = files.bilingual_box
    assert box.currentText() == "Translation only"
    box.setCurrentIndex(box.findText("Translation beside the original"))
    box.activated.emit(box.currentIndex())
    assert Settings.load(shell_context.settings.path).translate_bilingual == "beside"
    ways = {"a.docx": "beside", "a.txt": "under", "a.json": ""}
    for name, way in ways.items():
        again = FileRow.from_remembered(files._row(tmp_path / name).remembered())
        assert again is not None
        qtbot.addWidget(again)
        assert again.bilingual == way
        assert again.pair.text().endswith({"": "translation only"}.get(way, f"{way} the original"))
    old = FileRow.from_remembered('["/a.docx", "en", "fr", ""]')
    assert old is not None
    qtbot.addWidget(old)
    assert old.bilingual == ""
    assert old.pair.text() == "English → French"


def test_a_sentence_of_a_file_is_shown_in_its_paragraph() -> None:
    text = "One.\n<b>Two</b> & three. Four."
    item = ReviewItem("<b>Two</b> & three.", "Deux.", (), text, 5, 24, 2, 9)
    assert in_paragraph(item) == "One.<br><b>&lt;b&gt;Two&lt;/b&gt; &amp; three.</b> Four."
    long = ReviewItem("x", "y", (), "a" * 500 + "x" + "b" * 500, 500, 501, 1, 1)
    assert in_paragraph(long) == f"…{'a' * 160}<b>x</b>{'b' * 160}…"
    assert in_paragraph(ReviewItem("a < b", "c", ())) == "a &lt; b"


def test_progress_goes_on_sentence_by_sentence(qtbot: QtBot) -> None:
    row = FileRow(Path("book.docx"), "en", "fr")
    qtbot.addWidget(row)
    row.set_state("running")
    row.advance_sentence()  # how many there are is not known yet
    row.advance(Progress("stage.translating", 16, 20))
    for _ in range(3):
        row.advance_sentence()
    assert row.progress.count.text() == "19 / 20"
    assert row.progress.bar.value() == 950
    for _ in range(9):
        row.advance_sentence()
    assert row.progress.count.text() == "20 / 20"


def test_a_folder_that_is_gone_is_said_and_no_file_takes_its_name(
    panel: TranslatePanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_view, "translate_file", scripted(str.upper))
    path, gone = tmp_path / "a.md", tmp_path / "gone"
    path.write_text(TEXT, encoding="utf-8")
    panel.files_mode.show()._folder = gone
    (row,) = add(panel, qtbot, path)
    assert row.state == "failed"
    assert "“gone” is no longer there" in row.facts.text()
    assert not gone.exists()


def test_the_reason_has_its_lines_whatever_the_list_s_width(shell_context: AppContext, qtbot: QtBot) -> None:
    view = ReviewView(shell_context)
    qtbot.addWidget(view)
    view.setFixedWidth(700)
    view.show()
    qtbot.waitExposed(view)
    text = "The bridge, opened in 1936, is 2.7 kilometres long and carries about 112,000 vehicles a day."
    view.show_items([ReviewItem(text, text, ("numbers", "omitted"))])

    def is_whole() -> bool:
        item = view.list.item(0)
        rect = view.list.visualItemRect(item)
        wrap = Qt.TextFlag.TextWordWrap
        lines = view.list.fontMetrics().boundingRect(0, 0, rect.width() - 26, 10_000, wrap, item.text())
        return rect.height() >= lines.height() + 14  # by the style sheet

    qtbot.waitUntil(is_whole, timeout=20_000)
    wide = view.list.visualItemRect(view.list.item(0)).height()
    view.setFixedWidth(260)
    qtbot.waitUntil(lambda: view.list.viewport().width() < 260 and is_whole(), timeout=20_000)
    assert view.list.visualItemRect(view.list.item(0)).height() > wide
