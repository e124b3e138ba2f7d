"""PDF: words in the order in which they are read, what was filled in, and what stands on every page once."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.documents.read.formats.page_image import page_image
from autogpt_desktop.documents.read.formats.parse import parse
from autogpt_desktop.documents.types import Limits

DATA = Path(__file__).parents[2] / "data" / "documents"
Words = list[tuple[float, float, str]]  # left, baseline, text


def pdf(
    pages: list[Words], more: str = "", annotations: list[str] | None = None, matrix: str = "1 0 0 1"
) -> bytes:
    """A PDF (ISO 32000-1) that draws words in this order. ``more``: entries of each page."""
    annotations = annotations or []
    count = len(pages)
    kids = " ".join(f"{10 + 2 * at} 0 R" for at in range(count))
    fields = " ".join(f"{1000 + at} 0 R" for at in range(len(annotations)))
    objects = {
        1: f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [{fields}] /DA (/F1 11 Tf 0 g)"
           " /DR << /Font << /F1 3 0 R >> >> >> >>",
        2: f"<< /Type /Pages /Kids [{kids}] /Count {count} >>",
        3: "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    }  # fmt: skip
    for at, words in enumerate(pages):
        drawn = "\n".join(f"BT /F1 11 Tf {matrix} {x} {y} Tm ({text}) Tj ET" for x, y, text in words)
        annots = f"/Annots [{fields}]" if not at else ""
        objects[10 + 2 * at] = (
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >>"
            f" /Contents {11 + 2 * at} 0 R {annots} {more} >>"
        )
        objects[11 + 2 * at] = f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream"
    objects |= {1000 + at: annotation for at, annotation in enumerate(annotations)}
    out, offsets = "%PDF-1.7\n", {}
    for number, body in objects.items():
        offsets[number] = len(out)
        out += f"{number} 0 obj\n{body}\nendobj\n"
    entries = "".join(f"{n} 1\n{offset:010d} 00000 n \n" for n, offset in offsets.items())
    start = len(out)
    out += f"xref\n0 1\n0000000000 65535 f \n{entries}trailer\n<< /Size {max(objects) + 1} /Root 1 0 R >>\n"
    return f"{out}startxref\n{start}\n%%EOF".encode("latin-1")


def read(data: bytes) -> str:
    return parse(data, "a.pdf", Limits()).text()


LEFT = ["The lighthouse on the north coast was", "built in 1874 by a small team of work-",
        "ers from the village. Its lamp was lit",
        "with oil until the year 1931. After that", "it had an electric bulb. The keeper lived"]  # fmt: skip
RIGHT = ["The market hall stands in the middle of", "the old town. It opens at six in the mor-",
         "ning and closes at noon. On Fridays the",
         "fishermen sell their catch there. The roof",
         "was repaired after the storm of 1987 and"]  # fmt: skip


def across(*columns: list[str], top: float = 700, step: float = 14) -> Words:
    """Columns drawn line by line, from the left to the right."""
    width = 512 / len(columns)
    return [
        (50 + width * at, top - step * row, column[row])
        for row in range(len(columns[0]))
        for at, column in enumerate(columns)
    ]


def joined(lines: list[str]) -> str:
    return " ".join(lines).replace("- ", "")


def test_columns_that_are_drawn_line_by_line():
    text = " ".join(read(pdf([across(LEFT, RIGHT)])).split())
    assert text == f"{joined(LEFT)} {joined(RIGHT)}"


def test_a_line_over_both_columns_divides_what_is_above_from_what_is_below():
    heading = [(150, 720, "A heading that goes over both of the columns of this page")]
    middle = [(150, 610, "Another one in the middle of the page, over both of its columns")]
    below = across([f"below {line}" for line in LEFT[2:]], RIGHT[2:], top=580)
    text = " ".join(read(pdf([heading + across(LEFT, RIGHT) + middle + below])).split())
    places = [text.index(part) for part in ("A heading", "The lighthouse", "The market", "Another one",
                                            "below ers", "catch there. The roof was")]  # fmt: skip
    assert places[:5] == sorted(places[:5])
    assert "keeper lived The market hall" in text
    assert text.count("fishermen") == 2


def test_three_columns():
    third = [line.replace("e", "o") for line in LEFT]
    narrow = [[line[:26].strip() for line in column] for column in (LEFT, RIGHT, third)]
    text = " ".join(read(pdf([across(*narrow)])).split())
    assert text == " ".join(joined(column) for column in narrow)


@pytest.mark.parametrize("columns", [
    [["Plant", "Aster", "Lupin", "Poppy", "Iris", "Sage"],
     ["Height", "40 cm", "90 cm", "60 cm", "70 cm", "30 cm"],
     ["Price", "3 euros", "5 euros", "2 euros", "7 euros", "4 euros"]],
    [["Name of the member", "Street", "Town", "Telephone", "Born"],
     ["Rosa Klein", "Elm Road 4", "Newhaven", "0123", "1970"]],
])  # fmt: skip
def test_the_rows_of_tables_stay_together(columns):
    rows = [" ".join(row) for row in zip(*columns, strict=True)]
    assert read(pdf([across(*columns)])).strip() == "\n".join(rows)


def test_columns_that_are_drawn_one_after_the_other_stay_as_they_are():
    one = [(50, 700 - 14 * at, line) for at, line in enumerate(LEFT)]
    other = [(320, 693 - 14 * at, line) for at, line in enumerate(RIGHT)]
    assert " ".join(read(pdf([one + other])).split()) == f"{joined(LEFT)} {joined(RIGHT)}"


@pytest.mark.parametrize("name", ["pdf-col_b.pdf", "pdf-rot.pdf"])
def test_words_are_apart(name):
    text = read((DATA / name).read_bytes())
    for wrong in ("litwith", "thatit", "livedthere", "morers"):
        assert wrong not in text
    assert "workers from the village" in text


@pytest.mark.parametrize(("turn", "matrix", "step"), [
    (0, "1 0 0 1", (0, -14)), (90, "0 1 -1 0", (14, 0)),
    (180, "-1 0 0 -1", (0, 14)), (270, "0 -1 1 0", (-14, 0)),
])  # fmt: skip
def test_turned_pages_keep_their_lines(turn, matrix, step):
    lines = ["The first line of this page was lit", "with a second one of it. After that", "it has a third"]
    words = [(300.0 + at * step[0], 400.0 + at * step[1], line) for at, line in enumerate(lines)]
    assert read(pdf([words], more=f"/Rotate {turn}", matrix=matrix)).split() == " ".join(lines).split()


def test_columns_of_a_turned_page():
    words = [(y, x, text) for x, y, text in across(LEFT, RIGHT, step=-14, top=100)]
    text = " ".join(read(pdf([words], more="/Rotate 90", matrix="0 1 -1 0")).split())
    assert text == f"{joined(LEFT)} {joined(RIGHT)}"


def test_running_headers_and_footers_are_read_once():
    pages: list[Words] = []
    for number in range(1, 6):
        body = [(50.0, 700.0 - 14 * row, f"Sentence {row} of part {number * 7}.") for row in range(5)]
        pages.append(
            [(50, 770, "The Club's Yearbook"), *body, (500, 30, f"Page {number + 2} of 7"), (50, 30, "Draft")]
        )
    parts = parse(pdf(pages), "a.pdf", Limits())
    text = parts.text()
    assert text.count("Yearbook") == text.count("Draft") == text.count("Page 3 of 7") == 1
    assert "Page 4" not in text
    assert [label for _, label in parts.pages] == ["1", "2", "3", "4", "5"]
    assert all(f"Sentence {row} of part {number * 7}." in text for row in range(5) for number in range(1, 6))


def test_what_only_looks_alike_stays():
    tops = ["Row 12", "Row 57", "Row 40", "Row 13"]
    pages: list[Words] = [[(50, 770, top), (50, 400, "The same in the middle"), (50, 20, str(number + 90))]
                          for number, top in enumerate(tops)]  # fmt: skip
    text = read(pdf(pages))
    assert all(top in text for top in tops)
    assert text.count("The same in the middle") == 4
    assert all(str(number + 90) not in text.split() for number in range(4))  # bare numbers of pages


def widget(name: str, rect: str, more: str) -> str:
    return f"<< /Type /Annot /Subtype /Widget /T ({name}) /Rect [{rect}] /F 4 /DA (/F1 11 Tf 0 g) {more} >>"


def test_forms_and_notes():
    words: Words = [(50, 700, "Name of the applicant:"), (50, 660, "Street and number"), (90, 620, "Member"),
                    (90, 600, "Guest"), (50, 560, "Land:"), (50, 520, "Secret:")]  # fmt: skip
    text = read(pdf([words], annotations=[
        widget("name", "200 695 400 715", "/FT /Tx /V (Rosa Klein)"),
        widget("street", "50 635 300 655", "/FT /Tx /V (Elm Road 4)"),
        widget("on", "70 618 82 630", "/FT /Btn /V /Yes /AS /Yes /AP << /N << /Yes 3 0 R /Off 3 0 R >> >>"),
        widget("off", "70 598 82 610", "/FT /Btn /V /Off /AS /Off /AP << /N << /Yes 3 0 R /Off 3 0 R >> >>"),
        widget("land", "100 555 300 575", "/FT /Ch /Ff 131072 /Opt [(France) (Spain)] /V (Spain)"),
        widget("secret", "100 515 300 535", "/FT /Tx /Ff 8192 /V (hunter2)"),
        widget("lonely", "400 100 500 120", "/FT /Tx /TU (Remarks) /V (None at all)"),
        widget("empty", "400 60 500 80", "/FT /Tx"),
        "<< /Type /Annot /Subtype /FreeText /Contents (The fee is 85 crowns.) /Rect [50 300 400 320] /F 4 >>",
        "<< /Type /Annot /Subtype /Text /Contents (Call before noon.) /Rect [50 540 70 560] /F 4 >>",
    ]))  # fmt: skip
    assert text.split("\n\n")[0].split("\n") == [
        "Name of the applicant: Rosa Klein", "Street and number Elm Road 4", "[x] Member", "[ ] Guest",
        "Land: Spain", "Secret:",
    ]  # fmt: skip
    assert "Remarks: None at all" in text
    assert "The fee is 85 crowns." in text
    assert "Call before noon." in text
    assert "hunter2" not in text
    case = read((DATA / "pdf-form.pdf").read_bytes())
    for value in ("applicant: Rosa Klein", "plot: Plot 47", "85 crowns", "Call the gardener"):
        assert value in case


def test_a_passage_in_columns_is_found_on_the_page():
    data = pdf([across(LEFT, RIGHT)])
    head, _ = page_image(data, 1, 800, read(data).strip())
    assert len(head["rects"]) >= 6
    assert len(page_image(data, 1, 800, "nothing like it on this page")[0]["rects"]) == 0
