"""Starting one of our modules in a process of its own, and what memory such a process holds."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parents[2])  # where this very package lies
STATUS = Path("/proc/self/status")  # on Linux


def module_command(module: str) -> list[str]:
    """``python -m module``, but no file of the current folder is taken for a module."""
    code = (
        f"import runpy, sys; {_ROOT!r} in sys.path or sys.path.insert(0, {_ROOT!r}); "
        f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    )
    return [sys.executable, "-P", "-c", code]


def status_mb(key: str) -> float:
    """VmRSS or VmHWM of this process, in megabytes (10⁶ bytes), where there is ``STATUS``."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(f"{key}:"))
    return int(line.split()[1]) * 1024 / 1e6
