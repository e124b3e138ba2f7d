"""A page of a PDF as a picture, and where a passage stands on it. Runs in the child process."""

from __future__ import annotations

from typing import Any

from autogpt_desktop.documents.read.formats.parts import Unreadable

PIXELS = 12_000_000  # at most: a page may say that it is as large as a house
_NO_LETTERS = "\ufffe\x02\xad"  # PDFium's marks for a word that was divided at a line's end


def page_image(data: bytes, number: int, width: int, passage: str) -> tuple[dict[str, Any], bytes]:
    """Draw page ``number`` (from 1) about ``width`` pixels wide.

    Gives what a message's head says (width, height, stride, rects of the passage in pixels: left, top,
    right, bottom) and the pixels, three bytes each, blue first. Raises Unreadable.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
        try:
            page = document[number - 1]
            wide, high = page.get_size()
            scale = min(width / max(wide, 1.0), (PIXELS / max(wide * high, 1.0)) ** 0.5)
            bitmap = page.render(scale=scale)
            rects = [_pixels(rect, scale, high) for rect in _rects(page.get_textpage(), passage)]
            head = {"width": bitmap.width, "height": bitmap.height, "stride": bitmap.stride, "rects": rects}
            if page.get_rotation():
                head["rects"] = []  # they count from the page as it was before it was turned
            return head, bytes(bitmap.buffer)
        finally:
            document.close()
    except (pypdfium2.PdfiumError, IndexError) as error:
        raise Unreadable("document-damaged") from error


def _rects(textpage: Any, passage: str) -> list[tuple[float, float, float, float]]:
    """Left, bottom, right, top in points; found by letters alone, for the text was tidied up."""
    count = textpage.count_chars()
    letters, places = [], []
    for place in range(count):
        letter = textpage.get_text_range(place, 1)
        if letter.strip() and letter not in _NO_LETTERS:
            letters.append(letter[0])
            places.append(place)
    wanted = "".join(letter for letter in passage if letter.strip() and letter not in _NO_LETTERS)
    found = "".join(letters).find(wanted) if wanted else -1
    if found < 0:
        return []
    first, last = places[found], places[found + len(wanted) - 1]
    return [textpage.get_rect(index) for index in range(textpage.count_rects(first, last - first + 1))]


def _pixels(rect: tuple[float, float, float, float], scale: float, high: float) -> list[int]:
    left, bottom, right, top = rect
    return [
        round(value) for value in (left * scale, (high - top) * scale, right * scale, (high - bottom) * scale)
    ]
