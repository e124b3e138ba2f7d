"""Terms that must appear in a translation: dynamic beam allocation.

Post and Vilar, 2018, "Fast Lexically Constrained Decoding with Dynamic Beam Allocation": whatever the number
of terms, the beam keeps its size; its places are shared among hypotheses that have said the same number of
the terms' tokens, so that those which have begun a term are not crowded out by likelier ones which have not.
A term may have several forms, of which one is enough (Hu et al., 2019, for the sets of alternatives).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Form = tuple[int, ...]  # token ids
Term = tuple[Form, ...]  # forms of which one must appear
MOST_TOKENS = 40  # of all terms of a sentence together; more leave nothing to the model


@dataclass(frozen=True, slots=True)
class Progress:
    """What one hypothesis has said of the terms."""

    terms: tuple[Term, ...]  # that are still to be said
    begun: frozenset[tuple[int, Form, int]] = frozenset()  # (index in ``terms``, form, tokens of it said)
    said: int = 0  # tokens of terms that are complete

    @property
    def bank(self) -> int:
        """Tokens of terms said so far."""
        return self.said + max((count for _, _, count in self.begun), default=0)

    @property
    def complete(self) -> bool:
        return not self.terms

    def wanted(self) -> tuple[int, ...]:
        """Tokens that begin a term or go on with one."""
        going_on = (form[count] for _, form, count in self.begun)
        starting = (form[0] for term in self.terms for form in term)
        return tuple(dict.fromkeys((*going_on, *starting)))

    def after(self, token: int) -> Progress:
        """The progress with one more token. A term that another token interrupts is to be said anew."""
        begun = {(at, form, count + 1) for at, form, count in self.begun if form[count] == token}
        begun |= {(at, form, 1) for at, term in enumerate(self.terms) for form in term if form[0] == token}
        whole = sorted((at, form) for at, form, count in begun if count == len(form))
        if not whole:
            return Progress(self.terms, frozenset(begun), self.said)
        done, form = max(whole, key=lambda one: len(one[1]))
        # tokens belong to one term: what else was begun with them is to be said for itself
        rest = tuple(term for at, term in enumerate(self.terms) if at != done)
        return Progress(rest, frozenset(), self.said + len(form))


NOTHING = Progress(())


def progress(terms: Sequence[Term]) -> Progress:
    """Nothing said yet. Raises ValueError for terms without a form or token, or of too many tokens."""
    if any(not term or not all(term) for term in terms):
        raise ValueError("a term without tokens")
    if token_count(terms) > MOST_TOKENS:
        raise ValueError("too many terms for one sentence")
    return Progress(tuple(terms))


def token_count(terms: Sequence[Term]) -> int:
    """Tokens of all terms in their longest forms."""
    return sum(max(map(len, term)) for term in terms)


def allocate(banks: Sequence[int], places: int, most: int) -> list[int]:
    """Which candidates, listed best first with their ``banks`` (0 to ``most``), get one of ``places``.

    Every bank has the same share; what one cannot fill goes to the next lower one that can, then to higher.
    """
    waiting: list[list[int]] = [[] for _ in range(most + 1)]
    for at, bank in enumerate(banks):
        waiting[min(bank, most)].append(at)
    share, rest = divmod(places, most + 1)
    shares = [share] * (most + 1)
    shares[most] += rest  # those nearest to the end
    free = 0
    for bank in (*range(most, -1, -1), *range(1, most + 1)):
        shares[bank] += free
        free = max(0, shares[bank] - len(waiting[bank]))
        shares[bank] -= free
    return sorted(at for bank, count in enumerate(shares) for at in waiting[bank][:count])
