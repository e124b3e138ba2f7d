"""What can go wrong in ways we know: a key and values. ``i18n.message`` words them for people."""

from __future__ import annotations

from typing import Any


class KnownError(Exception):
    """An expected failure.

    ``key`` names a sentence of the i18n catalogs (``error.<key>``) that says what happened and
    what to do next; ``values`` fill its placeholders.
    """

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(key, values)
        self.key = key
        self.values = values

    def __str__(self) -> str:
        details = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.key} ({details})" if details else self.key
