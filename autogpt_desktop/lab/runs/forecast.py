"""What the dial buys, before anything starts: guessed at once, from files' sizes and measured speed."""

from __future__ import annotations

import json
import math
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop import atomic, paths
from autogpt_desktop.documents.files import SUFFIXES
from autogpt_desktop.engine.formats.encoder_config import encoder_config, is_encoder
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.formats.gguf_mapping import config_from_gguf
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.formats.untrusted import untrusted
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.runs.events import Measured
from autogpt_desktop.lab.runs.memory import PROCESS, adapter_bytes, encoder_bytes, new_model_bytes
from autogpt_desktop.lab.runs.shape import CONTEXT, shape_of
from autogpt_desktop.lab.runs.spec import RunSpec

_BYTES, _MOST_TOKENS = 256, 1 << 14  # of a vocabulary
_SPEEDS = "training-speed.json"
_KEPT = 50  # measurements
_OPERATIONS = 6.0  # of one parameter for one token, forward and back (Kaplan et al., 2020)
_PER_CORE = 60e9  # operations a second, where nothing was measured
_TOKENS_PER_PARAMETER = 10.0  # of a run of minutes: half of what large ones see (Hoffmann et al., 2022)
_MOST_EPOCHS = 8.0  # that count: what is read again more often tells little (Muennighoff et al., 2023)
_MICRO_BATCH = 16  # sequences of a new model that go through at a time
_PASS, _EXAMPLE, _ENCODED = (
    1024,
    256,
    4096,
)  # tokens: of a pass of an adapter's, of one example, of an encoder's
_LINES = (".jsonl", ".csv", ".tsv")
_LOOKED, _PER_TOKEN = 1 << 18, 3.3  # bytes of such a file, and of a token
_PARAMETERS = (50_000, 200_000_000)
_SHARE = 0.75  # of the time in which the final model learns; the rest reads, measures and searches
_MOST_FILES = 20_000
# bytes of text in a byte of the file, about
_TEXT_SHARE = {
    ".pdf": 0.08, ".docx": 0.25, ".docm": 0.25, ".pptx": 0.02, ".odt": 0.25, ".epub": 0.5, ".html": 0.4,
    ".htm": 0.4, ".xlsx": 0.8, ".ods": 0.8, ".rtf": 0.5,
}  # fmt: skip
_NEAR = 3.0  # times as many tokens, or as few, at which an earlier run still tells something


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run will come to, about. ``measured``: this machine's speed is known from earlier runs."""

    bytes: int  # of text
    files: int
    tokens_in_data: int
    vocab_size: int
    parameters: int
    tokens_seen: int
    epochs: float
    tokens_per_second: float
    memory: int  # bytes, at the peak
    bits_per_byte: float  # 0: nothing can be said
    measured: bool
    enough: bool  # is there time and text for anything?


def choose_vocab_size(bytes_of_text: int) -> int:
    """Tokens, the end included: a power of two that grows with the text; bytes alone for a small one.

    A token wants to be seen often enough to be learned: with 1,500 bytes for each, one of the rarest is met
    about a hundred times.
    """
    if bytes_of_text < 200_000:
        return _BYTES + 1
    return min(_MOST_TOKENS, 1 << max(9, round(math.log2(bytes_of_text / 1500))))


def forecast(spec: RunSpec, base: Path | None = None) -> Forecast:
    """From the sizes of the files, what earlier runs measured on this machine, and the model at ``base``
    that is built on. Never raises."""
    size, files = _size_of(spec.data.paths)
    vocab = choose_vocab_size(size)
    per_token = 3.3 if vocab > 2000 else 2.4 if vocab > 300 else 1.0  # bytes
    tokens_in_data = int(size / per_token)
    speeds = measured_speeds()
    rate = _rate(speeds)
    seconds = max(0.0, spec.minutes) * 60 * _SHARE
    wanted = (rate * seconds / (_OPERATIONS * _TOKENS_PER_PARAMETER)) ** 0.5
    wanted = min(wanted, _MOST_EPOCHS * tokens_in_data / _TOKENS_PER_PARAMETER)
    parameters = int(min(max(wanted, _PARAMETERS[0]), _PARAMETERS[1]))
    speed = _speed(speeds, parameters)
    seen = int(speed * seconds)
    enough = size >= 2000 and seen >= 20_000
    return Forecast(
        bytes=size,
        files=files,
        tokens_in_data=tokens_in_data,
        vocab_size=vocab,
        parameters=parameters,
        tokens_seen=seen,
        epochs=seen / tokens_in_data if tokens_in_data else 0.0,
        tokens_per_second=speed,
        memory=_memory(spec, vocab, parameters, base),
        bits_per_byte=_bits(seen) if enough and spec.kind == "new" else 0.0,
        measured=bool(speeds),
        enough=enough,
    )


def _bits(tokens_seen: int) -> float:
    """What the earlier run came to that saw about as many tokens; 0: there is none."""
    known = [(max(tokens, tokens_seen) / min(tokens, tokens_seen), bits) for tokens, bits in _results()]
    far, bits = min(known, default=(_NEAR + 1, 0.0))
    return bits if far <= _NEAR else 0.0


def remember_result(tokens_seen: int, bits_per_byte: float) -> None:
    """Keep what a run came to for the next forecast. Never raises."""
    if tokens_seen > 0 and 0 < bits_per_byte < 8:
        _save(measured_speeds(), [*_results(), (tokens_seen, bits_per_byte)])


def remember_speed(measured: Measured) -> None:
    """Keep what a run measured for the next forecast. Never raises."""
    entry = (measured.parameters, measured.tokens_per_second, measured.peak_bytes)
    if measured.parameters > 0 and measured.tokens_per_second > 0:
        _save([*measured_speeds(), entry], _results())


def _save(speeds: list[tuple[int, float, int]], results: list[tuple[int, float]]) -> None:
    values = {"version": 1, "speeds": speeds[-_KEPT:], "results": results[-_KEPT:]}
    with suppress(OSError):
        atomic.write_text(paths.cache_dir() / _SPEEDS, json.dumps(values), private=True)


def _results() -> list[tuple[int, float]]:
    """(tokens seen, bits per byte) of earlier runs."""
    try:
        values = json.loads((paths.cache_dir() / _SPEEDS).read_text(encoding="utf-8"))["results"]
        results = [(int(tokens), float(bits)) for tokens, bits in values]
        return [one for one in results if one[0] > 0 and 0 < one[1] < 8]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return []


def measured_speeds() -> list[tuple[int, float, int]]:
    """(parameters, tokens a second, bytes at the peak) of earlier runs on this machine."""
    try:
        values = json.loads((paths.cache_dir() / _SPEEDS).read_text(encoding="utf-8"))["speeds"]
        speeds = [(int(count), float(speed), int(peak)) for count, speed, peak in values]
        return [one for one in speeds if one[0] > 0 and 0 < one[1] < 1e12]
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return []


def _rate(speeds: list[tuple[int, float, int]]) -> float:
    """Operations a second."""
    rates = sorted(_OPERATIONS * count * speed for count, speed, _ in speeds)
    return rates[len(rates) // 2] if rates else _PER_CORE * (os.cpu_count() or 1)


def _speed(speeds: list[tuple[int, float, int]], parameters: int) -> float:
    """Of the measured models the nearest in size tells."""
    if not speeds:
        return _rate(speeds) / (_OPERATIONS * parameters)
    count, speed, _ = min(speeds, key=lambda one: abs(one[0] / parameters - 1) + abs(parameters / one[0] - 1))
    return speed * count / parameters


def _memory(spec: RunSpec, vocab_size: int, parameters: int, base: Path | None) -> int:
    """Bytes at the peak; 0: it cannot be said, of a model that cannot be read."""
    if spec.kind == "new":
        config = shape_of(vocab_size, parameters)
        return PROCESS + new_model_bytes(config, context=CONTEXT, micro_batch=_MICRO_BATCH)
    if base is None:
        return 0
    try:
        if os.path.isdir(base) and is_encoder(base):
            layers = {"embed": 2, "answer": encoder_config(base).num_hidden_layers}.get(spec.task, 0)
            return PROCESS + encoder_bytes(encoder_config(base), tokens=_ENCODED, layers=layers)
        with untrusted(base.name):
            config = config_from_folder(base) if os.path.isdir(base) else config_from_gguf(read_gguf(base))
        if spec.kind == "head":
            return PROCESS + base.stat().st_size
        length = _example_tokens(spec.data.paths)
        passes = [[(length, length)] * max(1, _PASS // length)]
        return PROCESS + adapter_bytes(
            config, passes, size=_frozen_size(), rank=16, keep=True, recompute=False
        )
    except (KnownError, OSError, ValueError):
        return 0


def _example_tokens(places: tuple[str, ...]) -> int:
    """About, of an example: of lines as the first file with lines has them, of pieces of plain text."""
    for place in places:
        with suppress(OSError, ValueError):
            if place.lower().endswith(_LINES):
                with open(Path(place).expanduser(), "rb") as file:
                    lines = file.read(_LOOKED).splitlines()[:-1]
                if lines:
                    mean = sum(map(len, lines)) / len(lines) / _PER_TOKEN
                    return int(min(_PASS, max(16.0, mean)))
    return _EXAMPLE


def _frozen_size() -> int:
    """Bytes of a weight of the base while an adapter learns: 2 where the processor multiplies bfloat16."""
    with suppress(OSError):
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        if "amx_bf16" in flags or "avx512_bf16" in flags:
            return 2
    return 4


def _size_of(places: tuple[str, ...]) -> tuple[int, int]:
    """(bytes of text about, files)."""
    size = files = 0
    for place in places:
        root = Path(place).expanduser()
        with suppress(OSError, ValueError):
            if os.path.isfile(root):
                size, files = size + _text_bytes(root.name, root.stat().st_size), files + 1
        for folder, folders, names in os.walk(root) if "\0" not in place else ():
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                if files >= _MOST_FILES:
                    return size, files
                if os.path.splitext(name)[1].lower() in SUFFIXES and not name.startswith("."):
                    with suppress(OSError):
                        status = os.stat(os.path.join(folder, name), follow_symlinks=False)
                        size, files = size + _text_bytes(name, status.st_size), files + 1
    return size, files


def _text_bytes(name: str, size: int) -> int:
    return int(size * _TEXT_SHARE.get(os.path.splitext(name)[1].lower(), 1.0))
