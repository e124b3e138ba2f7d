"""Matrices that some makers keep in one, or under other names, and the parts that the decoder takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor

_GATE_UP = ("mlp.gate_proj", "mlp.up_proj")
# layout → a layer's module in the checkpoint → the decoder's modules, in the order of its rows
LAYOUTS: dict[str, dict[str, tuple[str, ...]]] = {
    "phi3": {
        "self_attn.qkv_proj": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "mlp.gate_up_proj": _GATE_UP,
    },
    "granitemoehybrid": {
        "shared_mlp.input_linear": _GATE_UP,
        "shared_mlp.output_linear": ("mlp.down_proj",),
    },
    "hunyuan_v1_dense": {
        "self_attn.query_layernorm": ("self_attn.q_norm",),
        "self_attn.key_layernorm": ("self_attn.k_norm",),
    },
}


Shapes = Mapping[str, tuple[int, ...]]  # of the decoder's tensors, by Hugging Face's names


def stored_parts(layout: str, names: Iterable[str]) -> dict[str, list[str]]:
    """Name of each tensor in the checkpoint → the decoder's tensors in it, in the order of its rows."""
    stored = {part: module for module, parts in LAYOUTS.get(layout, {}).items() for part in parts}
    found: dict[str, list[str]] = {}
    for name in names:
        pieces = name.split(".")  # model, layers, 0, self_attn, q_proj, weight
        module = stored.get(".".join(pieces[3:-1]))
        whole = name if module is None else ".".join([*pieces[:3], module, pieces[-1]])
        found.setdefault(whole, []).append(name)
    return found


def stored_shapes(layout: str, shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor that the checkpoint must have."""
    return {
        stored: (sum(shapes[part][0] for part in parts), *shapes[parts[0]][1:])
        for stored, parts in stored_parts(layout, shapes).items()
    }


def decoder_tensors(
    layout: str, shapes: Shapes, stored: Mapping[str, CheckpointTensor]
) -> dict[str, CheckpointTensor]:
    """The decoder's tensors out of the checkpoint's, which are of ``stored_shapes``; nothing is read."""
    parts = stored_parts(layout, shapes)
    found: dict[str, CheckpointTensor] = {}
    for name, tensor in stored.items():
        names, row = parts.get(name, [name]), 0
        if len(names) == 1:
            found[names[0]] = tensor
            continue
        for part in names:
            found[part] = _rows(tensor, row, row + shapes[part][0])
            row += shapes[part][0]
    return found


def _rows(tensor: CheckpointTensor, start: int, stop: int) -> CheckpointTensor:
    row_bytes = tensor.blocks.size // tensor.shape[0]
    forget = None if tensor.forget is None else partial(_forget, tensor, start * row_bytes)
    return CheckpointTensor(
        (stop - start, *tensor.shape[1:]),
        tensor.type,
        tensor.blocks[start * row_bytes : stop * row_bytes],
        forget=forget,
        file=tensor.file,
    )


def _forget(tensor: CheckpointTensor, offset: int, start: int, stop: int) -> None:
    if tensor.forget is not None:
        tensor.forget(offset + start, offset + stop)
