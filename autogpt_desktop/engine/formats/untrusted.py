"""Values in files of strangers may be of any kind; what reading them raises is a known error, not a bug."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from autogpt_desktop.errors import KnownError

# What values of a wrong kind or size lead to: an array where a number belongs, a zero that divides.
_SENSELESS = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RecursionError)


@contextmanager
def untrusted(name: str, key: str = "model-senseless", **values: object) -> Iterator[None]:
    """Around code that takes a stranger's values as they are. Raises KnownError(``key``, name=…).

    Panics of a library in Rust, which are no Exceptions so that nobody catches them, count too, and so do
    its errors, which are Exceptions of no kind.
    """
    try:
        yield
    except KnownError:
        raise
    except _SENSELESS as error:
        raise KnownError(key, name=name, **values) from error
    except BaseException as error:
        if type(error) is not Exception and type(error).__module__ != "pyo3_runtime":
            raise
        raise KnownError(key, name=name, **values) from error
