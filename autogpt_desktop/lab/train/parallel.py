"""Data parallel: each process takes its share of a step's sequences, and the gradients are summed.

``torchrun`` starts the processes, on one machine or several, and says by its variables who is who.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Group:
    """The processes that train one model together."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Is this the one that writes, evaluates and looks at the clock?"""
        return self.rank == 0

    def share(self, count: int) -> range:
        """Which of a step's ``count`` sequences are this process's."""
        return range(self.rank, count, self.size)

    def add_up(self, tensors: Iterable[Tensor], *numbers: float) -> list[float]:
        """Sum tensors in place, and numbers, over all processes."""
        if self.size == 1:
            return list(numbers)
        parts = list(tensors)
        flat = torch.cat([*(one.reshape(-1).float() for one in parts), torch.tensor(numbers)])
        dist.all_reduce(flat)
        at = 0
        for one in parts:
            one.copy_(flat[at : at + one.numel()].view_as(one))
            at += one.numel()
        return [float(one) for one in flat[at:]]

    def agree(self, *numbers: float) -> list[float]:
        """What the leading process says."""
        if self.size == 1:
            return list(numbers)
        told = torch.tensor(numbers, dtype=torch.float64)
        dist.broadcast(told, 0)
        return [float(one) for one in told]


def join_group() -> Group:
    """The group that ``torchrun`` started us in, or this process alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) <= 1:
        return Group()
    if not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return Group(dist.get_rank(), dist.get_world_size())


def leave_group() -> None:
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()
