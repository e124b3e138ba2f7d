"""A translation pack's folder as an engine, compiled and on torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.engine import load_pack as load_pack_module
from autogpt_desktop.engine import native
from autogpt_desktop.engine.formats.pack_files import is_pack_folder, pair_of_folder
from autogpt_desktop.engine.generation.seq2seq import Sentence
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.load_pack import load_pack
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.engine.torch_backend.marian import MarianSeq2Seq
from autogpt_desktop.engine.translation_pack import TranslationPack
from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks.translate.translators import translator_for
from tests.marian import write_tiny_pack

TEXTS = ["the tin. sea", "a net at ten", ""]


@pytest.fixture(params=[False, True], ids=["one vocabulary", "two"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    files = write_tiny_pack(tmp_path / "pack", split=request.param)
    named = {"model": "model.enpt.bin", "lex": "lex.enpt.bin"}
    for kind, path in files.items():
        path.rename(path.with_name(named.get(kind, f"{kind}.enpt.spm")))
    return tmp_path / "pack"


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True])
def test_a_pack_translates_its_pair(folder: Path, compiled: bool) -> None:
    assert is_pack_folder(folder)
    engine = run_to_end(load_pack(folder, compiled=compiled))
    assert engine.translates("en", "pt")
    assert not engine.translates("pt", "en")
    assert engine.weight_bytes > 0
    greedy = engine.translate([Sentence(text) for text in TEXTS], "en", "pt")
    assert [len(some) for some in greedy] == [1, 1, 1]
    several = engine.translate([Sentence(TEXTS[0])], "en", "pt", beam_size=4, n_best=4)[0]
    assert len({one.text for one in several}) > 1
    scores = [one.score for one in several]
    assert scores == sorted(scores, reverse=True)
    begun = engine.translate([Sentence(TEXTS[0], prefix="at")], "en", "pt")[0][0]
    assert begun.text.startswith("at")
    for text, some in zip(TEXTS, greedy, strict=True):
        for start, end, first, last in some[0].links:
            assert 0 <= start < end <= len(text)
            assert 0 <= first < last <= len(some[0].text)


@pytest.mark.slow
@pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
def test_both_back_ends_say_the_same(folder: Path) -> None:
    said = [
        [some[0].text for some in engine.translate([Sentence(text) for text in TEXTS], "en", "pt")]
        for engine in (run_to_end(load_pack(folder, compiled=compiled)) for compiled in (True, False))
    ]
    assert said[0] == said[1]


@pytest.mark.slow
@pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
@pytest.mark.parametrize("is_quick", [True, False, None])
def test_a_gpu_is_taken_where_it_is_quicker(
    folder: Path, is_quick: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_torch(pack: TranslationPack, device: str) -> Any:
        if is_quick is None:
            raise RuntimeError("out of memory")
        return MarianSeq2Seq(pack.model, "cpu")

    def seconds(model: object, pack: TranslationPack) -> float:
        assert timed(model, pack) > 0
        return 1.0 if is_quick and isinstance(model, MarianSeq2Seq) else 2.0

    timed = load_pack_module._seconds
    monkeypatch.setattr(load_pack_module, "_on_torch", on_torch)
    monkeypatch.setattr(load_pack_module, "_seconds", seconds)
    engine = run_to_end(load_pack(folder, "cuda"))
    assert engine.device == ("cuda" if is_quick else "cpu")
    assert [notice.key for notice in engine.notices] == ["notice.pack-gpu-untested"] * bool(is_quick)
    assert engine.immediate is not bool(is_quick)
    assert engine.translate([Sentence(TEXTS[0])], "en", "pt")[0][0].text


def test_the_pair_is_what_was_written_down(folder: Path) -> None:
    (folder / "pack.json").write_text('{"pair": ["en", "zh-Hans"]}')
    assert pair_of_folder(folder) == ("en", "zh-Hans")
    for text in ("{", "[]", '{"pair": 3}', '{"pair": ["en"]}', '{"pair": [1, 2]}'):
        (folder / "pack.json").write_text(text)
        assert pair_of_folder(folder) == ("en", "pt")


@pytest.mark.parametrize("kind", ["vocab", "srcvocab", "trgvocab"])
def test_a_pack_without_a_vocabulary_says_so(folder: Path, kind: str) -> None:
    file = folder / f"{kind}.enpt.spm"
    if not file.exists():
        pytest.skip("not one of this pack's")
    file.unlink()
    with pytest.raises(KnownError, match="pack-incomplete"):
        run_to_end(load_pack(folder))


def test_the_models_load_packs_beside_other_kinds(folder: Path) -> None:
    models = ModelPool(lambda _name: folder, "cpu", 0)
    with models.job() as job:
        translator = translator_for(run_to_end(job.get("firefox-en-pt")))
        assert translator.translates("en", "pt")
        assert translator.name == "pack"
    models.unload()
