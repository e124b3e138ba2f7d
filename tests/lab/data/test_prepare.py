"""From files to token ids: cleaned, without copies, split, and the same every time."""

from __future__ import annotations

import lzma
import random
from pathlib import Path

import numpy as np
import pytest

from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.data import prepare
from autogpt_desktop.lab.data.clean import boilerplate, clean, without_lines
from autogpt_desktop.lab.data.compress import xz_bits_per_byte
from autogpt_desktop.lab.data.copies import find_copies
from autogpt_desktop.lab.data.examples import Example
from autogpt_desktop.lab.data.prepare import (
    Stopped,
    open_corpus,
    open_examples,
    open_labeled,
    prepare_corpus,
    prepare_examples,
)
from autogpt_desktop.lab.data.split import cut, split_texts
from autogpt_desktop.lab.data.tokenize import END
from autogpt_desktop.lab.runs.events import DataFound, Event
from autogpt_desktop.lab.runs.forecast import choose_vocab_size
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec

WORDS = [
    "river",
    "stone",
    "over",
    "the",
    "a",
    "moved",
    "slowly",
    "light",
    "said",
    "she",
    "was",
    "not",
    "水",
    "é",
]


def prose(seed: int, words: int = 400) -> str:
    chance = random.Random(seed)
    sentences = (" ".join(chance.choices(WORDS, k=8)).capitalize() + "." for _ in range(words // 8))
    return "".join(one + ("\n\n" if number % 5 == 4 else " ") for number, one in enumerate(sentences)).strip()


def spec(*paths: Path, kind: str = "new", **more: object) -> RunSpec:
    options = more.pop("options", {})
    return RunSpec(kind, DataSpec(tuple(map(str, paths)), **more), 1, options=options)  # type: ignore[arg-type]


def found(steps: object) -> DataFound:
    events: list[Event] = list(steps)  # type: ignore[call-overload]
    last = events[-1]
    assert isinstance(last, DataFound)
    return last


def texts_of(ids: np.ndarray, folder: Path) -> list[str]:
    _, tokenizer, _ = open_corpus(folder)
    ends = np.flatnonzero(ids == tokenizer.token_to_id(END))
    starts = [0, *(ends[:-1] + 1)]
    return [tokenizer.decode(ids[a:b].tolist()) for a, b in zip(starts, ends, strict=True)]


@pytest.mark.slow
def test_token_ids_give_the_texts_again(tmp_path: Path) -> None:
    source, folder = tmp_path / "texts", tmp_path / "data"
    source.mkdir()
    for number in range(30):
        (source / f"{number:02}.txt").write_text(
            prose(number) + f"\n<|endoftext|> {number}", encoding="utf-8"
        )
    result = found(prepare_corpus(spec(source), folder))
    corpus, tokenizer, same = open_corpus(folder)
    assert same == result
    assert corpus.train.dtype == np.uint16
    assert isinstance(corpus.train, np.memmap)
    assert (len(corpus.train), len(corpus.held_out)) == (result.tokens, result.held_out_tokens)
    assert (corpus.vocab_size, corpus.end_token) == (tokenizer.get_vocab_size(), 0)
    train, held_out = texts_of(corpus.train, folder), texts_of(corpus.held_out, folder)
    assert sorted(train + held_out) == sorted(clean(file.read_text("utf-8")) for file in source.iterdir())
    assert sum(len(text.encode()) for text in held_out) == result.held_out_bytes == corpus.held_out_bytes
    assert sum(len(text.encode()) for text in train) == result.bytes
    assert 0.02 < result.held_out_bytes / (result.bytes + result.held_out_bytes) < 0.12
    assert (result.documents, result.duplicates, result.skipped) == (30, 0, {})
    assert len(result.samples) == 5
    again = tmp_path / "again"
    assert found(prepare_corpus(spec(source), again)) == result
    assert (again / "train.npy").read_bytes() == (folder / "train.npy").read_bytes()
    other = found(prepare_corpus(spec(source, seed=1), tmp_path / "other"))
    assert other.held_out_tokens != result.held_out_tokens or other.samples != result.samples


def test_copies_are_left_out_exact_and_near() -> None:
    one, other = prose(1, 800), prose(2, 800)
    words = one.split()
    words[10:12] = ["quite", "another"]
    near = " ".join(words)
    half = prose(1, 800)[: len(one) // 2] + prose(3, 400)
    texts = [one, other, one.upper() + "\n", near, half, "short", "short ", "shorter", "", ""]
    assert find_copies(texts) == [0, 1, 0, 0, 4, 5, 5, 7, 8, 8]


@pytest.mark.slow
def test_finding_copies_takes_time_in_proportion() -> None:
    """Many texts that meet in the same bands are compared with one each, not with all."""
    import time

    def seconds(count: int) -> float:
        texts = [prose(0, 200)[:-1] + str(number) for number in range(count)]
        begun = time.process_time()
        assert set(find_copies(texts)) == {0}
        return time.process_time() - begun

    seconds(50)
    assert seconds(800) < 4 * max(0.01, seconds(200)) * 4


def test_one_huge_document_is_cut_at_paragraphs_with_its_copies_on_one_side() -> None:
    refrain = (
        "And so they went on, as they had always gone on, until the evening came and the lamps were lit. " * 6
    )
    text = "\n\n".join(f"{prose(number, 160)}\n\n{refrain}" for number in range(60))
    train, held_out = split_texts([text], 0.1, seed=3)
    assert 0.03 < sum(map(len, held_out)) / len(text) < 0.25
    assert sorted("".join(train + held_out)) == sorted(text)
    assert all(part in text for part in train + held_out)
    assert len(train) <= len(held_out) + 1  # neighbors stay one text
    pieces = [piece for side in (train, held_out) for part in side for piece in [part.strip()]]
    assert all(pieces)


@pytest.mark.parametrize(
    "text", ["", "a", "a" * 100_000, "a b " * 9000, "x\n" * 500 + "y" * 50_000 + "\n\nz"]
)
def test_pieces_are_the_text(text: str) -> None:
    pieces = cut(text, 1000)
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= 2000 for piece in pieces)


def test_texts_are_cleaned() -> None:
    assert clean("a\r\nb\rc \t\n\x00d\x1b[0m\ufeff\u200b e\u0301\n\n\n\n\n\nf\n") == "a\nb\nc\nd[0m é\n\n\nf"
    assert clean("\ufffd" * 10 + "a" * 50) == ""
    assert clean("caf\ufffd " * 1 + "a" * 50) == "caf " + "a" * 50
    assert clean("a\ud800b" + "c" * 50) == "ab" + "c" * 50


def test_lines_that_stand_everywhere_go() -> None:
    menu, license_ = "Home | About | Contact | Imprint", "All rights reserved, by the company of the site."
    texts = [f"{menu}\n{prose(number, 40)}\n  {license_}\n}}\n" for number in range(20)]
    lines = boilerplate(texts)
    assert lines == {menu, license_}
    assert menu not in without_lines(texts[0], lines)
    assert without_lines(texts[0], lines).endswith("}")
    assert boilerplate(texts[:9]) == frozenset()


@pytest.mark.slow
def test_the_yardstick_is_xz() -> None:
    train, held_out = prose(1, 4000).encode(), prose(2, 800).encode()
    plain = [len(lzma.compress(data, preset=9)) for data in (train + held_out, train)]
    expected = 8 * (plain[0] - plain[1]) / len(held_out)
    assert xz_bits_per_byte(train, held_out)() == pytest.approx(expected, abs=0.05)
    assert xz_bits_per_byte(train, train[:5000])() < 0.2
    assert xz_bits_per_byte(train, b"")() == 0
    assert xz_bits_per_byte(train, held_out, lambda: True)() == 0


def test_the_vocabulary_grows_with_the_text() -> None:
    sizes = [choose_vocab_size(size) for size in (0, 10_000, 1_000_000, 5_000_000, 10**9)]
    assert sizes == [257, 257, 512, 4096, 16384]


@pytest.mark.slow
def test_small_text_is_read_as_bytes_and_options_say_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(prose(1, 2000))
    assert found(prepare_corpus(spec(path), tmp_path / "data")).vocab_size == 257
    wanted = spec(path, options={"vocab_size": 300})
    assert 257 < found(prepare_corpus(wanted, tmp_path / "more")).vocab_size <= 300


@pytest.mark.slow
def test_one_enormous_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(prose(1, 60_000).replace("\n", " ").replace(" ", ""), encoding="utf-8")
    result = found(prepare_corpus(spec(path, options={"vocab_size": 400}), tmp_path / "data"))
    assert result.documents == 1
    corpus, _, _ = open_corpus(tmp_path / "data")
    whole = clean(path.read_text("utf-8"))
    assert all(text in whole for text in texts_of(corpus.held_out, tmp_path / "data"))


@pytest.mark.slow
def test_ten_files_that_are_the_same(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.txt").write_text(prose(1, 2000))
    result = found(prepare_corpus(spec(tmp_path), tmp_path / "data"))
    assert (result.documents, result.duplicates) == (1, 9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "key"),
    [
        ({}, "lab-data-none"),
        ({"a.txt": b"\0\x01\xff" * 3000, "b.png": b"\x89PNG"}, "lab-data-unusable"),
        ({"a.txt": b"\0\x01\xff" * 3000}, "document-kind"),
        ({"a.txt": b"few words"}, "lab-data-little"),
        ({"a.txt": b"again and " * 5000}, "lab-data-repeats"),
        ({"a.csv": b"one,two\n1,2\n"}, "lab-data-little"),
    ],
)
def test_data_that_is_none(tmp_path: Path, files: dict[str, bytes], key: str) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    with pytest.raises(KnownError, match=key):
        list(prepare_corpus(spec(folder), tmp_path / "data"))
    assert not prepare.is_ready(tmp_path / "data")


@pytest.mark.slow
def test_stopping_leaves_nothing_that_looks_ready(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(prose(1, 2000))
    calls = iter([*[False] * 3, True])
    with pytest.raises(Stopped):
        list(prepare_corpus(spec(path), tmp_path / "data", lambda: next(calls)))
    assert not prepare.is_ready(tmp_path / "data")


@pytest.mark.slow
def test_a_damaged_corpus_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(prose(1, 2000))
    list(prepare_corpus(spec(path), tmp_path / "data"))
    for name in ("train.npy", "tokenizer.json", "ready.json"):
        (tmp_path / "data" / name).write_bytes(b"")
        with pytest.raises(KnownError, match="run-damaged"):
            open_corpus(tmp_path / "data")


def test_examples_for_a_model_are_kept_with_their_split(tmp_path: Path) -> None:
    import json

    path = tmp_path / "a.jsonl"
    rows = [{"prompt": f"What is {n}?", "completion": f"It is {n} and {prose(n, 16)}"} for n in range(40)]
    path.write_text("\n".join(map(json.dumps, [*rows, rows[0], {"prompt": "x", "completion": "\x00"}])))
    result = found(prepare_examples(spec(path, kind="adapt"), tmp_path / "data"))
    train, held_out = open_examples(tmp_path / "data")
    assert (len(train), len(held_out), result.documents, result.duplicates) == (38, 2, 40, 1)
    assert {one.turns[0][1] for one in train + held_out} == {row["prompt"] for row in rows}
    assert not {*train} & {*held_out}
    assert isinstance(train[0], Example)


@pytest.mark.slow
def test_a_text_to_adapt_to_is_cut_so_that_some_can_be_held_out(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(prose(1, 8000))
    list(prepare_examples(spec(path, kind="adapt"), tmp_path / "data"))
    train, held_out = open_examples(tmp_path / "data")
    assert len(held_out) == 1
    assert sorted("".join(one.text for one in train + held_out)) == sorted(clean(path.read_text()))


def test_of_each_label_some_are_held_out(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = [(f"text number {number}", "ab"[number % 2]) for number in range(20)] + [("one alone", "c")]
    path.write_text("\n".join(["text,label", *(f"{text},{label}" for text, label in rows)]))
    columns = {"text_column": "text", "label_column": "label", "held_out": 0.2}
    list(prepare_examples(spec(path, kind="head", **columns), tmp_path / "data"))
    train, held_out = open_labeled(tmp_path / "data")
    assert sorted(label for _, label in held_out) == ["a", "a", "b", "b"]
    assert sorted(train + held_out) == sorted(rows)
