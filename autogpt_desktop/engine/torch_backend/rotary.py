"""Rotary position embeddings: how far each pair of a head turns at each position."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from autogpt_desktop.engine.config import ModelConfig, RopeScaling


def rope_frequencies(
    dim: int, theta: float, scaling: RopeScaling | None, context_length: int = 0
) -> tuple[Tensor, float]:
    """Radians per position of each of the ``dim`` / 2 pairs, and a factor on the rotated vectors.

    RoPE: Su et al., 2021. Scalings as published: "linear" (position interpolation, Chen et al., 2023),
    "llama3" (Llama 3.1's smooth step between kept and divided frequencies), "yarn" (Peng et al., 2023),
    "longrope" (Ding et al., 2024), whose factors are those for long texts wherever ``context_length`` tokens
    are more than the model was first trained on: keys that are cached must not change as a text grows.
    """
    frequencies = theta ** -(torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    if scaling is None:
        return frequencies, 1.0
    if scaling.kind == "longrope":
        factors = scaling.long_factors if is_long(scaling, context_length) else scaling.freq_factors
        return frequencies / torch.tensor(factors, dtype=torch.float64), scaling.attention_factor or 1.0
    if scaling.freq_factors:
        return frequencies / torch.tensor(scaling.freq_factors, dtype=torch.float64)[: dim // 2], 1.0
    if scaling.kind == "linear":
        return frequencies / scaling.factor, 1.0
    original = scaling.original_max_position_embeddings
    if scaling.kind == "llama3":
        turns = original * frequencies / (2 * math.pi)
        kept = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
        kept = kept.clamp(0, 1)
        return frequencies * (kept + (1 - kept) / scaling.factor), 1.0

    # yarn: pairs that turn often keep their frequency, those that turn rarely are interpolated
    def pair_that_turns(turns: float) -> float:
        return dim * math.log(original / (turns * 2 * math.pi)) / (2 * math.log(theta))

    low = max(math.floor(pair_that_turns(scaling.beta_fast)), 0)
    high = min(math.ceil(pair_that_turns(scaling.beta_slow)), dim - 1)
    ramp = ((torch.arange(dim // 2, dtype=torch.float64) - low) / max(high - low, 0.001)).clamp(0, 1)
    factor = scaling.attention_factor
    if factor is None:
        factor = 0.1 * math.log(scaling.factor) + 1.0 if scaling.factor > 1 else 1.0
    return frequencies * (1 - ramp) + frequencies / scaling.factor * ramp, factor


def is_long(scaling: RopeScaling, context_length: int) -> bool:
    """Do texts of so many tokens take the other factors?"""
    return scaling.kind == "longrope" and context_length > scaling.original_max_position_embeddings


def attention_temperature(config: ModelConfig, positions: Tensor) -> Tensor | None:
    """What queries at ``positions`` [T] are scaled by, float32 [T, 1, 1]; None: by nothing (Llama 4)."""
    if not config.attention_temperature:
        return None
    grown = torch.log(1 + (positions // config.attention_temperature_length).float())
    return (1 + config.attention_temperature * grown)[:, None, None]


class RotaryEmbedding:
    """Turns pair (2i, 2i+1) of each head by position · frequency i: one complex product.

    Families whose pairs lie half a head apart have their rows of q and k reordered when they are loaded.
    """

    def __init__(
        self,
        config: ModelConfig,
        theta: float,
        scaled: bool,
        device: torch.device,
        context_length: int = 0,
    ) -> None:
        rotating = config.rope_dim or config.head_dim
        scaling = config.rope_scaling if scaled else None
        frequencies, factor = rope_frequencies(rotating, theta, scaling, context_length)
        still = torch.zeros((config.head_dim - rotating) // 2, dtype=torch.float64)
        self.frequencies = torch.cat([frequencies, still])
        self.factor = torch.cat([torch.full_like(frequencies, factor), torch.ones_like(still)])
        self.device = device
        self.table = torch.empty(0, len(self.frequencies), dtype=torch.complex64, device=device)

    def freqs_cis(self, start: int, stop: int) -> Tensor:
        """e^(i·angle) of positions start…stop-1, complex64 [positions, 1, D/2]."""
        if stop > len(self.table):
            positions = torch.arange(max(stop, 2 * len(self.table), 512), dtype=torch.float64)
            angles = positions[:, None] * self.frequencies
            table = torch.polar(self.factor.expand_as(angles).contiguous(), angles)
            self.table = table.to(torch.complex64).to(self.device)
        return self.table[start:stop, None]


def rotary_embeddings(
    config: ModelConfig, context_length: int, device: torch.device
) -> tuple[RotaryEmbedding, RotaryEmbedding]:
    """Of layers that see everything, and of those with a sliding window."""
    rope = RotaryEmbedding(config, config.rope_theta, True, device, context_length)
    if config.family == "gemma3":
        return rope, RotaryEmbedding(config, config.rope_local_theta, False, device)
    return rope, rope


def state_layout(layout: str, config: ModelConfig, context_length: int) -> str:
    """A state's layout with what else its keys depend on."""
    scaling = config.rope_scaling
    return f"{layout}, long" if scaling is not None and is_long(scaling, context_length) else layout
