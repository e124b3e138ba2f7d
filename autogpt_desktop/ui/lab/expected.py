"""What a run will come to, in words, before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.lab.words import ADAPT, ANSWER, HEAD, NEW, size_name
from autogpt_desktop.ui.widgets.basic import size_text

if TYPE_CHECKING:
    from autogpt_desktop.lab.runs.forecast import Forecast

TABLES = (HEAD, ANSWER)  # what is learned from a table alone


def expected_text(kind: str, found: Forecast | None, has_table: bool, has_base: bool) -> str:
    """Or what is missing; "": nothing is known yet."""
    if not has_base:
        if kind == ADAPT:
            return tr("No model is installed that can be adapted.")
        return tr("No model is installed that finds texts by meaning: Models has some.")
    if kind in TABLES and not has_table:
        return tr("This is learned from a table.")
    if found is None:
        return ""
    if not found.files:
        return tr("There is no file here that can be read.")
    return _of_new(found) if kind == NEW else _of_adapted(found)


def _of_adapted(found: Forecast) -> str:
    size, files = size_text(found.bytes), f"{found.files:,}"
    told = tr("About {size} of text in {files} files.", size=size, files=files)
    if found.files == 1:
        told = tr("About {size} of text in one file.", size=size)
    if found.memory:
        told += " " + tr("It will take up to {memory} of memory.", memory=size_text(found.memory))
    return told


def _of_new(found: Forecast) -> str:
    if not found.enough:
        return tr("Too little text or time for a model: add more.")
    told = tr("About {size} of text, read {epochs} times by a model of {parameters}. It will take up to "
              "{memory} of memory.",
              size=size_text(found.bytes), epochs=_times(found.epochs),
              parameters=size_name(found.parameters), memory=size_text(found.memory))  # fmt: skip
    if found.bits_per_byte:
        told += " " + tr("Runs like it came to {bits} bits per byte.", bits=f"{found.bits_per_byte:.2f}")
    if not found.measured:
        told += " " + tr("This computer has not been measured yet: the first run tells more.")
    return told


def _times(count: float) -> str:
    """How often: no tenths where they say nothing."""
    return f"{count:.1f}" if count < 10 else f"{count:,.0f}"
