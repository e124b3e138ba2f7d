"""Models that other programs have fetched to this computer: offered where they lie, never copied."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from autogpt_desktop.catalog.installed import InstalledModel
from autogpt_desktop.engine.formats.split_gguf import is_later_part, split_name
from autogpt_desktop.regular_file import check_regular, file_size, open_regular, read_regular_text

_MOST = 2000  # files or folders that are looked at for each program
_DEEP = 6  # folders inside one another
_ENDS = 1 << 16  # bytes at the beginning and the end of a file that tell it from others
_LEAST = 1 << 20  # bytes: what is smaller holds a vocabulary alone
_LARGEST_MANIFEST = 1 << 20
_MODEL_LAYER = "application/vnd.ollama.image.model"


@dataclass(frozen=True, slots=True)
class FoundModel:
    """``name``: as that program calls it."""

    program: str
    name: str
    path: Path
    size: int


def found_models(installed: Iterable[InstalledModel]) -> list[FoundModel]:
    """What other programs have and the list of models does not, each file once. Reads little of each file;
    never raises."""
    known: dict[int, list[Path]] = {}
    for model in installed:
        known.setdefault(file_size(model.path), []).append(model.path)
    offered = []
    for program, name, path in _candidates():
        try:
            size = check_regular(path).st_size
            if size < _LEAST or any(same_file(path, other) for other in known.get(size, [])):
                continue
            with open_regular(path) as file:
                if file.read(4) != b"GGUF":
                    continue
        except OSError:  # a link that leads nowhere, a file that is not ours to read
            continue
        known.setdefault(size, []).append(path)
        offered.append(FoundModel(program, name, path, size))
    return offered


def same_file(one: Path, other: Path) -> bool:
    """Whether two files of one size hold the same model: told by their beginnings and ends."""
    try:
        return os.path.samefile(one, other) or _ends(one) == _ends(other)
    except OSError:
        return False


def _ends(path: Path) -> bytes:
    size = check_regular(path).st_size
    digest = hashlib.sha256(str(size).encode())
    with open_regular(path) as file:
        digest.update(file.read(_ENDS))
        file.seek(max(0, size - _ENDS))
        digest.update(file.read(_ENDS))
    return digest.digest()


def _candidates() -> Iterator[tuple[str, str, Path]]:
    """(program, name, file) of all that may be models."""
    home = Path.home()
    for folder in (home / ".lmstudio/models", home / ".cache/lm-studio/models"):
        yield from (("LM Studio", _named(path), path) for path in _ggufs(folder))
    for path, name in _ollama(Path(os.environ.get("OLLAMA_MODELS") or home / ".ollama/models")):
        yield "Ollama", name, path
    for folder in (_data(home) / "nomic.ai/GPT4All", home / ".cache/gpt4all"):
        yield from (("GPT4All", _named(path), path) for path in _ggufs(folder))
    for folder in (_data(home) / "Jan/data/llamacpp/models", _data(home) / "Jan/data/models", home / "jan"):
        yield from (("Jan", _named(path), path) for path in _ggufs(folder))
    cache = os.environ.get("HF_HUB_CACHE") or (
        Path(os.environ.get("HF_HOME") or home / ".cache/huggingface") / "hub"
    )
    yield from (("Hugging Face", _named(path), path) for path in _ggufs(Path(cache)))
    yield from (("llama.cpp", _named(path), path) for path in _ggufs(home / ".cache/llama.cpp"))


def _data(home: Path) -> Path:
    """Where programs keep what is the user's on this system."""
    if sys.platform == "darwin":
        return home / "Library/Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData/Local")
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local/share")


def _ggufs(folder: Path) -> list[Path]:
    return sorted(islice(_walk(folder), _MOST))


def _walk(folder: Path) -> Iterator[Path]:
    deepest = len(folder.parts) + _DEEP
    for place, folders, files in os.walk(folder):  # a folder that may not be read is empty for it
        if len(Path(place).parts) >= deepest:
            folders.clear()
        for name in files:
            path = Path(place) / name
            if name.endswith(".gguf") and "mmproj" not in name and not is_later_part(path):
                yield path


def _named(path: Path) -> str:
    """A file's name, or its folder's where all are called alike."""
    parts = split_name(path.name)
    return path.parent.name if path.stem == "model" else parts[0] if parts else path.stem


def _ollama(folder: Path) -> Iterator[tuple[Path, str]]:
    """Ollama's files are called by their hashes; what they are stands in manifests, by name and tag."""
    root = folder / "manifests"
    for place, _, files in islice(os.walk(root), _MOST):
        for tag in sorted(files):
            manifest = Path(place) / tag
            try:
                if check_regular(manifest).st_size > _LARGEST_MANIFEST:
                    continue
                layers = json.loads(read_regular_text(manifest))["layers"]
                digest = next(layer["digest"] for layer in layers if layer["mediaType"] == _MODEL_LAYER)
            except (OSError, ValueError, LookupError, TypeError, StopIteration, RecursionError):
                continue
            if isinstance(digest, str) and digest.replace(":", "").isalnum():
                yield folder / "blobs" / digest.replace(":", "-"), f"{Path(place).name}:{tag}"
