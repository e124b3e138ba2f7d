"""What runs, their kinds and their states are called."""

from __future__ import annotations

from autogpt_desktop.i18n import message, tr
from autogpt_desktop.lab.runs.folder import Run

ADAPT, NEW, HEAD = "adapt", "new", "head"


def kind_name(kind: str) -> str:
    names = {ADAPT: tr("Adapted model"), NEW: tr("New model"), HEAD: tr("My labels")}
    return names.get(kind, kind)


def state_name(state: str) -> str:
    names = {
        "waiting": tr("Not begun"),
        "running": tr("Running"),
        "stopped": tr("Stopped, usable"),
        "interrupted": tr("Was cut, can be resumed"),
        "finished": tr("Finished"),
        "failed": tr("Failed"),
    }
    return names.get(state, state)


def state_text(run: Run) -> str:
    """The state, and why it failed."""
    if run.state == "failed" and run.error is not None:
        return message(run.error)
    return state_name(run.state)


def minutes_name(minutes: float) -> str:
    if minutes < 60:
        return tr("{n} minutes", n=f"{minutes:g}") if minutes != 1 else tr("1 minute")
    hours = minutes / 60
    return tr("{n} hours", n=f"{hours:g}") if hours != 1 else tr("1 hour")


def clock(seconds: float) -> str:
    """Minutes and seconds, or hours and minutes."""
    whole = max(0, int(seconds))
    if whole >= 3600:
        return tr("{hours} h {minutes} min", hours=whole // 3600, minutes=whole % 3600 // 60)
    return f"{whole // 60}:{whole % 60:02}"


def size_name(parameters: int) -> str:
    """How many parameters."""
    if parameters >= 1_000_000:
        return tr("{n} million parameters", n=f"{parameters / 1e6:.1f}")
    return tr("{n} thousand parameters", n=f"{parameters / 1e3:.0f}")
