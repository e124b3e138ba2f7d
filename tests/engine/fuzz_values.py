"""Tiny models with a value changed here and there: each loads and answers, or ends in one known error.

``python -m tests.engine.fuzz_values FOLDER FIRST LAST`` prepares the right files in FOLDER and runs the
cases FIRST … LAST - 1, each the same in every run. A line with the case comes before it, so that a crash
names it, and one with what became of it behind.
"""

from __future__ import annotations

import copy
import json
import random
import re
import shutil
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from autogpt_desktop import paths
from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.formats.weight_shapes import expected_shapes
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.tokenizer.chat_template import ChatTemplate
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message
from tests.engine.formats.test_hf_config import SHAPE, add_tokenizer
from tests.engine.native.forge_packed import Packed
from tests.tiny import FAMILIES, write_tiny_gguf

KINDS = ("gguf", "config.json", "tokenizer.json", "packed")
MOST_MEMORY = 4 << 30  # bytes of data that a case may take
# what an exception of Python's would read like
PYTHON = re.compile(
    r"Error\b|Traceback|object|NoneType|not subscriptable|invalid literal|unhashable|\bdict\b"
)
TEXTS = ("The <|im_end|> 你好\n", "", "a" * 500, " " * 500)
NUMBERS: tuple[Any, ...] = (
    *(
        0,
        1,
        2,
        3,
        7,
        16,
        31,
        33,
        64,
        100,
        255,
        256,
        1000,
        2**15,
        2**24,
        2**31 - 1,
        2**31,
        2**32,
        2**63,
        2**64,
    ),
    *(-1, -2, -(2**31), -(2**63), 0.0, -0.0, 1e-320, 1e-30, 0.5, 1.0, 1.0 + 1e-15, 1e15, 1e38, 1e308, -1.0),
    *(float("inf"), float("-inf"), float("nan")),
)
WORDS: tuple[Any, ...] = (
    "", " ", "a", "\0", "gelu", "silu", "yarn", "linear", "llama3", "default", "qwen2", "gemma3", "llama",
    "gpt-2", "gpt2", "llama-bpe", "▁", "Ġ", "<0x41>", "x" * 5000, "(a+)+$", "(", "\ud800",
)  # fmt: skip
SHAPES: tuple[Any, ...] = (None, True, False, [], {}, [[]], [1], ["a"], {"a": 1}, [None] * 3, [1e9, -1])


def odd(chance: random.Random, value: Any) -> Any:
    """Another value: near the one there is, or of any kind."""
    pool = chance.choice((NUMBERS, NUMBERS, WORDS, SHAPES))
    near: list[Any] = []
    if isinstance(value, bool):
        near = [not value]
    elif isinstance(value, int | float):
        near = [value + 1, value - 1, value * 2, value // 2, -value, float(value), str(value), [value]]
    elif isinstance(value, str):
        near = [value + "x", value[:-1], value.upper(), value * 3, [value]]
    elif isinstance(value, list) and value:
        near = [value[:-1], value + value[:1], value[::-1], value * 2, value[0]]
    return chance.choice(near) if near and chance.random() < 0.4 else copy.deepcopy(chance.choice(pool))


def change(chance: random.Random, tree: Any, most: int = 3) -> None:
    """Change up to ``most`` values anywhere in a JSON tree, in place."""
    for _ in range(chance.randint(1, most)):
        node = tree
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = chance.choice(keys)
            inner = node[key]
            if isinstance(inner, dict | list) and inner and chance.random() < 0.8:
                node = inner
                continue
            action = chance.random()
            if action < 0.15:
                del node[key]
            elif action < 0.25 and isinstance(node, dict):
                node[chance.choice(("x", *keys))] = copy.deepcopy(inner)
            else:
                node[key] = odd(chance, inner)
            break


# --- GGUF: the header anew, with any type for any value


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    """Its type and itself."""
    if isinstance(value, bool | np.bool_):
        return struct.pack("<I?", 7, bool(value))
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        kind, code = (4, "I") if 0 <= value < 2**32 else (10, "Q") if value > 0 else (11, "q")
        return struct.pack(f"<I{code}", kind, value)
    if isinstance(value, int | float):
        return struct.pack("<Id", 12, float(value))
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, np.ndarray):
        kinds = {"b": 7, "u": 4, "i": 5, "f": 6}
        types = {7: "?", 4: "<u4", 5: "<i4", 6: "<f4"}
        kind = kinds[value.dtype.kind]
        return struct.pack("<IIQ", 9, kind, len(value)) + value.astype(types[kind]).tobytes()
    items = list(value or ())
    if items and all(isinstance(item, str) for item in items):
        return struct.pack("<IIQ", 9, 8, len(items)) + b"".join(map(_text, items))
    numbers = [float(item) if isinstance(item, int | float) else 0.0 for item in items]
    return struct.pack("<IIQ", 9, 12, len(numbers)) + np.asarray(numbers, "<f8").tobytes()


def gguf_bytes(good: Path, change: Callable[[dict[str, Any], list[list[Any]]], None]) -> bytes:
    """The file ``good`` after ``change`` of its metadata and of its tensors' [name, shape, type, offset]."""
    file = read_gguf(good)
    first = min(tensor.offset for tensor in file.tensors.values())
    types = {"F32": 0, "Q4_1": 3, "Q8_0": 8}
    metadata = dict(file.metadata)
    tensors = [[t.name, t.shape[::-1], types[t.type], t.offset - first] for t in file.tensors.values()]
    change(metadata, tensors)
    out = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    out += [_text(key) + _value(value) for key, value in metadata.items()]
    for name, shape, kind, offset in tensors:
        out.append(_text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset))
    head = b"".join(out)
    return head + bytes(-len(head) % 32) + good.read_bytes()[first:]


def gguf_case(chance: random.Random, folder: Path, work: Path) -> Path:
    good = folder / f"{chance.choice(FAMILIES)}.gguf"

    def changes(metadata: dict[str, Any], tensors: list[list[Any]]) -> None:
        for _ in range(chance.choice((1, 1, 2, 3))):
            key = chance.choice(list(metadata))
            value = metadata[key]
            action = chance.random()
            if action < 0.1:
                del metadata[key]
            elif action < 0.25:  # what only some files have
                family = metadata.get("general.architecture", "llama")
                key = chance.choice(OPTIONAL)
                metadata[f"{family}.{key}"] = odd(chance, 1.0)
                if "rope" in key:
                    metadata[f"{family}.rope.scaling.type"] = chance.choice(("yarn", "linear", "llama3"))
            elif action < 0.4 and isinstance(value, np.ndarray | list) and len(value):
                items = list(value)
                items[chance.randrange(len(items))] = odd(chance, items[0])
                metadata[key] = items
            elif action < 0.5:
                tensor = chance.choice(tensors)
                at = chance.randrange(4)
                if at == 1:
                    tensor[1] = tuple(chance.choice((0, 1, 31, 32, 64, 2**31, 2**63)) for _ in tensor[1])
                elif at:
                    tensor[at] = chance.choice((0, 1, 3, 8, 31, 32, 4096, 2**31, 2**32 - 1))
                else:
                    tensor[0] = chance.choice((chance.choice(tensors)[0], "x", "blk.9999.attn_q.weight"))
            else:
                metadata[key] = odd(chance, value)

    path = work / "model.gguf"
    path.write_bytes(gguf_bytes(good, changes))
    return path


OPTIONAL = (
    "rope.scaling.factor", "rope.scaling.original_context_length", "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow", "rope.scaling.attn_factor", "rope.scale_linear", "rope.freq_base",
    "rope.dimension_count", "attention.key_length", "attention.value_length", "attention.sliding_window",
    "attention.sliding_window_pattern", "attn_logit_softcapping", "final_logit_softcapping", "expert_count",
)  # fmt: skip


# --- Hugging Face folders


def config_case(chance: random.Random, folder: Path, work: Path) -> Path:
    path = work / "model"
    shutil.copytree(folder / "hf", path)
    values = json.loads((path / "config.json").read_text())
    if chance.random() < 0.5:
        kind = chance.choice(("yarn", "linear", "llama3"))
        scaling = {"rope_type": kind, "factor": 2.0, "rope_theta": 10000.0, "beta_fast": 32, "beta_slow": 1}
        scaling |= {"low_freq_factor": 1, "high_freq_factor": 4, "attention_factor": 1.0}
        scaling |= {"original_max_position_embeddings": 128}
        change(chance, scaling, 2)
        values["rope_parameters"] = scaling
    if chance.random() < 0.6:
        change(chance, values)
    (path / "config.json").write_text(json.dumps(values))
    return path


TOKENIZER_PARTS: dict[str, list[Any]] = {
    "normalizer": [
        {"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaa"},
        {"type": "Replace", "pattern": {"Regex": ""}, "content": "aaaaaaaaaa"},
        {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": "b"},
        {"type": "Prepend", "prepend": "▁" * 1000},
        {"type": "NFC"}, {"type": "NFKD"}, {"type": "Lowercase"}, {"type": "StripAccents"},
        {"type": "Strip", "strip_left": True, "strip_right": True},
        {"type": "Sequence", "normalizers": [
            {"type": "Replace", "pattern": {"String": "a"}, "content": "aaaaaaaaaa"}] * 12},
        {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "ab"}] * 500},
    ],
    "pre_tokenizer": [
        {"type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert}
        for regex in ("(a+)+$", "(a|aa)+$", r"\s+(?!\S)|\s+", "", "(.*)*b", "a{1,1000}{1,1000}", r"(a)\1+b")
        for behavior, invert in (("Isolated", False), ("Removed", True), ("MergedWithPrevious", False))
    ] + [
        {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        {"type": "Digits", "individual_digits": True}, {"type": "Whitespace"}, {"type": "BertPreTokenizer"},
    ],
    "decoder": [{"type": "Metaspace", "replacement": "▁"}, {"type": "Fuse"}, {"type": "ByteFallback"}],
    "truncation": [{"direction": "Right", "max_length": 0, "strategy": "LongestFirst", "stride": 9}],
    "padding": [{"strategy": {"Fixed": 2**40}, "direction": "Left", "pad_to_multiple_of": 2**40,
                 "pad_id": 0, "pad_type_id": 0, "pad_token": "a"}],
}  # fmt: skip


def tokenizer_case(chance: random.Random, folder: Path, work: Path) -> Path:
    path = work / "model"
    shutil.copytree(folder / "hf", path)
    name = chance.choice(("tokenizer.json",) * 4 + ("tokenizer_config.json", "generation_config.json"))
    values = json.loads((path / name).read_text())
    if name == "tokenizer.json" and chance.random() < 0.6:
        part = chance.choice(list(TOKENIZER_PARTS))
        values[part] = copy.deepcopy(chance.choice(TOKENIZER_PARTS[part]))
    else:
        change(chance, values)
    (path / name).write_text(json.dumps(values))
    return path


# --- packed weights


def packed_case(chance: random.Random, folder: Path, work: Path) -> Path:
    path = folder / f"{chance.choice(FAMILIES)}.gguf"
    good = folder / "packed" / paths.packed_file(path, work).name
    packed = Packed(good.read_bytes())
    if chance.random() < 0.7:
        table = json.loads(packed.text)
        change(chance, table)
        packed.with_table(table)
    elif chance.random() < 0.5:
        packed.changed[chance.choice(("table", "start", "length", "version"))] = chance.choice(
            (0, 1, 8, 2**16, 2**31)
        )
    else:
        data = bytearray(packed.image if chance.random() < 0.5 else packed.vectors)
        at = chance.randrange(len(data))
        data[at : at + 64] = chance.randbytes(min(64, len(data) - at))
        if len(data) == len(packed.image):
            packed.image = bytes(data)
        else:
            packed.vectors = bytes(data)
    file = paths.packed_file(path, work / "packed")
    file.parent.mkdir()
    file.write_bytes(packed.bytes())
    return path


CASES = {
    "gguf": gguf_case,
    "config.json": config_case,
    "tokenizer.json": tokenizer_case,
    "packed": packed_case,
}


def write_folder(folder: Path) -> None:
    """A tiny random Llama."""
    values = SHAPE | {"model_type": "llama", "rms_norm_eps": 1e-6, "hidden_act": "silu", "rope_theta": 1e4}
    (folder / "config.json").write_text(
        json.dumps(values | {"attention_bias": False, "sliding_window": None})
    )
    shapes = expected_shapes(config_from_folder(folder))
    numbers = np.random.default_rng(1)
    weights = {name: numbers.normal(0, 0.1, shape).astype(np.float32) for name, shape in shapes.items()}
    save_file(weights, folder / "model.safetensors")
    add_tokenizer(folder)


def prepare(folder: Path) -> None:
    """The right files."""
    for family in FAMILIES:
        path = write_tiny_gguf(folder / f"{family}.gguf", family, quant="Q4_1", layers=1).path
        if not use(path, folder / "packed"):
            raise AssertionError("a right model does not load")
    (folder / "hf").mkdir()
    write_folder(folder / "hf")
    (folder / "hf/tokenizer_config.json").write_text(
        json.dumps({"eos_token": "a", "bos_token": "b", "add_bos_token": True, "chat_template": "x"})
    )
    (folder / "hf/generation_config.json").write_text(json.dumps({"eos_token_id": [2, 3]}))
    if not use(folder / "hf", None):
        raise AssertionError("a right folder does not load")


def use(path: Path, packed: Path | None) -> bool:
    """Load, encode, answer. False: a known error said why not."""
    try:
        engine = run_to_end(load(path, device="cpu", packed_cache=packed))
    except KnownError as error:
        sentence = message(error)
        assert not PYTHON.search(sentence), sentence
        assert "{" not in sentence, sentence
        assert not sentence.startswith("error."), sentence
        return False
    try:
        for text in TEXTS:
            engine.tokenizer.decode(engine.tokenizer.encode(text, parse_special=True))
        ids = engine.tokenizer.encode("Hello, tiny world!")
        for step in engine.stream(ids, Sampling(max_tokens=3, seed=1)):
            repr(step)
    except KnownError as error:
        assert not message(error).startswith("error."), error
        return False
    finally:
        engine.close()
        for writer in getattr(engine.decoder, "_writers", []):
            writer.join()
    return True


def run_case(number: int, folder: Path) -> bool:
    """As ``use``, for one of the cases."""
    kind, work = KINDS[number % len(KINDS)], folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    path = CASES[kind](random.Random(f"values {number}"), folder, work)
    return use(path, work / "packed" if kind == "packed" else None)


def without_templates() -> None:
    """They have processes of their own; what they may do is tested where they are."""
    ChatTemplate.for_tokenizer = classmethod(lambda cls, tokenizer: cls("", "", ""))  # type: ignore


def main(folder: Path, first: int, last: int) -> None:
    without_templates()
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    except (ImportError, ValueError, OSError):
        pass  # Windows, macOS
    prepare(folder)
    print("ready", flush=True)
    for number in range(first, last):
        print(f"case {number} {KINDS[number % len(KINDS)]}", flush=True)
        begun = time.process_time()
        loaded = run_case(number, folder)
        print(f"{'loaded' if loaded else 'refused'} {time.process_time() - begun:.2f}", flush=True)
    print("end", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
