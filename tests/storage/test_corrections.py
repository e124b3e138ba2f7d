"""Corrections are kept in one file, and a broken one is not written over."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.corrections import CHARACTERS, LABELS, MOST, Correction, Corrections
from autogpt_desktop.tasks.sentiment import calibration


def test_the_labels_are_those_of_the_task() -> None:
    assert LABELS == calibration.LABELS


def test_what_is_said_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "corrections.json"
    kept = Corrections(file)
    kept.add("Fine 好 \ud83d", "positive", {"model": 1.5})
    kept.add("x" * (CHARACTERS + 5), "negative")
    assert kept.moves
    read = Corrections(file)
    assert read.all == [
        Correction("Fine 好 ?", "positive", {"model": 1.5}),
        Correction("x" * CHARACTERS, "negative"),
    ]
    read.all[1].scores["model"] = -2.0
    read.save()
    assert Corrections(file).all[1].scores == {"model": -2.0}
    read.remove("x" * (CHARACTERS + 5))
    assert not read.moves
    assert len(Corrections(file).all) == 1
    read.replace([Correction(str(number), "neutral") for number in range(MOST + 3)])
    assert [one.text for one in Corrections(file).all][:2] == ["3", "4"]
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, "nobody else's to read"
    with pytest.raises(ValueError, match="purple"):
        read.add("x", "purple")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="folder-not-writable"):
        Corrections(tmp_path / "none" / "corrections.json").add("x", "positive")


def test_broken_corrections_are_put_aside(tmp_path: Path) -> None:
    file = tmp_path / "corrections.json"
    file.write_text('{"corrections": [{"text": "x", "label": "purple", "scores": {}}]}')
    with pytest.raises(KnownError) as error:
        Corrections(file)
    assert error.value.key == "sentiment-corrections"
    assert "purple" in Path(error.value.values["file"]).read_text()
    assert Corrections(file).all == []
