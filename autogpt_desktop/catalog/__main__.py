"""``python -m autogpt_desktop.catalog NAME…``: fetch models from a terminal, as set-up does."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from autogpt_desktop import i18n
from autogpt_desktop.catalog.download import fetch
from autogpt_desktop.catalog.entries import CatalogModel, catalog, human_size
from autogpt_desktop.catalog.installed import find
from autogpt_desktop.catalog.packs import find_entry
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import message, tr


def main(arguments: list[str] | None = None) -> int:
    i18n.set_language("")
    parser = argparse.ArgumentParser(
        prog="python -m autogpt_desktop.catalog", description=tr("Fetch models for AutoGPT Desktop.")
    )
    parser.add_argument("names", nargs="+", metavar="NAME", help=", ".join(catalog()))
    parser.add_argument("--folder", type=Path, help=tr("the models folder to fetch into"))
    options = parser.parse_args(arguments)
    for name in options.names:
        model = find_entry(name)
        if model is None:
            parser.error(tr("{name} is not in the catalogue", name=name))
        try:
            _fetch(model, options.folder)
        except KnownError as error:
            print(message(error), file=sys.stderr)
            return 1
    return 0


def _fetch(model: CatalogModel, folder: Path | None) -> None:
    there = find(model.name)
    if there is not None and not there.problem and (folder is None or folder.resolve() in there.path.parents):
        print(tr("{name} is here: {path}", name=model.title, path=there.path))
        return
    if model.terms:
        print(tr("{name} comes under these terms: {url}", name=model.title, url=model.license_url))
    shown = -1
    for step in fetch(model, folder):
        percent = 100 * step.done // (step.total or 1)
        # A terminal gets one line that counts up, a log file a line for every quarter.
        if percent == shown or (not sys.stdout.isatty() and percent // 25 == shown // 25):
            continue
        shown = percent
        line = f"{model.title}: {message(step.stage)} {percent} % / {human_size(step.total)}"
        print(f"\r{line:<70}" if sys.stdout.isatty() else line, end="", flush=True)
        if not sys.stdout.isatty():
            print()
    print("\r" * sys.stdout.isatty() + f"{tr('{name} is ready', name=model.title):<70}")


if __name__ == "__main__":
    sys.exit(main())
