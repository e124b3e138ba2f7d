"""The log: appended to by one, read by others while it grows, mended behind a kill or a full disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from autogpt_desktop.i18n import message
from autogpt_desktop.lab.runs.events import (
    Compared,
    DataFound,
    Event,
    Failed,
    Finished,
    Logged,
    Notice,
    Sample,
    Train,
    Trial,
    from_line,
    to_line,
)
from autogpt_desktop.lab.runs.log import LogReader, LogWriter, last_events

EVENTS: list[Event] = [
    DataFound(3, 100, 300, 10, 30, {"en": 300}, 1, {"a.bin": "document-kind"}, ("one", "two\n")),
    Trial(1, 1000, {"depth": 2}, "failed", reason="no memory"),
    Train(10, 640, 5.5, 1e-3, 1000.0, 1 << 30),
    Sample(10, "Once", " upon\u2028a time 从前\ud800"),
    Compared("growth", {"grown": 1.0, "continued": 1.1}, "grown"),
    Notice("notice.run-x", {"minutes": "5"}),
    Finished("time", "result", 1.0, 2.0),
]


@pytest.mark.parametrize("event", EVENTS)
def test_an_event_is_one_line(event: Event) -> None:
    line = to_line(Logged(1.5, event))
    assert "\n" not in line
    assert from_line(line) == Logged(1.5, event)


def test_values_that_json_does_not_know_become_plain_ones() -> None:
    failed = from_line(to_line(Logged(1.0, Failed("x", {"folder": Path("a"), "size": np.int64(3)}))))
    assert failed == Logged(1.0, Failed("x", {"folder": "a", "size": 3}))
    trained = Train(1, 1, np.float32(0.5), 0.5, 1.0)  # type: ignore[arg-type]
    assert from_line(to_line(Logged(1.0, trained))) == Logged(1.0, Train(1, 1, 0.5, 0.5, 1.0))


def test_a_reader_follows_a_log_that_grows(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    reader = LogReader(path)
    assert reader.read() == []
    writer = LogWriter(path)
    for number in range(50):
        written = writer.write(number, Train(number, number, 1.0, 1e-3, 10.0))
        assert reader.read() == [written]
        assert reader.read() == []
    writer.close()


@pytest.mark.slow
def test_reading_on_costs_only_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.jsonl"
    writer = LogWriter(path)
    for number in range(5000):
        writer.write(number, Train(number, number, 1.0, 1e-3, 10.0))
    reader = LogReader(path)
    assert len(reader.read_all()) == 5000
    read = 0

    class Counted:
        def __init__(self, file: object) -> None:
            self.file = file

        def __enter__(self) -> Counted:
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()  # type: ignore[attr-defined]

        def seek(self, *where: int) -> int:
            return self.file.seek(*where)  # type: ignore[attr-defined]

        def read(self, most: int) -> bytes:
            nonlocal read
            data = self.file.read(most)  # type: ignore[attr-defined]
            read += len(data)
            return data

    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *how: Counted(opened(self, *how)))
    writer.write(5000, Train(5000, 5000, 1.0, 1e-3, 10.0))
    writer.close()
    assert [logged.event.step for logged in reader.read()] == [5000]  # type: ignore[union-attr]
    assert 0 < read < 300


def test_a_cut_last_line_waits_and_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    writer = LogWriter(path)
    first = writer.write(1, Train(1, 1, 1.0, 1e-3, 10.0))
    writer.close()
    with path.open("ab") as file:
        file.write(to_line(Logged(2, Train(2, 2, 1.0, 1e-3, 10.0))).encode()[:30])
    reader = LogReader(path)
    assert reader.read() == [first]
    assert reader.read() == []
    assert last_events(path) == [first]
    writer = LogWriter(path)
    second = writer.write(3, Train(3, 3, 1.0, 1e-3, 10.0))
    writer.close()
    assert reader.read() == [second]
    assert path.read_bytes().count(b"\n") == 2


def test_foreign_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    good = Logged(1.0, Train(1, 1, 1.0, 1e-3, 10.0))
    lines = [
        "{}",
        "[1]",
        "null",
        "\x00\xff",
        '{"event": "later", "seconds": 1}',
        "[" * 50_000,
        to_line(good),
        "",
    ]
    path.write_text("\n".join(lines))
    assert LogReader(path).read_all() == [good]
    assert last_events(path) == [good]


def test_a_full_disk_leaves_the_log_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.jsonl"
    writer = LogWriter(path)
    first = writer.write(1, Train(1, 1, 1.0, 1e-3, 10.0))
    write = os.write

    def full(handle: int, data: memoryview) -> int:
        if len(data) <= 20:
            raise OSError(errno.ENOSPC, "full")
        return write(handle, data[:20])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="full"):
            writer.write(2, Finished("time", "result" * 5))
    assert path.read_bytes().endswith(b"}\n")
    third = writer.write(3, Train(3, 3, 1.0, 1e-3, 10.0))
    writer.close()
    assert LogReader(path).read_all() == [first, third]


def test_what_the_first_version_said_of_adapters_is_still_worded(tmp_path: Path) -> None:
    lines = (
        '{"event": "notice", "seconds": 1.0, "key": "notice.lab-diverged", "values": {"rate": 0.5}}',
        '{"event": "failed", "seconds": 2.0, "key": "lab-disk", "values": {"folder": "x", "reason": "y"}}',
        '{"event": "failed", "seconds": 3.0, "key": "lab-diverged", "values": {}}',
    )
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines) + "\n")
    told = [logged.event for logged in LogReader(path).read_all()]
    assert [getattr(event, "key", "") for event in told] == [
        "notice.training-diverged", "training-disk-full", "training-diverged",
    ]  # fmt: skip
    for event in told:
        assert isinstance(event, Notice | Failed)
        key = event.key if isinstance(event, Notice) else f"error.{event.key}"
        assert "{" not in message(key, **event.values)
