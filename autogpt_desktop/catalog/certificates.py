"""Whom downloads trust."""

from __future__ import annotations

import functools
import os
import ssl

from autogpt_desktop.errors import KnownError

_CERTIFICATES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_OPENSSL = ("SSL_CERT_FILE", "SSL_CERT_DIR")


def ssl_context() -> ssl.SSLContext:
    """Certificates of the system and of the user's environment. Read once: it takes long.

    SSL_CERT_FILE and SSL_CERT_DIR are OpenSSL's own; the other names are those that pip, requests
    and curl read behind a company's proxy.
    """
    return _context(tuple((name, os.environ.get(name, "")) for name in (*_CERTIFICATES, *_OPENSSL)))


@functools.lru_cache(maxsize=1)
def _context(environment: tuple[tuple[str, str], ...]) -> ssl.SSLContext:
    context = ssl.create_default_context()
    for name, value in environment:
        if not value or name in _OPENSSL:
            continue
        try:
            if os.path.isdir(value):
                context.load_verify_locations(capath=value)
            else:
                context.load_verify_locations(cafile=value)
        except OSError as error:  # also ssl.SSLError
            raise KnownError("certificate-file-unreadable", name=name, file=value) from error
    return context
