"""How an E5 container begins: enough to list the model, without numpy. ``e5_file`` reads the rest."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop.engine.formats.settings import MAX_LAYERS, MAX_TOKENS
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular

FILE = "e5-small-q4.bin"  # by this name a model's folder has it
# What the encoder was trained on (XLM-R's texts), by its publisher's page.
LANGUAGES = (
    "af", "am", "ar", "as", "az", "be", "bg", "bn", "br", "bs", "ca", "cs", "cy", "da", "de", "el",
    "en", "eo", "es", "et", "eu", "fa", "fi", "fr", "fy", "ga", "gd", "gl", "gu", "ha", "he", "hi",
    "hr", "hu", "hy", "id", "is", "it", "ja", "jv", "ka", "kk", "km", "kn", "ko", "ku", "ky", "la",
    "lo", "lt", "lv", "mg", "mk", "ml", "mn", "mr", "ms", "my", "ne", "nl", "no", "om", "or", "pa",
    "pl", "ps", "pt", "ro", "ru", "sa", "sd", "si", "sk", "sl", "so", "sq", "sr", "su", "sv", "sw",
    "ta", "te", "th", "tl", "tr", "ug", "uk", "ur", "uz", "vi", "xh", "yi", "zh",
)  # fmt: skip
_MAGIC = b"E5S1"
_SHAPE = struct.Struct("<7ifi")
_VALUES = 32  # of a block of Q4_0
HEADER_BYTES = 8 + _SHAPE.size


@dataclass(frozen=True, slots=True)
class E5Shape:
    """The container's numbers, checked, in Hugging Face's names."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    vocab_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float


def is_e5(folder: Path) -> bool:
    """Does the folder hold the container? False for anything that cannot be looked at."""
    return os.path.isfile(folder / FILE)


def e5_shape(folder: Path) -> E5Shape:
    """The shape alone. Raises KnownError: gguf-unreadable, and as ``parse_shape``."""
    try:
        with open_regular(folder / FILE) as file:
            start = file.read(HEADER_BYTES)
    except (OSError, ValueError) as error:
        raise KnownError("gguf-unreadable", file=FILE) from error
    return parse_shape(start)


def parse_shape(start: bytes) -> E5Shape:
    """Of the file's first HEADER_BYTES. Raises KnownError: gguf-corrupt, gguf-version."""
    if len(start) < HEADER_BYTES or start[:4] != _MAGIC:
        raise KnownError("gguf-corrupt", file=FILE, what="it does not begin as such files do")
    if struct.unpack_from("<I", start, 4)[0] != 1:
        raise KnownError("gguf-version", file=FILE, version=struct.unpack_from("<I", start, 4)[0])
    hidden, layers, heads, inner, vocabulary, positions, types, epsilon, block = _SHAPE.unpack_from(start, 8)
    sizes = (hidden, layers, heads, inner, vocabulary, positions, types)
    if (
        min(sizes) < 1
        or max(hidden, inner, positions) > 1 << 16
        or layers > MAX_LAYERS
        or vocabulary > MAX_TOKENS
        or hidden % heads
        or block != _VALUES
        or hidden % block
        or inner % block
        or not 0 < epsilon < 1
    ):
        raise KnownError("gguf-corrupt", file=FILE, what="a size in it makes no sense")
    return E5Shape(*sizes, epsilon)
