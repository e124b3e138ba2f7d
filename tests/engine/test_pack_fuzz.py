"""Mutated files of translation packs: read or refused with a sentence; never a crash, a hang or a memory hog.

Vocabularies are parsed by a library in C++: a process of its own shows whether it would take ours with it.
"""

from __future__ import annotations

import random
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from autogpt_desktop.engine.formats.marian_config import read_marian_model
from autogpt_desktop.engine.formats.shortlist import read_shortlist
from autogpt_desktop.engine.tokenizer.sentencepiece import SentencePiece
from autogpt_desktop.errors import KnownError
from tests.marian import INT8, marian_bytes, shortlist_bytes, tiny_items, tiny_pieces, vocabulary_bytes

ROOT = Path(__file__).resolve().parents[2]
INTERESTING = [
    *(0, 1, 2, 3, 4, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 2**14, 2**16),
    *(2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**59, 2**62, 2**63 - 1, 2**63, 2**64 - 1),
]
TEXTS = ["the tea. tin", "你好 ½ ﬁ \u200b e\u0301", "", "".join(map(chr, range(32, 0x2000, 7)))]


def mutate(chance: random.Random, data: bytearray, header: int) -> bytearray:
    """A few changes, nearly all within the header."""
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        header = min(header, len(data))
        if header < 2:
            break
        at = chance.randrange(header)
        kind = chance.randrange(8)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at] = chance.randrange(256)
        elif kind in (2, 3):
            size, code = (8, "<Q") if kind == 2 else (4, "<I")
            place = at // size * size
            data[place : place + size] = struct.pack(code, chance.choice(INTERESTING) % (1 << 8 * size))
        elif kind == 4:
            del data[at : at + chance.randrange(1, 64)]
        elif kind == 5:
            data[at:at] = chance.randbytes(chance.randrange(1, 64))
        elif kind == 6:
            other = chance.randrange(header)
            data[at : at + 32] = data[other : other + 32]
        else:
            del data[chance.randrange(len(data)) :]
    return data


def use_model(path: Path) -> None:
    """All that a load does before the first product."""
    model = read_marian_model(path)
    model.output_matrix()
    for name, item in model.file.items.items():
        if item.type == "float32":
            model.file.floats(name)
        elif item.type == "intgemm8" and f"{name}_QuantMultA" in model.file.items:
            model.matrix(name)


def use_shortlist(path: Path) -> None:
    shortlist = read_shortlist(path, 64, 64, shared=True)
    assert len(shortlist.candidates(range(64))) <= 64


def use_vocabulary(path: Path) -> None:
    vocabulary = SentencePiece.from_file(path)
    for text in TEXTS:
        ids = vocabulary.encode(text).ids
        assert all(0 <= id < vocabulary.vocab_size for id in ids)
        vocabulary.decode(ids)


ITEMS = tiny_items(encoder_layers=1, decoder_layers=1)
MODEL = marian_bytes(ITEMS)
HEADER = MODEL.index(ITEMS["Wemb"][2])  # the first item's data stands behind it
SETTINGS = ITEMS["special:model.yml"][2]
LISTS = shortlist_bytes([[id % 64, (id * 7) % 64] for id in range(64)])
VOCABULARY = vocabulary_bytes(tiny_pieces(300))


def run(seed: str, cases: int, good: bytes, header: int, use: Callable[[Path], None], path: Path) -> int:
    """How many of the cases are refused."""
    chance = random.Random(seed)
    refused = 0
    for _ in range(cases):
        path.write_bytes(mutate(chance, bytearray(good), header))
        try:
            use(path)
        except KnownError:
            refused += 1
    return refused


@pytest.mark.parametrize("cases", [40, *(pytest.param(n, marks=pytest.mark.slow) for n in (300, 2000))])
def test_mutated_models(tmp_path: Path, cases: int) -> None:
    (tmp_path / "m.bin").write_bytes(MODEL)
    use_model(tmp_path / "m.bin")
    if cases == 2000:  # memory is watched in the others: it takes ten times as long
        assert cases // 3 < run("more headers", cases, MODEL, HEADER, use_model, tmp_path / "m.bin") <= cases
        return
    tracemalloc.start()
    refused = run(f"model {cases}", cases, MODEL, HEADER, use_model, tmp_path / "m.bin")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert cases // 3 < refused <= cases
    assert peak < 64 << 20


@pytest.mark.parametrize("cases", [40, pytest.param(200, marks=pytest.mark.slow)])
def test_mutated_settings(tmp_path: Path, cases: int) -> None:
    chance = random.Random(f"settings {cases}")
    refused = 0
    for _ in range(cases):
        text = bytes(mutate(chance, bytearray(SETTINGS[:-1]), len(SETTINGS) - 1)) + b"\0"
        path = tmp_path / "m.bin"
        path.write_bytes(marian_bytes(ITEMS | {"special:model.yml": (INT8, (len(text),), text)}))
        try:
            use_model(path)
        except KnownError:
            refused += 1
    assert cases // 3 < refused < cases


@pytest.mark.parametrize("cases", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_mutated_shortlists(tmp_path: Path, cases: int) -> None:
    refused = run(f"lists {cases}", cases, LISTS, len(LISTS), use_shortlist, tmp_path / "lex.bin")
    assert cases // 3 < refused < cases


@pytest.mark.slow  # a process of its own
def test_mutated_vocabularies(tmp_path: Path) -> None:
    cases = 2000
    code = (
        "from pathlib import Path; from tests.engine import test_pack_fuzz as fuzz\n"
        f"print(fuzz.run('more words', {cases}, fuzz.VOCABULARY, len(fuzz.VOCABULARY), fuzz.use_vocabulary,"
        f" Path({str(tmp_path / 'v.spm')!r})))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert cases // 3 < int(done.stdout) < cases
