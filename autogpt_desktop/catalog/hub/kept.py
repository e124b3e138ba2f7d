"""What is written down of a model that comes from a hub, in its own folder: where from, which files, whose
licence. With it a download goes on after a kill, and files can be checked again years later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autogpt_desktop import atomic, paths
from autogpt_desktop.catalog.entries import CatalogModel, FileEntry, Source
from autogpt_desktop.regular_file import check_regular, read_regular_text

NAME = "hub.json"
_LARGEST = 1 << 18
_TEXTS = (
    "name",
    "title",
    "family",
    "quantization",
    "license",
    "license_url",
    "kind",
    "repository",
    "revision",
)
_NUMBERS = ("parameters", "context", "kv_rows", "head_dim", "state_bytes", "decode_bytes")


def keep_started(model: CatalogModel, folder: Path) -> None:
    """Before the first byte comes. Raises OSError."""
    _write(model, folder, whole=False)


def keep_whole(model: CatalogModel, folder: Path) -> None:
    """All files are here and right. Raises OSError."""
    _write(model, folder, whole=True)


def _write(model: CatalogModel, folder: Path, *, whole: bool) -> None:
    values: dict[str, Any] = {"version": 1, "whole": whole}
    values |= {name: getattr(model, name) for name in (*_TEXTS, *_NUMBERS)}
    values["languages"] = list(model.languages)
    values["files"] = [
        {
            "name": file.name,
            "size": file.size,
            "sha256": file.sha256,
            "git_sha1": file.git_sha1,
            "url": file.sources[0].url,
        }
        for file in model.files
    ]
    atomic.write_text(folder / NAME, json.dumps(values, indent=1) + "\n", durable=True)


def read_kept(folder: Path) -> tuple[CatalogModel, bool] | None:
    """The model of ``folder``, and whether all of it had come; None where nothing, or nothing sensible, is
    written down."""
    try:
        if check_regular(folder / NAME).st_size > _LARGEST:
            return None
        values = json.loads(read_regular_text(folder / NAME))
        files = tuple(_file(file) for file in values["files"])
        texts = {name: values[name] for name in _TEXTS}
        numbers = {name: values[name] for name in _NUMBERS}
        sensible = all(isinstance(text, str) for text in texts.values()) and bool(files)
        sensible = sensible and all(type(number) is int and number >= 0 for number in numbers.values())
        languages = tuple(str(code) for code in values["languages"])[:200]
        if not sensible or Path(texts["name"]).name != texts["name"]:
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    model = CatalogModel(
        **texts,
        **numbers,
        terms="",
        languages=languages,
        roles=("chat",),
        starter=False,
        better=False,
        files=files,
    )
    return model, values.get("whole") is True


def _file(values: dict[str, Any]) -> FileEntry:
    name, size, url = values["name"], values["size"], values["url"]
    hashes = values["sha256"], values["git_sha1"]
    if not all(isinstance(text, str) for text in (name, url, *hashes)) or Path(name).name != name:
        raise ValueError("no file")
    if type(size) is not int or size < 0:
        raise ValueError("no size")
    return FileEntry(name, size, hashes[0], (Source("url", url=url),), git_sha1=hashes[1])


def unfinished() -> list[CatalogModel]:
    """Models whose download was begun and not ended, in this run of the application or an earlier one."""
    try:
        folders = sorted(paths.models_dir().iterdir())
    except OSError:
        return []
    found = [kept for folder in folders if (kept := read_kept(folder)) is not None]
    return [model for model, whole in found if not whole]
