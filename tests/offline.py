"""Run a module with every socket denied but local ones: ``python tests/offline.py MODULE ARGUMENTS…``.

On Linux the kernel denies them (a seccomp filter that native code and child processes are under too);
elsewhere Python's sockets are kept from connecting.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import runpy
import socket
import struct
import sys
from typing import Any

# seccomp: number of the socket call and audit code of the architecture (linux/audit.h)
_ARCHITECTURES = {"x86_64": (41, 0xC000003E), "aarch64": (198, 0xC00000B7)}
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def deny_network() -> None:
    """From now on ``socket()`` works for AF_UNIX alone, in this process and those it starts."""
    numbers = _ARCHITECTURES.get(platform.machine())
    if sys.platform == "linux" and numbers:
        _deny_by_kernel(*numbers)
    else:
        _deny_in_python()


def _deny_by_kernel(socket_call: int, architecture: int) -> None:
    # a jump: steps to skip when equal, steps to skip when not
    steps = [
        (_LOAD, 0, 0, 4),  # the architecture of the call
        (_JUMP_IF_EQUAL, 0, 4, architecture),  # a foreign one: allow, nothing here makes such calls
        (_LOAD, 0, 0, 0),  # its number
        (_JUMP_IF_EQUAL, 0, 2, socket_call),
        (_LOAD, 0, 0, 16),  # its first argument: the family
        (_JUMP_IF_EQUAL, 0, 1, socket.AF_UNIX),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
    ]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(steps), code)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def _deny_in_python() -> None:
    local = getattr(socket, "AF_UNIX", None)

    def guard(name: str) -> Any:
        original = getattr(socket.socket, name)

        def guarded(self: socket.socket, *arguments: Any) -> Any:
            if self.family != local:
                raise PermissionError(errno.EPERM, "the network is denied")
            return original(self, *arguments)

        return guarded

    for name in ("connect", "connect_ex", "sendto", "bind"):
        setattr(socket.socket, name, guard(name))


if __name__ == "__main__":
    deny_network()
    module, sys.argv = sys.argv[1], sys.argv[1:]
    if module == "-c":
        exec(compile(sys.argv[1], "<offline>", "exec"), {"__name__": "__main__"})
    else:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
