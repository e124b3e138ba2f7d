"""Where a conversation's messages stand, one below the other: heights in pixels, estimated or measured."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from typing import TYPE_CHECKING

from PySide6.QtGui import QFontMetricsF

from autogpt_desktop.thinking import without_thinking
from autogpt_desktop.ui.chat.messages.widget import GAP, PAD, PAD_Y, ROW

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import Message
    from autogpt_desktop.ui.widgets.reading_style import ChatStyle

MARGIN = 400  # px above and below the window in which messages already have widgets
TOP = 24  # px above the first message
BOTTOM = 24


@dataclass(eq=False)
class Item:
    """A message in the column."""

    message: Message
    text: str
    height: float
    measured: bool = False
    status: str = ""


def estimate(item: Item, width: int, style: ChatStyle) -> float:
    """The height of a message that is laid out ``width`` px wide, from the number of its characters."""
    per_line = max(10.0, (width - 2 * PAD) / QFontMetricsF(style.font).averageCharWidth())
    text = item.text if item.message.role == "user" else without_thinking(item.text)
    wide = 1.0 if text.isascii() else 1.5
    lines = max(1, text.count("\n") + ceil(len(text) * wide / per_line))
    chrome = (2 * PAD_Y if item.message.role == "user" else 4) + 4 + ROW + GAP
    return lines * style.line_height + chrome


class MessageColumn:
    """Messages by their number in the column or by their id, and the edges between them."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self._numbers: dict[int, int] = {}  # by message id
        self._tops: list[float] = [0.0]

    def set_messages(
        self, messages: Sequence[Message], busy: Container[int], width: int, style: ChatStyle
    ) -> None:
        """What is known of a message that has not changed stays known. ``recount`` is to follow."""
        items = []
        for message in messages:
            old = self.item(message.id)
            if old is not None and _still_holds(old, message, message.id in busy):
                old.message = message
                items.append(old)
            else:
                item = Item(message, message.text, 0.0)
                item.height = estimate(item, width, style)
                items.append(item)
        self.items = items
        self._numbers = {item.message.id: number for number, item in enumerate(items)}

    def recount(self) -> None:
        """Heights have changed."""
        self._tops = [0.0, *accumulate(item.height for item in self.items)]

    def __contains__(self, message_id: int) -> bool:
        return message_id in self._numbers

    def index(self, message_id: int) -> int:
        return self._numbers[message_id]

    def item(self, message_id: int) -> Item | None:
        number = self._numbers.get(message_id)
        return None if number is None else self.items[number]

    def top(self, message_id: int) -> float:
        """The upper edge of a message, below the top of the whole."""
        return TOP + self._tops[self._numbers[message_id]]

    @property
    def height(self) -> int:
        return ceil(TOP + self._tops[-1] + BOTTOM)

    def anchor(self, value: float) -> tuple[int, float] | None:
        """The message at ``value`` and how far above that it begins; None: there are no messages."""
        if not self.items:
            return None
        number = bisect_right(self._tops, value - TOP) - 1
        message_id = self.items[min(max(0, number), len(self.items) - 1)].message.id
        return message_id, value - self.top(message_id)

    def near(self, value: float, height: int) -> range:
        """Numbers of the messages that stand in sight from ``value`` on, or nearly so."""
        first = bisect_right(self._tops, value - TOP - MARGIN) - 1
        last = bisect_right(self._tops, value - TOP + height + MARGIN)
        return range(max(0, first), min(len(self.items), max(last, 1)))


def _still_holds(old: Item, message: Message, busy: bool) -> bool:
    """Also of an answer that is being written, of which the item has more text than was saved."""
    same = old.message.text == message.text and old.message.state == message.state
    return same or (busy and len(old.text) > len(message.text))
