"""What was computed for the latest answers: a prompt that begins like one of them is read from there on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from autogpt_desktop.engine.interface import State

MEMORY_BUDGET = 192 << 20  # bytes
_LEAST = 16  # tokens; fewer are computed as soon as they are copied


class RecentStates:
    """The states of answers that have ended, the latest last; what a loaded model keeps for a task."""

    def __init__(self, budget: int = MEMORY_BUDGET) -> None:
        self._budget = budget
        self._states: list[State] = []

    @property
    def nbytes(self) -> int:
        return sum(state.nbytes for state in self._states)

    def find(self, ids: Sequence[int], others: Iterable[State] = ()) -> State | None:
        """A state of one's own that holds as much of ``ids`` as is known, but never the last one, whose
        logits are needed. ``others``: where it may be copied from too."""
        best, most = None, _LEAST - 1
        for state in (*self._states, *others):
            if (common := state.reach(min(state.common_prefix(ids), len(ids) - 1))) > most:
                best, most = state, common
        if best is None:
            return None
        if best in self._states and len(best) <= most + _LEAST:  # all of it goes on here
            self._states.remove(best)
            copy = best
        else:
            copy = best.fork(max(0, len(ids) - most))
        copy.trim(most)
        return copy

    def keep(self, state: State) -> None:
        """Take a state that nobody else uses any more."""
        if len(state) < _LEAST:
            return
        self._states.append(state)
        while self._states and self.nbytes > self._budget:
            del self._states[0]

    def forget_all(self) -> None:
        """Free the memory."""
        self._states.clear()

    def save(self) -> None:
        """Nothing of it is for the disk."""
        self.forget_all()

    def forget(self, name: str) -> None:
        """Nothing here belongs to a conversation of the window."""
