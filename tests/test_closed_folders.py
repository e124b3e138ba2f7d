"""A folder that may not be looked into: what is in it is not there, or a sentence says so; nothing breaks."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.catalog import entries, installed
from autogpt_desktop.cli import ask
from autogpt_desktop.documents.index.collection import Collections
from autogpt_desktop.documents.index.index import Index
from autogpt_desktop.documents.scan import Skipped, scan
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Result
from autogpt_desktop.regular_file import is_missing
from autogpt_desktop.storage.corrections import Corrections
from autogpt_desktop.storage.glossaries import Glossaries
from autogpt_desktop.tasks.translate.files import translate_file
from autogpt_desktop.tasks.translate.folders import look_into
from tests.closed import close


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder with a text, and how it is closed: root may look into any."""
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "a.txt").write_text("The old bridge.")
    yield folder
    folder.chmod(0o700)


def test_a_question_about_a_file_in_it(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(closed, monkeypatch)
    with pytest.raises(KnownError) as error:
        ask.parts(["Who built it?", str(closed / "a.txt")])
    assert error.value.key == "document-unreadable"
    with pytest.raises(KnownError) as error:
        ask.parts(["Who built it?", str(closed.parent / "none.txt")])
    assert error.value.key == "document-missing"


def test_files_in_it_are_left_out_and_said(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(closed, monkeypatch)
    assert list(scan([closed])) == [Skipped(closed, "skipped-closed")]
    found = look_into([closed, closed / "a.txt"])
    assert found.skipped == [Skipped(closed, "skipped-closed")]
    assert found.files == [closed / "a.txt"]  # whose reading says why it fails
    with pytest.raises(KnownError) as error:
        list(translate_file(None, closed / "a.txt", None, "en", "fr"))  # type: ignore[arg-type]
    assert error.value.key == "document-unreadable"


def test_what_a_collection_knows_of_it_stays(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (closed.parent / "open").mkdir()
    (closed.parent / "open" / "b.txt").write_text("The new bridge.")
    roots = [closed, closed.parent / "open"]
    collection = Collections(closed.parent / "collections").create("Bridges", roots)
    index = Index(collection)
    list(index.index())
    (closed.parent / "open" / "b.txt").unlink()
    close(closed, monkeypatch)
    summary = [event.value for event in index.index() if isinstance(event, Result)][-1]
    assert summary.removed == 1
    assert [entry.path.name for entry in index.files()] == ["a.txt"]
    index.close()


def test_models_in_it_are_not_there(closed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = paths.models_dir()
    for inner in ("mine", entries.starter().name):
        (folder / inner).mkdir()
        (folder / inner / "config.json").write_text("{}")
    assert "mine" in {model.path.name for model in installed.installed()}
    close(folder, monkeypatch)
    assert "mine" not in {model.path.name for model in installed.installed()}
    assert entries.partial(entries.starter()) == 0


def test_nothing_asks_for_a_file_by_what_may_raise() -> None:
    """``Path.is_file`` and its like raise PermissionError in a closed folder; those of ``os.path`` do not."""
    asked, package = {"is_file", "is_dir", "exists", "is_symlink"}, Path(paths.__file__).parent
    entries_of_folders = package / "documents" / "scan.py"  # of os.scandir: they do not raise it
    for file in package.rglob("*.py"):
        if file.is_relative_to(package / "bench") or file == entries_of_folders:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.args or node.func.attr not in asked, f"{file.name}:{node.lineno}"


def test_what_the_user_wrote_there_is_not_taken_for_nothing(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (closed / "en-fr.csv").write_text("mill,moulin\n")
    (closed / "said.json").write_text("{}")
    collections = Collections(closed.parent / "collections")
    known = collections.create("Bridges", [closed])
    close(closed, monkeypatch)
    with pytest.raises(KnownError, match="glossary-unreadable"):
        Glossaries(closed).terms("en", "fr")
    with pytest.raises(KnownError, match="sentiment-corrections"):
        Corrections(closed / "said.json")
    close(collections.folder / known.id, monkeypatch)
    collections.sweep()  # of which nothing can be said
    assert not is_missing(closed / "a.txt")
    assert is_missing(closed.parent / "none")
