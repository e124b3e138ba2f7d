"""Packs whose files belong together, and packs whose files do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autogpt_desktop.engine.tokenizer.sentencepiece import SentencePiece
from autogpt_desktop.engine.torch_backend.marian import MarianSeq2Seq
from autogpt_desktop.engine.translation_pack import TranslationPack, read_translation_pack
from autogpt_desktop.errors import KnownError
from tests.marian import tiny_pieces, vocabulary_bytes, write_tiny_pack


def read(files: dict[str, Path]) -> TranslationPack:
    source = files.get("vocab") or files["srcvocab"]
    return read_translation_pack(
        files["model"], source, files.get("vocab") or files["trgvocab"], files.get("lex")
    )


@pytest.mark.slow
@pytest.mark.parametrize("split", [False, True])
def test_a_sentence_there_and_back(tmp_path: Path, split: bool) -> None:
    pack = read(write_tiny_pack(tmp_path, split=split))
    text = "the tin. sea"
    source, spans = pack.encode(text, "at")
    assert source.ids[-1] == 0
    assert spans[-1] == (len(text), len(text))
    assert len(spans) == len(source.ids)
    assert source.shortlist is not None
    assert (np.diff(source.shortlist) > 0).all()
    assert set(source.ids) <= set(source.shortlist.tolist()) or split
    (found,) = MarianSeq2Seq(pack.model).translate([source])[0]
    decoded = pack.decode(found.ids)
    assert decoded.text.startswith("at")
    assert len(decoded.spans) == len(found.ids)


@pytest.mark.parametrize("split", [False, True])
def test_files_of_another_pack(tmp_path: Path, split: bool) -> None:
    """All of the same sizes: only what stands in them tells."""
    ours = write_tiny_pack(tmp_path / "a", split=split)
    other = write_tiny_pack(tmp_path / "b", split=split, seed=1)
    for kind in ours.keys() - {"model"}:
        with pytest.raises(KnownError) as caught:
            read({**ours, kind: other[kind]})
        key = "shortlist-broken" if kind == "lex" else "vocabulary-other"
        assert caught.value.key == key
        assert caught.value.values["file"] == other[kind].name


def test_a_vocabulary_of_another_size(tmp_path: Path) -> None:
    files = write_tiny_pack(tmp_path)
    files["vocab"].write_bytes(vocabulary_bytes(tiny_pieces(500)))
    with pytest.raises(KnownError, match="vocabulary-other"):
        read(files)


def test_without_a_shortlist_everything_may_come_out(tmp_path: Path) -> None:
    files = write_tiny_pack(tmp_path)
    del files["lex"]
    source, _ = read(files).encode("tea")
    assert source.shortlist is None


@pytest.mark.parametrize("tied", ["all", "apart"])
def test_what_cannot_be_told_is_not_refused(tmp_path: Path, tied: str) -> None:
    """Vocabularies of scripts without case beside Latin words, and one table of two vocabularies."""
    files = write_tiny_pack(tmp_path, split=True, tied=tied)
    other = write_tiny_pack(tmp_path / "other", split=True, seed=1)
    chinese = list("天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏")
    pieces = [piece for piece in SentencePiece.from_file(other["trgvocab"]).pieces() if piece[:1] != "<"]
    mixed = [*chinese, *pieces, *(f"<{at}>" for at in range(510 - len(chinese) - len(pieces)))]
    files["trgvocab"].write_bytes(vocabulary_bytes(mixed))
    read(files)
