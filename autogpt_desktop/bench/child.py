"""Starting one of our modules in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

_ROOT = str(Path(__file__).resolve().parents[2])  # where this very package lies


def module_command(module: str) -> list[str]:
    """``python -m module``, but no file of the current folder is taken for a module."""
    code = (
        f"import runpy, sys; {_ROOT!r} in sys.path or sys.path.insert(0, {_ROOT!r}); "
        f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    )
    return [sys.executable, "-P", "-c", code]
