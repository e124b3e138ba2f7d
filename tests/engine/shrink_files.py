"""A model whose file is cut short, replaced or taken away at one of many moments, in a process of its own.

``python -m tests.engine.shrink_files KIND MODEL FOLDER``: for each moment and way, a fresh copy of MODEL is
loaded and used, and changed meanwhile. Each must end as if nothing had been, or in one known error; after
that a whole file is loaded and answers as before.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from autogpt_desktop import paths
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.load import load
from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine, load_encoder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message
from tests.engine.fuzz_values import without_templates

IDS = list(range(3, 43))


def cut(keep: float) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        file.chmod(0o644)
        os.truncate(file, int(file.stat().st_size * keep))

    return change


def overwritten(file: Path) -> None:
    """As ``cp`` does it: cut to nothing, and written anew with something else of the same length."""
    file.chmod(0o644)
    size = file.stat().st_size
    with file.open("wb") as opened:
        opened.write(b"\x01" * size)


def replaced(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(bytes(file.stat().st_size))
    os.replace(other, file)


WAYS: dict[str, Callable[[Path], None]] = {
    "cut to nothing": cut(0), "cut in the header": cut(0.01), "cut in half": cut(0.5),
    "cut by a bit": cut(0.98), "overwritten": overwritten, "replaced": replaced, "removed": Path.unlink,
}  # fmt: skip


class Moments:
    """Calls ``change`` at the moment with this number; ``count`` moments have come."""

    def __init__(self, at: int, change: Callable[[], None]) -> None:
        self.at, self.change, self.count = at, change, 0

    def __call__(self) -> bool:
        if self.count == self.at:
            self.change()
        self.count += 1
        return False  # as ``cancelled``


def use(path: Path, options: dict[str, Any], moment: Moments) -> torch.Tensor:
    """Load, and two passes; ``moment`` is called between the steps of a load, the layers and the passes."""
    loading = load_encoder(path) if options.get("encoder") else load(path, device="cpu", **options)
    moment()
    while True:
        try:
            next(loading)
        except StopIteration as done:
            engine: Engine | EncoderEngine = done.value
            break
        moment()
    if isinstance(engine, EncoderEngine):
        vectors: list[torch.Tensor] = []
        for text in ("one text", "another one"):
            vectors += [step[1] for step in engine.embed([text], moment) if isinstance(step, tuple)]
            moment()
        return torch.stack(vectors)
    for writer in getattr(engine.decoder, "_writers", []):
        writer.join()
    state = engine.new_state()
    moment()
    try:
        engine.decoder.forward([(state, IDS[:20])], cancelled=moment)
        moment()
        return engine.decoder.forward([(state, IDS[20:])], cancelled=moment)[0]
    finally:
        engine.close()


def file_of(path: Path) -> Path:
    return path / "model.safetensors" if path.is_dir() else path


def main(kind: str, model: Path, folder: Path) -> None:
    without_templates()
    logging.disable(logging.CRITICAL)
    options: dict[str, Any] = {}
    if kind in ("torch", "folder"):
        options["compiled"] = False
    elif kind == "encoder":
        options["encoder"] = True
    elif kind == "packed":
        options["packed_cache"] = folder / "packed"
    work = folder / "work"

    def fresh() -> Path:
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        if model.is_dir():
            shutil.copytree(model, work / model.name)
        else:
            shutil.copy2(model, work)
        return work / model.name

    path = fresh()
    expected = use(path, options, counter := Moments(-1, lambda: None))
    if kind == "packed":  # its own file is what is changed, once it is there
        expected = use(path, options, counter := Moments(-1, lambda: None))
        packed = paths.packed_file(path, folder / "packed")
        good = packed.read_bytes()
    print(f"moments {counter.count}", flush=True)
    for way, change in WAYS.items():
        for at in range(counter.count):
            path = fresh()
            target = file_of(path)
            if kind == "packed":
                packed.unlink(missing_ok=True)
                packed.write_bytes(good)
                target = packed
            print(f"{way} at {at}", end=": ", flush=True)
            try:
                done = torch.equal(use(path, options, Moments(at, lambda: change(target))), expected)  # noqa: B023
                assert done, "other numbers"
                print("as ever", flush=True)
            except KnownError as error:
                assert not message(error).startswith("error.")
                print(error.key, flush=True)
    in_a_pass(fresh, options, expected)
    assert torch.equal(use(fresh(), options, Moments(-1, lambda: None)), expected)
    print("never died", flush=True)


def in_a_pass(fresh: Callable[[], Path], options: dict[str, Any], expected: torch.Tensor) -> None:
    """The file is cut by another thread, whenever it comes to that."""
    for delay in (0.0, 0.001, 0.003, 0.01, 0.02, 0.05):
        path = fresh()
        timer = threading.Timer(delay, cut(0.02), (file_of(path),))
        timer.start()
        print(f"cut after {delay} s", end=": ", flush=True)
        try:
            for _ in range(3):
                use(path, options, Moments(-1, lambda: None))
            print("as ever", flush=True)
        except KnownError as error:
            print(error.key, flush=True)
        timer.join()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
