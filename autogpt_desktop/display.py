"""Whether there is a display, asked without Qt, which aborts the process where there is none."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


def has_display() -> bool:
    """Whether a window can open. Qt would abort the process where it cannot."""
    if sys.platform in ("win32", "darwin"):
        return True
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if platform and platform.split(":")[0] not in ("xcb", "wayland"):
        return True  # offscreen, vnc, linuxfb …: somebody knows what they want
    if os.environ.get("WAYLAND_DISPLAY"):
        return True
    return _x_answers(os.environ.get("DISPLAY", ""))


def _x_answers(display: str) -> bool:
    """Whether an X server listens at ``display`` (``host:number.screen``, ``:number``)."""
    host, colon, number = display.rpartition(":")
    number = number.split(".")[0]
    if not colon or not number.isdigit():
        return False
    if host.startswith("/"):  # a socket's path, as on macOS
        return True
    name = f"/tmp/.X11-unix/X{number}"
    # Linux servers may listen on the abstract name only
    local: list[tuple[int, Any]] = [(socket.AF_UNIX, name), (socket.AF_UNIX, "\0" + name)]
    remote: list[tuple[int, Any]] = [(socket.AF_INET, (host, 6000 + int(number)))]
    for family, address in local if host in ("", "unix") else remote:
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.settimeout(2)
                probe.connect(address)
                return True
        except OSError:
            continue
    return False
