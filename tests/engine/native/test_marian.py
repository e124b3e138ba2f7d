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


@pytest.mark.slow
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


# As packs of Mozilla have them: one for both sides, and one for each. The layers are thin, to be quick.
@pytest.mark.slow
@pytest.mark.parametrize(("tied", "vocab"), [("all", (32_000, 32_000)), ("apart", (64_000, 32_000))])
def test_vocabularies_as_large_as_those_of_packs(tmp_path: Path, tied: str, vocab: tuple[int, int]) -> None:
    path = write_tiny_marian(tmp_path / "m.bin", tied=tied, vocab=vocab, encoder_layers=1, decoder_layers=1)
    model = read_marian_model(path)
    assert (model.config.vocab_size, model.config.decoder_vocab_size) == vocab
    reference, compiled = MarianSeq2Seq(model), native_marian(model)
    options = SearchOptions(max_length=6)
    words = [[vocab[0] - 1, 2, EOS], [vocab[0] // 2, EOS], [EOS]]
    allowed = np.array([EOS, 5, vocab[1] - 1], np.int32)  # the last word too, listed and unlisted
    some = [SourceIds(ids, (), only) for ids in words for only in (None, allowed)]
    for (one,), (other,) in zip(
        reference.translate(some, options), compiled.translate(some, options), strict=True
    ):
        assert one.ids == other.ids
        assert np.abs(one.logprobs - other.logprobs).max() < 1e-2
        assert all(0 <= id < vocab[1] for id in other.ids)
    with pytest.raises(ValueError, match="vocabulary"):
        compiled.translate([SourceIds([vocab[0], EOS])])
