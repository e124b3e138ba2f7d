"""A model of ``transformers`` with the weights of a GGUF file, and what it takes to compare ours with it.

Of our code only the reader takes part: block formats are expanded by the ``gguf`` package, and names,
row orders and settings are translated here a second time, from llama.cpp's conventions, so that a
mistake in our own translation shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
import transformers
from torch import Tensor

from autogpt_desktop.engine.formats.gguf import GGUFFile, read_gguf
from autogpt_desktop.engine.torch_backend.transformer import Transformer

Forward = Callable[[list[int]], Tensor]  # the next ids of one sequence → logits [ids, vocab_size]

# blk.<layer>.<left> in the file is model.layers.<layer>.<right> in transformers
PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "ffn_norm": "post_attention_layernorm",
}
OTHER_PARTS = {
    "phi3": {"attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"},
    "hunyuan-dense": {"attn_q_norm": "self_attn.query_layernorm", "attn_k_norm": "self_attn.key_layernorm"},
    "olmo2": {
        "post_attention_norm": "post_attention_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    },
}
GEMMA_PARTS = PARTS | {
    "ffn_norm": "pre_feedforward_layernorm",
    "post_attention_norm": "post_attention_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
QWEN35_PARTS = PARTS | {
    "post_attention_norm": "post_attention_layernorm",
    "attn_qkv": "linear_attn.in_proj_qkv",
    "attn_gate": "linear_attn.in_proj_z",
    "ssm_beta": "linear_attn.in_proj_b",
    "ssm_alpha": "linear_attn.in_proj_a",
    "ssm_conv1d": "linear_attn.conv1d",
    "ssm_norm": "linear_attn.norm",
    "ssm_out": "linear_attn.out_proj",
}
LFM2_PARTS = {
    "attn_norm": "operator_norm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.out_proj",
    "attn_q_norm": "self_attn.q_layernorm",
    "attn_k_norm": "self_attn.k_layernorm",
    "ffn_gate": "feed_forward.w1",
    "ffn_up": "feed_forward.w3",
    "ffn_down": "feed_forward.w2",
    "ffn_norm": "ffn_norm",
    "shortconv.conv": "conv.conv",
    "shortconv.in_proj": "conv.in_proj",
    "shortconv.out_proj": "conv.out_proj",
}
FAMILY_PARTS = {"gemma3": GEMMA_PARTS, "qwen35": QWEN35_PARTS, "lfm2": LFM2_PARTS}
WHOLE = {
    "token_embd_norm.weight": "model.embedding_norm.weight",
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


CLASSES = {
    transformers.LlamaConfig: transformers.LlamaForCausalLM,
    transformers.MistralConfig: transformers.MistralForCausalLM,
    transformers.Qwen2Config: transformers.Qwen2ForCausalLM,
    transformers.Qwen3Config: transformers.Qwen3ForCausalLM,
    transformers.Gemma3TextConfig: transformers.Gemma3ForCausalLM,
    transformers.Qwen3_5TextConfig: transformers.Qwen3_5ForCausalLM,
    transformers.Lfm2Config: transformers.Lfm2ForCausalLM,
    transformers.SmolLM3Config: transformers.SmolLM3ForCausalLM,
    transformers.GraniteConfig: transformers.GraniteForCausalLM,
    transformers.Phi3Config: transformers.Phi3ForCausalLM,
    transformers.Olmo2Config: transformers.Olmo2ForCausalLM,
    transformers.Ministral3Config: transformers.Ministral3ForCausalLM,
    transformers.HunYuanDenseV1Config: transformers.HunYuanDenseV1ForCausalLM,
}
# bytes of a block where its float16 scales stand, and their shares that put the mean at 0
_TYPES = gguf.GGMLQuantizationType
K_SCALES = {
    _TYPES.Q2_K: {80: 1.0, 82: 1.5},
    _TYPES.Q3_K: {108: 1.0},
    _TYPES.Q4_K: {0: 1.0, 2: 7.5},
    _TYPES.Q5_K: {0: 1.0, 2: 15.5},
    _TYPES.Q6_K: {208: 1.0},
    _TYPES.IQ4_NL: {0: 1.0},
    _TYPES.IQ4_XS: {0: 1.0},
}


def reference_model(path: Path) -> transformers.PreTrainedModel:
    """The file's model by ``transformers``, float32 on the CPU. No weight may be missing or left over."""
    transformers.utils.logging.disable_progress_bar()
    file = read_gguf(path)
    config = _config(file)
    model, report = CLASSES[type(config)].from_pretrained(
        None, config=config, state_dict=dict(_weights(file)), dtype=torch.float32, output_loading_info=True
    )
    assert not report["missing_keys"], report
    assert not report["unexpected_keys"], report
    assert not report["mismatched_keys"], report
    if "rope_freqs.weight" in file.tensors:
        # llama3: the converter worked out what each frequency is divided by
        factors = torch.from_numpy(_values(file, "rope_freqs.weight"))
        model.model.rotary_emb.inv_freq = model.model.rotary_emb.inv_freq / factors
    return model.eval()


def _config(file: GGUFFile) -> transformers.PreTrainedConfig:
    """transformers' configuration from the file's ``<family>.…`` keys."""
    family = file.metadata["general.architecture"]

    def get(key: str, default: Any = None) -> Any:
        return file.metadata.get(f"{family}.{key}", default)

    hidden, heads = get("embedding_length"), get("attention.head_count")
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": get("rope.freq_base")}
    if (kind := get("rope.scaling.type", "none")) != "none":
        rope |= {"rope_type": kind, "factor": get("rope.scaling.factor")}
    if kind == "yarn":
        rope["original_max_position_embeddings"] = get("rope.scaling.original_context_length")
    common: dict[str, Any] = {
        "vocab_size": file.tensors["token_embd.weight"].shape[0],
        "hidden_size": hidden,
        "intermediate_size": get("feed_forward_length"),
        "num_hidden_layers": get("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": get("attention.head_count_kv"),
        "head_dim": get("attention.key_length", hidden // heads),
        "rms_norm_eps": get("attention.layer_norm_rms_epsilon"),
        "max_position_embeddings": get("context_length"),
        "tie_word_embeddings": "output.weight" not in file.tensors,
        "rope_parameters": rope,
        "pad_token_id": None,
        "attn_implementation": "sdpa",
    }
    window = get("attention.sliding_window")
    if family == "gemma3":
        local = {"rope_type": "default", "rope_theta": 10_000.0}
        return transformers.Gemma3TextConfig(
            **common | {"rope_parameters": {"full_attention": rope, "sliding_attention": local}},
            sliding_window=window,
            query_pre_attn_scalar=common["head_dim"],
            final_logit_softcapping=get("final_logit_softcapping"),
        )
    if family == "llama" and window:
        return transformers.MistralConfig(**common, sliding_window=window)
    if family == "qwen35":
        rope |= {"partial_rotary_factor": get("rope.dimension_count") / common["head_dim"]}
        rope |= {"mrope_section": get("rope.dimension_sections")[:3].tolist()}
        heads = get("ssm.time_step_rank")
        return transformers.Qwen3_5TextConfig(
            **common,
            full_attention_interval=get("full_attention_interval"),
            linear_conv_kernel_dim=get("ssm.conv_kernel"),
            linear_num_key_heads=get("ssm.group_count"),
            linear_num_value_heads=heads,
            linear_key_head_dim=get("ssm.state_size"),
            linear_value_head_dim=get("ssm.inner_size") // heads,
        )
    if family == "lfm2":
        counts = common["num_key_value_heads"].tolist()
        del common["head_dim"], common["rms_norm_eps"]
        return transformers.Lfm2Config(
            **common | {"num_key_value_heads": max(counts)},
            norm_eps=get("attention.layer_norm_rms_epsilon"),
            layer_types=["full_attention" if count else "conv" for count in counts],
            block_auto_adjust_ff_dim=False,
            conv_L_cache=get("shortconv.l_cache"),
        )
    if family == "granite":
        return transformers.GraniteConfig(
            **common,
            attention_multiplier=get("attention.scale"),
            embedding_multiplier=get("embedding_scale"),
            residual_multiplier=get("residual_scale"),
            logits_scaling=get("logit_scale"),
        )
    if family == "mistral3":
        rope |= {"mscale": 1.0, "mscale_all_dim": get("rope.scaling.yarn_log_multiplier")}
        rope["llama_4_scaling_beta"] = get("attention.temperature_scale")
        return transformers.Ministral3Config(**common)
    if family == "phi3":
        rope["partial_rotary_factor"] = get("rope.dimension_count") / common["head_dim"]
        original = get("rope.scaling.original_context_length", common["max_position_embeddings"])
        if "rope_factors_long.weight" in file.tensors:
            names = {"short_factor": "rope_factors_short.weight", "long_factor": "rope_factors_long.weight"}
            rope |= {key: _values(file, name).tolist() for key, name in names.items()}
            rope |= {"rope_type": "longrope", "attention_factor": get("rope.scaling.attn_factor")}
        return transformers.Phi3Config(
            **common, sliding_window=window or None, original_max_position_embeddings=original
        )
    if family == "qwen2":
        del common["head_dim"]  # it has no such setting
        return transformers.Qwen2Config(**common)
    kinds = {
        "llama": transformers.LlamaConfig,
        "qwen3": transformers.Qwen3Config,
        "smollm3": transformers.SmolLM3Config,
        "olmo2": transformers.Olmo2Config,
        "hunyuan-dense": transformers.HunYuanDenseV1Config,
    }
    return kinds[family](**common)


def _weights(file: GGUFFile) -> Iterator[tuple[str, Tensor]]:
    """The tensors under transformers' names and in its conventions."""
    family = file.metadata["general.architecture"]
    parts = FAMILY_PARTS.get(family) or PARTS | OTHER_PARTS.get(family, {})
    for name in file.tensors:
        if name.startswith("rope_f"):
            continue
        values = _values(file, name)
        if name in WHOLE:
            hf = WHOLE[name]
        else:
            match = re.fullmatch(r"blk\.(\d+)\.([\w.]+?)(?:\.(weight|bias))?", name)
            assert match, name
            layer, part, kind = match.groups()
            if part == "ssm_a":  # -e^A_log
                hf, values = "linear_attn.A_log", np.log(-values)
            elif part == "ssm_dt":
                hf = "linear_attn.dt_bias"
            else:
                hf = f"{parts[part]}.{kind}"
            hf = f"model.layers.{layer}.{hf}"
        if family in ("llama", "smollm3", "granite", "mistral3") and re.search(r"attn_[qk]\.", name):
            # the file has the two halves of a head interleaved: pairs first, then halves
            key = "attention.head_count" if "attn_q" in name else "attention.head_count_kv"
            heads = file.metadata[f"{family}.{key}"]
            values = values.reshape(heads, -1, 2, values.shape[-1]).swapaxes(1, 2).reshape(values.shape)
        if family in ("gemma3", "qwen35") and name.endswith("norm.weight") and "ssm_norm" not in name:
            values = values - 1.0  # transformers adds the 1 when it runs
        if family == "qwen35" and re.search(r"ssm_|attn_qkv|attn_gate", name):
            values = grouped(values, name, file.metadata)
        if "conv1d" in name or "shortconv.conv" in name:
            values = values[:, None]  # one input channel
        yield hf, torch.from_numpy(np.ascontiguousarray(values))


def grouped(values: np.ndarray, name: str, metadata: dict[str, Any]) -> np.ndarray:
    """Value heads beside those of the same key head, as transformers has them; the file has first the first
    of each key head, then the second …"""
    keys, heads = metadata["qwen35.ssm.group_count"], metadata["qwen35.ssm.time_step_rank"]
    dim = metadata["qwen35.ssm.inner_size"] // heads

    def by_keys(rows: np.ndarray) -> np.ndarray:
        return rows.reshape(heads // keys, keys, -1, *rows.shape[1:]).swapaxes(0, 1).reshape(rows.shape)

    if "ssm_out" in name:
        return by_keys(values.T).T
    if "attn_qkv" in name or "conv1d" in name:
        before = len(values) - heads * dim
        return np.concatenate([values[:before], by_keys(values[before:])])
    return values if "ssm_norm" in name else by_keys(values)


def _values(file: GGUFFile, name: str) -> np.ndarray:
    info = file.tensors[name]
    kind = gguf.GGMLQuantizationType[info.type]
    data = np.array(file.data(name))
    if info.type in ("F32", "F16"):
        return data.view({"F32": "<f4", "F16": "<f2"}[info.type]).astype(np.float32).reshape(info.shape)
    rows = data.reshape(*info.shape[:-1], -1)
    return gguf.quants.dequantize(rows, kind).reshape(info.shape)


def reference_forward(model: transformers.PreTrainedModel) -> Forward:
    """A new sequence of a model of transformers, with a KV cache of its own."""
    cache = transformers.DynamicCache(config=model.config)

    @torch.inference_mode()
    def forward(ids: list[int]) -> Tensor:
        return model(torch.tensor([ids]), past_key_values=cache, use_cache=True).logits[0]

    return forward


def our_forward(decoder: Transformer) -> Forward:
    """A new sequence of a decoder of ours."""
    state = decoder.new_state()
    return lambda ids: decoder.forward([(state, ids)], "all")[0]


def held_bytes(decoder: Transformer) -> int:
    """Bytes of every torch and numpy array that hangs on a decoder, memory-mapped ones left out."""
    seen: dict[int, int] = {}
    visited: set[int] = set()
    waiting: list[Any] = [decoder]
    while waiting:
        thing = waiting.pop()
        if id(thing) in visited:
            continue
        visited.add(id(thing))
        if isinstance(thing, Tensor):
            storage = thing.untyped_storage()
            seen[storage.data_ptr()] = storage.nbytes()
        elif isinstance(thing, np.ndarray):
            base: Any = thing
            while isinstance(base, np.ndarray) and base.base is not None:
                base = base.base
            if isinstance(base, np.ndarray):  # owns its memory; a map is no array
                seen[base.ctypes.data] = base.nbytes
        elif isinstance(thing, dict):
            waiting += thing.values()
        elif isinstance(thing, list | tuple):
            waiting += thing
        elif hasattr(thing, "__dict__") and type(thing).__module__.startswith("autogpt_desktop"):
            waiting += vars(thing).values()
    return sum(seen.values())


def mixed_gguf(path: Path, files: Sequence[Path]) -> Path:
    """A file whose tensors come from ``files`` in turn: the same tiny model in several block formats."""
    readers = [gguf.GGUFReader(file) for file in files]
    writer = gguf.GGUFWriter(path, readers[0].fields["general.architecture"].contents())
    for name, entry in readers[0].fields.items():
        if not name.startswith("GGUF.") and name != "general.architecture":
            inner = entry.types[-1] if entry.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, entry.contents(), entry.types[0], inner)
    for index in range(len(readers[0].tensors)):
        tensor = readers[index % len(readers)].tensors[index]
        data = balanced(np.array(tensor.data), tensor.tensor_type)
        writer.add_tensor(tensor.name, data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def balanced(data: np.ndarray, kind: gguf.GGMLQuantizationType) -> np.ndarray:
    """Random K-quant blocks, uint8 [rows, bytes], with scales that give weights of mean 0 and 1/√cols.

    Left as they are they make models so flat or so sure that any two of them agree, or none do.
    """
    if kind not in K_SCALES:
        return data
    size, nbytes = gguf.GGML_QUANT_SIZES[kind]
    blocks = data.reshape(-1, nbytes)

    def scale_by(factor: float) -> np.ndarray:
        for start, share in K_SCALES[kind].items():
            blocks[:, start : start + 2] = np.frombuffer(np.float16(factor * share).tobytes(), np.uint8)
        return gguf.quants.dequantize(data, kind)

    cols = data.shape[-1] // nbytes * size
    scale_by(2.0**-9 * cols**-0.5 / scale_by(2.0**-9).std())
    return data
