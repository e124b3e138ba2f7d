"""Lines of files and of standard input: encodings, marks, ends, and what is no text."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from autogpt_desktop.documents.read.lines import LONGEST, lines_of_file, lines_of_stdin
from autogpt_desktop.documents.text.encoding import decode
from autogpt_desktop.errors import KnownError

TEXT = "I love it.\r\n\r\nTerrible service, never again.\n  last line without an end"
LINES = ["I love it.", "", "Terrible service, never again.", "  last line without an end"]
CHINESE = "我非常喜欢这个产品。\n服务太差了，再也不来了。\n"


def given(data: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedReader(io.BytesIO(data)), encoding="utf-8", errors="replace")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "ascii"])
def test_the_encoding_of_what_comes_is_found(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = given(TEXT.encode(encoding))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert list(lines_of_stdin()) == LINES
    assert not stdin.buffer.closed
    (tmp_path / "f.txt").write_bytes(TEXT.encode(encoding))
    assert list(lines_of_file(tmp_path / "f.txt")) == LINES


def test_chinese_of_a_chinese_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", given(CHINESE.encode("gbk")))
    assert list(lines_of_stdin()) == CHINESE.splitlines()


def test_a_character_on_the_edge_of_the_first_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a" * (io.DEFAULT_BUFFER_SIZE - 1) + "é\n" + "ü" * 9000
    monkeypatch.setattr(sys, "stdin", given(text.encode()))
    assert list(lines_of_stdin()) == text.splitlines()


@pytest.mark.parametrize("stdin", [None, io.StringIO(), given(b"")])
def test_nothing_comes(stdin: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    assert list(lines_of_stdin()) == []


def test_what_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = bytes(range(256)) * 40
    monkeypatch.setattr(sys, "stdin", given(noise))
    with pytest.raises(KnownError, match="input-not-text"):
        list(lines_of_stdin())
    (tmp_path / "f.txt").write_bytes(noise)
    with pytest.raises(KnownError, match="document-kind"):
        list(lines_of_file(tmp_path / "f.txt"))
    assert decode(b"I love\0 it.\nfine\n") is None, "one zero does not make it UTF-16"


def test_a_line_that_never_ends_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", given(b"short\n" + b"x" * (LONGEST + 2)))
    lines = lines_of_stdin()
    assert next(lines) == "short"
    with pytest.raises(KnownError, match="line-too-long"):
        next(lines)
    monkeypatch.setattr(sys, "stdin", given(b"x" * LONGEST))
    assert [len(line) for line in lines_of_stdin()] == [LONGEST]
