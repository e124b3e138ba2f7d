"""The hub's access token, for repositories that ask for one: where it is kept, whom it is sent to."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from autogpt_desktop import atomic, paths
from autogpt_desktop.catalog.hub.address import endpoint
from autogpt_desktop.errors import KnownError

NAME = "hub-token"
_LONGEST = 500


def token() -> str:
    """HF_TOKEN, else the one that was saved here; "": none."""
    value = os.environ.get("HF_TOKEN", "").strip()
    if value:
        return value
    try:
        with (paths.config_dir() / NAME).open(encoding="ascii") as file:
            return file.read(_LONGEST).strip()
    except (OSError, ValueError):
        return ""


def save_token(value: str) -> None:
    """Keep it in a file that only this user can read; "" deletes it. Raises KnownError:
    hub-token-senseless, settings-not-saved."""
    value = value.strip()
    path = paths.config_dir() / NAME
    if value and (len(value) >= _LONGEST or not value.isascii() or not value.isprintable() or " " in value):
        raise KnownError("hub-token-senseless")
    try:
        if value:
            atomic.write_text(path, value + "\n", private=True, durable=True)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise KnownError("settings-not-saved", path=str(path), reason=error.strerror or str(error)) from error


def authorization(url: str) -> str:
    """The header's value for ``url``: the token goes to the hub or the mirror alone; "": none is sent."""
    value = token()
    return f"Bearer {value}" if value and _origin(url) == _origin(endpoint()) else ""


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
