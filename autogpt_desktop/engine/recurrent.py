"""What recurrent layers remember of a sequence, and the places of it that they can be brought back to.

Keys and values of a token can be forgotten; a memory of fixed size, which every token changes, cannot be
taken back by a token. So copies of it are kept at some places: where a prompt's chunks end, before its
turns, and before a draft. A pass reads one memory and writes another, which counts only once the pass is
through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

_MOST, _LEAST = 32, 4  # places
_BUDGET = 64 << 20  # bytes of the copies, unless they are so large that _LEAST take more
PLACES = "places"  # of a snapshot's copies, int64, the last one being its end
MEMORY = "recurrent"  # float32 [places, layers, numbers]


class _Array(Protocol):
    """Of NumPy or torch."""

    @property
    def nbytes(self) -> int: ...


A = TypeVar("A", bound=_Array)


class Recurrent(Generic[A]):
    """The memory of all recurrent layers, float32 [layers, numbers], on whatever device the layers run."""

    def __init__(self, new: Callable[[], A], copy: Callable[[A], A]) -> None:
        """``new`` makes one of zeros."""
        self._new, self._copy = new, copy
        self.now: A = new()
        self._next: A | None = None
        self._kept: dict[int, A] = {}  # by the tokens before, rising; never written again
        self._draft: tuple[int, A] | None = None

    @property
    def next(self) -> A:
        """What the pass under way writes; anything stands in it before."""
        if self._next is None:
            self._next = self._new()
        return self._next

    def advance(self) -> None:
        """The pass is through."""
        self.now, self._next = self.next, self.now

    def reach(self, tokens: int, held: int) -> int:
        """The last place not behind ``tokens``, in a sequence of ``held``."""
        if tokens >= held:
            return held
        places = [*self._kept, *([self._draft[0]] if self._draft else [])]
        return max((place for place in places if place <= tokens), default=0)

    def mark(self, held: int, draft: bool) -> None:
        """Make the sequence's end a place to come back to; for a ``draft``, until the next one."""
        if held in self._kept or not held:
            return
        copy = self._draft[1] if self._draft and self._draft[0] == held else self._copy(self.now)
        if draft:
            self._draft = held, copy
            return
        self._kept[held] = copy
        most = max(_LEAST, min(_MOST, _BUDGET // max(1, self.now.nbytes)))
        if len(self._kept) > most:
            del self._kept[crowded(sorted(self._kept))]

    def trim(self, tokens: int, held: int) -> int:
        """Go back to the last place not behind ``tokens``, which is returned."""
        place = self.reach(tokens, held)
        if place == held:
            return place
        copies = self._kept | (dict([self._draft]) if self._draft else {})
        self.now = self._copy(copies[place]) if place else self._new()
        self._kept = {at: copy for at, copy in self._kept.items() if at <= place}
        if self._draft is not None and self._draft[0] > place:
            self._draft = None
        return place

    def fork(self) -> Self:
        """A copy that goes its own way."""
        other = type(self)(self._new, self._copy)
        other.now, other._kept = self._copy(self.now), dict(self._kept)
        return other

    def snapshot(self, tokens: int, held: int) -> list[tuple[int, A]]:
        """The memory at ``tokens``, with the place before it that is kept, if there is one.

        Raises ValueError where ``tokens`` is no such place.
        """
        if self.reach(tokens, held) != tokens:
            raise ValueError(f"nothing is kept of the layers' memory behind {tokens} tokens")
        copies = self._kept | (dict([self._draft]) if self._draft else {})
        last = self.now if tokens == held else copies[tokens] if tokens else self._new()
        before = max((place for place in self._kept if 0 < place < tokens), default=0)
        return [*([(before, self._kept[before])] if before else []), (tokens, last)]

    def restore(self, copies: Sequence[tuple[int, A]]) -> None:
        """Become what ``snapshot`` was taken of; the arrays are this one's now."""
        self._kept, self._draft = dict(copies[:-1]), None
        self.now = copies[-1][1]

    @property
    def nbytes(self) -> int:
        copies = [self.now, *self._kept.values(), *([self._draft[1]] if self._draft else [])]
        return sum(copy.nbytes for copy in copies) + (self.now.nbytes if self._next is not None else 0)


def crowded(places: Sequence[int]) -> int:
    """Which of the rising ``places`` is missed the least: the further they lie from the end, the fewer are
    kept. The first and the last two stay."""
    end = places[-1] + 1

    def gap(at: int) -> float:
        return (places[at + 1] - places[at - 1]) / (end - places[at])

    return places[min(range(1, len(places) - 2), key=gap)]


def check_places(arrays: Mapping[str, NDArray[np.generic]], tokens: int, shape: tuple[int, ...]) -> list[int]:
    """The places of a snapshot of ``tokens``, whose memory is of ``shape`` [layers, numbers].

    Raises ValueError."""
    places, memory = arrays.get(PLACES), arrays.get(MEMORY)
    if places is None or memory is None or places.dtype != np.int64 or memory.dtype != np.float32:
        raise ValueError("a snapshot of another kind: without the memory of recurrent layers")
    found = [int(place) for place in places.reshape(-1)[:3].tolist()]
    if memory.shape != (len(found), *shape) or len(found) not in (1, 2) or found[-1] != tokens:
        raise ValueError(f"a snapshot of another kind: places {found}, memory {memory.shape}")
    if len(found) == 2 and not 0 < found[0] < tokens:
        raise ValueError(f"a snapshot of another kind: places {found}")
    return found
