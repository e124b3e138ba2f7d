"""Answers and passages as the small HTML that a label shows. All text of people and models is escaped."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING

from autogpt_desktop.documents.text.markdown_nesting import keep_deep_text
from autogpt_desktop.tasks.answer.evidence import excerpt
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

    from autogpt_desktop.ui.answer.turn import QuestionTurn

CITE = "cite:"  # address of a citation's link, before the number of the place from 0
_NUMBER = re.compile(r"\[(\d{1,2})\]")
_HEADING = re.compile(r"^#{1,6}[ \t]+", re.MULTILINE)
_LONGEST = 420  # characters of a sentence that are shown around its phrase


def answer_html(turn: QuestionTurn) -> str:
    """An answer with its citations as links."""
    if turn.finding is None or not turn.is_phrase:
        return _linked(_rendered(turn.text.strip()), len(turn.places))
    first = turn.finding.answered.citations[0]
    text = turn.places[first.passage].passage.text
    start, end = turn.finding.sentences[0]
    if end - start > _LONGEST:
        a, b = excerpt(text[start:end], first.start - start, first.end - start, _LONGEST)
        start, end = start + a, start + b
    sentence = _emphasised(text, start, end, first.start, first.end)
    return f"<p style='margin:0'>{sentence}{_links(turn.cited())}</p>"


def passage_html(text: str, sentence: tuple[int, int], phrase: tuple[int, int], most: int) -> str:
    """A passage, or the part of it around ``sentence``; the sentence bold, the phrase marked as well."""
    first, last = excerpt(text, *sentence, most)
    a, b = max(first, sentence[0]), min(last, sentence[1])
    if a >= b:
        body = _plain(text[first:last])
    else:
        bold = f"<b>{_plain(text[a:b])}</b>"
        if phrase != sentence and a <= phrase[0] < phrase[1] <= b:
            bold = _emphasised(text, a, b, *phrase, bold=True)
        body = f"{_plain(text[first:a])}{bold}{_plain(text[b:last])}"
    return f"{'… ' if first > 0 else ''}{body}{' …' if last < len(text) else ''}"


def _emphasised(text: str, first: int, last: int, start: int, end: int, bold: bool = False) -> str:
    """``text[first:last]`` with the phrase [start, end) standing out."""
    mark = theme().hex("selection")
    phrase = f"<span style='background:{mark}; font-weight:600'>{_plain(text[start:end])}</span>"
    before, after = _plain(text[first:start]), _plain(text[end:last])
    return f"<b>{before}</b>{phrase}<b>{after}</b>" if bold else f"{before}{phrase}{after}"


def _plain(text: str) -> str:
    """One line, without the marks of Markdown headings: where lines end means nothing here."""
    return escape(re.sub(r"\s+", " ", _HEADING.sub("", text)))


def _links(numbers: list[int]) -> str:
    return "".join(f"&nbsp;<a href='{CITE}{number}'>[{number + 1}]</a>" for number in numbers)


def _linked(html: str, count: int) -> str:
    """Numbers in brackets become links where there is such a place."""

    def link(found: re.Match[str]) -> str:
        number = int(found[1]) - 1
        return f"<a href='{CITE}{number}'>[{number + 1}]</a>" if 0 <= number < count else found[0]

    return _NUMBER.sub(link, html)


def _rendered(markdown: str) -> str:
    return _parser().render(markdown)


@cache
def _parser() -> MarkdownIt:
    """What models write in an answer; nothing that a label would load or open."""
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable(
        ["image", "link", "autolink", "reference"]
    )
    keep_deep_text(markdown)
    return markdown
