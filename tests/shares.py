"""Shares of the fast tier: each process imports the test files of its own share only.

With ``--dist loadfile`` every process collects everything, and to rewrite the asserts of all files takes
each of them many seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from xdist.scheduler import EachScheduling

if TYPE_CHECKING:
    import pytest

TESTS = Path(__file__).parent
# Areas whose files import the same things lie beside each other, and so mostly in one process: torch first,
# Qt last. With the seconds that a megabyte of test files takes, collected and run.
AREAS = {
    "engine": 75, "lab": 70, "bench": 110, "tasks": 25, "cli": 110, "catalog": 65, "": 65, "packaging": 40,
    "storage": 40, "documents": 45, "server": 70, "ui": 70,
}  # fmt: skip


def area_of(path: Path) -> str:
    """The folder below ``tests``, "" for a file right there."""
    parts = path.relative_to(TESTS).parts
    return parts[0] if len(parts) > 1 else ""


def cost_of(path: Path) -> float:
    return path.stat().st_size * AREAS.get(area_of(path), 70)  # of a new area nothing is known yet


def divide(files: Iterable[Path], shares: int) -> list[list[Path]]:
    """As many shares of about equal time, each of neighbors."""
    files = list(files)
    order = [*AREAS, *sorted({area_of(path) for path in files} - AREAS.keys())]
    queue = sorted(files, key=lambda path: (order.index(area_of(path)), path))
    costs = [cost_of(path) for path in queue]
    divided: list[list[Path]] = [[] for _ in range(shares)]
    begun, whole = 0, sum(costs) or 1
    for path, cost in zip(queue, costs, strict=True):
        middle = begun + cost / 2
        divided[min(shares - 1, int(middle * shares / whole))].append(path)
        begun += cost
    return divided


class OwnShares(EachScheduling):  # type: ignore[misc]
    """Every process runs all that it has collected."""

    config: pytest.Config

    def schedule(self) -> None:
        super().schedule()
        session = self.config.pluginmanager.get_plugin("session")
        assert session is not None
        # for the percentage: not only of the process that was the last to collect
        session.testscollected = sum(map(len, self.node2collection.values()))
