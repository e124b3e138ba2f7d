"""``transformers`` in bfloat16 with the same weights, timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.formats.gguf_mapping import config_from_gguf
from autogpt_desktop.engine.formats.gguf_names import weight_names
from autogpt_desktop.engine.torch_backend.weight import dense
from autogpt_desktop.errors import KnownError

VERSION = str(transformers.__version__)


class Transformers:
    """``plan.Runner`` over a GGUF file, whose weights are expanded to bfloat16, or a folder."""

    name = "transformers"

    def __init__(self, path: Path, device: str) -> None:
        self.path, self.device = path, device
        self.loads_file = path.is_dir()  # a GGUF file is read and expanded by us
        self.model: Any = None
        self.cache: Any = None
        self.next = 0

    def load(self, context: int, *, cached: bool) -> None:
        transformers.utils.logging.disable_progress_bar()
        transformers.utils.logging.set_verbosity_error()
        if self.path.is_dir():
            model = transformers.AutoModelForCausalLM.from_pretrained(self.path, dtype=torch.bfloat16)
        else:
            model = model_from_gguf(self.path)
        self.model = model.eval().to(self.device)

    def close(self) -> None:
        self.model = self.cache = None

    def start(self) -> None:
        self.cache = self._new_cache()

    def _new_cache(self) -> Any:
        return transformers.DynamicCache(config=self.model.config)

    @torch.inference_mode()
    def _choices(self, rows: Sequence[Sequence[int]], cache: Any) -> list[int]:
        ids = torch.tensor([list(row) for row in rows], device=self.device)
        logits = self.model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits
        chosen: list[int] = logits[:, -1].argmax(-1).tolist()
        return chosen

    def read(self, ids: Sequence[int]) -> None:
        (self.next,) = self._choices([ids], self.cache)

    def decode(self, count: int) -> None:
        for _ in range(count):
            (self.next,) = self._choices([[self.next]], self.cache)

    def batch(self, prompts: Sequence[Sequence[int]], count: int) -> float:
        cache = self._new_cache()
        tokens = self._choices(prompts, cache)
        began = time.perf_counter()
        for _ in range(count):
            tokens = self._choices([[token] for token in tokens], cache)
        return time.perf_counter() - began


def model_from_gguf(path: Path) -> Any:
    """The model of ``transformers`` with a file's weights, expanded by our reader, in bfloat16.

    Its own reader of GGUF files needs packages that nothing else here does. Raises KnownError:
    bench-transformers for position scalings that are not translated here.
    """
    file = read_gguf(path)
    c = config_from_gguf(file)
    names = weight_names(file, c.family).items()
    sources = {
        hf: CheckpointTensor(file.tensors[name].shape, file.tensors[name].type, blocks=file.data(name))
        for hf, name in names
    }
    settings, kind = _settings(c, path)
    model, report = kind.from_pretrained(
        None,
        config=settings,
        state_dict=dict(_weights(c, sources)),
        dtype=torch.bfloat16,
        output_loading_info=True,
    )
    if report["missing_keys"] or report["unexpected_keys"] or report["mismatched_keys"]:
        raise RuntimeError(f"transformers wants other weights: {report}")
    if c.rope_scaling is not None:
        factors = torch.tensor(c.rope_scaling.freq_factors or [c.rope_scaling.factor])
        model.model.rotary_emb.inv_freq = model.model.rotary_emb.inv_freq / factors
    return model


def training_step(
    config: ModelConfig, tensors: dict[str, Tensor], ids: Tensor, dtype: torch.dtype
) -> Callable[[], float]:
    """One step of fused AdamW on ``ids`` [B, T + 1], and the loss before it."""
    settings, kind = _settings(config, Path("shape"))
    model = kind(settings).train()
    missing, _ = model.load_state_dict(tensors, strict=False)
    if set(missing) - {"lm_head.weight"}:
        raise RuntimeError(f"transformers wants other weights: {missing}")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), fused=True)

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            wanted = ids[:, 1:].contiguous()
            loss = model(ids[:, :-1], labels=wanted, shift_labels=wanted, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return float(loss.detach())

    return step


FAMILIES = ("llama", "qwen2", "qwen3", "gemma3")  # that the peer runs; others are refused by name


def _settings(c: ModelConfig, path: Path) -> tuple[Any, Any]:
    """Configuration and class in ``transformers``. Scaled positions are put in afterwards."""
    scaling = c.rope_scaling
    scaled = scaling is not None and not scaling.freq_factors and scaling.kind != "linear"
    if scaled or c.family not in FAMILIES or c.rope_dim not in (0, c.head_dim):
        raise KnownError("bench-transformers", file=path.name)
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": c.rope_theta}
    common: dict[str, Any] = {
        "vocab_size": c.vocab_size,
        "hidden_size": c.hidden_size,
        "intermediate_size": c.intermediate_size,
        "num_hidden_layers": c.num_hidden_layers,
        "num_attention_heads": c.num_attention_heads,
        "num_key_value_heads": c.num_key_value_heads,
        "head_dim": c.head_dim,
        "rms_norm_eps": c.rms_norm_eps,
        "max_position_embeddings": c.max_position_embeddings,
        "tie_word_embeddings": c.tie_word_embeddings,
        "rope_parameters": rope,
        "pad_token_id": None,
        "attn_implementation": "sdpa",
    }
    if c.family == "gemma3":
        if scaling is not None:  # there are two tables of positions, and only one is scaled
            raise KnownError("bench-transformers", file=path.name)
        local = {"rope_type": "default", "rope_theta": c.rope_local_theta}
        parameters = {"full_attention": rope, "sliding_attention": local}
        kinds = ["sliding_attention" if sliding else "full_attention" for sliding in c.sliding_layers]
        own = {
            "rope_parameters": parameters,
            "layer_types": kinds,
            "sliding_window": c.sliding_window,
            "query_pre_attn_scalar": round(c.query_scale**-2) if c.query_scale else c.head_dim,
            "final_logit_softcapping": c.final_logit_softcap or None,
        }
        return transformers.Gemma3TextConfig(**common | own), transformers.Gemma3ForCausalLM
    if c.family == "llama" and c.sliding_window:
        settings = transformers.MistralConfig(**common, sliding_window=c.sliding_window)
        return settings, transformers.MistralForCausalLM
    if c.family == "qwen2":
        del common["head_dim"]  # it has no such setting
        return transformers.Qwen2Config(**common), transformers.Qwen2ForCausalLM
    if c.family == "qwen3":
        return transformers.Qwen3Config(**common), transformers.Qwen3ForCausalLM
    return transformers.LlamaConfig(**common), transformers.LlamaForCausalLM


def _weights(c: ModelConfig, sources: dict[str, CheckpointTensor]) -> Iterator[tuple[str, Tensor]]:
    for name, source in sources.items():
        values = dense(source).float()
        if c.rope_interleaved and (".q_proj." in name or ".k_proj." in name):
            # neighbors of a head back to half a head apart
            order = np.arange(c.head_dim).reshape(-1, 2).T.reshape(-1)
            rows = np.arange(0, len(values), c.head_dim)[:, None] + order
            values = values[torch.from_numpy(rows.reshape(-1))]
        if c.family == "gemma3" and name.endswith("norm.weight"):
            values = values - 1.0 + c.norm_weight_offset  # transformers adds the 1 when it runs
        yield name, values.to(torch.bfloat16)
