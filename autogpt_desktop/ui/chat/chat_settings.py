"""System prompt and sampling of a conversation, as the drawer shows them and the history stores them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NamedTuple

from autogpt_desktop.engine.config import Sampling

NAMES = tuple(item.name for item in fields(Sampling))


class ChatSettings(NamedTuple):
    """How a conversation is answered. ``preset``: the name of the one they came from, "": none."""

    system_prompt: str = ""
    sampling: Sampling = Sampling()
    preset: str = ""


def sampling_from(values: dict[str, Any] | None) -> Sampling:
    """Sampling from what the history stores; what is missing has its default."""
    known = {name: value for name, value in (values or {}).items() if name in NAMES}
    if "stop" in known:
        known["stop"] = tuple(str(item) for item in known["stop"] or ())
    return Sampling(**known)


def sampling_values(sampling: Sampling) -> dict[str, Any]:
    """What the history stores of it."""
    return {
        name: list(value) if isinstance(value := getattr(sampling, name), tuple) else value for name in NAMES
    }
