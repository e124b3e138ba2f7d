"""A page of a PDF as a picture, and where a passage stands on it. Runs in the child process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autogpt_desktop.documents.read.formats.parts import Unreadable

PIXELS = 12_000_000  # at most: a page may say that it is as large as a house
_FEWEST = 3  # words that are looked for by themselves
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
    whole = "".join(letters)
    found = list(_found(whole, passage)) or [
        span for line in passage.split("\n") for span in _parts(whole, line)
    ]
    rects = []
    for start, end in found:
        first, last = places[start], places[end - 1]
        count = textpage.count_rects(first, last - first + 1)
        rects += [textpage.get_rect(index) for index in range(count)]
    return rects


def _found(whole: str, text: str) -> Iterator[tuple[int, int]]:
    """Where the letters of a text stand among those of the page, if they do."""
    wanted = "".join(letter for letter in text if letter.strip() and letter not in _NO_LETTERS)
    start = whole.find(wanted) if wanted else -1
    if start >= 0:
        yield start, start + len(wanted)


def _parts(whole: str, line: str) -> Iterator[tuple[int, int]]:
    """A line of a column: the page was drawn in another order than it is read in. A line that a divided
    word joins with the next one is two there."""
    words = line.split()
    while words:
        count = next((n for n in range(len(words), 0, -1) if any(_found(whole, " ".join(words[:n])))), 0)
        if count >= _FEWEST:
            yield from _found(whole, " ".join(words[:count]))
        words = words[max(count, 1) :]


def _pixels(rect: tuple[float, float, float, float], scale: float, high: float) -> list[int]:
    left, bottom, right, top = rect
    return [
        round(value) for value in (left * scale, (high - top) * scale, right * scale, (high - bottom) * scale)
    ]
