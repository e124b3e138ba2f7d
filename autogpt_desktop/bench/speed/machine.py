"""The machine, and who else was at work on it during a run."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

_NOISY = 0.2  # of one core


def description() -> str:
    """Processor and cores, in a line."""
    name = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                name = f"{line.partition(':')[2].strip()}, {name}"
                break
    return f"{name}, {os.cpu_count()} cores"


def load_average() -> float | None:
    """Processes that ran or waited during the last minute; None where the system does not count."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


@dataclass(frozen=True)
class Noise:
    """What disturbed a run: the busiest other process, and time that a virtual machine was not run.

    ``cpu`` and ``steal`` are shares of one core.
    """

    process: str
    cpu: float
    steal: float

    @property
    def noisy(self) -> bool:
        return self.cpu > _NOISY or self.steal > _NOISY


class Watch:
    """Processor time of every process but this one and those it started, since it was made (Linux)."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.before, self.stolen = _processes(), _steal()

    def others(self) -> list[tuple[str, float]]:
        """Name and share of a core of every other process since then, the busiest first."""
        elapsed = time.monotonic() - self.began
        after = _processes()
        ours = {os.getpid()}
        while found := {pid for pid, p in after.items() if p.parent in ours and pid not in ours}:
            ours |= found
        shares = []
        for pid, process in after.items():
            old = self.before.get(pid)
            # a process that is new since then began at nothing
            spent = process.seconds - (old.seconds if old and old.started == process.started else 0.0)
            if pid not in ours:
                shares.append((process.name, spent / elapsed))
        return sorted(shares, key=lambda share: -share[1])

    def stop(self) -> Noise | None:
        """What happened since; None where nothing can be seen (no /proc, or nobody else in it)."""
        stolen = (_steal() - self.stolen) / (time.monotonic() - self.began)
        others = self.others()
        return Noise(*others[0], stolen) if others else None


@dataclass(frozen=True)
class _Process:
    name: str
    parent: int
    started: int
    seconds: float


def _processes() -> dict[int, _Process]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended
            continue
        name = text[text.find("(") + 1 : text.rfind(")")]
        fields = text[text.rfind(")") + 2 :].split()  # from field 3 of proc(5) on
        ticks = int(fields[11]) + int(fields[12])
        found[int(folder.name)] = _Process(name, int(fields[1]), int(fields[19]), ticks / _TICKS)
    return found


def _steal() -> float:
    """Seconds that a virtual machine's cores were ready and not run, all together."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().splitlines()[0].split()
    return int(fields[8]) / _TICKS if len(fields) > 8 else 0.0


_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
