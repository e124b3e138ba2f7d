"""The peer of a new model: nanoGPT's recipe for CPUs, on the same text for the same time.

Its shape and settings as its README has them for a laptop (github.com/karpathy/nanoGPT,
``train_shakespeare_char.py --device=cpu --block_size=64 --batch_size=12 --n_layer=4 --n_head=4
--n_embd=128 --dropout=0.0``): GPT-2's layers without biases, learned positions, one token a byte, AdamW
with a cosine to a tenth. There it makes 2,000 steps; here as many as the time allows, the cosine over all.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK, BATCH, LAYERS, HEADS, WIDTH = 64, 12, 4, 4, 128
_RATE, _LEAST, _WARMUP, _BETAS, _DECAY = 1e-3, 1e-4, 100, (0.9, 0.99), 0.1
_WINDOWS = 64  # that are evaluated at a time


class _Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH, bias=False), nn.LayerNorm(WIDTH, bias=False)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        heads = self.qkv(self.first(x)).chunk(3, -1)
        q, k, v = (one.unflatten(-1, (HEADS, -1)).transpose(1, 2) for one in heads)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + self.out(mixed)
        return x + self.down(F.gelu(self.up(self.second(x))))


class _CharGPT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(256, WIDTH), nn.Embedding(BLOCK, WIDTH)
        self.layers = nn.Sequential(*(_Layer() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                writes = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(parameter, 0.0, 0.02 / math.sqrt(2 * LAYERS) if writes else 0.02)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        return F.linear(self.norm(self.layers(x)), self.tokens.weight)


def char_gpt(train: bytes, held_out: bytes, seconds: float, seed: int = 0) -> dict[str, Any]:
    """Bits per byte of ``held_out`` after ``seconds`` of training on ``train``."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    data = np.frombuffer(train, np.uint8)
    model = _CharGPT()
    groups = [
        {"params": [one for one in model.parameters() if (one.dim() >= 2) == decayed], "weight_decay": decay}
        for decayed, decay in ((True, _DECAY), (False, 0.0))
    ]
    optimizer = torch.optim.AdamW(groups, lr=_RATE, betas=_BETAS, fused=True)
    began, step = time.monotonic(), 0
    while (gone := time.monotonic() - began) < seconds:
        share = gone / seconds
        rate = _LEAST + 0.5 * (1 + math.cos(math.pi * share)) * (_RATE - _LEAST)
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / _WARMUP)
        starts = random.integers(0, len(data) - BLOCK, BATCH)
        rows = torch.from_numpy(np.stack([data[at : at + BLOCK + 1] for at in starts]).astype(np.int64))
        loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
    tokens = step * BATCH * BLOCK
    return {"bits_per_byte": _bits(model, held_out), "steps": step, "tokens/s": round(tokens / seconds)}


@torch.no_grad()
def _bits(model: _CharGPT, held_out: bytes) -> float:
    data = torch.from_numpy(np.frombuffer(held_out, np.uint8).astype(np.int64))
    windows = (len(data) - 1) // BLOCK
    ids, targets = (data[at : at + windows * BLOCK].view(windows, BLOCK) for at in (0, 1))
    total = 0.0
    for start in range(0, windows, _WINDOWS):
        logits = model(ids[start : start + _WINDOWS]).flatten(0, 1)
        total += float(F.cross_entropy(logits, targets[start : start + _WINDOWS].flatten(), reduction="sum"))
    return total / math.log(2) / (windows * BLOCK)
