"""The one schema of what strangers' tables say about a model: GGUF metadata, ``config.json`` and the like.

A value counts only if it is of the kind that is asked for and within its range: no text for a number, no
number for a flag, no half layers, no infinity. What is absent, or null, is the default.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from autogpt_desktop.engine.config import ModelConfig, RopeScaling

MAX_LAYERS = 1024
MAX_SIZE = 1 << 20  # hidden and MLP widths, heads; the largest models stay below 2^17
MAX_TOKENS = 1 << 24  # vocabulary and context
MOST = 1e15  # of any number


class Settings:
    """Typed access to one table. ``bad`` makes the error for a setting that is missing or makes no sense."""

    def __init__(self, values: Mapping[str, Any], bad: Callable[[str], Exception], prefix: str = "") -> None:
        self.values, self.bad, self.prefix = values, bad, prefix

    def get(self, key: str) -> Any:
        """The value as it is; None for none."""
        return self.values.get(self.prefix + key)

    def integer(self, key: str, default: int | None = None, *, low: int = 1, high: int = MAX_SIZE) -> int:
        """A whole number in [low, high]; of one for each layer that are all the same, that one."""
        value = self.get(key)
        if value is None and default is not None:
            value = default
        if hasattr(value, "tolist"):  # an array of NumPy, which takes long to import
            items = value.tolist()
            if isinstance(items, list) and items and items.count(items[0]) == len(items):
                value = items[0]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.bad(key)
        return value

    def number(self, key: str, default: float, *, low: float = 0.0, high: float = MOST) -> float:
        """A number in (low, high]."""
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool) or not low < value <= high:
            raise self.bad(key)  # also NaN: no comparison with it holds
        return float(value)

    def numbers(self, key: str, low: float = 0.0, high: float = MOST) -> tuple[float, ...]:
        """A list of numbers in (low, high]; (): there is none."""
        value = self.get(key)
        if value is None:
            return ()
        numbers = isinstance(value, list) and all(type(one) in (int, float) for one in value)
        if not numbers or not all(low < one <= high for one in value):
            raise self.bad(key)
        return tuple(float(one) for one in value)

    def softcap(self, key: str) -> float:
        """Where logits are capped; 0: nowhere."""
        return 0.0 if self.get(key) in (None, 0, 0.0) else self.number(key, 0.0, high=1e6)

    def flag(self, key: str, default: bool) -> bool:
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.bad(key)
        return value

    def text(self, key: str, default: str) -> str:
        value = self.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.bad(key)
        return value

    def table(self, key: str) -> Settings:
        """A table inside this one, empty where there is none."""
        value = self.get(key)
        if value is not None and not isinstance(value, dict):
            raise self.bad(key)
        return Settings(value or {}, self.bad)


def yarn_attention(factor: float, mscale: float, mscale_all_dim: float) -> float:
    """YaRN's factor on rotated vectors where a maker scales its logarithm (DeepSeek-V2)."""
    grown = 0.1 * math.log(max(factor, 1.0))
    return (mscale * grown + 1) / (mscale_all_dim * grown + 1)


def rope_scaling(
    settings: Settings, kind: str, context: int, attention: float | None, original: int
) -> RopeScaling:
    """A scaling in Hugging Face's names, of a kind that is computed: "linear", "llama3", "yarn",
    "longrope"."""
    low = settings.number("low_freq_factor", 1.0, high=1e6)
    factor = settings.number("factor", 1.0, high=1e6)
    scales = [settings.get(name) for name in ("mscale", "mscale_all_dim")]
    if kind == "yarn" and attention is None and all(scales):
        mscale, all_dim = (settings.number(name, 1.0, high=1e4) for name in ("mscale", "mscale_all_dim"))
        attention = yarn_attention(factor, mscale, all_dim)
    if kind == "longrope" and attention is None:
        factor = settings.number("factor", context / original, high=1e6)
        attention = math.sqrt(1 + math.log(factor) / math.log(max(original, 2))) if factor > 1 else 1.0
    return RopeScaling(
        kind=kind,
        factor=factor,
        low_freq_factor=low,
        # behind it: their difference is divided by
        high_freq_factor=settings.number("high_freq_factor", max(4.0, 2 * low), low=low, high=1e9),
        original_max_position_embeddings=original,
        freq_factors=settings.numbers("short_factor", high=1e6) if kind == "longrope" else (),
        long_factors=settings.numbers("long_factor", high=1e6) if kind == "longrope" else (),
        beta_fast=settings.number("beta_fast", 32.0, low=1e-6, high=1e6),
        beta_slow=settings.number("beta_slow", 1.0, low=1e-6, high=1e6),
        attention_factor=attention,
    )


def senseless(c: ModelConfig) -> str:
    """What of a whole configuration does not go together; "" if all does."""
    scaling = c.rope_scaling
    scaled = scaling is not None and scaling.kind == "yarn"
    long = scaling is not None and scaling.kind == "longrope"
    factors = (scaling.freq_factors, scaling.long_factors) if scaling is not None and long else ()
    sensible = {
        "num_key_value_heads": c.num_attention_heads % c.num_key_value_heads == 0,
        "head_dim": c.head_dim % 2 == 0,
        "rope_dim": 0 < c.rope_dim <= c.head_dim and c.rope_dim % 2 == 0,
        "layer_types": len(c.sliding_layers) in (0, c.num_hidden_layers) and c.attention_layers > 0,
        "linear_num_value_heads": c.delta_net is None
        or c.delta_net.num_value_heads % c.delta_net.num_key_heads == 0,
        "rope_factors": all(len(one) == c.rope_dim // 2 for one in factors),
        "unrotated_layers": len(c.unrotated_layers) in (0, c.num_hidden_layers),
        "attention_temperature": not c.attention_temperature or c.attention_temperature_length > 0,
        "rope_theta": c.rope_theta >= (1.001 if scaled else 1.0),  # yarn divides by its logarithm
    }
    return next((name for name, fine in sensible.items() if not fine), "")
