"""``autogpt-desktop translate FILE…``: each file becomes another one, which keeps its form."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from autogpt_desktop.cli.main import Reporter, drive
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.translate.files import TranslatedFile, translate_file


def files(models: Any, options: argparse.Namespace, glossary: Any, known: Sequence[str], stop: Any) -> None:
    """Translate every file; each result's path goes to standard output."""
    if options.out and len(options.files) > 1 and not options.out.is_dir():
        raise KnownError("translate-out-not-a-folder", name=options.out.name)
    for path in options.files:
        events = translate_file(
            models, path, options.out, options.source, options.target,
            glossary=glossary, quality=options.quality, known=known, cancelled=stop,
        )  # fmt: skip
        for event in drive(events, Reporter()):
            if isinstance(event, Result):
                _report(event.value, options.json)


def _report(done: TranslatedFile, as_lines: bool) -> None:
    if as_lines:
        from autogpt_desktop.cli.translate import as_json

        for text, translation in zip(done.texts, done.translations, strict=True):
            if translation.sentences:
                print(as_json(text, translation))
    else:
        print(done.out)
    if done.flagged:
        flags = ", ".join(f"{flag} {count}" for flag, count in done.flags.most_common())
        print(tr("{name}: look at these again: {flags}", name=done.path.name, flags=flags), file=sys.stderr)
