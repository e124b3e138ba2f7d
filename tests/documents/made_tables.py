"""Tables in all ways that programs write CSV, made at random."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass

TEXTS = [
    "I liked the room, the view and the food", "Bad, bad, bad", "The bed was hard",
    "Clean and quiet; I will come back",
    'He said "never again" and left', "Good value for the money!",
    "The staff was friendly, but the lift was broken.",
    "Service lent, mais cuisine excellente", "Das Zimmer war sauber; das Bad leider nicht", "OK", "Great",
    "The waiter was rude | the soup was cold", "It's fine, isn't it?", "5 stars, would come again",
    "Two lines\nof one text", "Ordered on 3 May, arrived on 9 May", "10/10", "Нам все понравилось, спасибо",
    "Too loud at night, I could not sleep at all and nobody at the desk could be bothered to help me",
]  # fmt: skip
CHINESE = [
    *("质量不错，值得买", "物流太慢了；包装也破了", "还可以", "客服态度很差，不会再来", "味道很好"),
    "一般般吧，没有说的那么好",
]
NAMES = ["Ann", "Bob Miller", "李雷", "van Dyk, Piet", "O'Brien", "Maria"]
CITIES = ["Bonn", "Ulm", "Kiel", "New York", "北京", "Sao Paulo"]
TITLES = ["Customer survey 2024", "Exported on 3 May", "Report: all branches", "调查结果", "Page 1"]


def day(r: random.Random, end: int) -> str:
    return f"{r.randrange(1, end):02}"


Column = Callable[[random.Random, int], str]
COLUMNS: dict[str, tuple[list[str], Column]] = {
    "id": (["id", "ID", "No.", "order_id", "编号", "Nummer"], lambda r, n: str(1000 + n)),
    "code": (["code", "Order", "SKU"], lambda r, n: f"A-{r.randrange(100, 999)}"),
    "name": (["name", "Customer", "姓名", "Kunde"], lambda r, n: r.choice(NAMES)),
    "city": (["city", "Branch", "城市", "Filiale"], lambda r, n: r.choice(CITIES)),
    "date": (["date", "Day of visit", "日期", "Datum"], lambda r, n: f"2024-{day(r, 13)}-{day(r, 29)}"),
    "german date": (["Datum", "Eingang"], lambda r, n: f"{day(r, 29)}.{day(r, 13)}.2024"),
    "score": (["score", "2023", "Note", "评分"], lambda r, n: str(r.randrange(1, 6))),
    "price": (["price", "Preis", "Total"], lambda r, n: f"{r.random() * 100:.2f}"),
    "decimal comma": (["Preis", "Betrag"], lambda r, n: f"{r.random() * 100:.2f}".replace(".", ",")),
    "empty": (["remark", "x"], lambda r, n: "" if r.random() < 0.8 else "seen"),
    "paid": (["paid", "Member"], lambda r, n: r.choice(["yes", "no"])),
}  # fmt: skip
TEXT_NAMES = ["comment", "review", "What did you like?", "Bemerkung", "评论", "Your opinion", "text", "Q7"]
QUOTING = {"minimal": csv.QUOTE_MINIMAL, "all": csv.QUOTE_ALL, "nonnumeric": csv.QUOTE_NONNUMERIC}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "gb18030"]


@dataclass(frozen=True)
class Made:
    """A file's bytes and what is right about it."""

    data: bytes
    kind: str  # how it is written, in words
    delimiter: str
    header_row: int
    rows: list[list[str]]  # below the header


def make(seed: int) -> Made:
    """One table; the same for the same seed."""
    r = random.Random(seed)
    delimiter = r.choice([",", ",", ";", "\t", "|"])
    quoting = r.choice(["minimal", "minimal", "all", "nonnumeric", "escaped", "blanks"])
    count, header, titles = r.choice([2, 3, 5, 12, 60, 150]), r.random() < 0.85, r.choice([0, 0, 0, 1, 2, 4])
    chosen = r.sample(sorted(COLUMNS), r.randrange(1, 6))
    at = r.randrange(len(chosen) + 1)
    names = [r.choice(COLUMNS[each][0]) for each in chosen]
    names.insert(at, r.choice(TEXT_NAMES))
    if header and r.random() < 0.1:
        names[r.randrange(len(names))] = names[0]
    texts = CHINESE if r.random() < 0.25 else TEXTS
    rows = []
    for number in range(count):
        row = [COLUMNS[each][1](r, number) for each in chosen]
        row.insert(at, r.choice(texts))
        rows.append(row)
    if count > 4 and r.random() < 0.2:
        rows[r.randrange(1, count - 1)] = [""] * len(names)
    if not header:
        titles = 0
    padded = r.random() < 0.5
    above = [[r.choice(TITLES), *([""] * (len(names) - 1) if padded else [])] for _ in range(titles)]
    if titles > 1 and r.random() < 0.6:
        above[-1] = [""] * len(names) if padded else []
    lines = [*above, *([names] if header else []), *rows]
    text = write(lines, delimiter, quoting, r.choice(["\n", "\r\n"]))
    if r.random() < 0.06:
        text = f"sep={delimiter}\r\n{text}"
    encoding = r.choice(ENCODINGS)
    if encoding == "gb18030" and texts is TEXTS:
        encoding = "utf-8"
    kind = f"{delimiter!r} {quoting} {titles=} {header=} {count=} columns={len(names)} {encoding}"
    data = text.encode(encoding, errors="replace")
    return Made(data, kind, delimiter, titles + 1 if header else 0, rows)


def make_one_column(seed: int) -> Made:
    """A text a line with a name above it, nothing quoted that has commas in it."""
    r = random.Random(seed)
    texts = [text for text in (CHINESE if r.random() < 0.3 else TEXTS) if "\n" not in text and len(text) > 5]
    count = r.choice([3, 4, 6, 15, 60])
    name = r.choice(["review", "comment", "text", "评论", "feedback", "Your opinion"])
    rows = [[r.choice(texts)] for _ in range(count)]
    text = "\n".join([name, *(row[0] for row in rows)]) + "\n"
    return Made(text.encode(), f"one column of {count}", "", 1, rows)


def write(rows: list[list[str]], delimiter: str, quoting: str, end: str) -> str:
    out = io.StringIO()
    if quoting == "escaped":
        for row in rows:
            cells = (cell.replace("\\", "\\\\").replace('"', '\\"') for cell in row)
            out.write(delimiter.join(f'"{cell}"' for cell in cells) + end)
    elif quoting == "blanks":
        for row in rows:
            cells = ('"' + cell.replace('"', '""') + '"' for cell in row)
            out.write(f"{delimiter} ".join(cells) + end)
    else:
        csv.writer(out, delimiter=delimiter, quoting=QUOTING[quoting], lineterminator=end).writerows(rows)
    return out.getvalue()
