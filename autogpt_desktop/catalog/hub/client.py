"""Asking a hub: which repositories there are, and which files one has. Only ever called for a click."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from autogpt_desktop.catalog.certificates import ssl_context
from autogpt_desktop.catalog.connection import TIMEOUT
from autogpt_desktop.catalog.hub.address import Address, endpoint
from autogpt_desktop.catalog.hub.choices import Choice, HubFile, choices
from autogpt_desktop.catalog.hub.token import token
from autogpt_desktop.catalog.transfer import retry_after
from autogpt_desktop.errors import KnownError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

T = TypeVar("T")
_MOST = 40  # results of a search
_TRIES = 3
_PATIENCE = 20.0  # seconds to wait for a hub that asks to
_PASSING = (408, 429, 500, 502, 503, 504)
_LANGUAGE = 3  # letters of a code at most
_FORMATS = ("gguf", "safetensors")


@dataclass(frozen=True, slots=True)
class Found:
    """A repository that a search came upon."""

    repository: str
    downloads: int
    likes: int
    formats: tuple[str, ...]  # "gguf", "safetensors"
    license: str
    languages: tuple[str, ...]
    parameters: int  # 0: not known
    gated: bool


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository at one commit."""

    name: str
    revision: str
    choices: tuple[Choice, ...]
    license: str
    languages: tuple[str, ...]
    gated: bool
    downloads: int
    architecture: str  # as the hub has read it; "": not said


def search(words: str, limit: int = _MOST) -> list[Found]:
    """Repositories with files that we could read, those that are fetched most often first. Raises KnownError:
    hub-…."""
    with _api() as api:
        found = _ask(
            lambda: list(
                api.list_models(
                    search=words,
                    limit=limit,
                    sort="downloads",
                    expand=["downloads", "likes", "tags", "gated", "gguf", "safetensors"],
                )
            ),
            words,
        )
    return [each for each in map(_found, found) if each.formats]


def repository(address: Address) -> Repository:
    """Its files, with sizes and hashes, at the commit that is there now. Raises KnownError: hub-…."""
    name = address.repository
    with _api() as api:
        info = _ask(
            lambda: api.model_info(name, revision=address.revision or None, files_metadata=True), name
        )
    files = []
    for each in info.siblings or []:
        lfs = each.lfs
        size = lfs.size if lfs else each.size
        if isinstance(size, int) and size > 0:
            files.append(HubFile(each.rfilename, size, lfs.sha256 if lfs else "", each.blob_id or ""))
    tags = _tags(info)
    return Repository(
        name=info.id,
        revision=info.sha or "main",
        choices=tuple(choices(files)),
        license=_license(tags),
        languages=_languages(tags),
        gated=bool(info.gated),
        downloads=info.downloads or 0,
        architecture=str((info.gguf or {}).get("architecture", "")) if isinstance(info.gguf, dict) else "",
    )


@contextmanager
def _api() -> Iterator[HfApi]:
    try:
        import httpx2
        import huggingface_hub
    except ImportError as error:  # an installation without it
        raise KnownError("hub-failed", reason=str(error)) from error

    def client() -> httpx2.Client:
        return httpx2.Client(verify=ssl_context(), follow_redirects=True, timeout=TIMEOUT)

    huggingface_hub.set_client_factory(client)  # with the proxies that are set now
    try:
        yield huggingface_hub.HfApi(
            endpoint=endpoint(), token=token() or False, library_name="autogpt-desktop"
        )
    except ImportError as error:  # a SOCKS proxy without socksio
        raise KnownError("hub-failed", reason=str(error)) from error
    finally:
        huggingface_hub.close_session()


def _ask(question: Callable[[], T], name: str) -> T:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    wrong = (HFValidationError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, TypeError)
    for tries in range(1, _TRIES + 1):
        try:
            return question()
        except HfHubHTTPError as error:
            response = error.response
            status = response.status_code if response is not None else 0
            wait = retry_after(response.headers if response is not None else None)
            if status in _PASSING and tries < _TRIES and wait <= _PATIENCE:
                time.sleep(wait or PAUSE * tries)
                continue
            raise known_status(status, name, str(error)) from error
        except OfflineModeIsEnabled as error:
            raise KnownError("hub-no-network") from error
        except httpx2.TransportError as error:
            if tries < _TRIES and not isinstance(error, httpx2.ConnectError):
                continue
            raise KnownError("hub-no-network") from error
        except wrong as error:
            # also an answer that is not what a hub says, as of a page to log in to a network
            raise KnownError("hub-failed", reason=str(error)[:200] or type(error).__name__) from error
    raise KnownError("hub-no-network")


PAUSE = 0.5  # seconds before the first retry


def known_status(status: int, name: str, text: str = "") -> KnownError:
    if status in (401, 403):
        return KnownError("hub-gated", name=name, url=f"{endpoint()}/{name}")
    if status == 404:
        return KnownError("hub-not-found", name=name)
    if status == 429:
        return KnownError("hub-busy")
    return KnownError("hub-failed", reason=f"HTTP {status}" if status else text.strip()[:200])


def _found(info: Any) -> Found:
    tags = _tags(info)
    gguf = info.gguf if isinstance(info.gguf, dict) else {}
    total = gguf.get("total") or getattr(info.safetensors, "total", 0)
    return Found(
        repository=info.id,
        downloads=info.downloads or 0,
        likes=info.likes or 0,
        formats=tuple(each for each in _FORMATS if each in tags),
        license=_license(tags),
        languages=_languages(tags),
        parameters=total if isinstance(total, int) else 0,
        gated=bool(info.gated),
    )


def _tags(info: Any) -> list[str]:
    return [tag for tag in info.tags or [] if isinstance(tag, str)]


def _license(tags: list[str]) -> str:
    return next((tag.removeprefix("license:")[:60] for tag in tags if tag.startswith("license:")), "")


def _languages(tags: list[str]) -> tuple[str, ...]:
    """Codes stand among the tags, bare."""
    from autogpt_desktop.language_names import name_of_language

    return tuple(
        tag
        for tag in tags
        if len(tag) <= _LANGUAGE and tag.isalpha() and tag.islower() and name_of_language(tag)
    )
