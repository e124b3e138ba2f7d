"""An adapter and its base as one model that other programs load: W + s · B A in place of W.

Of a Hugging Face folder it is a folder, of a GGUF file a GGUF file, with everything else as it was. Changed
matrices keep the type of floats; those that were quantized have 8 bits (Q8_0).
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from autogpt_desktop import atomic
from autogpt_desktop.engine.build import in_decoder_order
from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.adapter import LowRank, MergedTensor, in_layout, read_adapter
from autogpt_desktop.engine.formats.checkpoint import FLOAT_TYPES, CheckpointTensor
from autogpt_desktop.engine.formats.gguf import GGUFFile, read_gguf
from autogpt_desktop.engine.formats.gguf_mapping import config_from_gguf
from autogpt_desktop.engine.formats.gguf_names import weight_names
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.formats.safetensors import map_tensors, sources_from_folder
from autogpt_desktop.engine.torch_backend.weight import dense
from autogpt_desktop.errors import KnownError

_NUMBERS = {"F32": 0, "F16": 1, "Q8_0": 8, "BF16": 30}  # ggml's, of the types that are written
_BLOCK = 32  # weights of Q8_0 that share a scale


def merge(base: Path, adapter: Path, out: Path) -> None:
    """Write the merged model to ``out``: a new folder, or a file. Raises KnownError as reading the base
    and the adapter does, and lab-merge-not-written: the disk, or ``out`` is there."""
    try:
        if os.path.exists(out):
            raise FileExistsError(f"{out.name} is there")
        if os.path.isdir(base):
            _merge_folder(base, adapter, out)
        else:
            _merge_gguf(read_gguf(base), adapter, out)
    except OSError as error:
        raise KnownError("lab-merge-not-written", name=out.name, reason=str(error)[:200]) from error


def _merge_folder(base: Path, adapter: Path, out: Path) -> None:
    config = config_from_folder(base)
    added = in_layout(config, read_adapter(adapter, config))
    sources_from_folder(base, config)  # checks that all is there
    scratch = out.with_name(f"{out.name}{atomic.SUFFIX}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True, mode=0o700)
    try:
        for file in base.iterdir():
            if os.path.isfile(file) and not file.name.endswith((".safetensors", ".bin", ".gguf")):
                shutil.copy2(file, scratch)
        for file in sorted(base.glob("*.safetensors")):
            tensors = {}
            for name, source in map_tensors(file).items():
                low = _low_of(name, added)
                values = dense(source)
                if low is not None:
                    values = torch.from_numpy(MergedTensor(source, low).dequantize()).to(values.dtype)
                tensors[name] = values.contiguous()
            save_file(tensors, scratch / file.name, {"format": "pt"})
        scratch.rename(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _low_of(name: str, added: Mapping[str, LowRank]) -> LowRank | None:
    """By the decoder's own name, which multimodal folders keep deeper."""
    return next((low for module, low in added.items() if name.endswith(f"{module}.weight")), None)


def _merge_gguf(file: GGUFFile, adapter: Path, out: Path) -> None:
    if file.homes:
        raise KnownError("gguf-split", file=file.path.name)
    config = config_from_gguf(file)
    added = in_layout(config, _in_file_order(config, read_adapter(adapter, config)))
    names = {gguf: hf for hf, gguf in weight_names(file, config.family).items()}
    kinds: dict[str, str] = {}
    for name, info in file.tensors.items():
        changed = names.get(name, "").removesuffix(".weight") in added
        quantized = changed and info.type not in FLOAT_TYPES
        if quantized and info.shape[1] % _BLOCK:
            raise KnownError("adapter-unsupported", name=adapter.name, what=name)
        kinds[name] = "Q8_0" if quantized else info.type
    numbers = _type_numbers(file)
    numbers |= {name: _NUMBERS["Q8_0"] for name, kind in kinds.items() if kind != file.tensors[name].type}
    entries = list(_entries(file))
    alignment = int(file.metadata.get("general.alignment", 32))
    head = bytearray(file.header[: len(file.header) - sum(len(entry) for _, entry in entries)].tobytes())
    offset = 0
    for name, entry in entries:
        info = file.tensors[name]
        nbytes = info.nbytes if kinds[name] == info.type else info.shape[0] * info.shape[1] // _BLOCK * 34
        head += entry[:-12] + struct.pack("<IQ", numbers[name], offset)
        offset += nbytes + -nbytes % alignment
    with atomic.replacing(out, private=True) as scratch, scratch.open("wb") as written:
        written.write(head + bytes(-len(head) % alignment))
        for name, _ in entries:
            info = file.tensors[name]
            data = file.data(name)
            low = added.get(names.get(name, "").removesuffix(".weight"))
            if low is not None:
                source = CheckpointTensor(info.shape, info.type, data, file=file.mapped)
                data = _as_type(MergedTensor(source, low).dequantize(), kinds[name])
            written.write(data.data)
            written.write(bytes(-data.nbytes % alignment))


def _entries(file: GGUFFile) -> Iterator[tuple[str, bytes]]:
    """(tensor's name, its entry in the header) in the order of the file."""
    sizes = {name: 24 + len(name.encode()) + 8 * len(info.shape) for name, info in file.tensors.items()}
    start = len(file.header) - sum(sizes.values())
    for name, size in sizes.items():
        yield name, file.header[start : start + size].tobytes()
        start += size


def _type_numbers(file: GGUFFile) -> dict[str, int]:
    return {name: struct.unpack("<I", entry[-12:-8])[0] for name, entry in _entries(file)}


def _in_file_order(config: ModelConfig, added: dict[str, LowRank]) -> dict[str, LowRank]:
    """llama's files have the rows of q and k as the decoder has them, the others' as Hugging Face."""
    return in_decoder_order(config, added) if config.rope_interleaved else added


def _as_type(values: NDArray[np.float32], kind: str) -> NDArray[np.uint8]:
    if kind == "Q8_0":
        return quantize_q8_0(values)
    if kind == "BF16":
        found: Any = torch.from_numpy(values).bfloat16().view(torch.uint8).numpy()
        return np.ascontiguousarray(found).reshape(-1)
    return np.ascontiguousarray(values.astype("<f2" if kind == "F16" else "<f4")).view(np.uint8).reshape(-1)


def quantize_q8_0(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """ggml's Q8_0: 32 numbers of 8 bits and a float16 scale, the largest at ±127. uint8 [bytes]"""
    blocks = values.reshape(-1, _BLOCK)
    scale = np.abs(blocks).max(1, keepdims=True) / np.float32(127)
    inverse = np.where(scale > 0, 1 / np.where(scale > 0, scale, 1), 0).astype(np.float32)
    numbers = np.rint(blocks * inverse).astype(np.int8)
    packed = np.concatenate([scale.astype("<f2").view(np.uint8), numbers.view(np.uint8)], axis=1)
    return np.ascontiguousarray(packed).reshape(-1)
