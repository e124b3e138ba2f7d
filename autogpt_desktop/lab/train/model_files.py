"""A model as a Hugging Face folder has it: ``config.json`` and ``model.safetensors``."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.errors import KnownError

_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
_KINDS = {
    "llama": ("llama", "LlamaForCausalLM"),
    "qwen2": ("qwen2", "Qwen2ForCausalLM"),
    "qwen3": ("qwen3", "Qwen3ForCausalLM"),
}


def config_values(config: ModelConfig, end_token: int) -> dict[str, Any]:
    """What ``config.json`` says of a model that was made here."""
    kind, architecture = _KINDS[config.family]
    return {
        "architectures": [architecture],
        "model_type": kind,
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "num_key_value_heads": config.num_key_value_heads,
        "head_dim": config.head_dim,
        "max_position_embeddings": config.max_position_embeddings,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_theta": config.rope_theta,
        "hidden_act": "silu",
        "tie_word_embeddings": config.tie_word_embeddings,
        "bos_token_id": end_token,
        "eos_token_id": end_token,
        "dtype": "float32",
        "torch_dtype": "float32",
    }


def write_model(folder: Path, config: ModelConfig, tensors: Mapping[str, Tensor], end_token: int) -> None:
    """Into a folder that is there. Raises KnownError("training-disk-full"), OSError."""
    write_tensors(folder / "model.safetensors", tensors, {"format": "pt"})
    write_json(folder / "config.json", config_values(config, end_token))


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """The weights of a folder that ``write_model`` wrote. Raises OSError, SafetensorError."""
    found: dict[str, Tensor] = load_file(folder / "model.safetensors")
    return found


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Raises KnownError("training-disk-full"), OSError."""
    with disk_errors(path):
        save_file(dict(tensors), path, metadata)
        flush(path)


def write_json(path: Path, values: Any) -> None:
    """Raises KnownError("training-disk-full"), OSError."""
    with disk_errors(path):
        path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        flush(path)


def flush(path: Path) -> None:
    """Wait until it is on the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """A full disk becomes a sentence for people; the library's own errors become OSError."""
    try:
        yield
    except SafetensorError as error:
        match = re.search(r"os error (\d+)", str(error))
        code = int(match[1]) if match else errno.EIO
        if code in _FULL:
            raise KnownError("training-disk-full", folder=str(_shown(path))) from error
        raise OSError(code, str(error), str(path)) from error
    except OSError as error:
        if error.errno in _FULL:
            raise KnownError("training-disk-full", folder=str(_shown(path))) from error
        raise


def _shown(path: Path) -> Path:
    """The folder that people know: that of the run, not one in it that is half written."""
    return next((one for one in path.parents if not one.name.startswith(("checkpoint", "scratch"))), path)
