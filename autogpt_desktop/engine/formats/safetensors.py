"""Weights of Hugging Face folders: ``*.safetensors``, as the same sources that GGUF files give."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.gguf_mapping import expected_shapes
from autogpt_desktop.engine.torch_backend.linear import CheckpointTensor
from autogpt_desktop.errors import KnownError

_TYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
_PREFIXES = ("", "language_model.", "model.language_model.")  # multimodal folders keep the decoder deeper


def sources_from_folder(folder: Path, config: ModelConfig) -> dict[str, CheckpointTensor]:
    """Every weight the model needs, by name. Raises KnownError: folder-weights, gguf-tensor-…"""
    tensors: dict[str, torch.Tensor] = {}
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise KnownError("folder-weights", folder=folder.name)
    expected = expected_shapes(config)
    wanted = {prefix + name: name for prefix in _PREFIXES for name in expected}
    wanted |= {name.replace("model.", "model.language_model.", 1): name for name in expected}
    try:
        for file in files:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118  (not a mapping)
                    if name in wanted:
                        tensors[wanted[name]] = opened.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise KnownError("folder-weights", folder=folder.name) from error
    for name, shape in expected.items():
        if name not in tensors:
            raise KnownError("gguf-tensor-missing", file=folder.name, tensor=name)
        if tuple(tensors[name].shape) != shape or tensors[name].dtype not in _TYPES:
            raise KnownError("gguf-tensor-shape", file=folder.name, tensor=name)
    return {name: CheckpointTensor(tuple(t.shape), _TYPES[t.dtype], tensor=t) for name, t in tensors.items()}
