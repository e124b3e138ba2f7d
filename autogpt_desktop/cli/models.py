"""``models list``, ``get``, ``remove`` and ``remove-copies`` in the terminal."""

from __future__ import annotations

import argparse
import dataclasses

from autogpt_desktop.cli.output import Reporter, error_text, one_line, say, tell
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import Settings


def models(options: argparse.Namespace) -> int:
    """``models list``, ``get``, ``remove`` and ``remove-copies``."""
    from autogpt_desktop.catalog import download, entries, installed
    from autogpt_desktop.catalog.entries import human_size

    if options.action == "list":
        here = {model.name: model for model in installed.installed()}
        for model in here.values():
            problem = model.error()
            size = f"{model.disk_bytes / 1e6:.0f} MB"
            if model.packed_bytes:
                size = tr(
                    "{size}, {copy} of it a packed copy", size=size, copy=human_size(model.packed_bytes)
                )
            say(f"{one_line(model.name)}\t{size}\t{one_line(str(model.path))}")
            if problem:
                tell(f"  {error_text(problem)}")
        for known in entries.catalog().values():
            if known.name not in here:
                say(f"{known.name}\t{known.size / 1e6:.0f} MB\t{tr('can be fetched')}")
        return 0
    if options.action == "remove-copies":
        freed = installed.remove_copies(options.name)
        say(tr("{size} are free again", size=human_size(freed)))
        return 0
    if options.action == "remove":
        installed.remove(options.name)
        return 0
    entry = entries.catalog().get(options.name)
    if entry is None:
        raise KnownError("model-missing", name=options.name)
    settings = Settings.load()
    if entry.terms and entry.terms not in settings.acknowledged:
        if not options.accept_terms:
            raise KnownError(
                "terms-not-accepted", name=entry.name, url=entry.license_url, file=entry.terms_file
            )
        settings = dataclasses.replace(settings, acknowledged=[*settings.acknowledged, entry.terms])
        settings.save()
    report = Reporter()
    for event in download.fetch(entry):
        report(event)
    report.clear()
    return 0
