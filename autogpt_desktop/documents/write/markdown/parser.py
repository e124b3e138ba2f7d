"""Markdown read by markdown-it, with the place in the source of each line of prose and each inline mark."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from autogpt_desktop.documents.text.markdown_nesting import is_deep, keep_deep_text
from autogpt_desktop.documents.write.markdown.rules import BlockRule, InlineRule, add_rules

_LINE_END = re.compile(r"\r\n?|\n")
_CHAINS = ("paragraph", "reference", "blockquote", "list")
_FIRST = {  # the signs that a block can begin with; any where none is named
    "fence": "`~", "blockquote": ">", "hr": "*-_", "list": "*+-0123456789", "heading": "#",
    "html_block": "<", "colon_fence": ":", "formula": "$", "footnote": "[", "definition": "[",
    "deflist": ":~",
}  # fmt: skip
_SKIPPED = re.compile(r"\[[ xX]\][ \t]+|\[![A-Za-z]{1,40}\][-+]?[ \t]*\n?")  # a task's box, a callout's kind
_HEADING_ATTRIBUTES = re.compile(r"(?<![ \t])[ \t]++\{[#.:][^{}\n]{1,200}\}[ \t]*\Z")
_RAW = {"html_block": "html", "definition": "definition"}  # tokens without inline ones, and their kinds
_OTHERWISE = frozenset({"inline", *_RAW})  # tokens whose content may be another
_DEEPEST = 40  # quotes, and items of lists counted twice
_DEEP_MARKS = re.compile(r"(?:(?:[>*+-]|\d{1,9}[.)])[ \t]++|>)++")  # of what is nested deeper
_MOST_BRACKETS = 5_000  # in one paragraph: with more the parser takes seconds


@dataclass(frozen=True, slots=True)
class Prose:
    """Lines of one paragraph, heading, cell and the like: ``content`` is what ``text[start:end]`` says.

    ``breaks``: what stands in the source for each line break of ``content``, with the next line's marks.
    """

    kind: str  # text, heading, cell, html, definition
    start: int
    end: int
    content: str
    breaks: tuple[str, ...]

    def placed(self, content: str) -> str:
        """Other content, with the marks of quotes and lists before each line."""
        lines = content.split("\n")
        if not self.breaks and self.kind != "text":  # its line breaks are the source's own
            return content
        breaks = self.breaks or (" ",)
        found = [lines[0]]
        for number, line in enumerate(lines[1:]):
            found += [breaks[min(number, len(breaks) - 1)], line]
        return "".join(found)


@dataclass(frozen=True, slots=True)
class Piece:
    """A token of a line and the part of the line that it has."""

    kind: str  # markdown-it's type, "text" with what it says in ``text``
    start: int
    end: int
    text: str = ""
    inner: int = 0  # links and pictures: where the label ends


@dataclass(frozen=True, slots=True)
class Outline:
    """A text's prose, and its blocks in a form that can be compared."""

    prose: list[Prose]
    blocks: list[tuple[str, str, str]]
    env: dict[str, Any]


def outline(text: str) -> Outline:
    """Where a Markdown text has prose."""
    env: dict[str, Any] = {}
    tokens = _parser().parse(text, env)
    lines = _lines(text)
    telling = (token for token in tokens if token.type in _OTHERWISE)
    prose = [found for token in telling if (found := _prose(text, lines, token))]
    blocks = [
        (token.type, token.markup, "" if token.type in _OTHERWISE else token.content) for token in tokens
    ]
    prose.sort(key=lambda one: one.start)
    return Outline(prose, blocks, env)


def inline(content: str, env: dict[str, Any]) -> list[Piece]:
    """The tokens of a paragraph's text in order, without gaps."""
    whole = [Piece("text", 0, len(content), content)]
    if content.count("[") > _MOST_BRACKETS or content.count("<") > _MOST_BRACKETS:
        return whole
    tokens: list[Token] = []
    markdown = _parser()
    markdown.inline.parse(content, markdown, env, tokens)
    found: list[Piece] = []
    at = 0
    for piece in _placed(tokens):
        if piece.start < at:  # markers that the parser swapped: nothing is taken for a mark
            return whole
        if at < piece.start:
            found.append(Piece("text", at, piece.start, content[at : piece.start]))
        found.append(piece)
        at = piece.end
    return [*found, Piece("text", at, len(content), content[at:])] if at < len(content) else found


def _placed(tokens: Sequence[Token]) -> Iterator[Piece]:
    for token in tokens:
        if "at" not in token.meta or token.type == "text":  # text, or a marker that marks nothing
            continue
        start, end = token.meta["at"]
        if token.type == "strong_open":  # the other half of its marker is an empty text
            start -= 1
        elif token.type == "strong_close":
            end += 1
        text = token.content
        if token.type == "image":
            text = " ".join(child.content or " " for child in token.children or ()).strip()
            text = re.sub(r"\s+", " ", text)
        kind = "text" if token.type == "text_special" else token.type
        yield Piece(kind, start, end, text, token.meta.get("inner", 0))


def _lines(text: str) -> list[tuple[int, int]]:
    """(start, end) of each line, without what ends it."""
    ends = [match.span() for match in _LINE_END.finditer(text)]
    starts = [0, *(end for _, end in ends)]
    return list(zip(starts, [*(start for start, _ in ends), len(text)], strict=True))


def _prose(text: str, lines: Sequence[tuple[int, int]], token: Token) -> Prose | None:
    """Where the text of a token stands; None where it has none."""
    if token.type in _RAW:
        return _raw(text, lines, token)
    places = token.meta.get("places")
    if not token.content or places is None:
        return None
    kind = token.meta["kind"]
    first = token.map[0] if token.map else 0
    parts = token.content.split("\n")
    if kind == "cell":
        ((start, end),) = places
        start, end = lines[first][0] + start, lines[first][0] + end
        same = text[start:end].replace("\\|", "|") == token.content.replace("\ufffd", "\0")
        return Prose("cell", start, end, token.content, ()) if same else None
    ranges = [
        (min(lines[first + number][0] + column, lines[first + number][1]), lines[first + number][1])
        for number, column in enumerate(places)
    ]
    blank = 0  # lines of other white space, which the parser trims
    while blank < len(ranges) and not text[slice(*ranges[blank])].strip(" \t\r\n\v\f"):
        blank += 1
    if len(parts) > len(ranges) - blank:
        return None
    content: list[str] = []
    spans: list[tuple[int, int]] = []
    for part, (begin, end) in zip((part.lstrip(" \t") for part in parts), ranges[blank:], strict=False):
        found = text.find(part.replace("\ufffd", "\0"), begin, end) if "\ufffd" in part else -1
        found = found if found >= 0 else text.find(part, begin, end)
        if found < 0:
            return None
        last = found + len(part)
        if is_deep(token.level - 1, _DEEPEST) and (marks := _DEEP_MARKS.match(text, found, last)):
            found = marks.end()
        content.append(text[found:last])
        spans.append((found, last))
    joined = "\n".join(content)
    breaks = tuple(text[one[1] : other[0]] for one, other in pairwise(spans))
    start, end = spans[0][0], spans[-1][1]
    if skipped := _SKIPPED.match(joined):
        if skipped[0].endswith("\n"):
            start, breaks = spans[1][0], breaks[1:]
        else:
            start += skipped.end()
        joined = joined[skipped.end() :]
    if kind == "heading" and (attributes := _HEADING_ATTRIBUTES.search(joined)):
        end -= len(attributes[0])
        joined = joined[: attributes.start()]
    return Prose(kind, start, end, joined, breaks) if joined else None


def _raw(text: str, lines: Sequence[tuple[int, int]], token: Token) -> Prose | None:
    """HTML or a definition, with the source's own line breaks where nothing stands before its lines."""
    kind = _RAW[token.type]
    if token.map is None or not token.content.strip():
        return None
    first, last = token.map[0], min(token.map[1], len(lines))
    parts = token.content.rstrip("\n").split("\n")
    start, end = lines[first][0], lines[min(first + len(parts), last) - 1][1]
    if _LINE_END.sub("\n", text[start:end]) == "\n".join(parts):
        return Prose(kind, start, end, text[start:end], ())
    spans: list[tuple[int, int]] = []
    for number, part in enumerate(parts[: last - first]):
        begin, end = lines[first + number]
        if not text.endswith(part, begin, end):  # a tab of which a part is the list's
            part = part.lstrip(" ")
        if not text.endswith(part, begin, end):
            return None
        spans.append((end - len(part), end))
    content = "\n".join(text[begin:end] for begin, end in spans)
    breaks = tuple(text[one[1] : other[0]] for one, other in pairwise(spans))
    return Prose(kind, spans[0][0], spans[-1][1], content, breaks)


@cache
def _parser() -> MarkdownIt:
    """CommonMark with tables, footnotes and the like, whose tokens know their places."""
    markdown = MarkdownIt("commonmark", {"maxNesting": _DEEPEST, "inline_definitions": True}).enable(
        ["table", "strikethrough"]
    )
    markdown.core.ruler.enableOnly(["normalize", "block"])
    markdown.inline.ruler2.disable(["fragments_join"])  # they would lose their places
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]
    markdown.normalizeLink = lambda url: url  # type: ignore[method-assign]
    add_rules(markdown)
    keep_deep_text(markdown)
    block, line = markdown.block.ruler, markdown.inline.ruler
    names, rules = block.get_active_rules(), [*block.getRules()]
    ending = {chain: [*block.getRules(chain)] for chain in _CHAINS}
    for name, rule in zip(names, rules, strict=True):
        block.at(name, _placing_lines(name, rule))
    for chain, asked in ending.items():
        known = [(_FIRST.get(names[rules.index(rule)], ""), rule) for rule in asked]
        # behind the rule of paragraphs, which takes any line, it is asked for nothing else
        block.push(f"ends {chain}", _ends_block(known), {"alt": [chain]})
    for name, each in zip(line.get_active_rules(), [*line.getRules()], strict=True):
        line.at(name, _placing_tokens(name, each))
    return markdown


def _ends_block(rules: Sequence[tuple[str, BlockRule]]) -> BlockRule:
    """One rule for all that end a paragraph, a list or the like: asks those that know a line's first sign."""
    signs = sorted({sign for first, _ in rules for sign in first})
    by_sign = {sign: [rule for first, rule in rules if sign in first or not first] for sign in signs}
    others = [rule for first, rule in rules if not first]

    def run(state: StateBlock, line: int, last: int, silent: bool) -> bool:
        at = state.bMarks[line] + state.tShift[line]
        sign = state.src[at : at + 1]
        return any(rule(state, line, last, silent) for rule in by_sign.get(sign, others))

    return run


def _placing_lines(name: str, rule: BlockRule) -> BlockRule:
    """The rule, after which each new inline token knows where its lines begin."""

    defines = name in ("reference", "definition")

    def run(state: StateBlock, first: int, last: int, silent: bool) -> bool:
        done = rule(state, first, last, silent)
        if done and not silent:
            known = state.env.get("placed", 0)  # the rules of what is inside were here before
            state.env["placed"] = len(state.tokens)
            inside = [token for token in state.tokens[known:] if token.type == "inline" and token.map]
            _place_cells(state, inside) if name == "table" else _place_lines(state, inside, name)
            if defines:
                token = state.tokens[-1]
                assert token.map
                token.content = state.getLines(token.map[0], token.map[1], state.blkIndent, False)
        return done

    return run


def _place_lines(state: StateBlock, tokens: Sequence[Token], name: str) -> None:
    for token in tokens:
        assert token.map is not None
        first, last = token.map[0], max(token.map[1], token.map[0] + 1)
        # columns of the line, as the source's own line ends may be longer than the parser's
        begins = _begins(state)
        places = [state.bMarks[line] + state.tShift[line] - begins[line] for line in range(first, last)]
        if name == "heading":
            at = state.bMarks[first] + state.tShift[first]
            places[0] += len(state.src[at : state.eMarks[first]]) - len(
                state.src[at : state.eMarks[first]].lstrip("#")
            )
        token.meta.update(kind="heading" if name == "heading" else "text", places=places)


def _begins(state: StateBlock) -> list[int]:
    """Where each line of the parser's source begins."""
    found = state.env.get("begins")
    if found is None:
        found = state.env["begins"] = [0, *(match.end() for match in re.finditer("\n", state.src))]
    return found


def _place_cells(state: StateBlock, tokens: Sequence[Token]) -> None:
    """Cells as the parser cuts them, with where they begin and end in their line."""
    row, spans = -1, _cells(state.src, 0, 0)
    for token in tokens:
        assert token.map is not None
        if token.map[0] != row:
            row = token.map[0]
            spans = _cells(state.src, state.bMarks[row] + state.tShift[row], state.eMarks[row])
        start, end = next(spans, (0, 0))
        if start < end:
            begin = _begins(state)[row]
            token.meta.update(kind="cell", places=[(start - begin, end - begin)])


def _cells(source: str, at: int, end: int) -> Iterator[tuple[int, int]]:
    at, end = _trimmed(source, at, end)
    bars = [place for place in range(at, end) if source[place] == "|" and source[place - 1 : place] != "\\"]
    edges = [at - 1, *bars, end]
    if bars and bars[0] == at:
        edges.pop(0)
    if bars and bars[-1] == end - 1 and len(edges) > 1:
        edges.pop()
    for left, right in pairwise(edges):
        yield _trimmed(source, left + 1, right)


def _trimmed(source: str, start: int, end: int) -> tuple[int, int]:
    while start < end and source[start] in " \t\v\f\r":
        start += 1
    while start < end and source[end - 1] in " \t\v\f\r":
        end -= 1
    return start, end


def _placing_tokens(name: str, rule: InlineRule) -> InlineRule:
    """The rule, after which what it made knows its place: ``meta["at"]``."""
    place: Callable[[StateInline, int, int], None] = _PLACERS.get(name, _place_one)

    def run(state: StateInline, silent: bool) -> bool:
        start, count = state.pos, len(state.tokens)
        done = rule(state, silent)
        if done and not silent and len(state.tokens) > count:
            place(state, start, count)
        return done

    return run


def _place_one(state: StateInline, start: int, _count: int) -> None:
    state.tokens[-1].meta["at"] = start, state.pos


def _place_break(state: StateInline, start: int, _count: int) -> None:
    while start and state.src[start - 1] == " ":
        start -= 1
    state.tokens[-1].meta["at"] = start, state.pos


def _place_markers(state: StateInline, start: int, _count: int) -> None:
    """A run of * or ~, each of which may become a mark or stay text."""
    end = state.pos
    for token in reversed(state.tokens):
        if end <= start:
            break
        token.meta["at"] = end - len(token.content), end
        end -= len(token.content)


def _place_link(state: StateInline, start: int, count: int) -> None:
    opened = next(token for token in state.tokens[count:] if token.type == "link_open")
    inner = state.md.helpers.parseLinkLabel(state, start, True)
    opened.meta.update(at=(start, start + 1), inner=inner)
    state.tokens[-1].meta["at"] = inner, state.pos


def _place_picture(state: StateInline, start: int, _count: int) -> None:
    inner = state.md.helpers.parseLinkLabel(state, start + 1, False)
    state.tokens[-1].meta.update(at=(start, state.pos), inner=inner)


def _place_address(state: StateInline, start: int, count: int) -> None:
    opened = next(token for token in state.tokens[count:] if token.type == "link_open")
    opened.type, opened.content = "autolink", state.src[start + 1 : state.pos - 1]
    opened.meta["at"] = start, state.pos
    state.tokens[-1].type = "text"


def _place_note(state: StateInline, start: int, count: int) -> None:
    opened = next(token for token in state.tokens[count:] if token.type == "inline_note_open")
    opened.meta["at"] = start, start + 2
    state.tokens[-1].meta["at"] = state.pos - 1, state.pos


_PLACERS: dict[str, Callable[[StateInline, int, int], None]] = {
    "newline": _place_break,
    "emphasis": _place_markers,
    "strikethrough": _place_markers,
    "link": _place_link,
    "image": _place_picture,
    "autolink": _place_address,
    "inline_note": _place_note,
}
