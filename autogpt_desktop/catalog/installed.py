"""The models that are on this computer: fetched ones, dropped-in ones, registered ones.

Headers are read through ``engine.gguf`` and remembered by size and modification time, so that
listing the models costs a few ``stat`` calls and never loads torch.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop import paths
from autogpt_desktop.catalog.catalogue import CatalogueModel, catalogue
from autogpt_desktop.catalog.transfer import file_size
from autogpt_desktop.errors import KnownError

if TYPE_CHECKING:
    from autogpt_desktop.engine.gguf import GGUFFile

log = logging.getLogger(__name__)
_CACHE_VERSION = 2
_DEFAULT_NAMES = ("", "autogpt")

# llama.cpp's numbers for the mix of types in a file (``general.file_type``)
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K",
    11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S",
    17: "Q5_K_M", 18: "Q6_K", 21: "Q2_K_S", 32: "BF16",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model on this computer. ``problem`` is the key of the error that makes it unusable."""

    name: str
    title: str
    path: Path  # a .gguf file or a Hugging Face folder
    size: int  # bytes
    family: str
    languages: tuple[str, ...]  # ISO 639-1; empty: not known
    context: int  # tokens; 0: not known
    quantization: str
    problem: str | None = None
    problem_values: dict[str, Any] = field(default_factory=dict)
    kv_bytes_per_token: int = 0
    removable: bool = True  # in the user's models folder, or registered by the user
    kind: str = "decoder"  # or an encoder's head: "embedding", "classification", "question_answering"

    @property
    def disk_bytes(self) -> int:
        """What it takes on the disk, with the packed weights that are kept of it."""
        packed = paths.packed_file(self.path, paths.packed_dir())
        return self.size + (packed.stat().st_size if packed.is_file() else 0)

    def error(self) -> KnownError | None:
        """The problem as an error that can be worded or raised."""
        return KnownError(self.problem, **self.problem_values) if self.problem else None


def installed() -> list[InstalledModel]:
    """Every model in the models folders and every registered one; names are unique."""
    cache = _HeaderCache()
    models: dict[str, InstalledModel] = {}
    seen: set[Path] = set()
    for path, entry, removable in _places():
        if path in seen:
            continue
        seen.add(path)
        if entry is not None and entry.name in models:
            continue  # the same catalogue model in a second folder
        model = _describe(path, entry, cache.header(path), removable)
        name, number = model.name, 1
        while name in models:
            number += 1
            name = f"{model.name}-{number}"
        models[name] = model if name == model.name else _renamed(model, name)
    cache.save()
    return list(models.values())


def resolve(name: str) -> Path:
    """The file or folder that ``name`` means: a model's name or a path; "" and "autogpt": the
    starter, else the first usable model that writes.

    Raises KnownError: no-model, model-missing.
    """
    if name in _DEFAULT_NAMES:
        usable = [model for model in installed() if not model.problem and model.kind == "decoder"]
        if not usable:
            raise KnownError("no-model")
        starters = {entry.name for entry in catalogue().values() if entry.starter}
        return next((model for model in usable if model.name in starters), usable[0]).path
    for model in installed():
        if model.name == name:
            return model.path
    try:
        path = _path_of_model(Path(name).expanduser())
    except (OSError, RuntimeError, ValueError):  # not allowed there, too long, no such user, a zero in it
        path = None
    if path is None:
        raise KnownError("model-missing", name=name[:200])
    return path


def _path_of_model(path: Path) -> Path | None:
    if path.is_file():
        return path.resolve()
    if path.is_dir():
        files = sorted(path.glob("*.gguf"))
        if len(files) == 1 and not (path / "config.json").is_file():
            return files[0].resolve()
        if (path / "config.json").is_file():
            return path.resolve()
    return None


def find(name: str) -> InstalledModel | None:
    """The installed model of that name."""
    return next((model for model in installed() if model.name == name), None)


def add(path: Path | str) -> InstalledModel:
    """Register a model elsewhere on disk without copying it.

    Raises KnownError when it cannot be read as a model; nothing is registered then.
    """
    path = resolve(str(Path(path).expanduser().absolute()))
    for model in installed():
        if model.path == path:
            if error := model.error():
                raise error
            return model
    header = _header(path)
    if header["problem"]:
        raise KnownError(header["problem"], **header["problem_values"])
    _save_registered([*_registered(), path])
    return next(model for model in installed() if model.path == path)


def remove(name: str) -> None:
    """Delete a model from the user's models folder, or forget a registered one (its file stays).

    Raises KnownError: model-missing, model-not-removable.
    """
    model = find(name)
    if model is None:
        raise KnownError("model-missing", name=name)
    registered = _registered()
    if model.removable:
        _forget_packed(model.path)
    if model.path in registered:
        _save_registered([path for path in registered if path != model.path])
        return
    if not model.removable:
        raise KnownError("model-not-removable", name=model.title, folder=str(model.path.parent))
    try:
        if model.path.is_dir():
            shutil.rmtree(model.path)
            return
        model.path.unlink()
        folder = model.path.parent
        if folder != paths.models_dir().resolve():
            left = list(folder.iterdir())
            if all(path.name == ".lock" or path.suffix == ".part" for path in left):
                shutil.rmtree(folder)
    except OSError as error:
        raise KnownError("model-not-removable", name=model.title, folder=str(model.path.parent)) from error


def _forget_packed(model: Path) -> None:
    file = paths.packed_file(model, paths.packed_dir())
    try:
        file.unlink(missing_ok=True)
    except OSError as error:  # in use by another window: it goes when the next weights are kept
        log.warning("%s cannot be deleted: %s", file.name, error)


# --- where models lie


def _places() -> Iterator[tuple[Path, CatalogueModel | None, bool]]:
    """(path, catalogue entry it is, removable) of everything that looks like a model."""
    entries = catalogue().values()
    known = {(entry.name, file.name): entry for entry in entries for file in entry.files}
    folders = {entry.name: entry for entry in entries if entry.is_folder}
    for number, folder in enumerate(paths.model_dirs()):
        for place in _children(folder):
            for path in _models_in(place):
                entry = folders.get(path.name) if path == place else known.get((path.parent.name, path.name))
                yield path.resolve(), entry, number == 0
    for path in _registered():
        if path.exists():
            yield path, None, True


def _models_in(place: Path) -> list[Path]:
    if place.suffix == ".gguf" and place.is_file():
        return [place]
    if place.is_dir():
        if (place / "config.json").is_file():
            return [place]
        return [path for path in _children(place) if path.suffix == ".gguf" and path.is_file()]
    return []


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:  # gone, or not ours to read: then there are no models to offer
        return []


def _registered() -> list[Path]:
    try:
        files = json.loads((paths.data_dir() / "models.json").read_text(encoding="utf-8"))["files"]
        return [Path(file) for file in files]
    except (OSError, ValueError, KeyError, TypeError):  # none registered, or the file is damaged
        return []


def _save_registered(files: list[Path]) -> None:
    _write_json(paths.data_dir() / "models.json", {"files": [str(file) for file in files]})


def _write_json(path: Path, value: Any) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


# --- what a model says of itself


def _describe(
    path: Path, entry: CatalogueModel | None, header: dict[str, Any], removable: bool
) -> InstalledModel:
    problem, values = header["problem"], header["problem_values"]
    if entry is None:
        return InstalledModel(
            name=path.stem if path.suffix == ".gguf" else path.name,
            title=header["title"] or (path.stem if path.suffix == ".gguf" else path.name),
            path=path,
            size=header["size"],
            family=header["family"],
            languages=tuple(header["languages"]),
            context=header["context"],
            quantization=header["quantization"],
            problem=problem,
            problem_values=values,
            kv_bytes_per_token=header["kv_bytes_per_token"],
            removable=removable,
            kind=header["kind"],
        )
    size = header["size"]
    if entry.is_folder:
        size = sum(file_size(path / file.name) for file in entry.files)
    if not problem and size != entry.size:
        problem, values = "model-damaged", {"name": entry.title}
    return InstalledModel(
        name=entry.name,
        title=entry.title,
        path=path,
        size=size,
        family=entry.family,
        languages=entry.languages,
        context=entry.context,
        quantization=entry.quantization,
        problem=problem,
        problem_values=values,
        kv_bytes_per_token=entry.kv_bytes_per_token,
        removable=removable,
        kind=entry.kind,
    )


def _renamed(model: InstalledModel, name: str) -> InstalledModel:
    return InstalledModel(
        **{key: getattr(model, key) for key in InstalledModel.__slots__ if key != "name"}, name=name
    )


@dataclass(slots=True)
class _Header:
    """What is worth remembering of a model's header."""

    size: int = 0
    title: str = ""
    family: str = ""
    languages: tuple[str, ...] = ()
    context: int = 0
    quantization: str = ""
    kv_bytes_per_token: int = 0
    kind: str = "decoder"
    problem: str | None = None
    problem_values: dict[str, Any] = field(default_factory=dict)


class _HeaderCache:
    """Headers by path, size and modification time, kept in a file of the cache folder."""

    def __init__(self) -> None:
        self._path = paths.cache_dir() / "model-headers.json"
        self._changed = False
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            self._entries: dict[str, Any] = {}
            if stored["version"] == _CACHE_VERSION:
                self._entries = dict(stored["entries"])
        except (OSError, ValueError, KeyError, TypeError):  # absent or damaged: read the headers again
            self._entries = {}

    def header(self, path: Path) -> dict[str, Any]:
        stamp = _stamp(path)
        entry = self._entries.get(str(path))
        if entry is None or entry["stamp"] != stamp:
            entry = {"stamp": stamp, "header": _header(path)}
            self._entries[str(path)] = entry
            self._changed = True
        header: dict[str, Any] = entry["header"]
        return header

    def save(self) -> None:
        if not self._changed:
            return
        entries = {path: entry for path, entry in self._entries.items() if os.path.exists(path)}
        try:
            _write_json(self._path, {"version": _CACHE_VERSION, "entries": entries})
        except OSError:  # a read-only or full disk: it is only a cache
            return


def _stamp(path: Path) -> list[int]:
    target = path / "config.json" if path.is_dir() else path
    try:
        status = target.stat()
    except OSError:
        return [0, 0]
    return [status.st_size, status.st_mtime_ns]


def _header(path: Path) -> dict[str, Any]:
    try:
        header = _folder_header(path) if path.is_dir() else _gguf_header(path)
    except KnownError as error:
        size = _folder_size(path) if path.is_dir() else path.stat().st_size if path.exists() else 0
        # Values are for a sentence: as text they survive the cache.
        values = {key: str(value) for key, value in error.values.items()}
        header = _Header(size=size, problem=error.key, problem_values=values)
    return asdict(header)


def _gguf_header(path: Path) -> _Header:
    # here, because numpy comes with them: remembered headers are listed before the window shows
    from autogpt_desktop.engine.gguf import read_gguf
    from autogpt_desktop.engine.gguf_names import config_from_gguf

    file = read_gguf(path)
    config = config_from_gguf(file)
    return _Header(
        size=path.stat().st_size,
        title=config.name,
        family=config.family,
        languages=config.languages,
        context=config.max_position_embeddings,
        quantization=_quantization(file),
        kv_bytes_per_token=config.num_hidden_layers * 2 * config.num_key_value_heads * config.head_dim * 4,
    )


def _quantization(file: GGUFFile) -> str:
    """The mix that llama.cpp noted, else the type that most of the bytes have."""
    number = file.metadata.get("general.file_type")
    if isinstance(number, int) and number in _FILE_TYPES:
        return _FILE_TYPES[number]
    totals: dict[str, int] = {}
    for tensor in file.tensors.values():
        totals[tensor.type] = totals.get(tensor.type, 0) + tensor.nbytes
    return max(totals, key=lambda kind: totals[kind], default="")


def _folder_header(path: Path) -> _Header:
    """A Hugging Face folder: config.json and safetensors files."""
    from autogpt_desktop.engine.encoder_config import encoder_config, is_encoder  # see _gguf_header
    from autogpt_desktop.engine.folder_config import config_from_folder

    if not any(path.glob("*.safetensors")):
        raise KnownError("model-folder-unreadable", name=path.name)
    if is_encoder(path):
        encoder = encoder_config(path)
        return _Header(
            size=_folder_size(path),
            title=path.name,
            family=encoder.family,
            languages=encoder.languages,
            context=encoder.max_tokens,
            kind=encoder.head,
        )
    config = config_from_folder(path)
    raw = json.loads((path / "config.json").read_text(encoding="utf-8"))
    return _Header(
        size=_folder_size(path),
        title=path.name,
        family=config.family,
        context=config.max_position_embeddings,
        quantization=str(raw.get("torch_dtype") or raw.get("dtype") or "")[:20],
        kv_bytes_per_token=config.num_hidden_layers * 2 * config.num_key_value_heads * config.head_dim * 4,
    )


def _folder_size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.glob("*.safetensors"))
