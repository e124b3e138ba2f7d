"""The run itself: repetitions in turn, medians, and what follows from them."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from autogpt_desktop.auto import resolve
from autogpt_desktop.bench.quality.run import quality
from autogpt_desktop.bench.serve.run import bench_serve
from autogpt_desktop.bench.speed import flops, machine
from autogpt_desktop.bench.speed.bandwidth import read_bandwidth
from autogpt_desktop.bench.speed.memory import measure_memory
from autogpt_desktop.bench.speed.ours import Ours
from autogpt_desktop.bench.speed.peers import Peer, chosen, peers
from autogpt_desktop.bench.speed.plan import BATCH_PROMPT, Plan, Runner, measure, measure_contexts, text
from autogpt_desktop.bench.speed.table import table
from autogpt_desktop.bench.train.run import bench_train
from autogpt_desktop.bench.translate.run import bench_translate
from autogpt_desktop.bench.window import run as window
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import Settings

Figures = dict[str, float]
_SECONDS = ("load_s", "second_load_s")  # the others are speeds
_MEMORY_TOKENS = 512


def bench(options: argparse.Namespace) -> int:
    """Measure one installed model and print a table, or JSON; "quality" measures the tasks instead,
    "translate" translation packs, "train" training, "serve" the server for other programs.

    Raises KnownError.
    """
    if options.name == "quality":
        return quality(options)
    if options.name == "train":
        return bench_train(options)
    if options.name == "translate":
        return bench_translate(options)
    if options.name == "serve":
        return bench_serve(options)
    path = resolve(options.name or options.model)
    device = options.device or Settings.load().device
    if options.window:
        measured = window.run(path, device, options.limit)
        print(json.dumps(measured, indent=2) if options.json else window.table(measured))
        return 0
    names = chosen(options.vs, path)
    threads = options.threads or os.cpu_count() or 1
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory(prefix="autogpt-desktop-bench-") as folder:
        result = Bench(path, device, threads, options, names, Path(folder)).run()
    print(json.dumps(result, indent=2) if options.json else table(result))
    return 0


class Bench:
    """One model, our engine and its peers. ``folder`` takes what is made for this run alone."""

    def __init__(
        self,
        path: Path,
        device: str,
        threads: int,
        options: argparse.Namespace,
        names: Sequence[str],
        folder: Path,
    ) -> None:
        self.path, self.threads, self.repeat = path, threads, options.repeat
        self.folder = folder
        self.ours = Ours(path, device, folder / "packed")
        self.batches = tuple(dict.fromkeys((*options.batches, 16)))
        self.noise: list[dict[str, Any]] = []
        self.plan, self.ids = self._plan(options)
        self.peers = self._peers(names, folder)

    def _peers(self, names: Sequence[str], folder: Path) -> list[Peer]:
        if names:
            _tell(tr("preparing: {names}", names=", ".join(names)))
        return peers(names, self.path, self.device, self.threads, folder)

    def _plan(self, options: argparse.Namespace) -> tuple[Plan, list[int]]:
        """Sizes that the model's context allows, and the tokens of the whole run."""
        self.ours.load(0, cached=True)
        engine = self.ours.engine
        self.config, self.device = engine.config, engine.device
        room = engine.context_length - options.new_tokens * (1 + len(options.contexts))
        plan = Plan(
            max(1, min(options.prompt_tokens, room)),
            options.new_tokens,
            self.batches,
            tuple(sorted({max(1, min(context, room)) for context in options.contexts})),
        )
        count = max(plan.prompt_tokens, *plan.contexts, BATCH_PROMPT + max(self.batches))
        ids = engine.tokenizer.encode(text(count + 64))[:count]
        self.ours.close()
        return plan, ids

    def run(self) -> dict[str, Any]:
        """Every figure: see the package."""
        load_average = machine.load_average()
        bandwidth = read_bandwidth(self.device, self.threads)
        medians, info = self.repetitions()
        contexts = self._contexts()
        _tell(tr("memory"))
        memory = measure_memory(self.path, self.device, self.threads, _MEMORY_TOKENS, self.folder / "memory")
        # the limit is what the memory did at its best, also behind the runs
        bandwidth = max(bandwidth, read_bandwidth(self.device, self.threads))
        ours = medians.pop(self.ours.name)
        size = file_bytes(self.path)
        result: dict[str, Any] = {
            "model": self.path.name,
            "device": self.device,
            "device_name": device_name(self.device),
            "threads": self.threads,
            "machine": machine.description(),
            "prompt_tokens": self.plan.prompt_tokens,
            "new_tokens": self.plan.new_tokens,
            "repeat": self.repeat,
            "file_mb": size / 1e6,
            **ours,
            **self._rates(ours),
            "bandwidth_gbps": bandwidth / 1e9,
            "bytes_per_token": info["bytes_per_token"],
            "decode_share": info["bytes_per_token"] * ours["decode_tps"] / bandwidth,
            "weights_mb": info["weights"] / 1e6,
            "weights_to_file": info["weights"] / size,
            "peak_rss_mb": memory["peak_rss_mb"] if memory else peak_rss_mb(),
            "memory": memory,
            "contexts": contexts.get(self.ours.name, {}),
            "load_average": load_average,
            "noise": self.noise,
        }
        if memory:
            own = max(memory["own_peak_mb"], memory["second_own_peak_mb"])
            memory["own_to_file"] = own * 1e6 / size
        result["peers"] = [self.column(peer, medians, contexts, ours) for peer in self.peers]
        return result

    def repetitions(self) -> tuple[dict[str, Figures], dict[str, int]]:
        """The median figures of every runner by name, and bytes of our weights."""
        runners: list[Runner] = [self.ours, *(r for peer in self.peers for r in peer.runners.values())]
        runs: dict[str, list[Figures]] = {runner.name: [] for runner in runners}
        info: dict[str, int] = {}
        for number in range(self.repeat):
            # every other time the other way round: nobody always runs on a warm machine
            for runner in runners if number % 2 == 0 else reversed(runners):
                count = {"n": number + 1, "total": self.repeat}
                _tell(tr("run {n} of {total}", **count) + f": {runner.name}")
                watch = machine.Watch()
                try:
                    figures = measure(runner, self.plan, self.ids)
                    if runner is self.ours:
                        prompt = self.ids[: self.plan.prompt_tokens]
                        figures |= self.ours.panels(prompt, self.plan.new_tokens)
                        info["bytes_per_token"] = self.ours.matrix_bytes()
                        info["weights"] = self.ours.engine.weight_bytes
                finally:
                    runner.close()
                self._note(f"{number + 1} {runner.name}", watch.stop())
                runs[runner.name].append(figures)
        return {
            name: {key: statistics.median(run[key] for run in each) for key in each[0]}
            for name, each in runs.items()
        }, info

    def _note(self, run: str, noise: machine.Noise | None) -> None:
        if noise is not None and noise.noisy:
            self.noise.append({"run": run, **dataclasses.asdict(noise)})

    def _contexts(self) -> dict[str, dict[str, Figures]]:
        """By runner; of peers with several files the first one's."""
        found: dict[str, dict[str, Figures]] = {}
        if not self.plan.contexts:
            return found
        for runner in (self.ours, *(next(iter(peer.runners.values())) for peer in self.peers)):
            _tell(tr("long contexts") + f": {runner.name}")
            watch = machine.Watch()
            found[runner.name] = measure_contexts(runner, self.plan, self.ids)
            self._note(f"contexts {runner.name}", watch.stop())
        return found

    def _rates(self, ours: Figures) -> Figures:
        """The arithmetic of each speed, in 10⁹ operations per second."""
        plan, c = self.plan, self.config
        prefill = flops.prefill_ops(c, plan.prompt_tokens) / plan.prompt_tokens * ours["prefill_tps"]
        decode = flops.decode_ops(c, plan.prompt_tokens, plan.new_tokens) / plan.new_tokens
        rates = {"prefill_gops": prefill / 1e9, "decode_gops": decode * ours["decode_tps"] / 1e9}
        start = min(BATCH_PROMPT, max(1, len(self.ids) // 2))
        each = flops.decode_ops(c, start, plan.new_tokens) / plan.new_tokens
        for size in self.batches:
            rates[f"batch{size}_gops"] = each * ours[f"batch{size}_tps"] / 1e9
        rates["batch16_share"] = rates["batch16_gops"] / rates["prefill_gops"]
        return rates

    def column(
        self, peer: Peer, medians: dict[str, Figures], contexts: dict[str, Any], ours: Figures
    ) -> dict[str, Any]:
        """A peer's entry: of several files the best one's, figure by figure."""
        each = {kind: medians[runner.name] for kind, runner in peer.runners.items()}
        keys = next(iter(each.values()))
        best = {
            key: (min if key in _SECONDS else max)(each, key=lambda kind: each[kind][key]) for key in keys
        }
        column: dict[str, Any] = {"name": peer.name, "version": peer.version}
        column |= {key: each[kind][key] for key, kind in best.items()}
        if len(each) > 1:
            column["files"] = best
            column["each"] = each
        first = next(iter(peer.runners.values()))
        column["contexts"] = contexts.get(first.name, {})
        column["ratios"] = {key: ours[key] / column[key] for key in keys if column[key]}
        return column


def file_bytes(path: Path) -> int:
    """Size of the model's weights on disk."""
    files = path.glob("*.safetensors") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def device_name(device: str) -> str:
    """The card's name, or the processor's."""
    if device == "cuda":
        return str(torch.cuda.get_device_name())
    return machine.description().partition(", ")[0]


def peak_rss_mb() -> float:
    """Largest resident memory of this process so far, Python and torch included; 0 where unknown."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
