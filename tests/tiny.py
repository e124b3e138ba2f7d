"""Tiny random models, written as GGUF files by the ``gguf`` package, with a byte-level tokeniser."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gguf
import numpy as np

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
WORDS = ("th", "the", "he", "in", "er", "an", "on", "Ġa", "Ġt", "Ġthe", "Ġs", "ing", "ĠĠ", "ell", "el", "ll")
FAMILIES = (
    "llama", "qwen2", "qwen3", "gemma3", "smollm3", "granite", "phi3", "olmo2", "mistral3",
    "hunyuan-dense",
)  # fmt: skip
PERMUTED = ("llama", "smollm3", "granite", "mistral3")  # whose q and k have pairs of neighbors in the file
# what a family has besides the usual settings; several at once, so that one model says much
SETTINGS: dict[str, dict[str, Any]] = {
    "granite": {
        "attention.scale": 0.3, "embedding_scale": 3.0, "residual_scale": 0.6, "logit_scale": 1.7,
    },
    "phi3": {"attention.sliding_window": 0},
    "mistral3": {
        "rope.scaling.type": "yarn", "rope.scaling.factor": 4.0,
        "rope.scaling.original_context_length": 64, "rope.scaling.yarn_log_multiplier": 1.0,
        "attention.temperature_scale": 0.4,
    },
}  # fmt: skip
RECURRENT = ("qwen35", "lfm2")  # with layers that have no keys and values
_QK_NORM = ("qwen3", "gemma3", "hunyuan-dense", *RECURRENT)
_STATE = 32  # numbers of a key and of a value of qwen35's Gated DeltaNet
_CONV = {"qwen35": 4, "lfm2": 3}  # tokens
# bytes of a block where its float16 scales stand, for the formats that ``gguf`` cannot write
_K_SCALES = {
    "Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,),
    "IQ4_NL": (0,), "IQ4_XS": (0,),
}  # fmt: skip


@dataclass(frozen=True)
class TinyModel:
    """What was written. ``weights``: the file's values, dequantised, in Hugging Face's names and row
    order (q and k not permuted; gemma3's norms with the 1 added, as in the file)."""

    path: Path
    family: str
    weights: dict[str, np.ndarray] = field(repr=False)
    settings: dict[str, Any] = field(repr=False)


def byte_alphabet() -> list[str]:
    """GPT-2's character for each byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    return [chr(byte) if byte in plain else chr(256 + rest.index(byte)) for byte in range(256)]


def tiny_tokenizer() -> tuple[list[str], list[str], list[int]]:
    """Tokens (specials, 256 bytes, a few merged pieces), merges and GGUF token types."""
    tokens = [*SPECIALS, *byte_alphabet()]
    merges = []
    for word in sorted(WORDS, key=len):
        cuts = range(len(word) - 1, 0, -1)
        cut = next(cut for cut in cuts if word[:cut] in tokens and word[cut:] in tokens)
        merges.append(f"{word[:cut]} {word[cut:]}")
        tokens.append(word)
    return tokens, merges, [3] * len(SPECIALS) + [1] * (len(tokens) - len(SPECIALS))


def write_tiny_gguf(
    path: Path,
    family: str = "llama",
    *,
    quant: str = "F32",
    seed: int = 0,
    layers: int = 2,
    hidden: int = 64,
    intermediate: int = 128,
    heads: int = 4,
    kv_heads: int = 2,
    head_dim: int | None = None,
    context: int = 256,
    sliding_window: int = 16,
    vocab: int = 0,
    tied: bool | None = None,
    rope_freqs: bool = False,
    long_rope: bool = False,
    pre: str = "smollm",
    chat_template: str | None = CHATML,
    languages: tuple[str, ...] = ("en",),
    metadata: dict[str, Any] | None = None,
    more_specials: tuple[str, ...] = (),
    delta_heads: tuple[int, int] = (2, 4),
    title: str = "",
) -> TinyModel:
    """Write a random model. Columns (``hidden``, ``intermediate``) must be whole blocks of ``quant``.

    ``vocab``: rows of the embedding, at least the tokeniser's (0: just those). ``rope_freqs``: with a
    llama3 frequency table, ``long_rope``: with phi3's two, of which the long one is for more than 64 tokens.
    ``metadata``: more keys of the family, such as ``rope.scaling.type``.
    ``delta_heads``: of keys and of values, of qwen35.
    """
    dim = head_dim or (32 if family in ("qwen3", "gemma3", "qwen35", "hunyuan-dense") else hidden // heads)
    tokens, merges, types = tiny_tokenizer()
    tokens, types = [*tokens, *more_specials], [*types, *[3] * len(more_specials)]
    rows = max(vocab, len(tokens))
    tokens += [f"[PAD{index}]" for index in range(len(tokens), rows)]
    types += [5] * (rows - len(types))
    tied = family in ("gemma3", "lfm2") if tied is None else tied
    settings: dict[str, Any] = {
        "context_length": context,
        "embedding_length": hidden,
        "block_count": layers,
        "feed_forward_length": intermediate,
        "attention.head_count": heads,
        "attention.head_count_kv": kv_heads,
        "attention.layer_norm_rms_epsilon": 1e-5,
        "rope.freq_base": 1_000_000.0 if family in ("gemma3", "qwen3", *RECURRENT) else 10_000.0,
    }
    attends = [attends_in(family, layer) for layer in range(layers)]
    if family == "llama":
        settings["rope.dimension_count"] = dim
    if family == "phi3":
        settings["rope.dimension_count"] = dim - dim // 4
    settings |= SETTINGS.get(family, {})
    if long_rope:
        settings |= {"rope.scaling.original_context_length": 64, "rope.scaling.attn_factor": 1.19}
    if family == "qwen35":
        keys, values = delta_heads
        settings |= {
            "rope.dimension_count": dim // 4, "rope.dimension_sections": [dim // 8 - 2, 1, 1, 0],
            "ssm.conv_kernel": _CONV[family], "ssm.state_size": _STATE, "ssm.group_count": keys,
            "ssm.time_step_rank": values, "ssm.inner_size": values * _STATE, "full_attention_interval": 4,
        }  # fmt: skip
    if family == "lfm2":
        settings |= {
            "shortconv.l_cache": _CONV[family], "vocab_size": rows,
            "attention.head_count_kv": [kv_heads if one else 0 for one in attends],
        }  # fmt: skip
    if family in ("qwen3", "gemma3", "qwen35", "hunyuan-dense") or dim != hidden // heads:
        settings |= {"attention.key_length": dim, "attention.value_length": dim}
    if family == "gemma3":
        settings["attention.sliding_window"] = sliding_window
    settings |= metadata or {}

    writer = gguf.GGUFWriter(path, family)
    writer.add_name(title or f"Tiny {family}")
    writer.add_array("general.languages", list(languages))
    for key, value in settings.items():
        kinds = {
            int: writer.add_uint32, float: writer.add_float32, str: writer.add_string, list: writer.add_array
        }  # fmt: skip
        add = kinds[type(value)]
        add(f"{family}.{key}", value)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)
    if chat_template is not None:
        writer.add_chat_template(chat_template)

    random = np.random.default_rng(seed)
    weights: dict[str, np.ndarray] = {}
    shapes = tensor_shapes(family, layers, hidden, intermediate, heads * dim, kv_heads * dim, dim, rows, tied)
    if family in RECURRENT:
        own = mixer_shapes(family, layers, hidden, delta_heads)
        idle = {f"blk.{at}.attn_" for at in range(layers) if not attends[at]}
        kept = {
            n: s
            for n, s in shapes.items()
            if n.endswith("attn_norm.weight") or n[: n.find("_") + 1] not in idle
        }
        shapes = kept | own
    for name, (hf_name, shape) in shapes.items():
        if len(shape) == 1 or "conv1d" in name or "shortconv.conv" in name:
            values = random.normal(0.0, 0.1 if len(shape) == 1 else 0.4, shape).astype(np.float32)
            if name.endswith("norm.weight"):
                values += 1.0
            if name.endswith("ssm_a"):
                values = -np.exp(10 * values)
            weights[hf_name] = values
            writer.add_tensor(name, values)
            continue
        data = _quantize(random, shape, quant)
        kind = gguf.GGMLQuantizationType[quant]
        weights[hf_name] = gguf.quants.dequantize(data, kind).reshape(shape)
        if family in PERMUTED and name.endswith(("attn_q.weight", "attn_k.weight")):
            data = permuted(data, heads if "attn_q" in name else kv_heads)
        writer.add_tensor(name, data, raw_dtype=None if data.dtype in (np.float32, np.float16) else kind)
    if rope_freqs:
        writer.add_tensor("rope_freqs.weight", np.linspace(1.0, 8.0, dim // 2, dtype=np.float32))
    if long_rope:
        pairs = settings.get("rope.dimension_count", dim) // 2
        writer.add_tensor("rope_factors_long.weight", np.linspace(1.0, 9.0, pairs, dtype=np.float32))
        writer.add_tensor("rope_factors_short.weight", np.linspace(1.0, 1.5, pairs, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return TinyModel(path, family, weights, settings)


def permuted(rows: np.ndarray, heads: int) -> np.ndarray:
    """The row order of q and k in llama files: the halves of each head interleaved."""
    half = len(rows) // heads // 2
    return np.ascontiguousarray(rows.reshape(heads, 2, half, -1).swapaxes(1, 2).reshape(rows.shape))


def tensor_shapes(
    family: str, layers: int, hidden: int, mlp: int, queries: int, keys: int, dim: int, rows: int, tied: bool
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """GGUF name → (Hugging Face name, shape) of every tensor, in file order."""
    gemma = family == "gemma3"
    doubled = 2 * queries if family == "qwen35" else queries
    layer: dict[str, tuple[str, tuple[int, ...]]] = {
        "attn_norm.weight": ("input_layernorm.weight", (hidden,)),
        "attn_q.weight": ("self_attn.q_proj.weight", (doubled, hidden)),
        "attn_k.weight": ("self_attn.k_proj.weight", (keys, hidden)),
        "attn_v.weight": ("self_attn.v_proj.weight", (keys, hidden)),
        "attn_output.weight": ("self_attn.o_proj.weight", (hidden, queries)),
        "post_attention_norm.weight" if family == "qwen35" else "ffn_norm.weight": (
            "pre_feedforward_layernorm.weight" if gemma else "post_attention_layernorm.weight",
            (hidden,),
        ),
        "ffn_gate.weight": ("mlp.gate_proj.weight", (mlp, hidden)),
        "ffn_up.weight": ("mlp.up_proj.weight", (mlp, hidden)),
        "ffn_down.weight": ("mlp.down_proj.weight", (hidden, mlp)),
    }
    if family == "qwen2":
        for part, size in (("q", queries), ("k", keys), ("v", keys)):
            layer[f"attn_{part}.bias"] = (f"self_attn.{part}_proj.bias", (size,))
    if family in _QK_NORM:
        layer["attn_q_norm.weight"] = ("self_attn.q_norm.weight", (dim,))
        layer["attn_k_norm.weight"] = ("self_attn.k_norm.weight", (dim,))
    if gemma:
        layer["post_attention_norm.weight"] = ("post_attention_layernorm.weight", (hidden,))
        layer["post_ffw_norm.weight"] = ("post_feedforward_layernorm.weight", (hidden,))
    if family == "olmo2":
        del layer["attn_norm.weight"], layer["ffn_norm.weight"]
        layer["attn_q_norm.weight"] = ("self_attn.q_norm.weight", (queries,))
        layer["attn_k_norm.weight"] = ("self_attn.k_norm.weight", (keys,))
        layer["post_attention_norm.weight"] = ("post_attention_layernorm.weight", (hidden,))
        layer["post_ffw_norm.weight"] = ("post_feedforward_layernorm.weight", (hidden,))
    if family == "phi3":
        for part in ("attn_q", "attn_k", "attn_v", "ffn_gate"):
            del layer[f"{part}.weight"]
        layer["attn_qkv.weight"] = ("self_attn.qkv_proj.weight", (queries + 2 * keys, hidden))
        layer["ffn_up.weight"] = ("mlp.gate_up_proj.weight", (2 * mlp, hidden))
    shapes = {"token_embd.weight": ("model.embed_tokens.weight", (rows, hidden))}
    for index in range(layers):
        shapes |= {
            f"blk.{index}.{name}": (f"model.layers.{index}.{hf}", shape)
            for name, (hf, shape) in layer.items()
        }
    last = "token_embd_norm.weight" if family == "lfm2" else "output_norm.weight"
    shapes[last] = ("model.norm.weight", (hidden,))
    if not tied:
        shapes["output.weight"] = ("lm_head.weight", (rows, hidden))
    return shapes


def attends_in(family: str, layer: int) -> bool:
    """Of each four layers of the recurrent families the last has attention."""
    return family not in RECURRENT or layer % 4 == 3


def mixer_shapes(
    family: str, layers: int, hidden: int, delta_heads: tuple[int, int]
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The same of what stands in place of attention."""
    keys, values = delta_heads
    size, channels = values * _STATE, (2 * keys + values) * _STATE
    found: dict[str, tuple[str, tuple[int, ...]]] = {
        "ssm_conv1d.weight": ("linear_attn.conv1d.weight", (channels, _CONV["qwen35"])),
        "attn_qkv.weight": ("linear_attn.in_proj_qkv.weight", (channels, hidden)),
        "attn_gate.weight": ("linear_attn.in_proj_z.weight", (size, hidden)),
        "ssm_beta.weight": ("linear_attn.in_proj_b.weight", (values, hidden)),
        "ssm_alpha.weight": ("linear_attn.in_proj_a.weight", (values, hidden)),
        "ssm_a": ("linear_attn.A", (values,)),
        "ssm_dt.bias": ("linear_attn.dt_bias", (values,)),
        "ssm_norm.weight": ("linear_attn.norm.weight", (_STATE,)),
        "ssm_out.weight": ("linear_attn.out_proj.weight", (hidden, size)),
    }
    if family == "lfm2":
        found = {
            "shortconv.conv.weight": ("conv.conv.weight", (hidden, _CONV["lfm2"])),
            "shortconv.in_proj.weight": ("conv.in_proj.weight", (3 * hidden, hidden)),
            "shortconv.out_proj.weight": ("conv.out_proj.weight", (hidden, hidden)),
        }
    return {
        f"blk.{layer}.{name}": (f"model.layers.{layer}.{hf}", shape)
        for layer in range(layers)
        if not attends_in(family, layer)
        for name, (hf, shape) in found.items()
    }


def _quantize(random: np.random.Generator, shape: tuple[int, ...], quant: str) -> np.ndarray:
    """Random weights in a block format: uint8 [rows, bytes], or floats."""
    if quant not in _K_SCALES:
        values = random.normal(0.0, shape[1] ** -0.5, shape).astype(np.float32)
        data = gguf.quants.quantize(values, gguf.GGMLQuantizationType[quant])
        return data if quant in ("F32", "F16") else data.view(np.uint8).reshape(shape[0], -1)
    size, nbytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[quant]]
    blocks = random.integers(0, 256, (shape[0] * shape[1] // size, nbytes), dtype=np.uint8)
    scale = np.frombuffer(np.float16(0.02 * shape[1] ** -0.5).tobytes(), np.uint8)
    for start in _K_SCALES[quant]:
        blocks[:, start : start + 2] = scale
    return blocks.reshape(shape[0], -1)
