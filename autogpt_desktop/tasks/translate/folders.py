"""What folders hold that can be translated, and what is left out of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from autogpt_desktop.documents.scan import Skipped as Skipped
from autogpt_desktop.documents.write.open import SUFFIXES

MOST_ENTRIES = 5000  # of a folder that are looked at


class Found(NamedTuple):
    """``files`` to translate; ``skipped``: what else the folders have."""

    files: list[Path]
    skipped: list[Skipped]


def look_into(given: Sequence[Path]) -> Found:
    """Files as they are; of a folder the files right in it that can be translated, by name."""
    found = Found([], [])
    for path in given:
        if not os.path.isdir(path):
            found.files.append(path)
            continue
        try:
            inside = list(islice(path.iterdir(), MOST_ENTRIES + 1))
        except OSError:
            found.skipped.append(Skipped(path, "skipped-closed"))
            continue
        for one in sorted(inside[:MOST_ENTRIES], key=lambda entry: entry.name):
            if reason := _reason(one):
                found.skipped.append(Skipped(one, reason))
            else:
                found.files.append(one)
        if len(inside) > MOST_ENTRIES:
            found.skipped.append(Skipped(path, "skipped-rest"))
    return found


def _reason(path: Path) -> str:
    """The key of why something in a folder is left out; "" where it is a file to translate."""
    if path.name.startswith((".", "~$")):
        return "skipped-hidden"
    if os.path.isdir(path):
        return "skipped-folder"
    if path.suffix.lower() not in SUFFIXES:
        return "skipped-kind" if os.path.lexists(path) else "skipped-closed"
    if not os.path.exists(path):
        return "skipped-closed"
    return "" if os.path.isfile(path) else "skipped-special"
