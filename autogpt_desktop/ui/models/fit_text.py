"""Whether models fit and how fast they answer, in plain words."""

from __future__ import annotations

from autogpt_desktop.catalog import estimate, fit, machine
from autogpt_desktop.catalog.estimate import TIGHT, TOO_BIG, Fit
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import Settings
from autogpt_desktop.ui.widgets.basic import size_text


def fit_of(model: fit.Sized, settings: Settings) -> Fit:
    """On the device that models run on, as far as it is known by now."""
    device = machine.chosen(machine.known_devices(), settings.device)
    return estimate.fits(model, settings, [device])[0]


def memory_needed(model: fit.Sized, settings: Settings) -> int:
    """Bytes to run it as the settings have it; an estimate."""
    return fit_of(model, settings).needed


def fit_warning(model: fit.Sized, settings: Settings) -> str:
    """A sentence where the model's memory is more than there is now, else nothing."""
    found = fit_of(model, settings)
    device = found.device
    if found.level == TOO_BIG:
        needed, total = size_text(found.needed), size_text(device.memory or device.free)
        if device.kind == machine.CUDA:
            return tr(
                "Too big: needs about {needed} of memory, {device} has {total}.",
                needed=needed,
                device=device.name,
                total=total,
            )
        return tr(
            "Too big: needs about {needed} of memory, this computer has {total}.", needed=needed, total=total
        )
    if not device.free or found.needed <= device.free:
        return ""
    return tr(
        "Needs about {needed} of memory, {free} are free now: close other programs first.",
        needed=size_text(found.needed),
        free=size_text(device.free),
    )


def level_text(level: str) -> str:
    """``fits``, ``tight`` or ``too big``."""
    return {TIGHT: tr("tight"), TOO_BIG: tr("too big")}.get(level, tr("fits"))


def speed_text(speed: float) -> str:
    """``27 tokens/s``; "" where it is not known."""
    return tr("{n} tokens/s", n=f"{speed:.1f}" if speed < 9.95 else f"{speed:.0f}") if speed else ""


def fit_facts(found: Fit) -> list[str]:
    """``fits``, ``about 27 tokens/s``: for a line of facts. Without what is not known."""
    speed = speed_text(found.speed)
    if not speed or found.level == TOO_BIG:
        return [level_text(found.level)]
    measured = found.run is not None and found.run.speed > 0
    return [level_text(found.level), speed if measured else tr("about {speed}", speed=speed)]
