"""Real translation packs, where they were fetched: ``autogpt-desktop models get firefox-en-pt``."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autogpt_desktop import paths
from autogpt_desktop.engine.generation.seq2seq import Seq2SeqEngine
from autogpt_desktop.engine.tokenizer.seq2seq import Seq2SeqTokenizer
from autogpt_desktop.engine.torch_backend.marian import MarianSeq2Seq
from autogpt_desktop.engine.translation_pack import read_translation_pack


def pack_engine(source: str, target: str) -> Seq2SeqEngine:
    """The pack of a pair, on torch; the test is skipped where it was not fetched."""
    folder = paths.bundled_models() / f"firefox-{source}-{target}"
    files = [next(iter(folder.glob(name)), None) for name in ("model.*.bin", "vocab.*.spm", "lex.*.bin")]
    model, vocabulary, shortlist = files
    if model is None or vocabulary is None or shortlist is None:
        pytest.skip(f"firefox-{source}-{target} was not fetched")
    pack = read_translation_pack(model, vocabulary, vocabulary, shortlist)
    names = pack.source.pieces()

    def split(text: str) -> list[tuple[str, tuple[int, int]]]:
        found = pack.source.encode(text)
        return [(names[id], span) for id, span in zip(found.ids, found.spans, strict=True)]

    ids = {piece: id for id, piece in enumerate(names)}
    config = replace(pack.model.config, pairs=((source, target),), languages=(source, target))
    tokenizer = Seq2SeqTokenizer(split, split, ids, ids, config.eos_token_id, {}, "none")
    assert pack.shortlist is not None
    return Seq2SeqEngine(
        folder.name, config, MarianSeq2Seq(pack.model), tokenizer, shortlist=pack.shortlist.candidates
    )
