"""Packed weights on disk: the next load is the same to the bit, and a bad file is never believed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import torch

from autogpt_desktop import paths
from autogpt_desktop.engine import native
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.native import packed_cache
from autogpt_desktop.engine.native.decoder import NativeDecoder
from tests.tiny import FAMILIES, RECURRENT, write_tiny_gguf

pytestmark = pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
ROOT = Path(__file__).parents[3]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_gguf(tmp_path / "tiny.gguf", quant="Q4_1", layers=3).path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "packed"


def loaded(path: Path, folder: Path) -> tuple[Engine, bool, torch.Tensor]:
    """The engine, whether its weights are mapped, and logits; a file that is being written is waited for."""
    engine = run_to_end(load(path, device="cpu", packed_cache=folder))
    assert isinstance(engine.decoder, NativeDecoder)
    for writer in engine.decoder._writers:
        writer.join()
    logits = engine.decoder.forward([(engine.new_state(), [3, 1, 4, 1, 5, 9])], "all")[0]
    engine.close()
    return engine, engine.decoder._mapped is not None, logits


@pytest.mark.parametrize("family", [*FAMILIES, *RECURRENT])
def test_the_second_load_is_the_same_to_the_bit(family: str, tmp_path: Path, folder: Path) -> None:
    layers = 4 if family in RECURRENT else 2
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, family, quant="Q8_0", tied=family == "gemma3", layers=layers)
    first, mapped, packed = loaded(path, folder)
    assert not mapped
    file = paths.packed_file(path, folder)
    assert os.listdir(folder) == [file.name]
    second, mapped, again = loaded(path, folder)
    assert mapped
    assert torch.equal(packed, again)
    assert second.weight_bytes == first.weight_bytes


def test_without_a_folder_nothing_is_kept(model: Path) -> None:
    before = sorted(model.parent.iterdir())
    run_to_end(load(model, device="cpu")).close()
    assert sorted(model.parent.iterdir()) == before


def test_a_file_that_was_written_by_us_is_not_open_to_others(model: Path, folder: Path) -> None:
    loaded(model, folder)
    if os.name == "posix":
        assert paths.packed_file(model, folder).stat().st_mode & 0o222 == 0


def test_a_changed_model_is_packed_anew(model: Path, folder: Path) -> None:
    old = loaded(model, folder)[2]
    write_tiny_gguf(model, quant="Q4_1", layers=3, seed=1)
    _, mapped, new = loaded(model, folder)
    assert not mapped
    assert not torch.equal(old, new)
    _, mapped, again = loaded(model, folder)
    assert mapped
    assert torch.equal(new, again)


def test_a_model_of_the_same_size_and_time_is_told_by_what_it_holds(model: Path, folder: Path) -> None:
    loaded(model, folder)
    stamp = model.stat()
    write_tiny_gguf(model, quant="Q4_1", layers=3, seed=1)
    os.utime(model, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert model.stat().st_size == stamp.st_size
    assert model.stat().st_mtime_ns == stamp.st_mtime_ns
    assert not loaded(model, folder)[1]


def spoil(file: Path, at: int) -> None:
    file.chmod(0o644)
    with file.open("r+b") as opened:
        opened.seek(at)
        byte = opened.read(1)[0]
        opened.seek(at)
        opened.write(bytes([byte ^ 1]))


@pytest.mark.slow
def test_one_wrong_bit_anywhere_is_found(model: Path, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = loaded(model, folder)[2]
    file = paths.packed_file(model, folder)
    good = file.read_bytes()
    size = len(good)
    start = 2 << 20
    table = packed_cache._HEADER.unpack_from(good)[3]
    header = range(packed_cache._HEADER.size)  # the magic, the order of bytes, the version, lengths, sums
    prefix = [packed_cache._HEADER.size + at for at in (0, 9, table // 2, table - 1)]
    for at in (*header, *prefix, start, start + 100, (start + size) // 2, size - 1):
        shutil.copyfile(file, folder / "good")
        spoil(file, at)
        caplog.clear()
        _, mapped, logits = loaded(model, folder)
        assert not mapped, at
        assert "is not used" in caplog.text
        assert torch.equal(logits, expected)
        assert file.read_bytes() == good, "it was written again"
        (folder / "good").unlink()


@pytest.mark.slow
def test_a_file_of_another_length_is_not_mapped(model: Path, folder: Path) -> None:
    expected = loaded(model, folder)[2]
    file = paths.packed_file(model, folder)
    good = file.read_bytes()
    for data in (b"", good[:10], good[:80], good[: 2 << 20], good[:-1], good + b"\0"):
        file.unlink()
        file.write_bytes(data)
        _, mapped, logits = loaded(model, folder)
        assert not mapped
        assert torch.equal(logits, expected)
        assert file.read_bytes() == good


@pytest.mark.slow
def test_right_checksums_do_not_make_a_file_ours(tmp_path: Path, folder: Path) -> None:
    """In a process of its own: what a forged file made the kernels do was to write outside their memory."""
    model = write_tiny_gguf(tmp_path / "tiny.gguf", "gemma3", quant="Q4_1").path
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("forge_packed.py"), model, folder],
        capture_output=True, text=True, timeout=120, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert "all refused or harmless" in done.stdout, done.stdout[-300:] + done.stderr[-3000:]


def test_a_machine_of_the_other_byte_order_wrote_it(model: Path, folder: Path) -> None:
    loaded(model, folder)
    file = paths.packed_file(model, folder)
    data = bytearray(file.read_bytes())
    data[8:12] = data[8:12][::-1]
    file.unlink()
    file.write_bytes(data)
    assert not loaded(model, folder)[1]


def test_another_layout_is_not_ours(model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that packs differently, told by what an example of each type becomes."""
    loaded(model, folder)
    library = native.library()
    assert library is not None
    number = library.native_layout()
    assert number == library.native_layout()
    monkeypatch.setattr(library, "native_layout", lambda: number + 1)
    assert not loaded(model, folder)[1]
    assert loaded(model, folder)[1]


def test_a_disk_without_room_is_left_alone(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 1 << 40, (1 << 30) + 1000))
    with caplog.at_level("INFO"):
        loaded(model, folder)
    assert os.listdir(folder) == []
    assert "are not kept" in caplog.text


LIMITED = """
import logging, os, resource, signal, sys
from pathlib import Path
from autogpt_desktop.engine.load import load, run_to_end
logging.basicConfig(stream=sys.stdout, format="%(message)s")
resource.setrlimit(resource.RLIMIT_FSIZE, ((2 << 20) + 1000, resource.RLIM_INFINITY))
engine = run_to_end(load(sys.argv[1], device="cpu", packed_cache=Path(sys.argv[2])))
for writer in engine.decoder._writers:
    writer.join()
print(len(engine.decoder.forward([(engine.new_state(), [1, 2])])[0]) > 0, os.listdir(sys.argv[2]))
engine.close()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files")
def test_a_disk_that_ends_on_the_way_leaves_nothing_behind(model: Path, folder: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", LIMITED, str(model), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert "could not be kept" in done.stdout, done.stdout + done.stderr
    assert "True []" in done.stdout, done.stdout + done.stderr


def test_a_folder_that_cannot_be_written_does_no_harm(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "a file"
    place.write_text("no folder")
    expected = loaded(model, tmp_path / "packed")[2]
    _, mapped, logits = loaded(model, place)
    assert not mapped
    assert torch.equal(logits, expected)
    assert "could not be kept" in caplog.text


BESIDE = """
import os, sys
from pathlib import Path
from autogpt_desktop.engine.load import load, run_to_end
print("ready", flush=True)
sys.stdin.readline()
for _ in range(6):
    engine = run_to_end(load(sys.argv[1], device="cpu", packed_cache=Path(sys.argv[2])))
    for writer in engine.decoder._writers:
        writer.join()
    print(float(engine.decoder.forward([(engine.new_state(), [1, 2, 3])])[0].double().sum()))
    engine.close()
    del engine
    for file in Path(sys.argv[2]).glob("*.packed"):
        file.unlink(missing_ok=True)
"""


@pytest.mark.slow
def test_two_programs_at_once(model: Path, folder: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", BESIDE, str(model), str(folder)]
    both = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(2)
    ]
    for one in both:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    outputs = [one.communicate("\n", timeout=60)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert len({line for output in outputs for line in output.split()}) == 1
    assert not list(folder.glob("*.tmp"))


@pytest.mark.slow
def test_unloading_while_it_is_written(tmp_path: Path, folder: Path) -> None:
    """The memory goes away only when nobody reads it; half a file is never left."""
    path = write_tiny_gguf(tmp_path / "tiny.gguf", quant="Q8_0", hidden=512, intermediate=2048, layers=6).path
    for _ in range(3):
        run_to_end(load(path, device="cpu", packed_cache=folder)).close()
        assert not list(folder.glob("*.tmp"))
    assert loaded(path, folder)[2].isfinite().all()


def test_what_nobody_can_use_is_swept(model: Path, folder: Path) -> None:
    loaded(model, folder)
    orphan = paths.packed_file(model, folder)
    model.unlink()
    old, young = folder / "x.packed.1.tmp", folder / "x.packed.2.tmp"
    for file in (old, young):
        file.touch()
    os.utime(old, (0, 0))
    packed_cache.sweep(folder)
    assert not orphan.exists()
    assert not old.exists()
    assert young.exists()


def test_what_is_packed_in_a_moment_is_not_kept(model: Path, folder: Path) -> None:
    run_to_end(load(model, device="cpu", packed_cache=folder, packed_worth=60.0)).close()
    assert not folder.exists()
    loaded(model, folder)
    engine = run_to_end(load(model, device="cpu", packed_cache=folder, packed_worth=60.0))
    assert isinstance(engine.decoder, NativeDecoder)
    assert engine.decoder._mapped is not None, "what is there is used all the same"
    engine.close()


def test_room_for_ten_more_copies_stays_free(
    model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded(model, folder)
    size = paths.packed_file(model, folder).stat().st_size - (2 << 20)  # of the image behind the table
    paths.packed_file(model, folder).unlink()
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(packed_cache, "_RESERVE", 0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 0, 5 * size))
    loaded(model, folder)
    assert os.listdir(folder) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 0, 12 * size))
    loaded(model, folder)
    assert os.listdir(folder) == [paths.packed_file(model, folder).name]


@pytest.mark.parametrize("quant", ["Q8_0", "F16"])
def test_programs_of_other_settings_leave_each_others_files_alone(
    tmp_path: Path, folder: Path, quant: str
) -> None:
    path = write_tiny_gguf(tmp_path / "tiny.gguf", quant=quant).path
    stamps: dict[str, tuple[int, int]] = {}
    for turn in range(2):
        for quantize, kv_cache in (("int8", "float16"), ("int4", "int8")):
            engine = run_to_end(
                load(path, device="cpu", packed_cache=folder, quantize=quantize, kv_cache=kv_cache)  # type: ignore[arg-type]
            )
            assert isinstance(engine.decoder, NativeDecoder)
            for writer in engine.decoder._writers:
                writer.join()
            assert turn == 0 or engine.decoder._mapped is not None
            engine.close()
        found = {file.name: (file.stat().st_ino, file.stat().st_mtime_ns) for file in folder.iterdir()}
        assert turn == 0 or found == stamps
        stamps = found
    assert len(stamps) == (2 if quant == "F16" else 1), "what float weights become is another file"
    assert sorted(stamps) == sorted(file.name for file in paths.packed_files(path, folder))
