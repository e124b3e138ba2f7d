"""A model's file that is cut short, overwritten, replaced or taken away never ends the process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from autogpt_desktop.engine import native
from autogpt_desktop.engine.formats import mapped, safetensors
from autogpt_desktop.engine.formats.mapped import map_file
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular
from tests.engine.fuzz_values import write_folder
from tests.tiny import write_tiny_gguf

ROOT = Path(__file__).parents[3]
SIZES = {"layers": 4, "hidden": 256, "intermediate": 512, "tied": False}


def test_what_is_not_changed_is_not_lost(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * 100_000)
    bytes_, watched = map_file(file)
    assert not watched.is_lost()
    file.unlink()
    assert not watched.is_lost(), "what is mapped is still there"
    assert bytes(bytes_[:3]) == b"xxx"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows refuses it")
@pytest.mark.parametrize("size", [0, 99_999, 100_001])
def test_another_size_or_time_is_found(tmp_path: Path, size: int) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * 100_000)
    mapped_bytes, watched = map_file(file)
    os.truncate(file, size)
    assert watched.is_lost()
    with pytest.raises(KnownError, match="model-file-lost"):
        mapped.check_files([watched])
    del mapped_bytes
    assert not watched.is_lost(), "nobody uses it any more"


@pytest.mark.skipif(sys.platform == "win32" or native.library() is None, reason="nothing watches")
def test_a_page_that_is_gone_reads_as_zeros_and_is_noted(tmp_path: Path) -> None:
    """Were it not so, this would end the tests."""
    file, other = tmp_path / "a", tmp_path / "b"
    for one in (file, other):
        one.write_bytes(b"x" * 100_000)
    (bytes_, watched), (_, still) = map_file(file), map_file(other)
    os.truncate(file, 5000)
    view = np.frombuffer(bytes_, np.uint8)
    page = os.sysconf("SC_PAGESIZE")
    end = -(-5000 // page) * page
    assert (view[:5000] == ord("x")).all()
    assert not view[end:].any()
    library = native.library()
    assert library is not None
    assert library.native_lost(watched._number)
    assert not library.native_lost(still._number)


def test_ranges_are_given_back(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * 5000)
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    for _ in range(3000):
        _, watched = map_file(file)
        assert native.library() is None or sys.platform == "win32" or watched._number >= 0
    if sys.platform == "linux":
        assert len(os.listdir("/proc/self/fd")) <= before + 3


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[ModelPool]:
    path = write_tiny_gguf(tmp_path / "tiny.gguf", quant="F32", **SIZES).path  # type: ignore[arg-type]
    pool = ModelPool(lambda role: path, device="cpu")
    yield pool
    pool.unload()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows refuses it")
def test_a_lost_model_is_loaded_anew_when_it_is_asked_for_again(pool: ModelPool, tmp_path: Path) -> None:
    engine = run_to_end(pool.get())
    state = engine.new_state()
    expected = engine.decoder.forward([(state, [1, 2, 3])])[0]
    assert engine.files
    path = tmp_path / "tiny.gguf"
    good = path.read_bytes()
    os.truncate(path, len(good) // 2)
    with pytest.raises(KnownError, match="model-file-lost"):
        engine.decoder.forward([(state, [4])])
    assert state.ids == [1, 2, 3], "as it was"
    with pytest.raises(KnownError, match="gguf-truncated"):
        run_to_end(pool.get())
    path.write_bytes(good)
    engine = run_to_end(pool.get())
    assert (engine.decoder.forward([(engine.new_state(), [1, 2, 3])])[0] == expected).all()


@pytest.mark.parametrize("left", [4, 30, -100])
def test_a_folder_whose_file_is_cut_behind_the_check_of_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    write_folder(folder)

    def cut_and_open(path: Path) -> BinaryIO:
        os.truncate(path, left % path.stat().st_size)
        return open_regular(path)

    monkeypatch.setattr(safetensors, "open_regular", cut_and_open)
    with pytest.raises(KnownError, match="folder-weights"):
        run_to_end(load(folder, device="cpu", compiled=False))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32" or native.library() is None, reason="nothing watches")
@pytest.mark.parametrize("kind", ["native", "torch", "folder", "encoder", "packed"])
def test_at_every_moment_of_a_load_and_two_passes(tmp_path: Path, kind: str) -> None:
    model = tmp_path / "model"
    if kind == "folder":
        model.mkdir()
        write_folder(model)
    elif kind == "encoder":
        from tests.engine.tiny_folders import write_encoder

        write_encoder(model, "bert")
    else:
        model = model.with_suffix(".gguf")
        quant = "F32" if kind == "torch" else "Q8_0"
        write_tiny_gguf(model, quant=quant, **SIZES)  # type: ignore[arg-type]
    (tmp_path / "work").mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.engine.shrink_files", kind, model, tmp_path / "work"],
        capture_output=True, text=True, timeout=300, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout[-300:]}{done.stderr[-3000:]}"
    assert "never died" in done.stdout
    tries = [line for line in done.stdout.splitlines() if ": " in line]
    assert len(tries) >= 36
    assert sum("model-file-lost" in line for line in tries) >= 10
