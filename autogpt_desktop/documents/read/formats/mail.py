"""EML: a message as people read it (RFC 5322), its text, and the names of what is attached."""

from __future__ import annotations

import email
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

from autogpt_desktop.documents.read.formats.html import add_html
from autogpt_desktop.documents.read.formats.parts import Parts
from autogpt_desktop.documents.text.encoding import decode

_HEADERS = ("From", "To", "Cc", "Date", "Subject")
_LONGEST = 2_000  # characters of a header
_DEEPEST = 20  # messages in one another
_LISTED = 20  # names of attachments


def read_mail(data: bytes, parts: Parts) -> None:
    message = email.message_from_bytes(data)
    parts.title = _header(message, "Subject")[:300]
    attached: list[str] = []
    _add_message(message, parts, attached, 0)
    if attached:
        names = ", ".join(attached[:_LISTED]) + ("…" if len(attached) > _LISTED else "")
        parts.notices.append(("notice.document-attachments", {"files": names, "n": len(attached)}))


def _add_message(message: Message, parts: Parts, attached: list[str], depth: int) -> None:
    lines = [f"{name}: {value}" for name in _HEADERS if (value := _header(message, name))]
    if lines:
        parts.add("\n".join(lines) + "\n\n")
    for part in _shown(message, attached, depth):
        if part.get_content_type() == "message/rfc822":
            inner: Any = part.get_payload()
            if isinstance(inner, list) and inner and depth < _DEEPEST:
                _add_message(inner[0], parts, attached, depth + 1)
        elif text := _text(part):
            if part.get_content_subtype() == "html":
                title = parts.title
                add_html(text, parts)
                parts.title = title
            else:
                parts.add(text.strip() + "\n\n")


def _shown(message: Message, attached: list[str], depth: int) -> Iterator[Message]:
    """The parts that are read: of the same text in several forms the plain one, if there is one."""
    kind = message.get_content_type()
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        inside: Any = message.get_payload()
        if kind == "multipart/alternative":
            inside = [max(inside, key=lambda one: (one.get_content_type() == "text/plain", _has_text(one)))]
        for part in inside:
            if depth < _DEEPEST:
                yield from _shown(part, attached, depth + 1)
    elif kind == "message/rfc822":
        yield message
    elif _is_attached(message) or message.get_content_maintype() != "text":
        name = str(message.get_filename() or "")
        if name or not message.get("Content-ID"):  # not a picture inside of the text
            attached.append(" ".join(name.split())[:200] or kind)
    else:
        yield message


def _has_text(message: Message) -> bool:
    return message.get_content_maintype() in ("text", "multipart")


def _is_attached(message: Message) -> bool:
    return message.get_content_disposition() == "attachment"


def _text(message: Message) -> str:
    payload: Any = message.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    charset = message.get_content_charset() or ""
    try:
        return payload.decode(charset)
    except (LookupError, UnicodeDecodeError):
        found = decode(payload)
        return found[0] if found else ""


def _header(message: Message, name: str) -> str:
    """A header's beginning, decoded: the library takes minutes for addresses without end."""
    found = (str(raw) for key, raw in message.raw_items() if key.lower() == name.lower())
    raw = " ".join(next(found, "").split())[: 2 * _LONGEST]
    if not raw.isascii():  # not encoded, as old and new programs write them
        decoded = decode(raw.encode("utf-8", errors="surrogateescape"))
        raw = decoded[0] if decoded else ""
    try:
        value = str(make_header(decode_header(raw)))
    except (ValueError, LookupError):  # words that are encoded wrongly, in what no one knows
        value = raw
    return " ".join(value.split())[:_LONGEST]
