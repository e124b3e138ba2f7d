"""Mutated headers: a file is read or refused with a sentence; never a crash, a hang or a memory hog."""

from __future__ import annotations

import random
import struct
import time
import tracemalloc
from pathlib import Path

import pytest

from autogpt_desktop.engine.formats.dequant import dequantize
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.formats.gguf_mapping import config_from_gguf
from autogpt_desktop.engine.tokenizer.chat_template import ChatTemplate
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.errors import KnownError
from tests.tiny import FAMILIES, write_tiny_gguf

pytestmark = pytest.mark.slow  # together they take seconds

CASES = 625  # of each family
INTERESTING = [
    *(0, 1, 2, 3, 4, 7, 8, 9, 12, 13, 31, 32, 33, 127, 128, 255, 256, 2**16),
    *(2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1),
]


def mutate(chance: random.Random, data: bytearray, header: int) -> bytearray:
    """A few changes, nearly all within the header."""
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        at = chance.randrange(4, header)
        kind = chance.randrange(8)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at] = chance.randrange(256)
        elif kind in (2, 3):
            size, code = (8, "<Q") if kind == 2 else (4, "<I")
            value = chance.choice(INTERESTING) % (1 << 8 * size)
            data[at : at + size] = struct.pack(code, value)
        elif kind == 4:
            del data[at : at + chance.randrange(1, 64)]
        elif kind == 5:
            data[at:at] = chance.randbytes(chance.randrange(1, 64))
        elif kind == 6:
            other = chance.randrange(4, header)
            data[at : at + 16] = data[other : other + 16]
        else:
            del data[chance.randrange(4, len(data)) :]
        header = min(header, len(data))
        if header <= 5:
            break
    return data


def use(path: Path) -> None:
    """All that a load does with a file before the weights are taken apart."""
    f = read_gguf(path)
    config = config_from_gguf(f)
    tokenizer = Tokenizer.from_gguf(f.metadata)
    tokenizer.decode(tokenizer.encode("The <|im_end|> 你好\n", parse_special=True))
    assert config.vocab_size >= tokenizer.vocab_size
    name = next(iter(f.tensors))
    dequantize(f.data(name), f.tensors[name].type, f.tensors[name].shape)


@pytest.mark.parametrize("family", [*FAMILIES, "qwen35"])
def test_mutated_headers(tmp_path: Path, family: str) -> None:
    layers = 4 if family == "qwen35" else 1
    tiny = write_tiny_gguf(
        tmp_path / "good.gguf", family, layers=layers, quant="Q4_0", hidden=32, intermediate=32
    )
    good = tiny.path.read_bytes()
    header = min(info.offset for info in read_gguf(tiny.path).tensors.values())
    use(tiny.path)
    chance = random.Random(f"{family} 1")
    path = tmp_path / "bad.gguf"
    refused = 0
    slowest = 0.0
    tracemalloc.start()
    for _ in range(CASES):
        path.write_bytes(mutate(chance, bytearray(good), header))
        start = time.perf_counter()
        try:
            use(path)
        except KnownError:
            refused += 1
        slowest = max(slowest, time.perf_counter() - start)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert refused > CASES // 3  # the mutations do bite
    assert refused < CASES  # and some only change what may be changed
    assert slowest < 2.0
    assert peak < 64 << 20


def test_every_cut_of_a_header(tmp_path: Path) -> None:
    tiny = write_tiny_gguf(tmp_path / "good.gguf", "llama", layers=1)
    good = tiny.path.read_bytes()
    path = tmp_path / "cut.gguf"
    for size in range(4, len(good), len(good) // 300):
        path.write_bytes(good[:size])
        with pytest.raises(KnownError):
            read_gguf(path)


def test_templates_of_mutated_files_do_no_harm() -> None:
    """Broken template sources are refused when they are used, not before."""
    template = ChatTemplate("{% for m in messages %}{{ m.content", "", "")
    with pytest.raises(KnownError) as caught:
        template.render([{"role": "user", "content": "hi"}])
    assert caught.value.key == "template-broken"
    template.close()
