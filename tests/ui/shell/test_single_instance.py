"""A second start raises the first; a crash leaves nothing that blocks the next start."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject

from autogpt_desktop.errors import KnownError
from autogpt_desktop.ui.shell.single_instance import MAX_REQUEST, SingleInstance

pytestmark = pytest.mark.usefixtures("qapp")
posix = pytest.mark.skipif(os.name == "nt", reason="named pipes on Windows are not files")

HOLDER = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from autogpt_desktop.ui.shell.single_instance import SingleInstance

class Printer:
    def show(self, files):
        print("raised", *files, flush=True)

    def popup(self, source, target):
        print("popup", source, target, flush=True)

app = QCoreApplication([])
instance, printer = SingleInstance(Path(sys.argv[1])), Printer()
instance.raised.connect(printer.show)
instance.popup_requested.connect(printer.popup)
print("first" if instance.acquire(sys.argv[3:]) else "second", flush=True)
if instance._server is None:
    sys.exit(0)
if sys.argv[2] == "run":
    app.exec()
else:
    import time
    time.sleep(60)
"""


def start(folder: Path, how: str, *files: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), how, *files], stdout=subprocess.PIPE, text=True
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def holder(tmp_path) -> Iterator[subprocess.Popen[str]]:
    process = start(tmp_path, "run")
    assert line(process) == "first"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


class Raised(QObject):
    def __init__(self, instance: SingleInstance) -> None:
        super().__init__()
        self.files: list[list[str]] = []
        instance.raised.connect(self.files.append)


@pytest.fixture
def first(qtbot, tmp_path) -> Iterator[SingleInstance]:
    instance = SingleInstance(tmp_path)
    assert instance.acquire()
    yield instance
    instance.release()


@pytest.mark.slow
def test_a_second_start_raises_the_first_and_hands_over_its_files(holder, tmp_path):
    at = time.monotonic()
    second = start(tmp_path, "run", str(tmp_path / "笔记 1.txt"), str(tmp_path / "b.txt"))
    assert line(second) == "second"
    assert second.wait(10) == 0
    second.stdout.close()
    assert line(holder) == f"raised {tmp_path / '笔记 1.txt'} {tmp_path / 'b.txt'}"
    assert not SingleInstance(tmp_path).acquire()
    assert line(holder) == "raised"
    assert time.monotonic() - at < 8


@pytest.mark.slow
def test_a_second_start_asks_the_first_for_the_quick_translation(holder, tmp_path):
    assert not SingleInstance(tmp_path).acquire(popup=("auto", "pt"))
    assert line(holder) == "popup auto pt"
    assert not SingleInstance(tmp_path).acquire(popup=("", ""))
    assert line(holder) == "popup"


@pytest.mark.slow
def test_relative_files_are_made_absolute(holder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not SingleInstance(tmp_path).acquire(["a.txt"])
    assert line(holder) == f"raised {tmp_path / 'a.txt'}"


@pytest.mark.slow
def test_after_a_crash_the_next_start_is_the_first(holder, tmp_path):
    name = Path(tempfile.gettempdir(), SingleInstance(tmp_path).socket_names()[0])  # absolute ones stay
    os.kill(holder.pid, signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    holder.wait()
    assert (tmp_path / "instance.lock").exists()  # both were left behind
    if os.name != "nt":
        assert stat.S_ISSOCK(name.stat().st_mode)
    at = time.monotonic()
    instance = SingleInstance(tmp_path)
    assert instance.acquire()
    assert time.monotonic() - at < 5
    instance.release()


def test_a_lock_that_only_looks_alive_is_taken_over(tmp_path):
    """A crash left it, and the system gave its process number to another program of the same name."""
    old = SingleInstance(tmp_path)
    assert old.acquire()
    kept = (tmp_path / "instance.lock").read_bytes()  # names this process, which is alive
    old.release()
    (tmp_path / "instance.lock").write_bytes(kept)
    instance = SingleInstance(tmp_path)
    assert instance.acquire(patience_ms=100)
    instance.release()


@pytest.mark.slow
def test_a_first_instance_that_does_not_answer_is_not_robbed(tmp_path):
    process = start(tmp_path, "hang")
    try:
        assert line(process) == "first"
        with pytest.raises(KnownError) as caught:
            SingleInstance(tmp_path).acquire(patience_ms=300)
        assert caught.value.key == "already-running"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_two_folders_are_two_instances(first, tmp_path):
    (tmp_path / "other").mkdir()
    other = SingleInstance(tmp_path / "other")
    assert not set(other.socket_names()) & set(first.socket_names())
    assert other.acquire()
    other.release()
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    assert SingleInstance(tmp_path / "link").socket_names() == first.socket_names()


def test_release_lets_the_next_one_in(tmp_path):
    for _ in range(3):
        instance = SingleInstance(tmp_path)
        assert instance.acquire()
        instance.release()


def test_a_folder_that_cannot_be_used_is_a_known_error(tmp_path):
    with pytest.raises(KnownError) as caught:
        SingleInstance(tmp_path / "missing").acquire()
    assert caught.value.key == "folder-not-writable"


def test_a_full_disk_is_said_to_be_full(tmp_path, monkeypatch):
    room = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room)  # the folder's refusal is real
    with pytest.raises(KnownError, match="disk-full"):
        SingleInstance(tmp_path / "missing").acquire()


@posix
def test_the_socket_is_local_and_private(first):
    path = Path(first._server.fullServerName())
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert not mode & 0o077


@pytest.mark.slow
@posix
def test_a_long_path_does_not_stop_it(qtbot, tmp_path):
    folder = tmp_path / ("长" * 40) / ("b" * 60)
    folder.mkdir(parents=True)
    instance = SingleInstance(folder)
    assert instance.acquire()
    seen = Raised(instance)
    second = start(folder, "run", "/y")
    qtbot.waitUntil(lambda: seen.files == [["/y"]], timeout=10_000)
    assert line(second) == "second"
    assert second.wait(10) == 0
    second.stdout.close()
    instance.release()


@posix
@pytest.mark.parametrize(
    "data",
    [b"garbage\n", b"[]\n", b'{"files": [1]}\n', b'{"files": "a"}\n',
     b'{"files": [], "popup": [1, "en"]}\n', b'{"files": [], "popup": ["en"]}\n',
     b"[" * 5000 + b"\n", b"\xff\n",
     b"x" * (MAX_REQUEST + 10)],
)  # fmt: skip
def test_a_stranger_is_hung_up_on(qtbot, first, data):
    seen = Raised(first)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(first._server.fullServerName())
        client.setblocking(False)
        client.sendall(data)
        ends: list[bytes] = []

        def hung_up() -> bool:
            try:
                ends.append(client.recv(100))
            except BlockingIOError:
                return False
            except ConnectionResetError:
                return True
            return ends[-1] == b""

        qtbot.waitUntil(hung_up)
    assert seen.files == []
    assert set(ends) <= {b""}


@pytest.mark.slow
@posix
def test_one_who_says_nothing_does_not_keep_others_out(qtbot, first, tmp_path):
    seen = Raised(first)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(first._server.fullServerName())
        second = start(tmp_path, "run", "/x")
        qtbot.waitUntil(lambda: seen.files == [["/x"]], timeout=10_000)
        assert line(second) == "second"
        assert second.wait(10) == 0
        second.stdout.close()
