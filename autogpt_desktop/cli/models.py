"""``models list``, ``get``, ``add``, ``fit``, ``remove``, ``merge`` and ``remove-copies`` in the terminal."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from autogpt_desktop.cli.fit import tell_fit
from autogpt_desktop.cli.hub import tell_found
from autogpt_desktop.cli.output import Reporter, error_text, say, tell, terminal_line
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.language_names import name_of_language
from autogpt_desktop.settings import Settings

if TYPE_CHECKING:
    from autogpt_desktop.catalog.entries import CatalogModel
    from autogpt_desktop.catalog.installed import InstalledModel


def models(options: argparse.Namespace) -> int:
    """``models list``, ``get``, ``add``, ``remove``, ``merge`` and ``remove-copies``."""
    from autogpt_desktop.catalog import installed
    from autogpt_desktop.catalog.entries import human_size

    if options.action == "list":
        _list()
    elif options.action == "add":
        for path in options.paths:
            say(installed.add(path).name)
    elif options.action == "remove-copies":
        freed = installed.remove_copies(options.name)
        say(tr("{size} are free again", size=human_size(freed)))
    elif options.action == "update":
        _update()
    elif options.action == "fit":
        tell_fit(options.names)
    elif options.action == "verify":
        for name in options.names:
            _verify(name)
    elif options.action == "found":
        _tell_elsewhere()
    elif options.action == "search":
        tell_found(" ".join(options.words))
    elif options.action == "merge":
        _merge(options.name, Path(options.out).expanduser())
    elif options.action == "remove":
        _need_names(options)
        for name in options.names:
            installed.remove(name)
        for language in options.language:
            installed.remove_language(language)
    else:
        _need_names(options)
        for entry in _entries(options):
            _get(entry, options)
    return 0


def _merge(name: str, out: Path) -> None:
    """An adapter with its base, for other programs. Raises KnownError("not-an-adapter"), and as loading."""
    from autogpt_desktop.catalog.installed import resolve
    from autogpt_desktop.engine.formats.adapter import base_of
    from autogpt_desktop.engine.formats.adapter_files import is_adapter
    from autogpt_desktop.lab.adapt.merge import merge

    adapter = resolve(name)
    if not is_adapter(adapter):
        raise KnownError("not-an-adapter", name=name)
    merge(base_of(adapter, resolve), adapter, out)
    say(str(out))


def _update() -> None:
    from autogpt_desktop.catalog.packs import update
    from autogpt_desktop.events import Result

    report = Reporter()
    for event in update():
        if isinstance(event, Result):
            report.clear()
            found = event.value
            say(tr("{n} translation packs, {new} of them new or changed", n=found.count, new=len(found.new)))
        else:
            report(event)


def _verify(name: str) -> None:
    """A line for each file: its sha256. Raises KnownError as ``catalog.verify``."""
    from autogpt_desktop.catalog.installed import find
    from autogpt_desktop.catalog.verify import verify
    from autogpt_desktop.events import Result

    model = find(name)
    if model is None:
        raise KnownError("model-missing", name=name)
    report = Reporter()
    for event in verify(model):
        if isinstance(event, Result):
            report.clear()
            for file, sha256 in event.value.items():
                say(f"{sha256}  {terminal_line(file)}")
        else:
            report(event)


def _tell_elsewhere() -> None:
    """A line for each model that another program has: ``models add`` takes its path."""
    from autogpt_desktop.catalog.elsewhere import found_models
    from autogpt_desktop.catalog.entries import human_size
    from autogpt_desktop.catalog.installed import installed

    found = found_models(installed())
    for each in found:
        facts = (each.program, each.name, human_size(each.size), str(each.path))
        say("\t".join(map(terminal_line, facts)))
    if not found:
        tell(tr("No other program has models here that are not in the list already."))


def _need_names(options: argparse.Namespace) -> None:
    if not options.names and not options.language:
        raise KnownError("model-name-missing")


def _entries(options: argparse.Namespace) -> list[CatalogModel]:
    """What is to be fetched; unknown names are told before anything is."""
    from autogpt_desktop.catalog.hub.kept import unfinished
    from autogpt_desktop.catalog.packs import find_entry, of_language

    wanted = []
    for name in options.names:
        entry = find_entry(name)
        if entry is None:
            entry = next((begun for begun in unfinished() if begun.name == name), None)
        if entry is None and "/" in name:  # a name of the catalog has none
            from autogpt_desktop.catalog.hub.offer import from_address

            entry = from_address(name)
        if entry is None:
            raise KnownError("model-missing", name=name)
        wanted.append(entry)
    for language in options.language:
        packs = of_language(language)
        if not packs:
            raise KnownError("language-without-packs", language=name_of_language(language) or language)
        wanted += packs
    return wanted


def _get(entry: CatalogModel, options: argparse.Namespace) -> None:
    from autogpt_desktop.catalog import download

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


def _list() -> None:
    from autogpt_desktop.catalog import entries, installed
    from autogpt_desktop.catalog.hub.kept import unfinished

    here = installed.installed()
    packs = [model for model in here if model.pairs]
    for model in here:
        if not model.pairs:
            say(_line(model))
            _tell_problem(model)
    for model in packs:
        source, target = model.pairs[0]
        say(f"{_line(model)}\t{_name(source)} → {_name(target)}")
        _tell_problem(model)
    names = {model.name for model in here}
    for known in (*unfinished(), *entries.catalog().values()):
        if known.name not in names:
            say(f"{known.name}\t{known.size / 1e6:.0f} MB\t{tr('can be fetched')}")
    _list_languages(names)


def _list_languages(here: set[str]) -> None:
    """A line for each language whose packs can be fetched, with their names."""
    from autogpt_desktop.catalog.entries import human_size
    from autogpt_desktop.catalog.packs import languages, of_language

    for code in sorted(languages(), key=_name):
        wanted = [pack for pack in of_language(code) if pack.name not in here]
        if wanted:
            size = human_size(sum(pack.download_size for pack in wanted))
            names = " ".join(pack.name for pack in wanted)
            say(f"{names}\t{size}\t{tr('can be fetched')}\t{_name(code)}")


def _line(model: InstalledModel) -> str:
    from autogpt_desktop.catalog.entries import human_size

    size = f"{model.disk_bytes / 1e6:.0f} MB"
    if model.packed_bytes:
        size = tr("{size}, {copy} of it a packed copy", size=size, copy=human_size(model.packed_bytes))
    mark = f"\t{tr('trained here')}" if model.trained else ""
    return f"{terminal_line(model.name)}\t{size}\t{terminal_line(str(model.path))}{mark}"


def _tell_problem(model: InstalledModel) -> None:
    if problem := model.error():
        tell(f"  {error_text(problem)}")


def _name(code: str) -> str:
    from autogpt_desktop.catalog.packs import shown_code

    return name_of_language(shown_code(code)) or code
