"""A file is there whole, the old one or the new one, whatever happens while it is written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autogpt_desktop import atomic

posix = pytest.mark.skipif(os.name != "posix", reason="permissions of files")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def test_the_new_takes_the_place_of_the_old(folder: Path) -> None:
    file = folder / "kept.json"
    for text in ("one", "another, longer one", "中文\nwith \U0001f600", ""):
        atomic.write_text(file, text)
        assert file.read_bytes() == text.encode()
    atomic.write_bytes(file, [b"ab", memoryview(b"cd")], durable=True)
    assert file.read_bytes() == b"abcd"
    assert list(folder.iterdir()) == [file]


def test_half_of_a_surrogate_pair_loses_nothing_else(folder: Path) -> None:
    atomic.write_text(folder / "kept", "before \ud83d behind")
    assert (folder / "kept").read_text() == "before ? behind"


@pytest.mark.parametrize("error", [OSError("full"), ValueError("ours"), KeyboardInterrupt()])
def test_whatever_goes_wrong_the_old_one_stays(folder: Path, error: BaseException) -> None:
    def parts() -> Iterator[bytes]:
        yield b"half of "
        raise error

    file = folder / "kept"
    file.write_text("old")
    with pytest.raises(type(error)):
        atomic.write_bytes(file, parts())
    assert file.read_text() == "old"
    assert list(folder.iterdir()) == [file]


def test_a_generator_that_is_left_leaves_nothing(folder: Path) -> None:
    def steps() -> Iterator[int]:
        with atomic.replacing(folder / "kept") as scratch:
            scratch.write_text("half")
            yield 1

    run = steps()
    next(run)
    assert [path.suffix for path in folder.iterdir()] == [atomic.SUFFIX]
    run.close()  # type: ignore[attr-defined]
    assert not list(folder.iterdir())


@posix
def test_who_may_read_it(folder: Path) -> None:
    before = os.umask(0o022)
    try:
        for private, mode in ((False, 0o644), (True, 0o600)):
            atomic.write_text(folder / "kept", "x", private=private)
            assert stat.S_IMODE((folder / "kept").stat().st_mode) == mode
            with atomic.replacing(folder / "kept", private=private) as scratch:
                assert stat.S_IMODE(scratch.stat().st_mode) == mode, "from the first byte on"
    finally:
        os.umask(before)


def test_the_longest_name_can_be_written(folder: Path) -> None:
    for name in ("a" * 251 + ".txt", "字" * 83 + ".txt"):
        atomic.write_text(folder / name, "x")
        assert (folder / name).read_text() == "x"


def test_a_folder_that_is_not_there(folder: Path) -> None:
    with pytest.raises(FileNotFoundError):
        atomic.write_text(folder / "none" / "kept", "x")


def test_two_writers_do_not_meet(folder: Path) -> None:
    file = folder / "kept"
    with atomic.replacing(file) as one, atomic.replacing(file) as other:
        one.write_text("one")
        other.write_text("other")
    assert file.read_text() == "one"
    assert list(folder.iterdir()) == [file]


def test_killed_while_writing(folder: Path) -> None:
    """What a kill leaves beside the old file says by its name whose it is."""
    file = folder / "kept.state"
    file.write_text("old")
    code = (
        "import os, sys; from pathlib import Path; from autogpt_desktop import atomic\n"
        "def parts():\n    yield b'half'\n    os._exit(9)\n"
        "atomic.write_bytes(Path(sys.argv[1]), parts())"
    )
    assert subprocess.run([sys.executable, "-c", code, str(file)]).returncode == 9
    left = [path for path in folder.iterdir() if path != file]
    assert file.read_text() == "old"
    assert [path.name.startswith("kept.state.") and path.suffix == atomic.SUFFIX for path in left] == [True]
