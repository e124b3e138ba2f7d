"""Long paragraphs in segments, each of which is read by itself: where one ends is told by what stands before.

So neither a paragraph of thousands of lines nor a mark that nobody closes makes a growing answer slow.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore

CUT = "cut"  # the type of the token between two segments
LEAST = 1_000  # characters of a segment that ends at a line break outside of all marks
MOST = 3_000  # at which it ends at any line break, or where a line has none, at a blank
_MARKS = re.compile(r"\\.|`++|\*++|~~|[\[\]$]|(?<!\w)_++|_++(?!\w)", re.DOTALL)
_SENTENCE_END = re.compile(r"[.!?…]\s|[。！？；]")


def add_segments(markdown: MarkdownIt) -> None:
    """Instead of the rule that reads all that stands in a block at once."""
    markdown.core.ruler.at("inline", _read_segments)


def _read_segments(state: StateCore) -> None:
    """``env["guard"]``: line and text of what stands for the beginning of a paragraph that is settled."""
    from markdown_it.token import Token

    guard_line, guard = state.env.get("guard", (-1, ""))
    for token in state.tokens:
        if token.type != "inline":
            continue
        line = token.map[0] if token.map else 0
        if line == guard_line:
            token.content = token.content[len(guard) :]
            token.meta |= {"resumed": True, "joined": "\n" not in guard}
            line += guard.count("\n")
        token.meta["line"] = line
        children: list[Token] = []
        pieces: list[str] = []
        begin = 0
        for end in segment_ends(token.content):
            if begin:
                children.append(Token(CUT, "", 0, meta={"at": begin}))
            piece = _stripped(token.content, begin, end, inner=bool(begin or token.meta.get("resumed")))
            state.md.inline.parse(piece, state.md, state.env, children)
            pieces.append(piece)
            begin = end
        token.children, token.meta["pieces"] = children, pieces


def _stripped(content: str, begin: int, end: int, inner: bool) -> str:
    """A segment without the line break behind it, and what belongs to that."""
    piece = content[begin:end]
    if inner:
        piece = piece.lstrip(" \t")
    if end == len(content) or not piece.endswith("\n"):
        return piece
    piece = piece.rstrip()
    return piece[:-1] if piece.endswith("\\") and not piece.endswith("\\\\") else piece


def segment_ends(content: str) -> list[int]:
    """Where the segments of a paragraph's text end; the last ends with it."""
    ends, begin = list[int](), 0
    while len(content) - begin > LEAST:
        end = _segment_end(content, begin)
        if not end:
            break
        ends.append(end)
        begin = end
    return [*ends, len(content)]


def _segment_end(content: str, begin: int) -> int:
    """Behind the segment that begins here, 0: it goes on."""
    last = place = content.find("\n", begin + LEAST, begin + MOST)
    while place >= 0:
        if place + 1 < len(content) and _is_closed(content[begin:place]):
            return place + 1
        last = place
        place = content.find("\n", place + 1, begin + MOST)
    if len(content) - begin <= MOST:
        return 0
    if last >= 0:
        return last + 1
    window = content[begin + LEAST : begin + MOST]
    sentence = max((match.end() for match in _SENTENCE_END.finditer(window)), default=0)
    blank = sentence or window.rfind(" ") + 1
    return begin + (LEAST + blank if blank else MOST)


def lines_for_end(content: str, begin: int, end: int) -> int:
    """How many lines from ``end`` on, the first of which it may stand in, tell that a segment ends there.

    A line that is not whole may still turn out to be no part of the paragraph.
    """
    beyond = content[begin + MOST :]
    told = len(content) - len(beyond.lstrip())
    return content.count("\n", end, told) + (content[end - 1] == "\n" or "\n" in content[end:told])


def _is_closed(text: str) -> bool:
    """Is no mark open that may be closed further down? Now and then one is believed open that is not."""
    counts: dict[str, int] = {}
    for mark in _MARKS.findall(text):
        counts[mark] = counts.get(mark, 0) + 1
    brackets = counts.pop("[", 0) - counts.pop("]", 0)
    displays = counts.pop(r"\(", 0) - counts.pop(r"\)", 0) or counts.pop(r"\[", 0) - counts.pop(r"\]", 0)
    odd = any(count % 2 for mark, count in counts.items() if mark[0] != "\\")
    return not (brackets or displays or odd)
