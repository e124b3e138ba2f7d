"""Translation packs as models of the catalog, and the list of them that ships: ``models/packs.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from autogpt_desktop import paths
from autogpt_desktop.catalog.entries import (
    CatalogError,
    CatalogModel,
    Edition,
    FileEntry,
    Gzip,
    Source,
    WheelMember,
)
from autogpt_desktop.engine.formats.pack_files import file_kind

PREFIX = "firefox"
FAMILY = "firefox"
_CODE = re.compile(r"[a-z]{2,3}(?:-[A-Z][a-z]{3})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_ARCHITECTURE = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_UNPACKED = 16  # times its compressed size: more than any of these files, far less than a bomb


@dataclass(frozen=True, slots=True)
class PackSource:
    """Where the packs of a list come from."""

    url: str  # of the folder that their paths begin at
    index: str  # where a newer list is
    license: str
    license_url: str
    date: str


def read_packs(path: Path) -> tuple[PackSource, dict[str, CatalogModel]]:
    """The packs of a list by name. Raises CatalogError: we ship it."""
    with path.open("rb") as file:
        tables = tomllib.load(file)
    try:
        head = tables.pop("source")
        source = PackSource(
            head["url"], head["index"], head["licence"], head["licence_url"], str(head["date"])
        )
        return source, {name: _pack(name, table, source) for name, table in tables.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise CatalogError(f"{path.name}: {error}") from error


@cache
def shipped() -> tuple[PackSource, dict[str, CatalogModel]]:
    """The list that ships with the app."""
    return read_packs(paths.bundled_models() / "packs.toml")


def by_pair(entries: Iterable[CatalogModel]) -> dict[tuple[str, str], list[CatalogModel]]:
    """The packs of each pair, the best first: by COMET, one that was not measured last."""
    pairs: dict[tuple[str, str], list[CatalogModel]] = {}
    for entry in entries:
        pairs.setdefault((entry.pair[0], entry.pair[1]), []).append(entry)
    for group in pairs.values():
        group.sort(key=lambda entry: (-entry.comet, entry.download_size))
    return pairs


def named(entries: Iterable[CatalogModel]) -> dict[str, CatalogModel]:
    """The packs under their names: the best of a pair has the pair's, the others their architecture too."""
    found = {}
    for (source, target), group in by_pair(entries).items():
        for place, entry in enumerate(group):
            name = f"{PREFIX}-{source}-{target}" + (f"-{entry.architecture}" if place else "")
            found[name] = replace(entry, name=name)
    return found


def make_pack(
    pair: tuple[str, str],
    architecture: str,
    files: tuple[FileEntry, ...],
    source: PackSource,
    *,
    name: str = "",
    figures: Mapping[str, float] | None = None,
    editions: tuple[Edition, ...] = (),
) -> CatalogModel:
    """A pack as a model of the catalog. Raises ValueError for parts that make none."""
    if not all(_CODE.fullmatch(code) for code in pair) or pair[0] == pair[1]:
        raise ValueError(f"{pair} is no pair of languages")
    if not _ARCHITECTURE.fullmatch(architecture):
        raise ValueError(f"{architecture!r} is no architecture")
    kinds = sorted(file_kind(file.name) for file in files)
    if kinds not in (["lex", "model", "vocab"], ["lex", "model", "srcvocab", "trgvocab"]):
        raise ValueError(f"{kinds} make no pack")
    figures = figures or {}
    return CatalogModel(
        name=name or f"{PREFIX}-{pair[0]}-{pair[1]}-{architecture}",
        title=pack_title(pair),
        family=FAMILY,
        parameters=0,
        quantization="int8",
        license=source.license,
        license_url=source.license_url,
        terms="",
        languages=pair,
        context=0,
        kv_rows=0,
        head_dim=0,
        roles=("translate",),
        kind="seq2seq",
        starter=False,
        better=False,
        files=files,
        pair=pair,
        architecture=architecture,
        bleu=float(figures.get("bleu", 0.0)),
        comet=float(figures.get("comet", 0.0)),
        editions=editions,
    )


def pack_title(pair: tuple[str, str]) -> str:
    """What a pack is called where no language can be named in the reader's own."""
    return f"Firefox {pair[0]} → {pair[1]}"


def packed_file(
    url: str, path: str, packed: tuple[int, str], unpacked: tuple[int, str] = (0, ""), limit: int = 0
) -> FileEntry:
    """A file that is fetched compressed; sizes and sha256 as far as they are known. Raises ValueError."""
    if not _PATH.fullmatch(path) or not path.endswith(".gz"):
        raise ValueError(f"{path[:80]!r} is no path of a pack's file")
    for size, sha256 in (packed, unpacked):
        if size < 0 or (sha256 and not _SHA256.fullmatch(sha256)):
            raise ValueError(f"{path}: no such size or sha256")
    limit = unpacked[0] or limit or max(_UNPACKED * packed[0], 1 << 20)
    name = PurePosixPath(path).name.removesuffix(".gz")
    return FileEntry(name, *unpacked, (Source("url", url=url + path),), Gzip(*packed, limit))


def _pack(name: str, table: dict[str, Any], source: PackSource) -> CatalogModel:
    source_code, target_code = table["pair"]
    files = tuple(
        packed_file(
            source.url,
            file["path"],
            (file["size"], file["sha256"]),
            (table["size"], table["sha256"]) if "/model." in file["path"] else (0, ""),
        )
        for file in table["files"]
    )
    return make_pack(
        (source_code, target_code),
        table["architecture"],
        files,
        source,
        name=name,
        figures=table,
        editions=tuple(_edition(edition) for edition in table.get("editions", ())),
    )


def _edition(table: dict[str, Any]) -> Edition:
    files = []
    for file in table["files"]:
        member = WheelMember(table["package"], table["version"], file["member"], file["size"])
        name = PurePosixPath(file["member"]).name
        file_kind(name)
        source = Source("wheel", members=(member,))
        files.append(FileEntry(name, file["size"], file["sha256"], (source,)))
    return Edition(tuple(files), table["architecture"])
