"""Inline marks put onto a translation.

One that covers whole sentences covers theirs; one inside a sentence goes to the words that it has in the
other language: those that the model links to its own, else those that are like its translation on its own,
else those that stand about there. No text, link or picture is lost; a bold that finds no word is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.inline_marks import Node, Segment, Text, Thing, Token, covers
from autogpt_desktop.documents.write.mark_alignment import (
    Span,
    find_words,
    is_unspaced,
    middle_gap,
    trimmed,
    words,
)
from autogpt_desktop.documents.write.mark_links import linked_edge, linked_words

_SIGNS = frozenset(",.;:!?)，。、；：！？）")


def carried(segment: Segment, translated: TranslatedText, phrases: Mapping[str, str]) -> list[Token]:
    """The segment's marks and things around the translation's words. ``phrases``: marked words on their
    own, and what they became."""
    return _Carrier(segment, translated, phrases).tokens()


class _Carrier:
    """Finds the place of each node in the translation, outer ones first, and writes the tokens."""

    def __init__(self, segment: Segment, translated: TranslatedText, phrases: Mapping[str, str]) -> None:
        self.source, self.target, self.phrases = segment.text, translated.text, phrases
        self.spans = [span for span in translated.spans if span[0] < span[1] and span[2] < span[3]]
        if not self.spans and self.target.strip():
            self.spans = [(*trimmed(self.source), *trimmed(self.target))]
        self.links = translated.links
        self.nodes = segment.nodes
        self.places: dict[int, Span] = {}
        self.said: dict[int, str] = {}  # what is written for a mark that has no word of its own

    def tokens(self) -> list[Token]:
        whole = (0, len(self.target))
        self._place(self.nodes, whole, taken=[])
        return self._written(self.nodes, whole)

    def _place(self, nodes: Sequence[Node], region: Span, taken: list[Span]) -> None:
        """Give every node a part of ``region``; no two share a word."""
        marks = [node for node in nodes if node.thing is None and self.source[node.start : node.end].strip()]
        sure = [(self._certain(node, region), node) for node in marks]
        rest = []
        for place, node in sure:
            if place and not _overlap(place, taken):
                self._take(node, place, taken)
            else:
                rest.append(node)
        for thing in (node for node in nodes if node.thing and node.thing.text):
            if place := self._literal(thing, region, taken):
                self._take(thing, place, taken)
        for find in (self._by_links, self._by_words):  # by what the mark's own words became
            for node in [*rest]:
                if place := find(node, region, taken):
                    self._take(node, place, taken)
                    rest.remove(node)
        for node in rest:  # by where it stands
            place = self._by_position(node, region, taken)
            if place:
                self._take(node, place, taken)
            elif node.keep:
                self._say(node, region, taken)
        for node in nodes:
            if id(node) not in self.places and (node.thing or node not in marks):
                at = self._gap(node, nodes, region)
                self.places[id(node)] = at, at
        for node in nodes:
            if node.thing:
                continue
            if id(node) in self.places:
                self._place(node.inside, self.places[id(node)], [])
            else:  # the mark is lost, what is in it is not
                self._place(node.inside, region, taken)

    def _take(self, node: Node, place: Span, taken: list[Span]) -> None:
        place = self._with_things(node, place)
        self.places[id(node)] = place
        taken.append(place)

    def _with_things(self, node: Node, place: Span) -> Span:
        """The place with all of a thing that the mark begins or ends with, as its signs are no words."""
        start, end = place
        for inner in node.inside:
            text = inner.thing.text if inner.thing else ""
            if text and inner.end == node.end:
                at = self.target.rfind(text, max(end - len(text), start), end + len(text))
                end = max(end, at + len(text)) if at >= 0 else end
            if text and inner.start == node.start:
                at = self.target.find(text, max(start - len(text), 0), end)
                start = min(start, at) if at >= 0 else start
        return start, end

    def _touched(self, node: Node) -> list[tuple[int, int, int, int]]:
        start, end = trimmed(self.source, node.start, node.end)
        return [span for span in self.spans if span[0] < end and start < span[1]]

    def _certain(self, node: Node, region: Span) -> Span | None:
        """The place of a mark that covers sentences, or begins or ends between two of them."""
        touched = self._touched(node)
        if not touched:
            return None
        mark = trimmed(self.source, node.start, node.end)
        first, last = touched[0], touched[-1]
        from_start = covers(self.source, (mark[0], first[1]), first[:2])
        to_end = covers(self.source, (last[0], mark[1]), last[:2])
        if len(touched) == 1 and not (from_start and to_end):
            return None
        begin, end = first[2], last[3]
        if from_start:
            begin += self._signs(self.source[first[0] : max(mark[0], first[0])], self.target, begin, 1)
        else:
            begin = self._word_edge(mark[0], first, False)
        if to_end:
            end -= self._signs(self.source[min(mark[1], last[1]) : last[1]], self.target, end, -1)
        else:
            end = self._word_edge(mark[1], last, True)
        place = max(begin, region[0]), min(end, region[1])
        return place if place[0] < place[1] else None

    @staticmethod
    def _signs(left_out: str, text: str, at: int, step: int) -> int:
        """How many signs at the translation's edge stay outside, as some did in the source."""
        count = 0
        if left_out.strip():
            place = at if step > 0 else at - 1
            while 0 <= place < len(text) and not text[place].isalnum():
                count, place = count + 1, place + step
        return count

    def _word_edge(self, at: int, span: tuple[int, int, int, int], is_end: bool) -> int:
        """Where a mark that reaches into a sentence from another ends there: about the same share of it."""
        share = (at - span[0]) / max(span[1] - span[0], 1)
        wish = span[2] + share * (span[3] - span[2])
        found = [word[is_end] for word in words(self.target, span[2], span[3])]
        return min(found, key=lambda edge: abs(edge - wish)) if found else span[3] if is_end else span[2]

    def _literal(self, node: Node, region: Span, taken: Sequence[Span]) -> Span | None:
        """The words as they are, as names, numbers and code stay."""
        text = self.source[slice(*trimmed(self.source, node.start, node.end))]
        wish = self._at(node.start)
        before, after = (
            (r"(?<![^\W_])" if text[0].isalnum() else ""),
            (r"(?![^\W_])" if text[-1].isalnum() else ""),
        )
        found = [match.span() for match in re.finditer(before + re.escape(text) + after, self.target)]
        free = [one for one in found if _within(one, region) and not _overlap(one, taken)]
        return min(free, key=lambda one: abs(one[0] - wish), default=None)

    def _by_links(self, node: Node, region: Span, taken: Sequence[Span]) -> Span | None:
        if not self.links:
            return None
        mark = trimmed(self.source, node.start, node.end)
        return linked_words(self.source, self.target, self.links, mark, region, taken)

    def _by_words(self, node: Node, region: Span, taken: Sequence[Span]) -> Span | None:
        touched = self._touched(node)
        if not touched:
            return None
        limits = max(region[0], touched[0][2]), min(region[1], touched[-1][3])
        text = self.source[slice(*trimmed(self.source, node.start, node.end))]
        if place := self._literal(node, limits, taken):
            return place
        known = [text, *([self.phrases[text]] if text in self.phrases else [])]
        return find_words(self.target, limits, known, self._at(node.start), taken)

    def _by_position(self, node: Node, region: Span, taken: Sequence[Span]) -> Span | None:
        touched = self._touched(node)
        limits = region
        if touched:
            limits = max(region[0], touched[0][2]), min(region[1], touched[-1][3])
        free = [word for word in words(self.target, *limits) if not _overlap(word, taken)]
        if not free:
            return None
        first, last = self._at(node.start), self._at(node.end)
        inside = [word for word in free if first <= (word[0] + word[1]) / 2 <= last]
        if not inside:
            inside = [min(free, key=lambda word: abs(word[0] + word[1] - first - last))]
        run = [inside[0]]
        for word in inside[1:]:  # up to the next word that another mark has
            if _overlap((run[0][0], word[1]), taken):
                break
            run.append(word)
        return run[0][0], run[-1][1]

    def _say(self, node: Node, region: Span, taken: list[Span]) -> None:
        """A link without a word of its own: its words are written at the end of the sentence."""
        text = self.source[slice(*trimmed(self.source, node.start, node.end))]
        touched = self._touched(node)
        at = min(touched[-1][3], region[1]) if touched else region[1]
        for span in taken:
            at = span[1] if span[0] < at < span[1] else at
        self.said[id(node)] = f" {self.phrases.get(text, text)}"
        self.places[id(node)] = at, at

    def _at(self, place: int) -> float:
        """About where a character of the source stands in the translation."""
        for start, end, first, last in self.spans:
            if place <= end:
                share = (max(place, start) - start) / max(end - start, 1)
                return first + share * (last - first)
        return float(len(self.target))

    def _gap(self, node: Node, beside: Sequence[Node], region: Span) -> int:
        """Where something without words goes: the same end of a sentence or mark, else between words."""
        at = node.start
        for other in beside:
            if other is node or id(other) not in self.places or (other.thing and not other.thing.text):
                continue
            place = self.places[id(other)]
            if place[0] < place[1] and at in (other.start, other.end):
                return place[at == other.end]
        wish = float(region[1])
        for start, end, first, last in self.spans:
            if at > end:
                continue
            if not any(character.isalnum() for character in self.source[start : max(at, start)]):
                wish = first
            elif not any(character.isalnum() for character in self.source[at:end]):
                left = end - at
                wish = last - self._signs(self.source[at:end], self.target, last, -1) if left else last
            elif (edge := linked_edge(self.links, self.source, at)) is not None:
                wish = edge
            else:
                wish = middle_gap(self.target, self._at(at), (first, last))
            break
        else:
            return region[1]
        chosen = int(min(max(wish, region[0]), region[1]))
        if self.source[at - 1 : at] in _SIGNS and self.target[chosen : chosen + 1] in _SIGNS:
            chosen = min(chosen + 1, region[1])  # behind a comma
        if self._blank(node.start - 1) and self._blank(node.end):
            chosen = self._out_of_signs(chosen, region)
        elif self._blank(node.start - 1):  # it stands right before a word
            while chosen < region[1] and self.target[chosen].isspace():
                chosen += 1
        for other in beside:  # not inside another mark
            place = self.places.get(id(other), (0, 0))
            if place[0] < chosen < place[1]:
                chosen = place[1]
        return chosen

    def _out_of_signs(self, at: int, region: Span) -> int:
        """Behind the signs of the word that ends here, before those of the one that begins here."""
        first = last = at
        while first > region[0] and self._sign(first - 1):
            first -= 1
        while last < region[1] and self._sign(last):
            last += 1
        begins = last < region[1] and self.target[last].isalnum()
        ends = first > region[0] and self.target[first - 1].isalnum()
        if begins and ends and first < last and not is_unspaced(self.target[last]):  # within one: behind it
            return next((at for at in range(last, region[1]) if self.target[at].isspace()), region[1])
        return first if begins and not ends else last

    def _sign(self, at: int) -> bool:
        return not (self.target[at].isalnum() or self.target[at].isspace())

    def _blank(self, at: int) -> bool:
        return 0 <= at < len(self.source) and self.source[at].isspace()

    def _spaced(self, node: Node, thing: Thing, at: int, end: int) -> list[Token]:
        """The thing, between blanks where it was."""
        if not (self._blank(node.start - 1) and self._blank(node.end)):
            return [thing]
        before, after = self.target[max(at - 1, 0) : at], self.target[end : end + 1]
        left = [Text(" ")] if before and not before.isspace() else []
        gap = after and not after.isspace() and after not in _SIGNS
        return [*left, thing, *([Text(" ")] if gap else [])]

    def _written(self, nodes: Sequence[Node], region: Span) -> list[Token]:
        made: list[Token] = []
        at = region[0]
        for node in sorted(self._shown(nodes), key=lambda node: self.places[id(node)]):
            start, end = self.places[id(node)]
            made += [Text(self.target[at:start])] if at < start else []
            if node.thing:
                made += self._spaced(node, node.thing, start, end)
            elif node.opened and node.closed:
                inner = self._written(node.inside, (start, end))
                said = [Text(self.said[id(node)])] if id(node) in self.said else []
                made += [node.opened, *said, *inner, node.closed]
            at = max(at, end)
        return [*made, *([Text(self.target[at : region[1]])] if at < region[1] else [])]

    def _shown(self, nodes: Sequence[Node]) -> Iterator[Node]:
        for node in nodes:
            if id(node) in self.places:
                yield node
            else:
                yield from self._shown(node.inside)


def _overlap(place: Span, taken: Sequence[Span]) -> bool:
    return any(place[0] < end and start < place[1] for start, end in taken)


def _within(place: Span, region: Span) -> bool:
    return region[0] <= place[0] and place[1] <= region[1]
