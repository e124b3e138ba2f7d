"""The header of a model's file, read over the network by ranges: what it is, before it is fetched."""

from __future__ import annotations

import http.client
import re
import tempfile
import urllib.error
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from autogpt_desktop.catalog.connection import open_url
from autogpt_desktop.catalog.headers import decoder_facts, read_header
from autogpt_desktop.catalog.hub.address import endpoint
from autogpt_desktop.catalog.hub.choices import GGUF, Choice
from autogpt_desktop.errors import KnownError

_FIRST = 1 << 20  # bytes; the header of a model with a small vocabulary
_MOST = 64 << 20  # of the largest vocabularies have 16 MB
_CONFIG = 1 << 20
_UNFINISHED = ("gguf-corrupt", "gguf-truncated")  # what a header says that goes on behind what came


def file_url(repository: str, revision: str, name: str) -> str:
    """Where a file lies on the hub, or the mirror."""
    return f"{endpoint()}/{repository}/resolve/{quote(revision, safe='')}/{quote(name)}"


def remote_header(repository: str, revision: str, choice: Choice) -> dict[str, Any]:
    """As ``headers.read_header`` gives it of a file that is here; what is wrong with it stands in "problem".

    Raises KnownError: hub-gated, hub-failed, hub-no-network.
    """
    with tempfile.TemporaryDirectory(prefix="autogpt-header-") as place:
        if choice.kind == GGUF:
            return _gguf(repository, revision, choice, Path(place))
        return _folder(repository, revision, choice, Path(place))


def _gguf(repository: str, revision: str, choice: Choice, place: Path) -> dict[str, Any]:
    first = choice.files[0]
    url = file_url(repository, revision, first.name)
    # the strict reader reads a file that is as long as the real one, of which only the beginning is there
    path = place / f"{choice.stem}.gguf"
    have, wanted = 0, _FIRST
    while True:
        wanted = min(wanted, first.size)
        data = read_range(url, have, wanted, repository)
        with path.open("r+b" if have else "wb") as file:
            file.seek(have)
            file.write(data)
            file.truncate(first.size)
        have += len(data)
        header = _without_split(path, first.size, choice)
        if header["problem"] not in _UNFINISHED or have >= min(first.size, _MOST) or not data:
            return header
        wanted = have * 4


def _without_split(path: Path, size: int, choice: Choice) -> dict[str, Any]:
    header = read_header(path)
    if header["problem"] != "gguf-split":
        header["size"] = choice.size
        return header
    # the other parts are not here: what the first says of the model's shape is enough
    from autogpt_desktop.engine.formats.gguf import read_part
    from autogpt_desktop.engine.formats.gguf_mapping import shape_from_gguf

    try:
        config = shape_from_gguf(read_part(path))
    except KnownError as error:
        return header | {"problem": error.key, "problem_values": error.values, "size": choice.size}
    known: dict[str, Any] = {"problem": None, "problem_values": {}, "size": choice.size, "decode_bytes": 0}
    return header | known | decoder_facts(config) | {"title": config.name, "quantization": choice.label}


def _folder(repository: str, revision: str, choice: Choice, place: Path) -> dict[str, Any]:
    folder = place / repository.rpartition("/")[2]
    folder.mkdir()
    for file in choice.files:
        name = PurePosixPath(file.name).name
        if name.endswith((".json", ".model")) and name in _READ:
            url = file_url(repository, revision, file.name)
            (folder / name).write_bytes(read_range(url, 0, min(file.size, _CONFIG), repository))
        elif name.endswith(".safetensors"):
            with (folder / name).open("wb") as weights:
                weights.truncate(file.size)  # sparse: how much there is, not what
    header = read_header(folder)
    header["size"] = sum(file.size for file in choice.files if file.name.endswith(".safetensors"))
    return header


_READ = ("config.json", "modules.json", "sentence_bert_config.json")


def read_range(url: str, start: int, stop: int, name: str) -> bytes:
    """Bytes ``start`` to ``stop`` of a file, also from a server that knows no ranges.

    Raises KnownError: hub-gated, hub-not-found, hub-busy, hub-failed, hub-no-network.
    """
    if stop <= start:
        return b""
    from autogpt_desktop.catalog.hub.client import known_status

    try:
        with open_url(url, {"Range": f"bytes={start}-{stop - 1}"}) as response:
            begins = 0
            if response.status == 206:
                match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", "").strip())
                if match is None or int(match[1]) != start:
                    raise KnownError("hub-failed", reason="another range than asked for")
                begins = start
            data = bytearray()
            while begins + len(data) < stop:
                chunk = response.read(min(1 << 18, stop - begins - len(data)))
                if not chunk:
                    break
                data += chunk
            return bytes(data[start - begins :])
    except urllib.error.HTTPError as error:
        error.close()
        raise known_status(error.code, name) from error
    except ValueError as error:
        raise KnownError("hub-failed", reason=str(error)[:200]) from error
    except (OSError, http.client.HTTPException) as error:
        raise KnownError("hub-no-network") from error
