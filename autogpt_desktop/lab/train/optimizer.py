"""What moves the weights: AdamW (Loshchilov and Hutter, 2019), with Muon for the layers' matrices."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from autogpt_desktop.engine.torch_backend.training import parameters_of, weights_changed
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.lab.train.muon import Muon
from autogpt_desktop.lab.train.settings import TrainSettings

_MATRICES = (".qkv", ".o", ".gate_up", ".down")


class Optimizer:
    """Steps for all parameters of a trainable decoder; its state goes into checkpoints."""

    def __init__(self, decoder: Transformer, settings: TrainSettings, dtype: torch.dtype) -> None:
        c = decoder.config
        self.decoder, self.parameters = decoder, parameters_of(decoder)
        matrices = {name: one for name, one in self.parameters.items() if name.endswith(_MATRICES)}
        q, k = (heads * c.head_dim for heads in (c.num_attention_heads, c.num_key_value_heads))
        splits = {".qkv": [q, k, k], ".gate_up": [c.intermediate_size] * 2}
        self.muon: Muon | None = None
        if settings.optimizer == "muon":
            rows = {name: splits.get(name[name.rindex(".") :], [len(one)]) for name, one in matrices.items()}
            self.muon = Muon(matrices, rows, weight_decay=settings.weight_decay, dtype=dtype)
        decayed = {} if self.muon else matrices
        others = {name: one for name, one in self.parameters.items() if name not in matrices}
        self._names = [*decayed, *others]
        groups = [
            {"params": list(part.values()), "weight_decay": decay}
            for part, decay in ((decayed, settings.weight_decay), (others, 0.0))
            if part
        ]
        self.adamw = torch.optim.AdamW(
            groups, lr=settings.learning_rate, betas=settings.betas, eps=1e-10, fused=True
        )
        self.clip = settings.clip

    def zero_grad(self) -> None:
        for parameter in self.parameters.values():
            parameter.grad = None

    def step(self, learning_rate: float) -> float:
        """Move along the gradients; returns their norm. Nothing moves where that is no number."""
        grads = [one.grad for one in self.parameters.values() if one.grad is not None]
        norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads))))
        if not norm < float("inf"):
            return norm
        if self.clip and norm > self.clip:
            torch._foreach_mul_(grads, self.clip / norm)
        for group in self.adamw.param_groups:
            group["lr"] = learning_rate
        self.adamw.step()
        if self.muon is not None:
            self.muon.step(learning_rate)
        weights_changed(self.decoder)
        return norm

    def state(self) -> dict[str, Tensor]:
        """By kind and parameter: "exp_avg", "exp_avg_sq", "step", "momentum"."""
        found: dict[str, Tensor] = {}
        for name in self._names:
            for kind, value in self.adamw.state.get(self.parameters[name], {}).items():
                found[f"{kind}:{name}"] = value.detach().cpu().contiguous()
        if self.muon is not None:
            found |= {f"momentum:{name}": one.cpu() for name, one in self.muon.buffers.items()}
        return found

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Become what ``state`` was taken of; what it lacks begins anew."""
        for name in self._names:
            parameter = self.parameters[name]
            if f"exp_avg:{name}" not in state:
                self.adamw.state.pop(parameter, None)
                continue
            self.adamw.state[parameter] = {
                "step": state[f"step:{name}"].clone().float(),
                **{
                    kind: state[f"{kind}:{name}"].to(parameter.device, copy=True)
                    for kind in ("exp_avg", "exp_avg_sq")
                },
            }
        if self.muon is not None:
            for name, buffer in self.muon.buffers.items():
                kept = state.get(f"momentum:{name}")
                buffer.zero_() if kept is None else buffer.copy_(kept)
