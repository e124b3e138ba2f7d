"""What is remembered of prompts' beginnings: found again, never wrong, and gone when it is to go."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.generation import prompt_cache
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.generation.prompt_cache import PromptCacheFiles, fingerprint
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.engine.native.decoder import NativeDecoder
from autogpt_desktop.events import Progress
from tests.tiny import write_tiny_gguf

IDS = random.Random(1).choices(range(3, 270), k=100)
FORGED_HEADERS: dict[str, dict[str, object]] = {
    "no arrays": {"arrays": []},
    "a shape below zero": {"arrays": [["cache", "<f2", [-2, -2, 2, 1792]]]},
    "a shape beyond all": {"arrays": [["cache", "<f2", [2**40, 2**40]]]},
    "a shape of words": {"arrays": [["cache", "<f2", "12"]]},
    "a type of words": {"arrays": [["cache", "(", [1]]]},
    "a type of structs": {"arrays": [["cache", "f4,f4", [1]]]},
    "a type of objects": {"arrays": [["cache", "O", [1]]]},
    "another type": {"arrays": [["cache", "<f4", [10]]]},
    "the other order": {"arrays": [["cache", ">f2", [10]]]},
    "many dimensions": {"arrays": [["cache", "<f2", [1] * 100]]},
    "names that are none": {"arrays": [[None, "<f2", [10]]]},
    "no list": {"arrays": 7},
    "endless ids": {"ids": float("inf")},
    "no number of ids": {"ids": float("nan")},
    "no ids": {"ids": 0},
    "a size of words": {"size": "x"},
    "another owner": {"owner": ["x"]},
}
ARRAYS = {"a": np.arange(600, dtype=np.float16).reshape(2, 300), "b": np.ones((3, 1), np.uint16)}


@pytest.fixture
def files(tmp_path: Path) -> PromptCacheFiles:
    return PromptCacheFiles(tmp_path / "cache" / "states", budget=1 << 20)


@pytest.fixture(scope="module", params=["Q8_0", "F32"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the compiled back end, and one that runs on torch."""
    path = tmp_path_factory.mktemp("prefixes") / "tiny.gguf"
    write_tiny_gguf(path, quant=request.param)
    return path


@pytest.fixture
def models(path: Path, tmp_path: Path) -> Iterator[ModelPool]:
    models = ModelPool(lambda role: path, device="cpu", prompt_cache=tmp_path / "states")
    yield models
    models.unload()


def loaded(models: ModelPool) -> Engine:
    return run_to_end(models.get())


def computed(engine: Engine, ids: list[int], **options: bool) -> tuple[int, object]:
    """How many tokens were computed for a state of ``ids``, and the state."""
    steps = engine.prefix_state(ids, "task", **options)
    total = 0
    while True:
        try:
            step = next(steps)
        except StopIteration as done:
            return total, done.value
        assert isinstance(step, Progress)
        total = step.total


def saved(files: PromptCacheFiles) -> list[Path]:
    return sorted(files.folder.glob("*")) if files.folder.exists() else []


# --- files


def test_what_was_saved_comes_back(files: PromptCacheFiles) -> None:
    assert files.longest("m", IDS) is None
    assert files.save("m", "task", IDS, ARRAYS)
    found = files.longest("m", [*IDS, 7])
    assert found is not None
    assert found.ids == IDS
    assert not found.alone
    assert all(np.array_equal(found.arrays[name], array) for name, array in ARRAYS.items())
    assert [a.dtype for a in found.arrays.values()] == [np.float16, np.uint16]
    assert files.longest("another", IDS) is None, "of another model"
    assert files.longest("m", IDS[1:]) is None
    assert files.longest("m", IDS[:60], 61) is None
    if sys.platform != "win32":
        assert saved(files)[0].stat().st_mode & 0o77 == 0, "nobody else's to read"


def test_the_longest_in_common_is_found_and_of_equals_the_smallest(files: PromptCacheFiles) -> None:
    for size in (50, 90, 70):
        files.save("m", "task", IDS[:size], ARRAYS)
    assert [len(found.ids) for n in (55, 75, 100) if (found := files.longest("m", IDS[:n]))] == [70, 90, 90]
    assert [len(found.ids) for n in (50, 60) if (found := files.longest("m", [*IDS[:n], 1]))] == [50, 70]


def test_an_owner_of_one_file_keeps_the_last(files: PromptCacheFiles) -> None:
    for size in (60, 100, 80):
        files.save("m", "kept/7", IDS[:size], ARRAYS, alone=True)
    files.save("m", "task", IDS[:50], ARRAYS)
    found = files.longest("m", IDS)
    assert found is not None
    assert len(found.ids) == 80
    assert found.alone
    assert len(saved(files)) == 2


def test_damaged_files_are_ignored_and_deleted(
    files: PromptCacheFiles, caplog: pytest.LogCaptureFixture
) -> None:
    files.save("m", "task", IDS, ARRAYS)
    path = saved(files)[0]
    whole, rng = path.read_bytes(), random.Random(2)
    damaged = [whole[:size] for size in (0, 5, 20, 200, len(whole) - 1)] + [whole + b"x", b"x" * 500]
    for at in [0, 8, 9, 12, len(whole) - 1, *(rng.randrange(len(whole)) for _ in range(60))]:
        changed = bytearray(whole)
        changed[at] ^= 1 << rng.randrange(8)
        damaged.append(bytes(changed))
    for data in damaged:
        path.write_bytes(data)
        found = files.longest("m", IDS)
        # a flipped bit in the ids may only hide the file: it says that it holds something else
        assert found is None
        path.unlink(missing_ok=True)
    assert "is deleted" in caplog.text
    path.write_bytes(whole)
    assert files.longest("m", IDS) is not None
    path.write_bytes(whole[:-1])
    assert files.longest("m", IDS) is None
    assert not saved(files)


def test_the_least_recently_used_make_room(files: PromptCacheFiles) -> None:
    arrays = {"a": np.zeros(1 << 17, np.uint16)}  # a quarter of the budget
    for number in range(3):
        assert files.save("m", f"task {number}", [number, *IDS], arrays)
        os.utime(max(saved(files), key=lambda p: p.stat().st_mtime), (1000 + number, 1000 + number))
    assert files.longest("m", [0, *IDS]) is not None, "used now"
    assert files.save("m", "task 3", [3, *IDS], arrays)
    assert [bool(files.longest("m", [n, *IDS])) for n in range(4)] == [True, False, True, True]
    assert not files.save("m", "task 4", IDS, {"a": np.zeros(1 << 18, np.uint16)}), "more than half of all"
    assert sum(p.stat().st_size for p in saved(files)) <= files.budget


def test_a_full_disk_or_none_costs_nothing_but_time(
    files: PromptCacheFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    nowhere = PromptCacheFiles(tmp_path / "file" / "states")
    assert not nowhere.save("m", "task", IDS, ARRAYS)
    assert nowhere.longest("m", IDS) is None
    nowhere.forget("task")
    assert "no folder" in caplog.text
    monkeypatch.setattr(prompt_cache, "MIN_FREE_DISK", 1 << 60)
    assert not files.save("m", "task", IDS, ARRAYS)
    assert not saved(files)


def test_what_is_forgotten_is_overwritten(files: PromptCacheFiles) -> None:
    files.save("m", "kept/1", IDS, ARRAYS, alone=True)
    mine = saved(files)[0]
    files.save("m", "kept/12", IDS[::-1], ARRAYS, alone=True)
    half = mine.with_name(mine.name + ".77.new")  # a crash left it
    half.write_bytes(mine.read_bytes()[:900])
    written = np.asarray(IDS, "<i4").tobytes()
    with mine.open("rb") as still_open:
        assert written in still_open.read()
        files.forget("kept/1")
        still_open.seek(0)
        assert not any(still_open.read())
    left = saved(files)
    assert len(left) == 1
    assert written not in left[0].read_bytes()
    assert files.longest("m", IDS[::-1]) is not None


def test_abandoned_scratch_files_go(files: PromptCacheFiles) -> None:
    files.save("m", "task", IDS, ARRAYS)
    old, young = (files.folder / f"x-{n}.state.1.new" for n in ("old", "young"))
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 3600,) * 2)
    files.save("m", "task", IDS[:60], ARRAYS)
    assert not old.exists()
    assert young.exists()


@pytest.mark.slow
def test_forgetting_needs_neither_torch_nor_numpy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from autogpt_desktop.tasks.chat import forget_saved\n"
        "forget_saved(Path(sys.argv[1]), ['kept/1']); print(sorted({'torch', 'numpy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


# --- states


def test_a_prefix_is_computed_once(models: ModelPool) -> None:
    engine = loaded(models)
    assert computed(engine, IDS)[0] == 100
    total, state = computed(engine, IDS)
    assert total == 0
    assert state.ids == IDS
    engine.decoder.forward([(state, [5, 6])])
    assert computed(engine, IDS)[1].ids == IDS, "each has a copy of its own"  # type: ignore[attr-defined]
    assert computed(engine, [*IDS[:70], 4, 4])[0] == 2, "a shorter beginning serves too"
    models.unload()
    engine = loaded(models)
    assert computed(engine, IDS)[0] == 0, "from the file"
    engine.prompt_cache.forget("task")
    assert computed(engine, IDS)[0] == 100
    engine.prompt_cache.forget("task")
    computed(engine, IDS, save=False)
    assert computed(engine, IDS)[0] == 0
    models.unload()
    assert computed(loaded(models), IDS, keep=False)[0] == 100, "it was kept in memory only"
    assert computed(loaded(models), IDS)[0] == 100


def test_what_follows_a_restored_state_is_the_same_to_the_bit(models: ModelPool) -> None:
    engine = loaded(models)
    plain = engine.new_state()
    engine.decoder.forward([(plain, IDS)])
    wanted = engine.decoder.forward([(plain, [9, 8])], "all")[0]
    computed(engine, IDS)
    models.unload()
    engine = loaded(models)
    restored = computed(engine, IDS)[1]
    assert torch.equal(engine.decoder.forward([(restored, [9, 8])], "all")[0], wanted)
    greedy = Sampling(temperature=0.0, max_tokens=20)
    again = [s for s in engine.tokens([*IDS, 9], greedy, computed(engine, IDS)[1]) if isinstance(s, int)]
    fresh = [s for s in engine.tokens([*IDS, 9], greedy, engine.new_state()) if isinstance(s, int)]
    assert again == fresh or not engine.decoder.batch_invariant


def test_a_state_longer_than_the_context_is_left_alone(models: ModelPool, path: Path) -> None:
    computed(loaded(models), IDS)
    short = ModelPool(lambda role: path, device="cpu", context_length=64, prompt_cache=models.prompt_cache)
    engine = loaded(short)
    assert engine.prompt_cache.find(IDS[:60]) is None
    short.unload()
    assert models.prompt_cache is not None
    assert len(list(models.prompt_cache.glob("*"))) == 1


def test_memory_has_a_limit(models: ModelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = loaded(models)
    one = computed(engine, IDS)[1].nbytes  # type: ignore[attr-defined]
    monkeypatch.setattr(prompt_cache, "MEMORY_BUDGET", 2 * one)
    engine.prompt_cache.files = None
    for first in (3, 4, 5):
        computed(engine, [first, *IDS[:60]])
    found = [engine.prompt_cache.find([first, *IDS[:60]]) for first in (3, 4, 5)]
    assert [state is not None for state in found] == [False, True, True]


def test_another_file_is_another_model(path: Path, tmp_path: Path) -> None:
    engine = run_to_end(load(path, device="cpu"))
    first = fingerprint(path, engine.decoder)
    assert first == fingerprint(path, engine.decoder)
    other = tmp_path / path.name
    other.write_bytes(path.read_bytes())
    os.utime(other, (1, 1))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    marks = [first, fingerprint(other, engine.decoder), fingerprint(folder, engine.decoder)]
    (folder / "config.json").write_text("[]")
    marks.append(fingerprint(folder, engine.decoder))
    assert len(set(marks)) == 4
    engine.close()


# --- forged files: every checksum is right


def forged(path: Path, header: dict[str, object], ids: list[int] | None = None, spoil: object = None) -> None:
    """Write a saved state anew with other values, under the name that they call for.

    ``spoil`` changes the arrays' bytes in place."""
    whole = path.read_bytes()
    size = int.from_bytes(whole[8:12], "little")
    values = json.loads(whole[12 : 12 + size])
    count = values["ids"]
    mine = np.frombuffer(whole, "<i4", count, 12 + size) if ids is None else np.asarray(ids, "<i4")
    arrays = np.frombuffer(whole[12 + size + 4 * count : -4], np.uint8).copy()
    if callable(spoil):
        spoil(arrays)
    values |= header
    text = json.dumps(values).encode().ljust(size)
    data = whole[:8] + len(text).to_bytes(4, "little") + text + mine.tobytes() + arrays.tobytes()
    path.unlink()
    name = prompt_cache._file_name(str(values["owner"]), str(values["model"]), mine.tobytes())
    path.with_name(name).write_bytes(data + zlib.crc32(data).to_bytes(4, "little"))


def fill(value: int, dtype: str, start: int = 0) -> Callable[[np.ndarray], None]:
    def spoil(arrays: np.ndarray) -> None:
        arrays.view(dtype)[start:] = value

    return spoil


@pytest.mark.slow
@pytest.mark.parametrize("what", ["ids", "vocabulary", "another text", *range(8), *FORGED_HEADERS])
def test_a_forged_state_is_dropped_and_made_anew(
    models: ModelPool, what: object, caplog: pytest.LogCaptureFixture
) -> None:
    engine = loaded(models)
    assert models.prompt_cache is not None
    computed(engine, IDS)
    plain = engine.decoder.forward([(computed(engine, IDS)[1], [9, 8])], "all")[0]  # type: ignore[list-item]
    (path,) = saved(PromptCacheFiles(models.prompt_cache))
    good, name = path.read_bytes(), path.name
    half = "<u2" if isinstance(engine.decoder, NativeDecoder) else "<u4"
    spoils = [
        *(fill(value << (0 if half == "<u2" else 16), half) for value in (0x7E00, 0x7F80, 0xFF80, 0x7BFF)),
        *(fill(value, half, 1000) for value in (0, 0x3C003C00 & (0xFFFF if half == "<u2" else 0xFFFFFFFF))),
        fill(0x7F, "u1"), fill(0xFB, "u1"),
    ]  # fmt: skip
    models.unload()
    if what == "ids":
        forged(path, {"ids": 60}, IDS[:60])
    elif what == "vocabulary":
        forged(path, {}, [*IDS[:-1], 2**31 - 1])
    elif what == "another text":
        forged(path, {}, [*IDS[:-1], IDS[-1] - 1])
    elif isinstance(what, int):
        forged(path, {}, None, spoils[what])
    else:
        forged(path, FORGED_HEADERS[str(what)])
    engine = loaded(models)
    state = computed(engine, IDS)[1]
    assert state.ids == IDS  # type: ignore[attr-defined]
    logits = engine.decoder.forward([(state, [9, 8])], "all")[0]  # type: ignore[list-item]
    if engine.decoder.batch_invariant:
        assert torch.equal(logits, plain)
    else:
        assert logits.isfinite().all()
    assert "is deleted" in caplog.text
    left = saved(PromptCacheFiles(models.prompt_cache))
    assert [file.name for file in left] == [name]
    assert left[0].read_bytes() == good


def test_a_forged_state_that_cannot_be_deleted_is_tried_once(
    models: ModelPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = loaded(models)
    assert models.prompt_cache is not None
    computed(engine, IDS)
    forged(saved(PromptCacheFiles(models.prompt_cache))[0], {}, None, fill(0x7E, "u1"))
    models.unload()
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    assert computed(loaded(models), IDS, save=False)[0] == 100
