"""``autogpt-desktop bench``: load time, prefill and decode speed and memory, beside a named peer.

Ours and llama-cpp-python's runs alternate within one process, on the same file with the same number of
threads, and the median of the repetitions counts: these figures mean something as ratios only.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from autogpt_desktop import bench_window
from autogpt_desktop.auto import resolve
from autogpt_desktop.engine.engine import Engine
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import Settings

_TEXT = (
    "A library is a room with a long memory. People come in from the rain, hang up their coats and ask "
    "for a book they read as children, and somebody who knows the shelves goes to look for it. "
)


def bench(options: argparse.Namespace) -> int:
    """Measure one installed model and print a table, or JSON."""
    path = resolve(options.model)
    device = options.device or Settings.load().device
    if options.window:
        measured = bench_window.run(path, device)
        print(json.dumps(measured, indent=2) if options.json else bench_window.table(measured))
        return 0
    threads = options.threads or os.cpu_count() or 1
    torch.set_num_threads(threads)
    runs: dict[str, list[dict[str, float]]] = {}
    peer = peer_runner(path, threads)
    info: dict[str, Any] = {}
    for number in range(options.repeat):
        print(tr("run {n} of {total}", n=number + 1, total=options.repeat), file=sys.stderr)
        figures, info = measure(path, device, options.prompt_tokens, options.new_tokens)
        runs.setdefault("autogpt-desktop", []).append(figures)
        if peer is not None:
            runs.setdefault("llama-cpp-python", []).append(peer(options.prompt_tokens, options.new_tokens))
    medians = {
        name: {key: statistics.median(run[key] for run in each) for key in each[0]}
        for name, each in runs.items()
    }
    ours = medians.pop("autogpt-desktop")
    result = {
        "model": path.name,
        "threads": threads,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "prompt_tokens": options.prompt_tokens,
        "new_tokens": options.new_tokens,
        "file_mb": _size(path) / 1e6,
        **info,
        **ours,
        "peak_rss_mb": peak_rss_mb(),
        "peers": [{"name": name, **figures} for name, figures in medians.items()],
    }
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print(table(result))
    return 0


def measure(
    path: Path, device: str, prompt_tokens: int, new_tokens: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """One run of our engine: seconds and tokens per second, and what the model takes."""
    started = time.perf_counter()
    engine = run_to_end(load(path, device=device))
    loaded = time.perf_counter()
    try:
        ids = prompt(engine, prompt_tokens)
        state = engine.new_state()
        engine.decoder.forward([(engine.new_state(), ids[:8])])  # first calls set up their workspaces
        began = time.perf_counter()
        for step in engine.prefill(state, ids):
            logits = step
        prefilled = time.perf_counter()
        assert isinstance(logits, torch.Tensor)
        for _ in range(new_tokens):
            logits = engine.decoder.forward([(state, [int(logits.argmax())])])[0]
        ended = time.perf_counter()
        figures = {
            "load_s": loaded - started,
            "prefill_tps": len(ids) / (prefilled - began),
            "decode_tps": new_tokens / (ended - prefilled),
        }
        info = {
            "device": engine.device,
            "weights_mb": engine.weight_bytes / 1e6,
            "weights_to_file": engine.weight_bytes / _size(path),
            "kv_cache_mb": state.nbytes / 1e6,
        }
        return figures, info
    finally:
        engine.close()


def prompt(engine: Engine, tokens: int) -> list[int]:
    """That many token ids of plain English."""
    text = _TEXT * (tokens // 20 + 2)
    return engine.tokenizer.encode(text)[: min(tokens, engine.context_length - 1)]


def peer_runner(path: Path, threads: int) -> Callable[[int, int], dict[str, float]] | None:
    """The same run by llama-cpp-python; None where it is not installed or the model is no GGUF file."""
    if path.is_dir() or importlib.util.find_spec("llama_cpp") is None:
        return None
    import llama_cpp  # type: ignore[import-not-found, unused-ignore]

    def run(prompt_tokens: int, new_tokens: int) -> dict[str, float]:
        started = time.perf_counter()
        model = llama_cpp.Llama(
            str(path),
            n_ctx=prompt_tokens + new_tokens + 8,
            n_threads=threads,
            n_threads_batch=threads,
            n_batch=512,
            verbose=False,
        )
        loaded = time.perf_counter()
        ids = model.tokenize((_TEXT * (prompt_tokens // 20 + 2)).encode())[:prompt_tokens]
        model.eval(ids[:8])
        model.reset()
        began = time.perf_counter()
        model.eval(ids)
        prefilled = time.perf_counter()
        token = ids[-1]
        for _ in range(new_tokens):
            model.eval([token])
            token = int(model.sample(temp=0.0))
        ended = time.perf_counter()
        model.close()
        return {
            "load_s": loaded - started,
            "prefill_tps": len(ids) / (prefilled - began),
            "decode_tps": new_tokens / (ended - prefilled),
        }

    return run


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, Python and torch included; 0 where unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _size(path: Path) -> int:
    files = path.glob("*.safetensors") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    rows = [
        ("load_s", tr("load, s")),
        ("prefill_tps", tr("prefill, tokens/s")),
        ("decode_tps", tr("decode, tokens/s")),
    ]
    peers = result["peers"]
    lines = [
        f"{result['model']}  {result['device']}  {result['threads']} threads  {result['machine']}",
        f"{'':<22}{'autogpt-desktop':>18}" + "".join(f"{peer['name']:>20}{tr('ratio'):>9}" for peer in peers),
    ]
    for key, label in rows:
        line = f"{label:<22}{result[key]:>18.2f}"
        for peer in peers:
            line += f"{peer[key]:>20.2f}{result[key] / peer[key]:>9.2f}"
        lines.append(line)
    lines.append(
        tr(
            "weights {weights:.0f} MB in memory for a file of {file:.0f} MB ({ratio:.2f} ×), "
            "KV cache {cache:.0f} MB, peak {peak:.0f} MB with Python and torch",
            weights=result["weights_mb"],
            file=result["file_mb"],
            ratio=result["weights_to_file"],
            cache=result["kv_cache_mb"],
            peak=result["peak_rss_mb"],
        )
    )
    return "\n".join(lines)
