"""Lexical shortlists of translation packs."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from autogpt_desktop.engine.formats.shortlist import Shortlist, read_shortlist
from autogpt_desktop.errors import KnownError
from tests.marian import shortlist_bytes

SOURCE, TARGET = 40, 60
LISTS = [sorted(np.random.default_rng(at).choice(TARGET, at % 7, replace=False)) for at in range(SOURCE)]


def write(path: Path, shared: bool = False, first: int = 5) -> Shortlist:
    path.write_bytes(shortlist_bytes(LISTS, first))
    return read_shortlist(path, SOURCE, TARGET, shared)


@pytest.mark.parametrize("shared", [False, True])
def test_the_union_of_a_sentence(tmp_path: Path, shared: bool) -> None:
    shortlist = write(tmp_path / "lex.s2t.bin", shared)
    chance = np.random.default_rng(0)
    for _ in range(50):
        ids = chance.integers(0, SOURCE, chance.integers(0, 12)).tolist()
        expected = set(range(5)).union(*(LISTS[id] for id in ids), ids if shared else [])
        more = iter(id for id in range(5, TARGET) if id not in expected)
        filled = expected | {next(more) for _ in range(-len(expected) % 8)}  # the most frequent others
        assert shortlist.candidates(ids).tolist() == sorted(filled)


def test_a_vocabulary_that_ends_before_the_multiple_of_eight(tmp_path: Path) -> None:
    path = tmp_path / "lex.s2t.bin"
    path.write_bytes(shortlist_bytes([[0, 1, 2], [3, 9]], first=1000))
    assert read_shortlist(path, 2, 10, False).candidates([0, 1]).tolist() == list(range(10))
    with pytest.raises(IndexError):
        read_shortlist(path, 2, 10, False).candidates([2])


def refusal(path: Path, data: bytes, source: int = SOURCE, target: int = TARGET) -> str:
    path.write_bytes(data)
    with pytest.raises(KnownError) as caught:
        read_shortlist(path, source, target, False)
    return caught.value.key


def test_damaged_ones(tmp_path: Path) -> None:
    path, good = tmp_path / "lex.s2t.bin", shortlist_bytes(LISTS)
    assert refusal(path, b"") == "gguf-unreadable"
    for size in range(1, len(good), 7):
        assert refusal(path, good[:size]) == "shortlist-broken"
    assert refusal(path, good + bytes(4)) == "shortlist-broken"
    assert refusal(path, bytes(8) + good[8:]) == "shortlist-broken"
    assert refusal(path, good, source=SOURCE + 1) == "shortlist-broken"  # of another pair
    assert refusal(path, good, target=50) == "shortlist-broken"
    for at in (32, 40):  # the lengths of both arrays
        for value in (0, 1, 2**31, 2**61 + SOURCE + 1, 2**64 - 1):
            data = bytearray(good)
            struct.pack_into("<Q", data, at, value)
            assert refusal(path, bytes(data)) == "shortlist-broken"
    for start in (1, 2**32, 2**63, 2**64 - 1):
        for at in (0, 1, SOURCE):
            data = bytearray(good)
            struct.pack_into("<Q", data, 48 + 8 * at, start if start > 1 else 10**6)
            assert refusal(path, bytes(data)) == "shortlist-broken"
