"""Tokenizers of strangers: no rule of theirs takes the memory or the time of this process."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from autogpt_desktop.engine.tokenizer import bpe, rules
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer as OurTokenizer
from autogpt_desktop.errors import KnownError
from tests.engine.formats.test_hf_config import add_tokenizer

TEXTS = ["", "The quick brown fox", "a1b22c333 你好 \n\n  x", " " * 3000 + "x", "aaaa" * 1000]


def folder_with(folder: Path, **parts: Any) -> Path:
    add_tokenizer(folder)
    values = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(values | parts))
    return folder


def split(pattern: str) -> dict[str, Any]:
    cut = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}
    to_bytes = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {"type": "Sequence", "pretokenizers": [cut, to_bytes]}


def replace(pattern: dict[str, str], content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": pattern, "content": content}


@pytest.mark.parametrize(
    "normalizer",
    [
        {"type": "Sequence", "normalizers": [replace({"String": "a"}, "aaaaaaaaaa")] * 12},
        {"type": "Sequence", "normalizers": [replace({"Regex": ""}, "aaaa")] * 6},
        {"type": "Sequence", "normalizers": [replace({"Regex": r"\b"}, "a")] * 7},
        {"type": "Sequence", "normalizers": [replace({"Regex": "(?=a)"}, "a")] * 7},
        {"type": "Sequence", "normalizers": [replace({"Regex": "."}, "a" * 30), {"type": "NFC"}] * 2},
        {"type": "Sequence", "normalizers": [{"type": "Sequence", "normalizers": [
            replace({"String": "a"}, "aa")] * 4}] * 4},
        {"type": "Prepend", "prepend": "a" * 10_000},
        {"type": "Sequence", "normalizers": [{"type": "Lowercase"}] * 1000},
    ],
)  # fmt: skip
def test_rules_that_make_texts_endless_are_refused(tmp_path: Path, normalizer: dict[str, Any]) -> None:
    with pytest.raises(KnownError, match="tokenizer-broken"):
        OurTokenizer.from_folder(folder_with(tmp_path, normalizer=normalizer))


def test_the_usual_rules_are_allowed_and_stay_in_this_process(tmp_path: Path) -> None:
    for parts in (
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")],
        [normalizers.NFKC(), *[normalizers.Replace(Regex(" {2,}"), " ")] * 9, normalizers.Lowercase()],
    ):
        tokenizer = Tokenizer(models.BPE({"a": 0}, []))
        tokenizer.normalizer = normalizers.Sequence(parts)
        rules.check_growth(tokenizer)
        assert rules.are_known(tokenizer)
    for pattern in (bpe.LLAMA3, bpe.QWEN2):
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
        assert rules.are_known(tokenizer)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("(a|aa)+$"), "isolated")
    assert not rules.are_known(tokenizer)


@pytest.mark.slow
def test_a_pattern_of_its_own_gives_the_same_ids_from_a_child(tmp_path: Path) -> None:
    path = folder_with(tmp_path, pre_tokenizer=split(r"[A-Za-z]+|\p{N}{1,2}|\s"))
    reference = Tokenizer.from_file(str(path / "tokenizer.json"))
    ours = OurTokenizer.from_folder(path)
    for text in TEXTS:
        assert ours.encode(text) == reference.encode(text).ids


@pytest.mark.slow
def test_a_pattern_that_takes_for_ever_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quadratic at each of its places: below what the library would refuse by itself."""
    tokenizer = OurTokenizer.from_folder(folder_with(tmp_path, pre_tokenizer=split(r"a*a*(?!\w)\d")))
    assert tokenizer.encode("ab")
    monkeypatch.setattr(rules, "ENCODE_SECONDS", 0.5)
    begun = time.monotonic()
    with pytest.raises(KnownError, match="tokenizer-hangs"):
        tokenizer.encode("a" * 4000 + "e")
    assert time.monotonic() - begun < 10
    monkeypatch.undo()
    assert tokenizer.encode("ab"), "a new child"


@pytest.mark.slow
def test_what_the_library_refuses_is_a_known_error(tmp_path: Path) -> None:
    tokenizer = OurTokenizer.from_folder(folder_with(tmp_path, pre_tokenizer=split("(a|aa)+$")))
    with pytest.raises(KnownError, match="tokenizer-broken"):
        tokenizer.encode("a" * 2000 + "b")
    assert tokenizer.encode("ab")


def test_a_word_list_of_metaspace_is_decoded(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.BPE({"▁": 0, "a": 1, "▁a": 2}, [("▁", "a")]))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    ours = OurTokenizer.from_folder(tmp_path)
    assert ours.decode(ours.encode("a a")) == "a a"
