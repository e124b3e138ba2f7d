"""Beside the editors: history, glossary, files."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from autogpt_desktop.documents.text.glossary import Term
from autogpt_desktop.settings import Settings
from autogpt_desktop.storage.glossaries import Glossaries
from autogpt_desktop.storage.translations import TranslateHistory
from autogpt_desktop.tasks.translate.folders import Skipped, look_into
from autogpt_desktop.tasks.translate.translate import translate_many
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.file_row import FileRow
from autogpt_desktop.ui.translate.files_view import FilesView
from autogpt_desktop.ui.translate.glossary_model import CASE, SOURCE, TARGET
from autogpt_desktop.ui.translate.glossary_view import GlossaryView
from autogpt_desktop.ui.translate.history_view import HistoryView
from autogpt_desktop.ui.translate.language_row import MORE, LanguageRow
from autogpt_desktop.ui.translate.left_out import LeftOut
from autogpt_desktop.ui.translate.pair_models import PairModels
from autogpt_desktop.ui.translate.panel import TranslatePanel
from autogpt_desktop.ui.translate.review_view import ReviewView


@pytest.fixture
def glossary(shell_context: AppContext, tmp_path: Path, qtbot: QtBot) -> GlossaryView:
    view = GlossaryView(shell_context, Glossaries(tmp_path / "glossaries"))
    qtbot.addWidget(view)
    view.show_pair("en", "fr")
    return view


def test_terms_are_written_in_place_and_saved(glossary: GlossaryView, qtbot: QtBot) -> None:
    model = glossary.model
    with qtbot.waitSignal(glossary.changed):
        assert model.setData(model.index(0, SOURCE), "  tea   house ")
        assert not model.terms  # half a term is none
        assert model.setData(model.index(0, TARGET), "salon de thé")
    assert model.terms == [Term("tea house", "salon de thé")]
    assert model.rowCount() == 2
    assert model.setData(model.index(0, CASE), Qt.CheckState.Checked, Qt.ItemDataRole.CheckStateRole)
    assert glossary._glossaries.terms("en", "fr") == (Term("tea house", "salon de thé", True),)
    assert not model.setData(model.index(0, TARGET), " ")  # it needs both


def test_words_of_the_text_begin_a_term(glossary: GlossaryView) -> None:
    glossary.show()
    glossary.add("night train")
    assert glossary.model.new == Term("night train", "")
    assert glossary.table.currentIndex().column() == TARGET
    assert glossary.model.setData(glossary.table.currentIndex(), "train de nuit")
    assert glossary.model.terms == [Term("night train", "train de nuit")]


def test_removing_terms_can_be_undone(glossary: GlossaryView, shell_context: AppContext) -> None:
    asked = []
    shell_context.toast_requested.connect(asked.append)
    glossary.model.merge([Term("a", "1"), Term("b", "2"), Term("c", "3")])
    glossary.table.selectRow(1)
    glossary.remove()
    assert [term.source for term in glossary.model.terms] == ["a", "c"]
    asked[-1].undo()
    assert [term.source for term in glossary.model.terms] == ["a", "b", "c"]
    assert [term.source for term in glossary._glossaries.terms("en", "fr")] == ["a", "b", "c"]


def test_a_glossary_is_imported_and_exported(glossary: GlossaryView, tmp_path: Path) -> None:
    given = tmp_path / "given.csv"
    given.write_text("source,target\ntea,thé\nTEA,infusion\nmilk,lait\n", encoding="utf-8")
    glossary.model.merge([Term("milk", "crème")])
    glossary.import_file(given)
    assert {term.source.casefold(): term.target for term in glossary.model.terms} == {
        "milk": "lait",
        "tea": "infusion",
    }
    glossary.export_file(tmp_path / "out.csv")
    assert "milk,lait" in (tmp_path / "out.csv").read_text(encoding="utf-8")


@pytest.mark.slow
def test_earlier_translations_are_searched_opened_and_deleted(
    shell_context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    history = TranslateHistory(tmp_path / "translations.db")
    first = history.keep("en", "fr", "The train", "Le train")
    history.keep("en", "fr", "The tea", "Le thé")
    view = HistoryView(shell_context, history)
    qtbot.addWidget(view)
    view.reload()
    assert len(view.model.items()) == 2
    view.search.setText("train")
    qtbot.waitUntil(lambda: len(view.model.items()) == 1, timeout=20_000)
    view.view.setCurrentIndex(view.model.index(1))
    with qtbot.waitSignal(view.opened) as opened:
        qtbot.keyClick(view.view, Qt.Key.Key_Return)
    assert opened.args == [first]
    asked = []
    shell_context.toast_requested.connect(asked.append)
    qtbot.keyClick(view.view, Qt.Key.Key_Delete)
    assert view.model.rowCount() == 0
    assert history.get(first) is None
    asked[-1].undo()
    assert history.get(first) is not None
    view.keep.setChecked(False)
    assert shell_context.settings.keep_translations is False
    history.close()


def test_languages_swap_rather_than_meet(qtbot: QtBot) -> None:
    row = LanguageRow(("en", "fr", "zh"), "auto", "fr", [])
    qtbot.addWidget(row)
    row.set_found("en")
    assert row.language == "en"
    assert row.source_box.shown == "Detected: English"
    row.source_box.setCurrentIndex(row.source_box.findData("fr"))
    row.source_box.activated.emit(row.source_box.currentIndex())
    assert row.source == "fr"
    assert row.target != "fr"
    row.set_pair("en", "fr")
    row.target_box.setCurrentIndex(row.target_box.findData("en"))
    row.target_box.activated.emit(row.target_box.currentIndex())
    assert (row.source, row.target) == ("fr", "en")
    assert row.recent[:2] == ["fr", "en"]
    row.set_known(("en", "fr"))
    assert row.target_box.findData("zh") < 0  # the model's own list is what is offered
    row.set_known(("en",))  # of one language alone nothing could be translated
    more = row.target_box.findData(MORE)
    assert more == row.target_box.count() - 1
    assert row.target_box.findData("zh") == more - 2  # what it does not know comes last, before a line
    row.set_known(("en", "fr", "zh"), stated=False)
    assert row.target_box.findData("zh") >= 0


def test_files_are_translated_one_after_another(
    shell_context: AppContext, gemma_gguf: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    shell_context.settings.translate_pair = ["en", "fr"]
    panel = TranslatePanel(shell_context)
    qtbot.addWidget(panel)
    panel.resize(900, 560)
    panel.show()
    good, bad = tmp_path / "letter.md", tmp_path / "picture.xyz"
    good.write_text("# Hello\n\nWe ate at home.\n", encoding="utf-8")
    bad.write_text("?")
    panel.files_mode.add([bad, good])
    files = panel.files_mode.files
    assert files is not None
    assert panel.view.pages.currentWidget() is files
    assert len(files.rows) == 2
    paused = files.rows[1]
    paused.progress.pause_button.click()
    qtbot.waitUntil(lambda: files.rows[0].state == "failed", timeout=60_000)
    assert "cannot be translated" in files.rows[0].facts.text()
    assert paused.state == "paused"
    paused.progress.pause_button.click()
    qtbot.waitUntil(lambda: paused.state in ("done", "failed"), timeout=90_000)
    made = tmp_path / "letter.fr.md"
    assert paused.state == "done"
    assert made.read_text(encoding="utf-8").startswith("# ")
    assert good.read_text(encoding="utf-8") == "# Hello\n\nWe ate at home.\n"
    assert not list(tmp_path.glob("*.part"))
    assert paused.open_button.isVisible()
    panel.shutdown()


def test_a_text_that_is_too_long_becomes_a_file_and_nothing_is_lost(
    shell_context: AppContext, gemma_gguf: Path, isolated_home: Path, qtbot: QtBot
) -> None:
    panel = TranslatePanel(shell_context)
    qtbot.addWidget(panel)
    panel.show()
    panel.view.pair.source.replace_text("What was here.")
    text = "\n".join(["A line of a very long text."] * 40_000)
    panel.receive_text(text)
    assert panel.view.pair.source.text() == "What was here."
    assert panel.view.notice.isVisible()
    assert "1,119,999" in panel.view.notice.text.text()
    panel.view.notice.action.click()
    files = panel.files_mode.files
    assert files is not None
    assert files.rows[0].name.whole_text().startswith("Pasted text")
    path = files.rows[0].path
    qtbot.waitUntil(lambda: path.exists() and path.stat().st_size == len(text), timeout=60_000)
    panel.shutdown()


def test_folders_that_are_dropped_give_their_files(tmp_path: Path) -> None:
    tmp_path = tmp_path / "dropped"
    tmp_path.mkdir()
    for name in ("b.txt", "a.md", "c.xyz"):
        (tmp_path / name).write_text("x")
    (tmp_path / "deeper").mkdir()
    alone = tmp_path / "c.xyz"
    (tmp_path / ".hidden.md").write_text("x")
    (tmp_path / "gone.txt").symlink_to(tmp_path / "nowhere")
    found = look_into([alone, tmp_path])
    assert [path.name for path in found.files] == ["c.xyz", "a.md", "b.txt"]
    assert {one.path.name: one.key for one in found.skipped} == {
        ".hidden.md": "skipped-hidden",
        "c.xyz": "skipped-kind",
        "deeper": "skipped-folder",
        "gone.txt": "skipped-closed",
    }


def test_unfinished_files_come_back_paused(
    shell_context: AppContext, gemma_gguf: Path, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    for pieces in ("first", "most"):  # some are kept before many are translated
        monkeypatch.setitem(translate_many.__kwdefaults__, pieces, 2)
    shell_context.settings.translate_pair = ["en", "fr"]
    sentences = [f"The train number {n} leaves at noon." for n in range(1, 7)]
    (tmp_path / "long.txt").write_text("\n".join(sentences), encoding="utf-8")
    (tmp_path / "short.txt").write_text("We ate at home.", encoding="utf-8")
    panel = TranslatePanel(shell_context)
    qtbot.addWidget(panel)
    panel.show()
    panel.files_mode.add([tmp_path / "long.txt", tmp_path / "short.txt"])
    part = tmp_path / "long.fr.txt.part"
    qtbot.waitUntil(lambda: part.is_file() and bool(part.read_text(encoding="utf-8")), timeout=400_000)
    panel.shutdown()
    panel.hide()
    begun = part.read_text(encoding="utf-8").splitlines()

    again = Settings.load(shell_context.settings.path)  # another start of the app
    assert len(again.translate_files) == 2
    assert again.translate_page == "files"
    shell_context.settings.translate_files = again.translate_files
    shell_context.settings.translate_page = "text"
    panel = TranslatePanel(shell_context)
    qtbot.addWidget(panel)
    panel.show()
    assert panel.view.notice.isVisible()
    assert panel.files_mode.files is None
    panel.view.notice.action.click()
    files = panel.files_mode.files
    assert files is not None
    assert [row.state for row in files.rows] == ["paused", "paused"]
    assert files.rows[1].progress.cancel_button.text() == "Remove"
    assert files._running is None
    files.rows[1].progress.cancel_button.click()
    assert len(files.rows) == 1
    assert len(shell_context.settings.translate_files) == 1
    assert part.read_text(encoding="utf-8").splitlines()[: len(begun)] == begun
    files.rows[0].progress.pause_button.click()
    qtbot.waitUntil(lambda: files.rows[0].state == "done", timeout=120_000)
    assert (tmp_path / "long.fr.txt").is_file()
    assert not part.exists()
    qtbot.waitUntil(lambda: shell_context.settings.translate_files == [], timeout=5_000)
    assert FileRow.from_remembered('["a"]') is None
    assert FileRow.from_remembered("{") is None
    panel.shutdown()


def test_a_file_that_is_not_done_is_listed_once(
    shell_context: AppContext, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dropped again it goes on; for another language, or once it is done, it is another work."""
    monkeypatch.setattr(FilesView, "_next", lambda _self: None)
    row = LanguageRow(("en", "fr", "pt"), "en", "fr", [])
    qtbot.addWidget(row)
    files = FilesView(shell_context, row, Glossaries(tmp_path / "glossaries"), PairModels(shell_context, row))
    qtbot.addWidget(files)
    files.show()
    path = tmp_path / "a.txt"
    path.write_text("The train leaves.")
    assert files.hint.isVisible()
    files.add([path, path])
    files.add([path])
    assert [each.state for each in files.rows] == ["waiting"]
    assert not files.hint.isVisible()
    files._pause(files.rows[0])
    files.add([path])
    assert [each.state for each in files.rows] == ["waiting"]
    row.set_pair("en", "pt")
    files.add([path])
    assert [each.target for each in files.rows] == ["fr", "pt"]
    files.rows[1].set_state("failed", "no")
    files.add([path])
    assert len(files.rows) == 3
    for each in list(files.rows):
        files._remove(each)
    assert files.hint.isVisible()


def test_what_was_left_out_is_closed_by_esc_first(qtbot: QtBot, tmp_path: Path) -> None:
    """Then Esc goes on to what is around it."""
    notice = LeftOut()
    qtbot.addWidget(notice)
    notice.add([Skipped(tmp_path / "photo.jpg", "skipped-folder")])
    notice.show()
    notice.show_button.setChecked(True)
    assert notice.list.isVisible()
    qtbot.keyClick(notice.list, Qt.Key.Key_Escape)
    assert not notice.list.isVisible()
    assert notice.isVisible()


def test_without_a_sentence_there_is_nothing_to_correct(shell_context: AppContext, qtbot: QtBot) -> None:
    view = ReviewView(shell_context)
    qtbot.addWidget(view)
    view.show()
    assert not view.edit.isVisible()
    assert not view.save_button.isVisible()


@pytest.mark.slow
def test_many_files_come_little_by_little_and_none_is_lost(
    shell_context: AppContext, tmp_path: Path, qtbot: QtBot
) -> None:
    row = LanguageRow(("en", "fr"), "en", "fr", ())
    models = PairModels(shell_context, row)
    view = FilesView(shell_context, row, Glossaries(tmp_path / "glossaries"), models)
    for made in (row, view):
        qtbot.addWidget(made)
    view._job.start = lambda *_args, **_named: None  # type: ignore[method-assign]
    paths = [tmp_path / f"{number}.txt" for number in range(60)]
    for path in paths:
        path.write_text("Hello.")
    view.add([*paths, paths[3]])
    assert 0 < len(view.rows) < 60  # the window goes on meanwhile
    assert len(shell_context.settings.translate_files) == 61
    row.set_pair("fr", "en")  # which the files were not dropped for
    qtbot.waitUntil(lambda: not view._incoming, timeout=20_000)
    assert [each.path for each in view.rows] == paths
    assert {(each.source, each.target) for each in view.rows} == {("en", "fr")}
    view.add(paths[:30])
    assert {(each.source, each.target) for each in view.rows[60:]} == {("fr", "en")}
    view.shutdown()  # with some of them on their way
    assert len(Settings.load().translate_files) == 90
