"""Where the words of a mark stand in a translation, told by the links of a model that says which word became
which."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from autogpt_desktop.documents.write.mark_alignment import Span, words

Link = tuple[int, int, int, int]  # characters of a word, and of its counterpart
_SHORT = 3  # letters of articles and the like, in which links are least sure


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of the translation: how many of its links lead into the mark, and past it."""

    start: int
    end: int
    inside: int
    outside: int

    @property
    def is_own(self) -> bool:
        return self.inside > 0 and self.inside >= self.outside

    @property
    def is_others(self) -> bool:
        return self.outside > self.inside

    @property
    def size(self) -> int:
        return self.end - self.start


def linked_words(
    source: str, target: str, links: Sequence[Link], mark: Span, limits: Span, taken: Sequence[Span] = ()
) -> Span | None:
    """The words of ``target`` within ``limits`` that say what ``source`` says in ``mark``: one group, the one
    with most letters where they stand apart. None where no word is linked, or others have them.
    """
    near = [link for link in links if limits[0] < link[3] and link[2] < limits[1]]
    row = _counted(words(target, *limits), near, mark)
    free = [word for word in row if not any(word.start < end and start < word.end for start, end in taken)]
    best: list[_Word] = []
    for group in _groups(free, row):
        if sum(word.size for word in group if word.is_own) > sum(word.size for word in best if word.is_own):
            best = group
    best = _without_article(best, near, source, mark)
    if not best:
        return None
    return _with_signs(source[mark[0] : mark[1]], target, (best[0].start, best[-1].end), limits)


def linked_edge(links: Sequence[Link], source: str, at: int) -> int | None:
    """Where in the translation stands what touches the word that ends, or else begins, at ``at``."""
    ends = [link[3] for link in links if link[1] == at]
    if ends:
        return max(ends)
    while at < len(source) and source[at].isspace():
        at += 1
    return min((link[2] for link in links if link[0] == at), default=None)


def _counted(row: Sequence[Span], links: Sequence[Link], mark: Span) -> list[_Word]:
    """Each word of the translation with how many links lead where."""
    ends = [end for _, end in row]
    inside, outside = [0] * len(row), [0] * len(row)
    for start, end, first, last in links:
        shared = min(end, mark[1]) - max(start, mark[0])
        counts = inside if 2 * shared >= min(end - start, mark[1] - mark[0]) and shared > 0 else outside
        at = bisect_right(ends, first)
        while at < len(row) and row[at][0] < last:
            counts[at] += 1
            at += 1
    return [_Word(*word, own, others) for word, own, others in zip(row, inside, outside, strict=True)]


def _groups(free: Sequence[_Word], row: Sequence[_Word]) -> list[list[_Word]]:
    """Neighbours that are the mark's own; what is linked to nothing, or one short word between two longer
    ones, is no gap."""
    found: list[list[_Word]] = []
    group: list[_Word] = []
    gap: list[_Word] = []
    at = {word.start: place for place, word in enumerate(row)}
    last = -2
    for word in free:
        if at[word.start] != last + 1:
            found, group, gap = [*found, group], [], []
        last = at[word.start]
        if not word.is_own:
            gap.append(word)
            continue
        others = [other for other in gap if other.is_others]
        bridge = not others or (
            len(gap) == 1 and gap[0].size <= _SHORT < min(word.size, group[-1].size if group else 0)
        )
        if group and bridge:
            group = [*group, *gap, word]
        else:
            found, group = [*found, group], [word]
        gap = []
    return [group for group in [*found, group] if group]


def _without_article(group: list[_Word], links: Sequence[Link], source: str, mark: Span) -> list[_Word]:
    """The group without a short first word that stands for one in front of the mark, which no other word
    stands for: models give an article to its noun."""
    before = words(source, 0, mark[0])[-1:]
    if len(group) < 2 or group[0].size > _SHORT or not before:
        return group
    start, end = before[0]
    if end - start > _SHORT or any(link[0] < end and start < link[1] for link in links):
        return group
    mine = {link[:2] for link in links if link[2] < group[0].end and group[0].start < link[3]}
    again = any(link[:2] in mine and link[2] >= group[1].start for link in links)
    return group[1:] if again else group


_LIKE = {",": "，、", ".": "。", ":": "：", ";": "；", "!": "！", "?": "？", "(": "（", ")": "）"}
_QUOTES = '"“”„«»「」'


def _with_signs(mark: str, target: str, place: Span, limits: Span) -> Span:
    """With the signs that a mark begins or ends with, where they stand there too."""
    start, end = place
    inner = words(mark)
    if not inner:
        return place
    for sign in mark[inner[-1][1] :].rstrip():
        end += end < limits[1] and _alike(sign, target[end])
    for sign in reversed(mark[: inner[0][0]].lstrip()):
        start -= start > limits[0] and _alike(sign, target[start - 1])
    return start, end


def _alike(sign: str, other: str) -> bool:
    return other in sign + _LIKE.get(sign, "") or (sign in _QUOTES and other in _QUOTES)
