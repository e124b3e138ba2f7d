"""Weights of Hugging Face folders: ``*.safetensors``, mapped, as the same tensors that GGUF files give.

Format: https://huggingface.co/docs/safetensors/index#format
"""

from __future__ import annotations

import json
import logging
import mmap
import re
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.checkpoint import FLOAT_TYPES, CheckpointTensor
from autogpt_desktop.engine.formats.hf_names import stored_name
from autogpt_desktop.engine.formats.layouts import decoder_tensors, stored_shapes
from autogpt_desktop.engine.formats.mapped import map_file
from autogpt_desktop.engine.formats.untrusted import damaged, weight_files
from autogpt_desktop.engine.formats.weight_shapes import expected_shapes
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular

log = logging.getLogger(__name__)

_PREFIXES = ("", "language_model.", "model.language_model.")  # multimodal folders keep the decoder deeper
# the decoder's names behind any of the prefixes; images and sound have towers of their own
_DECODER = re.compile(r"(?:(?:model\.)?language_model\.)?(?:(?:model\.)?(?:layers|embed\w*|norm)|lm_head)\b")
_UNUSED = re.compile(r"rotary_emb\.inv_freq$|\.masked_bias$|\.attn\.bias$|(?:^|\.)lm_head\.weight$")
_ALIGNMENT = 8  # bytes of the largest float


def sources_from_folder(folder: Path, config: ModelConfig) -> dict[str, CheckpointTensor]:
    """Every weight the model needs, by name. Others of the decoder are refused: answers would be wrong.

    Raises KnownError: folder-weights, model-unreadable, gguf-tensor-…; OSError for a closed folder.
    """
    tensors: dict[str, CheckpointTensor] = {}
    if not (files := weight_files(folder)):
        raise KnownError("folder-weights", folder=folder.name)
    shapes = expected_shapes(config)
    expected = stored_shapes(config.layout, shapes)
    stored = {stored_name(name, config.family): name for name in expected}
    wanted = {prefix + theirs: name for prefix in _PREFIXES for theirs, name in stored.items()}
    wanted |= {theirs.replace("model.", "model.language_model.", 1): name for theirs, name in stored.items()}
    unknown: list[str] = []
    others: list[str] = []
    try:
        for file in files:
            mapped = map_tensors(file)
            tensors |= {wanted[name]: tensor for name, tensor in mapped.items() if name in wanted}
            unknown += [name for name in mapped if name not in wanted and _is_of_decoder(name)]
            others += [name for name in mapped if name not in wanted]
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged(error, folder.name, "folder-weights", folder=folder.name) from error
    if unknown:
        raise KnownError("gguf-tensor-unknown", file=folder.name, tensor=unknown[0][:80])
    if others:
        parts = sorted({".".join(name.split(".")[:2]) for name in others})
        log.info("%s: %d tensors are not used: %s", folder.name, len(others), ", ".join(parts)[:400])
    for name, shape in expected.items():
        if name not in tensors:
            raise KnownError("gguf-tensor-missing", file=folder.name, tensor=name)
        if tensors[name].shape == (shape[0], 1, *shape[1:]):  # a convolution of each channel by itself
            tensors[name] = replace(tensors[name], shape=shape)
        if tensors[name].shape != shape or tensors[name].type not in FLOAT_TYPES:
            raise KnownError("gguf-tensor-shape", file=folder.name, tensor=name)
    return decoder_tensors(config.layout, shapes, tensors)


def _is_of_decoder(name: str) -> bool:
    """Whether leaving a tensor out changes what the decoder says: not an image's part, not a table that is
    computed anyway, not the output layer that some makers store although it is the embedding."""
    return bool(_DECODER.match(name)) and not _UNUSED.search(name)


def map_tensors(file: Path) -> dict[str, CheckpointTensor]:
    """The tensors of a file, which stay on the disk until they are read. Raises SafetensorError, OSError."""
    open_regular(file).close()  # a pipe would be waited for; a closed file is no SafetensorError
    with safe_open(file, framework="np"):  # checks the header: lengths, types, offsets
        pass
    with open_regular(file) as opened:
        try:
            (length,) = struct.unpack("<Q", opened.read(8))
            header = json.loads(opened.read(length))
            # pages of our own once written, which nobody does: torch takes them as they are then
            mapped, watched = map_file(file, mmap.ACCESS_COPY, opened)
        except (struct.error, ValueError) as error:
            raise SafetensorError("the file was cut since its header was checked") from error
        data = np.frombuffer(mapped, np.uint8)[8 + length :]
    header.pop("__metadata__", None)
    if max((entry["data_offsets"][1] for entry in header.values()), default=0) > len(data):
        raise SafetensorError("the file was cut since its header was checked")
    tensors = {}
    for name, entry in header.items():
        start, stop = entry["data_offsets"]
        blocks = data[start:stop]
        if (8 + length + start) % (
            2 * _ALIGNMENT if entry["dtype"] == "F64" else _ALIGNMENT
        ):  # by old writers
            blocks = blocks.copy()
        tensors[name] = CheckpointTensor(tuple(entry["shape"]), entry["dtype"], blocks, file=watched)
    return tensors
