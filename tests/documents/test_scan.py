"""A folder is scanned within its bounds, and what is left out is named with the reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autogpt_desktop import i18n
from autogpt_desktop.documents import scan as module
from autogpt_desktop.documents.index.collection import Collection
from autogpt_desktop.documents.index.index import Index
from autogpt_desktop.documents.scan import Skipped, scan, walk
from autogpt_desktop.events import Result

posix = pytest.mark.skipif(os.name != "posix", reason="this system has no such thing")


def skipped(*roots: Path) -> dict[str, str]:
    return {item.path.name: item.key for item in scan(roots) if isinstance(item, Skipped)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "a.txt").write_text("one")
    (folder / "inner" / "b.md").write_text("two")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("three")
    return folder


@posix
def test_links_lead_nowhere_else(folder: Path) -> None:
    (folder / "root").symlink_to("/")
    (folder / "beside").symlink_to("../outside")
    (folder / "one.txt").symlink_to("../outside/secret.txt")
    (folder / "up").symlink_to("..")
    (folder / "inner" / "back").symlink_to(folder)
    (folder / "twice").symlink_to("inner")
    (folder / "nowhere.txt").symlink_to("nothing")
    assert list(walk([folder])) == [folder / "a.txt", folder / "inner" / "b.md"]
    links = dict.fromkeys(("root", "beside", "one.txt", "up"), "skipped-link")
    assert skipped(folder) == links | {"nowhere.txt": "skipped-closed"}
    # what is named itself is wanted, and a folder may be a link
    assert folder.parent / "outside" / "secret.txt" in list(walk([folder, folder.parent / "outside"]))
    assert list(walk([folder / "beside"])) == [folder / "beside" / "secret.txt"]


@posix
def test_each_reason(folder: Path) -> None:
    os.mkfifo(folder / "pipe.txt")
    (folder / "picture.png").write_bytes(b"x")
    (folder / ".hidden.txt").write_text("x")
    (folder / ".git").mkdir()
    (folder / "~$open.docx").write_text("x")
    expected = {
        "pipe.txt": "skipped-special", "picture.png": "skipped-kind", ".hidden.txt": "skipped-hidden",
        ".git": "skipped-hidden",
    }  # fmt: skip
    if os.geteuid():
        (folder / "locked").mkdir(0o000)
        expected["locked"] = "skipped-closed"
    assert skipped(folder) == expected
    assert "picture.png" not in skipped(folder, folder / "picture.png")
    for language in i18n.LANGUAGES:
        i18n.set_language(language)
        for item in scan([folder]):
            if isinstance(item, Skipped):
                assert item.path.name in i18n.message(item.error())


@pytest.mark.parametrize(("files", "entries", "found"), [(3, 1000, 3), (1000, 4, 4)])
def test_there_is_a_limit_and_it_is_said(tmp_path: Path, monkeypatch, files: int, entries: int, found: int):
    monkeypatch.setattr(module, "MOST_FILES", files)
    monkeypatch.setattr(module, "MOST_ENTRIES", entries)
    for number in range(8):
        (tmp_path / f"{number}").mkdir()
        (tmp_path / f"{number}" / "a.txt").write_text("x")
    assert len(list(walk([tmp_path]))) <= found
    assert list(skipped(tmp_path).values()) == ["skipped-many"]


def test_the_index_remembers_what_was_left_out(folder: Path, tmp_path: Path, monkeypatch) -> None:
    for number in range(5):
        (folder / f"{number}.png").write_bytes(b"x")
    (folder / ".hidden.txt").write_text("x")
    monkeypatch.setattr("autogpt_desktop.documents.index.index.SKIPPED_LISTED", 3)
    index = Index(Collection(tmp_path / "kept", "c", (folder,)))
    try:
        summary = list(index.index())[-1]
        assert isinstance(summary, Result)
        assert summary.value.skipped == 6
        listed, count = index.skipped()
        assert count == 6
        assert [item.key for item in listed] == ["skipped-hidden", "skipped-kind", "skipped-kind"]
        stopped = list(index.index(cancelled=lambda: True))[-1]
        assert isinstance(stopped, Result)
        assert stopped.value.removed == 0
        assert len(index.files()) == 2
    finally:
        index.close()
