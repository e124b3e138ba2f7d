"""One request over HTTP: certificates, proxies, SOCKS, and a token that stays with whom it is for."""

from __future__ import annotations

import email.message
import http.client
import io
import urllib.error
import urllib.request
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from autogpt_desktop.catalog.certificates import ssl_context
from autogpt_desktop.catalog.hub.token import authorization

if TYPE_CHECKING:
    import httpx2

TIMEOUT = 30.0  # seconds without a byte


def open_url(url: str, headers: dict[str, str]) -> Any:
    """The answer to a GET: ``status``, ``headers``, ``read(n)``; close it. The hub's token is sent to the
    hub alone, to no host that it redirects to.

    Raises urllib.error.HTTPError, OSError, http.client.HTTPException, ValueError (no address).
    """
    headers = {"User-Agent": "autogpt-desktop", "Accept-Encoding": "identity", **headers}
    proxy = socks_proxy(url)
    if proxy:
        return _through_socks(url, headers, proxy)
    request = urllib.request.Request(url, headers=headers)
    _authorize(request)
    return _opener().open(request, timeout=TIMEOUT)


def socks_proxy(url: str) -> str:
    """The SOCKS proxy that the environment names for ``url``, which urllib knows nothing of; "": none."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not proxy.startswith(("socks5://", "socks5h://")) or urllib.request.proxy_bypass(parts.hostname or ""):
        return ""
    return proxy


def _authorize(request: urllib.request.Request) -> None:
    value = authorization(request.full_url)
    if value:  # unredirected: not copied to where a redirect leads
        request.add_unredirected_header("Authorization", value)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        if new is not None:
            _authorize(new)
        return new


def _opener() -> urllib.request.OpenerDirector:
    # build_opener adds the proxies of the environment and of the system by itself
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=ssl_context()), _Redirects())


class _Answer:
    """What urllib would have given."""

    def __init__(self, client: httpx2.Client, response: httpx2.Response) -> None:
        self._client, self._response = client, response
        self._chunks = response.iter_raw()
        self._left = b""
        self.status, self.headers = response.status_code, response.headers

    def read(self, size: int) -> bytes:
        import httpx2

        try:
            while len(self._left) < size and (chunk := next(self._chunks, b"")):
                self._left += chunk
        except httpx2.TransportError as error:
            raise OSError(str(error)) from error
        data, self._left = self._left[:size], self._left[size:]
        return data

    def close(self) -> None:
        self._response.close()
        self._client.close()

    def __enter__(self) -> _Answer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _through_socks(url: str, headers: dict[str, str], proxy: str) -> _Answer:
    import httpx2

    # the name is looked up by the proxy, as "socks5h" says: it may be the only one that can
    proxy = proxy.replace("socks5://", "socks5h://", 1)
    client = httpx2.Client(proxy=proxy, verify=ssl_context(), follow_redirects=True, timeout=TIMEOUT)
    value = authorization(url)
    if value:
        headers = {**headers, "Authorization": value}  # dropped by httpx where a redirect leads elsewhere
    try:
        response = client.send(client.build_request("GET", url, headers=headers), stream=True)
    except httpx2.InvalidURL as error:
        client.close()
        raise ValueError(str(error)) from error
    except httpx2.TransportError as error:
        client.close()
        raise OSError(str(error) or type(error).__name__) from error
    if response.status_code >= 400:
        found = email.message.Message()
        for name, text in response.headers.items():
            found[name] = text
        response.close()
        client.close()
        raise urllib.error.HTTPError(
            url,
            response.status_code,
            response.reason_phrase,
            found,
            io.BytesIO(b""),
        )
    return _Answer(client, response)
