"""A choice of a repository as a model that the queue of downloads fetches like those of the catalog."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from autogpt_desktop import paths
from autogpt_desktop.catalog.entries import CatalogModel, FileEntry, Source
from autogpt_desktop.catalog.hub.address import HUB, Address, parse_address
from autogpt_desktop.catalog.hub.choices import FOLDER, Choice, preferred
from autogpt_desktop.catalog.hub.client import Repository, repository
from autogpt_desktop.catalog.hub.kept import read_kept
from autogpt_desktop.catalog.hub.remote import remote_header
from autogpt_desktop.errors import KnownError


def from_address(text: str) -> CatalogModel:
    """What ``text`` means, ready to be fetched; its header has been read, and it is one that we can run.

    Raises KnownError: model-missing (not an address), hub-…, and what is wrong with the model.
    """
    address = parse_address(text)
    if address is None:
        raise KnownError("model-missing", name=text[:200])
    return from_repository(repository(address), address)


def from_repository(found: Repository, address: Address) -> CatalogModel:
    """The same of what the hub has said already."""
    if not found.choices:
        raise KnownError("hub-no-models", name=found.name)
    choice = preferred(found.choices, address.variant, address.file)
    if choice is None:
        offered = ", ".join(each.label for each in found.choices)
        raise KnownError(
            "hub-variant-missing", name=found.name, variant=address.variant or address.file, offered=offered
        )
    return offer(found, choice, remote_header(found.name, found.revision, choice))


def offer(found: Repository, choice: Choice, header: Mapping[str, Any]) -> CatalogModel:
    """``header``: as ``remote_header`` gives it. Raises KnownError where it names a problem."""
    if header["problem"]:
        raise KnownError(header["problem"], **header["problem_values"])
    name = _free_name(choice.stem or found.name.rpartition("/")[2], found.name)
    files = tuple(
        FileEntry(
            PurePosixPath(file.name).name,
            file.size,
            file.sha256,
            # on the hub itself; a mirror takes its place when the download begins
            (Source("url", url=f"{HUB}/{found.name}/resolve/{found.revision}/{file.name}"),),
            git_sha1=file.git_sha1,
        )
        for file in choice.files
    )
    title = str(header["title"] or name)
    return CatalogModel(
        name=name,
        title=found.name.rpartition("/")[2] if choice.kind == FOLDER else title,
        family=header["family"],
        parameters=0,
        quantization=header["quantization"] or choice.label,
        license=found.license,
        license_url=f"{HUB}/{found.name}",
        terms="",
        languages=tuple(header["languages"]) or found.languages,
        context=header["context"],
        kv_rows=header["kv_rows"],
        head_dim=header["head_dim"],
        roles=("chat",) if header["kind"] == "decoder" else (),
        kind=header["kind"],
        starter=False,
        better=False,
        files=files,
        state_bytes=header["state_bytes"],
        decode_bytes=header["decode_bytes"],
        repository=found.name,
        revision=found.revision,
    )


def _free_name(name: str, repository: str) -> str:
    """``name``, or with the owner's where a model of another repository has it."""
    from autogpt_desktop.catalog.entries import catalog

    name = name.lstrip(".-_") or "model"
    folder = paths.models_dir() / name
    if name not in catalog():
        kept = read_kept(folder)
        if not os.path.lexists(folder) or (kept is not None and kept[0].repository == repository):
            return name
    return f"{repository.partition('/')[0]}-{name}"
