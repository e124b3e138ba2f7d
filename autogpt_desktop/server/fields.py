"""The fields of a request's body, each checked where it is read: what is wrong is named."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from autogpt_desktop.server.errors import ApiError, wrong


class Fields:
    """An object of a body. ``at`` is where it stands, such as ``messages[2].``"""

    def __init__(self, values: Mapping[str, Any], at: str = "") -> None:
        self._values, self._at = values, at

    def __contains__(self, name: str) -> bool:
        return self._values.get(name) is not None  # null is as if it were not there

    def raw(self, name: str) -> Any:
        """Whatever stands there; None: nothing."""
        return self._values.get(name)

    def place(self, name: str) -> str:
        return f"{self._at}{name}"

    def number(self, name: str, low: float, high: float, default: float) -> float:
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise wrong(self.place(name), "must be a number")
        if not low <= value <= high:
            raise wrong(self.place(name), f"must be between {low:g} and {high:g}")
        return float(value)

    def whole(self, name: str, low: int, high: int, default: int) -> int:
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not (isinstance(value, int) or _is_whole(value)):
            raise wrong(self.place(name), "must be a whole number")
        if not low <= value <= high:
            raise wrong(self.place(name), f"must be between {low} and {high}")
        return int(value)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._values.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise wrong(self.place(name), "must be true or false")
        return value

    def text(self, name: str, default: str | None = None) -> str:
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        if value is None:
            raise ApiError(400, f"'{self.place(name)}' is missing", param=self.place(name), code="missing")
        if not isinstance(value, str):
            raise wrong(self.place(name), "must be a text")
        return value

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise wrong(self.place(name), f"must be one of {', '.join(choices)}")
        return value

    def object(self, name: str) -> Fields:
        """An empty one where nothing stands there."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, dict):
            raise wrong(self.place(name), "must be an object")
        return Fields(value or {}, f"{self.place(name)}.")

    def objects(self, name: str, most: int) -> list[Fields]:
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise wrong(self.place(name), "must be an array")
        if len(value) > most:
            raise wrong(self.place(name), f"may have at most {most} items")
        for index, item in enumerate(value):
            if not isinstance(item, dict):
                raise wrong(f"{self.place(name)}[{index}]", "must be an object")
        return [Fields(item, f"{self.place(name)}[{index}].") for index, item in enumerate(value)]

    def texts(self, name: str, most: int) -> list[str]:
        """A text, or several of them."""
        value = self._values.get(name)
        items = [value] if isinstance(value, str) else ([] if value is None else value)
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise wrong(self.place(name), "must be a text or an array of texts")
        if len(items) > most:
            raise wrong(self.place(name), f"may have at most {most} items")
        return items

    def unsupported(self, *names: str) -> None:
        """Refuse what would change the answer and is not done here: nothing is left out silently."""
        for name in names:
            if self._values.get(name) not in (None, False, [], {}):
                raise ApiError(
                    400, f"'{self.place(name)}' is not supported", param=self.place(name), code="unsupported"
                )


def _is_whole(value: object) -> bool:
    return isinstance(value, float) and value.is_integer()
