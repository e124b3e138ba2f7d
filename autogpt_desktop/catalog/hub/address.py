"""What somebody pastes or types to mean a repository of the hub: an address, or OWNER/NAME[:QUANT]."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

HUB = "https://huggingface.co"
_HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com")
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
_REPOSITORY = re.compile(rf"({_PART})/({_PART})")
_LONGEST = 2000
_NOT_MODELS = ("datasets", "spaces", "papers", "collections", "docs", "blog", "posts", "settings", "models")


@dataclass(frozen=True, slots=True)
class Address:
    """A repository, and what is wanted of it: a variant such as "Q4_K_M", or a file's name."""

    repository: str
    variant: str = ""
    file: str = ""
    revision: str = ""


def endpoint() -> str:
    """The hub, or the mirror that HF_ENDPOINT names."""
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUB


def parse_address(text: str) -> Address | None:
    """None: it is not the address of a model, but perhaps words to search for."""
    text = text.strip()
    if len(text) > _LONGEST or not text or re.search(r"\s", text):
        return None
    bare = re.match(r"(?:[\w.-]+\.\w+)(?::\d+)?/", text)
    host = bare and bare[0].rstrip("/").partition(":")[0].lower()
    if "://" in text or host in (*_HOSTS, urlsplit(endpoint()).hostname):
        try:
            parts = urlsplit(text if "://" in text else f"https://{text}")
        except ValueError:
            return None
        if parts.hostname not in (*_HOSTS, urlsplit(endpoint()).hostname):
            return None
        return _from_path([unquote(part) for part in parts.path.split("/") if part])
    return _from_path(text.split("/"))


def _from_path(parts: list[str]) -> Address | None:
    if len(parts) < 2 or parts[0] in _NOT_MODELS:
        return None
    name, _, variant = parts[1].partition(":")
    repository = f"{parts[0]}/{name}"
    if not _REPOSITORY.fullmatch(repository) or (variant and not re.fullmatch(r"[\w.-]{1,80}", variant)):
        return None
    if len(parts) == 2:
        return Address(repository, variant)
    if parts[2] not in ("blob", "resolve", "tree", "raw") or len(parts) < 4:
        return Address(repository) if parts[2] in ("discussions", "commits", "tree") else None
    file = "/".join(parts[4:]) if parts[2] != "tree" else ""
    return Address(repository, file=file, revision="" if parts[3] == "main" else parts[3])
