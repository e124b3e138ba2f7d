"""Files that cannot be attached: one plain sentence each, the others come, what was written stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from autogpt_desktop import regular_file
from autogpt_desktop.documents import files
from autogpt_desktop.ui.chat import attachments
from autogpt_desktop.ui.chat.panel import ChatPanel
from tests.ui.chat.kit import Script, ask, shown

pytestmark = pytest.mark.slow  # a child process reads documents

ENDINGS = ["txt", "pdf", "docx"]


def nothing(path: Path) -> None:
    """It vanished between the choice and the reading."""


def folder(path: Path) -> None:
    path.mkdir()


def pipe(path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes in folders here")
    os.mkfifo(path)


def broken_link(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def circle(path: Path) -> None:
    path.symlink_to(path)


def device(path: Path) -> None:
    if not os.path.exists("/dev/zero"):
        pytest.skip("no such device here")
    path.symlink_to("/dev/zero")


def attached(panel: ChatPanel, qtbot: QtBot, paths: list[Path]) -> list[str]:
    panel.composer.attach_files(paths)
    qtbot.waitUntil(lambda: panel.composer.reading.now is None, timeout=60_000)
    return [item.name for item in panel.composer.attachments]


@pytest.mark.parametrize("make", [nothing, folder, pipe, broken_link, circle, device])
def test_what_is_no_file(
    panel: ChatPanel, script: Script, qtbot: QtBot, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    QTest.keyClicks(panel.composer.edit, "about these")
    good = tmp_path / "good.txt"
    good.write_text("The mill was built in 1782.", encoding="utf-8")
    bad = [tmp_path / f"bad.{ending}" for ending in ENDINGS]
    for path in bad:
        make(path)
    assert attached(panel, qtbot, [*bad[:2], good, *bad[2:]]) == ["good.txt"]
    told = panel.composer.notice.text().split("\n")
    assert len(told) == len(bad)
    assert all(path.name in line for path, line in zip(sorted(bad), sorted(told), strict=True)), told
    assert panel.composer.text() == "about these"
    assert panel.context.toasts == []  # type: ignore[attr-defined]
    panel.send()
    assert panel.composer.notice.text() == ""
    qtbot.waitUntil(lambda: not panel.generation.running, timeout=20_000)
    assert "The mill was built in 1782." in script.asked[-1][0][-1].content


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_one_may_not_read(
    panel: ChatPanel, qtbot: QtBot, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"secret.{ending}"
    path.write_bytes(b"secret")

    def refuse(*_given: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    if hasattr(os, "geteuid") and os.geteuid():
        path.chmod(0)
    else:  # root may read all, and Windows knows no such mode
        for module in (regular_file, attachments, files):
            monkeypatch.setattr(module, "check_regular", refuse)
    QTest.keyClicks(panel.composer.edit, "about it")
    panel.composer.attach_files([path])
    qtbot.waitUntil(lambda: panel.composer.reading.now is None, timeout=60_000)
    assert panel.composer.attachments == []
    assert f"secret.{ending}" in panel.composer.notice.text()
    assert panel.composer.text() == "about it"
    ask(panel, qtbot, "go on")
    assert shown(panel)[0] == ("user", "go on")


def test_a_file_that_goes_while_others_are_read(panel: ChatPanel, qtbot: QtBot, tmp_path: Path) -> None:
    names = [f"{n}.rtf" for n in range(4)]
    for name in names:
        (tmp_path / name).write_bytes(rb"{\rtf1 The mill was built in 1782.}")
    panel.composer.attach_files([tmp_path / name for name in names])
    (tmp_path / "2.rtf").unlink()
    qtbot.waitUntil(lambda: panel.composer.reading.now is None, timeout=60_000)
    assert [item.name for item in panel.composer.attachments] == ["0.rtf", "1.rtf", "3.rtf"]
    assert "2.rtf" in panel.composer.notice.text()
