"""How much memory a model takes, measured in a process of its own.

The child notes the largest resident set (VmHWM of /proc, which counts mapped files) stage by stage:
Python, torch and our modules first, then the model's load, then a prompt. A second child holds nothing
but the tokenizer. What remains of the peak is the weights and the work on them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from autogpt_desktop.bench.child import STATUS, module_command, status_mb


def measure_memory(
    path: Path, device: str, threads: int, tokens: int, folder: Path
) -> dict[str, float] | None:
    """Megabytes (10⁶ bytes); None on systems without /proc.

    python_torch_mb, tokenizer_mb, kv_cache_mb, peak_rss_mb of a first load and ``tokens`` of prompt,
    own_peak_mb: what the peak has beyond these three; load_peak_mb, run_peak_mb, second_own_peak_mb: the
    whole process during the load, during the prompt, and own_peak_mb of a second load.
    ``folder``, which is empty, keeps what the first load leaves.
    Raises RuntimeError with what the child printed last.
    """
    if not STATUS.exists():
        return None
    spare = _child("tokenizer", str(path))
    first = _child("engine", str(path), device, str(threads), str(tokens), "first", str(folder))
    second = _child("engine", str(path), device, str(threads), str(tokens), "second", str(folder))
    beside = [each["imports_mb"] + spare["tokenizer_mb"] + each["kv_cache_mb"] for each in (first, second)]
    return {
        "python_torch_mb": first["imports_mb"],
        "tokenizer_mb": spare["tokenizer_mb"],
        "kv_cache_mb": first["kv_cache_mb"],
        "load_peak_mb": first["load_peak_mb"],
        "run_peak_mb": first["run_peak_mb"],
        "peak_rss_mb": max(first["peak_rss_mb"], second["peak_rss_mb"]),
        "own_peak_mb": first["peak_rss_mb"] - beside[0],
        "second_own_peak_mb": second["peak_rss_mb"] - beside[1],
    }


def _child(*arguments: str) -> dict[str, float]:
    command = [*module_command("autogpt_desktop.bench.speed.memory"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _imports(threads: int) -> None:
    """All that any model would need: the modules, the library, torch's threads and its usual operations."""
    import torch

    from autogpt_desktop.engine import native
    from autogpt_desktop.engine.load import load

    assert callable(load)
    torch.set_num_threads(threads)
    native.library()
    (torch.ones(1024, 1024) @ torch.ones(1024, 8)).argmax().item()


def _tokenizer(path: Path) -> dict[str, float]:
    from autogpt_desktop.auto import AutoTokenizer

    _imports(1)
    before = status_mb("VmRSS")
    tokenizer: Any = AutoTokenizer.from_pretrained(path)
    tokenizer.encode("Something to be taken apart.")
    return {"tokenizer_mb": max(0.0, status_mb("VmRSS") - before)}


def _engine(
    path: Path, device: str, threads: int, tokens: int, cached: bool, folder: Path
) -> dict[str, float]:
    from autogpt_desktop.bench.speed.ours import Ours
    from autogpt_desktop.bench.speed.plan import text

    _imports(threads)
    figures = {"imports_mb": status_mb("VmRSS")}
    runner = Ours(path, device, folder)
    runner.load(tokens, cached=cached)
    figures["load_peak_mb"] = status_mb("VmHWM")
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew: proc(5)
    tokens = min(tokens, runner.engine.context_length - 1)
    runner.start()
    runner.read(runner.engine.tokenizer.encode(text(tokens))[:tokens])
    assert runner.state is not None
    figures["kv_cache_mb"] = runner.state.nbytes / 1e6
    figures["run_peak_mb"] = status_mb("VmHWM")
    figures["peak_rss_mb"] = max(figures["load_peak_mb"], figures["run_peak_mb"])
    runner.close()
    return figures


def main() -> None:
    """The children that ``measure_memory`` starts; each prints its figures as JSON."""
    kind, path = sys.argv[1], Path(sys.argv[2])
    if kind == "tokenizer":
        figures = _tokenizer(path)
    else:
        device, threads, tokens, load, folder = sys.argv[3:]
        figures = _engine(path, device, int(threads), int(tokens), load == "second", Path(folder))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
