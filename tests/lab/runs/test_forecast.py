"""What a run will come to, guessed within a moment and never an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.lab.runs.events import Measured
from autogpt_desktop.lab.runs.forecast import forecast, measured_speeds, remember_result, remember_speed
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec


def spec(place: Path, minutes: float = 20) -> RunSpec:
    return RunSpec("new", DataSpec((str(place),)), minutes)


def test_more_time_buys_more(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("word " * 1_000_000)
    (tmp_path / "b.exe").write_text("word " * 1000)
    short, long = forecast(spec(tmp_path, 1)), forecast(spec(tmp_path, 60))
    assert (short.bytes, short.files, short.vocab_size) == (5_000_000, 1, 4096)
    assert short.parameters < long.parameters
    assert short.tokens_seen < long.tokens_seen
    assert short.memory < long.memory
    assert short.enough
    assert not short.measured


def test_measured_speed_counts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("word " * 1_000_000)
    remember_speed(Measured(1_000_000, 1000.0, 1 << 28))
    slow = forecast(spec(tmp_path))
    assert slow.measured
    assert slow.tokens_per_second * slow.parameters == pytest.approx(1e9)
    assert slow.bits_per_byte == 0
    remember_result(slow.tokens_seen, 2.5)
    assert forecast(spec(tmp_path)).bits_per_byte == 2.5
    assert forecast(spec(tmp_path, 2000)).bits_per_byte == 0
    for _ in range(60):
        remember_speed(Measured(2_000_000, 1000.0, 1 << 28))
    assert len(measured_speeds()) == 50


@pytest.mark.parametrize(
    "text", ["", "{}", '{"speeds": [[0, 0, 0], [1]]}', '{"speeds": [["a", 1, 1]]}', "[" * 9999]
)
def test_nothing_makes_it_fail(tmp_path: Path, text: str) -> None:
    (paths.cache_dir() / "training-speed.json").write_text(text)
    nothing = forecast(spec(tmp_path / "none", -1))
    assert (nothing.bytes, nothing.tokens_seen, nothing.enough) == (0, 0, False)
    assert not forecast(RunSpec("new", DataSpec(("a\0b",)), 1)).enough
