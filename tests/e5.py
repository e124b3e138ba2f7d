"""A small random E5 container, written as its format says."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from autogpt_desktop.engine.formats.e5_header import FILE

HIDDEN, LAYERS, HEADS, INNER, POSITIONS = 32, 2, 2, 64, 40
PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    *"abcdefgh茶桥。,",
    "▁the",
    "▁tea",
    "▁query",
    ":",
    "▁passage",
    "ab",
]
REPLACED = {ord("\t"): " ", ord("Ａ"): "a", 1: ""}


def q4_0(values: np.ndarray) -> bytes:
    """Blocks of 32 values: a float16 scale, then value j and value j + 16 in a byte."""
    blocks = values.reshape(-1, 32)
    largest = np.take_along_axis(blocks, np.abs(blocks).argmax(1)[:, None], 1)
    scale = (largest / -8).astype("<f2")
    scale[scale == 0] = 1
    q = np.clip(np.round(blocks / scale.astype(np.float32)) + 8, 0, 15).astype(np.uint8)
    packed = q[:, :16] | q[:, 16:] << 4
    return b"".join(one.tobytes() + row.tobytes() for one, row in zip(scale, packed, strict=True))


def tensors(seed: int = 0) -> dict[str, np.ndarray]:
    chance = np.random.default_rng(seed)

    def random(*shape: int) -> np.ndarray:
        return chance.normal(0, 0.3, shape).astype(np.float32)

    found = {
        "emb.word": random(len(PIECES) + 3, HIDDEN),
        "emb.pos": random(POSITIONS, HIDDEN),
        "emb.type": random(2, HIDDEN),
        "emb.ln.w": random(HIDDEN) + 1,
        "emb.ln.b": random(HIDDEN),
    }
    for layer in range(LAYERS):
        for name, rows, columns in (
            *((part, HIDDEN, HIDDEN) for part in ("q", "k", "v", "ao")),
            ("fi", INNER, HIDDEN),
            ("fo", HIDDEN, INNER),
        ):
            found[f"l{layer}.{name}.w"], found[f"l{layer}.{name}.b"] = random(rows, columns), random(rows)
        for name in ("aln", "oln"):
            found[f"l{layer}.{name}.w"], found[f"l{layer}.{name}.b"] = random(HIDDEN) + 1, random(HIDDEN)
    return found


def container(seed: int = 0) -> bytes:
    """The whole file."""
    pieces = [piece.encode() for piece in PIECES]
    places = np.cumsum([0, *map(len, pieces)]).astype("<u4")
    scores = np.array([0, 0, 0, 0, *(-1.0 - at / 10 for at in range(len(PIECES) - 4))], "<f4")
    table = b"".join(
        struct.pack(f"<IB{len(text)}I", number, len(text), *map(ord, text))
        for number, text in REPLACED.items()
    )
    head = b"E5S1" + struct.pack(
        "<I7ifi", 1, HIDDEN, LAYERS, HEADS, INNER, len(PIECES) + 3, POSITIONS, 2, 1e-12, 32
    )
    head += (
        struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, int(places[-1])) + places.tobytes() + scores.tobytes()
    )
    head += b"".join(pieces) + struct.pack("<iI", len(REPLACED), len(table)) + table
    data = {
        name: (0, one.tobytes()) if name.endswith((".b", "ln.w", "pos", "type")) else (1, q4_0(one))
        for name, one in tensors(seed).items()
    }
    size = len(head) + 4 + sum(2 + len(name) + 21 for name in data)
    start = -(-size // 64) * 64
    directory, body = struct.pack("<i", len(data)), b""
    for name, (type, blocks) in data.items():
        values = len(blocks) // 4 if type == 0 else len(blocks) // 18 * 32
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", type, values, start + len(body), len(blocks))
        body += blocks + bytes(-len(blocks) % 64)
    return (head + directory).ljust(start, b"\0") + body


def write_e5(folder: Path, seed: int = 0) -> Path:
    """A model's folder with such a file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(container(seed))
    return folder
