"""Text with inline marks (bold, links, pictures) that is replaced by its translation, marks and all.

A format hands over tokens; ``segments`` cuts them where a paragraph or a line ends. ``marks_carry`` puts
the marks of a segment onto its translation.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from autogpt_desktop.documents.text.sentences import sentences
from autogpt_desktop.documents.write.mark_alignment import Span, trimmed
from autogpt_desktop.errors import KnownError

LONGEST_PHRASE = 200  # characters; the words of a longer mark are found by where it stands
MOST_MARKS = 500  # in one line; each is compared with the others
_MOSTLY = 2 / 3  # of a paragraph's characters
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    raw: Any = None  # as the file has it


@dataclass(frozen=True, slots=True, eq=False)
class Open:
    """A mark begins. ``keep``: it must not get lost, as a link. ``shown``: people see it."""

    payload: Any
    keep: bool = True
    shown: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Close:
    """The mark ``opened`` ends."""

    opened: Open
    payload: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """Something in the line without words, as a picture, or with words that stay as they are.

    ``text`` stands for it in what is translated.
    """

    payload: Any
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """The end of a line of text; stays where it is."""

    payload: Any


Token = Text | Open | Close | Thing | Edge


@dataclass(eq=False)
class Node:
    """A mark, or a thing, with the part of the segment's text that it has."""

    start: int
    end: int
    opened: Open | None = None
    closed: Close | None = None
    thing: Thing | None = None
    inside: list[Node] = field(default_factory=list)

    @property
    def keep(self) -> bool:
        opened = self.opened is not None and self.opened.keep
        return opened or self.thing is not None or any(node.keep for node in self.inside)


@dataclass(eq=False)
class Segment:
    """What is translated at a time: ``tokens`` without edges, their text, the marks as a tree."""

    tokens: list[Token]
    text: str
    nodes: list[Node]

    @property
    def has_letters(self) -> bool:
        return bool(_LETTER.search(self.text))

    def phrases(self) -> Iterator[str]:
        """The texts of marks that cover a sentence in part: their translations help ``carried``."""
        spans = sentences(self.text)
        starts, ends = [first for first, _ in spans], [last for _, last in spans]
        for node in _every(self.nodes):
            start, end = trimmed(self.text, node.start, node.end)
            text = self.text[start:end]
            if node.opened is None or not node.opened.shown:
                continue
            if len(text) > LONGEST_PHRASE or not _LETTER.search(text):
                continue
            touched = spans[bisect_right(ends, start) : bisect_left(starts, end)]
            if len(touched) == 1 and not covers(self.text, (start, end), touched[0]):
                yield text


class Unit(Protocol):
    """What is translated at a time: a segment, or another text of the file."""

    @property
    def text(self) -> str: ...


def texts_of(units: Sequence[Unit], path: Path) -> tuple[list[str], list[str]]:
    """``Blocks.texts`` and ``Blocks.phrases`` of a file. Raises KnownError("document-empty") for no units."""
    if not units:
        raise KnownError("document-empty", name=path.name)
    return [unit.text for unit in units], phrases_of(units)


def phrases_of(units: Iterable[object]) -> list[str]:
    """The phrases of those units that are segments, each once, in their order: ``Blocks.phrases``."""
    found = (unit.phrases() for unit in units if isinstance(unit, Segment))
    return list(dict.fromkeys(phrase for some in found for phrase in some))


def segments(tokens: Sequence[Token], collapse: bool = False) -> list[Edge | Segment]:
    """Cut tokens at edges. Marks that have an edge inside, or one end only, become edges themselves.

    ``collapse``: white space counts as one blank, as in HTML; what a line begins and ends with stays."""
    found: list[Edge | Segment] = []
    line: list[Token] = []
    for token in [*_matched(tokens), Edge(None)]:
        if not isinstance(token, Edge):
            line.append(token)
            continue
        found += _segment(line, collapse) if line else []
        if token.payload is not None:
            found.append(token)
        line = []
    return found


def _matched(tokens: Sequence[Token]) -> list[Token]:
    """The tokens, where those ends of marks are edges that are no pair around one piece of one line."""
    found = list(tokens)
    around: list[int] = []  # marks that are open, by their places
    cut = 0  # so many of these, the outermost, cannot stay whole
    for at, token in enumerate(tokens):
        if isinstance(token, Open):
            around.append(at)
        elif isinstance(token, Edge):
            cut = len(around)
        elif isinstance(token, Close):
            outer = len(around) - 1
            while outer >= 0 and tokens[around[outer]] is not token.opened:
                outer -= 1
            if outer < 0:
                found[at] = Edge(token)
                cut = len(around)
                continue
            begin, inner = around[outer], around[outer + 1 :]
            if inner or outer < cut:  # what is inside was never closed
                found[at], found[begin] = Edge(token), Edge(tokens[begin])
                cut = outer
            for place in inner:
                found[place] = Edge(tokens[place])
            del around[outer:]
    for place in around:
        found[place] = Edge(tokens[place])
    return found


def _segment(line: list[Token], collapse: bool) -> list[Edge | Segment]:
    """One line's tokens, with the blank text at both its ends taken off."""
    before: list[Edge | Segment] = []
    after: list[Edge | Segment] = []
    if collapse:
        line, head = _without_space(line, 0)
        line, tail = _without_space(line, -1)
        before += [Edge(Text(head, head))] if head else []
        after += [Edge(Text(tail, tail))] if tail else []
    if sum(not isinstance(token, Text) for token in line) > MOST_MARKS:
        return [*before, *_apart(line, collapse), *after]
    return [*before, _tree(line, collapse), *after] if line else [*before, *after]


def _apart(line: list[Token], collapse: bool) -> Iterator[Edge | Segment]:
    """The texts of a line each on its own, where its marks are too many to be carried."""
    for token in line:
        if isinstance(token, Text):
            yield _tree([token], collapse)
        else:
            yield Edge(token.payload) if isinstance(token, Thing) else Edge(token)


def _without_space(line: list[Token], at: int) -> tuple[list[Token], str]:
    """The line without the white space at its beginning (0) or end (-1), where plain text stands there."""
    token = line[at] if line else None
    if not isinstance(token, Text):
        return line, ""
    raw = str(token.raw if token.raw is not None else token.text)
    bare = raw.lstrip(" \t\r\n\f") if at == 0 else raw.rstrip(" \t\r\n\f")
    space = raw[: len(raw) - len(bare)] if at == 0 else raw[len(bare) :]
    text = token.text.lstrip(" \t\r\n\f") if at == 0 else token.text.rstrip(" \t\r\n\f")
    rest = [Text(text, bare)] if bare else []
    return ([*rest, *line[1:]] if at == 0 else [*line[:-1], *rest]), space


def _tree(line: list[Token], collapse: bool) -> Segment:
    root = Node(0, 0)
    stack = [root]
    text, after_thing = "", False
    for token in line:
        if isinstance(token, Text):
            piece = re.sub(r"[ \t\r\n\f]+", " ", token.text) if collapse else token.text
            again = collapse and piece[:1] == " " == text[-1:] and not after_thing
            text += piece[1:] if again else piece
        elif isinstance(token, Open):
            stack.append(Node(len(text), len(text), opened=token))
        elif isinstance(token, Close):
            node = stack.pop()
            node.end, node.closed = len(text), token
            stack[-1].inside.append(node)
        elif isinstance(token, Thing):
            stack[-1].inside.append(Node(len(text), len(text) + len(token.text), thing=token))
            text += token.text
        after_thing = isinstance(token, Thing)
    return Segment(line, text, root.inside)


def _every(nodes: Sequence[Node]) -> Iterator[Node]:
    waiting = [*reversed(nodes)]  # marks may stand in one another deeper than Python calls
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.inside)


def covers(text: str, mark: Span, sentence: Span) -> bool:
    """Does the mark have all letters and digits of the sentence?"""
    rest = text[sentence[0] : max(mark[0], sentence[0])] + text[min(mark[1], sentence[1]) : sentence[1]]
    return not any(character.isalnum() for character in rest)


def ground(tokens: Iterable[Token]) -> Any:
    """The format, ``raw`` of a text, that the marks of a paragraph stand in; None where there is no text.

    That of most of it, else of most stretches: words in another format may be longer than what stands
    around them, and the blanks beside them are not of their format.
    """
    sizes, stretches = Counter[Any](), Counter[Any]()
    formats: dict[Any, Any] = {}
    last = None
    for token in tokens:
        if not isinstance(token, Text):
            continue
        key = token.raw.key
        formats.setdefault(key, token.raw)
        sizes[key] += len(token.text)
        if token.text.strip():
            stretches[key] += key != last
            last = key
    if not sizes:
        return None
    most, size = sizes.most_common(1)[0]
    if size < _MOSTLY * sizes.total():
        most = max(sizes, key=lambda key: (stretches[key], sizes[key]))
    return formats[most]
