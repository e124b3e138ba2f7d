"""What the system must have that pip cannot bring: Qt's libraries, a Chinese font, test tools.

Standard library only; runs on Python 3.11 to 3.13.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# Debian's package for a shared library, where it is not just the library's name and number.
PACKAGES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libGLX.so.0": "libglx0",
    "libOpenGL.so.0": "libopengl0",
    "libX11.so.6": "libx11-6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libgssapi_krb5.so.2": "libgssapi-krb5-2",
    "libz.so.1": "zlib1g",
}
FONT_PACKAGE = "fonts-noto-cjk"
TEST_TOOLS = {"Xvfb": "xvfb", "xdotool": "xdotool", "openbox": "openbox"}
# Parts of Qt whose libraries count: the X11 and Wayland platforms, and what a window draws with.
QT_PARTS = (
    "Qt/lib/libQt6Gui.so.6",
    "Qt/lib/libQt6Widgets.so.6",
    "Qt/lib/libQt6Network.so.6",
    "Qt/lib/libQt6Svg.so.6",
    "Qt/plugins/platforms/libqxcb.so",
    "Qt/plugins/platforms/libqwayland.so",
    "Qt/plugins/platforms/libqwayland-generic.so",
)


def is_debian() -> bool:
    return sys.platform == "linux" and shutil.which("apt-get") is not None


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def package_of(library: str) -> str:
    """``libxcb-cursor.so.0`` → ``libxcb-cursor0``, by Debian's rule or the table of exceptions."""
    if library in PACKAGES:
        return PACKAGES[library]
    match = re.fullmatch(r"(lib.+?)\.so(?:\.(\d+))?.*", library)
    if not match:
        return ""
    name, number = match[1].lower().replace("_", "-"), match[2] or ""
    return f"{name}-{number}" if number and name[-1].isdigit() else f"{name}{number}"


def missing_in(ldd_output: str) -> list[str]:
    """Libraries that ``ldd`` did not find."""
    return re.findall(r"^\s*(\S+) => not found", ldd_output, re.MULTILINE)


def missing_libraries(pyside: Path) -> list[str]:
    """Shared libraries that Qt in ``pyside`` needs and the system lacks."""
    ldd = shutil.which("ldd")
    if sys.platform != "linux" or ldd is None:
        return []
    missing: set[str] = set()
    for part in QT_PARTS:
        if (pyside / part).exists():
            done = subprocess.run([ldd, str(pyside / part)], capture_output=True, text=True)
            missing.update(missing_in(done.stdout))
    return sorted(library for library in missing if not library.startswith("libQt6"))


def has_chinese_font() -> bool:
    """Whether fontconfig knows a font with Chinese characters. macOS and Windows bring theirs."""
    if sys.platform != "linux":
        return True
    fc_list = shutil.which("fc-list")
    if fc_list is None:
        return False
    return bool(subprocess.run([fc_list, ":lang=zh", "family"], capture_output=True).stdout.strip())


def missing_tools() -> list[str]:
    """Programs the end-to-end test starts and the system lacks."""
    return [tool for tool in TEST_TOOLS if sys.platform == "linux" and shutil.which(tool) is None]


def cuda_of_driver() -> tuple[int, int] | None:
    """The newest CUDA version that the NVIDIA driver runs; None: no NVIDIA GPU that works."""
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return None
    try:
        done = subprocess.run([smi], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"CUDA Version:\s*(\d+)\.(\d+)", done.stdout) if done.returncode == 0 else None
    return (int(match[1]), int(match[2])) if match else None


def has_display() -> bool:
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def apt_line(packages: list[str], *, sudo: bool = True) -> str:
    return f"{'sudo ' if sudo else ''}apt-get install -y --no-install-recommends {' '.join(packages)}"
