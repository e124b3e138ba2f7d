"""``models fit`` in the terminal: what fits here, and how fast it will answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from autogpt_desktop.cli.output import say, terminal_line
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import Settings

if TYPE_CHECKING:
    from autogpt_desktop.catalog.entries import CatalogModel
    from autogpt_desktop.catalog.installed import InstalledModel


def tell_fit(names: Iterable[str]) -> None:
    """A line for each model and device. Raises KnownError: model-missing, and as a model that is damaged."""
    from autogpt_desktop.catalog import estimate, machine
    from autogpt_desktop.catalog.entries import catalog, human_size
    from autogpt_desktop.catalog.installed import installed

    settings = Settings.load()
    here = {model.name: model for model in installed() if not model.pairs and not model.problem}
    models = [_model(name) for name in names] or [
        *here.values(),
        *(entry for entry in catalog().values() if entry.name not in here),
    ]
    machine.measure_bandwidth()
    devices = machine.devices()
    for model in models:
        for found in estimate.fits(model, settings, devices):
            words = {"tight": tr("tight"), "too-big": tr("too big")}
            facts = [
                words.get(found.level, tr("fits")),
                tr("needs about {size} of memory", size=human_size(found.needed)),
            ]
            if found.context and model.kv_rows:
                facts.append(tr("room for {n} tokens", n=f"{found.context:,}"))
            if found.speed and found.level != "too-big":
                facts.append(tr("about {speed}", speed=tr("{n} tokens/s", n=f"{found.speed:.1f}")))
            run = found.run
            if run is not None and run.speed:
                facts.append(
                    tr(
                        "Measured: {facts}",
                        facts=tr(
                            "{value} (expected {other})",
                            value=tr("{n} tokens/s", n=f"{run.speed:.1f}"),
                            other=f"{run.expected_speed:.1f}",
                        ),
                    )
                )
            say("\t".join([terminal_line(model.name), found.device.name, *facts]))


def _model(name: str) -> InstalledModel | CatalogModel:
    from autogpt_desktop.catalog.entries import catalog
    from autogpt_desktop.catalog.installed import describe, find, resolve

    here = find(name)
    if here is None:
        entry = catalog().get(name)
        if entry is not None:
            return entry
        here = describe(resolve(name))
    if error := here.error():
        raise error
    return here
