"""Load torch's shared libraries without stopping the other threads of the process.

``import torch`` maps and relocates some 400 MB of libraries inside ``dlopen``, which CPython calls
with the global interpreter lock held: a window on another thread freezes for 0.2 s on a warm disk
and for seconds on a cold one. A foreign function that ``ctypes`` calls runs without the lock, so
``dlopen`` itself is called that way here; the import then finds its libraries already loaded.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# In the order in which they need each other. libtorch_python is left to the import: it talks to the
# interpreter while it is loaded, which takes the lock.
_LINUX = ("libgomp.so.1", "libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so")
_MACOS = ("libomp.dylib", "libc10.dylib", "libtorch_cpu.dylib", "libtorch.dylib")
_WINDOWS = ("libiomp5md.dll", "c10.dll", "torch_cpu.dll", "c10_cuda.dll", "torch_cuda.dll", "torch.dll")
_LOAD_WITH_ALTERED_SEARCH_PATH = 0x00000008


def preload() -> list[str]:
    """Load what is there of torch's libraries; returns their names. Call on the worker's thread.

    What cannot be loaded here is left to ``import torch``, which then says why.
    """
    if "torch" in sys.modules:
        return []
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / "lib"
    if sys.platform == "win32":
        return [name for name in _WINDOWS if _load_windows(folder / name)]
    names = _MACOS if sys.platform == "darwin" else _LINUX
    return [name for name in names if _load_posix(folder / name)]


@contextmanager
def gc_paused() -> Iterator[None]:
    """No garbage collection inside, and what was made there is left out of every later one.

    Torch's modules are a million objects that live as long as the process. Each full collection would
    walk them all with the lock held, some 0.1 s, during the import and again while answers stream.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_on:
            gc.enable()


def _load_posix(library: Path) -> bool:
    if not os.path.isfile(library):
        return False
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.argtypes = (ctypes.c_char_p, ctypes.c_int)
    dlopen.restype = ctypes.c_void_p
    return dlopen(os.fsencode(library), os.RTLD_NOW | os.RTLD_LOCAL) is not None


def _load_windows(library: Path) -> bool:
    if sys.platform != "win32" or not os.path.isfile(library):
        return False
    load = ctypes.windll.kernel32.LoadLibraryExW
    load.argtypes = (ctypes.c_wchar_p, ctypes.c_void_p, ctypes.c_uint32)
    load.restype = ctypes.c_void_p
    return load(str(library), None, _LOAD_WITH_ALTERED_SEARCH_PATH) is not None
