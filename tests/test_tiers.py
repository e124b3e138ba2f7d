"""The tiers of the tests themselves: every test has one, and the fast ones need no weights."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests import conftest, shares, tiers


def test_every_test_has_a_tier(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        given = tiers.tiers_of(item)
        assert given, item.nodeid
        assert given == {"fast"} or "fast" not in given, f"{item.nodeid} cannot be all of {sorted(given)}"


def test_a_fast_test_gets_no_weights(request: pytest.FixtureRequest) -> None:
    assert tiers.tiers_of(request.node) == {"fast"}
    with pytest.raises(pytest.fail.Exception, match="A fast test asked for real weights"):
        tiers.real_weights("some-model", "model.gguf")


def test_a_test_that_names_the_fixture_gets_them(minilm_folder: Path, request: pytest.FixtureRequest) -> None:
    assert tiers.tiers_of(request.node) == {"weights"}
    assert (minilm_folder / "config.json").is_file()


@pytest.mark.parametrize(
    ("named", "processes"), [([], 3), ([__file__], 0), ([f"{__file__}::test_x"], 0), (["tests/cli"], 0)]
)
def test_a_tier_is_spread_and_named_files_are_not(
    named: list[str], processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    config = SimpleNamespace(option=SimpleNamespace(file_or_dir=named))
    assert conftest.pytest_xdist_auto_num_workers(cast("pytest.Config", config)) == processes


def test_slow_files_are_told_without_importing_them() -> None:
    folder = Path(__file__).parent
    assert tiers.is_slow_file(folder / "engine" / "test_reference.py")
    assert tiers.is_slow_file(folder / "engine" / "native" / "test_native.py"), "slow is one mark of several"
    assert not tiers.is_slow_file(Path(__file__))
    assert not tiers.is_slow_file(folder / "data" / "prose.txt")


@pytest.mark.skipif(sys.platform != "linux", reason="the folder is Linux's")
def test_files_lie_in_memory_only_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not tiers.has_room(tmp_path / "missing")
    for free, has in ((1 << 30, False), (3 << 30, True)):
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder, usage=usage: usage)
        monkeypatch.setattr(os, "statvfs", lambda folder: SimpleNamespace(f_flag=0), raising=False)
        assert tiers.has_room(tmp_path) == has
    monkeypatch.setattr(os, "statvfs", lambda folder: SimpleNamespace(f_flag=os.ST_NOEXEC), raising=False)
    assert not tiers.has_room(tmp_path)


FILES = [path for path in shares.TESTS.rglob("test_*.py") if not tiers.is_slow_file(path)]


def test_every_area_has_its_place() -> None:
    assert {shares.area_of(path) for path in FILES} <= set(shares.AREAS)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_shares_have_every_file_once_and_are_nearly_equal(count: int) -> None:
    divided = shares.divide(FILES, count)
    assert len(divided) == count
    assert sorted(path for share in divided for path in share) == sorted(FILES)
    costs = [sum(map(shares.cost_of, share)) for share in divided]
    longest = max(map(shares.cost_of, FILES))
    assert max(costs) - min(costs) <= 2 * longest


def test_a_process_collects_its_own_share() -> None:
    one, other = shares.divide(FILES, 2)
    option = SimpleNamespace(markexpr="fast")
    config = SimpleNamespace(option=option, stash=pytest.Stash(), workerinput={"share": (1, 2)})
    ignored = [conftest.pytest_ignore_collect(path, cast("pytest.Config", config)) for path in (*one, *other)]
    assert ignored == [True] * len(one) + [None] * len(other)
    assert conftest.pytest_ignore_collect(shares.TESTS / "ui", cast("pytest.Config", config)) is None
    option.markexpr = "slow"
    assert conftest.pytest_ignore_collect(one[0], cast("pytest.Config", config)) is None


@pytest.mark.parametrize(
    ("change", "has"),
    [
        ({}, True),
        ({"markexpr": "slow"}, False),
        ({"file_or_dir": ["tests/ui"]}, False),
        ({"dist": "no"}, False),
    ],
)
def test_only_the_whole_fast_tier_has_shares(change: dict[str, object], has: bool) -> None:
    option = {"markexpr": "fast", "file_or_dir": [], "dist": "loadfile"} | change
    config = cast("pytest.Config", SimpleNamespace(option=SimpleNamespace(**option)))
    assert conftest.has_shares(config) == has
