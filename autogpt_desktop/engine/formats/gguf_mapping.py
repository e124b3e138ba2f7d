"""From GGUF's vocabulary to ours: configuration keys and tensor names of the families we run."""

from __future__ import annotations

import math
import re

import numpy as np

from autogpt_desktop.engine.config import ModelConfig, RopeScaling
from autogpt_desktop.engine.formats.checkpoint import FLOAT_TYPES
from autogpt_desktop.engine.formats.gguf import GGUFFile
from autogpt_desktop.engine.formats.settings import MAX_LAYERS, MAX_TOKENS, Settings, senseless
from autogpt_desktop.errors import KnownError

FAMILIES = ("llama", "qwen2", "qwen3", "gemma3")

_GEMMA_27B_LAYERS = 62

_TOP = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_SANDWICH = {  # gemma3 has a norm before and behind the attention and the MLP
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
_BLOCK_NAME = re.compile(r"blk\.(0|[1-9]\d{0,3})\.([a-z_]+)\.(weight|bias)")
_LAYER_NAME = re.compile(r"model\.layers\.(0|[1-9]\d{0,3})\.([a-z_.]+)")
_UNUSED = re.compile(r"rope_freqs\.weight|blk\.\d+\.attn_rot_embd(\.weight)?")  # tables, not weights


def hf_name(gguf_name: str, family: str = "llama") -> str:
    """Hugging Face's name of a tensor: ``blk.0.attn_q.weight`` → ``model.layers.0.self_attn.q_proj.weight``.

    ``family`` matters for gemma3, whose ``ffn_norm`` is another norm than the others'. KeyError for
    names that no family has.
    """
    stem, _, kind = gguf_name.rpartition(".")
    if stem in _TOP and kind == "weight":
        return f"{_TOP[stem]}.weight"
    match = _BLOCK_NAME.fullmatch(gguf_name)
    if not match:
        raise KeyError(gguf_name)
    layer, part, kind = match.groups()
    names = _LAYER | _SANDWICH if family == "gemma3" else _LAYER
    return f"model.layers.{layer}.{names[part]}.{kind}"


def gguf_name(hf: str, family: str = "llama") -> str:
    """The other way round: ``model.layers.0.self_attn.q_proj.weight`` → ``blk.0.attn_q.weight``. KeyError for
    names that no family has."""
    stem, _, kind = hf.rpartition(".")
    top = {name: gguf for gguf, name in _TOP.items()}
    if stem in top:
        return f"{top[stem]}.{kind}"
    match = _LAYER_NAME.fullmatch(stem)
    if not match:
        raise KeyError(hf)
    names = _LAYER | _SANDWICH if family == "gemma3" else _LAYER
    parts = {name: gguf for gguf, name in names.items()}
    return f"blk.{match[1]}.{parts[match[2]]}.{kind}"


def weight_names(f: GGUFFile, family: str) -> dict[str, str]:
    """Hugging Face name → GGUF name, of every weight (tables such as ``rope_freqs`` are left out)."""
    return {hf_name(name, family): name for name in f.tensors if not _UNUSED.fullmatch(name)}


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
        heads = self.integer("attention.head_count", high=1 << 14)
        kv_heads = self.integer("attention.head_count_kv", heads, high=1 << 14)
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
            rope_interleaved=self.family == "llama",
            attention_bias="blk.0.attn_q.bias" in self.f.tensors,
            qk_norm=self.family in ("qwen3", "gemma3"),
            sliding_window=window,
            sliding_layers=sliding,
            sandwich_norms=gemma,
            embedding_scale=math.sqrt(hidden) if gemma else 1.0,
            query_scale=1 / math.sqrt(hidden / heads if big_gemma else head_dim),
            hidden_act="gelu_tanh" if gemma else "silu",
            tie_word_embeddings="output.weight" not in self.f.tensors,
            attn_logit_softcap=self.softcap("attn_logit_softcapping"),
            final_logit_softcap=self.softcap("final_logit_softcapping"),
            languages=self.languages(),
            name=name[:200] if isinstance(name, str) else "",
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

    def sliding(self, layers: int) -> tuple[int, tuple[bool, ...]]:
        """The window and the layers it applies to: of gemma3 five in six, of llama (Mistral) all."""
        value = self.get("attention.sliding_window")
        if value is not None and not isinstance(value, int):  # not one for each layer either
            raise self.bad("attention.sliding_window")
        if self.family not in ("llama", "gemma3") or not value:
            return 0, ()
        window = self.integer("attention.sliding_window", high=MAX_TOKENS)
        if self.family == "llama":
            return window, (True,) * layers
        pattern = self.get("attention.sliding_window_pattern")
        if isinstance(pattern, np.ndarray):
            if len(pattern) != layers:
                raise self.bad("attention.sliding_window_pattern")
            return window, tuple(bool(slides) for slides in pattern)
        every = self.integer("attention.sliding_window_pattern", 6)
        return window, tuple((layer + 1) % every != 0 for layer in range(layers))

    def rope_scaling(self, rope_dim: int) -> RopeScaling | None:
        original = self.integer(
            "rope.scaling.original_context_length",
            self.integer("context_length", high=MAX_TOKENS),
            high=MAX_TOKENS,
        )
        if "rope_freqs.weight" in self.f.tensors:  # llama3: the converter worked the factors out
            factors = self.freq_factors(rope_dim)
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
            return RopeScaling(
                kind="yarn",
                factor=factor,
                original_max_position_embeddings=original,
                beta_fast=self.number("rope.scaling.yarn_beta_fast", 32.0, low=1e-6, high=1e6),
                beta_slow=self.number("rope.scaling.yarn_beta_slow", 1.0, low=1e-6, high=1e6),
                attention_factor=attention,
            )
        raise self.bad("rope.scaling.type")

    def freq_factors(self, rope_dim: int) -> tuple[float, ...]:
        tensor = self.f.tensors["rope_freqs.weight"]
        if tensor.type != "F32" or tensor.shape != (rope_dim // 2,):
            raise KnownError("gguf-tensor-shape", file=self.f.path.name, tensor=tensor.name)
        factors = self.f.data(tensor.name).view("<f4")
        if not (np.isfinite(factors).all() and (factors > 0).all()):
            raise self.bad("rope_freqs.weight")
        return tuple(float(factor) for factor in factors)

    def languages(self) -> tuple[str, ...]:
        languages = self.metadata.get("general.languages")
        if not isinstance(languages, list):
            return ()
        return tuple(name for name in languages[:200] if isinstance(name, str) and 0 < len(name) <= 16)


def expected_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor a model of this configuration must have, by Hugging Face name."""
    hidden, mlp, dim = config.hidden_size, config.intermediate_size, config.head_dim
    queries, keys = config.num_attention_heads * dim, config.num_key_value_heads * dim
    layer: dict[str, tuple[int, ...]] = {
        "input_layernorm.weight": (hidden,),
        "self_attn.q_proj.weight": (queries, hidden),
        "self_attn.k_proj.weight": (keys, hidden),
        "self_attn.v_proj.weight": (keys, hidden),
        "self_attn.o_proj.weight": (hidden, queries),
        "post_attention_layernorm.weight": (hidden,),
        "mlp.gate_proj.weight": (mlp, hidden),
        "mlp.up_proj.weight": (mlp, hidden),
        "mlp.down_proj.weight": (hidden, mlp),
    }
    if config.attention_bias:
        layer |= {
            "self_attn.q_proj.bias": (queries,),
            "self_attn.k_proj.bias": (keys,),
            "self_attn.v_proj.bias": (keys,),
        }
    if config.qk_norm:
        layer |= {"self_attn.q_norm.weight": (dim,), "self_attn.k_norm.weight": (dim,)}
    if config.sandwich_norms:
        layer |= {
            "pre_feedforward_layernorm.weight": (hidden,),
            "post_feedforward_layernorm.weight": (hidden,),
        }
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (config.vocab_size, hidden),
        "model.norm.weight": (hidden,),
    }
    if not config.tie_word_embeddings:
        shapes["lm_head.weight"] = (config.vocab_size, hidden)
    for index in range(config.num_hidden_layers):
        shapes |= {f"model.layers.{index}.{name}": shape for name, shape in layer.items()}
    return shapes


def _check_tensors(f: GGUFFile, config: ModelConfig) -> None:
    """All that is needed, of the right shape, and nothing that we would wrongly leave out."""
    file = f.path.name
    found: dict[str, str] = {}
    for name in f.tensors:
        if _UNUSED.fullmatch(name):
            continue
        try:
            found[hf_name(name, config.family)] = name
        except KeyError:
            raise KnownError("gguf-tensor-unknown", file=file, tensor=name[:80]) from None
    expected = expected_shapes(config)
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
