"""SentencePiece vocabularies."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import sentencepiece

from autogpt_desktop.engine.tokenizer.sentencepiece import SentencePiece
from autogpt_desktop.errors import KnownError
from tests.marian import tiny_pieces, vocabulary_bytes

ODD = [
    *("", " ", "   the  garden ", "a\tb\nc", "▁", "▁▁a", "</s> <unk> <s>", "\x00a\x00", "e\u0301", "Ünïcödé"),
    *(
        "你好，世界",
        "한국어",
        "😀👩‍👩‍👧",
        "\u200b\ufeff\u00ad",
        "مرحبا",
        "\ud800 half",
        "ﬁ½Ⅷ",
        "a" * 5000,
        "\U0010ffff",
    ),
]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.enpt.spm"
    path.write_bytes(vocabulary_bytes(tiny_pieces(500)))
    return path


def odd_lines(count: int) -> list[str]:
    chance = random.Random(1)
    alphabets = ["etaoin shrdlu", "▁ .,", "äöüßéñ", "你好世界的", "\x00\t\u00a0\u3000", "😀\u200d", "0123½²"]
    lines = list(ODD)
    while len(lines) < count:
        letters = "".join(chance.sample(alphabets, chance.randint(1, 3)))
        lines.append("".join(chance.choices(letters, k=chance.randrange(60))))
    return lines


@pytest.mark.slow
def test_ids_are_the_librarys(path: Path) -> None:
    vocabulary = SentencePiece.from_file(path)
    peer = sentencepiece.SentencePieceProcessor(model_file=str(path))
    assert (vocabulary.vocab_size, vocabulary.eos_id, vocabulary.unk_id) == (500, 0, 1)
    for line in odd_lines(5000):
        found = vocabulary.encode(line)
        assert found.ids == peer.encode(line.replace("\ud800", "\ufffd"))
        assert len(found.spans) == len(found.ids)
        ends = [0, *(end for _, end in found.spans)]
        for (start, end), before in zip(found.spans, ends, strict=False):
            assert before <= start <= end <= len(line)


def test_spans_tell_which_characters_a_piece_stands_for(path: Path) -> None:
    vocabulary = SentencePiece.from_file(path)
    line = "the  tea. 你 eat"
    found = vocabulary.encode(line)
    pieces = vocabulary.pieces()
    for id, (start, end) in zip(found.ids, found.spans, strict=True):
        if id != vocabulary.unk_id:
            assert line[start:end].replace(" ", "") == pieces[id].replace("▁", "")
    decoded = vocabulary.decode(vocabulary.encode("the tea").ids)
    assert decoded.text == "the tea"
    assert "".join(decoded.text[start:end] for start, end in decoded.spans) == "the tea"
    with pytest.raises(IndexError):
        vocabulary.decode([500])


def test_what_is_no_vocabulary(path: Path, tmp_path: Path) -> None:
    good, bad = path.read_bytes(), tmp_path / "vocab.spm"
    with pytest.raises(KnownError, match="gguf-unreadable"):
        SentencePiece.from_file(tmp_path / "none.spm")
    for data in (b"", b"\x0a\x05abcde", b"x" * 100, good[: len(good) // 2 + 1], good + good, bytes(64)):
        bad.write_bytes(data)
        with pytest.raises(KnownError, match="vocabulary-broken") as caught:
            SentencePiece.from_file(bad)
        assert caught.value.values["file"] == "vocab.spm"


def test_pieces_that_are_no_text_are_refused(tmp_path: Path) -> None:
    good = vocabulary_bytes(["abc", *tiny_pieces(100)])
    path = tmp_path / "vocab.spm"
    path.write_bytes(good.replace(b"abc", b"a\xffc", 1))
    with pytest.raises(KnownError, match="vocabulary-broken"):
        SentencePiece.from_file(path).pieces()
    with pytest.raises(KnownError, match="vocabulary-broken"):
        SentencePiece.from_file(path).decode([2])
