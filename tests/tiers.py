"""Which tier a test is in: ``fast``, ``weights``, ``slow``. Only ``slow`` is written by hand.

``weights``: a fixture of the test, or what it asks for by name, leads to real weights.
``slow``: marked so, because it takes more than about a quarter of a second, imports transformers, or starts
compilers or many processes.
``fast``: all the others. They pass without any model on the computer.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from autogpt_desktop import paths

FETCH = "python3 packaging/bootstrap.py test"
TIERS = ("fast", "weights", "slow")
WEIGHTS = frozenset({"starter_gguf", "gemma_gguf", "minilm_folder", "pack_en_pt", "pack_pt_en"})

_ALL_SLOW = re.compile(r"^pytestmark = (?:\[[^]]*)?pytest\.mark\.slow\b", re.MULTILINE)  # alone, or in a list

MEMORY = Path("/dev/shm")

_running: list[pytest.Item] = []


def give_tiers(items: Iterable[pytest.Item]) -> None:
    """Mark every test with its tier; slow tests with real weights are in both."""
    for item in items:
        if WEIGHTS.intersection(item.fixturenames):  # type: ignore[attr-defined]
            item.add_marker(pytest.mark.weights)
        if not tiers_of(item):
            item.add_marker(pytest.mark.fast)


@functools.cache
def is_slow_file(path: Path) -> bool:
    """Whether all tests of a file are marked slow, told without importing it."""
    if path.suffix != ".py":
        return False
    return _ALL_SLOW.search(path.read_text(encoding="utf-8")) is not None


def has_room(folder: Path) -> bool:
    """Whether tests can write there, and run what they have written."""
    try:
        free, runs = shutil.disk_usage(folder).free, not os.statvfs(folder).f_flag & os.ST_NOEXEC
    except (OSError, AttributeError):  # neither on Windows nor on macOS
        return False
    return free > 2 << 30 and runs and os.access(folder, os.W_OK)


def tiers_of(item: pytest.Item) -> set[str]:
    return {tier for tier in TIERS if item.get_closest_marker(tier)}


def start(item: pytest.Item) -> None:
    _running.append(item)


def end() -> None:
    _running.pop()


def real_weights(name: str, file: str) -> Path:
    """The path of a model's file. Fails in a fast test, and where the file is missing."""
    if _running and "fast" in tiers_of(_running[-1]):
        pytest.fail(
            "A fast test asked for real weights. Name the fixture in its arguments, or mark it: "
            "@pytest.mark.weights",
            pytrace=False,
        )
    path = paths.bundled_models() / name / file
    if not path.is_file():
        pytest.fail(f"The real weights {path} are missing. Fetch them with: {FETCH}", pytrace=False)
    return path
