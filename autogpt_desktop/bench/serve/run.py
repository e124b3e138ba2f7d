"""The run itself: the server in this process, its clients in another; one and many of them by turns."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from autogpt_desktop.auto import resolve
from autogpt_desktop.bench.speed import machine
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.i18n import tr
from autogpt_desktop.server.app import ServedModel
from autogpt_desktop.server.run import ModelThread, make_server

CLIENTS = 20
_NAME = "model"


def bench_serve(options: argparse.Namespace) -> int:
    """Print tokens a second for one client and for 20 at once, the medians of the repetitions."""
    path = resolve(options.model)
    torch.set_num_threads(options.threads or os.cpu_count() or 1)
    end_ids = _end_ids(path, options.device or "auto")
    models = ModelThread(lambda: ModelPool(lambda _name: path, options.device or "auto"))
    key = secrets.token_urlsafe(16)
    server = make_server(models.service, lambda: [ServedModel(_NAME, _NAME)], key, port=0)
    server.start()
    work = {"url": server.url, "key": key, "model": _NAME, "tokens": options.new_tokens, "end_ids": end_ids}
    try:
        _clients(work | {"clients": 1})  # loads the model
        runs: dict[int, list[dict[str, float]]] = {1: [], CLIENTS: []}
        for number in range(options.repeat):
            print(tr("repetition {n} of {all}", n=number + 1, all=options.repeat), file=sys.stderr)
            for clients, figures in runs.items():
                figures.append(_clients(work | {"clients": clients}))
    finally:
        models.service.stop()
        server.stop()
        models.stop()
    result = _result(path, runs, options.new_tokens)
    print(json.dumps(result, indent=2) if options.json else _table(result))
    return 0


def _end_ids(path: Path, device: str) -> list[int]:
    engine = run_to_end(load(path, device=device))
    ids = sorted(engine.tokenizer.eos_ids)
    engine.close()
    return ids


def _clients(work: dict[str, Any]) -> dict[str, float]:
    command = [sys.executable, "-m", "autogpt_desktop.bench.serve.clients"]
    done = subprocess.run(command, input=json.dumps(work), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _result(path: Path, runs: dict[int, list[dict[str, float]]], tokens: int) -> dict[str, Any]:
    medians = {
        str(clients): {name: statistics.median(run[name] for run in figures) for name in figures[0]}
        for clients, figures in runs.items()
    }
    many, one = medians[str(CLIENTS)]["tokens_per_second"], medians["1"]["tokens_per_second"]
    return {
        "model": path.name,
        "machine": machine.description(),
        "new_tokens": tokens,
        "clients": medians,
        "total_to_one": many / one,
    }


def _table(result: dict[str, Any]) -> str:
    lines = [f"{result['model']}, {tr('{n} tokens each', n=result['new_tokens'])}"]
    for clients, figures in result["clients"].items():
        speed, first = figures["tokens_per_second"], figures["first_text_s"]
        lines.append(
            tr("{n} at once: {speed} tokens a second in all, first text after {first} s",
               n=clients, speed=f"{speed:,.0f}", first=f"{first:.2f}")
        )  # fmt: skip
    lines.append(tr("{times} × one client's rate", times=f"{result['total_to_one']:.1f}"))
    return "\n".join(lines)
