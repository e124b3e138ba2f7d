"""Torch's libraries come in while other threads go on."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from autogpt_desktop.engine import preload

WATCH = """
import sys, threading, time
from autogpt_desktop.engine import preload

loaded = []
thread = threading.Thread(target=lambda: loaded.extend(preload.preload()))
gaps, last = [], time.perf_counter()
thread.start()
while thread.is_alive():
    time.sleep(0.005)
    now = time.perf_counter()
    gaps.append(now - last)
    last = now
assert "torch" not in sys.modules
with open("/proc/self/maps") as maps:
    mapped = "libtorch_cpu.so" in maps.read()
import torch
print(len(loaded), mapped, max(gaps), float(torch.ones(3).sum()), preload.preload())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_other_threads_run_while_the_libraries_load() -> None:
    result = subprocess.run([sys.executable, "-c", WATCH], capture_output=True, text=True, timeout=60)
    count, mapped, gap, total, again = result.stdout.split(maxsplit=4)
    assert int(count) >= 3, result.stderr
    assert mapped == "True", result.stderr
    assert float(gap) < 0.15  # with the lock held it is as long as the whole load, 0.2 to 0.4 s
    assert total == "3.0"
    assert again.strip() == "[]"


def test_what_is_not_there_is_left_to_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(preload, "_LINUX", ("libno-such-thing.so",))
    monkeypatch.setattr(preload, "_MACOS", ("libno-such-thing.dylib",))
    monkeypatch.setattr(preload, "_WINDOWS", ("no-such-thing.dll",))
    assert preload.preload() == []


def test_collector_rests_and_wakes_up() -> None:
    assert gc.isenabled()
    try:
        with preload.gc_paused():
            assert not gc.isenabled()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
        with pytest.raises(ZeroDivisionError), preload.gc_paused():
            raise ZeroDivisionError
        assert gc.isenabled()
    finally:
        gc.unfreeze()
