"""Small random translation packs in Marian's formats: model, shortlist, vocabulary."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

INTGEMM8, FLOAT32, INT8 = 0x4101, 0x0404, 0x0101
Items = dict[str, tuple[int, tuple[int, ...], bytes]]  # name -> (type, shape, data)

SETTINGS: dict[str, str] = {
    "dec-cell": "ssru",
    "dec-depth": "2",
    "dim-emb": "32",
    "enc-depth": "2",
    "input-types": "[]",
    "layer-normalization": "false",
    "lemma-dim-emb": "0",
    "output-omit-bias": "false",
    "right-left": "false",
    "skip": "false",
    "transformer-decoder-autoreg": "rnn",
    "transformer-dim-ffn": "64",
    "transformer-ffn-activation": "relu",
    "transformer-ffn-depth": "2",
    "transformer-guided-alignment-layer": "last",
    "transformer-heads": "8",
    "transformer-no-projection": "false",
    "transformer-pool": "false",
    "transformer-postprocess": "dan",
    "transformer-postprocess-emb": "d",
    "transformer-postprocess-top": '""',
    "transformer-preprocess": '""',
    "transformer-tied-layers": "[]",
    "transformer-train-position-embeddings": "false",
    "type": "transformer",
    "ulr": "false",
    "version": "v1.9.56",
}


def quantized(values: np.ndarray, embedding: bool = False) -> tuple[int, tuple[int, ...], bytes]:
    """A matrix [inputs, outputs] as Marian stores it: int8, transposed (embeddings are not), multiplier."""
    multiplier = np.float32(127 / np.abs(values).max())
    stored = values if embedding else values.T
    data = np.rint(stored * multiplier).clip(-127, 127).astype(np.int8).tobytes()
    return INTGEMM8, values.shape, data + multiplier.tobytes()


def floats(values: Any) -> tuple[int, tuple[int, ...], bytes]:
    array = np.atleast_2d(np.asarray(values, "<f4"))
    return FLOAT32, array.shape, array.tobytes()


def tiny_items(
    *,
    dim: int = 32,
    ffn: int = 64,
    heads: int = 8,
    encoder_layers: int = 2,
    decoder_layers: int = 2,
    vocab: tuple[int, int] = (64, 64),
    tied: str = "all",  # "all", "apart" (the output layer is the decoder's embedding), "none"
    named_scale: bool = True,  # of the output layer
    gain: float = 2.0,
    seed: int = 0,
    settings: Mapping[str, str] | None = None,
) -> Items:
    """The items of a small model with random weights, whose activations keep their size."""
    chance = np.random.RandomState(seed)  # whose numbers no version of NumPy changes
    items: Items = {}

    def matrix(name: str, inputs: int, outputs: int) -> None:
        # strong ones in the decoder: else it says its last word again and again
        spread = gain if name.startswith("decoder") else 1.0
        items[name] = quantized(chance.normal(0, spread * inputs**-0.5, (inputs, outputs)))
        items[name + "_QuantMultA"] = floats(chance.uniform(12, 20))

    def bias(name: str, size: int, spread: float = 0.1) -> None:
        items[name] = floats(chance.normal(0, spread, size))

    def norm(name: str) -> None:
        items[f"{name}_ln_scale"] = floats(chance.uniform(0.7, 1.3, dim))
        bias(f"{name}_ln_bias", dim)

    def attention(name: str) -> None:
        for part in "qkvo":
            matrix(f"{name}_W{part}", dim, dim)
            bias(f"{name}_b{part}", dim)
        norm(f"{name}_Wo")

    def feed_forward(name: str) -> None:
        matrix(f"{name}_W1", dim, ffn)
        bias(f"{name}_b1", ffn)
        matrix(f"{name}_W2", ffn, dim)
        bias(f"{name}_b2", dim)
        norm(f"{name}_ffn")

    embeddings = {"Wemb": vocab[0]} if tied == "all" else {"encoder_Wemb": vocab[0], "decoder_Wemb": vocab[1]}
    for name, size in embeddings.items():
        items[name] = quantized(chance.normal(0, dim**-0.5, (size, dim)), embedding=True)
    output = {"all": "Wemb", "apart": "decoder_Wemb", "none": "decoder_ff_logit_out_W"}[tied]
    if tied == "none":
        items[output] = quantized(chance.normal(0, dim**-0.5, (dim, vocab[1])))
    alpha = np.float32(14.5)
    items["none_QuantMultA"] = floats(alpha)
    if named_scale and tied != "none":  # the converter makes everything int8 whose name has Wemb in it
        items[output + "_QuantMultA"] = INTGEMM8, (1, 1), b"\x7f" + np.float32(127 / alpha).tobytes()
    elif named_scale:
        items[output + "_QuantMultA"] = floats(alpha)
    bias("decoder_ff_logit_out_b", vocab[1], 0.5)
    for layer in range(1, encoder_layers + 1):
        attention(f"encoder_l{layer}_self")
        feed_forward(f"encoder_l{layer}_ffn")
    for layer in range(1, decoder_layers + 1):
        matrix(f"decoder_l{layer}_rnn_W", dim, dim)
        matrix(f"decoder_l{layer}_rnn_Wf", dim, dim)
        bias(f"decoder_l{layer}_rnn_bf", dim)
        norm(f"decoder_l{layer}_rnn_ffn")
        attention(f"decoder_l{layer}_context")
        feed_forward(f"decoder_l{layer}_ffn")
    said = SETTINGS | {
        "dec-depth": str(decoder_layers),
        "dim-emb": str(dim),
        "dim-vocabs": f"\n  - {vocab[0]}\n  - {vocab[1]}",
        "enc-depth": str(encoder_layers),
        "tied-embeddings": str(tied == "apart").lower(),
        "tied-embeddings-all": str(tied == "all").lower(),
        "tied-embeddings-src": "false",
        "transformer-dim-ffn": str(ffn),
        "transformer-heads": str(heads),
    }
    said |= settings or {}
    text = "".join(f"{key}: {value}\n" for key, value in sorted(said.items())).encode() + b"\0"
    items["special:model.yml"] = INT8, (len(text),), text
    return dict(sorted(items.items()))


def marian_bytes(items: Items, version: int = 1) -> bytes:
    """The file, as Marian's converter writes it: all data but the settings padded to 256 bytes."""
    padded = {
        name: data if name.startswith("special:") else data + bytes(-len(data) % 256)
        for name, (_, _, data) in items.items()
    }
    head = struct.pack("<2Q", version, len(items))
    for name, (kind, shape, _) in items.items():
        head += struct.pack("<4Q", len(name) + 1, kind, len(shape), len(padded[name]))
    head += b"".join(name.encode() + b"\0" for name in items)
    head += b"".join(struct.pack(f"<{len(shape)}i", *shape) for _, shape, _ in items.values())
    gap = ((len(head) + 8) // 256 + 1) * 256 - len(head) - 8
    return head + struct.pack("<Q", gap) + bytes(gap) + b"".join(padded.values())


def write_tiny_marian(path: Path, **shape: Any) -> Path:
    """A model file; ``shape`` as ``tiny_items`` takes it."""
    path.write_bytes(marian_bytes(tiny_items(**shape)))
    return path


def shortlist_bytes(lists: Sequence[Sequence[int]], first: int = 8, best: int = 50) -> bytes:
    """A lexical shortlist: for each source word the target words that it may lead to."""
    starts = np.cumsum([0, *(len(words) for words in lists)]).astype("<u8")
    words = np.array([word for words in lists for word in words], "<u4")
    body = struct.pack("<4Q", first, best, len(starts), len(words)) + starts.tobytes() + words.tobytes()
    checksum = 0
    for value in np.frombuffer(body[: len(body) // 8 * 8], "<u8").tolist():
        checksum ^= (value + 0x9E3779B9 + (checksum << 6) + (checksum >> 2)) % 2**64
        checksum %= 2**64
    return struct.pack("<2Q", 0xF11A48D5013417F5, checksum) + body


def vocabulary_bytes(pieces: Sequence[str], scores: Sequence[float] | None = None) -> bytes:
    """A SentencePiece model (unigram, no normalization) that begins with </s> and <unk>, as Marian wants.

    Fields: https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
    """

    def field(number: int, data: bytes) -> bytes:
        assert len(data) < 128
        return bytes([number << 3 | 2, len(data)]) + data

    def varint(value: int) -> bytes:
        data = b""
        while value > 127:
            data, value = data + bytes([value & 127 | 128]), value >> 7
        return data + bytes([value])

    def number(which: int, value: int) -> bytes:
        return varint(which << 3) + varint(value % 2**64)

    model = b""
    kinds = {"</s>": 3, "<unk>": 2}
    for at, piece in enumerate(["</s>", "<unk>", *pieces]):
        score = 0.0 if at < 2 else scores[at - 2] if scores is not None else -float(at)
        entry = field(1, piece.encode()) + b"\x15" + struct.pack("<f", score)
        model += field(1, entry + (number(3, kinds[piece]) if piece in kinds else b""))
    trainer = number(3, 1) + number(4, len(pieces) + 2)
    trainer += number(40, 1) + number(41, -1) + number(42, 0) + number(43, -1)  # unk, bos, eos, pad
    return model + field(2, trainer) + field(3, field(1, b"identity"))


LETTERS = "etaoinshrdlucmfwygpbvkxqjz"


def tiny_pieces(size: int) -> list[str]:
    """``size`` - 2 pieces: letters, with and without a space in front, then pairs and triples of them."""
    pieces = ["▁", *LETTERS, *("▁" + letter for letter in LETTERS), ".", ","]
    for length in (2, 3):
        tuples = itertools.islice(itertools.product(LETTERS, repeat=length), size)
        pieces += ["".join(letters) for letters in tuples]
    return pieces[: size - 2]


def write_tiny_pack(
    folder: Path, *, seed: int = 0, split: bool = False, tied: str = "", **shape: Any
) -> dict[str, Path]:
    """A pack of 512 words whose files belong together; by kind as in the catalog, ``vocab`` or both of them.

    As training leaves them, words that differ in case alone are alike in the model and in the shortlist.
    """
    chance = np.random.RandomState(seed)  # whose numbers no version of NumPy changes
    size = 512
    folder.mkdir(parents=True, exist_ok=True)
    words = [piece for piece in tiny_pieces(1000) if len(piece) == 3 and "▁" not in piece][:200]
    others = [*LETTERS, *LETTERS.upper(), "▁", ".", ",", *("▁" + letter for letter in LETTERS)]
    pieces = [*("▁" + word for word in words), *("▁" + word.upper() for word in words), *others]
    sides = []
    for _ in range(2 if split else 1):
        chance.shuffle(pieces)
        sides.append([*pieces, *(f"<{at}>" for at in range(size - 2 - len(pieces)))])
    items = tiny_items(vocab=(size, size), tied=tied or ("apart" if split else "all"), seed=seed, **shape)
    lists = [set(chance.choice(size, 6).tolist()) for _ in range(size)]
    for side, name in zip(sides, ["encoder_Wemb", "decoder_Wemb"] if split else ["Wemb"], strict=True):
        pairs = [(side.index("▁" + word) + 2, side.index("▁" + word.upper()) + 2) for word in words]
        kind, shape_, data = items[name]
        values = np.frombuffer(data[:-4], np.int8).reshape(shape_).copy()
        for lower, upper in pairs:
            values[upper] = np.clip(values[lower].astype(int) + chance.randint(-20, 21, shape_[1]), -127, 127)
            if side is sides[0]:
                lists[upper] = set(list(lists[lower])[:3]) | set(list(lists[upper])[:3])
        items[name] = kind, shape_, values.tobytes() + data[-4:]
    files = {"model": folder / "model.bin", "lex": folder / "lex.s2t.bin"}
    files["model"].write_bytes(marian_bytes(items))
    files["lex"].write_bytes(shortlist_bytes([sorted(words) for words in lists]))
    for kind_, side in zip(["srcvocab", "trgvocab"] if split else ["vocab"], sides, strict=True):
        files[kind_] = folder / f"{kind_}.spm"
        files[kind_].write_bytes(vocabulary_bytes(side))
    return files
