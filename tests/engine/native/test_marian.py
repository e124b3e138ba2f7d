"""Marian's binaries on the compiled back end against the torch reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autogpt_desktop.engine import native
from autogpt_desktop.engine.formats.marian_config import read_marian_model
from autogpt_desktop.engine.interface import SearchOptions, SourceIds
from autogpt_desktop.engine.native.prepare import native_marian
from autogpt_desktop.engine.torch_backend.marian import MarianSeq2Seq
from tests.marian import write_tiny_marian

pytestmark = pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
EOS = 0


def sources(count: int, vocab: int, seed: int) -> list[SourceIds]:
    chance = np.random.default_rng(seed)
    made = []
    for at in range(count):
        ids = [*chance.integers(2, vocab, chance.integers(0, 14)).tolist(), EOS]
        allowed = np.unique(np.append(chance.integers(2, vocab, 30), EOS)).astype(np.int32)
        made.append(SourceIds(ids, (), allowed if at % 2 else None))
    return made


@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize("tied", ["all", "apart", "none"])
def test_translations_equal_those_of_torch(tmp_path: Path, tied: str, fine: bool) -> None:
    vocab = (64, 64) if tied == "all" else (64, 72)
    model = read_marian_model(write_tiny_marian(tmp_path / "m.bin", tied=tied, vocab=vocab))
    reference, compiled = MarianSeq2Seq(model, fine=fine), native_marian(model, fine=fine)
    assert compiled.nbytes < 4 * model.nbytes  # of matrices this small most is padding
    options = SearchOptions(max_length=20, alignments=True)
    some = sources(40, 64, 1)
    same, apart = 0, []
    for (one,), (other,) in zip(
        reference.translate(some, options), compiled.translate(some, options), strict=True
    ):
        if one.ids == other.ids:
            same += 1
            assert one.finished == other.finished
            apart.append(np.abs(one.logprobs - other.logprobs).max())
            assert np.abs(one.alignment - other.alignment).max() < 0.05
    # torch sums floats in another order: now and then a rounding falls on the other side
    assert same >= 38
    assert np.median(apart) < 1e-3
