"""What a job yields: small frozen values that travel from the worker to whoever asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is. ``stage`` is a key of the i18n catalogs (``stage.loading``)."""

    stage: str
    done: int = 0
    total: int = 0  # 0: not known
    name: str = ""  # of what is worked on now, such as a file


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of generated text: whole characters only."""

    text: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should be told that is not an error (``notice.gpu-full``)."""

    key: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """A finished value of a job that does not stream text."""

    value: Any


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a generation, with what it took."""

    finish_reason: str  # "stop", "length", "cancelled"
    prompt_tokens: int = 0
    cached_tokens: int = 0  # of the prompt, found in the KV cache
    new_tokens: int = 0
    time_to_first_token: float = 0.0  # seconds
    tokens_per_second: float = 0.0
    context_used: int = 0  # tokens
    context_length: int = 0  # tokens
    drafted_tokens: int = 0  # guessed from what was written before, see engine.generation.prompt_lookup
    accepted_tokens: int = 0  # of these, how many the model chose too


Event = Progress | Text | Notice | Result | Done
