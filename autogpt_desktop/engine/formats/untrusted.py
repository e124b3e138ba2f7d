"""Strangers' files may be closed, and their values of any kind: what reading raises is a known error."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autogpt_desktop.errors import KnownError

# What values of a wrong kind or size lead to: an array where a number belongs, a zero that divides.
_SENSELESS = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RecursionError)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Around code that opens a model's files: what the system says of them is "model-unreadable"."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # not from the system
            raise
        raise unreadable(name, error) from error


def unreadable(name: str, error: OSError) -> KnownError:
    return KnownError("model-unreadable", name=name, reason=error.strerror or str(error))


def damaged(error: BaseException, model: str, key: str, /, **values: object) -> KnownError:
    """For what reading a model's file raised: the file is closed to the user, or else ``key``."""
    if isinstance(error, PermissionError):
        return unreadable(model, error)
    return KnownError(key, **values)


def weight_files(folder: Path) -> list[Path]:
    """The ``*.safetensors``. Raises OSError where the folder may not be looked into."""
    return sorted(folder / name for name in os.listdir(folder) if name.endswith(".safetensors"))


@contextmanager
def untrusted(name: str, key: str = "model-senseless", **values: object) -> Iterator[None]:
    """Around code that takes a stranger's values as they are. Raises KnownError(``key``, name=…).

    Panics of a library in Rust, which are no Exceptions so that nobody catches them, count too, and so do
    its errors, which are Exceptions of no kind. A file that cannot be read is none of the model's faults:
    see ``readable``.
    """
    try:
        with readable(name):
            yield
    except KnownError:
        raise
    except _SENSELESS as error:
        raise KnownError(key, name=name, **values) from error
    except BaseException as error:
        if type(error) is not Exception and type(error).__module__ != "pyo3_runtime":
            raise
        raise KnownError(key, name=name, **values) from error
