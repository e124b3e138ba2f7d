"""The peers by the names of ``--vs``."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop.bench.speed.plan import Runner
from autogpt_desktop.errors import KnownError

LLAMA, BEST, TRANSFORMERS, NONE = "llama-cpp-python", "llama-cpp-python:best", "transformers", "none"
NAMES = (LLAMA, BEST, TRANSFORMERS, NONE)
_MODULES = {LLAMA: "llama_cpp", BEST: "llama_cpp", TRANSFORMERS: "transformers"}


@dataclass(frozen=True)
class Peer:
    """A column of the result: one runner, or several of which the best counts, figure by figure.

    ``runners`` by what distinguishes them: the type of their file, or "".
    """

    name: str
    version: str
    runners: dict[str, Runner]


def chosen(names: Sequence[str], path: Path) -> list[str]:
    """What ``--vs`` asks for, each once; without it llama-cpp-python where it can run the model.

    Raises KnownError: bench-peer-missing, bench-peer-folder.
    """
    if NONE in names:
        return []
    if not names:
        return [LLAMA] if installed(LLAMA) and not path.is_dir() else []
    for name in names:
        if not installed(name):
            raise KnownError("bench-peer-missing", name=name.partition(":")[0])
        if path.is_dir() and name != TRANSFORMERS:
            raise KnownError("bench-peer-folder", name=LLAMA, folder=path.name)
    return list(dict.fromkeys(names))


def installed(name: str) -> bool:
    return importlib.util.find_spec(_MODULES[name]) is not None


def peers(names: Iterable[str], path: Path, device: str, threads: int, folder: Path) -> list[Peer]:
    """The peers themselves. ``folder`` takes files that are made for them. Raises KnownError."""
    made = []
    for name in names:
        if name == TRANSFORMERS:
            from autogpt_desktop.bench.speed import transformers_peer

            made.append(
                Peer(name, transformers_peer.VERSION, {"": transformers_peer.Transformers(path, device)})
            )
            continue
        from autogpt_desktop.bench.speed import llama_cpp

        if name == BEST:
            files = llama_cpp.requantized(path, folder, threads)
            runners: dict[str, Runner] = {t: llama_cpp.LlamaCpp(f, threads, f"{LLAMA} {t}") for t, f in files}
        else:
            runners = {"": llama_cpp.LlamaCpp(path, threads)}
        made.append(Peer(name, llama_cpp.VERSION, runners))
    return made
