"""What people wrote on a PDF's pages: values of forms, beside their labels, and notes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from autogpt_desktop.documents.read.formats.pdf_lines import Box, Piece, turned

_MOST = 5_000  # on a page
_MOST_PAIRS = 2_000_000  # of fields and words: no form that people fill in has more
_LONGEST = 1 << 20  # bytes of a text
_PASSWORD = 1 << 13  # the flag of a field that is not shown


@dataclass(frozen=True, slots=True)
class Field:
    """A filled field: its name, its value, whether it is a box with or without a mark, and its place."""

    name: str
    value: str
    is_box: bool
    box: Box  # on the page as it is shown


def fields_and_notes(page: Any, form: Any) -> tuple[list[Field], list[str]]:
    """``form``: the handle of the document's form, None where it has none."""
    from pypdfium2 import raw

    fields: list[Field] = []
    notes: list[str] = []
    for number in range(min(raw.FPDFPage_GetAnnotCount(page), _MOST)):
        annotation = raw.FPDFPage_GetAnnot(page, number)
        if not annotation:
            continue
        try:
            kind = raw.FPDFAnnot_GetSubtype(annotation)
            if kind == raw.FPDF_ANNOT_WIDGET:
                fields += _field(annotation, form, page.get_rotation())
            elif kind not in (raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP):
                text = _text(raw.FPDFAnnot_GetStringValue, annotation, b"Contents").strip()
                if text and text not in notes:
                    notes.append(text)
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
    return fields, notes


def _field(annotation: Any, form: Any, rotation: int) -> Iterator[Field]:
    from pypdfium2 import raw

    if form is None:
        return
    kind = raw.FPDFAnnot_GetFormFieldType(form, annotation)
    flags = raw.FPDFAnnot_GetFormFieldFlags(form, annotation)
    is_box = kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON)
    if is_box:
        value = "[x]" if raw.FPDFAnnot_IsChecked(form, annotation) else "[ ]"
    elif kind in (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX):
        secret = kind == raw.FPDF_FORMFIELD_TEXTFIELD and flags & _PASSWORD
        value = "" if secret else _text(raw.FPDFAnnot_GetFormFieldValue, form, annotation).strip()
    else:
        return
    if not value:
        return
    name = _text(raw.FPDFAnnot_GetFormFieldAlternateName, form, annotation)
    name = name or _text(raw.FPDFAnnot_GetFormFieldName, form, annotation)
    rect = raw.FS_RECTF()
    raw.FPDFAnnot_GetRect(annotation, rect)
    lower, upper = sorted((rect.bottom, rect.top))
    box = turned((rect.left, lower, rect.right, upper), rotation)
    yield Field(name.strip(), " ".join(value.split()), is_box, box)


def _text(ask: Any, *arguments: Any) -> str:
    """A text of PDFium: asked for its length first, in bytes of UTF-16 with a zero at its end."""
    from pypdfium2 import raw

    length = min(ask(*arguments, None, 0), _LONGEST)
    if length <= 2:
        return ""
    buffer = ctypes.create_string_buffer(length)
    ask(*arguments, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), length)
    return buffer.raw[:length].decode("utf-16-le", errors="replace").rstrip("\0")


def fill_in(pieces: list[Piece], fields: list[Field]) -> list[str]:
    """Put values behind their labels, and marks before them. Gives lines for those without a label."""
    lines = []
    if len(fields) * len(pieces) > _MOST_PAIRS:
        pieces = []
    for field in fields:
        left, bottom, right, top = field.box
        middle = (bottom + top) / 2
        level = [piece for piece in pieces if piece.bottom - 3 <= middle <= piece.top + 3]
        if field.is_box:
            behind = [piece for piece in level if -3 <= piece.left - right < 60]
            if behind:
                piece = min(behind, key=lambda piece: piece.left)
                piece.text = f"{field.value} {piece.text}"
                continue
        before = [piece for piece in level if piece.right <= left + 5]
        above = [
            piece
            for piece in pieces
            if 0 <= piece.bottom - top + 3 < 18 and piece.left < right and piece.right > left
        ]
        if before or above:
            by_right = max(before, key=lambda piece: piece.right, default=None)
            piece = by_right or min(above, key=lambda piece: piece.bottom)
            piece.text = f"{piece.text} {field.value}"
        else:
            lines.append(f"{field.name}: {field.value}" if field.name else field.value)
    return lines
