"""From GGUF's vocabulary to ours: the configuration and the weights of the families we run."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from autogpt_desktop.engine.config import DeltaNetConfig, LayerKind, ModelConfig, RopeScaling
from autogpt_desktop.engine.formats.checkpoint import FLOAT_TYPES, CheckpointTensor
from autogpt_desktop.engine.formats.gguf import GGUFFile
from autogpt_desktop.engine.formats.gguf_names import hf_name, is_unused, weight_names
from autogpt_desktop.engine.formats.layouts import decoder_tensors, stored_shapes
from autogpt_desktop.engine.formats.settings import (
    MAX_LAYERS,
    MAX_TOKENS,
    Settings,
    senseless,
    yarn_attention,
)
from autogpt_desktop.engine.formats.weight_shapes import expected_shapes
from autogpt_desktop.errors import KnownError

FAMILIES = (
    "llama", "qwen2", "qwen3", "gemma3", "smollm3", "granite", "phi3", "olmo2", "mistral3", "hunyuan-dense",
    "qwen35", "lfm2",
)  # fmt: skip
# llama.cpp's converter has the rows of q and k as pairs of neighbors
_INTERLEAVED = ("llama", "smollm3", "granite", "mistral3")
_ROPE_EVERY = 4  # of smollm3 one layer in four is without; the file does not say it

_GEMMA_27B_LAYERS = 62


def decoder_sources(f: GGUFFile, config: ModelConfig) -> dict[str, CheckpointTensor]:
    """Every weight that the decoder takes, by Hugging Face's names; they stay in the mapped file."""
    stored = {
        hf: CheckpointTensor(
            f.tensors[name].shape,
            f.tensors[name].type,
            blocks=f.data(name),
            forget=partial(f.forget, name),
            file=f.home(name).mapped,
        )
        for hf, name in weight_names(f, config.family).items()
    }
    return decoder_tensors(config.layout, expected_shapes(config), stored)


def config_from_gguf(f: GGUFFile) -> ModelConfig:
    """The model's shape, checked: the tensors the family needs are there and of that shape.

    Raises KnownError: unknown-family, gguf-setting (a missing or absurd value), gguf-tensor-missing,
    gguf-tensor-shape, gguf-tensor-unknown.
    """
    config = shape_from_gguf(f)
    _check_tensors(f, config)
    return config


def shape_from_gguf(f: GGUFFile) -> ModelConfig:
    """The same of a file without all of its tensors, which are not looked at."""
    reader = _ConfigReader(f)
    config = reader.config()
    if what := senseless(config):
        raise reader.bad(what)
    return config


class _ConfigReader(Settings):
    """The ``<family>.…`` keys of one file."""

    def __init__(self, f: GGUFFile) -> None:
        self.f = f
        self.metadata = f.metadata
        family = f.metadata.get("general.architecture")
        self.family = family if isinstance(family, str) else ""
        super().__init__(f.metadata, self._refusal, f"{self.family}.")
        experts = f.metadata.get(f"{family}.expert_count", 0)
        if self.family not in FAMILIES or experts:
            name = f"{self.family or '?'}{' (mixture of experts)' if experts else ''}"
            raise KnownError("unknown-family", family=name[:80], file=f.path.name)

    def _refusal(self, key: str) -> KnownError:
        return KnownError("gguf-setting", file=self.f.path.name, setting=key)

    def config(self) -> ModelConfig:
        hidden = self.integer("embedding_length")
        layers = self.integer("block_count", high=MAX_LAYERS)
        if self.family == "qwen35":
            layers -= self.integer("nextn_predict_layers", 0, low=0, high=layers - 1)
        heads = self.integer("attention.head_count", high=1 << 14)
        kinds, kv_heads = self.layer_kinds(layers), self.kv_heads(heads)
        if heads % kv_heads:
            raise self.bad("attention.head_count_kv")
        if self.get("attention.key_length") is None and hidden % heads:
            raise self.bad("attention.head_count")
        head_dim = self.integer("attention.key_length", max(1, hidden // heads), high=1 << 13)
        if self.integer("attention.value_length", head_dim) != head_dim:
            raise self.bad("attention.value_length")
        rope_dim = self.integer("rope.dimension_count", head_dim, low=2)
        if head_dim % 2 or rope_dim % 2 or rope_dim > head_dim:
            raise self.bad("rope.dimension_count")
        gemma = self.family == "gemma3"
        window, sliding = self.sliding(layers)
        big_gemma = gemma and layers == _GEMMA_27B_LAYERS
        name = self.metadata.get("general.name")
        return ModelConfig(
            family=self.family,
            vocab_size=self.vocab_size(),
            hidden_size=hidden,
            intermediate_size=self.integer("feed_forward_length"),
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            head_dim=head_dim,
            max_position_embeddings=self.integer("context_length", high=MAX_TOKENS),
            rms_norm_eps=self.number("attention.layer_norm_rms_epsilon", 1e-6, high=1.0),
            rope_theta=self.number("rope.freq_base", 1_000_000.0 if gemma else 10_000.0, low=1.0),
            rope_local_theta=self.number("rope.freq_base_swa", 10_000.0, low=1.0),
            rope_dim=rope_dim,
            rope_scaling=self.rope_scaling(rope_dim),
            rope_interleaved=self.family in _INTERLEAVED,
            unrotated_layers=self.unrotated(layers),
            attention_bias="blk.0.attn_q.bias" in self.f.tensors,
            qk_norm=self.family in ("qwen3", "gemma3", "olmo2", "hunyuan-dense", "qwen35", "lfm2"),
            qk_norm_whole=self.family == "olmo2",
            qk_norm_behind_rope=self.family == "hunyuan-dense",
            sliding_window=window,
            sliding_layers=sliding,
            sandwich_norms=gemma,
            post_norms=self.family == "olmo2",
            embedding_scale=math.sqrt(hidden) if gemma else self.scale("embedding_scale"),
            residual_scale=self.scale("residual_scale"),
            logit_scale=1 / self.scale("logit_scale"),
            query_scale=self.scale(
                "attention.scale", 1 / math.sqrt(hidden / heads if big_gemma else head_dim)
            ),
            attention_temperature=self.temperature(),
            attention_temperature_length=self.original_context() if self.temperature() else 0,
            hidden_act="gelu_tanh" if gemma else "silu",
            tie_word_embeddings="output.weight" not in self.f.tensors,
            attn_logit_softcap=self.softcap("attn_logit_softcapping"),
            final_logit_softcap=self.softcap("final_logit_softcapping"),
            layer_kinds=kinds if any(kind != "attention" for kind in kinds) else (),
            delta_net=self.delta_net() if "delta_net" in kinds else None,
            short_conv_kernel=self.integer("shortconv.l_cache", low=2, high=64)
            if "short_conv" in kinds
            else 0,
            attention_gate=self.family == "qwen35",
            layout="phi3" if self.family == "phi3" else "",
            languages=self.languages(),
            name=name[:200] if isinstance(name, str) else "",
        )

    def kv_heads(self, heads: int) -> int:
        """Of the layers that attend: lfm2 lists one number for each layer, 0 for those that do not."""
        value = self.get("attention.head_count_kv")
        if self.family == "lfm2" and isinstance(value, np.ndarray) and value.dtype.kind in "iu":
            counts = set(value.tolist()) - {0}
            if len(counts) != 1 or not 0 < (count := counts.pop()) <= 1 << 14:
                raise self.bad("attention.head_count_kv")
            return int(count)
        return self.integer("attention.head_count_kv", heads, high=1 << 14)

    def layer_kinds(self, layers: int) -> tuple[LayerKind, ...]:
        """What each layer has before its MLP; (): attention in all."""
        if self.family == "qwen35":
            listed = self.get("attention.recurrent_layers")
            if isinstance(listed, np.ndarray):
                if len(listed) < layers:
                    raise self.bad("attention.recurrent_layers")
                return tuple("delta_net" if listed[layer] else "attention" for layer in range(layers))
            every = self.integer("full_attention_interval", 4)
            return tuple("delta_net" if (layer + 1) % every else "attention" for layer in range(layers))
        counts = self.get("attention.head_count_kv")
        if self.family != "lfm2" or not isinstance(counts, np.ndarray):
            return ()
        if len(counts) != layers:
            raise self.bad("attention.head_count_kv")
        return tuple("attention" if count else "short_conv" for count in counts.tolist())

    def delta_net(self) -> DeltaNetConfig:
        heads, inner = self.integer("ssm.time_step_rank", high=1 << 12), self.integer("ssm.inner_size")
        if inner % heads:
            raise self.bad("ssm.inner_size")
        return DeltaNetConfig(
            num_key_heads=self.integer("ssm.group_count", high=1 << 12),
            num_value_heads=heads,
            key_head_dim=self.integer("ssm.state_size", high=1 << 12),
            value_head_dim=inner // heads,
            conv_kernel=self.integer("ssm.conv_kernel", low=2, high=64),
            gguf_layout=True,
        )

    def vocab_size(self) -> int:
        """Rows of the embedding; the tokenizer must not know more tokens than that."""
        embedding = self.f.tensors.get("token_embd.weight")
        if embedding is None:
            raise KnownError("gguf-tensor-missing", file=self.f.path.name, tensor="token_embd.weight")
        tokens = self.metadata.get("tokenizer.ggml.tokens")
        rows = embedding.shape[0]
        if rows > MAX_TOKENS or (isinstance(tokens, list) and len(tokens) > rows):
            raise self.bad("vocab_size")
        return rows

    def scale(self, key: str, default: float = 1.0) -> float:
        """One of granite's factors; other families have none, whatever their files say."""
        if self.family != "granite" or not self.get(key):
            return default
        return self.number(key, default, high=1e6)

    def temperature(self) -> float:
        if self.family != "mistral3" or not self.get("attention.temperature_scale"):
            return 0.0
        return self.number("attention.temperature_scale", 0.0, high=1e3)

    def unrotated(self, layers: int) -> tuple[bool, ...]:
        if self.family == "smollm3":
            return tuple((layer + 1) % _ROPE_EVERY == 0 for layer in range(layers))
        if self.family == "granite" and self.get("rope.scaling.finetuned") is False:  # so it is written there
            return (True,) * layers
        return ()

    def original_context(self) -> int:
        context = self.integer("context_length", high=MAX_TOKENS)
        return self.integer("rope.scaling.original_context_length", context, high=MAX_TOKENS)

    def sliding(self, layers: int) -> tuple[int, tuple[bool, ...]]:
        """The window and the layers it applies to: of gemma3 five in six, of Mistral's and phi3 all."""
        value = self.get("attention.sliding_window")
        if value is not None and not isinstance(value, int):  # not one for each layer either
            raise self.bad("attention.sliding_window")
        if self.family not in ("llama", "mistral3", "phi3", "gemma3") or not value:
            return 0, ()
        window = self.integer("attention.sliding_window", high=MAX_TOKENS)
        if self.family != "gemma3":
            return window, (True,) * layers
        pattern = self.get("attention.sliding_window_pattern")
        if isinstance(pattern, np.ndarray):
            if len(pattern) != layers:
                raise self.bad("attention.sliding_window_pattern")
            return window, tuple(bool(slides) for slides in pattern)
        every = self.integer("attention.sliding_window_pattern", 6)
        return window, tuple((layer + 1) % every != 0 for layer in range(layers))

    def rope_scaling(self, rope_dim: int) -> RopeScaling | None:
        original = self.original_context()
        if "rope_factors_long.weight" in self.f.tensors:
            return RopeScaling(
                kind="longrope",
                original_max_position_embeddings=original,
                freq_factors=self.freq_factors("rope_factors_short.weight", rope_dim),
                long_factors=self.freq_factors("rope_factors_long.weight", rope_dim),
                attention_factor=self.number("rope.scaling.attn_factor", 1.0, high=1e4),
            )
        if "rope_freqs.weight" in self.f.tensors:  # llama3: the converter worked the factors out
            factors = self.freq_factors("rope_freqs.weight", rope_dim)
            return RopeScaling(kind="llama3", original_max_position_embeddings=original, freq_factors=factors)
        kind = self.get("rope.scaling.type")
        factor = self.number("rope.scaling.factor", self.number("rope.scale_linear", 1.0), high=1e4)
        if kind is None:
            kind = "linear" if factor != 1.0 else "none"
        if kind == "none" or (kind == "linear" and factor == 1.0):
            return None
        if kind == "linear":
            return RopeScaling(kind="linear", factor=factor, original_max_position_embeddings=original)
        if kind == "yarn":
            attention = None
            if self.get("rope.scaling.attn_factor") is not None:  # llama.cpp multiplies the usual one by it
                attention = self.number("rope.scaling.attn_factor", 1.0, high=1e4)
                attention *= 1 + 0.1 * math.log(max(factor, 1.0))
            elif self.get("rope.scaling.yarn_log_multiplier"):  # DeepSeek's mscale_all_dim, mscale being 1
                low = self.number("rope.scaling.yarn_log_multiplier", 1.0, high=1e4)
                attention = yarn_attention(factor, 1.0, low)
            return RopeScaling(
                kind="yarn",
                factor=factor,
                original_max_position_embeddings=original,
                beta_fast=self.number("rope.scaling.yarn_beta_fast", 32.0, low=1e-6, high=1e6),
                beta_slow=self.number("rope.scaling.yarn_beta_slow", 1.0, low=1e-6, high=1e6),
                attention_factor=attention,
            )
        raise self.bad("rope.scaling.type")

    def freq_factors(self, name: str, rope_dim: int) -> tuple[float, ...]:
        tensor = self.f.tensors.get(name)
        if tensor is None:
            raise KnownError("gguf-tensor-missing", file=self.f.path.name, tensor=name)
        if tensor.type != "F32" or tensor.shape != (rope_dim // 2,):
            raise KnownError("gguf-tensor-shape", file=self.f.path.name, tensor=tensor.name)
        factors = self.f.data(tensor.name).view("<f4")
        if not (np.isfinite(factors).all() and (factors > 0).all()):
            raise self.bad(name)
        return tuple(float(factor) for factor in factors)

    def languages(self) -> tuple[str, ...]:
        languages = self.metadata.get("general.languages")
        if not isinstance(languages, list):
            return ()
        return tuple(name for name in languages[:200] if isinstance(name, str) and 0 < len(name) <= 16)


def _check_tensors(f: GGUFFile, config: ModelConfig) -> None:
    """All that is needed, of the right shape, and nothing that we would wrongly leave out."""
    file = f.path.name
    found: dict[str, str] = {}
    for name in f.tensors:
        if is_unused(f, name):
            continue
        try:
            found[hf_name(name, config.family)] = name
        except KeyError:
            raise KnownError("gguf-tensor-unknown", file=file, tensor=name[:80]) from None
    expected = stored_shapes(config.layout, expected_shapes(config))
    for hf, shape in expected.items():
        if hf not in found:
            raise KnownError("gguf-tensor-missing", file=file, tensor=hf)
        # a vector is no row of blocks: makers keep them in float
        blocks = len(shape) == 1 and f.tensors[found[hf]].type not in FLOAT_TYPES
        if f.tensors[found[hf]].shape != shape or blocks:
            raise KnownError("gguf-tensor-shape", file=file, tensor=found[hf])
    for hf, name in found.items():
        if hf not in expected:
            raise KnownError("gguf-tensor-unknown", file=file, tensor=name)
