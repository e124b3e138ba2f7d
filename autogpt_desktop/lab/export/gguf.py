"""A model's folder as a GGUF file, which llama.cpp and its kin load."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop import atomic
from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.engine.formats.gguf_names import gguf_name
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.formats.safetensors import sources_from_folder
from autogpt_desktop.errors import KnownError

FAMILIES = ("llama", "qwen2", "qwen3")
_ALIGNMENT = 32
_TYPES = {"F32": 0, "F16": 1, "BF16": 30}
_FILE_TYPES = {"F32": 0, "F16": 1, "BF16": 32}  # ``general.file_type``
_NORMAL, _CONTROL = 1, 3  # kinds of token


class Uint32(int):
    """A number that the file keeps in 32 bits, as llama.cpp expects of sizes."""


def write_gguf(folder: Path, path: Path, *, name: str = "") -> None:
    """Write the folder's model with its tokenizer, byte-level BPE, into one file; weights keep their type.

    Raises OSError, KnownError("lab-no-gguf") for a family or a tokenizer that it cannot say.
    """
    config = config_from_folder(folder)
    known = config.family in FAMILIES and not config.recurrent_layers
    if not known or config.rope_scaling is not None or config.sliding_window:
        raise KnownError("lab-no-gguf", name=name or folder.name)
    sources = sources_from_folder(folder, config)
    if config.tie_word_embeddings:
        sources.pop("lm_head.weight", None)
    kind = sources["model.embed_tokens.weight"].type
    metadata = {
        "general.architecture": config.family,
        "general.name": name or folder.name,
        "general.file_type": Uint32(_FILE_TYPES[kind]),
        **_shape(config),
        **_tokenizer(folder, config),
    }
    tensors = {gguf_name(hf, config.family): _ordered(hf, sources[hf], config) for hf in sources}
    _write(path, metadata, tensors)


def _shape(c: ModelConfig) -> dict[str, Any]:
    values: dict[str, Any] = {
        "context_length": Uint32(c.max_position_embeddings),
        "embedding_length": Uint32(c.hidden_size),
        "block_count": Uint32(c.num_hidden_layers),
        "feed_forward_length": Uint32(c.intermediate_size),
        "attention.head_count": Uint32(c.num_attention_heads),
        "attention.head_count_kv": Uint32(c.num_key_value_heads),
        "attention.key_length": Uint32(c.head_dim),
        "attention.value_length": Uint32(c.head_dim),
        "attention.layer_norm_rms_epsilon": float(c.rms_norm_eps),
        "rope.freq_base": float(c.rope_theta),
        "rope.dimension_count": Uint32(c.rope_dim or c.head_dim),
        "vocab_size": Uint32(c.vocab_size),
    }
    return {f"{c.family}.{key}": value for key, value in values.items()}


def _tokenizer(folder: Path, config: ModelConfig) -> dict[str, Any]:
    """The tokens, padded to the size of the embedding."""
    values = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    steps = values.get("pre_tokenizer") or {}
    if values["model"]["type"] != "BPE" or steps.get("type") != "ByteLevel" or not steps.get("use_regex"):
        raise KnownError("lab-no-gguf", name=folder.name)
    tokens = [f"<unused{number}>" for number in range(config.vocab_size)]
    kinds = [_CONTROL] * config.vocab_size
    for token, number in values["model"]["vocab"].items():
        tokens[number], kinds[number] = token, _NORMAL
    for added in values["added_tokens"]:
        tokens[added["id"]] = added["content"]
        kinds[added["id"]] = _CONTROL if added["special"] else _NORMAL
    merges = [one if isinstance(one, str) else " ".join(one) for one in values["model"]["merges"]]
    end = Uint32(tokens.index(settings["eos_token"]))
    metadata = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.bos_token_id": end,
        "tokenizer.ggml.eos_token_id": end,
        "tokenizer.ggml.add_bos_token": False,
    }
    if isinstance(template := settings.get("chat_template"), str):
        metadata["tokenizer.chat_template"] = template
    return metadata


def _ordered(name: str, source: CheckpointTensor, config: ModelConfig) -> CheckpointTensor:
    """llama's query and key rows: GGUF turns neighbors, Hugging Face halves (RoPE)."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    part = name.split(".")[-2]
    if config.family != "llama" or part not in heads:
        return source
    rows = np.arange(source.shape[0]).reshape(heads[part], 2, config.head_dim // 2)
    order = rows.swapaxes(1, 2).reshape(-1)
    if source.row_order is not None:
        order = source.row_order[order]
    return CheckpointTensor(source.shape, source.type, source.blocks, row_order=order, file=source.file)


def _bytes_of(source: CheckpointTensor) -> tuple[int, NDArray[np.uint8]]:
    """(type, bytes): vectors are float32, which is what kernels want of norms and biases."""
    if len(source.shape) == 1 and source.type != "F32":
        return _TYPES["F32"], source.dequantize().astype("<f4").view(np.uint8)
    return _TYPES[source.type], np.ascontiguousarray(source.rows(0, source.shape[0])).reshape(-1)


def _write(path: Path, metadata: dict[str, Any], tensors: dict[str, CheckpointTensor]) -> None:
    head = [struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(metadata))]
    for key, value in metadata.items():
        head += [_string(key), _value(value)]
    offset = 0
    for name, source in tensors.items():
        kind, size = _TYPES["F32" if len(source.shape) == 1 else source.type], _size(source)
        dims = source.shape[::-1]
        head += [_string(name), struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)]
        offset += size + _padding(size)
    with atomic.replacing(path, private=True) as scratch, scratch.open("wb") as file:
        data = b"".join(head)
        file.write(data + bytes(_padding(len(data))))
        for source in tensors.values():
            values = _bytes_of(source)[1]
            file.write(values.data)
            file.write(bytes(_padding(values.nbytes)))


def _size(source: CheckpointTensor) -> int:
    if len(source.shape) == 1:
        return 4 * source.shape[0]
    return source.blocks.nbytes


def _padding(size: int) -> int:
    return -size % _ALIGNMENT


def _string(text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    """The kind of a value and the value."""
    if isinstance(value, list):
        kind = 8 if isinstance(value[0] if value else "", str) else 5
        return struct.pack("<IIQ", 9, kind, len(value)) + b"".join(_items(value, kind))
    if isinstance(value, str):
        return struct.pack("<I", 8) + _string(value)
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    return struct.pack("<II", 4, value)


def _items(values: Sequence[Any], kind: int) -> Iterable[bytes]:
    return (_string(value) if kind == 8 else struct.pack("<i", value) for value in values)
