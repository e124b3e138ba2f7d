"""What is remembered of prompts' beginnings: found again, never wrong, and gone when it is to go."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
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
from autogpt_desktop.events import Progress
from tests.tiny import write_tiny_gguf

IDS = random.Random(1).choices(range(3, 270), k=100)
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
