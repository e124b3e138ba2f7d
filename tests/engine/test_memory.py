"""What happens when memory ends: a sentence, and nothing that was there is lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import torch

from autogpt_desktop.engine import load as loading
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.memory import out_of_memory
from autogpt_desktop.engine.torch_backend.kv_cache import KVCache
from autogpt_desktop.events import Notice
from tests.tiny import write_tiny_gguf

# a real model in a real process whose address space ends soon after the first answer
SHORT_OF_MEMORY = """
import resource, sys
from pathlib import Path
from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Text
from autogpt_desktop.tasks.chat import Turn, chat

models = ModelPool(lambda role: Path(sys.argv[1]), device="cpu")
greedy = Sampling(temperature=0.0, max_tokens=8)

def ask(text):
    turns = [Turn("user", text)]
    return "".join(e.text for e in chat(models, turns, greedy, conversation="a") if isinstance(e, Text))

before = ask("What is the capital of France?")
used = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmSize")) * 1024
resource.setrlimit(resource.RLIMIT_AS, (used + (60 << 20), resource.RLIM_INFINITY))
try:
    ask("word " * 6000)
except KnownError as error:
    print(error.key)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(ask("What is the capital of France?") == before)
models.unload()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
def test_an_answer_that_memory_does_not_suffice_for(starter_gguf: Path) -> None:
    command = [sys.executable, "-c", SHORT_OF_MEMORY, str(starter_gguf)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[2])
    assert done.stdout.split() == ["no-memory-to-answer", "True"], done.stderr


def test_a_cache_that_cannot_grow_keeps_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = KVCache(3, 2, 4, 4096)
    cache.reserve(5)
    numbers = torch.arange(40.0).view(2, 5, 4)
    for layer in range(3):
        cache.update_and_fetch(layer, numbers + layer, -numbers)
    cache.advance([1, 2, 3, 4, 5])
    grow, left = KVCache._grown, [4]

    def grown(self: KVCache, old: torch.Tensor, capacity: int) -> torch.Tensor:
        left[0] -= 1
        if left[0] < 0:
            raise MemoryError
        return grow(self, old, capacity)

    monkeypatch.setattr(KVCache, "_grown", grown)
    with pytest.raises(MemoryError):
        cache.reserve(1000)
    assert cache.capacity == 256
    left[0] = 100
    cache.reserve(1000)
    assert left[0] == 98, "the layers that had grown are not copied again"
    for layer in range(3):
        assert torch.equal(cache.keys[layer][:, :5], numbers + layer)
        assert torch.equal(cache.values[layer][:, :5], -numbers)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9.0 GB)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_every_way_to_say_it(error: BaseException, expected: bool) -> None:
    assert out_of_memory(error) is expected


def test_a_full_card_gives_way_to_the_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The card is a stand-in; that the model then runs on the CPU is real."""
    tiny = write_tiny_gguf(tmp_path / "tiny.gguf")
    build = loading.build

    def full(config: Any, sources: Any, device: torch.device, *rest: Any, **more: Any) -> Generator:
        if device.type != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return (yield from build(config, sources, device, *rest, **more))

    monkeypatch.setattr(loading, "build", full)
    monkeypatch.setattr(loading, "pick_device", lambda _: (torch.device("cuda"), ()))
    engine = run_to_end(loading.load(tiny.path))
    assert engine.device == "cpu"
    assert engine.notices == (Notice("notice.gpu-full"),)
    assert len(engine.decoder.forward([(engine.new_state(), [1, 2, 3])])[0]) == engine.config.vocab_size
    engine.close()


def test_a_card_that_is_there_and_does_not_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    if torch.cuda.is_available():
        pytest.skip("this one computes")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(loading, "_computes", lambda device: False)
    for wish in ("auto", "cuda"):
        device, notices = loading.pick_device(wish)
        assert device.type == "cpu"
        assert notices == (Notice("notice.gpu-missing", {"device": "CUDA"}),)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")
@pytest.mark.parametrize("loads", ["packs", "maps"])
def test_a_loaded_model_takes_little_more_than_its_file(
    starter_gguf: Path, tmp_path: Path, loads: str
) -> None:
    """Counted by the system, mapped files too: the most that was ever in memory, and what stays. The
    vocabulary, of whatever size, is taken off."""
    script = """
import re, sys
from pathlib import Path
import torch
from autogpt_desktop.engine import native
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
native.library()
def most(name):
    return int(re.search(name + r":\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
tokenizer = Tokenizer.from_gguf(read_gguf(sys.argv[1]).metadata)
before = most("VmRSS")
del tokenizer
engine = run_to_end(load(sys.argv[1], device="cpu", context_length=512, packed_cache=Path(sys.argv[2])))
for writer in engine.decoder._writers:
    writer.join()
print(most("VmHWM") - before, most("VmRSS") - before)
engine.close()
"""
    command = [sys.executable, "-W", "ignore", "-c", script, str(starter_gguf), str(tmp_path)]
    for _ in range(1 if loads == "packs" else 2):
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    peak, stays = map(int, done.stdout.split())
    size = starter_gguf.stat().st_size
    assert peak <= 1.3 * size
    assert stays <= 1.3 * size
