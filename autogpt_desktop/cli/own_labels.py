"""``autogpt-desktop sentiment --model HEAD``, where HEAD knows the user's own labels."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import Any

from autogpt_desktop.cli.groups import grouping, print_groups
from autogpt_desktop.cli.output import Reporter, drive, say, tell
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr

_CHUNK = 64  # texts between two results


def has_own_labels(model: str) -> bool:
    """Is the model that was asked for a head with labels of the user's own?"""
    from autogpt_desktop.catalog.installed import resolve
    from autogpt_desktop.engine.formats.adapter_files import is_head

    try:
        return bool(model) and is_head(resolve(model))
    except KnownError:  # said where it is loaded
        return False


def load_head(models: Any, name: str) -> Any:
    """Its engine, with progress on standard error. Raises KnownError as loading does."""
    found: list[Any] = []

    def loading() -> Iterator[Any]:
        found.append((yield from models.get(name)))

    for _ in drive(loading(), Reporter()):
        pass
    return found[0]


def label_lines(
    engine: Any, texts: Iterable[str], options: argparse.Namespace, stop: Callable[[], bool]
) -> None:
    """A line for each text as it comes."""
    from autogpt_desktop.tasks.sentiment.own_labels import label_texts

    waiting, report = iter(texts), Reporter()
    while not stop() and (chunk := list(islice(waiting, _CHUNK if options.files else 1))):
        found: list[Any] = []

        def judging(chunk: list[str] = chunk, found: list[Any] = found) -> Iterator[Any]:
            found += yield from label_texts(engine, chunk, stop)

        for _ in drive(judging(), report):
            pass
        report.clear()
        for one, text in zip(found, chunk, strict=True):
            _print(engine.labels, one, text, options.json)


def label_table(
    models: Any, table: Any, column: str, options: argparse.Namespace, stop: Callable[[], bool]
) -> None:
    """The table with its labels to ``--out``, or a line for each row or group. Raises KnownError."""
    from autogpt_desktop.documents.tables import check_kind
    from autogpt_desktop.tasks.sentiment.own_labels import head_judge
    from autogpt_desktop.tasks.sentiment.table import RunState, TableRun

    if options.out:
        check_kind(options.out)
    report, last = Reporter(), RunState(0, 0, 0, 0, 0.0)
    with closing(TableRun(table, column, judge=head_judge(options.model))) as run:
        for event in drive(run.run(models, cancelled=stop), report):
            last = event if isinstance(event, RunState) else last
        report.clear()
        if options.out:
            run.export(options.out)
        if grouping(options):
            print_groups(run, options)
        elif not options.out:
            for row, one in run.rows():
                _print(run.judge.labels, one, row[run.column], options.json)
    labels = sorted(last.labels.items(), key=lambda one: -one[1])
    tell(", ".join(f"{label or tr('empty')} {count}" for label, count in labels))


def check_options(options: argparse.Namespace) -> None:
    """Raises KnownError for what only positive, neutral and negative know."""
    if options.two_way:
        raise KnownError("sentiment-own-labels")


def _print(labels: tuple[str, ...], one: Any, text: str, as_json: bool) -> None:
    if as_json:
        shares = {label: round(share, 6) for label, share in zip(labels, one.shares, strict=False)}
        say(json.dumps({"text": text, "label": one.label, "shares": shares}, ensure_ascii=False))
    else:
        share = f"{one.share:.3f}" if one.label else ""
        say(f"{one.label}\t{share}\t{' '.join(text.split())}")
