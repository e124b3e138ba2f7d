"""The last word of a forced beginning may be only begun: which tokens it may become.

A word cut off as it stands ("vend") is other tokens than the word that it becomes ("vendeu"): a model that is
forced to say the former has to begin the word anew.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_LAST_WORD = re.compile(r"(?<![^\W\d_])[^\W\d_]++$")
MOST = 48  # ways to go on with a word that are compared


def begun_word(text: str) -> int:
    """Where the last word of a text begins, if nothing stands behind it; else its length."""
    match = _LAST_WORD.search(text)
    return match.start() if match else len(text)


def completions(
    ids: Sequence[int], whole: int, pieces: Mapping[int, str], allowed: Sequence[int] | None
) -> list[list[int]]:
    """``ids`` as they are, and those with a longer piece in the place of what a piece or several spell, from
    ``whole`` on. ``allowed``: the only ids that may be such a piece, None: any."""
    found = [list(ids)]
    choices = {id: pieces[id] for id in allowed if id in pieces} if allowed is not None else pieces
    for at in range(whole, len(ids)):
        rest = "".join(pieces.get(id, "") for id in ids[at:])
        longer = (id for id, piece in choices.items() if len(piece) > len(rest) and piece.startswith(rest))
        found += [[*ids[:at], id] for id in sorted(longer, key=lambda id: len(choices[id]))[:MOST]]
    return found
