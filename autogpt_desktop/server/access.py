"""Who may come in: a key, and no web page.

A page in a browser can send requests to this computer. It cannot choose the Host header (so that a name that
was made to lead here is seen: DNS rebinding) and cannot leave out Origin, and it is told nothing that would
let it read an answer (no CORS headers). Without the key it learns nothing anyway.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Collection, Mapping
from hmac import compare_digest
from pathlib import Path

from autogpt_desktop import atomic, paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.server.errors import ApiError

PREFIX = "agd-"
_MOST_KEY = 200


def key_file() -> Path:
    return paths.config_dir() / "server-key"


def kept_key() -> str:
    """The key of this user's server; "": there is none yet."""
    try:
        key = key_file().read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return key if is_key(key) else ""


def own_key() -> tuple[str, bool]:
    """The key, made the first time and kept where nobody else on this computer can read it; whether it is
    new. Raises KnownError: settings-not-saved."""
    key = kept_key()
    return (key, False) if key else (new_key(), True)


def new_key() -> str:
    """Another key: the one before is of no use any more. Raises KnownError: settings-not-saved."""
    key = PREFIX + secrets.token_urlsafe(32)
    file = key_file()
    try:
        paths.make_private(file.parent)
        atomic.write_text(file, key + "\n", private=True, durable=True)
    except OSError as error:
        raise KnownError("settings-not-saved", path=str(file), reason=error.strerror) from error
    return key


def is_key(key: str) -> bool:
    """Can it stand in a header, and is it too long to be guessed by trying?"""
    return 8 <= len(key) <= _MOST_KEY and all("!" <= letter <= "~" for letter in key)


def is_loopback(host: str) -> bool:
    """Does an address reach this computer from itself alone?"""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Access:
    """``host``: the address that is listened at."""

    def __init__(self, key: str, host: str) -> None:
        self._key = key.encode()
        name = socket.gethostname().lower()
        self._names = frozenset({"localhost"} if is_loopback(host) else {"localhost", name, f"{name}.local"})

    def check(self, headers: Mapping[str, str]) -> None:
        """Raises ApiError: 403 for web pages, 401 without the key."""
        if not self._is_ours(headers.get("host", "")):
            raise ApiError(
                403, "This server does not answer to that name. Use its address.", code="wrong_host"
            )
        if "origin" in headers or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise ApiError(403, "Web pages may not use this server.", code="web_page")
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not compare_digest(
            given.strip().encode("utf-8", "replace"), self._key
        ):
            raise ApiError(
                401,
                "The access key is missing or wrong. Send it as 'Authorization: Bearer KEY'.",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _is_ours(self, host: str) -> bool:
        name = _without_port(host)
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.lower().removesuffix(".") in self._names
        return True  # an address is no name that somebody could have made lead here


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def names(headers: Collection[tuple[bytes, bytes]]) -> dict[str, str]:
    """A request's headers; of several alike the first, but any Origin counts."""
    found: dict[str, str] = {}
    for name, value in headers:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found
