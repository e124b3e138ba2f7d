"""Answers that are one long block each, said by a script at a steady rate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, count

from autogpt_desktop.events import Done, Event, Text
from autogpt_desktop.i18n import tr

LINES = 2000  # of each answer
RATE = 200  # pieces a second: as quick as small models become
PIECE = 4  # characters of one
FIRST, LAST = 1.0, 4.0  # seconds from the beginning and to the end: repaints enough for a p99
_CODE = (
    "def total_{n}(values):\n    result = 0  # so far\n    for value in values:\n"
    "        result += value\n    return result\n\n\nprint(total_{n}([1, 2, {n}]))\n"
)


@dataclass(frozen=True)
class Stream:
    """What an answer says: ``head``, and then ``part`` again and again, numbered."""

    title: str
    part: str
    head: str = ""
    share: float = 1.0  # of the lines, where one is long
    end: str = ""

    def text(self, lines: int) -> str:
        """All of it, so many lines long."""
        wanted, parts = max(1, round(lines * self.share)), list[str]()
        for number in count(1):
            parts.append(self.part.replace("{n}", str(number)))
            wanted -= max(1, self.part.count("\n"))
            if wanted <= 0:
                break
        return self.head + "".join(parts) + self.end


def streams() -> dict[str, Stream]:
    """One for each kind of block; ``thought`` is unfolded while it streams."""
    table = "| item {n} | 7{n} | some **words** about it |\n"
    head = "| name | value | remark |\n|---|--:|---|\n"
    return {
        "paragraph": Stream(tr("one paragraph"), "line **number** {n} of a paragraph\n"),
        "endless": Stream(
            tr("a line without end"), "words and **{n}** more, `code` never closed too, ", share=0.3, end="`"
        ),
        "chinese": Stream(
            tr("Chinese paragraphs"), "第 {n} 段：**重要**的是，这里既有中文，也有 `code` 和 English。\n\n"
        ),
        "headings": Stream(tr("headings"), "## Heading {n}\n\nA paragraph with *words*.\n\n"),
        "code": Stream(tr("one block of code"), _CODE, head="```python\n", end="```\n"),
        "blocks": Stream(tr("blocks of code"), "```python\nvalue = {n}\nprint(value)\n```\n\n"),
        "table": Stream(tr("one table"), table, head=head),
        "tables": Stream(tr("tables"), f"{head}{table * 4}\n"),
        "list": Stream(tr("a list"), "{n}. item **number** {n} of a long list\n"),
        "nested": Stream(
            tr("lists in lists, quotations in them"),
            "- item **{n}**\n  - with `code`\n    1. and a number\n\n    > and a quotation\n    > | a | b |\n"
            "    > |---|--:|\n    > | {n} | **b** |\n\n",
        ),
        "links": Stream(
            tr("links and their addresses"), "see [word {n}][r{n}]\n\n[r{n}]: https://example.org/{n}\n\n"
        ),
        "formulas": Stream(tr("formulas"), "where $a_{n} = b^2$ holds\n\n"),
        "thought": Stream(tr("a thought"), "line {n} of what is thought\n", head="<think>\n"),
    }


def say(text: str, *_: object, **given: Callable[[], bool]) -> Iterator[Event]:
    """As ``tasks.chat.chat``: says ``text`` in small pieces, ``RATE`` a second. Of a long one what is
    between its beginning and its end comes at once."""
    began = time.perf_counter()
    first, last = round(FIRST * RATE) * PIECE, round(LAST * RATE) * PIECE
    jump = max(first, len(text) - last)
    small = chain(range(0, first, PIECE), range(jump, len(text), PIECE))
    pieces = [text[at : at + PIECE] for at in small]
    if jump > first:
        pieces.insert(first // PIECE, text[first:jump])
    for number, piece in enumerate(pieces):
        if given["cancelled"]():
            return
        time.sleep(max(0.0, began + number / RATE - time.perf_counter()))
        yield Text(piece)
    yield Done("stop", 1, 0, len(pieces), 0.0, RATE, len(pieces), len(pieces))
