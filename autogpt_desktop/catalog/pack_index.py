"""A newer list of translation packs, as Mozilla publishes it: fetched when asked for, read strictly.

{"generated": …, "baseUrl": …, "models": {"en-pt": [{"architecture", "releaseStatus", "sourceLanguage",
"targetLanguage", "files": {"model": {"path", "uncompressedSize", "uncompressedHash"}, "lexicalShortlist":
{"path"}, "vocab": {"path"} or "srcVocab" and "trgVocab"}, "metrics": {"flores200-plus": {…}}}]}}
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from autogpt_desktop import atomic, paths
from autogpt_desktop.catalog.entries import CatalogModel, FileEntry
from autogpt_desktop.catalog.pack_entries import PackSource, make_pack, named, packed_file, shipped
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.regular_file import check_regular, read_regular_text

log = logging.getLogger(__name__)
_LARGEST = 8 << 20  # bytes of an index
_MOST_PACKS = 5000
_MODEL = 256 << 20  # bytes that a model may have, unpacked
_OTHER = 64 << 20  # bytes that a shortlist or a vocabulary may have, whose sizes the index does not say
_METRICS = ("flores200-plus", "flores-devtest")
_KINDS = {
    "model": "model",
    "lexicalShortlist": "lex",
    "vocab": "vocab",
    "srcVocab": "srcvocab",
    "trgVocab": "trgvocab",
}
_DAMAGED = (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError, KnownError)


def index_path() -> Path:
    """Where a newer index is kept."""
    return paths.data_dir() / "packs-index.json"


def fetch_index(url: str = "") -> Iterator[Progress]:
    """Fetch the newest index and keep it. Only after a click. What was known stays where it cannot be had.

    Raises KnownError: packs-index-unreachable, packs-index-unreadable, download-disk-full,
    download-not-writable.
    """
    # here, because the network comes with it: the list of packs is looked at before the window shows
    from autogpt_desktop.catalog.transfer import SourceFailed, stream, writing

    source, _ = shipped()
    url = url or source.index
    target = index_path()
    part = target.with_suffix(".part")
    with writing(part):
        part.unlink(missing_ok=True)
    yield Progress("stage.downloading")
    try:
        for done, total in stream(url, part, limit=_LARGEST):
            yield Progress("stage.downloading", done, total)
        found = load_index(part, source, url)
        if not found:
            raise KnownError("packs-index-unreadable", url=url)
        with writing(target):
            values = json.loads(read_regular_text(part))
            atomic.write_text(target, json.dumps({**values, "fetchedFrom": url}), durable=True)
    except SourceFailed as error:
        raise KnownError("packs-index-unreachable", url=url, reason=str(error)) from error
    finally:
        part.unlink(missing_ok=True)


def load_index(path: Path, source: PackSource, url: str = "") -> list[CatalogModel]:
    """The packs of an index, each whole and sensible; those that are not are left out. [] for a file that is
    no index. ``url``: where it came from, or it says so itself."""
    try:
        if check_regular(path).st_size > _LARGEST:
            raise ValueError("too large")
        values = json.loads(read_regular_text(path))
        base = _base(values["baseUrl"], url or values["fetchedFrom"])
        groups = values["models"]
        if not isinstance(groups, dict):
            raise TypeError("models is no object")
        entries = [entry for group in groups.values() if isinstance(group, list) for entry in group]
    except _DAMAGED as error:
        log.warning("%s is no list of packs: %s", path.name, error)
        return []
    found = []
    for entry in entries[:_MOST_PACKS]:
        try:
            if str(entry["releaseStatus"]).startswith("Release"):  # not those that are being tried out
                found.append(_pack(entry, base, source))
        except _DAMAGED as error:
            log.warning("a pack of %s is left out: %s", path.name, error)
    return found


def merged(ours: Mapping[str, CatalogModel], newer: list[CatalogModel]) -> dict[str, CatalogModel]:
    """What ships, with those packs replaced that the index has with another model, and its further ones.

    Of a pack that both have ours is kept: its files can be checked before they are unpacked, too.
    """
    found = {(pack.pair, pack.architecture): pack for pack in ours.values()}
    for pack in newer:
        before = found.get((pack.pair, pack.architecture))
        if before is None or _model(before).sha256 != _model(pack).sha256:
            found[pack.pair, pack.architecture] = replace(pack, editions=before.editions) if before else pack
    return named(found.values())


def _base(base: str, url: str) -> str:
    """The folder of the packs, which must be on the server of the index, and over TLS if that is."""
    one, other = urlsplit(base), urlsplit(url)
    if (one.scheme, one.netloc) != (other.scheme, other.netloc) or one.query or one.fragment:
        raise ValueError(f"{base[:80]!r} is not on the server of the index")
    return base.rstrip("/") + "/"


def _pack(entry: dict[str, Any], base: str, source: PackSource) -> CatalogModel:
    files = []
    for key, file in entry["files"].items():
        if key in _KINDS:
            files.append(_file(_KINDS[key], file, base))
    pair = _code(entry["sourceLanguage"]), _code(entry["targetLanguage"])
    return make_pack(pair, entry["architecture"], tuple(files), source, figures=_figures(entry))


def _file(kind: str, file: dict[str, Any], base: str) -> FileEntry:
    size, sha256 = (file["uncompressedSize"], file["uncompressedHash"]) if kind == "model" else (0, "")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _MODEL:
        raise ValueError(f"a file of {size} bytes")
    if kind == "model" and not (size and sha256):
        raise ValueError("a model without size or sha256")
    made = packed_file(base, file["path"], (0, ""), (size, sha256), _OTHER)
    if not made.name.startswith(f"{kind}."):
        raise ValueError(f"{made.name} as {kind}")
    return made


def _figures(entry: dict[str, Any]) -> dict[str, float]:
    """BLEU and COMET, where the index has them; COMET also in hundredths."""
    metrics = entry.get("metrics") or {}
    figures: dict[str, Any] = next(
        (metrics[name] for name in _METRICS if isinstance(metrics.get(name), dict)), {}
    )
    found = {}
    for name, value in figures.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            if name == "bleu" and 0 < value <= 100:
                found["bleu"] = float(value)
            elif name.startswith("comet") and 0 < value <= 100:
                found["comet"] = value / 100 if value > 1.5 else float(value)
    return found


def _code(code: str) -> str:
    """ "zh_hant" → "zh-Hant"."""
    language, _, script = code.replace("_", "-").partition("-")
    return f"{language}-{script.title()}" if script else language


def _model(pack: CatalogModel) -> FileEntry:
    return next(file for file in pack.files if file.name.startswith("model."))
