"""The models that are on this computer: fetched ones, dropped-in ones, registered ones."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autogpt_desktop import atomic, paths
from autogpt_desktop.catalog.entries import CatalogModel, catalog
from autogpt_desktop.catalog.headers import HeaderCache, read_header
from autogpt_desktop.catalog.pack_folder import is_pack
from autogpt_desktop.catalog.receipt import NAME
from autogpt_desktop.catalog.removal import remove_model
from autogpt_desktop.catalog.trained import FILES, trained_models
from autogpt_desktop.engine.formats.adapter_files import adapter_title, base_reference, is_adapter, is_head
from autogpt_desktop.engine.formats.e5_header import is_e5
from autogpt_desktop.engine.formats.pack_files import pack_files
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import file_size

log = logging.getLogger(__name__)
_DEFAULT_NAMES = ("", "autogpt")


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
    kv_rows: int = 0  # that a token adds to the KV cache: layers × 2 × key-value heads
    head_dim: int = 0  # numbers in one of them
    removable: bool = True  # in the user's models folder, or registered by the user
    place: Path | None = None  # where it, or a link to it, lies in the user's models folder
    # or "seq2seq", or an encoder's head: "embedding", "classification", "question_answering"; "labels": a
    # head with the user's own labels
    kind: str = "decoder"
    pairs: tuple[tuple[str, str], ...] = ()  # of a seq2seq model that translates between these alone
    comet: float = 0.0  # of a pack, on FLORES-200; 0: not known
    base: str = ""  # of an adapter: the name of the model that it is loaded with
    base_size: int = 0  # bytes of that
    trained: bool = False  # here, by a run of the Lab

    @property
    def disk_bytes(self) -> int:
        """What it takes on the disk, with the packed weights that are kept of it."""
        return self.size + self.packed_bytes

    @property
    def packed_bytes(self) -> int:
        """What the packed copies of its weights take, which are made anew when they are missing."""
        return sum(map(file_size, paths.packed_files(self.path, paths.packed_dir())))

    def error(self) -> KnownError | None:
        """The problem as an error that can be worded or raised."""
        return KnownError(self.problem, **self.problem_values) if self.problem else None


def installed() -> list[InstalledModel]:
    """Every model in the models folders and every registered one; names are unique."""
    cache = HeaderCache()
    models: dict[str, InstalledModel] = {}
    seen: set[Path] = set()
    for path, entry, removable, place in _places():
        if path in seen:
            continue
        seen.add(path)
        if entry is not None and entry.name in models:
            continue  # the same catalog model in a second folder
        model = replace(_describe(path, entry, cache.header(path), removable), place=place)
        name, number = model.name, 1
        while name in models:
            number += 1
            name = f"{model.name}-{number}"
        models[name] = model if name == model.name else replace(model, name=name)
    for trained in trained_models():
        path = trained.path.resolve()
        if path not in seen and trained.id not in models:
            seen.add(path)
            model = _describe(path, None, cache.header(path), True)
            models[trained.id] = replace(
                model, name=trained.id, title=trained.title, place=trained.path, trained=True
            )
    cache.save()
    for name, model in models.items():
        if model.base:
            models[name] = _on_its_base(model, models.values())
    return list(models.values())


def languages_of(path: Path) -> tuple[str, ...]:
    """The languages, ISO 639-1, that the model at ``path`` knows: by the catalog, else by the file's own
    header or the folder's model card. (): nobody says."""
    model = next((model for model in installed() if model.path == path), None)
    return model.languages if model is not None else tuple(read_header(path)["languages"])


def resolve(name: str) -> Path:
    """The file or folder that ``name`` means: a model's name or a path; "" and "autogpt": the catalog's
    better model or its starter, else the first usable model that writes.

    Raises KnownError: no-model, model-missing.
    """
    if name in _DEFAULT_NAMES:
        usable = [model for model in installed() if not model.problem and model.kind == "decoder"]
        if not usable:
            raise KnownError("no-model")
        first = sorted(catalog().values(), key=lambda entry: (not entry.better, not entry.starter))
        order = {entry.name: place for place, entry in enumerate(first) if entry.better or entry.starter}
        return min(usable, key=lambda model: order.get(model.name, len(order))).path
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


def _is_folder(path: Path) -> bool:
    """Is the folder, not a file in it, the model?"""
    known = os.path.isfile(path / "config.json") or is_e5(path)
    return known or is_pack(path) or is_adapter(path) or is_head(path)


def _path_of_model(path: Path) -> Path | None:
    if os.path.isfile(path):
        return path.resolve()
    if os.path.isdir(path):
        files = sorted(path.glob("*.gguf"))
        if len(files) == 1 and not os.path.isfile(path / "config.json"):
            return files[0].resolve()
        if _is_folder(path):
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
    header = read_header(path)
    if header["problem"]:
        raise KnownError(header["problem"], **header["problem_values"])
    _save_registered([*_registered(), path])
    return next(model for model in installed() if model.path == path)


def remove(name: str) -> None:
    """Delete a model from the user's models folder (of a link: the link), or forget a registered one, whose
    file stays. See ``removal`` for what is left alone.

    Raises KnownError: model-missing, model-not-removable.
    """
    model = find(name)
    if model is None:
        raise KnownError("model-missing", name=name)
    registered = _registered()
    if model.removable:
        _delete_copies(paths.packed_files(model.path, paths.packed_dir()))
    if model.path in registered:
        _save_registered([path for path in registered if path != model.path])
        return
    if not model.removable or model.place is None:
        raise KnownError("model-not-removable", name=model.title, folder=str(model.path.parent))
    if model.trained:
        _remove_trained(model, model.place)
        return
    entry = catalog().get(model.name)
    files = tuple(file.name for file in entry.files) if entry and entry.is_folder else ()
    if is_pack(model.place):
        files = (*pack_files(model.place), NAME)
    try:
        remove_model(model.place, paths.models_dir(), files)
    except OSError as error:
        raise KnownError("model-not-removable", name=model.title, folder=str(model.path.parent)) from error


def _remove_trained(model: InstalledModel, place: Path) -> None:
    """The model goes, its run stays in the Lab's list."""
    try:
        remove_model(place, place.parent, FILES)
    except OSError as error:
        raise KnownError("model-not-removable", name=model.title, folder=str(place)) from error


def remove_language(code: str) -> list[str]:
    """Delete the packs from and into a language; the names of those that went. Raises as ``remove``, and
    KnownError("language-not-installed") where there is none."""
    packs = [model for model in installed() if model.pairs and code in model.languages and model.removable]
    if not packs:
        raise KnownError("language-not-installed", language=code)
    for model in packs:
        remove(model.name)
    return [model.name for model in packs]


def remove_copies(name: str = "") -> int:
    """Delete the packed copies of a model's weights, or of all models'; the bytes that this freed. A model
    in use keeps what it has. Raises KnownError("model-missing")."""
    if not name:
        return _delete_copies(sorted(paths.packed_dir().glob("*.packed")))
    model = find(name)
    if model is None:
        raise KnownError("model-missing", name=name)
    return _delete_copies(paths.packed_files(model.path, paths.packed_dir()))


def _delete_copies(files: list[Path]) -> int:
    freed = 0
    for file in files:
        size = file_size(file)
        try:
            file.unlink(missing_ok=True)
            freed += size
        except OSError as error:  # in use by another window: it goes when the next weights are kept
            log.warning("%s cannot be deleted: %s", file.name, error)
    return freed


# --- where models lie


def _places() -> Iterator[tuple[Path, CatalogModel | None, bool, Path | None]]:
    """(path, catalog entry it is, removable, its place in the user's folder) of all that look like models."""
    entries = catalog().values()
    known = {(entry.name, file.name): entry for entry in entries for file in entry.files}
    folders = {entry.name: entry for entry in entries if entry.is_folder}
    for number, folder in enumerate(paths.model_dirs()):
        for place in _children(folder):
            for path in _models_in(place):
                entry = folders.get(path.name) if path == place else known.get((path.parent.name, path.name))
                yield path.resolve(), entry, number == 0, path if number == 0 else None
    for path in _registered():
        if _is_there(path):
            yield path, None, True, None


def _is_there(path: Path) -> bool:
    return os.path.exists(path)  # False as well in a folder that may not be looked into


def _models_in(place: Path) -> list[Path]:
    if place.suffix == ".gguf" and os.path.isfile(place):
        return [place]
    if os.path.isdir(place):
        if _is_folder(place):
            return [place]
        return [path for path in _children(place) if path.suffix == ".gguf" and os.path.isfile(path)]
    return []


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:  # gone, or not ours to read: then there are no models to offer
        return []


def _registered() -> list[Path]:
    try:
        files = json.loads((paths.data_dir() / "models.json").read_text(encoding="utf-8-sig"))["files"]
        return [Path(file) for file in files if isinstance(file, str) and "\0" not in file]
    except (OSError, ValueError, KeyError, TypeError):  # none registered, or the file is damaged
        return []


def _save_registered(files: list[Path]) -> None:
    value = {"files": [str(file) for file in files]}
    atomic.write_text(paths.data_dir() / "models.json", json.dumps(value), private=True)


# --- what a model says of itself


def _base_name(path: Path) -> str:
    """Of an adapter its base's name, else ""."""
    try:
        return base_reference(path)[1].name if is_adapter(path) or is_head(path) else ""
    except (OSError, ValueError, TypeError, RecursionError):  # its header has said so
        return ""


def _on_its_base(model: InstalledModel, models: Iterable[InstalledModel]) -> InstalledModel:
    """An adapter as what it is together with its base, which must be here."""
    try:
        reference = base_reference(model.path)[1]
    except (OSError, ValueError, TypeError, RecursionError):
        return model
    base = next((one for one in models if not one.base and reference.name in (one.name, str(one.path))), None)
    if base is None and reference.path:
        base = next((one for one in models if not one.base and str(one.path) == reference.path), None)
    if base is None or base.problem:
        values = {"name": model.title, "base": model.base}
        return replace(model, problem=model.problem or "adapter-base-missing", problem_values=values)
    return replace(
        model,
        title=adapter_title(model.title, base.title),
        family=base.family,
        languages=base.languages,
        context=base.context,
        quantization=base.quantization,
        kv_rows=base.kv_rows,
        head_dim=base.head_dim,
        base_size=base.size,
    )


def _describe(
    path: Path, entry: CatalogModel | None, header: dict[str, Any], removable: bool
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
            kv_rows=header["kv_rows"],
            head_dim=header["head_dim"],
            removable=removable,
            kind=header["kind"],
            pairs=tuple((source, target) for source, target in header["pairs"]),
            comet=header["comet"],
            base=_base_name(path),
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
        kv_rows=entry.kv_rows,
        head_dim=entry.head_dim,
        removable=removable,
        kind=entry.kind,
    )
